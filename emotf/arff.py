"""Tables in ARFF, as openSMILE and the AVEC packages write them.

Conventions
    Read: `@relation`, `@attribute <name> <type>`, `@data` in any case, comments (`%`), blank lines anywhere, CRLF or
    LF, a byte order mark, names and cells in single or double quotes, `?` for missing. Not read: sparse rows (`{0 1}`).
    Line numbers count from 1, so that an error names the line that an editor shows.
"""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from emotf.errors import UserError
from emotf.files import write_text

# Columns that stand beside the channels, by the names that circulate; the first group holds seconds.
TIMES = ("frameTime", "frametime", "timeStamp", "TimeStamp", "timestamp")
LABELS = ("name", "class", "Instance_name")

_ATTRIBUTE = re.compile(r"@attribute\s+(?:'([^']*)'|\"([^\"]*)\"|(\S+))\s+(\S.*)", re.IGNORECASE)


def read_arff(path: Path) -> pd.DataFrame:
    """The data of an ARFF file, one column an attribute, indexed by line number.

    A column of `TIMES` is called `time`; columns of `LABELS` are dropped. A cell `?` is NaN.

    Args:
        path: of the file, UTF-8.

    Raises:
        UserError: the file is empty, not ARFF, lacks rows, or a row has more or fewer cells than attributes.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "gold.arff"
        >>> size = path.write_text("@relation g\\n@attribute name string\\n@attribute frameTime numeric\\n"
        ...                        "@attribute gold numeric\\n@data\\n\\ndev_1,0,?\\ndev_1,0.04,0.5\\n")
        >>> read_arff(path).columns.tolist()
        ['time', 'gold']
    """
    lines = _lines(path)
    names, begin = _header(path, lines)
    numbers, rows = [], []
    for number, line in enumerate(lines[begin:], start=begin + 1):
        row = line.strip()
        if row and row[0] != "%":
            _check_row(path, number, row, len(names))
            numbers.append(number)
            rows.append(row)
    if not rows:
        raise UserError(f"{path} has a header and no rows; restore the file.")
    text = "\n".join(rows)
    quote = "'" if "'" in text else '"'
    try:
        table = pd.read_csv(
            io.StringIO(text), header=None, names=range(len(names)), index_col=False, skipinitialspace=True,
            quotechar=quote, na_values=["?", "? "], keep_default_na=False,
        )  # fmt: skip
    except (ValueError, OverflowError) as error:  # pandas' own are ValueErrors
        raise UserError(f"{path} cannot be read as a table ({str(error).strip()}); restore the file.") from None
    if len(table) != len(rows):
        raise UserError(f"{path}: {len(rows)} lines of data are {len(table)} rows; a quote is not closed, mend it.")
    # a column with nothing but '?' or with text stays what it is; `tables` names the cell that is no number
    table.index = pd.Index(numbers)
    kept = [place for place, name in enumerate(names) if name not in LABELS]
    table = table[kept]
    table.columns = ["time" if names[place] in TIMES else names[place] for place in kept]
    return table


def arff_shape(path: Path) -> tuple[int, tuple[str, ...]]:
    """Number of rows and names of the channels (no labels, no times), without reading the numbers.

    Raises:
        UserError: the file is empty or not ARFF.
    """
    lines = _lines(path)
    names, begin = _header(path, lines)
    rows = sum(1 for line in lines[begin:] if line.strip() and line.strip()[0] != "%")
    return rows, tuple(name for name in names if name not in (*TIMES, *LABELS, "time"))


def write_arff(path: Path, relation: str, instance: str, times: np.ndarray, columns: dict[str, list[str]]) -> None:
    """Writes, whole or not at all, the layout of the AVEC packages: name, time, columns; CRLF, blank lines at `@data`.

    Args:
        path: of the file.
        relation: name of the table.
        instance: name of the recording, first cell of every row.
        times: [frames] seconds.
        columns: name -> [frames] cells as text (`?` for missing).
    """
    head = [f"@relation {relation}", "", "@attribute Instance_name string", "@attribute frameTime numeric"]
    head += [f"@attribute {name} numeric" for name in columns]
    rows = (
        f"{instance},{time:g},{','.join(cells)}"
        for time, cells in zip(times, zip(*columns.values(), strict=True), strict=True)
    )
    text = "\r\n".join([*head, "", "", "@data", "", *rows, ""])
    write_text(path, text)


def _lines(path: Path) -> list[str]:
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
    if not text.strip():
        raise UserError(f"{path} is empty; restore the file.")
    # not splitlines: that also breaks lines at characters which are no line ends in a text file
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _header(path: Path, lines: list[str]) -> tuple[list[str], int]:
    """Names of the attributes, stripped, and the index of the line after `@data`."""
    names: list[str] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        word = text.split(None, 1)[0].lower() if text else ""
        if word == "@data":
            if not names:
                raise UserError(f"{path}, line {number}: '@data' without any '@attribute' before it; restore the file.")
            return names, number
        if word == "@attribute":
            match = _ATTRIBUTE.match(text)
            if not match:
                raise UserError(f"{path}, line {number}: {text[:60]!r} is no attribute (expected '@attribute name "
                                f"type'); mend the line.")  # fmt: skip
            names.append(next(part for part in match.groups()[:3] if part is not None).strip())
        elif text and text[0] != "%" and word != "@relation":
            raise UserError(f"{path}, line {number}: {text[:60]!r} does not belong into the header of an ARFF file; is "
                            f"it one?")  # fmt: skip
    raise UserError(f"{path} has no line '@data'; it is cut short or no ARFF file.")


def _check_row(path: Path, number: int, row: str, width: int) -> None:
    if row[0] == "{":
        raise UserError(f"{path}, line {number}: a sparse row ('{{'); write the table densely.")
    cells = row.count(",") + 1
    quote = next((mark for mark in "'\"" if mark in row), "")
    if quote:
        try:
            cells = len(next(csv.reader([row], quotechar=quote, skipinitialspace=True)))
        except csv.Error as error:
            raise UserError(f"{path}, line {number}: {error}; mend the line.") from None
    if cells != width:
        raise UserError(f"{path}, line {number}: {cells} cells where {width} attributes are declared (decimal commas? "
                        f"a cut line?); mend the line.")  # fmt: skip
