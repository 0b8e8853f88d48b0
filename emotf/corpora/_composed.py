"""Corpora that write themselves to disk in the folder layout before they are read."""

import io
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotf.corpora.folder import Folder, visible
from emotf.errors import UserError
from emotf.files import read_json, remove_remains, write_json, written_aside
from emotf.progress import progress
from emotf.recording import Recording


@dataclass
class Composed(Folder):
    """A folder corpus whose `prepare` writes the folder.

    `<name>.json` (the parameters) is written first, then recording by recording, and recordings.csv last: where it
    is, the corpus is complete. An interrupted `prepare` goes on where it stopped. A folder that was written with
    other parameters, or that holds something else, is refused and left as it is.
    """

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """What decides the content, as JSON values; raises UserError where it cannot be.

        A key that is left out is not compared with the folder.
        """

    @abstractmethod
    def plan(self) -> list[dict[str, str]]:
        """The rows of recordings.csv: id, subject, session, and a path below `dir` for every medium."""

    @abstractmethod
    def compose(self, row: dict[str, str]) -> None:
        """Writes the media and ratings of one row of the plan; every file whole, media before ratings."""

    @abstractmethod
    def composed(self) -> tuple[str, ...]:
        """The targets that `compose` writes, in the order in which it writes them."""

    def prepare(self) -> None:
        """Writes the corpus into `dir`, or what of it is missing; does nothing where it is complete.

        Raises:
            UserError: `dir` holds a corpus of other parameters or foreign files, or the parameters cannot be.
        """
        if not self.dir:
            raise UserError(f"Corpus {self.name!r} needs a folder to write itself to; set its field dir.")
        wanted = self.parameters()
        record = self.path / f"{self.name}.json"
        if record.is_file():
            self._check_parameters(record, wanted)
        elif visible(self.path) or (self.path.exists() and not self.path.is_dir()):
            raise UserError(f"{self.path} exists and has no {record.name}, so it is no corpus {self.name!r}; choose "
                            f"another dir or empty it.")  # fmt: skip
        if (self.path / "recordings.csv").is_file():
            return
        rows = self.plan()
        if not record.is_file():
            write_json(record, wanted)
        # the last target's file is written last, so it stands for the whole recording
        last = self.path / "ratings" / self.composed()[-1]
        for row in progress([row for row in rows if not (last / f"{row['id']}.csv").is_file()], f"corpus {self.name}"):
            self.compose(row)
        remove_remains(self.path, below=True)
        with written_aside(self.path / "recordings.csv") as aside:
            pd.DataFrame(rows).to_csv(aside, index=False)

    def recordings(self) -> tuple[Recording, ...]:
        """All recordings, sorted by id; raises UserError where `prepare` has not finished."""
        if self.dir and not (self.path / "recordings.csv").is_file():
            raise UserError(f"Corpus {self.name!r} in {self.path} is not complete (no recordings.csv); prepare it "
                            f"first.")  # fmt: skip
        return super().recordings()

    def _check_parameters(self, record: Path, wanted: dict[str, Any]) -> None:
        found = read_json(record)
        for key, value in wanted.items():
            if not isinstance(found, dict) or found.get(key) != value:
                there = found.get(key) if isinstance(found, dict) else found
                raise UserError(f"{self.path} was written with {key} = {there!r}, asked for is {value!r}; choose "
                                f"another dir, or remove that folder to write it anew.")  # fmt: skip


def write_sound(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    """Writes int16 [samples] as a mono 16-bit PCM WAV, whole or not at all."""
    import soundfile

    sound = io.BytesIO()  # of a full disk soundfile would only say "System error."
    soundfile.write(sound, samples, rate_hz, subtype="PCM_16", format="WAV")
    with written_aside(path) as aside:
        aside.write_bytes(sound.getvalue())
