"""Files of NumPy arrays, read without trust: nothing is unpickled, no memory is taken for bytes that are not there."""

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from emotf.errors import UserError
from emotf.places import Place, opened


def read_array(path: Path) -> np.ndarray:
    """The array of an `.npy` file.

    Raises:
        UserError: the file is missing, damaged, or holds objects.
    """
    try:
        with open(path, "rb") as file:
            _check_size(file, Path(path).stat().st_size)
            # by name: NumPy would take what follows the array in an open file for another one
            return np.asarray(np.load(path, allow_pickle=False))
    except Exception as error:  # whatever the bytes of a damaged header lead to
        raise UserError(f"{path} is not a NumPy array file ({_reason(error)}).") from None


def read_arrays(path: Place, advice: str) -> dict[str, np.ndarray]:
    """Name -> array of an `.npz` file that `np.savez` wrote.

    Args:
        path: of the file.
        advice: the end of the message: what to do.

    Raises:
        UserError: the file is missing or damaged, is compressed, or holds objects.
    """
    try:
        # opened here: of a damaged file NumPy would leave its own open
        with opened(path) as file:
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    if member.compress_type != zipfile.ZIP_STORED:
                        raise ValueError(f"{member.filename} is compressed")
                    with archive.open(member) as array:
                        _check_size(array, member.file_size)
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: np.asarray(arrays[name]) for name in arrays.files}
    except Exception as error:  # whatever the bytes of a damaged file lead to
        raise UserError(f"{path} is damaged ({_reason(error)}); {advice}") from None


def _check_size(file: IO[bytes], size: int) -> None:
    """Raises ValueError where a header promises more than its `size` bytes can hold."""
    version = np.lib.format.read_magic(file)
    readers: dict[Any, Any] = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version[0]}.{version[1]} of the format")
    shape, _, kind = readers[version](file)
    promised = math.prod(shape) * kind.itemsize
    if kind.hasobject:
        raise ValueError("it holds Python objects")
    if min(shape, default=0) < 0 or promised > size:
        raise ValueError(f"{promised} bytes promised, at most {size} there")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0]
