"""What systems score on recordings that occur any number of times: one product with a matrix of counts."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter

import numpy as np

from emotf.measures import POOLED, Moments

# A third way of pooling, for how steady training is.
SPREAD = "spread over repetitions"

System = Mapping[str, Sequence[Moments]]

_FIELDS = [field.name for field in fields(Moments)]


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
    return float(scores(system, names, np.ones((1, len(names))), pooling, measure, variance)[0])


def scores(
    system: System, names: Sequence[str], counts: np.ndarray, pooling: str, measure: str, variance: str
) -> np.ndarray:
    """The score of every row of counts [rows, recordings]; [..., rows] where the fields of moments are arrays [...]."""
    repetitions = list(zip(*(system[name] for name in names), strict=True))
    if pooling == POOLED:
        pooled = [getattr(_weighted(parts, counts).under(variance), measure) for parts in repetitions]
        return np.asarray(np.mean(pooled, axis=0))
    single = np.array([[getattr(part.under(variance), measure) for part in parts] for parts in repetitions])
    values = np.moveaxis(single, 1, -1)
    if pooling == SPREAD:
        return _mean_of(np.std(values, axis=0, ddof=1) if len(values) > 1 else values[0] * np.nan, counts)
    return np.asarray(np.mean([_mean_of(row, counts) for row in values], axis=0))


def _mean_of(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mean of the defined values [..., recordings] in every row of counts [rows, recordings]: [..., rows]."""
    defined = ~np.isnan(values)
    number = defined @ counts.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(number > 0, np.where(defined, values, 0.0) @ counts.T / number, np.nan)


def _weighted(parts: Sequence[Moments], counts: np.ndarray) -> Moments:
    """Moments of all parts together, each as often as counts [rows, parts] say: arrays [..., rows].

    As sums around one anchor, so that a row of counts is one product; the anchor is a mean, so that it is near all of
    them, and that of a part, so that constants have deviations of exactly 0.
    """
    table = np.array([attrgetter(*_FIELDS)(part) for part in parts], np.float64)
    n, y_mean, p_mean, y_power, p_power, product, *plain = np.moveaxis(table, 0, -1)
    y_anchor, p_anchor = y_mean[..., :1], p_mean[..., :1]
    y, p = y_mean - y_anchor, p_mean - p_anchor
    sums = np.stack([n, n * y, n * p, y_power + n * y * y, p_power + n * p * p, product + n * y * p, *plain])
    n, y, p, yy, pp, yp, *plain = sums @ counts.T
    some = np.maximum(n, 1.0)
    powers = np.maximum(yy - y * y / some, 0.0), np.maximum(pp - p * p / some, 0.0), yp - y * p / some
    return Moments(n, y_anchor + y / some, p_anchor + p / some, *powers, *plain)
