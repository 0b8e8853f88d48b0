"""Head: yaw, pitch and roll from the face mesh, and two channels that say whether there is a face."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.features._mesh import FromMesh
from emotf.features._points49 import MEAN_SHAPE, MESH, POINTS, STABLE, stable
from emotf.media import FaceMesh

# Depth of the stable points on MediaPipe's canonical face, away from the camera, on the scale and with the origin of
# `MEAN_SHAPE`, whose x and y it completes: ridge of the nose downwards, its base, corners of the eyes.
DEPTH = np.array([
    0.0039, -0.1177, -0.2218, -0.2605, 0.0033, -0.0670, -0.0886, -0.0670, 0.0033, 0.2359, 0.1701, 0.1701, 0.2359,
])  # fmt: skip
CANONICAL = np.column_stack([stable(MEAN_SHAPE), DEPTH])
CANONICAL.flags.writeable = False
VERTICES = [MESH[POINTS.index(number)] for number in STABLE]


@dataclass
class HeadPose(FromMesh):
    """Rotation of the head against the picture, in radians: `yaw`, `pitch`, `roll`.

    The canonical face of MediaPipe is turned, scaled and moved onto the mesh, best for 13 points that no expression
    moves (corners of the eyes, nose) in the sense of least squares (Umeyama 1991). With x to the right of the picture,
    y down, and z away from the camera, the rotation is R = R_x(pitch) R_y(yaw) R_z(roll), the angles of OpenFace
    (`pose_Ry`, `pose_Rx`, `pose_Rz`) with its signs:

    - yaw, -π/2 to π/2: 0 straight ahead; positive when the nose goes to the left of the picture, so the person looks
      to the own right.
    - pitch, -π to π: positive when the nose goes down.
    - roll, -π to π: positive when the head turns clockwise in the picture.

    Rotation is against the plane of the picture: a face that looks into the camera from the edge of the picture has a
    yaw. The last channels are `confidence`, the landmark model's own (`emotf.media.detectors.face_detector`), 0.5 to 1,
    and `found`, 1 or 0. Frames without a face are 0 in all channels (a gap).

    Attributes:
        flags: whether the last two channels are there.
        rate_hz: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate.

    Example:
        >>> HeadPose().extract(recording).channels  # doctest: +SKIP
        ('yaw', 'pitch', 'roll', 'confidence', 'found')

    Reference:
        Umeyama (1991), Least-squares estimation of transformation parameters between two point patterns.
    """

    flags: bool = True
    rate_hz: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        return ("yaw", "pitch", "roll")

    def _rows(self, path: Path, mesh: FaceMesh) -> np.ndarray:
        rows = np.zeros((len(mesh.found), 3))
        rows[mesh.found] = angles(mesh.landmarks[mesh.found])
        return rows


def angles(landmarks: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll of face meshes in pixels, in radians.

    Args:
        landmarks: [frames, 468, 3].

    Returns:
        float64 [frames, 3].

    Example:
        >>> mesh = np.zeros((1, 468, 3))
        >>> mesh[:, VERTICES] = 80 * CANONICAL[:, [1, 0, 2]] * [-1, 1, 1] + [320, 180, 0]  # a quarter turn clockwise
        >>> np.degrees(angles(mesh)[0, 2]).round(3)
        90.0
    """
    turned = _rotations(landmarks[:, VERTICES].astype(np.float64))
    yaw = np.arcsin(np.clip(turned[:, 0, 2], -1, 1))
    pitch = np.arctan2(-turned[:, 1, 2], turned[:, 2, 2])
    roll = np.arctan2(-turned[:, 0, 1], turned[:, 0, 0])
    return np.stack([yaw, pitch, roll], axis=1)


def _rotations(points: np.ndarray) -> np.ndarray:
    """R of the similarities p = s R c + t that fit points [frames, 13, 3] to `CANONICAL` best, [frames, 3, 3].

    With Σ p cᵀ = U D Vᵀ, R = U diag(1, 1, det U Vᵀ) Vᵀ: never a reflection.
    """
    c = CANONICAL - CANONICAL.mean(axis=0)
    p = points - points.mean(axis=1, keepdims=True)
    u, _, vt = np.linalg.svd(np.einsum("fni,nj->fij", p, c))
    u[:, :, 2] *= np.linalg.det(u @ vt)[:, None]
    return np.asarray(u @ vt)
