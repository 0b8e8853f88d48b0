"""Extraction by several processes and by Beam: the same bytes, whoever does the work, however often it is stopped."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emotf.errors import UserError
from emotf.features.base import Feature, Film, PictureFeature
from emotf.features.mfcc39 import Mfcc39
from emotf.media import media_files, video_writer
from emotf.recipes import streams_of
from emotf.recording import Recording
from emotf.records import Store, extract_media
from emotf.track import Track


@dataclass
class Length(Feature):
    """Bytes of the file and its number, in two frames; of its own hop, a hair off for each file."""

    medium = "video"
    channels = ("bytes", "name")
    window = 0.0

    def compute(self, recording: Recording) -> Track:
        path = recording.medium("video")
        if path.suffix == ".txt":
            raise UserError(f"{path} is no clip.")
        number = int(recording.id[1:])
        return Track(np.array([[path.stat().st_size, number]] * 2), 0.04 + 1e-9 * number, channels=self.channels)


@dataclass
class Flag(PictureFeature):
    """One grey picture."""

    medium = "video"
    channels = ("found",)
    window = 0.0

    def film(self, recording: Recording) -> Film:
        number = int(recording.id[1:])
        return Film(0.04, 0.0, iter([(np.full((8, 8, 3), 20 * number, np.uint8), np.ones(1, np.float32))]))


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[Path]:
    home = tmp_path_factory.mktemp("clips")
    for number in range(5):
        (home / f"r{number}.mp4").write_bytes(bytes(10 + number))
    return media_files([str(home)])


FEATURES = {"length": Length(), "flag": Flag()}


def content(folder: Path) -> dict[str, bytes]:
    """All files but the speeds, which are measured."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "extraction.csv"
    }


