"""Plots of an experiment, drawn without a display."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotf.continual.scores import ALL
from emotf.report.palette import Look

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves(scores: pd.DataFrame, looks: Mapping[str, Look], title: str) -> "Figure":
    """Accuracy on all classes so far after each task, mean ± sd over seeds, a panel a body."""
    from matplotlib.figure import Figure

    whole = scores[scores["on"] == ALL]
    bodies = list(dict.fromkeys(whole["body"]))
    figure = Figure(figsize=(1 + 5 * len(bodies), 5.2), dpi=100, layout="constrained")
    panels = figure.subplots(1, len(bodies), sharey=True, squeeze=False)[0]
    for panel, body in zip(panels, bodies, strict=True):
        for rule, of in whole[whole["body"] == body].groupby("rule", sort=False):
            by_task = of.groupby("after")["accuracy"]
            mean, sd = by_task.mean(), by_task.std(ddof=1).fillna(0)
            look = looks[str(rule)]
            panel.errorbar(mean.index, mean, yerr=sd, lw=1.4, ms=5, capsize=2, label=rule, **look.mark)
        panel.set(xlabel="after task", ylim=(0, 1.02), title=body, xticks=sorted(set(whole["after"])))
        panel.grid(color="0.93")
    panels[0].set_ylabel("accuracy on all classes so far")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    figure.suptitle(title, fontsize="medium")
    return figure


def alphas(swept: pd.DataFrame, lines: pd.DataFrame, looks: Mapping[str, Look], title: str) -> "Figure":
    """Accuracy after the last task over α, mean ± sd over seeds; rules that choose α by themselves are level lines.

    Args:
        swept: of `emotf.continual.scores.sweep`.
        lines: of `emotf.continual.scores.summary`, the rules to draw.
        looks: rule -> look.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    bodies = list(dict.fromkeys(swept["body"]))
    figure = Figure(figsize=(1 + 5 * len(bodies), 4.4), dpi=100, layout="constrained")
    panels = figure.subplots(1, len(bodies), squeeze=False)[0]
    for panel, body in zip(panels, bodies, strict=True):
        of = swept[swept["body"] == body].groupby("alpha")["accuracy"]
        panel.errorbar(of.mean().index, of.mean(), yerr=of.std(ddof=1).fillna(0), fmt="o-", ms=4, capsize=2,
                       color="0.35", label="the same α in every merge")  # fmt: skip
        for row in lines[lines["body"] == body].to_dict("records"):
            panel.axhline(row["accuracy"], color=looks[row["rule"]].ink, ls="--", lw=1.3, label=row["rule"])
        panel.set(xlabel="α, weight of the old unknown output", title=body)
        panel.grid(color="0.93")
    panels[0].set_ylabel("accuracy after the last task")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    figure.suptitle(title, fontsize="medium")
    return figure


def transfers(found: Mapping[tuple[str, str], np.ndarray], title: str) -> "Figure":
    """The transfer matrix of every body (rows) and rule (columns) as a heat map, accuracies written in.

    Args:
        found: (body, rule) -> R [tasks, tasks], mean over seeds.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    bodies, rules = (list(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
    figure = Figure(figsize=(0.6 + 2.1 * len(rules), 0.7 + 2.3 * len(bodies)), dpi=100, layout="constrained")
    panels = figure.subplots(len(bodies), len(rules), squeeze=False)
    for (body, rule), r in found.items():
        panel = panels[bodies.index(body), rules.index(rule)]
        panel.imshow(r, cmap="cividis", vmin=0, vmax=1)
        for (i, j), value in np.ndenumerate(r):
            if not np.isnan(value) and len(r) <= 10:
                text = f"{value:.2f}".removeprefix("0")
                panel.text(j, i, text, ha="center", va="center", fontsize=7, color="w" if value < 0.5 else "k")
        panel.set_title(f"{rule}\n{body}", fontsize="small")
        ticks = range(len(r))
        panel.set_xticks(ticks, [str(k + 1) for k in ticks], fontsize=7)
        panel.set_yticks(ticks, [str(k + 1) for k in ticks], fontsize=7)
    figure.supxlabel("on task", fontsize="small")
    figure.supylabel("after task", fontsize="small")
    figure.suptitle(title, fontsize="medium")
    return figure


def matrices(found: Mapping[str, np.ndarray], title: str) -> "Figure":
    """Matrices of weights as pictures, a row a class and a column a feature, each from its lowest to its highest.

    Args:
        found: rule -> weights [features, outputs].
        title: of the figure.
    """
    from matplotlib.figure import Figure

    tall = max(weights.shape[1] for weights in found.values())
    figure = Figure(figsize=(9, 0.6 + len(found) * (0.55 + 0.09 * min(tall, 30))), dpi=100, layout="constrained")
    for panel, (rule, weights) in zip(figure.subplots(len(found), 1, squeeze=False)[:, 0], found.items(), strict=True):
        picture = panel.imshow(weights.T, cmap="gray", aspect="auto", interpolation="nearest")
        panel.set_title(f"{rule}: {weights.min():.2f} to {weights.max():.2f}", fontsize="small", loc="left")
        panel.set_ylabel("output", fontsize="small")
        panel.tick_params(labelsize=7)
        panel.set_xticks([])
        figure.colorbar(picture, ax=panel, pad=0.01).ax.tick_params(labelsize=7)
    figure.supxlabel(f"{next(iter(found.values())).shape[0]} features", fontsize="small")
    figure.suptitle(title, fontsize="medium")
    return figure
