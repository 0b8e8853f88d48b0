"""Tests of a difference between two systems, and their correction for many comparisons."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from emotf.errors import UserError
from emotf.measures import POOLED
from emotf.statistics.scores import System, scores
from emotf.statistics.units import count, shared_recordings, unit_of

# Counts of recordings that are in memory at a time.
_BLOCK = 2**22

# Corrected p values below this hold.
LEVEL = 0.05

# Differences closer than this share of the scores are one, up to rounding.
_TIE = 1e-9


def permutation_test(
    one: System,
    other: System,
    pooling: str = POOLED,
    measure: str = "ccc",
    variance: str = "population",
    units: Mapping[str, str] | None = None,
    draws: int = 9999,
) -> float:
    """The two-sided p value of the difference one - other: how often swapping units makes one as large, of either sign.

    The null hypothesis is that the two systems are exchangeable within a unit: with their names swapped, what both
    predict on it was as probable. A unit is swapped as a whole, with all its recordings and repetitions. The test says
    nothing of how large a difference is (`paired_bootstrap`) nor of other trainings than these. Of systems that are
    exchangeable 3.7 to 5.1 % of p were below .05, .4 to .9 % below .01 (`benchmarks/intervals.py --runs=2000`).

    All 2^n swaps of n units are tried where those are `draws` at most, so that p is exact; else `draws` random ones,
    and p = (b + 1) / (draws + 1), b of them as large as the difference itself. A swap of all units only turns the sign:
    no p is below 2 / 2^n, which is .0625 for 5 units, .031 for 6 and .0039 for 9; nor below 1 / (draws + 1).

    Args:
        one, other: recording -> moments, one a repetition; the same recordings, as many repetitions.
        pooling, measure, variance: as of `overall`.
        units: recording -> unit that is swapped as a whole, say its subject; each recording by itself where None.
        draws: swaps at most; the seed is fixed, so that a table repeats.

    Returns:
        p in (0, 1]; NaN with fewer than two units, and where the difference is not defined. Swaps whose difference is
        not defined are left out.

    Raises:
        UserError: the systems were scored on different recordings, or have unlike numbers of repetitions.

    Reference:
        Phipson & Smyth 2010, "Permutation P-values should never be zero", Statistical Applications in Genetics and
        Molecular Biology 9 (why b + 1).
    """
    names = shared_recordings([one, other], "test")
    unit = unit_of(names, units)
    n = count(unit)
    if n < 2:
        return float("nan")
    repetitions = sorted({len(system[name]) for system in (one, other) for name in names})
    if len(repetitions) > 1:
        raise UserError(f"A paired test needs as many repetitions of both systems, received {repetitions}; score the "
                        "same seeds of both.")  # fmt: skip
    both = {f"{side}{name}": system[name] for side, system in enumerate((one, other)) for name in names}

    def swapped_scores(swapped: np.ndarray) -> np.ndarray:
        """The scores [2, rows] of one and of other once units are swapped [rows, units]."""
        ones = np.concatenate([~swapped[:, unit], swapped[:, unit]], axis=1)
        counts = np.concatenate([ones, ~ones]).astype(np.float64)
        return scores(both, list(both), counts, pooling, measure, variance).reshape(2, -1)

    first, second = swapped_scores(np.zeros((1, n), bool))[:, 0]
    if np.isnan(first - second):
        return float("nan")
    least = abs(first - second) - _TIE * max(abs(first), abs(second))
    exact = 2**n <= draws
    as_large = defined = 0 if exact else 1
    for swapped in _swaps(n, 2 ** (n - 1) if exact else draws, exact, _BLOCK // (4 * len(names)) + 1):
        difference = np.subtract(*swapped_scores(swapped))
        as_large += int((np.abs(difference) >= least).sum())
        defined += int((~np.isnan(difference)).sum())
    return as_large / defined


def p_of_interval(value: float, low: float, high: float, units: int) -> float:
    """The two-sided p value that belongs to the 95 % interval of a difference: below .05 where that leaves 0 out.

    Intervals (`contrast`) are value ± t · se, with the t of units - 1 degrees of freedom; here t = value / se. For sums
    of more than two systems, where there is nothing to swap (`permutation_test`).

    Args:
        value, low, high: as of `contrast`.
        units: how many were drawn.

    Returns:
        p in [0, 1]; NaN where there is no interval.

    Example:
        >>> round(p_of_interval(1.0, 0.0, 2.0, units=9), 12)
        0.05
    """
    from scipy.special import stdtr, stdtrit

    half = (high - low) / 2
    if half == 0:  # all units alike
        return float(value == 0)
    t = abs(value) / half * stdtrit(units - 1, 0.975)
    return float(2 * stdtr(units - 1, -t))


def holm(p_values: ArrayLike) -> np.ndarray:
    """p values adjusted for how many there are: those below .05 hold together with an error of 5 % at most.

    Step down: the smallest of m is multiplied by m, the next by m - 1, and so on; none is below the one before it, none
    above 1. It needs no independence of the tests.

    Args:
        p_values: of any shape; NaN are no tests: they stay and do not count.

    Returns:
        Adjusted p values in the same places.

    Raises:
        UserError: a value is not in [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03])
        array([0.03, 0.06, 0.06])

    Reference:
        Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
    """
    p = np.array(p_values, np.float64)
    if ((p < 0) | (p > 1)).any():
        raise UserError(f"p values are between 0 and 1, received {p[(p < 0) | (p > 1)].tolist()}.")
    order = np.argsort(p, axis=None)[: np.count_nonzero(~np.isnan(p))]  # NaN are sorted to the end
    remaining = np.arange(len(order), 0, -1)
    p.flat[order] = np.minimum(np.maximum.accumulate(remaining * p.flat[order]), 1.0)
    return p


def _swaps(units: int, rows: int, exact: bool, most: int) -> Iterator[np.ndarray]:
    """Which units are swapped, [rows, units] in blocks of `most` rows.

    Exact are the numbers from 0 in binary; with half of all 2^n the last unit stays, and the other half are the same
    differences with the other sign.
    """
    rng = np.random.default_rng(0)
    for start in range(0, rows, most):
        numbers = np.arange(start, min(start + most, rows))[:, None]
        yield (numbers >> np.arange(units)) & 1 > 0 if exact else rng.random((len(numbers), units)) < 0.5
