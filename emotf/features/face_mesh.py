"""Face: the mesh of 468 points in three dimensions, 1,404 channels a frame and two that say whether there is a face."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.features._detected import check_coordinates, scaled
from emotf.features._mesh import FromMesh
from emotf.media import FaceMesh as Mesh
from emotf.media.face_mesh import LANDMARKS


@dataclass
class FaceMesh(FromMesh):
    """MediaPipe's face mesh, tracked through the video: `x_0`, `y_0`, `z_0` … `x_467`, `y_467`, `z_467`.

    x runs to the right of the upright picture, y down; z is the depth from the middle of the head on the scale of x,
    smaller nearer to the camera. Which vertex lies where: MediaPipe's canonical face model. Of several faces,
    `emotf.media.faces` follows one.

    The last channels are `confidence`, the landmark model's own (`emotf.media.detectors.face_detector`), 0.5 to 1, and
    `found`, 1 or 0. Frames without a face are 0 in all channels (a gap).

    Attributes:
        coordinates: `image`: x / width, y / height, z / width of the picture, x and y 0 to 1 inside it; `pixels`.
        flags: whether the last two channels are there; without, the 1,404 of the publications.
        rate_hz: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate.

    Example:
        >>> FaceMesh().extract(recording).values.shape  # doctest: +SKIP
        (7500, 1406)

    Reference:
        Orgil (2022), Mesh-Transformer: 468 x 3 of MediaPipe. Kartynnik et al. (2019), Real-time facial surface geometry
        from monocular video on mobile GPUs.
    """

    coordinates: str = "image"
    flags: bool = True
    rate_hz: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{axis}_{vertex}" for vertex in range(LANDMARKS) for axis in "xyz")

    def _check(self) -> None:
        super()._check()
        check_coordinates("face_mesh", self.coordinates)

    def _rows(self, path: Path, mesh: Mesh) -> np.ndarray:
        return scaled(mesh.landmarks, mesh.size, self.coordinates).reshape(len(mesh.times), -1)
