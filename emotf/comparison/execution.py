"""Runs the trials of a grid, one by one or side by side; what is done is kept."""

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
from pathlib import Path
from typing import Any

from emotf.comparison.grid import Trial
from emotf.config import from_json, to_json
from emotf.errors import UserError
from emotf.evaluation import evaluate
from emotf.prediction import selection
from emotf.progress import say
from emotf.records import Store
from emotf.runs import Run


def execute(trials: Sequence[Trial], workers: int) -> None:
    """Trains and scores the trials that are not done yet, `workers` at a time.

    Raises:
        UserError: a run of another configuration or on other records is in the way, or nothing is rated where it would
            be scored; or a trial failed: the others are finished first, and are kept.
    """
    for trial in trials:
        trial.run.check(trial.experiment, Store(trial.experiment.store).fingerprint(trial.experiment.streams))
    scored = {(trial.experiment.store, trial.fold, trial.targets, trial.partition): trial for trial in trials}
    for trial in scored.values():
        if not selection(trial.experiment).golds.get(trial.partition):
            raise UserError(f"Partition {trial.partition!r} holds no rated recording; choose and report on "
                            "development by data.protocol=koprue2020.")  # fmt: skip
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
    # on development too: what is fitted there (the scale of predictions) needs them
    for scored in dict.fromkeys(("dev", partition)):
        evaluate(run, scored, allow_seen=scored == "dev")


def _run_quietly(experiment: dict[str, Any], folder: Path, partition: str) -> None:
    """One trial of several at a time; what it says goes into a file of its run."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(Run(folder).log, "a") as log, contextlib.redirect_stderr(log):
        _run(experiment, folder, partition)
