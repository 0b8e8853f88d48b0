"""tools/classify.py as a user runs it: what networks learn, what is left of it, mistakes of one line."""

import json

import pandas as pd
import pytest
from conftest import tool

FACES = "--config=configs/ferplus.py:drawn_faces"


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    out = tmp_path_factory.mktemp("faces")
    flags = [FACES, f"--config.pictures={out}/pictures", "--config.training.epochs=10", f"--out={out}"]
    done = tool("classify", *flags, fresh=True)
    assert "SYNTHETIC" in done.stdout and "700 train, 210 dev, 210 test pictures" in done.stdout
    return out, flags


def test_drawn_faces_are_told_apart(faces):
    run = faces[0] / "small_cnn" / "seed0"
    assert json.loads((run / "test_scores.json").read_text())["accuracy"] > 0.9
    names = {path.name for path in run.iterdir()}
    assert names >= {"FINISHED", "body.keras", "network.keras", "test.csv", "test_classes.csv", "test_confusion.csv",
                     "test_confusion.png", "test_mistakes.png", "history.csv"}  # fmt: skip
    assert {"classifiers.md", "classifiers.html", "classifiers.tex", "classifiers.csv", "classifiers_curves.png"} <= {
        path.name for path in faces[0].iterdir()
    }
    answers = pd.read_csv(run / "test.csv")
    assert (answers["class"] == answers["answer"]).mean() > 0.9 and len(answers) == 210


def test_what_is_finished_stays(faces):
    out, flags = faces
    before = (out / "small_cnn" / "seed0" / "network.keras").stat().st_mtime_ns
    again = tool("classify", *flags, "--partition=dev", "--allow_seen")
    assert "is finished; nothing to do" in again.stderr
    assert (out / "small_cnn" / "seed0" / "network.keras").stat().st_mtime_ns == before
    assert (out / "classifiers_dev.md").is_file() and (out / "classifiers.md").is_file()


def test_real_digits_are_told_apart(tmp_path):
    flags = [f"--config.pictures={tmp_path}/pictures", "--config.training.epochs=8", f"--out={tmp_path}"]
    tool("classify", "--config=configs/ferplus.py:digits", *flags)
    assert pd.read_csv(tmp_path / "classifiers.csv")["accuracy"].item() >= 0.95


def test_the_sampler_finds_the_rare_class(tmp_path):
    tool("classify", FACES, "--config.corpus.imbalance=10", f"--config.pictures={tmp_path}/pictures",
         "--config.training.epochs=10", "--vary", "training.sampling=none,balanced", f"--out={tmp_path}")  # fmt: skip
    recall = {}
    for sampling in ("none", "balanced"):
        classes = pd.read_csv(tmp_path / sampling / "seed0" / "test_classes.csv").set_index("class")
        recall[sampling] = classes.loc["neutral", "recall"]  # ten of train, angry a hundred
    assert recall["balanced"] >= recall["none"] + 0.1
    assert "Against none" in (tmp_path / "classifiers.md").read_text()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config=configs/ferplus.py:affectnet"], "No corpus 'affectnet' in this recipe"),
        (["--config=configs/ferplus.py:fer2013,scratch"], "needs the folder that holds it"),
        ([FACES, "--config.training.samplng=none"], "has no field 'samplng'. Did you mean 'sampling'?"),
        ([FACES, "--partition=train"], "Partition 'train' is no fair report"),
        (["--config=configs/cer_mtl.py:synthetic"], "take configs/ferplus.py:drawn_faces"),
    ],
)
def test_mistakes_are_one_line(tmp_path, flags, message):
    done = tool("classify", *flags, f"--out={tmp_path}/out", check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert message in done.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "out").exists()
