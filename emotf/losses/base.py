"""What every loss shares: masking of unrated gold before any arithmetic, pooling, serialisation."""

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

import keras
from keras import ops


@dataclass(eq=False)
class Loss(keras.losses.Loss):
    """A Keras loss over gold and prediction of one target; subclasses write the equation in `over`.

    Gold is NaN where unrated or padded. Those frames are taken out before any arithmetic: Keras would apply masks and
    sample weights only after the loss, which is wrong for anything that is not a plain mean.

    Shapes: gold and prediction [batch], [batch, frames] or either with a last axis of 1. Returns one value for
    the batch, shape [1]: Keras divides that, unlike a scalar, by the number of replicas under a distribution strategy.
    """

    def __post_init__(self) -> None:
        super().__init__(name=type(self).__module__.rpartition(".")[2])

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y = ops.cast(ops.reshape(y_true, (-1,)), "float32")
        # to the shape of the gold, not to (-1,): a single value would be broadcast over all others without a word
        p = ops.cast(ops.reshape(y_pred, ops.shape(y)), "float32")
        rated = ops.logical_not(ops.isnan(y))
        weight = ops.cast(rated, "float32")
        # both branches of a where are differentiated, so the NaN must be gone before the arithmetic, not after
        y, p = ops.where(rated, y, 0.0), ops.where(rated, p, 0.0)
        return ops.reshape(self.over(y, p, weight), (1,))

    @abstractmethod
    def over(self, y: Any, p: Any, weight: Any) -> Any:
        """The loss, a scalar, of gold `y` and prediction `p` [n], both 0 where `weight` [n] is 0 (else it is 1)."""

    def get_config(self) -> dict[str, Any]:
        """The fields of the dataclass."""
        return asdict(self)


def mean(x: Any, weight: Any) -> Any:
    """Mean of the rated values; 0 where nothing is rated."""
    return ops.sum(x * weight) / ops.maximum(ops.sum(weight), 1.0)


def moments(y: Any, p: Any, weight: Any) -> tuple[Any, Any, Any, Any]:
    """Population moments of the rated frames: ȳ - mean ŷ, var y, var ŷ, cov(y, ŷ).

    Centred before squaring: the difference of large sums would lose everything at an offset of 1000 in float32. Before
    the means are taken, each series is moved by its own first rated value. That is exact between numbers of one size,
    so a constant has a variance of 0, not of some rounding whose inverse would become its gradient.
    """
    first = ops.argmax(weight)
    y_first, p_first = ops.stop_gradient(ops.take(y, first)), ops.stop_gradient(ops.take(p, first))
    dy, dp = (y - y_first) * weight, (p - p_first) * weight
    y_mean, p_mean = mean(dy, weight), mean(dp, weight)
    gap = (y_first - p_first) + (y_mean - p_mean)
    dy, dp = (dy - y_mean) * weight, (dp - p_mean) * weight
    return gap, mean(dy * dy, weight), mean(dp * dp, weight), mean(dy * dp, weight)


def ratio(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator where the denominator is above 0; elsewhere 0 with a gradient of 0, never NaN."""
    defined = denominator > 0
    return ops.where(defined, numerator / ops.where(defined, denominator, 1.0), 0.0)
