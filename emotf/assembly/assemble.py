"""Carries out a plan, target by target: sizes, kinds of streams, losses, late and early fusion, and these fused."""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from emotf.assembly.choices import Choice, System
from emotf.comparison import Trial, execute, required
from emotf.config import Experiment, from_json, replaced, to_json
from emotf.errors import UserError
from emotf.evaluation import value
from emotf.fusion import LinearFusion
from emotf.models.layered_fusion import LayeredFusion
from emotf.models.lstm import Lstm
from emotf.plan import Plan
from emotf.prediction import selection
from emotf.progress import say
from emotf.recipes import part
from emotf.records import Store, extract_missing
from emotf.refinement import Joined, fuse, postprocess
from emotf.runs import Run

# Fields that all networks of a system share.
CELL = ("direction", "cell", "output_peephole", "forget_bias")

LATE, CONCATENATED, LAYERED, AGAIN = "late fusion", "concatenation", "layered", "late fusion of fusions"


def assemble(plan: Plan, out: Path, workers: int) -> tuple[System, ...]:
    """One system a target; records and runs that are there are kept, so that an interrupted command goes on.

    All choices are made on development. Every candidate is scored on test, none is chosen by it (with the protocol that
    reports on development, all on that).

    Args:
        plan: what to try.
        out: runs go to `<out>/runs`, fusions to `<out>/fusions`.
        workers: runs at a time.

    Raises:
        UserError: a medium or record is not usable, no stream reaches the threshold, or a run fails.

    Reference:
        Chen & Jin 2015, tables 2 to 12.
    """
    base = plan.check().experiment
    _check_parts(plan)
    store = Store(base.store)
    extract_missing(base.corpus, base.streams, store.folder)
    # found by the last step only, which comes after everything was trained
    if plan.held_out >= (count := len(selection(base).partition("dev"))):
        raise UserError(f"Development has {count} recordings; hold out 1 to {count - 1}, not {plan.held_out}.")
    targets = base.data.targets or store.targets
    builders = [_Builder(plan, target, out) for target in targets]
    # all targets at each step together, so that workers are never idle for long
    for step in (_Builder.sizes, _Builder.losses, _Builder.early):
        required(execute([trial for builder in builders for trial in step(builder)], workers))
    return tuple(builder.system() for builder in builders)


def _check_parts(plan: Plan) -> None:
    """Refuses at once what would be met only by a later step."""
    for name in plan.losses:
        if part("losses", name).joint:
            raise UserError(f"{name} couples targets, a system has runs of one target; leave it out of losses.")
    if plan.smoothing:
        part("postprocessing", plan.smoothing)


def _scores(run: Run, partition: str, postprocessed: bool = False) -> pd.DataFrame:
    """The scores of one partition; tools/evaluate.py may have added those of other variances."""
    scores = run.scores(postprocessed)
    assert scores is not None, run.folder
    return scores[(scores["partition"] == partition) & (scores["variance"] == "population")]


@dataclass(frozen=True)
class _Single:
    """A run on one stream."""

    stream: str
    size: str
    loss: str

    def __str__(self) -> str:
        return f"{self.stream} {self.size} {self.loss}"


