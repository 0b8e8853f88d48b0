"""Shifting predictions in time."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from emotf.errors import UserError
from emotf.postprocessing.base import Step, Traces, best


def later(x: np.ndarray, frames: int) -> np.ndarray:
    """The trace moved later by some frames (earlier where negative); the first or last value fills the gap."""
    return np.asarray(x)[np.clip(np.arange(len(x)) - frames, 0, max(len(x) - 1, 0))]


@dataclass
class Shift(Step):
    """Moves predictions later, by the seconds that give the highest pooled CCC.

    For networks that were trained on ratings moved earlier and are scored on ratings as they came.

    Attributes:
        seconds: the grid; negative ones move earlier.
        shift_: what was chosen, in seconds.

    Reference:
        Trigeorgis et al. 2016, "Adieu features? End-to-end speech emotion recognition using a deep convolutional
        recurrent network", ICASSP (median filter, centring, scaling, time shift).
    """

    seconds: tuple[float, ...] = (0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8, 3.2, 3.6, 4.0)
    shift_: float | None = None

    def __post_init__(self) -> None:
        if not self.seconds:
            raise UserError("A shift needs a grid of seconds, received none.")

    def fit(self, gold: Traces, prediction: Traces, hop: float) -> Self:
        self.shift_ = best(self.seconds, gold, prediction, lambda x, seconds: later(x, round(seconds / hop)))
        return self

    def transform(self, prediction: np.ndarray, hop: float) -> np.ndarray:
        self.check_fitted()
        assert self.shift_ is not None
        return later(prediction, round(self.shift_ / hop))
