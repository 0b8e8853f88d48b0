"""Non-Inertial loss: distance, velocity and direction of a point that moves in the valence-arousal plane."""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from keras import ops
from keras.saving import register_keras_serializable

from emotf.losses._joint import JointLoss, areas, average, both, change, length
from emotf.losses.base import magnitude


@register_keras_serializable("emotf.losses")
@dataclass(eq=False)
class NonInertial(JointLoss):
    """mean(Δl_c + Δl_xy + Δα) over batch and frames (eq. 6), x the prediction and y the gold standard as points.

    Distance (eq. 3): Δl_c = ‖x - y‖. The paper describes it as a Euclidean distance and prints √(x² - y²); its tables
    fit a *squared* one, mean over the targets (half of the squared error summed over two).
    Velocity (eq. 4): Δl_xy = | ‖x_c - x_p‖ - ‖y_c - y_p‖ | / t between a frame c and the one before it, p. Printed
    without the magnitude, which a loss needs. Where neither point moves the gradient is 0.
    Direction (eq. 5): Δα = |a_x v_y - a_y v_x|, the cross product of the two *positions* as seen from the origin, that
    is ‖x‖ ‖y‖ |sin|: 0 for equal directions, but also for opposite ones and wherever one point is the origin. For more
    than two targets it is the length of all such products of pairs, which is the same ‖x‖ ‖y‖ |sin|.

    Each term is a mean over the frames that have it (the first of a sequence has no velocity). At least 0; distance and
    velocity in units of the targets (squared where chosen), direction in squared units.

    Attributes:
        distance: `euclidean` (the text) or `squared` (what the tables fit).
        direction: `cross` (eq. 5) or `angle`, the angle between the two positions in radians, [0, π]: it sees opposite
            directions, but its gradient grows without bound near the origin.
        t: time between two frames in eq. 4; the paper's 1 counts frames.
        distance_weight, velocity_weight, direction_weight: of the three terms; 1 in the paper.

    Raises:
        ValueError: gold and prediction are not [batch, frames, two targets or more].

    Example:
        >>> import numpy as np
        >>> at_90, at_30 = np.array([[[0.0, 1.0]]]), np.array([[[np.sqrt(3) / 2, 0.5]]])
        >>> round(float(NonInertial(distance_weight=0.0)(at_90, at_30)), 4)
        0.866

    Reference:
        Orgil, Karungaru, Terada, Shagdar 2021, eq. 3-6.
    """

    distance: str = "euclidean"
    direction: str = "cross"
    t: float = 1.0
    distance_weight: float = 1.0
    velocity_weight: float = 1.0
    direction_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (("distance", ("euclidean", "squared")), ("direction", ("cross", "angle"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"non_inertial: {name} is {getattr(self, name)!r}, expected {' or '.join(allowed)}.")
        if not (self.t > 0 and math.isfinite(self.t)):
            raise ValueError(f"non_inertial: t must be above 0, received {self.t}.")

    def over(self, y: Any, p: Any, weight: Any) -> Any:
        distance, velocity, direction = self.terms(y, p, weight)
        total = self.distance_weight * distance + self.velocity_weight * velocity
        return total + self.direction_weight * direction

    def terms(self, y: Any, p: Any, weight: Any) -> tuple[Any, Any, Any]:
        """Distance, velocity and direction, unweighted."""
        apart = length(p - y) if self.distance == "euclidean" else ops.mean((p - y) ** 2, axis=-1)
        speed = magnitude(length(change(p)) - length(change(y))) / self.t
        turn = length(areas(p - y, y, list(combinations(range(y.shape[-1]), 2))))
        if self.direction == "angle":
            turn = _angle(turn, ops.sum(p * y, axis=-1))
        return average(apart, weight), average(speed, both(weight)), average(turn, weight)


def _angle(cross: Any, dot: Any) -> Any:
    """The angle between two vectors; 0 with a gradient of 0 where it is not defined."""
    defined = ops.logical_or(cross > 0, dot != 0)
    return ops.where(defined, ops.arctan2(cross, ops.where(defined, dot, 1.0)), 0.0)
