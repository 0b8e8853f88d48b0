"""A search of hyper-parameters, drawn."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def search_figure(
    rows: pd.DataFrame,
    axes: Mapping[str, Sequence[str]],
    logarithmic: Sequence[str],
    measure: str,
    sign: int,
    title: str,
) -> "Figure":
    """Values by trial with the best so far, then by each parameter; pruned trials are hollow, the recipe is a line.

    Args:
        rows: of `emotf.search.results.table`.
        axes: column -> the names that it holds, in order; none for numbers.
        logarithmic: those of them whose scale is.
        measure: what the values are.
        sign: 1 where more is better, else -1.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    height = math.ceil((1 + len(axes)) / 3)
    width = math.ceil((1 + len(axes)) / height)
    figure = Figure(figsize=(4.2 * width, 1 + 3.2 * height), dpi=100, layout="constrained")
    panels = figure.subplots(height, width, squeeze=False, sharey=True).ravel()
    ended = rows[rows["outcome"] == "complete"]
    so_far = sign * (sign * ended["value"]).cummax()
    panels[0].step(ended["trial"], so_far, where="post", color="C0", lw=1, label="best so far")
    for panel, axis in zip(panels, ("trial", *axes), strict=False):
        _dots(panel, rows, axis, axes.get(axis, ()))
        for value in ended["value"][ended["recipe"]]:
            panel.axhline(value, color="0.4", lw=1, ls="--", label="the recipe as it is")
        if axis in logarithmic:
            panel.set_xscale("log")
        panel.set_xlabel(axis)
    for panel in panels[1 + len(axes) :]:
        panel.set_axis_off()
    panels[0].set_ylabel(measure)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title, fontsize="medium", wrap=True)
    return figure


def _dots(panel: "Axes", rows: pd.DataFrame, axis: str, names: Sequence[str]) -> None:
    """The values of complete trials, and the best that was seen of pruned ones, over a column: numbers, or names."""
    from matplotlib.ticker import MaxNLocator

    complete, pruned = (rows[rows["outcome"] == name] for name in ("complete", "pruned"))
    at = rows[axis]
    if names:
        at = at.map(names.index, na_action="ignore")
        panel.set_xticks(range(len(names)), names, rotation=30 if len(names) > 4 else 0)
        panel.set_xlim(-0.5, len(names) - 0.5)
    elif (at.dropna() % 1 == 0).all():
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.scatter(at[complete.index], complete["value"], s=22, color="C0", label="complete")
    panel.scatter(at[pruned.index], pruned["seen"], s=22, color="none", ec="0.5", label="pruned, best epoch")
