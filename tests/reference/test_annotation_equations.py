"""Fusion, agreement and delay of raters against their equations, written out a second time frame by frame."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from real_data import DATA, needs_data
from scipy.signal import butter, filtfilt
from sklearn.linear_model import Ridge

from emotf.annotation import (
    FUSIONS,
    agreement,
    agreement_of_raters,
    ccc_centred,
    compare_fusions,
    cronbach_alpha,
    delay_by_correlation,
    delay_by_ridge,
    delays_up_to,
    evaluator_weighted,
    mean_of_raters,
    normalised,
    pairwise,
)
from emotf.annotation.alignment import window_statistics
from emotf.errors import UserError
from emotf.track import Track

NAN = np.nan
CASE = DATA / "case" / "annotations"


def track(values, hop=0.04):
    return Track(np.asarray(values, float), hop)


def rated(seed, frames=50, raters=4, missing=0.0):
    """Raters who share a trace, with scales, offsets and noise of their own; float32 values as float64."""
    rng = np.random.default_rng(seed)
    common = np.cumsum(rng.normal(size=(frames, 1)), axis=0)
    values = common * rng.uniform(0.5, 1.5, raters) + rng.normal(size=raters) + rng.normal(size=(frames, raters))
    values[rng.random(values.shape) < missing] = NAN
    return values.astype(np.float32).astype(float)


# ---- oracles ---------------------------------------------------------------------------------------------------------


def mean(values):
    known = [v for v in values if not math.isnan(v)]
    return sum(known) / len(known) if known else NAN


def sd(values):
    known = [v for v in values if not math.isnan(v)]
    return math.sqrt(mean([(v - mean(known)) ** 2 for v in known]))


def literal_pcc(x, y):
    both = [(a, b) for a, b in zip(x, y, strict=True) if not math.isnan(a) and not math.isnan(b)]
    mx, my = mean([a for a, _ in both]), mean([b for _, b in both])
    return mean([(a - mx) * (b - my) for a, b in both]) / (sd([a for a, _ in both]) * sd([b for _, b in both]))


def literal_ccc(x, y):
    both = [(a, b) for a, b in zip(x, y, strict=True) if not math.isnan(a) and not math.isnan(b)]
    x, y = [a for a, _ in both], [b for _, b in both]
    covariance = mean([(a - mean(x)) * (b - mean(y)) for a, b in both])
    return 2 * covariance / (sd(x) ** 2 + sd(y) ** 2 + (mean(x) - mean(y)) ** 2)


def literal_ewe(values):
    frames, raters = values.shape
    shared = [t for t in range(frames) if sum(not math.isnan(v) for v in values[t]) > 1]
    of_all = [mean(values[t]) for t in shared]
    w = [max(literal_pcc(values[shared, r], of_all), 0) for r in range(raters)]
    there = [[r for r in range(raters) if not math.isnan(values[t, r])] for t in range(frames)]
    return [
        sum(w[r] * values[t, r] for r in of) / sum(w[r] for r in of) if of else NAN
        for t, of in zip(range(frames), there, strict=True)
    ]


def literal_ccc_centred(values):
    raters = range(values.shape[1])
    w = [mean([literal_ccc(values[:, r], values[:, s]) for s in raters if s != r]) for r in raters]
    level = [mean(values[:, r]) for r in raters]
    moved = sum(max(w[r], 0) * level[r] for r in raters) / sum(max(w[r], 0) for r in raters) - mean(level)
    return [mean(row) + moved for row in values]


def literal_normalised(values):
    raters = range(values.shape[1])
    level, spread = [mean(values[:, r]) for r in raters], [sd(values[:, r]) for r in raters]
    return [mean(level) + mean(spread) * mean([(row[r] - level[r]) / spread[r] for r in raters]) for row in values]


ORACLES = {
    "mean": lambda values: [mean(row) for row in values],
    "ewe": literal_ewe,
    "ccc_centred": literal_ccc_centred,
    "normalised": literal_normalised,
}


# ---- fusion ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("name", FUSIONS)
def test_fusion_is_its_equation(name, missing):
    for seed in range(5):
        values = rated(seed, missing=missing)
        fused = FUSIONS[name](track(values))
        np.testing.assert_allclose(fused.values[:, 0], ORACLES[name](values), rtol=1e-5, atol=1e-6)
        assert fused.channels == ("gold",) and fused.hop == 0.04


@pytest.mark.parametrize("name", FUSIONS)
def test_what_every_fusion_keeps(name):
    fuse = FUSIONS[name]
    values = rated(7, missing=0.4)
    gold = fuse(track(values)).values
    # rates what anybody rated, and no more
    np.testing.assert_array_equal(np.isnan(gold[:, 0]), np.isnan(values).all(axis=1))
    # no order of raters
    np.testing.assert_allclose(fuse(track(values[:, [2, 0, 3, 1]])).values, gold, atol=1e-5)
    # a rater who never rated is nobody
    np.testing.assert_allclose(fuse(track(np.c_[values, np.full(50, NAN)])).values, gold, atol=1e-6)
    # one rater is the gold standard, and so are several who agree
    np.testing.assert_allclose(fuse(track(values[:, :1])).values, values[:, :1], rtol=1e-6)
    np.testing.assert_allclose(fuse(track(values[:, [1, 1, 1]])).values, values[:, [1]], rtol=1e-6)
    # all moved by a constant move it by that constant, all scaled scale it
    np.testing.assert_allclose(fuse(track(values + 2)).values, gold + 2, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fuse(track(values * 3)).values, gold * 3, rtol=1e-4, atol=1e-5)
    # nobody rated
    assert np.isnan(fuse(track(np.full((5, 3), NAN))).values).all()


@pytest.mark.parametrize("name", FUSIONS)
def test_raters_without_overlap_or_movement_are_defined(name):
    first, second = np.full((20, 2), NAN), np.full((20, 3), 0.5)
    first[:10, 0], first[10:, 1] = np.linspace(0, 1, 10), np.linspace(1, 0, 10)
    gold = FUSIONS[name](track(first)).values[:, 0]
    np.testing.assert_allclose(gold, np.nanmean(first, axis=1), atol=1e-6)
    second[:, 1] = -0.5
    np.testing.assert_allclose(FUSIONS[name](track(second)).values[:, 0], np.full(20, 0.5 / 3), atol=1e-6)


def test_ewe_leaves_out_who_contradicts_or_stands_still():
    values = rated(1, raters=3)
    worse = np.c_[values, 5 - 0.2 * values[:, 0], np.full(50, 9.0)]
    weights = [max(literal_pcc(worse[:, r], [mean(row) for row in worse]), 0) for r in range(4)]
    assert weights[3] == 0 < min(weights[:3])
    expected = worse[:, :3] @ weights[:3] / sum(weights)
    np.testing.assert_allclose(evaluator_weighted(track(worse)).values[:, 0], expected, rtol=1e-5)


def test_ewe_takes_the_mean_of_whom_it_cannot_trust_where_nobody_else_rated():
    values = np.c_[rated(1, raters=2), np.full(50, 9.0)]
    values[:5, :2] = NAN
    np.testing.assert_array_equal(evaluator_weighted(track(values)).values[:5, 0], 9)


def test_ccc_centring_only_shifts():
    for seed in range(5):
        values = rated(seed, missing=0.2)
        moved = ccc_centred(track(values)).values - mean_of_raters(track(values)).values
        assert np.ptp(moved) < 1e-5


def test_ccc_centring_goes_to_the_level_of_those_who_agree():
    one = np.linspace(-1, 1, 50)
    values = np.stack([one, one + 0.01, -one + 3], axis=1)  # the third contradicts: a negative weight is none
    np.testing.assert_allclose(ccc_centred(track(values)).values.mean(), 0.005, atol=1e-3)
    still = np.stack([one, one + 0.01, np.full(50, 3.0)], axis=1)
    np.testing.assert_allclose(ccc_centred(track(still)).values.mean(), 0.005, atol=1e-6)
    against = np.stack([one, -one + 3], axis=1)  # nobody agrees with anybody: all count alike
    np.testing.assert_allclose(ccc_centred(track(against)).values, mean_of_raters(track(against)).values, atol=1e-6)


def test_normalisation_lets_nobody_count_more_by_using_more_of_the_scale():
    values = rated(3, raters=3)
    louder = values * [1, 1, 20] + [0, 0, 5]
    scores = [(v - v.mean()) / v.std() for v in (normalised(track(x)).values[:, 0] for x in (values, louder))]
    np.testing.assert_allclose(*scores, atol=1e-4)
    still = np.c_[values, np.full(50, 4.0)]  # counts in the level, not in the movement
    expected = normalised(track(values)).values - values.mean(axis=0).mean() + still.mean(axis=0).mean()
    np.testing.assert_allclose(normalised(track(still)).values, expected, atol=1e-5)


# ---- agreement -------------------------------------------------------------------------------------------------------


def test_alpha_is_that_of_the_covariance_matrix():
    for seed in range(5):
        values = rated(seed, raters=5)
        c = np.cov(values, rowvar=False)
        between = c[~np.eye(5, dtype=bool)].mean()
        # as Cronbach's coefficient is also written: K c̄ / (v̄ + (K - 1) c̄)
        assert cronbach_alpha(values) == pytest.approx(5 * between / (np.diag(c).mean() + 4 * between))
    incomplete = rated(9, missing=0.2)
    assert cronbach_alpha(incomplete) == cronbach_alpha(incomplete[~np.isnan(incomplete).any(axis=1)])


def test_alpha_has_its_landmarks():
    one = rated(0, raters=1)
    assert cronbach_alpha(np.c_[one, one + 3, one - 1]) == pytest.approx(1)
    assert cronbach_alpha(np.random.default_rng(0).normal(size=(20_000, 4))) == pytest.approx(0, abs=0.05)
    assert cronbach_alpha(np.c_[one, -0.5 * one]) < -1
    assert all(math.isnan(cronbach_alpha(x)) for x in (one, np.c_[one, -one], np.zeros((0, 3)), np.ones((9, 2))))


def tables():
    """Two recordings; in the second, c stands still and d is new."""
    one, two = rated(1, 60, 3, missing=0.1), rated(2, 40, 4)
    two[:, 2] = 0.25
    return {"r1": Track(one, 0.1, channels=("a", "b", "c")), "r2": Track(two, 0.1, channels=("b", "a", "c", "d"))}


def test_agreement_is_that_of_all_pairs():
    ratings = tables()
    found = agreement(ratings).set_index("recording")
    one, two = (ratings[name].values.astype(float) for name in ("r1", "r2"))
    pairs = [literal_ccc(one[:, i], one[:, j]) for i, j in itertools.combinations(range(3), 2)]
    assert found.loc["r1", ["ccc", "ccc_min", "ccc_max"]].tolist() == pytest.approx(
        [mean(pairs), min(pairs), max(pairs)]
    )
    left = two[:, [0, 1, 3]]
    pairs = [literal_pcc(left[:, i], left[:, j]) for i, j in itertools.combinations(range(3), 2)]
    assert found.loc["r2", ["pcc", "pcc_min", "pcc_max"]].tolist() == pytest.approx(
        [mean(pairs), min(pairs), max(pairs)]
    )
    others = [literal_ccc(left[:, i], np.delete(left, i, axis=1).mean(axis=1)) for i in range(3)]
    assert found.loc["r2", "others_ccc"] == pytest.approx(mean(others))
    assert found.loc["r2", "alpha"] == pytest.approx(cronbach_alpha(left))
    assert found["raters"].tolist() == [3, 4, 4, 4] and found["constant"].tolist() == [0, 1, 1, 1]
    assert found["alpha_frames"].tolist() == [
        (~np.isnan(one)).all(axis=1).sum(),
        40,
        0,
        40 + found["alpha_frames"].iloc[0],
    ]
    cells = (~np.isnan(one)).sum() + 160
    assert found.loc["pooled", "rated"] == pytest.approx(cells / (180 + 160))
    assert found.loc["mean over recordings", "ccc"] == pytest.approx(found["ccc"].iloc[:2].mean())


def test_pooled_pairs_join_raters_by_name_and_leave_out_who_stood_still():
    ratings = tables()
    one, two = (ratings[name].values.astype(float) for name in ("r1", "r2"))
    found = pairwise(ratings)
    assert set(found) == {("a", "b"), ("a", "c"), ("b", "c"), ("a", "d"), ("b", "d")}
    a, b = np.r_[one[:, 0], two[:, 1]], np.r_[one[:, 1], two[:, 0]]
    assert found["a", "b"].ccc == pytest.approx(literal_ccc(a, b))
    assert found["a", "c"].ccc == pytest.approx(literal_ccc(one[:, 0], one[:, 2]))
    people = agreement_of_raters(ratings).set_index("rater")
    shared = [found[pair].ccc for pair in (("a", "b"), ("a", "c"), ("a", "d"))]
    assert people.loc["a", "ccc"] == pytest.approx(mean(shared))
    assert people.loc["a", ["mean", "sd"]].tolist() == pytest.approx([mean(a), sd(a)])
    assert people["constant"].tolist() == [0, 0, 1, 0] and people["recordings"].tolist() == [2, 2, 2, 1]
    assert people.loc["d", "rated"] == pytest.approx(0.4)
    ones = [mean(row[[1, 2]]) for row in one] + [mean(row[[0, 3]]) for row in two]
    assert people.loc["a", "others_ccc"] == pytest.approx(literal_ccc(a, np.array(ones)))


def test_agreement_needs_two():
    with pytest.raises(UserError, match="two raters"):
        agreement({"r": track(rated(0, raters=1)), "s": track(np.c_[rated(0, raters=1), np.full((50, 1), NAN)])})
    apart = np.full((10, 2), NAN)
    apart[:5, 0], apart[5:, 1] = np.arange(5), np.arange(5)
    row = agreement({"r": track(apart)}).iloc[0]
    assert row["undefined"] == 1 and math.isnan(row["ccc"]) and math.isnan(row["alpha"])


def test_fusions_are_compared_over_all_recordings():
    ratings = tables()
    found = compare_fusions(ratings).set_index("fusion")
    golds = {name: np.concatenate([fuse(t).values[:, 0] for t in ratings.values()]) for name, fuse in FUSIONS.items()}
    for one, other in itertools.product(FUSIONS, repeat=2):
        assert found.loc[one, f"ccc_{other}"] == pytest.approx(literal_ccc(golds[one], golds[other]))
    assert found.loc["ewe", ["mean", "sd"]].tolist() == pytest.approx([mean(golds["ewe"]), sd(golds["ewe"])])


# ---- delay -----------------------------------------------------------------------------------------------------------

HOP, STREAM_HOP = 0.1, 0.05
GRID = delays_up_to(2.0, HOP)


def smooth(rng, frames, channels, band=0.02):
    """Unit-variance noise below a share of the Nyquist frequency, [frames, channels]."""
    x = filtfilt(*butter(2, band), rng.normal(size=(frames + 400, channels)), axis=0)[200:-200]
    return (x - x.mean(axis=0)) / x.std(axis=0)


def planted(seed, delay, recordings=8, frames=600, noise=0.2):
    """Streams at 20/s; gold standards at 10/s that follow two of their four channels `delay` seconds later."""
    rng = np.random.default_rng(seed)
    golds, streams = {}, {}
    lag = round(delay / STREAM_HOP)
    for k in range(recordings):
        long = smooth(rng, 2 * frames + lag, 4)
        stream = long[lag:]
        then = long[: 2 * frames : 2]
        gold = 0.5 * then[:, 0] - 0.3 * then[:, 2] + noise * smooth(rng, frames, 1)[:, 0]
        streams[f"r{k}"] = Track(stream, STREAM_HOP)
        golds[f"r{k}"] = Track(gold[:, None], HOP, channels=("arousal",))
    return golds, streams


def divided(golds):
    names = list(golds)
    return {n: golds[n] for n in names[: len(names) // 2]}, {n: golds[n] for n in names[len(names) // 2 :]}


@pytest.mark.parametrize("delay", [0.0, 0.3, 0.7, 1.6])
def test_a_planted_delay_is_found(delay):
    golds, streams = planted(1, delay)
    curves = [
        delay_by_correlation(golds, streams, GRID)["arousal"],
        delay_by_ridge(*divided(golds), streams, GRID)["arousal"],
    ]
    for curve in curves:
        assert curve.best == pytest.approx(delay) and not curve.flat
        assert curve.low <= delay <= curve.high and max(curve.values) > 0.6 > curve.chance
        assert bool(curve.warnings) == (delay == 0)  # the border of the grid


def test_a_delay_beyond_the_grid_is_said_to_be_at_its_border():
    golds, streams = planted(1, 1.6)
    for curve in (delay_by_correlation(golds, streams, GRID[:11]), delay_by_ridge(*divided(golds), streams, GRID[:11])):
        assert curve["arousal"].best == 1.0
        assert any("border" in warning for warning in curve["arousal"].warnings)
    assert delay_by_correlation(golds, streams, (1.0, 1.3, 1.6, 1.9))["arousal"].warnings == ()


def test_noise_is_flat_and_chance_is_what_it_says():
    above, flat = [], []
    for seed in range(30):
        golds, streams = planted(seed, 0.0, frames=300)
        strangers = dict(zip(streams, np.roll(np.array(list(streams.values()), object), 1), strict=True))
        for curve in (
            delay_by_correlation(golds, strangers, GRID)["arousal"],
            delay_by_ridge(*divided(golds), strangers, GRID)["arousal"],
        ):
            above.append(max(curve.values) > curve.chance)
            flat.append(curve.flat)
            assert curve.flat == any("flat" in warning for warning in curve.warnings)
    assert np.mean(above) < 0.12 and np.mean(flat) > 0.93


def test_a_gold_standard_that_stands_still_has_no_delay():
    golds, streams = planted(0, 0.5, recordings=4)
    still = {name: Track(np.full((600, 1), 0.3), HOP, channels=("arousal",)) for name in golds}
    curve = delay_by_correlation(still, streams, GRID)["arousal"]
    assert math.isnan(curve.best) and curve.flat and curve.warnings == ("the curve is flat, no delay stands out",)


def literal_window(stream, t, window):
    inside = [x for time, x in zip(stream.times, stream.values, strict=True) if abs(time - t) <= window / 2 + 1e-9]
    return np.concatenate([np.mean(inside, axis=0), np.std(inside, axis=0)])


def test_window_statistics_are_those_of_the_frames_in_reach():
    stream = Track(np.random.default_rng(0).normal(5, 1, (100, 3)), 0.05, start=0.1)
    clock = Track(np.zeros((40, 1)), 0.1).clock
    found = window_statistics(stream, clock, 0.6)
    np.testing.assert_allclose(found, [literal_window(stream, t, 0.6) for t in clock.times], atol=1e-6)
    holes = stream.values.copy()
    holes[20:60] = NAN
    found = window_statistics(Track(holes, 0.05, start=0.1), clock, 0.6)
    assert np.isnan(found[18:22]).all() and not np.isnan(found[:12]).any()


def test_curves_are_the_regressions_they_name():
    golds, streams = planted(4, 0.4, recordings=4, frames=200, noise=1.0)
    train, dev = divided(golds)
    grid = (0.0, 0.4, 0.8)

    def frames(of, delay, centred):
        xs, ys = [], []
        for name, gold in of.items():
            rows = range(0, 200 - 8, 2)  # five times a window; rated under the longest delay too
            x = np.array([literal_window(streams[name], k * HOP, 1.0) for k in rows])
            y = np.array([gold.values[k + round(delay / HOP), 0] for k in rows], float)
            xs.append(x - x.mean(axis=0) * centred)
            ys.append(y - y.mean() * centred)
        return np.concatenate(xs), np.concatenate(ys)

    by_correlation = delay_by_correlation(golds, streams, grid, components=8)["arousal"]
    by_ridge = delay_by_ridge(train, dev, streams, grid, penalty=0.5)["arousal"]
    for k, delay in enumerate(grid):
        x, y = frames(golds, delay, centred=True)
        fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
        assert by_correlation.values[k] == pytest.approx(np.corrcoef(fitted, y)[0, 1], abs=1e-4)
        x, y = frames(train, delay, centred=False)
        middle, scale = x.mean(axis=0), x.std(axis=0)
        ridge = Ridge(alpha=0.5 * len(x)).fit((x - middle) / scale, y)
        x, y = frames(dev, delay, centred=False)
        assert by_ridge.values[k] == pytest.approx(literal_ccc(y, ridge.predict((x - middle) / scale)), abs=1e-4)
    assert by_correlation.recordings == 4 and by_ridge.recordings == 2 and by_ridge.frames == 2 * 96


def test_components_that_explain_most_come_first():
    golds, streams = planted(4, 0.4, recordings=4)
    few, many = (delay_by_correlation(golds, streams, GRID, components=n)["arousal"].values for n in (2, 8))
    assert all(a <= b + 1e-12 for a, b in zip(few, many, strict=True)) and max(few) < max(many)


def test_what_cannot_be_searched_is_refused():
    golds, streams = planted(0, 0.0, recordings=2, frames=100)
    mistakes = {
        "ascends": lambda: delay_by_correlation(golds, streams, (0.2, 0.1)),
        "multiple of the hop": lambda: delay_by_correlation(golds, streams, (0.0, 0.15)),
        "no stream": lambda: delay_by_correlation(golds, {"r0": streams["r0"]}, GRID),
        "under all delays": lambda: delay_by_correlation(golds, streams, (0.0, 20.0)),
        "longer than 0 s": lambda: delay_by_correlation(golds, streams, GRID, window=0.0),
        "1 component": lambda: delay_by_correlation(golds, streams, GRID, components=0),
        "penalty": lambda: delay_by_ridge(golds, golds, streams, GRID, penalty=0.0),
        "no choice": lambda: delays_up_to(0.05, HOP),
    }
    for said, mistake in mistakes.items():
        with pytest.raises(UserError, match=said) as caught:
            mistake()
        assert "\n" not in str(caught.value)


def test_an_unrated_target_of_a_recording_is_left_out():
    golds, streams = planted(2, 0.5)
    golds["r3"] = Track(np.full((600, 1), NAN), HOP, channels=("arousal",))
    assert delay_by_correlation(golds, streams, GRID)["arousal"].recordings == 7


# ---- six people ------------------------------------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize(("target", "ccc", "alpha"), [("arousal", 0.653, 0.934), ("valence", 0.651, 0.925)])
def test_six_raters_of_case(target, ccc, alpha):
    people = {path.stem: pd.read_csv(path) for path in sorted(CASE.glob("sub_*.csv"))}
    ratings = {
        f"clip{clip}": Track(
            np.stack([(p.loc[p["video"] == clip, target] - 5) / 4.5 for p in people.values()], axis=1),
            hop=0.05,
            channels=tuple(people),
        )
        for clip in range(1, 9)
    }
    pooled = agreement(ratings).set_index("recording").loc["pooled"]
    together = np.concatenate([t.values.astype(float) for t in ratings.values()])
    pairs = [literal_ccc_fast(*together[:, pair].T) for pair in itertools.combinations(range(6), 2)]
    assert pooled["ccc"] == pytest.approx(np.mean(pairs)) == pytest.approx(ccc, abs=5e-4)
    c = np.cov(together, rowvar=False)
    assert pooled["alpha"] == pytest.approx(6 / 5 * (1 - np.trace(c) / c.sum())) == pytest.approx(alpha, abs=5e-4)
    for fuse in FUSIONS.values():
        for t in ratings.values():
            assert np.abs(fuse(t).values).max() <= 1.2
    fusions = compare_fusions(ratings).set_index("fusion")
    assert fusions.filter(like="ccc_").to_numpy().min() > 0.95


def literal_ccc_fast(x, y):
    return 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
