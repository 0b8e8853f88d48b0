"""Every loss inside Keras: saved and read again, in a plain model, in a graph, under XLA, in half precision."""

import dataclasses

import numpy as np
import pytest
from equations import expected
from loss_cases import LOSSES, NAN, make, pair, shape_of, value_and_gradient


@pytest.fixture(params=LOSSES)
def label(request):
    return request.param


@pytest.fixture
def loss(label):
    return make(label)


def problem(loss, n=32):
    """x, gold with holes, and a plain Keras model without anything of ours, linear in x."""
    import keras

    frames, targets = ((8,) if loss.sequential else ()), (2 if loss.joint else 1)
    x = np.random.default_rng(1).normal(size=(n, *frames, 5)).astype(np.float32)
    y = np.stack([x @ [1, -1, 0.5, 0, 0], x @ [0, 0.5, 0, 1, -1]][:targets], axis=-1).astype(np.float32)
    y[::5] = NAN
    y[..., 0].flat[::7] = NAN
    keras.utils.set_random_seed(0)
    return x, y, keras.Sequential([keras.Input((*frames, 5)), keras.layers.Dense(targets)])


def test_a_loss_survives_keras_serialisation(loss, label):
    import keras

    from emotf import metrics

    assert metrics.Ccc  # a metric has the same class name and must not be read in the place of the loss
    content = keras.losses.serialize(loss)
    assert content["registered_name"] == f"emotf.losses>{type(loss).__name__}"
    again = keras.losses.deserialize(content)
    assert type(again) is type(loss) and again.name == loss.name == LOSSES[label][0]
    assert dataclasses.asdict(again) == dataclasses.asdict(loss) == loss.get_config()
    y, p = pair("masked", shape_of(loss))
    assert float(again(y, p)) == float(loss(y, p))


def test_the_fields_tried_are_off_their_defaults():
    for name, fields in LOSSES.values():
        default = make(name).get_config()
        assert all(default[field] != value for field, value in fields.items())
        assert not default or any(other == name and set(of) == set(default) for other, of in LOSSES.values())


@pytest.mark.parametrize("label", {name: label for label, (name, _) in LOSSES.items()}.values())
def test_a_plain_keras_model_trains_saves_and_reloads_with_the_loss(loss, tmp_path):
    import keras

    x, y, model = problem(loss)
    model.compile(keras.optimizers.SGD(0.05), loss=loss, jit_compile=False)
    before = expected(loss, np.squeeze(y), np.squeeze(model(x)))
    trace = model.fit(x, y, batch_size=32, epochs=10, verbose=0).history["loss"]
    assert trace[0] == pytest.approx(before, rel=1e-5) and trace[-1] < before
    after = model.evaluate(x, y, verbose=0)
    assert after == pytest.approx(expected(loss, np.squeeze(y), np.squeeze(model(x))), rel=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == loss.get_config()
    assert again.evaluate(x, y, verbose=0) == after


def test_eager_graph_and_xla_agree(loss):
    import tensorflow as tf

    def compiled(jit):
        def graph(y, p):
            with tf.GradientTape() as tape:
                tape.watch(p)
                value = loss(y, p)
            return value, tape.gradient(value, p)

        # lengths are left open, as in the last batch of an epoch
        shape = [None, None, 2][: len(shape_of(loss))]
        return tf.function(graph, input_signature=None if jit else [tf.TensorSpec(shape)] * 2, jit_compile=jit)

    graph, xla = compiled(False), compiled(True)
    for case in ("masked", "large offset", "constant prediction", "nothing rated"):
        y, p = pair(case, shape_of(loss))
        ways = [way(tf.constant(y), tf.constant(p)) for way in (graph, xla)] + [value_and_gradient(loss, y, p)]
        for value, gradient in ways:
            assert float(value) == pytest.approx(expected(loss, y, p), rel=1e-5, abs=1e-12)
            size = np.abs(ways[-1][1]).max()
            np.testing.assert_allclose(np.asarray(gradient), ways[-1][1], rtol=1e-3, atol=1e-5 * size)


@pytest.mark.parametrize("label", [label for label, (_, fields) in LOSSES.items() if not fields])
def test_half_precision_trains_with_finite_numbers(loss):
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        x, y, model = problem(loss)
        model.compile(keras.optimizers.Adam(1e-2), loss=loss, jit_compile=False)
        values = [float(model.train_on_batch(x, y)) for _ in range(200)]
        prediction = np.asarray(model(x))
        assert prediction.dtype == np.float16
        assert model.compute_loss(x, y, prediction).dtype == "float32"
    finally:
        keras.config.set_dtype_policy(before)
    assert np.isfinite(values).all() and all(np.isfinite(w).all() for w in model.get_weights())
    assert expected(loss, np.squeeze(y), np.squeeze(prediction)) < values[0] - 0.1 * abs(values[0])


def test_a_keras_mask_leaves_frames_out_like_nan_gold(loss):
    import keras

    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(4, 12, 3)).astype(np.float32)
    x[:, 9:] = 0.0
    gold = np.random.default_rng(1).normal(size=(4, 12, 2)).astype(np.float32)
    layers = [keras.Input((12, 3)), keras.layers.Masking(), keras.layers.GRU(5, return_sequences=True)]
    model = keras.Sequential([*layers, keras.layers.Dense(2)])
    prediction = model(x)
    assert prediction._keras_mask is not None
    unrated = np.where(np.arange(12)[None, :, None] < 9, gold, NAN)
    expected = float(loss(unrated, np.asarray(prediction)))
    assert float(loss(gold, prediction)) == pytest.approx(expected, rel=1e-6)
    model.compile(loss=loss, jit_compile=False)
    assert model.evaluate(x, gold, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_sample_weights_are_refused(loss):
    with pytest.raises(ValueError, match=f"{loss.name} takes no sample weights; set the gold of unrated frames to NaN"):
        loss(np.zeros((2, 3, 2)), np.ones((2, 3, 2)), sample_weight=np.ones(2))
