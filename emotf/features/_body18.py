"""What the streams of 18 body key points share, so that one can stand in for the other: channels and coordinates."""

import numpy as np

from emotf.errors import UserError
from emotf.media.pose import BODY18

COORDINATES = ("image", "pixels")


def body_channels(visibility: bool, flags: bool) -> tuple[str, ...]:
    """Names of the channels: 36 coordinates, then 18 visibilities and 2 flags where they are wanted."""
    return (
        *(f"{point}_{axis}" for point in BODY18 for axis in "xy"),
        *(f"{point}_visibility" for point in BODY18 if visibility),
        *(name for name in ("confidence", "found") if flags),
    )


def check_coordinates(feature: str, coordinates: str) -> None:
    """Refuses a convention that does not exist."""
    if coordinates not in COORDINATES:
        raise UserError(f"{feature}: coordinates is {coordinates!r}, expected one of {', '.join(COORDINATES)}.")


def body_rows(
    points: np.ndarray, certainty: np.ndarray, found: np.ndarray, visibility: bool, flags: bool
) -> np.ndarray:
    """The channels.

    Args:
        points: [frames, 18, 2] in the wanted coordinates; 0 where a point or the whole person is missing.
        certainty: [frames, 18], 0 to 1; 0 where a point or the whole person is missing.
        found: bool [frames].
        visibility: add the 18 certainties.
        flags: add their mean, and whether anybody was found.

    Returns:
        float32 [frames, 36 + 18 * visibility + 2 * flags].
    """
    columns = [points.reshape(len(points), -1)]
    if visibility:
        columns.append(certainty)
    if flags:
        columns += [certainty.mean(axis=1, keepdims=True), found[:, None]]
    return np.hstack(columns).astype(np.float32)
