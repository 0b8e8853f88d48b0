"""The networks of Orgil et al. (2021): their sizes, the order of their layers, and their equations in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from emotf.errors import UserError
from emotf.models._batch_norm import PaddedBatchNormalization
from emotf.models._peephole_lstm import PeepholeLstm
from emotf.models.non_inertial_net import NonInertialNet

CHANNELS = {"resnet50": 2048, "landmarks140": 140, "pose36": 36, "mel128": 128}
TARGETS = ("arousal", "valence")
# network -> its streams, weights, trainable weights
NETWORKS = {
    "Full": (("resnet50", "landmarks140", "pose36", "mel128"), 3_481_858, 3_478_274),
    "Without-mel": (("resnet50", "landmarks140", "pose36"), 3_578_882, 3_575_810),
    "Audio": (("mel128",), 559_874, 559_362),
    "Pose": (("pose36",), 536_322, 535_810),
}
SMALL = {"face": 5, "points": 3, "pose": 4, "mel": 6}
LAYERS, UNITS, CELLS = ("face+points", "pose", "mel"), (7, 6, 5), 4
BATCH, FRAMES = 3, 9
LENGTHS = (9, 4, 7)


def small(**fields):
    sizes = {"layers": LAYERS, "units": UNITS, "lstm_units": (CELLS,), "dropout": 0.0}
    return NonInertialNet(**sizes | fields).build(SMALL, TARGETS, None)


def sequences(frames=FRAMES, lengths=LENGTHS):
    """Streams that end in NaN where a sequence is shorter, and whether a frame is there."""
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(BATCH, FRAMES, p)).astype("float32") for name, p in SMALL.items()}
    x = {name: np.pad(v, ((0, 0), (0, frames - FRAMES), (0, 0)), constant_values=np.nan) for name, v in x.items()}
    present = np.arange(frames) < np.array(lengths)[:, None]
    for value in x.values():
        value[~present] = np.nan
    return x, present


def randomised(network):
    rng = np.random.default_rng(1)
    for weight in network.weights:
        values = rng.normal(size=weight.shape) * 0.5
        weight.assign(np.abs(values) + 0.5 if weight.name == "moving_variance" else values)
    return network


@pytest.mark.parametrize("name", NETWORKS)
def test_the_four_networks_follow_from_their_streams(name):
    streams, parameters, trainable = NETWORKS[name]
    network = NonInertialNet().build({stream: CHANNELS[stream] for stream in streams}, TARGETS, None)
    assert network.count_params() == parameters
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == trainable
    first, last = network.get_layer("fc1"), network.get_layer("lstm1")
    assert first.kernel.shape[0] == (2188 if "resnet50" in streams else CHANNELS[streams[0]])
    assert (last.kernel.shape[0], last.units) == (512 if name == "Without-mel" else 256, 256)


@pytest.mark.parametrize("name", NETWORKS)
def test_activation_normalisation_and_dropout_follow_every_layer_but_the_classifier(name):
    streams, *_ = NETWORKS[name]
    network = NonInertialNet().build({stream: CHANNELS[stream] for stream in streams}, TARGETS, None)
    sizes = {"Full": (1024, 512, 256), "Without-mel": (1024, 512)}.get(name, (256,))
    for target in TARGETS:
        order = []
        layer = network.get_layer(target)
        while not isinstance(layer, keras.layers.InputLayer):
            order.append(layer)
            # a layer's first argument that is another layer of the chain, not a new stream
            befores = [tensor._keras_history.operation for tensor in layer._inbound_nodes[0].input_tensors]
            chain = [before for before in befores if before.name.endswith("_dropout")]
            layer = (chain or befores)[0]
        kinds = [type(layer) for layer in reversed(order) if not isinstance(layer, keras.layers.Concatenate)]
        block = [keras.layers.Dense, keras.layers.Activation, PaddedBatchNormalization, keras.layers.Dropout]
        of_operations = [kind for kind in kinds if issubclass(kind, keras.layers.Layer)]
        assert of_operations == [*block * len(sizes), PeepholeLstm, keras.layers.Dense, keras.layers.Reshape]
        assert [layer.units for layer in reversed(order) if isinstance(layer, keras.layers.Dense)] == [*sizes, 1]
        assert {layer.rate for layer in order if isinstance(layer, keras.layers.Dropout)} == {0.5}
        assert {layer.activation.__name__ for layer in order if isinstance(layer, keras.layers.Activation)} == {"relu"}


# ---- in NumPy --------------------------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def equations(network, x, present, training):
    """Outputs [batch, frames, targets], and mean and variance of each layer's batch."""
    weights = {layer.name: [np.asarray(w, np.float64) for w in layer.weights] for layer in network.layers}
    x = {name: np.nan_to_num(value.astype(np.float64)) for name, value in x.items()}
    h, moments = np.zeros((*present.shape, 0)), []
    for k, names in enumerate((("face", "points"), ("pose",), ("mel",)), start=1):
        kernel, bias = weights[f"fc{k}"]
        z = np.maximum(np.concatenate([h, *(x[name] for name in names)], axis=-1) @ kernel + bias, 0)
        gamma, beta, mean, variance = weights[f"fc{k}_norm"]
        moments.append((z[present].mean(axis=0), z[present].var(axis=0)))
        if training:
            mean, variance = moments[-1]
        h = gamma * (z - mean) / np.sqrt(variance + 1e-3) + beta
    w, u, b = weights["lstm1"]
    out = np.zeros((*present.shape, 2))
    for n in range(len(h)):
        state, cell = np.zeros(CELLS), np.zeros(CELLS)
        for t in range(h.shape[1]):
            i, f, c, o = np.split(h[n, t] @ w + state @ u + b, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
            state = sigmoid(o) * np.tanh(cell)
            out[n, t] = [(state @ weights[f"{t}_linear"][0] + weights[f"{t}_linear"][1])[0] for t in TARGETS]
    return out, moments


@pytest.mark.parametrize("training", [False, True])
def test_it_is_its_equations(training):
    network = randomised(small())
    x, present = sequences()
    wanted, moments = equations(network, x, present, training)
    before = [network.get_layer(f"fc{k}_norm").moving_mean.numpy() for k in (1, 2, 3)]
    found = network(x, training=training)
    found = np.stack([found[target] for target in TARGETS], axis=-1)
    np.testing.assert_allclose(found[present], wanted[present], atol=2e-5)
    assert np.isfinite(found).all() and wanted[present].std() > 0.05
    for k, (mean, old) in enumerate(zip(moments, before, strict=True), start=1):
        kept = 0.9 * old + 0.1 * mean[0] if training else old
        np.testing.assert_allclose(network.get_layer(f"fc{k}_norm").moving_mean, kept, atol=1e-5)


def test_padding_changes_nothing_in_training():
    """Neither outputs nor batch statistics nor gradients, however much of it there is and whatever is in it."""
    seen = []
    for frames in (FRAMES, FRAMES + 20):
        network = randomised(small())
        x, present = sequences(frames)
        with tf.GradientTape() as tape:
            out = network(x, training=True)
            end = tf.reduce_sum(out["arousal"][present] ** 2) + tf.reduce_sum(out["valence"][present])
        gradients = tape.gradient(end, [weight.value for weight in network.trainable_weights])
        statistics = [weight.numpy() for weight in network.non_trainable_weights]
        seen.append([*(out[target][present] for target in TARGETS), *statistics, *gradients])
    for one, other in zip(*seen, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lengths", [LENGTHS, (FRAMES,) * BATCH])
def test_its_normalisation_and_the_gradients_are_those_of_keras(lengths):
    """Those that reach padded frames from above, too."""
    rng = np.random.default_rng(2)
    x, dy = (tf.constant(rng.normal(3, 2, size=(BATCH, FRAMES, 5)), tf.float32) for _ in range(2))
    present = tf.sequence_mask(lengths, FRAMES)
    weights, found = rng.uniform(0.5, 2, size=(4, 5)), []
    for layer, how in ((PaddedBatchNormalization(), {"present": present}), (keras.layers.BatchNormalization(), {})):
        layer.build(x.shape)
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True, **how or {"mask": present})
        found.append([y, *tape.gradient(y, [x, layer.gamma.value, layer.beta.value], dy), *layer.get_weights()])
    for ours, stock in zip(*found, strict=True):
        np.testing.assert_allclose(ours, stock, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_training_in_a_graph_is_training_step_by_step(jit_compile):
    x, present = sequences()
    gold = {name: np.where(present, x["mel"][..., i], 0) for i, name in enumerate(TARGETS)}
    ends = []
    for eager in (True, False):
        network = randomised(small())
        network.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=eager, jit_compile=jit_compile and not eager)
        network.fit(x, gold, epochs=3, batch_size=BATCH, shuffle=False, verbose=0)
        ends.append(network.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_cell_of_keras_is_the_plain_one():
    ours, stock = randomised(small()), small(cell="keras")
    stock.set_weights(ours.get_weights())
    x, present = sequences()
    for target in TARGETS:
        np.testing.assert_allclose(stock(x)[target][present], ours(x)[target][present], atol=2e-6)


# ---- fields ----------------------------------------------------------------------------------------------------------


def test_layers_without_streams_are_left_out_and_a_lone_one_has_the_last_size():
    def kernels(streams):
        network = NonInertialNet(LAYERS, UNITS).build(streams, TARGETS, None)
        dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
        return [layer.kernel.shape for layer in dense if layer.name.startswith("fc")]

    assert kernels(SMALL) == [(8, 7), (7 + 4, 6), (6 + 6, 5)]
    assert kernels({"mel": 6, "points": 3}) == [(3, 7), (7 + 6, 5)]
    assert kernels({"pose": 4, "mel": 6}) == [(4, 6), (6 + 6, 5)]
    assert kernels({"face": 5}) == [(5, 5)]


def test_streams_lie_side_by_side_in_the_order_of_their_names_in_the_layer():
    x = {"face": np.ones((1, 2, 5), "float32"), "points": np.zeros((1, 2, 3), "float32")}
    network = NonInertialNet(("points+face",), (4,)).build({"face": 5, "points": 3}, TARGETS, None)
    inside = keras.Model(network.inputs, network.get_layer("modality1").output)
    assert inside(x)[0, 0].numpy().tolist() == [0, 0, 0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layers": ("face", "pose", "mel")}, r"model.layers is face, pose, mel; name each stream once, .*: face, po"),
        ({"layers": ("face+points", "pose", "face+mel")}, "name each stream once"),
        ({"layers": (), "units": ()}, "model.layers is empty"),
        ({"units": (7, 6)}, r"model.units is \(7, 6\); expected at least 1 for each of 3 layers"),
        ({"units": (7, 0, 5)}, r"model.units is \(7, 0, 5\)"),
        ({"activation": "rellu"}, "model.activation is 'rellu', expected one of relu, "),
        ({"dropout": 1.0}, "model.dropout is 1.0; expected at least 0 and below 1"),
        ({"modality_dropout": -0.1}, "model.modality_dropout is -0.1"),
        ({"norm_momentum": 1.0}, "model.norm_momentum is 1.0"),
        ({"cell": "gru"}, "model.cell is 'gru', expected one of peephole, plain, keras"),
    ],
)
def test_settings_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(UserError, match=message):
        small(**fields)
