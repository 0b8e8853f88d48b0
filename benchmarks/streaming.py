"""How long live traces take, and how much memory.

    python benchmarks/streaming.py [--minutes=60]

CER-MTL (N = 20) and an LSTM (160, 120) with random weights, on mfcc39 at 25/s from sound, on one core: noise is pushed
in blocks of 40 ms. Prints the time of a push (median, 99 %, longest), and the process's memory after the first minute
of sound and after all of it. About five minutes.
"""

import os
import time

import numpy as np
from absl import flags

from emotf.command import run
from emotf.report.tables import markdown

MINUTES = flags.DEFINE_integer("minutes", 60, "Minutes of sound.", lower_bound=2)
HOP = 0.04


def main(_):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before TensorFlow counts the cores
    rows = [[name, *pushed(name)] for name in ("cer", "lstm")]
    header = ["network", "delay s", "median ms", "99 % ms", "longest ms", "MB after a minute", f"after {MINUTES.value}",
              "ratio"]  # fmt: skip
    print(markdown(header, rows))


def pushed(name):
    from emotf.features.mfcc39 import Mfcc39
    from emotf.models.cer import Cer
    from emotf.models.lstm import Lstm
    from emotf.serving.chain import Chain
    from emotf.serving.heard import Heard, HeardLive
    from emotf.serving.served import Served
    from emotf.serving.streaming import StreamingPredictor
    from emotf.windows.feature_images import FeatureImages
    from emotf.windows.sequences import Sequences

    part, window = {"cer": (Cer(), FeatureImages(20, 0.16)), "lstm": (Lstm((160, 120)), Sequences(0))}[name]
    targets, feature = ("arousal", "valence", "dominance"), Mfcc39(frame_rate_hz=25)
    network = part.build({"mfcc39": 39}, targets, window.inputs)
    served = Served(network, window, {"mfcc39": HOP}, (), {"mfcc39": 39}, HOP, targets, Chain({}, HOP), False,
                    part.carries)  # fmt: skip
    predictor = StreamingPredictor(HeardLive(Heard(served, {"mfcc39": feature})))
    size = round(HOP * predictor.rate_hz)
    sound = 0.1 * np.random.default_rng(0).normal(size=100 * size).astype(np.float32)
    took, memory = [], []
    for place in range(round(MINUTES.value * 60 / HOP)):
        block = sound[place % 100 * size :][:size]
        began = time.perf_counter()
        predictor.push(block)
        took.append(time.perf_counter() - began)
        if place + 1 in (round(60 / HOP), round(MINUTES.value * 60 / HOP)):
            memory.append(resident_mb())
    took = 1000 * np.array(took[25:])
    return [f"{predictor.delay:.3f}", *(f"{value:.2f}" for value in (*np.percentile(took, [50, 99]), took.max())),
            *(f"{value:.0f}" for value in memory), f"{memory[1] / memory[0]:.3f}"]  # fmt: skip


def resident_mb():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    run(main)
