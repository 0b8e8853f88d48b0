"""Sound files and sound tracks, decoded block by block and resampled.

Which decoder, and why
    - tensorflow-io's `AudioIOTensor`, in slices: WAV of 16-bit or 32-bit float samples, Ogg Vorbis, MP3. There it
      equals soundfile (integers and floats bit by bit, Vorbis and MP3 to 1e-6).
    - soundfile: every other file that libsndfile knows. tensorflow-io waits without end for what a damaged FLAC file
      lacks, and ends the process over a WAV header that contradicts itself. It reads 32-bit integer WAV as garbage
      without an error and 8-bit FLAC wrongly, takes 24-bit WAV only with an even number of bytes, and refuses 8-bit
      and 64-bit WAV, mu-law, A-law, Opus and WAV headers of undeclared ("endless") length.
    - PyAV: everything else, above all the sound tracks of videos (mp4, mpg, avi, mov, mkv, webm) and m4a; also MP3
      without a Xing header and WAV of declared length 0, whose length libsndfile only guesses.

    Where tensorflow-io is not installed (its native operations load on one TensorFlow only), soundfile decodes its
    formats too. The choice follows the content of the file, never its suffix. Resampling is soxr's "HQ", the default of
    librosa; tensorflow-io's is late by 32 samples and loses as many at the end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.media.containers import FASTEST_HZ, SoundTrack, scaled, sound_track
from emotf.media.headers import check_file, check_promise, counts_mp3_frames

# what tensorflow-io decodes right: (format, subtype) as soundfile names them
TENSORFLOW_IO = {
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAVEX", "PCM_16"),
    ("WAVEX", "FLOAT"),
    ("OGG", "VORBIS"),
    ("MP3", "MPEG_LAYER_III"),
}
DECODE_S = 30.0  # seconds decoded at a time,
MOST_VALUES = 2**24  # of all channels together at most this many


@dataclass(frozen=True)
class SoundInfo:
    """What a file says of its sound.

    Attributes:
        rate_hz: samples a second, before any resampling.
        frames: samples of one channel. From the header of sound files, counted by decoding in containers (whose own
            counts are unreliable); there it includes the silence that stands for a late start.
        channels: before they are averaged.
        duration: seconds, `frames / rate_hz`.
        decoder: "tensorflow-io", "soundfile" or "PyAV".
    """

    rate_hz: int
    frames: int
    channels: int
    duration: float
    decoder: str


def sound_info(path: Path | str) -> SoundInfo:
    """Rate, length and channels of a sound file or of the sound track of a video.

    Args:
        path: the file.

    Raises:
        UserError: the file is missing, empty, cut short, no sound, or holds no samples.

    Example:
        >>> sound_info("speech.wav")  # doctest: +SKIP
        SoundInfo(rate_hz=16000, frames=30372, channels=1, duration=1.89825, decoder='tensorflow-io')
    """
    found = _find(Path(path))
    if isinstance(found, SoundInfo):
        return found
    frames = sum(len(piece) for piece in found.pieces())
    if not frames:
        raise UserError(f"{path} has a sound track of 0 samples; name a file with sound.")
    return SoundInfo(found.rate_hz, frames, found.channels, frames / found.rate_hz, "PyAV")


def sound_blocks(path: Path | str, rate_hz: float, block_s: float = 30.0) -> Iterator[np.ndarray]:
    """Decodes and resamples a file block by block; joined, the blocks are `read_sound`.

    Args:
        path: a sound file or a video with sound.
        rate_hz: wanted samples a second.
        block_s: seconds a block; the last one is shorter.

    Returns:
        An iterator of float32 [round(block_s * rate_hz)].

    Raises:
        UserError: at once what `sound_info` refuses; while reading, a file that ends before what its header promises.

    Example:
        >>> peak = max(abs(block).max() for block in sound_blocks("hour.flac", 16000))  # doctest: +SKIP
    """
    if not rate_hz > 0 or not block_s * rate_hz >= 1:
        raise UserError(f"Blocks of {block_s:g} s at {rate_hz:g} Hz hold no sample; both must be above 0.")
    path = Path(path)
    found = _find(path)
    pieces = found.pieces() if isinstance(found, SoundTrack) else _decode(path, found)
    return regrouped(resampled(_something(path, pieces), found.rate_hz, rate_hz), round(block_s * rate_hz))


def read_sound(path: Path | str, rate_hz: float) -> np.ndarray:
    """The whole sound of a file, float32 [samples] mono at `rate_hz`; sample i stands at i / rate_hz seconds.

    Raises:
        UserError: as `sound_blocks`.

    Example:
        >>> speech = read_sound("speech.ogg", 16000)  # doctest: +SKIP
    """
    return np.concatenate(list(sound_blocks(path, rate_hz)))


def _find(path: Path) -> SoundInfo | SoundTrack:
    """Chooses the decoder: a SoundInfo for sound files, a SoundTrack for PyAV."""
    import soundfile

    check_file(path)
    declared = check_promise(path)
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        return sound_track(path)
    if info.format == "MP3":
        declared = counts_mp3_frames(path)
    if not declared and (info.format == "MP3" or not info.frames):
        return sound_track(path)
    if not info.frames:
        raise UserError(f"{path} holds 0 samples; record or copy it again.")
    if not 0 < info.samplerate <= FASTEST_HZ:
        raise UserError(f"{path} declares {info.samplerate} samples a second, which no sound has; copy it again.")
    suits = declared and (info.format, info.subtype) in TENSORFLOW_IO and bool(find_spec("tensorflow_io"))
    return SoundInfo(
        rate_hz=info.samplerate,
        frames=info.frames,
        channels=info.channels,
        duration=info.frames / info.samplerate,
        decoder="tensorflow-io" if suits else "soundfile",
    )


def _decode(path: Path, info: SoundInfo) -> Iterator[np.ndarray]:
    """Mono pieces of a sound file at its own rate; as many samples as its header promises, or a UserError."""
    step = max(1, min(round(DECODE_S * info.rate_hz), MOST_VALUES // info.channels))
    slices = _tensorflow_io_slices if info.decoder == "tensorflow-io" else _soundfile_slices
    held = 0
    for samples in slices(path, info, step):
        if not len(samples):
            break
        held += len(samples)
        yield scaled(samples).mean(axis=1, dtype=np.float32)
    if held != info.frames:
        raise _cut_short(path, info, f"holds {held}")


def _tensorflow_io_slices(path: Path, info: SoundInfo, step: int) -> Iterator[np.ndarray]:
    import tensorflow as tf
    import tensorflow_io as tfio

    first = 0
    try:
        tensor = tfio.audio.AudioIOTensor(str(path))
        for first in range(0, info.frames, step):
            yield tensor[first : min(first + step, info.frames)].numpy()
    except tf.errors.OpError:
        raise _cut_short(path, info, f"fails between sample {first} and {min(first + step, info.frames)}") from None


def _soundfile_slices(path: Path, info: SoundInfo, step: int) -> Iterator[np.ndarray]:
    import soundfile

    first = 0
    try:
        with soundfile.SoundFile(str(path)) as file:
            while first < info.frames:
                yield file.read(step, dtype="float32", always_2d=True)
                first += step
    except soundfile.LibsndfileError:
        raise _cut_short(path, info, f"fails between sample {first} and {min(first + step, info.frames)}") from None


def _cut_short(path: Path, info: SoundInfo, found: str) -> UserError:
    return UserError(f"{path} promises {info.frames} samples, {found}: it is cut short or damaged; copy it again.")


def _something(path: Path, pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    samples = 0
    for piece in pieces:
        samples += len(piece)
        yield piece
    if not samples:
        raise UserError(f"{path} has a sound track of 0 samples; name a file with sound.")


def resampled(pieces: Iterable[np.ndarray], rate_hz: float, wanted_hz: float) -> Iterator[np.ndarray]:
    """The same signal at another rate; equal to resampling it in one go, whatever the cuts."""
    if rate_hz == wanted_hz:
        yield from pieces
        return
    import soxr

    stream = soxr.ResampleStream(rate_hz, wanted_hz, 1, dtype="float32", quality="HQ")
    for piece in pieces:
        yield stream.resample_chunk(np.ascontiguousarray(piece))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def regrouped(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of `size`, the last one shorter."""
    block, filled = np.empty(size, np.float32), 0
    for piece in pieces:
        while len(piece):
            part = piece[: size - filled]
            block[filled : filled + len(part)] = part
            filled += len(part)
            piece = piece[len(part) :]
            if filled == size:
                yield block
                block, filled = np.empty(size, np.float32), 0
    if filled:
        yield block[:filled]
