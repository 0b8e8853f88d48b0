"""Gold standard and predictions of single recordings over time, to choose from, with the running CCC.

Values stand in the page as 16-bit whole numbers between the least and the greatest of their trace: off by less than
1/60,000 of that range, and half the size of float32.
"""

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emotf.affect import PLANE
from emotf.measures import running_ccc
from emotf.report.html.document import Section
from emotf.report.html.plot import INK, embedded, shown
from emotf.report.palette import Look, looks
from emotf.report.scored import Traced
from emotf.track import Track

# Frames of the running CCC, as in Köprü & Erzin 2020, fig. 2; it moves slowly and is drawn at every fourth frame.
RUNNING_FRAMES = 100
RUNNING_STEP = 4

# Of more systems than this only the first ones are drawn until a reader asks for others.
SHOWN = 4

# Stands for a value that is not defined.
NOTHING = -32768


def traces(traced: Traced, recordings: int, more: str) -> Section:
    """The section: a choice of recording and target, traces with their running CCC, the valence-arousal plane.

    Args:
        traced: the recordings of all systems, in order.
        recordings: how many of them the page holds, the first ones; 0 for all.
        more: what to do to see the others, completing "for all of them, ...".
    """
    systems = looks(list(traced))
    names = list(dict.fromkeys(name for of in traced.values() for name in of))
    kept = names[:recordings] if recordings else names
    targets = list(
        dict.fromkeys(target for of in traced.values() for gold, _ in of.values() for target in gold.channels)
    )
    plane = set(PLANE) <= set(targets)
    content = {
        "recordings": {name: _recording(traced, name) for name in kept},
        "titles": {target: shown(target) for target in targets},
        "looks": {system: _look(shown(system), look) for system, look in systems.items()},
        "gold": {"name": "gold standard", "colour": INK, "dash": "solid", "width": 2.5},
        "plane": PLANE,
        "running_frames": RUNNING_FRAMES,
        "shown": list(traced)[:SHOWN],
    }
    body = (
        f'<div class="traces"><div class="pick">{_choice("recording", kept)}{_choice("target", targets)}</div>'
        f'<div class="canvas" role="img" aria-label="Traces over time with their running CCC"></div>'
        + ('<h3>The valence-arousal plane</h3><p class="aside">The path of the same recording, from the dot to the '
           'cross.</p><div class="canvas plane" role="img" aria-label="Paths in the plane"></div>' if plane else "")
        + f"{embedded(content)}</div>{_left_out(names, kept, more)}{_other_gold(traced)}"
    )  # fmt: skip
    lead = (
        f"Gold standard and predictions, of the first seed where there are several; below, the CCC over the "
        f"{RUNNING_FRAMES} frames up to each, at every {RUNNING_STEP}th frame. Drag to zoom, double-click to go back; "
        f"a click on a name hides or shows it."
        + (f" The first {SHOWN} of {len(traced)} systems are drawn until then." if len(traced) > SHOWN else "")
    )
    return Section("traces", "Traces", body, lead)


def _recording(traced: Traced, name: str) -> dict[str, Any]:
    """target -> the gold standard, and trace and running CCC of every system that predicts it."""
    found: dict[str, Any] = {}
    for system, of in traced.items():
        if name not in of:
            continue
        gold, prediction = of[name]
        for target in gold.channels:
            y, p = gold.select([target]).values[:, 0], prediction.select([target]).values[:, 0]
            place = found.setdefault(target, {"gold": _series(gold, y), "systems": []})
            running = running_ccc(y, p, RUNNING_FRAMES)[::RUNNING_STEP]
            place["systems"].append({
                "system": system, "trace": _series(prediction, p), "running": _series(gold, running, RUNNING_STEP),
            })  # fmt: skip
    return found


def _series(track: Track, values: ArrayLike, step: int = 1) -> dict[str, Any]:
    """Values on the clock of a track, or on every `step`th frame of it."""
    return {"start": track.start, "hop": track.hop * step, **whole_numbers(values)}


def whole_numbers(values: ArrayLike) -> dict[str, Any]:
    """`shift` + `scale` · n, n as int16 in base64; NaN is the lowest of all.

    Example:
        >>> whole_numbers([0.0, 1.0, float("nan")])
        {'shift': 0.5, 'scale': 1.5259254737998596e-05, 'data': 'AYD/fwCA'}
    """
    array = np.asarray(values, np.float64)
    known = array[~np.isnan(array)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    shift, scale = (low + high) / 2, (high - low) / 2 / 32767 or 1.0
    whole = np.where(np.isnan(array), NOTHING, np.rint((array - shift) / scale)).astype("<i2")
    return {"shift": shift, "scale": scale, "data": base64.b64encode(whole.tobytes()).decode()}


def _look(name: str, look: Look) -> dict[str, Any]:
    return {"name": name, "colour": look.colour, "dash": look.dash, "width": 1.5}


def _choice(name: str, options: Sequence[str]) -> str:
    inner = "".join(f'<option value="{escape(option)}">{escape(option)}</option>' for option in options)
    return f"<label>{name} <select>{inner}</select></label>"


def _left_out(names: Sequence[str], kept: Sequence[str], more: str) -> str:
    """Which recordings are not in the page."""
    others = names[len(kept) :]
    if not others:
        return f'<p class="aside">All {len(names)} recordings are here.</p>'
    return (
        f'<details class="aside"><summary>{len(kept)} of {len(names)} recordings are here; {len(others)} are left out, '
        f"to keep the file small. For all of them, {escape(more)}.</summary><p>Left out: {escape(', '.join(others))}"
        f"</p></details>"
    )


def _other_gold(traced: Traced) -> str:
    """Says where systems were scored on gold standards that differ (by their delay, say): the first one is drawn."""
    first: dict[tuple[str, str], np.ndarray] = {}
    others = []
    for system, of in traced.items():
        for name, (gold, _) in of.items():
            for target, values in zip(gold.channels, gold.values.T, strict=True):
                drawn = first.setdefault((name, target), values)
                if not np.array_equal(drawn, values, equal_nan=True):
                    others.append(system)
    if not others:
        return ""
    said = ", ".join(dict.fromkeys(others))
    return f'<p class="aside">Other gold standards than the one drawn (another delay?) belong to: {escape(said)}.</p>'
