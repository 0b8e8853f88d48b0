"""What may choose an epoch, against loops written out, and what undefined values count."""

import numpy as np
import pytest

from emotf.config import CRITERIA
from emotf.errors import UserError
from emotf.evaluation import score
from emotf.measures import MEASURES
from emotf.runs import best_epoch
from emotf.track import Track
from emotf.training.criteria import check_defined, criteria

CHANNELS = ("arousal", "valence")


def track(values, channels=CHANNELS):
    return Track(values, hop=0.1, channels=channels)


@pytest.fixture
def rated():
    """Three recordings with holes; r2 has no valence at all, so no frame with both."""
    rng = np.random.default_rng(0)
    golds, predictions = {}, {}
    for k in range(3):
        gold = rng.normal(size=(30 + 7 * k, 2)).cumsum(axis=0) / 5
        predictions[f"r{k}"] = track(0.5 * gold + rng.normal(size=gold.shape) / 2)
        gold[5 : 9 + k, 0] = np.nan
        gold[20:22, 1] = np.nan
        if k == 2:
            gold[:, 1] = np.nan
        golds[f"r{k}"] = track(gold)
    return golds, predictions


def found(golds, predictions):
    return criteria(golds, predictions, score(golds, predictions, "dev", measures=(*MEASURES, "mse")))


def literal_ccc(y, p):
    y, p = np.array(y), np.array(p)
    cov = np.mean((y - y.mean()) * (p - p.mean()))
    return 2 * cov / (y.var() + p.var() + (y.mean() - p.mean()) ** 2)


def literal_mse(y, p):
    return sum((a - b) ** 2 for a, b in zip(y, p, strict=True)) / len(y)


def literal_non_inertial(gold, prediction):
    """Equations 3 to 6, frame by frame: x is the prediction, y the gold standard."""
    distances, velocities, directions = [], [], []
    for t in range(len(gold)):
        y, x = gold[t], prediction[t]
        if np.isnan(y).any():
            continue
        distances.append(np.sqrt((x[0] - y[0]) ** 2 + (x[1] - y[1]) ** 2))
        directions.append(abs(x[0] * y[1] - y[0] * x[1]))
        if t and not np.isnan(gold[t - 1]).any():
            moved_x, moved_y = x - prediction[t - 1], y - gold[t - 1]
            velocities.append(abs(np.hypot(*moved_x) - np.hypot(*moved_y)))
    return np.mean(distances) + np.mean(velocities) + np.mean(directions)


def series(golds, predictions, column):
    """Of every recording with a rated frame: gold and prediction there."""
    for name, gold in golds.items():
        y, p = gold.values[:, column].astype(float), predictions[name].values[:, column].astype(float)
        if not np.isnan(y).all():
            yield list(y[~np.isnan(y)]), list(p[~np.isnan(y)])


@pytest.mark.parametrize("channels", [CHANNELS, ("valence", "arousal")])
def test_every_criterion_equals_a_literal_loop(rated, channels):
    golds, predictions = ({name: part.select(channels) for name, part in of.items()} for of in rated)
    values = found(golds, predictions)
    assert set(values) == set(CRITERIA)
    for name, formula in (("ccc", literal_ccc), ("mse", literal_mse)):
        pooled, means = [], []
        for column in range(2):
            parts = list(series(golds, predictions, column))
            assert len(parts) == (3 if channels[column] == "arousal" else 2)
            pooled.append(formula(*(np.concatenate(whole) for whole in zip(*parts, strict=True))))
            means.append(np.mean([formula(y, p) for y, p in parts]))
        assert values[name] == pytest.approx(np.mean(pooled), abs=1e-6)
        assert values[f"{name}_mean"] == pytest.approx(np.mean(means), abs=1e-6)
        assert abs(values[name] - values[f"{name}_mean"]) > 1e-3
    losses = [literal_non_inertial(golds[name].values, predictions[name].values) for name in ("r0", "r1")]
    assert values["non_inertial_mean"] == pytest.approx(np.mean(losses), rel=1e-5)


def test_three_targets_all_count_and_one_has_no_coupled_criterion(rated):
    golds, predictions = rated
    names = ("arousal", "valence", "dominance")
    three = [{k: track(np.c_[v.values, v.values[:, :1] ** 2], names) for k, v in of.items()} for of in rated]
    assert found(*three)["non_inertial_mean"] > found(golds, predictions)["non_inertial_mean"] + 0.01
    alone = [{name: part.select(["arousal"]) for name, part in of.items()} for of in rated]
    assert set(found(*alone)) == set(CRITERIA) - {"non_inertial_mean"}


def test_what_is_undefined_is_left_out_or_counts_as_0(rated):
    golds, predictions = rated
    arousal = {name: part.select(["arousal"]) for name, part in golds.items()}
    whole = found(arousal, predictions)
    unrated = {name: track(np.c_[part.values[:, 0], np.full(part.frames, np.nan)]) for name, part in golds.items()}
    values = found(unrated, predictions)
    # valence is rated nowhere: its CCC counts as 0, its squared error not at all, and no frame has both
    assert values["ccc"] == pytest.approx(whole["ccc"] / 2)
    assert values["ccc_mean"] == pytest.approx(whole["ccc_mean"] / 2)
    assert (values["mse"], values["mse_mean"]) == (whole["mse"], whole["mse_mean"])
    assert np.isnan(values["non_inertial_mean"])
    # two constants that are one have no CCC and are left out of the mean; a constant prediction alone has 0
    same = arousal | {"r0": track(np.full((30, 1), 0.5), ["arousal"])}
    guessed = predictions | {"r0": track(np.full((30, 2), 0.5)), "r1": track(np.full((37, 2), 0.5))}
    (y, p) = list(series(arousal, predictions, 0))[2]
    assert found(same, guessed)["ccc_mean"] == pytest.approx((0 + literal_ccc(y, p)) / 2, abs=1e-6)


def test_development_must_define_what_chooses(rated):
    golds, _ = rated
    check_defined(tuple(CRITERIA), golds)
    apart = {"r2": golds["r2"]}
    check_defined(("ccc", "mse_mean"), apart)
    with pytest.raises(UserError, match="non_inertial_mean needs frames in which all targets are rated, development"):
        check_defined(("ccc", "non_inertial_mean"), apart)
    with pytest.raises(UserError, match="Not one frame of development is rated"):
        check_defined(("ccc",), {"r0": track(np.full((4, 2), np.nan))})


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_best_epoch_is_the_first_of_equals_as_early_stopping_has_it(criterion):
    import keras

    sign = 1 if CRITERIA[criterion] == "max" else -1
    close = 0.4 + 1e-10  # in float32 the same
    for values, best in (([0.1, 0.4, close, 0.4, 0.2], 1), ([-0.3, -0.5], 0), ([0.1, 0.2, 0.3], 2)):
        values = [sign * number for number in values]
        stopping = keras.callbacks.EarlyStopping("dev", mode=CRITERIA[criterion], patience=9)
        stopping.on_train_begin()
        for epoch, number in enumerate(values):
            stopping.on_epoch_end(epoch, {"dev": number})
        assert best_epoch(values, criterion) == best == stopping.best_epoch
