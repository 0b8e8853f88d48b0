"""Corpora that rate every picture of a video, one row a picture: the rows on the video's clock, and splits by video."""

import hashlib
import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from emotf.corpora._landmarks import Landmarked
from emotf.corpora._layout import check_scale
from emotf.errors import UserError
from emotf.media import picture_clock, picture_times
from emotf.media.listing import VIDEO
from emotf.recording import PARTITIONS, Recording
from emotf.track import Track

TARGETS = ("arousal", "valence")
Rows = tuple[Path, dict[str, np.ndarray]]


@dataclass
class PerFrame(Landmarked):
    """A corpus whose row k, from 1, is of the k-th picture of the video as it is decoded.

    Rows and pictures may differ in number by `slack_frames`: the rows are then cut at the shorter end, and `notes` says
    so of each recording. More than that is refused. The pictures are counted and timed by decoding the videos, once a
    process, because the counts in containers are wrong.

    Attributes:
        split: shares of the videos that are dealt to train and dev (and test): `70:30`, `90:10`, `80:10:10`.
        seed: decides who is dealt where; 0 or above.
        unrated: list recordings of test without ratings too, for prediction; records cannot be made of them.
        rate_hz: ratings a second, each of them that of the nearest picture; 0: as filmed, which takes a steady rate.
            Recordings without a video need it: it is then taken for the rate of the video that was rated.
        slack_frames: by how many rows and pictures may differ in number.
        largest: the greatest magnitude of a rating; 0 for any.
        videos_in: folder of the videos, below `dir`.
        openface_in, openpose_in: see `emotf.corpora._landmarks`.
    """

    split: str = "70:30"
    seed: int = 0
    unrated: bool = False
    rate_hz: float = 0.0
    slack_frames: int = 10
    largest: float = 2.0
    videos_in: str = "videos"

    @property
    def targets(self) -> tuple[str, ...]:
        return TARGETS

    @abstractmethod
    def rows(self, recording: Recording) -> Rows | None:
        """The file to name in messages, and target -> a value a picture, float [rows], NaN where unrated."""

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """The published ratings, channel `gold`, from the first picture on; None for a recording without any.

        Raises:
            UserError: a file is damaged or on another scale, the video is missing or damaged, its pictures come at
                uneven times and no `rate_hz` is set, or there are many more rows than pictures or the other way round.
        """
        if target not in TARGETS:
            raise UserError(f"Corpus {self.name!r} has no target {target!r}; it has: {', '.join(TARGETS)}.")
        rated = self.rows(recording)
        if rated is None:
            return None
        path, rows = rated
        self._check_counts(path, recording, rows)
        shortest = min(map(len, rows.values()))
        hop, pictures = self._clock(recording, shortest)
        # the places of pictures ascend, so those beyond the last row are the last ones
        values = rows[target][pictures[pictures < shortest]]
        track = check_scale(path, Track(values[:, None], hop, channels=(target,)), self.largest)
        return replace(track, channels=("gold",))

    def notes(self) -> tuple[str, ...]:
        """Whose rows and pictures differ in number."""
        found = []
        for recording in self.recordings():
            try:
                rated = self.rows(recording)
                counts = self._counts(recording, rated[1]) if rated else {}
            except UserError:  # whoever reads the ratings meets it
                continue
            if len(set(counts.values())) > 1:
                found.append(f"{recording.id} ({_in_words(counts)})")
        if not found:
            return ()
        return (f"{len(found)} recordings have rows and pictures in other numbers and are cut at the shorter end: "
                f"{', '.join(found)}",)  # fmt: skip

    def _check_counts(self, path: Path, recording: Recording, rows: dict[str, np.ndarray]) -> None:
        counts = self._counts(recording, rows)
        if max(counts.values()) - min(counts.values()) > self.slack_frames:
            raise UserError(f"{path}: {_in_words(counts)} of recording {recording.id}, expected one row a picture; "
                            f"restore the files, or raise slack_frames ({self.slack_frames}).")  # fmt: skip

    def _counts(self, recording: Recording, rows: dict[str, np.ndarray]) -> dict[str, int]:
        """What is counted -> its number; rows once where both targets have as many."""
        lengths = {target: len(values) for target, values in rows.items()}
        same = len(set(lengths.values())) == 1
        counts = {"rows": lengths[TARGETS[0]]} if same else {f"rows of {name}": n for name, n in lengths.items()}
        if "video" in recording.media:
            counts["pictures"] = len(decoded(recording.medium("video")))
        return counts

    def _clock(self, recording: Recording, rows: int) -> tuple[float, np.ndarray]:
        """The hop, and the picture (from 0) that stands at every frame of the clock."""
        if "video" in recording.media:
            video = recording.medium("video")
            return picture_clock(video, decoded(video), self.rate_hz)
        if not 0 < self.rate_hz <= 1000:
            raise UserError(f"Recording {recording.id} has no video in {self.root() / self.videos_in}, so the rate of "
                            f"its rows is unknown; restore the video, or set rate_hz to its rate.")  # fmt: skip
        return 1 / self.rate_hz, np.arange(rows)


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def decoded(video: Path) -> np.ndarray:
    """When the pictures of a video stand, as `picture_times` says; decoded once while the file stays as it is."""
    stat = video.stat()
    return _decoded(video, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1024)  # of 10,000 pictures each: 80 MB
