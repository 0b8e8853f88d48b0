"""Pearson correlation loss."""

from dataclasses import dataclass
from typing import Any

from keras import ops
from keras.saving import register_keras_serializable

from emotf.losses.base import Loss, moments


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class Pcc(Loss):
    """1 - PCC, in [0, 2]: L = 1 - cov(y, ŷ) / (sd y · sd ŷ), moments over the batch.

    Blind to the scale and offset of the prediction, so CCC and RMSE of a network trained by it mean little before its
    predictions are rescaled. Where either is constant the correlation counts as 0 and the gradient is 0.

    Example:
        >>> import numpy as np
        >>> float(Pcc()(np.array([0.0, 1.0, 2.0]), np.array([5.0, 7.0, 9.0])))
        0.0

    Reference:
        Köprü & Erzin 2020, eq. 2.
    """

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        _, y_var, p_var, cov = moments(y, p, weight)
        varied = (y_var > 0) & (p_var > 0)
        # the root of each variance by itself: their product underflows float32 for traces of a scale of 1e-10
        spread = ops.sqrt(ops.where(varied, y_var, 1.0)) * ops.sqrt(ops.where(varied, p_var, 1.0))
        return 1.0 - ops.where(varied, cov / spread, 0.0)
