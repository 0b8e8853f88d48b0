"""How steady training is: what CCC does from repetition to repetition, in one unit whatever loss was trained.

Conventions
    A repetition is one seed: a run or, with single-task learning, the runs of all targets. A cell is one combination of
    the values of all other axes and a fold. Spread is looked at within cells only: folds differ for other reasons.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from emotf import catalog
from emotf.comparison.grid import Trial
from emotf.comparison.summary import by_recording
from emotf.errors import UserError
from emotf.measures import MEAN, POOLED, Moments
from emotf.statistics import overall, pooled_sd, sd_ratio, sd_ratio_normal, squared_deviations

# The value of `target` in rows of the mean over all of them.
MEAN_TARGET = "mean over targets"

# The value of `fold` and of the other axes in rows over all cells, and of `fold` where partitions are fixed.
ALL, FIXED = "all", "fixed"

PLACE = ["partition", "target", "pooling"]
COUNTS = ["repetitions", "undefined", "constant"]


def check_repetitions(trials: Sequence[Trial], axis: str) -> None:
    """Refuses, before anything runs, what has no spread.

    Raises:
        UserError: no such axis, fewer than two seeds, or a seed given twice.
    """
    first, axes = trials[0], tuple(trials[0].settings)
    if axis not in axes:
        raise UserError(f"--stability={axis} is no axis of this comparison, which varies {', '.join(axes)}."
                        f"{catalog.suggestion(axis, axes)}")  # fmt: skip
    alike = [t for t in trials if (t.system, t.targets, t.fold) == (first.system, first.targets, first.fold)]
    seeds = [trial.seed for trial in alike]
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise UserError(f"--stability compares repetitions and needs two seeds or more, each once; received --seeds="
                        f"{','.join(map(str, seeds))}.")  # fmt: skip


def steadiness(
    trials: Sequence[Trial], axis: str, reference: str, variance: str = "population"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How much the CCC of each value of an axis varies over repetitions.

    Args:
        trials: all done.
        axis: whose values are compared.
        reference: the system at whose value of the axis the ratios are taken.
        variance: one of `measures.VARIANCES`.

    Returns:
        The CCC of every repetition (`repetitions`), and its spread (`spreads`), where the rows of CCC on development,
        mean over recordings and targets, also have what training was after (`own_units`): `own_measure`, `own_mean` and
        `own_sum_of_squares`. The last compares nothing between losses, each is in its own unit.
    """
    found = repetitions(trials, variance)
    (value,) = {trial.settings[axis] for trial in trials if trial.system == reference}
    rows = spreads(found, axis, value, [name for name in trials[0].settings if name != axis])
    own = own_units(trials)
    keys = [*trials[0].settings, "fold"]
    summed = own.groupby([*keys, "own_measure"], sort=False, as_index=False)["own"].agg(
        own_mean="mean", own_sum_of_squares=lambda of: float(squared_deviations(of))
    )
    over = found["target"].iloc[-1]
    place = pd.Series({"partition": "dev", "target": over, "pooling": MEAN})
    return found, rows.merge(summed.assign(**place), how="left", on=[*keys, *PLACE])


def repetitions(trials: Sequence[Trial], variance: str = "population") -> pd.DataFrame:
    """A row a repetition, partition, target (their mean last) and pooling.

    Returns:
        A column an axis; fold, seed, partition, target, pooling; `ccc`; `undefined`, the CCCs that the data do not
        define: 1 for a pooled one, else how many recordings are missing from the mean; `constant`, the recordings whose
        prediction does not move: their CCC is 0, and a training that always ends there looks steady.
    """
    rows = []
    for runs in _repeated(trials):
        keys = {**runs[0].settings, "fold": _fold(runs[0]), "seed": runs[0].seed}
        for partition in dict.fromkeys(("dev", runs[0].partition)):
            parts = {target: of for trial in runs for target, of in trial.moments(partition).items()}
            for pooling in (POOLED, MEAN):
                scored = {target: _scored(of, pooling, variance) for target, of in parts.items()}
                if len(scored) > 1:
                    scored[MEAN_TARGET] = _mean(list(scored.values()))
                place = {**keys, "partition": partition, "pooling": pooling}
                rows += [{**place, "target": target, **values} for target, values in scored.items()]
    return pd.DataFrame(rows)


