"""emotf.media: decoders, their errors, resampling, times."""

import importlib
import importlib.metadata
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr
from real_data import DATA, needs_data

from emotf import media
from emotf.errors import UserError

RATE = 16000


def speechlike(seconds: float = 2.0, channels: int = 1, rate: int = RATE) -> np.ndarray:
    rng = np.random.default_rng(0)
    times = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * 330 * times) * (1.1 + np.sin(2 * np.pi * 3 * times)) / 2
    sound = tone[:, None] + 0.05 * rng.standard_normal((len(times), channels))
    return sound.astype(np.float32)


def write(path: Path, subtype: str, sound: np.ndarray | None = None, rate: int = RATE) -> Path:
    soundfile.write(path, speechlike() if sound is None else sound, rate, subtype=subtype)
    return path


def patch(path: Path, at: int, content: bytes) -> Path:
    data = bytearray(path.read_bytes())
    data[at : at + len(content)] = content
    path.write_bytes(data)
    return path


def cut(path: Path, share: float = 0.4) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def write_video(
    path: Path,
    count: int = 10,
    fps: int = 25,
    pictures_at: float = 0.0,
    sound: np.ndarray | None = None,
    sound_at: float = 0.0,
    sound_codec: str = "pcm_s16le",
    picture_codec: str = "mpeg4",
    gap: tuple[float, float] | None = None,
) -> Path:
    """A clip whose picture i has brightness 20 * i; `gap`: (sound time, seconds) that presentation times jump."""
    with av.open(str(path), "w") as container:
        pictures = sounds = None
        if count:
            pictures = container.add_stream(picture_codec, rate=fps, width=64, height=48, pix_fmt="yuv420p")
            pictures.codec_context.time_base = Fraction(1, 1000)
        if sound is not None:
            sounds = container.add_stream(sound_codec, rate=RATE, layout="mono")
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * i, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round((pictures_at + i / fps) * 1000), Fraction(1, 1000)
            container.mux(pictures.encode(frame))
        if pictures:
            container.mux(pictures.encode(None))
        if sounds:
            samples = (sound * 32767).astype(np.int16)
            planar = sound_codec != "pcm_s16le"
            for first in range(0, len(samples), 1024):
                piece = samples[None, first : first + 1024]
                frame = av.AudioFrame.from_ndarray(
                    (piece / np.float32(32768)) if planar else piece.copy(), "fltp" if planar else "s16", "mono"
                )
                late = gap[1] if gap and first >= gap[0] * RATE else 0
                frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
                frame.pts = first + round((sound_at + late) * RATE)
                container.mux(sounds.encode(frame))
            container.mux(sounds.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "subtype", "decoder", "tolerance"),
    [
        ("a.wav", "PCM_16", "tensorflow-io", 0),
        ("a.wav", "FLOAT", "tensorflow-io", 0),
        ("a.wav", "PCM_24", "soundfile", 0),
        ("a.wav", "PCM_32", "soundfile", 0),
        ("a.wav", "PCM_U8", "soundfile", 0),
        ("a.wav", "DOUBLE", "soundfile", 0),
        ("a.wav", "ULAW", "soundfile", 0),
        ("a.wav", "ALAW", "soundfile", 0),
        ("a.wav", "IMA_ADPCM", "soundfile", 0),
        ("a.aiff", "PCM_16", "soundfile", 0),
        ("a.flac", "PCM_16", "soundfile", 0),
        ("a.flac", "PCM_24", "soundfile", 0),
        ("a.flac", "PCM_S8", "soundfile", 0),
        ("a.ogg", "VORBIS", "tensorflow-io", 1e-6),
        ("a.ogg", "OPUS", "soundfile", 0),
        ("a.mp3", "MPEG_LAYER_III", "tensorflow-io", 2e-6),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_encoding_equals_soundfile(tmp_path, name, subtype, decoder, tolerance, channels):
    path = write(tmp_path / name, subtype, speechlike(1.0001, channels))
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0]
    info = media.sound_info(path)
    assert info == media.SoundInfo(RATE, len(expected), channels, len(expected) / RATE, decoder)
    sound = media.read_sound(path, RATE)
    assert sound.dtype == np.float32
    np.testing.assert_allclose(sound, expected.mean(axis=1), rtol=0, atol=max(tolerance, 6e-8))


