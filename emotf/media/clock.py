"""From the real times of a video's pictures to an even clock."""

from pathlib import Path

import numpy as np

from emotf.content import check_frames
from emotf.errors import UserError

# A picture may stand this share of a hop off its place; more is a video whose rate varies.
JITTER = 0.25
# Times may miss a whole rate by this many seconds: half a millisecond where the container keeps whole milliseconds.
ROUNDED, EXACT = 0.0006, 1e-6


def picture_clock(path: Path | str, times: np.ndarray, rate_hz: float = 0.0) -> tuple[float, np.ndarray]:
    """Which picture stands at each frame of an even clock that starts at 0.

    Args:
        path: the video, for messages.
        times: seconds of its pictures, the first at 0, as `pictures` gives them.
        rate_hz: frames a second of the clock, each of which takes the picture nearest in time (the later one of two
            that are as near): one picture may stand twice, another not at all. 0: the video's own rate, every
            picture once, which only a video of one steady rate has.

    Returns:
        The hop in seconds (1 over a whole number where the times allow that) and int64 [frames].

    Raises:
        UserError: without `rate_hz`, the pictures are not evenly spaced or there is only one; or `rate_hz` is not a
            rate.

    Example:
        >>> picture_clock("a.mp4", np.array([0.0, 0.04, 0.08, 0.12]), rate_hz=12.5)
        (0.08, array([0, 2]))
    """
    if not 0 <= rate_hz <= 1000:
        raise UserError(f"{rate_hz:g} frames a second are no rate; choose for example 25, or 0 for the video's own.")
    if rate_hz:
        check_frames(path, float(times[-1]) * rate_hz)
        frames = int(np.floor(times[-1] * rate_hz + 1e-6)) + 1
        middles = (times[1:] + times[:-1]) / 2
        # the small push makes a time exactly between two pictures take the later one, whatever the rounding of floats
        return 1 / rate_hz, np.searchsorted(middles, np.arange(frames) / rate_hz + 1e-9, side="right")
    if len(times) < 2:
        raise UserError(f"{path} has one picture only, so its rate is unknown; set rate_hz.")
    own = float(times[-1] - times[0]) / (len(times) - 1)
    places = np.arange(len(times))
    whole = 1 / max(round(1 / own), 1) if own > 0 else own
    in_milliseconds = np.abs(times - np.round(times, 3)).max() < EXACT
    hop = whole if np.abs(times - places * whole).max() <= (ROUNDED if in_milliseconds else EXACT) else own
    misfit = np.abs(times - places * hop)
    if not hop > 0 or (misfit > JITTER * hop).any():
        raise UserError(
            f"{path} has pictures at uneven times ({misfit.max():.3f} s off a steady {1 / own if own else 0:.3f}/s at "
            f"picture {misfit.argmax() + 1}); set rate_hz, for example to 25, to take the picture nearest each frame."
        )
    return hop, places
