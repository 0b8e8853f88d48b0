"""Runs what a table needs on the corpus that the user has, and finds the figure for every cell."""

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotf.catalog import suggestion
from emotf.comparison import MULTI_AGAINST_SINGLE, Trial, by_recording, subjects_of, trials_of
from emotf.comparison.axes import TARGETS, applied
from emotf.config import Experiment, from_json, to_json
from emotf.errors import UserError
from emotf.evaluation import score
from emotf.files import read_json, write_json
from emotf.measures import MEAN, POOLED
from emotf.prediction import traces
from emotf.progress import say
from emotf.recipes import assign, field_type, typed
from emotf.records import Store, extract_missing
from emotf.reproduction.table import CRITERIA, FACTS, SCORES, Cell, Settings, Table, tables
from emotf.statistics import contrast, overall, verdict
from emotf.training.criteria import criteria

RECIPES = Path("configs")

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
    without: tuple[tuple[Settings, str], ...]
    folder: Path
    _scored: dict[int, dict[str, float]] = field(default_factory=dict, repr=False, compare=False)

    def why_not(self, cell: Cell) -> str:
        """Why there is no figure of ours for a cell; empty where there is one."""
        if cell.system is None:
            return cell.why
        for settings, why in self.without:
            if settings == cell.system:
                return why
        if cell.target and cell.target not in self.targets:
            return f"{cell.target} is not rated here"
        if cell.repetition is not None and cell.repetition >= len(self.seeds):
            return f"needs --seeds of {cell.repetition + 1} or more repetitions"
        return ""

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
            row: dict[str, Any] = {**cell.place, "target": cell.target or "mean over targets", "measure": cell.measure}
            row |= {f"printed: {database}": figure for database, figure in cell.printed.items()}
            row["why"] = self.why_not(cell)
            if not row["why"]:
                other = MEAN if self.table.anchor == POOLED else POOLED
                values = self._values(cell, self.table.anchor, variance)
                row |= {"ours": np.nanmean(values), "ours_sd": np.nanstd(values), "runs": len(values)}
                if cell.measure in SCORES:
                    row["ours_other"] = np.nanmean(self._values(cell, other, variance))
            rows.append(row)
        found = pd.DataFrame(rows)
        for name in ("ours", "ours_sd", "ours_other", "runs"):
            found[name] = found.get(name, np.nan)
        return found

    def _values(self, cell: Cell, pooling: str, variance: str) -> list[float]:
        """What a cell is the mean of: a value a run."""
        assert cell.system is not None
        trials = self.runs(cell.system, cell.target)
        if cell.repetition is not None:
            trials = [trial for trial in trials if trial.seed == self.seeds[cell.repetition]]
        return [self._value(trial, cell, pooling, variance) for trial in trials]

    def _value(self, trial: Trial, cell: Cell, pooling: str, variance: str) -> float:
        if cell.measure in SCORES:
            parts = trial.moments(trial.partition)
            of = [parts[cell.target]] if cell.target else list(parts.values())
            return float(np.mean([overall(by_recording([part]), pooling, cell.measure, variance) for part in of]))
        if cell.measure in CRITERIA:
            return self._criteria(trial)[cell.measure.removeprefix("dev_")]
        assert cell.measure in FACTS, cell.measure
        about = trial.run.about
        epochs = len(pd.read_csv(trial.run.history))
        return float({"parameters": about["parameters"], "epochs": epochs,
                      "epoch_seconds": about["training_seconds"] / epochs}[cell.measure])  # fmt: skip

    def _criteria(self, trial: Trial) -> dict[str, float]:
        """Means over recordings and targets (`training.criteria`); computed once, several cells ask."""
        if id(trial) not in self._scored:
            golds, predictions = traces(trial.run, trial.partition)
            scores = score(golds, predictions, trial.partition, measures=("ccc", "mse"))
            self._scored[id(trial)] = criteria(golds, predictions, scores)
        return self._scored[id(trial)]

    def findings(self, variance: str = "population", unit: str = "subject") -> pd.DataFrame:
        """A row a finding: its text; `value` with its 95 % interval `low`, `high`, over `units`; what that says.

        Findings hold above 0. Those whose systems or targets the corpus does not have are `not tested`.
        """
        subjects = subjects_of(self.trials)
        units = subjects if unit == "subject" else {name: name for name in subjects}
        rows = []
        for finding in self.table.findings:
            lacking = [why for _, system, target in finding.terms
                       if (why := self.why_not(Cell({}, target, "ccc", {}, system)))]  # fmt: skip
            row: dict[str, Any] = {"finding": finding.text, "said": f"not tested: {lacking[0]}" if lacking else ""}
            if not lacking:
                terms = [(weight, by_recording([trial.moments(trial.partition)[target]
                                                for trial in self.runs(system, target)]))
                         for weight, system, target in finding.terms]  # fmt: skip
                value, low, high = contrast(terms, self.table.anchor, "ccc", variance, units)
                row |= {"value": value, "low": low, "high": high, "said": SAID[verdict(low, high)]}
                row["units"] = len({units[name] for name in terms[0][1]})
            rows.append(row)
        return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "said", "units"])


