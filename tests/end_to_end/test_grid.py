"""A grid of runs: planned, in parts, with a process killed under way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT, tool

ONE_CORE = {"TF_NUM_INTRAOP_THREADS": "1"}  # as each of several workers has


@pytest.fixture(scope="module")
def flags(smoke):
    """Of one fold, one stream and one target, an epoch each."""
    one = ["--folds=0", "--config.data.targets=arousal", "--config.training.epochs=1"]
    return [f"{smoke[0]},speech", *smoke[1:], *one]


def test_a_grid_in_parts_with_a_killed_process_ends_as_in_one_piece(work, flags):
    words = ["--vary", "targets=mtl", "loss=ccc,mse,pcc"]
    planned = tool("compare", *flags, *words, f"--out={work}/parts", "--dry_run")
    assert "3 runs, 0 of them done; how long, is known after the first" in planned.stdout
    assert "| mtl mse |    1 |    0 | -       |" in planned.stdout and not (work / "parts").exists()

    first = tool("compare", *flags, *words, f"--out={work}/parts", "--shard=2/2", env=ONE_CORE)
    assert "shard 2/2 is done; the table needs the other shards' runs" in first.stdout
    assert len(list((work / "parts" / "runs").glob("*/FINISHED"))) == 1
    assert not (work / "parts" / "comparison.md").exists()

    # the first part on another machine: folders are brought together afterwards; there, its process is killed
    elsewhere = [*flags, *words, f"--out={work}/elsewhere", "--workers=2"]
    command = [sys.executable, "tools/compare.py", *elsewhere, "--shard=1/2"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    os.kill(_a_worker_of(process, work / "elsewhere"), signal.SIGKILL)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 1 and "its process was killed, perhaps for memory" in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith("error: 1 of 2 runs broke: mtl ")
    assert len(list((work / "elsewhere" / "runs").glob("*/FINISHED"))) == 1
    again = tool("compare", *elsewhere, "--shard=1/2", fresh=True)
    assert "2 runs, 1 of them done" in again.stderr

    for folder in (work / "elsewhere" / "runs").iterdir():
        folder.rename(work / "parts" / "runs" / folder.name)
    joined = tool("compare", *flags, *words, f"--out={work}/parts")
    assert "3 runs, 3 of them done; nothing left to run" in joined.stderr
    tool("compare", *flags, *words, f"--out={work}/piece", env=ONE_CORE)
    one, other = (pd.read_csv(work / name / "comparison.csv") for name in ("parts", "piece"))
    timed = ["seconds", "seconds_all"]
    pd.testing.assert_frame_equal(one.drop(columns=timed), other.drop(columns=timed))


def _a_worker_of(process: subprocess.Popen, folder: Path) -> int:
    """A process that trains: one that a comparison has spawned, once a run has begun."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if any(folder.glob("runs/*/log.txt")):
            for child in _children(process.pid):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return child
        time.sleep(0.05)
    raise AssertionError(f"no worker came: {process.stderr.read() if process.poll() is not None else 'waited'}")


def _children(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
