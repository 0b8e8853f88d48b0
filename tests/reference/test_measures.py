"""NumPy measures against SciPy, audmetric, the organisers' script and literal formulas."""

from dataclasses import astuple

import audmetric
import numpy as np
import pytest
import scipy.stats
from loss_cases import NAN, pair

from emotf import measures
from emotf.errors import UserError
from emotf.measures import MEASURES, VARIANCES, Moments, running_ccc

CASES = ("random", "large offset", "tiny scale", "masked", "masked, the first too", "two frames", "opposite")
DATA = {case: pair(case, (300,)) for case in CASES}


@pytest.fixture(params=CASES)
def data(request):
    return DATA[request.param]


def rated(y, p):
    return y[~np.isnan(y)].astype(np.float64), p[~np.isnan(y)].astype(np.float64)


# ---- measures --------------------------------------------------------------------------------------------------------


def test_ccc_is_that_of_audmetric(data):
    assert measures.ccc(*data) == pytest.approx(audmetric.concordance_cc(*rated(*data)), abs=1e-10)


def test_pcc_is_that_of_scipy(data):
    assert measures.pcc(*data) == pytest.approx(scipy.stats.pearsonr(*rated(*data)).statistic, abs=1e-10)


def test_means_of_frames_are_those_of_the_formulas(data):
    frames = list(zip(*rated(*data), strict=True))
    n = len(frames)
    assert measures.rmse(*data) == pytest.approx((sum((a - b) ** 2 for a, b in frames) / n) ** 0.5, rel=1e-9)
    assert measures.mae(*data) == pytest.approx(sum(abs(a - b) for a, b in frames) / n, rel=1e-9)
    assert measures.sagr(*data) == sum((a > 0) == (b > 0) and (a < 0) == (b < 0) for a, b in frames) / n


def test_moments_are_those_of_the_population(data):
    y, p = rated(*data)
    cov = np.cov(y, p, bias=True) * len(y)
    signs = sum(np.sign(a) == np.sign(b) for a, b in zip(y, p, strict=True))
    by_hand = (len(y), y.mean(), p.mean(), cov[0, 0], cov[1, 1], cov[0, 1])
    errors = np.sum((y - p) ** 2), np.sum(np.abs(y - p)), signs
    assert astuple(Moments.of(*data)) == pytest.approx((*by_hand, *errors))
    assert Moments.of(*data).scale == pytest.approx(np.std(p) / np.std(y))


def test_worked_examples():
    assert measures.ccc([0, 1, 2], [0, 1, 2]) == 1
    assert measures.ccc([0, 1, 2], [1, 2, 3]) == pytest.approx(4 / 7)
    assert measures.ccc([0, 1, 2], [2, 1, 0]) == -1
    assert measures.pcc([0, 1, 2], [5, 7, 9]) == pytest.approx(1)
    assert measures.rmse([0, 0], [3, 4]) == pytest.approx(np.sqrt(12.5))
    assert measures.mae([0, 0], [3, -4]) == 3.5
    assert measures.sagr([1, -1, 1, 0.1], [0.5, -3, -1, 0.1]) == 0.75
    assert Moments.of([0, 1, 2], [5, 8, 11]).scale == 3


def test_zero_is_a_sign_of_its_own():
    assert measures.sagr([0, 0, 0, 1, -1], [0, 1, -1, 0, 0]) == 0.2
    assert measures.sagr([0.0, -0.0], [-0.0, 0.0]) == 1


CONSTANT = np.full(7, 0.1)
LINE = np.arange(7.0)


@pytest.mark.parametrize(
    ("gold", "prediction", "defined"),
    [
        (LINE, CONSTANT, {"ccc": 0, "rmse": np.sqrt(86.87 / 7), "mae": 20.5 / 7, "sagr": 6 / 7}),
        (CONSTANT, LINE, {"ccc": 0, "rmse": np.sqrt(86.87 / 7), "mae": 20.5 / 7, "sagr": 6 / 7}),
        (CONSTANT, CONSTANT, {"rmse": 0, "mae": 0, "sagr": 1}),
        (CONSTANT, CONSTANT + 1, {"ccc": 0, "rmse": 1, "mae": 1, "sagr": 1}),
        ([1.0], [1.0], {"rmse": 0, "mae": 0, "sagr": 1}),
        ([1.0], [-1.0], {"ccc": 0, "rmse": 2, "mae": 2, "sagr": 0}),
        (np.full(7, NAN), LINE, {}),
        ([], [], {}),
    ],
)
def test_what_the_data_do_not_define_is_nan(gold, prediction, defined):
    found = {measure: getattr(measures, measure)(gold, prediction) for measure in MEASURES}
    by_hand = {measure: defined.get(measure, NAN) for measure in MEASURES}
    assert found == pytest.approx(by_hand, abs=1e-12, nan_ok=True)


