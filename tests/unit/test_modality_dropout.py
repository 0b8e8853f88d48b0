"""Modality dropout: whole streams of whole sequences go, in training only, and nothing else changes."""

import keras
import numpy as np
import pytest

from emotf import catalog
from emotf.losses.mse import Mse
from emotf.models._modality_dropout import ModalityDropout
from emotf.training.learner import Learner, Objective

X = np.random.default_rng(0).normal(size=(2000, 3, 2)).astype("float32")
STREAMS = {"face": 4, "points": 3, "mel": 5}
SIZES = {
    "non_inertial_net": {"layers": ("face+points", "mel"), "units": (6, 5), "lstm_units": (4,)},
    "transformer": {"width": 8, "heads": 2, "depth": 1, "feed_forward": 6},
}


def built(name, **fields):
    return catalog.find("models", name)(**SIZES[name] | {"dropout": 0.0} | fields).build(STREAMS, ["valence"], None)


def sequences(batch=64):
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(batch, 6, channels)).astype("float32") for name, channels in STREAMS.items()}


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_a_share_of_the_sequences_loses_all_of_it(rate):
    keras.utils.set_random_seed(0)
    out = np.asarray(ModalityDropout(rate)(X, training=True))
    lost = (out == 0).all(axis=(1, 2))
    assert lost.mean() == pytest.approx(rate, abs=0.04)
    np.testing.assert_array_equal(out[~lost], X[~lost])  # not scaled up


def test_each_batch_is_drawn_anew_and_a_seed_repeats_them():
    batches = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        layer = ModalityDropout(0.5)
        batches.append([np.asarray(layer(X, training=True)) for _ in range(2)])
    assert (batches[0][0] != batches[0][1]).any()
    np.testing.assert_array_equal(batches[0], batches[1])


def test_outside_training_it_does_nothing():
    np.testing.assert_array_equal(ModalityDropout(0.9)(X), X)


@pytest.mark.parametrize("name", SIZES)
def test_networks_have_the_same_weights_and_predictions_with_it(name):
    plain, dropping = built(name), built(name, modality_dropout=0.5)
    assert [w.path for w in dropping.weights] == [w.path for w in plain.weights]
    dropping.set_weights(plain.get_weights())
    np.testing.assert_array_equal(dropping(sequences())["valence"], plain(sequences())["valence"])
    assert not [layer for layer in plain.layers if isinstance(layer, ModalityDropout)]


@pytest.mark.parametrize(
    ("name", "groups"),
    [("non_inertial_net", [("face", "points"), ("mel",)]), ("transformer", [("face",), ("points",), ("mel",)])],
)
def test_what_is_lost_together_and_what_is_not(name, groups):
    """A layer's streams go together; which go is drawn for each modality by itself."""
    keras.utils.set_random_seed(0)
    network = built(name, modality_dropout=0.5)
    layers = [layer for layer in network.layers if isinstance(layer, ModalityDropout)]
    inside = keras.Model(network.inputs, [layer.output for layer in layers])
    lost = [(np.asarray(out) == 0).all(axis=(1, 2)) for out in inside(sequences(400), training=True)]
    assert [out.output.shape[-1] for out in layers] == [sum(STREAMS[name] for name in group) for group in groups]
    for i, one in enumerate(lost):
        assert one.mean() == pytest.approx(0.5, abs=0.1)
        for other in lost[:i]:
            assert (one & other).mean() == pytest.approx(0.25, abs=0.1)


@pytest.mark.parametrize("name", SIZES)
def test_a_lost_stream_is_a_gap(name):
    """In training, a sequence that lost everything is one of zeros."""
    keras.utils.set_random_seed(0)
    network = built(name, modality_dropout=0.999999)
    x = sequences()
    zeros = {stream: np.zeros_like(value) for stream, value in x.items()}
    np.testing.assert_array_equal(network(x, training=True)["valence"], network(zeros, training=True)["valence"])


@pytest.mark.parametrize("name", SIZES)
def test_what_it_draws_goes_on_where_a_run_was_interrupted(name):
    """A run keeps every variable of what is trained, so the state of the draws must be among them."""
    learner = Learner(built(name, modality_dropout=0.5), Objective({"valence": Mse()}))
    learner.compile("sgd")
    x, gold = sequences(), {"valence": np.zeros((64, 6), "float32")}
    learner.train_on_batch(x, gold)
    kept = [np.array(variable) for variable in learner.variables]
    drawn = learner(x, training=True)["valence"]
    again = learner(x, training=True)["valence"]
    for variable, value in zip(learner.variables, kept, strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(learner(x, training=True)["valence"], drawn)
    assert np.abs(again - drawn).max() > 0
