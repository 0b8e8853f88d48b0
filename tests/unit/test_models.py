"""The contract of every model in the catalog, and the sizes that the paper prints."""

import numpy as np
import pytest

from emotf import catalog
from emotf.errors import UserError
from emotf.losses.base import Loss
from emotf.models.base import Model
from emotf.models.cer import Cer
from emotf.models.pure_cnn import PureCnn
from emotf.pipeline import Standardisation
from emotf.track import Track

NAMES = catalog.names("models")
SMALL = {"width": 16, "heads": 2, "depth": 1, "feed_forward": 32}
SETTINGS = {name: [{}] for name in NAMES} | {
    "cer": [{}, {"recurrence_over": "filters", "batch_norm": True}],
    "cer_waveform": [
        {},
        {"waveforms": ("speech",), "front_end_kernel": 3, "front_end_stride": 1, "front_end_pool": 1},
    ],
    "non_inertial_net": [{"layers": ("speech", "body"), "units": (24, 16), "lstm_units": (8,)}],
    "transformer": [SMALL, SMALL | {"decoder": "none", "causal": True}],
}
MODELS = [pytest.param(name, settings, id="-".join([name, *settings])) for name in NAMES for settings in SETTINGS[name]]
STREAMS = {"speech": 39, "body": 24}
TARGETS = ("arousal", "valence", "dominance")


def build(name, settings, streams=STREAMS, targets=TARGETS, frames=20, **more):
    kind = catalog.find("models", name)
    return kind(**settings).build(streams, targets, None if kind.sequences else frames, **more)


def images(streams=STREAMS, frames=20, batch=8, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(batch, frames, channels)).astype("float32") for name, channels in streams.items()}


def outputs(network, x):
    return {name: value.numpy() for name, value in network(x).items()}


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


# ---- every model -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("targets", [TARGETS[1:2], TARGETS], ids=len)
@pytest.mark.parametrize("streams", [{"body": 24}, STREAMS], ids=len)
@pytest.mark.parametrize(("name", "settings"), MODELS)
def test_inputs_are_streams_and_outputs_are_targets(name, settings, streams, targets):
    network = build(name, settings, streams, targets)
    frames = None if catalog.find("models", name).sequences else 20
    assert {tensor.name: tensor.shape for tensor in network.inputs} == {
        stream: (None, frames, channels) for stream, channels in streams.items()
    }
    assert set(network.output_names) == set(targets)
    found = outputs(network, images(streams))
    # one value a feature image, or one a frame of a sequence
    assert {value.shape for value in found.values()} == {(8, 20) if frames is None else (8,)}
    assert all(np.isfinite(value).all() and value.std() > 0 for value in found.values())


@pytest.mark.parametrize(("name", "settings"), MODELS)
def test_every_stream_and_frame_order_matters(name, settings):
    network, x = build(name, settings), images()
    before = outputs(network, x)
    for stream in STREAMS:
        changed = outputs(network, x | {stream: x[stream][::-1].copy()})
        assert all(not np.allclose(changed[target], before[target]) for target in TARGETS)
    backwards = outputs(network, {stream: value[:, ::-1].copy() for stream, value in x.items()})
    assert all(not np.allclose(backwards[target], before[target]) for target in TARGETS)


@pytest.mark.parametrize(("name", "settings"), MODELS)
def test_training_lowers_the_loss(name, settings):
    import keras

    from emotf.losses.ccc import Ccc
    from emotf.training.learner import Learner, Objective

    keras.utils.set_random_seed(0)
    streams = {"speech": 5, "body": 3}
    x = images(streams, frames=12, batch=64)
    # the second target is unrated in half of the batch
    network = build(name, settings, streams, TARGETS[:2], frames=12)
    of_images = len(network.outputs[0].shape) == 1
    channels = {target: x["speech"][:, :, i].copy() for i, target in enumerate(TARGETS[:2])}
    y = {target: channel.mean(axis=1) if of_images else channel for target, channel in channels.items()}
    y["valence"][::2] = np.nan
    learner = Learner(network, Objective(dict.fromkeys(TARGETS[:2], Ccc())))
    learner.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
    logs = [learner.train_on_batch(x, y, return_dict=True) for _ in range(30)]
    assert set(logs[0]) == {"loss", "arousal_loss", "valence_loss"}
    for term in logs[0]:
        assert np.isfinite(logs[-1][term]) and logs[-1][term] < logs[0][term]
    assert logs[0]["loss"] == pytest.approx((logs[0]["arousal_loss"] + logs[0]["valence_loss"]) / 2, rel=1e-5)


