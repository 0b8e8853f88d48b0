"""Whether memory stays flat as a corpus grows: training and evaluation on 10, 100 and 1,000 recordings of five minutes.

    python benchmarks/scale.py
    python benchmarks/scale.py --figure=docs/scale.png

Records are written directly, without media: a stream of 39 smooth random channels and a gold standard of three
targets, both at 25 frames a second, in a temporary folder that is removed (1.3 GB for the largest corpus). Of the
recordings 80 % are train, 10 % development, 10 % test. On each corpus a fresh process trains a multi-task network by
`emotf.training.train`, whole epochs: standardisation over train, every window of train once an epoch, development
scored behind it; and another one evaluates test by `emotf.evaluation.evaluate`. Each says itself how large it ever was
(`VmHWM`, the peak of its resident memory, which begins at nothing in each; Linux only). Beside the default stands a
small pool, `training.pool=8`.

The network is an LSTM of 16 units on sequences of 128 frames, so that even the largest corpus is read in seconds: how
memory grows is a matter of what feeds the network. `--model=cer` trains CER on feature images of 20 frames: 128 times
as many windows, minutes an epoch. Throughput is that of the median epoch, development scores included.

The goal: from 100 to 1,000 recordings neither process grows by more than 10 %. About 8 minutes on 2 cores; what came
of it is in docs/scale.md.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from absl import flags

from emotf.command import integers, run
from emotf.progress import say
from emotf.report.tables import markdown

RECORDINGS = flags.DEFINE_list("recordings", ["10", "100", "1000"], "Sizes of the corpora.")
POOLS = flags.DEFINE_list("pools", ["0", "8"], "Recordings that are read together (training.pool); 0: the default.")
MODEL = flags.DEFINE_enum("model", "lstm", ["lstm", "cer"], "Which network.")
EPOCHS = flags.DEFINE_integer("epochs", 3, "Epochs of training.", lower_bound=1)
SECONDS = flags.DEFINE_float("seconds", 300.0, "Length of a recording.", lower_bound=10.0)
FOLDER = flags.DEFINE_string("folder", None, "Where the temporary folder is made.")
FIGURE = flags.DEFINE_string("figure", None, "Picture of the table.")

RATE_HZ, CHANNELS, STREAM = 25.0, 39, "features"
TARGETS = ("arousal", "valence", "dominance")
GOAL = 0.1


def main(_):
    sizes, pools = integers(RECORDINGS.value, "recordings"), integers(POOLS.value, "pools")
    rows = []
    for recordings in sizes:
        with tempfile.TemporaryDirectory(dir=FOLDER.value) as folder:
            in_a_process(write, Path(folder), recordings, SECONDS.value)
            for pool in pools:
                work = Path(folder), MODEL.value, pool, EPOCHS.value
                rows.append({"recordings": recordings, **in_a_process(train, *work), **in_a_process(evaluate, *work)})
                say(", ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()))
    found = pd.DataFrame(rows).sort_values(["asked", "recordings"])
    print(f"{table(found)}\n\n{growth(found)}")
    if FIGURE.value:
        draw(found).savefig(FIGURE.value, dpi=120)


def in_a_process(work: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """What the work found, in a process that did nothing before."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_send, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        found: dict[str, float] = ours.recv()
    except EOFError:
        raise SystemExit(f"{work.__name__} failed; see above") from None
    finally:
        process.join()
    return found


def _send(pipe: Any, work: Callable[..., dict[str, float]], arguments: tuple[Any, ...]) -> None:
    pipe.send(work(*arguments))


def write(folder: Path, recordings: int, seconds: float) -> dict[str, float]:
    """Writes the records of a corpus, one recording after the other."""
    from emotf.recording import Recording
    from emotf.records import GOLD, Entry, Schema, Store
    from emotf.track import Track

    rng, frames, hop = np.random.default_rng(0), round(seconds * RATE_HZ), 1 / RATE_HZ
    partitions = np.resize(["train"] * 8 + ["dev", "test"], recordings)
    people = [Recording(f"r{k:04d}", f"p{k:04d}", {}, partition=str(part)) for k, part in enumerate(partitions)]
    store = Store(folder / "records" / "folder")
    store.describe({"part": "folder", "dir": "."}, "smooth noise", people)
    channels = {STREAM: tuple(f"c{i}" for i in range(CHANNELS)), GOLD: TARGETS}
    streams = {name: store.stream(name) for name in channels}
    entries: dict[str, dict[str, Entry]] = {name: {} for name in channels}
    for name, stream in streams.items():
        made_by = {"part": "precomputed", "stream": STREAM}
        stream.start(Schema(channels[name], hop, 0.0, GOLD if name == GOLD else "extracted", made_by))
    for person in people:
        sums = np.cumsum(rng.normal(size=(frames + 50, CHANNELS)), axis=0)
        smooth = (sums[50:] - sums[:-50]) / np.sqrt(50)  # two seconds
        values = {STREAM: smooth, GOLD: np.tanh(smooth[:, :9].reshape(-1, 3, 3).mean(axis=2))}
        for name, stream in streams.items():
            entries[name][person.id] = stream.write(person.id, Track(values[name], hop, channels=channels[name]))
    for name, stream in streams.items():
        stream.complete(entries[name])
    return {}


