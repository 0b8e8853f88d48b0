"""Files for small devices: a finished run as a TensorFlow Lite (LiteRT) model, which needs an interpreter and no more.

Everything in it has a constant shape, and all of its operations are the interpreter's own: none of "select TensorFlow
operations", and nothing to register.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from absl import logging

from emotf.errors import UserError
from emotf.files import sha256, write_json, written_aside
from emotf.report.tables import markdown
from emotf.runs import Run
from emotf.serving.lite_network import SIGNATURE, LiteNetwork, ccc_lost, check_records
from emotf.serving.served import Served
from emotf.serving.small import Small, about, check_path

NONE, DYNAMIC = "none", "dynamic"
QUANTISATIONS = (NONE, DYNAMIC)
PARTITIONS = ("dev", "test", NONE)


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

    Example:
        A device with the package `ai-edge-litert`, on a model of the kind `frame`:

        >>> step = Interpreter("work/export/lstm.tflite").get_signature_runner()  # doctest: +SKIP
        >>> for frame in stream:  # doctest: +SKIP
        ...     outputs = step(mfcc39=frame[None], **states)
        ...     states = {name: outputs[name] for name in states}
        ...     print(outputs["arousal"][0])
    """
    _check(path, quantise, measured_on)
    measured = quantise == DYNAMIC and measured_on != NONE
    if measured:
        check_records(run)
    served = Served.of(run, postprocessed)
    small = Small.of(served, frames)
    content = exact = convert(small)
    facts = about(run, served, small) | {"quantise": quantise}
    if quantise == DYNAMIC:
        content = convert(small, quantise)
        facts["float_bytes"] = len(exact)
        if measured:
            length = small.frames if small.kind == "sequence" else 0
            facts["measured_on"] = measured_on
            facts["ccc"] = ccc_lost(run, measured_on, {"float": exact, quantise: content}, length)
    with written_aside(path) as aside:
        aside.write_bytes(content)
        facts |= {"bytes": len(content), "sha256": sha256(aside)} | LiteNetwork(content).about
        write_json(path.with_suffix(".json"), facts)
    return facts


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


def _check(path: Path, quantise: str, measured_on: str) -> None:
    if quantise not in QUANTISATIONS:
        raise UserError(f"quantise is {quantise!r}, expected one of {', '.join(QUANTISATIONS)}.")
    if measured_on not in PARTITIONS:
        raise UserError(f"measured_on is {measured_on!r}, expected one of {', '.join(PARTITIONS)}.")
    check_path(path, ".tflite")


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
