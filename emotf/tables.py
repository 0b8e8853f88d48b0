"""Tracks from and to table files: CSV, ARFF and Parquet with a `time` column, NumPy arrays with a rate beside them."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotf.arff import read_arff
from emotf.arrays import read_array
from emotf.errors import UserError
from emotf.files import written_aside
from emotf.places import Place, opened
from emotf.track import MISFIT, Track

# A row may stand this share of a hop off its place (times are printed rounded); more means a lost or doubled row.
JITTER = 0.25

# Frames a second that nothing exceeds.
FASTEST_HZ = 1e6

# Seconds by which the first and last time together are off when they are printed with three decimals.
PRINTED = 0.001


def read_track(path: Path, columns: Sequence[str] | None = None, rate_hz: float | None = None) -> Track:
    """Reads a track from `.csv`, `.arff`, `.parquet` or `.npy`.

    Args:
        path: tables need a column `time` in seconds, evenly spaced, unless `rate_hz` is given; `.npy` holds
            [frames, channels] (or [frames]) and always needs `rate_hz`. See `read_table`.
        columns: the channels to take, by name; all but `time` by default.
        rate_hz: frames a second where the file has no times (frame 0 is then at 0 s).

    Raises:
        UserError: the file is missing, empty, not a table, lacks a column, or its times are not evenly spaced.
    """
    return to_track(path, read_table(path), columns, rate_hz)


def read_table(path: Path) -> pd.DataFrame:
    """The cells of a table, indexed by the row (the line, in ARFF) at which an editor shows them.

    Column names are stripped of blanks. CSV may be separated by commas, or by semicolons or tabs where its header has
    no comma; ARFF is read by `emotf.arff`.

    Raises:
        UserError: the file is missing, empty, or not a table.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is missing.")
    if path.suffix.lower() == ".arff":
        table = read_arff(path)
    else:
        table = _read_array(path) if path.suffix == ".npy" else _read_table(path)
        table.index = pd.RangeIndex(2, len(table) + 2)
    if not len(table):
        raise UserError(f"{path} has no rows.")
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise UserError(f"{path} has two columns {twice[0]!r}; rename one.")
    return table


def to_track(
    path: Path, table: pd.DataFrame, columns: Sequence[str] | None = None, rate_hz: float | None = None
) -> Track:
    """The track in a table of `read_table`; arguments and errors as in `read_track`, `path` is named in errors."""
    names = [name for name in table.columns if name != "time"] if columns is None else list(columns)
    for name in dict.fromkeys([*names, *(["time"] if "time" in table.columns else [])]):
        if name not in table.columns:
            raise UserError(f"{path} has no column {name!r}; it has: {', '.join(table.columns)}.")
        if not pd.api.types.is_numeric_dtype(table[name]):
            table = table.assign(**{name: numbers(path, table[name])})
    if not names:
        raise UserError(f"{path} has no column besides 'time'.")
    values = table[names].to_numpy(np.float32)
    if "time" in table.columns:
        start, hop = _clock(path, table["time"].to_numpy(np.float64), table.index.to_numpy())
    elif rate_hz:
        start, hop = 0.0, 1.0 / rate_hz
    else:
        raise UserError(f"{path} has no column 'time'; add one (seconds) or state the rate.")
    return Track(values, hop=hop, start=start, channels=tuple(names))


def write_track(
    path: Path,
    track: Track,
    decimals: int | None = None,
    beside: Mapping[str, np.ndarray] | None = None,
    written: Callable[[Path], AbstractContextManager[Path]] = written_aside,
) -> None:
    """Writes `time,<channels>` as CSV, whole or not at all; NaN becomes an empty cell.

    Values are exact to the bit of float32 unless `decimals` rounds them. `beside` adds columns of any content [frames]
    on the right; where it holds text, `read_track` needs the names of the channels. `written` may also be
    `emotf.checksums.promised`.
    """
    table = pd.DataFrame(track.values, columns=list(track.channels))
    # times are not values: rounded to a decimal or two, frames would fall together
    times = np.round(track.times, 6) if decimals is None else [f"{t:.{max(decimals, 3)}f}" for t in track.times]
    table.insert(0, "time", times)
    table = table.assign(**dict(beside or {}))
    with written(path) as aside:
        table.to_csv(aside, index=False, float_format="%.9g" if decimals is None else f"%.{decimals}f")


