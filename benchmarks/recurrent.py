"""How fast LSTM layers train, beside those of PyTorch.

    pip install -e .[bench]
    python benchmarks/recurrent.py

Two layers of (160, 120) units and one target, forward (LSTM) and in both directions (BLSTM), on 16 sequences of 128
frames of noise in 76 channels, mean squared error, Adam, batches in memory. Each cell of `emotf.models.lstm` is trained
as `emotf.training` does it, with and without XLA; PyTorch's LSTM is eager, on all cores and on one thread, as its
threads wait for each other at full speed, so that all cores are the slower choice on a machine with other work. A
PyTorch user's other choices are the faster ones: frames come first, batches lie on the device beforehand, the Adam is
fused. Besides, emotf looks for padding and unrated gold in every batch, PyTorch does not.

Printed is a table for the CPU and, where TensorFlow sees a GPU, one for it (`keras` is then cuDNN, which XLA cannot
compile): thousand frames a second, gradient step included, medians over rounds in which all candidates take turns,
epoch by epoch, each library in a process of its own; and the ratio to the best PyTorch, round by round. Below it stands
which goals are met on it by the better of XLA and no XLA. About 5 minutes on 2 cores. PyTorch's speed can differ
from one start to the next, so start this more than once.
"""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
from _turns import Jobs, Worker, rate
from absl import flags

from emotf.command import run
from emotf.progress import say
from emotf.report.tables import markdown

ROUNDS = flags.DEFINE_integer("rounds", 6, "Turns of each candidate; the first, for warming up, is left out.", 2)
BATCHES = flags.DEFINE_integer("batches", 16, "Batches of an epoch.", 1)

FRAMES, BATCH, CHANNELS, UNITS, LEARNING_RATE = 128, 16, 76, (160, 120), 1e-3

NETWORKS = {"forward": "LSTM", "both": "BLSTM"}
# candidate of PyTorch -> direction, threads
TORCH = {
    f"PyTorch {network}, threads: {threads}": (direction, threads)
    for direction, network in NETWORKS.items()
    for threads in dict.fromkeys((os.cpu_count() or 1, 1))
}
# candidate of emotf -> cell, direction, whether XLA compiles it
EMOTF = {
    f"{cell} {NETWORKS[direction]}{', XLA' if xla else ''}": (cell, direction, xla)
    for direction in NETWORKS
    for cell in ("peephole", "plain", "keras")
    for xla in (False, True)
}
# cell and direction -> the least ratio to PyTorch
GOALS = {("plain", "forward"): 0.8, ("peephole", "forward"): 0.6, ("plain", "both"): 0.7, ("peephole", "both"): 0.7}


def noise(batches: int) -> tuple[np.ndarray, np.ndarray]:
    """An epoch: inputs [batches * BATCH, FRAMES, CHANNELS] and gold [batches * BATCH, FRAMES]."""
    x = np.random.default_rng(0).normal(size=(batches * BATCH, FRAMES, CHANNELS)).astype(np.float32)
    return x, x[..., 0].copy()


def emotf_jobs(gpu: bool, batches: int) -> tuple[int, Jobs]:
    """Parameters of all networks together, and their epochs."""
    _choose(gpu)
    import keras
    import tensorflow as tf

    from emotf.losses.mse import Mse
    from emotf.models.lstm import Lstm
    from emotf.training.device import prepare_device
    from emotf.training.learner import Learner, Objective
    from emotf.training.loop import STEPS

    prepare_device("float32")
    tf.get_logger().setLevel("ERROR")  # TensorFlow warns of many graphs; there are as many as there are candidates
    x, y = noise(batches)
    dataset = tf.data.Dataset.from_tensor_slices(({"audio": x}, {"valence": y})).batch(BATCH).cache().prefetch(4)
    options = tf.data.Options()
    # its thread sleeps 10, 20, 40 ms ... between looks, and the end of an epoch can wait until it wakes
    options.autotune.enabled = False
    dataset = dataset.with_options(options)

    def candidate(cell: str, direction: str, xla: bool) -> Learner:
        network = Lstm(UNITS, direction, cell).build({"audio": CHANNELS}, ["valence"], None)
        learner = Learner(network, Objective({"valence": Mse()}))
        learner.compile(keras.optimizers.Adam(LEARNING_RATE), jit_compile=xla, steps_per_execution=STEPS)
        return learner

    def epoch(learner: Learner) -> Callable[[], float]:
        return lambda: rate(y.size, lambda: learner.fit(dataset, shuffle=False, verbose=0))

    # on a GPU Keras knows that XLA cannot compile cuDNN, and goes on without: that would be timed twice
    cudnn = {name for name, (cell, _, xla) in EMOTF.items() if gpu and xla and cell == "keras"}
    learners = {name: candidate(*sizes) for name, sizes in EMOTF.items() if name not in cudnn}
    return sum(of.count_params() for of in learners.values()), {name: epoch(of) for name, of in learners.items()}


