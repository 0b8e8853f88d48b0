"""What each loss costs: a training step with it, relative to one with the mean squared error.

    python benchmarks/losses.py

Two networks, batches in memory, compiled as `emotf.training` does: CER-MTL on batches of 256 feature images (N = 20,
39 + 24 channels, three targets), and an LSTM (160, 120) on 16 sequences of 128 frames (76 channels, two targets).
All losses take turns in one process, round by round in another order; printed are medians of the ratio to the squared
error of the same round, and their range. Losses that couple targets need sequences: emotf refuses them on shuffled
feature images, so that for CER the batch is read as one sequence, for its cost alone. Goal: at most 1.10. About ten
minutes on 2 cores.
"""

import random
import time
from typing import Any

import numpy as np
from absl import flags, logging

from emotf import catalog
from emotf.command import run
from emotf.progress import progress
from emotf.report.tables import markdown

ROUNDS = flags.DEFINE_integer("rounds", 15, "Turns of each loss; the first, for warming up, is left out.", 2)
BATCHES = flags.DEFINE_integer("batches", 48, "Batches a turn.", lower_bound=8)
SELF = flags.DEFINE_bool("twice", True, "Let a second copy of the squared error take turns, to show the noise.")

REFERENCE = "mse"


def losses() -> dict[str, Any]:
    """What is timed: every loss, those of moments also by sequence."""
    found = {name: catalog.find("losses", name)() for name in catalog.names("losses")}
    by_sequence = {f"{name}, by sequence": type(loss)(pool="sequence") for name, loss in found.items()
                   if hasattr(loss, "pool")}  # fmt: skip
    again = {f"{REFERENCE}, again": type(found[REFERENCE])()} if SELF.value else {}
    return {REFERENCE: found.pop(REFERENCE), **again, **found, **by_sequence}


def cer() -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Network, streams and gold of a batch of feature images."""
    from emotf.models.cer import Cer

    streams, targets = {"speech": 39, "body": 24}, ("arousal", "valence", "dominance")
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(256, 20, channels)).astype(np.float32) for name, channels in streams.items()}
    y = {name: x["speech"][:, :, i].mean(axis=1) for i, name in enumerate(targets)}
    return Cer().build(streams, targets, 20), x, y


def lstm() -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Network, streams and gold of a batch of sequences."""
    from emotf.models.lstm import Lstm

    rng = np.random.default_rng(0)
    x = {"audio": rng.normal(size=(16, 128, 76)).astype(np.float32)}
    y = {name: x["audio"][:, :, i].copy() for i, name in enumerate(("arousal", "valence"))}
    return Lstm((160, 120)).build({"audio": 76}, list(y), None), x, y


def learner(make: Any, loss: Any) -> Any:
    """A compiled learner, and its batches."""
    import keras
    import tensorflow as tf

    from emotf.training.learner import Learner, Objective
    from emotf.training.loop import STEPS

    class InOneSequence(Objective):
        """Reads a batch of feature images as one sequence, for joint losses."""

        def call(self, gold: Any, prediction: Any) -> Any:
            return super().call(*({name: value[None] for name, value in part.items()} for part in (gold, prediction)))

    keras.utils.set_random_seed(0)
    network, x, y = make()
    terms = {tuple(y): loss} if loss.joint else dict.fromkeys(y, loss)
    images = next(iter(y.values())).ndim == 1
    made = Learner(network, (InOneSequence if loss.joint and images else Objective)(terms))
    made.compile(keras.optimizers.Adam(1e-4), jit_compile=False, steps_per_execution=STEPS)
    dataset = tf.data.Dataset.from_tensors((x, y)).cache().repeat(BATCHES.value)
    return made, dataset.apply(tf.data.experimental.assert_cardinality(BATCHES.value)).prefetch(2)


def ratios(make: Any) -> dict[str, np.ndarray]:
    """loss -> seconds of a turn over those of the squared error, a round each; NaN where the loss does not apply."""
    images = make is cer
    jobs = {
        name: learner(make, loss)
        for name, loss in losses().items()
        if not (images and loss.sequential and not loss.joint)
    }
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    order = list(jobs)
    for _ in progress(range(ROUNDS.value), make.__name__):
        random.shuffle(order)
        for name in order:
            made, dataset = jobs[name]
            began = time.perf_counter()
            made.fit(dataset, shuffle=False, verbose=0)
            seconds[name].append(time.perf_counter() - began)
    return {name: np.array(turns[1:]) / seconds[REFERENCE][1:] for name, turns in seconds.items()}


def main(_):
    random.seed(0)
    logging.set_verbosity(logging.ERROR)  # TensorFlow warns of many graphs; there are as many as there are losses
    found = {"CER-MTL": ratios(cer), "LSTM (160, 120)": ratios(lstm)}
    rows = [[name, *(cell for network in found.values() for cell in cells(network.get(name)))] for name in losses()]
    print(f"a training step over one with {REFERENCE}; {ROUNDS.value - 1} rounds of {BATCHES.value} batches\n")
    print(markdown(["loss", *(cell for network in found for cell in (f"{network}, median", "range"))], rows))


def cells(shown: np.ndarray | None) -> list[str]:
    """Median and range."""
    return ["-", "-"] if shown is None else [f"{np.median(shown):.3f}", f"{shown.min():.2f} to {shown.max():.2f}"]


if __name__ == "__main__":
    run(main)
