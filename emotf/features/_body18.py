"""What the streams of 18 body key points share, so that one can stand in for the other: their channels."""

import numpy as np

from emotf.features._detected import FLAGS, with_flags
from emotf.media.pose import BODY18


def body_channels(visibility: bool, flags: bool) -> tuple[str, ...]:
    """Names of the channels: 36 coordinates, then 18 visibilities and 2 flags where they are wanted."""
    return (
        *(f"{point}_{axis}" for point in BODY18 for axis in "xy"),
        *(f"{point}_visibility" for point in BODY18 if visibility),
        *(FLAGS if flags else ()),
    )


def body_rows(
    points: np.ndarray, certainty: np.ndarray, found: np.ndarray, visibility: bool, flags: bool
) -> np.ndarray:
    """The channels; the confidence of a frame is the mean certainty of its 18 points.

    Args:
        points: [frames, 18, 2] in the wanted coordinates; 0 where a point is missing.
        certainty: [frames, 18], 0 to 1; 0 where a point is missing.
        found: bool [frames].
        visibility: add the 18 certainties.
        flags: add confidence and whether anybody was found.

    Returns:
        float32 [frames, 36 + 18 * visibility + 2 * flags].
    """
    rows = points.reshape(len(points), -1)
    return with_flags(np.hstack([rows, certainty]) if visibility else rows, found, certainty.mean(axis=1), flags)
