"""What every corpus offers."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from emotf.collection import TWIN, Collection
from emotf.corpora._examination import Finding, of_recordings
from emotf.errors import UserError
from emotf.recording import Recording
from emotf.track import Track


@dataclass
class Corpus(Collection):
    """A collection of recordings with ratings, read in its published layout.

    Attributes:
        targets_are: what the targets of this corpus *are*, in words that go into every report.
    """

    targets_are: ClassVar[str] = "continuous ratings"

    def prepare(self) -> None:
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
        if self.is_twin:
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
        if self.is_twin:
            found.append(Finding(TWIN, self.described(), advice="use it to try things out; report no score of it"))
        try:
            found += self.layout()
            recordings, targets = self.recordings(), self.targets
            found += [Finding("note", note) for note in self.notes()]
        except UserError as error:
            return (*found, Finding("corpus", "cannot be read", advice=str(error), needed=True))
        return (*found, *of_recordings(recordings, targets, self.ratings))
