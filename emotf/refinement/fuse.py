"""Late fusion of finished runs, and of fusions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from emotf.config import Experiment
from emotf.doctor import examine_folder, refuse
from emotf.errors import UserError
from emotf.evaluation import refuse_seen, score, subjects_of
from emotf.fusion import LinearFusion
from emotf.postprocessing.base import Traces, pooled_ccc
from emotf.prediction import selection, traces
from emotf.records import Store
from emotf.refinement.postprocess import FITTED_ON, chains_of, column, refine
from emotf.runs import Fusion, Run
from emotf.track import Track

# partition -> recording -> trace
Parts = Mapping[str, Mapping[str, Track]]


@dataclass(frozen=True)
class System:
    """A run or a fusion, as an input of a fusion.

    Attributes:
        name: of its folder.
        golds, predictions: of development and of the reported partition, one channel a target.
    """

    name: str
    golds: Parts
    predictions: Parts

    @property
    def targets(self) -> tuple[str, ...]:
        return next(iter(self.predictions[FITTED_ON].values())).channels

    def traces(self, target: str, partition: str) -> dict[str, np.ndarray]:
        """recording -> prediction [frames] of one target."""
        return column(self.predictions[partition], target)


@dataclass(frozen=True)
class Joined:
    """The fusion of one target.

    Attributes:
        fusion: fitted.
        kept: names of the systems it joins, in the order of its weights.
        dev_ccc: system -> pooled CCC on development, of those left out, too.
        fused, best: CCC on the held-out recordings of development, of the fusion and of the best of `kept` there.
        crossed: development, each recording joined by weights of the others.
        leave_one_out: CCC of `crossed`.
    """

    fusion: LinearFusion
    kept: tuple[str, ...]
    dev_ccc: Mapping[str, float]
    fused: float
    best: float
    crossed: Traces
    leave_one_out: float

    @property
    def weights(self) -> dict[str, float]:
        """system -> weight."""
        return dict(zip(self.kept, self.fusion.weights_ or (), strict=True))

    def traces(self, systems: Mapping[str, Traces]) -> Traces:
        """recording -> fused trace [frames], of the predictions of all systems by their names."""
        kept = [systems[name] for name in self.kept]
        return {name: self.fusion.transform([system[name] for system in kept]) for name in kept[0]}


def fuse(
    folders: Sequence[str],
    out: Path,
    fusion: LinearFusion,
    threshold: float = 0.1,
    held_out: int = 1,
    partition: str = "test",
    allow_seen: bool = False,
    raw: bool = False,
    variance: str = "population",
) -> tuple[dict[str, Joined], pd.DataFrame]:
    """Fits a fusion target by target on development, and applies it to another partition.

    Args:
        folders: of finished runs or of fusions, on the same recordings. A run that was post-processed counts with it.
        out: folder of the fusion, which can be fused again.
        fusion: not fitted yet.
        threshold: systems whose pooled CCC on development is below it are left out.
        held_out: the last recordings of development, by name, which check the weights and do not fit them. The check is
            of the weights alone: epochs and post-processing were chosen on all of development.
        partition: what is reported.
        allow_seen: reports also on what fitted or chose something.
        raw: takes predictions of runs as they are, without their post-processing.
        variance: one of `measures.VARIANCES`, of the scores.

    Returns:
        target -> its fusion, and the scores of the reported partition. The traces of development that are kept, scored
        and fused again join each recording by weights of the others, so that a fusion of fusions does not lean on what
        an inner one knew by heart.

    Raises:
        UserError: the systems do not stand on the same recordings, none is left, or `emotf.doctor` finds a leak.

    Reference:
        Chen & Jin 2015: weights from eight development sequences, checked on the ninth.
    """
    refuse_seen(partition, allow_seen)
    Fusion(out).check(folders)
    for folder in folders:
        refuse(examine_folder(folder))
    systems = [_system(Path(folder), partition, raw) for folder in folders]
    if len({system.name for system in systems}) != len(systems):
        raise UserError("Two systems have one name, that of their folder; rename one of them, or fuse it once.")
    for system in systems[1:]:
        _check_same(systems[0], system)
    names = sorted(systems[0].golds[FITTED_ON])
    if not 0 < held_out < len(names):
        raise UserError(f"Development has {len(names)} recordings; hold out 1 to {len(names) - 1}, not {held_out}.")
    joined, golds = {}, {}
    fused: dict[str, dict[str, Traces]] = {FITTED_ON: {}, partition: {}}
    for target in dict.fromkeys(target for system in systems for target in system.targets):
        members = [system for system in systems if target in system.targets]
        golds[target] = members[0].golds
        found = {part: {one.name: one.traces(target, part) for one in members} for part in fused}
        gold_of_dev = column(golds[target][FITTED_ON], target)
        joined[target] = join(target, gold_of_dev, found[FITTED_ON], fusion, threshold, names[:-held_out])
        fused[partition][target] = joined[target].traces(found[partition])
        fused[FITTED_ON][target] = joined[target].crossed
    whole = {part: _tracks(systems[0].golds[part], of) for part, of in fused.items()}
    gold = _tracks(systems[0].golds[partition], {name: column(of[partition], name) for name, of in golds.items()})
    leaf = Run(Fusion(folders[0]).first_run if Fusion(folders[0]).exists else folders[0])
    scores = score(gold, whole[partition], partition, variance, subjects_of(leaf))
    learned = {
        target: {
            "weights": one.weights,
            "intercept": one.fusion.intercept_,
            "dev_ccc": dict(one.dev_ccc),
            "held_out_ccc": {"fusion": one.fused, "best_system": one.best},
            "leave_one_out_ccc": one.leave_one_out,
        }
        for target, one in joined.items()
    }
    content = {"sources": {Path(folder).name: str(folder) for folder in folders}, "method": fusion.method}
    content |= {"fitted_on": {"partition": FITTED_ON, "recordings": names[:-held_out]}, "targets": learned}
    Fusion(out).write(content, whole, scores)
    return joined, scores


def _system(folder: Path, partition: str, raw: bool) -> System:
    """Golds and predictions of a run, or of a fusion."""
    parts = tuple(dict.fromkeys((FITTED_ON, partition)))
    fusion, run = Fusion(folder), Run(folder)
    if fusion.exists:
        leaf = Run(fusion.first_run)
        experiment = leaf.experiment
        leaf.check_records(Store(experiment.store).fingerprint(experiment.streams))
        targets = tuple(fusion.content["targets"])
        golds: Parts = {part: _golds(experiment, targets, part) for part in parts}
        found = {part: {name: fusion.read_prediction(part, name) for name in golds[part]} for part in parts}
        return System(folder.name, golds, found)
    both = {part: traces(run, part) for part in parts}
    golds, found = ({part: dict(pair[i]) for part, pair in both.items()} for i in (0, 1))
    if run.is_postprocessed and not raw:
        chains = chains_of(run)
        found = {part: {name: refine(chains, track) for name, track in of.items()} for part, of in found.items()}
    return System(folder.name, golds, found)


def _golds(experiment: Experiment, targets: tuple[str, ...], partition: str) -> Mapping[str, Track]:
    """Gold standards of other targets than the experiment's own."""
    return selection(replace(experiment, data=replace(experiment.data, targets=targets))).partition(partition)


