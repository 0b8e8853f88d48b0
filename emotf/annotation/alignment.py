"""What a stream says around the time of each rating, side by side with what was rated some delay later."""

from collections.abc import Mapping, Sequence

import numpy as np

from emotf.errors import UserError
from emotf.track import MISFIT, Clock, Track, to_frames

# Of one recording: what the stream says [frames, ...], and the gold standard under each delay [frames, delays].
Pair = tuple[np.ndarray, np.ndarray]


def window_statistics(stream: Track, clock: Clock, window: float) -> np.ndarray:
    """Means and standard deviations of a stream over [t - window/2, t + window/2] at the times t of a clock.

    Args:
        stream: [frames, channels]; a frame with a NaN counts as absent.
        clock: where the statistics are wanted.
        window: seconds; at least one hop of the stream is taken, and less than a window at the ends of the stream.

    Returns:
        float64 [clock frames, 2 x channels], means first; NaN where the window holds no frame.
    """
    there = np.isfinite(stream.values).all(axis=1)
    level = stream.values[there].mean(axis=0, dtype=np.float64) if there.any() else 0.0
    x = np.where(there[:, None], stream.values - level, 0.0)
    sums = np.concatenate([np.zeros((1, 2 * x.shape[1] + 1)), np.cumsum(np.c_[x, x * x, there], axis=0)])
    middle, half = (clock.times - stream.start) / stream.hop, max(window / stream.hop, 1.0) / 2
    first = np.clip(np.ceil(middle - half - 1e-6), 0, stream.frames).astype(int)
    last = np.clip(np.floor(middle + half + 1e-6) + 1, first, stream.frames).astype(int)
    total = sums[last] - sums[first]
    count = np.where(total[:, -1:] > 0, total[:, -1:], np.nan)
    mean, square = np.split(total[:, :-1] / count, 2, axis=1)
    return np.concatenate([mean + level, np.sqrt(np.maximum(square - mean * mean, 0.0))], axis=1)


def paired_frames(
    golds: Mapping[str, Track], streams: Mapping[str, Track], seconds: Sequence[float], window: float
) -> dict[str, list[Pair]]:
    """The frames of a stream beside the gold standard as rated some delays later.

    Args:
        golds: recording -> [frames, targets], NaN where unrated.
        streams: recording -> [frames, channels], NaN where nothing is known.
        seconds: delays, ascending multiples of the hop of `golds`.
        window: seconds of stream behind its means and deviations; frames are taken five times a window.

    Returns:
        target -> of each recording that has any, the frames rated under all delays: what the stream says [n, 2 x
        channels], gold standard [n, delays].

    Raises:
        UserError: the grid or the window is not usable, a stream is missing, or no frame is rated under all delays.
    """
    if not len(seconds) or (np.diff(seconds) <= 0).any():
        raise UserError(f"A grid of delays ascends, received {', '.join(f'{s:g}' for s in seconds) or 'none'}.")
    if not window > 0:
        raise UserError(f"The window of a stream is longer than 0 s, received {window:g}.")
    found: dict[str, list[Pair]] = {}
    for name, gold in golds.items():
        if name not in streams:
            raise UserError(f"Recording {name} has no stream to compare with its gold standard; extract it first.")
        step = max(int(window / 5 / gold.hop + MISFIT), 1)
        x = window_statistics(streams[name], gold.clock, window)[::step]
        shifts = np.array([to_frames(delay, gold.hop, "delay") for delay in seconds])
        source = np.arange(0, gold.frames, step)[:, None] + shifts
        inside = ((source >= 0) & (source < gold.frames)).all(axis=1)
        for target, trace in zip(gold.channels, gold.values.T.astype(np.float64), strict=True):
            parts = found.setdefault(target, [])
            y = trace[source[inside]]
            usable = np.isfinite(y).all(axis=1) & np.isfinite(x[inside]).all(axis=1)
            if usable.any():
                parts.append((x[inside][usable], y[usable]))
    for target, parts in found.items():
        if not parts:
            raise UserError(
                f"No frame of {target} is rated under all delays from {seconds[0]:g} to {seconds[-1]:g} s; take a "
                f"narrower grid or longer recordings."
            )
    return found
