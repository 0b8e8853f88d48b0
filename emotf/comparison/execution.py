"""Runs the trials of a grid, one by one or side by side; what is done is kept, what breaks stops nothing else."""

import contextlib
import json
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from emotf.comparison.grid import Trial
from emotf.config import from_json, to_json
from emotf.doctor import examine, refuse
from emotf.errors import UserError, refusal
from emotf.evaluation import evaluate
from emotf.processes import worker_pool
from emotf.progress import clock, say
from emotf.records import Store
from emotf.runs import Run

# Keras and TensorFlow leave about 30 MB of every run behind; a process is replaced after so many.
RUNS_A_PROCESS = 20


def check(trials: Sequence[Trial]) -> None:
    """Refuses, before anything runs, what cannot run or be compared.

    Raises:
        UserError: systems are scored on different partitions, a run of another configuration or on other records is in
            the way, no network can be built for a system's streams and window, nothing is rated where it would be
            scored, or `emotf.doctor` finds a leak.
    """
    partitions = list(dict.fromkeys(trial.partition for trial in trials))
    if len(partitions) > 1:
        raise UserError(f"Some systems would be scored on {partitions[0]}, others on {partitions[1]}, which compares "
                        "nothing; choose one data.protocol.")  # fmt: skip
    homes = {trial.run.folder.parent for trial in trials}
    for folder in {above for home in homes for above in (home, *home.parents)}:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file, runs need a folder; choose another --out.")
    for trial in trials:
        trial.run.check(trial.experiment, Store(trial.experiment.store).fingerprint(trial.experiment.streams))
    networks: dict[str, Trial] = {}
    for trial in trials:
        networks.setdefault(_of_network(trial), trial)
    for trial in networks.values():
        _check_network(trial)
    scored = {(trial.experiment.store, trial.fold, trial.targets, trial.partition): trial for trial in trials}
    for trial in scored.values():
        if not trial.golds.golds.get(trial.partition):
            raise UserError(f"Partition {trial.partition!r} holds no rated recording; choose and report on "
                            "development by data.protocol=koprue2020.")  # fmt: skip
    for trial in {_of_doctor(trial): trial for trial in trials}.values():
        refuse(examine(trial.experiment, trial.golds))


def _of_network(trial: Trial) -> str:
    """What decides whether there is a network for a trial."""
    experiment = trial.experiment
    parts = to_json(experiment.model), to_json(experiment.window), list(experiment.streams)
    return json.dumps([experiment.store, trial.targets, *parts])


def _of_doctor(trial: Trial) -> str:
    """What decides whether there is a leak in a trial before it runs, whatever it predicts and how it is trained."""
    experiment = trial.experiment
    data = to_json(experiment.data) | {"targets": []}
    return json.dumps([experiment.store, data, to_json(experiment.window), list(experiment.streams)])


def _check_network(trial: Trial) -> None:
    """Raises UserError, which begins with the system, where its streams and window make no network."""
    experiment, store = trial.experiment, Store(trial.experiment.store)
    schemas = {name: store.stream(name).schema for name in experiment.streams}
    try:
        for schema in schemas.values():
            experiment.window.offsets(schema.hop)
        channels = {name: len(schema.channels) for name, schema in schemas.items()}
        experiment.model.check(channels, trial.targets, experiment.window.inputs)
    except UserError as error:
        raise UserError(f"{trial.system}: {error}") from None


def execute(trials: Sequence[Trial], workers: int) -> dict[str, str]:
    """Trains and scores the trials that are not done yet, `workers` at a time.

    Returns:
        Name of a trial -> why it broke. The others were finished, and are kept.

    Raises:
        UserError: as `check`.
    """
    check(trials)
    open_trials = [trial for trial in trials if not trial.done]
    say(f"{len(trials)} runs, {len(trials) - len(open_trials)} of them done")
    broken: dict[str, str] = {}
    began = time.monotonic()
    runs = _one_by_one(open_trials) if workers == 1 else _side_by_side(open_trials, workers)
    for i, (trial, reason) in enumerate(runs, start=1):
        if reason:
            broken[trial.name] = reason
        spent = time.monotonic() - began
        left = f", about {clock(spent / i * (len(open_trials) - i))} left" if i < len(open_trials) else ""
        outcome = f"BROKE, {reason}" if reason else "ended"
        say(f"run {i} of {len(open_trials)} {outcome}: {trial.name}; {clock(spent)}{left}")
    return broken


def required(broken: dict[str, str]) -> None:
    """Raises UserError where runs broke, for those who need all of them."""
    if broken:
        name, reason = next(iter(broken.items()))
        raise UserError(f"{len(broken)} runs broke; the first: {name}: {reason}")


def _one_by_one(trials: Sequence[Trial]) -> Iterator[tuple[Trial, str]]:
    """Runs the trials in this process; yields why each broke, or nothing."""
    for trial in trials:
        say(f"run: {trial.name}")
        yield trial, _run(to_json(trial.experiment), trial.run.folder, trial.partition)


def _side_by_side(trials: Sequence[Trial], workers: int) -> Iterator[tuple[Trial, str]]:
    """Runs the trials in processes of their own, one core each: the networks are small, and two runs side by side beat
    one after the other on two cores.

    A thread holds one process; where that is killed, only its own trial is broken, and the thread takes another one.
    """
    if not trials:
        return
    say(f"{workers} at a time; each says how far it is in its {trials[0].run.log.name} (the first: "
        f"{trials[0].run.log})")  # fmt: skip
    held = threading.local()
    pools: list[ProcessPoolExecutor] = []

    def work(trial: Trial) -> str:
        if not hasattr(held, "pool"):
            held.pool = worker_pool(workers, processes=1, tasks=RUNS_A_PROCESS)
            pools.append(held.pool)
        try:
            content = to_json(trial.experiment), trial.run.folder, trial.partition
            return held.pool.submit(_run_quietly, *content).result()
        except BrokenProcessPool:
            del held.pool
            return "its process was killed, perhaps for memory (fewer --workers need less); run the command again"

    with ThreadPoolExecutor(workers) as threads:
        try:
            futures = {threads.submit(work, trial): trial for trial in trials}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            for pool in pools:
                pool.shutdown(wait=False, cancel_futures=True)


def _run(experiment: dict[str, Any], folder: Path, partition: str) -> str:
    """One trial, in this process or in a worker; why it broke, or nothing. The traceback of a bug goes into its log."""
    from emotf.training import train

    run = Run(folder)
    try:
        train(from_json(experiment), run)
        # on development too: what is fitted there (the scale of predictions) needs them
        for scored in dict.fromkeys(("dev", partition)):
            evaluate(run, scored, allow_seen=scored == "dev")
    except UserError as error:
        return str(error)
    except Exception as error:
        if line := refusal(error):
            return line
        run.folder.mkdir(parents=True, exist_ok=True)
        with open(run.log, "a") as log:
            traceback.print_exc(file=log)
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]} (traceback: {run.log})"
    return ""


def _run_quietly(experiment: dict[str, Any], folder: Path, partition: str) -> str:
    """One trial of several at a time; what it says goes into a file of its run."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(Run(folder).log, "a") as log, contextlib.redirect_stderr(log):
        return _run(experiment, folder, partition)
