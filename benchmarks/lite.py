"""TensorFlow Lite models of finished runs: bytes, latency on one core, what 8 bits cost.

    python tools/train.py --config=configs/avec2015_lstm.py:synthetic,norm-train,ccc,adam --run=work/runs/lite_lstm
    python benchmarks/lite.py --runs=work/demo/compare/runs/mtl_fold0_seed0,work/runs/lite_lstm

Each run is converted in float32 and with its large weights in 8 bits. Latency is that of one call from Python with one
thread of the interpreter: a feature image, a frame, or a sequence of --frames. `difference` is the greatest between the
float32 model's traces and those of the Keras network, window by window, on the partition; `CCC lost` is the greatest of
the targets, float32 less 8 bits, pooled, before post-processing is smoothed.

Goals: difference <= 1e-4; CCC lost <= 0.02; at most 0.35 of the bytes. Only tensors of at least 1,024 weights come in 8
bits, so the last is for networks of which most bytes are such tensors: the 6,235 weights of CER-MTL are a quarter of
its file, the rest is the graph of its unrolled GRUs; a file for sequences holds zeros for the states of every frame.
Half a minute on 2 cores, after training.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from emotf.command import run
from emotf.report.tables import markdown
from emotf.runs import Run
from emotf.serving.lite import DYNAMIC, NONE, convert
from emotf.serving.lite_network import LiteNetwork, ccc_lost, predictor_of
from emotf.serving.served import Served
from emotf.serving.small import Small

RUNS = flags.DEFINE_list("runs", None, "Folders of finished runs whose records are there.", required=True)
PARTITION = flags.DEFINE_enum("partition", "dev", ["dev", "test"], "Of the records of each run.")
FRAMES = flags.DEFINE_integer("frames", 0, "Length of sequences; 0: as tools/export.py chooses.", 0)
CALLS = flags.DEFINE_integer("calls", 2000, "Calls that are timed, after a tenth as many for warming up.", 10)

EQUAL, LOST, SHARE = 1e-4, 0.02, 0.35


def milliseconds(content: bytes) -> np.ndarray:
    """Of every call."""
    network, rng = LiteNetwork(content, threads=1), np.random.default_rng(0)
    inputs = {part["name"]: rng.normal(size=part["shape"]).astype(np.float32) for part in network.about["inputs"]}
    seconds = []
    for _ in range(CALLS.value + CALLS.value // 10):
        began = time.perf_counter()
        network(inputs)
        seconds.append(time.perf_counter() - began)
    return 1e3 * np.array(seconds[CALLS.value // 10 :])


def difference(source: Run, content: bytes, frames: int) -> float:
    """The greatest between the traces of a model and those of the Keras network."""
    networks = (LiteNetwork(content), source.network())
    ours, theirs = (predictor_of(one, source.experiment, PARTITION.value, frames)() for one in networks)
    return max(float(np.abs(track.values - theirs[name].values).max()) for name, track in ours.items())


def rows(folder: str) -> list[list[Any]]:
    """Of one run: float32, then 8 bits."""
    source = Run(folder)
    small = Small.of(Served.of(source, postprocessed=False), FRAMES.value)
    frames = small.frames if small.kind == "sequence" else 0
    models = {"float32": convert(small, NONE), "8 bits": convert(small, DYNAMIC)}
    exact = models["float32"]
    lost = max(ccc["lost"] for ccc in ccc_lost(source, PARTITION.value, models, frames).values())
    off = difference(source, exact, frames)
    checks = {
        "float32": [f"{off:.1e}", "-", "yes" if off <= EQUAL else "NO"],
        "8 bits": ["-", f"{lost:.4f}", "yes" if lost <= LOST else "NO"],
    }
    found = []
    for name, content in models.items():
        times, share = milliseconds(content), len(content) / len(exact)
        latency = [f"{np.median(times):.3f}", f"{np.percentile(times, 99):.3f}"]
        within = "-" if name == "float32" else "yes" if share <= SHARE else "no"
        bytes_ = [f"{len(content):,}", f"{share:.2f}", within]
        found.append([Path(folder).name, small.kind, name, *bytes_, *latency, *checks[name]])
    return found


def main(_):
    header = ["run", "takes", "weights", "bytes", "share", f"<= {SHARE}", "median, ms", "p99, ms", "difference"]
    header += ["CCC lost", "within"]
    found = [row for folder in RUNS.value for row in rows(folder)]
    print(f"{PARTITION.value}, {CALLS.value} calls, one thread; load {os.getloadavg()[0]:.1f}\n")
    print(markdown(header, found))


if __name__ == "__main__":
    run(main)