def spreads(found: pd.DataFrame, axis: str, reference: str, others: Sequence[str] = ()) -> pd.DataFrame:
    """The spread of every value of an axis, in each cell and over all cells.

    Args:
        found: of `repetitions`.
        axis: whose values are compared.
        reference: the value that the others are measured against.
        others: the other axes.

    Returns:
        A row a value, cell, partition, target and pooling: `repetitions` (those with a defined CCC), undefined,
        constant, mean, sd (n - 1), min, max, spread (max - min), `sum_of_squares` (of deviations from the mean). A row
        a value over all cells, where fold and other axes are `all`: `mean` of the cells' means, `sd` pooled within
        cells, `sum_of_squares` of all cells; and over the `cells` in which value and reference have two repetitions
        each, `ratio` of its pooled sd to that of the reference, its 95 % interval `low`, `high`
        (`emotf.statistics.sd_ratio`), and `normal_low`, `normal_high` (`sd_ratio_normal`).
    """
    cell = [*others, "fold"]
    rows, totals = [], []
    for place, part in found.groupby(PLACE, sort=False):
        at = dict(zip(PLACE, place, strict=True))
        values: dict[str, dict[Any, np.ndarray]] = {}
        inner = []
        for where, here in part.groupby(cell, sort=False):
            for value, group in here.groupby(axis, sort=False):
                values.setdefault(str(value), {})[where] = group["ccc"].dropna().to_numpy()
                inner.append({axis: value, **dict(zip(cell, where, strict=True)), **at, **_spread(group)})
        for value, cells in values.items():
            own = pd.DataFrame([row for row in inner if row[axis] == value])
            ratio = {} if value == reference else _against(cells, values[reference])
            totals.append({
                axis: value, **dict.fromkeys(cell, ALL), **at, **own[COUNTS].sum(), "mean": own["mean"].mean(),
                "sd": pooled_sd(list(cells.values())), "sum_of_squares": own["sum_of_squares"].sum(),
                "reference": reference, **ratio,
            })  # fmt: skip
        rows += inner
    return pd.DataFrame([*rows, *totals])


def own_units(trials: Sequence[Trial]) -> pd.DataFrame:
    """A row a repetition: what its loss measures, on development, in the epoch whose weights were kept.

    Orgil et al. (2021) sum the squared deviations of this, that is of the squared error for one loss and of CCC for
    another.

    Returns:
        A column an axis; fold, seed; `own_measure`, a column of the histories, `dev_<loss>_mean`: the loss
        with its defaults, mean over recordings and targets; `own`, its value, mean over the runs of single targets. No
        row where targets have several losses, or where a history lacks that column.
    """
    rows = []
    for runs in _repeated(trials):
        names = {loss.name for trial in runs for loss in trial.experiment.losses(trial.targets).values()}
        histories = [(trial.run, trial.run.epochs) for trial in runs]
        kept = [history.iloc[run.chosen_epoch(history)] for run, history in histories]
        columns = [f"dev_{name}_mean" for name in names]
        if len(columns) == 1 and all(columns[0] in epoch for epoch in kept):
            own = float(np.mean([epoch[columns[0]] for epoch in kept]))
            place = {**runs[0].settings, "fold": _fold(runs[0]), "seed": runs[0].seed}
            rows.append({**place, "own_measure": columns[0], "own": own})
    return pd.DataFrame(rows, columns=[*trials[0].settings, "fold", "seed", "own_measure", "own"])


def _repeated(trials: Sequence[Trial]) -> Iterator[list[Trial]]:
    """The runs of each repetition."""
    found: dict[tuple[str, int | None, int], list[Trial]] = {}
    for trial in trials:
        found.setdefault((trial.system, trial.fold, trial.seed), []).append(trial)
    yield from found.values()


def _fold(trial: Trial) -> str:
    return FIXED if trial.fold is None else str(trial.fold)


def _scored(of: Mapping[str, Moments], pooling: str, variance: str) -> dict[str, Any]:
    """CCC of one target in one repetition, and what it does not show."""
    rated = by_recording([of])
    ccc = overall(rated, pooling, "ccc", variance) if rated else np.nan
    singles = [part.under(variance).ccc for (part,) in rated.values()]
    undefined = int(np.isnan(singles if rated and pooling == MEAN else ccc).sum())
    constant = sum(part.prediction_power == 0 for (part,) in rated.values())
    return {"ccc": ccc, "undefined": undefined, "constant": constant}


def _mean(scored: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean CCC of several targets, undefined where one of them is."""
    counts = {name: sum(of[name] for of in scored) for name in ("undefined", "constant")}
    return {"ccc": np.mean([of["ccc"] for of in scored]), **counts}


def _spread(group: pd.DataFrame) -> dict[str, Any]:
    """What the repetitions of one cell do."""
    ccc = group["ccc"].dropna()
    return {
        "repetitions": len(ccc), **group[["undefined", "constant"]].sum(), "mean": ccc.mean(), "sd": pooled_sd([ccc]),
        "min": ccc.min(), "max": ccc.max(), "spread": ccc.max() - ccc.min(),
        "sum_of_squares": float(squared_deviations(ccc)),
    }  # fmt: skip


def _against(cells: Mapping[Any, np.ndarray], reference: Mapping[Any, np.ndarray]) -> dict[str, Any]:
    """The ratio of the pooled sd to that of the reference and its intervals, over the cells in which both have one."""
    shared = [name for name in cells if min(cells[name].size, reference.get(name, np.empty(0)).size) > 1]
    one, other = [cells[name] for name in shared], [reference[name] for name in shared]
    (ratio, low, high), (normal_low, normal_high) = sd_ratio(one, other), sd_ratio_normal(one, other)
    return {"cells": len(shared), "ratio": ratio, "low": low, "high": high, "normal_low": normal_low,
            "normal_high": normal_high}  # fmt: skip
