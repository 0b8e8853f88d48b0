"""Guard of the edges of gold standards: nothing is rated where there is no media, or where a delay left nothing."""

import numpy as np

from emotf.doctor.case import Case
from emotf.doctor.finding import Finding
from emotf.errors import UserError
from emotf.records import nearest_frames
from emotf.track import Clock, Track, to_frames


def edges(case: Case) -> Finding:
    """Every gold standard within its streams; moved by `data.delay`, it is unrated for so long at its edge."""
    delay = case.experiment.data.delay
    moved = f", moved by {delay:g} s" if delay else ""
    looked_at = f"gold standards of {case.sizes}{moved}"
    try:
        clocks = {name: case.store.stream(name).clocks(case.place) for name in case.experiment.streams}
    except UserError as error:  # no leak; training refuses such records
        return Finding("edges", looked_at, unknown=f"where the media end: {error}")
    found = []
    for golds in case.selection.golds.values():
        for name, gold in golds.items():
            found += _without_media(name, gold, {stream: of[name] for stream, of in clocks.items()})
            found += _moved_past(name, gold, delay)
    return Finding("edges", looked_at, tuple(found))


def _without_media(name: str, gold: Track, clocks: dict[str, Clock]) -> list[str]:
    found = []
    for stream, clock in clocks.items():
        try:
            nearest_frames(name, stream, clock, gold.clock)
        except UserError as error:
            found.append(str(error))
    return found


def _moved_past(name: str, gold: Track, delay: float) -> list[str]:
    """Targets that are rated in the last `delay` seconds, after which nothing was rated that could stand there."""
    frames = to_frames(delay, gold.hop, "delay")
    edge = gold.values[max(0, gold.frames - frames) :] if frames > 0 else gold.values[: max(0, -frames)]
    rated = [target for target, values in zip(gold.channels, edge.T, strict=True) if not np.isnan(values).all()]
    where = f"{'last' if delay > 0 else 'first'} {abs(delay):g} s"
    return [
        f"{target} of recording {name} is rated in its {where}, but ratings were moved by {delay:g} s and leave "
        "nothing there; let what nobody rated be empty (NaN), do not repeat the edge."
        for target in rated
    ]
