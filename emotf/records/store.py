"""The streams of one corpus on disk or on an object store, and who is in them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotf.content import built, names_of
from emotf.errors import UserError
from emotf.files import read_json, remove_remains, write_sealed, written_aside
from emotf.places import Place, place
from emotf.recording import Recording
from emotf.records.jobs import Outcome
from emotf.records.stream import GOLD, Stream
from emotf.tables import read_rows

if TYPE_CHECKING:
    import pandas as pd


# What extraction.csv says of every stream of a recording, first.
MEASURED = {"recording": str, "stream": str, "frames": int, "media_seconds": float, "work_seconds": float}
NO_LOSS = "delete it: it only says how fast extraction was"


class Store:
    """All streams of one corpus on disk.

    Args:
        folder: `<records>/<corpus>`, on this machine or a URL of an object store.
    """

    def __init__(self, folder: str | Place) -> None:
        self.folder = place(folder)

    def stream(self, name: str) -> Stream:
        """A stream by name; it need not exist yet."""
        return Stream(self.folder / name)

    @property
    def begun(self) -> bool:
        """Whether it says who is in it."""
        return (self.folder / "recordings.json").is_file()

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of what was extracted, the gold standard left out."""
        return tuple(sorted(p.parent.name for p in self.folder.glob("*/schema.json") if p.parent.name != GOLD))

    def describe(self, corpus: dict[str, Any], targets_are: str, recordings: Iterable[Recording]) -> None:
        """Writes who is in the store; `corpus` is how it was read, without `dir` where it is but a heap of files.

        Raises:
            UserError: the store holds the records of another folder.
        """
        if "dir" in corpus:
            corpus = corpus | {"dir": str(Path(corpus["dir"]).resolve())}
        mine = corpus.get("dir", "unrated media")
        if self.begun:
            old = self._about().corpus.get("dir", "unrated media")
            if old != mine:
                raise UserError(
                    f"{self.folder} holds the records of {old}, not of {mine}; choose another folder for the records, "
                    "or delete that one."
                )
        people = [
            {"id": r.id, "subject": r.subject, "session": r.session, "partition": r.partition} for r in recordings
        ]
        write_sealed(
            self.folder / "recordings.json", {"corpus": corpus, "targets_are": targets_are, "recordings": people}
        )

    @property
    def read_as(self) -> dict[str, Any]:
        """The settings of the corpus as it was read. Raises UserError where nothing was extracted."""
        return self._about().corpus

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """Who is in the store (without media). Raises UserError where nothing was extracted."""
        return tuple(Recording(**asdict(person)) for person in self._about().recordings)

    @property
    def targets_are(self) -> str:
        """What the targets of this corpus are, for reports."""
        return self._about().targets_are

    @property
    def targets(self) -> tuple[str, ...]:
        """The channels of the gold standard."""
        return self.stream(GOLD).schema.channels

    def write_speeds(self, outcomes: Iterable[Outcome]) -> None:
        """Keeps how fast streams were extracted, beside what is known of earlier extractions: extraction.csv."""
        import pandas as pd

        path = self.folder / "extraction.csv"
        remove_remains(self.folder)
        rows = []
        for outcome in outcomes:
            assert outcome.entry is not None  # it was written
            media, work = outcome.entry.frames * outcome.hop, max(outcome.seconds, 1e-3)
            rows.append([outcome.recording, outcome.stream, outcome.entry.frames, media, work])
        if not rows:
            return
        table = pd.DataFrame(rows, columns=[*MEASURED])
        table["frames_per_second"] = table["frames"] / table["work_seconds"]
        table["times_real_time"] = table["media_seconds"] / table["work_seconds"]
        if (old := self.speeds) is not None:
            table = pd.concat([old, table]).drop_duplicates(["recording", "stream"], keep="last")
        with written_aside(path) as aside:
            table.sort_values(["stream", "recording"]).round(3).to_csv(aside, index=False)

    @property
    def speeds(self) -> "pd.DataFrame | None":
        """What `write_speeds` kept. Raises UserError where the file is damaged."""
        path = self.folder / "extraction.csv"
        return read_rows(path, list(MEASURED), NO_LOSS, dtype=MEASURED) if path.is_file() else None

    def write_media(self, outcomes: Iterable[Outcome]) -> None:
        """Keeps the SHA-256 of the files that streams were made from, beside what is known of other media: media.json.

        What is known of recordings that left the store leaves it, too.
        """
        found = self.media
        for outcome in outcomes:
            found[outcome.recording] = {**found.get(outcome.recording, {}), **outcome.media}
        here = {recording.id for recording in self.recordings}
        write_sealed(
            self.folder / "media.json", {name: of for name, of in sorted(found.items()) if name in here and of}
        )

    @property
    def media(self) -> dict[str, dict[str, str]]:
        """Recording -> medium -> SHA-256 of its file; empty in a store of an older version."""
        path = self.folder / "media.json"
        return (
            {name: names_of(of, f"{path}, {name}") for name, of in names_of(read_json(path), str(path)).items()}
            if path.is_file()
            else {}
        )

    def fingerprint(self, streams: Iterable[str]) -> str:
        """A digest of who is where, of some streams and of the gold standard: what a run was trained on."""
        people = [[r.id, r.subject, r.session, r.partition] for r in self.recordings]
        digest = hashlib.sha256(json.dumps(people).encode())
        for name in sorted({*streams, GOLD}):
            stream = self.stream(name)
            content = {id_: entry.sha256 for id_, entry in stream.completed.items()}
            digest.update(json.dumps([name, asdict(stream.schema), content], sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def _about(self) -> "_About":
        path = self.folder / "recordings.json"
        if not self.begun:
            raise UserError(f"{self.folder} holds no records; run tools/extract.py first.")
        return built(_About, read_json(path), str(path))


@dataclass(frozen=True)
class _Person:
    id: str
    subject: str
    session: str
    partition: str


@dataclass(frozen=True)
class _About:
    """What recordings.json holds."""

    corpus: dict[str, Any]
    targets_are: str
    recordings: tuple[_Person, ...]
