"""Data parallel training over two processes against one: the same loss, step by step.

    python benchmarks/multi_worker.py

Two processes of this machine, each with a device of its own, share every batch over `jax.distributed` (as machines
would; CPUs speak Gloo, GPUs NCCL) and Keras' `DataParallel`; a third one trains alone. Each prints the CCC loss of
every step. The loss is that of the whole batch: JAX compiles one program for all processes.
"""

import json
import os
import socket
import subprocess
import sys

from absl import app, flags

STEPS = flags.DEFINE_integer("steps", 5, "Steps of training.")
WORKER = flags.DEFINE_string("worker", "", "For itself: which process, of how many, and where they meet.")
BATCH = 16


def worker(process, processes, address, steps):
    """Trains; prints the losses as JSON."""
    import jax

    if processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    import keras
    import numpy as np
    import tensorflow as tf

    from emotf.losses.ccc import Ccc
    from emotf.models.cer import Cer
    from emotf.training.learner import Learner, Objective

    if processes > 1:
        keras.distribution.initialize(address, processes, process)
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    learner = Learner(Cer().build({"sound": 39}, ("arousal",), 20, {}), Objective({"arousal": Ccc()}))
    learner.compile(keras.optimizers.Adam(1e-2), jit_compile=True)
    x = rng.normal(size=(BATCH, 20, 39)).astype("float32")
    y = np.tanh(x[:, 10, 0])
    mine = slice(process * BATCH // processes, (process + 1) * BATCH // processes)
    # not train_on_batch: Keras 3.15 stumbles there over the sample weights that nobody gave ('NoneType' has no 'shape')
    batches = tf.data.Dataset.from_tensors(({"sound": x[mine]}, {"arousal": y[mine]}))
    print(json.dumps(learner.fit(batches, epochs=steps, shuffle=False, verbose=0).history["loss"]))


def start(process, processes, address):
    """A worker."""
    command = [sys.executable, __file__, f"--worker={process},{processes},{address}", f"--steps={STEPS.value}"]
    env = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def main(_):
    if WORKER.value:
        process, processes, address = WORKER.value.split(",")
        return worker(int(process), int(processes), address, STEPS.value)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    workers = {"alone": start(0, 1, address), "first of two": start(0, 2, address), "second": start(1, 2, address)}
    answers = {name: worker.communicate(timeout=900)[0] for name, worker in workers.items()}
    for name, answer in answers.items():
        print(f"{name:12s}", *(f"{loss:.7f}" for loss in json.loads(answer.splitlines()[-1])))
    alone, first, second = (json.loads(answer.splitlines()[-1]) for answer in answers.values())
    print(f"greatest difference {max(abs(a - b) for a, b in zip(alone + alone, first + second, strict=True)):.1e}")


if __name__ == "__main__":
    app.run(main)