def test_the_scale_of_a_constant_gold_is_nan_and_of_a_constant_prediction_0():
    assert np.isnan(Moments.of(CONSTANT, LINE).scale) and Moments.of(LINE, CONSTANT).scale == 0


def test_shapes_do_not_matter_but_lengths_do():
    y, p = pair("random", (12,))
    assert measures.ccc(y.reshape(3, 4), p[:, None]) == measures.ccc(y, p)
    with pytest.raises(UserError, match="Gold has 12 frames, prediction 11; resample one of them first"):
        measures.ccc(y, p[:-1])
    with pytest.raises(UserError, match="Gold has 1 frames, prediction 12"):
        measures.ccc(y[:1], p)


def test_predictions_of_rated_frames_must_be_finite():
    assert measures.ccc([0, 1, NAN], [0, 1, NAN]) == 1
    for bad in (NAN, np.inf):
        with pytest.raises(UserError, match="1 of 3 predictions are not finite"):
            measures.ccc([0, 1, 2], [0, bad, 2])


# ---- merging, and many series at a time ------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_moments_of_parts_add_up_to_those_of_the_whole(data, parts):
    y, p = data
    pieces = zip(np.array_split(y, parts), np.array_split(p, parts), strict=True)
    merged = sum((Moments.of(a, b) for a, b in pieces), Moments())
    assert astuple(merged) == pytest.approx(astuple(Moments.of(y, p)), rel=1e-9)
    for measure in MEASURES:
        assert getattr(merged, measure) == pytest.approx(getattr(measures, measure)(y, p), abs=1e-9)


def stacked(series):
    return Moments(*(np.array(column) for column in zip(*map(astuple, series), strict=True)))


@pytest.fixture
def series():
    """Regular ones, one without a frame, one of one frame, one constant."""
    many = [Moments.of(*DATA[case]) for case in CASES]
    return [*many, Moments(), Moments.of([1.0], [2.0]), Moments.of(CONSTANT, LINE)]


@pytest.mark.parametrize("variance", VARIANCES)
def test_many_series_at_a_time_are_as_one_by_one(series, variance):
    together = stacked(series).under(variance)
    for measure in (*MEASURES, "scale"):
        one_by_one = [getattr(one.under(variance), measure) for one in series]
        assert getattr(together, measure).shape == (len(series),)
        np.testing.assert_allclose(getattr(together, measure), one_by_one, rtol=1e-12)


def test_many_series_at_a_time_merge_as_one_by_one(series):
    others = series[::-1]
    others[0] = others[7] = series[7]
    assert series[7].count == 0
    merged = stacked(series) + stacked(others)
    one_by_one = [one + other for one, other in zip(series, others, strict=True)]
    np.testing.assert_allclose(np.array(astuple(merged)), np.array([astuple(one) for one in one_by_one]).T, rtol=1e-12)


# ---- protocols of variance -------------------------------------------------------------------------------------------


def ccc_of(y_var, p_var, cov, gap):
    return 2 * cov / (y_var + p_var + gap**2)


def test_sample_is_the_formula_with_n_minus_1_everywhere(data):
    y, p = rated(*data)
    (y_var, cov), (_, p_var) = np.cov(y, p, ddof=1)
    assert measures.ccc(*data, "sample") == pytest.approx(ccc_of(y_var, p_var, cov, y.mean() - p.mean()), abs=1e-10)
    assert measures.pcc(*data, "sample") == pytest.approx(cov / np.sqrt(y_var) / np.sqrt(p_var), abs=1e-10)
    assert measures.pcc(*data, "sample") == pytest.approx(measures.pcc(*data), abs=1e-10)


def test_avec_is_the_script_of_the_organisers(data):
    """`calc_scores` of AVEC 2018 and 2019, line by line."""
    x, y = rated(*data)
    x_mean = np.nanmean(x)
    y_mean = np.nanmean(y)
    covariance = np.nanmean((x - x_mean) * (y - y_mean))
    x_var = 1.0 / (len(x) - 1) * np.nansum((x - x_mean) ** 2)
    y_var = 1.0 / (len(y) - 1) * np.nansum((y - y_mean) ** 2)
    concordance = (2 * covariance) / (x_var + y_var + (x_mean - y_mean) ** 2)
    x_std, y_std = np.sqrt(x_var), np.sqrt(y_var)
    pearson = covariance / (x_std * y_std)
    rmse = np.sqrt(np.nanmean((x - y) ** 2))
    assert measures.ccc(*data, "avec") == pytest.approx(concordance, abs=1e-10)
    assert measures.pcc(*data, "avec") == pytest.approx(pearson, abs=1e-10)
    assert Moments.of(*data).under("avec").rmse == pytest.approx(rmse, rel=1e-10)


