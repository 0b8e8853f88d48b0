"""The page on which a user drops a clip: drawn by what draws the reports, and answered by the server it came from."""

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any

from emotf.affect import PLANE, WORDS
from emotf.report.html.document import Section, document
from emotf.report.html.plot import embedded, shown
from emotf.report.palette import looks

ACCEPTED = {"audio": "audio/*,video/*", "video": "video/*"}


def drop_page(about: Mapping[str, Any]) -> str:
    """The page.

    Args:
        about: of `emotf.serving.page.Page`: the run, its targets and media, the limits.
    """
    targets, media = about["targets"], about["media"]
    plane = set(PLANE) <= set(targets)
    kind = "Sound or video" if media == ["audio"] else "Video" + (" with sound" if "audio" in media else "")
    content = {
        "about": dict(about),
        "titles": {target: shown(target) for target in targets},
        "colours": {target: look.colour for target, look in looks(targets).items()},
        "plane": PLANE if plane else None,
        "words": WORDS if plane else {},
    }
    limits = f"{kind}, at most {about['max_mb']:g} MB and {about['max_seconds']:g} s."
    accepted = ACCEPTED["video" if "video" in media else "audio"]
    clip = (
        f'<div id="drop"><p><label class="choose">Choose a clip<input id="clip" type="file" accept="{accepted}">'
        f'</label> or drop it here.</p><p class="aside">{escape(limits)} It is deleted from the server as soon as it '
        f'is predicted.</p></div><p id="status" role="status"></p><p id="refused" role="alert"></p>'
    )  # fmt: skip
    traces = (
        '<p class="aside empty">No clip yet.</p><div class="answer" hidden><h3 id="name"></h3>'
        '<p id="facts" class="aside"></p>'
        '<p><a id="download" class="choose" download="trace.csv">Download CSV</a></p>'
        '<div id="over" class="canvas" role="img" aria-label="Traces over time"></div></div>'
    )
    sections = [Section("send", "Your clip", clip), Section("traces", "Traces", traces)]
    if plane:
        body = (
            '<p class="aside empty">No clip yet.</p><div class="answer" hidden>'
            '<div id="plane" class="canvas plane" role="img" aria-label="Path in the valence-arousal plane"></div>'
            '<div id="words" class="scroll"></div></div>'
        )
        lead = (
            "Valence to the right, arousal upwards, from the dot to the cross. Grey words are those nearest to the "
            "path, of the circumplex of Scherer (2005); the distance says how little a word fits."
        )
        sections.append(Section("plane-and-words", "Valence, arousal, words", body, lead))
    sections.append(Section("program", "From a program", _program(about) + embedded(content)))
    subtitle = f"{', '.join(targets)} of a clip of yours, by the run {about['run']}"
    own = {name: (files("emotf.serving") / f"drop.{name}").read_text(encoding="utf-8") for name in ("js", "css")}
    return document("Emotion over time", subtitle, sections, scripts=[own["js"]], style=own["css"], own_host=True)


def _program(about: Mapping[str, Any]) -> str:
    facts = {
        "streams": ", ".join(about["streams"]), "values a second": f"{1 / about['hop']:g}",
        "post-processing": "applied" if about["postprocessed"] else "none",
        "clips at once": f"{about['workers']}, and {about['waiting']} more wait", "version": about["version"],
    }  # fmt: skip
    clip = "clip.mp4" if "video" in about["media"] else "speech.wav"
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items())
    return (
        f'<dl>{rows}</dl><pre id="curl">curl -F clip=@{clip} predict</pre><p class="aside">answers with JSON, or '
        'with <code>-H "Accept: text/csv"</code> with the CSV. <a href="openapi.json">openapi.json</a>, '
        '<a href="about">about</a>, <a href="health">health</a></p>'
    )
