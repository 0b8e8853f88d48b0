"""The report as one HTML file: tables that sort, confusion matrices, mistakes, learning curves."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from emotf.classification.figures import WRITTEN_IN, shares
from emotf.classification.scoring import Answers
from emotf.report.html.document import Section, document
from emotf.report.html.plot import Plot, axis, packed, plot, shown
from emotf.report.html.texts import written
from emotf.report.palette import Look
from emotf.report.texts import Content


def page(
    content: Content,
    answers: Mapping[str, Sequence[Answers]],
    histories: Mapping[str, Sequence[pd.DataFrame]],
    galleries: Mapping[str, bytes],
    looks: Mapping[str, Look],
) -> str:
    """The page: words and tables, then what can be looked at.

    Args:
        content: of the report.
        answers: system -> the answers of its runs.
        histories: system -> the histories of its runs.
        galleries: system -> PNG of the mistakes of its first run.
        looks: of the systems.
    """
    label = "Of each class (row) the share that was answered as each class, mean over seeds"
    confusion = plot("confusion", {name: _confusion(of) for name, of in answers.items()}, label, "system")
    curves = plot("curves", _curves(histories, looks), "Each run by epoch", "score")
    images = "".join(
        f'<figure><img style="max-width:100%" alt="{escape(name)}: pictures answered wrongly" src="data:image/png;'
        f'base64,{base64.b64encode(png).decode()}"><figcaption>{escape(name)}, first seed.</figcaption></figure>'
        for name, png in galleries.items()
    )
    return document("Classifiers of pictures", content.title, [
        *written(content, looks),
        Section("confusion", "Confusion", confusion),
        Section("mistakes", "Most confident mistakes", images, "Class → answer, and how sure the network was of it."),
        Section("curves", "Learning curves", curves),
    ])  # fmt: skip


def _confusion(several: Sequence[Answers]) -> Plot:
    names = [shown(name) for name in several[0].classes]
    text = {"texttemplate": "%{z:.0%}"} if len(names) <= WRITTEN_IN else {}
    data = {"type": "heatmap", "x": names, "y": names, "z": packed(shares(several)), "zmin": 0, "zmax": 1, **text,
            "colorscale": "Cividis", "hovertemplate": "%{y} answered %{x}: %{z:.1%}<extra></extra>"}  # fmt: skip
    layout = {"xaxis": axis("answer", type="category"), "yaxis": axis("class", type="category", autorange="reversed")}
    return Plot([data], layout, 160 + 26 * max(len(names), 10))


def _curves(histories: Mapping[str, Sequence[pd.DataFrame]], looks: Mapping[str, Look]) -> dict[str, Plot]:
    """score -> lines of all runs."""
    found = {}
    first = next(iter(histories.values()))[0]
    for column in (name for name in first.columns if name.startswith("dev_") or name == "loss"):
        data = [
            {
                "type": "scatter", "mode": "lines", "name": shown(system), "legendgroup": system,
                "showlegend": number == 0, "x": packed(history["epoch"] + 1), "y": packed(history[column]),
                "line": {"color": looks[system].colour, "dash": looks[system].dash},
                "hovertemplate": "epoch %{x}: %{y:.3f}",
            }
            for system, runs in histories.items()
            for number, history in enumerate(runs)
        ]  # fmt: skip
        name = "training loss" if column == "loss" else column.removeprefix("dev_").replace("_", " ")
        found[name] = Plot(data, {"xaxis": axis("epoch"), "yaxis": axis(name), "showlegend": True})
    return found
