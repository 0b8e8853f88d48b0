"""Extended Non-Inertial loss: distance, velocity, angle and acceleration of any number of targets."""

import math
from dataclasses import dataclass
from typing import Any

from keras import ops
from keras.saving import register_keras_serializable

from emotf.losses._joint import JointLoss, areas, average, both, change
from emotf.losses.base import magnitude


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class NonInertialExtended(JointLoss):
    """(D + V + A + Ac) / 4 (eq. 12), x the prediction, y the gold standard, M targets, derivatives as differences.

    D (eq. 8): mean of (x - y)² over frames and targets.
    V (eq. 9): |∂x/∂t - ∂y/∂t|.
    A (eq. 10): |∂x_i/∂t ∂y_j/∂t - ∂x_j/∂t ∂y_i/∂t| of the pairs of targets (1, 2), (2, 3) ... (M - 1, M) and, for more
    than two, (M, 1). The paper runs on to columns M + 1 and M + 2 and does not say what they are; with two targets a
    closed circle would be 0 always, because pair (2, 1) is minus pair (1, 2).
    Ac (eq. 11): |∂²x/∂t² - ∂²y/∂t²|.

    Where the magnitude is taken decides what the loss is. `outside`, as printed: of the mean over a sequence, its
    targets or its pairs. Then V is the last error minus the first over the number of differences, Ac likewise, every
    other frame has no gradient from them, and areas of opposite sign cancel: little more than D. `inside`: of each
    frame and target or pair, as eq. 5 of the same paper has it. `inside` is the default because only it sees motion.

    Means over frames, and of `outside` over sequences, are of those that have the term. At least 0.

    Attributes:
        absolute: `inside` or `outside` of the sums.
        t: time between two frames; 1 counts frames.
        distance_weight, velocity_weight, angle_weight, acceleration_weight: of the four terms; 1 in the paper.

    Raises:
        ValueError: gold and prediction are not [batch, frames, two targets or more].

    Example:
        >>> import numpy as np
        >>> still, moving = np.zeros((1, 3, 2)), np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]])
        >>> [round(float(NonInertialExtended(absolute=where)(still, moving)), 4) for where in ("outside", "inside")]
        [0.2917, 0.4167]

    Reference:
        Orgil, Karungaru, Terada, Shagdar 2021, appendix, eq. 8-12.
    """

    absolute: str = "inside"
    t: float = 1.0
    distance_weight: float = 1.0
    velocity_weight: float = 1.0
    angle_weight: float = 1.0
    acceleration_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.absolute not in ("inside", "outside"):
            raise ValueError(f"non_inertial_extended: absolute is {self.absolute!r}, expected inside or outside.")
        if not (self.t > 0 and math.isfinite(self.t)):
            raise ValueError(f"non_inertial_extended: t must be above 0, received {self.t}.")

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        distance, velocity, angle, acceleration = self.terms(y, p, weight)
        total = self.distance_weight * distance + self.velocity_weight * velocity
        return (total + self.angle_weight * angle + self.acceleration_weight * acceleration) / 4.0

    def terms(self, y: Any, p: Any, weight: Any) -> tuple[Any, Any, Any, Any]:
        """D, V, A and Ac, unweighted."""
        targets = y.shape[-1]
        pairs = [(i, i + 1) for i in range(targets - 1)] + ([(targets - 1, 0)] if targets > 2 else [])
        steps = both(weight)
        error_velocity = change(p - y) / self.t
        area = areas(change(p), change(y), pairs) / self.t**2
        return (
            average(ops.mean((p - y) ** 2, axis=-1), weight),
            self._magnitude(error_velocity, steps),
            self._magnitude(area, steps),
            self._magnitude(change(error_velocity) / self.t, both(steps)),
        )

    def _magnitude(self, x: Any, weight: Any) -> Any:
        """Mean magnitude of x [batch, frames, columns] where `weight` [batch, frames] is 1."""
        if self.absolute == "inside":
            return average(ops.mean(magnitude(x), axis=-1), weight)
        frames = ops.sum(weight, axis=1)
        of_sequence = ops.sum(ops.mean(x, axis=-1) * weight, axis=1) / ops.maximum(frames, 1.0)
        return average(magnitude(of_sequence), ops.cast(frames > 0, "float32"))
