"""Mean absolute error."""

from dataclasses import dataclass
from typing import Any

from keras.saving import register_keras_serializable

from emotf.losses.base import Loss, magnitude, mean


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class Mae(Loss):
    """(1/n) Σ |y - ŷ| over the rated frames; in units of the target, at least 0. The gradient at y = ŷ is 0.

    Example:
        >>> import numpy as np
        >>> float(Mae()(np.array([0.0, 1.0, np.nan]), np.array([0.0, 3.0, 9.0])))
        1.0

    Reference:
        Chen & Jin 2015, who found it unstable beside the squared error.
    """

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        return mean(magnitude(y - p), weight)
