"""What comes as it comes, sound or faces, its live trace, and that in a terminal."""

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emotf.affect import PLANE, words
from emotf.errors import UserError
from emotf.media import sound_blocks
from emotf.media.face_mesh import followed
from emotf.progress import say
from emotf.serving.streaming import StreamingPredictor
from emotf.serving.watching import Film, Watched
from emotf.track import Track, join

# Seconds of sound that are pushed at a time.
BLOCK = 0.04

# Columns of a trace in the terminal, a second of it at the right.
COLUMNS = 60
BARS = " ▁▂▃▄▅▆▇█"


def file_at_speed(path: Path, rate_hz: float, speed: float = 1.0) -> Iterator[np.ndarray]:
    """The sound of a file in blocks of 40 ms, float32 [samples], each when a microphone would have given it.

    Args:
        path: a sound file, or a video with sound.
        rate_hz: wanted samples a second.
        speed: 2 is twice as fast; 0 as fast as can be.

    Raises:
        UserError: the file has no sound, or is damaged.
    """
    blocks = sound_blocks(path, rate_hz, BLOCK)

    def paced() -> Iterator[np.ndarray]:
        began, given = time.monotonic(), 0
        for block in blocks:
            given += len(block)
            if speed:
                time.sleep(max(0.0, began + given / rate_hz / speed - time.monotonic()))
            yield block

    return paced()


def microphone(rate_hz: float) -> Iterator[np.ndarray]:
    """What the default microphone hears, in blocks of 40 ms, float32 [samples], until interrupted.

    Raises:
        UserError: sounddevice is not installed, or there is no microphone that gives this rate.
    """
    try:
        import sounddevice
    except OSError as error:
        raise UserError(f"sounddevice does not find PortAudio ({error}); install it (Debian: libportaudio2).") from None
    except ImportError as error:
        raise UserError(
            f"A microphone needs the package sounddevice ({error}); install it, or name a --file."
        ) from None
    size = round(BLOCK * rate_hz)
    try:
        stream = sounddevice.InputStream(rate_hz, blocksize=size, channels=1, dtype="float32")
    except sounddevice.PortAudioError as error:
        raise UserError(f"No microphone gives {rate_hz:g} Hz ({error}); connect one, or name a --file.") from None

    def heard() -> Iterator[np.ndarray]:
        with stream:
            while True:
                try:
                    block, lost = stream.read(size)
                except sounddevice.PortAudioError as error:
                    say(f"the microphone is gone ({error})")
                    return
                if lost:
                    say("sound was lost before it could be read; times after this are early")
                yield np.asarray(block[:, 0])

    return heard()


class OfSound:
    """The live trace of sound.

    Args:
        predictor: takes sound.
        blocks: of samples.

    Attributes:
        took: seconds of each push.
    """

    def __init__(self, predictor: StreamingPredictor, blocks: Iterator[np.ndarray]) -> None:
        self.predictor, self.blocks = predictor, blocks
        self.took: list[float] = []

    def __iter__(self) -> Iterator[Track]:
        """The frames that became final, block by block."""
        for block in self.blocks:
            began = time.monotonic()
            trace = self.predictor.push(block)
            self.took.append(time.monotonic() - began)
            yield trace

    def rest(self) -> Track:
        """The frames that are missing at the end."""
        return self.predictor.finish()


class OfFilm:
    """The live trace of a filmed face.

    Args:
        predictor: takes streams.
        watched: makes them.
        film: pictures with their times.

    Attributes:
        took: seconds of each picture, its mesh included.
    """

    def __init__(self, predictor: StreamingPredictor, watched: Watched, film: Film) -> None:
        self.predictor, self.watched, self.film = predictor, watched, film
        self.took: list[float] = []

    def __iter__(self) -> Iterator[Track]:
        """The frames that became final, picture by picture."""
        for seconds, picture, face in followed(self._timed()):
            trace = self.predictor.push(**self.watched.push(seconds, picture, face))
            self.took.append(time.monotonic() - self.began)
            yield trace

    def rest(self) -> Track:
        """The frames that are missing at the end."""
        return join_parts([self.predictor.push(**self.watched.finish()), self.predictor.finish()])

    def _timed(self) -> Film:
        for seconds, picture in self.film:
            self.began = time.monotonic()
            yield seconds, picture


