"""Concordance correlation loss."""

from dataclasses import dataclass
from typing import Any

from keras.saving import register_keras_serializable

from emotf.losses.base import PooledLoss, moments, ratio


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class Ccc(PooledLoss):
    """1 - CCC, in [0, 2]: L = 1 - 2 cov(y, ŷ) / (var y + var ŷ + (ȳ - mean ŷ)²), population moments.

    -CCC, which some papers print, differs by the constant 1 and has the same gradient. Where gold and prediction are
    one constant the loss is 1 and its gradient 0.

    Attributes:
        pool: `batch`: the moments of the whole batch in one series; it should be large (256 in Köprü & Erzin 2020).
            `sequence`: a CCC a sequence, and their mean.

    Example:
        >>> import numpy as np
        >>> round(float(Ccc()(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]))), 4)
        0.4286

    Reference:
        Lin 1989; as a training loss: Köprü & Erzin 2020, eq. 2; Chen & Jin 2015; Orgil et al. 2021, eq. 2.
    """

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        gap, y_var, p_var, cov = moments(y, p, weight)
        return 1.0 - ratio(2.0 * cov, y_var + p_var + gap**2)
