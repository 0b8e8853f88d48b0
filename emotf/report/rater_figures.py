"""Plots of raters: how far they agree, and how late they rate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emotf.annotation import FUSIONS, DelayCurve, pairwise, raters_of
from emotf.measures import Moments
from emotf.track import Track

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Squares of the heat map carry their number where there are no more raters than this.
NUMBERED = 10


def agreement(ratings: Mapping[str, Mapping[str, Track]], fusion: str, recording: str = "") -> "Figure":
    """One row a target: the pooled CCC of every pair of raters; the traces of one recording, gold standard on top.

    Args:
        ratings: target -> recording -> [frames, raters].
        fusion: of the gold standard.
        recording: whose traces are drawn; the first of each target where empty or not rated for it.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 0.6 + 3.4 * len(ratings)), dpi=100, layout="constrained")
    panels = figure.subplots(len(ratings), 2, squeeze=False, width_ratios=(1, 2))
    for (left, right), (target, recordings) in zip(panels, ratings.items(), strict=True):
        _squares(left, pairwise(recordings), raters_of(recordings))
        left.set_title(f"{target}: CCC of two raters", fontsize="medium")
        name = recording if recording in recordings else next(iter(recordings))
        track = recordings[name]
        for rater, trace in zip(track.channels, track.values.T, strict=True):
            right.plot(track.times, trace, lw=0.8, alpha=0.7, label=rater)
        right.plot(track.times, FUSIONS[fusion](track).values[:, 0], color="black", lw=1.8, label=f"gold: {fusion}")
        right.set_title(f"{target}: {name}", fontsize="medium")
        right.margins(x=0)
        right.set_xlabel("time (s)")
        if len(track.channels) <= NUMBERED:
            right.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
    return figure


def delays(curves: Sequence[DelayCurve], title: str) -> "Figure":
    """One row a target, one panel a method: the curve, its maximum with the 95 % interval, and what chance gives."""
    from matplotlib.figure import Figure

    targets, methods = (list(dict.fromkeys(getattr(c, name) for c in curves)) for name in ("target", "method"))
    figure = Figure(figsize=(4.5 * len(methods), 0.8 + 2.2 * len(targets)), dpi=100, layout="constrained")
    panels = figure.subplots(len(targets), len(methods), sharex=True, squeeze=False)
    for curve in curves:
        panel = panels[targets.index(curve.target), methods.index(curve.method)]
        panel.plot(curve.seconds, curve.values, color="C0", lw=1.4)
        panel.axhline(curve.chance, color="0.6", lw=1, ls="--", label="chance")
        panel.axvline(curve.best, color="C1", lw=1, label=f"{curve.best:g} s{' (flat)' if curve.flat else ''}")
        if np.isfinite(curve.low):
            panel.axvspan(curve.low, curve.high, color="C1", alpha=0.15, lw=0)
        panel.set_ylabel(curve.target)
        panel.legend(fontsize="small", frameon=False)
    for panel, method in zip(panels[0], methods, strict=True):
        panel.set_title(method, fontsize="medium")
    for panel in panels[-1]:
        panel.set_xlabel("delay (s)")
    figure.suptitle(title, fontsize="medium")
    return figure


def _squares(panel: "Axes", pairs: Mapping[tuple[str, str], Moments], raters: Sequence[str]) -> None:
    values = np.full((len(raters), len(raters)), np.nan)
    place = {rater: i for i, rater in enumerate(raters)}
    for (one, other), moments in pairs.items():
        values[place[one], place[other]] = values[place[other], place[one]] = moments.ccc
    image = panel.imshow(values, vmin=-1, vmax=1, cmap="RdBu_r")
    panel.set_xticks(range(len(raters)), raters, rotation=90, fontsize="small")
    panel.set_yticks(range(len(raters)), raters, fontsize="small")
    if len(raters) > NUMBERED:
        panel.figure.colorbar(image, ax=panel)
        return
    for i, j in np.argwhere(~np.isnan(values)):
        ink = "white" if abs(values[i, j]) > 0.6 else "black"
        panel.text(j, i, f"{values[i, j]:.2f}", ha="center", va="center", fontsize="x-small", color=ink)
