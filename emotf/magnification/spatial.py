"""What is magnified over space: a Gaussian or a Laplacian pyramid as one sum over levels.

Conventions
    G[k] is level k of the Gaussian pyramid (G[0] the picture, each next one smoothed by the binomial filter
    [1 4 6 4 1] / 16 and halved), U an enlargement by one level, L[k] = G[k] - U G[k+1] the Laplacian pyramid. Of waves
    of 8 * 2^k pixels, G[k+1] holds half of the amplitude; the other half and most of shorter ones are in L[0] … L[k].
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

# Wavelength, in pixels, of which G[1] holds half.
HALVED_PX = 8.0
# A picture is halved while its longer side is not below the length of the binomial filter.
SMALLEST_PX = 5
# Y of YIQ, the luminance of red, green and blue.
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def color_weights(alpha: float, cutoff_px: float) -> list[float]:
    """w of α Uⁿ G[n] = Σ w[k] Uᵏ G[k]; n is the first level that holds at most half of waves as long as the cut-off.

    Example:
        >>> color_weights(alpha=5, cutoff_px=16)
        [0.0, 0.0, 5.0]
    """
    level = max(0, int(np.ceil(np.log2(2 * cutoff_px / HALVED_PX) - 1e-9))) if cutoff_px else 0
    return [0.0] * level + [float(alpha)]


def motion_weights(alpha: float, cutoff_px: float, shape: Sequence[int]) -> list[float]:
    """w of Σ α[k] Uᵏ L[k] = Σ w[k] Uᵏ G[k], where w[k] = α[k] - α[k-1].

    A displacement δ of waves of length λ can be magnified up to (1 + α) δ < λ / 8. The cut-off λc is the shortest for
    which the whole α shall do, so δ = λc / 8 (1 + α), and level k, up to λ[k] = 8 * 2^k pixels long, is magnified by

        α[k] = λ[k] / 8δ - 1 = (1 + α) λ[k] / λc - 1,   at least 0 and at most α.

    The top of the pyramid, 3 or 4 pixels on the longer side, is not magnified: it is the brightness of the whole.

    Args:
        alpha: α.
        cutoff_px: λc; 0 for α everywhere.
        shape: height and width of the pictures.

    Example:
        >>> motion_weights(alpha=5, cutoff_px=16, shape=(40, 40))
        [2.0, 3.0, 0.0, 0.0, -5.0]

    Reference:
        Wu et al. (2012), equation 14 and figure 6.
    """
    levels, side = 0, max(shape[:2])
    while side >= SMALLEST_PX:
        levels, side = levels + 1, (side + 1) // 2
    waves = HALVED_PX * 2.0 ** np.arange(levels)
    whole = np.full(levels, float(alpha))
    alphas = np.clip((1 + alpha) * waves / cutoff_px - 1, 0, alpha) if cutoff_px else whole
    return np.diff([0.0, *alphas, 0.0]).tolist()


def chroma_attenuation(chroma: float) -> np.ndarray:
    """The 3 x 3 matrix that multiplies I and Q of YIQ by `chroma` and keeps Y, on red, green and blue.

    Without I and Q, a colour is the grey of its luminance: chroma E + (1 - chroma) [1 1 1]ᵀ [luminance].
    """
    grey = np.outer(np.ones(3, np.float32), LUMINANCE)
    return np.asarray(chroma * np.eye(3) + (1 - chroma) * grey, np.float32)


class Pyramid:
    """Σ w[k] Uᵏ G[k] of pictures of one size.

    Sums over space and filters over time may change places, so what is filtered is `finest`, the first level that
    counts, and the levels above it are made of the filtered one.
    """

    def __init__(self, weights: Sequence[float], shape: Sequence[int]) -> None:
        """Args: w[k], not all 0; height and width of the pictures."""
        self.weights = list(weights)
        self.first = int(np.flatnonzero(self.weights)[0])
        self.sizes = [tuple(shape[:2])]
        while len(self.sizes) < len(self.weights):
            height, width = self.sizes[-1]
            self.sizes.append(((height + 1) // 2, (width + 1) // 2))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of `finest`."""
        height, width = self.sizes[self.first]
        return height, width, 3

    def finest(self, picture: np.ndarray) -> np.ndarray:
        """G[first] of a picture, float32."""
        import cv2

        level: Any = np.asarray(picture, np.float32)
        for _ in range(self.first):
            level = cv2.pyrDown(level)
        return np.asarray(level)

    def sum(self, finest: np.ndarray) -> np.ndarray:
        """Σ w[k] Uᵏ G[k], float32 [height, width, 3], from G[first]."""
        import cv2

        levels: list[Any] = [finest]
        for _ in self.weights[self.first + 1 :]:
            levels.append(cv2.pyrDown(levels[-1]))
        total: Any = levels[-1] * np.float32(self.weights[-1])
        for k in reversed(range(len(self.weights) - 1)):
            total = cv2.pyrUp(total, dstsize=self.sizes[k][::-1])
            if self.weights[k]:
                total = cv2.scaleAdd(levels[k - self.first], self.weights[k], total)
        return np.asarray(total)
