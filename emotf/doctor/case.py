"""What the guards look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from emotf.config import Experiment
from emotf.pipeline import Selection, Standardisation
from emotf.records import Store
from emotf.runs import Run


@dataclass(frozen=True)
class Case:
    """An experiment, and what became of it so far.

    Attributes:
        experiment: what is, or was, trained.
        selection: its gold standards by partition.
        standardised_by: stream -> what it is standardised by; None before training.
        run: where it was trained, if it was.
    """

    experiment: Experiment
    selection: Selection
    standardised_by: Mapping[str, Standardisation] | None = None
    run: Run | None = None

    @cached_property
    def store(self) -> Store:
        """Its records."""
        return Store(self.experiment.store)

    @cached_property
    def place(self) -> dict[str, str]:
        """Recording -> its partition."""
        return {name: partition for partition, golds in self.selection.golds.items() for name in golds}

    @cached_property
    def subject(self) -> dict[str, str]:
        """Recording -> its subject, of all that are in the records."""
        return {recording.id: recording.subject for recording in self.store.recordings}

    @cached_property
    def sizes(self) -> str:
        """How many recordings each partition has."""
        return ", ".join(f"{len(golds)} {name}" for name, golds in self.selection.golds.items() if golds)
