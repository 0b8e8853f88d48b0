"""The grid of a comparison: every system in every fold with every seed."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from emotf.comparison.axes import TARGETS, applied
from emotf.config import Data, Experiment, from_json, replaced, to_json
from emotf.errors import UserError
from emotf.evaluation import moments
from emotf.measures import Moments
from emotf.pipeline import Selection
from emotf.prediction import kept, selected
from emotf.records import Store
from emotf.runs import Run

MTL, STL = "mtl", "stl"

# What is compared where nothing else is asked for; the first is what the others are measured against.
MULTI_AGAINST_SINGLE = {TARGETS: (STL, MTL)}


@dataclass(frozen=True)
class Trial:
    """One run of the grid.

    Attributes:
        settings: axis -> value of its system. Single-task learning is one system of several trials, one a target.
        targets: what it predicts.
        fold: of the sessions, or None for fixed partitions.
        seed: of weights and order.
        experiment: what it runs.
        run: where.
    """

    settings: Mapping[str, str]
    targets: tuple[str, ...]
    fold: int | None
    seed: int
    experiment: Experiment
    run: Run
    _scored: dict[str, dict[str, dict[str, Moments]]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def system(self) -> str:
        return " ".join(self.settings.values())

    @property
    def name(self) -> str:
        of = f" of {self.targets[0]}" if self.settings.get(TARGETS) == STL else ""
        return f"{self.system}{of}, fold {self.fold}, seed {self.seed}"

    @property
    def partition(self) -> str:
        """Where it is scored."""
        return "dev" if self.experiment.data.protocol == "koprue2020" else "test"

    @property
    def done(self) -> bool:
        """Trained and scored, on development too."""
        scores = self.run.scores() if self.run.finished else None
        return scores is not None and {"dev", self.partition} <= set(scores["partition"])

    @property
    def golds(self) -> Selection:
        """The gold standards that it sees; read once for all trials that see the same."""
        store, data = self.experiment.store, to_json(self.experiment.data)
        return _selected(store, Store(store).fingerprint([]), json.dumps(data))

    def moments(self, partition: str) -> dict[str, dict[str, Moments]]:
        """target -> recording -> moments of its predictions; read once, since every report asks for them."""
        if partition not in self._scored:
            golds = self.golds.partition(partition)
            self._scored[partition] = moments(golds, kept(self.run, partition, golds))
        return self._scored[partition]


@lru_cache(maxsize=64)
def _selected(store: str, fingerprint: str, data: str) -> Selection:
    """The gold standards of a store as it is now."""
    del fingerprint  # of the records: a part of the key
    return selected(store, from_json(json.loads(data), Data))


def grid(
    experiment: Experiment,
    axes: Mapping[str, Sequence[str]],
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    folder: Path,
) -> list[Trial]:
    """Every combination of values, for all folds and seeds.

    Args:
        axes: axis -> its values (`comparison.axes`); the axis `targets` takes `mtl` and `stl`.
        experiment, folds, seeds, folder: as of `trials_of`.

    Raises:
        UserError: as `trials_of`, or two systems are one and the same.
    """
    systems = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    trials = trials_of(experiment, systems, folds, seeds, folder)
    seen: dict[str, str] = {}
    for trial in trials:
        same = seen.setdefault(json.dumps(to_json(trial.experiment)), trial.system)
        if same != trial.system:
            raise UserError(f"{same!r} and {trial.system!r} are one and the same system; folds, seeds and targets are "
                            "no axes but --folds, --seeds and targets=stl,mtl.")  # fmt: skip
    return trials


def trials_of(
    experiment: Experiment,
    systems: Sequence[Mapping[str, str]],
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    folder: Path,
) -> list[Trial]:
    """The runs of some systems, for all folds and seeds: equal footing.

    Args:
        experiment: whose targets, where it names none, are all of the corpus.
        systems: each by its settings, axis -> value, all of the same axes.
        folds: None for every session in turn (or the corpus's own partitions).
        seeds: of weights and order.
        folder: the runs go to `<folder>/runs/`.

    Raises:
        UserError: a value is not possible, or single-task learning is asked for with fewer than two targets.
    """
    store = Store(experiment.check().store)
    targets = experiment.data.targets or store.targets
    recordings = store.recordings
    fixed = any(recording.partition for recording in recordings)
    sessions = {recording.session for recording in recordings}
    turns: Sequence[int | None] = folds if folds is not None else [None] if fixed else range(len(sessions))
    trials = []
    for settings in systems:
        system = applied(experiment, settings)
        single = _single(settings, system, targets)
        for predicted in [(target,) for target in targets] if single else [targets]:
            system.losses(predicted)
            replaced(system, predicted, None, 0).training.check_criteria(predicted)
            place = "_".join([*settings.values(), *(predicted if single else [])]).replace(":", ",").replace("/", "-")
            trials += [
                Trial(
                    settings,
                    predicted,
                    fold,
                    seed,
                    replaced(system, targets=predicted, fold=fold, seed=seed),
                    Run(folder / "runs" / f"{place}_fold{fold}_seed{seed}"),
                )
                for fold in turns
                for seed in seeds
            ]
    # fold by fold, so that what is finished early can be compared
    return sorted(trials, key=lambda trial: (trial.fold is not None and turns.index(trial.fold), trial.seed))


def _single(settings: Mapping[str, str], system: Experiment, targets: Sequence[str]) -> bool:
    """Whether a system is one run a target."""
    how = settings.get(TARGETS, MTL)
    if how not in (MTL, STL):
        raise UserError(f"--vary={TARGETS} takes {STL} and {MTL}, received {how}.")
    if how == STL and len(targets) < 2:
        raise UserError(f"MTL against STL needs two targets or more, the experiment has {', '.join(targets)}.")
    losses = system.loss.values() if isinstance(system.loss, dict) else [system.loss]
    if how == STL and (joint := [loss.name for loss in losses if loss.joint]):
        raise UserError(
            f"{joint[0]} couples targets, no run of a single one can learn it; compare something else (--vary=loss="
            f"mse,{joint[0]}), or choose a loss of single targets."
        )
    return how == STL
