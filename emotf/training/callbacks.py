"""What happens between epochs: development scores, a finite check, progress, figures."""

import atexit
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from emotf.affect import PLANE
from emotf.errors import UserError
from emotf.evaluation import MEAN, add_moments, score_moments, value
from emotf.measures import MEASURES, Moments
from emotf.prediction import Predictor
from emotf.progress import LOG_EVERY, say
from emotf.report import figures
from emotf.track import Track
from emotf.training.criteria import criteria_of, non_inertial
from emotf.training.dividing import undivided

# Recordings of development that are drawn.
DRAWN = 2


class DevScores(keras.callbacks.Callback):
    """Adds exact development scores to the logs, before any other callback reads them.

    The whole partition is predicted and scored by the very code that scores runs: `dev_<target>_<measure>` is pooled,
    `dev_<target>_ccc_mean` the mean over recordings, and `dev_<criterion>` what may choose the epoch
    (`emotf.training.criteria`), whatever loss is trained.

    Args:
        predictor: of the development recordings.

    Attributes:
        predictions: of the epoch, of the recordings that are drawn; the others are let go once they are scored.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.predictor = predictor
        self.predictions: dict[str, Track] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is None or not np.isfinite(logs["loss"]):
            raise UserError(
                f"The loss is {logs and logs['loss']} in epoch {epoch + 1}; lower --config.training.learning_rate, or "
                "look for extreme values in the streams (tools/describe.py)."
            )
        with undivided():
            parts: dict[str, dict[str, Moments]] = {}
            non_inertials = []
            drawn = list(self.predictor.golds)[:DRAWN]
            for recording, prediction in self.predictor.each():
                gold = self.predictor.golds[recording]
                add_moments(parts, recording, gold, prediction)
                non_inertials.append(non_inertial(gold, prediction))
                if recording in drawn:
                    self.predictions[recording] = prediction
            scores = score_moments(parts, "dev", measures=(*MEASURES, "mse"))
        targets = list(dict.fromkeys(scores["target"]))
        for target in targets:
            for measure in MEASURES:
                logs[f"dev_{target}_{measure}"] = value(scores, target, measure)
            logs[f"dev_{target}_ccc_mean"] = value(scores, target, "ccc", MEAN)
        for name, number in criteria_of(scores, non_inertials).items():
            logs[f"dev_{name}"] = number


class Progress(keras.callbacks.Callback):
    """A bar over all batches on a terminal, a line in ten seconds in a log; on standard error.

    Args:
        epochs: at most.
        stopping: tells by what the epoch is chosen, and how long ago the best one was.
    """

    def __init__(self, epochs: int, stopping: keras.callbacks.EarlyStopping) -> None:
        super().__init__()
        self.epochs = epochs
        self.stopping = stopping
        self.shown = 0.0
        self.bar: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TimeElapsedColumn

            self.bar = Progress("{task.description}", BarColumn(), TimeElapsedColumn(), console=Console(stderr=True))
            self.task = self.bar.add_task(f"epoch 1/{self.epochs}", total=self.epochs)
            self.bar.start()
            # an error of another callback skips on_train_end; the terminal must get its cursor back all the same
            atexit.register(self.bar.stop)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.bar:
            self.bar.update(self.task, completed=self.epoch + (batch + 1) / self.params["steps"])

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch, self.began = epoch, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is None:
            return
        now = time.monotonic()
        chosen_by = self.stopping.monitor
        best = float(self.stopping.best) if self.stopping.best is not None else logs[chosen_by]
        line = (
            f"epoch {epoch + 1:3d}/{self.epochs}  loss {logs['loss']:.4f}  {chosen_by} {logs[chosen_by]:.3f}  best "
            f"{best:.3f} ({self.stopping.wait} epochs ago)  {now - self.began:.1f} s"
        )
        if self.bar:
            self.bar.update(self.task, description=line, completed=epoch + 1)
        elif now - self.shown > LOG_EVERY:
            self.shown = now
            say(line)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.bar:
            self.bar.stop()


class AfterEpoch(keras.callbacks.Callback):
    """Asks whether training goes on, once all that the epoch leaves is on disk; so it must come after `Resume`.

    In an epoch that is the last one anyway, the answer changes nothing: the run is finished.

    Args:
        ask: of the epoch (the first is 0) and the development score that chooses epochs; True ends training here.
        criterion: the name of that score.
    """

    def __init__(self, ask: Callable[[int, float], bool | None], criterion: str) -> None:
        super().__init__()
        self.ask = ask
        self.criterion = f"dev_{criterion}"
        self.ended = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        answer = self.ask(epoch, float((logs or {})[self.criterion]))
        last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if answer and not last:
            self.ended = self.model.stop_training = True

    def repeat(self, rows: Iterable[Any]) -> None:
        """Tells of epochs that an earlier process has trained; nothing is left to be ended there.

        Args:
            rows: of the history, in order.
        """
        for row in rows:
            self.ask(int(row["epoch"]), float(row[self.criterion]))


class DevFigures(keras.callbacks.Callback):
    """Writes development traces, gold and prediction, to TensorBoard; valence and arousal as paths in their plane too.

    Args:
        folder: of the event files.
        scores: holds the predictions of the epoch.
        every: epochs between two figures; the first epoch has one.
    """

    def __init__(self, folder: Any, scores: DevScores, every: int) -> None:
        super().__init__()
        self.folder = folder
        self.scores = scores
        self.every = every

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch % self.every:
            return
        import tensorflow as tf

        golds = self.scores.predictor.golds
        with tf.summary.create_file_writer(str(self.folder / "dev")).as_default():
            for recording, prediction in self.scores.predictions.items():
                gold = golds[recording]
                drawn = {recording: figures.traces(prediction, gold, recording)}
                if set(PLANE) <= set(gold.channels):
                    drawn[f"{recording} in the plane"] = figures.plane(prediction, gold, recording)
                for name, figure in drawn.items():
                    png = tf.image.decode_png(figures.as_png(figure), channels=3)
                    tf.summary.image(name, png[None], step=epoch)
