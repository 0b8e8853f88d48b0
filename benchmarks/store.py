"""What whole-recording records save against storing every window, and how fast they are written and read.

    python benchmarks/store.py

Writes 10 recordings of 5 minutes of seeded noise (63 channels and three targets at 60/s) as records into a temporary
folder, and the first of them again as every feature image of N = 20 and N = 60: one example a window, with raw bytes
and its gold, in one TFRecord file. Prints bytes, those of the windows scaled to all recordings (which have the same
length), their ratio (goal: 0.9 N), and megabytes a second of writing and reading, medians over rounds in turns. Needs
600 MB of disk; about a minute.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _workload
import numpy as np
from _turns import rate
from absl import flags

from emotf.command import run
from emotf.pipeline import prediction_batches, training_batches
from emotf.records import GOLD, Store
from emotf.report.tables import markdown
from emotf.track import Track

RECORDINGS = flags.DEFINE_integer("recordings", 10, "How many recordings.", lower_bound=1)
SECONDS = flags.DEFINE_float("seconds", 300.0, "Length of a recording.", lower_bound=10.0)
FRAMES = flags.DEFINE_multi_integer("frames", [20, 60], "N, the frames of a feature image; may be repeated.")
ROUNDS = flags.DEFINE_integer("rounds", 5, "Turns of writing and reading; the first, for warming up, is left out.", 2)
FOLDER = flags.DEFINE_string("folder", None, "Where the temporary folder is made; it must be on the disk to measure.")


def main(_):
    with tempfile.TemporaryDirectory(dir=FOLDER.value) as folder:
        tracks = _workload.noise(RECORDINGS.value, SECONDS.value)
        store = _workload.write(Path(folder) / "records", tracks)
        ours = sum(path.stat().st_size for path in _workload.record_files(store))
        rows = [["records", "", f"{ours / 1e6:.1f}", "", ""]]
        for frames in FRAMES.value:
            one = write_windows(Path(folder) / f"windows{frames}.tfrecord", store, tracks[GOLD], frames)
            windows = one * RECORDINGS.value
            ratio, goal = f"{windows / ours:.2f}", f"{0.9 * frames:.1f}"
            rows.append(["every window (one recording, scaled)", frames, f"{windows / 1e6:.1f}", ratio, goal])
        print(markdown(["stored as", "N", "MB", "ratio", "goal"], rows))
        header = ["MB/s", "median", "lowest", "highest"]
        print(f"\n{markdown(header, speeds(Path(folder), store, tracks, ours / 1e6))}")


def write_windows(path: Path, store: Store, golds: dict[str, Track], frames: int) -> int:
    """Bytes of all feature images of the first recording, an example each."""
    import tensorflow as tf

    recording, gold = next(iter(golds.items()))
    images = prediction_batches(store, list(_workload.STREAMS), {recording: gold}, _workload.images(frames))
    rows = iter(gold.values)

    def feature(values: np.ndarray) -> Any:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[values.astype("<f4").tobytes()]))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for batch in images.as_numpy_iterator():
            for i in range(len(batch[next(iter(batch))])):
                content = {name: feature(part[i]) for name, part in batch.items()} | {GOLD: feature(next(rows))}
                writer.write(tf.train.Example(features=tf.train.Features(feature=content)).SerializeToString())
    return path.stat().st_size


def speeds(folder: Path, store: Store, tracks: dict[str, dict[str, Track]], megabytes: float) -> list[list[str]]:
    """Rows of the table of speeds."""
    everything = training_batches(
        store, list(_workload.STREAMS), tracks[GOLD], _workload.images(FRAMES.value[0]), 256, 0, pool=RECORDINGS.value
    )
    # the pipeline has the gold standard in memory
    streamed = megabytes * sum(_workload.STREAMS.values()) / (sum(_workload.STREAMS.values()) + len(_workload.TARGETS))

    def write() -> None:
        _workload.write(folder / "again", tracks)

    def read() -> None:
        for name, part in tracks.items():
            for recording in part:
                store.stream(name).read(recording)

    def pool() -> None:
        next(iter(everything.dataset))

    def cold(megabytes: float, work: Callable[[], None]) -> float:
        _workload.make_cold(store)
        return rate(megabytes, work)

    jobs = {
        "written (Stream.write: flushed to disk, SHA-256)": lambda: rate(megabytes, write),
        "read by Stream.read, cold page cache": lambda: cold(megabytes, read),
        "read by Stream.read, warm": lambda: rate(megabytes, read),
        "read into a pool of training_batches (until its first batch), cold": lambda: cold(streamed, pool),
        "read into a pool of training_batches (until its first batch), warm": lambda: rate(streamed, pool),
    }
    found = [[job() for job in jobs.values()] for _ in range(ROUNDS.value)][1:]
    return [
        [name, *(f"{v:.0f}" for v in (np.median(part), np.min(part), np.max(part)))]
        for name, part in zip(jobs, zip(*found, strict=True), strict=True)
    ]


if __name__ == "__main__":
    run(main)
