"""Streams that a reader cuts out of published files, in a folder of the user's own: never in the corpus."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emotf.corpora.folder import visible
from emotf.errors import UserError
from emotf.files import read_json, write_json

RECORD = "source.json"


def claim(folder: str, sources: Iterable[Path], **settings: Any) -> Path:
    """The folder for derived streams, marked with what they come from, so that those of other files are never mixed in.

    Args:
        folder: new, empty, or claimed before for the same sources and settings.
        sources: the published files; names and sizes count.
        settings: JSON values that decide what is derived.

    Raises:
        UserError: the folder holds something else.
    """
    home = Path(folder).expanduser()
    listing = "\n".join(f"{path.name} {path.stat().st_size}" for path in sorted(sources))
    wanted = {**settings, "source_digest": hashlib.sha256(listing.encode()).hexdigest()}
    record = home / RECORD
    if record.is_file():
        if read_json(record) != wanted:
            raise UserError(f"{home} holds streams of other files or settings ({RECORD}); remove it to write them "
                            f"anew, or choose another streams_to.")  # fmt: skip
    elif visible(home) or (home.exists() and not home.is_dir()):
        raise UserError(f"{home} is not empty and has no {RECORD}; choose another folder for streams_to.")
    else:
        write_json(record, wanted)
    return home


def deal(ids: Iterable[str], folds: int) -> dict[str, str]:
    """Id -> session `1` to `folds`, in turns over the sorted ids; for corpora without partitions of their own.

    Raises:
        UserError: there are fewer than two folds.

    Example:
        >>> deal(["c", "a", "b"], folds=2)
        {'a': '1', 'b': '2', 'c': '1'}
    """
    if folds < 2:
        raise UserError(f"Folds are 2 or more, received folds={folds}.")
    return {name: str(place % folds + 1) for place, name in enumerate(sorted(ids))}
