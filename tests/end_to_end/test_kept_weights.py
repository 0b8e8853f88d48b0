"""Training by recording, with best weights by several criteria: killed on the way, and every tool on what is kept."""

import json
import signal

import numpy as np
import pandas as pd
import pytest
from conftest import tool

from emotf.checksums import checked
from emotf.files import read_json
from emotf.runs import Run

KEEP = ("ccc", "mse_mean", "non_inertial_mean")


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    """A run of few short epochs on the tiny corpus, extracted once."""
    folder = tmp_path_factory.mktemp("kept")
    found = ["--config=configs/losses.py:smoke", f"--config.corpus.dir={folder}/corpus"]
    found += [f"--config.data.records={folder}/records"]
    tool("extract", *found)
    training = ["order=by_recording", "weighting=sum", "select=ccc_mean", f"keep={','.join(KEEP)}", "plateau=1"]
    training += ["learning_rate=0.02", "batch=4", "epochs=4", "pool=2"]
    return [*found, *(f"--config.training.{setting}" for setting in training)]


KILLED = """
import os, signal
from pathlib import Path

replaced, count = os.replace, 0

def replace(source, target):
    global count
    replaced(source, target)
    count += {name!r} in Path(target).as_posix()
    if count == {times}:
        os.kill(os.getpid(), signal.SIGKILL)

os.replace = replace
"""


def content(folder):
    """path -> bytes, or the weights of a network, or the facts that do not depend on the clock."""
    found = {}
    for path in folder.rglob("*"):
        if path.suffix == ".keras":
            value = [np.array(weight).tobytes() for weight in Run(path.parent).network().weights]
        elif path.name == "checksums.jsonl":  # a line a writing, of which a run that was killed has other ones
            value = {json.loads(line)[0] for line in path.read_text().splitlines()}
            assert all(checked(path.with_name(name), "") for name in value)
        elif path.name == "about.json":
            value = read_json(path) | {"training_seconds": None, "kept_from": None}
        elif path.is_file() and "tensorboard" not in path.parts:
            value = path.read_bytes()
        else:
            continue
        found[path.relative_to(folder).as_posix()] = value
    return found


def test_killed_while_it_writes_it_ends_as_if_not(flags, tmp_path):
    tool("train", *flags, f"--run={tmp_path}/whole")
    expected = content(tmp_path / "whole")
    assert {f"best/{name}/{file}" for name in KEEP for file in ("network.keras", "FINISHED")} < set(expected)
    # after the weights of an epoch and before its state; with one kept run made and another begun
    for name, times in (("/kept/", 4), ("/best/mse_mean/about.json", 1)):
        killing = KILLED.format(name=name, times=times)
        done = tool("train", *flags, f"--run={tmp_path}/killed", before=killing, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert (tmp_path / "killed/best/ccc/FINISHED").exists() and not (tmp_path / "killed/FINISHED").exists()
    done = tool("train", *flags, f"--run={tmp_path}/killed")
    assert "going on after epoch 4" in done.stderr
    assert content(tmp_path / "killed") == expected

    kept = tmp_path / "killed/best/mse_mean"
    assert "arousal | pooled" in tool("evaluate", f"--run={kept}").stdout
    chosen = read_json(kept / "about.json")["chosen"]
    history = pd.read_csv(kept / "history.csv")
    assert chosen == {"criterion": "mse_mean", "epoch": int(history["dev_mse_mean"].argmin())}
