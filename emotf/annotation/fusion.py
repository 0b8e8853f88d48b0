"""Several raters of one recording become one trace.

Conventions
    y_r(t) is what rater r gave at frame t, ȳ_r the mean over the frames that r rated. Every fusion takes one recording
    [frames, raters] with NaN where a rater gave nothing, and returns [frames, 1], channel `gold`. All of them rate the
    very frames that anybody rated, need no order of raters, and give a single rater back unchanged.

| fusion        | level of the gold standard         | movement of the gold standard                         |
|---------------|------------------------------------|-------------------------------------------------------|
| `mean`        | mean of the raters                 | mean of the raters                                    |
| `ewe`         | raters weighted by reliability     | raters weighted by reliability                        |
| `ccc_centred` | rater means weighted by agreement  | that of `mean`                                        |
| `normalised`  | mean of the rater means            | mean of the raters, each at the raters' common spread |
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from emotf.measures import Moments
from emotf.track import Track


def mean_of_raters(ratings: Track) -> Track:
    """The mean over those who rated, frame by frame (Köprü & Erzin 2020 use the mean of the raters).

    Args:
        ratings: [frames, raters], NaN where a rater gave nothing.

    Returns:
        [frames, 1], channel `gold`; NaN where nobody rated.
    """
    return _gold(ratings, mean_of_rated(ratings.values))


def evaluator_weighted(ratings: Track) -> Track:
    """Evaluator weighted estimator: gold(t) = Σ_r w_r y_r(t) / Σ_r w_r over those who rated frame t.

    w_r is the Pearson correlation of rater r with the mean of *all* raters, r among them, as in the source; here within
    the recording, over the frames that r and at least one other rated. A negative correlation counts as 0, and so does
    an undefined one (a constant rater, nobody rated along). Where only raters of weight 0 rated, their plain mean
    stands.

    Args:
        ratings: [frames, raters], NaN where a rater gave nothing.

    Returns:
        [frames, 1], channel `gold`; NaN where nobody rated.

    Example:
        >>> two_and_their_opposite = Track(np.array([[0.0, 0.0, 1.0], [0.5, 0.5, 0.5], [1.0, 1.0, 0.0]]), hop=0.04)
        >>> evaluator_weighted(two_and_their_opposite).values[:, 0].tolist()
        [0.0, 0.5, 1.0]

    Reference:
        Grimm & Kroschel 2005, "Evaluation of natural emotions using self assessment manikins", ASRU.
    """
    values = ratings.values.astype(np.float64)
    weights = correlations_with_the_mean(values)
    shares = np.where(np.isnan(values), 0.0, weights)
    total = shares.sum(axis=1)
    weighted = (shares * np.nan_to_num(values)).sum(axis=1)
    plain = mean_of_rated(values)
    return _gold(ratings, np.divide(weighted, total, out=plain, where=total > 0))


def ccc_centred(ratings: Track) -> Track:
    """CCC-centring: gold(t) = mean_r y_r(t) - mean_r ȳ_r + Σ_r w_r ȳ_r / Σ_r w_r, the mean trace moved by a constant.

    w_r is the mean CCC of rater r with each of the others, over the frames that both rated; raters who agree decide
    where the trace lies, all of them decide how it moves. A negative weight counts as 0. A constant rater has a CCC of
    0 with any other that moves, hence weight 0; a pair that shares no frame is left out of the mean. Where no weight is
    above 0 all raters count alike, and the trace is that of `mean_of_raters`.

    Args:
        ratings: [frames, raters], NaN where a rater gave nothing.

    Returns:
        [frames, 1], channel `gold`; NaN where nobody rated.

    Reference:
        The gold standard of RECOLA as packaged for AVEC 2016 and 2018. How weights below 0 and missing frames are
        treated is our reading.
    """
    values = ratings.values.astype(np.float64)
    rated = ~np.isnan(values).all(axis=0)
    if not rated.any():
        return mean_of_raters(ratings)
    values = values[:, rated]
    level = mean_of_rated(values, axis=0)
    weights = np.maximum(concordances_with_others(values), 0.0)
    if not weights.any():
        weights = np.ones_like(weights)
    return _gold(ratings, mean_of_rated(values) - level.mean() + weights @ level / weights.sum())


def normalised(ratings: Track) -> Track:
    """Raters brought to one mean and one spread, then averaged: gold(t) = mean_r ȳ_r + mean_r s_r · mean_r z_r(t).

    z_r(t) = (y_r(t) - ȳ_r) / s_r, with the standard deviation s_r of rater r over the recording, so that no rater
    outweighs another by using more of the scale. (Bringing raters to zero mean alone would change nothing where all
    rate every frame.) A constant rater has no z_r: it counts in the common mean, and neither in the spread nor in the
    movement.

    Args:
        ratings: [frames, raters], NaN where a rater gave nothing.

    Returns:
        [frames, 1], channel `gold`; NaN where nobody rated.

    Reference:
        Our reading of the normalisation that Chen & Jin 2015 took over from Ringeval et al. 2014.
    """
    values = ratings.values.astype(np.float64)
    rated = ~np.isnan(values)
    if not rated.any():
        return mean_of_raters(ratings)
    level = mean_of_rated(values, axis=0)
    moving = ~constant(values) & rated.any(axis=0)
    spread = np.full(len(level), np.nan)
    spread[moving] = np.nanstd(values[:, moving], axis=0)
    scores = mean_of_rated(((values - level) / spread)[:, moving])
    movement = np.nanmean(spread[moving]) * np.nan_to_num(scores) if moving.any() else 0.0
    return _gold(ratings, np.where(rated.any(axis=1), np.nanmean(level) + movement, np.nan))


# In the order in which tools offer them; the first is what nobody has to ask for.
FUSIONS: dict[str, Callable[[Track], Track]] = {
    "mean": mean_of_raters,
    "ewe": evaluator_weighted,
    "ccc_centred": ccc_centred,
    "normalised": normalised,
}


def mean_of_rated(values: np.ndarray, axis: int = 1) -> np.ndarray:
    """Mean over the raters (or with axis 0 over the frames) of what is there, float64; NaN where nothing is."""
    rated = ~np.isnan(values)
    total = np.where(rated, values, 0).sum(axis=axis, dtype=np.float64)
    count = rated.sum(axis=axis)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def constant(values: np.ndarray) -> np.ndarray:
    """Which raters [raters] gave one and the same value whenever they rated [frames, raters], or never rated."""
    rated = ~np.isnan(values)
    highest = np.where(rated, values, -np.inf).max(axis=0, initial=-np.inf)
    lowest = np.where(rated, values, np.inf).min(axis=0, initial=np.inf)
    return np.asarray(highest <= lowest)


def correlations_with_the_mean(values: np.ndarray) -> np.ndarray:
    """Weights of the evaluator weighted estimator [raters], at least 0, of values [frames, raters]."""
    shared = np.where((~np.isnan(values)).sum(axis=1, keepdims=True) > 1, values, np.nan)
    mean = mean_of_rated(shared)
    return np.array([max(np.nan_to_num(shared_moments(rater, mean).pcc), 0.0) for rater in shared.T])


def concordances_with_others(values: np.ndarray) -> np.ndarray:
    """Mean CCC of each rater with every other [raters], of values [frames, raters]; 0 where none is defined."""
    raters = values.shape[1]
    found = np.full((raters, raters), np.nan)
    for one in range(raters):
        for other in range(one):
            found[one, other] = found[other, one] = shared_moments(values[:, one], values[:, other]).ccc
    return np.nan_to_num(mean_of_rated(found))


def shared_moments(one: np.ndarray, other: np.ndarray) -> Moments:
    """Moments of two traces [frames] over the frames that have both."""
    both = ~np.isnan(one) & ~np.isnan(other)
    return Moments.of(one[both], other[both])


def _gold(ratings: Track, values: np.ndarray) -> Track:
    return replace(ratings, values=values[:, None], channels=("gold",))
