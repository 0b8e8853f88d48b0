"""Every loss of the catalog against its equation, written out here a second time in float64 NumPy.

A new loss is picked up by itself and fails until its equation stands in ORACLES.
"""

import dataclasses

import numpy as np
import pytest

from emotf import catalog

NAMES = catalog.names("losses")
TOLERANCE = 1e-5
NAN = np.nan


# ---- the equations ---------------------------------------------------------------------------------------------------


def mse(y, p):
    """(1/n) Σ (y - ŷ)²; 0 without frames."""
    return sum((a - b) ** 2 for a, b in zip(y, p, strict=True)) / max(len(y), 1)


def ccc(y, p):
    """1 - 2 cov(y, ŷ) / (var y + var ŷ + (ȳ - mean ŷ)²); 1 where gold and prediction are one constant."""
    if not len(y) or (np.ptp(y) == 0 and np.ptp(p) == 0 and y[0] == p[0]):
        return 1.0
    n = len(y)
    y_mean, p_mean = y.sum() / n, p.sum() / n
    cov = ((y - y_mean) * (p - p_mean)).sum() / n
    return 1 - 2 * cov / (((y - y_mean) ** 2).sum() / n + ((p - p_mean) ** 2).sum() / n + (y_mean - p_mean) ** 2)


def pcc(y, p):
    """1 - cov(y, ŷ) / (sd y · sd ŷ); 1 where either is constant."""
    if not len(y) or np.ptp(y) == 0 or np.ptp(p) == 0:
        return 1.0
    n = len(y)
    y_mean, p_mean = y.sum() / n, p.sum() / n
    cov = ((y - y_mean) * (p - p_mean)).sum() / n
    return 1 - cov / (np.sqrt(((y - y_mean) ** 2).sum() / n) * np.sqrt(((p - p_mean) ** 2).sum() / n))


ORACLES = {"ccc": ccc, "mse": mse, "pcc": pcc}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def loss(name):
    return catalog.find("losses", name)()


@pytest.fixture
def oracle(name):
    assert name in ORACLES, f"tests/reference/test_losses.py has no equation for the loss {name!r}; add one to ORACLES."

    def rated_only(y, p):
        y, p = (np.ravel(x).astype(np.float64) for x in (y, p))
        return ORACLES[name](y[~np.isnan(y)], p[~np.isnan(y)])

    return rated_only


# ---- the data --------------------------------------------------------------------------------------------------------