def _decoded(video: Path, changed: int, size: int) -> np.ndarray:
    del changed, size  # they make a changed file another one
    return picture_times(video)


def videos_below(folder: Path) -> dict[str, Path]:
    """Stem -> video file, however deep it lies; empty where there is no folder.

    Raises:
        UserError: two files have one stem.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in VIDEO and path.is_file() and not path.name.startswith("."):
            if path.stem in found:
                raise UserError(f"{path} and {found[path.stem]} stand for the same video; take one away.")
            found[path.stem] = path
    return found


def dealt(units: Iterable[str], split: str, seed: int) -> dict[str, str]:
    """Unit -> partition, in the shares that `split` names.

    Units are put in the order of a digest of seed and name, and cut there. So the same names are dealt alike on every
    machine, and one that is added or taken away moves only those at the borders.

    Args:
        units: whoever must stay in one partition.
        split: shares of train and dev, or of train, dev and test, for example `70:30`.
        seed: 0 or above.

    Raises:
        UserError: the split is no such text, the seed is below 0, or a partition would be empty.

    Example:
        >>> sorted(dealt(["a", "b", "c", "d"], "3:1", seed=0).values())
        ['dev', 'train', 'train', 'train']
    """
    shares = [int(share) for share in split.split(":")] if re.fullmatch(r"[1-9]\d*(:[1-9]\d*){1,2}", split) else []
    if not shares:
        raise UserError(f"A split is shares of train and dev, such as 70:30 or 90:10 (or with test, 80:10:10), "
                        f"received {split!r}.")  # fmt: skip
    if seed < 0:
        raise UserError(f"A seed is 0 or above, received {seed}.")
    order = sorted(set(units), key=lambda unit: hashlib.sha256(f"{seed} {unit}".encode()).digest())
    borders = [0, *(round(sum(shares[: place + 1]) / sum(shares) * len(order)) for place in range(len(shares)))]
    places: dict[str, str] = {}
    for name, first, last in zip(PARTITIONS, borders, borders[1:], strict=False):
        if first == last:
            raise UserError(f"Split {split} of {len(order)} leaves nothing for {name}; choose other shares.")
        places |= dict.fromkeys(order[first:last], name)
    return places


def read_columns(path: Path, columns: Sequence[str] = ()) -> np.ndarray:
    """The numbers of a text file, float64 [rows, columns]; rows count, so none may be blank but at the end.

    Args:
        path: UTF-8, with or without a byte-order mark, lines end in LF or CRLF.
        columns: names that the first line must hold, separated by commas; empty: one number a line and no first line
            of names.

    Raises:
        UserError: the file is missing, empty, not text, lacks a column, or a cell is not a finite number.
    """
    lines = text_lines(path)
    header = [name.strip() for name in lines.pop(0).split(",")] if columns else [""]
    missing = [name for name in columns if name not in header]
    if missing:
        raise UserError(f"{path}: the first line is {','.join(header)!r}, expected {','.join(columns)!r}; "
                        f"restore it.")  # fmt: skip
    if not any(lines):
        raise UserError(f"{path} has no rows; restore it.")
    places = [header.index(name) for name in columns or ("",)]
    return np.array([_numbers(path, k, line, places, len(header)) for k, line in enumerate(lines, 1 + bool(columns))])


def text_lines(path: Path) -> list[str]:
    """The lines of a text, stripped, without blank ones at the end.

    Raises:
        UserError: the file is missing or not UTF-8.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; restore it.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error}); restore it.") from None
    return [line.strip() for line in text.rstrip().split("\n")]


def _numbers(path: Path, number: int, line: str, places: list[int], width: int) -> list[float]:
    cells = line.split(",")
    try:
        found = [float(cells[place]) for place in places] if len(cells) == width else []
    except ValueError:
        found = []
    if not found or not np.isfinite(found).all():
        many = "a number" if width == 1 else f"{width} cells with numbers"
        raise UserError(f"{path}, line {number}: {line!r} is not {many}; rows stand for pictures by their place, so "
                        f"restore the file.")  # fmt: skip
    return found
