"""What the readers of published pictures share: tables of pixels and votes, picture files, which release is there."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from emotf.corpora.folder import visible
from emotf.errors import UserError
from emotf.media.still import read_still

SIDE = 48
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png")
# What the challenge called its parts: the public leader board was for tuning, the private one decided.
USAGES = {"Training": "train", "PublicTest": "dev", "PrivateTest": "test"}


def chosen_release(chosen: str, there: Mapping[str, bool], home: Path, licence: str) -> str:
    """The release that a folder holds, of those that a corpus comes in.

    Args:
        chosen: the corpus' field; empty: find out.
        there: release -> whether the folder holds it.
        home: the folder.
        licence: how the corpus is obtained.

    Raises:
        UserError: no such release, or none of them or several are there.
    """
    if chosen and chosen not in there:
        raise UserError(f"Release can be {', '.join(there)}, or empty to find out; received {chosen!r}.")
    found = [name for name, held in there.items() if held and chosen in ("", name)]
    if not found:
        what = f"the release {chosen!r}" if chosen else f"none of the releases {', '.join(there)}"
        raise UserError(f"{home} holds {what if not chosen else 'nothing of ' + what}; correct dir, or obtain the "
                        f"corpus ({licence}).")  # fmt: skip
    if len(found) > 1:
        raise UserError(f"{home} holds the releases {' and '.join(found)}; say which by the field release.")
    return found[0]


def table_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Row by row (its line, as an editor shows it) the cells of the named columns, stripped of blanks.

    Column names are compared without blanks and case; blank lines are skipped, other columns ignored.

    Raises:
        UserError: the file is missing or empty, lacks a column, or a row is not as long as the header.
    """
    rows = csv_rows(path)
    header = [name.lower() for name in next(rows, (0, []))[1]]
    missing = [name for name in columns if name.lower() not in header]
    if missing:
        raise UserError(f"{path} has no column {missing[0]!r}, it has: {', '.join(header) or 'nothing'}; take the "
                        f"published file.")  # fmt: skip
    places = [header.index(name.lower()) for name in columns]
    for line, row in rows:
        if len(row) != len(header):
            raise UserError(f"{path}, line {line}: {len(row)} cells under a header of {len(header)}; the file is cut "
                            f"short or damaged, restore it.")  # fmt: skip
        yield line, [row[place] for place in places]


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Row by row (its line) the cells, stripped of blanks; blank lines are skipped.

    Raises:
        UserError: the file is missing or is no CSV.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; restore it.")
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        try:
            for row in filter(None, rows):
                yield rows.line_num, [cell.strip() for cell in row]
        except (csv.Error, UnicodeDecodeError) as error:
            raise UserError(f"{path} is not a CSV table ({error}); take the published file.") from None


def fer_rows(path: Path) -> Iterator[tuple[int, str, str, str]]:
    """(line, emotion, pixels, partition) of every row of `fer2013.csv`.

    Raises:
        UserError: as `table_rows`; or a usage is none of the published three, or there is no row.
    """
    line = 0
    for line, (emotion, pixels, usage) in table_rows(path, ("emotion", "pixels", "Usage")):
        yield line, emotion, pixels, partition_of(path, line, usage)
    if not line:
        raise UserError(f"{path} has a header and no rows; take the published file.")


def partition_of(path: Path, line: int, usage: str) -> str:
    """train, dev or test. Raises UserError where the usage is not one of the published."""
    if usage not in USAGES:
        raise UserError(f"{path}, line {line}: usage {usage!r}, expected {', '.join(USAGES)}; restore the file.")
    return USAGES[usage]


def grey_pixels(path: Path, line: int, pixels: str) -> np.ndarray:
    """uint8 [48, 48, 1] from 2,304 numbers separated by blanks, row by row."""
    try:
        values = bytes(map(int, pixels.split()))  # refuses what is no whole number from 0 to 255
    except ValueError as error:
        raise UserError(f"{path}, line {line}: pixels are whole numbers from 0 to 255 ({error}); restore the file.") \
            from None  # fmt: skip
    if len(values) != SIDE * SIDE:
        raise UserError(f"{path}, line {line}: {len(values)} pixels, expected {SIDE * SIDE} ({SIDE} x {SIDE}); "
                        f"restore the file.")  # fmt: skip
    return np.frombuffer(values, np.uint8).reshape(SIDE, SIDE, 1)


def read_grey(path: Path) -> np.ndarray:
    """A picture file of 48 x 48 pixels as uint8 [48, 48, 1].

    Raises:
        UserError: the file is missing, is no picture, is cut short, or has another size.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; restore it, or write the pictures anew.")
    picture = read_still(path, "L")
    if picture.shape != (SIDE, SIDE):
        raise UserError(f"{path} has {picture.shape[1]} x {picture.shape[0]} pixels, expected {SIDE} x {SIDE}; take "
                        f"the pictures as published.")  # fmt: skip
    return picture[..., None]


def picture_files(folder: Path) -> list[Path]:
    """The picture files of a folder, sorted by name."""
    return [path for path in visible(folder) if path.suffix.lower() in SUFFIXES]
