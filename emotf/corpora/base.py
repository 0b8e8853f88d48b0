"""What every corpus offers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from emotf.corpora._examination import Finding, of_recordings
from emotf.errors import UserError
from emotf.recording import Recording
from emotf.track import Track

TWIN = "TWIN.txt"  # in the root of a corpus folder: all of it is synthetic


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

    def described(self) -> str:
        """What the targets of this very folder are: `targets_are`, or that they are a synthetic twin's."""
        if self.dir and (self.path / TWIN).is_file():
            return f"SYNTHETIC TWIN of the layout of {self.name}, planted truth and no person's ratings"
        return self.targets_are

    def notes(self) -> tuple[str, ...]:
        """What somebody must know who takes `recordings` for the whole corpus, such as what is left out and why."""
        return ()

    def layout(self) -> Iterable[Finding]:
        """Findings about folders and files of the published layout; none by default."""
        return ()

    def examine(self) -> tuple[Finding, ...]:
        """What the folder holds against what the layout expects; reads all ratings, and raises nothing for the user.

        Every UserError that reading would meet becomes a finding that is `needed`.
        """
        found: list[Finding] = []
        if self.dir and (self.path / TWIN).is_file():
            found.append(Finding(TWIN, self.described(), advice="use it to try things out; report no score of it"))
        try:
            found += self.layout()
            recordings, targets = self.recordings(), self.targets
            found += [Finding("note", note) for note in self.notes()]
        except UserError as error:
            return (*found, Finding("corpus", "cannot be read", advice=str(error), needed=True))
        return (*found, *of_recordings(recordings, targets, self.ratings))

    def write_twin(self, folder: Path, seed: int = 0) -> Self:
        """Writes a tiny synthetic corpus in the published layout, and returns the corpus that reads it.

        Args:
            folder: new or empty.
            seed: decides all content.

        Raises:
            UserError: this corpus has no twin, or the folder holds something.
        """
        del folder, seed
        raise UserError(f"Corpus {self.name!r} has no twin; corpora that are read in a published layout have one.")

    def root(self) -> Path:
        """The folder of the corpus. Raises UserError, with the way to obtain it, where there is none."""
        if not self.dir:
            raise UserError(f"Corpus {self.name!r} needs the folder that holds it; set its field dir ({self.licence}).")
        if not self.path.is_dir():
            raise UserError(f"Corpus folder {self.path} is missing; correct dir, or obtain it ({self.licence}).")
        return self.path
