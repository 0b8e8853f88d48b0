"""Agreement of a gold standard with a prediction, in NumPy: the reference for losses, metrics and reports.

Conventions
    Arguments are gold, prediction. Frames whose gold is NaN (unrated) are left out; a NaN prediction is an error.
    Moments are those of the population (divided by n), sums are float64. A measure that the data do not define (no
    frame, no variance) is NaN: callers count such values, they never drop them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from emotf.errors import UserError

MEASURES = ("ccc", "pcc", "rmse")


@dataclass(frozen=True)
class Moments:
    """Centred second moments of gold and prediction; `+` merges those of two parts into those of the whole.

    Attributes:
        count: rated frames.
        gold_mean, prediction_mean: means.
        gold_power, prediction_power, product: sums of (y - ȳ)², (ŷ - mean ŷ)² and (y - ȳ)(ŷ - mean ŷ).

    Reference:
        Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
    """

    count: int = 0
    gold_mean: float = 0.0
    prediction_mean: float = 0.0
    gold_power: float = 0.0
    prediction_power: float = 0.0
    product: float = 0.0

    @classmethod
    def of(cls, gold: ArrayLike, prediction: ArrayLike) -> "Moments":
        """Moments of two series of equal length; gold may hold NaN.

        Raises:
            UserError: lengths differ, or a prediction of a rated frame is not finite.
        """
        y, p = np.ravel(np.asarray(gold, np.float64)), np.ravel(np.asarray(prediction, np.float64))
        if y.shape != p.shape:
            raise UserError(f"Gold has {y.size} frames, prediction {p.size}; resample one of them first.")
        rated = ~np.isnan(y)
        y, p = y[rated], p[rated]
        if not np.isfinite(p).all():
            raise UserError(f"{int((~np.isfinite(p)).sum())} of {p.size} predictions are not finite.")
        if not y.size:
            return cls()
        # moved by its first value, a constant has deviations of exactly 0, not of the rounding of its mean
        dy, dp = y - y[0], p - p[0]
        y_mean, p_mean = dy.mean(), dp.mean()
        dy, dp = dy - y_mean, dp - p_mean
        return cls(y.size, float(y[0] + y_mean), float(p[0] + p_mean), float(dy @ dy), float(dp @ dp), float(dy @ dp))

    def __add__(self, other: "Moments") -> "Moments":
        count = self.count + other.count
        if not count:
            return self
        share = other.count / count
        cross = self.count * share
        dy, dp = other.gold_mean - self.gold_mean, other.prediction_mean - self.prediction_mean
        return Moments(
            count,
            self.gold_mean + share * dy,
            self.prediction_mean + share * dp,
            self.gold_power + other.gold_power + cross * dy * dy,
            self.prediction_power + other.prediction_power + cross * dp * dp,
            self.product + other.product + cross * dy * dp,
        )

    @property
    def ccc(self) -> float:
        """2 cov(y, ŷ) / (var y + var ŷ + (ȳ - mean ŷ)²), in [-1, 1]; NaN where both are one and the same constant."""
        distance = self.count * (self.gold_mean - self.prediction_mean) ** 2
        denominator = self.gold_power + self.prediction_power + distance
        return 2 * self.product / denominator if denominator > 0 else float("nan")

    @property
    def pcc(self) -> float:
        """cov(y, ŷ) / (sd y · sd ŷ), in [-1, 1]; NaN where either is constant."""
        spread = float(np.sqrt(self.gold_power) * np.sqrt(self.prediction_power))
        return float(np.clip(self.product / spread, -1, 1)) if spread > 0 else float("nan")

    @property
    def rmse(self) -> float:
        """sqrt(mean (y - ŷ)²), at least 0; NaN without frames."""
        if not self.count:
            return float("nan")
        scatter = self.gold_power + self.prediction_power - 2 * self.product
        return float(np.sqrt(max(scatter, 0.0) / self.count + (self.gold_mean - self.prediction_mean) ** 2))


def ccc(gold: ArrayLike, prediction: ArrayLike) -> float:
    """Concordance correlation coefficient, in [-1, 1], higher is better.

    Example:
        >>> ccc([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]), round(ccc([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]), 4)
        (1.0, 0.5714)

    Reference:
        Lin 1989, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45.
    """
    return Moments.of(gold, prediction).ccc


def pcc(gold: ArrayLike, prediction: ArrayLike) -> float:
    """Pearson correlation coefficient, in [-1, 1], higher is better; blind to scale and offset."""
    return Moments.of(gold, prediction).pcc


def rmse(gold: ArrayLike, prediction: ArrayLike) -> float:
    """Root of the mean squared error, in units of the target, lower is better."""
    return Moments.of(gold, prediction).rmse
