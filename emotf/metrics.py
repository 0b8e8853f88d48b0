"""Streaming metrics for Keras: exact on the concatenation of all batches, whatever their sizes, and mergeable.

`model.compile(metrics=[Ccc()])` reports the CCC of the whole epoch, not a mean of CCCs of batches. Gold that is NaN
(unrated, padded) is left out. State is float64 where the back end has it (TensorFlow) and float32 elsewhere (JAX). What
the data do not define (no variance, no frame) is NaN.

Replicas and processes: the state is a table with a row a replica. Under `tf.distribute.MirroredStrategy` each replica
fills its own row, Keras adds the tables up when it reads them, and `result` merges the rows: exact, like everything
else. Metrics of several processes are merged by `merge_state`; `metric.variables` holds all there is to send.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import keras
from keras import ops
from keras.saving import register_keras_serializable

from emotf.losses.base import alike, largest
from emotf.measures import MEASURES


class _Streaming(keras.metrics.Metric):
    """A table [replicas, columns] of sums or moments over the rated frames; subclasses fill and read its rows.

    Args:
        name: in logs.
        dtype: as of any Keras metric; the state has its own.
        target: which of several targets in the last axis of [batch, frames, targets] is measured.
    """

    columns: int

    @abstractmethod
    def _row(self, y: Any, p: Any, weight: Any) -> Any:
        """The row [columns] of a batch [n]; y and p are 0 where `weight` is 0."""

    @abstractmethod
    def _merged(self, one: Any, other: Any) -> Any:
        """Two rows as one."""

    def __init__(self, name: str | None = None, dtype: Any = None, target: int | None = None) -> None:
        super().__init__(name=name or type(self).__name__.lower(), dtype=dtype)
        self.target = target
        self._replicas = 1
        self._sums_dtype = "float32"
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            self._replicas = tf.distribute.get_strategy().num_replicas_in_sync
            self._sums_dtype = "float64"
        shape = (self._replicas, self.columns)
        self.table = self.add_variable(shape, "zeros", dtype=self._sums_dtype, name="table")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch: gold and prediction [batch], [batch, frames] or [batch, frames, targets].

        Raises:
            ValueError: shapes differ (a last axis of 1 may be missing in one), there are several targets and none is
                chosen, or sample weights are given; mark frames as unrated by NaN instead.
        """
        if sample_weight is not None:
            raise ValueError("emotf metrics take no sample weights; set the gold of unrated frames to NaN.")
        y, p = (ops.reshape(self._one(x), (-1,)) for x in alike(y_true, y_pred, self.name, self._sums_dtype))
        rated = ops.logical_not(ops.isnan(y))
        weight = ops.cast(rated, self._sums_dtype)
        batch = self._row(ops.where(rated, y, 0.0), ops.where(rated, p, 0.0), weight)
        if self._replicas == 1:
            self.table.assign(ops.stack([self._merged(self.table[0], batch)]))
            return
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        mine = 0 if context is None else context.replica_id_in_sync_group
        row = self._merged(self.table.value[mine], batch)
        self.table.assign(tf.tensor_scatter_nd_update(tf.convert_to_tensor(self.table.value), [[mine]], row[None]))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"target": self.target}

    def _one(self, x: Any) -> Any:
        """The chosen target of several."""
        several = len(x.shape) == 3 and x.shape[-1] != 1
        if several != (self.target is not None):
            choose = "choose one, target=0" if several else f"there is no target {self.target} to choose"
            raise ValueError(f"{self.name} measures one target, received {tuple(x.shape)}; {choose}.")
        return x[..., self.target] if several else x

    def merge_state(self, metrics: Iterable["_Streaming"]) -> None:
        """Adds the state of other metrics of the same class, from other processes.

        Raises:
            ValueError: this metric was made under a strategy of several replicas; merge into one made outside it.
        """
        if self._replicas > 1:
            raise ValueError(f"{self.name} holds {self._replicas} replicas; merge into a metric made outside of them.")
        total = self.table[0]
        for other in metrics:
            total = self._merged(total, other._total())
        self.table.assign(ops.stack([total]))

    def _total(self) -> Any:
        """The rows of all replicas, merged."""
        total = self.table[0]
        for i in range(1, self._replicas):
            total = self._merged(total, self.table[i])
        return total


