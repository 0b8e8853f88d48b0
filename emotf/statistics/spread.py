"""How much repetitions spread within cells, and the interval of a ratio of two spreads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from emotf.statistics.units import DRAWS


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
