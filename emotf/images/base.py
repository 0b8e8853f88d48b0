"""What every corpus of pictures offers."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from emotf.collection import Collection
from emotf.errors import UserError


@dataclass(frozen=True)
class Sample:
    """One picture of a corpus.

    Attributes:
        id: unique in its partition.
        picture: uint8 [height, width, channels], grey or rgb.
        label: index into the classes of the corpus; the class with most votes, where there are votes.
        votes: float32 [classes], a distribution (it sums to 1), where the corpus has votes.
    """

    id: str
    picture: np.ndarray
    label: int
    votes: np.ndarray | None = None


@dataclass
class ImageCorpus(Collection):
    """A collection of pictures, each of one class, read in its published layout.

    Attributes:
        labels_are: what the classes of this corpus *are*, in words that go into every report.
    """

    labels_are: ClassVar[str] = "classes given by people"

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Their names, in the order of the labels."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of every picture."""

    @property
    def partitions(self) -> tuple[str, ...]:
        """Those that the corpus has, of train, dev and test, in this order."""
        return ("train", "dev", "test")

    @property
    def voted(self) -> bool:
        """Whether every picture has votes."""
        return False

    def samples(self, partition: str) -> Iterator[Sample]:
        """The pictures of a partition in the order of the corpus, one at a time.

        Raises:
            UserError: at once where the corpus has no such partition or its files are not there; while it is iterated
                where a file is not as published.
        """
        if partition not in self.partitions:
            raise UserError(f"Corpus {self.name!r} has the partitions {', '.join(self.partitions)}, no {partition!r}; "
                            f"choose one of them.")  # fmt: skip
        return self.read(partition)

    @abstractmethod
    def read(self, partition: str) -> Iterator[Sample]:
        """What `samples` returns, of a partition that the corpus has."""

    def counts(self, partition: str) -> dict[str, int]:
        """How many pictures there are of each class; reads the partition."""
        found = Counter(sample.label for sample in self.samples(partition))
        return {name: found[label] for label, name in enumerate(self.classes)}

    def left_out(self, partition: str) -> dict[str, int]:
        """Why pictures of a partition have no class and are no samples, and how many; none by default."""
        del partition
        return {}

    def described(self) -> str:
        """What the classes of this very folder are: `labels_are`, or that they are a synthetic twin's."""
        if self.is_twin:
            return f"SYNTHETIC TWIN of the layout of {self.name}: drawn pictures, nobody's judgement"
        return self.labels_are
