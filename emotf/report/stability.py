"""How steady training is, as a table."""

from collections.abc import Sequence

import pandas as pd

from emotf.measures import MEAN, POOLED
from emotf.report.intervals import UNDEFINED, bracketed
from emotf.report.tables import markdown, number
from emotf.statistics import verdict


def stability_table(rows: pd.DataFrame, axis: str, others: Sequence[str], title: str) -> str:
    """The spread of CCC over repetitions as Markdown, with the legends that say what each number is.

    Args:
        rows: of `emotf.comparison.steadiness`.
        axis: whose values are compared.
        others: the other axes.
        title: says what is compared, on what.
    """
    over_all = rows["reference"].notna()
    totals, cells = rows[over_all], rows[~over_all]
    last = cells["target"].iloc[-1]  # the mean over targets, or the only one
    shown = cells[(cells["target"] == last) & (cells["pooling"] == POOLED)]
    reference = totals["reference"].iloc[0]
    overall = [
        [row["partition"], row["target"], row["pooling"], row[axis], number(row["mean"]), _fine(row["sd"]),
         *_ratio(row, row[axis] == reference), *_counts(row)]
        for _, row in totals.iterrows()
    ]  # fmt: skip
    single = [
        [row["partition"], cell_name(row, others), row[axis], number(row["mean"]), _fine(row["sd"]),
         *(number(row[name]) for name in ("min", "max", "spread")), _short(row["sum_of_squares"]), *_counts(row)]
        for _, row in shown.iterrows()
    ]  # fmt: skip
    count = shown.groupby([*others, "fold"]).ngroups
    counted = ["repetitions", "undefined", "constant"]
    ratios = [f"sd / sd of {reference}", "95 %", "95 % if normal", ""]
    return f"""{title}

How far CCC differs between repetitions (seeds), in one unit whatever the loss measures. A cell is a fold with one
setting of all other axes, here {count}; CCC is the mean over cells, sd (n - 1) that within a cell, pooled over cells.
Its ratio to that of {reference} has two intervals: from repetitions drawn anew in each cell (inf where too few draws
have any spread), and by the F distribution, which needs CCCs that are normal and alike spread in all cells. They speak
of other seeds, not of other data. Development chose the epoch, which raises its CCC and narrows its spread; test did
not. Undefined CCCs are counted and left out. Constant: predictions of a recording that do
not move; their CCC is 0, however steady:

{markdown(["partition", "target", "over", axis, "CCC", "sd", *ratios, *counted], overall)}

In each cell, {last}, {POOLED} (all targets, and {MEAN}, are in stability.csv):

{markdown(["partition", "cell", axis, "CCC", "sd", "min", "max", "spread", "sum of squares", *counted], single)}
{_own_units(cells, axis, others)}"""


def cell_name(row: pd.Series, others: Sequence[str]) -> str:
    """The values of the other axes, and the fold."""
    where = "fixed partitions" if row["fold"] == "fixed" else f"fold {row['fold']}"
    return " ".join([*(str(row[name]) for name in others), where])


def _own_units(cells: pd.DataFrame, axis: str, others: Sequence[str]) -> str:
    """The sums as Orgil et al. (2021) print them; empty where histories do not hold them."""
    found = cells[cells["own_measure"].notna()]
    if not len(found):
        return ""
    rows = [
        [cell_name(row, others), row[axis], row["own_measure"], number(row["own_mean"]),
         _short(row["own_sum_of_squares"]), _short(row["sum_of_squares"])]
        for _, row in found.iterrows()
    ]  # fmt: skip
    return f"""
As Orgil et al. (2021) print it: the sum of squared deviations of what each loss measures itself, on development,
{MEAN} and targets, in the epoch that was kept. These are in DIFFERENT UNITS and compare nothing between
losses; beside them the same of CCC:

{markdown(["cell", axis, "measure", "mean", "sum of squares, own unit", "sum of squares, CCC"], rows)}
"""


def _ratio(row: pd.Series, is_reference: bool) -> list[str]:
    if is_reference:
        return ["reference", "", "", ""]
    intervals = [
        bracketed(row[low], row[high], ".2f") for low, high in (("low", "high"), ("normal_low", "normal_high"))
    ]
    ratio = UNDEFINED if pd.isna(row["ratio"]) else f"{row['ratio']:.2f}"
    return [ratio, *intervals, verdict(row["low"] - 1, row["high"] - 1, "less steady", "steadier")]


def _counts(row: pd.Series) -> list[int]:
    return [int(row[name]) for name in ("repetitions", "undefined", "constant")]


def _fine(value: float) -> str:
    """Four decimals, or `undefined`."""
    return "undefined" if pd.isna(value) else f"{value:.4f}"


def _short(value: float) -> str:
    """Three digits, or `undefined`."""
    return "undefined" if pd.isna(value) else f"{value:.3g}"