def pair(case, n=257):
    rng = np.random.default_rng(3)
    y = rng.normal(size=n)
    p = 0.6 * y + 0.5 * rng.normal(size=n) + 0.3
    if case == "tiny scale":
        y, p = 1e-4 * y, 1e-4 * p
    elif case == "large offset":
        y, p = 1e3 + y, 1e3 + p
    elif case == "gold far off":
        y = 1e3 + y
    elif case == "tiny scale at an offset":
        y, p = 1 + 1e-3 * y, 1 + 1e-3 * p
    elif case == "masked":
        y[rng.random(n) < 0.4] = NAN
    elif case == "masked, the first too":
        y[: n // 5] = NAN
    elif case == "opposite":
        p = -p
    elif case == "two frames":
        y, p = y[:2], p[:2]
    elif case == "constant gold":
        y[:] = 0.1
    elif case == "constant prediction":
        p[:] = 0.1
    elif case == "two constants":
        y[:], p[:] = 0.1, 0.3
    elif case == "one constant":
        y[:] = p[:] = 0.1
    elif case == "constants at an offset":
        y[:], p[:] = 1000.1, 1000.1
    elif case == "one frame":
        y, p = y[:1], p[:1]
    elif case == "one rated frame":
        y[1:] = NAN
    elif case == "nothing rated":
        y[:] = NAN
    elif case != "random":
        raise ValueError(case)
    return y.astype(np.float32), p.astype(np.float32)


REGULAR = (
    "random", "tiny scale", "large offset", "gold far off", "tiny scale at an offset", "masked",
    "masked, the first too", "opposite", "two frames",
)  # fmt: skip
FLAT = (
    "constant gold", "constant prediction", "two constants", "one constant", "constants at an offset", "one frame",
    "one rated frame", "nothing rated",
)  # fmt: skip


def value_and_gradient(loss, y, p):
    import tensorflow as tf

    p = tf.convert_to_tensor(p)
    with tf.GradientTape() as tape:
        tape.watch(p)
        value = loss(tf.convert_to_tensor(y), p)
    return float(value), tape.gradient(value, p).numpy()


# ---- value and gradient ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REGULAR + FLAT)
def test_the_value_is_that_of_the_equation(loss, oracle, case):
    y, p = pair(case)
    assert float(loss(y, p)) == pytest.approx(oracle(y, p), abs=TOLERANCE, rel=TOLERANCE)


@pytest.mark.parametrize("case", REGULAR)
def test_the_gradient_is_that_of_finite_differences(loss, oracle, case):
    y, p = pair(case, n=31)
    found = value_and_gradient(loss, y, p)[1]
    exact = p.astype(np.float64)
    step = 1e-5 * exact.std()
    expected = np.zeros_like(exact)
    for i in range(len(exact)):
        shift = step * (np.arange(len(exact)) == i)
        expected[i] = (oracle(y, exact + shift) - oracle(y, exact - shift)) / (2 * step)
    if case == "two frames" and catalog.kind_of(loss)[1] == "pcc":
        assert np.abs(expected).max() < 1e-4  # the correlation of two points is 1 or -1, wherever they lie
        assert np.abs(found).max() < 1e-4
        return
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("case", FLAT)
def test_the_gradient_is_finite_where_nothing_varies(loss, case):
    y, p = pair(case)
    value, gradient = value_and_gradient(loss, y, p)
    assert np.isfinite(value) and np.isfinite(gradient).all()
    # no rounding of a mean may end up in a denominator
    assert np.abs(gradient).max() <= 10


@pytest.mark.parametrize("case", FLAT)
@pytest.mark.parametrize("n", [3, 100, 257])
def test_a_correlation_that_is_not_defined_has_no_gradient(case, n):
    value, gradient = value_and_gradient(catalog.find("losses", "pcc")(), *pair(case, n))
    assert value == 1 and not gradient.any()


@pytest.mark.parametrize("case", ["one constant", "constants at an offset", "nothing rated"])
def test_a_concordance_that_is_not_defined_has_no_gradient(case):
    value, gradient = value_and_gradient(catalog.find("losses", "ccc")(), *pair(case))
    assert value == 1 and not gradient.any()


# ---- masking and shapes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["masked", "masked, the first too"])
def test_masking_equals_computing_on_the_subset(loss, case):
    y, p = pair(case)
    rated = ~np.isnan(y)
    assert 0 < rated.sum() < len(y)
    value, gradient = value_and_gradient(loss, y, p)
    subset_value, subset_gradient = value_and_gradient(loss, y[rated], p[rated])
    assert value == pytest.approx(subset_value, abs=1e-6)
    np.testing.assert_allclose(gradient[rated], subset_gradient, rtol=1e-3, atol=1e-7)
    assert not gradient[~rated].any()


def test_what_is_predicted_for_unrated_frames_does_not_matter(loss):
    y, p = pair("masked")
    wild = np.where(np.isnan(y), np.float32(1e30), p)
    value, gradient = value_and_gradient(loss, y, wild)
    assert value == pytest.approx(float(loss(y, p)), abs=1e-6)
    assert np.isfinite(gradient).all() and not gradient[np.isnan(y)].any()


def test_shapes_do_not_matter(loss, oracle):
    y, p = pair("masked", n=60)
    expected = oracle(y, p)
    shapes = [(60,), (60, 1), (4, 15), (4, 15, 1)]
    for shape in shapes:
        assert float(loss(y.reshape(shape), p.reshape(shape))) == pytest.approx(expected, abs=TOLERANCE)
        value, gradient = value_and_gradient(loss, y.reshape(60), p.reshape(shape))
        assert value == pytest.approx(expected, abs=TOLERANCE) and gradient.shape == shape
    assert loss.call(y, p).shape == (1,)  # Keras would double a scalar on two replicas


def test_other_lengths_are_never_broadcast(loss):
    y, p = pair("random", n=8)
    for gold, prediction in ((y[:1], p), (y, p[:1]), (y[:4], p)):
        with pytest.raises(Exception, match="reshape"):
            loss(gold, prediction)


def test_order_does_not_matter(loss):
    y, p = pair("masked")
    order = np.random.default_rng(0).permutation(len(y))
    assert float(loss(y[order], p[order])) == pytest.approx(float(loss(y, p)), abs=1e-6)


# ---- in Keras --------------------------------------------------------------------------------------------------------


def test_a_loss_survives_keras_serialisation(loss, name):
    import keras

    from emotf import metrics

    assert metrics.Ccc  # a metric has the same class name and must not be read in the place of the loss
    content = keras.losses.serialize(loss)
    assert content["registered_name"] == f"emotf.losses>{type(loss).__name__}"
    again = keras.losses.deserialize(content)
    assert type(again) is type(loss) and again.name == loss.name == name
    assert dataclasses.asdict(again) == dataclasses.asdict(loss) == loss.get_config()
    y, p = pair("masked")
    assert float(again(y, p)) == float(loss(y, p))


def test_a_plain_keras_model_trains_saves_and_reloads_with_the_loss(loss, oracle, tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
    x = np.random.default_rng(1).normal(size=(32, 5)).astype(np.float32)
    y = (x @ [1, -1, 0.5, 0, 0])[:, None].astype(np.float32)
    y[::5] = NAN
    before = model.evaluate(x, y, verbose=0)
    assert before == pytest.approx(oracle(y, np.asarray(model(x))), abs=TOLERANCE)
    model.fit(x, y, batch_size=32, epochs=5, verbose=0)
    after = model.evaluate(x, y, verbose=0)
    assert after < before
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").evaluate(x, y, verbose=0) == after


def test_eager_graph_and_xla_agree(loss, oracle):
    import tensorflow as tf

    eager = lambda y, p: value_and_gradient(loss, y, p)  # noqa: E731

    def compiled(jit):
        def graph(y, p):
            with tf.GradientTape() as tape:
                tape.watch(p)
                value = loss(y, p)
            return value, tape.gradient(value, p)

        # lengths are left open, as in the last batch of an epoch
        signature = [tf.TensorSpec([None], tf.float32)] * 2 if not jit else None
        return tf.function(graph, input_signature=signature, jit_compile=jit)

    ways = [eager, compiled(False), compiled(True)]
    for case in ("masked", "large offset", "constant prediction", "nothing rated"):
        y, p = pair(case)
        values, gradients = zip(*(way(tf.constant(y), tf.constant(p)) for way in ways), strict=True)
        for value, gradient in zip(values, gradients, strict=True):
            assert float(value) == pytest.approx(oracle(y, p), abs=TOLERANCE)
            np.testing.assert_allclose(np.asarray(gradient), gradients[0], rtol=1e-3, atol=1e-6)


def test_half_precision_trains_with_finite_numbers(loss, oracle):
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(1e-2), loss=loss, jit_compile=False)
        x = np.random.default_rng(1).normal(size=(64, 5)).astype(np.float32)
        y = np.tanh(x[:, :1])
        y[::5] = NAN
        values = [float(model.train_on_batch(x, y)) for _ in range(50)]
        prediction = np.asarray(model(x))
        assert prediction.dtype == np.float16
        assert model.compute_loss(x, y, prediction).dtype == "float32"
    finally:
        keras.config.set_dtype_policy(before)
    assert np.isfinite(values).all() and all(np.isfinite(w).all() for w in model.get_weights())
    assert oracle(y, prediction) < values[0]
