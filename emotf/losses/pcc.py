"""Pearson correlation loss."""

from dataclasses import dataclass
from typing import Any

from keras.saving import register_keras_serializable

from emotf.losses.base import PooledLoss, correlation, moments


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class Pcc(PooledLoss):
    """1 - PCC, in [0, 2]: L = 1 - cov(y, ŷ) / (sd y · sd ŷ), population moments.

    Blind to the scale and offset of the prediction, so CCC and RMSE of a network trained by it mean little before its
    predictions are rescaled. Where either is constant the correlation counts as 0 and the gradient is 0.

    Attributes:
        pool: `batch`: the moments of the whole batch in one series; `sequence`: a PCC a sequence, and their mean.

    Example:
        >>> import numpy as np
        >>> float(Pcc()(np.array([0.0, 1.0, 2.0]), np.array([5.0, 7.0, 9.0])))
        0.0

    Reference:
        Köprü & Erzin 2020, eq. 2.
    """

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        _, y_var, p_var, cov = moments(y, p, weight)
        return 1.0 - correlation(y_var, p_var, cov)
