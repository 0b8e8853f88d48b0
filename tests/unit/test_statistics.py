"""The bootstrap against what is known, and against a literal loop."""

from dataclasses import astuple
from itertools import product

import numpy as np
import pytest
from scipy import stats

from emotf.errors import UserError
from emotf.measures import MEAN, MEASURES, POOLED, VARIANCES, Moments
from emotf.statistics import (
    SPREAD,
    bootstrap,
    contrast,
    holm,
    overall,
    p_of_interval,
    paired_bootstrap,
    permutation_test,
    ratio,
    verdict,
)
from emotf.statistics.intervals import fieller_interval, interval
from emotf.statistics.scores import scores
from emotf.statistics.units import drawn_counts, unit_of


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


@pytest.mark.parametrize("pooling", [POOLED, MEAN])
def test_a_ratio_is_that_of_the_contrasts_in_every_draw(pooling):
    best, good, poor = system(0.2), system(0.5, seed=1), system(1.0, seed=2)
    small, large = [(1.0, best), (-1.0, good)], [(1.0, best), (-1.0, poor)]
    value, low, high = ratio(small, large, pooling, draws=300)
    assert value == pytest.approx(contrast(small, pooling)[0] / contrast(large, pooling)[0])
    assert 0 < low < value < high < 1
    # the same draws above and below: twice a contrast is twice it in all of them
    assert ratio([(2.0, best), (-2.0, poor)], large, pooling, draws=300) == pytest.approx((2.0, 2.0, 2.0))
    inverse = ratio(large, small, pooling, draws=300)
    assert inverse[0] == pytest.approx(1 / value) and inverse[1] < inverse[0] < inverse[2]


def test_a_ratio_needs_something_below_and_the_same_recordings():
    good, poor = system(0.2), system(1.0, seed=1)
    assert np.isnan(ratio([(1.0, good)], [(1.0, poor), (-1.0, poor)], draws=20)).all()
    fewer = {name: good[name] for name in list(good)[1:]}
    with pytest.raises(UserError, match="A paired ratio needs both systems on the same recordings"):
        ratio([(1.0, good)], [(1.0, fewer)])
    assert np.isnan(contrast([(1.0, {}), (-1.0, {})])).all()


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
    one = system(0.3, recordings=3)
    with pytest.raises(UserError, match="both systems on the same recordings"):
        paired_bootstrap(one, {f"other {name}": parts for name, parts in one.items()})


@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("measure", [*MEASURES, "scale"])
def test_an_overall_score_is_that_of_moments_added_up(measure, variance):
    one = system(0.7)
    repetitions = list(zip(*one.values(), strict=True))
    pooled = [getattr(sum(parts, Moments()).under(variance), measure) for parts in repetitions]
    assert overall(one, POOLED, measure, variance) == pytest.approx(np.mean(pooled), abs=1e-12)
    single = [np.mean([getattr(part.under(variance), measure) for part in parts]) for parts in repetitions]
    assert overall(one, MEAN, measure, variance) == pytest.approx(np.mean(single), abs=1e-12)


def test_a_row_of_counts_is_a_score_of_its_recordings_as_often_as_counted():
    one = system(0.7, recordings=3, repetitions=1)
    counts = np.array([[1, 1, 1], [2, 0, 1], [0, 3, 0]])
    parts = [of[0] for of in one.values()]
    # fields of moments may be arrays: twice the same series
    double = {name: [Moments(*(np.array([of, of]) for of in astuple(part)))] for name, (part,) in one.items()}
    for pooling in (POOLED, MEAN):
        found = scores(one, list(one), counts, pooling, "ccc", "population")
        for row, times in enumerate(counts):
            chosen = [part for part, count in zip(parts, times, strict=True) for _ in range(count)]
            expected = sum(chosen, Moments()).ccc if pooling == POOLED else np.mean([part.ccc for part in chosen])
            assert found[row] == pytest.approx(expected, abs=1e-12)
        assert scores(double, list(one), counts, pooling, "ccc", "population") == pytest.approx(
            np.stack([found, found])
        )


