"""How fast the networks of the Non-Inertial loss train, and the Mesh-Transformer, beside the same in PyTorch.

    pip install -e .[bench]
    python benchmarks/sequence_models.py
    python benchmarks/sequence_models.py --one_core

Full of Orgil et al. (2021; 2352 channels in four streams, batches of 16, SGD) and the Mesh-Transformer of Orgil (2022;
1404 channels, batches of 8, Adam), each on sequences of 128 frames of noise, the concordance loss of arousal and
valence, batches in memory, compiled as `emotf.training` does, with and without XLA. PyTorch's networks have as many
parameters (benchmarks/_torch_sequences.py; its LSTM has a second bias, 1024 more, which is not counted) and are eager,
on all cores and on one thread, as its threads wait for each other at full speed, or compiled, for which it needs a C++
compiler. emotf looks for padding and unrated gold in every batch, PyTorch does not. PyTorch multiplies matrices by MKL,
which does not give AMD processors its fastest code: on one EPYC, less than half the speed of TensorFlow's oneDNN. There
`--one_core` says 1.7 (Full) and 1.9 (Mesh-Transformer), and with MKL's look at the vendor overridden, nearer to
an Intel processor, 0.99 and 0.98.

Printed is, network by network, thousand frames a second and milliseconds a step, gradient and optimiser included, over
rounds in which all candidates take turns, epoch by epoch, each library in a process of its own; and the ratio to the
best PyTorch: of the medians, round by round, and of the fastest rounds, which is nearer to what a machine without
other work would show. Below stand the shares of attention and of recurrence: a step of these layers alone, beside a
step of the whole. `--one_core` ties each library to one core and counts the seconds for which it had it: what else
happens on the machine then hardly matters, and PyTorch's threads wait for nobody.

A second table is for a GPU: Keras on TensorFlow where TensorFlow sees one, else on JAX or PyTorch where these do;
`cuDNN` is Full with `cell="keras"`. About 6 minutes on 2 cores. PyTorch's speed can differ from one start to the next,
so start this more than once.
"""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any, ClassVar

import pandas as pd
from _sequences import FULL, MESH, TARGETS, WORKLOADS, Workload
from _turns import Jobs, Worker, rate
from absl import flags

from emotf.command import run
from emotf.models.base import Model, linear_output
from emotf.models.lstm import Lstm
from emotf.models.non_inertial_net import NonInertialNet
from emotf.models.transformer import Transformer
from emotf.progress import say
from emotf.report.tables import markdown

ROUNDS = flags.DEFINE_integer("rounds", 12, "Turns of each candidate; the first two, for warming up, are left out.", 3)
BATCHES = flags.DEFINE_integer("batches", 8, "Batches of an epoch.", 1)
ONE_CORE = flags.DEFINE_bool("one_core", False, "One core for each library, and its own seconds there.")
NETWORK = flags.DEFINE_enum("network", None, list(WORKLOADS), "Only this one.")

WARMING = 2
GOAL = 1.0
# network -> its layers that are timed alone
PART = {FULL: "recurrence alone", MESH: "attention alone"}


@dataclass
class AttentionAlone(Model):
    """The attentions of a Transformer and nothing else."""

    heads: int = 4
    layers: int = 6

    sequences: ClassVar[bool] = True

    def trace(self, streams: Mapping[str, Any], targets: Sequence[str], present: Any = None) -> dict[str, Any]:
        from emotf.models._transformer import Attention

        x = streams["embedded"]
        for number in range(1, self.layers + 1):
            x = Attention(self.heads, name=f"attention{number}")(x, x, present)
        return {target: linear_output(target, x) for target in targets}


def candidates(name: str, backend: str, gpu: bool) -> dict[str, tuple[Model, bool]]:
    """Candidate -> model, and whether XLA compiles it."""
    keras_on = f"emotf on {backend}"
    if name == MESH:
        made: dict[str, tuple[Model, bool]] = {
            keras_on: (Transformer(), False),
            f"{keras_on}, XLA": (Transformer(), True),
        }
    else:
        made = {f"{keras_on}{', XLA' * xla}": (NonInertialNet(), xla) for xla in (False, True)}
        if gpu:
            made[f"{keras_on}, cuDNN"] = (NonInertialNet(cell="keras"), False)
    # JAX always compiles, PyTorch never does so by XLA
    return made if backend == "tensorflow" else {key: of for key, of in made.items() if of[1] == (backend == "jax")}


