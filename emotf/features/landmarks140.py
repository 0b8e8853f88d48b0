"""Face: 70 points in the picture, 140 channels a frame and two that say whether there is a face."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.features._detected import check_coordinates, point_channels, scaled
from emotf.features._mesh import FromMesh
from emotf.features._points70 import COUNT, seventy
from emotf.media import FaceMesh


@dataclass
class Landmarks140(FromMesh):
    """70 facial points in OpenPose's order, `x_0`, `y_0` … `x_69`, `y_69`, taken from MediaPipe's face mesh.

    The points are the 68 of the usual scheme and the two pupils; `emotf.features._points70` has the table of vertices.
    The mesh has no irises: a pupil is the mean of the six points around its eye, and does not follow the gaze. x runs
    to the right of the upright picture, y down. Of several faces, `emotf.media.faces` follows one.

    The last channels are `confidence`, the landmark model's own (`emotf.media.detectors.face_detector`), 0.5 to 1, and
    `found`, 1 or 0. Frames without a face are 0 in all channels (a gap).

    Attributes:
        coordinates: `image`: x / width and y / height of the picture, so 0 to 1 inside it; `pixels`.
        flags: whether the last two channels are there; without, the 140 of the publication.
        rate_hz: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate.

    Example:
        >>> Landmarks140().extract(recording).values.shape  # doctest: +SKIP
        (7500, 142)

    Reference:
        Orgil, Karungaru, Terada, Shagdar (2021): 70 facial landmarks of OpenPose.
    """

    coordinates: str = "image"
    flags: bool = True
    rate_hz: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        return point_channels(range(COUNT))

    def _check(self) -> None:
        super()._check()
        check_coordinates("landmarks140", self.coordinates)

    def _rows(self, path: Path, mesh: FaceMesh) -> np.ndarray:
        points = seventy(mesh.landmarks[..., :2])
        return scaled(points, mesh.size, self.coordinates).reshape(len(points), -1)
