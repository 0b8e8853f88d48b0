"""The mesh of a recording's face on a clock, and what its streams share: coordinates, and flags of what was found."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.media import FaceMesh, face_mesh, picture_clock

# `image`: x / width, y / height and z / width, 0 to 1 inside the upright picture; `pixels`: of the upright picture.
COORDINATES = ("image", "pixels")
# The last channels of a stream of what may be missing: how sure the detector is, 0 to 1, and 1 or 0.
FLAGS = ("confidence", "found")


def check_coordinates(feature: str, coordinates: str) -> None:
    """Refuses a convention that is none."""
    if coordinates not in COORDINATES:
        raise UserError(f"{feature}: coordinates is {coordinates!r}, choose one of {', '.join(COORDINATES)}.")


def mesh_on_clock(path: Path, rate_hz: float) -> tuple[FaceMesh, float, np.ndarray]:
    """The face mesh of a video as filmed, the hop of its clock, and which picture stands at each frame of that.

    Raises:
        UserError: the video is missing or damaged, or its pictures come at uneven times and `rate_hz` is 0.
    """
    mesh = face_mesh(path)
    return mesh, *picture_clock(path, mesh.times, rate_hz)


def at(mesh: FaceMesh, pictures: np.ndarray) -> FaceMesh:
    """The mesh of some pictures, int64 [frames]; the mesh itself where they are all, in their order."""
    if np.array_equal(pictures, np.arange(len(mesh.times))):
        return mesh
    names = ("landmarks", "found", "times", "ids", "confidence")
    return replace(mesh, **{name: getattr(mesh, name)[pictures] for name in names})


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
