"""Agreement of a gold standard with a prediction, in NumPy: the reference for losses, metrics and reports.

Conventions
    Arguments are gold, prediction. Frames whose gold is NaN (unrated) are left out; a NaN prediction is an error.
    Moments are those of the population (divided by n) unless a protocol of `VARIANCES` is named, sums are float64. A
    measure that the data do not define (no frame, no variance) is NaN: callers count such values, they never drop them.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from emotf.errors import UserError

MEASURES = ("ccc", "pcc", "rmse", "mae", "sagr")

# How second moments are divided. `avec`: variances by n - 1, the covariance by n, as the organisers' script of AVEC
# 2018 and 2019 has it; its CCC of a perfect prediction is (n - 1)/n.
VARIANCES = ("population", "sample", "avec")

# Stretches of a running CCC that are computed at once; all of them together may not fit into memory.
STRETCHES = 4096

POOLED = "pooled"
MEAN = "mean over recordings"


@dataclass(frozen=True)
class Moments:
    """What all measures need of gold and prediction; `+` merges two parts into the whole.

    Fields are numbers, or arrays of one shape for many series at a time.

    Attributes:
        count: rated frames.
        gold_mean, prediction_mean: means.
        gold_power, prediction_power, product: sums of (y - ȳ)², (ŷ - mean ŷ)² and (y - ȳ)(ŷ - mean ŷ).
        squared, absolute: sums of (y - ŷ)² and |y - ŷ|.
        agreed: frames in which gold and prediction have one sign; 0 is a sign of its own.

    Reference:
        Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
    """

    count: Any = 0
    gold_mean: Any = 0.0
    prediction_mean: Any = 0.0
    gold_power: Any = 0.0
    prediction_power: Any = 0.0
    product: Any = 0.0
    squared: Any = 0.0
    absolute: Any = 0.0
    agreed: Any = 0

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
        error = y - p
        means = float(y[0] + y_mean), float(p[0] + p_mean)
        powers = float(dy @ dy), float(dp @ dp), float(dy @ dp)
        agreed = int((np.sign(y) == np.sign(p)).sum())
        return cls(y.size, *means, *powers, float(error @ error), float(np.abs(error).sum()), agreed)

    def __add__(self, other: "Moments") -> "Moments":
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        cross = self.count * share
        dy, dp = other.gold_mean - self.gold_mean, other.prediction_mean - self.prediction_mean
        return Moments(
            count,
            self.gold_mean + share * dy,
            self.prediction_mean + share * dp,
            self.gold_power + other.gold_power + cross * dy * dy,
            self.prediction_power + other.prediction_power + cross * dp * dp,
            self.product + other.product + cross * dy * dp,
            self.squared + other.squared,
            self.absolute + other.absolute,
            self.agreed + other.agreed,
        )

    def under(self, variance: str) -> "Moments":
        """Moments whose ccc and pcc are those of another protocol of `VARIANCES`; the other measures stay.

        Raises:
            UserError: no such protocol.

        Example:
            >>> round(Moments.of([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]).under("avec").ccc, 4)
            0.6667
        """
        if variance not in VARIANCES:
            raise UserError(f"No variance {variance!r}; choose from {', '.join(VARIANCES)}.")
        if variance == "population":
            return self
        # one frame has no sample variance
        wider = _ratio(self.count, self.count - 1.0)
        return replace(
            self,
            gold_power=self.gold_power * wider,
            prediction_power=self.prediction_power * wider,
            product=self.product * (wider if variance == "sample" else 1.0),
        )

    def moved(self, scale: float, shift: float) -> "Moments":
        """Moments of the prediction scale · ŷ + shift; its mae and sagr cannot be known from these and are NaN."""
        mean = scale * self.prediction_mean + shift
        power, product = scale**2 * self.prediction_power, scale * self.product
        scatter = np.maximum(self.gold_power + power - 2 * product, 0.0)
        unknown = self.count * float("nan")
        return replace(
            self,
            prediction_mean=mean,
            prediction_power=power,
            product=product,
            squared=scatter + self.count * (self.gold_mean - mean) ** 2,
            absolute=unknown,
            agreed=unknown,
        )

    @property
    def ccc(self) -> Any:
        """2 cov(y, ŷ) / (var y + var ŷ + (ȳ - mean ŷ)²), in [-1, 1]; NaN where both are one and the same constant."""
        distance = self.count * (self.gold_mean - self.prediction_mean) ** 2
        return _ratio(2 * self.product, self.gold_power + self.prediction_power + distance)

    @property
    def pcc(self) -> Any:
        """cov(y, ŷ) / (sd y · sd ŷ), in [-1, 1]; NaN where either is constant."""
        return np.clip(_ratio(self.product, np.sqrt(self.gold_power) * np.sqrt(self.prediction_power)), -1, 1)

    @property
    def mse(self) -> Any:
        """mean (y - ŷ)², at least 0; NaN without frames."""
        return _ratio(self.squared, self.count)

    @property
    def rmse(self) -> Any:
        """sqrt(mean (y - ŷ)²), at least 0; NaN without frames."""
        return np.sqrt(self.mse)

    @property
    def mae(self) -> Any:
        """mean |y - ŷ|, at least 0; NaN without frames."""
        return _ratio(self.absolute, self.count)

    @property
    def sagr(self) -> Any:
        """Share of frames in which gold and prediction have one sign, in [0, 1]; NaN without frames."""
        return _ratio(self.agreed, self.count)

    @property
    def scale(self) -> Any:
        """sd ŷ / sd y, at least 0, 1 for a prediction as wide as the gold standard; NaN where gold is constant."""
        return np.sqrt(_ratio(self.prediction_power, self.gold_power))


def ccc(gold: ArrayLike, prediction: ArrayLike, variance: str = "population") -> float:
    """Concordance correlation coefficient, in [-1, 1], higher is better.

    Args:
        gold, prediction: of equal length.
        variance: one of `VARIANCES`; reports name it.

    Example:
        >>> ccc([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]), round(ccc([0.0, 1.0, 2.0], [1.0, 2.0, 3.0]), 4)
        (1.0, 0.5714)

    Reference:
        Lin 1989, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45.
    """
    return float(Moments.of(gold, prediction).under(variance).ccc)


def pcc(gold: ArrayLike, prediction: ArrayLike, variance: str = "population") -> float:
    """Pearson correlation coefficient, in [-1, 1], higher is better; blind to scale and offset."""
    return float(Moments.of(gold, prediction).under(variance).pcc)


def rmse(gold: ArrayLike, prediction: ArrayLike) -> float:
    """Root of the mean squared error, in units of the target, lower is better."""
    return float(Moments.of(gold, prediction).rmse)


def mae(gold: ArrayLike, prediction: ArrayLike) -> float:
    """Mean absolute error, in units of the target, lower is better."""
    return float(Moments.of(gold, prediction).mae)


def sagr(gold: ArrayLike, prediction: ArrayLike) -> float:
    """Sign agreement: the share of frames in which gold and prediction have one sign, in [0, 1], higher is better.

    A value of exactly 0 agrees with 0 only.

    Example:
        >>> sagr([0.5, -0.5, 0.1, 0.0], [0.1, -0.9, -0.1, 0.2])
        0.5

    Reference:
        Nicolaou, Gunes, Pantic 2011, "Continuous prediction of spontaneous affect from multiple cues and modalities in
        valence-arousal space", IEEE Transactions on Affective Computing 2.
    """
    return float(Moments.of(gold, prediction).sagr)


def running_ccc(gold: ArrayLike, prediction: ArrayLike, frames: int = 100) -> np.ndarray:
    """CCC at every frame, over it and the frames before it, `frames` in all.

    Args:
        gold, prediction: [n].
        frames: of the stretch, at least 2.

    Returns:
        [n] float64; NaN for the first `frames` - 1, and wherever the stretch does not define it.

    Raises:
        UserError: lengths differ, or the stretch is too short.

    Reference:
        Köprü & Erzin 2020, fig. 2 (over the previous 100 predictions).
    """
    y, p = np.asarray(gold, np.float64), np.asarray(prediction, np.float64)
    if frames < 2:
        raise UserError(f"A running CCC needs stretches of at least 2 frames, received {frames}.")
    if y.shape != p.shape or y.ndim != 1:
        raise UserError(f"Gold has shape {y.shape}, prediction {p.shape}; expected [n] and [n].")
    Moments.of(y, p)  # refuses predictions that are not finite
    found = np.full(len(y), np.nan)
    for end in range(frames, len(y) + 1, STRETCHES):
        last = min(end + STRETCHES, len(y) + 1)
        gold, prediction = (sliding_window_view(x[end - frames : last - 1], frames) for x in (y, p))
        found[end - 1 : last - 1] = _of_rows(gold, prediction).ccc
    return found


def _of_rows(y: np.ndarray, p: np.ndarray) -> Moments:
    """Moments of many series at once, [rows, frames] each: arrays [rows]; only those that CCC and PCC need."""
    rated = ~np.isnan(y)
    count = rated.sum(axis=1)

    def centred(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means, and deviations that are 0 where nothing is rated."""
        # moved by its first rated value, as in `Moments.of`
        first = np.take_along_axis(values, rated.argmax(axis=1)[:, None], axis=1)
        moved = np.where(rated, values - first, 0.0)
        mean = moved.sum(axis=1, keepdims=True) / np.maximum(count, 1)[:, None]
        return (first + mean)[:, 0], np.where(rated, moved - mean, 0.0)

    (y_mean, dy), (p_mean, dp) = centred(y), centred(p)
    return Moments(count, y_mean, p_mean, (dy * dy).sum(axis=1), (dp * dp).sum(axis=1), (dy * dp).sum(axis=1))


def _ratio(numerator: Any, denominator: Any) -> Any:
    """numerator / denominator where that is above 0, else NaN; of numbers or arrays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(denominator) > 0, np.divide(numerator, denominator), np.nan)[()]