def _read_array(path: Path) -> pd.DataFrame:
    values = read_array(path)
    real = np.issubdtype(values.dtype, np.floating) or np.issubdtype(values.dtype, np.integer)
    if values.ndim not in (1, 2) or not real:
        raise UserError(f"{path} holds {values.dtype} {list(values.shape)}, expected numbers [frames, channels].")
    values = values[:, None] if values.ndim == 1 else values
    return pd.DataFrame(values, columns=[f"c{i}" for i in range(values.shape[1])])


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = _read_parquet(path) if path.suffix == ".parquet" else read_csv(path, sep=_separator(path))
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty.") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError, OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table ({str(error).splitlines()[0]}).") from None
    table.columns = [str(name).strip() for name in table.columns]
    return table


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except Exception as error:  # whatever the bytes of a damaged file lead to, besides Arrow's own errors
        raise ValueError(str(error) or type(error).__name__) from None


def numbers(path: Path, cells: pd.Series) -> pd.Series:
    """The numbers that the cells of a column of `read_table` spell. Raises UserError for any other text."""
    found = pd.to_numeric(cells, errors="coerce")
    wrong = cells[found.isna() & cells.notna()]
    if len(wrong):
        comma = "; write decimals with a point" if re.fullmatch(r"\s*-?\d*,\d+\s*", str(wrong.iloc[0])) else ""
        raise UserError(
            f"{path}, column {cells.name!r}, row {wrong.index[0]}: {wrong.iloc[0]!r} is not a number{comma}."
        )
    return found


def _separator(path: Path) -> str:
    """What stands between the names of the header: a comma, else a semicolon, else a tab."""
    with open(path, encoding="utf-8") as file:
        header = next((line for line in file if line.strip()), "")
    return next((mark for mark in ",;\t" if mark in header), ",")


def read_csv(path: Place, **options: Any) -> pd.DataFrame:
    """`pandas.read_csv`, but rows that are longer than the header raise pandas' ParserWarning.

    By itself pandas takes the first cells of such rows for row names, and every column for its neighbour.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        with opened(path) as file:
            return pd.read_csv(file, index_col=False, **options)


def read_rows(
    path: Place,
    columns: Sequence[str] = (),
    advice: str = "restore it, or delete it and begin anew",
    **options: Any,
) -> pd.DataFrame:
    """A table of any content that emotf wrote, a history or scores.

    Args:
        path: of a CSV file.
        columns: that it must have.
        advice: what to do about a file that is damaged.
        options: of `pandas.read_csv`.

    Raises:
        UserError: the file is missing, damaged, or lacks a column.
    """
    try:
        table = read_csv(path, **options)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; restore it.") from None
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:  # pandas' own are ValueErrors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} is damaged ({reason}); {advice}.") from None
    for name in columns:
        if name not in table.columns:
            raise UserError(f"{path} is damaged (no column {name!r}); {advice}.")
    return table


def _clock(path: Path, times: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """Start and hop of evenly spaced times, the rate snapped to a whole number where it is one but for rounding."""
    if not np.isfinite(times).all():
        raise UserError(f"{path}, row {rows[(~np.isfinite(times)).argmax()]}: the time is missing.")
    if len(times) < 2:
        raise UserError(f"{path} has one row only; a track needs at least two to know its rate.")
    steps = np.diff(times)
    if (steps <= 0).any():
        late = int((steps <= 0).argmax()) + 1
        raise UserError(f"{path}, row {rows[late]}: time {times[late]:g} does not come after {times[late - 1]:g}.")
    start, hop = float(times[0]), float(times[-1] - times[0]) / (len(times) - 1)
    if hop * FASTEST_HZ < 1:
        raise UserError(f"{path}: rows are {hop:g} s apart, which are no times; column 'time' is in seconds.")
    if hop > 10:
        raise UserError(f"{path}: rows are {hop:g} apart; did you supply milliseconds? Column 'time' is in seconds.")

    def misfit(hop: float) -> np.ndarray:
        return np.abs(times - start - np.arange(len(times)) * hop)

    whole = 1.0 / max(round(1.0 / hop), 1)
    rounded = abs(whole - hop) <= max(MISFIT * hop, PRINTED / (len(times) - 1))
    if rounded and misfit(whole).max() < JITTER * hop:
        return start, whole
    if (misfit(hop) > JITTER * hop).any():
        odd = int(np.abs(steps - np.median(steps)).argmax())
        raise UserError(
            f"{path}, row {rows[odd + 1]}: times are not evenly spaced (a step of {steps[odd]:g} s where "
            f"{np.median(steps):g} s is usual); fill the gap or resample the file."
        )
    return start, hop
