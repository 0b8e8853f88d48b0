"""Plots of scores, drawn without a display: gold against prediction, learning curves, subjects, size of the model.

Tables are those of `emotf.report.scored`; the same system has the same colour in all of them, as in the pages of
`emotf.report.html`.
"""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from emotf.report.palette import DASHES, looks
from emotf.report.scored import mean_curve, parts, reach

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More points than this in one panel become hexagons.
MANY_POINTS = 2000


def agreement(table: pd.DataFrame, title: str) -> "Figure":
    """Gold standard against prediction: a row a target, a panel a system; on the diagonal they are equal.

    Args:
        table: target, system, gold, prediction, one row a frame (`emotf.report.scored.by_frame`).
        title: of the figure.
    """
    from matplotlib.colors import LinearSegmentedColormap

    targets, systems = (list(dict.fromkeys(table[name])) for name in ("target", "system"))
    figure, panels = _panels(targets, len(systems), 2.9, 2.7, title)
    seen = looks(systems)
    for row, (target, of) in zip(panels, parts(table, "target"), strict=True):
        low, high = reach(of)
        for panel, system in zip(row, systems, strict=True):
            part, ink = of[of["system"] == system], seen[system].ink
            if len(part) > MANY_POINTS:
                shades = LinearSegmentedColormap.from_list("", ["#e9edf2", ink])
                panel.hexbin(part["gold"], part["prediction"], gridsize=45, extent=(low, high, low, high), bins="log",
                             mincnt=1, cmap=shades, linewidths=0)  # fmt: skip
            else:
                panel.plot(part["gold"], part["prediction"], **seen[system].mark, ls="", ms=3, alpha=0.5)
            panel.plot([low, high], [low, high], color="0.4", lw=0.8, ls=":")
            panel.set(xlim=(low, high), ylim=(low, high), aspect="equal")
            panel.set_title(f"{target}, {system}", fontsize="small")
        row[0].set_ylabel("prediction")
    for panel in panels[-1]:
        panel.set_xlabel("gold standard")
    return figure


def learning(table: pd.DataFrame, title: str) -> "Figure":
    """CCC on development by epoch: each run thin, with a mark where its weights were kept, their mean thick.

    Args:
        table: target, system, run, epoch, ccc, kept (`emotf.report.scored.by_epoch`).
        title: of the figure.
    """
    targets, systems = (list(dict.fromkeys(table[name])) for name in ("target", "system"))
    figure, panels = _panels(targets, 1, 9, 2.5, title)
    seen = looks(systems)
    for (panel,), (target, of) in zip(panels, parts(table, "target"), strict=True):
        for system, part in parts(of, "system"):
            look = seen[system]
            for _, run in parts(part, "run"):
                panel.plot(run["epoch"], run["ccc"], color=look.ink, lw=0.8, alpha=0.4)
                kept = run[run["kept"]]
                panel.plot(kept["epoch"], kept["ccc"], **look.mark, ls="", ms=4)
            mean = mean_curve(part)
            panel.plot(mean["epoch"], mean["ccc"], color=look.ink, lw=2.2, ls=DASHES[look.dash], label=system)
        panel.set_title(target, fontsize="medium")
        panel.set_ylabel("CCC on development")
    panels[-1, 0].set_xlabel("epoch")
    _legend(figure, panels)
    return figure


def subjects(table: pd.DataFrame, title: str) -> "Figure":
    """CCC of every subject, the least reliable first, a panel a target; in brackets the number of recordings.

    Args:
        table: target, system, subject, ccc, recordings (`emotf.report.scored.by_subject`). What is undefined is not
            drawn, and counted in the title of its panel.
        title: of the figure.
    """
    targets, systems = (list(dict.fromkeys(table[name])) for name in ("target", "system"))
    width = min(max(5.0, 0.35 * table["subject"].nunique()), 30)
    figure, panels = _panels(targets, 1, width, 2.6, title)
    seen = looks(systems)
    for (panel,), (target, of) in zip(panels, parts(table, "target"), strict=True):
        order = list(of.groupby("subject")["ccc"].mean().sort_values(kind="stable").index)
        count = of.drop_duplicates("subject").set_index("subject")["recordings"]
        for system, part in parts(of, "system"):
            values = part.set_index("subject")["ccc"].reindex(order)
            panel.plot(range(len(order)), values, **seen[system].mark, ms=5, ls="", label=system)
        panel.axhline(0, color="0.7", lw=0.8, zorder=0)
        labels = [f"{subject} ({count[subject]})" for subject in order]
        panel.set_xticks(range(len(order)), labels, rotation=90, fontsize="small")
        undefined = int(of["ccc"].isna().sum())
        panel.set_title(f"{target}, {undefined} undefined" if undefined else target, fontsize="medium")
        panel.set_ylabel("CCC of a subject")
    _legend(figure, panels)
    return figure


def sizes(rows: pd.DataFrame, title: str) -> "Figure":
    """CCC against the number of parameters, one mark a system with its sd over runs; a row a target.

    Args:
        rows: of `emotf.comparison.summary.summarise`.
        title: of the figure.
    """
    targets, systems, poolings = (list(dict.fromkeys(rows[name])) for name in ("target", "system", "pooling"))
    figure, panels = _panels(targets, len(poolings), 4.8, 2.6, title)
    seen = looks(systems)
    for row, (target, of) in zip(panels, parts(rows, "target"), strict=True):
        for panel, (pooling, part) in zip(row, parts(of, "pooling"), strict=True):
            for system, one in parts(part, "system"):
                look = {**seen[system].mark, "ms": 5, "ls": "", "capsize": 3}
                panel.errorbar(one["parameters_all"], one["ccc"], yerr=one["ccc_sd"], **look, label=system)
            panel.set_xscale("log")
            own = sorted(set(part["parameters_all"]))
            panel.set_xticks(own, [f"{size:,.0f}" for size in own], rotation=30, fontsize="small")
            panel.set_xticks([], minor=True)
            panel.set_title(f"{target}, {pooling}", fontsize="medium")
        row[0].set_ylabel("CCC, mean ± sd of runs")
    for panel in panels[-1]:
        panel.set_xlabel("parameters of all runs of the system")
    _legend(figure, panels)
    return figure


def _panels(
    targets: Sequence[str], columns: int, width: float, height: float, title: str
) -> "tuple[Figure, np.ndarray]":
    """A figure with a row of panels a target; width and height of one, in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(5.0, width * columns), 1.2 + height * len(targets)), dpi=100, layout="constrained")
    figure.suptitle(textwrap.fill(title, round(11 * figure.get_figwidth())), fontsize="medium")
    return figure, figure.subplots(len(targets), columns, squeeze=False)


def _legend(figure: "Figure", panels: "np.ndarray") -> None:
    """One legend for all panels, of every system that any of them shows."""
    shown: dict[str, Any] = {}
    for panel in panels.flat:
        handles, labels = panel.get_legend_handles_labels()
        shown |= dict(zip(labels, handles, strict=True))
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=4, frameon=False)
