"""TensorFlow Lite models against the networks that they were made of."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from emotf.errors import UserError
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.models.transformer import Transformer
from emotf.pipeline.standardisation import Standardisation
from emotf.postprocessing import Fitted
from emotf.postprocessing.centring import Centring
from emotf.postprocessing.median import Median
from emotf.postprocessing.scaling import Scaling
from emotf.postprocessing.smoothing import Smoothing
from emotf.runs import Run
from emotf.serving.chain import Chain
from emotf.serving.lite import convert, export_lite
from emotf.serving.lite_network import LiteNetwork, operations
from emotf.serving.served import Served
from emotf.serving.small import Small, scale_and_offset
from emotf.track import Track
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

STREAMS, TARGETS, HOP = {"mel": 5, "face.x-1": 3}, ("arousal", "valence"), 0.1
IMAGES, WHOLE = FeatureImages(frames=12, stride=0.2), Sequences(frames=0)


def served_of(model, window, chains=None, streams=STREAMS):
    """What is served of a network all of whose weights are drawn; its second stream has gaps."""
    rng = np.random.default_rng(0)
    fitted = {
        name: Standardisation.fit([Track(rng.normal(2, 3, (90, count)), hop=HOP)], "train", gaps=name != "mel")
        for name, count in streams.items()
    }
    network = model.build(streams, TARGETS, window.inputs, fitted)
    for weight in network.trainable_variables:
        weight.assign(weight + rng.normal(scale=0.1, size=weight.shape))
    gaps = tuple(name for name in streams if name != "mel")
    hops, chain = dict.fromkeys(streams, HOP), Chain(chains or {}, HOP)
    return Served(network, window, hops, gaps, streams, HOP, TARGETS, chain, False, model.carries)


def drawn(*shape, streams=STREAMS):
    """Streams [1, frames, channels]; nothing was found in two frames of those that may have gaps."""
    rng = np.random.default_rng(1)
    found = {name: rng.normal(2, 3, (*shape, count)).astype(np.float32) for name, count in streams.items()}
    for name in set(streams) - {"mel"}:
        found[name][:, 3:5] = 0
    return found


def keras_on(served, inputs):
    return {name: np.asarray(x) for name, x in served.network(inputs, training=False).items()}


def check_equal(found, expected, atol=1e-5):
    assert set(found) == set(expected) == set(TARGETS)
    for target in TARGETS:
        assert found[target].shape == expected[target].shape
        assert np.ptp(expected[target]) > 0.001
        np.testing.assert_allclose(found[target], expected[target], atol=atol)


@pytest.mark.parametrize("over", ["frames", "filters"])
def test_a_feature_image(over):
    served = served_of(Cer(filters=9, recurrence_over=over, batch_norm=over == "filters"), IMAGES)
    small = Small.of(served)
    assert (small.kind, small.frames, small.begins_anew_after) == ("image", 12, 0)
    content = convert(small)
    images = drawn(6, 12)
    check_equal(LiteNetwork(content).predict([images]), keras_on(served, images))
    about = LiteNetwork(content).about
    assert {part["name"]: part["shape"] for part in about["inputs"]} == {"mel": [1, 12, 5], "face.x-1": [1, 12, 3]}
    assert {part["name"]: part["shape"] for part in about["outputs"]} == {target: [1] for target in TARGETS}
    # the order is that in which an interpreter without signatures has them
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    for part, place in zip(about["inputs"], interpreter.get_input_details(), strict=True):
        interpreter.set_tensor(place["index"], images[part["name"]][:1])
    interpreter.invoke()
    for part, place in zip(about["outputs"], interpreter.get_output_details(), strict=True):
        expected = keras_on(served, {name: x[:1] for name, x in images.items()})[part["name"]]
        np.testing.assert_allclose(interpreter.get_tensor(place["index"]), expected, atol=1e-5)


@pytest.mark.parametrize("cell", ["peephole", "plain"])
def test_frame_by_frame_with_the_state_carried(cell):
    served = served_of(Lstm(units=(6, 4), cell=cell), WHOLE)
    small = Small.of(served)
    assert (small.kind, small.frames, small.begins_anew_after) == ("frame", 1, 0)
    network, streams = LiteNetwork(convert(small)), drawn(2, 40)
    assert {name: x.shape for name, x in network.states.items()} == {
        f"state_lstm{layer}_{part}": (1, units) for layer, units in ((1, 6), (2, 4)) for part in "hc"
    }
    check_equal(network.predict([streams]), keras_on(served, streams))


def test_sequences_that_a_run_cuts_begin_anew():
    small = Small.of(served_of(Lstm(units=(3,)), Sequences(frames=20)))
    assert (small.kind, small.begins_anew_after) == ("frame", 20)
    small = Small.of(served_of(Lstm(units=(3,)), Sequences(frames=20, predict_whole=True)))
    assert (small.kind, small.begins_anew_after) == ("frame", 0)


@pytest.mark.parametrize(
    "model",
    [Lstm(units=(6,)), Lstm(units=(6,), direction="both"), Lstm(units=(6,), direction="backward", cell="keras"),
     Transformer(width=8, heads=2, depth=1, feed_forward=16)],
    ids=["forward", "both", "keras", "transformer"],
)  # fmt: skip
def test_a_sequence_of_constant_length(model):
    served = served_of(model, WHOLE)
    small = Small.of(served, 30)
    assert (small.kind, small.frames, small.begins_anew_after) == ("sequence", 30, 30)
    content, streams = convert(small), drawn(1, 30)
    assert not [name for name in operations(content) if name.startswith(("Flex", "CUSTOM"))]
    assert LiteNetwork(content).states == {}
    check_equal(LiteNetwork(content).predict([streams]), keras_on(served, streams))
    # a recording of 22 frames, as the network takes it
    for x in streams.values():
        x[:, 22:] = np.nan
    short = {name: x[:, :22] for name, x in streams.items()}
    found = LiteNetwork(content).predict([streams])
    check_equal({target: x[:, :22] for target, x in found.items()}, keras_on(served, short))


def test_the_length_is_that_of_the_run_where_it_has_one():
    assert Small.of(served_of(Lstm(units=(3,), direction="both"), Sequences(frames=16))).frames == 16


def kept(step, **learned):
    return Fitted(step.restore(learned), 0.1, 0.2)


def test_what_post_processing_multiplies_and_adds_is_inside_wherever_it_stands():
    """The rest is left to the caller, here once more by hand."""
    chains = {
        "arousal": [
            kept(Scaling(), scale_=2.0, middle_=0.3),
            kept(Smoothing(), alpha_=0.25, direction_="forward"),
            kept(Centring(), shift_=-0.2),
        ],
        "valence": [
            Fitted(Centring().restore({"shift_": 5.0}), 0.2, 0.1),  # it helped nothing
            kept(Median(), window_=0.3),
            kept(Scaling(), scale_=0.5, middle_=-1.0),
        ],
    }
    served = served_of(Lstm(units=(4,)), WHOLE, chains)
    assert scale_and_offset(served.chain, "arousal") == pytest.approx((2.0, 0.3 * (1 - 2.0) - 0.2))
    streams = drawn(1, 30)
    raw = keras_on(served, streams)
    found = {target: x[0] for target, x in LiteNetwork(convert(Small.of(served))).predict([streams]).items()}
    smooth = [found["arousal"][0]]
    for now in found["arousal"][1:]:
        smooth.append(0.25 * now + 0.75 * smooth[-1])
    edged = np.pad(found["valence"], 1, mode="edge")
    median = np.median([edged[:-2], edged[1:-1], edged[2:]], axis=0)
    for target, by_hand in (("arousal", smooth), ("valence", median)):
        expected = served.chain.whole(target, raw[target][0]).numpy()
        assert np.abs(expected - raw[target][0]).max() > 0.1
        np.testing.assert_allclose(by_hand, expected, atol=1e-5)


def test_large_weights_in_8_bits():
    streams = {"mel": 40}
    served = served_of(Lstm(units=(128,)), WHOLE, streams=streams)
    small = Small.of(served)
    exact, quantised = convert(small), convert(small, "dynamic")
    assert len(quantised) < 0.35 * len(exact)
    inputs = drawn(1, 30, streams=streams)
    found, expected = LiteNetwork(quantised).predict([inputs]), keras_on(served, inputs)
    for target in TARGETS:
        error = np.abs(found[target] - expected[target])
        assert 1e-6 < error.max() < 0.1 * np.ptp(expected[target])


def test_networks_of_half_precision_are_refused():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        served = served_of(Cer(), IMAGES)
    finally:
        keras.config.set_dtype_policy("float32")
    with pytest.raises(UserError, match="computes in float16, small devices in float32; export a SavedModel, or train"):
        Small.of(served)


def test_an_operation_that_the_interpreter_does_not_have():
    small = Small("image", 2, 0, {"x": (1, 2, 2)}, lambda x: {"y": tf.math.betainc(x["x"], x["x"], x["x"])})
    with pytest.raises(UserError, match=r"no operations of its own for this network \(Betainc\); export"):
        convert(small)


@pytest.mark.parametrize(
    ("model", "window", "frames", "message"),
    [
        (Cer(), IMAGES, 20, "feature images of 12 frames, received frames=20; leave it out"),
        (Lstm(units=(2,)), WHOLE, 1, "at least 2 frames, received 1"),
        (Lstm(units=(2,)), WHOLE, -5, "at least 2 frames, received -5"),
        (Lstm(units=(2,), direction="both"), WHOLE, 0, "cannot give a frame at a time; .* --frames=<frames>"),
    ],
)
def test_lengths_that_cannot_be(model, window, frames, message):
    with pytest.raises(UserError, match=message):
        Small.of(served_of(model, window), frames)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.tflite", {"quantise": "int4"}, "quantise is 'int4', expected one of none, dynamic"),
        ("a.tflite", {"measured_on": "train"}, "measured_on is 'train', expected one of dev, test, none"),
        ("model", {}, "let it end in .tflite"),
        ("there.tflite", {}, "there.json exists"),
        ("a.tflite", {}, "is not finished"),
    ],
)
def test_what_is_refused_before_anything_is_converted(tmp_path, name, options, message):
    (tmp_path / "there.json").write_text("{}")
    with pytest.raises(UserError, match=message):
        export_lite(Run(tmp_path / "none"), tmp_path / name, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["there.json"]
