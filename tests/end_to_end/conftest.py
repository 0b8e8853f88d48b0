"""Tools are run as a user runs them: by subprocess, from the root of the project."""

import os
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import pytest
import warm
from real_data import DATA

ROOT = Path(__file__).parents[2]
SHARED = DATA


def tool(name, *flags, check=True, fresh=False, env=MappingProxyType({}), before=""):
    """Runs tools/<name>.py in a process.

    With `check`, its exit code must be 0. `fresh`, it has an interpreter of its own, as each tool has in some test;
    else code may run `before` it.
    """
    script, flags = f"tools/{name}.py", [str(flag) for flag in flags]
    if fresh:
        done = subprocess.run(
            [sys.executable, script, *flags],
            cwd=ROOT,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=600,
        )
    else:
        done = warm.run(script, flags, ROOT, timeout=600, env=env, before=before)
    if check:
        assert done.returncode == 0, f"{name} {flags} ended with {done.returncode}:\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def synthetic(work):
    """The flags of the synthetic corpus as the recipe has it, 20 recordings of 60 s, extracted once."""
    flags = [
        "--config=configs/cer_mtl.py:synthetic",
        f"--config.corpus.dir={work}/corpus",
        f"--config.data.records={work}/records",
    ]
    tool("extract", *flags, fresh=True)
    return flags


@pytest.fixture(scope="session")
def smoke(work):
    """The flags of a tiny corpus, 10 recordings of 10 s, extracted once."""
    flags = [
        "--config=configs/cer_mtl.py:smoke",
        f"--config.corpus.dir={work}/tiny",
        f"--config.data.records={work}/tiny_records",
    ]
    tool("extract", *flags)
    return flags


@pytest.fixture(scope="session")
def trained(work, synthetic):
    """A run on it that had time to learn."""
    run = work / "trained"
    tool("train", *synthetic, "--config.training.epochs=8", f"--run={run}", fresh=True)
    return run


@pytest.fixture(scope="session")
def speech(work):
    """A run that reads speech only and predicts arousal, dominance and valence at 20/s."""
    flags = ["--config=configs/cer_mtl.py:synthetic,speech,smoke", f"--config.corpus.dir={work}/speech_corpus"]
    flags += [f"--config.data.records={work}/speech_records", "--config.training.epochs=1"]
    tool("extract", *flags)
    tool("train", *flags, f"--run={work}/speech_run")
    return work / "speech_run"
