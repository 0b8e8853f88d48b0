"""Scores of predictions: pooled and mean over recordings, always both, undefined values counted."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from emotf.errors import UserError
from emotf.measures import MEASURES, Moments
from emotf.prediction import predict_partition
from emotf.runs import Run
from emotf.track import Track

POOLED = "pooled"
MEAN = "mean over recordings"

# What each partition already decided; reporting on it needs to be asked for.
DECIDED = {"train": "the weights were fitted on it", "dev": "the epoch was chosen on it"}


def refuse_seen(partition: str, allowed: bool) -> None:
    """Raises UserError for a partition that fitted or chose something, unless `allowed`."""
    if partition in DECIDED and not allowed:
        reason = DECIDED[partition]
        raise UserError(f"Partition {partition!r} is no fair report: {reason}; pass --allow_seen to see it.")


def moments(golds: Mapping[str, Track], predictions: Mapping[str, Track]) -> dict[str, dict[str, Moments]]:
    """target -> recording -> moments over the rated frames; those of several recordings add up.

    Raises:
        UserError: a recording has no prediction, or the two stand on different clocks.
    """
    found: dict[str, dict[str, Moments]] = {}
    for recording, gold in golds.items():
        if recording not in predictions:
            raise UserError(f"Recording {recording} has no prediction; predict the whole partition first.")
        prediction = predictions[recording].select(gold.channels)
        gold.check_same_clock(prediction, f"Recording {recording}: gold", "prediction")
        for i, target in enumerate(gold.channels):
            part = Moments.of(gold.values[:, i], prediction.values[:, i])
            found.setdefault(target, {})[recording] = part
    return found


def score(golds: Mapping[str, Track], predictions: Mapping[str, Track], partition: str) -> pd.DataFrame:
    """The scores of a partition.

    Args:
        golds: recording -> [frames, targets], NaN where unrated.
        predictions: recording -> [frames, targets] on the same clocks.
        partition: named in the table.

    Returns:
        One row a target, pooling and measure: target, partition, pooling (`pooled`: all rated frames in one series;
        `mean over recordings`: of the values of single recordings), measure, value, frames (rated), recordings (with
        a rated frame), undefined (values that the data do not define: 1 for a pooled one, else how many recordings
        are missing from the mean).
    """
    rows = []
    for target, parts in moments(golds, predictions).items():
        rated = [part for part in parts.values() if part.count]
        whole = sum(rated, Moments())
        for measure in MEASURES:
            value = getattr(whole, measure)
            singles = np.array([getattr(part, measure) for part in rated])
            defined = singles[~np.isnan(singles)]
            mean = defined.mean() if defined.size else np.nan
            for pooling, number, undefined in (
                (POOLED, value, int(np.isnan(value))),
                (MEAN, mean, singles.size - defined.size),
            ):
                rows.append((target, partition, pooling, measure, number, whole.count, len(rated), undefined))
    columns = ["target", "partition", "pooling", "measure", "value", "frames", "recordings", "undefined"]
    return pd.DataFrame(rows, columns=columns)


def value(scores: pd.DataFrame, target: str, measure: str = "ccc", pooling: str = POOLED) -> float:
    """One number out of a table of scores of one partition."""
    row = (scores["target"] == target) & (scores["measure"] == measure) & (scores["pooling"] == pooling)
    return float(scores.loc[row, "value"].iloc[0])


def paired_bootstrap(
    one: Mapping[str, list[Moments]],
    other: Mapping[str, list[Moments]],
    pooling: str = POOLED,
    measure: str = "ccc",
    draws: int = 2000,
) -> tuple[float, float, float]:
    """The difference one - other of two systems, and its 95 % interval over recordings.

    A draw takes as many recordings as there are, with replacement, the same for both systems, and averages over
    repetitions (seeds) what each repetition scores on them.

    Args:
        one, other: recording -> moments, one a repetition; the two must hold the same recordings.
        pooling: `pooled`: a score is that of all drawn recordings in one series; else the mean of their own scores,
            undefined ones left out.
        measure: a property of `Moments`.
        draws: of the bootstrap; its seed is fixed, so that a table repeats.

    Returns:
        difference, lower and upper bound (percentiles 2.5 and 97.5; NaN with fewer than two recordings).

    Reference:
        Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    """
    if set(one) != set(other):
        raise UserError("A paired difference needs both systems on the same recordings.")
    names = sorted(one)

    def difference(chosen: list[str]) -> float:
        return together(one, chosen, pooling, measure) - together(other, chosen, pooling, measure)

    if len(names) < 2:
        return difference(names), float("nan"), float("nan")
    random = np.random.default_rng(0)
    samples = [random.choice(names, len(names)).tolist() for _ in range(draws)]
    low, high = np.nanpercentile([difference(sample) for sample in samples], [2.5, 97.5])
    return difference(names), float(low), float(high)


def together(system: Mapping[str, list[Moments]], recordings: Sequence[str], pooling: str, measure: str) -> float:
    """What a system scores on some recordings (one may be named twice), averaged over its repetitions.

    Args:
        system: recording -> moments, one a repetition.
        recordings: their ids.
        pooling: `pooled`: of all frames in one series; else the mean of the recordings' own values, undefined left out.
        measure: a property of `Moments`.
    """
    values = []
    for repetition in zip(*(system[name] for name in recordings), strict=True):
        if pooling == POOLED:
            values.append(getattr(sum(repetition, Moments()), measure))
        else:
            values.append(np.nanmean([getattr(part, measure) for part in repetition]))
    return float(np.mean(values))


def evaluate(run: Run, partition: str, allow_seen: bool = False) -> pd.DataFrame:
    """Predicts and scores a partition of a finished run, and keeps traces and scores in its folder.

    Raises:
        UserError: the partition decided something and `allow_seen` is not set, or the run is not finished.
    """
    refuse_seen(partition, allow_seen)
    golds, predictions = predict_partition(run, partition)
    scores = score(golds, predictions, partition)
    run.write_predictions(partition, predictions)
    run.write_scores(scores)
    return scores
