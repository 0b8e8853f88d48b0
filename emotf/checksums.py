"""Files that are read again later as they were written, or are refused: a digest in one place, checked on reading.

A folder's `checksums.json` promises the SHA-256 of files in it (JSON has its digest inside,
`emotf.files.write_sealed`). The new content is promised before it appears, and beside it what it takes the place of: so
a process that is killed between the two leaves a file that is promised, whichever of both it is.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emotf.errors import UserError
from emotf.files import read_json, remove_remains, sha256, write_sealed, written_aside
from emotf.progress import say

NAME = "checksums.json"


@contextmanager
def promised(path: Path) -> Iterator[Path]:
    """`emotf.files.written_aside`, and `checked` then knows what was written; remains of killed writers are removed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.parent), written_aside(path) as aside:
        for name in (path.name, NAME):
            remove_remains(path.parent, name)
        yield aside
        promises = _promises(path.parent)
        known = promises.get(path.name, [])
        old = sha256(path) if path.is_file() and known else ""
        promises[path.name] = list(dict.fromkeys([sha256(aside), *({old} & set(known))]))
        write_sealed(path.parent / NAME, promises)


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
    path = folder / NAME
    found: dict[str, list[str]] = read_json(path) if path.is_file() else {}
    return found


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
