"""What a small device computes at once: a function of constant shapes, its weights constants of the graph."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from emotf.config import to_json
from emotf.errors import UserError
from emotf.refinement.postprocess import chains_of
from emotf.runs import Run
from emotf.serving.chain import Affine, Chain
from emotf.serving.exporting import facts_of
from emotf.serving.live import carried_states, one_frame
from emotf.serving.served import Served
from emotf.serving.streaming import exported

Tensors = Mapping[str, tf.Tensor]


@dataclass(frozen=True)
class Small:
    """What a small device computes at once.

    Attributes:
        kind: `image`, `frame` or `sequence`.
        frames: of the input.
        begins_anew_after: frames after which states, or a sequence, begin anew; 0: never.
        inputs: name -> constant shape.
        body: inputs by name -> outputs by name.
    """

    kind: str
    frames: int
    begins_anew_after: int
    inputs: Mapping[str, tuple[int, ...]]
    body: Callable[[Tensors], dict[str, tf.Tensor]]

    @classmethod
    def of(cls, served: Served, frames: int = 0) -> "Small":
        """That of a run.

        Args:
            served: of the run.
            frames: length of a sequence; 0: that of the run, or a frame at a time where the network can.

        Raises:
            UserError: the number of frames is impossible, or the network computes in other numbers than float32.
        """
        if others := {layer.compute_dtype for layer in served.network.layers} - {"float32"}:
            raise UserError(
                f"The network computes in {', '.join(others)}, small devices in float32; export a SavedModel, or train "
                "with --config.training.precision=float32."
            )
        served = replace(served, network=_Constant(served.network))
        if length := served.window.inputs:
            if frames not in (0, length):
                raise UserError(
                    f"The run reads feature images of {length} frames, received frames={frames}; leave it out."
                )
            return cls("image", length, 0, _shapes(served, 1, length), lambda x: _scaled(served, served(x)))
        if frames < 0 or frames == 1:
            raise UserError(f"A sequence has at least 2 frames, received {frames}; 0 is that of the run.")
        if served.carries and not frames:
            return cls._of_a_frame(served)
        frames = frames or served.piece
        if not frames:
            raise UserError(
                "The run reads whole recordings and cannot give a frame at a time; a small device needs a constant "
                "length: --frames=<frames>."
            )
        return cls("sequence", frames, frames, _shapes(served, 1, frames), lambda x: _scaled(served, served(x)))

    @classmethod
    def _of_a_frame(cls, served: Served) -> "Small":
        states = {exported(name): (name, tuple(x.shape)) for name, x in carried_states(served).items()}

        def body(inputs: Tensors) -> dict[str, tf.Tensor]:
            before = {name: inputs[shown] for shown, (name, _) in states.items()}
            left, outputs = one_frame(served, before, {name: inputs[name] for name in served.channels})
            return _scaled(served, outputs) | {exported(name): x for name, x in left.items()}

        shapes = _shapes(served, 1) | {shown: shape for shown, (_, shape) in states.items()}
        return cls("frame", 1, served.piece, shapes, body)


class _Constant:
    """A network whose weights are constants of the graph: the converter ends the process on Keras' variables."""

    def __init__(self, network: Any) -> None:
        self.network, self.layers = network, network.layers
        self.weights = [
            [np.array(weight) for weight in weights]
            for weights in (network.trainable_variables, network.non_trainable_variables)
        ]

    def __call__(self, inputs: Tensors, training: bool) -> dict[str, tf.Tensor]:
        weights = [[tf.constant(weight) for weight in weights] for weights in self.weights]
        outputs: dict[str, tf.Tensor] = self.network.stateless_call(*weights, inputs, training=training)[0]
        return outputs


def _shapes(served: Served, *before: int) -> dict[str, tuple[int, ...]]:
    """Of every stream."""
    return {name: (*before, channels) for name, channels in served.channels.items()}


def _scaled(served: Served, outputs: Tensors) -> dict[str, tf.Tensor]:
    """Outputs after what post-processing multiplies and adds."""
    found = {}
    for target, x in outputs.items():
        a, b = scale_and_offset(served.chain, target)
        found[target] = x if (a, b) == (1, 0) else a * x + b
    return found


def scale_and_offset(chain: Chain, target: str) -> tuple[float, float]:
    """a and b of a x + b: all that the steps of a target multiply and add, one after the other.

    The other steps change places with it: of a x + b, every mean by weights whose sum is 1, every median and every
    shift is a y + b of that of x.
    """
    a, b = 1.0, 0.0
    for step in chain.steps.get(target, []):
        if isinstance(step, Affine):
            a, b = step.a * a, step.a * b + step.b
    return a, b


def about(run: Run, served: Served, small: Small) -> dict[str, Any]:
    """What a caller must know, whatever the format."""
    sizes = {"frames": small.frames, "begins_anew_after": small.begins_anew_after}
    return {"kind": small.kind} | facts_of(run) | sizes | _postprocessing(run, served.chain)


def _postprocessing(run: Run, chain: Chain) -> dict[str, Any]:
    """What of it is inside, and what is left to the caller, in this order."""
    if not any(chain.steps.values()):
        return {"scale_and_offset": None, "left_to_the_caller": None}
    inside, left = {}, {}
    for target, steps in chains_of(run).items():
        kept = [of.step for of in steps if of.kept]
        inside[target] = scale_and_offset(chain, target)
        left[target] = [
            {"part": to_json(step)["part"], "learned": step.learned}
            for step, in_graph in zip(kept, chain.steps[target], strict=True)
            if not isinstance(in_graph, Affine)
        ]
    return {"scale_and_offset": inside, "left_to_the_caller": left}


def check_path(path: Path, suffix: str) -> None:
    """Raises UserError where a model, or the JSON beside it, cannot be written there."""
    if path.suffix != suffix:
        raise UserError(f"{path} is the path of a model; let it end in {suffix}.")
    for file in (path, path.with_suffix(".json")):
        if file.exists():
            raise UserError(f"{file} exists; choose another path or delete it.")
