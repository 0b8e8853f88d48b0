"""Training over several devices: one process, because JAX divides its devices before it starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from emotf.errors import UserError
from emotf.training.dividing import divide

# What runs on two halves of the CPU, each a device of JAX. It prints values only; they are compared here.
SCRIPT = """
import json, sys
from pathlib import Path
import jax, numpy as np, pandas as pd
from emotf.config import Data, Experiment, Training
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.mfcc39 import Mfcc39
from emotf.losses.ccc import Ccc
from emotf.models.lstm import Lstm
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store
from emotf.runs import Run
from emotf.track import Track
from emotf.training import train
from emotf.windows.sequences import Sequences

folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
store = Store(folder / "records" / "synthetic")
names = [f"r{k}" for k in range(6)]
people = [Recording(name, f"p{name}", {}, session=str(k % 3)) for k, name in enumerate(names)]
store.describe({"part": "synthetic", "dir": "nowhere"}, "made up", people)
streams = {"mfcc39": {}, GOLD: {}}
for k, name in enumerate(names):
    sound = rng.normal(size=(150 + 7 * k, 3)).cumsum(axis=0) / 10
    streams["mfcc39"][name] = Track(sound, hop=0.1, channels=("a", "b", "c"))
    gold = np.tanh(sound[:, :1] - sound[:, 1:2])
    gold[20:40] = np.nan
    streams[GOLD][name] = Track(gold, hop=0.1, channels=("arousal",))
for kind, (name, tracks) in zip(("extracted", GOLD), streams.items()):
    stream = store.stream(name)
    stream.start(Schema(tracks["r0"].channels, 0.1, 0.0, kind, {"part": "mfcc39"}))
    stream.complete({recording: stream.write(recording, track) for recording, track in tracks.items()})

def run(name, devices, epochs=2, ask=lambda epoch, score: None):
    training = Training(learning_rate=1e-2, batch=6, epochs=epochs, devices=devices)
    model = Lstm(units=(6,))
    data = Data(records=str(folder / "records"), fold=0)
    experiment = Experiment(Synthetic(), {"mfcc39": Mfcc39()}, model, Ccc(), data, Sequences(20, 8),
                            training)
    made = Run(folder / name)
    spread = []

    def asked(epoch, score):
        spread.append(max(len(array.sharding.device_set) for array in jax.live_arrays()))
        return ask(epoch, score)

    finished = train(experiment, made, asked)
    return {"history": pd.read_csv(made.history, float_precision="round_trip").to_dict("list"), "finished": finished,
            "examples": made.about["examples"], "spread": spread,
            "weights": [w.astype(float).ravel().tolist() for w in made.network().get_weights()] if finished else []}

found = {"devices": len(jax.devices())}
found["one"] = run("one", 1)
found["two"] = run("two", 2)
found["stopped"] = run("resumed", 2, ask=lambda epoch, score: True)
found["resumed"] = run("resumed", 2)
try:
    run("three", 3)
except UserError as refused:
    found["refused"] = str(refused)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    env = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path_factory.mktemp("data_parallel"))],
        env={**os.environ, **env, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    made = json.loads(done.stdout.splitlines()[-1])
    assert made["devices"] == 2
    return made


def test_two_devices_train_as_one(found):
    """The last batch of an epoch is of an odd size; the CCC is that of whole batches, not the mean of their halves."""
    one, two = found["one"], found["two"]
    assert one["examples"] % 6 % 2 == 1
    assert one["spread"] == [1, 1] and two["spread"] == [2, 2]  # devices that hold a variable
    assert len(one["history"]["arousal_loss"]) == 2
    for name in one["history"]:
        if name != "loss":  # its mean over batches weighs the last one by its size, the filling included
            np.testing.assert_allclose(two["history"][name], one["history"][name], rtol=1e-5, err_msg=name)
    for mine, theirs in zip(two["weights"], one["weights"], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_a_run_on_two_devices_goes_on_exactly(found):
    assert not found["stopped"]["finished"] and found["resumed"]["finished"]
    assert len(found["stopped"]["history"]["loss"]) == 1
    assert found["resumed"]["history"] == found["two"]["history"]
    assert found["resumed"]["weights"] == found["two"]["weights"]


def test_more_devices_than_there_are_are_refused(found):
    assert found["refused"].startswith("training.devices is 3, JAX has 2 (")
    assert found["refused"].endswith("set XLA_FLAGS=--xla_force_host_platform_device_count=3.")


def test_several_devices_are_refused_where_a_loss_would_be_another_one():
    assert keras.backend.backend() == "tensorflow"
    with pytest.raises(UserError, match=r"devices is 2, and Keras runs on tensorflow, .* set KERAS_BACKEND=jax"):
        divide(2)
