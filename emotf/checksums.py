"""Files that are read again later as they were written, or are refused: a digest in one place, checked on reading.

A folder's `checksums.jsonl` promises the SHA-256 of files in it (JSON has its digest inside,
`emotf.files.write_sealed`), a line a writing: the name, the digests that the file may have, and a digest of the line.
The new content is promised before it appears, and beside it what it takes the place of: so a process that is killed
between the two leaves a file that is promised, whichever of both it is. Lines are added, so that the time to write a
folder of many files grows with their number, not with its square.
"""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from emotf.errors import UserError
from emotf.files import remove_remains, sha256, written_aside
from emotf.progress import say

NAME = "checksums.jsonl"


@contextmanager
def promised(path: Path) -> Iterator[Path]:
    """`emotf.files.written_aside`, and `checked` then knows what was written; remains of killed writers are removed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.parent), written_aside(path) as aside:
        remove_remains(path.parent, path.name)
        yield aside
        digest = sha256(aside)
        # a new file needs no look at the promises of all others
        known = _promises(path.parent).get(path.name, []) if path.is_file() else []
        if digest not in known:
            stays = {sha256(path)} & set(known) if known else set()
            _add(path.parent / NAME, _line(path.name, [digest, *stays]))


def checked(path: Path, advice: str) -> Path:
    """A path, where its file holds what was promised. A file that is missing is left to who reads it.

    Args:
        path: written by `promised`; a file of an older version, which promised nothing, is taken as it is.
        advice: what to do about a file that is damaged.

    Raises:
        UserError: the file holds something else.
    """
    path = Path(path)
    if path.is_file():
        known = _promises(path.parent).get(path.name)
        if known is None:
            _say_unchecked(path)
        elif sha256(path) not in known:
            raise UserError(f"{path} is damaged, or was changed after it was written ({NAME} beside it); {advice}.")
    return path


def _promises(folder: Path) -> dict[str, list[str]]:
    """Name -> the digests that the last line about it allows."""
    path = folder / NAME
    if not path.is_file():
        return {}
    now = path.stat()
    return _read(path, now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=4)  # who reads the files of a folder asks once for each
def _read(path: Path, mtime_ns: int, size: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):  # what follows the last end of line was never finished
        try:
            name, digests, _ = json.loads(line)
            if _line(name, digests) != line:
                raise ValueError
        except (ValueError, TypeError):
            raise UserError(
                f"{path} is damaged (line {number}); restore it, or delete it if you know its files to be whole."
            ) from None
        found[name] = digests
    return found


def _line(name: str, digests: list[str]) -> bytes:
    return json.dumps([name, digests, hashlib.sha256(json.dumps([name, digests]).encode()).hexdigest()[:16]]).encode()


def _add(path: Path, line: bytes) -> None:
    """Adds a line, on disk when this returns; what a killed process had not finished is cut off."""
    with open(path, "ab+") as file:
        whole = file.seek(0, os.SEEK_END)
        while whole and _byte(file, whole - 1) != b"\n":
            whole -= 1
        file.truncate(whole)
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _byte(file: BinaryIO, at: int) -> bytes:
    file.seek(at)
    return file.read(1)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two processes that write into one folder do so one after the other, or one would lose the other's promise."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


_said: list[Path] = []


def _say_unchecked(path: Path) -> None:
    """Once is enough."""
    if not _said:
        _said.append(path)
        say(f"{path} is of a version that kept no checksums; such files are taken as they are")
