"""The report as one HTML file: tables that sort, curves, heat maps of transfer and of weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from emotf.continual.scores import ALL
from emotf.report.html.document import Section, document
from emotf.report.html.plot import INK, Plot, axis, packed, plot, shown
from emotf.report.html.texts import written
from emotf.report.palette import Look
from emotf.report.scored import parts
from emotf.report.texts import Content

Looks = Mapping[str, Look]


# Rules that choose α by themselves: level lines in the sweep over it.
SWEPT = ("balanced", "anchored")


@dataclass(frozen=True)
class Computed:
    """The numbers of a report.

    Attributes:
        scores, means, swept: of `emotf.continual.scores`: `scored`, `summary`, `sweep`.
        transfers: (body, rule) -> R [tasks, tasks], mean over seeds.
        weights: body -> rule -> [features, outputs].
        looks: of the rules.
    """  # fmt: skip

    scores: pd.DataFrame
    means: pd.DataFrame
    swept: pd.DataFrame
    transfers: Mapping[tuple[str, str], np.ndarray]
    weights: Mapping[str, Mapping[str, np.ndarray]]
    looks: Looks


def page(content: Content, of: Computed) -> str:
    """The page: words and tables, then what can be looked at."""
    label = {
        "curves": "Accuracy on all classes so far after each task, mean ± sd over seeds",
        "alpha": "Accuracy after the last task, by the weight α of the old unknown output",
        "transfer": "Accuracy on each task after each task, mean over seeds",
        "weights": "Weights after the last task, first seed",
    }
    drawn = {
        "curves": ("Curves", plot("curves", _curves(of.scores, of.looks), label["curves"], "body")),
        "alpha": ("Sweep over α", plot("alpha", _sweep(of.swept, of.means, of.looks), label["alpha"], "body")),
        "transfer": ("Transfer", plot("transfer", _transfers(of.transfers), label["transfer"], "body and rule")),
        "weights": ("Weights as pictures", plot("weights", _weights(of.weights), label["weights"], "body and rule")),
    }
    sections = [
        *written(content, of.looks),
        *(Section(name, title, body) for name, (title, body) in drawn.items()),
    ]
    return document("Continual learning of a classifier", content.title, sections)


def _curves(scores: pd.DataFrame, looks: Looks) -> dict[str, Plot]:
    found = {}
    for body, of in parts(scores[scores["on"] == ALL], "body"):
        data = []
        for rule, rows in parts(of, "rule"):
            by_task = rows.groupby("after")["accuracy"]
            data.append(_line(rule, by_task, looks[rule].colour, looks[rule].symbol, looks[rule].dash))
        layout = {"xaxis": axis("after task", dtick=1), "yaxis": axis("accuracy"), "showlegend": True}
        found[body] = Plot(data, layout)
    return found


def _sweep(swept: pd.DataFrame, means: pd.DataFrame, looks: Looks) -> dict[str, Plot]:
    found = {}
    for body, of in parts(swept, "body"):
        data = [_line("the same α in every merge", of.groupby("alpha")["accuracy"], INK, "circle", "solid")]
        ends = [float(of["alpha"].min()), float(of["alpha"].max())]
        own = means[(means["body"] == body) & means["rule"].isin(SWEPT)]
        for row in own.to_dict("records"):
            line = {"color": looks[row["rule"]].colour, "dash": "dash"}
            data.append({"type": "scatter", "mode": "lines", "name": row["rule"], "x": ends,
                         "y": [float(row["accuracy"])] * 2, "line": line})  # fmt: skip
        layout = {"xaxis": axis("α"), "yaxis": axis("accuracy after the last task"), "showlegend": True}
        found[body] = Plot(data, layout)
    return found


def _line(name: str, values: Any, colour: str, symbol: str, dash: str) -> dict[str, Any]:
    """Mean ± sd of grouped values over the groups' keys."""
    mean, sd = values.mean(), values.std(ddof=1).fillna(0)
    return {
        "type": "scatter", "mode": "lines+markers", "name": shown(name), "x": packed(mean.index), "y": packed(mean),
        "error_y": {"array": packed(sd), "thickness": 1.2}, "line": {"color": colour, "dash": dash},
        "marker": {"color": colour, "symbol": symbol, "size": 8}, "hovertemplate": "%{x}: %{y:.3f}",
    }  # fmt: skip


def _transfers(transfers: Mapping[tuple[str, str], np.ndarray]) -> dict[str, Plot]:
    found = {}
    for (body, rule), r in transfers.items():
        tasks = [str(task + 1) for task in range(len(r))]
        data = {"type": "heatmap", "x": tasks, "y": tasks, "z": packed(r), "zmin": 0, "zmax": 1,
                "colorscale": "Cividis", "texttemplate": "%{z:.2f}",
                "hovertemplate": "on task %{x} after task %{y}: %{z:.3f}<extra></extra>"}  # fmt: skip
        layout = {"xaxis": axis("on task", type="category"),
                  "yaxis": axis("after task", type="category", autorange="reversed")}  # fmt: skip
        found[f"{body}, {rule}"] = Plot([data], layout)
    return found


def _weights(weights: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Plot]:
    found = {}
    for body, rules in weights.items():
        for rule, matrix in rules.items():
            data = {"type": "heatmap", "z": packed(matrix.T), "colorscale": "Greys", "reversescale": True,
                    "hovertemplate": "output %{y}, feature %{x}: %{z:.3f}<extra></extra>"}  # fmt: skip
            layout = {"xaxis": axis("feature"), "yaxis": axis("output", autorange="reversed")}
            found[f"{body}, {rule}"] = Plot([data], layout)
    return found
