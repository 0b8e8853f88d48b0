"""CIFAR-100, python version: small colour photographs of a hundred kinds of things.

Krizhevsky (2009), "Learning Multiple Layers of Features from Tiny Images", technical report, University of Toronto.

    cifar-100-python/train   pickle: data uint8 [50000, 3072], fine_labels, coarse_labels (and more that is not read)
    cifar-100-python/test    the same of 10,000
    cifar-100-python/meta    pickle: fine_label_names, coarse_label_names

A row of data is 1,024 values of red, then of green, then of blue, each row by row. Keys may be text or bytes, labels a
list or an array. The pickles are read by a loader that builds arrays and plain values only. There is no dev partition.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from emotf.errors import UserError
from emotf.files import written_aside
from emotf.images import _twin
from emotf.images._pickled import picture_rows, read_pickle, text, write_python2
from emotf.images.base import ImageCorpus, Sample

SIDE = 32
FOLDER = "cifar-100-python"
# How many names `meta` holds.
NAMES = {"fine": 100, "coarse": 20}


@dataclass
class Cifar100(ImageCorpus):
    """CIFAR-100 (see the module).

    Attributes:
        dir: the folder `cifar-100-python`, or the one that holds it.
        coarse: the 20 groups of classes in place of the 100 classes.
    """

    coarse: bool = False

    licence: ClassVar[str] = "cifar-100-python.tar.gz from the page of A. Krizhevsky, University of Toronto; unpack it"
    labels_are: ClassVar[str] = "kinds of things in photographs, chosen by people"

    @property
    def classes(self) -> tuple[str, ...]:
        path = self._home() / "meta"
        return _names(path, path.stat().st_mtime_ns if path.is_file() else 0, self._kind)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (SIDE, SIDE, 3)

    @property
    def partitions(self) -> tuple[str, ...]:
        return ("train", "test")

    def read(self, partition: str) -> Iterator[Sample]:
        path, classes = self._home() / partition, len(self.classes)
        content = read_pickle(path)
        rows = picture_rows(path, content, 3 * SIDE * SIDE)
        labels = _labels(path, content, f"{self._kind}_labels", len(rows), classes)
        pictures = rows.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
        return (
            Sample(f"{partition}{number:05d}", np.ascontiguousarray(picture), label)
            for number, (picture, label) in enumerate(zip(pictures, labels, strict=True))
        )

    def write_twin(self, folder: Path, seed: int = 0) -> Self:
        """Coloured waves in place of photographs: four to train on and two to test, of each class."""
        home = _twin.begin(folder, self.name, "Coloured waves in place of photographs, one colour a class.") / FOLDER
        home.mkdir()
        each = NAMES["fine"] // NAMES["coarse"]
        for partition, count in {"train": 4, "test": 2}.items():
            rng = np.random.default_rng([seed, count])
            labels = rng.permutation(np.repeat(np.arange(NAMES["fine"]), count))
            pictures = _twin.patterns(rng, labels)
            content = {
                b"filenames": [f"wave_s_{number:06d}.png".encode() for number in range(len(labels))],
                b"batch_label": f"{partition}ing batch 1 of 1".encode(),
                b"fine_labels": labels.tolist(),
                b"coarse_labels": (labels // each).tolist(),
                b"data": np.ascontiguousarray(pictures.transpose(0, 3, 1, 2).reshape(len(labels), -1)),
            }
            with written_aside(home / partition) as aside:
                write_python2(aside, content)
        names = {f"{kind}_label_names".encode(): [f"{kind}_{number:02d}".encode() for number in range(count)]
                 for kind, count in NAMES.items()}  # fmt: skip
        with written_aside(home / "meta") as aside:
            write_python2(aside, names)
        return replace(self, dir=str(home.parent))

    @property
    def _kind(self) -> str:
        return "coarse" if self.coarse else "fine"

    def _home(self) -> Path:
        """The folder of the three pickles."""
        root = self.root()
        home = root / FOLDER if (root / FOLDER).is_dir() else root
        if not any((home / name).is_file() for name in ("train", "test", "meta")):
            raise UserError(f"{root} holds neither {FOLDER} nor its files train, test and meta; correct dir, or obtain "
                            f"the corpus ({self.licence}).")  # fmt: skip
        return home


@lru_cache(maxsize=8)
def _names(path: Path, changed: int, kind: str) -> tuple[str, ...]:
    """The names of classes that `meta` holds; `changed` makes a changed file another one."""
    del changed
    key = f"{kind}_label_names"
    found = read_pickle(path).get(key)
    if not isinstance(found, list) or len(found) != NAMES[kind] or len({*map(text, found)}) != NAMES[kind]:
        raise UserError(f"{path} has no {NAMES[kind]} different {key}; unpack the archive anew.")
    return tuple(map(text, found))


def _labels(path: Path, content: dict[str, Any], key: str, pictures: int, classes: int) -> list[int]:
    """One label a picture. Raises UserError where there are more or fewer, or one is no class."""
    found = content.get(key)
    flat = isinstance(found, list) and all(isinstance(label, int) and abs(label) < 2**31 for label in found)
    labels = np.asarray(found if flat or isinstance(found, np.ndarray) else ())
    if labels.shape != (pictures,) or (pictures and labels.dtype.kind not in "iu"):
        raise UserError(f"{path}: {key} are {labels.dtype} {list(labels.shape)}, expected a whole number for each of "
                        f"{pictures} pictures; unpack the archive anew.")  # fmt: skip
    if pictures and not 0 <= labels.min() <= labels.max() < classes:
        raise UserError(f"{path}: {key} run from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}; unpack "
                        f"the archive anew.")  # fmt: skip
    return [int(label) for label in labels]
