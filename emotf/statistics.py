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

System = Mapping[str, Sequence[Moments]]


def overall(system: System, pooling: str = POOLED, measure: str = "ccc", variance: str = "population") -> float:
    """What a system scores on all its recordings, averaged over its repetitions.

    Args:
        system: recording -> moments, one a repetition.
        pooling: `pooled`: of all frames in one series; else the mean of the recordings' own values, undefined left out.
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
    if set(one) != set(other):
        raise UserError("A paired difference needs both systems on the same recordings.")
    names = sorted(one)
    drawn = _draws(names, units, draws)
    first, second = (_scores(system, names, drawn, pooling, measure, variance) for system in (one, other))
    return _interval(first - second)


def verdict(low: float, high: float) -> str:
    """What an interval of a difference says: `higher`, `lower`, or `undecided` where it holds 0 or is not defined."""
    return "higher" if low > 0 else "lower" if high < 0 else "undecided"


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
    """The score of every row of counts [rows, recordings], averaged over repetitions."""
    found = []
    for repetition in zip(*(system[name] for name in names), strict=True):
        if pooling == POOLED:
            found.append(getattr(_weighted(repetition, counts).under(variance), measure))
        else:
            values = np.array([getattr(part.under(variance), measure) for part in repetition])
            defined = ~np.isnan(values)
            rows = counts @ defined
            with np.errstate(divide="ignore", invalid="ignore"):
                found.append(np.where(rows > 0, counts @ np.where(defined, values, 0.0) / rows, np.nan))
    return np.asarray(np.mean(found, axis=0))


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
