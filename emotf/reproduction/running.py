"""Runs what a table needs on the corpus that the user has, and finds the figure for every cell."""

import contextlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotf.catalog import suggestion
from emotf.comparison import Trial, by_recording, trials_of, units_of
from emotf.comparison.axes import applied
from emotf.comparison.stability import MEAN_TARGET
from emotf.config import Experiment
from emotf.errors import UserError
from emotf.evaluation import score
from emotf.features.base import Feature
from emotf.measures import Moments
from emotf.prediction import traces
from emotf.records import Store, extract_missing
from emotf.reproduction.corpus import check_records, shorten, split_of, take_twin
from emotf.reproduction.derived import Derived, Made
from emotf.reproduction.possible import impossible, not_made
from emotf.reproduction.table import (
    CRITERIA,
    FACTS,
    FITTED,
    SCORES,
    Cell,
    Settings,
    System,
    Table,
    only,
    runs_of,
    tables,
)
from emotf.statistics import contrast, overall, verdict
from emotf.training.criteria import criteria

RECIPES = Path("configs")

# measure -> what has the other pooling.
OTHER = {**{name: name for name in SCORES}, "ccc_mean": "ccc", "mse_mean": "mse"}

# Fields that switches of the tool decide.
NOT_SET = {"data.protocol": "--strict", "data.fold": "--folds", "training.seed": "--seeds", "targets": "--only"}

# Of a finding's weighted sum.
SAID = {"higher": "holds", "lower": "does not hold", "undecided": "undecided"}


