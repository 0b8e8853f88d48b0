"""Steps against independent implementations, what they learn from planted faults, and chains of them."""

import numpy as np
import pandas as pd
import pytest

from emotf import catalog
from emotf.config import from_json, to_json
from emotf.errors import UserError
from emotf.measures import ccc
from emotf.postprocessing import fit_chain, transform_chain
from emotf.postprocessing.base import pooled_ccc
from emotf.postprocessing.centring import Centring
from emotf.postprocessing.median import Median, median, odd
from emotf.postprocessing.scaling import Scaling
from emotf.postprocessing.shift import Shift, later
from emotf.postprocessing.smoothing import DIRECTIONS, Smoothing, smooth

NAMES = catalog.names("postprocessing")
HOP = 0.04


def slow(seed, frames=600):
    """A trace as people move: smooth noise."""
    rng = np.random.default_rng(seed)
    return np.convolve(rng.normal(size=frames + 100), np.hanning(101) / 10, mode="valid")[:frames]


@pytest.fixture
def gold():
    found = {f"r{k}": slow(k) for k in range(3)}
    found["r1"][100:200] = np.nan
    return found


def noisy(gold, noise=1.0):
    rng = np.random.default_rng(9)
    return {name: np.nan_to_num(y) + noise * rng.normal(size=len(y)) for name, y in gold.items()}


# ---- every step ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_step_never_lowers_what_it_was_fitted_on_by_search_and_keeps_lengths(name, gold):
    step = catalog.find("postprocessing", name)()
    with pytest.raises(UserError, match="is not fitted; fit it on development first"):
        step.transform(gold["r0"], HOP)
    prediction = noisy(gold)
    before = {key: trace.copy() for key, trace in prediction.items()}
    assert step.fit(gold, prediction, HOP) is step
    made = {key: step.transform(trace, HOP) for key, trace in prediction.items()}
    assert all(len(made[key]) == len(prediction[key]) and np.isfinite(made[key]).all() for key in made)
    assert all(np.array_equal(prediction[key], before[key]) for key in before)
    if name not in ("centring", "scaling"):
        assert pooled_ccc(gold, made) >= pooled_ccc(gold, prediction)
    again = from_json(to_json(catalog.find("postprocessing", name)())).restore(step.learned)
    np.testing.assert_array_equal(again.transform(prediction["r0"], HOP), made["r0"])
    for frames in (0, 1):
        assert len(step.transform(np.zeros(frames), HOP)) == frames


# ---- smoothing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1.0, 0.7, 0.1, 0.01])
def test_smoothing_is_the_recursion_of_the_paper(alpha):
    x = np.random.default_rng(0).normal(size=200)
    s = [x[0]]
    for value in x[1:]:
        s.append(alpha * value + (1 - alpha) * s[-1])
    np.testing.assert_allclose(smooth(x, alpha), s, atol=1e-12)
    np.testing.assert_allclose(smooth(x, alpha), pd.Series(x).ewm(alpha=alpha, adjust=False).mean(), atol=1e-12)
    np.testing.assert_allclose(smooth(x, alpha, "backward"), smooth(x[::-1], alpha)[::-1], atol=1e-12)
    np.testing.assert_allclose(smooth(x, alpha, "both"), smooth(smooth(x, alpha), alpha, "backward"), atol=1e-12)
    np.testing.assert_allclose([smooth(np.full(9, 0.3), alpha, d) for d in DIRECTIONS], 0.3)


def test_smoothing_finds_the_noise_and_the_direction_of_a_delay(gold):
    step = Smoothing().fit(gold, noisy(gold), HOP)
    assert step.alpha_ < 0.5 and step.direction_ == "both"
    assert Smoothing().fit(gold, {name: np.nan_to_num(y) for name, y in gold.items()}, HOP).alpha_ == 1.0
    late = {name: later(trace, 8) for name, trace in noisy(gold).items()}
    assert Smoothing().fit(gold, late, HOP).direction_ == "backward"
    assert Smoothing(direction="forward").fit(gold, late, HOP).direction_ == "forward"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Smoothing(direction="up"), "direction is 'up', expected forward, backward, both or search"),
        (lambda: Smoothing(alphas=(0.0,)), "α above 0 and at most 1"),
        (lambda: Smoothing(alphas=()), "α above 0 and at most 1"),
        (lambda: Median(windows=(-1.0,)), "windows of at least 0 s"),
        (lambda: Shift(seconds=()), "a grid of seconds, received none"),
    ],
)
def test_grids_that_cannot_be_are_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()


# ---- the others ------------------------------------------------------------------------------------------------------


def test_the_median_filter_is_that_of_pandas_inside_and_takes_out_clicks(gold):
    x = np.random.default_rng(0).normal(size=50)
    np.testing.assert_array_equal(median(x, 5)[2:-2], pd.Series(x).rolling(5, center=True).median()[2:-2])
    assert [odd(seconds, 0.04) for seconds in (0.0, 0.04, 0.12, 0.2, 0.21, 1.0)] == [1, 1, 3, 5, 5, 25]
    clicks = {name: np.nan_to_num(y) for name, y in gold.items()}
    for trace in clicks.values():
        trace[::15] += 9
    step = Median().fit(gold, clicks, HOP)
    assert step.window_ > 0
    assert ccc(gold["r0"], step.transform(clicks["r0"], HOP)) > ccc(gold["r0"], clicks["r0"]) + 0.1


def test_centring_and_scaling_give_rated_frames_the_moments_of_the_gold_standard(gold):
    wrong = {name: 0.2 * trace + 3 for name, trace in noisy(gold).items()}
    chain = fit_chain([Centring(), Scaling()], gold, wrong, HOP)
    made = np.concatenate([transform_chain(chain, wrong[name], HOP)[~np.isnan(y)] for name, y in gold.items()])
    rated = np.concatenate([y[~np.isnan(y)] for y in gold.values()])
    assert (made.mean(), made.std()) == pytest.approx((rated.mean(), rated.std()))
    flat = {name: np.zeros(len(y)) for name, y in gold.items()}
    assert Scaling().fit(gold, flat, HOP).scale_ == 1.0


def test_a_shift_finds_how_early_predictions_are(gold):
    early = {name: later(np.nan_to_num(y), -30) for name, y in gold.items()}
    assert Shift().fit(gold, early, HOP).shift_ == 1.2
    np.testing.assert_array_equal(later(np.arange(5), 2), [0, 0, 0, 1, 2])
    np.testing.assert_array_equal(later(np.arange(5), -2), [2, 3, 4, 4, 4])


# ---- chains ----------------------------------------------------------------------------------------------------------


def test_a_step_that_does_not_help_is_left_out(gold):
    right = {name: np.nan_to_num(y) for name, y in gold.items()}
    chain = fit_chain([Smoothing(), Shift()], gold, right, HOP)
    assert not any(item.kept for item in chain)
    np.testing.assert_array_equal(transform_chain(chain, right["r0"], HOP), right["r0"])


def test_each_step_is_fitted_on_what_those_before_it_leave(gold):
    steps = [Smoothing(), Scaling()]
    wide = {name: 3 * trace for name, trace in noisy(gold).items()}
    chain = fit_chain(steps, gold, wide, HOP)
    assert chain[0].after == chain[1].before and all(item.kept for item in chain)
    smoothed = {name: chain[0].step.transform(trace, HOP) for name, trace in wide.items()}
    assert chain[1].step.learned == Scaling().fit(gold, smoothed, HOP).learned
    assert steps[0].alpha_ is None
