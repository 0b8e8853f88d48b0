"""The layers of classifiers of pictures against loops, formulas, and networks that Keras has."""

import keras
import numpy as np
import pytest

from emotf.classifiers import densenet
from emotf.classifiers._blocks import squeezed_and_excited, stem
from emotf.classifiers._grouped import GroupedConv2D, with_layers_of_keras
from emotf.classifiers.base import body
from emotf.classifiers.densenet import Densenet
from emotf.classifiers.resnet import _basic_block


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def seen(layer, x):
    return keras.ops.convert_to_numpy(layer(x, training=False)).astype("float64")


def convolution(x, kernel, stride=1, groups=1):
    """x [rows, columns, channels], padded by the half of a kernel: sums of products, one place after the other."""
    side, _, width, filters = kernel.shape
    margin = side // 2
    x = np.pad(x, ((margin, margin), (margin, margin), (0, 0)))
    rows, columns = ((size - side) // stride + 1 for size in x.shape[:2])
    y = np.zeros((rows, columns, filters))
    for row in range(rows):
        for column in range(columns):
            patch = x[row * stride : row * stride + side, column * stride : column * stride + side]
            for k in range(filters):
                first = k // (filters // groups) * width  # channels of the group that the filter belongs to
                y[row, column, k] = (patch[:, :, first : first + width] * kernel[..., k]).sum()
    return y


def randomised(network):
    """Weights of noise, variances above 0."""
    rng = np.random.default_rng(3)
    for weight in network.weights:
        values = 0.3 * rng.normal(size=weight.shape)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    return {weight.path: keras.ops.convert_to_numpy(weight).astype("float64") for weight in network.weights}


# ---- groups ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "filters", "groups", "stride"),
    [(64, 64, 32, 1), (64, 64, 32, 2), (128, 64, 2, 1), (6, 9, 3, 2), (96, 96, 24, 1), (5, 5, 5, 1)],
)
def test_grouped_convolution_is_the_loop(channels, filters, groups, stride):
    layer = GroupedConv2D(filters, 3, groups=groups, strides=stride, use_bias=False)
    x = noise(1, 7, 6, channels)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    found = seen(layer, padded)
    assert layer.kernel.shape == (3, 3, channels // groups, filters)
    expected = convolution(x[0], layer.kernel.numpy(), stride, groups)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-4)


def test_gradients_of_groups_are_those_of_convolutions_side_by_side():
    import tensorflow as tf

    layer, x = GroupedConv2D(64, 3, groups=16, strides=2, padding="same"), tf.constant(noise(2, 9, 9, 128))
    layer.build(x.shape)
    layer.bias.assign(noise(64))

    def apart(x):
        parts = zip(tf.split(x, 16, -1), tf.split(layer.kernel.value, 16, -1), strict=True)
        return tf.concat([tf.nn.conv2d(part, kernel, 2, "SAME") for part, kernel in parts], -1) + layer.bias

    results = []
    for call in (layer, apart):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(x)
            loss = tf.reduce_sum(tf.sin(y))
        results.append([y, *tape.gradient(loss, [x, layer.kernel.value, layer.bias.value])])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_layers_of_keras_in_their_place_give_the_same():
    pictures = keras.Input((6, 6, 64))
    y = GroupedConv2D(64, 3, groups=32, name="g")(keras.layers.ReLU()(pictures))
    network = keras.Model(pictures, y, name="n")
    plain = with_layers_of_keras(network)
    assert type(plain.get_layer("g")) is keras.layers.Conv2D and plain.get_layer("g").groups == 32
    assert plain.name == "n"
    np.testing.assert_allclose(seen(plain, noise(2, 6, 6, 64)), seen(network, noise(2, 6, 6, 64)), atol=1e-4)
    assert with_layers_of_keras(plain) is plain


# ---- blocks ----------------------------------------------------------------------------------------------------------


def test_squeeze_and_excitation_is_its_formula():
    maps = keras.Input((5, 4, 32))
    network = keras.Model(maps, squeezed_and_excited(maps, 16, "se"))
    w = randomised(network)
    x = noise(2, 5, 4, 32)
    assert w["se_reduce/kernel"].shape == (1, 1, 32, 2) and w["se_excite/kernel"].shape == (1, 1, 2, 32)
    z = x.mean(axis=(1, 2))
    hidden = np.maximum(z @ w["se_reduce/kernel"][0, 0] + w["se_reduce/bias"], 0)
    s = 1 / (1 + np.exp(-(hidden @ w["se_excite/kernel"][0, 0] + w["se_excite/bias"])))
    np.testing.assert_allclose(seen(network, x), x * s[:, None, None, :], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("filters", "stride"), [(8, 1), (12, 2), (12, 1)])
def test_a_basic_block_is_its_formula(filters, stride):
    maps = keras.Input((6, 7, 8))
    network = keras.Model(maps, _basic_block(maps, filters, stride, "b"))
    w = randomised(network)

    def conv_and_norm(x, number, stride=1):
        gamma, beta, mean, variance = (
            w[f"b_{number}_bn/{name}"] for name in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        y = convolution(x, w[f"b_{number}_conv/kernel"], stride)
        return gamma * (y - mean) / np.sqrt(variance + 1.001e-5) + beta

    x = noise(1, 6, 7, 8)
    shortcut = x[0] if filters == 8 else conv_and_norm(x[0], 0, stride)
    y = conv_and_norm(np.maximum(conv_and_norm(x[0], 1, stride), 0), 2)
    np.testing.assert_allclose(seen(network, x)[0], np.maximum(shortcut + y, 0), rtol=1e-4, atol=1e-4)


def test_the_stem_takes_the_largest_of_every_nine_places():
    pictures = keras.Input((16, 12, 3))
    network = keras.Model(pictures, stem(pictures, 4))
    w = randomised(network)
    x = noise(1, 16, 12, 3)
    y = convolution(x[0], w["conv1_conv/kernel"], 2)
    scale = w["conv1_bn/gamma"] / np.sqrt(w["conv1_bn/moving_variance"] + 1.001e-5)
    y = np.maximum((y - w["conv1_bn/moving_mean"]) * scale + w["conv1_bn/beta"], 0)
    y = np.pad(y, ((1, 1), (1, 1), (0, 0)))
    expected = np.array([[y[r : r + 3, c : c + 3].max(axis=(0, 1)) for c in range(0, 6, 2)] for r in range(0, 8, 2)])
    np.testing.assert_allclose(seen(network, x)[0], expected, rtol=1e-4, atol=1e-5)


def test_our_densenet_in_the_sizes_of_keras_is_that_of_keras(monkeypatch):
    monkeypatch.setattr(densenet, "GROWTH", 32)
    monkeypatch.setattr(densenet, "LAYERS", (6, 12, 24, 16))
    keras.utils.set_random_seed(0)
    theirs = body(Densenet(depth=121, weights="random").build((64, 64, 3), 2))
    ours = body(Densenet(depth=161, weights="random").build((64, 64, 3), 2))
    ours.set_weights(theirs.get_weights())
    x = 127 + 60 * noise(1, 64, 64, 3)
    expected = seen(theirs, x)
    np.testing.assert_allclose(seen(ours, x), expected, rtol=1e-4, atol=1e-6)
    assert expected.shape == (1, 1024) and expected.max() > 0
