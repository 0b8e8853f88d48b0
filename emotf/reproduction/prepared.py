"""A table on the corpus that the user has: which runs it takes, the figure of every cell, and what its findings are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotf.comparison import Trial, by_recording, score_of_run, units_of
from emotf.comparison.stability import MEAN_TARGET
from emotf.config import Experiment
from emotf.evaluation import score
from emotf.measures import Moments
from emotf.prediction import traces
from emotf.reproduction.derived import Derived, Made
from emotf.reproduction.table import (
    CRITERIA,
    FACTS,
    FITTED,
    SCORES,
    Cell,
    Settings,
    System,
    Table,
    runs_of,
)
from emotf.statistics import LEVEL, UNDECIDED, contrast, holm, p_of_interval, verdict
from emotf.training.criteria import criteria

# measure -> what has the other pooling.
OTHER = {**{name: name for name in SCORES}, "ccc_mean": "ccc", "mse_mean": "mse"}


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
            return [score_of_run(part, pooling, cell.measure, variance) for part in parts]
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
            return float(np.mean([score_of_run(part, pooling, cell.measure, variance) for part in of]))
        if cell.measure in CRITERIA:
            return self._criteria(trial, variance)[cell.measure]
        assert cell.measure in FACTS, cell.measure
        about = trial.run.about
        epochs = len(trial.run.epochs)
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
        """A row a finding: its text; `value` with its 95 % interval `low`, `high`, over `units`; `p` of that interval
        and `p_holm`, corrected for all findings that are tested; what that says.

        By the table's anchor, and with the other pooling in the same columns with `other_` before them, corrected by
        themselves. Findings hold above 0. Those whose systems or targets the corpus does not have are `not tested`.
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
                row["units"] = len({units[name] for name in terms[0][1]})
                for prefix, pooling in (("", self.table.anchor), ("other_", self.table.other)):
                    value, low, high = contrast(terms, pooling, "ccc", variance, units)
                    found = {"value": value, "low": low, "high": high,
                             "p": p_of_interval(value, low, high, row["units"])}  # fmt: skip
                    row |= {f"{prefix}{name}": content for name, content in found.items()}
            rows.append(row)
        tested = [row for row in rows if "value" in row]
        for prefix in ("", "other_"):
            for row, p in zip(tested, holm([row[f"{prefix}p"] for row in tested]), strict=True):
                interval = row[f"{prefix}low"], row[f"{prefix}high"]
                said = verdict(*interval, "holds", "does not hold") if p < LEVEL else UNDECIDED
                row |= {f"{prefix}p_holm": p, f"{prefix}said": said}
        of = ("value", "low", "high", "p", "p_holm", "said")
        return pd.DataFrame(rows, columns=["finding", *of, *(f"other_{name}" for name in of), "units"])