def test_the_content_chooses_the_decoder_not_the_suffix(tmp_path):
    path = write(tmp_path / "a.flac", "PCM_16").rename(tmp_path / "a.wav")
    assert media.sound_info(path).frames == 2 * RATE


@pytest.mark.parametrize("rates", [(16000, 24000), (44100, 16000), (8000, 48000), (44100, 48000)])
@pytest.mark.parametrize("block_s", [0.011, 0.5, 30.0])
def test_resampling_in_blocks_equals_resampling_at_once(tmp_path, rates, block_s, monkeypatch):
    monkeypatch.setattr("emotf.media.sound.DECODE_S", 0.37)
    have, want = rates
    path = write(tmp_path / "a.wav", "FLOAT", speechlike(1.234, rate=have), have)
    sound = soundfile.read(path, dtype="float32")[0]
    blocks = list(media.sound_blocks(path, want, block_s))
    assert {len(block) for block in blocks[:-1]} <= {round(block_s * want)}
    expected = soxr.resample(sound, have, want, quality="HQ")
    assert abs(len(expected) - round(len(sound) * want / have)) <= 1
    np.testing.assert_allclose(np.concatenate(blocks), expected, rtol=0, atol=1e-6)


def test_a_wav_of_undeclared_length_is_read_to_its_end(tmp_path):
    for length in (0xFFFFFFFF, 0x7FFFF000, 0):
        path = patch(write(tmp_path / "a.wav", "PCM_16"), 40, struct.pack("<I", length))
        assert media.sound_info(path).decoder == ("PyAV" if length == 0 else "soundfile")
        assert len(media.read_sound(path, RATE)) == 2 * RATE


