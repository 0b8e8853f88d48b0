"""Scores against a literal loop, and the bootstrap against what is known."""

import numpy as np
import pytest

from emotf.errors import UserError
from emotf.evaluation import MEAN, POOLED, moments, paired_bootstrap, refuse_seen, score, value
from emotf.measures import Moments
from emotf.track import Track

CHANNELS = ("arousal", "valence")


def track(values, hop=0.1, start=0.0, channels=CHANNELS):
    return Track(values, hop=hop, start=start, channels=channels)


@pytest.fixture
def rated():
    """Four recordings of two targets: holes in the gold, and r3 has no valence at all."""
    rng = np.random.default_rng(0)
    golds, predictions = {}, {}
    for k in range(4):
        gold = rng.normal(size=(50 + 10 * k, 2))
        predictions[f"r{k}"] = track(0.5 * gold + rng.normal(size=gold.shape) + 0.3)
        gold[5 : 9 + k, 0] = np.nan
        if k == 3:
            gold[:, 1] = np.nan
        golds[f"r{k}"] = track(gold)
    return golds, predictions


def literal_ccc(y, p):
    total_y = total_p = 0.0
    for a, b in zip(y, p, strict=True):
        total_y, total_p = total_y + a, total_p + b
    mean_y, mean_p = total_y / len(y), total_p / len(p)
    var_y = sum((a - mean_y) ** 2 for a in y) / len(y)
    var_p = sum((b - mean_p) ** 2 for b in p) / len(p)
    cov = sum((a - mean_y) * (b - mean_p) for a, b in zip(y, p, strict=True)) / len(y)
    return 2 * cov / (var_y + var_p + (mean_y - mean_p) ** 2)


def literal_pcc(y, p):
    return np.corrcoef(y, p)[0, 1]


def literal_rmse(y, p):
    return np.sqrt(np.mean((np.array(y) - np.array(p)) ** 2))


LITERAL = {"ccc": literal_ccc, "pcc": literal_pcc, "rmse": literal_rmse}


def test_scores_equal_a_literal_loop(rated):
    golds, predictions = rated
    scores = score(golds, predictions, "test")
    assert len(scores) == 2 * 2 * 3 and set(scores["partition"]) == {"test"} and not scores["undefined"].any()
    for column, target in enumerate(CHANNELS):
        whole_y, whole_p, singles = [], [], []
        for name, gold in golds.items():
            y, p = [], []
            for frame in range(gold.frames):
                if not np.isnan(gold.values[frame, column]):
                    y.append(float(gold.values[frame, column]))
                    p.append(float(predictions[name].values[frame, column]))
            whole_y += y
            whole_p += p
            if y:
                singles.append((y, p))
        for measure, formula in LITERAL.items():
            found = value(scores, target, measure, POOLED)
            assert found == pytest.approx(formula(whole_y, whole_p), abs=1e-12)
            mean = np.mean([formula(y, p) for y, p in singles])
            assert value(scores, target, measure, MEAN) == pytest.approx(mean, abs=1e-12)
            assert found != pytest.approx(mean, abs=1e-4)
        part = scores[scores["target"] == target]
        assert set(part["frames"]) == {len(whole_y)} and set(part["recordings"]) == {len(singles)}


def test_predictions_are_matched_by_name_of_target(rated):
    golds, predictions = rated
    turned = {name: part.select(("valence", "arousal")) for name, part in predictions.items()}
    assert score(golds, turned, "test").equals(score(golds, predictions, "test"))


def test_undefined_values_are_counted_not_dropped(rated):
    golds, predictions = rated
    constant = dict(predictions)
    for name in ("r0", "r2"):
        constant[name] = track(np.full(predictions[name].values.shape, 0.1))
    scores = score(golds, constant, "test").set_index(["target", "measure", "pooling"])
    assert scores.loc[("arousal", "pcc", MEAN), "undefined"] == 2
    assert scores.loc[("arousal", "pcc", POOLED), "undefined"] == 0
    # of a constant prediction CCC is 0, a value like any other
    assert scores.loc[("arousal", "ccc", MEAN), "undefined"] == 0
    singles = [Moments.of(golds[n].values[:, 0], constant[n].values[:, 0]) for n in golds]
    assert [part.ccc == 0 for part in singles] == [True, False, True, False]
    assert scores.loc[("arousal", "pcc", MEAN), "value"] == pytest.approx(np.mean([singles[1].pcc, singles[3].pcc]))


def test_where_nothing_is_defined_the_value_is_nan(rated):
    golds, predictions = rated
    constant = {name: track(np.full(part.values.shape, 0.1)) for name, part in predictions.items()}
    scores = score(golds, constant, "test").set_index(["target", "measure", "pooling"])
    for pooling, undefined in ((POOLED, 1), (MEAN, 4)):
        row = scores.loc[("arousal", "pcc", pooling)]
        assert np.isnan(row["value"]) and row["undefined"] == undefined and row["recordings"] == 4
    unrated = {name: track(np.full(part.values.shape, np.nan)) for name, part in golds.items()}
    scores = score(unrated, predictions, "test")
    assert scores["value"].isna().all() and not scores["frames"].any() and not scores["recordings"].any()


