"""Scores of predictions: pooled and mean over recordings, always both, undefined values counted."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emotf.doctor import examine_run, refuse
from emotf.errors import UserError
from emotf.files import remove_remains
from emotf.measures import MEAN, MEASURES, POOLED, Moments
from emotf.pipeline import Missing
from emotf.prediction import Predictor, predictors, selection, traces
from emotf.records import Store
from emotf.report import figures
from emotf.runs import Run
from emotf.statistics import DRAWS, bootstrap, paired_bootstrap
from emotf.track import Track

# What each partition already decided; reporting on it needs to be asked for.
DECIDED = {"train": "the weights were fitted on it", "dev": "the epoch was chosen on it"}

# What is said of a run that lost some of its streams.
MEASURES_OF_LOSS = ("ccc", "pcc")


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
        add_moments(found, recording, gold, predictions[recording])
    return found


def add_moments(found: dict[str, dict[str, Moments]], recording: str, gold: Track, prediction: Track) -> None:
    """Adds those of one recording to what `moments` gives of several.

    Raises:
        UserError: the two stand on different clocks.
    """
    prediction = prediction.select(gold.channels)
    gold.check_same_clock(prediction, f"Recording {recording}: gold", "prediction")
    for i, target in enumerate(gold.channels):
        found.setdefault(target, {})[recording] = Moments.of(gold.values[:, i], prediction.values[:, i])


def _predicted(
    predictor: Predictor, keep: Callable[[str, Track], None] = lambda name, prediction: None
) -> dict[str, dict[str, Moments]]:
    """As `moments`, of predictions that are let go one after the other; `keep` is told each of them."""
    found: dict[str, dict[str, Moments]] = {}
    for recording, prediction in predictor.each():
        add_moments(found, recording, predictor.golds[recording], prediction)
        keep(recording, prediction)
    return found


def score(
    golds: Mapping[str, Track],
    predictions: Mapping[str, Track],
    partition: str,
    variance: str = "population",
    subjects: Mapping[str, str] | None = None,
    measures: Sequence[str] = MEASURES,
) -> pd.DataFrame:
    """The scores of a partition.

    Args:
        golds: recording -> [frames, targets], NaN where unrated.
        predictions: recording -> [frames, targets] on the same clocks.
        partition: named in the table.
        variance: the protocol of `measures.VARIANCES`, named in the table.
        subjects: recording -> subject; where given, values have intervals over subjects.
        measures: properties of `Moments`.

    Returns:
        One row a target, pooling and measure: target, partition, variance, pooling (`pooled`: all rated frames in one
        series; `mean over recordings`: of the values of single recordings), measure, value, low and high (95 %
        bootstrap interval over subjects), frames (rated), recordings (with a rated frame), undefined (values that the
        data do not define: 1 for a pooled one, else how many recordings are missing from the mean).
    """
    return score_moments(moments(golds, predictions), partition, variance, subjects, measures)


def score_moments(
    found: Mapping[str, Mapping[str, Moments]],
    partition: str,
    variance: str = "population",
    subjects: Mapping[str, str] | None = None,
    measures: Sequence[str] = MEASURES,
) -> pd.DataFrame:
    """As `score`, of what `moments` found."""
    rows = []
    for target, parts in found.items():
        rated = _rated(parts)
        for measure in measures:
            singles = [getattr(part.under(variance), measure) for (part,) in rated.values()]
            for pooling in (POOLED, MEAN):
                draws = DRAWS if subjects else 0
                number, low, high = bootstrap(rated, pooling, measure, variance, subjects, draws)
                undefined = int(np.isnan(number) if pooling == POOLED else np.isnan(singles).sum())
                rows.append({
                    "target": target, "partition": partition, "variance": variance, "pooling": pooling,
                    "measure": measure, "value": number, "low": low, "high": high,
                    "frames": sum(part.count for (part,) in rated.values()), "recordings": len(rated),
                    "undefined": undefined,
                })  # fmt: skip
    return pd.DataFrame(rows)


def _rated(parts: Mapping[str, Moments]) -> dict[str, list[Moments]]:
    """The recordings with a rated frame, as a system of one repetition."""
    return {name: [part] for name, part in parts.items() if part.count}


def value(scores: pd.DataFrame, target: str, measure: str = "ccc", pooling: str = POOLED) -> float:
    """One number out of a table of scores of one partition."""
    row = (scores["target"] == target) & (scores["measure"] == measure) & (scores["pooling"] == pooling)
    return float(scores.loc[row, "value"].iloc[0])


def evaluate(run: Run, partition: str, allow_seen: bool = False, variance: str = "population") -> pd.DataFrame:
    """Predicts and scores a partition of a finished run, and keeps traces and scores in its folder.

    Raises:
        UserError: the partition decided something and `allow_seen` is not set, the run is not finished, or
            `emotf.doctor` finds a leak.
    """
    refuse_seen(partition, allow_seen)
    refuse(examine_run(run))
    _, (predictor,) = predictors(run, partition)
    found = _predicted(
        predictor, lambda recording, prediction: run.write_predictions(partition, {recording: prediction})
    )
    scores = score_moments(found, partition, variance, subjects_of(run))
    run.write_scores(scores)
    return scores


def evaluate_missing(
    run: Run, partition: str, missing: Sequence[Missing], allow_seen: bool = False, variance: str = "population"
) -> pd.DataFrame:
    """What a finished run still scores without some of its streams; keeps that in its folder.

    Args:
        run: its kept traces of the partition are what losses are measured from; they are made where there are none.
        partition: what is reported.
        missing: one or more, each by itself.
        allow_seen: reports also on what fitted or chose something.
        variance: one of `measures.VARIANCES`.

    Returns:
        The rows of `missing_scores`, one of `missing` after the other.

    Raises:
        UserError: as of `evaluate`.
    """
    refuse_seen(partition, allow_seen)
    refuse(examine_run(run))
    before = moments(*traces(run, partition))
    subjects = subjects_of(run)
    _, found = predictors(run, partition, missing)
    scores = pd.concat([
        _losses(before, _predicted(predictor), one, partition, variance, subjects)
        for one, predictor in zip(missing, found, strict=True)
    ])  # fmt: skip
    run.write_missing(scores)
    return scores


def missing_scores(
    golds: Mapping[str, Track],
    complete: Mapping[str, Track],
    predictions: Mapping[str, Track],
    missing: Missing,
    partition: str,
    variance: str = "population",
    subjects: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The scores of predictions without some streams, and what they lost.

    Args:
        golds, partition, variance, subjects: as of `score`.
        complete, predictions: recording -> prediction, from all streams and without those that are missing.
        missing: named in the table.

    Returns:
        The rows of `score` for CCC and PCC, and with them: missing, stretch (seconds), seed; complete (the value from
        all streams), loss (complete - value), low and high, here of the loss: its 95 % interval by a paired bootstrap
        over subjects.
    """
    before, after = moments(golds, complete), moments(golds, predictions)
    return _losses(before, after, missing, partition, variance, subjects)


