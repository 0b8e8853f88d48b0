"""Hyper-parameters are searched, by two processes that are killed on the way; the best is a recipe like any other."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
from conftest import ROOT, tool

from emotf.files import read_json


def test_a_search_is_killed_goes_on_and_ends_in_a_recipe(tmp_path, smoke):
    out = tmp_path / "out"
    flags = [f"{smoke[0]},speech", *smoke[1:], "--config.training.learning_rate=3e-5"]
    flags += [f"--out={out}", "--trials=4", "--workers=2", "--folds=1", "--space=model.gru_units=3..8"]
    flags += ["--space=training.learning_rate=1e-4..1e-1:log", "--space=loss=ccc,mse"]

    command = [sys.executable, "tools/search.py", *flags]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        said = iter(process.stderr.readline, "")
        assert any(line.startswith("trial ") for line in said), "the first trial came to no end"
        time.sleep(0.5)  # the next one has begun
        process.send_signal(signal.SIGKILL)
    done = tool("search", *flags, fresh=True)
    assert "tried again" in done.stderr and "4 trials, " in done.stderr

    rows = pd.read_csv(out / "trials.csv", float_precision="round_trip")
    counted = rows[rows["outcome"] != "killed"]
    assert len(counted) == 4 and len(rows) > 4 and counted["recipe"].sum() == 1
    # the recipe's rate lies outside the space, and is tried all the same
    assert rows.loc[rows["recipe"], "training.learning_rate"].isna().all()
    best = counted.loc[counted["value"].idxmax()]
    assert not best["recipe"] and f"Trial {best['trial']} is the best" in done.stdout
    assert done.stdout.splitlines()[-4:] == [
        str(out / name) for name in ("best.py", "search.md", "search.png", "trials.csv")
    ]
    assert not list(out.rglob("scores.csv")) and not list(out.rglob("predictions"))

    # the winner as a recipe: the same score in the same fold, and overrides as ever
    run = tmp_path / "run"
    one_core = {"TF_NUM_INTRAOP_THREADS": "1"}  # as each worker had
    tool("train", f"--config={out}/best.py", "--config.data.fold=1", f"--run={run}", env=one_core)
    assert pd.read_csv(run / "history.csv", float_precision="round_trip")["dev_ccc"].max() == best["value"]
    assert read_json(run / "config.json")["model"]["gru_units"] == best["model.gru_units"]

    refused = tool("search", *flags, "--space=loss=ccc,mae", check=False)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == "error: --space names 'loss' twice; give all its values at once."
