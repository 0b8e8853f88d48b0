"""What each loss costs: a training step with it, relative to one with the mean squared error.

    python benchmarks/losses.py

Two networks, batches in memory, compiled as `emotf.training` does: CER-MTL on batches of 256 feature images (N = 20,
39 + 24 channels, three targets), and an LSTM (160, 120) on 16 sequences of 128 frames (76 channels, two targets).
All losses take turns in one process, round by round in another order, and each turn stands beside one of the squared
error, before or after it: machines change their speed from second to second. Printed is the median ratio of such pairs
with its 95 % interval (bootstrap over rounds); a second copy of the squared error shows what is noise. Losses that
couple targets need sequences: emotf refuses them on shuffled feature images, so that for CER the batch is read as one
sequence, for its cost alone. Goal: at most 1.10. About ten minutes on 2 cores with nothing else running.
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

ROUNDS = flags.DEFINE_integer("rounds", 30, "Turns of each loss; the first, for warming up, is left out.", 2)
SCALE = flags.DEFINE_integer("batches", 8, "Batches of sequences a turn; of feature images 12 times as many.", 8)
NETWORKS = flags.DEFINE_list("networks", ["cer", "lstm"], "Which networks.")

REFERENCE = "mse"


def losses() -> dict[str, Any]:
    """What is timed: every loss, those of moments also by sequence."""
    found = {name: catalog.find("losses", name)() for name in catalog.names("losses")}
    by_sequence = {f"{name}, by sequence": type(loss)(pool="sequence") for name, loss in found.items()
                   if hasattr(loss, "pool")}  # fmt: skip
    again = {f"{REFERENCE}, again": type(found[REFERENCE])()}
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
    batches = SCALE.value * (12 if images else 1)
    dataset = tf.data.Dataset.from_tensors((x, y)).cache().repeat(batches)
    return made, dataset.apply(tf.data.experimental.assert_cardinality(batches)).prefetch(2)


def ratios(make: Any) -> dict[str, np.ndarray]:
    """loss -> seconds of a turn over those of the turn of the reference beside it, a round each."""
    timed = {name: loss for name, loss in losses().items() if make is lstm or loss.joint or not loss.sequential}
    jobs = {name: learner(make, loss) for name, loss in timed.items()}

    def turn(name: str) -> float:
        made, dataset = jobs[name]
        began = time.perf_counter()
        made.fit(dataset, shuffle=False, verbose=0)
        return time.perf_counter() - began

    found: dict[str, list[float]] = {name: [] for name in jobs if name != REFERENCE}
    order = list(found)
    for i in progress(range(ROUNDS.value), make.__name__):
        random.shuffle(order)
        for name in order:
            pair = [REFERENCE, name] if i % 2 else [name, REFERENCE]
            seconds = {of: turn(of) for of in pair}
            found[name].append(seconds[name] / seconds[REFERENCE])
    return {name: np.array(pairs[1:]) for name, pairs in found.items()}


def main(_):
    random.seed(0)
    logging.set_verbosity(logging.ERROR)  # TensorFlow warns of many graphs; there are as many as there are losses
    made = {"cer": ("CER-MTL", cer), "lstm": ("LSTM (160, 120)", lstm)}
    found = {made[name][0]: ratios(made[name][1]) for name in NETWORKS.value}
    rows = [[name, *(cost(network.get(name)) for network in found.values())] for name in losses() if name != REFERENCE]
    print(f"a training step over one with {REFERENCE}, median of {ROUNDS.value - 1} pairs [95 %]\n")
    print(markdown(["loss", *found], rows))


def cost(pairs: np.ndarray | None) -> str:
    """Median with its interval."""
    if pairs is None:
        return "-"
    drawn = np.random.default_rng(0).integers(0, len(pairs), (2000, len(pairs)))
    low, high = np.percentile(np.median(pairs[drawn], axis=1), [2.5, 97.5])
    return f"{np.median(pairs):.3f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    run(main)