def join_parts(parts: Sequence[Track]) -> Track:
    """Parts of a trace in one; those without frames are left out, all but the first."""
    there = [part for part in parts if part.frames]
    return join(there) if there else parts[0]


class Terminal:
    """The last frames of a trace in a terminal, drawn anew as they come; a line a second where there is none.

    Args:
        targets: of the trace.
        hop: seconds.
        low, high: of the drawn range.
    """

    def __init__(self, targets: Sequence[str], hop: float, low: float = -1.0, high: float = 1.0) -> None:
        self.targets, self.hop = tuple(targets), hop
        self.low, self.high = low, high
        self.last = {target: deque[float](maxlen=round(12 / hop)) for target in targets}
        self.shown = -np.inf
        self.live: Any = None

    def __enter__(self) -> "Terminal":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self.live = Live(console=Console(stderr=True), auto_refresh=False, transient=False)
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def show(self, trace: Track, latency: float | None = None) -> None:
        """Draws new frames.

        Args:
            trace: the frames that became final.
            latency: seconds by which the last of them came after its time, where time matters.
        """
        for target, column in zip(self.targets, trace.values.T, strict=True):
            self.last[target].extend(column.tolist())
        if not trace.frames:
            return
        if self.live:
            self.live.update(self.drawn(trace.end, latency), refresh=True)
        elif trace.end - self.shown >= 1:
            self.shown = trace.end
            print(self.line(trace.end, latency), file=sys.stderr, flush=True)

    def line(self, at: float, latency: float | None) -> str:
        """The last frame in words and numbers."""
        values = {target: known[-1] for target, known in self.last.items()}
        late = "" if latency is None else f"  ({latency:.2f} s late)"
        said = "  ".join(f"{target} {value:+.2f}" for target, value in values.items())
        return f"{at:7.2f} s  {said}  {self._word(values)}" + late

    def drawn(self, at: float, latency: float | None) -> str:
        """A strip a target: the last twelve seconds."""
        wide = max(map(len, self.targets))
        strips = [f"{target:>{wide}} {known[-1]:+.2f} {strip(known, self.low, self.high)}"
                  for target, known in self.last.items()]  # fmt: skip
        return "\n".join([*strips, self.line(at, latency)])

    def _word(self, values: dict[str, float]) -> str:
        if not set(PLANE) <= set(values) or max(abs(values[name]) for name in PLANE) > 1:
            return ""
        return str(words(np.array([values["valence"]]), np.array([values["arousal"]]))[0][0])


def strip(values: Sequence[float], low: float, high: float) -> str:
    """Values as a line of blocks from `low` to `high`, the mean of as many as share a column.

    Example:
        >>> strip([-1.0, 0.0, 1.0], -1, 1)
        ' ▄█'
    """
    parts = np.array_split(np.asarray(values, float), min(COLUMNS, len(values)))
    shares = np.clip([(part.mean() - low) / (high - low) for part in parts], 0, 1)
    return "".join(BARS[int(share * (len(BARS) - 1))] for share in shares)


def summary(trace: Track, took: Sequence[float]) -> str:
    """How much there was, and how long pushes took.

    Args:
        trace: all of it.
        took: seconds of each push: of 40 ms of sound, or of a picture.
    """
    median, most = (1000 * float(np.percentile(took, share)) for share in (50, 99))
    said = f"{trace.frames} frames, {', '.join(trace.channels)}"
    return f"{said}; a push took {median:.1f} ms (median), {most:.1f} ms (99 %)"
