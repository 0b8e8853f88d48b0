"""Exact resume: one file an epoch holds all that decides how training goes on.

Keras' own BackupAndRestore loses callbacks' state, dropout seeds and the order of examples. Here the order is a
function of (seed, epoch), and the last callback that changes anything writes, whole or not at all: the
epoch, every variable of model and optimiser, the history, and the state of early stopping. A run that was killed starts
its unfinished epoch anew and ends with the same weights, bit by bit, as one that was not.

Best weights by further criteria are too much to be written every epoch: each has a file of its own, named by criterion
and epoch, written when they improve, before the state. Which of these files counts follows from the history in the
state, so a kill between any two writes leaves a state and the files that belong to it; others are deleted only after.
"""

import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from emotf.arrays import read_arrays
from emotf.checksums import promised
from emotf.files import written_aside
from emotf.run_folder import RunFolder
from emotf.runs import best_epoch

# What EarlyStopping and ReduceLROnPlateau change while they run; min_delta is left out, Keras would negate it again
# after a restart. The learning rate itself is a variable of the optimiser.
STOPPING = ("wait", "best", "best_epoch", "stopped_epoch")
PLATEAU = ("wait", "best", "cooldown_counter")


class Resume(keras.callbacks.Callback):
    """Writes the state and the history after every epoch, and puts a state back before the first.

    Must come after the callbacks that change anything: Keras resets them in their `on_train_begin`, and this one
    overwrites that.

    Args:
        run: whose state it is.
        stopping: the early stopping of the same training.
        epoch: the tf.Variable that the dataset reads its order from.
        plateau: what lowers the learning rate, where anything does.
        keep: criteria whose best weights are kept besides.
    """

    def __init__(
        self,
        run: RunFolder[Any],
        stopping: keras.callbacks.EarlyStopping,
        epoch: Any,
        plateau: keras.callbacks.ReduceLROnPlateau | None = None,
        keep: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.run = run
        self.stopping = stopping
        self.plateau = plateau
        self.epoch = epoch
        self.keep = keep
        self.state = _read(run.state, run) if run.state.is_file() else {}
        self.seconds = float(self.state["seconds"]) if self.state else 0.0
        self.rows: list[dict[str, float]] = json.loads(str(self.state["rows"])) if self.state else []
        if self.rows:
            for criterion in keep:
                self.kept_weights(criterion)  # one that is damaged is better known now than at the end

    @property
    def done(self) -> int:
        """Epochs that are finished: `initial_epoch` of `fit`."""
        return len(self.rows)

    @property
    def stopped(self) -> bool:
        """Whether early stopping had already ended the training when it was interrupted."""
        return bool(self.state) and json.loads(str(self.state["stopping"]))["stopped_epoch"] > 0

    def best_epoch(self, criterion: str) -> int:
        """The best of the finished epochs."""
        return best_epoch([row[f"dev_{criterion}"] for row in self.rows], criterion)

    def kept_weights(self, criterion: str) -> list[np.ndarray]:
        """The weights of the best epoch by a criterion that is kept."""
        found = _read(self.run.kept(criterion, self.best_epoch(criterion)), self.run)
        return [found[name] for name in sorted(found)]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.clock = time.monotonic()
        if not self.state:
            return
        for group, variables in self._variables().items():
            for i, variable in enumerate(variables):
                variable.assign(self.state[f"{group}{i}"])
        for watcher, key in ((self.stopping, "stopping"), (self.plateau, "plateau")):
            for name, value in json.loads(str(self.state[key])).items() if watcher is not None else ():
                setattr(watcher, name, value)
        best = [self.state[key] for key in sorted(k for k in self.state if k.startswith("best"))]
        self.stopping.best_weights = best or None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.assign(epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.monotonic()
        self.seconds, self.clock = self.seconds + now - self.clock, now
        self.rows.append({"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}})
        state = {
            f"{group}{i}": keras.ops.convert_to_numpy(variable.value)
            for group, variables in self._variables().items()
            for i, variable in enumerate(variables)
        }
        for i, weights in enumerate(self.stopping.best_weights or []):
            state[f"best{i:04d}"] = weights
        for criterion in self.keep:
            if self.best_epoch(criterion) == epoch:
                weights = {f"{i:04d}": array for i, array in enumerate(self.model.get_weights())}
                _write(self.run.kept(criterion, epoch), weights)
        scalars = {"rows": json.dumps(self.rows), "stopping": _attributes(self.stopping, STOPPING)}
        if self.plateau is not None:
            scalars["plateau"] = _attributes(self.plateau, PLATEAU)
        _write(self.run.state, {"seconds": self.seconds, **scalars, **state})
        self._write_history()
        self.run.prune_kept(self.run.kept(name, self.best_epoch(name)) for name in self.keep)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        # the process may have been killed between the state and the history of the last epoch
        self._write_history()

    def _write_history(self) -> None:
        with promised(self.run.history) as aside:
            pd.DataFrame(self.rows).to_csv(aside, index=False)

    def _variables(self) -> dict[str, list[Any]]:
        return {"model": self.model.variables, "optimizer": self.model.optimizer.variables}


def _attributes(callback: keras.callbacks.Callback, names: tuple[str, ...]) -> str:
    return json.dumps({name: getattr(callback, name) for name in names}, default=float)


def _write(path: Path, arrays: dict[str, Any]) -> None:
    with written_aside(path) as aside:
        np.savez(aside, **arrays)


def _read(path: Path, run: RunFolder[Any]) -> dict[str, np.ndarray]:
    return read_arrays(path, f"delete {run.state} to train this run from the start.")
