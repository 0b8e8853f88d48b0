"""Mean squared error."""

from dataclasses import dataclass
from typing import Any

from keras.saving import register_keras_serializable

from emotf.losses.base import Loss, mean


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class Mse(Loss):
    """(1/n) Σ (y - ŷ)² over the rated frames; in squared units of the target, at least 0.

    Example:
        >>> import numpy as np
        >>> float(Mse()(np.array([0.0, 1.0, np.nan]), np.array([0.0, 3.0, 9.0])))
        2.0

    Reference:
        Chen & Jin 2015; Orgil et al. 2021, eq. 1.
    """

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        return mean((y - p) ** 2, weight)
