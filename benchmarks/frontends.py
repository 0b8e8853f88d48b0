"""Front ends in the graph against extraction from files: how far apart, how fast, in how much memory.

    python benchmarks/frontends.py --media=../shared/data/emodb/flac --media=../shared/data/grid_av

Differences: of every channel of every recording, the greatest |graph - extracted|, as a share of the channel's standard
deviation in that recording (bound: 1e-3). Where a channel hardly changes (silence, a band at the floor), so that the
last digit of float32 is more than the bound, the greatest difference is given as it is. Both hear the sound as the
feature resamples it. Recordings that the feature refuses are counted, the graph must refuse them too; so are videos
without sound.

Speed: seconds of sound a second, without decoding, of all recordings together and of `--hour` seconds of noise in one
call, with the memory that the call took beside its input (Linux). Takes three minutes for 560 recordings.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from absl import flags

from emotf.command import run
from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.features.mel128 import Mel128
from emotf.features.mfcc39 import Mfcc39
from emotf.media import media_files, read_sound
from emotf.progress import progress
from emotf.recording import Recording
from emotf.report.tables import markdown

MEDIA = flags.DEFINE_multi_string("media", ["../shared/data/grid_av"], "Sound or videos: paths, patterns or folders.")
HOUR = flags.DEFINE_integer("hour", 3600, "Seconds of noise in one call; 0: none.", lower_bound=0)

CASES = {
    "mfcc39, 60/s": Mfcc39(),
    "mfcc39, 25/s": Mfcc39(frame_rate_hz=25),
    "mel128": Mel128(),
    "mel128, 25/s": Mel128(rate_hz=25),
    "mel128, dB": Mel128(power=2, htk=False, decibel=True),
}
BOUND = 1e-3  # of a standard deviation
UNCHANGED = (
    np.finfo(np.float32).eps / BOUND
)  # of the greatest value: below, the last digit of a value is above the bound


class Case:
    """A feature and its layer, and what was found of them on one corpus."""

    def __init__(self, name: str, feature: Feature) -> None:
        import tensorflow as tf

        from emotf import frontends

        self.name, self.feature, self.layer = name, feature, frontends.of(feature)
        self.call = tf.function(self.layer.call, input_signature=[tf.TensorSpec([1, None])])
        self.call(np.zeros((1, round(self.layer.sound_rate_hz)), np.float32))
        self.clear()

    def clear(self) -> None:
        self.recordings = self.refused = self.frames = 0
        self.share, self.worst, self.unchanged, self.most = 0.0, "-", 0, 0.0

    def compare(self, path: Path, sound: np.ndarray) -> None:
        try:
            with heard(sound):
                expected = self.feature.compute(Recording(path.stem, "s", {"audio": path}))
        except UserError:
            self.refused += 1
            return self._must_refuse(sound)
        difference = np.abs(self.call(sound[None])[0].numpy() - expected.values).max(axis=0)
        values = expected.values.astype(np.float64)
        spread = values.std(axis=0)
        # derivatives are as exact as what they are of
        static = [
            expected.channels.index(channel.removesuffix("_dd").removesuffix("_d")) for channel in expected.channels
        ]
        changes = spread > UNCHANGED * np.abs(values).max(axis=0)[static]
        self.recordings, self.frames = self.recordings + 1, self.frames + expected.frames
        self.unchanged += int((~changes).sum())
        self.most = max(self.most, difference[~changes].max(initial=0.0))
        shares = np.where(changes, difference / np.where(changes, spread, 1.0), 0.0)
        if shares.max() > self.share:
            self.share, self.worst = shares.max(), f"{expected.channels[shares.argmax()]} of {path.name}"

    def _must_refuse(self, sound: np.ndarray) -> None:
        import tensorflow as tf

        try:
            self.call(sound[None])
        except tf.errors.InvalidArgumentError:
            return
        raise RuntimeError(f"{self.name}: the graph takes what the feature refuses.")

    def row(self, corpus: str) -> list[Any]:
        verdict = "yes" if self.share <= BOUND else "NO"
        return [
            corpus, self.name, self.recordings, self.refused, self.frames, f"{self.share:.1e}", verdict, self.worst,
            self.unchanged, f"{self.most:.1e}",
        ]  # fmt: skip

    def in_the_graph(self, sound: np.ndarray) -> None:
        self.call(sound[None])

    def extracted(self, sound: np.ndarray) -> None:
        with heard(sound):
            self.feature.compute(Recording("r", "s", {"audio": Path(__file__)}))  # any file that is there

    def speed(self, run: Callable[[np.ndarray], Any], sounds: list[np.ndarray]) -> float:
        """Seconds of sound a second."""
        began = time.perf_counter()
        for sound in sounds:
            run(sound)
        return sum(map(len, sounds)) / self.layer.sound_rate_hz / (time.perf_counter() - began)


def main(_):
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # it takes the five layers for one that is traced again and again
    cases = [Case(name, feature) for name, feature in CASES.items()]
    rows, sounds, silent = [], {case.layer.sound_rate_hz: [] for case in cases}, []
    for folder in MEDIA.value:
        for case in cases:
            case.clear()
        for path in progress(media_files([folder]), folder):
            try:
                decoded = {rate_hz: read_sound(path, rate_hz) for rate_hz in sounds}
            except UserError as error:
                silent.append(str(error))
                continue
            for case in cases:
                case.compare(path, decoded[case.layer.sound_rate_hz])
            for rate_hz, sound in decoded.items():
                sounds[rate_hz].append(sound)
        rows += [case.row("/".join(Path(folder).parts[-2:])) for case in cases]
    header = ["corpus", "stream", "recordings", "refused", "frames", "greatest difference / sd", f"within {BOUND:g}"]
    print(markdown([*header, "where", "channels that hardly change", "greatest difference there"], rows))
    for line in silent:
        print(f"Left out: {line}")
    print(f"\n{speeds(cases, sounds)}")


def speeds(cases: list[Case], sounds: dict[float, list[np.ndarray]]) -> str:
    """Of the recordings, and of noise in one call."""
    rows = []
    for case in progress(cases, "speed"):
        usable = [sound for sound in sounds[case.layer.sound_rate_hz] if len(sound) >= case.layer.shortest]
        row = [case.name, *(f"{case.speed(run, usable):.0f}" for run in (case.extracted, case.in_the_graph))]
        if HOUR.value:
            samples = round(HOUR.value * case.layer.sound_rate_hz)
            noise = np.random.default_rng(0).standard_normal(samples, dtype=np.float32)
            row.append(f"{case.speed(case.extracted, [noise]):.0f}")
            before = memory("VmRSS", forget=True)
            row.append(f"{case.speed(case.in_the_graph, [noise]):.0f}")
            row += [f"{noise.nbytes / 2**20:.0f}", f"{memory('VmHWM') - before:.0f}"]
        rows.append(row)
    header = ["stream", "x real time: extracted", "in the graph"]
    long = [f"{HOUR.value} s: extracted", "in the graph", "MB of its sound", "MB more at most"] if HOUR.value else []
    return markdown([*header, *long], rows)


@contextmanager
def heard(sound: np.ndarray) -> Iterator[None]:
    """Features read this sound, whatever the file."""

    def blocks(path: Path, rate_hz: float) -> Iterator[np.ndarray]:
        size = round(30 * rate_hz)
        return (sound[first : first + size] for first in range(0, len(sound), size))

    with (
        mock.patch("emotf.features.mfcc39.read_sound", return_value=sound),
        mock.patch("emotf.features.mel128.sound_blocks", blocks),
    ):
        yield


def memory(what: str, forget: bool = False) -> float:
    """MB of this process, now (VmRSS) or at most (VmHWM) since it was last forgotten."""
    if forget:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    run(main)
