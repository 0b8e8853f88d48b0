"""A training that goes on after a stop ends as one that was not stopped: weights, learning rate, history, kept runs."""

import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from emotf import checksums
from emotf.checksums import checked
from emotf.config import Experiment, Training
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.mfcc39 import Mfcc39
from emotf.files import read_json
from emotf.losses.ccc import Ccc
from emotf.models.cer import Cer
from emotf.runs import Run
from emotf.training.loop import conclude
from emotf.training.state import Resume

SCORES = {
    "ccc": [0.1, 0.3, 0.2, 0.25, 0.28, 0.31, 0.3, 0.29, 0.2, 0.1],
    "mse": [0.5, 0.4, 0.6, 0.39, 0.7, 0.39, 0.8, 0.9, 0.4, 0.4],
    "mse_mean": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95],
}


class Scripted(keras.callbacks.Callback):
    """Development scores as they stand above."""

    def on_epoch_end(self, epoch, logs=None):
        logs |= {f"dev_{name}": values[epoch] for name, values in SCORES.items()}


def train(folder, epochs, keep=(), restore=False):
    """Goes on to an epoch; what `fit` leaves, the model and the learning rate at its end."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(8)
    watch = {"monitor": "dev_ccc", "mode": "max"}
    stopping = keras.callbacks.EarlyStopping(**watch, patience=9, restore_best_weights=restore)
    plateau = keras.callbacks.ReduceLROnPlateau(**watch, patience=2, factor=0.5, min_delta=0.0)
    resume = Resume(Run(folder), stopping, tf.Variable(0, dtype=tf.int64), plateau, keep)
    model.fit(
        data, initial_epoch=resume.done, epochs=epochs, verbose=0, shuffle=False,
        callbacks=[Scripted(), stopping, plateau, resume],
    )  # fmt: skip
    return resume, model, float(model.optimizer.learning_rate)


def weights_of(model):
    return [np.array(weight) for weight in model.weights]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("stop", [1, 3, 4, 7])
def test_a_stopped_training_lowers_its_learning_rate_as_one_that_was_not(tmp_path, stop):
    whole, model, rate = train(tmp_path / "whole", 10)
    train(tmp_path / "stopped", stop)
    again, same, other = train(tmp_path / "stopped", 10)
    # nothing better in epochs 3 and 4 (of .3): halved; 5 is not better either, 6 is; 7 and 8, 9 and 10 are not
    assert [row["learning_rate"] for row in whole.rows] == pytest.approx([0.1] * 4 + [0.05] * 4 + [0.025] * 2)
    assert rate == pytest.approx(0.0125)
    assert other == rate and again.rows == whole.rows
    for one, two in zip(weights_of(model), weights_of(same), strict=True):
        np.testing.assert_array_equal(one, two)


# ---- best weights by further criteria --------------------------------------------------------------------------------

KEEP = ("mse", "mse_mean")
EPOCHS = 4


def whole_run(folder):
    """From its configuration to its end, as `emotf.training.train` does it around the network."""
    run = Run(folder)
    settings = Training(keep=KEEP)
    run.begin(Experiment(Synthetic(), {"mfcc39": Mfcc39()}, Cer(), Ccc(), training=settings))
    run.write_standardisation("train", {})
    resume, model, _ = train(folder, EPOCHS, KEEP, restore=True)
    conclude(run, model, model, resume, settings)


def content(folder):
    """path -> bytes; of networks the weights, of about.json all but the seconds."""
    found = {}
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        if path.suffix == ".keras":
            value = [weight.tobytes() for weight in weights_of(keras.models.load_model(path))]
        elif path.name == "checksums.jsonl":
            value = sorted({json.loads(line)[0] for line in path.read_text().splitlines()})
            assert all(checked(path.with_name(name), "") for name in value)
        elif path.name == "about.json":
            value = {name: fact for name, fact in read_json(path).items() if name != "training_seconds"}
        else:
            value = path.read_bytes()
        found[str(path.relative_to(folder))] = value
    return found


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """A whole run, and a copy of its folder after every single change that it made to the disk."""
    folder, copies, add = tmp_path / "run", [], checksums._add

    def watched(change):
        def changed(path, *args, **kwargs):
            there = Path(path).exists() or change is add
            change(path, *args, **kwargs)
            if (there or Path(path).exists()) and folder in Path(path).parents:
                copies.append(tmp_path / f"copy{len(copies)}" / "run")
                shutil.copytree(folder, copies[-1])

        return changed

    with monkeypatch.context() as patch:
        for place, name in ((os, "replace"), (Path, "unlink"), (shutil, "rmtree"), (checksums, "_add")):
            patch.setattr(place, name, watched(getattr(place, name)))
        whole_run(folder)
    return folder, copies


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_killed_between_any_two_changes_of_the_disk_it_ends_as_if_not(interrupted):
    folder, copies = interrupted
    expected = content(folder)
    runs = ["", *(f"best/{name}/" for name in KEEP)]
    files = (
        "FINISHED",
        "about.json",
        "checksums.jsonl",
        "config.json",
        "history.csv",
        "network.keras",
        "standardisation.json",
    )
    assert set(expected) == {f"{run}{name}" for run in runs for name in files}
    ends = {name: expected[f"{run}about.json"]["chosen"] for name, run in zip(("itself", *KEEP), runs, strict=True)}
    assert ends == {
        "itself": {"criterion": "ccc", "epoch": 1},
        "mse": {"criterion": "mse", "epoch": 3},
        "mse_mean": {"criterion": "mse_mean", "epoch": 0},
    }
    # begun 2; every epoch state and history; weights by mse of three epochs and by mse_mean of one, two of them deleted
    # when another was better; the history once more, network and facts; six files a kept run; FINISHED, state, kept
    changes = 2 + 2 * EPOCHS + 4 + 2 + 3 + 6 * len(KEEP) + 3
    # a checksum before the history of every epoch, before the network, and before four of the files of a kept run
    assert len(copies) == changes + EPOCHS + 1 + 4 * len(KEEP)
    # nothing is trained twice: once an epoch is done, there is a state until the run is finished
    resumable = [Run(copy).state.exists() or Run(copy).finished for copy in copies]
    assert resumable == [False] * 4 + [True] * (len(copies) - 4)
    for copy in copies:
        if (copy / "kept").is_dir():
            (copy / "kept" / ".mse_3.0123.npz").write_bytes(b"half")  # what a killed process was just writing
        if Run(copy).finished:
            Run(copy).finish()  # as `train` does
        else:
            whole_run(copy)
        assert content(copy) == expected, copy


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_the_kept_weights_are_those_after_the_best_epoch(tmp_path):
    whole_run(tmp_path / "run")
    for name, epoch in (("mse", 3), ("mse_mean", 0)):
        _, model, _ = train(tmp_path / name, epoch + 1)
        kept = Run(tmp_path / "run").best(name).network()
        for one, two in zip(weights_of(kept), weights_of(model), strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("left", [None, 0, 300])
def test_kept_weights_that_are_gone_are_missed_before_training_goes_on(tmp_path, left):
    train(tmp_path / "run", 2, ("mse",))
    path = tmp_path / "run/kept/mse_1.npz"
    beginning = path.read_bytes()[:left]
    path.unlink()
    if left is not None:
        path.write_bytes(beginning)
    with pytest.raises(UserError, match=r"mse_1\.npz is damaged .*; delete .*state\.npz to train this run from the st"):
        train(tmp_path / "run", 3, ("mse",))
