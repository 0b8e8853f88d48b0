"""EMNIST letters: handwritten letters, upper and lower case as one class.

Cohen, Afshar, Tapson & van Schaik (2017), "EMNIST: an extension of MNIST to handwritten letters", IJCNN.

    emnist-letters-{train,test}-images-idx3-ubyte[.gz]   pictures of 28 x 28, light on black
    emnist-letters-{train,test}-labels-idx1-ubyte[.gz]   1 to 26; in mirrors also 0 to 25

How many there are is read from the headers: packagings differ. Published pictures are transposed (rows are columns) and
are turned upright here. There is no dev partition.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from string import ascii_uppercase
from typing import ClassVar, Self

import numpy as np

from emotf.errors import UserError
from emotf.files import written_aside
from emotf.images import _twin
from emotf.images._idx import IMAGES, LABELS, count_images, find_idx, read_images, read_labels
from emotf.images.base import ImageCorpus, Sample

SIDE = 28


@dataclass
class Emnist(ImageCorpus):
    """EMNIST letters (see the module).

    Attributes:
        dir: the folder of the four files, or the one whose folder `gzip` holds them.
        transposed: as published; False for a mirror whose pictures are upright.
        first_label: 1 as published, 0 in some mirrors; -1: found by what the file holds, which must be all 26 then.
    """

    transposed: bool = True
    first_label: int = -1

    licence: ClassVar[str] = "gzip.zip of the EMNIST dataset from NIST; unpack the files emnist-letters-*"
    labels_are: ClassVar[str] = "letters that people were asked to write"

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(ascii_uppercase)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (SIDE, SIDE, 1)

    @property
    def partitions(self) -> tuple[str, ...]:
        return ("train", "test")

    def read(self, partition: str) -> Iterator[Sample]:
        images, labels = self._file(partition, "images-idx3"), self._file(partition, "labels-idx1")
        classes, (pictures, *size) = self._labels(labels), count_images(images)
        if size != [SIDE, SIDE]:
            raise UserError(f"{images} has pictures of {size[1]} x {size[0]}, expected {SIDE} x {SIDE}; obtain it "
                            f"again.")  # fmt: skip
        if pictures != len(classes):
            raise UserError(f"{images} has {pictures} pictures, {labels} {len(classes)} labels; take both from one "
                            f"release.")  # fmt: skip
        return self._samples(partition, images, classes)

    def write_twin(self, folder: Path, seed: int = 0) -> Self:
        """Letters that are drawn: ten to train on and four to test, of each."""
        home = _twin.begin(folder, self.name, "Drawn letters in place of written ones.")
        for partition, count in {"train": 10, "test": 4}.items():
            rng = np.random.default_rng([seed, count])
            labels = rng.permutation(np.repeat(np.arange(len(self.classes)), count))
            letters = np.stack([_twin.glyph(rng, self.classes[label]) for label in labels])
            values = {"images-idx3": letters.transpose(0, 2, 1), "labels-idx1": (labels + 1).astype(np.uint8)}
            for what, stored in values.items():
                header = np.array([IMAGES if stored.ndim == 3 else LABELS, *stored.shape], ">i4").tobytes()
                _write_gzipped(home / f"emnist-letters-{partition}-{what}-ubyte.gz", header + stored.tobytes())
        return replace(self, dir=str(home))

    def _samples(self, partition: str, images: Path, classes: np.ndarray) -> Iterator[Sample]:
        for number, (picture, label) in enumerate(zip(read_images(images), classes.tolist(), strict=True)):
            upright = picture.T if self.transposed else picture
            yield Sample(f"{partition}{number:06d}", np.ascontiguousarray(upright)[..., None], label)

    def _labels(self, path: Path) -> np.ndarray:
        """The classes, from 0 on, int [pictures]."""
        labels, last = read_labels(path).astype(int), len(self.classes) - 1
        if not len(labels):
            raise UserError(f"{path} holds no labels; obtain it again.")
        low, high = int(labels.min()), int(labels.max())
        first = self.first_label
        if first not in (-1, 0, 1):
            raise UserError(f"EMNIST's first_label is 1 or 0, or -1 to find out; received {first}.")
        if first < 0:
            if (low, high) not in ((0, last), (1, last + 1)):
                raise UserError(f"{path} has labels from {low} to {high}, which does not tell whether they begin at 0 "
                                f"or 1; set the field first_label.")  # fmt: skip
            first = low
        if low < first or high > first + last:
            raise UserError(f"{path} has labels from {low} to {high}, expected {first} to {first + last}; correct "
                            f"first_label, or obtain the letters.")  # fmt: skip
        return labels - first

    def _file(self, partition: str, what: str) -> Path:
        root, name = self.root(), f"emnist-letters-{partition}-{what}-ubyte"
        path = find_idx([root, root / "gzip"], name)
        if not path.is_file():
            raise UserError(f"{path} is missing, nor is it there as {name}.gz or in gzip; correct dir, or obtain the "
                            f"corpus ({self.licence}).")  # fmt: skip
        return path


def _write_gzipped(path: Path, data: bytes) -> None:
    import gzip

    with written_aside(path) as aside:
        aside.write_bytes(gzip.compress(data, mtime=0))  # the same bytes whenever it is written
