"""ONNX models against the networks that they were made of."""

import sys

import numpy as np
import pytest
from test_lite import IMAGES, TARGETS, WHOLE, drawn, keras_on, served_of

from emotf.errors import UserError
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.models.transformer import Transformer
from emotf.runs import Run
from emotf.serving.onnx import OnnxNetwork, convert, export_onnx
from emotf.serving.small import Small


def check_equal(found, expected):
    for target in TARGETS:
        assert np.ptp(expected[target]) > 0.001
        np.testing.assert_allclose(found[target], expected[target], atol=1e-5)


def test_feature_images():
    served, images = served_of(Cer(), IMAGES), drawn(6, 12)
    network = OnnxNetwork(convert(Small.of(served)))
    found = [network({name: x[i : i + 1] for name, x in images.items()}) for i in range(6)]
    check_equal({target: np.concatenate([one[target] for one in found]) for target in TARGETS},
                keras_on(served, images))  # fmt: skip


def test_frame_by_frame_with_the_state_carried():
    served, streams = served_of(Lstm(units=(6, 4)), WHOLE), drawn(1, 40)
    small = Small.of(served)
    network, traces = OnnxNetwork(convert(small)), {target: [] for target in TARGETS}
    states = {name: np.zeros(shape, np.float32) for name, shape in small.inputs.items() if name.startswith("state_")}
    assert len(states) == 4
    for t in range(40):
        outputs = network({name: x[:, t] for name, x in streams.items()} | states)
        states = {name: outputs[f"next_{name}"] for name in states}
        for target in TARGETS:
            traces[target].append(outputs[target])
    check_equal({target: np.stack(trace, axis=1) for target, trace in traces.items()}, keras_on(served, streams))


def test_a_sequence_of_constant_length():
    served, streams = served_of(Transformer(width=8, heads=2, depth=1, feed_forward=16), WHOLE), drawn(1, 30)
    check_equal(OnnxNetwork(convert(Small.of(served, 30)))(streams), keras_on(served, streams))


def test_what_does_not_convert():
    with pytest.raises(UserError, match="tf2onnx does not convert this network"):
        convert(Small.of(served_of(Lstm(units=(3,)), WHOLE), 30))


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(UserError, match=r"ONNX needs the extra: pip install 'emotf\[onnx\]'"):
        convert(Small.of(served_of(Lstm(units=(3,)), WHOLE)))


def test_what_is_refused_before_anything_is_converted(tmp_path):
    with pytest.raises(UserError, match=r"let it end in \.onnx"):
        export_onnx(Run(tmp_path), tmp_path / "model.tflite")