def emotf_jobs(name: str, batches: int, one_core: bool, gpu: bool, backend: str) -> tuple[int, Jobs]:
    """Trained parameters of the network; an epoch of each candidate, and of the layers in question alone."""
    clock = _choose(one_core, gpu, backend)
    import tensorflow as tf

    from emotf.losses.ccc import Ccc
    from emotf.optimizers.adam import Adam
    from emotf.optimizers.sgd import Sgd
    from emotf.training.device import prepare_device
    from emotf.training.learner import Learner, Objective
    from emotf.training.loop import STEPS

    prepare_device("float32")

    def epoch(workload: Workload, model: Model, xla: bool) -> tuple[int, Callable[[], float]]:
        dataset = tf.data.Dataset.from_tensor_slices(workload.noise(batches)).batch(workload.batch).cache().prefetch(4)
        options = tf.data.Options()
        options.autotune.enabled = False  # see benchmarks/recurrent.py
        dataset = dataset.with_options(options)
        network = model.build(workload.streams, TARGETS, None)
        learner = Learner(network, Objective({target: Ccc() for target in TARGETS}))
        learner.compile(
            (Sgd() if name == FULL else Adam()).build(workload.learning_rate),
            jit_compile=xla,
            steps_per_execution=1 if backend == "torch" else STEPS,  # PyTorch knows no more
        )
        parameters = sum(math.prod(variable.shape) for variable in network.trainable_variables)

        def train() -> None:
            learner.fit(dataset, shuffle=False, verbose=0)

        return parameters, lambda: rate(workload.frames(batches), train, clock)

    made = {key: epoch(WORKLOADS[name], *of) for key, of in candidates(name, backend, gpu).items()}
    alone = replace(WORKLOADS[name], streams={"embedded": 256})
    part: Model = AttentionAlone() if name == MESH else Lstm((256,), cell="keras" if gpu else "plain")
    jobs = {key: run_epoch for key, (_, run_epoch) in made.items()} | {
        PART[name]: epoch(alone, part, backend == "jax")[1]
    }
    return next(iter(made.values()))[0], jobs


def torch_jobs(name: str, batches: int, one_core: bool, gpu: bool) -> tuple[int, Jobs]:
    """Parameters, and the epochs of PyTorch; imported in its own process only."""
    clock = _choose(one_core, gpu)
    import _torch_sequences

    return _torch_sequences.jobs(name, batches, clock, gpu)


def _choose(one_core: bool, gpu: bool, backend: str = "") -> Callable[[], float]:
    """Gives libraries yet to be imported their devices, and Keras what it runs on; returns the clock."""
    if not gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    if not one_core:
        return time.perf_counter
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return time.process_time


def seen(backend: str) -> str:
    """The GPU that a back end finds, or nothing."""
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    if backend == "jax":
        import jax

        return ", ".join(device.device_kind for device in jax.devices() if device.platform == "gpu")
    from emotf.training.device import prepare_device

    device = prepare_device("float32")
    return "" if device == "CPU" else device


def main(_):
    names = [NETWORK.value] if NETWORK.value else list(WORKLOADS)
    for name in names:
        measure(name, "tensorflow", "one core" if ONE_CORE.value else "CPU", gpu=False)
    for backend in ("tensorflow", "jax", "torch"):
        with ProcessPoolExecutor(1, get_context("spawn")) as process:  # what asks for a GPU must not stay on it
            device = process.submit(seen, backend).result()
        if device:
            for name in names:
                measure(name, backend, device, gpu=True)
            return
    print("\nNeither TensorFlow nor JAX nor PyTorch sees a GPU here: there is no second table.")


def measure(name: str, backend: str, device: str, gpu: bool) -> None:
    """The table of one network on one device."""
    one_core = ONE_CORE.value and not gpu  # time on a GPU is not the process's own
    workers = [
        Worker(emotf_jobs, name, BATCHES.value, one_core, gpu, backend),
        Worker(torch_jobs, name, BATCHES.value, one_core, gpu),
    ]
    if len({worker.parameters for worker in workers}) != 1:
        raise SystemExit(f"{name} is not the same network: {[worker.parameters for worker in workers]} parameters.")
    rounds = []
    for i in range(ROUNDS.value):
        rounds.append({key: worker.turn(key) / 1e3 for worker in workers for key in worker.candidates})
        say(f"round {i}: " + ", ".join(f"{key} {value:.2f}" for key, value in rounds[-1].items()))
    for worker in workers:
        worker.end()
    report(name, device, workers[0].parameters, pd.DataFrame(rounds[WARMING:]))


def report(name: str, device: str, parameters: int, speeds: pd.DataFrame) -> None:
    """Prints speeds and ratios, whether the goal is met, and the share of the layers in question."""
    part = speeds.pop(PART[name])
    theirs = speeds[[key for key in speeds if key.startswith("PyTorch")]]
    ratios = speeds.div(theirs[theirs.median().idxmax()], axis=0).median()
    fastest = speeds.max() / theirs.max().max()
    steps = WORKLOADS[name].frames(1) / speeds.median()
    rows = [
        [key, *(f"{value:.2f}" for value in (of.median(), of.min(), of.max(), steps[key], ratios[key], fastest[key]))]
        for key, of in speeds.items()
    ]
    sizes = f"{parameters} parameters, batch {WORKLOADS[name].batch}, {BATCHES.value} batches an epoch"
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\n{name} on {device}, {sizes}, {len(speeds)} rounds; load {load}\n")
    print(markdown(["thousand frames a second", *SUMMARY], rows))
    best = ratios.drop(theirs.columns).idxmax()
    met = "met" if min(ratios[best], fastest[best]) >= GOAL else "not met"
    print(f"\nGoal, {GOAL} times the best PyTorch: {met} by {best}.")
    alone = WORKLOADS[name].frames(1) / part.median()
    print(f"{PART[name]}: {alone:.1f} ms a step, {alone / steps[best]:.0%} of {best}.")


SUMMARY = ("median", "lowest", "highest", "ms a step", "/ best PyTorch", "fastest / fastest")


if __name__ == "__main__":
    run(main)
