"""What streams share that look for something in every picture: gaps, flags, coordinates, and checks of settings."""

from collections.abc import Iterable

import numpy as np

from emotf.errors import UserError
from emotf.features.base import Feature

# `image`: x / width, y / height and z / width, 0 to 1 inside the upright picture; `pixels`: of the upright picture.
COORDINATES = ("image", "pixels")
# The last channels of a stream of what may be missing: how sure the detector is, 0 to 1, and 1 or 0.
FLAGS = ("confidence", "found")
# No camera of this trade films faster.
FASTEST_HZ = 500.0


class Detected(Feature):
    """A part whose frames are what was found in one picture each, or 0 in all channels (a gap)."""

    gaps = True
    window = 0.0  # one picture stands behind a frame, and where something moves the one before


def check_face_options(feature: str, rate_hz: float, confidence: float = 0.0) -> None:
    """Refuses a rate or a confidence that cannot be meant."""
    if not 0 <= rate_hz <= FASTEST_HZ:
        raise UserError(f"{feature}: rate_hz is {rate_hz:g}, expected frames a second, or 0 for those of the file.")
    if not 0 <= confidence <= 1:
        raise UserError(f"{feature}: confidence is {confidence:g}, expected 0 to 1.")


def check_coordinates(feature: str, coordinates: str) -> None:
    """Refuses a convention that is none."""
    if coordinates not in COORDINATES:
        raise UserError(f"{feature}: coordinates is {coordinates!r}, choose one of {', '.join(COORDINATES)}.")


def point_channels(points: Iterable[int]) -> tuple[str, ...]:
    """Names of the coordinates of numbered points: `x_0`, `y_0`, `x_1`, ..., those of OpenFace's columns too."""
    return tuple(f"{axis}_{point}" for point in points for axis in "xy")


def scaled(points: np.ndarray, size: tuple[int, int], coordinates: str) -> np.ndarray:
    """Points [..., 2 or 3] in pixels of a picture of (height, width), in the coordinates asked for; 0 stays 0."""
    height, width = size
    units = np.array([width, height, width], np.float32)[: points.shape[-1]]
    return points / units if coordinates == "image" else points


def with_flags(rows: np.ndarray, found: np.ndarray, confidence: np.ndarray, flags: bool) -> np.ndarray:
    """float32 [frames, channels], with the two channels `FLAGS` last; frames without anything are 0 throughout."""
    channels = rows.shape[1]
    whole = np.zeros((len(rows), channels + len(FLAGS) * flags), np.float32)
    whole[:, :channels] = rows
    if flags:
        whole[:, channels], whole[:, channels + 1] = confidence, found
    whole[~found] = 0
    return whole
