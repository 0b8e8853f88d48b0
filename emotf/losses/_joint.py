"""What losses over several targets at once share: stacking, masking, differences over time."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from emotf.losses.base import Loss, alike


@dataclass(eq=False)
class JointLoss(Loss):
    """A Keras loss that couples its targets, stacked in the last axis: [batch, frames, targets].

    Keras calls one loss object once per named output, each of them one target wide. `compile(loss=...)` on a dictionary
    of outputs can therefore not train by such a loss; it is refused with one line instead. `emotf.training` stacks the
    targets in their declared order.

    A frame counts where all its targets are rated. Differences over time join only frames that count and follow each
    other in one sequence.
    """

    joint: ClassVar[bool] = True

    @property
    def sequential(self) -> bool:
        return True

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if len(y_pred.shape) != 3 or y_pred.shape[-1] < 2:
            raise ValueError(
                f"{self.name} couples targets: expected [batch, frames, two targets or more] stacked in one output, "
                f"received {tuple(y_pred.shape)}."
            )
        y, p = alike(y_true, y_pred, self.name)
        rated = ops.all(ops.logical_not(ops.isnan(y)), axis=-1, keepdims=True)
        y, p = ops.where(rated, y, 0.0), ops.where(rated, p, 0.0)
        return ops.reshape(self.over(y, p, ops.cast(rated[..., 0], "float32")), (1,))

    @abstractmethod
    def over(self, y: Any, p: Any, weight: Any) -> Any:
        """The loss, a scalar, of y and p [batch, frames, targets], both 0 where `weight` [batch, frames] is 0."""


def change(x: Any) -> Any:
    """Differences of neighbouring frames, [batch, frames - 1, ...]."""
    return x[:, 1:] - x[:, :-1]


def both(weight: Any) -> Any:
    """1 where a frame and the one before it count, [batch, frames - 1]."""
    return weight[:, 1:] * weight[:, :-1]


def length(x: Any) -> Any:
    """Euclidean norm over the last axis, with a gradient of 0 at 0, where that of a root is not defined."""
    square = ops.sum(x * x, axis=-1)
    some = square > 0
    return ops.where(some, ops.sqrt(ops.where(some, square, 1.0)), 0.0)


def areas(x: Any, y: Any, pairs: list[tuple[int, int]]) -> Any:
    """Cross products x_i y_j - x_j y_i of pairs of targets, stacked in the last axis."""
    return ops.stack([x[..., i] * y[..., j] - x[..., j] * y[..., i] for i, j in pairs], axis=-1)


def average(x: Any, weight: Any) -> Any:
    """Mean over all that counts, a scalar; 0 where nothing does."""
    return ops.sum(x * weight) / ops.maximum(ops.sum(weight), 1.0)
