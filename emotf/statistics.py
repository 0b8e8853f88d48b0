"""How sure a score or a difference of scores is: bootstrap over the units of independence.

A system is a mapping recording -> moments, one a repetition (seed). Its score is averaged over repetitions. Frames of
one recording depend on each other, and so do recordings of one person; what is drawn with replacement are therefore
whole units: recordings, or subjects with all their recordings.

Reference:
    Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6 and 13.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields

import numpy as np

from emotf.errors import UserError
from emotf.measures import POOLED, Moments

DRAWS = 2000

# A third way of pooling, for how steady training is.
SPREAD = "spread over repetitions"

System = Mapping[str, Sequence[Moments]]


def overall(system: System, pooling: str = POOLED, measure: str = "ccc", variance: str = "population") -> float:
    """What a system scores on all its recordings, averaged over its repetitions.

    Args:
        system: recording -> moments, one a repetition.
        pooling: `pooled`: of all frames in one series. `mean over recordings`: of the recordings' own values, undefined
            left out. `spread over repetitions`: the mean over recordings of the standard deviation (n - 1) that a
            recording's own value has over repetitions, 0 for a training that always ends alike.
        measure: a property of `Moments`.
        variance: one of `measures.VARIANCES`.
    """
    names = sorted(system)
    return float(_scores(system, names, np.ones((1, len(names))), pooling, measure, variance)[0])


def bootstrap(
    system: System,
    pooling: str = POOLED,
    measure: str = "ccc",
    variance: str = "population",
    units: Mapping[str, str] | None = None,
    draws: int = DRAWS,
) -> tuple[float, float, float]:
    """The score of a system and its 95 % interval.

    Args:
        system, pooling, measure, variance: as of `overall`.
        units: recording -> unit that is drawn as a whole, say its subject; each recording by itself where None.
        draws: of the bootstrap, 0 for the score alone; its seed is fixed, so that a table repeats.

    Returns:
        score, lower and upper bound (percentiles 2.5 and 97.5; NaN with fewer than two units).
    """
    if not system:
        return float("nan"), float("nan"), float("nan")
    names = sorted(system)
    return _interval(_scores(system, names, _draws(names, units, draws), pooling, measure, variance))


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
    return _interval(_sums(terms, pooling, measure, variance, units, draws))


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

    Where the interval of the denominator itself holds 0, that of the ratio says nothing.

    Args:
        numerator, denominator: terms of a `contrast`; all must hold the same recordings.
        pooling, measure, variance, units, draws: as of `bootstrap`.

    Raises:
        UserError: the systems were scored on different recordings.
    """
    if sorted(numerator[0][1]) != sorted(denominator[0][1]):
        raise UserError("A paired ratio needs both systems on the same recordings.")
    above, below = (_sums(terms, pooling, measure, variance, units, draws) for terms in (numerator, denominator))
    return _interval(above / np.where(below == 0, np.nan, below))


def verdict(low: float, high: float) -> str:
    """What an interval of a difference says: `higher`, `lower`, or `undecided` where it holds 0 or is not defined."""
    return "higher" if low > 0 else "lower" if high < 0 else "undecided"


def _sums(
    terms: Sequence[tuple[float, System]],
    pooling: str,
    measure: str,
    variance: str,
    units: Mapping[str, str] | None,
    draws: int,
) -> np.ndarray:
    """Σ w_k score_k of the recordings as they are, and of every draw, [1 + draws]."""
    names = sorted(terms[0][1])
    if any(sorted(system) != names for _, system in terms):
        raise UserError("A paired difference needs both systems on the same recordings.")
    if not names:
        return np.array([np.nan])
    drawn = _draws(names, units, draws)
    scores = [weight * _scores(system, names, drawn, pooling, measure, variance) for weight, system in terms]
    return np.asarray(np.sum(scores, axis=0))


def _draws(names: Sequence[str], units: Mapping[str, str] | None, draws: int) -> np.ndarray:
    """How often each recording occurs, [1 + draws, recordings]; the first row is the recordings as they are."""
    of = [units[name] if units else name for name in names]
    known = sorted(set(of))
    if len(known) < 2 or not draws:
        return np.ones((1, len(names)))
    counts = np.random.default_rng(0).multinomial(len(known), np.full(len(known), 1 / len(known)), draws)
    return np.concatenate([np.ones((1, len(names))), counts[:, [known.index(unit) for unit in of]]])


def _interval(scores: np.ndarray) -> tuple[float, float, float]:
    """The first of them, and the percentiles of the others."""
    if len(scores) == 1 or np.isnan(scores[1:]).all():
        return float(scores[0]), float("nan"), float("nan")
    low, high = np.nanpercentile(scores[1:], [2.5, 97.5])
    return float(scores[0]), float(low), float(high)


def _scores(
    system: System, names: Sequence[str], counts: np.ndarray, pooling: str, measure: str, variance: str
) -> np.ndarray:
    """The score of every row of counts [rows, recordings]."""
    repetitions = list(zip(*(system[name] for name in names), strict=True))
    if pooling == POOLED:
        pooled = [getattr(_weighted(parts, counts).under(variance), measure) for parts in repetitions]
        return np.asarray(np.mean(pooled, axis=0))
    values = np.array([[getattr(part.under(variance), measure) for part in parts] for parts in repetitions])
    if pooling == SPREAD:
        return _mean_of(np.std(values, axis=0, ddof=1) if len(values) > 1 else values[0] * np.nan, counts)
    return np.asarray(np.mean([_mean_of(row, counts) for row in values], axis=0))


def _mean_of(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean of the defined values [recordings] in every row of counts [rows, recordings]."""
    defined = ~np.isnan(values)
    rows = counts @ defined
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(rows > 0, counts @ np.where(defined, values, 0.0) / rows, np.nan)


def _weighted(parts: Sequence[Moments], counts: np.ndarray) -> Moments:
    """Moments of all parts together, each as often as counts [rows, parts] say: arrays [rows].

    As sums around one anchor, so that a row of counts is one product; the anchor is a mean, so that it is near all of
    them, and that of a part, so that constants have deviations of exactly 0.
    """
    names = [field.name for field in fields(Moments)]
    table = np.array([astuple(part) for part in parts], np.float64).T
    n, y_mean, p_mean, y_power, p_power, product, *plain = table
    y, p = y_mean - y_mean[0], p_mean - p_mean[0]
    sums = np.stack([n, n * y, n * p, y_power + n * y * y, p_power + n * p * p, product + n * y * p, *plain])
    n, y, p, yy, pp, yp, *plain = sums @ counts.T
    some = np.maximum(n, 1.0)
    powers = np.maximum(yy - y * y / some, 0.0), np.maximum(pp - p * p / some, 0.0), yp - y * p / some
    values = [n, y_mean[0] + y / some, p_mean[0] + p / some, *powers, *plain]
    return Moments(**dict(zip(names, values, strict=True)))
