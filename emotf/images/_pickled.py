"""Unpickling without trust: a pickle may have anything called, and these files need arrays of numbers at most."""

import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from emotf.errors import UserError

ARRAYS = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),  # as NumPy 2 writes it
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class _Restricted(pickle.Unpickler):
    """Builds dictionaries, lists, tuples, numbers, text and NumPy arrays, and refuses all else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in ARRAYS:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):  # how Python 3 writes bytes for Python 2
            return _latin1
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which pictures do not need")


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding}, which pictures do not need")
    return text.encode("latin1")


def read_pickle(path: Path) -> dict[str, Any]:
    """A pickled dictionary, of Python 2 or 3, with its keys as text.

    Raises:
        UserError: the file is missing, cut short, no pickle of a dictionary, or holds anything but plain values and
            NumPy arrays of numbers.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; unpack the whole archive.")
    try:
        with open(path, "rb") as file:
            content = _Restricted(file, encoding="bytes").load()
    # whatever the opcodes of a damaged file lead to
    except (pickle.UnpicklingError, EOFError, ArithmeticError, LookupError, MemoryError, TypeError, ValueError,
            AttributeError, ImportError) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be unpickled ({reason}); it is damaged or not the published file, unpack the "
                        f"archive anew.") from None  # fmt: skip
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, expected a dictionary; unpack the archive anew.")
    return {text(key): value for key, value in content.items()}


def text(value: object) -> str:
    """What Python 2 called a string."""
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


class _Python2(pickle._Pickler):  # the one written in Python, whose opcodes can be chosen
    """Writes bytes as Python 2 wrote its strings; Python 3 would write a call instead."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def _save_string(self: Any, value: bytes) -> None:
        short = len(value) < 256
        size = len(value).to_bytes(1 if short else 4, "little")
        self.write((pickle.SHORT_BINSTRING if short else pickle.BINSTRING) + size + value)
        self.memoize(value)

    dispatch[bytes] = _save_string


def write_python2(path: Path, content: dict[bytes, Any]) -> None:
    """A pickle such as Python 2 wrote: protocol 2, strings of bytes."""
    with open(path, "wb") as file:
        _Python2(file, protocol=2).dump(content)


def picture_rows(path: Path, content: dict[str, Any], width: int) -> np.ndarray:
    """The entry `data`, uint8 [pictures, width]. Raises UserError where it is something else."""
    data = content.get("data")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != width:
        what = f"{data.dtype} {list(data.shape)}" if isinstance(data, np.ndarray) else type(data).__name__
        raise UserError(f"{path}: data is {what}, expected uint8 [pictures, {width}]; unpack the archive anew.")
    return data
