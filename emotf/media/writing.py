"""Writes a video picture by picture, with the sound of another file."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.files import written_aside
from emotf.media.containers import SoundTrack, has_sound, sound_track
from emotf.media.sound import regrouped, resampled

# Ticks of presentation times a second: 1001/30000 s and 0.04 s are whole numbers of them.
TICKS_HZ = 90000
SOUND_RATE_HZ = 48000
SOUND_FRAME = 1024  # samples that AAC encodes at a time
NOTHING = np.zeros(0, np.float32)
# H.264's constant quality: 18 is taken for lossless by eye.
QUALITY = "18"

Write = Callable[..., None]


@contextmanager
def video_writer(path: Path | str, rate_hz: float, sound_from: Path | str | None = None) -> Iterator[Write]:
    """Opens an mp4 (H.264, AAC) for writing; it appears whole when the block ends, or not at all.

    Args:
        path: of the new file, `.mp4`. One that is there is replaced when the block ends.
        rate_hz: pictures a second, where they come without times.
        sound_from: a file whose sound track is put beside the pictures, to its end: its time 0 (that of its first
            picture) at the first picture here. Mixed down to mono and re-encoded; left out where there is no sound.

    Yields:
        write(picture, time=None): picture uint8 rgb [height, width, 3], all of one size; time in seconds since the
        first picture, growing, for pictures that are not evenly spaced. H.264 stores even sizes only: an odd width or
        height is stored with its last pixel repeated.

    Raises:
        UserError: the suffix is another, nothing was written, a picture has another size than the first, or a time
            does not grow.

    Example:
        >>> with video_writer("half.mp4", rate_hz=25) as write:  # doctest: +SKIP
        ...     for _, picture in pictures("a.mp4"):
        ...         write(picture // 2)
    """
    path = check_mp4(path)
    if not rate_hz > 0:
        raise UserError(f"{path}: {rate_hz:g} pictures a second are no rate.")
    sound = sound_track(Path(sound_from)) if sound_from is not None and has_sound(Path(sound_from)) else None
    import av

    with written_aside(path) as aside, av.open(str(aside), "w") as container:
        film = _Film(path, container, rate_hz, sound)
        yield film.write
        film.finish()


def check_mp4(path: Path | str) -> Path:
    """The path of a video to write. Raises UserError where its suffix is another."""
    path = Path(path)
    if path.suffix != ".mp4":
        raise UserError(f"{path}: videos are written as .mp4; name the file so.")
    return path


class _Film:
    """The pictures and the sound of a container that is being written."""

    def __init__(self, path: Path, container: Any, rate_hz: float, sound: SoundTrack | None) -> None:
        self.path, self.container, self.rate_hz = path, container, rate_hz
        self.count, self.last, self.shape = 0, -1.0, (0, 0)
        self.stream = container.add_stream("libx264", rate=Fraction(rate_hz).limit_denominator(1001))
        self.stream.pix_fmt = "yuv420p"
        # macroblock-tree rate control decides differently from time to time: the same pictures would give other bytes
        self.stream.options = {"crf": QUALITY, "preset": "veryfast", "x264-params": "mbtree=0"}
        self.stream.codec_context.time_base = Fraction(1, TICKS_HZ)
        self.sound = None if sound is None else _Sound(container, sound)

    def write(self, picture: np.ndarray, time: float | None = None) -> None:
        import av

        time = self.count / self.rate_hz if time is None else float(time)
        height, width = picture.shape[:2]
        if not self.count:
            self.shape = (height, width)
            self.stream.height, self.stream.width = height + height % 2, width + width % 2
        if (height, width) != self.shape:
            raise UserError(f"{self.path}: a picture of {width} x {height} among those of {self.shape[::-1]}.")
        if round(time * TICKS_HZ) <= round(self.last * TICKS_HZ):
            raise UserError(
                f"{self.path}: picture {self.count + 1} at {time:.3f} s does not come after the one before."
            )
        even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even, np.uint8), format="rgb24")
        frame.pts, frame.time_base = round(time * TICKS_HZ), Fraction(1, TICKS_HZ)
        self.container.mux(self.stream.encode(frame))
        self.count, self.last = self.count + 1, time
        if self.sound is not None:
            self.sound.write_until(time)

    def finish(self) -> None:
        if not self.count:
            raise UserError(f"{self.path}: there was no picture to write.")
        self.container.mux(self.stream.encode())
        if self.sound is not None:
            self.sound.write_until(math.inf)
            self.container.mux(self.sound.stream.encode())


class _Sound:
    """A sound track that is written along with the pictures: a muxer that waits for it would keep them in memory."""

    def __init__(self, container: Any, sound: SoundTrack) -> None:
        self.container, self.written = container, 0
        self.stream = container.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")
        self.stream.bit_rate = 128000
        self.samples = regrouped(resampled(sound.pieces(), sound.rate_hz, SOUND_RATE_HZ), SOUND_FRAME)

    def write_until(self, time: float) -> None:
        """Mono sound up to a time, in whole frames of the encoder, as long as there is some."""
        import av

        while self.written < time * SOUND_RATE_HZ and len(piece := next(self.samples, NOTHING)):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece[None]), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE_HZ, self.written, Fraction(1, SOUND_RATE_HZ)
            self.container.mux(self.stream.encode(frame))
            self.written += len(piece)
