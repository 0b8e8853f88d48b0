"""Whether a stream reaches as far as the gold standard."""

import numpy as np

from emotf.errors import UserError
from emotf.track import Clock

# Seconds by which a stream may end before the gold standard (or begin after it): published packages rate t = 300.00 s
# and describe only 300 s of chunks. The edge frame is repeated there; more is refused.
EDGE = 0.1


def nearest_frames(recording: str, stream: str, frames: Clock, gold: Clock) -> np.ndarray:
    """The frames of a stream nearest to the times of the gold standard, int64 [gold frames].

    Raises:
        UserError: the stream leaves more than 0.1 s of the gold standard without media.
    """
    try:
        return frames.nearest(gold.times, EDGE)
    except UserError:
        raise UserError(
            f"Recording {recording}: the gold standard runs from {gold.start:.2f} to {gold.end:.2f} s, stream "
            f"{stream!r} from {frames.start:.2f} to {frames.end:.2f} s; cut the ratings or mend the media (allowed: "
            f"{EDGE:g} s)."
        ) from None
