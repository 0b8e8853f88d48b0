"""70 facial points in OpenPose's order: the 68-point scheme (iBUG, OpenFace) and the two pupils, from the face mesh.

    0 to 16    jaw, from one ear over the chin to the other
    17 to 67   brows, nose, eyes and mouth: the 49 of `emotf.features._points49`, and the inner corners of the mouth
    68, 69     pupils

The lower numbers lie on the left of the picture, so 68 is the pupil of the eye 36 to 41.
"""

import numpy as np

from emotf.features._points49 import MESH, POINTS

COUNT = 70

# The oval of the mesh from temple to chin has a vertex more than needed here and there: these nine lie nearest to even
# steps along it on MediaPipe's canonical face. Then the mirrored ones.
JAW = (127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356)
INNER_CORNERS = {60: 78, 64: 308}

# Point 0 to 67 -> vertex of the mesh.
_VERTEX_OF = {**dict(enumerate(JAW)), **dict(zip(POINTS, MESH, strict=True)), **INNER_CORNERS}
VERTICES = tuple(_VERTEX_OF[point] for point in range(68))
# Pupil -> the points around its eye. The mesh has no irises, so the middle of the eye stands for the pupil: it does not
# follow the gaze.
PUPILS = {68: range(36, 42), 69: range(42, 48)}


def seventy(landmarks: np.ndarray) -> np.ndarray:
    """The points of face meshes [..., 468, axes]: [..., 70, axes].

    Example:
        >>> seventy(np.zeros((75, 468, 3), np.float32)).shape
        (75, 70, 3)
    """
    points = landmarks[..., list(VERTICES), :]
    pupils = [points[..., list(eye), :].mean(axis=-2, keepdims=True) for eye in PUPILS.values()]
    return np.concatenate([points, *pupils], axis=-2)
