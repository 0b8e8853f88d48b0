"""Losses, metrics and training steps on another Keras back end: one process, because Keras chooses it at import."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from equations import expected
from loss_cases import LOSSES, make, pair, shape_of, value_and_gradient

from emotf import measures

# network -> its model and its fields, without dropout: the back ends draw other numbers
SMALL_LSTM = {"units": (6, 5), "direction": "both"}
SMALL_TRANSFORMER = {"width": 8, "heads": 2, "depth": 1, "feed_forward": 6, "dropout": 0.0}
NETWORKS = {
    "peephole": ("lstm", SMALL_LSTM),
    "plain": ("lstm", SMALL_LSTM | {"cell": "plain"}),
    "non_inertial_net": (
        "non_inertial_net",
        {"layers": ("a", "b"), "units": (6, 5), "lstm_units": (4,), "dropout": 0.0},
    ),
    "transformer": ("transformer", SMALL_TRANSFORMER),
    "causal": ("transformer", SMALL_TRANSFORMER | {"causal": True, "decoder": "none"}),
}


def steps(name, fields):
    """Losses of a network on its first batches, on whatever back end Keras has: its source runs on JAX, too."""
    import keras
    import numpy as np

    from emotf import catalog
    from emotf.losses.ccc import Ccc
    from emotf.losses.mse import Mse
    from emotf.training.learner import Learner, Objective

    rng = np.random.default_rng(0)
    network = catalog.find("models", name)(**fields).build({"a": 3, "b": 2}, ["arousal", "valence"], None)
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.4)
    x = {name: rng.normal(size=(4, 12, channels)).astype("float32") for name, channels in (("a", 3), ("b", 2))}
    gold = {name: x["a"].cumsum(axis=1)[..., i] / 4 for i, name in enumerate(("arousal", "valence"))}
    for recording, frames in ((1, 8), (3, 3)):  # shorter than the batch: padded with NaN
        for values in (*x.values(), *gold.values()):
            values[recording, frames:] = np.nan
    gold["valence"][0, 2:5] = np.nan  # not rated
    learner = Learner(network, Objective({"arousal": Ccc(), "valence": Mse()}))
    learner.compile(keras.optimizers.Adam(1e-2), jit_compile=keras.backend.backend() == "jax")
    logs = [learner.train_on_batch(x, gold, return_dict=True) for _ in range(6)]
    return [{name: float(value) for name, value in log.items()} for log in logs]


# What runs on JAX. It prints values only; whether they are right is decided here, by NumPy and by TensorFlow.
SCRIPT = """
import json, random, sys
import keras, numpy as np, jax
from emotf import catalog, metrics
from emotf.models.cer import Cer
from emotf.models.cer_waveform import CerWaveform
from emotf.losses.ccc import Ccc
from emotf.training.learner import Learner, Objective

sent = json.load(sys.stdin)
pairs = {case: [np.array(x, "float32") for x in pair] for case, pair in sent["pairs"].items()}
found = {"backend": keras.backend.backend(), "losses": {}, "metrics": {}}
for label, (name, fields, cases) in sent["losses"].items():
    loss = catalog.find("losses", name)(**fields)
    at_once = jax.jit(jax.value_and_grad(lambda q, y: loss(y, q)))
    found["losses"][label] = {}
    for case in cases:
        y, p = pairs[case]
        value, gradient = at_once(p, y)
        found["losses"][label][case] = [float(value), np.asarray(gradient, "float64").tolist()]
for case, (y, p) in pairs.items():
    if y.ndim > 2:
        continue
    parts = metrics.all_measures()
    for metric in parts:
        for a, b in zip(np.array_split(y, 3), np.array_split(p, 3)):
            metric.update_state(a, b)
    found["metrics"][case] = {metric.name: float(metric.result()) for metric in parts}

