"""The streams of one corpus on disk, and who is in them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emotf.errors import UserError
from emotf.files import read_json, write_json
from emotf.recording import Recording
from emotf.records.stream import GOLD, Stream


class Store:
    """All streams of one corpus on disk.

    Args:
        folder: `<records>/<corpus>`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def stream(self, name: str) -> Stream:
        """A stream by name; it need not exist yet."""
        return Stream(self.folder / name)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of what was extracted, the gold standard left out."""
        return tuple(sorted(p.parent.name for p in self.folder.glob("*/schema.json") if p.parent.name != GOLD))

    def describe(self, corpus: dict[str, Any], targets_are: str, recordings: Iterable[Recording]) -> None:
        """Writes who is in the store; `corpus` is how it was read.

        Raises:
            UserError: the store holds the records of another folder.
        """
        corpus = corpus | {"dir": str(Path(corpus["dir"]).resolve())}
        if (self.folder / "recordings.json").is_file() and (old := self._about()["corpus"])["dir"] != corpus["dir"]:
            raise UserError(
                f"{self.folder} holds the records of {old['dir']}, not of {corpus['dir']}; choose another "
                "--config.data.records, or delete that folder."
            )
        people = [
            {"id": r.id, "subject": r.subject, "session": r.session, "partition": r.partition} for r in recordings
        ]
        write_json(
            self.folder / "recordings.json", {"corpus": corpus, "targets_are": targets_are, "recordings": people}
        )

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """Who is in the store (without media). Raises UserError where nothing was extracted."""
        return tuple(Recording(**person) for person in self._about()["recordings"])

    @property
    def targets_are(self) -> str:
        """What the targets of this corpus are, for reports."""
        return str(self._about()["targets_are"])

    @property
    def targets(self) -> tuple[str, ...]:
        """The channels of the gold standard."""
        return self.stream(GOLD).schema.channels

    def fingerprint(self, streams: Iterable[str]) -> str:
        """A digest of who is where, of some streams and of the gold standard: what a run was trained on."""
        people = [[r.id, r.subject, r.session, r.partition] for r in self.recordings]
        digest = hashlib.sha256(json.dumps(people).encode())
        for name in sorted({*streams, GOLD}):
            stream = self.stream(name)
            content = {id_: entry.sha256 for id_, entry in stream.completed.items()}
            digest.update(json.dumps([name, asdict(stream.schema), content], sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def _about(self) -> dict[str, Any]:
        path = self.folder / "recordings.json"
        if not path.is_file():
            raise UserError(f"{self.folder} holds no records; run tools/extract.py first.")
        return dict(read_json(path))
