"""How late the raters of a corpus rate, from its records, for people."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from emotf.annotation import DelayCurve, delay_by_correlation, delay_by_ridge, delays_up_to
from emotf.files import written_aside
from emotf.pipeline import select
from emotf.progress import progress
from emotf.records import GOLD, Store, Stream
from emotf.report.tables import markdown, number
from emotf.track import Track

# Rows of the printed curve; delay.csv has all of it.
SHOWN = 21


def curves(
    store: Store, stream: str, fold: int | None = None, longest: float = 5.0, window: float = 1.0
) -> list[DelayCurve]:
    """The curves of both methods for every target, from the recordings of train and development.

    Args:
        store: records with a gold standard and the stream.
        stream: its name.
        fold: as of `emotf.recording.partitions`.
        longest: seconds, the end of the grid.
        window: seconds of stream behind its means and deviations.

    Raises:
        UserError: the stream was not extracted, a partition is empty, or the grid does not suit the recordings.
    """
    source = store.stream(stream)
    grid = delays_up_to(longest, store.stream(GOLD).schema.hop)
    chosen = select(store, (), fold)
    train, dev = chosen.partition("train"), chosen.partition("dev")
    streams = {name: _read(source, name) for name in progress([*train, *dev], stream)}
    correlations = delay_by_correlation({**train, **dev}, streams, grid, window)
    ridges = delay_by_ridge(train, dev, streams, grid, window)
    return [curve for target in chosen.targets for curve in (correlations[target], ridges[target])]


def table(found: Sequence[DelayCurve]) -> str:
    """The best delays with what speaks against them, and the curves."""
    bests = [
        [
            curve.target,
            curve.method,
            f"{curve.best:g}",
            "-" if np.isnan(curve.low) else f"[{curve.low:g}, {curve.high:g}]",
            number(max(curve.values)),
            number(curve.chance),
            curve.recordings,
            "; ".join(curve.warnings),
        ]
        for curve in found
    ]
    header = ["target", "method", "best delay (s)", "95 % over recordings", "value", "chance", "recordings", ""]
    seconds = found[0].seconds
    rows = [
        [f"{seconds[k]:g}", *(number(curve.values[k]) for curve in found)]
        for k in np.unique(np.linspace(0, len(seconds) - 1, min(SHOWN, len(seconds))).round().astype(int))
    ]
    columns = [f"{curve.target}, {curve.method.partition(',')[0]}" for curve in found]
    return (
        f"delay compensation of the gold standard: what is rated at t + delay is moved to t\n\n"
        f"{markdown(header, bests)}\n\n"
        f"chance: the value that the best delay exceeds in 5 of 100 cases where gold standard and stream have nothing "
        f"to do with each other\n\n{markdown(['delay (s)', *columns], rows)}"
    )


def write(found: Sequence[DelayCurve], path: Path) -> None:
    """Writes target, method, delay, value, chance and whether it is the best delay as CSV, whole or not at all."""
    rows = [
        {"target": curve.target, "method": curve.method, "delay": delay, "value": value, "chance": curve.chance,
         "best": delay == curve.best}
        for curve in found
        for delay, value in zip(curve.seconds, curve.values, strict=True)
    ]  # fmt: skip
    with written_aside(path) as aside:
        pd.DataFrame(rows).to_csv(aside, index=False, float_format="%.6g")


def _read(stream: Stream, recording: str) -> Track:
    """A stream; where its frames of zeros say that nothing was found, they are NaN."""
    track = stream.read(recording)
    if not stream.schema.gaps:
        return track
    found = track.values.any(axis=1, keepdims=True)
    return replace(track, values=np.where(found, track.values, np.nan))
