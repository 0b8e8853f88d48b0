"""Mean squared error minus covariance."""

from dataclasses import dataclass
from typing import Any, ClassVar

from keras.saving import register_keras_serializable

from emotf.losses.base import PooledLoss, mean, moments


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class MseCov(PooledLoss):
    """mse - cov(y, ŷ), population covariance; in squared units of the target, at least -1.25 var y.

    The covariance rewards spread: the loss is least at ŷ = ȳ + 1.5 (y - ȳ), half as wide again as the gold standard,
    where it is -1.25 var y. That counters the narrow predictions of the squared error. Its gradient in ŷ is that of
    the squared error minus (y - ȳ)/n.

    Attributes:
        pool: `batch`: the moments of the whole batch in one series; `sequence`: a value a sequence, and their mean.

    Example:
        >>> import numpy as np
        >>> y = np.array([-1.0, 0.0, 1.0])
        >>> [round(float(MseCov()(y, scale * y)), 4) for scale in (0.0, 1.0, 1.5, 2.0)]
        [0.6667, -0.6667, -0.8333, -0.6667]

    Reference:
        Chen & Jin 2015, eq. 5.
    """

    negative: ClassVar[bool] = True

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        return mean((y - p) ** 2, weight) - moments(y, p, weight)[3]
