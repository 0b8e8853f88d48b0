"""Losses and metrics on two replicas: one process, because TensorFlow divides its devices before it starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from loss_cases import LOSSES, NAN, make, pair

from emotf import measures, metrics

# What runs on two halves of the CPU. It prints values only; whether they are right is decided here.
SCRIPT = """
import json, sys
import numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import keras
from emotf import catalog, metrics

sent = json.load(sys.stdin)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
found = {"replicas": strategy.num_replicas_in_sync, "losses": {}, "metrics": {}, "merged": {}, "state": {}}

def model_of(x, y, rate, loss, **of):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Dense(y.shape[-1])])
    model.compile(keras.optimizers.SGD(rate), loss=loss, jit_compile=False, **of)
    return model

def values(arrays):
    return [np.asarray(array, "float64").tolist() for array in arrays]

for label, (name, fields, x, y) in sent["losses"].items():
    x, y = np.array(x, "float32"), np.array(y, "float32")
    with strategy.scope():
        model = model_of(x, y, sent["rate"], catalog.find("losses", name)(**fields))
    before = values(model.get_weights())
    log = model.fit(x, y, batch_size=len(x), shuffle=False, verbose=0).history["loss"]
    found["losses"][label] = {"before": before, "after": values(model.get_weights()), "loss": log[0]}

x, y = (np.array(array, "float32") for array in sent["metrics"])
with strategy.scope():
    measures = metrics.all_measures()
    model = model_of(x, y, 0.0, catalog.find("losses", "ccc")(), metrics=measures)  # what it predicts stays
for n in sent["sizes"]:
    log = model.fit(x[:n], y[:n], batch_size=16, epochs=2, verbose=0).history
    once = model.evaluate(x[:n], y[:n], batch_size=16, verbose=0, return_dict=True)
    found["metrics"][n] = {"fit": log, "evaluate": once}
found["prediction"] = values([model(x)])[0]
for metric in measures:
    try:
        metric.merge_state([type(metric)()])
        found["merged"][metric.name] = "was not refused"
    except ValueError as refused:
        found["merged"][metric.name] = str(refused)
    outside = type(metric)()
    outside.merge_state([metric])
    found["state"][metric.name] = [np.asarray(variable).tolist() for variable in outside.variables]
print(json.dumps(found))
"""

RATE = 0.1
SIZES = {51: "uneven batches", 49: "an empty replica at the end"}
TRIED = [label for label, (_, fields) in LOSSES.items() if not fields] + ["ccc sequence"]


def problem(label):
    """x [8, 5] or [8, 6, 5] and gold with holes, different in both halves."""
    frames, targets = ((6,) if make(label).sequential else ()), (2 if make(label).joint else 1)
    rng = np.random.default_rng(4)
    x = rng.normal(size=(8, *frames, 5)).astype(np.float32)
    y = np.tanh(x[..., :targets] - x[..., 2 : 2 + targets]) + 0.5 * (np.arange(8) < 4).reshape(-1, *[1] * (x.ndim - 1))
    y[1], y[6, ..., 0] = NAN, NAN
    return x, y.astype(np.float32)


def rows():
    """x [51, 5] and gold [51, 1] with holes."""
    x = np.random.default_rng(1).normal(size=(51, 5)).astype(np.float32)
    y = (x @ [1, -1, 0.5, 0, 0])[:, None].astype(np.float32)
    y[::7] = NAN
    return x, y


def numbers(arrays):
    return [array.astype(float).tolist() for array in arrays]


@pytest.fixture(scope="module")
def found():
    sent = {"rate": RATE, "sizes": list(SIZES), "metrics": numbers(rows())}
    sent["losses"] = {label: [*LOSSES[label], *numbers(problem(label))] for label in TRIED}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(sent),
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    made = json.loads(done.stdout.splitlines()[-1])
    assert made["replicas"] == 2
    return made


@pytest.mark.parametrize("label", TRIED)
def test_an_update_on_two_replicas_is_that_of_the_mean_of_their_losses(found, label):
    """Each replica pools its own half of the batch, as the docstring of `Loss` says."""
    import tensorflow as tf

    x, y = problem(label)
    kernel, bias = (tf.constant(array, tf.float32) for array in found["losses"][label]["before"])
    with tf.GradientTape() as tape:
        tape.watch([kernel, bias])
        p = x @ kernel + bias
        halves = [make(label)(y[part], p[part]) for part in (slice(0, 4), slice(4, 8))]
        both = sum(halves) / 2
    assert abs(float(halves[0]) - float(halves[1])) > 1e-3
    assert found["losses"][label]["loss"] == pytest.approx(float(both), rel=1e-5)
    slopes = tape.gradient(both, [kernel, bias])
    for after, before, slope in zip(found["losses"][label]["after"], (kernel, bias), slopes, strict=True):
        np.testing.assert_allclose(after, before - RATE * slope, atol=1e-6)
    assert np.abs(slopes[0]).max() > 1e-3


@pytest.mark.parametrize("size", SIZES, ids=SIZES.values())
def test_metrics_on_two_replicas_are_the_measures_of_the_whole(found, size):
    gold, prediction = rows()[1][:size], np.array(found["prediction"])[:size]
    log = found["metrics"][str(size)]
    for name in measures.MEASURES:
        expected = pytest.approx(getattr(measures, name)(gold, prediction), abs=1e-6)
        assert log["evaluate"][name] == expected
        assert log["fit"][name] == [expected, expected]  # the second epoch starts from nothing again


@pytest.mark.parametrize("size", SIZES, ids=SIZES.values())
def test_the_loss_stays_finite_on_any_batch(found, size):
    log = found["metrics"][str(size)]
    assert np.isfinite([log["evaluate"]["loss"], *log["fit"]["loss"]]).all()


@pytest.mark.parametrize("name", measures.MEASURES)
def test_nothing_is_merged_into_a_metric_of_several_replicas(found, name):
    assert found["merged"][name] == f"{name} holds 2 replicas; merge into a metric made outside of them."


@pytest.mark.parametrize("metric", metrics.all_measures(), ids=measures.MEASURES)
def test_what_another_process_measured_is_merged_into_the_whole(found, metric):
    """The other one evaluated the last size, on two replicas; here there is something else."""
    gold, prediction = (x[: list(SIZES)[-1]] for x in (rows()[1], np.array(found["prediction"])))
    y, p = pair("masked", (30, 1))
    received = type(metric)()
    for variable, array in zip(received.variables, found["state"][metric.name], strict=True):
        variable.assign(array)
    metric.update_state(y, p)
    metric.merge_state([received])
    whole = np.concatenate([gold, y]), np.concatenate([prediction, p])
    assert float(metric.result()) == pytest.approx(getattr(measures, metric.name)(*whole), abs=1e-6)