def test_scores_need_a_prediction_on_the_clock_of_the_gold_standard(rated):
    golds, predictions = rated
    with pytest.raises(UserError, match="Recording r1 has no prediction"):
        moments(golds, {"r0": predictions["r0"]})
    shorter = predictions | {"r1": track(predictions["r1"].values[:-1])}
    with pytest.raises(UserError, match="Recording r1: gold has 60 frames, prediction 59"):
        score(golds, shorter, "test")
    later = predictions | {"r1": track(predictions["r1"].values, start=0.1)}
    with pytest.raises(UserError, match="Recording r1: gold runs from 0 s"):
        score(golds, later, "test")
    slower = predictions | {"r1": track(predictions["r1"].values, hop=0.11)}
    with pytest.raises(UserError, match="Recording r1: gold runs from 0 s"):
        score(golds, slower, "test")
    with pytest.raises(UserError, match="No channel 'valence'"):
        score(golds, predictions | {"r1": predictions["r1"].select(["arousal"])}, "test")


def test_a_prediction_that_is_not_finite_is_refused(rated):
    golds, predictions = rated
    values = predictions["r0"].values.copy()
    values[[0, 6], 0] = np.nan  # frame 6 is unrated
    with pytest.raises(UserError, match="1 of 46 predictions are not finite"):
        score(golds, predictions | {"r0": track(values)}, "test")


def test_partitions_that_decided_something_must_be_asked_for():
    refuse_seen("test", allowed=False)
    for partition, reason in (("dev", "the epoch was chosen on it"), ("train", "the weights were fitted on it")):
        with pytest.raises(UserError, match=f"'{partition}' is no fair report: {reason}; pass --allow_seen"):
            refuse_seen(partition, allowed=False)
        refuse_seen(partition, allowed=True)


# ---- paired bootstrap ------------------------------------------------------------------------------------------------


def system(noise, recordings=8, repetitions=2, seed=0):
    """recording -> moments of `repetitions` predictions that are the gold standard and noise."""
    rng = np.random.default_rng(seed)
    golds = {f"r{k}": np.random.default_rng([9, k]).normal(size=100) for k in range(recordings)}
    return {
        name: [Moments.of(gold, gold + noise * rng.normal(size=100)) for _ in range(repetitions)]
        for name, gold in golds.items()
    }


@pytest.mark.parametrize("pooling", [POOLED, MEAN])
def test_identical_systems_do_not_differ(pooling):
    assert paired_bootstrap(system(0.5), system(0.5), pooling, draws=50) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("pooling", [POOLED, MEAN])
def test_a_known_advantage_is_found(pooling):
    better, worse = system(0.3), system(1.0, seed=1)
    difference, low, high = paired_bootstrap(better, worse, pooling, draws=300)
    assert 0 < low < difference < high < 1
    back = paired_bootstrap(worse, better, pooling, draws=300)
    assert back == pytest.approx((-difference, -high, -low))


def test_systems_of_one_quality_are_not_told_apart():
    difference, low, high = paired_bootstrap(system(0.7), system(0.7, seed=1), draws=300)
    assert low < 0 < high and abs(difference) < 0.1


def test_the_difference_is_that_of_the_scores():
    one, other = system(0.3), system(1.0, seed=1)
    for pooling in (POOLED, MEAN):
        scores = []
        for moments_of in (one, other):
            repetitions = [[parts[i] for parts in moments_of.values()] for i in range(2)]
            if pooling == POOLED:
                scores.append(np.mean([sum(parts, Moments()).ccc for parts in repetitions]))
            else:
                scores.append(np.mean([np.mean([part.ccc for part in parts]) for parts in repetitions]))
        assert paired_bootstrap(one, other, pooling, draws=5)[0] == pytest.approx(scores[0] - scores[1])


def test_a_bootstrap_repeats():
    one, other = system(0.5), system(0.6, seed=1)
    assert paired_bootstrap(one, other, draws=50) == paired_bootstrap(one, other, draws=50)
    turned = dict(reversed(list(one.items())))
    assert paired_bootstrap(turned, other, draws=50) == paired_bootstrap(one, other, draws=50)


def test_one_recording_has_no_interval():
    difference, low, high = paired_bootstrap(system(0.3, recordings=1), system(1.0, recordings=1, seed=1))
    assert difference > 0 and np.isnan(low) and np.isnan(high)


def test_a_difference_needs_the_same_recordings():
    with pytest.raises(UserError, match="both systems on the same recordings"):
        paired_bootstrap(system(0.3, recordings=3), system(0.3, recordings=4))
