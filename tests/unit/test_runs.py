import os

import numpy as np
import pandas as pd
import pytest

from emotf.config import Data, Experiment, Training, to_json
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.mfcc39 import Mfcc39
from emotf.files import read_json, write_json
from emotf.models.cer import Cer
from emotf.runs import Run
from emotf.tables import read_track
from emotf.track import Track


def experiment(**changes):
    from emotf.losses.ccc import Ccc

    settings = {"corpus": Synthetic(), "streams": {"mfcc39": Mfcc39()}, "model": Cer(), "loss": Ccc()}
    return Experiment(**{**settings, **changes})


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "runs" / "one")


def test_a_run_keeps_its_experiment(run):
    run.begin(experiment(data=Data(targets=("arousal",), delay=0.65)))
    run.check(experiment(data=Data(targets=("arousal",), delay=0.65)), "f")
    assert run.experiment.data == Data(targets=("arousal",), delay=0.65)
    assert to_json(run.experiment) == read_json(run.folder / "config.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": Training(seed=3)}, r"training\.seed \(0, asked for 3\)"),
        ({"model": Cer(gru_units=8)}, r"model\.gru_units \(5, asked for 8\)"),
        ({"streams": {"mfcc39": Mfcc39(frame_rate_hz=25)}}, r"streams\.mfcc39\.frame_rate_hz \(60\.0, asked for 25\)"),
        ({"data": Data(targets=("valence",))}, r"data\.targets \(\[\], asked for \['valence'\]\)"),
        ({"training": Training(weights="arousal:1")}, r"training\.weights \(, asked for arousal:1\)"),
    ],
)
def test_a_run_of_another_experiment_is_refused_with_the_difference(run, changes, message):
    run.begin(experiment())
    before = read_json(run.folder / "config.json")
    with pytest.raises(UserError, match=rf"one holds a run with another {message}; choose another folder"):
        run.check(experiment(**changes), "f")
    assert read_json(run.folder / "config.json") == before


def test_a_run_on_other_records_is_refused(run):
    run.begin(experiment())
    run.check(experiment(), "f")
    run.note(records={"fingerprint": "f"})
    run.check(experiment(), "f")
    with pytest.raises(UserError, match=r"was trained on other records \(f, now g\)"):
        run.check(experiment(), "g")


def test_a_field_that_only_the_old_run_has_is_named(run):
    run.begin(experiment())
    old = read_json(run.folder / "config.json")
    write_json(run.folder / "config.json", {**old, "training": {**old["training"], "extinct": 1}})
    with pytest.raises(UserError, match=r"training\.extinct \(1, asked for None\)"):
        run.check(experiment(), "f")
    with pytest.raises(UserError, match="Training has no field 'extinct'"):
        _ = run.experiment


def test_a_folder_without_a_run_says_so(run):
    with pytest.raises(UserError, match=r"one is no run \(it has no config\.json\); train one"):
        _ = run.experiment
    with pytest.raises(UserError, match=r"one is not finished; run tools/train\.py again"):
        run.network()
    assert run.about == {} and run.scores() is None and not run.finished


def test_facts_add_up(run):
    run.note(seed=1, targets=["arousal"])
    run.note(seed=2, parameters=5)
    assert run.about == {"seed": 2, "targets": ["arousal"], "parameters": 5}


def test_finishing_removes_the_state(run):
    run.folder.mkdir(parents=True)
    run.state.write_bytes(b"x")
    run.finish()
    assert run.finished and not run.state.exists()
    run.finish()


def test_a_finished_run_may_lie_where_nothing_can_be_written(run, monkeypatch):
    run.folder.mkdir(parents=True)
    run.finish()

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    for place, name in ((os, "replace"), (os, "unlink"), (os, "rmdir"), (os, "mkdir")):
        monkeypatch.setattr(place, name, refuse)
    run.finish()
    assert run.finished


def scores(partition, value, variance="population"):
    targets = ["a", "b"]
    return pd.DataFrame(
        {"target": targets, "partition": partition, "variance": variance, "measure": "ccc", "value": value}
    )


def test_scores_of_partitions_stand_side_by_side(run):
    run.write_scores(scores("test", 0.1 + 0.2))
    run.write_scores(scores("dev", 0.5))
    run.write_scores(scores("test", 1 / 3))
    run.write_scores(scores("test", 0.25, "sample"))
    found = run.scores()
    assert list(found["partition"]) == ["dev", "dev", "test", "test", "test", "test"]
    assert list(found["value"]) == [0.5, 0.5, 1 / 3, 1 / 3, 0.25, 0.25]
    assert sorted(os.listdir(run.folder)) == ["checksums.jsonl", "scores.csv"]


def test_undefined_scores_stay_undefined(run):
    run.write_scores(scores("test", np.nan))
    assert run.scores()["value"].isna().all()


def test_predictions_come_back(run):
    track = Track(np.random.default_rng(0).normal(size=(9, 2)), hop=1 / 60, start=0.5, channels=("a", "b"))
    run.write_predictions("test", {"r1": track, "s1.take2": track})
    for recording in ("r1", "s1.take2"):
        found = read_track(run.prediction("test", recording))
        np.testing.assert_array_equal(found.values, track.values)
        assert (found.hop, found.start, found.channels) == (1 / 60, 0.5, ("a", "b"))


def test_a_finished_run_gives_its_network_back(run):
    network = Cer(filters=2, gru_units=1).build({"mfcc39": 3}, ["arousal"], frames=6)
    run.save_network(network)
    run.finish()
    images = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
    again = run.network()
    np.testing.assert_array_equal(
        again({"mfcc39": images})["arousal"].numpy(), network({"mfcc39": images})["arousal"].numpy()
    )
    assert sorted(p.name for p in run.folder.iterdir()) == ["FINISHED", "checksums.jsonl", "network.keras"]
