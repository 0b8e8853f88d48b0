"""Classifiers of pictures on another Keras back end: one process, because Keras chooses it at import."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

NETWORKS = ("small_cnn", "se_resnext50")


def logits(name):
    """Of a network of few layers, on whatever back end Keras has, before and after a step: its source runs on JAX, too.

    The optimiser takes the same step whatever the size of a gradient, which batch normalisation in training decides.
    """
    import keras
    import numpy as np

    from emotf.classifiers import se_resnext
    from emotf.classifiers.base import body, named

    se_resnext.BLOCKS[50] = (1, 1, 1, 1)
    rng = np.random.default_rng(0)
    network = named(name, weights="random").build((32, 32, 3), 4)
    for weight in network.weights:
        if "kernel" in weight.path:
            weight.assign(rng.normal(size=weight.shape) * np.sqrt(2 / np.prod(weight.shape[:-1])))
    x, y = rng.integers(0, 256, (4, 32, 32, 3)).astype("float32"), np.arange(4)
    before, features = network.predict_on_batch(x), body(network).predict_on_batch(x)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(1e-3), loss, jit_compile=keras.backend.backend() == "jax")
    losses = [float(network.train_on_batch(x, y)) for _ in range(3)]
    return {"logits": before.tolist(), "features": features.tolist(), "losses": losses}


SCRIPT = """
import json, sys
import keras
found = {name: logits(name) for name in sys.argv[1:]}
print(json.dumps({"backend": keras.backend.backend(), "tensorflow": "tensorflow" in sys.modules, **found}))
"""


@pytest.fixture(scope="module")
def found():
    done = subprocess.run(
        [sys.executable, "-c", inspect.getsource(logits) + SCRIPT, *NETWORKS],
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
    here = logits(name)
    for values in ("logits", "features"):
        assert np.abs(here[values]).max() > 0.1
        np.testing.assert_allclose(found[name][values], here[values], rtol=1e-3, atol=1e-3)
    assert found[name]["losses"] == pytest.approx(here["losses"], rel=1e-2)
    assert here["losses"][-1] < here["losses"][0]
