"""The runs of a grid for the HParams dashboard of TensorBoard."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from emotf.comparison.grid import Trial
from emotf.comparison.summary import score_of_run
from emotf.measures import MEAN, POOLED


def write_hparams(trials: Sequence[Trial], variance: str, folder: Path) -> Path:
    """Writes one session a run: the values of the axes, fold and seed, and the CCC of every target, both poolings.

    Shown by `tensorboard --logdir <folder>`. What was there before is replaced.

    Args:
        trials: all done.
        variance: one of `measures.VARIANCES`.
        folder: where to; a folder a run.

    Returns:
        The folder.
    """
    import tensorflow as tf
    from tensorboard.plugins.hparams import api

    shutil.rmtree(folder, ignore_errors=True)
    for trial in trials:
        of = {"fold": "fixed" if trial.fold is None else trial.fold, "seed": trial.seed}
        with tf.summary.create_file_writer(str(folder / trial.run.folder.name)).as_default():
            api.hparams({**trial.settings, **of, "predicts": "+".join(trial.targets)}, trial_id=trial.run.folder.name)
            for target, parts in trial.moments(trial.partition).items():
                for pooling in (POOLED, MEAN):
                    value = score_of_run(parts, pooling, "ccc", variance)
                    tf.summary.scalar(f"{trial.partition} CCC of {target}, {pooling}", value, step=0)
    return folder
