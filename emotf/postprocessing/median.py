"""Median filter."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from emotf.errors import UserError
from emotf.postprocessing.base import Step, Traces, best

LONGEST = 600.0  # seconds of a window


def median(x: np.ndarray, frames: int) -> np.ndarray:
    """The median of `frames` frames around each one, an odd number; beyond the ends the first or last is repeated."""
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(x, size=frames, mode="nearest"))


def odd(seconds: float, hop: float) -> int:
    """The odd number of frames nearest to a length in seconds, at least 1."""
    return 2 * round((seconds / hop - 1) / 2) + 1 if seconds > hop else 1


@dataclass
class Median(Step):
    """Median filter, its window chosen by grid search for the highest pooled CCC.

    Attributes:
        windows: the grid in seconds; 0 changes nothing.
        window_: what was chosen, in seconds.

    Reference:
        Trigeorgis et al. 2016, "Adieu features? End-to-end speech emotion recognition using a deep convolutional
        recurrent network", ICASSP (median filter, centring, scaling, time shift).
    """

    windows: tuple[float, ...] = (0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
    window_: float | None = None

    def __post_init__(self) -> None:
        if not self.windows or min(self.windows) < 0 or max(self.windows) > LONGEST:
            raise UserError(
                f"A median filter needs windows of at least 0 s, at most {LONGEST:g}, received {self.windows}."
            )

    def fit(self, gold: Traces, prediction: Traces, hop: float) -> Self:
        self.window_ = best(self.windows, gold, prediction, lambda x, seconds: median(x, odd(seconds, hop)))
        return self

    def transform(self, prediction: np.ndarray, hop: float) -> np.ndarray:
        self.check_fitted()
        assert self.window_ is not None
        if not 0 <= self.window_ <= LONGEST:
            raise UserError(f"Median.window_ is {self.window_:g} s, expected 0 to {LONGEST:g} s; fit it again.")
        return median(prediction, odd(self.window_, hop))
