"""Scores against a literal loop, and the bootstrap against what is known."""

import numpy as np
import pytest

from emotf.errors import UserError
from emotf.evaluation import moments, refuse_seen, score, value
from emotf.measures import MEAN, MEASURES, POOLED, Moments
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


def literal_mae(y, p):
    return np.mean([abs(a - b) for a, b in zip(y, p, strict=True)])


def literal_sagr(y, p):
    return sum((a > 0) == (b > 0) and (a < 0) == (b < 0) for a, b in zip(y, p, strict=True)) / len(y)


LITERAL = {"ccc": literal_ccc, "pcc": literal_pcc, "rmse": literal_rmse, "mae": literal_mae, "sagr": literal_sagr}


def test_scores_equal_a_literal_loop(rated):
    golds, predictions = rated
    scores = score(golds, predictions, "test")
    assert set(LITERAL) == set(MEASURES) and scores[["low", "high"]].isna().all(axis=None)
    assert len(scores) == 2 * 2 * 5 and set(scores["partition"]) == {"test"} and not scores["undefined"].any()
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


def test_a_protocol_changes_correlations_and_is_named(rated):
    golds, predictions = rated
    tables = {name: score(golds, predictions, "test", name) for name in ("population", "sample", "avec")}
    whole = {name: value(table, "valence", "ccc", POOLED) for name, table in tables.items()}
    y = np.concatenate([golds[name].values[:, 1] for name in list(golds)[:3]])
    p = np.concatenate([predictions[name].values[:, 1] for name in list(golds)[:3]])
    gap = (y.mean() - p.mean()) ** 2
    powers = y.var(ddof=1) + p.var(ddof=1)
    assert whole["sample"] == pytest.approx(2 * np.cov(y, p)[0, 1] / (powers + gap), abs=1e-6)
    assert whole["avec"] == pytest.approx(2 * np.cov(y, p, ddof=0)[0, 1] / (powers + gap), abs=1e-6)
    assert len(set(whole.values())) == 3
    for name, table in tables.items():
        assert set(table["variance"]) == {name}
        assert value(table, "valence", "rmse") == value(tables["population"], "valence", "rmse")
    with pytest.raises(UserError, match="No variance 'biased'; choose from population, sample, avec"):
        score(golds, predictions, "test", "biased")


def test_intervals_are_over_subjects(rated):
    golds, predictions = rated
    alone = score(golds, predictions, "test", subjects={name: name for name in golds})
    assert (alone["low"] <= alone["value"]).mean() > 0.9 and (alone["value"] <= alone["high"]).mean() > 0.9
    pairs = score(golds, predictions, "test", subjects={"r0": "ann", "r1": "ann", "r2": "bob", "r3": "bob"})
    assert not pairs["low"].equals(alone["low"])
    one = score(golds, predictions, "test", subjects=dict.fromkeys(golds, "ann"))
    assert one["low"].isna().all() and one["value"].to_list() == pytest.approx(alone["value"].to_list())
