"""One HTML file that needs nothing but itself: sections, a list of contents, the scripts of its plots.

What it may run is written in its head: only the scripts that it was made with, by their hashes. It loads nothing, from
no place, unless it is a page of a server, which may ask the host that it came from.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from emotf.report import palette


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        id: by which the contents link to it; letters and `-`.
        title: plain text.
        body: HTML.
        lead: plain text, what the section shows and how to read it.
    """

    id: str
    title: str
    body: str
    lead: str = ""

    @property
    def html(self) -> str:
        lead = f'<p class="lead">{escape(self.lead)}</p>' if self.lead else ""
        return f'<section id="{self.id}"><h2>{escape(self.title)}</h2>{lead}\n{self.body}\n</section>'


def document(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    plots: bool = True,
    scripts: Sequence[str] = (),
    style: str = "",
    own_host: bool = False,
) -> str:
    """The page.

    Args:
        title: plain text, short.
        subtitle: plain text, says what the targets are.
        sections: in order.
        plots: whether there are any: what draws them is 5 MB.
        scripts: of the page alone, after those of all pages.
        style: CSS of the page alone.
        own_host: lets its scripts send requests to the host that it came from.
    """
    from plotly.offline import get_plotlyjs

    shared = [get_plotlyjs(), _own("page.js"), _own("plots.js"), _own("traces.js")] if plots else [_own("page.js")]
    scripts = [*shared, *scripts]
    allowed = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    policy = (f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
              "base-uri 'none'; form-action 'none'" + ("; connect-src 'self'" if own_host else ""))  # fmt: skip
    contents = "".join(f'<li><a href="#{section.id}">{escape(section.title)}</a></li>' for section in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="generator" content="emotf">
<title>{escape(title)}</title>
<style>{_colours()}{_own("page.css")}{style}</style>
</head>
<body>
<header><div><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></div>
<button id="theme" type="button" aria-label="Switch between light and dark">dark</button></header>
<nav aria-label="Contents"><ul>{contents}</ul></nav>
<main>
<noscript><p>Tables do not sort and plots do not show without JavaScript; all of it is in this file.</p></noscript>
{"".join(section.html for section in sections)}
</main>
{"".join(f"<script>{script}</script>" for script in scripts)}
</body>
</html>
"""


def chip(system: str, look: palette.Look) -> str:
    """A system with the mark of its colour."""
    return f'<span class="{look.chip}">{escape(system)}</span>'


def _own(name: str) -> str:
    return (files("emotf.report.html") / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _colours() -> str:
    """The colours of systems as variables, light and dark, and a class a system."""
    light, dark = (
        "".join(f"--s{slot}:{colour};" for slot, colour in enumerate(colours))
        for colours in (palette.LIGHT, palette.DARK)
    )
    classes = "".join(f".s{slot}{{--mark:var(--s{slot})}}" for slot in range(len(palette.LIGHT)))
    return f":root{{{light}}}:root[data-theme=dark]{{{dark}}}{classes}\n"
