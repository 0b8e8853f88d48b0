"""Whether a training window holds anything of another recording, found without reading a stream."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from emotf.pipeline.batches import _gatherer, _pooled
from emotf.pipeline.lazy import clocks
from emotf.records import Store, nearest_frames
from emotf.track import Clock, Track
from emotf.windows.base import Window

# Recordings that are laid end to end at a time.
POOL = 4

GOLD = "the gold standard"


def strays(
    store: Store, streams: Sequence[str], golds: Mapping[str, Track], window: Window
) -> tuple[int, dict[str, str]]:
    """Gathers windows as training does, from frames that hold the number of their recording instead of their values.

    Of each recording these are the windows that reach farthest, its first and its last; all others are checked to begin
    inside their recording.

    Args:
        store: the records; only schemas and COMPLETED are read.
        streams: names.
        golds: recording -> gold standard, of train.
        window: what an example is.

    Returns:
        How many windows there are, and recording -> what one of its windows holds of another one.

    Raises:
        UserError: the records do not cover the gold standard, or the window is impossible on their clocks.
    """
    when = clocks(golds)
    window = window.spanning(max(clock.frames for clock in when.values()))
    count, outermost, found = 0, {}, {}
    for name, gold in golds.items():
        anchors = window.anchors(gold.values)
        count += len(anchors)
        if ((anchors < 0) | (anchors >= gold.frames)).any():
            found[name] = GOLD
        elif len(anchors):
            outermost[name] = np.unique([anchors.min(), anchors.max()])
    if found or not outermost:
        return count, found
    frames = {stream: store.stream(stream).clocks(golds) for stream in streams}
    gather = _gatherer(store, streams, window)
    waiting = iter(outermost.items())
    while pool := dict(islice(waiting, POOL)):
        recordings = _numbered(pool, when, frames)
        inputs, held_gold = gather(_pooled(recordings), np.arange(sum(map(len, pool.values()))))
        owner = np.repeat(np.arange(1, len(pool) + 1), [len(of) for of in pool.values()])
        for what, held in [(GOLD, held_gold), *((f"stream {stream!r}", held) for stream, held in inputs.items())]:
            strange = _strange(np.asarray(held), owner)
            found |= {name: what for i, name in enumerate(pool, start=1) if i in owner[strange] and name not in found}
    return count, found


def _strange(held: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Which windows [windows, ...] hold another number than their own; NaN is padding."""
    own = owner.reshape(-1, *[1] * (held.ndim - 1))
    return ((held != own) & ~np.isnan(held)).reshape(len(owner), -1).any(axis=1)


def _numbered(
    anchors: Mapping[str, np.ndarray], gold: Mapping[str, Clock], streams: Mapping[str, Mapping[str, Clock]]
) -> dict[str, Any]:
    """A pool as training reads it, every frame of the i-th recording holding i (from 1 on)."""
    return {
        "streams": {
            name: _ragged([_numbers(i, of[n]) for i, n in enumerate(anchors, start=1)]) for name, of in streams.items()
        },
        "centres": {
            name: _ragged([nearest_frames(n, name, of[n], gold[n]) for n in anchors]) for name, of in streams.items()
        },
        "gold": _ragged([_numbers(i, gold[n]) for i, n in enumerate(anchors, start=1)]),
        "anchors": _ragged(list(anchors.values())),
    }


def _numbers(number: int, clock: Clock) -> np.ndarray:
    return np.full((clock.frames, 1), number, np.float32)


def _ragged(parts: Sequence[np.ndarray]) -> Any:
    import tensorflow as tf

    return tf.RaggedTensor.from_row_lengths(np.concatenate(parts), np.array([len(part) for part in parts], np.int64))