def test_an_mp3_without_a_length_is_counted_not_guessed(tmp_path):
    path = tmp_path / "a.mp3"
    sound = (speechlike(3)[:, 0] * np.repeat([0, 32000, 300], RATE)).astype(np.int16)
    with av.open(str(path), "w", options={"write_xing": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        for first in range(0, len(sound), 576):
            frame = av.AudioFrame.from_ndarray(sound[None, first : first + 576].copy(), "s16p", "mono")
            frame.sample_rate, frame.pts = RATE, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert media.sound_info(path).decoder == "PyAV"
    assert 3 * RATE <= len(media.read_sound(path, RATE)) <= 3 * RATE + 3000  # the encoder's padding, undeclared


def test_a_wrong_file_is_one_clear_line(tmp_path):
    (tmp_path / "text.wav").write_text("this is no sound\n" * 50)
    (tmp_path / "empty.wav").write_bytes(b"")
    silent = write_video(tmp_path / "silent.mkv")
    cases = {
        tmp_path / "none.wav": "none.wav is missing",
        tmp_path: "is a folder",
        tmp_path / "empty.wav": r"empty \(0 bytes\)",
        tmp_path / "text.wav": "no sound or video file",
        write(tmp_path / "zero.wav", "PCM_16", np.zeros((0, 1))): "0 samples",
        silent: "no sound track",
        patch(write(tmp_path / "nodata.wav", "PCM_16"), 36, b"LIST"): "no data chunk",
    }
    for path, message in cases.items():
        with pytest.raises(UserError, match=message) as caught:
            media.read_sound(path, RATE)
        assert "\n" not in str(caught.value)
        with pytest.raises(UserError, match=message):
            media.sound_info(path)
    with pytest.raises(UserError, match="above 0"):
        media.sound_blocks(silent, RATE, 0)


def test_a_cut_wav_is_refused_with_both_counts(tmp_path):
    path = write(tmp_path / "a.wav", "PCM_16", speechlike(1, 2))
    path.write_bytes(path.read_bytes()[: 44 + 4 * 5000 + 3])
    with pytest.raises(UserError, match=r"promises 16000 samples, holds 5000: .*copy it again"):
        media.sound_blocks(path, RATE)  # before anything is decoded
    with pytest.raises(UserError, match="promises 16000 samples, holds 5000"):
        media.sound_info(path)


def test_a_cut_rf64_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, speechlike(1), RATE, subtype="PCM_16", format="RF64")
    assert len(media.read_sound(path, RATE)) == RATE
    with pytest.raises(UserError, match="promises 16000 samples, holds"):
        media.read_sound(cut(path), RATE)


@pytest.mark.parametrize(
    ("name", "subtype", "message"),
    [
        ("a.ogg", "VORBIS", "end-of-stream"),
        ("a.ogg", "OPUS", "end-of-stream"),
        ("a.mp3", "MPEG_LAYER_III", "promises 80000 samples"),
        ("a.flac", "PCM_16", "promises 80000 samples"),
        ("a.flac", "PCM_S8", "promises 80000 samples"),
    ],
)
@pytest.mark.parametrize("share", [0.4, 0.97])
def test_a_cut_compressed_file_is_refused(tmp_path, name, subtype, message, share):
    path = cut(write(tmp_path / name, subtype, speechlike(5)), share)
    with pytest.raises(UserError, match=f"{message}.*copy it again"):
        media.read_sound(path, RATE)


@pytest.mark.parametrize("suffix", ["mkv", "avi", "mov"])
def test_sound_of_a_video_equals_what_was_put_in(tmp_path, suffix):
    sound = speechlike(0.5)[:, 0]
    path = write_video(tmp_path / f"a.{suffix}", sound=sound)
    expected = (sound * 32767).astype(np.int16) / np.float32(32768)
    np.testing.assert_array_equal(media.read_sound(path, RATE), expected)
    assert media.sound_info(path) == media.SoundInfo(RATE, 8000, 1, 0.5, "PyAV")


def test_sound_that_starts_after_the_pictures_is_led_by_silence(tmp_path):
    sound = speechlike(0.5)[:, 0] + 0.5
    heard = media.read_sound(write_video(tmp_path / "a.mkv", sound=sound, sound_at=0.25), RATE)
    assert len(heard) == 12000 and not heard[:4000].any() and (heard[4000:] > 0).all()


def test_sound_before_the_first_picture_is_cut(tmp_path):
    sound = speechlike(0.5)[:, 0]
    path = write_video(tmp_path / "a.mkv", sound=sound, pictures_at=0.25)
    np.testing.assert_allclose(media.read_sound(path, RATE), sound[4000:], atol=1e-4)
    assert next(media.pictures(path))[0] == 0.0


def test_sound_missing_inside_a_file_becomes_silence(tmp_path):
    sound = speechlike(0.512)[:, 0] + 0.5
    heard = media.read_sound(write_video(tmp_path / "a.mkv", sound=sound, gap=(0.256, 0.5)), RATE)
    assert len(heard) == 8192 + 8000
    assert (heard[:4096] > 0).all() and not heard[4096:12096].any() and (heard[12096:] > 0).all()


def test_a_click_in_aac_stands_at_its_time(tmp_path):
    sound = np.zeros(RATE, np.float32)
    sound[round(0.7 * RATE)] = 0.9
    heard = media.read_sound(write_video(tmp_path / "a.mp4", sound=sound, sound_codec="aac"), RATE)
    assert abs(np.abs(heard).argmax() / RATE - 0.7) < 0.001


def test_pictures_come_one_by_one_at_their_times(tmp_path):
    path = write_video(tmp_path / "a.mp4", count=7, fps=10, pictures_at=0.3)
    times, images = zip(*media.pictures(path), strict=True)
    np.testing.assert_allclose(times, np.arange(7) / 10, atol=1e-3)
    assert all(image.shape == (48, 64, 3) and image.dtype == np.uint8 for image in images)
    np.testing.assert_allclose([image.mean() for image in images], 20 * np.arange(7), atol=4)
    info = media.video_info(path)
    assert (info.width, info.height, info.frames) == (64, 48, 7)
    assert info.rate_hz == pytest.approx(10, rel=1e-2) and info.duration == pytest.approx(0.7, rel=1e-2)


def test_a_picture_size_is_height_and_width(tmp_path):
    path = write_video(tmp_path / "a.mkv", count=2)
    assert [image.shape for _, image in media.pictures(path, size=(12, 32))] == [(12, 32, 3)] * 2
    with pytest.raises(UserError, match="height, width"):
        next(media.pictures(path, size=(0, 32)))


def test_a_clip_filmed_sideways_is_turned_upright(tmp_path):
    path = write_video(tmp_path / "a.mp4", count=2)
    data = path.read_bytes()
    # the display matrix stands 48 bytes into the track header: rotate clockwise by a quarter
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    patch(path, data.index(b"tkhd") + 44, quarter)
    picture = next(media.pictures(path))[1]
    assert picture.shape == (64, 48, 3)
    assert (media.video_info(path).height, media.video_info(path).width) == (64, 48)


def test_files_without_pictures_are_refused(tmp_path):
    sound = write(tmp_path / "a.wav", "PCM_16")
    track = write_video(tmp_path / "a.mkv", count=0, sound=speechlike(0.2)[:, 0])
    for path in (sound, track):
        with pytest.raises(UserError, match=f"{path.name} has no pictures, only sound"):
            next(media.pictures(path))


def test_a_cut_video_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"a\.mp4 promises at least \d+ bytes, holds .*copy it again"):
        media.video_info(cut(write_video(tmp_path / "a.mp4"), 0.5))
    path = write_video(tmp_path / "b.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])  # whole boxes, but none that describes the streams
    with pytest.raises(UserError, match=r"b\.mp4 is damaged"):
        media.video_info(path)
    path.write_bytes(data[:20] + b"free" * 10)
    with pytest.raises(UserError, match=r"b\.mp4 "):
        media.video_info(path)


def test_pictures_of_an_avi_with_reordering_keep_order_and_times(tmp_path):
    sound = speechlike(1)[:, 0]
    path = write_video(tmp_path / "a.avi", count=12, picture_codec="libx264", sound=sound)
    times, images = zip(*media.pictures(path), strict=True)
    np.testing.assert_allclose(times, np.arange(12) / 25, atol=1e-6)
    np.testing.assert_allclose([image.mean() for image in images], 20 * np.arange(12), atol=4)
    np.testing.assert_allclose(media.read_sound(path, RATE), sound, atol=1e-4)


def test_missing_system_libraries_are_named(monkeypatch):
    def fail(name):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(UserError, match=r"libGL\.so\.1.*apt-get install libgl1 libglib2\.0-0"):
        media.check_opencv()


def test_a_missing_opencv_is_named(monkeypatch):
    def fail(name):
        raise ModuleNotFoundError("No module named 'cv2'")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(UserError, match="pip install opencv-contrib-python"):
        media.check_opencv()


def test_several_opencv_distributions_are_a_warning(monkeypatch):
    installed = {"opencv-python": "4.10.0", "opencv-contrib-python": "4.11.0.86"}

    def version(name):
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert media.opencv_distributions() == ["opencv-python 4.10.0", "opencv-contrib-python 4.11.0.86"]
    with pytest.warns(UserWarning, match=r"2 OpenCV distributions .*opencv-python 4\.10\.0"):
        media.check_opencv()
    del installed["opencv-python"]
    media.check_opencv()


@needs_data
@pytest.mark.parametrize(
    "name", ["emodb/flac/03a01Fa.flac", "emodb/original_16k/03a01Fa.wav", "librispeech/198-209-0000.hq.ogg"]
)
def test_real_speech_equals_soundfile(name):
    expected = soundfile.read(DATA / name, dtype="float32")[0]
    np.testing.assert_allclose(media.read_sound(DATA / name, RATE), expected, rtol=0, atol=1e-6)


@needs_data
def test_a_real_mpeg_clip():
    path = DATA / "grid_av" / "bbaf2n.mpg"
    times = [time for time, _ in media.pictures(path)]
    assert len(times) == 75
    np.testing.assert_allclose(times, 0.04 * np.arange(75), atol=1e-6)
    assert media.sound_info(path).duration == pytest.approx(2.978, abs=5e-4)
    assert media.video_info(path) == media.VideoInfo(360, 288, 75, pytest.approx(3.0), pytest.approx(25.0))


@needs_data
def test_a_real_mp4_clip():
    path = DATA / "faces" / "WolfgangLanger_Pexels.mp4"
    info = media.video_info(path)
    assert (info.width, info.height, info.frames) == (640, 360, 472)
    assert info.duration == pytest.approx(media.sound_info(path).duration, abs=0.05)
