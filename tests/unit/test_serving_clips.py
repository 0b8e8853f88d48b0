"""What the page lets in: kinds, lengths, forms, folders; and the processes behind it."""

import asyncio
import os
import signal
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emotf.errors import UserError
from emotf.media import video_writer
from emotf.serving import clips, uploads, workers
from emotf.serving.clips import ClipError, check_kind, check_length
from emotf.serving.uploads import Uploads, receive
from emotf.serving.workers import Work, Worker, Workers

RATE = 16000
BOX = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0)


def refused(check, *arguments):
    with pytest.raises(ClipError) as error:
        check(*arguments)
    return error.value.status, str(error.value)


# ---- kinds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"RIFF\1\2\3\4WAVEfmt ", b"RIFF\1\2\3\4AVI LIST", b"RF64\xff\xff\xff\xffWAVEds64", b"FORM\0\0\0\1AIFF", b"fLaC",
        b"OggS", BOX, b"\0\0\0\x08wide", b"\x1aE\xdf\xa3", b"\0\0\1\xba", b"\xff\xfb\x90\0", b"\xff\xf1P",
        b"ID3\4\0\0\0\0\0\5tagged\xff\xfb\x90"[:10] + b"12345" + b"\xff\xfb\x90\0",
        b"G" + bytes(187) + b"G" + bytes(187),
    ],
)  # fmt: skip
def test_sound_and_video_is_let_in(tmp_path, head):
    (tmp_path / "clip").write_bytes(head)
    check_kind(tmp_path / "clip")


@pytest.mark.parametrize(
    "head",
    [
        b"text", b"\x89PNG\r\n\x1a\n", b"#EXTM3U\n", b"ffconcat version 1.0\nfile '/etc/passwd'", b"RIFF\0\0\0\0WEBP",
        b"GIF89a", b"%PDF", b"PK\3\4", b"<svg>", b"\xff\xd8\xff"[:1], b"Got no packet", b"ID3", b"v=0\nc=IN IP4 ::1",
        b"ID3\4\0\0\0\0\0\5" + b"12345" + b"#EXTM3U\n", b"ID3\4\0\0\0\0\0\0" * 2 + b"#EXTM3U\n",
        b"ID3\4\0\0\x7f\x7f\x7f\x7f" + b"\xff\xfb",
    ],
)  # fmt: skip
def test_anything_else_is_not(tmp_path, head):
    (tmp_path / "clip").write_bytes(head)
    status, line = refused(check_kind, tmp_path / "clip")
    assert status == 415 and line.startswith("The clip is no sound or video file")


def test_tags_without_end_end(tmp_path):
    (tmp_path / "clip").write_bytes(b"ID3\4\0\0\0\0\0\0" * 5000)
    assert refused(check_kind, tmp_path / "clip")[0] == 415


def test_nothing_is_empty(tmp_path):
    (tmp_path / "clip").touch()
    assert refused(check_kind, tmp_path / "clip") == (422, "The clip is empty (0 bytes); choose another file.")


# ---- lengths ---------------------------------------------------------------------------------------------------------


def test_a_clip_may_be_as_long_as_is_said(tmp_path):
    for seconds, kind in ((2, "wav"), (2, "flac"), (2, "ogg")):
        path = tmp_path / f"clip.{kind}"
        soundfile.write(path, np.zeros(seconds * RATE), RATE)
        check_length(path, {"audio"}, 2)
        assert refused(check_length, path, {"audio"}, 1.99)[0] == 422


def test_decoding_does_not_believe_the_header(tmp_path, monkeypatch):
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.zeros(4 * RATE), RATE)
    monkeypatch.setattr(clips, "_check_header", lambda path, longest: None)
    assert refused(check_length, path, {"audio"}, 3)[0] == 422
    check_length(path, {"audio"}, 4)


