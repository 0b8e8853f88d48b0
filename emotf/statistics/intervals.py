"""The 95 % interval of a score, a difference, a contrast and a ratio of scores.

All are one interval: the estimate, and to either side the quantile of Student's t with (units - 1) degrees of freedom
times a standard error. That is how far the scores of draws (units, with replacement) lie from the estimate, root mean
square, times sqrt(n / (n - 1)), since a draw of n units loses one n-th of the variance.

So many of the 95 % intervals held the true value of a CCC, from the lowest to the highest of 72 settings, and in how
many settings it was 93 to 97 % (`benchmarks/intervals.py --runs=2000`: 9 to 40 subjects, which are the units, alike to
strongly unlike, with 1 recording or 1 to 5 each, pooled and mean over recordings; the jackknife on the scale that a
`bootstrap` takes for a score, on its own for a ratio):

| interval               | of a score            | of a difference       | of a ratio            |
|------------------------|----------------------:|----------------------:|----------------------:|
| this one               | 91.8 to 95.9 % (65)   | 93.1 to 95.9 % (72)   | 92.8 to 97.8 % (68)   |
| percentiles            | 86.2 to 94.5 % (17)   | 88.0 to 94.0 % (13)   | 87.8 to 94.8 % (24)   |
| expanded percentiles   | 92.1 to 95.5 % (66)   | 92.9 to 95.2 % (70)   | 92.7 to 97.9 % (67)   |
| BCa                    | 82.8 to 94.9 % (16)   | 82.5 to 93.8 % (8)    | 83.2 to 94.2 % (9)    |
| t and jackknife error  | 93.0 to 96.0 % (72)   | 93.7 to 96.2 % (72)   | 93.8 to 98.2 % (55)   |

Where this one does not hold what it says:

- A pooled CCC of strongly unlike subjects: 91.8 to 93.6 %. The jackknife is a little wider there, and better. A PCC,
  pooled or mean: 91.6 to 94.2 % there.
- A ratio with 9 or 10 strongly unlike subjects: up to 97.8 %, wider than it need be.
- A single RMSE of unlike subjects, skewed even on the logarithm: 87.4 to 94.3 %. A difference of two has 93.3 to 96.2.
- With 3 to 5 subjects a score has 91.9 to 97.6 %, a difference 94.1 to 99.2, a ratio 94.8 to 100, wider than need be.

A pooled CCC of few subjects is too low besides, for their own means and scales are part of what is pooled: in the mean
by .005 to .04 with 9 subjects, by less than .01 with 40. The mean over recordings has no such bias, and a difference of
two systems hardly any.

Reference:
    Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6 (standard errors), 12 (t intervals).
    Hesterberg 2015, "What Teachers Should Know About the Bootstrap", The American Statistician 69(4) (percentiles are
    too narrow for small n).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from emotf.measures import POOLED
from emotf.statistics.scores import SPREAD, System, scores
from emotf.statistics.units import DRAWS, count, drawn_counts, shared_recordings, unit_of

# What an interval says that holds 0, or is none.
UNDECIDED = "undecided"

Scale = tuple[Callable[[Any], Any], Callable[[Any], Any]]

_MOST = 1 - np.finfo(np.float64).eps
_LEAST = np.finfo(np.float64).tiny


def _fisher(correlation: Any) -> Any:
    return np.arctanh(np.clip(correlation, -_MOST, _MOST))


# There and back: where a single score has no bounds and is less skewed. Correlations between -1 and 1, amounts above 0,
# shares between 0 and 1.
_CORRELATION: Scale = (_fisher, np.tanh)
_AMOUNT: Scale = (lambda x: np.log(np.maximum(x, _LEAST)), np.exp)
_SHARE: Scale = (lambda x: _fisher(2 * x - 1), lambda z: (np.tanh(z) + 1) / 2)
SCALES: Mapping[str, Scale] = {
    **dict.fromkeys(("ccc", "pcc"), _CORRELATION),
    **dict.fromkeys(("mse", "rmse", "mae", "scale"), _AMOUNT),
    "sagr": _SHARE,
}


def bootstrap(
    system: System,
    pooling: str = POOLED,
    measure: str = "ccc",
    variance: str = "population",
    units: Mapping[str, str] | None = None,
    draws: int = DRAWS,
) -> tuple[float, float, float]:
    """The score of a system and its 95 % interval.

    It is made on a scale without bounds: arctanh of CCC and PCC (Fisher's), the logarithm of errors, the logit of sign
    agreement. So no bound of it is where the measure cannot be.

    Args:
        system, pooling, measure, variance: as of `overall`.
        units: recording -> unit that is drawn as a whole, say its subject; each recording by itself where None.
        draws: of the bootstrap, 0 for the score alone; its seed is fixed, so that a table repeats.

    Returns:
        score, lower and upper bound (NaN with fewer than two units).

    Reference:
        Lin 1989, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45 (z of the CCC).
    """
    if not system:
        return float("nan"), float("nan"), float("nan")
    names = sorted(system)
    unit = unit_of(names, units)
    found = scores(system, names, drawn_counts(unit, draws), pooling, measure, variance)
    if pooling == SPREAD or measure not in SCALES:
        low, high = interval(found, count(unit))
    else:
        low, high = score_interval(found, count(unit), measure)
    return float(found[0]), float(low), float(high)


def paired_bootstrap(
    one: System,
    other: System,
    pooling: str = POOLED,
    measure: str = "ccc",
    variance: str = "population",
    units: Mapping[str, str] | None = None,
    draws: int = DRAWS,
) -> tuple[float, float, float]:
    """The difference one - other of two systems and its 95 % interval: every draw is the same for both.

    Args:
        one, other: recording -> moments, one a repetition; the two must hold the same recordings.
        pooling, measure, variance, units, draws: as of `bootstrap`.

    Raises:
        UserError: the systems were scored on different recordings.
    """
    return contrast([(1.0, one), (-1.0, other)], pooling, measure, variance, units, draws)


def contrast(
    terms: Sequence[tuple[float, System]],
    pooling: str = POOLED,
    measure: str = "ccc",
    variance: str = "population",
    units: Mapping[str, str] | None = None,
    draws: int = DRAWS,
) -> tuple[float, float, float]:
    """A weighted sum of scores, Σ w_k score_k, and its 95 % interval: every draw is the same for all of them.

    Args:
        terms: weight and system; all must hold the same recordings.
        pooling, measure, variance, units, draws: as of `bootstrap`.

    Raises:
        UserError: the systems were scored on different recordings.
    """
    names = shared_recordings([system for _, system in terms], "difference")
    if not names:
        return float("nan"), float("nan"), float("nan")
    unit = unit_of(names, units)
    sums = _sums(terms, names, drawn_counts(unit, draws), pooling, measure, variance)
    low, high = interval(sums, count(unit))
    return float(sums[0]), float(low), float(high)


def ratio(
    numerator: Sequence[tuple[float, System]],
    denominator: Sequence[tuple[float, System]],
    pooling: str = POOLED,
    measure: str = "ccc",
    variance: str = "population",
    units: Mapping[str, str] | None = None,
    draws: int = DRAWS,
) -> tuple[float, float, float]:
    """A ratio of two contrasts and its 95 % interval: every draw is the same for both.

    In it are the ratios r for which the interval of numerator - r · denominator holds 0.

    Args:
        numerator, denominator: terms of a `contrast`; all must hold the same recordings.
        pooling, measure, variance, units, draws: as of `bootstrap`.

    Returns:
        ratio, lower and upper bound; bounds are infinite where the interval of the denominator itself holds 0: then
        the data do not bound the ratio.

    Raises:
        UserError: the systems were scored on different recordings.

    Reference:
        Fieller 1954, "Some problems in interval estimation", Journal of the Royal Statistical Society B 16.
    """
    names = shared_recordings([system for _, system in [*numerator, *denominator]], "ratio")
    if not names:
        return float("nan"), float("nan"), float("nan")
    unit = unit_of(names, units)
    counts = drawn_counts(unit, draws)
    above, below = (_sums(terms, names, counts, pooling, measure, variance) for terms in (numerator, denominator))
    value = above[0] / below[0] if below[0] else np.nan
    low, high = fieller_interval(above, below, count(unit))
    return float(value), float(low), float(high)


def verdict(low: float, high: float, above: str = "higher", below: str = "lower") -> str:
    """What an interval of a difference says: one of two words, or `undecided` where it holds 0 or is not defined."""
    return above if low > 0 else below if high < 0 else UNDECIDED


def interval(found: np.ndarray, units: int) -> tuple[Any, Any]:
    """Lower and upper bound of an estimate and its draws [..., 1 + draws] over so many units: [...] each."""
    estimate, away = found[..., 0], found[..., 1:] - found[..., :1]
    half = np.sqrt(_squared_half(away, away, units))
    return estimate - half, estimate + half


def score_interval(found: np.ndarray, units: int, measure: str) -> tuple[Any, Any]:
    """The `interval` of single scores, made on the scale of their measure."""
    there, back = SCALES[measure]
    low, high = interval(there(found), units)
    return back(low), back(high)


def fieller_interval(above: np.ndarray, below: np.ndarray, units: int) -> tuple[Any, Any]:
    """Bounds of above / below, estimates and their draws [1 + draws]: the r with (a - r b)² ≤ t² · var(a - r b)."""
    a, b = above[0], below[0]
    both = ~np.isnan(above[1:] + below[1:])
    a_away, b_away = (above[1:] - a)[both], (below[1:] - b)[both]
    aa, ab, bb = (_squared_half(*pair, units) for pair in ((a_away, a_away), (a_away, b_away), (b_away, b_away)))
    # (b² - t² var b) r² - 2 (a b - t² cov) r + (a² - t² var a) ≤ 0
    square, linear, constant = b * b - bb, a * b - ab, a * a - aa
    if b == 0 or np.isnan(linear):
        return np.nan, np.nan
    if square <= 0:
        return -np.inf, np.inf
    root = np.sqrt(max(linear * linear - square * constant, 0.0))
    return (linear - root) / square, (linear + root) / square


def _squared_half(one: np.ndarray, other: np.ndarray, units: int) -> Any:
    """t² times the covariance of two estimates, from how far their draws [..., draws] are off, undefined left out."""
    from scipy.special import stdtrit

    products = one * other
    defined = ~np.isnan(products)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(defined, products, 0.0).sum(axis=-1) / defined.sum(axis=-1)
    return stdtrit(units - 1, 0.975) ** 2 * mean * units / max(units - 1, 1)


def _sums(
    terms: Sequence[tuple[float, System]],
    names: Sequence[str],
    counts: np.ndarray,
    pooling: str,
    measure: str,
    variance: str,
) -> np.ndarray:
    """Σ w_k score_k of every row of counts, [rows]."""
    return np.sum([weight * scores(system, names, counts, pooling, measure, variance) for weight, system in terms], 0)
