"""From the films of an Aff-Wild twin to trained networks and a trace of a film that nobody rated."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import tool

from emotf.tables import read_track

# ten pictures a second are enough here; the ResNet50 takes most of the time
RATE = "rate-10,split-60:40,s32"


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    work = tmp_path_factory.mktemp("films")
    tool("extract", "--corpus=affwild", f"--twin={work}/twin")
    assert len(list((work / "twin" / "videos").rglob("*.mp4"))) == 6
    return work


def flags(films, recipe, *more):
    return [f"--config=configs/{recipe}", f"--config.corpus.dir={films}/twin", f"--config.data.records={films}/records",
            *more]  # fmt: skip


@pytest.mark.parametrize("recipe", ["non_inertial", "affect_transformer"])
def test_planted_streams_train_in_seconds(tmp_path, recipe):
    smoke = [f"--config=configs/{recipe}.py:smoke", f"--config.corpus.dir={tmp_path}/planted",
             f"--config.data.records={tmp_path}/records"]  # fmt: skip
    tool("extract", *smoke)
    tool("train", *smoke, f"--run={tmp_path}/run")
    said = tool("evaluate", f"--run={tmp_path}/run").stdout
    assert "SYNTHETIC: planted traces" in said and "valence" in said


def test_the_full_network_is_trained_on_films(films):
    full = flags(films, f"non_inertial.py:affwild,{RATE},smoke", "--config.streams.resnet50.weights=random")
    full += ["--config.training.batch=1"]
    done = tool("extract", *full)
    assert "resnet50: 5 recordings written, 0 kept; 2048 channels, 10/s, extracted" in done.stdout
    assert "1 videos of test have no ratings and are left out" in done.stdout
    run = films / "full"
    tool("train", *full, f"--run={run}")
    about = json.loads((run / "about.json").read_text())
    assert (about["parameters"], about["examples"], about["steps_an_epoch"]) == (3481858, 3, 3)
    assert "SYNTHETIC TWIN of the layout of affwild" in about["records"]["targets_are"]
    assert {name: part["kind"] for name, part in about["streams"].items()} == dict.fromkeys(
        ("resnet50", "landmarks140", "pose36", "mel128"), "extracted"
    )
    history = pd.read_csv(run / "history.csv")
    assert len(history) == 2 and {"dev_ccc_mean", "dev_mse_mean", "dev_non_inertial_mean"} <= set(history)
    scores = tool("evaluate", f"--run={run}", "--partition=dev", "--allow_seen").stdout
    assert "arousal" in scores and "valence" in scores
    # the best by another measure is a run like any other
    tool("evaluate", f"--run={run}/best/mse_mean", "--partition=dev", "--allow_seen")
    unrated = films / "twin" / "videos" / "test" / "106.mp4"
    tool("predict", f"--run={run}", f"--media={unrated}", f"--out={films}/106.csv")
    trace = pd.read_csv(films / "106.csv")
    assert list(trace) == ["time", "arousal", "valence"] and trace["time"].tolist() == [k / 10 for k in range(30)]
    assert trace.notna().all(axis=None)


def test_the_mesh_transformer_is_trained_on_films(films):
    mesh = flags(films, f"affect_transformer.py:affwild,{RATE},smoke")
    tool("extract", *mesh)
    run = films / "mesh"
    tool("train", *mesh, f"--run={run}")
    about = json.loads((run / "about.json").read_text())
    assert about["parameters"] == 4046594 and len(about["streams"]["face_mesh"]["channels"]) == 1404
    scores = pd.read_csv(run / "history.csv")
    assert len(scores) == 2 and scores["loss"].notna().all()
    assert "arousal" in tool("evaluate", f"--run={run}", "--partition=dev", "--allow_seen").stdout
    # watched while it is filmed, the face is traced as it is predicted
    film = films / "twin" / "videos" / "test" / "106.mp4"
    tool("predict", f"--run={run}", f"--media={film}", f"--out={films}/whole.csv")
    done = tool("live", f"--run={run}", f"--file={film}", "--speed=0", f"--out={films}/live.csv")
    assert "a push took" in done.stdout
    live, whole = read_track(films / "live.csv"), read_track(films / "whole.csv")
    assert live.hop == pytest.approx(whole.hop) and live.channels == whole.channels
    np.testing.assert_allclose(live.values, whole.values, atol=1e-4)
