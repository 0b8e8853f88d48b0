"""Features that are fitted on train: on whom, what is kept, and who is refused afterwards."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from emotf.config import Data, Experiment
from emotf.corpora.folder import Folder
from emotf.errors import UserError
from emotf.features.base import FittedFeature
from emotf.features.lgbp_top84 import LgbpTop84
from emotf.features.mfcc39 import Mfcc39
from emotf.files import sha256
from emotf.models.cer import Cer
from emotf.prediction import _feature
from emotf.records import LEARNED, Store, check_unseen, extract, read_learned, settings_of
from emotf.runs import Run
from emotf.tables import read_track, write_track
from emotf.track import Track

LEARNED_FROM: list[list[str]] = []
BROKEN: set[str] = set()


@dataclass
class Centred(FittedFeature):
    """A table less the mean over train, times a factor."""

    factor: float = 1.0

    medium = "body"

    @property
    def channels(self):
        return ("x",)

    @property
    def window(self):
        return 0.0

    def learn(self, recordings):
        LEARNED_FROM.append([recording.id for recording in recordings])
        return {"mean": np.mean([read_track(r.medium("body")).values.mean() for r in recordings], keepdims=True)}

    def compute(self, recording):
        if recording.id in BROKEN:
            raise UserError(f"Recording {recording.id}: body is unreadable.")
        found = read_track(recording.medium("body"))
        return replace(found, values=self.factor * (found.values - self.learned["mean"]), channels=("x",))


@pytest.fixture
def corpus(tmp_path):
    """Six recordings of six people in sessions 1 to 6; body is about the number of the recording."""
    LEARNED_FROM.clear()
    BROKEN.clear()
    home = tmp_path / "corpus"
    for k in range(1, 7):
        write_body(home, k)
        gold = Track(np.random.default_rng(k).uniform(-1, 1, (21, 1)), hop=0.1, channels=("gold",))
        write_track(home / "ratings" / "arousal" / f"r{k}.csv", gold)
    listing(home, "session", [str(k) for k in range(1, 7)])
    return Folder(dir=str(home))


def listing(home: Path, column: str, places: list[str]) -> None:
    rows = "".join(f"r{k},s{k},{place},body/r{k}.csv\n" for k, place in enumerate(places, start=1))
    (home / "recordings.csv").write_text(f"id,subject,{column},body\n{rows}")


def write_body(home: Path, k: int, seed: int = 0) -> None:
    values = k + 0.1 * np.random.default_rng([seed, k]).normal(size=(51, 1))
    write_track(home / "body" / f"r{k}.csv", Track(values, hop=0.04, channels=("c",)))


def run(corpus, tmp_path, **features):
    LEARNED_FROM.clear()
    return extract(corpus, features or {"body": Centred()}, tmp_path / "records" / "folder")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "records" / "folder")


@pytest.mark.parametrize(
    ("feature", "train"),
    [
        (Centred(), ["r3", "r4", "r5", "r6"]),  # fold 0 tests session 1 and chooses on session 2
        (Centred(fold=0), ["r3", "r4", "r5", "r6"]),
        (Centred(fold=5), ["r2", "r3", "r4", "r5"]),
    ],
)
def test_only_train_is_learned_from(corpus, store, tmp_path, feature, train):
    assert run(corpus, tmp_path, body=feature)["body"] == {"written": 6, "kept": 0}
    assert [train] == LEARNED_FROM
    mean = np.mean([read_track(corpus.path / "body" / f"{name}.csv").values.mean() for name in train])
    for k in range(1, 7):
        expected = read_track(corpus.path / "body" / f"r{k}.csv").values - mean
        np.testing.assert_allclose(store.stream("body").read(f"r{k}").values, expected, atol=1e-6)
    made_by = store.stream("body").schema.made_by
    path = store.stream("body").folder / LEARNED
    assert made_by == {
        "part": "test_fitted_features", "fold": feature.fold, "factor": 1.0, "fitted_on": train,
        "learned": sha256(path),
    }  # fmt: skip
    assert settings_of(made_by) == {"part": "test_fitted_features", "fold": feature.fold, "factor": 1.0}
    np.testing.assert_allclose(read_learned(path, made_by)["mean"], mean)


def test_the_partitions_of_the_corpus_say_whose_train(corpus, tmp_path):
    listing(corpus.path, "partition", ["train", "dev", "test", "test", "dev", "train"])
    run(corpus, tmp_path)
    assert LEARNED_FROM == [["r1", "r6"]]


def test_fitting_again_gives_the_same_bytes(corpus, tmp_path):
    for place in ("a", "b"):
        extract(corpus, {"body": Centred()}, tmp_path / place)
    assert (tmp_path / "a" / "body" / LEARNED).read_bytes() == (tmp_path / "b" / "body" / LEARNED).read_bytes()


def test_a_second_extraction_learns_nothing_anew(corpus, store, tmp_path):
    run(corpus, tmp_path)
    before = (store.folder / "body" / LEARNED).stat().st_mtime_ns
    assert run(corpus, tmp_path)["body"] == {"written": 0, "kept": 6}
    assert LEARNED_FROM == [] and (store.folder / "body" / LEARNED).stat().st_mtime_ns == before


def test_an_interrupted_extraction_goes_on_with_what_was_learned(corpus, store, tmp_path):
    BROKEN.update(f"r{k}" for k in range(1, 7))  # before the first record, and so before there is a schema
    with pytest.raises(UserError, match="r1: body is unreadable"):
        run(corpus, tmp_path)
    assert [p.name for p in (store.folder / "body").iterdir()] == [LEARNED] and len(LEARNED_FROM) == 1
    BROKEN.clear()
    BROKEN.add("r4")
    with pytest.raises(UserError, match="r4: body is unreadable"):
        run(corpus, tmp_path)
    BROKEN.clear()
    assert LEARNED_FROM == []
    assert run(corpus, tmp_path)["body"] == {"written": 1, "kept": 5} and LEARNED_FROM == []


def test_what_was_learned_for_another_extraction_is_replaced_while_there_are_no_records(corpus, store, tmp_path):
    BROKEN.update(f"r{k}" for k in range(1, 7))
    with pytest.raises(UserError, match="unreadable"):
        run(corpus, tmp_path)
    BROKEN.clear()
    run(corpus, tmp_path, body=Centred(fold=3))
    assert LEARNED_FROM == [["r1", "r2", "r3", "r6"]]
    assert store.stream("body").schema.made_by["fold"] == 3


@pytest.mark.parametrize(
    ("feature", "field"),
    [(Centred(fold=2), r"fold \(-1, asked for 2\)"), (Centred(factor=2.0), r"factor \(1.0, asked for 2.0\)")],
)
def test_a_stream_of_other_settings_is_refused_before_any_work(corpus, tmp_path, feature, field):
    run(corpus, tmp_path)
    with pytest.raises(UserError, match=rf"body was made with another {field}; name the new stream differently"):
        run(corpus, tmp_path, body=feature)
    assert LEARNED_FROM == []
    assert run(corpus, tmp_path, other=feature)["other"]["written"] == 6


def test_files_and_recordings_that_changed_since_are_noticed(corpus, tmp_path):
    run(corpus, tmp_path)
    write_body(corpus.path, 1, seed=5)  # not of train: extracted again, with the same mean
    assert run(corpus, tmp_path)["body"] == {"written": 1, "kept": 5} and LEARNED_FROM == []
    write_body(corpus.path, 4, seed=5)
    with pytest.raises(UserError, match=r"fitted on other recordings or files \(recording r4 differs\); name the new"):
        run(corpus, tmp_path)
    write_body(corpus.path, 4)
    listing(corpus.path, "session", ["1", "2", "3", "4", "5"])
    (corpus.path / "ratings" / "arousal" / "r6.csv").unlink()
    with pytest.raises(UserError, match="recording r6 differs"):
        run(corpus, tmp_path)


def test_damage_to_what_was_learned_is_noticed(corpus, store, tmp_path):
    run(corpus, tmp_path)
    path = store.folder / "body" / LEARNED
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"learned\.npz is not what made the stream \(damaged or exchanged\)"):
        run(corpus, tmp_path)
    path.unlink()
    with pytest.raises(UserError, match=r"learned\.npz is missing, which the feature had learned"):
        run(corpus, tmp_path)


def test_a_corpus_that_cannot_be_divided_is_refused(corpus, tmp_path):
    with pytest.raises(UserError, match="Fold 6 does not exist"):
        run(corpus, tmp_path, body=Centred(fold=6))


def test_streams_that_saw_dev_or_test_are_refused(corpus, store, tmp_path):
    run(corpus, tmp_path, body=Centred(), other=Centred(fold=2))
    check_unseen(store, ["body"], {"train": ["r3", "r6"], "dev": ["r2"], "test": ["r1"]})
    with pytest.raises(
        UserError, match=r"Stream 'body' was fitted on recording r5, which is in test here; extract a s"
    ):
        check_unseen(store, ["body"], {"train": ["r3"], "dev": ["r2"], "test": ["r1", "r5"]})
    with pytest.raises(UserError, match=r"'other' was fitted on recording r2, which is in dev here; .* fold=2\)"):
        check_unseen(store, ["body", "other"], {"train": ["r5"], "dev": ["r2"], "test": ["r1"]})


def experiment(tmp_path: Path, corpus: Folder, fold: int | None, **streams: object) -> Experiment:
    from emotf.losses.ccc import Ccc

    data = Data(records=str(tmp_path / "records"), fold=fold)
    return Experiment(corpus=corpus, streams=dict(streams), model=Cer(), loss=Ccc(), data=data)


def test_an_experiment_of_another_fold_is_refused_before_training(corpus, tmp_path):
    from emotf.training import train

    run(corpus, tmp_path)
    with pytest.raises(UserError, match="Stream 'body' was fitted on recording r4, which is in dev here"):
        train(experiment(tmp_path, corpus, 2, body=Centred()), Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_run_keeps_what_new_recordings_need(corpus, store, tmp_path):
    """The records are gone, and the feature still knows what it had learned."""
    run(corpus, tmp_path)
    kept = Run(tmp_path / "run")
    kept.keep_learned(store, ["body", "gold"])
    assert {path.name for path in (kept.folder / "learned").iterdir()} == {"body.npz", "checksums.jsonl"}
    assert kept.learned("body").read_bytes() == (store.folder / "body" / LEARNED).read_bytes()
    learned = {"mean": np.zeros(3, np.float32), "basis": np.ones((84, 3), np.float32)}
    np.savez(kept.learned("face"), about=np.array("{}"), **learned)
    made_by = {
        "part": "lgbp_top84",
        "fold": 2,
        "size": 32,
        "fitted_on": ["r1"],
        "learned": sha256(kept.learned("face")),
    }
    feature = _feature(made_by, kept.learned("face"))
    assert feature == LgbpTop84(fold=2, size=32)
    assert feature.learned.keys() == learned.keys()
    np.testing.assert_array_equal(feature.learned["basis"], learned["basis"])
    with pytest.raises(UserError, match=r"body\.npz is not what made the stream"):
        _feature(made_by, kept.learned("body"))
    assert _feature({"part": "mfcc39", "frame_rate_hz": 25}, kept.learned("speech")) == Mfcc39(frame_rate_hz=25)


def test_a_feature_that_knows_nothing_says_so(corpus):
    recordings = corpus.recordings()
    with pytest.raises(UserError, match="has not been fitted; extract the stream first"):
        Centred().extract(recordings[0])
    fitted = Centred().fit(recordings[:2])
    assert fitted.extract(recordings[0]).frames == 51
    assert fitted == Centred()  # settings; what was learned is none