@pytest.fixture(scope="module")
def alone(clips, tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("alone")
    extract_media(clips, FEATURES, folder)
    return content(folder)


def test_two_processes_write_the_same_bytes_as_one(clips, alone, tmp_path):
    counts = extract_media(clips, FEATURES, tmp_path, workers=2)
    assert counts == {"length": {"written": 5, "kept": 0}, "flag": {"written": 5, "kept": 0}}
    assert content(tmp_path) == alone
    assert extract_media(clips, FEATURES, tmp_path)["flag"] == {"written": 0, "kept": 5}
    speeds = Store(tmp_path).speeds
    assert sorted(speeds["stream"].unique()) == ["flag", "length"] and (speeds["frames_per_second"] > 0).all()


@pytest.mark.parametrize("done", [["r3"], ["r4", "r0"]])
def test_what_an_interrupted_extraction_left_in_any_order_ends_in_the_same_bytes(clips, alone, tmp_path, done):
    extract_media([path for path in clips if path.stem in done], FEATURES, tmp_path)
    for stream in FEATURES:
        (tmp_path / stream / "COMPLETED").unlink()
    counts = extract_media(clips, FEATURES, tmp_path)
    assert counts["length"] == {"written": 5 - len(done), "kept": len(done)}
    assert content(tmp_path) == alone


def test_a_broken_file_is_named_and_the_others_are_extracted(clips, tmp_path, capfd):
    broken = tmp_path / "r7.txt"
    broken.write_text("no clip")
    folder = tmp_path / "records"
    with pytest.raises(UserError, match=r"r7\.txt is no clip\. \(1 of 12 streams failed, each is named above"):
        extract_media([*clips, broken], FEATURES, folder, workers=2)
    assert "failed: recording r7, stream length: " in capfd.readouterr().err
    store = Store(folder)
    assert len(list((folder / "length").glob("*.tfrecord"))) == 5
    assert len(store.stream("flag").completed) == 6  # its stream does not care, and is whole
    with pytest.raises(UserError, match="is not complete"):
        _ = store.stream("length").completed
    counts = extract_media(clips, {"length": Length()}, folder)
    assert counts == {"length": {"written": 0, "kept": 5}}


def test_several_broken_files_are_counted(clips, tmp_path, capfd):
    for name in ("r7", "r8"):
        (tmp_path / f"{name}.txt").write_text("no clip")
    with pytest.raises(UserError, match=r"r7\.txt is no clip\. \(2 of 7 streams failed, each is named above"):
        extract_media([*clips, tmp_path / "r8.txt", tmp_path / "r7.txt"], {"length": Length()}, tmp_path / "records")
    assert capfd.readouterr().err.count("failed: recording") == 2


@dataclass
class Fatal(Length):
    """Ends its process."""

    def compute(self, recording: Recording) -> Track:
        if recording.id == "r2":
            os._exit(9)
        return super().compute(recording)


def test_a_worker_that_dies_is_reported_in_one_line(clips, tmp_path):
    with pytest.raises(UserError, match=r"A worker process died.*Run it again with one worker"):
        extract_media(clips, {"length": Fatal()}, tmp_path, workers=2)


def test_beam_writes_the_same_bytes(clips, alone, tmp_path):
    from emotf.records.beam import with_beam

    counts = extract_media(clips, FEATURES, tmp_path, elsewhere=with_beam(["--runner=DirectRunner"]))
    assert counts == {"length": {"written": 0, "kept": 5}, "flag": {"written": 0, "kept": 5}}
    assert content(tmp_path) == alone


def test_beam_in_two_processes_writes_the_same_bytes_and_what_failed_is_named(clips, alone, tmp_path, monkeypatch):
    from emotf.records.beam import with_beam

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))  # the features are here
    (broken := tmp_path / "r7.txt").write_text("no clip")
    folder = tmp_path / "records"
    options = ["--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    with pytest.raises(UserError, match=r"r7\.txt is no clip\. \(1 of 12 streams failed, each is named above"):
        extract_media([*clips, broken], FEATURES, folder, elsewhere=with_beam(options))
    assert Store(folder).speeds is None  # all that is there was written there
    counts = extract_media(clips, FEATURES, folder)
    assert counts == {"length": {"written": 0, "kept": 5}, "flag": {"written": 0, "kept": 5}}
    (folder / "flag" / "r7.tfrecord").unlink()  # its stream did not care
    assert content(folder) == alone


def test_beam_in_threads_is_refused():
    from emotf.records.beam import with_beam

    with pytest.raises(UserError, match="direct_running_mode=multi_processing"):
        with_beam(["--direct_num_workers=2"])


@dataclass
class Odd(Length):
    """Another hop for recording a."""

    def compute(self, recording: Recording) -> Track:
        return Track(np.zeros((2, 2)), 0.5 if recording.id == "a" else 0.04, channels=self.channels)


def test_who_began_a_stream_and_is_left_out_decides_nothing(tmp_path):
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path in paths:
        path.write_bytes(b"12")
    with pytest.raises(UserError, match=r"recording b has a hop of 0\.04 s, the others 0\.5"):
        extract_media(paths, {"odd": Odd()}, tmp_path / "records")
    assert extract_media(paths[1:], {"odd": Odd()}, tmp_path / "records") == {"odd": {"written": 1, "kept": 0}}


def test_who_leaves_a_store_is_said(clips, tmp_path, capfd):
    extract_media(clips, {"flag": Flag()}, tmp_path)
    extract_media(clips[3:], {"flag": Flag()}, tmp_path)
    assert "3 recordings that" in capfd.readouterr().err
    assert list(Store(tmp_path).stream("flag").completed) == ["r3", "r4"]


def test_names_of_files_become_ids(tmp_path):
    (tmp_path / "my clip (1).mp4").write_bytes(b"12")
    (tmp_path / ".hidden.mp4").write_bytes(b"12")
    extract_media(media_files([str(tmp_path / "my*")]), {"flag": Named()}, tmp_path / "records")
    assert [recording.id for recording in Store(tmp_path / "records").recordings] == ["my_clip__1_"]


@dataclass
class Named(Length):
    """A single frame."""

    def compute(self, recording: Recording) -> Track:
        return Track(np.zeros((1, 2)), 0.04, channels=self.channels)


def test_two_files_of_one_name_are_refused(tmp_path):
    paths = [tmp_path / "a" / "r1.mp4", tmp_path / "b" / "r1.mp4"]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(b"12")
    with pytest.raises(UserError, match=r"a/r1\.mp4 and .*b/r1\.mp4 would both be recording 'r1'"):
        extract_media(paths, {"length": Length()}, tmp_path / "records")


def test_media_by_path_pattern_and_folder(tmp_path):
    for name in ("a.mp4", "b.WAV", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in media_files([str(tmp_path)])] == ["a.mp4", "b.WAV"]
    assert [path.name for path in media_files([str(tmp_path / "*.txt"), str(tmp_path / "a.mp4")])] == [
        "a.mp4",
        "notes.txt",
    ]
    for nothing in ("*.mkv", "c.mp4"):
        with pytest.raises(UserError, match="is no file, and no pattern that fits one"):
            media_files([str(tmp_path / nothing)])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no sound or video file"):
        media_files([str(tmp_path / "empty")])


def test_streams_of_a_command_line():
    streams = streams_of("mfcc39,slow=mfcc39:frame_rate_hz=25:mel_bands=26")
    assert streams == {"mfcc39": Mfcc39(), "slow": Mfcc39(frame_rate_hz=25, mel_bands=26)}
    streams = streams_of("openface:names=AU01_r,AU12_r:rate_hz=25,units=openface:names=AU01_r,AU12_r,mfcc39")
    assert [type(feature).__name__ for feature in streams.values()] == ["Openface", "Openface", "Mfcc39"]
    assert streams["openface"].names == streams["units"].names == ("AU01_r", "AU12_r")
    for text, expected in (("", "No stream is named"), ("mfcc39,mfcc39", "Two streams are called 'mfcc39'")):
        with pytest.raises(UserError, match=expected):
            streams_of(text)
    with pytest.raises(UserError, match="mfcc93"):
        streams_of("mfcc93")


def test_killed_workers_end_with_their_parent_and_the_next_run_ends_in_the_same_bytes(tmp_path):
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        soundfile.write(sounds / f"r{number:02}.wav", 0.1 * rng.standard_normal(40 * 16000), 16000)

    def command(out: str) -> list[str]:
        flags = [f"--media={sounds}", "--streams=mfcc39:frame_rate_hz=25", f"--out={tmp_path / out}", "--workers=2"]
        return [sys.executable, "tools/extract.py", *flags]

    home = Path(__file__).resolve().parents[2]
    first = subprocess.Popen(command("killed"), cwd=home, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    records = tmp_path / "killed" / "mfcc39"
    while not list(records.glob("r*.tfrecord")):
        time.sleep(0.02)
        assert first.poll() is None, "it ended before it could be killed"
    children = [int(pid) for pid in subprocess.run(
        ["pgrep", "-P", str(first.pid)], capture_output=True, text=True, check=False
    ).stdout.split()]  # fmt: skip
    first.send_signal(signal.SIGKILL)
    first.wait()
    left = {path: path.stat().st_mtime_ns for path in records.glob("r*.tfrecord")}
    assert 0 < len(left) < 12
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < deadline, "workers outlived the process that began them"
        time.sleep(0.1)
    left = {path: path.stat().st_mtime_ns for path in records.glob("r*.tfrecord")}
    for out in ("killed", "whole"):
        subprocess.run(command(out), cwd=home, check=True, capture_output=True)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in left.items())  # not done again
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_a_written_clip_goes_through_the_whole_way(tmp_path):
    with video_writer(tmp_path / "a.mp4", 25) as write:
        for level in range(10):
            write(np.full((48, 64, 3), 10 * level, np.uint8))
    with pytest.raises(UserError, match=r"a\.mp4 has no sound track"):
        extract_media([tmp_path / "a.mp4"], {"mfcc39": Mfcc39(frame_rate_hz=25)}, tmp_path / "records")
