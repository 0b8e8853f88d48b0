"""ONNX models of a finished run, for other runtimes than TensorFlow's. Needs the extra `onnx`.

Feature images convert, and networks that carry their state, a frame at a time. Sequences of constant length convert
where no layer is a `PeepholeLstm`, whose loop over frames tf2onnx 1.17 cannot read.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from emotf.errors import UserError
from emotf.files import sha256, write_json, written_aside
from emotf.runs import Run
from emotf.serving.served import Served
from emotf.serving.small import Small, about, check_path

OPSET = 17
# The greatest difference from the network that a model may have; rounding stays far below.
EQUAL = 1e-4


def export_onnx(run: Run, path: Path, frames: int = 0, postprocessed: bool = True) -> dict[str, Any]:
    """Writes a finished run as an ONNX model, and what a caller must know as JSON beside it.

    It takes and gives what `emotf.serving.lite.export_lite` describes, but for the states after a frame: they are
    called `next_<state>`. Before it is written, it is run once and compared with the network.

    Args:
        run: finished.
        path: of the model, `<name>.onnx`; neither it nor `<name>.json` may exist.
        frames: length of the sequence; 0: that of the run, or a frame at a time where the network can.
        postprocessed: leave post-processing out where False.

    Returns:
        What the JSON says.

    Raises:
        UserError: the extra is not installed, the run is not finished, a file exists, or the network does not convert.
    """
    check_path(path, ".onnx")
    served = Served.of(run, postprocessed)
    small = Small.of(served, frames)
    content = convert(small)
    network = OnnxNetwork(content)
    with written_aside(path) as aside:
        aside.write_bytes(content)
        facts = about(run, served, small) | {"bytes": len(content), "sha256": sha256(aside), "opset": OPSET}
        facts |= {"inputs": _shapes(network.session.get_inputs()), "outputs": _shapes(network.session.get_outputs())}
        write_json(path.with_suffix(".json"), facts)
    return facts


class OnnxNetwork:
    """A model in ONNX Runtime, on one core.

    Args:
        content: of the `.onnx` file.

    Raises:
        Exception: of ONNX Runtime; the model is not valid.
    """

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._outputs = [part.name for part in self.session.get_outputs()]

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name, of inputs by name."""
        return dict(zip(self._outputs, self.session.run(None, dict(inputs)), strict=True))


def convert(small: Small) -> bytes:
    """An ONNX model that was compared with the network.

    Raises:
        UserError: the extra is not installed, or the network does not convert.
    """
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise UserError(f"{error}; ONNX needs the extra: pip install 'emotf[onnx]'.") from None
    names = list(small.inputs)

    def body(*values: tf.Tensor) -> dict[str, tf.Tensor]:
        # no two tensors of an ONNX graph have one name
        outputs = small.body(dict(zip(names, values, strict=True)))
        return {f"next_{name}" if name in small.inputs else name: x for name, x in outputs.items()}

    specs = [tf.TensorSpec(shape, name=name) for name, shape in small.inputs.items()]
    function = tf.function(body, input_signature=specs, autograph=False)
    model, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=OPSET)
    # tf2onnx takes constants that layers hold (mean and spread of train) for inputs
    held = {inner.name: outer.numpy() for outer, inner in function.get_concrete_function().graph.captures}
    for part in [part for part in model.graph.input if part.name in held]:
        model.graph.input.remove(part)
        model.graph.initializer.append(onnx.numpy_helper.from_array(held[part.name], part.name))
    content: bytes = model.SerializeToString()
    _compare(content, function, small)
    return content


def _compare(content: bytes, function: Any, small: Small) -> None:
    """Raises UserError where a model is not valid, or says something else than the network."""
    rng = np.random.default_rng(0)
    inputs = {name: rng.normal(size=shape).astype(np.float32) for name, shape in small.inputs.items()}
    try:
        found = OnnxNetwork(content)(inputs)
    except Exception as error:  # of many classes, whose only base this is; tf2onnx has said why on standard error
        raise UserError(
            f"tf2onnx does not convert this network ({str(error).splitlines()[0]}); export a TensorFlow Lite model."
        ) from None
    expected = function(*map(tf.constant, inputs.values()))
    off = max(float(np.abs(found[name] - x.numpy()).max()) for name, x in expected.items())
    if not off <= EQUAL:
        raise UserError(f"The ONNX model differs from the network by {off:.1e}; export a TensorFlow Lite model.")


def _shapes(parts: Any) -> list[dict[str, Any]]:
    return [{"name": part.name, "shape": list(part.shape)} for part in parts]
