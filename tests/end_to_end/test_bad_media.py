"""Media as they come: each kind has one outcome, a broken one is named, and no other stream or file suffers from it."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from conftest import tool

from emotf.media import video_writer
from emotf.records import Store

STREAMS = ("mel128", "face_mesh", "pose36", "face_crop")
SEEN = STREAMS[1:]
FRAMES = 12

# file -> stream -> what the error says; all other streams of it are whole
FAILS = {
    "mute.mp4": {"mel128": "has no sound track; name a file with sound"},
    "empty.mp4": dict.fromkeys(STREAMS, "is empty (0 bytes); copy it again"),
    "cut.mp4": dict.fromkeys(STREAMS, "promises at least"),
    "text.mp4": dict.fromkeys(STREAMS, "is damaged or no sound or video file"),
    "uneven.mp4": dict.fromkeys(SEEN, "has pictures at uneven times"),
    "one.mp4": dict.fromkeys(SEEN, "has one picture only, so its rate is unknown; set rate_hz"),
    "stereo8k.wav": dict.fromkeys(SEEN, "has no pictures, only sound"),
    "short.wav": {"mel128": "one window needs 0.093 s"} | dict.fromkeys(SEEN, "has no pictures, only sound"),
}
WHOLE = ("noface.mp4", "silent.mp4", "odd.mkv")


def pictures(count: int = FRAMES, size: tuple[int, int] = (64, 96)):
    rng = np.random.default_rng(0)
    for _ in range(count):
        yield rng.integers(0, 255, (*size, 3), np.uint8)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("clips")
    sound = home.parent / "tone.wav"
    soundfile.write(sound, 0.3 * np.sin(np.arange(16000) * 0.2), 16000)
    silence = home.parent / "silence.wav"
    soundfile.write(silence, np.zeros(16000), 16000)

    def film(name: str, sound: Path | None, times=None) -> Path:
        with video_writer(home / name, 25, sound_from=sound) as write:
            for place, picture in enumerate(pictures(FRAMES if times is None else len(times))):
                write(picture, None if times is None else times[place])
        return home / name

    film("noface.mp4", sound)
    film("silent.mp4", silence)
    film("mute.mp4", None)
    whole = film("cut.mp4", sound).read_bytes()
    (home / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (home / "empty.mp4").touch()
    (home / "text.mp4").write_text("this is no video\n" * 50)
    film("uneven.mp4", sound, [0, 0.04, 0.08, 0.2, 0.24, 0.5])
    film("one.mp4", sound, [0.0])
    soundfile.write(home / "stereo8k.wav", np.random.default_rng(0).normal(0, 0.1, (4000, 2)), 8000)
    soundfile.write(home / "short.wav", np.zeros(400), 8000)
    write_odd(home / "odd.mkv", sound)
    return home


def write_odd(path: Path, sound: Path) -> None:
    """Pictures of 47 x 63 pixels, lossless, with the tone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25, width=63, height=47, pix_fmt="bgr0")
        tone = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        for place, picture in enumerate(pictures(size=(47, 63))):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        samples = (soundfile.read(sound)[0][: FRAMES * 640] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16000, 0
        container.mux(tone.encode(frame))
        container.mux(tone.encode())


def extract(clips: Path, out: Path, *streams: str) -> subprocess.CompletedProcess[str]:
    flags = [f"--media={clips / '*'}", f"--streams={','.join(streams)}", f"--out={out}", "--workers=2"]
    return tool("extract", *flags, check=False)


@pytest.fixture(scope="module")
def done(clips, tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Store]:
    out = tmp_path_factory.mktemp("records")
    return extract(clips, out, *STREAMS), Store(out)


def test_every_broken_file_is_named_with_its_stream_and_reason(done):
    answer, _ = done
    said = [line for line in answer.stderr.splitlines() if line.startswith("failed: ")]
    assert len(said) == sum(map(len, FAILS.values()))
    for name, streams in FAILS.items():
        for stream, reason in streams.items():
            start = f"failed: recording {Path(name).stem}, stream {stream}: "
            mine = [line for line in said if line.startswith(start)]
            assert len(mine) == 1 and reason in mine[0] and name in mine[0], (name, stream, mine)
    assert answer.returncode == 1 and "Traceback" not in answer.stderr
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("error: ") and f"({len(said)} of 44 streams failed, each is named above" in last


def test_all_else_is_whole(done, clips):
    _, store = done
    for path in clips.iterdir():
        for name in STREAMS:
            stream, fails = store.stream(name), name in FAILS.get(path.name, {})
            assert stream.path(path.stem).is_file() != fails, (path.name, name)
    for name in STREAMS:
        assert not list((store.folder / name).glob(".*"))


def test_pictures_without_a_face_or_body_are_frames_of_zeros(done):
    _, store = done
    for name in WHOLE:
        for stream in ("face_mesh", "pose36"):
            track = store.stream(stream).read(Path(name).stem)
            assert track.frames == FRAMES and track.channels[-1] == "found" and not track.values.any()
        shots = list(store.stream("face_crop").film(Path(name).stem).shots)
        assert len(shots) == FRAMES and all(picture is None and not beside.any() for picture, beside in shots)


def test_silence_is_a_spectrogram_of_zeros_and_other_sound_is_not(done):
    _, store = done
    assert not store.stream("mel128").read("silent").values[:-2].any()  # AAC rings a little where it was cut
    for name in ("noface", "odd", "uneven", "stereo8k"):
        assert store.stream("mel128").read(name).values.max() > 1e-3


def test_uneven_and_single_pictures_stand_on_a_clock_that_is_named(clips, tmp_path):
    answer = extract(clips, tmp_path, "face_mesh:rate_hz=25")
    failed = {line.split()[2].rstrip(",") for line in answer.stderr.splitlines() if line.startswith("failed: ")}
    assert failed == {"empty", "cut", "text", "stereo8k", "short"} and answer.returncode == 1
    stream = Store(tmp_path).stream("face_mesh")
    assert stream.read("uneven").frames == 13 and stream.read("one").frames == 1


def test_without_the_broken_files_it_ends_well(clips, done):
    _, store = done
    flags = [f"--media={clips / name}" for name in WHOLE]
    answer = tool("extract", *flags, f"--streams={','.join(STREAMS)}", f"--out={store.folder}")
    assert answer.stdout.count("0 recordings written, 3 kept") == len(STREAMS)
    assert all(len(store.stream(name).completed) == 3 for name in STREAMS)