def prepare(
    name: str,
    corpus: str,
    settings: Sequence[str],
    strict: bool,
    smoke: bool,
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    out: str,
) -> Prepared:
    """Makes records where they are missing, and names the runs of a table.

    Args:
        name: of the table.
        corpus: of its recipe; empty for the first that it names. A licensed corpus without a folder is replaced by its
            twin, which says so.
        settings: `field=value` of the experiment.
        strict: report on test. Otherwise on development, which also chose, as the publications did.
        smoke: seconds instead of minutes.
        folds, seeds: as of `emotf.comparison.trials_of`.
        out: folder of the runs; empty for one a corpus and protocol, so that tables share their runs.

    Raises:
        UserError: no such table, corpus or field; the table is not ready.
    """
    table = table_of(name)
    if not table.ready:
        raise UserError(f"{name} is not ready: {table.waits or 'nothing of ours belongs beside it'}.")
    corpus = corpus or table.corpora[0]
    experiment = _experiment(table, corpus, settings, smoke)
    if not strict:
        experiment.data.protocol = "koprue2020"
    folder = Path(out or _usual_folder(table, experiment, strict, smoke))
    extract_missing(experiment.corpus, experiment.streams, Store(experiment.store).folder)
    systems, without = [], []
    for system in table.systems:
        why = _impossible(table, experiment, system)
        if why:
            without.append((system, why))
        else:
            systems.append(system)
    if not systems:
        raise UserError(f"{name} has no row that {corpus} could fill: {without[0][1]}")
    trials = trials_of(experiment, systems, folds, seeds, folder)
    return Prepared(name, table, experiment, strict, tuple(trials), tuple(without), folder)


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
        experiment.training.epochs = 1
    for item in settings:
        path_, equals, value = item.partition("=")
        if not equals:
            raise UserError(f"--set takes <field>=<value>, received {item!r}.")
        assign(experiment, path_, typed(path_, value, field_type(experiment, path_)))
    if not experiment.corpus.dir:
        _take_twin(experiment)
    return experiment.check()


def _take_twin(experiment: Experiment) -> None:
    """A tiny synthetic corpus in the layout of one that is not at hand; what it was read with is kept beside it."""
    folder = Path("work/corpora") / f"{experiment.corpus.name}_reproduced"
    made = folder.with_suffix(".json")
    if made.is_file():
        experiment.corpus = from_json(read_json(made))
    else:
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed while it wrote
        experiment.corpus = experiment.corpus.write_twin(folder)
        write_json(made, to_json(experiment.corpus))
    experiment.data.records += "/twins"
    say(f"{folder}, a SYNTHETIC twin, stands in for {experiment.corpus.name}; yours: --set=corpus.dir=...")


def _usual_folder(table: Table, experiment: Experiment, strict: bool, smoke: bool) -> str:
    said = [experiment.corpus.name, table.recipe, *(["strict"] if strict else []), *(["smoke"] if smoke else [])]
    return f"work/reproduce/{'_'.join(said)}"


def _impossible(table: Table, experiment: Experiment, system: Settings) -> str:
    """Why a corpus cannot have a system; empty where it can."""
    of_one = len({feature.medium for feature in experiment.streams.values()}) == 1
    if table.by_modality and of_one and system.get("streams") == "multimodal":
        return f"{experiment.corpus.name} has one modality here"
    try:
        made = applied(experiment, system)
        targets = experiment.data.targets or Store(experiment.store).targets
        single = system.get(TARGETS) == MULTI_AGAINST_SINGLE[TARGETS][0]
        if single and len(targets) < 2:
            return "there is but one target"
        for predicted in [(target,) for target in targets] if single else [targets]:
            made.losses(predicted)
    except UserError as error:
        return str(error)
    return ""
