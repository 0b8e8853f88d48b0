"""Concordance correlation loss."""

from dataclasses import dataclass
from typing import Any

from keras.saving import register_keras_serializable

from emotf.losses.base import Loss, moments, ratio


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class Ccc(Loss):
    """1 - CCC, in [0, 2]: L = 1 - 2 cov(y, ŷ) / (var y + var ŷ + (ȳ - mean ŷ)²), moments over the batch.

    -CCC, which some papers print, differs by a constant and has the same gradient. Batches should be large (256 in
    Köprü & Erzin 2020): the moments are those of one batch. Where gold and prediction are one constant the loss is 1.

    Example:
        >>> import numpy as np
        >>> round(float(Ccc()(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]))), 4)
        0.4286

    Reference:
        Lin 1989; as a training loss: Köprü & Erzin 2020, eq. 2, and Chen & Jin 2015.
    """

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        gap, y_var, p_var, cov = moments(y, p, weight)
        return 1.0 - ratio(2.0 * cov, y_var + p_var + gap**2)
