"""A run as TensorFlow Serving finds it, warms it up and asks it; the server itself is not needed."""

import json
import re

import numpy as np
import pytest
from conftest import ROOT, tool
from page_server import wav

from emotf.errors import UserError
from emotf.runs import Run
from emotf.serving.exporting import export, versioned


@pytest.fixture(scope="module")
def model(work, speech):
    """A version of a model, beside an older one."""
    folder = work / "served" / "voices"
    (folder / "6").mkdir(parents=True)
    tool("export", f"--run={speech}", f"--out={folder}", "--version=7")
    return folder / "7"


def test_versions_lie_beside_each_other(speech, model):
    assert sorted(path.name for path in model.parent.iterdir()) == ["6", "7"]
    assert (model / "saved_model.pb").is_file()
    with pytest.raises(UserError, match="voices/7 exists"):
        export(Run(speech), versioned(model.parent, 7))
    with pytest.raises(UserError, match=r"^--version=0, expected a whole number from 1 on"):
        versioned(model.parent, 0)
    with pytest.raises(UserError, match="voices/7 is a SavedModel itself"):
        versioned(model, 1)


def fields(message):
    """Protocol Buffers as they are written: number -> [bytes], of fields that are all length-delimited."""
    found, place = {}, 0

    def number():
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        key = number()
        assert key & 7 == 2
        length = number()
        found.setdefault(key >> 3, []).append(message[place : place + length])
        place += length
    return found


def test_requests_that_warm_up_are_in_the_format_of_the_server(model):
    """PredictionLog.predict_log = 6, PredictLog.request = 1, PredictRequest.model_spec = 1 and .inputs = 2 (a map: key
    1, value 2), ModelSpec.name = 1 and .signature_name = 3."""
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    saved = tf.saved_model.load(str(model))
    asked = {}
    for record in tf.data.TFRecordDataset(str(model / "assets.extra" / "tf_serving_warmup_requests")):
        (log,) = fields(record.numpy())[6]
        (request,) = fields(log)[1]
        (spec,) = fields(request)[1]
        spec = fields(spec)
        assert spec[1] == [b"voices"] and set(spec) == {1, 3}
        inputs = {}
        for entry in map(fields, fields(request)[2]):
            tensor = tensor_pb2.TensorProto.FromString(entry[2][0])
            inputs[entry[1][0].decode()] = tf.constant(tf.make_ndarray(tensor))
        asked[spec[3][0].decode()] = inputs
    takes = {name for name, function in saved.signatures.items() if function.structured_input_signature[1]}
    assert set(asked) == takes == set(saved.signatures) - {"metadata", "initial_state"}
    for name, inputs in asked.items():
        specs = saved.signatures[name].structured_input_signature[1]
        assert {key: value.dtype for key, value in inputs.items()} == {key: spec.dtype for key, spec in specs.items()}
        answer = saved.signatures[name](**inputs)
        assert all(np.isfinite(answer[target].numpy()).all() for target in ("arousal", "valence") if target in answer)
    assert asked["waveform"]["sound"].shape == [48000]
    assert asked["recordings"]["mfcc39_frames"].numpy().tolist() == [256]


def rest(saved, text):
    """What the server makes of a request: every input is the tensor that its lists spell, of the signature's type."""
    import tensorflow as tf

    body = json.loads(text)
    function = saved.signatures[body.get("signature_name", "serving_default")]
    specs = function.structured_input_signature[1]
    assert specs, "REST refuses signatures without inputs"
    inputs = body["inputs"]
    inputs = inputs if isinstance(inputs, dict) else {next(iter(specs)): inputs}
    assert set(inputs) == set(specs)
    tensors = {name: tf.constant(np.array(value), specs[name].dtype) for name, value in inputs.items()}
    outputs = {name: value.numpy().tolist() for name, value in function(**tensors).items()}
    return json.dumps({"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))})


def test_a_rest_request_gets_the_trace_that_predict_writes(work, speech, model):
    import tensorflow as tf

    rate = json.loads((model / "emotf.json").read_text())["sound_rate_hz"]
    (work / "rest.wav").write_bytes(wav(2, int(rate)))
    tool("predict", f"--run={speech}", f"--media={work}/rest.wav", f"--out={work}/rest.csv")
    expected = np.genfromtxt(work / "rest.csv", delimiter=",", names=True)
    saved = tf.saved_model.load(str(model))
    sound = np.frombuffer(wav(2, int(rate))[44:], "<i2") / 32768
    said = json.loads(rest(saved, json.dumps({"signature_name": "waveform", "inputs": {"sound": sound.tolist()}})))
    assert list(said) == ["outputs"] and set(said["outputs"]) == {"times", "arousal", "dominance", "valence"}
    np.testing.assert_allclose(said["outputs"]["times"], expected["time"], atol=1e-6)
    for target in ("arousal", "dominance", "valence"):
        np.testing.assert_allclose(said["outputs"][target], expected[target], atol=1e-4)
    bare = json.loads(rest(saved, json.dumps({"signature_name": "waveform", "inputs": sound.tolist()})))
    assert bare == said
    # several at once: the shorter one is filled up with NaN, which JSON as the server writes it has a word for
    both = {"sound": [sound.tolist(), sound.tolist()], "samples": [len(sound), len(sound) // 2]}
    text = rest(saved, json.dumps({"signature_name": "waveforms", "inputs": both}))
    assert "NaN" in text
    np.testing.assert_allclose(json.loads(text)["outputs"]["valence"][0], said["outputs"]["valence"], atol=1e-5)


def test_the_example_of_the_documentation_is_a_request_and_its_answer(model):
    import tensorflow as tf

    text = (ROOT / "docs" / "serving.md").read_text()
    asked = re.search(r"-d \\\n\s+'(\{.*\})'", text)[1].replace("...", ", ".join(["0.01"] * 8000))
    said = json.loads(rest(tf.saved_model.load(str(model)), asked))["outputs"]
    shown = json.loads(re.search(r'```\n(\{"outputs".*\})\n```', text)[1].replace(", ...", ""))["outputs"]
    assert set(shown) < set(said) and all(isinstance(said[name][0], float) for name in shown)