@dataclass(frozen=True)
class Prepared:
    """A table on a corpus, before its runs.

    Attributes:
        name: of the table.
        table: what is printed.
        experiment: of the recipe, with the user's settings.
        strict: reported on test, which chose nothing.
        trials: all runs that the table needs here.
        without: systems that the corpus cannot have, with the reason.
        folder: of the runs, and of the reports.
    """

    name: str
    table: Table
    experiment: Experiment
    strict: bool
    trials: tuple[Trial, ...]
    without: tuple[tuple[System, str], ...]
    folder: Path
    _made: dict[tuple[Any, ...], Made] = field(default_factory=dict, repr=False, compare=False)
    _scored: dict[tuple[int, str], dict[str, float]] = field(default_factory=dict, repr=False, compare=False)

    def why_not(self, cell: Cell) -> str:
        """Why there is no figure of ours for a cell; empty where there is one."""
        if not cell.systems:
            return cell.why
        taken = [part for system in cell.systems for part in (*runs_of(system), system)]
        for system, why in self.without:
            if system in taken:
                return why
        if cell.target and cell.target not in self.targets:
            return f"{cell.target} is not rated here"
        if cell.repetition is not None and cell.repetition >= len(self.seeds):
            return f"needs --seeds of {cell.repetition + 1} or more repetitions"
        return ""

    def asks(self, trial: Trial) -> bool:
        """Whether a run belongs to a figure or finding that is possible here."""
        return any(trial.settings in runs_of(system) and (not target or target in trial.targets)
                   for system, target in self.table.asked
                   if not self.why_not(Cell({}, target, "ccc", {}, system)))  # fmt: skip

    @cached_property
    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(target for trial in self.trials for target in trial.targets))

    @cached_property
    def seeds(self) -> list[int]:
        return sorted({trial.seed for trial in self.trials})

    def runs(self, system: Settings, target: str = "") -> list[Trial]:
        """The runs of a system, of those that predict a target."""
        return [trial for trial in self.trials if trial.settings == system and (not target or target in trial.targets)]

    def figures(self, variance: str = "population") -> pd.DataFrame:
        """A row a cell.

        Returns:
            A column for everything in `place`; target, measure; `printed: <database>`, a column each; `ours` and
            `ours_sd`, mean and standard deviation over `runs` (folds x seeds, or the folds of one repetition), by the
            table's anchor; `ours_other`, with the other pooling where there are two; `why`, where there is no figure.
        """
        rows = []
        for cell in self.table.cells():
            row: dict[str, Any] = {**cell.place, "target": cell.target or MEAN_TARGET, "measure": cell.measure}
            row |= {f"printed: {database}": figure for database, figure in cell.printed.items()}
            row["why"] = self.why_not(cell)
            if not row["why"]:
                values = self._values(cell, self.table.anchor, variance)
                row |= {"ours": np.nanmean(values), "ours_sd": np.nanstd(values), "runs": len(values)}
                if cell.measure in OTHER:
                    same = replace(cell, measure=OTHER[cell.measure])
                    row["ours_other"] = np.nanmean(self._values(same, self.table.other, variance))
            rows.append(row)
        found = pd.DataFrame(rows)
        for name in ("ours", "ours_sd", "ours_other", "runs"):
            found[name] = found.get(name, np.nan)
        return found

    def _values(self, cell: Cell, pooling: str, variance: str) -> list[float]:
        """What a cell is the mean of: a value a run."""
        if cell.mean_of:
            each = [replace(cell, system=system, mean_of=()) for system in cell.mean_of]
            values = [self._values(one, pooling, variance) for one in each]
            return [float(np.mean(run)) for run in zip(*values, strict=True)]
        if isinstance(cell.system, Derived):
            if cell.measure in FITTED:
                return [made.facts[cell.measure] for made in self.made(cell.system, cell.target)]
            parts = self._parts(cell.system, cell.target)
            return [overall(by_recording([part]), pooling, cell.measure, variance) for part in parts]
        assert cell.system is not None
        trials = self.runs(cell.system, cell.target)
        if cell.repetition is not None:
            trials = [trial for trial in trials if trial.seed == self.seeds[cell.repetition]]
        return [self._value(trial, cell, pooling, variance) for trial in trials]

    def made(self, derived: Derived, target: str) -> list[Made]:
        """A derived system in every fold and with every seed; those that differ only in their part are made once."""
        found = []
        for runs in zip(*(self.runs(settings, target) for settings in derived.of), strict=True):
            key = (derived.make, target, runs[0].fold, runs[0].seed, *(trial.run.folder for trial in runs))
            if key not in self._made:
                self._made[key] = derived.make(runs, target)
            found.append(self._made[key])
        return found

    def said(self) -> list[str]:
        """What was fitted in the derived systems that were made."""
        return [f"{'' if fold is None else f'fold {fold}, '}seed {seed}: {made.said}"
                for (_, _, fold, seed, *_), made in self._made.items() if made.said]  # fmt: skip

    def _parts(self, system: System, target: str) -> list[Mapping[str, Moments]]:
        """recording -> moments, in every fold and with every seed."""
        if isinstance(system, Derived):
            return [made.moments(system.part or self.trials[0].partition) for made in self.made(system, target)]
        return [trial.moments(trial.partition)[target] for trial in self.runs(system, target)]

    def _value(self, trial: Trial, cell: Cell, pooling: str, variance: str) -> float:
        if cell.measure in SCORES:
            parts = trial.moments(trial.partition)
            of = [parts[cell.target]] if cell.target else list(parts.values())
            return float(np.mean([overall(by_recording([part]), pooling, cell.measure, variance) for part in of]))
        if cell.measure in CRITERIA:
            return self._criteria(trial, variance)[cell.measure]
        assert cell.measure in FACTS, cell.measure
        about = trial.run.about
        epochs = len(pd.read_csv(trial.run.history))
        return float({"parameters": about["parameters"], "epochs": epochs,
                      "epoch_seconds": about["training_seconds"] / epochs}[cell.measure])  # fmt: skip

    def _criteria(self, trial: Trial, variance: str) -> dict[str, float]:
        """Means over recordings and targets (`training.criteria`); computed once, several cells ask."""
        if (id(trial), variance) not in self._scored:
            golds, predictions = traces(trial.run, trial.partition)
            scores = score(golds, predictions, trial.partition, variance, measures=("ccc", "mse"))
            found = criteria(golds, predictions, scores)
            found["ccc_sum"] = found["ccc_mean"] * len(trial.targets)
            self._scored[id(trial), variance] = found
        return self._scored[id(trial), variance]

    def findings(self, variance: str = "population", unit: str = "subject") -> pd.DataFrame:
        """A row a finding: its text; `value` with its 95 % interval `low`, `high`, over `units`; what that says.

        By the table's anchor, and with the other pooling in the same columns with `other_` before them. Findings hold
        above 0. Those whose systems or targets the corpus does not have are `not tested`.
        """
        units = units_of(self.trials, unit)
        rows = []
        for finding in self.table.findings:
            lacking = [why for _, system, target in finding.terms
                       if (why := self.why_not(Cell({}, target, "ccc", {}, system)))]  # fmt: skip
            row: dict[str, Any] = {"finding": finding.text, "said": f"not tested: {lacking[0]}" if lacking else ""}
            if not lacking:
                terms = [
                    (weight, by_recording(self._parts(system, target))) for weight, system, target in finding.terms
                ]
                for prefix, pooling in (("", self.table.anchor), ("other_", self.table.other)):
                    value, low, high = contrast(terms, pooling, "ccc", variance, units)
                    found = {"value": value, "low": low, "high": high, "said": SAID[verdict(low, high)]}
                    row |= {f"{prefix}{name}": content for name, content in found.items()}
                row["units"] = len({units[name] for name in terms[0][1]})
            rows.append(row)
        of = ("value", "low", "high", "said")
        return pd.DataFrame(rows, columns=["finding", *of, *(f"other_{name}" for name in of), "units"])