def experiment(folder: Path, model: str, pool: int, epochs: int) -> Any:
    """Multi-task learning on a corpus of `write`."""
    from emotf.config import Data, Experiment, Training
    from emotf.corpora.folder import Folder
    from emotf.features.precomputed import Precomputed
    from emotf.losses.ccc import Ccc
    from emotf.models.cer import Cer
    from emotf.models.lstm import Lstm
    from emotf.windows.feature_images import FeatureImages
    from emotf.windows.sequences import Sequences

    settings = Training(epochs=epochs, pool=pool, batch=256 if model == "cer" else 64)
    network, window = (Cer(), FeatureImages(20, 0.16)) if model == "cer" else (Lstm((16,)), Sequences(128))
    data = Data(records=str(folder / "records"))
    return Experiment(Folder(), {STREAM: Precomputed(STREAM)}, network, Ccc(), data, window, training=settings)


def train(folder: Path, model: str, pool: int, epochs: int) -> dict[str, float]:
    """Trains a run; its pool, peak and windows a second."""
    from emotf import training
    from emotf.runs import Run

    finished, ends = Run(folder / f"run{pool}"), list[float]()
    training.train(experiment(folder, model, pool, epochs), finished, lambda *_: ends.append(time.perf_counter()))
    about, later = finished.about, np.diff(ends)
    seconds = np.median([about["training_seconds"] - later.sum(), *later])
    found = {"asked": pool, "pool": about["pool_recordings"], "training": peak()}
    return found | {"windows": about["examples"] / float(seconds)}


def evaluate(folder: Path, model: str, pool: int, epochs: int) -> dict[str, float]:
    """Evaluates the run; peak, and frames a second."""
    del model, epochs
    from emotf import evaluation
    from emotf.runs import Run

    began = time.perf_counter()
    scores = evaluation.evaluate(Run(folder / f"run{pool}"), "test")
    return {"evaluation": peak(), "frames": int(scores["frames"].iloc[0]) / (time.perf_counter() - began)}


def peak() -> float:
    """The most memory that this process ever had, in MB. Unlike `ru_maxrss`, it knows nothing of the parent."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def table(found: pd.DataFrame) -> str:
    """A row a corpus and pool."""
    header = ["recordings", "training.pool", "recordings a pool", "training: peak (MB)", "thousand windows a second",
              "evaluation: peak (MB)", "thousand frames a second"]  # fmt: skip
    return markdown(header, [
        [f"{row.recordings:,}", row.asked or "default", row.pool, f"{row.training:.0f}", f"{row.windows / 1e3:.1f}",
         f"{row.evaluation:.0f}", f"{row.frames / 1e3:.1f}"]
        for row in found.itertuples()
    ])  # fmt: skip


def growth(found: pd.DataFrame) -> str:
    """By how much the two largest corpora differ."""
    lines = []
    for asked, part in found.groupby("asked"):
        if len(part) < 2:
            continue
        few, many = part.iloc[-2], part.iloc[-1]
        more = {name: many[name] / few[name] - 1 for name in ("training", "evaluation")}
        met = "met" if max(more.values()) <= GOAL else "MISSED"
        said = ", ".join(f"{name} {value:+.1%}" for name, value in more.items())
        lines.append(f"From {few['recordings']:,.0f} to {many['recordings']:,.0f} recordings, training.pool="
                     f"{asked or 'default'}: {said}; goal {GOAL:.0%}: {met}.")  # fmt: skip
    return "\n\n".join(lines)


def draw(found: pd.DataFrame) -> Any:
    """Memory and throughput over the size of the corpus."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    memory, speed = figure.subplots(1, 2)
    for asked, part in found.groupby("asked"):
        pool = f"pool: {asked or 'default'}"
        for name, mark in (("training", "o-"), ("evaluation", "s--")):
            memory.plot(part["recordings"], part[name], mark, label=f"{name}, {pool}")
        speed.plot(part["recordings"], part["windows"] / 1e3, "o-", label=f"training, {pool}")
    for axes, label in ((memory, "peak resident memory (MB)"), (speed, "thousand windows a second")):
        axes.set(xscale="log", xlabel="recordings of five minutes", ylabel=label)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


if __name__ == "__main__":
    run(main)
