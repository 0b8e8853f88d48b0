"""Plots, drawn without a display."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from emotf.files import written_aside
from emotf.track import Track

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def traces(prediction: Track, gold: Track | None = None, title: str = "") -> "Figure":
    """One panel a target: the prediction and, where there is one, the gold standard over time in seconds."""
    from matplotlib.figure import Figure

    targets = prediction.channels
    figure = Figure(figsize=(9, 0.6 + 1.7 * len(targets)), dpi=100, layout="constrained")
    axes = figure.subplots(len(targets), 1, sharex=True, squeeze=False)[:, 0]
    for i, (axis, target) in enumerate(zip(axes, targets, strict=True)):
        if gold is not None:
            axis.plot(gold.times, gold.select([target]).values[:, 0], color="0.45", lw=1.6, label="gold standard")
        axis.plot(prediction.times, prediction.values[:, i], color="C0", lw=1.1, label="prediction")
        axis.axhline(0, color="0.85", lw=0.8, zorder=0)
        axis.set_ylabel(target)
        axis.margins(x=0)
    if gold is not None:
        axes[0].legend(loc="upper right", fontsize="small", ncols=2, frameon=False)
    axes[-1].set_xlabel("time (s)")
    figure.suptitle(title)
    return figure


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
    """Left: CCC of MTL and STL with their spread over runs; right: the paired difference with its interval."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 1.6 + 0.55 * len(rows)), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    places = range(len(rows))
    for shift, name, color in ((0.12, "mtl", "C0"), (-0.12, "stl", "C1")):
        left.errorbar(
            rows[name], [p + shift for p in places], xerr=rows[f"{name}_sd"], fmt="o", color=color, label=name.upper()
        )
    reach = [rows["difference"] - rows["low"], rows["high"] - rows["difference"]]
    right.errorbar(rows["difference"], list(places), xerr=reach, fmt="o", color="0.2")
    right.axvline(0, color="0.7", lw=1)
    left.set_yticks(list(places), [f"{t}\n{p}" for t, p in zip(rows["target"], rows["pooling"], strict=True)])
    left.invert_yaxis()
    left.set_xlabel("CCC, mean ± sd over folds x seeds")
    right.set_xlabel("MTL - STL, 95 % interval over recordings")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(title)
    return figure
