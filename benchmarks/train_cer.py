"""How fast CER-MTL trains from records on disk, beside the same network in PyTorch with its batches in memory.

    pip install -e .[bench]
    python benchmarks/train_cer.py

Writes 10 recordings of 5 minutes of seeded noise as records (39 + 24 channels and three targets at 60/s) into a
temporary folder and prints, in thousand feature images a second, medians over rounds in which all candidates take
turns, epoch by epoch, each library in a process of its own with all cores:

- training with emotf, an epoch from records, compiled as `emotf.training` does; and from batches in memory;
- the same network, loss and optimiser in PyTorch, eager and `torch.compile`, on all cores and on one thread, every
  batch gathered and joined in memory beforehand;
- the input pipeline alone, the records dropped from the page cache before the epoch (cold) or not (warm).

Goals: training from records at least 1.3 times the best PyTorch; the pipeline at least 3 times what the training step
takes when its batches are in memory. About 4 minutes on 2 cores. PyTorch's speed can differ from one start to the next,
so start this more than once.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import _workload
import pandas as pd
from _turns import Jobs, Worker, rate
from absl import flags

from emotf.command import run
from emotf.progress import say
from emotf.report.tables import markdown

RECORDINGS = flags.DEFINE_integer("recordings", 10, "How many recordings.", lower_bound=1)
SECONDS = flags.DEFINE_float("seconds", 300.0, "Length of a recording.", lower_bound=10.0)
FRAMES = flags.DEFINE_integer("frames", 20, "N, the frames of a feature image.", lower_bound=6)
BATCH = flags.DEFINE_integer("batch", 256, "Feature images a batch.", lower_bound=2)
ROUNDS = flags.DEFINE_integer("rounds", 5, "Turns of each candidate; the first, for warming up, is left out.", 2)
FOLDER = flags.DEFINE_string("folder", None, "Where the temporary folder is made; it must be on the disk to measure.")

RECORDS, MEMORY = "emotf, epoch from records", "emotf, batches in memory"
COLD, WARM = "input pipeline alone, cold", "input pipeline alone, warm"


def emotf_jobs(folder: Path, frames: int, batch: int) -> tuple[int, Jobs]:
    """Parameters, and the epochs of emotf."""
    import keras
    import tensorflow as tf

    from emotf.losses.ccc import Ccc
    from emotf.models.cer import Cer
    from emotf.pipeline import standardise, training_batches
    from emotf.records import GOLD, Store
    from emotf.training.learner import Learner, Objective
    from emotf.training.loop import STEPS

    store, names = Store(folder), list(_workload.STREAMS)
    golds = {id_: store.stream(GOLD).read(id_) for id_ in store.stream(GOLD).completed}
    fitted = standardise(store, names, golds, "train")
    epochs = training_batches(store, names, golds, _workload.images(frames), batch, seed=0)
    network = Cer().build(_workload.STREAMS, _workload.TARGETS, frames, fitted)
    learner = Learner(network, Objective({target: Ccc() for target in _workload.TARGETS}))
    learner.compile(keras.optimizers.Adam(5e-5), jit_compile=False, steps_per_execution=STEPS)
    in_memory = epochs.dataset.cache()

    def train(dataset: Any) -> float:
        epochs.epoch.assign_add(1)
        return rate(epochs.examples, lambda: learner.fit(dataset, shuffle=False, verbose=0))

    def count(seen: Any, batch: Any) -> Any:
        return seen + tf.size(batch[1][_workload.TARGETS[0]])

    def read(cold: bool) -> float:
        epochs.epoch.assign_add(1)
        if cold:
            _workload.make_cold(store)
        return rate(epochs.examples, lambda: epochs.dataset.reduce(0, count))

    return network.count_params(), {
        RECORDS: lambda: train(epochs.dataset),
        MEMORY: lambda: train(in_memory),
        COLD: lambda: read(cold=True),
        WARM: lambda: read(cold=False),
    }


def torch_jobs(*sizes: Any) -> tuple[int, Jobs]:
    """Parameters, and the epochs of PyTorch; imported in its own process only."""
    import _torch_cer

    return _torch_cer.jobs(*sizes)


def main(_):
    with tempfile.TemporaryDirectory(dir=FOLDER.value) as folder:
        _workload.write(Path(folder), _workload.noise(RECORDINGS.value, SECONDS.value))
        workers = [
            Worker(emotf_jobs, Path(folder), FRAMES.value, BATCH.value),
            Worker(torch_jobs, RECORDINGS.value, SECONDS.value, FRAMES.value, BATCH.value),
        ]
        if len({worker.parameters for worker in workers}) != 1:
            raise SystemExit(f"not the same network: {[worker.parameters for worker in workers]} parameters")
        rounds = []
        for i in range(ROUNDS.value):
            rounds.append({name: worker.turn(name) / 1e3 for worker in workers for name in worker.candidates})
            say(f"round {i}: " + ", ".join(f"{name} {value:.1f}" for name, value in rounds[-1].items()))
        report(pd.DataFrame(rounds[1:]), workers[0].parameters)
        for worker in workers:
            worker.end()


def report(rounds: pd.DataFrame, parameters: int) -> None:
    """Prints the medians, and the ratios round by round."""
    title = f"CER-MTL, {parameters} parameters, N = {FRAMES.value}, batch {BATCH.value}, {len(rounds)} rounds"
    print(f"{title}; load {', '.join(f'{value:.1f}' for value in os.getloadavg())}\n")
    print(markdown(["thousand feature images a second", *SUMMARY], [[name, *summary(rounds[name])] for name in rounds]))
    torch = rounds[[name for name in rounds if name.startswith("PyTorch")]]
    ratios = [
        ["epoch from records / best PyTorch", "1.3", *summary(rounds[RECORDS] / torch[torch.median().idxmax()])],
        ["pipeline, cold / training step", "3", *summary(rounds[COLD] / rounds[MEMORY])],
        ["pipeline, warm / training step", "3", *summary(rounds[WARM] / rounds[MEMORY])],
    ]
    print(f"\n{markdown(['ratio, round by round', 'goal', *SUMMARY], ratios)}")


SUMMARY = ("median", "lowest", "highest")


def summary(values: pd.Series) -> list[str]:
    """Median and range over the rounds."""
    return [f"{value:.2f}" for value in (values.median(), values.min(), values.max())]


if __name__ == "__main__":
    run(main)
