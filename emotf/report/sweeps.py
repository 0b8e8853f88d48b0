"""Several measures along one axis: what is printed above, ours below."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (1, 1)))
MARKS = "osD^v"

# The unit that an axis is drawn in.
UNITS = {"parameters": 1e6}


def sweeps(
    rows: pd.DataFrame,
    sources: Mapping[str, str],
    x: str,
    colour: str,
    style: str,
    title: str,
    names: Mapping[str, str],
) -> "Figure":
    """A panel a source and measure, a line a colour and style.

    Args:
        rows: one a figure: columns `measure`, `x`, `colour`, `style`, and one a source, empty or NaN where there is
            none.
        sources: column of `rows` -> what it is.
        x: column along the x axis, numbers; they stand in their order and not to scale, so that none hides another.
        colour, style: columns whose values have colours and styles of lines.
        title: of the figure.
        names: measure -> what panels call it.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    measures = list(dict.fromkeys(rows["measure"]))
    numbers = pd.to_numeric(rows[x]) / UNITS.get(x, 1)
    known = sorted(set(numbers.dropna()))
    looks = _looks(rows, colour, style)
    figure = Figure(figsize=(1 + 3.6 * len(measures), 1.6 + 2.6 * len(sources)), dpi=100, layout="constrained")
    panels = figure.subplots(len(sources), len(measures), sharex=True, squeeze=False)
    for line, (source, what) in zip(panels, sources.items(), strict=True):
        for panel, measure in zip(line, measures, strict=True):
            part = rows.assign(place=numbers.map(known.index), value=pd.to_numeric(rows[source], errors="coerce"))
            _draw(panel, part[part["measure"] == measure], looks)
            panel.set_title(f"{names.get(measure, measure)}, {what}", fontsize="small")
    for panel in panels[-1]:
        panel.set_xticks(range(len(known)), [f"{number:.3g}" for number in known])
        panel.set_xlabel(x.replace("_", " ") + (", million" if x in UNITS else ""))
    for place, (name, values) in zip(("left", "right"), looks.items(), strict=True):
        lines = [Line2D([], [], **look) for look in values.values()]
        keys: dict[str, Any] = {"loc": f"outside lower {place}", "title": name.replace("_", " "), "fontsize": "small"}
        figure.legend(lines, list(values), ncols=min(3, len(lines)), title_fontsize="small", frameon=False, **keys)
    figure.suptitle(textwrap.fill(title, round(11 * figure.get_figwidth())), fontsize="medium")
    return figure


def _looks(rows: pd.DataFrame, colour: str, style: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Column -> value -> how its lines look."""
    colours, styles = (list(dict.fromkeys(rows[name])) for name in (colour, style))
    return {
        colour: {value: {"color": f"C{i % 10}"} for i, value in enumerate(colours)},
        style: {value: {"color": "0.3", "linestyle": STYLES[i % 5], "marker": MARKS[i % 5], "ms": 4}
                for i, value in enumerate(styles)},
    }  # fmt: skip


def _draw(panel: "Axes", part: pd.DataFrame, looks: Mapping[str, Mapping[Any, Mapping[str, Any]]]) -> None:
    """The lines of one panel, broken where there is no figure; errors far above the others take a logarithmic scale."""
    (colour, colours), (style, styles) = looks.items()
    for (of, how), points in part.groupby([colour, style], sort=False):
        points = points.sort_values("place")
        panel.plot(points["place"], points["value"], lw=1.2, **{**styles[how], **colours[of]})
    values = part["value"].dropna()
    if len(values) and values.min() > 0 and values.max() > 4 * values.median():
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter("{x:g}")
