"""Mean squared error over correlation."""

from dataclasses import dataclass
from typing import Any

from keras import ops
from keras.saving import register_keras_serializable

from emotf.losses.base import PooledLoss, correlation, mean, moments


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class MseOverCc(PooledLoss):
    """mse / (CC + 1) with CC the Pearson correlation; in squared units of the target, at least mse / 2.

    Where either series is constant CC counts as 0 and the loss is the squared error. At CC = -1 the equation has no
    value: CC + 1 below `floor` counts as `floor`, which depends on no unit.

    Attributes:
        floor: the least CC + 1, in (0, 2].
        pool: `batch`: the moments of the whole batch in one series; `sequence`: a value a sequence, and their mean.

    Example:
        >>> import numpy as np
        >>> float(MseOverCc()(np.array([-1.0, 1.0]), np.array([0.0, 2.0])))
        0.5

    Reference:
        Chen & Jin 2015.
    """

    floor: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.floor <= 2:
            raise ValueError(f"mse_over_cc: floor must be above 0 and at most 2, received {self.floor}.")

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        _, y_var, p_var, cov = moments(y, p, weight)
        return mean((y - p) ** 2, weight) / ops.maximum(correlation(y_var, p_var, cov) + 1.0, self.floor)
