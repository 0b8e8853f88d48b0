"""Readers of sound and video, and of what strangers send to the page."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from _fuzz_reader import Reader

from emotf.media import pictures, sound_blocks, sound_info, video_info
from emotf.serving.clips import check_kind, check_length
from emotf.serving.uploads import _Form

RATE_HZ = 8000
TONE = (0.3 * np.sin(np.arange(RATE_HZ // 4) / 9)).astype(np.float32)


def _sound(suffix: str, subtype: str, words: tuple[bytes, ...] = ()) -> Reader:
    def prepare(home: Path) -> list[bytes]:
        import soundfile

        found = []
        for channels in (1, 2):
            soundfile.write(home / f"t.{suffix}", np.stack([TONE] * channels, axis=1), RATE_HZ, subtype=subtype)
            found.append((home / f"t.{suffix}").read_bytes())
        return found

    return Reader(f"t.{suffix}", prepare, lambda home: _heard(home / f"t.{suffix}"), words=words)


def _heard(path: Path) -> None:
    info = sound_info(path)
    assert info.rate_hz > 0 and info.frames > 0 and info.channels > 0
    for block in sound_blocks(path, info.rate_hz):
        assert block.dtype == np.float32 and block.ndim == 1


def _film(suffix: str, video: str, audio: str, read: Callable[[Path], Any]) -> Reader:
    def prepare(home: Path) -> list[bytes]:
        import av

        with av.open(str(home / f"t.{suffix}"), "w") as container:
            film, sound = container.add_stream(video, rate=25), container.add_stream(audio, rate=RATE_HZ)
            film.width, film.height, film.pix_fmt = 32, 32, "yuv420p"
            for number in range(3):
                picture = np.full((32, 32, 3), 60 * number, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                container.mux(film.encode(frame))
            samples = av.AudioFrame.from_ndarray(TONE[None, :1024], format="fltp", layout="mono")
            samples.sample_rate = RATE_HZ
            container.mux([*film.encode(None), *sound.encode(samples), *sound.encode(None)])
        return [(home / f"t.{suffix}").read_bytes()]

    return Reader(f"t.{suffix}", prepare, lambda home: read(home / f"t.{suffix}"), words=(b"moov", b"mdat", b"stsz"))


def _seen(path: Path) -> None:
    video_info(path)
    for time, picture in pictures(path):
        assert np.isfinite(time) and picture.dtype == np.uint8 and picture.shape[2] == 3


def _both(path: Path) -> None:
    _seen(path)
    _heard(path)


def _stranger(path: Path) -> None:
    check_kind(path)
    check_length(path, ("audio", "video"), 60.0)


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="clip"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n'
    b"--x--\r\n"
)


def _form(home: Path) -> None:
    data = (home / "form").read_bytes()
    with open(home / "clip", "wb") as file:
        form = _Form("multipart/form-data; boundary=x", file, 100)
        for start in range(0, len(data), 7):
            form.take(data[start : start + 7])
        form.check()
    assert (home / "clip").stat().st_size <= 100


def _typed(home: Path) -> None:
    _Form((home / "type").read_bytes().decode("latin1"), None, 100)


READERS = {
    "WAV": _sound("wav", "PCM_16", (b"data", b"fmt ", b"RF64", b"ds64", b"\xfe\xff", b"LIST")),
    "WAV-float": _sound("wav", "FLOAT", (b"data", b"fmt ")),
    "WAV-24-bits": _sound("wav", "PCM_24", (b"data", b"fmt ")),
    "FLAC": _sound("flac", "PCM_16", (b"fLaC",)),
    "Ogg": _sound("ogg", "VORBIS", (b"OggS", b"vorbis")),
    "Opus": _sound("ogg", "OPUS", (b"OggS", b"OpusHead")),
    "MP3": _sound("mp3", "MPEG_LAYER_III", (b"Xing", b"Info", b"ID3", b"TAG")),
    "mp4": _film("mp4", "libx264", "aac", _both),
    "avi": _film("avi", "mpeg4", "mp3", _both),
    "mkv": _film("mkv", "libx264", "aac", _both),
    "webm": _film("webm", "libvpx", "libopus", _both),
    "clip-of-a-stranger": _film("mp4", "mpeg4", "aac", _stranger),
    "form": Reader("form", lambda _: [FORM], _form, words=(b"--x", b"--x--", b"filename=", b"\r\n\r\n")),
    "Content-Type": Reader("type", lambda _: [b"multipart/form-data; boundary=x"], _typed),
}
