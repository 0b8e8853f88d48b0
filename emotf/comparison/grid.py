"""The grid of a comparison: every system in every fold with every seed."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emotf import tables
from emotf.comparison.axes import TARGETS, applied
from emotf.config import Experiment, replaced
from emotf.errors import UserError
from emotf.evaluation import moments
from emotf.measures import Moments
from emotf.prediction import selection
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

    def moments(self, partition: str) -> dict[str, dict[str, Moments]]:
        """target -> recording -> moments of its predictions; read once, since every report asks for them."""
        if partition not in self._scored:
            golds = selection(self.experiment).partition(partition)
            predictions = {name: tables.read_track(self.run.prediction(partition, name)) for name in golds}
            self._scored[partition] = moments(golds, predictions)
        return self._scored[partition]


def grid(
    experiment: Experiment,
    axes: Mapping[str, Sequence[str]],
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    folder: Path,
) -> list[Trial]:
    """Every combination of values, for all folds and seeds.

    Args:
        experiment: whose targets, where it names none, are all of the corpus.
        axes: axis -> its values (`comparison.axes`); the axis `targets` takes `mtl` and `stl`.
        folds: None for every session in turn (or the corpus's own partitions).
        seeds: of weights and order.
        folder: the runs go to `<folder>/runs/`.

    Raises:
        UserError: a value is not possible, or single-task learning is asked for with fewer than two targets.
    """
    store = Store(experiment.check().store)
    targets = experiment.data.targets or store.targets
    unknown = set(axes.get(TARGETS, ())) - {MTL, STL}
    if unknown:
        raise UserError(f"--vary={TARGETS} takes {STL} and {MTL}, received {', '.join(sorted(unknown))}.")
    if STL in axes.get(TARGETS, ()) and len(targets) < 2:
        raise UserError(f"MTL against STL needs two targets or more, the experiment has {', '.join(targets)}.")
    recordings = store.recordings
    fixed = any(recording.partition for recording in recordings)
    sessions = {recording.session for recording in recordings}
    turns: Sequence[int | None] = folds if folds is not None else [None] if fixed else range(len(sessions))
    trials = []
    for values in itertools.product(*axes.values()):
        settings = dict(zip(axes, values, strict=True))
        system = applied(experiment, settings)
        single = settings.get(TARGETS) == STL
        for predicted in [(target,) for target in targets] if single else [targets]:
            system.losses(predicted)
            replaced(system, predicted, None, 0).training.check_criteria(predicted)
            place = "_".join([*values, *(predicted if single else [])]).replace(":", ",").replace("/", "-")
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