class _Agreement(_Streaming):
    """Rows of count, mean of gold and prediction, and their centred second moments, as in `measures.Moments`."""

    columns = 6

    def _row(self, y: Any, p: Any, weight: Any) -> Any:
        count = ops.sum(weight)
        some = ops.maximum(count, 1.0)
        # moved by one of its values, the largest, a constant has deviations of exactly 0
        y_top, p_top = largest(y, weight)[0], largest(p, weight)[0]
        dy, dp = (y - y_top) * weight, (p - p_top) * weight
        y_mean, p_mean = ops.sum(dy) / some, ops.sum(dp) / some
        dy, dp = (dy - y_mean) * weight, (dp - p_mean) * weight
        powers = ops.sum(dy * dy), ops.sum(dp * dp), ops.sum(dy * dp)
        return ops.stack([count, y_top + y_mean, p_top + p_mean, *powers])

    def _merged(self, one: Any, other: Any) -> Any:
        """Chan, Golub, LeVeque 1979, as in `Moments.__add__`."""
        count = one[0] + other[0]
        share = other[0] / ops.maximum(count, 1.0)
        cross = one[0] * share
        step = other[1:3] - one[1:3]
        dy, dp = step[0], step[1]
        between = ops.stack([dy * dy, dp * dp, dy * dp]) * cross
        return ops.concatenate([count[None], one[1:3] + share * step, one[3:] + other[3:] + between])


class _Mean(_Streaming):
    """Rows of count and sum of one value a frame."""

    columns = 2

    @abstractmethod
    def _value(self, y: Any, p: Any) -> Any:
        """What is averaged, [n]."""

    def _row(self, y: Any, p: Any, weight: Any) -> Any:
        return ops.stack([ops.sum(weight), ops.sum(self._value(y, p) * weight)])

    def _merged(self, one: Any, other: Any) -> Any:
        return one + other

    def result(self) -> Any:
        count, total = ops.unstack(self._total())
        return total / count


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
        count, y_mean, p_mean, y_power, p_power, product = ops.unstack(self._total())
        return 2.0 * product / (y_power + p_power + count * (y_mean - p_mean) ** 2)


@register_keras_serializable("emotf.metrics")
class Pcc(_Agreement):
    """Pearson correlation coefficient of everything seen since the last reset, in [-1, 1]."""

    def result(self) -> Any:
        _, _, _, y_power, p_power, product = ops.unstack(self._total())
        return product / (ops.sqrt(y_power) * ops.sqrt(p_power))


@register_keras_serializable("emotf.metrics")
class Rmse(_Mean):
    """Root mean squared error of everything seen since the last reset, in units of the target."""

    def _value(self, y: Any, p: Any) -> Any:
        return (y - p) ** 2

    def result(self) -> Any:
        return ops.sqrt(super().result())


@register_keras_serializable("emotf.metrics")
class Mae(_Mean):
    """Mean absolute error of everything seen since the last reset, in units of the target."""

    def _value(self, y: Any, p: Any) -> Any:
        return ops.abs(y - p)


@register_keras_serializable("emotf.metrics")
class Sagr(_Mean):
    """Sign agreement of everything seen since the last reset, in [0, 1]: the share of frames of one sign.

    Reference:
        Nicolaou, Gunes, Pantic 2011.
    """

    def _value(self, y: Any, p: Any) -> Any:
        return ops.cast(ops.sign(y) == ops.sign(p), y.dtype)


def all_measures() -> list[keras.metrics.Metric]:
    """One metric a measure of `emotf.measures`, in its order."""
    classes = {"ccc": Ccc, "pcc": Pcc, "rmse": Rmse, "mae": Mae, "sagr": Sagr}
    return [classes[name](name=name) for name in MEASURES]
