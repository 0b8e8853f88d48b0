"""FER2013: 35,887 grey faces of 48 x 48 pixels, found by searching the web for words of emotion.

Goodfellow, Erhan, Carrier, Courville et al. (2013), "Challenges in Representation Learning: A report on three machine
learning contests", ICONIP. Two releases are read, told apart by what the folder holds:

    csv      fer2013.csv, or icml_face_data.csv of the same competition: columns emotion (0 to 6), pixels (2,304 numbers
             separated by blanks) and Usage (Training, PublicTest, PrivateTest: train, dev, test)
    folders  train/<class>/*.jpg and test/<class>/*.jpg; where all files of test are named PublicTest_* or
             PrivateTest_*, the public ones are dev; else there is no dev, and test is all that test holds
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from emotf.corpora._layout import child
from emotf.corpora._twin import write_lines, write_picture
from emotf.corpora.folder import visible
from emotf.errors import UserError
from emotf.images import _twin
from emotf.images._layout import USAGES, chosen_release, fer_rows, grey_pixels, picture_files, read_grey
from emotf.images.base import ImageCorpus, Sample

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
TABLES = ("fer2013.csv", "icml_face_data.csv")


@dataclass
class Fer2013(ImageCorpus):
    """FER2013 with its own labels (see the module).

    Attributes:
        dir: the folder of the table, or of train and test.
        release: `csv` or `folders`; empty: whichever is there.
    """

    release: str = ""

    licence: ClassVar[str] = (
        "fer2013.csv of Kaggle's Challenges in Representation Learning: an account is needed, the pictures have no "
        "clear licence"
    )
    labels_are: ClassVar[str] = "expressions by search words of the web, corrected by people"

    @property
    def classes(self) -> tuple[str, ...]:
        return CLASSES

    @property
    def shape(self) -> tuple[int, int, int]:
        return (48, 48, 1)

    @property
    def partitions(self) -> tuple[str, ...]:
        return ("train", "dev", "test") if self._table() is not None or self._marked() else ("train", "test")

    def read(self, partition: str) -> Iterator[Sample]:
        table = self._table()
        return self._of_folders(partition) if table is None else self._of_table(table, partition)

    def write_twin(self, folder: Path, seed: int = 0) -> Self:
        """Faces that are drawn, 12, 4 and 4 of a class, disgust half as often; `release` says as what."""
        home = _twin.begin(folder, self.name, "Drawn faces in place of photographs.")
        faces = _twin.dealt_faces(seed, CLASSES, {"Training": 12, "PublicTest": 4, "PrivateTest": 4}, rare="disgust")
        if self.release == "folders":
            for number, (label, usage, picture) in enumerate(faces):
                part = "train" if usage == "Training" else "test"
                write_picture(home / part / CLASSES[label] / f"{usage}_{number:07d}.png", picture[..., 0])
        else:
            rows = (f"{label},{_twin.pixels(picture)},{usage}" for label, usage, picture in faces)
            write_lines(home / TABLES[0], ["emotion,pixels,Usage", *rows])
        return replace(self, dir=str(home))

    def _table(self) -> Path | None:
        """The table, or None where the release is one of folders. Raises UserError where it is neither."""
        home = self.root()
        tables = [home / name for name in TABLES if (home / name).is_file()]
        folders = all(child(home, part).is_dir() for part in ("train", "test"))
        there = {"csv": bool(tables), "folders": folders}
        if chosen_release(self.release, there, home, self.licence) == "folders":
            return None
        return tables[0]

    def _of_table(self, table: Path, partition: str) -> Iterator[Sample]:
        for line, emotion, pixels, part in fer_rows(table):
            if part == partition:
                if emotion not in map(str, range(len(CLASSES))):
                    raise UserError(f"{table}, line {line}: emotion {emotion!r}, expected 0 to {len(CLASSES) - 1}; "
                                    f"restore the file.")  # fmt: skip
                yield Sample(f"row{line - 2:05d}", grey_pixels(table, line, pixels), int(emotion))

    def _of_folders(self, partition: str) -> Iterator[Sample]:
        marked = self._marked()
        for label, path in self._files("train" if partition == "train" else "test"):
            if partition == "train" or not marked or USAGES[path.name.partition("_")[0]] == partition:
                yield Sample(f"{CLASSES[label]}_{path.stem}", read_grey(path), label)

    def _marked(self) -> bool:
        """Whether all files of test say by their names whether they are the public or the private ones."""
        marks = {path.name.partition("_")[0] for _, path in self._files("test")}
        return marks == {"PublicTest", "PrivateTest"}

    def _files(self, part: str) -> Iterator[tuple[int, Path]]:
        """Label and file, class by class. Raises UserError where the folders are not those of the classes."""
        home = child(self.root(), part)
        folders = {path.name.lower(): path for path in visible(home) if path.is_dir()}
        if set(folders) != set(CLASSES):
            other = sorted(set(folders) ^ set(CLASSES))
            raise UserError(f"{home} has the folders {', '.join(sorted(folders)) or 'none'}, expected one for each of "
                            f"{', '.join(CLASSES)} ({other[0]} differs); take the release as published.")  # fmt: skip
        for label, name in enumerate(CLASSES):
            for path in picture_files(folders[name]):
                yield label, path
