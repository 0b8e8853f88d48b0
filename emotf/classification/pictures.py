"""The pictures of a run: partitions from the shards, which are written where they are not there yet."""

import hashlib
from dataclasses import dataclass

import numpy as np

from emotf.classification.config import Classification
from emotf.errors import UserError
from emotf.pipeline.sampling import held_back
from emotf.records import PicturePart, PictureSchema, PictureStore


@dataclass(frozen=True)
class Chosen:
    """Pictures of a partition.

    Attributes:
        part: where they are.
        places: of those that belong to it, int64 [pictures].
    """

    part: PicturePart
    places: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        return self.part.labels[self.places]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.part.ids[place] for place in self.places.tolist())


class Material:
    """The pictures of an experiment; partitions do not depend on its seed.

    Args:
        config: checked.

    Raises:
        UserError: the corpus cannot be read, or its shards were written with other settings.
    """

    def __init__(self, config: Classification) -> None:
        self.config = config
        self.store = PictureStore(config.store)
        self.schema: PictureSchema = self.store.write(config.corpus)

    @property
    def fingerprint(self) -> str:
        """Changes with any byte of any picture."""
        shards = "".join(shard.sha256 for shard in self.store.completed.values())
        return hashlib.sha256(shards.encode()).hexdigest()[:12]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """partition -> class -> pictures."""
        found: dict[str, dict[str, int]] = {}
        for partition in ("train", "dev", "test"):
            if partition in self.schema.counts or partition == "dev":
                labels = self.partition(partition).labels
                of = np.bincount(labels, minlength=len(self.schema.classes))
                found[partition] = dict(zip(self.schema.classes, of.tolist(), strict=True))
        return found

    def partition(self, name: str) -> Chosen:
        """Its pictures; where the corpus has no dev, a share of each class of train is held back for it.

        Raises:
            UserError: there is no such partition, or a class has no picture to train on.
        """
        lacks_dev = "dev" not in self.schema.counts
        part = self.store.part("train" if lacks_dev and name == "dev" else name)
        places = np.arange(len(part))
        if lacks_dev and name in ("train", "dev"):
            held = held_back(part.labels, self.config.dev_share, np.random.default_rng(0))
            places = np.flatnonzero(held if name == "dev" else ~held)
        if name == "train":
            of = np.bincount(part.labels[places], minlength=len(part.classes))
            if not of.all():
                raise UserError(f"Class {part.classes[int(of.argmin())]!r} of {self.config.corpus.name} has no picture "
                                f"in train; leave the class out, or bring some.")  # fmt: skip
        return Chosen(part, places)
