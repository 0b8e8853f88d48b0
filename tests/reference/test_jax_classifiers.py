"""Classifiers of pictures on another Keras back end: one process, because Keras chooses it at import."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# network -> training steps; XLA needs long to compile those of a deep network
NETWORKS = {"small_cnn": 3, "se_resnext50": 0}


def run(name, steps):
    """A network of few layers on whatever back end Keras has: its source runs on JAX, too."""
    import keras
    import numpy as np

    from emotf.classifiers import se_resnext
    from emotf.classifiers.base import body, named

    deep, se_resnext.BLOCKS[50] = se_resnext.BLOCKS[50], (1, 1, 1, 1)
    rng = np.random.default_rng(0)
    network = named(name, weights="random").build((32, 32, 3), 4)
    se_resnext.BLOCKS[50] = deep
    for weight in network.weights:
        if "kernel" in weight.path:
            weight.assign(rng.normal(size=weight.shape) * np.sqrt(2 / np.prod(weight.shape[:-1])))
    x, y = rng.integers(0, 256, (4, 32, 32, 3)).astype("float32"), np.arange(4)
    features = body(network).predict_on_batch(x)
    kernel, bias = network.get_layer("classifier").get_weights()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(1e-3), loss, jit_compile=keras.backend.backend() == "jax")
    losses = [float(network.train_on_batch(x, y)) for _ in range(steps)]
    return {"logits": (features @ kernel + bias).tolist(), "losses": losses}


SCRIPT = """
import json, sys
import keras
found = {name: run(name, steps) for name, steps in json.loads(sys.argv[1]).items()}
print(json.dumps({"backend": keras.backend.backend(), "tensorflow": "tensorflow" in sys.modules, **found}))
"""


@pytest.fixture(scope="module")
def found():
    done = subprocess.run(
        [sys.executable, "-c", inspect.getsource(run) + SCRIPT, json.dumps(NETWORKS)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_that_of_tensorflow(found, name):
    assert found["backend"] == "jax" and not found["tensorflow"]
    here, there = run(name, NETWORKS[name]), found[name]
    assert np.abs(here["logits"]).max() > 0.1
    np.testing.assert_allclose(there["logits"], here["logits"], rtol=1e-3, atol=1e-3)
    assert len(here["losses"]) == NETWORKS[name]
    assert there["losses"] == pytest.approx(here["losses"], rel=1e-3)
    assert not here["losses"] or here["losses"][-1] < here["losses"][0]
