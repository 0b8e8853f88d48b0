"""Recordings, their subjects, and the partitions of an experiment."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emotf.errors import UserError

PARTITIONS = ("train", "dev", "test")

# rotation: test session k, choose on the next, train on the rest. koprue2020: choose and report on session k, train on
# the rest, as Köprü & Erzin (2020) seem to have done; such figures are flattered.
PROTOCOLS = ("rotation", "koprue2020")


@dataclass(frozen=True)
class Recording:
    """One continuous session of one person.

    Attributes:
        id: unique in its corpus; letters, digits, `_`, `-` and `.`, because files are named by it.
        subject: the person, the unit of independence.
        media: medium (`audio`, `video`, `body`, or the name of a precomputed stream) -> file.
        session: the cross-validation unit; subjects never cross it. Empty where partitions are fixed.
        partition: `train`, `dev` or `test` where the corpus fixes it, else empty.
    """

    id: str
    subject: str
    media: Mapping[str, Path] = field(default_factory=dict)
    session: str = ""
    partition: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", self.id):
            raise UserError(f"Recording id {self.id!r}: use letters, digits, '_', '-' and '.' only.")
        if self.partition and self.partition not in PARTITIONS:
            raise UserError(f"Recording {self.id}: partition {self.partition!r} is none of {', '.join(PARTITIONS)}.")

    def medium(self, name: str) -> Path:
        """The file of a medium, or its folder (of pictures, of one table a frame).

        A recording with a `video` and no `audio` takes the sound of the video for its audio.

        Raises:
            UserError: the recording has no such medium, or the file is not there.
        """
        if name == "audio" and name not in self.media and "video" in self.media:
            name = "video"
        if name not in self.media:
            raise UserError(
                f"Recording {self.id} has no {name!r} (it has: {', '.join(self.media) or 'no media'}); "
                f"give it one, leave the recording out, or choose streams without it."
            )
        path = Path(self.media[name])
        if not path.exists():
            raise UserError(f"Recording {self.id}: {name} file {path} is missing.")
        return path


def check_subjects(recordings: Sequence[Recording]) -> None:
    """Refuses ids that occur twice, and subjects who occur in two sessions or two partitions."""
    seen: set[str] = set()
    for recording in recordings:
        if recording.id in seen:
            raise UserError(f"Recording id {recording.id!r} occurs twice.")
        seen.add(recording.id)
    for unit in ("session", "partition"):
        home: dict[str, str] = {}
        for recording in recordings:
            place = getattr(recording, unit)
            if place and home.setdefault(recording.subject, place) != place:
                raise UserError(
                    f"Subject {recording.subject!r} is in {unit} {home[recording.subject]!r} and, with recording "
                    f"{recording.id}, in {unit} {place!r}; a subject must stay in one, or scores measure memory."
                )


def partitions(
    recordings: Sequence[Recording], fold: int | None, protocol: str = "rotation"
) -> dict[str, list[Recording]]:
    """Train, dev and test recordings, subject-disjoint.

    Args:
        recordings: of one corpus.
        fold: the sessions, in natural order, take turns: session `fold` is tested, the next one (around the corner)
            chooses, the others train. None: the corpus's own partitions, or fold 0 where it has none.
        protocol: with `koprue2020` session `fold` chooses, all others train, and nothing is left to test; with fixed
            partitions, those of test are left out.

    Raises:
        UserError: a subject crosses a border, the fold does not exist, or a partition is empty.

    Example:
        >>> people = [Recording(f"r{i}", f"s{i}", session=f"{i}") for i in range(5)]
        >>> {name: [r.session for r in part] for name, part in partitions(people, fold=4).items()}
        {'train': ['1', '2', '3'], 'dev': ['0'], 'test': ['4']}
    """
    check_subjects(recordings)
    if fold is None and any(r.partition for r in recordings):
        divided = {name: [r for r in recordings if r.partition == name] for name in PARTITIONS}
        if protocol == "koprue2020":
            divided["test"] = []
        unplaced = [r.id for r in recordings if not r.partition]
        if unplaced:
            raise UserError(f"Recording {unplaced[0]} has no partition; give it one, or choose a fold over sessions.")
    else:
        fold = fold or 0
        sessions = sorted({r.session for r in recordings if r.session}, key=_natural)
        unplaced = [r.id for r in recordings if not r.session]
        if unplaced:
            raise UserError(f"Recording {unplaced[0]} has no session, so fold {fold} cannot place it.")
        needed = 2 if protocol == "koprue2020" else 3
        if len(sessions) < needed:
            raise UserError(f"Folds of protocol {protocol} need at least {needed} sessions, found {len(sessions)}.")
        if not 0 <= fold < len(sessions):
            raise UserError(
                f"Fold {fold} does not exist; there are {len(sessions)} sessions, folds 0 to {len(sessions) - 1}."
            )
        home = {sessions[fold]: "test", sessions[(fold + 1) % len(sessions)]: "dev"}
        if protocol == "koprue2020":
            home = {sessions[fold]: "dev"}
        divided = {name: [r for r in recordings if home.get(r.session, "train") == name] for name in PARTITIONS}
    for name in ("train", "dev"):
        if not divided[name]:
            raise UserError(f"Partition {name!r} is empty; training needs train and dev.")
    return divided


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that puts session10 after session9."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]
