"""Unpickling without trust: a pickle may have anything called, and these files need arrays of numbers at most.

Not even NumPy is trusted with what a file says: its own types take states that bring the process down. What a pickle
calls NumPy's are stand-ins here, and an array is made of its bytes once kind, shape and size are known to agree.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from emotf.errors import UserError

# Kinds of numbers that an array may hold.
KINDS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")


class _Dtype:
    """Stands in for `numpy.dtype`: a kind of numbers such as `u1`, and the order of their bytes."""

    def __init__(self, kind: object, *_: object) -> None:
        if text(kind) not in KINDS:
            raise pickle.UnpicklingError(f"it asks for an array of {text(kind)!r}, which pictures do not need")
        self.kind, self.order = text(kind), "="

    def __setstate__(self, state: Any) -> None:
        self.order = text(state[1])


class _Array:
    """Stands in for `numpy.ndarray`."""

    array = np.zeros(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, by_columns, raw = state
        flat, sizes = np.frombuffer(raw, dtype.order + dtype.kind), [int(size) for size in shape]
        self.array = flat.reshape(sizes[::-1]).T if by_columns else flat.reshape(sizes)


def _latin1(written: object, encoding: object) -> bytes:
    if encoding != "latin1" or not isinstance(written, str):
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}, which pictures do not need")
    return written.encode("latin1")


def _stand_in(*_: object) -> _Array:
    return _Array()


CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _stand_in,
    ("numpy._core.multiarray", "_reconstruct"): _stand_in,  # as NumPy 2 writes it
    ("numpy", "ndarray"): _stand_in,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _latin1,  # how Python 3 writes bytes for Python 2
}


class _Restricted(pickle._Unpickler):  # the one written in Python: the other takes the size of its memo from the file
    """Builds dictionaries, lists, tuples, numbers, text and arrays of numbers, and refuses all else."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in CALLS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which pictures do not need")
        return CALLS[module, name]

    def _build(self: Any) -> None:
        if not isinstance(self.stack[-2], _Array | _Dtype):
            raise pickle.UnpicklingError("it changes what pictures do not need")
        self.load_build()

    dispatch[pickle.BUILD[0]] = _build


def read_pickle(path: Path) -> dict[str, Any]:
    """A pickled dictionary, of Python 2 or 3, with its keys as text and its arrays as arrays.

    Raises:
        UserError: the file is missing, cut short, no pickle of a dictionary, or holds anything but plain values and
            NumPy arrays of numbers.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; unpack the whole archive.")
    try:
        with open(path, "rb") as file:
            content = _Restricted(file, encoding="bytes").load()
    except Exception as error:  # whatever the opcodes of a damaged file lead to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be unpickled ({reason}); it is damaged or not the published file, unpack the "
                        f"archive anew.") from None  # fmt: skip
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, expected a dictionary; unpack the archive anew.")
    return {text(key): value.array if isinstance(value, _Array) else value for key, value in content.items()}


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
