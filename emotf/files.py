"""Files that appear whole or not at all."""

import contextlib
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emotf.errors import UserError
from emotf.places import Place, Remote

# The digest that a JSON file has of its own content, under a name that no field and no recording can have.
SEAL, DIGEST = "(checksum)", "sha256:"

# How `written_aside` names what it writes to.
ASIDE = re.compile(r"\..+\.[0-9a-f]{8}(\.new)?(\.\w+)?")


@contextmanager
def written_aside(path: Place) -> Iterator[Path]:
    """Yields a path beside `path` to write to; on success it is flushed to disk and renamed to `path`.

    An exception removes what was written and leaves `path` as it was, so that a reader never meets half a file. The
    suffix is kept (`trace.csv` is written as `.trace.12345678.csv`), because some writers choose their format by it.
    The folder is not flushed: a power cut may take back the last files, as if they had not been written yet. Readers
    meet what is missing (COMPLETED, checksums), and to flush it would double the time of writing small files. What
    goes to an object store is written to a temporary file of this machine and uploaded.
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
    except OSError as error:
        if error.filename in (None, str(aside)):  # many writers do not say which file the disk had no room for
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            aside.unlink()


def remove_remains(folder: Place, name: str = "", below: bool = False) -> None:
    """Removes what killed processes had begun to write; nobody else may be writing there. Object stores have no such.

    Args:
        folder: where they wrote.
        name: of the one file that is meant; all files where it is empty.
        below: in folders of it, too.
    """
    if isinstance(folder, Remote):
        return
    begins = f".{Path(name).stem}." if name else "."
    for path in folder.rglob(".*") if below else folder.glob(".*"):
        if ASIDE.fullmatch(path.name) and path.name.startswith(begins) and path.is_file():
            path.unlink(missing_ok=True)


def write_text(path: Place, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Place, content: Any) -> None:
    """Writes indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_sealed(path: Place, content: Mapping[str, Any]) -> None:
    """Writes indented JSON with a digest of itself, whole or not at all: `read_json` notices what has changed since."""
    write_json(path, {**content, SEAL: _digest(content)})


def write_new_json(path: Place, content: Mapping[str, Any]) -> None:
    """`write_sealed` of a file that does not exist yet; where another process was first, its file stays.

    On an object store, that holds only where the other one has finished: of two that come at once, the later one wins.
    """
    if isinstance(path, Remote):
        if not path.is_file():
            write_sealed(path, content)
        return
    aside = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.new{path.suffix}")
    try:
        write_sealed(aside, content)
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
    """The content of a JSON file, without the digest that `write_sealed` added.

    Raises:
        UserError: the file is missing, is not JSON, or is no longer what was sealed.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, no UTF-8, or a number of thousands of digits
        raise UserError(f"{path} is not valid JSON ({error}); restore it or write it anew.") from None
    if isinstance(content, dict) and _sealed(content) and content.pop(SEAL, "") != _digest(content):
        raise UserError(
            f"{path} is damaged, or was changed after it was written; restore it, or delete its entry {SEAL!r} if you "
            "changed it yourself."
        )
    return content


def _sealed(content: dict[str, Any]) -> bool:
    """Whether there is a seal; of one that is damaged, too, there is something left by which it is known."""
    name, value = next(reversed(content.items()), ("", None))
    return name[:1] == SEAL[0] or name[-1:] == SEAL[-1] or (isinstance(value, str) and value.startswith(DIGEST))


def _digest(content: Mapping[str, Any]) -> str:
    """The SHA-256 of what JSON holds of a mapping, however it is written down."""
    plain = json.loads(json.dumps(content))
    return DIGEST + hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


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