random.seed(0)  # keras.utils.set_random_seed would import TensorFlow
x = {"speech": np.random.default_rng(0).normal(size=(32, 20, 5)).astype("float32")}
gold = {name: x["speech"][:, :, i].mean(axis=1) for i, name in enumerate(("arousal", "valence"))}
gold["valence"][::3] = np.nan
found["steps"] = {}
hears = CerWaveform(waveforms=("speech",), front_end_kernel=3, front_end_stride=1, front_end_pool=1)
for model in (Cer(), hears):
    network = model.build({"speech": 5}, list(gold), 20)
    learner = Learner(network, Objective({name: Ccc() for name in gold}))
    learner.compile(keras.optimizers.Adam(3e-3))
    logs = [learner.train_on_batch(x, gold, return_dict=True) for _ in range(15)]
    found["steps"][network.name] = [{name: float(value) for name, value in log.items()} for log in logs]
found["networks"] = {network: steps(*of) for network, of in sent["networks"].items()}
found["tensorflow"] = "tensorflow" in sys.modules
print(json.dumps(found))
"""


CASES = ("random", "tiny scale", "large offset", "masked", "constant gold", "constant prediction", "one constant",
         "nothing rated")  # fmt: skip


def cases_of(label):
    return {f"{case} {shape_of(make(label))}": pair(case, shape_of(make(label))) for case in CASES}


@pytest.fixture(scope="module")
def found():
    sent = {"pairs": {}, "losses": {}, "networks": NETWORKS}
    for label, (name, fields) in LOSSES.items():
        sent["pairs"] |= {case: [x.astype(float).tolist() for x in both] for case, both in cases_of(label).items()}
        sent["losses"][label] = [name, fields, list(cases_of(label))]
    # JSON has no NaN of its own, Python's reads and writes it
    data = json.dumps(sent)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", inspect.getsource(steps) + SCRIPT],
        input=data,
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_jax_ran_without_tensorflow(found):
    assert found["backend"] == "jax" and not found["tensorflow"]


@pytest.mark.parametrize("label", LOSSES)
def test_losses_are_those_of_numpy(found, label):
    loss = make(label)
    for case, (y, p) in cases_of(label).items():
        value, gradient = found["losses"][label][case]
        assert value == pytest.approx(expected(loss, y, p), rel=1e-5, abs=1e-12)
        on_tensorflow = value_and_gradient(loss, y, p)[1]
        size = np.abs(on_tensorflow).max()
        np.testing.assert_allclose(gradient, on_tensorflow, rtol=1e-3, atol=1e-4 * size)


@pytest.mark.parametrize("label", ["ccc", "ccc sequence"])
def test_metrics_are_those_of_numpy(found, label):
    for case, (y, p) in cases_of(label).items():
        by_hand = {name: getattr(measures, name)(y, p) for name in measures.MEASURES}
        # float32 sums here: JAX has no float64 unless it is asked for
        assert found["metrics"][case] == pytest.approx(by_hand, abs=1e-4, rel=1e-4, nan_ok=True)


@pytest.mark.parametrize("name", ["cer", "cer_waveform"])
def test_cer_trains(found, name):
    first, last = found["steps"][name][0], found["steps"][name][-1]
    assert set(first) == {"loss", "arousal_loss", "valence_loss"}
    assert np.isfinite(list(last.values())).all() and last["loss"] < first["loss"]
    assert first["loss"] == pytest.approx((first["arousal_loss"] + first["valence_loss"]) / 2, rel=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_trains_as_on_tensorflow(found, name):
    here, there = steps(*NETWORKS[name]), found["networks"][name]
    assert len(here) == len(there) == 6
    for ours, theirs in zip(here, there, strict=True):
        assert theirs == pytest.approx(ours, rel=1e-5, abs=1e-5)
    assert here[-1]["loss"] < here[0]["loss"]
    assert found["networks"]["peephole"][0]["loss"] != pytest.approx(found["networks"]["plain"][0]["loss"], abs=1e-4)
