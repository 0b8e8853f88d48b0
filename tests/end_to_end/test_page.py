"""A run behind a web page, with clips of all kinds thrown at it."""

import os
import re
import signal
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests
import soundfile
from conftest import SHARED, tool
from page_server import RATE, Server, alive, wav
from real_data import needs_data

PLACES, LONGEST, LARGEST = 2 + 6, 5, 2.0


@pytest.fixture(scope="module")
def server(work, speech):
    running = Server(speech, work / "page", "--workers=2", "--waiting=6", f"--max_seconds={LONGEST}", "--max_mb=2")
    yield running
    running.stop()
    assert list(running.temporary.iterdir()) == [] and "Traceback" not in running.log.read_text()


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    yield
    if "server" in request.fixturenames:
        running = request.getfixturevalue("server")
        assert requests.get(f"{running.url}/health", timeout=30).json() == {
            "status": "ok", "predicting": 0, "taken": 0, "places": PLACES,
        }  # fmt: skip
        assert running.left() == []


def encoded(seconds, suffix, folder, codec):
    """Noise in a container of FFmpeg's."""
    import av

    path = folder / f"clip{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        noise = (0.1 * np.random.default_rng(0).standard_normal((1, round(seconds * RATE)))).astype(np.float32)
        for first in range(0, noise.shape[1], 1024):
            piece = np.ascontiguousarray(noise[:, first : first + 1024])
            frame = av.AudioFrame.from_ndarray(piece, format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def wait_until(holds):
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@needs_data
def test_a_real_clip_gets_what_predict_writes(work, speech, server):
    clip = sorted((SHARED / "emodb" / "original_16k").glob("*.wav"))[0]
    table = server.post(clip.read_bytes(), Accept="text/csv")
    assert (table.status_code, table.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    tool("predict", f"--run={speech}", f"--media={clip}", "--words", f"--out={work}/page_trace.csv")
    assert table.text == (work / "page_trace.csv").read_text()
    answer = server.post(clip.read_bytes())
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/json", "no-store")
    said = answer.json()
    assert said["csv"] == table.text and said["found"] == {} and said["note"] == ""
    rows = [line.split(",") for line in table.text.splitlines()]
    assert rows[0] == ["time", "arousal", "dominance", "valence", "word", "distance"] and len(rows) > 20
    assert [float(row[0]) for row in rows[1:]] == said["times"]
    for column, target in enumerate(said["traces"], start=1):
        assert [float(row[column]) for row in rows[1:]] == said["traces"][target]
    assert [row[4] for row in rows[1:]] == said["words"]


@pytest.mark.parametrize(
    ("content", "status", "line"),
    [
        (b"", 422, "The clip is empty (0 bytes); choose another file."),
        (b"just some text\n" * 9, 415, "The clip is no sound or video file; send WAV"),
        (b"#EXTM3U\n#EXT-X-STREAM-INF:\nfile:///etc/passwd\n", 415, "The clip is no sound or video file"),
        # FFmpeg looks behind tags
        (b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"#EXTM3U\nfile:///etc/passwd\n", 415, "The clip is no sound or video"),
        (wav(LONGEST + 1), 422, "The clip is longer than 5 s, which is the most that is taken here; cut it."),
        (wav(1)[:-RATE], 422, "The clip promises 16000 samples, holds 8000: it was cut short; copy it again."),
        (b"RIFF\0\0\0\0WAVEjunk", 422, "The clip is a WAV file without sound data (no data chunk)"),
        (b"fLaC" + bytes(400), 422, "The clip is damaged or no sound or video file"),
        (bytes(2_000_001), 413, "The clip is larger than 2 MB, which is the most that is taken here"),
    ],
    ids=["0 bytes", "text", "playlist", "playlist in tags", "over-long", "cut", "no data", "no flac", "too large"],
)  # fmt: skip
def test_what_cannot_be_predicted_is_told_in_a_line(server, content, status, line):
    found, error = server.error(content)
    assert (found, error.splitlines()) == (status, [error]) and error.startswith(line)


def test_headers_that_lie_about_the_length(server, tmp_path):
    too_long = (422, "The clip is longer than 5 s, which is the most that is taken here; cut it.")
    endless = bytearray(wav(60))
    endless[40:44] = b"\xff\xff\xff\xff"
    assert server.error(bytes(endless)) == too_long
    short = bytearray(wav(60))
    struct.pack_into("<I", short, 40, 2 * RATE)  # a second, it says, and a second is read
    assert server.post(bytes(short)).json() == server.post(wav(1)).json()
    soundfile.write(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.1, 20 * RATE), RATE)
    flac = bytearray((tmp_path / "a.flac").read_bytes())
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)  # of an unknown number of samples
    assert server.error(bytes(flac)) == too_long
    matroska = encoded(20, ".mkv", tmp_path, "libmp3lame")
    place = matroska.index(b"\x44\x89\x88")
    told = struct.unpack(">d", matroska[place + 3 : place + 11])[0]
    assert told == pytest.approx(20000, abs=200)
    lying = matroska[: place + 3] + struct.pack(">d", 1000.0) + matroska[place + 11 :]
    assert server.error(lying) == too_long
    assert server.post(encoded(1, ".mkv", tmp_path, "libmp3lame")).status_code == 200


