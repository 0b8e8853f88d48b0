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
from numpy.typing import ArrayLike

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


def pooled_sd(cells: Sequence[ArrayLike]) -> float:
    """The standard deviation within cells: sqrt(Σ SS_c / Σ (n_c - 1)), SS_c the squared deviations from a cell's mean.

    Its square has no bias however few repetitions a cell has; a cell of one says nothing of it.

    Args:
        cells: [repetitions] each.

    Returns:
        NaN where no cell has two repetitions.

    Example:
        >>> round(pooled_sd([[0.1, 0.3], [0.7, 0.8, 0.9]]), 4)
        0.1155
    """
    squares = sum(float(squared_deviations(cell)) for cell in cells)
    freedom = _freedom(cells)
    return float(np.sqrt(squares / freedom)) if freedom else float("nan")


def sd_ratio(one: Sequence[ArrayLike], other: Sequence[ArrayLike], draws: int = DRAWS) -> tuple[float, float, float]:
    """The ratio of two pooled standard deviations within cells, and its 95 % bootstrap interval.

    Every draw takes the repetitions of each cell anew, for either side by itself, and keeps the cells: the interval is
    about other seeds on these folds and settings, not about other data. A draw of n repetitions loses one n-th of the
    squared deviations on average, which is put back, so that cells of unlike n keep their weights. Few repetitions bias
    an sd downwards, but the ratio has both sides alike.

    Preferred to `sd_ratio_normal`, which needs CCCs that are normal around the mean of their cell and alike spread in
    all cells; they seldom are. So many of the 95 % intervals held the true ratio in simulations
    (`benchmarks/steadiness.py`):

    | repetitions, cells | values                        | this one | `sd_ratio_normal` |
    |--------------------|-------------------------------|---------:|------------------:|
    | 3, 5               | normal                        |   96.9 % |            93.8 % |
    | 5, 5               | normal                        |   94.2 % |            94.8 % |
    | 3, 5               | normal, sds of cells up to 3x |   97.5 % |            90.6 % |
    | 5, 5               | normal, sds of cells up to 3x |   94.2 % |            89.1 % |
    | 3, 5               | Laplace                       |   94.6 % |            84.8 % |
    | 5, 5               | Laplace                       |   89.2 % |            82.0 % |
    | 3, 5               | exponential                   |   94.9 % |            80.0 % |
    | 5, 1               | normal                        |   96.7 % |            95.9 % |
    | 3, 1               | normal                        |    100 % |            95.3 % |
    | 2, 5               | normal                        |   99.8 % |            94.8 % |

    It is too wide for two repetitions a cell and for a single cell of three, often without an upper bound, since many
    draws have no deviation left; there `sd_ratio_normal` says more, if one believes in its conditions. Runs of one seed
    count as independent; where they are not (one seed begins alike with every loss) either interval is wider than it
    need be (98.2 % and 96.8 % for a correlation of 0.5).

    Args:
        one, other: [repetitions] each cell.
        draws: of the bootstrap; its seed is fixed, so that a table repeats.

    Returns:
        ratio, lower and upper bound (percentiles 2.5 and 97.5). Bounds are NaN where either side does not vary at all:
        that runs ended alike to the last digit is no sample of how they spread.

    Reference:
        Davison & Hinkley 1997, "Bootstrap Methods and their Application", chapter 3 (several samples).
    """
    rng = np.random.default_rng(0)
    above, below = pooled_sd(one), pooled_sd(other)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(np.divide(above, below))
        if not (above > 0 and below > 0):
            return ratio, float("nan"), float("nan")
        drawn = np.sqrt(_drawn_variance(one, draws, rng) / _drawn_variance(other, draws, rng))
    # 0/0 is no ratio, x/0 is one without bound; `nearest`, because between that and a number there is no middle
    low, high = np.percentile(drawn[~np.isnan(drawn)], [2.5, 97.5], method="nearest")
    return ratio, float(low), float(high)


def sd_ratio_normal(one: Sequence[ArrayLike], other: Sequence[ArrayLike]) -> tuple[float, float]:
    """The 95 % interval of `sd_ratio` by the F distribution of the ratio of two variances.

    Exact, for any number of repetitions, where values are normal around the mean of their cell and all cells of a side
    are alike spread; it does not become so with more repetitions where they are not.

    Args:
        one, other: [repetitions] each cell.

    Returns:
        Lower and upper bound; NaN where either side does not vary at all.
    """
    from scipy.stats import f

    above, below = pooled_sd(one), pooled_sd(other)
    if not (above > 0 and below > 0):
        return float("nan"), float("nan")
    high, low = np.sqrt(f.ppf([0.025, 0.975], _freedom(one), _freedom(other)))
    return above / below / float(low), above / below / float(high)


def squared_deviations(values: ArrayLike) -> np.ndarray:
    """Σ (x - mean x)² over the last axis; exactly 0 of values that are one and the same, and of none."""
    x = np.asarray(values, np.float64)
    x = x - x[..., :1]
    mean = x.sum(axis=-1, keepdims=True) / max(x.shape[-1], 1)
    return np.asarray(((x - mean) ** 2).sum(axis=-1))


def verdict(low: float, high: float) -> str:
    """What an interval of a difference says: `higher`, `lower`, or `undecided` where it holds 0 or is not defined."""
    return "higher" if low > 0 else "lower" if high < 0 else "undecided"


def _freedom(cells: Sequence[ArrayLike]) -> int:
    """Degrees of freedom of a pooled variance."""
    return sum(max(np.size(cell) - 1, 0) for cell in cells)


def _drawn_variance(cells: Sequence[ArrayLike], draws: int, rng: np.random.Generator) -> np.ndarray:
    """The pooled variance of cells whose repetitions are drawn anew [draws]."""
    total = np.zeros(draws)
    for cell in map(np.asarray, cells):
        n = cell.size
        if n > 1:
            total += squared_deviations(cell[rng.integers(0, n, (draws, n))]) * n / (n - 1)
    return total / _freedom(cells)


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