def test_sound_and_pictures_beyond_any_use_are_refused(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "many.wav", np.zeros((10, 17)), RATE)
    assert refused(check_length, tmp_path / "many.wav", {"audio"}, 9) == (
        422, "The sound has 17 channels at 16000 Hz; expected at most 16 at 192000 Hz: convert it.",
    )  # fmt: skip
    soundfile.write(tmp_path / "fast.wav", np.zeros(10), 192001)
    assert "1 channels at 192001 Hz" in refused(check_length, tmp_path / "fast.wav", {"audio"}, 9)[1]
    film = tmp_path / "clip.mp4"
    with video_writer(film, 25) as write:
        for _ in range(25):
            write(np.zeros((120, 160, 3), np.uint8))
    check_length(film, {"video"}, 1)
    assert refused(check_length, film, {"video"}, 0.9)[0] == 422
    with pytest.raises(UserError, match="no sound track"):
        check_length(film, {"audio"}, 1)
    monkeypatch.setattr(clips, "MOST_PIXELS", 120 * 160 - 1)
    assert "160 x 120 pixels" in refused(check_length, film, {"audio"}, 1)[1]  # before anything is decoded
    monkeypatch.setattr(clips, "_check_header", lambda path, longest: None)
    assert "160 x 120 pixels" in refused(check_length, film, {"video"}, 1)[1]
    monkeypatch.undo()
    monkeypatch.setattr(clips, "MOST_PICTURES_HZ", 20)
    assert "longer than 1 s" in refused(check_length, film, {"video"}, 1)[1]


# ---- forms -----------------------------------------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 20 + b"\r\n--not the end\r\n--"
KIND = "multipart/form-data; boundary=edge"
BODY = (
    b'--edge\r\nContent-Disposition: form-data; name="note"\r\n\r\nfilename=words\r\n'
    b'--edge\r\nContent-Disposition: form-data; name="clip"; filename="../../x"\r\nContent-Type: audio/wav\r\n\r\n'
    + CONTENT + b"\r\n--edge--\r\n"
)  # fmt: skip


class Sent:
    """A request, its body in pieces."""

    def __init__(self, pieces, **headers):
        self.headers = {"content-type": KIND, **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.pieces = pieces

    async def stream(self):
        for piece in self.pieces:
            await asyncio.sleep(0)
            yield piece


def received(pieces, path, most=10**6, **headers):
    asyncio.run(receive(Sent(pieces, **headers), path, most))
    return path.read_bytes()


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10**6])
def test_the_file_of_a_form_is_the_same_however_it_came(tmp_path, size):
    pieces = [BODY[first : first + size] for first in range(0, len(BODY), size)]
    assert received(pieces, tmp_path / "clip") == CONTENT
    assert received(pieces, tmp_path / "clip", most=len(CONTENT)) == CONTENT
    with pytest.raises(ClipError) as error:
        received(pieces, tmp_path / "clip", most=len(CONTENT) - 1)
    assert error.value.status == 413 and [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_what_is_said_to_be_too_large_is_not_waited_for(tmp_path):
    with pytest.raises(ClipError) as error:
        received(iter(lambda: pytest.fail("read"), 1), tmp_path / "clip", most=1000, content_length="70000")
    assert error.value.status == 413


def test_fields_beside_the_file_are_limited_too(tmp_path):
    note = b'--edge\r\nContent-Disposition: form-data; name="note"\r\n\r\n'
    with pytest.raises(ClipError) as error:
        received([note, *[bytes(1000)] * 100], tmp_path / "clip", most=1000)
    assert error.value.status == 413


def test_what_does_not_come_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "RECEIVE", 0.05)

    class Slow(Sent):
        async def stream(self):
            yield BODY[:100]
            await asyncio.sleep(60)

    with pytest.raises(ClipError) as error:
        asyncio.run(receive(Slow([]), tmp_path / "clip", 1000))
    assert error.value.status == 408


