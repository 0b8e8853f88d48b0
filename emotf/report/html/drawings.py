"""The plots of scores: by recording, by subject, by epoch, gold standard against prediction, size, differences.

Each function takes a table (`emotf.report.scored`, or the rows of a comparison) and gives a plot a target, or a target
and pooling. Names of recordings, subjects and systems pass through `shown`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from emotf.report.html.plot import FAINT, INK, LINE, Plot, axis, packed, shown
from emotf.report.palette import Look
from emotf.report.scored import mean_curve, parts, reach

Looks = Mapping[str, Look]

# More points than this in one panel become squares that are the darker, the more of them lie there.
MANY_POINTS = 2000
SQUARES = 60


def recordings(table: pd.DataFrame, looks: Looks) -> dict[str, Plot]:
    """target -> the CCC of every recording, a dot each, with the quartiles of each system."""
    found = {}
    for target, of in parts(table, "target"):
        data = []
        for system, part in parts(of, "system"):
            defined = part.dropna(subset="ccc")
            data.append({
                "type": "box", "orientation": "h", "name": shown(system), "x": packed(defined["ccc"]),
                "boxpoints": "all", "jitter": 0.6, "pointpos": 0, "marker": _marker(looks[system], size=6, opacity=0.7),
                "line": {"color": looks[system].colour, "width": 1}, "fillcolor": "rgba(0,0,0,0)", "hoveron": "points",
                "text": [_named(row) for row in defined.to_dict("records")], "hovertemplate": "%{text}<br>CCC %{x:.3f}",
            })  # fmt: skip
        layout = {"xaxis": axis("CCC of a recording"), "yaxis": {"automargin": True, "autorange": "reversed"},
                  "showlegend": False, "shapes": [_rule("x", 0)]}  # fmt: skip
        found[target] = Plot(data, layout, 140 + 70 * len(data), note=_undefined(of))
    return found


def paired(table: pd.DataFrame, reference: str, looks: Looks) -> dict[str, Plot]:
    """target -> how far each system is above the reference on every recording, ordered by the mean of that."""
    found = {}
    for target, of in parts(table, "target"):
        wide = of.pivot(index="recording", columns="system", values="ccc")
        differences = wide.drop(columns=reference).sub(wide[reference], axis=0)
        others = [system for system in looks if system in differences]
        order = differences.mean(axis=1).sort_values(kind="stable").index
        subject = of.drop_duplicates("recording").set_index("recording")["subject"]
        data = [
            {"type": "scatter", "mode": "markers", "name": shown(system), "x": [shown(name) for name in order],
             "y": packed(differences.loc[order, system]), "marker": _marker(looks[system], size=8),
             "text": [shown(subject[name]) for name in order],
             "hovertemplate": "%{x}, subject %{text}<br>%{y:+.3f}"}
            for system in others
        ]  # fmt: skip
        layout = {"xaxis": axis("recordings, ordered", type="category"), "shapes": [_rule("y", 0)],
                  "yaxis": axis(f"CCC - CCC of {reference}"), "showlegend": True}  # fmt: skip
        missing = int(differences.isna().to_numpy().sum())
        note = f"Left out: {missing} differences that are undefined." if missing else ""
        found[target] = Plot(data, layout, note=note)
    return found


def subjects(table: pd.DataFrame, looks: Looks) -> dict[str, Plot]:
    """target -> the CCC of every subject, the least reliable first; in brackets the number of recordings."""
    found = {}
    for target, of in parts(table, "target"):
        order = list(of.groupby("subject")["ccc"].mean().sort_values(kind="stable").index)
        count = of.drop_duplicates("subject").set_index("subject")["recordings"]
        labels = {subject: f"{shown(subject)} ({count[subject]})" for subject in order}
        data = []
        for system, part in parts(of, "system"):
            values = part.set_index("subject")["ccc"].reindex(order)
            data.append({
                "type": "scatter", "mode": "markers", "name": shown(system), "x": list(labels.values()),
                "y": packed(values), "marker": _marker(looks[system], size=9), "hovertemplate": "%{x}<br>CCC %{y:.3f}",
            })  # fmt: skip
        layout = {"xaxis": axis("subject (recordings)", type="category"), "yaxis": axis("CCC of a subject"),
                  "shapes": [_rule("y", 0)], "showlegend": len(data) > 1}  # fmt: skip
        found[target] = Plot(data, layout, note=_undefined(of))
    return found


def curves(table: pd.DataFrame, looks: Looks) -> dict[str, Plot]:
    """target -> the CCC on development by epoch, each run thin with its kept epoch, their mean thick."""
    found = {}
    for target, of in parts(table, "target"):
        data: list[dict[str, Any]] = []
        for system, part in parts(of, "system"):
            look, same = looks[system], {"type": "scatter", "legendgroup": shown(system)}
            for name, run in parts(part, "run"):
                kept = run[run["kept"]]
                data += [
                    {**same, "mode": "lines", "x": packed(run["epoch"]), "y": packed(run["ccc"]), "showlegend": False,
                     "line": {"color": look.colour, "width": 1}, "opacity": 0.4, "name": shown(name)},
                    {**same, "mode": "markers", "x": packed(kept["epoch"]), "y": packed(kept["ccc"]),
                     "showlegend": False, "marker": _marker(look, size=6), "name": f"{shown(name)}, kept"},
                ]  # fmt: skip
            mean = mean_curve(part)
            data.append({
                **same, "mode": "lines", "x": packed(mean["epoch"]), "y": packed(mean["ccc"]), "name": shown(system),
                "line": {"color": look.colour, "width": 3, "dash": look.dash}, "showlegend": True,
            })  # fmt: skip
        layout = {"xaxis": axis("epoch"), "yaxis": axis("CCC on development"), "hovermode": "closest"}
        found[target] = Plot(data, layout)
    return found


def agreement(table: pd.DataFrame, looks: Looks) -> dict[str, Plot]:
    """target -> gold standard against prediction, a panel a system; on the diagonal they are equal."""
    found = {}
    for target, of in parts(table, "target"):
        low, high = reach(of)
        edges = np.linspace(low, high, SQUARES + 1)
        systems = list(parts(of, "system"))
        data: list[dict[str, Any]] = []
        layout: dict[str, Any] = {"annotations": [], "shapes": [], "showlegend": False}
        for k, (system, part) in enumerate(systems):
            at = "" if k == 0 else str(k + 1)
            place = {"xaxis": f"x{at}", "yaxis": f"y{at}"}
            points = len(part) <= MANY_POINTS
            data.append((_points(part, looks[system]) if points else _squares(part, looks[system], edges)) | place)
            for letter, title in (("x", "gold standard"), ("y", "prediction")):
                together = {"matches": letter} if k else {}
                layout[f"{letter}axis{at}"] = axis(title, range=[low, high], **together)
            ends = {"x0": low, "y0": low, "x1": high, "y1": high}
            layout["shapes"].append({"type": "line", "xref": f"x{at}", "yref": f"y{at}", **ends,
                                     "line": {"color": INK, "width": 1, "dash": "dot"}})  # fmt: skip
            layout["annotations"].append({
                "text": f"{shown(system)}, {len(part)} frames", "xref": f"x{at} domain", "yref": f"y{at} domain",
                "x": 0, "y": 1, "yanchor": "bottom", "showarrow": False,
            })  # fmt: skip
        found[target] = Plot(data, layout, 360, panels=len(systems))
    return found


def sizes(rows: pd.DataFrame, looks: Looks) -> dict[str, Plot]:
    """target and pooling -> the CCC of every system, mean ± sd over its runs, against its parameters."""
    found = {}
    for (target, pooling), of in rows.groupby(["target", "pooling"], sort=False):
        data = [
            {"type": "scatter", "mode": "markers", "name": shown(row["system"]), "x": [int(row["parameters_all"])],
             "y": packed([row["ccc"]]), "marker": _marker(looks[row["system"]], size=11),
             "error_y": {"array": packed([row["ccc_sd"]]), "thickness": 1.5},
             "hovertemplate": "%{x} parameters<br>CCC %{y:.3f}"}
            for row in of.to_dict("records")
        ]  # fmt: skip
        layout = {"xaxis": axis("parameters of all runs of the system", type="log"), "showlegend": True,
                  "yaxis": axis("CCC, mean ± sd over folds x seeds")}  # fmt: skip
        found[f"{target}, {pooling}"] = Plot(data, layout, note=_undefined(of))
    return found


def forest(rows: pd.DataFrame, looks: Looks, unit: str) -> dict[str, Plot]:
    """pooling -> the difference of every system to the reference with its 95 % interval, by target."""
    found = {}
    for pooling, of in parts(rows, "pooling"):
        targets = list(dict.fromkeys(of["target"]))
        systems = [system for system in looks if system != of["reference"].iloc[0]]
        data = []
        for i, system in enumerate(systems):
            part = of[of["system"] == system]
            at = [targets.index(target) + 0.7 * ((i + 0.5) / len(systems) - 0.5) for target in part["target"]]
            reach = [part["high"] - part["difference"], part["difference"] - part["low"]]
            data.append({
                "type": "scatter", "mode": "markers", "name": shown(system), "x": packed(part["difference"]), "y": at,
                "marker": _marker(looks[system], size=10), "text": [shown(target) for target in part["target"]],
                "error_x": {"symmetric": False, "array": packed(reach[0]), "arrayminus": packed(reach[1]), "width": 4},
                "hovertemplate": "%{text}<br>%{x:+.3f}",
            })  # fmt: skip
        ticks = {"tickvals": list(range(len(targets))), "ticktext": [shown(target) for target in targets]}
        borders = [_rule("y", k + 0.5, LINE) for k in range(len(targets) - 1)]
        layout = {
            "xaxis": axis(f"CCC - CCC of {of['reference'].iloc[0]}, 95 % interval over {unit}"),
            "yaxis": {**ticks, "range": [len(targets) - 0.5, -0.5], "automargin": True, "showgrid": False},
            "shapes": [_rule("x", 0), *borders], "showlegend": True,
        }  # fmt: skip
        missing = int(of.loc[of["system"].isin(systems), "difference"].isna().sum())
        note = f"Undefined and not drawn: {missing} differences." if missing else ""
        found[pooling] = Plot(data, layout, 150 + len(targets) * (30 + 26 * len(systems)), note=note)
    return found


def _points(part: pd.DataFrame, look: Look) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "x": packed(part["gold"]), "y": packed(part["prediction"]),
            "marker": _marker(look, size=4, opacity=0.5),
            "hovertemplate": "gold %{x:.3f}<br>prediction %{y:.3f}<extra></extra>"}  # fmt: skip


def _squares(part: pd.DataFrame, look: Look, edges: np.ndarray) -> dict[str, Any]:
    """How many frames lie where, on a logarithmic scale of colour; where none do, nothing is drawn."""
    counts = np.histogram2d(part["prediction"], part["gold"], (edges, edges))[0]
    shade = np.log10(np.where(counts > 0, counts, np.nan))
    centre = {"x0": float(edges[:2].mean()), "dx": float(edges[1] - edges[0])}
    return {
        "type": "heatmap", **centre, "y0": centre["x0"], "dy": centre["dx"], "z": packed(shade),
        "customdata": packed(counts), "showscale": False, "colorscale": [[0, FAINT], [1, look.colour]],
        "hovertemplate": "gold %{x:.2f}<br>prediction %{y:.2f}<br>%{customdata:d} frames<extra></extra>",
    }  # fmt: skip


def _marker(look: Look, **settings: Any) -> dict[str, Any]:
    return {"color": look.colour, "symbol": look.symbol, **settings}


def _rule(letter: str, at: float, colour: str = INK) -> dict[str, Any]:
    """A line across the plot."""
    other = "y" if letter == "x" else "x"
    return {"type": "line", f"{letter}0": at, f"{letter}1": at, f"{other}ref": f"{other} domain", f"{other}0": 0,
            f"{other}1": 1, "line": {"color": colour, "width": 1}, "layer": "below"}  # fmt: skip


def _named(row: Mapping[Any, Any]) -> str:
    return f"{shown(row['recording'])}, subject {shown(row['subject'])}, {row['frames']} frames"


def _undefined(table: pd.DataFrame) -> str:
    """What is not drawn, system by system."""
    counts = table["ccc"].isna().groupby(table["system"], sort=False).sum()
    said = ", ".join(f"{count} of {system}" for system, count in counts.items() if count)
    return f"Undefined and not drawn: {said}." if said else ""
