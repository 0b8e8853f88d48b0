"""Files that appear whole or not at all."""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emotf.errors import UserError
from emotf.places import Place, Remote


@contextmanager
def written_aside(path: Place) -> Iterator[Path]:
    """Yields a path beside `path` to write to; on success it is flushed to disk and renamed to `path`.

    An exception removes what was written and leaves `path` as it was, so that a reader never meets half a file. The
    suffix is kept (`trace.csv` is written as `.trace.1234.csv`), because some writers choose their format by it.
    What goes to an object store is written to a temporary file of this machine and uploaded.
    """
    if isinstance(path, Remote):
        with tempfile.TemporaryDirectory() as folder:
            yield (aside := Path(folder) / path.name)
            path.upload(aside)
        return
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # named at random: threads share the process, and machines on shared folders may share its number
    aside = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield aside
        with open(aside, "rb") as written:
            os.fsync(written.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Place, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Place, content: Any) -> None:
    """Writes indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_new_json(path: Place, content: Any) -> None:
    """Writes a JSON file that does not exist yet; where another process was first, its file stays.

    On an object store, that holds only where the other one has finished: of two that come at once, the later one wins.
    """
    if isinstance(path, Remote):
        if not path.is_file():
            write_json(path, content)
        return
    aside = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.new{path.suffix}")
    try:
        write_json(aside, content)
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links; of two that come at once, the later one may win
            if not path.exists():
                os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def read_json(path: Place) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid JSON ({error}); restore it or write it anew.") from None


def sha256(path: Place) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; of a folder, that of the names and bytes of all files in it."""
    if isinstance(path, Remote):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    path = Path(path)
    if path.is_dir():
        digest = hashlib.sha256()
        for inner in sorted(inner for inner in path.rglob("*") if inner.is_file()):
            digest.update(f"{inner.relative_to(path).as_posix()}\n{sha256(inner)}\n".encode())
        return digest.hexdigest()
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
