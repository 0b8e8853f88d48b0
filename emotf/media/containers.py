"""Containers (mp4, mpg, avi, mov, mkv, webm, m4a, ...) through PyAV: whole, frame by frame, by presentation time."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.media.headers import check_file, check_promise

# Sound that is missing for longer than this many seconds inside a file is replaced by silence, so that what follows
# stands at its time; shorter misfits are the rounding of presentation times.
LONGEST_MISFIT = 0.1
# Formats of FFmpeg that name other files, hosts or devices, or are scripts.
REFERRING = frozenset({
    "alsa", "applehttp", "avisynth", "concat", "concatf", "dash", "fbdev", "hls", "image2", "image2pipe", "imf",
    "iec61883", "jack", "kmsgrab", "lavfi", "libdc1394", "oss", "pulse", "rtp", "rtp_mpegts", "rtsp", "sap", "sdp",
    "sndio", "v4l2", "vapoursynth", "video4linux2,v4l2", "x11grab", "xcbgrab",
})  # fmt: skip
# No sound is sampled faster; a damaged header may say anything.
FASTEST_HZ = 1_000_000
# Seconds of silence that may stand for missing sound in a file; a damaged time may ask for centuries.
LONGEST_SILENCE = 3600.0
# Frames of sound that are averaged and passed on together: half a second or so.
ROW = 32


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A PyAV container; whatever FFmpeg cannot read becomes a UserError."""
    import av

    check_file(path)
    check_promise(path)
    # of a playlist FFmpeg would open what it names: another file, or a host
    formats = ",".join(sorted(av.formats_available - REFERRING))
    options = {"protocol_whitelist": "file", "format_whitelist": formats}
    try:
        with av.open(str(path), container_options=options, metadata_errors="replace") as container:
            if not container.streams:
                raise UserError(f"{path} is damaged: it declares neither sound nor pictures; copy it again.")
            yield container
    except av.error.FFmpegError as error:
        raise UserError(
            f"{path} is damaged or no sound or video file ({error.strerror}); copy it again, or convert it to WAV or "
            "mp4."
        ) from None


def video_stream(container: Any) -> Any | None:
    """The first stream of moving pictures; the cover picture of a song is none."""
    from av.stream import Disposition

    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    return streams[0] if streams else None


def timed_pictures(path: Path, container: Any, stream: Any) -> Iterator[tuple[float, Any]]:
    """Frames in the order of presentation, with their seconds on the container's clock.

    AVI stores one time a packet, that of decoding, and the presentation times that FFmpeg guesses from it run
    backwards where a codec reorders. The decoder's order is right, so picture k takes the time of packet k.
    """
    if container.format.name != "avi":
        for frame in container.decode(stream):
            if frame.time is None:
                raise UserError(f"{path} has pictures without presentation times; convert it to mp4.")
            yield frame.time, frame
        return
    times: deque[float] = deque()
    for packet in container.demux(stream):
        if packet.size and packet.dts is not None:
            times.append(float(packet.dts * packet.time_base))
        for frame in packet.decode():
            if not times:
                raise UserError(f"{path} has more pictures than packets, so times are unknown; convert it to mp4.")
            yield times.popleft(), frame


def first_picture(path: Path) -> float | None:
    """Seconds on the container's clock, the presentation time of the first picture; None without pictures."""
    with opened(path) as container:
        stream = video_stream(container)
        if stream is None:
            return None
        return next((time for time, _ in timed_pictures(path, container, stream)), None)


def has_sound(path: Path) -> bool:
    """Whether a file holds a sound track with anything in it. Raises UserError where it cannot be opened."""
    with opened(path) as container:
        return bool(container.streams.audio) and next(container.decode(audio=0), None) is not None


@dataclass(frozen=True)
class SoundTrack:
    """The sound track of a container.

    Attributes:
        path: the file.
        rate_hz: of the decoded samples (HE-AAC decodes to twice the rate that the container names).
        channels: averaged by `pieces`.
        origin: seconds on the container's clock, the time of sample 0: that of the first picture, if there is one.
    """

    path: Path
    rate_hz: int
    channels: int
    origin: float

    def pieces(self) -> Iterator[np.ndarray]:
        """Mono float32 pieces in a row from the origin on.

        Sound before the origin is cut; silence stands where sound begins after it or is missing for over 0.1 s.

        Raises:
            UserError: the file is damaged, or its sampling rate changes on the way.
        """
        with opened(self.path) as container:
            silence = 0.0  # seconds
            position: int | None = None  # of the next sample, counted from the origin
            row: list[np.ndarray] = []  # frames without a gap between them: a few milliseconds each are costly alone
            for frame in container.decode(audio=0):
                if frame.sample_rate != self.rate_hz:
                    raise UserError(
                        f"{self.path} changes from {self.rate_hz} to {frame.sample_rate} Hz on the way; convert it to "
                        "WAV."
                    )
                samples = _planar(frame)
                place = (position or 0) if frame.time is None else round((frame.time - self.origin) * self.rate_hz)
                gap = position is None or place - position > LONGEST_MISFIT * self.rate_hz
                if row and (gap or len(row) == ROW or len(row[0]) != len(samples)):
                    yield _mono(row)
                    row = []
                if gap:
                    silence += max(place - (position or 0), 0) / self.rate_hz
                    if silence > LONGEST_SILENCE:
                        raise UserError(f"{self.path} lacks {silence:.6g} s of its sound: its times are damaged; "
                                        "convert it to WAV.")  # fmt: skip
                    yield from _silence(place - (position or 0), self.rate_hz)
                    position = place
                early = min(max(-(position or 0), 0), samples.shape[1])
                position = (position or 0) + samples.shape[1]
                row.append(samples[:, early:])
            if row:
                yield _mono(row)


def sound_track(path: Path) -> SoundTrack:
    """Finds the first sound track and what its first frame says.

    Raises:
        UserError: the file has no sound track or cannot be decoded.
    """
    origin = first_picture(path)
    with opened(path) as container:
        if not container.streams.audio:
            raise UserError(f"{path} has no sound track; name a file with sound, or leave the audio streams out.")
        for frame in container.decode(audio=0):
            if not 0 < frame.sample_rate <= FASTEST_HZ:
                raise UserError(
                    f"{path} declares {frame.sample_rate} samples a second, which no sound has; copy it again."
                )
            start = (frame.time or 0.0) if origin is None else origin
            return SoundTrack(path, frame.sample_rate, frame.layout.nb_channels, start)
    raise UserError(f"{path} has a sound track of 0 samples; name a file with sound.")


def _planar(frame: Any) -> np.ndarray:
    """Samples [channels, samples] as they are coded."""
    samples = frame.to_ndarray()
    return np.asarray(samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T)


def _mono(row: Sequence[np.ndarray]) -> np.ndarray:
    """float32 [samples] in [-1, 1], scaled as soundfile scales, channels averaged."""
    return np.asarray(scaled(np.concatenate(row, axis=1)).mean(axis=0), np.float32)


def scaled(samples: np.ndarray) -> np.ndarray:
    """Integer samples of any width as float32 in [-1, 1); floats as they are."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if np.issubdtype(samples.dtype, np.integer):
        return samples.astype(np.float32) / np.float32(-float(np.iinfo(samples.dtype).min))
    return samples.astype(np.float32)


def _silence(samples: int, piece: int) -> Iterator[np.ndarray]:
    """Zeros in pieces, so that a long gap costs no memory; nothing where `samples` is not positive."""
    for start in range(0, samples, piece):
        yield np.zeros(min(piece, samples - start), np.float32)
