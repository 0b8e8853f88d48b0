"""The bootstrap against what is known, and against a literal loop."""

import numpy as np
import pytest

from emotf.errors import UserError
from emotf.measures import MEAN, MEASURES, POOLED, VARIANCES, Moments
from emotf.statistics import SPREAD, bootstrap, contrast, overall, paired_bootstrap, ratio, verdict


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


@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize("measure", [*MEASURES, "scale"])
def test_an_overall_score_is_that_of_moments_added_up(measure, variance):
    one = system(0.7)
    repetitions = list(zip(*one.values(), strict=True))
    pooled = [getattr(sum(parts, Moments()).under(variance), measure) for parts in repetitions]
    assert overall(one, POOLED, measure, variance) == pytest.approx(np.mean(pooled), abs=1e-12)
    single = [np.mean([getattr(part.under(variance), measure) for part in parts]) for parts in repetitions]
    assert overall(one, MEAN, measure, variance) == pytest.approx(np.mean(single), abs=1e-12)


def test_a_draw_is_a_score_of_its_recordings_as_often_as_drawn(monkeypatch):
    one = system(0.7, recordings=3, repetitions=1)
    drawn = np.array([[1, 1, 1], [2, 0, 1], [0, 3, 0]])
    monkeypatch.setattr("emotf.statistics._draws", lambda *_: drawn)
    seen = []
    monkeypatch.setattr("emotf.statistics._interval", lambda scores: seen.append(scores) or (0.0, 0.0, 0.0))
    for pooling in (POOLED, MEAN):
        bootstrap(one, pooling)
    parts = [of[0] for of in one.values()]
    for row, counts in enumerate(drawn):
        chosen = [part for part, count in zip(parts, counts, strict=True) for _ in range(count)]
        assert seen[0][row] == pytest.approx(sum(chosen, Moments()).ccc, abs=1e-12)
        assert seen[1][row] == pytest.approx(np.mean([part.ccc for part in chosen]), abs=1e-12)


def test_constants_stay_undefined_when_drawn():
    one = {f"r{k}": [Moments.of(np.arange(5.0) + k, np.full(5, 0.1))] for k in range(4)}
    assert np.isnan(bootstrap(one, measure="pcc")).all()
    assert bootstrap(one) == (0.0, 0.0, 0.0)


def test_subjects_are_drawn_with_all_their_recordings():
    one = system(0.7, recordings=6)
    narrow = bootstrap(one)
    subjects = {name: "ab"[i // 3] for i, name in enumerate(sorted(one))}
    value, low, high = bootstrap(one, units=subjects)
    halves = [{name: parts for name, parts in one.items() if subjects[name] == who} for who in "ab"]
    # of two subjects a draw is one of them twice, or both
    assert (low, high) == pytest.approx(sorted(overall(half) for half in halves), abs=1e-9)
    assert value == narrow[0] and (low, high) != narrow[1:]
    assert np.isnan(bootstrap(one, units=dict.fromkeys(one, "a"))[1:]).all()


def test_nothing_scored_has_no_score():
    assert np.isnan(bootstrap({})).all()


def test_a_verdict_needs_an_interval_beside_zero():
    assert [verdict(*pair) for pair in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1), (np.nan, np.nan), (0.0, 0.1))] == [
        "higher", "lower", "undecided", "undecided", "undecided",
    ]  # fmt: skip


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
