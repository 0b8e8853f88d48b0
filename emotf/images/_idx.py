"""The IDX format of MNIST and EMNIST: a big-endian header, then uint8; plain or gzipped.

images   00 00 08 03, pictures, rows, columns, then pictures x rows x columns bytes
labels   00 00 08 01, labels, then labels bytes
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from emotf.errors import UserError

IMAGES, LABELS = 0x00000803, 0x00000801
LARGEST = 2**24  # pixels of a picture: a damaged header must not decide what memory is taken
PIECE = 2**20


def find_idx(folders: list[Path], name: str) -> Path:
    """The file of that name, or the same with `.gz`, in the first folder that has one; the plain path if none has."""
    paths = [folder / f"{name}{ending}" for folder in folders for ending in ("", ".gz")]
    return next((path for path in paths if path.is_file()), paths[0])


def read_labels(path: Path) -> np.ndarray:
    """All labels, uint8 [labels].

    Raises:
        UserError: the file is missing, is no IDX file of labels, or holds more or fewer than its header says.
    """
    with _opened(path) as file:
        (count,) = _header(path, file, LABELS, 1)
        found = np.frombuffer(_exactly(path, file, count, f"{count} labels"), np.uint8)
        _at_end(path, file, f"{count} labels")
    return found


def count_images(path: Path) -> tuple[int, int, int]:
    """(pictures, rows, columns) as the header says. Raises UserError as `read_images` does."""
    with _opened(path) as file:
        pictures, rows, columns = _header(path, file, IMAGES, 3)
    if not 0 < rows * columns <= LARGEST:
        raise UserError(f"{path} declares pictures of {columns} x {rows}, expected 1 to {LARGEST} pixels; obtain it "
                        f"again.")  # fmt: skip
    expected = 16 + pictures * rows * columns
    if path.suffix != ".gz" and (size := path.stat().st_size) != expected:
        raise UserError(f"{path} has {size} bytes, its header of {pictures} pictures promises {expected}; it is "
                        f"{'cut short' if size < expected else 'damaged'}, obtain it again.")  # fmt: skip
    return pictures, rows, columns


def read_images(path: Path) -> Iterator[np.ndarray]:
    """The pictures one at a time, uint8 [rows, columns].

    Raises:
        UserError: the file is missing, is no IDX file of pictures, or holds more or fewer than its header says.
    """
    pictures, rows, columns = count_images(path)
    what = f"{pictures} pictures"
    with _opened(path) as file:
        _header(path, file, IMAGES, 3)
        for number in range(pictures):
            data = _exactly(path, file, rows * columns, f"{what}, this is number {number + 1}")
            yield np.frombuffer(data, np.uint8).reshape(rows, columns)
        _at_end(path, file, what)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if not path.is_file():
        raise UserError(f"{path} is missing, nor is it there without or with .gz; restore it.")
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            yield cast(BinaryIO, file)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path} is cut short or damaged ({error}); obtain it again.") from None


def _header(path: Path, file: BinaryIO, magic: int, sizes: int) -> tuple[int, ...]:
    numbers = np.frombuffer(_exactly(path, file, 4 * (1 + sizes), "a header"), ">i4").tolist()
    if numbers[0] != magic or min(numbers) < 0:
        raise UserError(f"{path} begins with 0x{numbers[0] & 0xFFFFFFFF:08x}, expected 0x{magic:08x} (IDX of "
                        f"{'pictures' if magic == IMAGES else 'labels'}) and sizes; obtain it again.")  # fmt: skip
    return tuple(numbers[1:])


def _exactly(path: Path, file: BinaryIO, size: int, what: str) -> bytes:
    data = bytearray()
    while len(data) < size and (piece := file.read(min(size - len(data), PIECE))):
        data += piece
    if len(data) != size:
        raise UserError(f"{path} is cut short: it promises {what}, but only {len(data)} of {size} bytes follow; obtain "
                        f"it again.")  # fmt: skip
    return bytes(data)


def _at_end(path: Path, file: BinaryIO, what: str) -> None:
    if file.read(1):
        raise UserError(f"{path} goes on after the {what} that its header promises; obtain it again.")
