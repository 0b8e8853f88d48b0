"""tools/serve.py in a process, for tests that ask it."""

import os
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import requests
from conftest import ROOT

RATE = 16000


def alive(pid):
    """Whether a process is there and has not ended, waited for or not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"


class Server:
    """tools/serve.py in a process, with a folder for its temporary files."""

    def __init__(self, run, temporary, *flags):
        self.temporary, self.log = temporary, temporary.with_suffix(".log")
        temporary.mkdir(exist_ok=True)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "tools/serve.py", f"--run={run}", "--port=0", *flags],
                cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary), "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        line = self.process.stdout.readline()
        assert line.startswith("Serving "), self.log.read_text()
        self.url = line.split()[-1]
        self.port = int(self.url.rpartition(":")[2])

    def post(self, content, name="clip.wav", **headers):
        return requests.post(f"{self.url}/predict", files={"clip": (name, content)}, headers=headers, timeout=300)

    def error(self, content, name="clip.wav"):
        answer = self.post(content, name)
        return answer.status_code, answer.json()["error"]

    def predicting(self):
        """The processes that predict."""
        found = []
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            found += [int(pid) for pid in (task / "children").read_text().split()]
        return [pid for pid in found if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text() and alive(pid)]

    def peak(self):
        """Bytes of memory that all of them held at most, since the last time that this was asked."""
        total = 0
        for pid in [self.process.pid, *self.predicting()]:
            status = Path(f"/proc/{pid}/status").read_text()
            total += 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        return total

    def left(self):
        """Files and folders beside the one folder of the server."""
        return [path for path in self.temporary.rglob("*") if not re.fullmatch(r"emotf_serve_\w+", path.name)]

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)
        self.process.stdout.close()


def wav(seconds, rate=RATE, seed=0):
    """A WAV file of noise, 16 bits."""
    samples = (3000 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype("<i2").tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return head + struct.pack("<4sI", b"data", len(samples)) + samples
