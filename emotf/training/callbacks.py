"""What happens between epochs: development scores, a finite check, progress, figures."""

import atexit
import sys
import time
from typing import Any

import keras
import numpy as np

from emotf.errors import UserError
from emotf.evaluation import MEAN, score, value
from emotf.measures import MEASURES
from emotf.prediction import Predictor
from emotf.progress import LOG_EVERY, say
from emotf.report import figures
from emotf.track import Track


class DevScores(keras.callbacks.Callback):
    """Adds exact development scores to the logs, before any other callback reads them.

    The whole partition is predicted and scored by the very code that scores runs: `dev_<target>_<measure>` is pooled,
    `dev_<target>_ccc_mean` the mean over recordings, `dev_ccc` the mean of the pooled CCCs over the targets, where an
    undefined one counts as 0.

    Args:
        predictor: of the development recordings.
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
        self.predictions = self.predictor()
        scores = score(self.predictor.golds, self.predictions, "dev")
        targets = list(dict.fromkeys(scores["target"]))
        for target in targets:
            for measure in MEASURES:
                logs[f"dev_{target}_{measure}"] = value(scores, target, measure)
            logs[f"dev_{target}_ccc_mean"] = value(scores, target, "ccc", MEAN)
        logs["dev_ccc"] = float(np.mean(np.nan_to_num([logs[f"dev_{target}_ccc"] for target in targets])))


class Progress(keras.callbacks.Callback):
    """A bar over all batches on a terminal, a line in ten seconds in a log; on standard error.

    Args:
        epochs: at most.
        stopping: tells how long ago the best epoch was.
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
        best = float(self.stopping.best) if self.stopping.best is not None else logs["dev_ccc"]
        line = (
            f"epoch {epoch + 1:3d}/{self.epochs}  loss {logs['loss']:.4f}  dev CCC {logs['dev_ccc']:.3f}  best "
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


class DevFigures(keras.callbacks.Callback):
    """Writes development traces, gold and prediction, to TensorBoard.

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
            for recording in list(golds)[:2]:
                png = figures.as_png(figures.traces(self.scores.predictions[recording], golds[recording], recording))
                tf.summary.image(recording, tf.image.decode_png(png, channels=3)[None], step=epoch)