@pytest.mark.parametrize(("name", "settings"), MODELS)
def test_a_saved_network_is_the_same_network(name, settings, tmp_path):
    import keras

    network, x = build(name, settings, standardisation=fitted()), images()
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras", compile=False)
    assert_equal(outputs(again, x), outputs(network, x))
    assert again.count_params() == network.count_params() and again.name == network.name == name


@pytest.mark.parametrize(("name", "settings"), MODELS)
def test_a_network_is_rebuilt_from_its_configuration(name, settings):
    import keras

    network, x = build(name, settings, standardisation=fitted()), images()
    content = keras.saving.serialize_keras_object(network)
    again = keras.saving.deserialize_keras_object(content)
    again.set_weights(network.get_weights())
    assert_equal(outputs(again, x), outputs(network, x))


# ---- standardisation -------------------------------------------------------------------------------------------------


def fitted():
    """Of streams far from 0, with a constant channel."""
    rng = np.random.default_rng(1)
    spread = {"speech": np.linspace(0.1, 50, 39), "body": np.linspace(100, 0, 24)}
    return {
        name: Standardisation.fit([Track(-100 + rng.normal(size=(200, len(s))) * s, hop=1 / 60)], "train")
        for name, s in spread.items()
    }


@pytest.mark.parametrize(("name", "settings"), MODELS)
def test_standardisation_is_x_minus_mean_over_sd(name, settings):
    import keras

    keras.utils.set_random_seed(3)
    plain = build(name, settings)
    keras.utils.set_random_seed(3)
    standardising = build(name, settings, standardisation=fitted())
    raw = {stream: -100 + 20 * value for stream, value in images().items()}
    by_hand = {
        stream: ((raw[stream].astype("float64") - part.mean) / np.sqrt(part.variance)).astype("float32")
        for stream, part in fitted().items()
    }
    for stream, part in fitted().items():
        layer = standardising.get_layer(f"standardise_{stream}")
        np.testing.assert_allclose(layer(raw[stream]).numpy(), by_hand[stream], rtol=1e-4, atol=1e-3)
        assert part.fitted_on == "train" and np.isfinite(by_hand[stream]).all()
    expected = outputs(plain, by_hand)
    for target, found in outputs(standardising, raw).items():
        np.testing.assert_allclose(found, expected[target], rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize(("name", "settings"), MODELS)
def test_standardisation_adds_no_parameters(name, settings):
    plain, standardising = build(name, settings), build(name, settings, standardisation=fitted())
    assert standardising.count_params() == plain.count_params()
    assert [w.shape for w in standardising.weights] == [w.shape for w in plain.weights]


# ---- sizes (Köprü & Erzin 2020) --------------------------------------------------------------------------------------


def trainable(network):
    return sum(int(np.prod(w.shape)) for w in network.trainable_weights)


@pytest.mark.parametrize("frames", [20, 40, 60])
def test_plain_cer_mtl_has_6235_parameters_whatever_its_window(frames):
    network = Cer().build(STREAMS, TARGETS, frames)
    convolution, head = (3 * 63 + 1) * 25, 3 * (5 * (25 + 5) + 2 * 5) + (5 * 2 + 2) + (2 + 1)
    assert network.count_params() == trainable(network) == convolution + 3 * head == 6235


@pytest.mark.parametrize(("frames", "parameters"), [(20, 5615), (40, 6065), (60, 6515)])
def test_the_variant_has_the_printed_parameters_at_20_frames(frames, parameters):
    network = Cer(recurrence_over="filters", batch_norm=True).build(STREAMS, TARGETS, frames)
    assert network.count_params() == parameters
    assert trainable(network) == parameters - 50  # the moving mean and variance of batch normalisation
    assert Cer.printed_parameters == 5615


def test_cer_stl_has_5245_parameters():
    assert Cer().build(STREAMS, ("valence",), 20).count_params() == 5245


def test_the_pure_cnn_has_the_printed_parameters():
    network = PureCnn().build(STREAMS, TARGETS, 20)
    assert network.count_params() == trainable(network) == PureCnn.printed_parameters == 240_643


def test_streams_lie_side_by_side_as_one_of_as_many_channels():
    one = Cer().build({"both": 63}, TARGETS, 20)
    two = Cer().build(STREAMS, TARGETS, 20)
    two.set_weights(one.get_weights())
    x = images()
    both = np.concatenate([x["speech"], x["body"]], axis=-1)
    assert_equal(outputs(one, {"both": both}), outputs(two, x))


def test_raw_channels_reach_the_convolution_as_they_are():
    """Without standardisation nothing stands between the input and the shared convolution."""
    network = Cer().build(STREAMS, TARGETS, 20)
    x = images()
    kernel, bias = (w.numpy() for w in network.get_layer("meta_features").weights)
    image = np.concatenate([x["speech"], x["body"]], axis=-1)
    literal = np.stack([np.einsum("bkp,kpf->bf", image[:, i : i + 3], kernel) + bias for i in range(18)], axis=1)
    import keras

    first = keras.Model(network.inputs, network.get_layer("meta_features").output)
    np.testing.assert_allclose(first(x).numpy(), literal, atol=1e-4)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def literal_gru(x, kernel, recurrent, bias):
    """The last state of a GRU with the reset gate after the product, as Keras writes it: x [batch, steps, inputs]."""
    units = len(recurrent)
    h = np.zeros((len(x), units))
    for step in range(x.shape[1]):
        from_x, from_h = x[:, step] @ kernel + bias[0], h @ recurrent + bias[1]
        z, r = (sigmoid(from_x[:, i : i + units] + from_h[:, i : i + units]) for i in (0, units))
        candidate = np.tanh(from_x[:, 2 * units :] + r * from_h[:, 2 * units :])
        h = z * h + (1 - z) * candidate
    return h


@pytest.mark.parametrize("over", ["frames", "filters"])
def test_cer_is_convolution_pooling_recurrence_and_two_dense_layers(over):
    """The network of the paper, written out in NumPy."""
    rng = np.random.default_rng(0)
    network = Cer(recurrence_over=over).build(STREAMS, TARGETS, 20)
    network.set_weights([0.3 * rng.normal(size=w.shape) for w in network.get_weights()])
    weights = {layer.name: [w.numpy().astype("float64") for w in layer.weights] for layer in network.layers}
    x = images()
    image = np.concatenate([x["speech"], x["body"]], axis=-1).astype("float64")
    kernel, bias = weights["meta_features"]
    features = np.stack([np.einsum("bkp,kpf->bf", image[:, i : i + 3], kernel) + bias for i in range(18)], axis=1)
    pooled = np.maximum(features, 0).reshape(8, 9, 2, 25).max(axis=2)
    found = outputs(network, x)
    for target in TARGETS:
        h = literal_gru(pooled if over == "frames" else pooled.transpose(0, 2, 1), *weights[f"{target}_gru"])
        kernel, bias = weights[f"{target}_dense"]
        h = np.tanh(h @ kernel + bias)
        kernel, bias = weights[f"{target}_linear"]
        np.testing.assert_allclose(found[target], (h @ kernel + bias)[:, 0], atol=1e-4)


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_windows_too_short_for_the_kernels_are_refused():
    with pytest.raises(UserError, match="Kernel 3 and pool 2 need feature images of 4 frames, received 2"):
        Cer().build(STREAMS, TARGETS, 2)
    Cer().build(STREAMS, TARGETS, 4)
    with pytest.raises(UserError, match=r"Kernels \(6, 4, 3\) need feature images of 11 frames, received 10"):
        PureCnn().build(STREAMS, TARGETS, 10)
    PureCnn(filters=2).build(STREAMS, TARGETS, 11)


@pytest.mark.parametrize("name", ["my target", "", "a/b", "ärger", "_x"])
def test_names_that_cannot_name_a_layer_are_refused(name):
    with pytest.raises(UserError, match=r"use letters, digits, '_', '-' and '\.' only"):
        Cer().build(STREAMS, [name], 20)
    with pytest.raises(UserError, match=r"use letters, digits, '_', '-' and '\.' only"):
        Cer().build({name: 3}, TARGETS, 20)


# ---- the objective over targets --------------------------------------------------------------------------------------


def literal_loss(kind, y, p):
    y, p = y[~np.isnan(y)].astype("float64"), p[~np.isnan(y)].astype("float64")
    if kind == "mse":
        return np.mean((y - p) ** 2)
    cov = np.mean((y - y.mean()) * (p - p.mean()))
    return 1 - 2 * cov / (y.var() + p.var() + (y.mean() - p.mean()) ** 2)


@pytest.mark.parametrize("weights", [{}, {"arousal": 0.7, "valence": 0.2, "dominance": 0.1}], ids=["uniform", "given"])
@pytest.mark.parametrize("kind", ["ccc", "mse"])
def test_the_objective_is_the_weighted_sum_of_the_losses(kind, weights):
    from emotf.training.learner import Objective

    rng = np.random.default_rng(0)
    gold = {target: rng.normal(size=32).astype("float32") for target in TARGETS}
    gold["valence"][::3] = np.nan
    prediction = {target: rng.normal(size=32).astype("float32") for target in TARGETS}
    objective = Objective({target: catalog.find("losses", kind)() for target in TARGETS}, weights)
    singles = {target: literal_loss(kind, gold[target], prediction[target]) for target in TARGETS}
    expected = sum((weights or dict.fromkeys(TARGETS, 1 / 3))[target] * singles[target] for target in TARGETS)
    assert float(np.squeeze(objective(gold, prediction))) == pytest.approx(expected, abs=1e-5)
    for target in TARGETS:
        assert float(objective.terms[target].result()) == pytest.approx(singles[target], abs=1e-5)


def test_parts_are_what_the_experiment_says_they_are():
    assert all(issubclass(catalog.find("models", name), Model) for name in NAMES)
    assert all(issubclass(catalog.find("losses", name), Loss) for name in catalog.names("losses"))


def test_the_objective_stays_float32_under_mixed_precision():
    import keras

    from emotf.losses.mse import Mse
    from emotf.training.learner import Objective

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        # 70,000 is infinite in float16
        found = Objective({"a": Mse()})({"a": np.array([70_000.0])}, {"a": np.array([70_002.0])})
    finally:
        keras.config.set_dtype_policy(before)
    assert float(np.squeeze(found)) == 4.0


# ---- padding and gaps ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings"), [case for case in MODELS if catalog.find("models", case.values[0]).sequences]
)
def test_padding_changes_nothing(name, settings):
    network = build(name, settings)
    x = images(frames=12, batch=2)
    padded = {stream: np.pad(x_, ((0, 0), (0, 5), (0, 0)), constant_values=np.nan) for stream, x_ in x.items()}
    alone, found = outputs(network, x), outputs(network, padded)
    for target in alone:
        np.testing.assert_allclose(found[target][:, :12], alone[target], atol=1e-6)
        assert np.isfinite(found[target]).all()


