"""Unpickling without trust: a pickle may have anything called, and these files need arrays of numbers at most.

Not even NumPy is trusted with what a file says: its own types take states that bring the process down. What a pickle
calls NumPy's are stand-ins here, and an array is made of its bytes once kind, shape and size are known to agree.
"""

import io
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
            raise pickle.UnpicklingError(f"it asks for an array of {text(kind)!r:.40}, which pictures do not need")
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
        raise pickle.UnpicklingError(f"it asks for the encoding {text(encoding)!r}, which pictures do not need")
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


OPCODES = (
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT",
    "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
    "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_DICT",
    "GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GLOBAL", "STACK_GLOBAL", "REDUCE",
)  # fmt: skip


class _Restricted(pickle._Unpickler):  # the one written in Python: the other takes the size of its memo from the file
    """Builds dictionaries, lists, tuples, numbers, text and arrays of numbers, and refuses all else.

    Keys are text or numbers: a tuple of tuples of tuples takes a few bytes to write and ages to hash.
    """

    dispatch: ClassVar[dict[int, Any]] = {ord(getattr(pickle, n)): pickle._Unpickler.dispatch[ord(getattr(pickle, n))]
                                          for n in OPCODES}  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in CALLS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which pictures do not need")
        return CALLS[module, name]

    def _build(self: Any) -> None:
        if not isinstance(self.stack[-2], _Array | _Dtype):
            raise pickle.UnpicklingError("it changes what pictures do not need")
        self.load_build()

    dispatch[pickle.BUILD[0]] = _build

    def _dict(self: Any) -> None:
        items = self.pop_mark()
        self.append(_pairs(items))

    dispatch[pickle.DICT[0]] = _dict

    def _set_items(self: Any) -> None:
        self._into(self.pop_mark())

    dispatch[pickle.SETITEMS[0]] = _set_items

    def _set_item(self: Any) -> None:
        self._into([self.stack.pop() for _ in range(2)][::-1])

    dispatch[pickle.SETITEM[0]] = _set_item

    def _into(self: Any, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict:
            raise pickle.UnpicklingError("it puts entries into what is no dictionary")
        self.stack[-1].update(_pairs(items))


def _pairs(items: list[Any]) -> dict[Any, Any]:
    keys = items[::2]
    if not all(isinstance(key, str | bytes | int | float | None) for key in keys):
        raise pickle.UnpicklingError("it has keys that are neither text nor numbers")
    return dict(zip(keys, items[1::2], strict=True))


def read_pickle(path: Path) -> dict[str, Any]:
    """A pickled dictionary, of Python 2 or 3, with its keys as text and its arrays as arrays.

    Raises:
        UserError: the file is missing, cut short, no pickle of a dictionary, or holds anything but plain values and
            NumPy arrays of numbers.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; unpack the whole archive.")
    try:
        # in memory, where reading takes no more than is there, whatever length an opcode states
        content = _Restricted(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except Exception as error:  # whatever the opcodes of a damaged file lead to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be unpickled ({reason}); it is damaged or not the published file, unpack the "
                        f"archive anew.") from None  # fmt: skip
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, expected a dictionary; unpack the archive anew.")
    return {text(key): value.array if isinstance(value, _Array) else value for key, value in content.items()}


def text(value: object) -> str:
    """What Python 2 called a string; of anything but text and numbers, what it is."""
    if isinstance(value, bytes):
        return value.decode("latin1")
    return str(value) if isinstance(value, str | int | float | None) else type(value).__name__


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
