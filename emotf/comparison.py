"""Multi-task against single-task learning: the grid of runs, and the table they end in."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotf import tables
from emotf.config import Experiment, from_json, replaced, to_json
from emotf.errors import UserError
from emotf.evaluation import MEAN, POOLED, evaluate, moments, paired_bootstrap, together, value
from emotf.measures import MEASURES, Moments
from emotf.prediction import selection
from emotf.progress import say
from emotf.records import Store
from emotf.runs import Run

MTL = "MTL"


@dataclass(frozen=True)
class Trial:
    """One run of the grid.

    Attributes:
        system: `MTL`, or `STL <target>`.
        fold: of the sessions, or None for fixed partitions.
        seed: of weights and order.
        experiment: what it runs.
        run: where.
    """

    system: str
    fold: int | None
    seed: int
    experiment: Experiment
    run: Run

    @property
    def name(self) -> str:
        return f"{self.system}, fold {self.fold}, seed {self.seed}"

    @property
    def partition(self) -> str:
        """Where it is scored."""
        return "dev" if self.experiment.data.protocol == "koprue2020" else "test"

    @property
    def done(self) -> bool:
        """Trained and scored."""
        scores = self.run.scores() if self.run.finished else None
        return scores is not None and (scores["partition"] == self.partition).any()


def grid(experiment: Experiment, folds: Sequence[int] | None, seeds: Sequence[int], folder: Path) -> list[Trial]:
    """MTL and one STL a target, for all folds and seeds.

    Args:
        experiment: with two or more targets (empty: all of the corpus).
        folds: None for every session in turn (or the corpus's own partitions).
        seeds: of weights and order.
        folder: the runs go to `<folder>/runs/`.

    Raises:
        UserError: fewer than two targets.
    """
    store = Store(experiment.check().store)
    targets = experiment.data.targets or store.targets
    if len(targets) < 2:
        raise UserError(f"MTL against STL needs two targets or more, the experiment has {', '.join(targets)}.")
    recordings = store.recordings
    sessions = {recording.session for recording in recordings}
    fixed = any(recording.partition for recording in recordings)
    turns: Sequence[int | None] = folds if folds is not None else [None] if fixed else range(len(sessions))
    systems = {MTL: targets, **{f"STL {target}": (target,) for target in targets}}
    return [
        Trial(
            system,
            fold,
            seed,
            replaced(experiment, targets=predicted, fold=fold, seed=seed),
            Run(folder / "runs" / f"{system.lower().replace(' ', '-')}_fold{fold}_seed{seed}"),
        )
        for fold in turns
        for seed in seeds
        for system, predicted in systems.items()
    ]


def execute(trials: Sequence[Trial], workers: int) -> None:
    """Trains and scores the trials that are not done yet, `workers` at a time.

    Raises:
        UserError: a run of another configuration or on other records is in the way; or a trial failed: the others are
            finished first, and are kept.
    """
    for trial in trials:
        trial.run.check(trial.experiment, Store(trial.experiment.store).fingerprint(trial.experiment.streams))
    open_trials = [trial for trial in trials if not trial.done]
    say(f"{len(trials)} runs, {len(trials) - len(open_trials)} of them done")
    failed = list(_one_by_one(open_trials) if workers == 1 else _side_by_side(open_trials, workers))
    if failed:
        raise UserError(f"{len(failed)} of {len(open_trials)} runs failed; the first: {failed[0]}")


def _one_by_one(trials: Sequence[Trial]) -> Iterator[str]:
    """Runs the trials in this process; yields what failed."""
    for i, trial in enumerate(trials, start=1):
        say(f"run {i} of {len(trials)}: {trial.name}")
        try:
            _run(to_json(trial.experiment), trial.run.folder, trial.partition)
        except UserError as error:
            yield f"{trial.name}: {error}"


def _side_by_side(trials: Sequence[Trial], workers: int) -> Iterator[str]:
    """Runs the trials in processes of their own, one core each; yields what failed."""
    # the networks are small: two runs side by side, a core each, beat one after the other on two cores
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    if trials:
        say(f"{workers} at a time; each says how far it is in its {trials[0].run.log.name} (the first: "
            f"{trials[0].run.log})")  # fmt: skip
    began = time.monotonic()
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _end_with_parent) as pool:
        futures = {
            pool.submit(_run_quietly, to_json(trial.experiment), trial.run.folder, trial.partition): trial
            for trial in trials
        }
        for i, future in enumerate(as_completed(futures), start=1):
            trial = futures[future]
            try:
                future.result()
            except UserError as error:
                yield f"{trial.name}: {error}"
            except BrokenProcessPool:
                raise UserError("A worker was killed, perhaps for memory; run the same command with fewer --workers, "
                                "it continues.") from None  # fmt: skip
            say(f"run {i} of {len(trials)} ended: {trial.name}, {time.monotonic() - began:.0f} s")


def _end_with_parent() -> None:
    """Lets a worker end when the comparison is killed; without it, it would train on unseen (Linux only)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _run(experiment: dict[str, Any], folder: Path, partition: str) -> None:
    """One trial, in this process or in a worker."""
    from emotf.training import train

    run = Run(folder)
    train(from_json(experiment), run)
    evaluate(run, partition, allow_seen=partition == "dev")


def _run_quietly(experiment: dict[str, Any], folder: Path, partition: str) -> None:
    """One trial of several at a time; what it says goes into a file of its run."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(Run(folder).log, "a") as log, contextlib.redirect_stderr(log):
        _run(experiment, folder, partition)


def summarise(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row a target and pooling: MTL, STL, their paired difference, parameters, seconds.

    `mtl`, `stl` and their `_sd` are mean and standard deviation over folds x seeds of the CCC in each fold.
    `mtl_all_ccc` and the like are over all recordings that were scored in any fold, and so is `difference` with its
    95 % interval (`emotf.evaluation.paired_bootstrap`).
    """
    rows = []
    found = {(t.system, t.fold, t.seed): trial_moments(t) for t in trials}
    targets = [trial.system.removeprefix("STL ") for trial in trials if trial.system != MTL]
    for target in dict.fromkeys(targets):
        systems = {name: [t for t in trials if t.system == name] for name in (MTL, f"STL {target}")}
        mtl, stl = (
            by_recording([found[t.system, t.fold, t.seed][target] for t in members]) for members in systems.values()
        )
        for pooling in (POOLED, MEAN):
            row: dict[str, Any] = {"target": target, "pooling": pooling}
            for label, members in zip(("mtl", "stl"), systems.values(), strict=True):
                values = np.array([trial_score(trial, target, pooling) for trial in members])
                row |= {label: np.nanmean(values), f"{label}_sd": np.nanstd(values)}
                row |= {f"{label}_undefined": sum(undefined(trial, target, pooling) for trial in members)}
                row |= {f"{label}_parameters": members[0].run.about["parameters"]}
                row |= {f"{label}_seconds": float(np.mean([t.run.about["training_seconds"] for t in members]))}
            for label, system in (("mtl", mtl), ("stl", stl)):
                row |= {f"{label}_all_{name}": together(system, sorted(system), pooling, name) for name in MEASURES}
            row["difference"], row["low"], row["high"] = paired_bootstrap(mtl, stl, pooling)
            row |= {"runs": len(systems[MTL]), "recordings": len(mtl)}
            row["frames"] = sum(parts[0].count for parts in mtl.values())
            rows.append(row)
    return pd.DataFrame(rows)


def trial_moments(trial: Trial) -> dict[str, dict[str, Moments]]:
    """target -> recording -> moments of a trial."""
    golds = selection(trial.experiment).partition(trial.partition)
    predictions = {name: tables.read_track(trial.run.prediction(trial.partition, name)) for name in golds}
    return moments(golds, predictions)


def by_recording(parts: Sequence[dict[str, Moments]]) -> dict[str, list[Moments]]:
    """recording -> its moments in every repetition; recordings without a rated frame are left out."""
    found: dict[str, list[Moments]] = {}
    for part in parts:
        for recording, scored in part.items():
            if scored.count:
                found.setdefault(recording, []).append(scored)
    return found


def trial_score(trial: Trial, target: str, pooling: str) -> float:
    """The CCC of a trial."""
    return value(_scores(trial), target, "ccc", pooling)


def undefined(trial: Trial, target: str, pooling: str) -> int:
    """How many values the data did not define behind the CCC of a trial."""
    scores = _scores(trial)
    row = (scores["target"] == target) & (scores["measure"] == "ccc") & (scores["pooling"] == pooling)
    return int(scores.loc[row, "undefined"].iloc[0])


def _scores(trial: Trial) -> pd.DataFrame:
    scores = trial.run.scores()
    if scores is None:
        raise UserError(f"{trial.run.folder} is not scored; run the comparison again.")
    return scores[scores["partition"] == trial.partition]
