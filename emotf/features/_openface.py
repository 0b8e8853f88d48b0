"""Tables of OpenFace 2: both headers in circulation, frames in which no face was tracked, several faces, times."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotf.content import check_frames
from emotf.errors import UserError
from emotf.features._detected import FASTEST_HZ
from emotf.tables import read_csv

# The action units that OpenFace 2 gives an intensity for, 0 to 5.
INTENSITIES = tuple(f"AU{unit:02d}_r" for unit in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45))
# Timestamps are printed with three decimals, and may stand this share of a hop off their place besides.
PRINTED = 0.001
JITTER = 0.25


@dataclass(frozen=True)
class OpenFaceTable:
    """Some columns of one face.

    Attributes:
        values: float32 [frames, columns], a row for every frame of the video; 0 where the face was not tracked.
        found: bool [frames].
        hop: seconds between frames; frame 1 of the table stands at 0.
    """

    values: np.ndarray
    found: np.ndarray
    hop: float


def openface_columns(path: Path) -> list[str]:
    """The names in the header, blanks taken off. They are case sensitive: `x_0` is in pixels, `X_0` in millimetres.

    Raises:
        UserError: the file is missing, empty or no OpenFace 2 table.
    """
    names = [str(name).strip() for name in _read(path, header=None, nrows=1).iloc[0]]  # pandas renames doubles else
    for name in ("frame", "confidence", "success"):
        if name not in names:
            raise UserError(f"{path} has no column {name!r}; expected a table written by OpenFace 2.")
    if len(set(names)) != len(names):
        raise UserError(f"{path} has two columns of one name; write the table anew.")
    return names


def read_openface(
    path: Path, columns: Sequence[str], rate_hz: float = 0.0, confidence: float = 0.5, face: int = -1
) -> OpenFaceTable:
    """Reads columns of one face.

    Args:
        path: the table.
        columns: names as in the header, blanks taken off.
        rate_hz: frames a second of the video; 0: as the timestamps say.
        confidence: a frame below it counts as not tracked, as one of success 0 or without a row does.
        face: the `face_id`; -1: there is only one.

    Raises:
        UserError: the file is missing or no OpenFace table, lacks a column or the face, holds several faces and none
            was chosen, a tracked frame holds a cell without a number, or times are none.
    """
    names = openface_columns(path)
    for name in columns:
        if name not in names:
            raise UserError(f"{path} has no column {name!r}; choose among those it has, or run OpenFace with more.")
    table = _read(path)
    table.columns = pd.Index(names)
    # a frame that was not tracked may hold words such as -nan(ind)
    meta = ["frame", "confidence", "success", *(n for n in ("timestamp", "face_id") if n in names)]
    numbers = {name: pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64) for name in [*meta, *columns]}
    if not len(table):
        raise UserError(f"{path} has no rows.")
    frame = _frames(path, numbers["frame"])
    hop = 1 / rate_hz if rate_hz else _hop(path, frame, numbers.get("timestamp"))
    mine = _face(path, numbers.get("face_id", np.zeros(len(frame))), face)
    mine &= (numbers["success"] == 1) & (numbers["confidence"] >= confidence)
    rows = np.flatnonzero(mine)
    if len(set(frame[rows])) != len(rows):
        raise UserError(f"{path} has two rows of one face in one frame; write the table anew.")
    found = np.zeros(frame.max(), bool)
    found[frame[rows] - 1] = True
    values = np.zeros((len(found), len(columns)), np.float32)
    values[frame[rows] - 1] = np.stack([numbers[name][rows] for name in columns], axis=1)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        raise UserError(
            f"{path}, frame {bad[0][0] + 1}: column {columns[bad[0][1]]!r} holds no number although the face was "
            "tracked; write the table anew."
        )
    return OpenFaceTable(values, found, hop)


def _read(path: Path, **options: Any) -> pd.DataFrame:
    try:
        return read_csv(path, skipinitialspace=True, **options)
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (ValueError, UnicodeDecodeError, pd.errors.ParserWarning) as error:  # pandas' own are ValueErrors
        raise UserError(f"{path} cannot be read as a table ({str(error).splitlines()[0]}).") from None


def _frames(path: Path, frame: np.ndarray) -> np.ndarray:
    """Frame numbers, 1 and up, int64 [rows]."""
    odd = ~((frame >= 1) & (frame == np.round(frame)))
    if odd.any():
        raise UserError(f"{path}, row {odd.argmax() + 2}: the frame is not a number above 0; write the table anew.")
    check_frames(path, frame.max())
    return frame.astype(np.int64)


def _hop(path: Path, frame: np.ndarray, timestamp: np.ndarray | None) -> float:
    """Seconds a frame, by the timestamps; 1 over a whole number where their rounding allows it."""
    advice = "state the video's frames a second in rate_hz."
    if timestamp is None:
        raise UserError(f"{path} has no column 'timestamp'; {advice}")
    if not np.isfinite(timestamp).all():
        raise UserError(f"{path}, row {(~np.isfinite(timestamp)).argmax() + 2}: the timestamp is missing; {advice}")
    first, last = frame.argmin(), frame.argmax()
    span = frame[last] - frame[first]
    if not span:
        raise UserError(f"{path} has one frame only, so its rate is unknown; {advice}")
    hop = float(timestamp[last] - timestamp[first]) / span
    if not hop * FASTEST_HZ >= 1:  # a step that short is a counter
        raise UserError(f"{path}: timestamps advance {hop:g} s a frame, which are no times; {advice}")
    whole = 1 / max(round(1 / hop), 1)
    hop = whole if abs(whole - hop) <= PRINTED / span else hop
    misfit = np.abs(timestamp - timestamp[first] - (frame - frame[first]) * hop)
    if misfit.max() > PRINTED + JITTER * hop:
        raise UserError(
            f"{path}, row {misfit.argmax() + 2}: the timestamp is {misfit.max():.3f} s off a steady {1 / hop:.3f}/s; "
            f"{advice}"
        )
    return hop


def _face(path: Path, faces: np.ndarray, face: int) -> np.ndarray:
    """Which rows are of the chosen face, bool [rows]."""
    there, rows = np.unique(faces, return_counts=True)
    counted = ", ".join(f"{name:g} ({count} rows)" for name, count in zip(there, rows, strict=True))
    if face < 0:
        if len(there) > 1:
            raise UserError(f"{path} holds several faces, by face_id: {counted}; choose one with face=.")
        return np.ones(len(faces), bool)
    if face not in there:
        raise UserError(f"{path} has no face {face}; its face_id are: {counted}.")
    return faces == face
