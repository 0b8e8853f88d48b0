"""Videos that emotf writes: pictures, times, sound in step, whole or not at all."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from emotf.errors import UserError
from emotf.media import pictures, read_sound, sound_info, video_info, video_writer

RATE = 16000


def grey(level: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def clicks(path: Path, at: list[float], seconds: float = 2.0) -> Path:
    sound = np.zeros(round(seconds * RATE), np.float32)
    for time in at:
        first = round(time * RATE)
        sound[first : first + 160] = 0.8 * np.sin(np.arange(160) * 0.6)
    soundfile.write(path, sound, RATE)
    return path


def test_pictures_come_back_in_order_at_their_times(tmp_path):
    path = tmp_path / "a.mp4"
    with video_writer(path, 25) as write:
        for level in range(0, 200, 20):
            write(grey(level))
    found = list(pictures(path))
    np.testing.assert_allclose([time for time, _ in found], np.arange(10) * 0.04, atol=1e-9)
    np.testing.assert_allclose([picture.mean() for _, picture in found], np.arange(0, 200, 20), atol=2)
    assert not list(tmp_path.glob(".*"))


def test_uneven_times_are_kept(tmp_path):
    times = [0.0, 0.04, 0.12, 0.5, 0.51]
    with video_writer(tmp_path / "a.mp4", 25) as write:
        for time in times:
            write(grey(90), time)
    np.testing.assert_allclose([time for time, _ in pictures(tmp_path / "a.mp4")], times, atol=1e-4)


def test_an_odd_size_repeats_its_last_row_and_column(tmp_path):
    with video_writer(tmp_path / "a.mp4", 25) as write:
        write(grey(50, 47, 63))
    assert next(pictures(tmp_path / "a.mp4"))[1].shape == (48, 64, 3)


def test_sound_stays_in_step(tmp_path):
    sound = clicks(tmp_path / "a.wav", [0.5, 1.4])
    with video_writer(tmp_path / "a.mp4", 25, sound_from=sound) as write:
        for _ in range(50):
            write(grey(80))
    heard = np.abs(read_sound(tmp_path / "a.mp4", RATE))
    for time in (0.5, 1.4):
        around = heard[round((time - 0.1) * RATE) : round((time + 0.1) * RATE)]
        assert abs(around.argmax() / RATE - 0.1) < 0.02
    assert abs(sound_info(tmp_path / "a.mp4").duration - 2.0) < 0.05


def test_sound_goes_on_to_its_end_and_is_not_stretched_to_the_pictures(tmp_path):
    sound = clicks(tmp_path / "a.wav", [0.1], seconds=1.0)
    for name, count in (("short", 10), ("long", 75)):
        with video_writer(tmp_path / f"{name}.mp4", 25, sound_from=sound) as write:
            for _ in range(count):
                write(grey(80))
        seconds = sound_info(tmp_path / f"{name}.mp4").duration
        assert abs(seconds - 1.0) < 0.05, name
        assert video_info(tmp_path / f"{name}.mp4").frames == count


def test_a_source_without_sound_gives_a_video_without(tmp_path):
    with video_writer(tmp_path / "mute.mp4", 25) as write:
        write(grey(80))
    with video_writer(tmp_path / "again.mp4", 25, sound_from=tmp_path / "mute.mp4") as write:
        write(grey(80))
    with av.open(str(tmp_path / "again.mp4")) as container:
        assert not container.streams.audio


def write_badly(path: Path, fault: str) -> None:
    with video_writer(path, 25) as write:
        if fault != "no picture to write":
            write(grey(80), 0.1)
        if fault == "raised":
            raise UserError(fault)
        if fault == "64 x 50 among those":
            write(grey(80, 50))
        if fault == "does not come after":
            write(grey(80), 0.1)


@pytest.mark.parametrize("fault", ["raised", "no picture to write", "64 x 50 among those", "does not come after"])
def test_what_was_there_stays_when_writing_fails(tmp_path, fault):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"before")
    with pytest.raises(UserError, match=fault):
        write_badly(path, fault)
    assert path.read_bytes() == b"before"
    assert not list(tmp_path.glob(".*"))


def test_other_containers_and_rates_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"written as \.mp4"), video_writer(tmp_path / "a.avi", 25):
        pass
    with pytest.raises(UserError, match="are no rate"), video_writer(tmp_path / "a.mp4", 0):
        pass
