"""Optimisers: the contract of every one, and Nesterov RMSprop against its equations."""

import dataclasses

import keras
import numpy as np
import pytest

from emotf import catalog
from emotf.optimizers.nesterov_rmsprop import NesterovRmsprop

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
