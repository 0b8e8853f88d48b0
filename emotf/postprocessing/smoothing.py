"""Exponential smoothing."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from emotf.errors import UserError
from emotf.postprocessing.base import Step, Traces, best

DIRECTIONS = ("forward", "backward", "both")


def smooth(x: np.ndarray, alpha: float, direction: str = "forward") -> np.ndarray:
    """s_1 = x_1, s_t = α x_t + (1 - α) s_{t-1}.

    Args:
        x: [frames].
        alpha: α in (0, 1]; 1 changes nothing.
        direction: `forward` in time; `backward`, from the last frame to the first; `both`, forward and then backward,
            which does not delay (zero phase).

    Example:
        >>> smooth(np.array([0.0, 1.0, 1.0]), 0.5).tolist()
        [0.0, 0.5, 0.75]

    Reference:
        Chen & Jin 2015, eq. 7.
    """
    from scipy.signal import lfilter

    if direction == "both":
        return smooth(smooth(x, alpha, "forward"), alpha, "backward")
    if direction == "backward":
        return smooth(x[::-1], alpha)[::-1]
    if not len(x):
        return np.asarray(x, np.float64)
    return np.asarray(lfilter([alpha], [1.0, alpha - 1.0], x, zi=[(1.0 - alpha) * x[0]])[0])


@dataclass
class Smoothing(Step):
    """Exponential smoothing, its α chosen by grid search for the highest pooled CCC.

    Chen & Jin find that backward smoothing suits a network that runs forward slightly better, and the other way round.

    Attributes:
        alphas: the grid.
        direction: `forward`, `backward`, `both`, or `search` to choose among them, too.
        alpha_, direction_: what was chosen.

    Reference:
        Chen & Jin 2015, eq. 7 and the grid search after it.
    """

    alphas: tuple[float, ...] = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01)
    direction: str = "search"
    alpha_: float | None = None
    direction_: str | None = None

    def __post_init__(self) -> None:
        if self.direction not in (*DIRECTIONS, "search"):
            raise UserError(f"Smoothing direction is {self.direction!r}, expected {', '.join(DIRECTIONS)} or search.")
        if not self.alphas or not all(0 < alpha <= 1 for alpha in self.alphas):
            raise UserError(f"Smoothing needs α above 0 and at most 1, received {self.alphas}.")

    def fit(self, gold: Traces, prediction: Traces, hop: float) -> Self:
        directions = DIRECTIONS if self.direction == "search" else (self.direction,)
        candidates = [(alpha, direction) for alpha in self.alphas for direction in directions]
        self.alpha_, self.direction_ = best(candidates, gold, prediction, lambda x, chosen: smooth(x, *chosen))
        return self

    def transform(self, prediction: np.ndarray, hop: float) -> np.ndarray:
        self.check_fitted()
        assert self.alpha_ is not None and self.direction_ is not None
        return smooth(prediction, self.alpha_, self.direction_)
