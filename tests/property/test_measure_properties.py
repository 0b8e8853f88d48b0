"""What holds for the measures, losses and metrics of all data, searched by hypothesis."""

from dataclasses import astuple
from functools import cache

import audmetric
import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emotf import catalog, measures
from emotf.measures import MEASURES, VARIANCES, Moments, ccc, pcc, rmse

FRAMES = 40
THOUSAND = settings(max_examples=1000, deadline=None)


@st.composite
def pairs(draw, least=1, missing=False, size=1e6):
    """Gold and prediction of one length, of float32 values up to a size."""
    n = draw(st.integers(least, FRAMES))
    elements = st.floats(-size, size, width=32, allow_subnormal=False)
    y, p = (draw(arrays(np.float32, n, elements=elements)).astype(np.float64) for _ in range(2))
    if missing:
        y[draw(arrays(np.bool_, n))] = np.nan
    return y, p


def varied(x):
    """Whether the variance is far above what rounding makes of a constant, and above what float32 holds of a square."""
    return np.ptp(x) > 1e-5 * np.abs(x).max(initial=1e-10)


# ---- against others --------------------------------------------------------------------------------------------------


@THOUSAND
@given(pairs(least=2))
def test_ccc_is_that_of_audmetric(pair):
    y, p = pair
    assert ccc(y, p) == pytest.approx(audmetric.concordance_cc(y, p), abs=1e-9, nan_ok=True)


@THOUSAND
@given(pairs(least=2))
def test_pcc_is_that_of_scipy(pair):
    y, p = pair
    assume(varied(y) and varied(p))
    assert pcc(y, p) == pytest.approx(scipy.stats.pearsonr(y, p).statistic, abs=1e-9)


@cache
def compiled(name):
    """A loss of a fixed number of frames as a graph: what is short of them is padded as unrated."""
    import tensorflow as tf

    return tf.function(catalog.find("losses", name)())


def padded(x, fill):
    return np.concatenate([x, np.full(FRAMES - len(x), fill)]).astype(np.float32)


@pytest.mark.parametrize("name", ["ccc", "pcc"])
@THOUSAND
@given(pairs(least=2, size=1e3))
def test_losses_of_correlation_are_1_minus_the_measure_of_the_others(name, pair):
    y, p = pair
    assume(varied(y) and varied(p))
    found = float(compiled(name)(padded(y, np.nan), padded(p, 7.0)))
    other = audmetric.concordance_cc(y, p) if name == "ccc" else scipy.stats.pearsonr(y, p).statistic
    assert found == pytest.approx(1 - other, abs=1e-5)


# ---- measures --------------------------------------------------------------------------------------------------------


@given(pairs(missing=True))
def test_ccc_is_symmetric_and_bounded_by_pcc(pair):
    y, p = pair
    rated = ~np.isnan(y)
    one, other = ccc(y, p), ccc(p[rated], y[rated])
    assert one == pytest.approx(other, abs=1e-9, nan_ok=True)
    if not np.isnan(pcc(y, p)):
        assert abs(one) <= abs(pcc(y, p)) + 1e-9 <= 1 + 1e-8
        assert one * pcc(y, p) >= -1e-12  # one sign


@given(pairs(missing=True))
def test_protocols_change_a_correlation_by_no_more_than_n_minus_1_over_n(pair):
    one = Moments.of(*pair)
    assume(one.count > 1)
    share = (one.count - 1) / one.count
    for measure in ("ccc", "pcc"):
        population, sample, avec = (getattr(one.under(variance), measure) for variance in VARIANCES)
        if np.isnan(population):
            assert np.isnan(sample) and np.isnan(avec)
            continue
        assert share * abs(population) - 1e-9 <= abs(avec) <= abs(population) + 1e-9
        assert abs(avec) <= abs(sample) + 1e-9 and abs(population) <= abs(sample) + 1e-9
    assert one.mae <= one.rmse + 1e-9 and 0 <= one.sagr <= 1


@given(pairs(least=2))
def test_a_series_agrees_with_itself(pair):
    y, _ = pair
    if np.ptp(y) > 0:
        assert ccc(y, y) == pytest.approx(1) == pcc(y, y)
    else:
        assert np.isnan(ccc(y, y)) and np.isnan(pcc(y, y))
    assert rmse(y, y) == measures.mae(y, y) == 0 and measures.sagr(y, y) == 1


@given(st.floats(-1e6, 1e6), st.integers(1, 200), st.integers(1, 200))
def test_a_constant_has_no_correlation_whatever_its_value(value, n, m):
    line = np.arange(n + m, dtype=float)
    constant = np.full(n + m, value)
    assert np.isnan(pcc(line, constant)) and np.isnan(ccc(constant, constant))
    assert ccc(line, constant) == 0 or n + m == 1
    merged = Moments.of(constant[:n], line[:n]) + Moments.of(constant[n:], line[n:])
    assert np.isnan(merged.pcc) and merged.ccc == 0


@given(pairs(missing=True), st.data())
def test_moments_of_parts_are_the_moments_of_the_whole(pair, data):
    y, p = pair
    cuts = sorted(data.draw(st.lists(st.integers(0, len(y)), max_size=4)))
    pieces = zip(np.split(y, cuts), np.split(p, cuts), strict=True)
    merged, whole = sum((Moments.of(a, b) for a, b in pieces), Moments()), Moments.of(y, p)
    assert (merged.count, merged.agreed) == (whole.count, whole.agreed)
    size = max(1.0, np.abs(p).max(), np.nanmax(np.abs(y), initial=0))
    powers = (0, 1, 1, 2, 2, 2, 2, 1, 0)
    for one, other, power in zip(astuple(merged), astuple(whole), powers, strict=True):
        assert one == pytest.approx(other, abs=1e-9 * size**power)
    for measure in ("rmse", "mae", "sagr"):
        assert getattr(merged, measure) == pytest.approx(getattr(whole, measure), abs=1e-6 * size, nan_ok=True)


@given(pairs(missing=True))
def test_unrated_frames_are_as_if_they_were_not_there(pair):
    y, p = pair
    rated = ~np.isnan(y)
    wild = np.where(rated, p, np.nan)
    for measure in MEASURES:
        of = getattr(measures, measure)
        assert of(y, wild) == pytest.approx(of(y[rated], p[rated]), nan_ok=True)


# ---- losses and metrics ----------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(pairs(missing=True, size=1e3))
def test_masked_losses_are_losses_on_the_subset(pair):
    y, p = (x.astype(np.float32) for x in pair)
    rated = ~np.isnan(y)
    assume(rated.any())
    for name in catalog.names("losses"):
        loss = catalog.find("losses", name)()
        if not loss.joint:
            assert float(loss(y, p)) == pytest.approx(float(loss(y[rated], p[rated])), rel=1e-4, abs=1e-4)


@settings(max_examples=20)
@given(pairs(missing=True, size=1e3), st.data())
def test_metrics_of_parts_are_the_measures_of_the_whole(pair, data):
    from emotf.metrics import all_measures

    y, p = (x.astype(np.float32) for x in pair)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(y)), max_size=2)))
    for metric in all_measures():
        for a, b in zip(np.split(y, cuts), np.split(p, cuts), strict=True):
            metric.update_state(a, b)
        found, whole = float(metric.result()), getattr(measures, metric.name)(y, p)
        assert found == pytest.approx(whole, rel=1e-6, abs=1e-6, nan_ok=True)