class _Builder:
    """The system of one target, step by step: each step names trials, and the next one reads what they scored."""

    def __init__(self, plan: Plan, target: str, out: Path) -> None:
        self.plan = plan
        self.target = target
        self.out = out
        self.choices: list[Choice] = []

    # ---- trials ------------------------------------------------------------------------------------------------------

    def sizes(self) -> list[Trial]:
        """Every stream in every size."""
        streams, loss = self.plan.experiment.streams, self.plan.size_loss
        self.tried = {name: [_Single(name, size, loss) for size in self.plan.sizes] for name in streams}
        return [self._trial(single) for tried in self.tried.values() for single in tried]

    def losses(self) -> list[Trial]:
        """Every stream that goes on, in its size, with every loss."""
        best = {}
        for name, tried in self.tried.items():
            best[name] = self._best(f"size of {name}", tried, "highest")[0]
        self.losers: list[_Single] = []
        for group in self.plan.kinds:
            kinds = [best[name] for name in group.split("+")]
            taken = self._best(f"which of {group.replace('+', ', ')}", kinds, "highest")[0]
            self.losers += [single for single in kinds if single != taken]
        self.chosen = {name: single for name, single in best.items() if single not in self.losers}
        self.family = {
            name: [replace(single, loss=loss) for loss in self.plan.losses] for name, single in self.chosen.items()
        }
        return [self._trial(single) for family in self.family.values() for single in family]

    def early(self) -> list[Trial]:
        """All streams that are good enough in one network, both ways of joining them."""
        threshold = self.plan.threshold
        scores = {name: max(map(self._dev, family)) for name, family in self.family.items()}
        self.kept = tuple(name for name, score in scores.items() if score >= threshold)
        self._note("streams", scores, self.kept, f"best loss reaches {threshold:g}")
        if not self.kept:
            raise UserError(
                f"No stream reaches a development CCC of {threshold:g} for {self.target} (the best: "
                f"{max(scores.values()):.3f}); lower --config.threshold, or train longer."
            )
        means = {
            loss: float(np.mean([self._dev(replace(self.chosen[name], loss=loss)) for name in self.kept]))
            for loss in self.plan.losses
        }
        best = max(means, key=lambda loss: means[loss])
        self._note("loss of early fusion", means, (best,), "highest mean over the streams")
        groups = ["+".join(name for name in group.split("+") if name in self.kept) for group in self._layers()]
        layers = tuple(group for group in groups if group)
        self.joined = {}
        if len(self.kept) > 1:
            one = Lstm(units=Plan.units(self.plan.concatenated))
            self.joined[CONCATENATED] = self._joined(CONCATENATED, one, best)
        if len(layers) > 1:
            other = LayeredFusion(units=(self.plan.layered_units,), layers=layers)
            self.joined[LAYERED] = self._joined(LAYERED, other, best)
        return list(self.joined.values())

    def _layers(self) -> tuple[str, ...]:
        named = {name for group in self.plan.layers for name in group.split("+")}
        return (*self.plan.layers, *(name for name in self.plan.experiment.streams if name not in named))

    # ---- fusions -----------------------------------------------------------------------------------------------------

    def system(self) -> System:
        """Late fusion of single streams, then of that with both early fusions; the best on development is taken."""
        members, count = list(self.losers), self.plan.best_losses
        for name in self.kept:
            members += self._best(f"losses of {name} in late fusion", self.family[name], f"best {count}", count)
        singles = {str(member): self._trial(member).run for member in members}
        runs = [*singles.values(), *(trial.run for trial in self.joined.values())]
        for run in runs:
            self._smooth(run)
        for fusion in ("late", "again"):  # they cost nothing, and may be of another plan
            shutil.rmtree(self._folder(fusion), ignore_errors=True)
        early = {name: trial.run.folder for name, trial in self.joined.items()}
        checks: dict[str, float] = {}
        candidates: dict[str, Path] = {}
        scores: dict[str, pd.DataFrame] = {}
        inputs, names = [run.folder for run in singles.values()], list(singles)
        for fusion, folder in ((LATE, "late"), (AGAIN, "again")):
            if fusion == LATE or early:
                joined, scores[fusion] = self._fuse(folder, inputs)
                checks |= dict(zip(names, joined.dev_ccc.values(), strict=True))
                checks[fusion], candidates[fusion] = joined.leave_one_out, self._folder(folder)
                inputs, names = [self._folder("late"), *early.values()], [LATE, *early]
        chosen = max(checks, key=lambda name: checks[name])
        why = "highest; a fusion joins a recording by weights of the others"
        self._note("the system", checks, (chosen,), why)
        candidates |= early | {name: run.folder for name, run in singles.items()}
        smoothed = bool(self.plan.smoothing)
        for name, run in {**singles, **{name: trial.run for name, trial in self.joined.items()}}.items():
            scores[name] = _scores(run, self._partition, smoothed)
        table = pd.concat([found.assign(candidate=name) for name, found in scores.items()], ignore_index=True)
        return System(self.target, tuple(self.choices), candidates, chosen, smoothed, table)

    def _smooth(self, run: Run) -> None:
        """Anew each time: it is quick, and what an interrupted command left of it is not whole."""
        if self.plan.smoothing:
            say(f"smoothing {run.folder}")
            postprocess(run, [part("postprocessing", self.plan.smoothing)], self._partition, self._seen)

    def _fuse(self, name: str, folders: Sequence[Path]) -> tuple[Joined, pd.DataFrame]:
        say(f"fusing {len(folders)} systems of {self.target}")
        joined, scores = fuse(
            [str(folder) for folder in folders],
            self._folder(name),
            LinearFusion(self.plan.method),
            self.plan.threshold,
            self.plan.held_out,
            self._partition,
            self._seen,
            raw=not self.plan.smoothing,
        )
        one = joined[self.target]
        self._note(name, one.dev_ccc, tuple(one.weights), f"reaches {self.plan.threshold:g}")
        return one, scores

    def _folder(self, fusion: str) -> Path:
        return self.out / "fusions" / f"{self.target}_{fusion}"

    # ---- runs --------------------------------------------------------------------------------------------------------

    def _trial(self, single: _Single) -> Trial:
        def vary(experiment: Experiment) -> None:
            experiment.streams = {single.stream: experiment.streams[single.stream]}
            model = experiment.model
            assert isinstance(model, Lstm), model
            experiment.model = replace(model, units=Plan.units(single.size))
            experiment.loss = part("losses", single.loss)

        return self._made(str(single), vary)

    def _joined(self, name: str, model: Lstm, loss: str) -> Trial:
        def vary(experiment: Experiment) -> None:
            experiment.streams = {stream: experiment.streams[stream] for stream in self.kept}
            cell = {name: getattr(experiment.model, name) for name in CELL}
            experiment.model = replace(model, **cell)
            experiment.loss = part("losses", loss)

        return self._made(f"{name} {'+'.join(self.kept)} {loss}", vary)

    def _made(self, name: str, vary: Callable[[Experiment], None]) -> Trial:
        experiment: Experiment = from_json(to_json(self.plan.experiment))
        vary(experiment)
        data, training = experiment.data, experiment.training
        experiment = replaced(experiment, (self.target,), data.fold, training.seed)
        run = Run(self.out / "runs" / f"{self.target}_{name.replace(' ', '_')}")
        return Trial({"system": f"{self.target} {name}"}, (self.target,), data.fold, training.seed, experiment, run)

    @property
    def _partition(self) -> str:
        return self._trial(next(iter(self.tried.values()))[0]).partition

    @property
    def _seen(self) -> bool:
        return self._partition == "dev"

    # ---- development -------------------------------------------------------------------------------------------------

    def _dev(self, single: _Single) -> float:
        return self._dev_of(self._trial(single).run)

    def _dev_of(self, run: Run) -> float:
        return float(np.nan_to_num(value(_scores(run, "dev"), self.target)))

    def _best(self, what: str, tried: Iterable[_Single], why: str, count: int = 1) -> list[_Single]:
        """The highest on development; of equal ones those that come first."""
        scores = {single: self._dev(single) for single in tried}
        taken = sorted(scores, key=lambda single: -scores[single])[:count]
        self._note(what, {str(single): score for single, score in scores.items()}, tuple(map(str, taken)), why)
        return taken

    def _note(self, what: str, scores: Mapping[str, float], taken: tuple[str, ...], why: str) -> None:
        self.choices.append(Choice(what, dict(scores), taken, why))
        say(f"{self.target}, {what}: {', '.join(taken) or 'none'}")
