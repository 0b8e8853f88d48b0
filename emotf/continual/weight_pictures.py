"""A matrix of weights as a grey picture, and what methods for pictures do to it.

How weights become a picture, the thesis does not say: here [min(W), max(W)] is mapped to 0..255, and back after the
change. That rounds them, to 255 steps: `restored(*as_picture(W))` is within half a step of W.

Reference:
    Orgil 2022, doctoral thesis, Tokushima University, the chapter on continual learning of a classifier.
"""

import numpy as np

from emotf.errors import UserError

LEVELS = 256


def as_picture(weights: np.ndarray) -> tuple[np.ndarray, float, float]:
    """uint8 v = round(255 (W - min) / (max - min)), and min and max; all 0 where all weights are equal.

    Raises:
        UserError: weights are not finite.

    Example:
        >>> as_picture(np.array([[-1.0, 0.0, 1.0]]))
        (array([[  0, 128, 255]], dtype=uint8), -1.0, 1.0)
    """
    if not np.isfinite(weights).all():
        raise UserError("Weights that are not finite make no picture; training has diverged, lower its learning rate.")
    low, high = float(weights.min()), float(weights.max())
    reach = high - low or 1.0
    return np.round((LEVELS - 1) * (weights - low) / reach).astype(np.uint8), low, high


def restored(picture: np.ndarray, low: float, high: float) -> np.ndarray:
    """Weights, float32: W = min + v (max - min) / 255."""
    return (low + picture.astype(np.float64) * (high - low) / (LEVELS - 1)).astype(np.float32)


def pruned(weights: np.ndarray, margin: float = 0.3) -> np.ndarray:
    """Weights between min(W) + margin and max(W) - margin become 0; all are kept where that leaves no room between.

    Example:
        >>> pruned(np.array([[-0.5, -0.1, 0.0, 0.3, 0.5]])).tolist()
        [[-0.5, 0.0, 0.0, 0.3, 0.5]]
    """
    between = (weights > weights.min() + margin) & (weights < weights.max() - margin)
    return np.where(between, np.zeros_like(weights), weights)


def equalised(weights: np.ndarray) -> np.ndarray:
    """Histogram equalisation of the picture of the weights.

        h(v) = round((cdf(v) - cdf_min) / (M N - cdf_min) (L - 1))

    cdf(v) counts the M N weights up to v, cdf_min is its lowest value above 0, L = 256. Where all weights are equal
    they stay.
    """
    picture, low, high = as_picture(weights)
    cdf = np.cumsum(np.bincount(picture.ravel(), minlength=LEVELS))
    lowest = cdf[cdf > 0][0]
    if lowest == picture.size:
        return weights
    h = np.round((cdf - lowest) / (picture.size - lowest) * (LEVELS - 1))
    return restored(h[picture], low, high)


def clahe(weights: np.ndarray, clip: float = 100.0, tiles: tuple[int, int] = (2, 2)) -> np.ndarray:
    """Contrast-limited adaptive histogram equalisation of the picture of the weights: OpenCV's.

    Args:
        weights: [features, outputs].
        clip: the limit of contrast, in OpenCV's unit: multiples of the mean count of a level in a tile.
        tiles: along features and along outputs; each is equalised by itself, and between them is interpolated.
    """
    import cv2

    picture, low, high = as_picture(weights)
    changed = cv2.createCLAHE(clipLimit=clip, tileGridSize=tiles[::-1]).apply(picture)
    return restored(changed, low, high)
