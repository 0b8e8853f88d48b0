"""49 facial points, their mean shape, and how a face is brought onto it.

The points are those of the 68-point scheme (iBUG, OpenFace) without the jaw (0 to 16) and the inner corners of the
mouth (60 and 64), called by their number there: 17 to 21 and 22 to 26 brows, 27 to 35 nose, 36 to 41 and 42 to 47
eyes, 48 to 59 outer and 61 to 67 inner lips; the lower numbers lie on the left of the picture. x runs to the right, y
down, as in pictures.
"""

import numpy as np

POINTS = tuple(number for number in range(17, 68) if number not in (60, 64))

# The vertex of MediaPipe's 468-point mesh that lies nearest to each of the 49, left and right in mirrored pairs.
MESH = (
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows, from left to right
    168, 197, 5, 4, 98, 97, 2, 326, 327,  # ridge of the nose downwards, then its base
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lips, clockwise from the left corner
    82, 13, 312, 317, 14, 87,  # inner lips
)  # fmt: skip

# Corners of the eyes and the nose: what a face moves least.
STABLE = (27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45)

# The points on the canonical face of MediaPipe (its model of a neutral face, x and y of the vertices `MESH`), centred
# on the mean of the stable points; 1 is the distance between the outer corners of the eyes. A constant, so that
# nothing about a mean face is fitted on anybody's recordings.
MEAN_SHAPE = np.array([
    (-0.6434, -0.4278), (-0.5607, -0.4894), (-0.4483, -0.5240), (-0.3104, -0.5230), (-0.1570, -0.5130),
    (0.1570, -0.5130), (0.3104, -0.5230), (0.4483, -0.5240), (0.5607, -0.4894), (0.6434, -0.4278),
    (0.0000, -0.3172), (0.0000, -0.1437), (0.0000, 0.0095), (0.0000, 0.1027), (-0.1581, 0.2434),
    (-0.0672, 0.2771), (0.0000, 0.2856), (0.0672, 0.2771), (0.1581, 0.2434),
    (-0.5000, -0.2489), (-0.4128, -0.2786), (-0.3064, -0.2824), (-0.2088, -0.2401), (-0.3064, -0.2098),
    (-0.4128, -0.2148), (0.2088, -0.2401), (0.3064, -0.2824), (0.4128, -0.2786), (0.5000, -0.2489),
    (0.4128, -0.2148), (0.3064, -0.2098),
    (-0.2762, 0.5390), (-0.1610, 0.4444), (-0.0800, 0.4251), (0.0000, 0.4338), (0.0800, 0.4251), (0.1610, 0.4444),
    (0.2762, 0.5390), (0.1490, 0.6250), (0.0787, 0.6458), (0.0000, 0.6540), (-0.0787, 0.6458), (-0.1490, 0.6250),
    (-0.0600, 0.4998), (0.0000, 0.4999), (0.0600, 0.4998), (0.0656, 0.5588), (0.0000, 0.5615), (-0.0656, 0.5588),
])  # fmt: skip
MEAN_SHAPE.flags.writeable = False

_STABLE = [POINTS.index(number) for number in STABLE]


def stable(points: np.ndarray) -> np.ndarray:
    """The stable ones of points [..., 49, 2]: [..., 13, 2]."""
    return points[..., _STABLE, :]


def similarity(points: np.ndarray) -> np.ndarray:
    """The similarities that bring faces onto the mean shape, best for the stable points in the sense of least squares.

    Scale, rotation and translation, no reflection. With points as complex numbers p = x + iy, those of the stable ones
    p_s less their mean as z and those of the mean shape as w, the map is p -> a p + b, a = Σ z* w / Σ |z|².

    Args:
        points: [frames, 49, 2] in pixels; the stable ones of a face must not all lie in one place.

    Returns:
        a and b, complex [frames, 2].
    """
    source, goal = _complex(stable(points)), _complex(stable(MEAN_SHAPE))
    z = source - source.mean(axis=-1, keepdims=True)
    w = goal - goal.mean()
    a = (z.conj() * w).sum(axis=-1) / (np.abs(z) ** 2).sum(axis=-1)
    return np.stack([a, goal.mean() - a * source.mean(axis=-1)], axis=-1)


def aligned(points: np.ndarray) -> np.ndarray:
    """Faces [frames, 49, 2] brought onto the mean shape by `similarity`, float64.

    Example:
        >>> turned = MEAN_SHAPE[None, :, ::-1] * [-1, 1] * 80 + [320, 180]  # a quarter turn, 80 pixels wide
        >>> bool(np.allclose(aligned(turned), MEAN_SHAPE))
        True
    """
    a, b = similarity(points).T
    moved = a[:, None] * _complex(points) + b[:, None]
    return np.stack([moved.real, moved.imag], axis=-1)


def _complex(points: np.ndarray) -> np.ndarray:
    return points[..., 0].astype(np.float64) + 1j * points[..., 1]