def _check_same(one: System, other: System) -> None:
    """Refuses systems whose partitions hold other recordings or other gold standards."""
    for part, golds in one.golds.items():
        if list(golds) != list(other.golds[part]):
            raise UserError(f"{one.name} and {other.name} have other recordings in {part}; fuse runs of one fold.")
        for name, gold in golds.items():
            theirs = other.golds[part][name]
            gold.check_same_clock(theirs, f"Recording {name}: {one.name}", other.name)
            shared = [target for target in gold.channels if target in theirs.channels]
            if not np.array_equal(gold.select(shared).values, theirs.select(shared).values, equal_nan=True):
                raise UserError(f"{one.name} and {other.name} have another gold standard of {name}; use one delay.")


def join(
    target: str,
    gold: Traces,
    systems: Mapping[str, Traces],
    fusion: LinearFusion,
    threshold: float,
    fitted_on: Sequence[str],
) -> Joined:
    """Fits a fusion of one target on some recordings of development; nothing is read or written.

    Args:
        target: named in the error.
        gold: of development, recording -> [frames].
        systems: name -> its predictions of the same.
        fusion, threshold: as of `fuse`.
        fitted_on: recordings; the others check the weights.

    Raises:
        UserError: no system reaches the threshold.
    """
    dev_ccc = {name: pooled_ccc(gold, system) for name, system in systems.items()}
    kept = tuple(name for name, score in dev_ccc.items() if score >= threshold)
    if not kept:
        raise UserError(f"No system reaches a CCC of {threshold} for {target} on development; lower --threshold.")
    chosen = [systems[name] for name in kept]

    def fitted(on: Sequence[str]) -> LinearFusion:
        return replace(fusion).fit({name: gold[name] for name in on}, chosen)

    def fused(by: LinearFusion, on: Sequence[str]) -> Traces:
        return {name: by.transform([system[name] for system in chosen]) for name in on}

    made = fitted(fitted_on)
    held = {name: gold[name] for name in gold if name not in fitted_on}
    others = {name: fused(fitted([n for n in gold if n != name]), [name])[name] for name in gold}
    return Joined(
        made,
        kept,
        dev_ccc,
        fused=pooled_ccc(held, fused(made, list(held))),
        best=max(pooled_ccc(held, system) for system in chosen),
        crossed=others,
        leave_one_out=pooled_ccc(gold, others),
    )


def _tracks(clocks: Mapping[str, Track], columns: Mapping[str, Traces]) -> dict[str, Track]:
    """recording -> one track of all targets, on the clock of that recording."""
    return {
        name: Track(
            np.stack([values[name] for values in columns.values()], axis=1).astype(np.float32),
            hop=clock.hop,
            start=clock.start,
            channels=tuple(columns),
        )
        for name, clock in clocks.items()
    }
