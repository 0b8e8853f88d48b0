"""Runs the trials of a search. Only development is predicted and scored, by training itself, after every epoch."""

import contextlib
import logging
import multiprocessing
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

import numpy as np

from emotf.comparison.axes import applied
from emotf.config import Experiment
from emotf.doctor import examine, refuse
from emotf.errors import UserError
from emotf.prediction import selection
from emotf.processes import worker_pool
from emotf.progress import say
from emotf.records import Store
from emotf.runs import Run, best_epoch
from emotf.search.alive import alive
from emotf.search.space import Choice, Range, settings_of
from emotf.search.study import Search, counts, join, next_trial, opened, outcome

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial


class _PrunedError(Exception):
    """A trial is ended: its peers were better at that time."""


def run_trials(search: Search, workers: int) -> "Study":
    """Runs what the study lacks, `workers` trials at a time; returns the study.

    Raises:
        UserError: nothing is rated on train or development, the records are others than the experiment asks for, the
            study is one of another search, or a worker was killed.
    """
    _check(search)
    study = join(search)
    there = sum(map(counts, study.get_trials(deepcopy=False)))
    say(f"{search.trials} trials, {min(there, search.trials)} of them done or on their way")
    if workers == 1:
        work(search, study)
        return study
    with worker_pool(workers) as pool:
        try:
            for done in as_completed([pool.submit(work, search) for _ in range(workers)]):
                done.result()
        except BrokenProcessPool:
            raise UserError("A worker was killed, perhaps for memory; run the same command with fewer --workers, it "
                            "continues.") from None  # fmt: skip
        except Exception:
            for process in multiprocessing.active_children():
                process.terminate()  # else the others would finish the study first
            raise
    return study


def work(search: Search, study: "Study | None" = None) -> None:
    """Runs one trial after the other until the study has all that were asked for; a worker opens the study itself."""
    import optuna

    # each trial has a network of its own, and so a graph of its own: TensorFlow takes that for an oversight
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    study = study or opened(search)
    while (trial := next_trial(study, search)) is not None:
        try:
            with alive(trial, search.out / "runs" / f"trial{trial.number:04d}.lock"):
                _run(study, trial, search)
        except optuna.exceptions.UpdateFinishedTrialError:
            say(f"trial {trial.number} was silent for so long that another process took it over; it is left to that")
            continue
        _announce(study, trial.number, search)


def _check(search: Search) -> None:
    """Refuses before the first trial what would break all of them, and leaks."""
    from emotf.training.criteria import check_defined
    from emotf.training.extracted import check_extracted

    for experiment in search.of_folds(search.experiment):
        check_extracted(Store(experiment.store), experiment)
        chosen = selection(experiment)
        chosen.partition("train")
        experiment.losses(chosen.targets)
        experiment.training.check_criteria(chosen.targets)
        check_defined((search.criterion,), chosen.partition("dev"))
        refuse(examine(experiment, chosen))


def _run(study: "Study", trial: "Trial", search: Search) -> None:
    """Trains a trial and tells the study what became of it."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    number = trial.user_attrs.get("first", trial.number)
    recipe = trial.user_attrs.get("recipe")
    value, state = None, TrialState.PRUNED
    try:
        params = {axis.axis: _suggest(trial, axis) for axis in search.space if recipe != "outside"}
        experiments = search.of_folds(applied(search.experiment, settings_of(params)))
        runs = [search.run(number, fold) for fold in search.folds]
        value = _mean_over_folds(trial, experiments, runs, search)
        state = TrialState.COMPLETE
    except _PrunedError:
        trial.set_user_attr("pruned", True)
    except (UpdateFinishedTrialError, OSError):
        raise  # no setting is to blame
    except Exception as error:
        if recipe and not isinstance(error, UserError):
            raise  # not even the recipe as it is can be trained: no setting is to blame
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        trial.set_user_attr("failed", " ".join(reason.split())[:500])
    study.tell(trial, value, state, skip_if_finished=True)


def _suggest(trial: "Trial", axis: Range | Choice) -> int | float | str:
    if isinstance(axis, Choice):
        return str(trial.suggest_categorical(axis.axis, axis.values))
    if isinstance(axis.low, int):
        return trial.suggest_int(axis.axis, axis.low, int(axis.high), log=axis.log)
    return trial.suggest_float(axis.axis, axis.low, axis.high, log=axis.log)


def _mean_over_folds(trial: "Trial", experiments: Sequence[Experiment], runs: Sequence[Run], search: Search) -> float:
    """Mean over folds of the best epoch's criterion, the folds one after the other.

    A trial is ended in its first fold or not at all: pruners compare the best that a trial has reached so far, and what
    it reached in an easy first fold would speak for it in all others.

    Raises:
        _PrunedError: the study ended the trial.
    """
    from emotf.training import train

    done: list[float] = []
    for experiment, run in zip(experiments, runs, strict=True):
        scores: list[float] = []

        def after_epoch(epoch: int, score: float, scores: list[float] = scores) -> bool:
            scores.append(score)
            if done:
                return False
            trial.report(_best(scores, search), epoch)
            return "recipe" not in trial.user_attrs and trial.should_prune()

        with _into_its_log(run):
            finished = train(experiment, run, after_epoch)
        trial.set_user_attr("epochs", [*trial.user_attrs.get("epochs", []), len(scores)])
        if not finished:
            run.prune(f"after epoch {len(scores)}, as trial {trial.number} of a search")
            raise _PrunedError
        done.append(_best(scores, search))
        if np.isnan(done[-1]):
            raise UserError(f"dev {search.criterion} is defined in no epoch.")
    trial.set_user_attr("folds", done)
    return float(np.mean(done))


def _best(scores: Sequence[float], search: Search) -> float:
    return scores[best_epoch(scores, search.criterion)]


@contextlib.contextmanager
def _into_its_log(run: Run) -> Iterator[None]:
    """Sends what training says into a file of its run, and the traceback of what breaks it."""
    run.folder.mkdir(parents=True, exist_ok=True)
    with open(run.log, "a") as log, contextlib.redirect_stderr(log):
        try:
            yield
        except Exception:
            traceback.print_exc()
            raise


def _announce(study: "Study", number: int, search: Search) -> None:
    """A line on what became of a trial."""
    trials = study.get_trials(deepcopy=False)
    trial = trials[number]
    values = [other.value for other in trials if outcome(other) == "complete" and other.value is not None]
    best = f"; best {max(values, key=lambda value: search.sign * value):.4f}" if values else ""
    settings = ", ".join(f"{axis} {value}" for axis, value in trial.params.items())
    what = "the recipe as it is" if "recipe" in trial.user_attrs else settings
    value = f" {trial.value:.4f}" if trial.value is not None else ""
    failed = f" ({trial.user_attrs['failed']})" if "failed" in trial.user_attrs else ""
    say(f"trial {number}: {outcome(trial)}{failed}{value}; {what}{best}")