def prepare(
    name: str,
    corpus: str,
    settings: Sequence[str],
    strict: bool,
    smoke: bool,
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    out: str,
    rows: Sequence[str] = (),
) -> Prepared:
    """Makes records where they are missing, and names the runs of a table.

    Args:
        name: of the table.
        corpus: of its recipe; empty for the first that it names. A licensed corpus without a folder is replaced by its
            twin, which says so.
        settings: `field=value` of the experiment.
        strict: report on test. Otherwise on development, which also chose, as the publications did.
        smoke: seconds instead of minutes.
        folds, seeds: as of `emotf.comparison.trials_of`; without folds the one that the table names, if it does.
        out: folder of the runs; empty for one a corpus and protocol, so that tables share their runs.
        rows: those to keep, all by default (`emotf.reproduction.table.only`).

    Raises:
        UserError: no such table, row, corpus or field; the table is not ready.
    """
    table = only(table_of(name), rows)
    if table.made_by:
        raise UserError(f"{name} is made by another tool: {table.made_by}")
    if not table.ready:
        raise UserError(f"{name} is not ready: {table.waits or 'nothing of ours belongs beside it'}.")
    corpus = corpus or table.corpora[0]
    experiment = _experiment(table, corpus, settings, smoke)
    if not strict:
        experiment.data.protocol = "koprue2020"
    folder = Path(out or _usual_folder(table, experiment, strict, smoke))
    extract_missing(experiment.corpus, _needed(table, experiment), Store(experiment.store).folder)
    check_records(experiment, strict)
    if folds is None and table.fold is not None and not any(r.partition for r in Store(experiment.store).recordings):
        folds = [table.fold]
    reasons = [(system, impossible(table, experiment, system)) for system in table.systems]
    trials = trials_of(experiment, [system for system, why in reasons if not why], folds, seeds, folder)
    without = [*((system, why) for system, why in reasons if why), *not_made(table, trials)]
    found = Prepared(name, table, experiment, strict, tuple(trials), tuple(without), folder)
    asked = [trial for trial in trials if found.asks(trial)]
    if not asked:
        first = next(filter(None, map(found.why_not, table.cells())))
        raise UserError(f"{name} has no row that {corpus} could fill: {first}")
    return replace(found, trials=tuple(asked))


def table_of(name: str) -> Table:
    """A table by its name. Raises UserError where there is none; the nearest is offered."""
    known = tables()
    if name not in known:
        raise UserError(f"There is no table {name!r}; --list names all.{suggestion(name, tuple(known))}")
    return known[name]


def _experiment(table: Table, corpus: str, settings: Sequence[str], smoke: bool) -> Experiment:
    """The experiment of the table's recipe with what the user sets, on a twin where a folder is needed and none set."""
    path = RECIPES / f"{table.recipe}.py"
    if not path.is_file():
        raise UserError(f"There is no recipe {path}; run this in the folder that holds {RECIPES}/.")
    spec = importlib.util.spec_from_file_location(table.recipe, path)
    assert spec and spec.loader
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    options = [corpus, *filter(None, table.options.split(",")), *(["smoke"] if smoke else [])]
    experiment: Experiment = recipe.get_config(",".join(options))
    if smoke:
        experiment.training.epochs, experiment.training.jit_compile = 1, False
        shorten(experiment, table.smoke_duration)
    if not experiment.corpus.dir and not any(item.startswith("corpus.dir=") for item in settings):
        take_twin(experiment)
    dealt = table.split and hasattr(experiment.corpus, "split")
    for item in (*table.settings, *([f"corpus.split={table.split}"] if dealt else []), *settings):
        field_, equals, value = item.partition("=")
        if not equals:
            raise UserError(f"--set takes <field>=<value>, received {item!r}.")
        if field_ in NOT_SET:
            raise UserError(f"--set={field_}: that is the switch {NOT_SET[field_]}.")
        experiment = applied(experiment, {field_: value})
    if dealt:
        experiment.data.records += f"/{split_of(experiment)}"
    return experiment.check()


def _needed(table: Table, experiment: Experiment) -> dict[str, Feature]:
    """The streams that the systems of a table take; a system that the corpus cannot have needs none."""
    found: dict[str, Feature] = {}
    for system in table.systems:
        with contextlib.suppress(UserError):
            found |= {name: experiment.streams[name] for name in applied(experiment, system).streams}
    return found


def _usual_folder(table: Table, experiment: Experiment, strict: bool, smoke: bool) -> str:
    said = [experiment.corpus.name, table.recipe, *(["strict"] if strict else []), *(["smoke"] if smoke else [])]
    if table.split and hasattr(experiment.corpus, "split"):
        said.append(split_of(experiment))
    return f"work/reproduce/{'_'.join(said)}"
