"""Post-processing in the graph: the kept steps of a run, over whole traces or as frames come.

All of it runs in double precision, as `emotf.postprocessing` does.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from emotf.errors import UserError
from emotf.postprocessing import Fitted
from emotf.postprocessing.base import Step
from emotf.postprocessing.centring import Centring
from emotf.postprocessing.median import Median, odd
from emotf.postprocessing.scaling import Scaling
from emotf.postprocessing.shift import Shift
from emotf.postprocessing.smoothing import Smoothing

State = dict[str, tf.Tensor]


class Chain:
    """The kept steps of every target.

    Args:
        chains: target -> its steps, fitted; empty: nothing is done.
        hop: seconds.
    """

    def __init__(self, chains: Mapping[str, Sequence[Fitted]], hop: float) -> None:
        self.steps = {target: [_in_graph(of.step, hop) for of in chain if of.kept] for target, chain in chains.items()}

    def whole(self, target: str, trace: tf.Tensor) -> tf.Tensor:
        """A trace float32 [frames] of a whole recording after the steps."""
        x = tf.cast(trace, tf.float64)
        for step in self.steps.get(target, []):
            x = step.whole(x)
        return tf.cast(x, tf.float32)

    def check_live(self) -> None:
        """Raises UserError where a step needs frames that are still to come."""
        for target, steps in self.steps.items():
            for future in filter(None, (step.future for step in steps)):
                raise UserError(
                    f"Post-processing of {target} needs the future ({future}), and a live trace has none; fit it with "
                    "tools/postprocess.py in steps that need none, such as smoothing:direction=forward."
                )

    def initial_state(self) -> State:
        """What `live` needs to know of the frames so far: nothing yet."""
        return {f"{target}.step{n}": step.initial for target, steps in self.steps.items()
                for n, step in enumerate(steps) if isinstance(step, Remembering)}  # fmt: skip

    def live(self, target: str, state: State, trace: tf.Tensor) -> tuple[State, tf.Tensor]:
        """The next frames of a trace, float32 [new], after the steps; and the state for those that follow."""
        x, left = tf.cast(trace, tf.float64), dict(state)
        for n, step in enumerate(self.steps.get(target, [])):
            name = f"{target}.step{n}"
            if isinstance(step, Remembering):
                left[name], x = step.live(state[name], x)
            else:
                x = step.whole(x)
        return left, tf.cast(x, tf.float32)


class InGraph(ABC):
    """A fitted step on tensors float64 [frames].

    Attributes:
        future: what of the frames to come it needs, in words; empty where nothing.
    """

    future = ""

    @abstractmethod
    def whole(self, x: tf.Tensor) -> tf.Tensor:
        """A whole trace after the step."""


class Remembering(InGraph):
    """A step in which a frame hangs on those before.

    Attributes:
        initial: what it knows before the first frame.
    """

    initial: tf.Tensor

    @abstractmethod
    def live(self, state: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The state after the next frames, and these frames after the step."""


class Affine(InGraph):
    """a x + b: centring, scaling."""

    def __init__(self, a: float, b: float) -> None:
        self.a, self.b = a, b

    def whole(self, x: tf.Tensor) -> tf.Tensor:
        return self.a * x + self.b


class Smoothed(Remembering):
    """s_t = α x_t + (1 - α) s_{t-1}, s_1 = x_1. NaN stands for no frame so far."""

    def __init__(self, alpha: float, direction: str) -> None:
        self.initial = tf.constant(np.nan, tf.float64)
        self.alpha, self.direction = alpha, direction
        if direction != "forward" and alpha != 1:
            self.future = f"smoothing, direction {direction}"

    def whole(self, x: tf.Tensor) -> tf.Tensor:
        if self.direction != "backward":
            x = self.live(self.initial, x)[1]
        if self.direction != "forward":
            x = tf.reverse(self.live(self.initial, tf.reverse(x, [0]))[1], [0])
        return x

    def live(self, state: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        def step(before: tf.Tensor, now: tf.Tensor) -> tf.Tensor:
            return tf.where(tf.math.is_nan(before), now, self.alpha * now + (1 - self.alpha) * before)

        found = tf.scan(step, x, initializer=state)
        return tf.concat([state[None], found], axis=0)[-1], found


class Medianed(InGraph):
    """The median of an odd number of frames around each; beyond the ends the first or last is repeated."""

    def __init__(self, frames: int, hop: float) -> None:
        self.frames = frames
        self.future = f"median over {frames * hop:g} s" if frames > 1 else ""

    def whole(self, x: tf.Tensor) -> tf.Tensor:
        half = self.frames // 2
        around = tf.range(tf.shape(x)[0])[:, None] + tf.range(-half, half + 1)
        return tf.sort(_at(x, around), axis=1)[:, half]


class Later(Remembering):
    """x_{t-d}; the first or last value fills the gap. NaN stands for frames that are not there yet."""

    def __init__(self, frames: int, hop: float) -> None:
        self.initial = tf.fill([max(frames, 0)], tf.constant(np.nan, tf.float64))
        self.frames = frames
        self.future = f"shift by {frames * hop:g} s" if frames < 0 else ""

    def whole(self, x: tf.Tensor) -> tf.Tensor:
        return _at(x, tf.range(tf.shape(x)[0]) - self.frames)

    def live(self, state: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        first = tf.concat([state, x], axis=0)
        first = tf.boolean_mask(first, tf.logical_not(tf.math.is_nan(first)))[:1]
        filled = tf.where(tf.math.is_nan(state) & (tf.size(first) > 0), tf.reduce_sum(first), state)
        known = tf.concat([filled, x], axis=0)
        return tf.ensure_shape(known[tf.size(x) :], state.shape), known[: tf.size(x)]


def _in_graph(step: Step, hop: float) -> InGraph:
    """A fitted step on tensors. Raises UserError for a step that has none."""
    step.check_fitted()
    of = step.learned
    match step:
        case Centring():
            return Affine(1.0, of["shift_"])
        case Scaling():
            return Affine(of["scale_"], of["middle_"] * (1 - of["scale_"]))
        case Smoothing():
            return Smoothed(of["alpha_"], of["direction_"])
        case Median():
            return Medianed(odd(of["window_"], hop), hop)
        case Shift():
            return Later(round(of["shift_"] / hop), hop)
    raise UserError(f"{type(step).__name__} is no step of the graph; export without post-processing.")


def _at(x: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """x at places, of which those beyond its ends take the first or last."""
    return tf.gather(x, tf.clip_by_value(places, 0, tf.shape(x)[0] - 1))
