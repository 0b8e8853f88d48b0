"""Face: where 49 points lie, how they move, distances and angles between them, 316 channels a frame."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emotf.errors import UserError
from emotf.features._detected import Detected, check_face_options
from emotf.features._openface import read_openface
from emotf.features._points49 import MEAN_SHAPE, MESH, POINTS, aligned, stable
from emotf.media import face_mesh, picture_clock
from emotf.recording import Recording
from emotf.track import Track

# left eye + brow, right eye + brow (left and right in the picture), mouth: 11, 11 and 18 points
GROUPS = (
    (*range(17, 22), *range(36, 42)),
    (*range(22, 27), *range(42, 48)),
    (*range(48, 60), *range(61, 64), *range(65, 68)),
)
SEGMENTS = tuple(pair for group in GROUPS for pair in pairwise(group))
CORNERS = tuple(three for group in GROUPS for three in zip(group, group[1:], group[2:], strict=False))


@dataclass
class Geometric316(Detected):
    """Geometry of the face after the description of AVEC 2015.

    49 points of the face (`emotf.features._points49`) are brought onto a mean shape by the similarity that fits their
    stable ones best (corners of the eyes, nose), so that place, size and roll of the head in the picture fall away.
    Lengths are shares of the distance between the outer corners of the eyes, as on the mean shape. Then, by channel:

    - `shape_<point>_<x|y>`, 98: aligned point minus mean shape.
    - `motion_<point>_<x|y>`, 98: aligned point minus the same point in the frame before; 0 in the first frame and in
      the first after a gap.
    - `distance_<a>_<b>`, 37, and `angle_<a>_<b>_<c>`, 34: within the three groups eye + brow (11 points), the other
      eye + brow (11) and mouth (18), in the order of their numbers: distances of consecutive points, and the angles
      between consecutive segments at the point they share, 0 to π (π where they go straight on; 0 where two points
      coincide). The source gives only the sum of 71; 10 + 10 + 17 distances and 9 + 9 + 16 angles are our reading.
    - `median_<point>`, 49: distance to the median of the aligned stable points.

    Frames without a face are 0 in all channels (a gap). In a mirrored picture, `shape`, `motion` and `median` change
    sides.

    Attributes:
        table: the medium that holds an OpenFace 2 table with `x_0..67` and `y_0..67`; empty: MediaPipe's face mesh of
            the medium `video` (of several faces, `emotf.media.faces` follows one).
        rate_hz: of a video: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate.
            Of a table: frames a second of the video it was made from; 0: as its timestamps say.
        confidence: of a table: frames below it are gaps, as those without success.
        face: of a table: the `face_id` to read; -1: there is only one.

    Example:
        >>> Geometric316().extract(recording).values.shape  # doctest: +SKIP
        (7500, 316)

    Reference:
        Chen & Jin (2015); the features are those of the AVEC 2015 challenge.
    """

    table: str = ""
    rate_hz: float = 0.0
    confidence: float = 0.5
    face: int = -1

    @property
    def medium(self) -> str:
        return self.table or "video"

    @property
    def channels(self) -> tuple[str, ...]:
        return (
            *(f"{what}_{point}_{axis}" for what in ("shape", "motion") for point in POINTS for axis in "xy"),
            *(f"distance_{a}_{b}" for a, b in SEGMENTS),
            *(f"angle_{a}_{b}_{c}" for a, b, c in CORNERS),
            *(f"median_{point}" for point in POINTS),
        )

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's video or table.

        Raises:
            UserError: settings do not fit, the file is missing or damaged, or its pictures come at uneven times.
        """
        check_face_options("geometric316", self.rate_hz, self.confidence)
        path = recording.medium(self.medium)
        if self.table:
            columns = [f"{axis}_{point}" for point in POINTS for axis in "xy"]
            table = read_openface(path, columns, self.rate_hz, self.confidence, self.face)
            points, found, hop = table.values.reshape(-1, len(POINTS), 2), table.found, table.hop
        else:
            mesh = face_mesh(path, MESH)
            hop, nearest = picture_clock(path, mesh.times, self.rate_hz)
            points, found = mesh.landmarks[nearest, :, :2], mesh.found[nearest]
        flat = np.ptp(stable(points[found]), axis=1).max(axis=1) == 0
        if flat.any():
            frame = np.flatnonzero(found)[flat.argmax()]
            raise UserError(
                f"{path}, frame {frame + 1}: eyes and nose all lie in one place, so this is no face; mark the frame as "
                "failed (success 0) or make the table anew."
            )
        return Track(geometry(points, found), hop=hop, channels=self.channels)


def geometry(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The 316 channels.

    Args:
        points: pixels [frames, 49, 2], of any content where no face was found.
        found: bool [frames].

    Returns:
        float32 [frames, 316].
    """
    rows = np.zeros((len(points), 316), np.float32)
    if not found.any():
        return rows
    faces = aligned(points[found])
    motion = np.zeros_like(faces)
    motion[1:] = np.diff(faces, axis=0)
    motion[1:][np.diff(np.flatnonzero(found)) > 1] = 0  # the frame before was a gap
    from_median = faces - np.median(stable(faces), axis=1, keepdims=True)
    rows[found] = np.hstack([
        (faces - MEAN_SHAPE).reshape(len(faces), -1),
        motion.reshape(len(faces), -1),
        _distances(faces),
        _angles(faces),
        np.linalg.norm(from_median, axis=-1),
    ])  # fmt: skip
    return rows


def _distances(faces: np.ndarray) -> np.ndarray:
    a, b = (faces[:, [POINTS.index(pair[end]) for pair in SEGMENTS]] for end in range(2))
    return np.linalg.norm(b - a, axis=-1)


def _angles(faces: np.ndarray) -> np.ndarray:
    a, b, c = (faces[:, [POINTS.index(three[place]) for three in CORNERS]] for place in range(3))
    back, on = a - b, c - b
    cross = back[..., 0] * on[..., 1] - back[..., 1] * on[..., 0]
    return np.arctan2(np.abs(cross), (back * on).sum(axis=-1))  # exact where arccos is not, near 0 and π
