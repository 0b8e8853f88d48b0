"""What every corpus offers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from emotf.recording import Recording
from emotf.track import Track


@dataclass
class Corpus(ABC):
    """A collection of recordings with ratings, read in its published layout.

    Attributes:
        dir: the folder that holds the corpus.
        licence: how a user obtains the corpus, and under which terms.
        targets_are: what the targets of this corpus *are*, in words that go into every report.
    """

    dir: str = ""

    licence: ClassVar[str] = ""
    targets_are: ClassVar[str] = "continuous ratings"

    @property
    def name(self) -> str:
        """The name of the corpus, and of the folder of its records: its module's file name."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def path(self) -> Path:
        return Path(self.dir).expanduser()

    def prepare(self) -> None:  # noqa: B027  (most corpora need none)
        """Writes what must exist before reading (generated or composed media); does nothing where it exists."""

    @property
    @abstractmethod
    def targets(self) -> tuple[str, ...]:
        """The names of the rated targets, for example ("arousal", "valence")."""

    @abstractmethod
    def recordings(self) -> tuple[Recording, ...]:
        """All recordings, sorted by id. Raises UserError where the layout is not as published."""

    @abstractmethod
    def ratings(self, recording: Recording, target: str) -> Track | None:
        """One channel a rater (or the one channel `gold`), NaN where unrated; None where the target was not rated."""
