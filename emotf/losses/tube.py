"""Absolute error outside a tube around the gold standard."""

import math
from dataclasses import dataclass
from typing import Any

from keras import ops
from keras.saving import register_keras_serializable

from emotf.losses.base import Loss, mean


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class Tube(Loss):
    """(1/n) Σ max(0, |y - ŷ| - ε): errors below ε cost nothing; in units of the target, at least 0.

    Attributes:
        epsilon: ε, half the width of the tube, in units of the target.

    Example:
        >>> import numpy as np
        >>> round(float(Tube()(np.array([0.0, 1.0]), np.array([0.04, 1.25]))), 4)
        0.1

    Reference:
        Chen & Jin 2015 (the ε-insensitive loss of support vector regression; they take ε = 0.05).
    """

    epsilon: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.epsilon < math.inf:
            raise ValueError(f"tube: epsilon must be at least 0, received {self.epsilon}.")

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        return mean(ops.relu(ops.abs(y - p) - self.epsilon), weight)