def _losses(
    before: Mapping[str, Mapping[str, Moments]],
    after: Mapping[str, Mapping[str, Moments]],
    missing: Missing,
    partition: str,
    variance: str,
    subjects: Mapping[str, str] | None,
) -> pd.DataFrame:
    """`missing_scores` of the moments of predictions from all streams, and without those that are missing."""
    whole, scores = (
        table[table["measure"].isin(MEASURES_OF_LOSS)].reset_index(drop=True)
        for table in (score_moments(found, partition, variance) for found in (before, after))
    )
    losses = [
        paired_bootstrap(_rated(before[target]), _rated(after[target]), pooling, measure, variance, subjects)
        for target, pooling, measure in scores[["target", "pooling", "measure"]].itertuples(index=False)
    ]
    loss, low, high = zip(*losses, strict=True)
    scores = scores.drop(columns=["low", "high"]).assign(complete=whole["value"], loss=loss, low=low, high=high)
    what = pd.DataFrame({"missing": str(missing), "stretch": missing.stretch, "seed": missing.seed}, scores.index)
    return pd.concat([what, scores], axis=1)


def subjects_of(run: Run) -> dict[str, str]:
    """recording -> subject, of the records that a run was trained on."""
    return {recording.id: recording.subject for recording in Store(run.experiment.store).recordings}


def plot(run: Run, partition: str, recordings: int, running_frames: int) -> list[Path]:
    """Draws the traces of the first recordings of an evaluated partition, with their running CCC.

    Returns:
        The pictures, beside the traces.
    """
    golds = selection(run.experiment).partition(partition)
    paths = []
    for name in list(golds)[:recordings]:
        prediction = run.read_prediction(partition, name)
        picture = figures.traces(prediction, golds[name], f"{name} ({partition})", running_frames)
        paths.append(run.prediction(partition, name).with_suffix(".png"))
        figures.save(picture, paths[-1])
        remove_remains(paths[-1].parent, paths[-1].name)
    return paths
