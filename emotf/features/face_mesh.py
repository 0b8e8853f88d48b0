"""Face: the mesh of 468 points in three dimensions, 1,404 channels a frame and two that say whether there is a face."""

from dataclasses import dataclass

from emotf.features._mesh import FLAGS, at, check_coordinates, mesh_on_clock, scaled, with_flags
from emotf.features._openface import check_face_options
from emotf.features.base import Feature
from emotf.media.face_mesh import LANDMARKS
from emotf.recording import Recording
from emotf.track import Track


@dataclass
class FaceMesh(Feature):
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

    medium = "video"
    kind = "extracted"
    gaps = True

    @property
    def channels(self) -> tuple[str, ...]:
        points = tuple(f"{axis}_{vertex}" for vertex in range(LANDMARKS) for axis in "xyz")
        return points + FLAGS * self.flags

    @property
    def window(self) -> float:
        """0: one picture stands behind a frame."""
        return 0.0

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's video.

        Raises:
            UserError: settings do not fit, the video is missing or damaged, or its pictures come at uneven times.
        """
        check_face_options("face_mesh", self.rate_hz)
        check_coordinates("face_mesh", self.coordinates)
        mesh, hop, nearest = mesh_on_clock(recording.medium("video"), self.rate_hz)
        mesh = at(mesh, nearest)
        rows = scaled(mesh.landmarks, mesh.size, self.coordinates).reshape(len(nearest), -1)
        return Track(with_flags(rows, mesh.found, mesh.confidence, self.flags), hop=hop, channels=self.channels)