def torch_jobs(gpu: bool, batches: int) -> tuple[int, Jobs]:
    """Parameters of all networks together, and their epochs."""
    _choose(gpu)
    import torch
    from torch import nn

    torch.manual_seed(0)
    device, (x, y) = "cuda" if gpu else "cpu", noise(batches)
    epochs = [torch.from_numpy(part).to(device).split(BATCH) for part in (x, y)]
    frames_first = [tuple(part.transpose(0, 1).contiguous() for part in batch) for batch in zip(*epochs, strict=True)]

    def candidate(direction: str, threads: int) -> tuple[int, Callable[[], float]]:
        directions = 1 + (direction == "both")
        inputs = (CHANNELS, *(directions * units for units in UNITS))
        lstms = nn.ModuleList(
            nn.LSTM(channels, units, bidirectional=directions == 2)
            for channels, units in zip(inputs[:-1], UNITS, strict=True)
        ).to(device)
        linear = nn.Linear(inputs[-1], 1).to(device)
        parameters = [*lstms.parameters(), *linear.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)

        def epoch() -> None:
            torch.set_num_threads(threads)
            for h, gold in frames_first:
                for lstm in lstms:
                    h = lstm(h)[0]
                loss = nn.functional.mse_loss(linear(h)[..., 0], gold)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss.item()  # a GPU has done the work only when a number comes back

        return sum(p.numel() for p in parameters), lambda: rate(y.size, epoch)

    # threads of the CPU make no difference on a GPU
    made = {name: candidate(*sizes) for name, sizes in TORCH.items() if not gpu or sizes[1] == 1}
    return sum(count for count, _ in made.values()), {name: epoch for name, (_, epoch) in made.items()}


def _choose(gpu: bool) -> None:
    """Hides GPUs from a library that is yet to be imported."""
    if not gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def seen() -> str:
    """The device TensorFlow finds."""
    from emotf.training.device import prepare_device

    return prepare_device("float32")


def main(_):
    with ProcessPoolExecutor(1, get_context("spawn")) as process:  # what asks for a GPU must not stay on it
        device = process.submit(seen).result()
    measure("CPU", gpu=False)
    if device != "CPU":
        measure(device, gpu=True)


def measure(device: str, gpu: bool) -> None:
    """The tables of one device."""
    workers = [Worker(make, gpu, BATCHES.value) for make in (emotf_jobs, torch_jobs)]
    rounds = []
    for i in range(ROUNDS.value):
        rounds.append({name: worker.turn(name) / 1e3 for worker in workers for name in worker.candidates})
        say(f"round {i}: " + ", ".join(f"{name} {value:.1f}" for name, value in rounds[-1].items()))
    for worker in workers:
        worker.end()
    report(device, pd.DataFrame(rounds[1:]))


def report(device: str, speeds: pd.DataFrame) -> None:
    """Prints speeds and ratios, and which goals are met."""
    direction_of = {name: sizes[1] for name, sizes in EMOTF.items()} | {name: sizes[0] for name, sizes in TORCH.items()}
    ratios, rows = pd.DataFrame(), []
    for direction in NETWORKS:
        beside = [name for name in speeds if direction_of[name] == direction]
        best = speeds[[name for name in beside if name in TORCH]].median().idxmax()
        for name in beside:
            ratios[name] = speeds[name] / speeds[best]
            rows.append([name, *summary(speeds[name], 1), *summary(ratios[name], 2)])
    spread = ("lowest", "highest")
    title = f"{device}, {FRAMES} frames, batch {BATCH}, {BATCHES.value} batches an epoch, {len(speeds)} rounds"
    print(f"\n{title}; load {', '.join(f'{value:.1f}' for value in os.getloadavg())}\n")
    print(markdown(["thousand frames a second", "median", *spread, "/ best PyTorch", *spread], rows))
    print(f"\n{markdown(['goal', 'at least', 'reached', 'by', 'met'], [*goals(ratios.median())])}")


def goals(ratios: pd.Series) -> list[list[str]]:
    """Each goal beside the better of XLA and no XLA."""
    rows = []
    for (cell, direction), goal in GOALS.items():
        best = ratios[[name for name in EMOTF if EMOTF[name][:2] == (cell, direction)]]
        by = "XLA" if EMOTF[best.idxmax()][2] else "no XLA"
        met = "yes" if best.max() >= goal else "no"
        rows.append([f"{cell} {NETWORKS[direction]}", f"{goal}", f"{best.max():.2f}", by, met])
    return rows


def summary(values: pd.Series, digits: int) -> list[str]:
    """Median and range over the rounds."""
    return [f"{value:.{digits}f}" for value in (values.median(), values.min(), values.max())]


if __name__ == "__main__":
    run(main)
