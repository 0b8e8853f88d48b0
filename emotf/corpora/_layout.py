"""What the readers of published layouts share: finding files, reading raters' tables, refusing other scales."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emotf.corpora.folder import visible
from emotf.errors import UserError
from emotf.tables import read_table, to_track
from emotf.track import MISFIT, Track

# RECOLA's raters as their tables call them (five of the six names end in a blank there), and the rate of all ratings.
RECOLA_RATERS = ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")
RECOLA_HZ = 25


def child(folder: Path, name: str) -> Path:
    """The file or folder of that name, in whatever case it is written; the path as asked for where there is none."""
    found = [path for path in visible(folder) if path.name.lower() == name.lower()]
    return found[0] if len(found) == 1 else folder / name


def by_stem(folder: Path, *suffixes: str) -> dict[str, Path]:
    """Stem -> file, for the visible files with one of the suffixes (in any case); empty where there is no folder.

    Raises:
        UserError: two files have one stem.
    """
    found: dict[str, Path] = {}
    for path in visible(folder):
        if path.is_file() and path.suffix.lower() in suffixes:
            if path.stem in found:
                raise UserError(f"{path} and {found[path.stem].name} stand for the same recording; take one away.")
            found[path.stem] = path
    return found


def named(files: dict[str, Path], naming: re.Pattern[str], expected: str) -> dict[str, Path]:
    """The files; raises UserError, which says what is `expected`, where a stem is not named so."""
    for stem, path in files.items():
        if not naming.fullmatch(stem):
            raise UserError(f"{path}: {stem!r} is not {expected}; rename it or take it away.")
    return files


def read_raters(path: Path, raters: Sequence[str]) -> Track:
    """The named raters of a table with a column `time`; columns are stripped of blanks and taken by name.

    Raises:
        UserError: the file is no such table, or a rater is missing.
    """
    table = read_table(path)
    missing = [name for name in raters if name not in table.columns]
    if missing and "time" in table.columns:
        raise UserError(f"{path} lacks rater {', '.join(missing)} of {len(raters)}, it has: "
                        f"{', '.join(table.columns)}; restore the column.")  # fmt: skip
    return to_track(path, table, raters)


def check_rate(path: Path, track: Track, rate_hz: float) -> Track:
    """The track; raises UserError where its rows are not 1 / `rate_hz` apart."""
    if abs(track.hop * rate_hz - 1) > MISFIT:
        raise UserError(f"{path}: rows are {track.hop:g} s apart, expected {1 / rate_hz:g} s ({rate_hz:g} a second); "
                        f"take the published file, or correct its times.")  # fmt: skip
    return track


def check_scale(path: Path, track: Track, largest: float) -> Track:
    """The track; raises UserError where a magnitude exceeds `largest` (0: anything goes) or is infinite."""
    if np.isinf(track.values).any():
        frame = int(np.isinf(track.values).any(axis=1).argmax())
        raise UserError(f"{path}: a rating at {track.times[frame]:g} s is infinite; correct or empty it.")
    reach = np.nanmax(np.abs(track.values), initial=0.0)
    if largest and reach > largest:
        raise UserError(f"{path}: ratings reach {reach:g}, expected at most {largest:g} (did you supply percent?); "
                        f"rescale them, or set the field `largest`.")  # fmt: skip
    return track


def partner_missing(path: Path, because: str) -> UserError:
    """The error for a file that must stand beside another."""
    return UserError(f"{path} is missing, but {because}; restore it, or take the other away.")
