"""The peephole LSTM against the equations written out in NumPy, against Keras, and its gradient against differences."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from emotf.models._peephole_lstm import PeepholeLstm
from emotf.models.lstm import Lstm

BATCH, FRAMES, CHANNELS, UNITS = 3, 7, 5, 4
CASES = list(itertools.product(("current", "previous"), (False, True), (False, True)))
PRESENT = np.array([[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0, 0]], bool)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def equations(x, w, u, b, p, output_peephole, backwards, present):
    """Chen & Jin 2015 (Graves 2013): gates i, f, c, o; diagonal peepholes p of i, f, o."""
    w_i, w_f, w_c, w_o = np.split(w, 4, axis=1)
    u_i, u_f, u_c, u_o = np.split(u, 4, axis=1)
    b_i, b_f, b_c, b_o = np.split(b, 4)
    out = np.zeros((*x.shape[:2], len(u)))
    for n in range(len(x)):
        h, c = np.zeros(len(u)), np.zeros(len(u))
        for t in reversed(range(x.shape[1])) if backwards else range(x.shape[1]):
            if present[n, t]:
                i = sigmoid(x[n, t] @ w_i + h @ u_i + p[0] * c + b_i)
                f = sigmoid(x[n, t] @ w_f + h @ u_f + p[1] * c + b_f)
                new_c = f * c + i * np.tanh(x[n, t] @ w_c + h @ u_c + b_c)
                o = sigmoid(x[n, t] @ w_o + h @ u_o + p[2] * (new_c if output_peephole == "current" else c) + b_o)
                h, c = o * np.tanh(new_c), new_c
            out[n, t] = h
    return out


def made(output_peephole="current", backwards=False, seed=0):
    rng = np.random.default_rng(seed)
    layer = PeepholeLstm(UNITS, output_peephole=output_peephole, backwards=backwards)
    layer.build((None, None, CHANNELS))
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return layer, rng.normal(size=(BATCH, FRAMES, CHANNELS)).astype("float32")


def weights_of(layer):
    return [np.asarray(w, np.float64) for w in (layer.kernel, layer.recurrent, layer.bias, layer.peephole)]


@pytest.mark.parametrize(("output_peephole", "backwards", "masked"), CASES)
def test_it_is_the_equations(output_peephole, backwards, masked):
    layer, x = made(output_peephole, backwards)
    present = PRESENT if masked else np.ones_like(PRESENT)
    found = layer(x, present=PRESENT) if masked else layer(x)
    wanted = equations(x.astype(np.float64), *weights_of(layer), output_peephole, backwards, present)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.abs(wanted).max() > 0.1


@pytest.mark.parametrize(("output_peephole", "backwards", "masked"), CASES)
def test_its_own_gradient_is_that_of_the_equations(output_peephole, backwards, masked):
    layer, x = made(output_peephole, backwards)
    present = PRESENT if masked else np.ones_like(PRESENT)
    towards = np.random.default_rng(1).normal(size=(BATCH, FRAMES, UNITS)).astype("float32")
    variables = [layer.kernel, layer.recurrent, layer.bias, layer.peephole]
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(towards * layer(inputs, present=PRESENT if masked else None))
    found = tape.gradient(loss, [inputs, *[variable.value for variable in variables]])

    arrays = [x.astype(np.float64), *weights_of(layer)]
    step = 1e-5
    for which, gradient in enumerate(found):
        for place in list(np.ndindex(*arrays[which].shape))[::3]:
            ends = []
            for sign in (1, -1):
                moved = [array.copy() for array in arrays]
                moved[which][place] += sign * step
                ends.append(np.sum(towards * equations(*moved, output_peephole, backwards, present)))
            np.testing.assert_allclose(gradient.numpy()[place], (ends[0] - ends[1]) / (2 * step), atol=2e-5)


@pytest.mark.parametrize("cell", ["peephole", "plain"])
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_without_peepholes_it_is_the_lstm_of_keras(cell, direction):
    ours = Lstm(units=(6, 5), cell=cell, direction=direction).build({"a": 3}, ["valence"], None)
    stock = Lstm(units=(6, 5), cell="keras", direction=direction).build({"a": 3}, ["valence"], None)
    # peepholes start at 0; the other weights lie alike
    for layer in stock.layers:
        layer.set_weights(ours.get_layer(layer.name).get_weights()[: len(layer.get_weights())] if layer.weights else [])
    x = np.random.default_rng(0).normal(size=(4, 9, 3)).astype("float32")
    x[1, 6:], x[3, 2:] = np.nan, np.nan
    inside = ~np.isnan(x[..., 0])
    np.testing.assert_allclose(ours({"a": x})["valence"][inside], stock({"a": x})["valence"][inside], atol=2e-6)
    gradients = []
    for network in (ours, stock):
        with tf.GradientTape() as tape:
            end = tf.reduce_sum(network({"a": x})["valence"][inside] ** 2)
        kernels = [network.get_layer(layer.name).trainable_variables[:3] for layer in stock.layers if layer.weights]
        gradients.append(tape.gradient(end, [variable.value for of_layer in kernels for variable in of_layer]))
    for mine, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("cell", ["peephole", "plain", "keras"])
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_a_padded_sequence_is_the_sequence_by_itself(cell, direction):
    network = Lstm(units=(6, 5), cell=cell, direction=direction).build({"a": 3}, ["valence"], None)
    x = np.random.default_rng(0).normal(size=(1, 9, 3)).astype("float32")
    padded = np.concatenate([x, np.full((1, 4, 3), np.nan, np.float32)], axis=1)
    np.testing.assert_allclose(network({"a": padded})["valence"][:, :9], network({"a": x})["valence"], atol=1e-6)
    assert np.isfinite(network({"a": padded})["valence"]).all()


def test_backward_sees_the_future_only_and_forward_the_past_only():
    x = np.random.default_rng(0).normal(size=(1, 9, 3)).astype("float32")
    changed = x.copy()
    changed[:, 4] += 1
    for direction, same in (("forward", slice(0, 4)), ("backward", slice(5, 9))):
        network = Lstm(units=(6,), direction=direction).build({"a": 3}, ["valence"], None)
        moved = np.abs(network({"a": x})["valence"] - network({"a": changed})["valence"])[0]
        other = slice(4, 9) if direction == "forward" else slice(0, 5)
        assert moved[same].max() == 0 and moved[other].min() > 0


def test_printed_parameters():
    assert Lstm((160, 120)).build({"all": 618}, ["valence"], None).count_params() == 634_401
    assert (
        Lstm((160, 120), direction="both").build({"all": 618}, ["valence"], None).count_params()
        == 2 * (4 * 160 * (618 + 160 + 1) + 3 * 160) + 2 * (4 * 120 * (320 + 120 + 1) + 3 * 120) + 241
    )


@pytest.mark.parametrize("jit_compile", [False, True])
def test_training_in_a_graph_is_training_step_by_step(jit_compile):
    x = np.random.default_rng(0).normal(size=(4, 9, 3)).astype("float32")
    y = {"valence": np.random.default_rng(1).normal(size=(4, 9)).astype("float32")}
    ends = []
    for eager in (True, False):
        keras.utils.set_random_seed(0)
        network = Lstm(units=(6, 5), direction="both").build({"a": 3}, ["valence"], None)
        network.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=eager, jit_compile=jit_compile and not eager)
        network.fit({"a": x}, y, epochs=3, batch_size=4, shuffle=False, verbose=0)
        ends.append(network.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_unknown_peephole_is_refused():
    with pytest.raises(ValueError, match=r"output_peephole is 'next', expected one of current, previous"):
        PeepholeLstm(3, output_peephole="next")