def test_names_lead_nowhere(work, server):
    before = sorted(work.iterdir())
    for name in ("../../evil.wav", "/tmp/evil.wav", "..\\evil.wav", "a" * 3000 + ".wav", "\x00evil.wav", "clip;rm.wav"):
        assert server.post(wav(1), name).status_code == 200
    assert sorted(work.iterdir()) == before and not Path("/tmp/evil.wav").exists()


def test_requests_that_are_no_form(server):
    url = f"{server.url}/predict"
    how = "send the clip as the one file of a form: curl -F clip=@speech.wav."
    assert requests.post(url, data=wav(1), timeout=30).json() == {"error": f"The request is no form; {how}"}
    assert requests.post(url, files={"a": (None, "x")}, timeout=30).json() == {
        "error": f"The form holds no file; {how}"
    }
    two = requests.post(url, files=[("a", ("a", wav(1))), ("b", ("b", wav(1)))], timeout=30)
    assert (two.status_code, two.json()) == (400, {"error": f"The form holds more than one file; {how}"})
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    broken = b'--x\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\nRIFF'
    assert requests.post(url, data=broken, headers=form, timeout=30).json() == {"error": f"The form breaks off; {how}"}
    damaged = requests.post(url, data=b"no boundary", headers=form, timeout=30)
    assert (damaged.status_code, damaged.json()) == (400, {"error": f"The form is damaged; {how}"})
    endless = requests.post(url, data=(broken for _ in range(40000)), headers=form, timeout=60)  # of no stated length
    assert endless.status_code == 413
    assert requests.get(url, timeout=30).json() == {"error": "Method Not Allowed."}


def test_two_at_once_are_both_answered(server):
    clips = [wav(4, seed=1), wav(3, seed=2)]
    alone = [server.post(clip).json() for clip in clips]
    with ThreadPoolExecutor(2) as users:
        assert [answer.json() for answer in users.map(server.post, clips)] == alone
    assert alone[0]["traces"] != alone[1]["traces"]


def test_fifty_at_once_are_answered_or_told_to_wait_in_little_memory(server):
    clip = wav(LONGEST, 192000)  # 1.92 MB
    with ThreadPoolExecutor(2) as users:
        (expected, _) = [answer.json() for answer in users.map(server.post, [clip] * 2)]
    usual = server.peak()
    with ThreadPoolExecutor(50) as users:
        answers = list(users.map(server.post, [clip] * 50))
    assert server.peak() < 1.15 * usual
    taken = [answer for answer in answers if answer.status_code == 200]
    assert len(taken) >= PLACES and all(answer.json() == expected for answer in taken)
    told = [answer for answer in answers if answer.status_code != 200]
    assert len(told) > 10
    for answer in told:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert answer.json() == {"error": "All places are taken; try again in a few seconds."}


def test_a_process_that_ended_is_there_again(server):
    for pid in server.predicting():
        os.kill(pid, signal.SIGKILL)
    with ThreadPoolExecutor(3) as users:
        assert [answer.status_code for answer in users.map(server.post, [wav(1)] * 3)] == [200] * 3


def test_a_sender_who_leaves_and_a_server_that_is_killed_leave_nothing(speech, work):
    running = Server(speech, work / "killed", "--workers=1")
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n"
    head += b"Content-Type: multipart/form-data; boundary=x\r\n"
    part = b'\r\n--x\r\nContent-Disposition: form-data; name="clip"; filename="a"\r\n\r\nRIFF'

    def upload():
        sender = socket.create_connection(("127.0.0.1", running.port))
        sender.sendall(head + part + bytes(5000))
        return sender

    with upload():
        wait_until(lambda: any(path.name == "clip" for path in running.left()))
    wait_until(lambda: running.left() == [])
    with upload():
        wait_until(lambda: any(path.name == "clip" for path in running.left()))
        predicting = running.predicting()
        running.stop(signal.SIGKILL)
    assert running.left() != []
    wait_until(lambda: not any(map(alive, predicting)))
    again = Server(speech, work / "killed", "--workers=1")
    assert again.left() == [] and len(list(again.temporary.iterdir())) == 1
    again.stop(signal.SIGINT)
    assert list(again.temporary.iterdir()) == [] and again.log.read_text() == ""


def test_what_cannot_be_served_is_told_before(work, speech, server):
    def refused(*flags):
        return tool("serve", *flags, check=False).stderr.splitlines()[-1]

    assert refused(f"--run={work}/nowhere").startswith("error: ")
    assert f"127.0.0.1:{server.port} cannot be listened on" in refused(f"--run={speech}", f"--port={server.port}")
    assert refused(f"--run={speech}", "--workers=0") == "error: --workers is 0, expected more than 0."


def test_the_page_needs_nothing_from_elsewhere(server):
    answer = requests.get(server.url, timeout=30)
    assert answer.headers["content-encoding"] == "gzip" and "<h2>Valence, arousal, words</h2>" in answer.text
    assert requests.get(server.url, headers={"Accept-Encoding": "identity"}, timeout=30).text == answer.text
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', answer.text)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and policy.endswith("connect-src 'self'")
    assert re.findall(r"<(?:script|link|img|iframe)[^>]* (?:src|href)=", answer.text) == []
    paths = requests.get(f"{server.url}/openapi.json", timeout=30).json()["paths"]
    assert sorted(paths) == ["/about", "/health", "/predict"]
    about = requests.get(f"{server.url}/about", timeout=30).json()
    assert about["targets"] == ["arousal", "dominance", "valence"] and about["media"] == ["audio"]
    assert (about["max_mb"], about["max_seconds"], about["hop"]) == (LARGEST, LONGEST, 0.05)
