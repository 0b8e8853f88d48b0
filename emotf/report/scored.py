"""What plots of scores are drawn from: tables by recording, by subject, by epoch and by frame.

Conventions
    `Scored` is system -> target -> recording -> moments, one a repetition (seed). `Traced` is system -> recording ->
    gold standard and prediction of one repetition, on one clock.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from emotf.measures import POOLED
from emotf.runs import Run
from emotf.statistics import System, overall
from emotf.track import Track

Scored = Mapping[str, Mapping[str, System]]
Traced = Mapping[str, Mapping[str, tuple[Track, Track]]]


def by_recording(scored: Scored, subjects: Mapping[str, str], variance: str = "population") -> pd.DataFrame:
    """One row a target, system and recording.

    Args:
        scored: recordings without a rated frame are left out of it.
        subjects: recording -> subject.
        variance: one of `measures.VARIANCES`.

    Returns:
        target, system, recording, subject, `ccc` (mean over repetitions; NaN where the data do not define it), frames
        (rated).
    """
    rows = [
        {"target": target, "system": system, "recording": recording, "subject": subjects[recording],
         "ccc": overall({recording: moments}, POOLED, "ccc", variance), "frames": int(moments[0].count)}
        for system, targets in scored.items()
        for target, of in targets.items()
        for recording, moments in of.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["target", "system", "recording", "subject", "ccc", "frames"])


def by_subject(scored: Scored, subjects: Mapping[str, str], variance: str = "population") -> pd.DataFrame:
    """One row a target, system and subject: `ccc` over all frames of the subject, and its number of `recordings`."""
    rows = []
    for system, targets in scored.items():
        for target, of in targets.items():
            for subject in dict.fromkeys(subjects[recording] for recording in of):
                own = {name: moments for name, moments in of.items() if subjects[name] == subject}
                ccc = overall(own, POOLED, "ccc", variance)
                rows.append({"target": target, "system": system, "subject": subject, "ccc": ccc,
                             "recordings": len(own)})  # fmt: skip
    return pd.DataFrame(rows, columns=["target", "system", "subject", "ccc", "recordings"])


def by_epoch(runs: Iterable[tuple[str, Sequence[str], Run]]) -> pd.DataFrame:
    """One row a run, target and epoch: the CCC on development.

    Args:
        runs: system, targets, and the run that was trained.

    Returns:
        target, system, run (the name of its folder), epoch (from 1), ccc, `kept` (the epoch whose weights it has).
    """
    found = []
    for system, targets, run in runs:
        history = run.epochs
        kept = np.arange(len(history)) == run.chosen_epoch(history)
        found += [
            pd.DataFrame({"target": target, "system": system, "run": run.folder.name, "epoch": history["epoch"] + 1,
                          "ccc": history[f"dev_{target}_ccc"], "kept": kept})
            for target in targets
        ]  # fmt: skip
    return pd.concat(found, ignore_index=True)


def mean_curve(runs: pd.DataFrame) -> pd.DataFrame:
    """epoch, ccc: the mean over runs, as long as all of them train; of those that train on, it would be another mean.

    Args:
        runs: rows of `by_epoch` of one target and system.
    """
    shared = runs[runs["epoch"] <= runs.groupby("run")["epoch"].max().min()]
    return shared.groupby("epoch", as_index=False)["ccc"].mean()


def reach(frames: pd.DataFrame) -> tuple[float, float]:
    """The least and the greatest of gold and prediction; a little apart even where all are one constant."""
    values = frames[["gold", "prediction"]].to_numpy()
    low, high = float(values.min()), float(values.max())
    return low, max(high, low + 1e-3)


def parts(table: pd.DataFrame, column: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Every value of a column with its rows, in the order of the table."""
    for value, rows in table.groupby(column, sort=False):
        yield str(value), rows


def by_frame(traced: Traced) -> pd.DataFrame:
    """One row a target, system and rated frame: gold and prediction."""
    found = []
    for system, recordings in traced.items():
        golds, predictions = zip(*recordings.values(), strict=True)
        for target in dict.fromkeys(target for gold in golds for target in gold.channels):
            y, p = (
                np.concatenate([track.select([target]).values[:, 0] for track in of if target in track.channels])
                for of in (golds, predictions)
            )
            rated = ~np.isnan(y)
            found.append(pd.DataFrame({"target": target, "system": system, "gold": y[rated], "prediction": p[rated]}))
    return pd.concat(found, ignore_index=True)