def test_units_are_drawn_with_replacement_and_whole():
    unit = unit_of(["r1", "r2", "r3", "r4"], {"r1": "b", "r2": "a", "r3": "b", "r4": "c"})
    assert unit.tolist() == [1, 0, 1, 2] and unit_of(["x", "y"], None).tolist() == [0, 1]
    first, *drawn = drawn_counts(unit, 3000)
    drawn = np.array(drawn)
    assert first.tolist() == [1, 1, 1, 1]
    assert (drawn[:, 0] == drawn[:, 2]).all() and (drawn[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert drawn.mean(axis=0) == pytest.approx(1, abs=0.05) and drawn.var(axis=0) == pytest.approx(2 / 3, abs=0.05)
    assert drawn_counts(unit, 0).tolist() == [[1, 1, 1, 1]] == drawn_counts(unit * 0, 100).tolist()


def test_constants_stay_undefined_when_drawn():
    one = {f"r{k}": [Moments.of(np.arange(5.0) + k, np.full(5, 0.1))] for k in range(4)}
    assert np.isnan(bootstrap(one, measure="pcc")).all()
    assert bootstrap(one) == (0.0, 0.0, 0.0)


def test_subjects_are_drawn_with_all_their_recordings():
    one = system(0.7, recordings=6)
    narrow = bootstrap(one)
    subjects = {name: "ab"[i // 3] for i, name in enumerate(sorted(one))}
    value, low, high = bootstrap(one, units=subjects, draws=20000)
    halves = [{name: parts for name, parts in one.items() if subjects[name] == who} for who in "ab"]
    # of two subjects a draw is one of them twice, with one in four each, or both; 12.706 is Student's t of one degree
    squares = [(np.arctanh(overall(half)) - np.arctanh(value)) ** 2 / 4 for half in halves]
    half_width = 12.706 * np.sqrt(2 * sum(squares))
    bounds = np.tanh([np.arctanh(value) - half_width, np.arctanh(value) + half_width])
    assert (low, high) == pytest.approx(bounds, abs=0.01)
    assert value == narrow[0] and (low, high) != narrow[1:]
    assert np.isnan(bootstrap(one, units=dict.fromkeys(one, "a"))[1:]).all()


# ---- how wide an interval is -----------------------------------------------------------------------------------------


def error_of_a_mean(values):
    """s / sqrt(n)."""
    return np.std(values, ddof=1) / np.sqrt(len(values))


def test_the_interval_of_a_mean_is_that_of_student():
    """A mean over recordings is a mean: its interval is known."""
    one, other = system(0.5, repetitions=1), system(0.7, repetitions=1, seed=1)
    values = np.array([[of[name][0].rmse for name in one] for of in (one, other)])
    for found, sample in (
        (contrast([(1.0, one)], MEAN, "rmse", draws=40000), values[0]),
        (paired_bootstrap(one, other, MEAN, "rmse", draws=40000), values[0] - values[1]),
    ):
        expected = stats.t.interval(0.95, 7, np.mean(sample), error_of_a_mean(sample))
        assert found[0] == pytest.approx(np.mean(sample))
        assert found[1:] == pytest.approx(expected, abs=0.02 * (expected[1] - expected[0]))


@pytest.mark.parametrize(("measure", "there", "least", "most"), [
    ("ccc", np.arctanh, -1, 1), ("pcc", np.arctanh, -1, 1), ("rmse", np.log, 0, np.inf), ("mae", np.log, 0, np.inf),
    ("scale", np.log, 0, np.inf), ("mse", np.log, 0, np.inf), ("sagr", lambda s: np.log(s / (1 - s)), 0, 1),
])  # fmt: skip
def test_a_score_has_its_interval_where_the_measure_has_no_bounds(measure, there, least, most):
    one = system(0.1, recordings=3, repetitions=1)
    one["r0"] = system(4.0, recordings=1, repetitions=1)["r0"]
    value, low, high = bootstrap(one, MEAN, measure)
    assert least < low < value < high < most
    assert there(high) - there(value) == pytest.approx(there(value) - there(low))
    own = contrast([(1.0, one)], MEAN, measure)
    assert own[1] < least or own[2] > most
    assert own[0] == value and value - own[1] == pytest.approx(own[2] - value)


def test_a_perfect_score_has_bounds_that_are_it():
    for measure, best in (("ccc", 1), ("rmse", 0), ("sagr", 1), ("scale", 1)):
        assert bootstrap(system(0.0), measure=measure) == pytest.approx((best, best, best), abs=1e-12)


def test_a_spread_and_what_has_no_scale_keep_their_own():
    one = system(0.7, recordings=4)
    for pooling, measure in ((SPREAD, "ccc"), (MEAN, "gold_mean")):
        assert bootstrap(one, pooling, measure) == contrast([(1.0, one)], pooling, measure)


def test_an_interval_is_by_hand_that_of_its_draws():
    low, high = interval(np.array([[5.0, 4.0, 7.0, np.nan, 5.0], [0.0, 1.0, 1.0, -1.0, -1.0]]), 5)
    # mean square of the defined draws, 5/4 of it, and 2.776, Student's t of four degrees
    halves = [2.776445 * np.sqrt(5 / 4 * (1 + 4 + 0) / 3), 2.776445 * np.sqrt(5 / 4)]
    assert low == pytest.approx([5 - halves[0], -halves[1]], rel=1e-6)
    assert high == pytest.approx([5 + halves[0], halves[1]], rel=1e-6)
    nothing = interval(np.array([5.0, np.nan, np.nan]), 5)
    assert np.isnan(nothing).all() and np.isnan(interval(np.array([5.0]), 1)).all()


@pytest.mark.parametrize("pooling", [POOLED, MEAN])
def test_the_bounds_of_a_ratio_are_where_the_contrast_stops_to_hold_zero(pooling):
    best, good, poor = system(0.2), system(0.5, seed=1), system(1.0, seed=2)
    small, large = [(1.0, best), (-1.0, good)], [(1.0, best), (-1.0, poor)]
    _, low, high = ratio(small, large, pooling)
    for bound, sign in ((low, 1), (high, -1)):
        rest, *bounds = contrast([*small, *((-bound * weight, of) for weight, of in large)], pooling)
        # above 0 left of the interval, below it right of it, and here its near bound is 0
        assert np.sign(rest) == sign and bounds[0 if sign > 0 else 1] == pytest.approx(0, abs=1e-9 * abs(rest))


def test_a_ratio_of_one_to_itself_has_no_width():
    large = [(1.0, system(0.2)), (-1.0, system(1.0, seed=2))]
    for share in np.arange(1, 20) / 7:
        # abs: the root of what rounding leaves
        found = ratio([(share * weight, of) for weight, of in large], large)
        assert found == pytest.approx((share, share, share), abs=1e-6)


def test_a_ratio_is_of_draws_that_define_both():
    above, below = np.array([1.0, 1.5, 0.5, np.nan, 9.0]), np.array([2.0, 2.1, 1.9, 5.0, np.nan])
    assert fieller_interval(above, below, 8) == pytest.approx(fieller_interval(above[:3], below[:3], 8))


def test_a_ratio_to_what_may_be_nothing_has_no_bounds():
    one, other, third = system(0.7), system(0.7, seed=1), system(0.3, seed=2)
    below = contrast([(1.0, one), (-1.0, other)])
    assert below[1] < 0 < below[2]
    value, *bounds = ratio([(1.0, third), (-1.0, other)], [(1.0, one), (-1.0, other)])
    assert np.isfinite(value) and bounds == [-np.inf, np.inf]


def test_nothing_scored_has_no_score():
    assert np.isnan(bootstrap({})).all()


def test_a_verdict_needs_an_interval_beside_zero():
    assert [verdict(*pair) for pair in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1), (np.nan, np.nan), (0.0, 0.1))] == [
        "higher", "lower", "undecided", "undecided", "undecided",
    ]  # fmt: skip
    assert [verdict(low, low + 1, "holds", "does not") for low in (1, -3, 0)] == ["holds", "does not", "undecided"]


def test_p_of_an_interval_is_that_of_the_t_test():
    """Of a mean over recordings the bootstrap has the standard error of the mean."""
    for seed, noise in enumerate((0.3, 0.4, 0.5, 1.0)):
        one, other = system(0.35, seed=seed), system(noise, seed=seed + 10)
        away = [np.mean([p.ccc for p in one[name]]) - np.mean([p.ccc for p in other[name]]) for name in one]
        terms = [(1.0, one), (-1.0, other)]
        found = p_of_interval(*contrast(terms, MEAN, draws=20000), len(away))
        assert found == pytest.approx(stats.ttest_1samp(away, 0).pvalue, rel=0.06, abs=1e-5)


def test_p_of_an_interval_agrees_with_what_it_holds():
    rng = np.random.default_rng(0)
    for value, half, units in zip(
        rng.normal(size=500), rng.exponential(size=500), rng.integers(2, 40, 500), strict=True
    ):
        p = p_of_interval(value, value - half, value + half, units)
        assert 0 <= p <= 1 and (p < 0.05) == (verdict(value - half, value + half) != "undecided")


def test_p_of_no_interval_is_none_and_of_no_width_certain():
    assert np.isnan(p_of_interval(0.1, np.nan, np.nan, 1)) and np.isnan(p_of_interval(np.nan, np.nan, np.nan, 5))
    assert (p_of_interval(0.0, 0.0, 0.0, 5), p_of_interval(0.1, 0.1, 0.1, 5)) == (1.0, 0.0)


def test_spread_is_how_much_repetitions_differ():
    one = system(0.7, repetitions=3)
    by_hand = np.mean([np.std([part.ccc for part in parts], ddof=1) for parts in one.values()])
    assert overall(one, SPREAD) == pytest.approx(by_hand)
    assert overall({name: [parts[0]] * 3 for name, parts in one.items()}, SPREAD) == pytest.approx(0, abs=1e-12)
    assert np.isnan(overall(system(0.7, repetitions=1), SPREAD))


def test_a_contrast_weighs_scores():
    systems = [system(noise, seed=k) for k, noise in enumerate((0.3, 0.6, 0.9, 1.2))]
    weights = (0.5, -0.5, -0.5, 0.5)
    value, low, high = contrast(list(zip(weights, systems, strict=True)), MEAN)
    assert value == pytest.approx(sum(w * overall(s, MEAN) for w, s in zip(weights, systems, strict=True)))
    assert low < value < high
    assert contrast([(1.0, systems[0]), (-1.0, systems[1])]) == paired_bootstrap(systems[0], systems[1])


# ---- permutation -----------------------------------------------------------------------------------------------------


def p_by_hand(one, other, pooling, units):
    """All swaps one after the other, in series of single systems."""
    names = sorted(set(units.values()))
    found = []
    for swapped in product((False, True), repeat=len(names)):
        turned = {name for name, swap in zip(names, swapped, strict=True) if swap}
        mine = {name: (other if units[name] in turned else one)[name] for name in one}
        theirs = {name: (one if units[name] in turned else other)[name] for name in one}
        found.append(abs(overall(mine, pooling) - overall(theirs, pooling)))
    return np.mean([value >= found[0] - 1e-12 for value in found])


@pytest.mark.parametrize("pooling", [POOLED, MEAN, SPREAD])
def test_a_p_value_is_the_share_of_swaps_that_are_as_large(pooling):
    one, other = system(0.65), system(0.7, seed=1)
    alone = {name: name for name in one}
    assert permutation_test(one, other, pooling) == pytest.approx(p_by_hand(one, other, pooling, alone))
    pairs = {name: str(int(name[1]) // 2) for name in one}
    p = permutation_test(one, other, pooling, units=pairs)
    assert (
        p == pytest.approx(p_by_hand(one, other, pooling, pairs)) == permutation_test(other, one, pooling, units=pairs)
    )
    assert 2 / 2**4 <= p != permutation_test(one, other, pooling)


def test_random_swaps_come_near_all_of_them():
    one, other = system(0.7), system(0.7, seed=1)
    exact = permutation_test(one, other, draws=256)
    assert exact == permutation_test(one, other) and 0.1 < exact < 0.9
    # fewer than the 256 that there are
    p = permutation_test(one, other, draws=250)
    assert p == pytest.approx(exact, abs=0.1) and p * 251 == pytest.approx(round(p * 251)) != 251 * exact
    # the difference itself counts, so that p is never 0
    better, worse = system(0.1, 20), system(2.0, 20, seed=1)
    assert permutation_test(better, worse, draws=99) == 0.01 and permutation_test(better, worse, draws=999) == 0.001


def test_blocks_of_swaps_are_one_test(monkeypatch):
    one, other = system(0.65), system(0.7, seed=1)
    for draws in (9999, 100):
        whole = permutation_test(one, other, draws=draws)
        with monkeypatch.context() as patch:
            patch.setattr("emotf.statistics.significance._BLOCK", 7 * 32)
            assert permutation_test(one, other, draws=draws) == whole


@pytest.mark.parametrize("pooling", [POOLED, MEAN])
def test_a_p_value_has_a_floor_and_a_ceiling(pooling):
    better, worse = system(0.1, 5), system(2.0, 5, seed=1)
    assert permutation_test(better, worse, pooling) == 2 / 2**5
    assert permutation_test(better, better, pooling) == permutation_test(better, better, pooling, draws=20) == 1
    # alike up to rounding is alike: the sum of the same moments in another order
    turned = {name: [Moments() + part for part in parts] for name, parts in better.items()}
    shifted = {name: [part.moved(1 + 1e-15, 0.0) for part in parts] for name, parts in better.items()}
    assert permutation_test(better, turned, pooling) == permutation_test(better, shifted, pooling) == 1


def test_ties_are_as_large():
    """Four recordings that differ by one and the same: the differences are -4, -2, 0, 2, 4 of it, 1 4 6 4 1 times."""
    flat = {f"r{k}": [Moments(count=1, squared=k + 1.0)] for k in range(4)}
    more = {f"r{k}": [Moments(count=1, squared=k + 1.1)] for k in range(4)}
    assert permutation_test(flat, more, MEAN, "mse") == 2 / 16
    more["r0"] = [Moments(count=1, squared=0.9)]
    assert permutation_test(flat, more, MEAN, "mse") == permutation_test(flat, more, POOLED, "mse") == 10 / 16


def test_a_p_value_needs_two_units_and_a_difference():
    one, other = system(0.3), system(1.0, seed=1)
    assert np.isnan(permutation_test(one, other, units=dict.fromkeys(one, "a"))) and np.isnan(permutation_test({}, {}))
    constant = {name: [Moments.of(np.arange(5.0), np.full(5, 0.1))] * 2 for name in one}
    assert permutation_test(constant, constant) == 1
    assert np.isnan(permutation_test(one, constant, MEAN, "pcc"))
    with pytest.raises(UserError, match="A paired test needs both systems on the same recordings"):
        permutation_test(one, system(0.3, recordings=4))
    with pytest.raises(UserError, match=r"as many repetitions of both systems, received \[2, 3\]"):
        permutation_test(one, system(1.0, repetitions=3))


def test_undefined_swaps_do_not_count():
    """PCC of two recordings, undefined in one system each: swapping either leaves one system with none."""
    wave, flat = Moments.of([0.0, 1.0, 3.0], [0.0, 1.0, 2.0]), Moments.of([0.0, 1.0, 3.0], [1.0, 1.0, 1.0])
    poor = Moments.of([0.0, 1.0, 3.0], [0.0, 1.0, 0.5])
    one, other = {"a": [wave], "b": [flat]}, {"a": [flat], "b": [poor]}
    # of four swaps none and both are defined, and as large as each other
    assert permutation_test(one, other, MEAN, "pcc") == 1
    one, other = one | {"c": [wave]}, other | {"c": [poor]}
    swaps = list(product((0, 1), repeat=3))
    pairs = [[(one, other)[side][name][0].pcc for name, side in zip("abc", swap, strict=True)] for swap in swaps]
    differences = [np.nanmean(of) - np.nanmean(off) for of, off in zip(pairs, pairs[::-1], strict=True)]
    by_hand = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-12)
    assert permutation_test(one, other, MEAN, "pcc") == by_hand < 1


# ---- many comparisons ------------------------------------------------------------------------------------------------


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.9]).tolist() == [0.8, 0.9] and holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    # never below a smaller one: 2 x .02 after 3 x .015
    assert holm([0.015, 0.02, 0.5]) == pytest.approx([0.045, 0.045, 0.5])
    assert holm([0.02]).tolist() == [0.02] and holm([]).tolist() == []


def test_holm_leaves_out_what_is_no_test():
    found = holm([[0.03, np.nan], [0.01, np.nan]])
    assert found[:, 0] == pytest.approx([0.03, 0.02]) and np.isnan(found[:, 1]).all()
    assert np.isnan(holm([np.nan])).all()
    with pytest.raises(UserError, match=r"between 0 and 1, received \[1.2\]"):
        holm([0.1, 1.2])


def test_holm_keeps_what_it_was_given():
    given = np.array([0.5, 0.01])
    holm(given)
    assert given.tolist() == [0.5, 0.01]
