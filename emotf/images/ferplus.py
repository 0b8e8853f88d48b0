"""FER+: the faces of FER2013 with the votes of ten taggers each, and the rules that make a class of them.

Barsoum, Zhang, Canton Ferrer & Zhang (2016), "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution", ICMI. Two releases are read, told apart by what the folder holds:

    csv      fer2013.csv and fer2013new.csv (Usage, Image name, ten columns of votes), whose rows are in the same order
    folders  FER2013Train, FER2013Valid and FER2013Test as the authors' script writes them: pictures, and a label.csv
             without header: file name, perhaps the box "(0, 0, 48, 48)" of the face, ten votes

Rows without an image name show no usable face and are skipped, as are those of which a rule makes no class; both are
counted (`left_out`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from emotf.corpora._layout import child
from emotf.corpora._twin import write_lines, write_picture
from emotf.errors import UserError
from emotf.images import _twin
from emotf.images._layout import chosen_release, csv_rows, fer_rows, grey_pixels, partition_of, read_grey, table_rows
from emotf.images._votes import BLANK, CLASSES, NO_CLASS, RULES, Judgement, judged
from emotf.images.base import ImageCorpus, Sample

TABLE, VOTES = "fer2013.csv", "fer2013new.csv"
FOLDERS = {"train": "FER2013Train", "dev": "FER2013Valid", "test": "FER2013Test"}
BOX = "(0, 0, 48, 48)"


@dataclass
class Ferplus(ImageCorpus):
    """FER+ (see the module).

    Attributes:
        dir: the folder of the two tables, or of the three folders.
        rule: `majority`: the class with more than half of the votes; `probability`: the shares of at most three
            classes that cover 75 %; `multi_target`: all classes of at least 30 %, equally.
        without: classes that are left out, with the faces that they win; Orgil (2022) tests seven classes, so
            `("contempt",)` is the likely reading.
        release: `csv` or `folders`; empty: whichever is there.
    """

    rule: str = "majority"
    without: tuple[str, ...] = ()
    release: str = ""

    licence: ClassVar[str] = (
        "votes under MIT from Microsoft's repository FERPlus; fer2013.csv of Kaggle's Challenges in Representation "
        "Learning: an account is needed, the pictures have no clear licence"
    )
    labels_are: ClassVar[str] = "votes of ten taggers a face"

    @property
    def classes(self) -> tuple[str, ...]:
        self._check()
        return tuple(name for name in CLASSES if name not in self.without)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (48, 48, 1)

    @property
    def voted(self) -> bool:
        return True

    def read(self, partition: str) -> Iterator[Sample]:
        self._check()
        if self._release() == "folders":
            return self._of_folder(partition)
        if not (table := self.root() / TABLE).is_file():
            raise UserError(f"{table} is missing, {VOTES} has votes only; obtain it ({self.licence}).")
        return self._of_tables(partition)

    def counts(self, partition: str) -> dict[str, int]:
        """How many pictures there are of each class; reads the votes only."""
        found = Counter(judgement.label for judgement in self._judged(partition))
        return {name: found[label] for label, name in enumerate(self.classes)}

    def left_out(self, partition: str) -> dict[str, int]:
        """Why faces of a partition have no class by the rule, and how many."""
        found = Counter(judgement.left_out for judgement in self._judged(partition) if judgement.left_out)
        return dict(sorted(found.items()))

    def described(self) -> str:
        return f"{super().described()}; rule: {self.rule}"

    def write_twin(self, folder: Path, seed: int = 0) -> Self:
        """Drawn faces and votes for them, among which all that the rules leave out; `release` says as what."""
        home = _twin.begin(folder, self.name, "Drawn faces in place of photographs, dealt votes in place of taggers'.")
        dealt = {"Training": 10, "PublicTest": 4, "PrivateTest": 4}
        rows = list(_twin.voted_faces(seed, CLASSES, len(NO_CLASS), dealt))
        names = ["" if votes is None else f"fer{number:07d}.png" for number, (_, votes, _) in enumerate(rows)]
        cells = [",".join(map(str, [0] * 10 if votes is None else votes)) for _, votes, _ in rows]
        if self.release == "folders":
            for place, (part, name) in enumerate(FOLDERS.items()):
                mine = [k for k, (usage, _, _) in enumerate(rows) if usage == list(dealt)[place] and names[k]]
                for k in mine:
                    write_picture(home / name / names[k], rows[k][2][..., 0])
                box = f'"{BOX}",' if part == "test" else ""  # the file of the repository has it, the script's not
                write_lines(home / name / "label.csv", [f"{names[k]},{box}{cells[k]}" for k in mine])
        else:
            # FER2013's own class, 0, is not what anybody asks of this folder
            pixels = (f"0,{_twin.pixels(picture)},{usage}" for usage, _, picture in rows)
            write_lines(home / TABLE, ["emotion,pixels,Usage", *pixels])
            header = ",".join(["Usage", "Image name", *CLASSES, *NO_CLASS])
            voted = (f"{row[0]},{name},{cell}" for row, name, cell in zip(rows, names, cells, strict=True))
            write_lines(home / VOTES, [header, *voted])
        return replace(self, dir=str(home))

    def _check(self) -> None:
        if self.rule not in RULES:
            raise UserError(f"A rule of FER+ is {', '.join(RULES)}; received {self.rule!r}.")
        if unknown := [name for name in self.without if name not in CLASSES]:
            raise UserError(f"FER+ has the classes {', '.join(CLASSES)}, so it cannot be without {unknown[0]!r}.")
        if len(set(self.without)) > len(CLASSES) - 2:
            raise UserError("FER+ without so many classes leaves nothing to tell apart; leave at least two.")

    def _release(self) -> str:
        home = self.root()
        there = {
            "csv": (home / VOTES).is_file(),
            "folders": all((child(home, name) / "label.csv").is_file() for name in FOLDERS.values()),
        }
        return chosen_release(self.release, there, home, self.licence)

    def _judged(self, partition: str) -> Iterator[Judgement]:
        """What the rule makes of each row of a partition, in their order."""
        self._check()
        if self._release() == "folders":
            return (self._judge(name, votes) for name, votes in _labels(self._folder(partition)))
        voted = _voted(self.root() / VOTES)
        return (self._judge(name, votes) for _, part, name, votes in voted if part == partition)

    def _judge(self, name: str, votes: np.ndarray) -> Judgement:
        return judged(votes, self.rule, self.without) if name else Judgement(BLANK)

    def _of_tables(self, partition: str) -> Iterator[Sample]:
        table, voted = self.root() / TABLE, self.root() / VOTES
        for mine, theirs in zip_longest(fer_rows(table), _voted(voted)):
            if mine is None or theirs is None:
                short, other = (table, voted) if mine is None else (voted, table)
                raise UserError(f"{short} has fewer rows than {other.name}, expected one for one in the same order; "
                                f"take both as published.")  # fmt: skip
            (line, _, pixels, part), (voted_line, voted_part, name, votes) = mine, theirs
            if part != voted_part:
                raise UserError(f"{table}, line {line} is of {part}, {voted.name}, line {voted_line} of {voted_part}; "
                                f"rows belong together by their order, take both files as published.")  # fmt: skip
            if part == partition and not (judgement := self._judge(name, votes)).left_out:
                yield Sample(Path(name).stem, grey_pixels(table, line, pixels), judgement.label, judgement.votes)

    def _of_folder(self, partition: str) -> Iterator[Sample]:
        folder = self._folder(partition)
        for name, votes in _labels(folder):
            if not (judgement := self._judge(name, votes)).left_out:
                yield Sample(Path(name).stem, read_grey(folder / name), judgement.label, judgement.votes)

    def _folder(self, partition: str) -> Path:
        return child(self.root(), FOLDERS[partition])


def _voted(path: Path) -> Iterator[tuple[int, str, str, np.ndarray]]:
    """(line, partition, image name, votes) of every row of `fer2013new.csv`."""
    for line, (usage, name, *cells) in table_rows(path, ("Usage", "Image name", *CLASSES, *NO_CLASS)):
        # what a picture of nobody was voted is not asked for
        votes = _numbers(path, line, cells) if name else np.zeros(len(cells), int)
        yield line, partition_of(path, line, usage), name, votes


def _labels(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(file name, votes) of every row of `label.csv`, with or without the box."""
    path, expected = folder / "label.csv", 1 + len(CLASSES) + len(NO_CLASS)
    for line, (name, *cells) in csv_rows(path):
        found = 1 + len(cells)
        box = cells.pop(0) if found == expected + 1 else BOX
        if len(cells) != expected - 1 or box != BOX or not name:
            raise UserError(f"{path}, line {line}: {found} cells, expected a file name, perhaps the box \"{BOX}\", and "
                            f"{expected - 1} votes; restore the file.")  # fmt: skip
        yield name, _numbers(path, line, cells)


def _numbers(path: Path, line: int, cells: list[str]) -> np.ndarray:
    if not all(cell.isdecimal() and len(cell) < 10 for cell in cells):
        raise UserError(f"{path}, line {line}: votes {','.join(cells)} are not whole numbers; restore the file.")
    return np.array(cells, int)
