"""tools/magnify.py on a video with sound, as a user runs it, and on what is none."""

import numpy as np
import pytest
import soundfile
from conftest import tool

from emotf.media import pictures, read_sound, video_info, video_writer

RATE_HZ, FRAMES = 25, 75
SECONDS = np.arange(FRAMES) / RATE_HZ
SOUND_HZ = 16000


@pytest.fixture(scope="module")
def pulsing(tmp_path_factory):
    """3 s of grey that pulses by 3 levels twice a second, with a click at 1 s; and a recording of sound alone."""
    folder = tmp_path_factory.mktemp("magnify")
    sound = np.zeros(3 * SOUND_HZ, np.float32)
    sound[SOUND_HZ : SOUND_HZ + 160] = 0.8 * np.sin(np.arange(160) * 0.6)
    soundfile.write(folder / "sound.wav", sound, SOUND_HZ)
    with video_writer(folder / "pulse.mp4", RATE_HZ, sound_from=folder / "sound.wav") as write:
        for time in SECONDS:
            write(np.full((96, 128, 3), round(120 + 3 * np.sin(2 * np.pi * 2 * time)), np.uint8))
    with video_writer(folder / "uneven.mp4", RATE_HZ) as write:
        for time in np.arange(FRAMES) / RATE_HZ + 0.03 * (np.arange(FRAMES) % 2):
            write(np.full((96, 128, 3), round(120 + 3 * np.sin(2 * np.pi * 2 * time)), np.uint8), time)
    with video_writer(folder / "short.mp4", RATE_HZ) as write:
        for _ in range(20):
            write(np.full((96, 128, 3), 120, np.uint8))
    (folder / "text.mp4").write_text("no video\n" * 100)
    return folder


def swing(path):
    """Amplitude of brightness at 2 Hz in the middle second, in levels."""
    brightness = np.array([picture.mean() for _, picture in pictures(path)])[25:50]
    return 2 * abs(np.mean((brightness - brightness.mean()) * np.exp(-2j * np.pi * 2 * np.arange(25) / RATE_HZ)))


@pytest.mark.parametrize("flags", [["--filter=ideal"], ["--filter=streaming", "--high_hz=4"]])
def test_a_pulse_is_magnified_and_the_sound_stays_in_step(pulsing, tmp_path, flags):
    out = tmp_path / "new" / "out.mp4"
    done = tool("magnify", f"--media={pulsing / 'pulse.mp4'}", f"--out={out}", "--alpha=5", "--cutoff_px=16", *flags)
    assert done.stdout.splitlines()[0].startswith("75 frames, 25/s; 0.8 to ")
    assert done.stdout.splitlines()[1] == str(out)
    assert list(out.parent.iterdir()) == [out]
    info = video_info(out)
    assert (info.width, info.height, info.frames, info.rate_hz) == (128, 96, FRAMES, RATE_HZ)
    assert swing(out) / swing(pulsing / "pulse.mp4") == pytest.approx(6, rel=0.1)
    heard = np.abs(read_sound(out, SOUND_HZ))
    assert abs(heard.argmax() / SOUND_HZ - 1) < 0.04


def test_motion_of_an_uneven_video_at_a_rate(pulsing, tmp_path):
    """An even surface has no motion, so it stays as it is."""
    out = tmp_path / "out.mp4"
    tool("magnify", f"--media={pulsing / 'uneven.mp4'}", f"--out={out}", "--mode=motion", "--rate_hz=25", fresh=True)
    assert video_info(out).frames == FRAMES
    assert swing(out) == pytest.approx(swing(pulsing / "uneven.mp4"), abs=0.3)


MISTAKES = {
    "only sound": (["--media={}/sound.wav"], "sound.wav has no pictures, only sound"),
    "no file": (["--media={}/none.mp4"], "none.mp4"),
    "no video": (["--media={}/text.mp4"], "text.mp4"),
    "uneven": (["--media={}/uneven.mp4"], "uneven.mp4 has pictures at uneven times"),
    "too short": (["--media={}/short.mp4"], "20 pictures (0.80 s) is too short for 0.8 Hz, which takes 40"),
    "above half of the rate": (["--media={}/pulse.mp4", "--high_hz=13"], "13 Hz does not show in 25 pictures a second"),
    "edges": (["--media={}/pulse.mp4", "--low_hz=3", "--high_hz=2"], "3 to 2 Hz holds nothing"),
    "no mp4": (["--media={}/pulse.mp4", "--out={}/out.avi"], "out.avi: videos are written as .mp4"),
    "onto itself": (["--media={}/pulse.mp4", "--out={}/pulse.mp4"], "pulse.mp4 exists"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_end_in_one_line_and_leave_nothing(what, pulsing):
    flags, said = MISTAKES[what]
    before = {path.name: path.stat().st_mtime_ns for path in pulsing.iterdir()}
    flags = [f"--out={pulsing}/out.mp4", *(flag.format(pulsing) for flag in flags)]
    done = tool("magnify", *flags, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and said in line, line
    assert {path.name: path.stat().st_mtime_ns for path in pulsing.iterdir()} == before


def test_help_teaches():
    done = tool("magnify", "--help", check=False)
    for flag in (
        "--media",
        "--out",
        "--mode",
        "--alpha",
        "--low_hz",
        "--high_hz",
        "--cutoff_px",
        "--chroma",
        "--filter",
    ):
        assert flag in done.stdout
    assert "python tools/magnify.py --media=face.mp4" in done.stdout
