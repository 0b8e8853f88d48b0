"""Late fusion against scikit-learn and a planted mixture; fusions of runs, of fusions, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from emotf.config import Data, Experiment
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.mfcc39 import Mfcc39
from emotf.fusion import METHODS, LinearFusion
from emotf.losses.ccc import Ccc
from emotf.measures import ccc
from emotf.models.lstm import Lstm
from emotf.postprocessing.centring import Centring
from emotf.postprocessing.scaling import Scaling
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store
from emotf.refinement import fuse, postprocess
from emotf.runs import Fusion, Run
from emotf.tables import read_track
from emotf.track import Track
from emotf.windows.sequences import Sequences

TARGETS = ("arousal", "valence")


def mixture(seed=0, frames=400):
    rng = np.random.default_rng(seed)
    systems = [{name: rng.normal(size=frames) for name in ("a", "b")} for _ in range(3)]
    gold = {name: 0.2 + 0.5 * systems[0][name] - 0.3 * systems[1][name] for name in ("a", "b")}
    gold["b"][:50] = np.nan
    return gold, systems


def test_least_squares_are_those_of_scikit_learn_and_find_a_planted_mixture():
    gold, systems = mixture()
    found = LinearFusion().fit(gold, systems)
    np.testing.assert_allclose(found.weights_, [0.5, -0.3, 0.0], atol=1e-12)
    assert found.intercept_ == pytest.approx(0.2)
    noisy = {name: y + np.random.default_rng(1).normal(size=len(y)) for name, y in gold.items()}
    found = LinearFusion().fit(noisy, systems)
    rated = np.concatenate([~np.isnan(noisy[name]) for name in noisy])
    x = np.stack([np.concatenate([system[name] for name in noisy]) for system in systems], axis=1)
    oracle = LinearRegression().fit(x[rated], np.concatenate(list(noisy.values()))[rated])
    np.testing.assert_allclose(found.weights_, oracle.coef_, atol=1e-12)
    np.testing.assert_allclose(found.transform([s["a"] for s in systems]), oracle.predict(x[:400]), atol=1e-12)


def test_other_methods_hold_the_weights():
    gold, systems = mixture()
    assert min(LinearFusion("non_negative").fit(gold, systems).weights_) >= 0
    wide = [{name: 100 * x for name, x in systems[0].items()}, *systems[1:]]
    for penalty in (1.0, 1e5):
        ridge, again = LinearFusion("ridge", penalty).fit(gold, systems), LinearFusion("ridge", penalty).fit(gold, wide)
        assert again.weights_[0] == pytest.approx(ridge.weights_[0] / 100)  # fair, whatever the units
    assert np.linalg.norm(ridge.weights_) < 0.1
    twins = [systems[0], systems[0]]
    assert LinearFusion("ridge").fit(gold, twins).weights_ == pytest.approx((0.25, 0.25), abs=0.02)


def test_what_cannot_be_fused_is_refused():
    gold, systems = mixture()
    with pytest.raises(UserError, match="not fitted; fit it on development first"):
        LinearFusion().transform([gold["a"]])
    with pytest.raises(UserError, match="joins 3 systems, received 1"):
        LinearFusion().fit(gold, systems).transform([systems[0]["a"]])
    with pytest.raises(UserError, match="'mean', expected one of least_squares, ridge, non_negative"):
        LinearFusion("mean")
    with pytest.raises(UserError, match="must not be negative"):
        LinearFusion(penalty=-1.0)
    with pytest.raises(UserError, match="3 rated frames are too few for 3 weights"):
        LinearFusion().fit({"a": gold["a"][:3]}, [{"a": s["a"][:3]} for s in systems])


# ---- of runs ---------------------------------------------------------------------------------------------------------


def experiment(folder, targets=TARGETS, fold=0):
    data = Data(records=str(folder / "records"), targets=targets, fold=fold)
    return Experiment(Synthetic(), {"mfcc39": Mfcc39()}, Lstm(), Ccc(), data, Sequences())


@pytest.fixture
def golds(tmp_path):
    """Nine recordings in three sessions, rated by two targets."""
    store, rng = Store(experiment(tmp_path).store), np.random.default_rng(0)
    names = [f"r{k}" for k in range(9)]
    people = [Recording(name, f"p{name}", {}, session=str(k % 3)) for k, name in enumerate(names)]
    store.describe({"part": "synthetic", "dir": "nowhere"}, "made up", people)
    found = {name: Track(rng.normal(size=(200, 2)), hop=0.1, channels=TARGETS) for name in names}
    stream = store.stream(GOLD)
    stream.start(Schema(TARGETS, 0.1, 0.0, GOLD, {}))
    stream.complete({name: stream.write(name, gold) for name, gold in found.items()})
    sound = store.stream("mfcc39")
    sound.start(Schema(("energy",), 0.1, 0.0, "extracted", {"part": "mfcc39"}))
    still = Track(np.zeros((200, 1)), hop=0.1, channels=("energy",))
    sound.complete({name: sound.write(name, still) for name in names})
    return found


def made(tmp_path, golds, name, noise, targets=TARGETS, fold=0, seed=0):
    """A finished run whose predictions of development (session 1) and test (0) are gold and noise of its own."""
    run, rng = Run(tmp_path / name), np.random.default_rng(seed)
    run.begin(experiment(tmp_path, targets, fold))
    for partition, session in (("dev", (fold + 1) % 3), ("test", fold)):
        of = {n: g.select(targets) for n, g in golds.items() if int(n[1:]) % 3 == session}
        noisy = {
            n: Track(g.values + noise * rng.normal(size=g.values.shape), hop=0.1, channels=targets)
            for n, g in of.items()
        }
        run.write_predictions(partition, noisy)
    run.finish()
    return str(run.folder)


def test_a_fusion_beats_its_systems_and_can_be_fused_again(tmp_path, golds):
    runs = [made(tmp_path, golds, f"run{k}", 1.0, seed=k) for k in range(3)]
    joined, scores = fuse(runs[:2], tmp_path / "two", LinearFusion())
    assert list(joined) == list(TARGETS) and set(scores["partition"]) == {"test"}
    one = joined["arousal"]
    assert (
        one.fused > one.best and list(one.weights) == ["run0", "run1"] and one.leave_one_out > max(one.dev_ccc.values())
    )
    content = Fusion(tmp_path / "two").content
    assert content["fitted_on"] == {"partition": "dev", "recordings": ["r1", "r4"]}
    trace = read_track(Fusion(tmp_path / "two").prediction("test", "r3")).select(["valence"]).values[:, 0]
    learned = content["targets"]["valence"]
    parts = [read_track(Run(run).prediction("test", "r3")).select(["valence"]).values[:, 0] for run in runs[:2]]
    by_hand = learned["intercept"] + sum(w * p for w, p in zip(learned["weights"].values(), parts, strict=True))
    np.testing.assert_allclose(trace, by_hand, atol=1e-6)
    row = scores[(scores.target == "valence") & (scores.measure == "ccc") & (scores.pooling == "pooled")].iloc[0]
    test = {n: read_track(Fusion(tmp_path / "two").prediction("test", n)).values[:, 1] for n in ("r0", "r3", "r6")}
    assert row["value"] == pytest.approx(
        ccc(np.concatenate([golds[n].values[:, 1] for n in test]), np.concatenate(list(test.values()))), abs=1e-6
    )

    again, _ = fuse([str(tmp_path / "two"), runs[2]], tmp_path / "three", LinearFusion())
    assert again["arousal"].dev_ccc["two"] > again["arousal"].dev_ccc["run2"]
    assert Fusion(tmp_path / "three").first_run == tmp_path / "run0"
    assert pd.read_csv(tmp_path / "three" / "scores.csv")["value"].notna().all()


def test_development_traces_of_a_fusion_know_nothing_of_their_own_recording(tmp_path, golds):
    """A fusion of fusions would lean on an inner one that had seen the gold standard it is fitted on."""
    folders = [made(tmp_path, golds, name, noise=0.5, seed=seed) for seed, name in enumerate(("a", "b"))]
    joined, _ = fuse([str(folder) for folder in folders], tmp_path / "fused", LinearFusion(), threshold=-1)
    gold = {name: track.select(["arousal"]).values[:, 0] for name, track in golds.items() if int(name[1:]) % 3 == 1}
    systems = [
        {name: read_track(Run(folder).prediction("dev", name)).select(["arousal"]).values[:, 0] for name in gold}
        for folder in folders
    ]
    for name in gold:
        others = LinearFusion().fit({n: gold[n] for n in gold if n != name}, systems)
        wanted = others.transform([system[name].astype(np.float64) for system in systems])
        kept = read_track(Fusion(tmp_path / "fused").prediction("dev", name)).select(["arousal"]).values[:, 0]
        np.testing.assert_allclose(kept, wanted, atol=1e-5)
    whole = [ccc(np.concatenate(list(gold.values())), np.concatenate([
        read_track(Fusion(tmp_path / "fused").prediction("dev", name)).values[:, 0] for name in gold]))]  # fmt: skip
    assert joined["arousal"].leave_one_out == pytest.approx(whole[0], abs=1e-5)


def test_systems_of_other_targets_are_joined_target_by_target(tmp_path, golds):
    single = [made(tmp_path, golds, target, 0.5, (target,), seed=k) for k, target in enumerate(TARGETS)]
    joined, scores = fuse([*single, made(tmp_path, golds, "both", 0.5, seed=2)], tmp_path / "out", LinearFusion())
    assert {target: list(one.weights) for target, one in joined.items()} == {
        "arousal": ["arousal", "both"], "valence": ["valence", "both"],
    }  # fmt: skip
    assert set(scores["target"]) == set(TARGETS)
    joined, _ = fuse([str(tmp_path / "out"), single[0]], tmp_path / "again", LinearFusion())
    assert list(joined["valence"].weights) == ["out"]


def test_weak_systems_are_left_out_and_post_processed_ones_count_as_such(tmp_path, golds):
    good, bad = made(tmp_path, golds, "good", 0.5), made(tmp_path, golds, "bad", 1e3, seed=1)
    joined, _ = fuse([good, bad], tmp_path / "out", LinearFusion())
    assert list(joined["arousal"].weights) == ["good"] and set(joined["arousal"].dev_ccc) == {"good", "bad"}
    postprocess(Run(good), [Scaling()])
    after, _ = fuse([good], tmp_path / "after", LinearFusion())
    raw, _ = fuse([good], tmp_path / "raw", LinearFusion(), raw=True)
    assert after["arousal"].dev_ccc["good"] > raw["arousal"].dev_ccc["good"] == joined["arousal"].dev_ccc["good"]


def test_systems_that_do_not_belong_together_are_refused(tmp_path, golds):
    one, two = made(tmp_path, golds, "one", 0.5), made(tmp_path, golds, "two", 0.5, seed=1)
    with pytest.raises(UserError, match=r"No system reaches a CCC of 0\.99 for arousal"):
        fuse([one, two], tmp_path / "out", LinearFusion(), threshold=0.99)
    with pytest.raises(UserError, match="Two systems have one name"):
        fuse([one, one], tmp_path / "out", LinearFusion())
    with pytest.raises(UserError, match="one and other have other recordings in dev; fuse runs of one fold"):
        fuse([one, made(tmp_path, golds, "other", 0.5, fold=1)], tmp_path / "out", LinearFusion())
    with pytest.raises(UserError, match="Development has 3 recordings; hold out 1 to 2, not 3"):
        fuse([one, two], tmp_path / "out", LinearFusion(), held_out=3)
    with pytest.raises(UserError, match="'dev' is no fair report"):
        fuse([one, two], tmp_path / "out", LinearFusion(), partition="dev")
    assert not (tmp_path / "out").exists()
    assert (
        fuse([one, two], tmp_path / "out", LinearFusion(), partition="dev", allow_seen=True)[1]["value"].notna().all()
    )


def test_what_is_already_there_is_not_overwritten_by_something_else(tmp_path, golds):
    one, two, three = (made(tmp_path, golds, name, 0.5, seed=k) for k, name in enumerate(("one", "two", "three")))
    fuse([one, two], tmp_path / "out", LinearFusion())
    fuse([one, two], tmp_path / "out", LinearFusion("ridge"))
    for sources, out, message in (
        ([one, three], tmp_path / "out", "holds a fusion of one, two; choose another --out"),
        ([one, two], tmp_path / "three", "holds a run; choose another --out"),
        ([str(tmp_path / "out"), three], tmp_path / "out", "is one of the systems to fuse"),
    ):
        with pytest.raises(UserError, match=message):
            fuse(sources, out, LinearFusion())


def test_traces_of_another_post_processing_do_not_stay(tmp_path, golds):
    run = Run(made(tmp_path, golds, "run", 0.5))
    postprocess(run, [Scaling()], "dev", allow_seen=True)
    postprocess(run, [Scaling()], "test")
    assert run.prediction("dev", "r1", postprocessed=True).is_file()
    postprocess(run, [Centring()], "test")
    assert not run.prediction("dev", "r1", postprocessed=True).exists()
    assert set(pd.read_csv(run.folder / "postprocessed.csv")["partition"]) == {"test"}


def test_predictions_of_other_records_are_refused(tmp_path, golds):
    one, two = made(tmp_path, golds, "one", 0.5), made(tmp_path, golds, "two", 0.5, seed=1)
    Run(one).note(records={"fingerprint": "another"})
    with pytest.raises(UserError, match="was trained on other records"):
        fuse([one, two], tmp_path / "out", LinearFusion())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_goes_through(tmp_path, golds, method):
    runs = [made(tmp_path, golds, f"run{k}", 1.0, seed=k) for k in range(2)]
    joined, _ = fuse(runs, tmp_path / method, LinearFusion(method))
    assert joined["valence"].fused > 0.5 and Fusion(tmp_path / method).content["method"] == method
