"""Plots, drawn without a display."""

import io
import itertools
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emotf.affect import PLANE
from emotf.files import written_aside
from emotf.measures import running_ccc
from emotf.track import Track

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def traces(
    prediction: Track,
    gold: Track | None = None,
    title: str = "",
    running: int = 0,
    found: "Mapping[str, Track] | None" = None,
) -> "Figure":
    """One panel a target: the prediction and, where there is one, the gold standard over time in seconds.

    Args:
        prediction: one channel a target.
        gold: on the same clock.
        title: of the figure.
        running: frames of the running CCC that is drawn too (Köprü & Erzin 2020, fig. 2); 0 for none.
        found: stream -> one channel, how surely it found what it looks for (a face), 0 to 1: a strip below.
    """
    from matplotlib.figure import Figure

    targets = prediction.channels
    heights = [1.7] * len(targets) + ([0.1 + 0.25 * len(found)] if found else [])
    figure = Figure(figsize=(9, 0.6 + sum(heights)), dpi=100, layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    if found:
        _strip(axes[-1], found)
    for i, (axis, target) in enumerate(zip(axes, targets, strict=False)):  # the strip has no target
        if gold is not None:
            rated = gold.select([target]).values[:, 0]
            axis.plot(gold.times, rated, color="0.45", lw=1.6, label="gold standard")
            if running:
                right = axis.twinx()
                right.plot(gold.times, running_ccc(rated, prediction.values[:, i], running), color="C1", lw=0.8)
                right.set_ylim(-1, 1)
                right.set_ylabel(f"CCC over {running} frames", color="C1", fontsize="small")
        axis.plot(prediction.times, prediction.values[:, i], color="C0", lw=1.1, label="prediction")
        axis.axhline(0, color="0.85", lw=0.8, zorder=0)
        axis.set_ylabel(target)
        axis.margins(x=0)
    if gold is not None:
        axes[0].legend(loc="upper right", fontsize="small", ncols=3, frameon=False)
    axes[-1].set_xlabel("time (s)")
    _caption(figure, title)
    return figure


def plane(prediction: Track, gold: Track | None = None, title: str = "") -> "Figure":
    """Valence and arousal as a point that moves in their plane, [-1, 1]²: the path, from the dot to the cross.

    The legend says what share of a path lies outside, where any does.

    Args:
        prediction: channels `valence` and `arousal`, others are left out.
        gold: on the same clock; where it is not rated, its path is broken.
        title: of the figure.

    Raises:
        UserError: valence or arousal is missing.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5.4), dpi=100, layout="constrained")
    panel = figure.subplots()
    panel.axhline(0, color="0.85", lw=0.8, zorder=0)
    panel.axvline(0, color="0.85", lw=0.8, zorder=0)
    shown = {"gold standard": (gold, "0.45"), "prediction": (prediction, "C0")}
    for name, (track, colour) in shown.items():
        if track is None:
            continue
        path = track.select(PLANE).values
        known = path[~np.isnan(path).any(axis=1)]
        outside = (np.abs(known) > 1).any(axis=1)
        label = f"{name}, {outside.mean():.1%} outside" if outside.any() else name
        panel.plot(*path.T, color=colour, lw=1, alpha=0.8, label=label)
        for point, mark in ((known[:1], "o"), (known[-1:], "X")):
            panel.plot(*point.T, mark, color=colour, ms=7, mec="white", mew=0.8, zorder=3)
    panel.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xlabel=PLANE[0], ylabel=PLANE[1])
    figure.legend(
        loc="outside lower center", fontsize="small", ncols=2, frameon=False,
        title="from the dot to the cross", title_fontsize="small",
    )  # fmt: skip
    _caption(figure, title)
    return figure


def _strip(panel: "Axes", found: "Mapping[str, Track]") -> None:
    """A row a stream: the darker, the surer; red where nothing was found."""
    import matplotlib

    colours = matplotlib.colormaps["Greens"].with_extremes(under="C3")
    for row, track in enumerate(found.values()):
        edges = (track.start - track.hop / 2, track.end + track.hop / 2)
        sure = track.values.T
        image = panel.imshow(
            sure, cmap=colours, vmin=1e-6, vmax=1, aspect="auto", extent=(*edges, row + 0.4, row - 0.4)
        )
        image.set_interpolation("nearest")
    panel.set_yticks(range(len(found)), [f"{name}: {np.mean(t.values > 0):.0%} found" for name, t in found.items()])
    panel.tick_params(axis="y", labelsize="small")
    panel.set_ylim(len(found) - 0.5, -0.5)


def weights(of: "Mapping[str, Mapping[str, float]]") -> "Figure":
    """The weights of a fusion, one panel a target."""
    from matplotlib.figure import Figure

    rows = max(map(len, of.values()))
    figure = Figure(figsize=(4.5 * len(of), 0.9 + 0.4 * rows), dpi=100, layout="constrained")
    for panel, (target, systems) in zip(figure.subplots(1, len(of), squeeze=False)[0], of.items(), strict=True):
        panel.barh(list(systems), list(systems.values()), color="C0", height=0.6)
        panel.axvline(0, color="0.7", lw=1)
        panel.invert_yaxis()
        panel.set_title(target, fontsize="medium")
        panel.set_xlabel("weight")
    return figure


def _caption(figure: "Figure", title: str) -> None:
    """The title in lines that fit."""
    figure.suptitle(textwrap.fill(title, round(11 * figure.get_figwidth())), fontsize="medium")


def as_png(figure: "Figure") -> bytes:
    """The picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def save(figure: "Figure", path: Path) -> None:
    """Writes a PNG, whole or not at all."""
    with written_aside(path) as aside:
        aside.write_bytes(as_png(figure))


def comparison(rows: "pd.DataFrame", title: str) -> "Figure":
    """Left: CCC of every system with its spread over runs; right: its difference to the reference with the interval."""
    from matplotlib.figure import Figure

    places = [place for place, _ in rows.groupby(["target", "pooling"], sort=False)]
    systems = list(dict.fromkeys(rows["system"]))
    height = 1.6 + len(places) * (0.25 + 0.16 * len(systems))
    figure = Figure(figsize=(10, height), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for i, system in enumerate(systems):
        part = rows[rows["system"] == system]
        at = [k + 0.7 * (i / max(len(systems) - 1, 1) - 0.5) for k in range(len(places))]
        look = {"fmt": "o", "ms": 4, "color": f"C{i % 10}", "label": system}
        left.errorbar(part["ccc"], at, xerr=part["ccc_sd"], **look)
        if system != part["reference"].iloc[0]:
            reach = [part["difference"] - part["low"], part["high"] - part["difference"]]
            right.errorbar(part["difference"], at, xerr=reach, **look)
    right.axvline(0, color="0.7", lw=1)
    left.set_yticks(range(len(places)), [f"{target}\n{pooling}" for target, pooling in places])
    left.invert_yaxis()
    left.set_xlabel("CCC, mean ± sd over folds x seeds")
    right.set_xlabel(f"difference to {rows['reference'].iloc[0]}, 95 % interval over {rows['unit'].iloc[0]}s")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    _caption(figure, title)
    return figure


def sweep(rows: "pd.DataFrame", axis: str, title: str) -> "Figure":
    """CCC over the numbers of one axis, one line a combination of the others; bars are sd over folds x seeds.

    Args:
        rows: of `emotf.comparison.summarise`; `line` names the line that a row belongs to, `place` is its number.
        axis: its name.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    targets = list(dict.fromkeys(rows["target"]))
    figure = Figure(figsize=(10, 1 + 2.6 * len(targets)), dpi=100, layout="constrained")
    panels = figure.subplots(len(targets), 2, sharex=True, squeeze=False)
    for row, target in enumerate(targets):
        for column, pooling in enumerate(dict.fromkeys(rows["pooling"])):
            panel = panels[row, column]
            part = rows[(rows["target"] == target) & (rows["pooling"] == pooling)]
            for i, (line, points) in enumerate(part.groupby("line", sort=False)):
                points = points.sort_values("place")
                shifted = points["place"] * 1.015 ** (i - 1)  # beside, not on top of, each other
                panel.errorbar(
                    shifted, points["ccc"], yerr=points["ccc_sd"], fmt="o-", ms=4, capsize=2, label=str(line)
                )
            panel.set_xscale("log", base=2)
            panel.set_xticks(sorted(set(part["place"])), [f"{place:g}" for place in sorted(set(part["place"]))])
            panel.set_title(f"{target}, {pooling}", fontsize="medium")
            panel.set_ylabel("CCC, mean ± sd of runs")
    for panel in panels[-1]:
        panel.set_xlabel(axis)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    _caption(figure, title)
    return figure


def stability(found: "pd.DataFrame", axis: str, title: str) -> "Figure":
    """Pooled CCC of every repetition, a dot each, with the mean of its cell; cells side by side, a panel a target.

    Args:
        found: of `emotf.comparison.repetitions`, and `cell`, the name of the cell.
        axis: whose values have colours.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    shown = found[found["pooling"] == "pooled"]
    targets, partitions, cells, values = (
        list(dict.fromkeys(shown[name])) for name in ("target", "partition", "cell", axis)
    )
    width = max(5.0, 1.2 + 0.2 * len(cells) * (len(values) + 1)) * len(partitions)
    figure = Figure(figsize=(width, 1.4 + 2.2 * len(targets)), dpi=100, layout="constrained")
    panels = figure.subplots(len(targets), len(partitions), sharex=True, sharey="row", squeeze=False)
    for (row, target), (column, partition) in itertools.product(enumerate(targets), enumerate(partitions)):
        panel, part = panels[row, column], shown[(shown["target"] == target) & (shown["partition"] == partition)]
        for i, (value, of) in enumerate(part.groupby(axis, sort=False)):
            at = of["cell"].map(cells.index) + (i + 1) / (len(values) + 1) - 0.5
            panel.plot(at, of["ccc"], "o", ms=5, mew=0, alpha=0.6, color=f"C{i % 10}", label=str(value))
            means = of.groupby(at)["ccc"].mean()
            panel.plot(means.index, means, "_", ms=13, mew=1.5, color=f"C{i % 10}")
        for k in range(0, len(cells), 2):
            panel.axvspan(k - 0.5, k + 0.5, color="0.96", zorder=0)
        panel.set_xlim(-0.5, len(cells) - 0.5)
        panel.set_title(f"{target}, {partition}", fontsize="medium")
    for panel in panels[:, 0]:
        panel.set_ylabel("CCC, pooled")
    for panel in panels[-1]:
        panel.set_xticks(range(len(cells)), cells, rotation=90 if len(cells) > 6 else 0, fontsize="small")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    _caption(figure, title)
    return figure


def candidates(scores: "pd.DataFrame", title: str) -> "Figure":
    """Pooled CCC of every candidate of a system with its interval over subjects; the chosen one is filled.

    Args:
        scores: columns of `emotf.evaluation.score`, and `candidate` and `chosen`.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    shown = scores[(scores["measure"] == "ccc") & (scores["pooling"] == "pooled")]
    targets = list(dict.fromkeys(shown["target"]))
    count = shown["candidate"].nunique()
    figure = Figure(figsize=(5 * len(targets), 1.4 + 0.25 * count), dpi=100, layout="constrained")
    for panel, target in zip(figure.subplots(1, len(targets), squeeze=False)[0], targets, strict=True):
        part = shown[shown["target"] == target]
        reach = [(part["value"] - part["low"]).clip(lower=0), (part["high"] - part["value"]).clip(lower=0)]
        colours = ["C0" if row.candidate == row.chosen else "0.8" for row in part.itertuples()]
        panel.barh(part["candidate"], part["value"], xerr=reach, color=colours, ecolor="0.4", height=0.6)
        panel.invert_yaxis()
        panel.set_title(target, fontsize="medium")
        panel.set_xlabel(f"CCC on {part['partition'].iloc[0]}, 95 % interval over subjects")
    _caption(figure, title)
    return figure
