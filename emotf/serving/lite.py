"""Files for small devices: a finished run as a TensorFlow Lite (LiteRT) model, which needs an interpreter and no more.

Everything in it has a constant shape, and all of its operations are the interpreter's own: none of "select TensorFlow
operations", and nothing to register.
"""

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from emotf.config import to_json
from emotf.errors import UserError
from emotf.files import sha256, write_json, written_aside
from emotf.refinement.postprocess import chains_of
from emotf.report.tables import markdown
from emotf.runs import Run
from emotf.serving.chain import Affine, Chain
from emotf.serving.exporting import facts_of
from emotf.serving.lite_network import SIGNATURE, LiteNetwork, ccc_lost
from emotf.serving.live import carried_states, one_frame
from emotf.serving.served import Served
from emotf.serving.streaming import exported

NONE, DYNAMIC = "none", "dynamic"
QUANTISATIONS = (NONE, DYNAMIC)
PARTITIONS = ("dev", "test", NONE)

Tensors = Mapping[str, tf.Tensor]


def export_lite(
    run: Run,
    path: Path,
    quantise: str = NONE,
    frames: int = 0,
    postprocessed: bool = True,
    measured_on: str = "dev",
) -> dict[str, Any]:
    """Writes a finished run as a TensorFlow Lite model, and what a caller must know as JSON beside it.

    Standardisation by train is inside, and so is what the run's post-processing multiplies and adds (centring,
    scaling). Smoothing, medians and shifts are left to the caller; they commute with it, and the JSON lists them with
    what they learned. Where each recording is standardised by itself, that is left to the caller too. The model is

    `image`: of a run on feature images. A tensor a stream [1, N, channels], whose rows are the frames of the stream
        nearest to the frame's time + `offsets` -> each target [1].
    `frame`: of a network that carries its state, where `frames` is not given. The next frame of each stream
        [1, channels] and the states (`state_<layer>_h`, `state_<layer>_c` [1, units]; zeros before the first frame, and
        again after every `begins_anew_after` frames, where that is not 0) -> each target [1] and the next states.
    `sequence`: of networks on sequences otherwise. [1, frames, channels], NaN after the end of a shorter recording ->
        each target [1, frames].

    Args:
        run: finished.
        path: of the model, `<name>.tflite`; neither it nor `<name>.json` may exist.
        quantise: `none`; or `dynamic`: weights in 8 bits where there are at least 1,024 of them, activations as they
            come, in 8 bits inside a product. The JSON says what CCC that loses, and both sizes.
        frames: length of the sequence; 0: that of the run, or a frame at a time where the network can.
        postprocessed: leave post-processing out where False.
        measured_on: partition of the run's records on which a quantised model is measured, or `none`.

    Returns:
        What the JSON says.

    Raises:
        UserError: the run is not finished, a file exists, `frames` or something else cannot be, or the records for
            measuring are not there.
    """
    _check(path, quantise, measured_on)
    served = Served.of(run, postprocessed)
    small = Small.of(served, frames)
    content = exact = convert(small)
    facts = {"kind": small.kind, "quantise": quantise} | facts_of(run) | _postprocessing(run, served.chain)
    facts |= {"frames": small.frames, "begins_anew_after": small.begins_anew_after}
    if quantise == DYNAMIC:
        content = convert(small, quantise)
        facts["float_bytes"] = len(exact)
        if measured_on != NONE:
            length = small.frames if small.kind == "sequence" else 0
            facts["measured_on"] = measured_on
            facts["ccc"] = ccc_lost(run, measured_on, {"float": exact, quantise: content}, length)
    with written_aside(path) as aside:
        aside.write_bytes(content)
        facts |= {"bytes": len(content), "sha256": sha256(aside)} | LiteNetwork(content).about
        write_json(path.with_suffix(".json"), facts)
    return facts


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
        """That of a run; `frames` as of `export_lite`. Raises UserError for an impossible number of them."""
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


def convert(small: Small, quantise: str = NONE) -> bytes:
    """A TensorFlow Lite model with one signature, `serving_default`.

    Raises:
        UserError: it needs an operation that is none of the interpreter's own.
    """
    from tensorflow.lite.python.convert import ConverterError

    specs = {name: tf.TensorSpec(shape, name=name) for name, shape in small.inputs.items()}
    function = tf.function(small.body, input_signature=[specs], autograph=False).get_concrete_function()
    logging.set_verbosity(logging.ERROR)  # TensorFlow narrates every file it writes
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures=function)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        if quantise == DYNAMIC:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        try:
            return bytes(converter.convert())
        except ConverterError as error:
            foreign = re.findall("^(?:TF Select|Custom) ops: (.*)", str(error), re.MULTILINE)
            raise UserError(
                f"TensorFlow Lite has no operations of its own for this network ({', '.join(foreign) or 'see above'}); "
                "export a SavedModel."
            ) from None


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


def _check(path: Path, quantise: str, measured_on: str) -> None:
    if quantise not in QUANTISATIONS:
        raise UserError(f"quantise is {quantise!r}, expected one of {', '.join(QUANTISATIONS)}.")
    if measured_on not in PARTITIONS:
        raise UserError(f"measured_on is {measured_on!r}, expected one of {', '.join(PARTITIONS)}.")
    if path.suffix != ".tflite":
        raise UserError(f"{path} is the path of a TensorFlow Lite model; let it end in .tflite.")
    for file in (path, path.with_suffix(".json")):
        if file.exists():
            raise UserError(f"{file} exists; choose another path or delete it.")


def printed(facts: Mapping[str, Any]) -> str:
    """What `export_lite` says, for people."""
    takes = {"image": f"feature images of {facts['frames']} frames", "frame": "a frame and the states before it",
             "sequence": f"sequences of {facts['frames']} frames"}[facts["kind"]]  # fmt: skip
    lines = [f"takes {takes}; {facts['bytes']:,} bytes"]
    if "float_bytes" in facts:
        lines[0] += f", {facts['bytes'] / facts['float_bytes']:.2f} of {facts['float_bytes']:,} in float32"
    if "ccc" in facts:
        rows = [[target, *(f"{value:.4f}" for value in ccc.values())] for target, ccc in facts["ccc"].items()]
        header = [f"CCC on {facts['measured_on']}", "float32", "8 bits", "lost"]
        lines.append(markdown(header, rows))
    left = facts["left_to_the_caller"] or {}
    steps = sorted({step["part"].partition("/")[2] for steps in left.values() for step in steps})
    if steps:
        lines.append(f"left to the caller: {', '.join(steps)} (the .json says how)")
    return "\n".join(lines)
