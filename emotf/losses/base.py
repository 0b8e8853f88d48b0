"""What every loss shares: masking of unrated gold before any arithmetic, pooling, serialisation.

Conventions
    y is the gold standard, p the prediction, weight is 1 where gold is rated and 0 elsewhere; y and p are 0 there.
    The equation of a loss runs over the last axis, so that one line of it serves a whole batch in one series as well
    as every sequence by itself.
"""

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import keras
from keras import ops


@dataclass(eq=False)
class Loss(keras.losses.Loss):
    """A Keras loss over gold and prediction, each target by itself; subclasses write the equation in `over`.

    Gold is NaN where unrated or padded. Those frames are taken out before any arithmetic: Keras would apply masks and
    sample weights only after the loss, which is wrong for anything that is not a plain mean.

    Shapes: the prediction is [batch], [batch, frames] or [batch, frames, targets], gold the same or without a last axis
    of 1. Several targets in the last axis never mix: each has a value of its own, and the loss is their mean; one
    without a rated frame is left out, and where none has any the loss is 0. Outputs [batch, targets] of a plain model
    would read as frames; give them an axis of one frame, or names. Returns one value for the batch, shape [1]: Keras
    divides that, unlike a scalar, by the number of replicas under a distribution strategy. There, the batch is the part
    that one replica sees.

    Attributes:
        joint: whether the loss couples the targets, so that it needs them stacked (`losses._joint.JointLoss`).
        negative: whether values may fall below 0.
    """

    joint: ClassVar[bool] = False
    negative: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__init__(name=type(self).__module__.rpartition(".")[2])

    @property
    def sequential(self) -> bool:
        """Whether the loss needs sequences [batch, frames], not single frames [batch]."""
        return False

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss, a scalar; frames that a Keras mask of the prediction leaves out count as unrated.

        Raises:
            ValueError: sample weights are given; mark frames as unrated by NaN instead.
        """
        if sample_weight is not None:
            raise ValueError(f"{self.name} takes no sample weights; set the gold of unrated frames to NaN.")
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            # Keras would weigh the value of the batch by the mask; a copy of the prediction carries none
            y_true, y_pred = alike(y_true, y_pred, self.name)
            mask = ops.reshape(mask, (*ops.shape(mask), *(1,) * (len(y_pred.shape) - len(mask.shape))))
            y_true, y_pred = ops.where(mask, y_true, float("nan")), ops.copy(y_pred)
        return super().__call__(y_true, y_pred)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y, p = alike(y_true, y_pred, self.name)
        y, p = self._series(y), self._series(p)
        rated = ops.logical_not(ops.isnan(y))
        weight = ops.cast(rated, "float32")
        # both branches of a where are differentiated, so the NaN must be gone before the arithmetic, not after
        y, p = ops.where(rated, y, 0.0), ops.where(rated, p, 0.0)
        value, some = self.over(y, p, weight), ops.cast(ops.any(rated, axis=-1), "float32")
        # [targets, series]: a mean over the sequences of each target first, so that all targets count alike
        several = y_pred.shape[-1] if len(y_pred.shape) == 3 else 1
        value, some = ops.reshape(value, (several, -1)), ops.reshape(some, (several, -1))
        return ops.reshape(mean(mean(value, some), ops.max(some, axis=-1, initial=0.0)), (1,))

    @abstractmethod
    def over(self, y: Any, p: Any, weight: Any) -> Any:
        """The loss [series] of gold `y` and prediction `p` [series, n], both 0 where `weight` [series, n] is 0."""

    def get_config(self) -> dict[str, Any]:
        """The fields of the dataclass."""
        return asdict(self)

    def _series(self, x: Any) -> Any:
        """[batch, ...] as [series, n]: one series a target, or one a target and sequence."""
        if len(x.shape) > 3:
            raise ValueError(f"{self.name}: expected at most [batch, frames, targets], received {tuple(x.shape)}.")
        if self.sequential and (len(x.shape) == 1 or x.shape[1] == 1):
            raise ValueError(
                f"{self.name}: pool='sequence' needs sequences [batch, frames], received {tuple(x.shape)}: each would "
                "be a single frame."
            )
        if len(x.shape) == 3 and x.shape[-1] != 1:
            x = ops.moveaxis(x, -1, 0)
            return ops.reshape(x, (-1, ops.shape(x)[-1]) if self.sequential else (x.shape[0], -1))
        return ops.reshape(x, (-1, ops.shape(x)[1]) if self.sequential else (1, -1))


@dataclass(eq=False)
class PooledLoss(Loss):
    """A loss of moments, which must say over what they run.

    Attributes:
        pool: `batch`: all rated frames of the batch in one series; `sequence`: a value a sequence, and their mean.
    """

    pool: str = "batch"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pool not in ("batch", "sequence"):
            raise ValueError(f"{self.name}: pool is {self.pool!r}, expected batch or sequence.")

    @property
    def sequential(self) -> bool:
        return self.pool == "sequence"


def alike(y: Any, p: Any, name: str, dtype: str = "float32") -> tuple[Any, Any]:
    """Gold and prediction in one precision and in the shape of the prediction; one may lack a last axis of 1.

    Raises:
        ValueError: the shapes do not match; a single value would be broadcast over all others without a word.
    """
    y, p = ops.convert_to_tensor(y), ops.convert_to_tensor(p)
    shapes = tuple(y.shape), tuple(p.shape)
    longer, shorter = sorted(shapes, key=len, reverse=True)
    if longer[-1:] == (1,) and len(longer) == len(shorter) + 1:
        longer = longer[:-1]
    if len(longer) != len(shorter) or any(a != b for a, b in zip(longer, shorter, strict=True) if None not in (a, b)):
        raise ValueError(f"{name}: gold has shape {shapes[0]}, prediction {shapes[1]}; they must be the same.")
    return ops.reshape(ops.cast(y, dtype), ops.shape(p)), ops.cast(p, dtype)


def mean(x: Any, weight: Any) -> Any:
    """Mean of the rated values over the last axis; 0 where nothing is rated."""
    return ops.sum(x * weight, axis=-1) / ops.maximum(ops.sum(weight, axis=-1), 1.0)


def magnitude(x: Any) -> Any:
    """|x|, with a gradient of 0 at 0 on every back end; JAX alone would take 1 there."""
    return x * ops.stop_gradient(ops.sign(x))


def moments(y: Any, p: Any, weight: Any) -> tuple[Any, Any, Any, Any]:
    """Population moments of the rated frames over the last axis: ȳ - mean ŷ, var y, var ŷ, cov(y, ŷ).

    Centred before squaring: the difference of large sums would lose everything at an offset of 1000 in float32. Before
    the means are taken, each series is moved by one of its own values, the largest. That is exact between numbers of
    one size, so a constant has a variance of 0, not of some rounding whose inverse would become its gradient.
    """
    count = ops.maximum(ops.sum(weight, axis=-1, keepdims=True), 1.0)
    y_top, p_top = largest(y, weight), largest(p, weight)
    dy, dp = (y - y_top) * weight, (p - p_top) * weight
    y_mean, p_mean = ops.sum(dy, axis=-1, keepdims=True) / count, ops.sum(dp, axis=-1, keepdims=True) / count
    gap = (y_top - p_top) + (y_mean - p_mean)
    dy, dp = (dy - y_mean) * weight, (dp - p_mean) * weight
    n = count[..., 0]
    return gap[..., 0], *(ops.sum(x, axis=-1) / n for x in (dy * dy, dp * dp, dy * dp))


def correlation(y_var: Any, p_var: Any, cov: Any) -> Any:
    """Pearson's, of moments; 0 with a gradient of 0 where either series is constant."""
    varied = ops.logical_and(y_var > 0, p_var > 0)
    # the root of each variance by itself: their product underflows float32 for traces of a scale of 1e-10
    spread = ops.sqrt(ops.where(varied, y_var, 1.0)) * ops.sqrt(ops.where(varied, p_var, 1.0))
    return ops.where(varied, cov / spread, 0.0)


def ratio(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator where the denominator is above 0; elsewhere 0 with a gradient of 0, never NaN."""
    defined = denominator > 0
    return ops.where(defined, numerator / ops.where(defined, denominator, 1.0), 0.0)


def largest(x: Any, weight: Any) -> Any:
    """The largest rated value [..., 1], without a gradient; 0 where nothing is rated."""
    top = ops.max(ops.where(weight > 0, x, -3e38), axis=-1, keepdims=True, initial=-3e38)
    return ops.stop_gradient(ops.where(top > -3e38, top, 0.0))