def test_protocols_differ_and_population_is_the_default():
    y, p = DATA["random"][0][:5], DATA["random"][1][:5]
    found = [measures.ccc(y, p, variance) for variance in VARIANCES]
    assert found[0] == measures.ccc(y, p) == Moments.of(y, p).ccc
    assert len({round(value, 5) for value in found}) == 3


@pytest.mark.parametrize("n", [2, 5, 300])
def test_avec_gives_a_perfect_prediction_less_than_1(n):
    y = DATA["random"][0][:n]
    assert measures.ccc(y, y, "avec") == pytest.approx((n - 1) / n) == measures.pcc(y, y, "avec")
    assert measures.ccc(y, y, "sample") == pytest.approx(1)


@pytest.mark.parametrize("variance", VARIANCES)
def test_protocols_leave_the_measures_of_frames_alone(data, variance):
    one = Moments.of(*data)
    for measure in ("rmse", "mae", "sagr", "scale", "count"):
        assert getattr(one.under(variance), measure) == pytest.approx(getattr(one, measure), rel=1e-12)


@pytest.mark.parametrize("variance", ["sample", "avec"])
def test_one_frame_has_no_sample_variance(variance):
    for of in (measures.ccc, measures.pcc):
        assert np.isnan(of([1.0], [3.0], variance)) and np.isnan(of([], [], variance))
    assert measures.ccc([1.0], [3.0]) == 0


def test_an_unknown_protocol_is_refused():
    for of in (measures.ccc, measures.pcc):
        with pytest.raises(UserError, match="No variance 'biased'; choose from population, sample, avec"):
            of([0, 1], [0, 1], "biased")


# ---- the running CCC -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["random", "masked", "masked, the first too", "large offset", "two frames"])
@pytest.mark.parametrize("frames", [2, 10, 100])
def test_a_running_ccc_is_that_of_each_stretch_by_itself(case, frames):
    y, p = (x.astype(np.float64) for x in DATA[case])
    by_hand = []
    for last in range(len(y)):
        stretch = [(a, b) for a, b in zip(y[: last + 1][-frames:], p[: last + 1][-frames:], strict=True) if a == a]
        if last < frames - 1 or not stretch:
            by_hand.append(NAN)
            continue
        a, b = np.array(stretch).T
        below = a.var() + b.var() + (a.mean() - b.mean()) ** 2
        by_hand.append(2 * np.mean((a - a.mean()) * (b - b.mean())) / below)
    found = running_ccc(y, p, frames)
    assert found.shape == y.shape and found.dtype == np.float64
    np.testing.assert_allclose(found, by_hand, atol=1e-9)
    assert np.isnan(found[: frames - 1]).all()


def test_a_running_ccc_looks_back_100_frames():
    y, p = DATA["random"]
    np.testing.assert_array_equal(running_ccc(y, p), running_ccc(y, p, 100))
    assert np.isnan(running_ccc(y[:99], p[:99])).all()
    assert running_ccc(y[:100], p[:100])[-1] == measures.ccc(y[:100], p[:100])


def test_a_running_ccc_is_nan_where_a_stretch_does_not_define_it():
    still = np.zeros(6)
    assert np.isnan(running_ccc(still, still, 3)).all() and np.isnan(running_ccc(still * NAN, still, 3)).all()
    assert running_ccc([], [], 2).shape == (0,)


def test_a_running_ccc_needs_two_frames_and_two_series_of_one_length():
    with pytest.raises(UserError, match="stretches of at least 2 frames, received 1"):
        running_ccc([0, 1], [0, 1], 1)
    for y, p in ((np.zeros(4), np.zeros(3)), (np.zeros((4, 1)), np.zeros((4, 1))), (np.zeros((2, 2)), np.zeros(4))):
        message = f"Gold has shape {y.shape}, prediction {p.shape}; expected [n] and [n]."
        with pytest.raises(UserError) as raised:
            running_ccc(y, p, 2)
        assert str(raised.value) == message
    with pytest.raises(UserError, match="predictions are not finite"):
        running_ccc([0, 1, 2], [0, NAN, 2], 2)
