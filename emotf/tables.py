"""Tracks from and to table files: CSV and Parquet with a `time` column, NumPy arrays with a rate beside them."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotf.errors import UserError
from emotf.files import written_aside
from emotf.track import MISFIT, Track

# A row may stand this share of a hop off its place (times are printed rounded); more means a lost or doubled row.
JITTER = 0.25

# Seconds by which the first and last time together are off when they are printed with three decimals.
PRINTED = 0.001


def read_track(path: Path, columns: Sequence[str] | None = None, rate_hz: float | None = None) -> Track:
    """Reads a track from `.csv`, `.parquet` or `.npy`.

    Args:
        path: CSV and Parquet need a column `time` in seconds, evenly spaced, unless `rate_hz` is given; `.npy` holds
            [frames, channels] (or [frames]) and always needs `rate_hz`. Column names are stripped of blanks. A CSV
            whose header has semicolons and no comma is separated by semicolons.
        columns: the channels to take, by name; all but `time` by default.
        rate_hz: frames a second where the file has no times (frame 0 is then at 0 s).

    Raises:
        UserError: the file is missing, empty, not a table, lacks a column, or its times are not evenly spaced.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is missing.")
    table = _read_array(path) if path.suffix == ".npy" else _read_table(path)
    if not len(table):
        raise UserError(f"{path} has no rows.")
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise UserError(f"{path} has two columns {twice[0]!r}; rename one.")
    names = [name for name in table.columns if name != "time"] if columns is None else list(columns)
    for name in dict.fromkeys([*names, *(["time"] if "time" in table.columns else [])]):
        if name not in table.columns:
            raise UserError(f"{path} has no column {name!r}; it has: {', '.join(table.columns)}.")
        if not pd.api.types.is_numeric_dtype(table[name]) and table[name].notna().any():
            row = pd.to_numeric(table[name], errors="coerce").isna() & table[name].notna()
            raise UserError(
                f"{path}, column {name!r}, row {int(row.to_numpy().argmax()) + 2}: "
                f"{table[name][row].iloc[0]!r} is not a number."
            )
    values = table[names].to_numpy(np.float32) if names else np.zeros((len(table), 0), np.float32)
    if not names:
        raise UserError(f"{path} has no column besides 'time'.")
    if "time" in table.columns:
        start, hop = _clock(path, table["time"].to_numpy(np.float64))
    elif rate_hz:
        start, hop = 0.0, 1.0 / rate_hz
    else:
        raise UserError(f"{path} has no column 'time'; add one (seconds) or state the rate.")
    return Track(values, hop=hop, start=start, channels=tuple(names))


def write_track(path: Path, track: Track, decimals: int | None = None) -> None:
    """Writes `time,<channels>` as CSV, whole or not at all; NaN becomes an empty cell.

    Values are exact to the bit of float32 unless `decimals` rounds them.
    """
    table = pd.DataFrame(track.values, columns=list(track.channels))
    # times are not values: rounded to a decimal or two, frames would fall together
    times = np.round(track.times, 6) if decimals is None else [f"{t:.{max(decimals, 3)}f}" for t in track.times]
    table.insert(0, "time", times)
    with written_aside(path) as aside:
        table.to_csv(aside, index=False, float_format="%.9g" if decimals is None else f"%.{decimals}f")


def _read_array(path: Path) -> pd.DataFrame:
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path} is not a NumPy array file ({error}).") from None
    real = np.issubdtype(values.dtype, np.floating) or np.issubdtype(values.dtype, np.integer)
    if values.ndim not in (1, 2) or not real:
        raise UserError(f"{path} holds {values.dtype} {list(values.shape)}, expected numbers [frames, channels].")
    values = values[:, None] if values.ndim == 1 else values
    return pd.DataFrame(values, columns=[f"c{i}" for i in range(values.shape[1])])


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else read_csv(path, sep=_separator(path))
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty.") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError, OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table ({str(error).splitlines()[0]}).") from None
    table.columns = [str(name).strip() for name in table.columns]
    return table


def _separator(path: Path) -> str:
    with open(path, "rb") as file:
        header = file.readline()
    return ";" if b";" in header and b"," not in header else ","


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """`pandas.read_csv`, but rows that are longer than the header raise pandas' ParserWarning.

    By itself pandas takes the first cells of such rows for row names, and every column for its neighbour.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(path, index_col=False, **options)


def _clock(path: Path, times: np.ndarray) -> tuple[float, float]:
    """Start and hop of evenly spaced times, the rate snapped to a whole number where it is one but for rounding."""
    if not np.isfinite(times).all():
        raise UserError(f"{path}, row {int((~np.isfinite(times)).argmax()) + 2}: the time is missing.")
    if len(times) < 2:
        raise UserError(f"{path} has one row only; a track needs at least two to know its rate.")
    steps = np.diff(times)
    if (steps <= 0).any():
        row = int((steps <= 0).argmax()) + 3
        raise UserError(f"{path}, row {row}: time {times[row - 2]:g} does not come after {times[row - 3]:g}.")
    start, hop = float(times[0]), float(times[-1] - times[0]) / (len(times) - 1)
    if hop > 10:
        raise UserError(f"{path}: rows are {hop:g} apart; did you supply milliseconds? Column 'time' is in seconds.")

    def misfit(hop: float) -> np.ndarray:
        return np.abs(times - start - np.arange(len(times)) * hop)

    whole = 1.0 / max(round(1.0 / hop), 1)
    rounded = abs(whole - hop) <= max(MISFIT * hop, PRINTED / (len(times) - 1))
    if rounded and misfit(whole).max() < JITTER * hop:
        return start, whole
    if (misfit(hop) > JITTER * hop).any():
        row = int(np.abs(steps - np.median(steps)).argmax()) + 3
        raise UserError(
            f"{path}, row {row}: times are not evenly spaced (a step of {steps[row - 3]:g} s where "
            f"{np.median(steps):g} s is usual); fill the gap or resample the file."
        )
    return start, hop
