"""What TensorFlow Serving runs before it offers a model, so that no user waits for what starts lazily.

It reads requests from `assets.extra/tf_serving_warmup_requests`: TFRecords, each a `PredictionLog`. Of that message and
those in it only the fields that a request needs are declared here, with the numbers that they have in the package
`tensorflow.serving` (`prediction_log.proto`, `predict.proto`, `model.proto`; unchanged in 2.17).
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import tensorflow as tf

PLACE = "assets.extra/tf_serving_warmup_requests"
# Frames, samples or rows where a signature takes any number: some seconds of a recording.
FRAMES, SAMPLES = 256, 48000
PACKAGE = "tensorflow.serving"
# message -> field -> (number, what it is)
MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "PredictionLog": {"predict_log": (6, f"{PACKAGE}.PredictLog")},
    "PredictLog": {"request": (1, f"{PACKAGE}.PredictRequest")},
    "PredictRequest": {"model_spec": (1, f"{PACKAGE}.ModelSpec"), "inputs": (2, f"{PACKAGE}.PredictRequest.Input")},
    "ModelSpec": {"name": (1, "string"), "signature_name": (3, "string")},
}
# An entry of the map `inputs`, as Protocol Buffers write maps.
ENTRY = {"key": (1, "string"), "value": (2, "tensorflow.TensorProto")}


def write_requests(model: Path, name: str, functions: Mapping[str, Any]) -> None:
    """Writes a request for every signature that takes something, each tried before.

    Args:
        model: folder of the SavedModel.
        name: under which it will be served.
        functions: signature -> concrete function.
    """
    path = model / PLACE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature, inputs in sorted(examples(functions).items()):
            if inputs:
                functions[signature](**inputs)  # a request that fails would keep the model from being served
                file.write(request(name, signature, inputs))


def examples(functions: Mapping[str, Any]) -> dict[str, dict[str, tf.Tensor]]:
    """signature -> tensors that it takes: zeros, one recording, and the live state as it is by then."""
    began = functions["initial_state"]() if "initial_state" in functions else {}
    found = {name: _example(function, began) for name, function in functions.items()}
    if "finish" in functions:  # of a recording that has begun: another is too short
        found["finish"] = _example(functions["finish"], functions["step"](**found["step"]))
    return found


def request(model: str, signature: str, inputs: Mapping[str, tf.Tensor]) -> bytes:
    """A serialised `PredictionLog` of a request.

    Args:
        model: its name in the server.
        signature: its name.
        inputs: name -> tensor.
    """
    log = _messages()["PredictionLog"]()
    said = log.predict_log.request
    said.model_spec.name, said.model_spec.signature_name = model, signature
    for name, tensor in inputs.items():
        entry = said.inputs.add(key=name)
        entry.value.ParseFromString(tf.make_tensor_proto(tensor).SerializeToString())
    return bytes(log.SerializeToString())


def _example(function: Any, state: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    specs = {spec.name: spec for spec in tf.nest.flatten(function.structured_input_signature)}
    return {name: state[name] if name in state else _zeros(name, spec, specs) for name, spec in specs.items()}


def _zeros(name: str, spec: tf.TensorSpec, specs: Mapping[str, tf.TensorSpec]) -> tf.Tensor:
    """Zeros; of a count, how many rows the stream that it counts has."""
    counted = "sound" if name == "samples" else name.removesuffix("_frames")
    if spec.dtype == tf.int64 and counted != name and counted in specs:
        return tf.constant([_shape(counted, specs[counted])[1]], tf.int64)
    return tf.zeros(_shape(name, spec), spec.dtype)


def _shape(name: str, spec: tf.TensorSpec) -> list[int]:
    """Of a recording at a time; with a dimension of recordings or windows before, of one."""
    known: list[int | None] = spec.shape.as_list()
    batched = len(known) == (2 if name == "sound" else 3)
    whole = SAMPLES if name == "sound" else FRAMES
    return [size or (1 if batched and not place else whole) for place, size in enumerate(known)]


@cache
def _messages() -> dict[str, Any]:
    """The classes of `MESSAGES`, in a pool of their own: the real ones may be imported beside them."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from tensorflow.core.framework import tensor_pb2

    pool = descriptor_pool.DescriptorPool()
    _add_with_dependencies(pool, tensor_pb2.DESCRIPTOR)
    file = descriptor_pb2.FileDescriptorProto(
        name="emotf/warm_up.proto", package=PACKAGE, syntax="proto3", dependency=[tensor_pb2.DESCRIPTOR.name]
    )
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        _add_fields(message, fields)
        if name == "PredictRequest":
            _add_fields(message.nested_type.add(name="Input"), ENTRY)
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


def _add_fields(message: Any, fields: Mapping[str, tuple[int, str]]) -> None:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    for name, (number, kind) in fields.items():
        field = message.field.add(name=name, number=number)
        field.label = Field.LABEL_REPEATED if name == "inputs" else Field.LABEL_OPTIONAL
        field.type = Field.TYPE_STRING if kind == "string" else Field.TYPE_MESSAGE
        if kind != "string":
            field.type_name = f".{kind}"


def _add_with_dependencies(pool: Any, file: Any) -> None:
    from google.protobuf import descriptor_pb2

    for dependency in file.dependencies:
        _add_with_dependencies(pool, dependency)
    copy = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(copy)
    pool.AddSerializedFile(copy.SerializeToString())
