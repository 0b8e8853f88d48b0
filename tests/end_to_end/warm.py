"""Processes that have TensorFlow imported when they begin: each a fork of one that has done nothing else.

A tool run so has its own process, arguments, output and exit code, as one from the command line has, and starts seconds
sooner. What an interpreter of its own would show beside (whether a tool imports what it needs, in an order that works)
is for `tool(..., fresh=True)`.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

IMPORTED = ("tensorflow", "keras", "pandas", "sklearn.linear_model", "matplotlib.pyplot", "ml_collections.config_flags")


def run(
    script: str, arguments: Sequence[str], folder: Path, timeout: float, env: Mapping[str, str], before: str = ""
) -> "subprocess.CompletedProcess[str]":
    """What `python <script> <arguments>` does and says.

    Args:
        script, arguments: as on the command line.
        folder: where it runs.
        timeout: seconds.
        env: variables that are set before all else.
        before: code that runs in the same process before the script.

    Raises:
        subprocess.TimeoutExpired: it has not ended after so many seconds, and was killed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # as the tools have it before they import TensorFlow
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    with tempfile.TemporaryDirectory() as said:
        out, err = Path(said, "stdout"), Path(said, "stderr")
        described = script, list(arguments), str(folder), dict(env), before
        process = context.Process(target=_main, args=(*described, str(out), str(err)))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            try:
                os.killpg(process.pid or 0, signal.SIGKILL)  # with all it started, where `before` gave it a group
            except ProcessLookupError:
                process.kill()
            process.join()
            raise subprocess.TimeoutExpired([script, *arguments], timeout, out.read_text(), err.read_text())
        return subprocess.CompletedProcess([script, *arguments], process.exitcode, out.read_text(), err.read_text())


def _main(script: str, arguments: list[str], folder: str, env: dict[str, str], before: str, out: str, err: str) -> None:
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ.update(env)
    os.chdir(folder)
    sys.argv = [script, *arguments]
    sys.path.insert(0, os.path.join(folder, os.path.dirname(script)))
    exec(before, {})
    # as on the command line, where both what it is called and where workers find it follow from a relative path
    multiprocessing.process.ORIGINAL_DIR = folder
    runpy.run_path(script, run_name="__main__")