# ---- folders ---------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from emotf.serving.uploads import Uploads
kept = Uploads(Path(sys.argv[1]))
with kept.folder() as folder:
    (folder / "clip").write_bytes(b"secret")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_ends_with_its_request_and_all_with_the_server(tmp_path):
    kept = Uploads(tmp_path)

    def fail():
        with kept.folder() as folder:
            (folder / "clip").write_bytes(b"a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(kept.root.iterdir()) == []
    with kept.folder(), kept.folder() as one:
        assert len(list(kept.root.iterdir())) == 2 and one.stat().st_mode & 0o077 == 0
    kept.end()
    kept.end()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_server_left_goes_and_what_lives_stays(tmp_path):
    living = Uploads(tmp_path)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL and len(list(tmp_path.iterdir())) == 2
    (tmp_path / "other").mkdir()
    (tmp_path / "emotf_serve_link").symlink_to(tmp_path / "other")
    (tmp_path / "emotf_serve_file").touch()
    new = Uploads(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {living.root.name, new.root.name, "other", "emotf_serve_link", "emotf_serve_file"}
    living.end()
    new.end()


# ---- processes -------------------------------------------------------------------------------------------------------


def pretend(pipe, work):
    """A process that does what the name of a clip says."""
    if work.run == "broken":
        pipe.send(("refused", "There is no run."))
        return
    if work.run == "dead":
        os._exit(1)
    pipe.send(("ready", {"run": work.run}))
    while True:
        clip = pipe.recv()
        if clip == "late":
            os._exit(1)
        pipe.send(("taken", None))
        if clip == "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        if clip == "hang":
            time.sleep(600)
        pipe.send(("refused", (415, "no")) if clip == "no" else ("answer", {"clip": clip, "pid": os.getpid()}))


@pytest.fixture
def pretended(monkeypatch):
    monkeypatch.setattr(workers, "_answer_on", pretend)
    monkeypatch.setattr(Work, "patience", 2.0)


def test_a_process_that_dies_or_hangs_is_replaced_and_told_apart(pretended, capsys):
    worker = Worker(Work("a", False, 1, 1))
    try:
        assert worker.ready() == {"run": "a"}
        first = worker.answer("x")["pid"]
        assert worker.answer("y")["pid"] == first
        assert refused(worker.answer, "no") == (415, "no")
        status, line = refused(worker.answer, "die")
        assert status == 422 and line.startswith("The clip ended the process that read it")
        second = worker.answer("z")["pid"]
        assert second != first
        status, line = refused(worker.answer, "hang")
        assert status == 504 and line.startswith("The prediction took too long")
        assert worker.answer("z")["pid"] not in (first, second)
        assert capsys.readouterr().err.splitlines() == [
            "serve: a process ended and is replaced", "serve: a process was too slow and is replaced",
        ]  # fmt: skip
    finally:
        worker.end()


def test_what_ended_before_it_had_the_clip_is_replaced_in_silence(pretended, capsys):
    worker = Worker(Work("a", False, 1, 1))
    try:
        first = worker.answer("x")["pid"]
        os.kill(first, signal.SIGKILL)
        assert worker.answer("y")["pid"] != first and capsys.readouterr().err == ""
        assert refused(worker.answer, "late")[0] == 422  # twice in a row
    finally:
        worker.end()


def test_the_end_does_not_wait_for_an_answer(pretended, monkeypatch):
    monkeypatch.setattr(Work, "patience", 600.0)
    worker = Worker(Work("a", False, 1, 1))
    worker.ready()
    with ThreadPoolExecutor(1) as users:
        waiting = users.submit(worker.answer, "hang")
        while not worker._turn.locked():
            time.sleep(0.01)
        time.sleep(0.2)
        worker.end()
        with pytest.raises(ClipError):
            waiting.result(10)
    assert not worker._process.is_alive()
    with pytest.raises(ClipError):
        worker.answer("x")


def test_a_process_is_replaced_after_some_clips(pretended, monkeypatch):
    monkeypatch.setattr(workers, "CLIPS", 2)
    worker = Worker(Work("a", False, 1, 1))
    pids = [worker.answer("x")["pid"] for _ in range(5)]
    worker.end()
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_what_cannot_start_is_told(pretended):
    with pytest.raises(UserError, match=r"^There is no run\.$"):
        Workers(Work("broken", False, 1, 1))
    with pytest.raises(UserError, match="ended, or hung, before it was ready"):
        Workers(Work("dead", False, 1, 2))


def test_two_work_at_once_the_third_waits_and_who_left_costs_nothing(pretended):
    several = Workers(Work("a", False, 1, 2))

    async def here():
        return False

    async def left():
        return True

    async def asked():
        answers = await asyncio.gather(*(several.answer(Path(name), here) for name in "abc"))
        assert await several.answer("die", left) is None
        return answers

    try:
        answers = asyncio.run(asked())
    finally:
        several.end()
    assert [answer["clip"] for answer in answers] == ["a", "b", "c"]
    assert len({answer["pid"] for answer in answers}) == 2 and several.idle == 2


GREEDY = """
import numpy as np
from emotf.serving import workers
workers.MEMORY = 200 << 20
np.ones(400 << 20, np.uint8)
workers._limit_memory()
np.ones(100 << 20, np.uint8)
try:
    np.ones(400 << 20, np.uint8)
except MemoryError:
    print("refused")
"""


def test_memory_is_limited():
    done = subprocess.run([sys.executable, "-c", GREEDY], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


def test_numbers_are_exact_in_float32_and_nan_is_none():
    from emotf.serving.answers import _numbers

    assert _numbers(np.array([0.1, np.nan, 1 / 3], np.float32)) == [0.100000001, None, 0.333333343]
