"""The 95 % intervals that were tried, each of an estimate [runs], its draws [runs, draws] and its values without one
unit [runs, units].

Reference:
    Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 12 to 14.
    Hesterberg 2015, "What Teachers Should Know About the Bootstrap", The American Statistician 69(4) (expanded
    percentiles).
"""

import numpy as np
from scipy.stats import norm, t

EDGE = 0.975


def percentile(estimate, draws, without):
    return _between(draws, 1 - EDGE, EDGE)


def expanded_percentile(estimate, draws, without):
    """Percentiles as far out as Student's t and the variance that a draw of n loses demand."""
    z = _wider(without)
    return _between(draws, norm.cdf(-z), norm.cdf(z))


def bca(estimate, draws, without):
    """Bias corrected and accelerated."""
    return _bca(estimate, draws, without, norm.ppf(EDGE))


def expanded_bca(estimate, draws, without):
    return _bca(estimate, draws, without, _wider(without))


def bootstrap_t(estimate, draws, without, errors):
    """Studentised by the jackknife, `errors` those of the draws [runs, draws]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        student = np.nan_to_num((draws - estimate[:, None]) / errors, nan=0.0)
    low, high = _between(student, 1 - EDGE, EDGE)
    error = jackknife_error(without)
    return estimate - high * error, estimate - low * error


def jackknife_t(estimate, draws, without):
    """Student's t and the jackknife's standard error; the draws are not needed."""
    half = t.ppf(EDGE, without.shape[1] - 1) * jackknife_error(without)
    return estimate - half, estimate + half


def jackknife_error(without):
    """sqrt((n - 1) / n · Σ (θ_without i - their mean)²), [runs]."""
    n = without.shape[1]
    return np.sqrt((n - 1) * without.var(axis=1))


def _wider(without):
    """In place of 1.96 with n units: t · sqrt(n / (n - 1))."""
    n = without.shape[1]
    return t.ppf(EDGE, n - 1) * np.sqrt(n / (n - 1))


def _bca(estimate, draws, without, z):
    count = draws.shape[1]
    below = (draws < estimate[:, None]).mean(axis=1)
    bias = norm.ppf(np.clip(below, 1 / count, 1 - 1 / count))
    away = without.mean(axis=1, keepdims=True) - without
    acceleration = (away**3).sum(axis=1) / (6 * (away**2).sum(axis=1) ** 1.5)
    return _between(draws, *(norm.cdf(bias + (bias + q) / (1 - acceleration * (bias + q))) for q in (-z, z)))


def _between(draws, *shares):
    """Quantiles of every run [runs] at these shares: numbers, or one a run."""
    ordered = np.sort(draws, axis=1)
    found = []
    for share in shares:
        place = np.broadcast_to(share, len(draws)) * (draws.shape[1] - 1)
        lower = np.floor(place).astype(int)
        upper, rows = np.minimum(lower + 1, draws.shape[1] - 1), np.arange(len(draws))
        found.append(ordered[rows, lower] + (place - lower) * (ordered[rows, upper] - ordered[rows, lower]))
    return tuple(found)
