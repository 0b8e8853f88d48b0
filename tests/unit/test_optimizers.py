"""Optimisers: the contract of every one, and Nesterov RMSprop against its equations."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from emotf import catalog
from emotf.errors import UserError
from emotf.optimizers.nesterov_rmsprop import NesterovRmsprop
from emotf.optimizers.sgd import Sgd

NAMES = catalog.names("optimizers")


def trained(optimizer, steps=30):
    """Weights of a linear map after some steps on a fixed batch, step by step."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 4)).astype("float32"), rng.normal(size=(16, 2)).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(optimizer, "mse")
    losses = [model.train_on_batch(x, y) for _ in range(steps)]
    return model, losses


@pytest.mark.parametrize("name", NAMES)
def test_it_lowers_a_loss_and_every_training_gets_its_own(name):
    part = catalog.find("optimizers", name)()
    assert all(field.type in (int, float, str, bool) for field in dataclasses.fields(part))
    assert part.build(0.01) is not part.build(0.01)
    _, losses = trained(part.build(0.01))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_it_survives_saving(name, tmp_path):
    model, _ = trained(catalog.find("optimizers", name)().build(0.01), steps=3)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for one, other in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    x, y = np.ones((16, 4), "float32"), np.ones((16, 2), "float32")
    model.train_on_batch(x, y)
    again.train_on_batch(x, y)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_clipping_limits_the_gradient_of_all_weights_together(name):
    part = dataclasses.replace(catalog.find("optimizers", name)(), clip_norm=0.5)
    assert part.build(0.01).global_clipnorm == 0.5
    assert catalog.find("optimizers", name)().build(0.01).global_clipnorm is None


@pytest.mark.parametrize("jit_compile", [False, True])
def test_nesterov_rmsprop_is_its_equations_over_twenty_steps(jit_compile):
    part = NesterovRmsprop()
    eta, gamma, mu, eps = 1e-2, np.exp(-np.log(2) / 14), 0.9, 1e-8
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 8, 3)), rng.normal(size=(20, 8, 1))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    theta = rng.normal(size=(3, 1))
    model.set_weights([theta])
    model.compile(part.build(eta), "mse", jit_compile=jit_compile)
    n, m, v = np.zeros_like(theta), np.zeros_like(theta), np.zeros_like(theta)
    for a, b in zip(x, y, strict=True):
        g = 2 * a.T @ (a @ theta - b) / len(a)
        n = gamma * n + (1 - gamma) * g**2
        m = gamma * m + (1 - gamma) * g
        delta = -eta * g / np.sqrt(n - m**2 + eps)
        theta = theta + mu**2 * v + (1 + mu) * delta
        v = mu * v + delta
        model.train_on_batch(a.astype("float32"), b.astype("float32"))
        np.testing.assert_allclose(model.get_weights()[0], theta, atol=2e-5)
    assert np.abs(delta).max() > 1e-4


@pytest.mark.parametrize("gradient", [0.02, 0.1, 0.3, 0.7, 1.0])
def test_a_steady_gradient_stays_finite(gradient):
    """n - m² is a variance: nearly 0 here, and rounded below it."""
    variable = keras.Variable(np.zeros((4, 4), "float32"))
    optimizer = NesterovRmsprop().build(1e-4)
    optimizer.build([variable])
    step = keras.ops.convert_to_tensor(np.full((4, 4), gradient, "float32"))
    for _ in range(600):
        optimizer.apply([step], [variable])
    assert np.isfinite(variable.numpy()).all()


def assert_sgd(part, jit_compile, momentum, decay):
    """Twenty steps of v = μ v + g + λ θ, θ = θ - η v, whose η falls after ten, for all that is trained."""
    rng = np.random.default_rng(2)
    layers = [keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.set_weights([rng.uniform(0.5, 1.5, size=w.shape) for w in model.get_weights()])
    model.compile(part.build(0.05), "mse", jit_compile=jit_compile)
    trained = model.trainable_variables
    assert [v.name for v in trained] == ["kernel", "bias", "gamma", "beta", "kernel", "bias"]
    theta, velocity = [v.numpy().astype(float) for v in trained], [np.zeros(v.shape) for v in trained]
    running = np.array(layers[1].moving_mean), np.array(layers[1].moving_variance)
    for step in range(20):
        eta = 0.05 if step < 10 else 0.005
        model.optimizer.learning_rate = eta
        x, y = rng.normal(size=(16, 3)).astype("float32"), rng.normal(size=(16, 2)).astype("float32")
        with tf.GradientTape() as tape:  # by hand: the layer itself would move its running mean and variance
            h = layers[0](x)
            mean, variance = tf.nn.moments(h, 0)
            h = layers[1].gamma * (h - mean) / tf.sqrt(variance + layers[1].epsilon) + layers[1].beta
            loss = tf.reduce_mean((layers[2](h) - y) ** 2)
        running = [0.99 * old + 0.01 * new.numpy() for old, new in zip(running, (mean, variance), strict=True)]
        for k, g in enumerate(tape.gradient(loss, [v.value for v in trained])):
            velocity[k] = momentum * velocity[k] + g.numpy() + decay * theta[k]
            theta[k] = theta[k] - eta * velocity[k]
        model.train_on_batch(x, y)
        for variable, value in zip(trained, theta, strict=True):
            np.testing.assert_allclose(variable, value, atol=2e-5)
    np.testing.assert_allclose(layers[1].moving_mean, running[0], atol=1e-5)  # not trained: no decay
    np.testing.assert_allclose(layers[1].moving_variance, running[1], atol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_sgd_is_its_equations_over_twenty_steps(jit_compile):
    # far more decay than the default, so that each of its ways differs by more than the tolerance
    assert_sgd(Sgd(weight_decay=0.05), jit_compile, momentum=0.9, decay=0.05)


def test_sgd_does_without_momentum_and_decay():
    assert_sgd(Sgd(momentum=0.0), jit_compile=False, momentum=0.0, decay=5e-4)
    assert_sgd(Sgd(weight_decay=0.0), jit_compile=False, momentum=0.9, decay=0.0)


@pytest.mark.parametrize("fields", [{"momentum": 1.0}, {"momentum": -0.1}, {"weight_decay": -1e-4}])
def test_sgd_refuses_what_would_not_converge(fields):
    with pytest.raises(UserError, match="expected 0 <= momentum < 1 and a weight decay of at least 0"):
        Sgd(**fields).build(0.01)
