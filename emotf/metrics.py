"""Streaming metrics for Keras: exact on the concatenation of all batches, whatever their sizes, and mergeable.

`model.compile(metrics=[Ccc()])` reports the CCC of the whole epoch, not a mean of CCCs of batches. Gold that is NaN
(unrated, padded) is left out. State is the merged centred moments of `emotf.measures.Moments`, in float64 where the
back end has it (TensorFlow) and float32 elsewhere (JAX). Undefined values (no variance) are reported as NaN.
"""

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops
from keras.saving import register_keras_serializable

from emotf.measures import MEASURES

_STATE = ("count", "gold_mean", "prediction_mean", "gold_power", "prediction_power", "product")


class _Agreement(keras.metrics.Metric):
    """Merged centred moments; subclasses turn them into one number."""

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name or type(self).__name__.lower(), dtype=dtype)
        self._sums_dtype = "float64" if keras.backend.backend() == "tensorflow" else "float32"
        for label in _STATE:
            setattr(self, label, self.add_variable((), "zeros", dtype=self._sums_dtype, name=label))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch: [batch], [batch, frames], or either with a last axis of 1.

        Raises:
            ValueError: sample weights are given; mark frames as unrated by NaN instead.
        """
        if sample_weight is not None:
            raise ValueError("emotf metrics take no sample weights; set the gold of unrated frames to NaN.")
        y = ops.cast(ops.reshape(y_true, (-1,)), self._sums_dtype)
        # to the shape of the gold: a single value would be broadcast over all others without a word
        p = ops.cast(ops.reshape(y_pred, ops.shape(y)), self._sums_dtype)
        rated = ops.logical_not(ops.isnan(y))
        weight = ops.cast(rated, self._sums_dtype)
        y, p = ops.where(rated, y, 0.0), ops.where(rated, p, 0.0)
        count = ops.sum(weight)
        some = ops.maximum(count, 1.0)
        # moved by its first rated value, a constant has deviations of exactly 0, as in `Moments.of`
        first = ops.argmax(weight)
        y_first, p_first = ops.take(y, first), ops.take(p, first)
        dy, dp = (y - y_first) * weight, (p - p_first) * weight
        y_mean, p_mean = ops.sum(dy) / some, ops.sum(dp) / some
        dy, dp = (dy - y_mean) * weight, (dp - p_mean) * weight
        powers = ops.sum(dy * dy), ops.sum(dp * dp), ops.sum(dy * dp)
        self._merge(count, y_first + y_mean, p_first + p_mean, *powers)

    def merge_state(self, metrics: Iterable["_Agreement"]) -> None:
        """Adds the state of other metrics of the same class, from other replicas or processes."""
        for other in metrics:
            self._merge(*(getattr(other, label).value for label in _STATE))

    def _merge(self, count: Any, y_mean: Any, p_mean: Any, y_power: Any, p_power: Any, product: Any) -> None:
        """Chan, Golub, LeVeque 1979, as in `Moments.__add__`."""
        total = self.count + count
        share = count / ops.maximum(total, 1.0)
        cross = self.count * share
        dy, dp = y_mean - self.gold_mean, p_mean - self.prediction_mean
        self.gold_power.assign_add(y_power + cross * dy * dy)
        self.prediction_power.assign_add(p_power + cross * dp * dp)
        self.product.assign_add(product + cross * dy * dp)
        self.gold_mean.assign_add(share * dy)
        self.prediction_mean.assign_add(share * dp)
        self.count.assign(total)


@register_keras_serializable("emotf.metrics")
class Ccc(_Agreement):
    """Concordance correlation coefficient of everything seen since the last reset, in [-1, 1].

    Example:
        >>> metric = Ccc()
        >>> metric.update_state([0.0, 1.0], [1.0, 2.0]); metric.update_state([2.0], [3.0])
        >>> round(float(metric.result()), 4)
        0.5714

    Reference:
        Lin 1989.
    """

    def result(self) -> Any:
        distance = self.count * (self.gold_mean - self.prediction_mean) ** 2
        return 2.0 * self.product / (self.gold_power + self.prediction_power + distance)


@register_keras_serializable("emotf.metrics")
class Pcc(_Agreement):
    """Pearson correlation coefficient of everything seen since the last reset, in [-1, 1]."""

    def result(self) -> Any:
        return self.product / (ops.sqrt(self.gold_power) * ops.sqrt(self.prediction_power))


@register_keras_serializable("emotf.metrics")
class Rmse(_Agreement):
    """Root mean squared error of everything seen since the last reset, in units of the target."""

    def result(self) -> Any:
        scatter = ops.maximum(self.gold_power + self.prediction_power - 2.0 * self.product, 0.0)
        return ops.sqrt(scatter / self.count + (self.gold_mean - self.prediction_mean) ** 2)


def all_measures() -> list[keras.metrics.Metric]:
    """One metric a measure of `emotf.measures`, in its order."""
    classes = {"ccc": Ccc, "pcc": Pcc, "rmse": Rmse}
    return [classes[name](name=name) for name in MEASURES]