@pytest.mark.parametrize(("name", "settings"), MODELS)
def test_a_gap_is_the_mean_of_what_is_no_gap(name, settings):
    """Zeros go in where nothing was found; the network sees 0 there, whatever the mean of the channels."""
    x = images({"body": 3}, batch=2)
    fitted = Standardisation(mean=(5.0, -3.0, 1.0), variance=(4.0, 1.0, 9.0), fitted_on="train", frames=9, gaps=True)
    network = build(name, settings, {"body": 3}, standardisation={"body": fitted})
    at_the_mean = {"body": x["body"].copy()}
    at_the_mean["body"][:, 4:8] = fitted.mean
    x["body"][:, 4:8] = 0
    gap, mean = outputs(network, x), outputs(network, at_the_mean)
    for target in gap:
        np.testing.assert_allclose(gap[target], mean[target], atol=1e-6)


def test_layered_fusion_gives_each_layer_its_streams():
    kind = catalog.find("models", "layered_fusion")
    streams = {"face": 4, "audio": 3, "pose": 2}
    network = kind(units=(8, 6), layers=("audio", "face+pose")).build(streams, ["valence"], None)
    assert network.get_layer("lstm1").kernel.shape == (3, 32)
    assert network.get_layer("lstm2").kernel.shape == (4 + 2 + 8, 24)
    one_each = kind(units=(5,)).build(streams, ["valence"], None)
    assert [one_each.get_layer(f"lstm{k}").kernel.shape[0] for k in (1, 2, 3)] == [4, 3 + 5, 2 + 5]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layers": ("audio", "face")}, "name each stream once, .*: face, audio, pose"),
        ({"layers": ("audio", "face+pose+audio")}, "model.layers is audio, face.pose.audio"),
        ({"units": (5, 6)}, "model.units has 2 sizes for 3 layers"),
        ({"direction": "up"}, "model.direction is 'up', expected one of forward, backward, both"),
        ({"cell": "gru"}, "model.cell is 'gru', expected one of peephole, plain, keras"),
        ({"output_peephole": "next"}, "model.output_peephole is 'next', expected one of current, previous"),
    ],
)
def test_layers_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(UserError, match=message):
        catalog.find("models", "layered_fusion")(**fields).build({"face": 4, "audio": 3, "pose": 2}, ["valence"], None)
