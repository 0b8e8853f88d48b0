"""How fast Eulerian magnification is, what it holds in memory, and what its filters let through.

    python benchmarks/magnification.py

Prints three tables. Pictures a second from uint8 pictures in memory to rounded uint8 pictures, decoding and encoding
left out, of noise at 224 x 224 and 640 x 360 and 30/s, medians over rounds in turns, and the ratio to real time. Peak
memory of processes that magnify 10 s and 60 s of pictures made as they go (goal for `streaming`: 60 s take at most 1.1
times as much as 10 s). Gain at α = 5 and 0.8 to 3 Hz by frequency, of 40 s at 30/s: 6 inside the band and 1 outside is
what both filters aim at. About two minutes.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from _turns import rate
from absl import flags

from emotf.command import run
from emotf.magnification import Magnifier, to_picture
from emotf.report.tables import markdown

ROUNDS = flags.DEFINE_integer("rounds", 4, "Turns of each candidate; the first, for warming up, is left out.", 2)
SECONDS = flags.DEFINE_integer("seconds", 10, "Length of the clips that are timed.", lower_bound=3)

RATE_HZ = 30
SIZES = {"224 x 224": (224, 224), "640 x 360": (360, 640)}
CANDIDATES = [(mode, filter) for mode in ("color", "motion") for filter in ("streaming", "ideal")]
FREQUENCIES_HZ = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.5, 2, 2.5, 2.7, 3, 3.3, 3.5, 4, 4.5, 5, 6, 10)


@dataclass(frozen=True)
class Noise:
    """So many pictures, as often as they are asked for; ten different ones in turns."""

    count: int
    shape: tuple[int, int]

    def __iter__(self) -> Iterator[np.ndarray]:
        ten = np.random.default_rng(0).integers(0, 256, (10, *self.shape, 3), np.uint8)
        return (ten[i % 10].copy() for i in range(self.count))


def main(_):
    print(markdown(["mode", "filter", "size", "pictures/s", "lowest", "highest", "x real time"], speeds()))
    print(f"\n{markdown(['mode', 'filter', 'size', 'MB, 10 s', 'MB, 60 s', 'ratio'], memory())}")
    print(f"\n{markdown(['Hz', 'ideal', 'streaming'], skirt())}")


def speeds() -> list[list[str]]:
    jobs: dict[tuple[str, str, str], Callable[[], None]] = {
        (mode, filter, size): partial(magnify, mode, filter, SECONDS.value, shape)
        for size, shape in SIZES.items()
        for mode, filter in CANDIDATES
    }
    found = [[rate(SECONDS.value * RATE_HZ, job) for job in jobs.values()] for _ in range(ROUNDS.value)][1:]
    return [
        [
            *name,
            *(f"{v:.0f}" for v in (np.median(part), *(np.min(part), np.max(part)))),
            f"{np.median(part) / RATE_HZ:.1f}",
        ]
        for name, part in zip(jobs, zip(*found, strict=True), strict=True)
    ]


def magnify(mode: str, filter: str, seconds: int, shape: tuple[int, int]) -> None:
    for picture in Magnifier(mode, filter=filter).magnify(Noise(seconds * RATE_HZ, shape), RATE_HZ):
        to_picture(picture)


def memory() -> list[list[str]]:
    rows = []
    for size, shape in SIZES.items():
        for mode, filter in CANDIDATES:
            if (mode, filter, size) == ("motion", "ideal", "640 x 360"):
                continue  # refused: 60 s would be 4.6 GiB
            short, long = (peak(mode, filter, seconds, shape) for seconds in (10, 60))
            rows.append([mode, filter, size, f"{short:.0f}", f"{long:.0f}", f"{long / short:.2f}"])
    return rows


def peak(mode: str, filter: str, seconds: int, shape: tuple[int, int]) -> float:
    """Megabytes of a process that does nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measured, mode, filter, seconds, shape).result()


def measured(mode: str, filter: str, seconds: int, shape: tuple[int, int]) -> float:
    magnify(mode, filter, seconds, shape)
    # ru_maxrss would start from what the parent process held
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1e3


def skirt() -> list[list[str]]:
    seconds = np.arange(40 * RATE_HZ) / RATE_HZ
    rows = []
    for frequency_hz in FREQUENCIES_HZ:
        pulse = np.sin(2 * np.pi * frequency_hz * seconds)
        pictures = [np.full((1, 1, 3), 128 + value, np.float32) for value in pulse]
        row = [f"{frequency_hz:g}"]
        for filter in ("ideal", "streaming"):
            magnified = Magnifier("color", cutoff_px=0, filter=filter).magnify(pictures, RATE_HZ)
            after = np.array([picture.mean(dtype=np.float64) - 128 for picture in magnified])
            wave = np.exp(-2j * np.pi * frequency_hz * seconds)
            row.append(f"{abs(after @ wave) / abs(pulse @ wave):.2f}")
        rows.append(row)
    return rows


if __name__ == "__main__":
    run(main)
