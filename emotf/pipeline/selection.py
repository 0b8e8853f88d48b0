"""Which recordings and which gold standard an experiment sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotf.annotation import compensate_delay
from emotf.errors import UserError
from emotf.pipeline.lazy import Golds
from emotf.recording import PARTITIONS, partitions
from emotf.records import GOLD, Store
from emotf.track import Track


@dataclass(frozen=True)
class Selection:
    """The gold standards of an experiment, by partition.

    Attributes:
        targets: what is predicted, in order: the channels of every gold standard.
        golds: partition -> recording -> gold standard, delay compensated; read whenever it is asked for.
        dropped: recordings left out because they lack a target.
        lacking: target -> recordings kept in which it is not rated (their loss leaves it out).
    """

    targets: tuple[str, ...]
    golds: dict[str, Mapping[str, Track]]
    dropped: tuple[str, ...]
    lacking: dict[str, tuple[str, ...]]

    def partition(self, name: str) -> Mapping[str, Track]:
        """Recording -> gold standard.

        Raises:
            UserError: no such partition, or nothing in it.
        """
        if name not in PARTITIONS:
            raise UserError(f"No partition {name!r}; choose from {', '.join(PARTITIONS)}.")
        if not self.golds[name]:
            there = ", ".join(known for known, golds in self.golds.items() if golds)
            raise UserError(
                f"Partition {name!r} holds no recording, only {there} do; choose one, or extract another split."
            )
        return self.golds[name]


def select(
    store: Store,
    targets: Sequence[str],
    fold: int | None,
    protocol: str = "rotation",
    delay: float = 0.0,
    missing_targets: str = "mask",
    shuffled_gold: bool = False,
) -> Selection:
    """Looks at every gold standard and divides them, keeping none; arguments as in `emotf.config.Data`.

    Raises:
        UserError: a target is not in the records, or the division is impossible.
    """
    rated = store.targets
    targets = tuple(targets) or rated
    unknown = [name for name in targets if name not in rated]
    if unknown:
        raise UserError(f"Target {unknown[0]!r} is not in {store.folder}, which has {', '.join(rated)}.")
    stream = store.stream(GOLD)
    complete = stream.completed
    divided = partitions(store.recordings, fold, protocol)
    kept: dict[str, list[str]] = {name: [] for name in PARTITIONS}
    dropped: list[str] = []
    lacking: dict[str, list[str]] = {name: [] for name in targets}
    for partition, recordings in divided.items():
        for recording in recordings:
            if recording.id not in complete:
                raise UserError(f"Recording {recording.id} has no gold standard in {store.folder}; extract again.")
            gold = stream.read(recording.id)
            absent = [name for name, values in zip(rated, gold.values.T, strict=True) if np.isnan(values).all()]
            if absent and missing_targets == "drop_recording":
                dropped.append(recording.id)
                continue
            for name in set(absent) & set(targets):
                lacking[name].append(recording.id)
            compensate_delay(gold, delay)  # an impossible delay is refused here, not in the midst of training
            kept[partition].append(recording.id)

    def read(recording: str) -> Track:
        return compensate_delay(stream.read(recording).select(targets), delay)

    golds = {partition: Golds(stream.clocks(names), read) for partition, names in kept.items()}
    if shuffled_gold:
        golds["train"] = swapped(golds["train"])
    return Selection(targets, dict(golds), tuple(dropped), {name: tuple(ids) for name, ids in lacking.items() if ids})


def swapped(golds: Golds) -> Golds:
    """Every recording with the gold standard of the next one in a random order; none keeps its own.

    Where the other trace is shorter the rest is unrated; where it is longer the rest is left out.
    """
    names = list(golds)
    if len(names) < 2:
        raise UserError("Gold standards cannot be swapped between fewer than two recordings.")
    order = np.random.default_rng(0).permutation(len(names))
    others = {names[mine]: names[other] for mine, other in zip(order, np.roll(order, 1), strict=True)}

    def read(recording: str) -> Track:
        gold, other = golds[recording], golds[others[recording]]
        values = np.full_like(gold.values, np.nan)
        frames = min(gold.frames, other.frames)
        values[:frames] = other.values[:frames]
        return replace(gold, values=values)

    return Golds(golds.clocks, read)
