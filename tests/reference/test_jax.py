"""Losses, metrics and a training step on another Keras back end: one process, because Keras chooses it at import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emotf import catalog, measures

# What runs on JAX. It prints values only; whether they are right is decided here, by NumPy.
SCRIPT = """
import json, random, sys
import keras, numpy as np, jax
from emotf import catalog, metrics
from emotf.models.cer import Cer
from emotf.losses.ccc import Ccc
from emotf.training.learner import Learner, Objective

data = {name: tuple(pair) for name, pair in json.load(sys.stdin).items()}
data = {name: (np.array(y, "float32"), np.array(p, "float32")) for name, (y, p) in data.items()}
found = {"backend": keras.backend.backend(), "losses": {}, "gradients": {}, "metrics": {}}
for name in catalog.names("losses"):
    loss = catalog.find("losses", name)()
    found["losses"][name] = {case: float(loss(y, p)) for case, (y, p) in data.items()}
    found["gradients"][name] = {
        case: np.asarray(jax.grad(lambda q: loss(y, q))(p), "float64").tolist() for case, (y, p) in data.items()
    }
for case, (y, p) in data.items():
    parts = metrics.all_measures()
    for metric in parts:
        for a, b in zip(np.array_split(y, 3), np.array_split(p, 3)):
            metric.update_state(a, b)
    found["metrics"][case] = {metric.name: float(metric.result()) for metric in parts}

random.seed(0)  # keras.utils.set_random_seed would import TensorFlow
x = {"speech": np.random.default_rng(0).normal(size=(32, 20, 5)).astype("float32")}
gold = {name: x["speech"][:, :, i].mean(axis=1) for i, name in enumerate(("arousal", "valence"))}
gold["valence"][::3] = np.nan
network = Cer().build({"speech": 5}, list(gold), 20)
learner = Learner(network, Objective({name: Ccc() for name in gold}))
learner.compile(keras.optimizers.Adam(3e-3))
logs = [learner.train_on_batch(x, gold, return_dict=True) for _ in range(15)]
found["steps"] = [{name: float(value) for name, value in log.items()} for log in logs]
found["tensorflow"] = "tensorflow" in sys.modules
print(json.dumps(found))
"""


def pairs():
    rng = np.random.default_rng(3)
    y = rng.normal(size=100)
    p = 0.6 * y + 0.5 * rng.normal(size=100) + 0.3
    holes = np.where(rng.random(100) < 0.4, np.nan, y)
    flat = np.full(100, 0.1)
    made = {
        "random": (y, p), "tiny": (1e-4 * y, 1e-4 * p), "offset": (1e3 + y, 1e3 + p), "masked": (holes, p),
        "constant gold": (flat, p), "constant prediction": (y, flat), "one constant": (flat, flat),
        "unrated": (y * np.nan, p),
    }  # fmt: skip
    return {name: (a.astype(np.float32), b.astype(np.float32)) for name, (a, b) in made.items()}


def literal(name, y, p):
    """The loss in float64 NumPy; 1 - correlation is 1 where that is not defined."""
    y, p = y[~np.isnan(y)].astype(float), p[~np.isnan(y)].astype(float)
    if name == "mse":
        return float(np.mean((y - p) ** 2)) if len(y) else 0.0
    return 1 - np.nan_to_num({"ccc": measures.ccc, "pcc": measures.pcc}[name](y, p))


@pytest.fixture(scope="module")
def found():
    # JSON has no NaN of its own, Python's reads and writes it
    data = json.dumps({name: [y.astype(float).tolist(), p.astype(float).tolist()] for name, (y, p) in pairs().items()})
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
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


@pytest.mark.parametrize("name", catalog.names("losses"))
def test_losses_are_those_of_numpy(found, name):
    assert name in ("ccc", "mse", "pcc"), (
        f"tests/reference/test_jax.py has no equation for {name!r}; add it to literal."
    )
    for case, (y, p) in pairs().items():
        assert found["losses"][name][case] == pytest.approx(literal(name, y, p), abs=1e-5, rel=1e-5)
        gradient = np.array(found["gradients"][name][case])
        assert np.isfinite(gradient).all() and not gradient[np.isnan(y)].any()
        if case in ("random", "masked"):
            for i in (0, 7):
                step = 1e-6 * (np.arange(100) == i)
                expected = (literal(name, y, p + step) - literal(name, y, p - step)) / 2e-6
                assert gradient[i] == pytest.approx(expected, abs=1e-5)


def test_metrics_are_those_of_numpy(found):
    for case, (y, p) in pairs().items():
        expected = {name: getattr(measures, name)(y, p) for name in measures.MEASURES}
        # float32 sums here: JAX has no float64 unless it is asked for
        assert found["metrics"][case] == pytest.approx(expected, abs=1e-4, rel=1e-4, nan_ok=True)


def test_cer_trains(found):
    first, last = found["steps"][0], found["steps"][-1]
    assert set(first) == {"loss", "arousal_loss", "valence_loss"}
    assert np.isfinite(list(last.values())).all() and last["loss"] < first["loss"]
    assert first["loss"] == pytest.approx((first["arousal_loss"] + first["valence_loss"]) / 2, rel=1e-5)
