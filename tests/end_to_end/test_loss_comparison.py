"""Losses on sequences, from the command line."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, tool

from emotf.runs import Run
from emotf.tables import read_track


@pytest.fixture(scope="module")
def folders(work):
    """Flags: where a tiny corpus for sequences is, extracted."""
    folders = [f"--config.corpus.dir={work}/sequences", f"--config.data.records={work}/sequences_records"]
    tool("extract", "--config=configs/losses.py:smoke", *folders)
    return folders


def test_losses_and_lengths_are_compared_in_one_table(work, folders):
    out = work / "losses"
    flags = ["--config=configs/losses.py:smoke", *folders, f"--out={out}", "--folds=0", "--seeds=0,1"]
    flags += ["--vary=loss=ccc:pool=sequence,non_inertial", "--vary=window.frames=16,32", "--against=non_inertial 32"]
    flags += ["--stability=loss"]
    done = tool("compare", *flags)
    assert "8 runs, 0 of them done" in done.stderr
    rows = pd.read_csv(out / "comparison.csv")
    assert set(rows["loss"]) == {"ccc:pool=sequence", "non_inertial"} and set(rows["window.frames"]) == {16, 32}
    assert len(rows) == 4 * 2 * 2 and rows["all_ccc"].notna().all() and set(rows["reference"]) == {"non_inertial 32"}
    assert "| ccc:pool=sequence 16 |" in done.stdout and "restored - non_inertial 32 [95 %]" in done.stdout
    assert (out / "sweep.png").stat().st_size > 1000
    steady = pd.read_csv(out / "stability.csv").query("fold == 'all' and target == 'arousal' and pooling == 'pooled'")
    assert len(steady) == 2 * 2 and set(steady["repetitions"]) == {4} and set(steady["reference"]) == {"non_inertial"}
    assert (steady["sd"] > 0).all() and "sd / sd of non_inertial" in done.stdout and (out / "stability.png").is_file()
    alone = tool("compare", *flags, "--seeds=0", check=False)
    assert alone.returncode == 1 and "needs two seeds or more" in alone.stderr
    again = tool("compare", *flags)
    assert "8 runs, 8 of them done" in again.stderr and again.stdout == done.stdout


def test_a_loss_that_couples_targets_is_refused_where_there_is_one(work, folders):
    flags = ["--config=configs/losses.py:smoke,stl-arousal,non_inertial", *folders, f"--run={work}/refused"]
    done = tool("train", *flags, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: non_inertial couples targets and needs two, the experiment has only arousal."
    )
    assert not (work / "refused").exists()


def test_learnt_weights_are_logged_and_a_killed_run_ends_as_if_not(work, folders):
    flags = ["--config=configs/losses.py:smoke,uncertainty", *folders, "--config.training.epochs=4"]
    tool("train", *flags, f"--run={work}/whole_weights")
    killed = (
        "import os, signal\nfrom emotf.training.state import Resume\n"
        "Resume.on_train_batch_end = lambda self, *_, **__: self.done == 2 and os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert tool("train", *flags, f"--run={work}/killed_weights", before=killed, check=False).returncode == -9
    tool("train", *flags, f"--run={work}/killed_weights")
    one, other = (pd.read_csv(work / run / "history.csv") for run in ("whole_weights", "killed_weights"))
    assert one.equals(other) and len(one) == 4
    weights = one[["arousal_weight", "valence_weight"]]
    assert np.allclose(weights.iloc[0], 0.5, atol=0.01) and (weights.iloc[-1] != weights.iloc[0]).all()


def test_a_savedmodel_of_sequences_equals_predict(work, folders):
    import tensorflow as tf

    run, folder = work / "sequence_run", work / "sequence_model"
    tool("train", "--config=configs/losses.py:smoke,s32", *folders, f"--run={run}")
    tool("evaluate", f"--run={run}", "--variance=avec", "--plots=0")
    tool("export", f"--run={run}", f"--out={folder}")
    sound = next((work / "sequences").rglob("*.wav"))
    tool("predict", f"--run={run}", f"--media={sound}", f"--out={work}/sequence.csv")
    predicted = read_track(work / "sequence.csv")

    from emotf.recording import Recording

    feature = Run(run).experiment.streams["mfcc39_20"]
    values = feature.extract(Recording("r", "s", {"audio": sound})).values[: predicted.frames]
    served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    parts = [served(mfcc39_20=tf.constant(values[None, i : i + 32])) for i in range(0, len(values), 32)]
    for target in ("arousal", "valence"):
        trace = np.concatenate([part[target].numpy()[0] for part in parts])
        np.testing.assert_allclose(trace, predicted.select([target]).values[:, 0], atol=1e-5)


def test_the_losses_of_the_readme_train_a_model_that_is_not_ours():
    text = (ROOT / "README.md").read_text().split("## Use the losses in your own model")[1].split("\n## ")[0]
    code = "\n".join(line[4:] for line in text.splitlines() if re.match(r"    |$", line))
    assert "NonInertial" in code and code.count("\n") < 25
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "ccc_valence" in done.stdout
