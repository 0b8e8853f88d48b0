"""Digits: 1,797 real handwritten digits of 8 x 8 pixels that scikit-learn brings along.

Alpaydin & Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository: its test set.
Values of 0 to 16 become 0 to 255. There are no published partitions: every class is shuffled by the seed and dealt to
train, dev and test. Who wrote what is not known, so partitions share writers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from emotf.errors import UserError
from emotf.images.base import ImageCorpus, Sample

LARGEST = 16


@dataclass
class Digits(ImageCorpus):
    """Handwritten digits (see the module).

    Attributes:
        dir: stays empty, there is no folder.
        seed: deals the partitions; 0 or above.
        dev: share of each class, 0.05 to 0.4.
        test: share of each class, 0.05 to 0.4.
    """

    seed: int = 0
    dev: float = 0.15
    test: float = 0.25

    licence: ClassVar[str] = "bundled with scikit-learn (BSD), from the UCI repository (CC BY 4.0); nothing to obtain"
    labels_are: ClassVar[str] = "digits that people were asked to write"

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple("0123456789")

    @property
    def shape(self) -> tuple[int, int, int]:
        return (8, 8, 1)

    def read(self, partition: str) -> Iterator[Sample]:
        self._check()
        from sklearn.datasets import load_digits

        bundled = load_digits()
        pictures = np.round(bundled.images * (255 / LARGEST)).astype(np.uint8)[..., None]
        chosen = self._dealt(bundled.target)[partition]
        return (Sample(f"digit{place:04d}", pictures[place], int(bundled.target[place])) for place in chosen.tolist())

    def _dealt(self, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Partition -> places of its pictures, in order."""
        found: dict[str, list[np.ndarray]] = {name: [] for name in self.partitions}
        for label in range(len(self.classes)):
            places = np.random.default_rng([self.seed, label]).permutation(np.flatnonzero(labels == label))
            test, dev = round(self.test * len(places)), round(self.dev * len(places))
            for name, part in zip(("test", "dev", "train"), np.split(places, [test, test + dev]), strict=True):
                found[name].append(part)
        return {name: np.sort(np.concatenate(parts)) for name, parts in found.items()}

    def _check(self) -> None:
        if self.dir:
            raise UserError(f"The digits come with scikit-learn and have no folder; leave dir empty, not {self.dir!r}.")
        if self.seed < 0:
            raise UserError(f"A seed is 0 or above, received {self.seed}.")
        for name, share in (("dev", self.dev), ("test", self.test)):
            if not 0.05 <= share <= 0.4:
                raise UserError(f"Digits take 0.05 to 0.4 of each class for {name}, received {share:g}.")
