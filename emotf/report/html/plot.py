"""Plots that plotly draws in the page, one at a time out of several to choose from.

Plots are plain dictionaries of plotly's schema. Colours are variables of the page's style, `var(--s0)`, so that plots
follow the page from light to dark.
"""

import base64
import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

INK, FAINT, LINE = "var(--ink)", "var(--faint)", "var(--line)"

# Letters of a name in a plot; a phone shows no more.
LINE_LENGTH = 36


@dataclass(frozen=True)
class Plot:
    """One plot.

    Attributes:
        data, layout: as plotly has them, but for colours.
        height: pixels; of one panel, where there are panels.
        panels: that many axes of their own, side by side as far as the page is wide; 0 for plain axes.
        note: plain text below it.
    """

    data: list[dict[str, Any]]
    layout: dict[str, Any] = field(default_factory=dict)
    height: int = 420
    panels: int = 0
    note: str = ""


def plot(name: str, choices: Mapping[str, Plot], label: str, of: str = "target") -> str:
    """A plot with a row of buttons that choose which one is shown.

    Args:
        name: unique in the page; letters and `-`.
        choices: what the button says -> the plot.
        label: plain text, what is drawn.
        of: what is chosen.
    """
    if not choices:
        return f'<p class="aside">{escape(label)}: nothing to draw, no frame is rated.</p>'
    content = {key: vars(choice) for key, choice in choices.items()}
    buttons = "".join(
        f'<label><input type="radio" name="{name}" value="{escape(key)}"{" checked" if k == 0 else ""}>'
        f"<span>{escape(key)}</span></label>"
        for k, key in enumerate(choices)
    )
    row = f"<fieldset><legend>{escape(of)}</legend>{buttons}</fieldset>" if len(choices) > 1 else ""
    return (
        f'<figure class="plot" id="plot-{name}">{row}<div class="canvas" role="img" aria-label="{escape(label)}"></div>'
        f'<figcaption>{escape(label)}. <span class="note"></span></figcaption>{embedded(content)}</figure>'
    )


def embedded(content: Any) -> str:
    """JSON inside a page; no text in it can end the element that it stands in."""
    text = json.dumps(content, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return f'<script type="application/json">{text}</script>'


def packed(values: ArrayLike) -> dict[str, str]:
    """Numbers as plotly reads them from base64, float32; NaN is drawn as a gap. Of a matrix, also its shape."""
    array = np.asarray(values, "<f4")
    found = {"dtype": "f4", "bdata": base64.b64encode(array.tobytes()).decode()}
    return found if array.ndim == 1 else {**found, "shape": ", ".join(map(str, array.shape))}


def shown(text: str) -> str:
    """Text as plotly shows it, which takes some tags for its own; long text in lines.

    Example:
        >>> shown("a < b")
        'a &lt; b'
    """
    return "<br>".join(escape(line, quote=False) for line in textwrap.wrap(str(text), LINE_LENGTH))


def axis(title: str, **settings: Any) -> dict[str, Any]:
    """An axis with its title."""
    return {"title": {"text": shown(title)}, "automargin": True, **settings}
