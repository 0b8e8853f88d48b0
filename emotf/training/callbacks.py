"""What happens between epochs: development scores, a finite check, progress, figures."""

import sys
import time
from typing import Any

import keras
import numpy as np

from emotf.errors import UserError
from emotf.evaluation import MEAN, score, value
from emotf.measures import MEASURES
from emotf.prediction import Predictor
from emotf.progress import say
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
    """A line an epoch on standard error: every one on a terminal, one in ten seconds in a log.

    Args:
        epochs: at most.
        stopping: tells how long ago the best epoch was.
    """

    def __init__(self, epochs: int, stopping: keras.callbacks.EarlyStopping) -> None:
        super().__init__()
        self.epochs = epochs
        self.stopping = stopping
        self.shown = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.monotonic()
        if logs is None or not (sys.stderr.isatty() or now - self.shown > 10):
            return
        self.shown = now
        best = float(self.stopping.best) if self.stopping.best is not None else logs["dev_ccc"]
        say(
            f"epoch {epoch + 1:3d}/{self.epochs}  loss {logs['loss']:.4f}  dev CCC {logs['dev_ccc']:.3f}  best "
            f"{best:.3f} ({self.stopping.wait} epochs ago)  {now - self.began:.1f} s"
        )


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
