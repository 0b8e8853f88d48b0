"""Which trials that the study calls running are really trained: their processes may have been killed.

On the machine where a trial runs, a lock on a file tells at once: the system frees it with the process, whatever ended
that. Elsewhere, the time tells that the process writes into the study twice a minute.
"""

import contextlib
import fcntl
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from emotf.progress import say

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

# Seconds between two signs of life, and without one until a trial of another machine counts as dead.
BEAT, SILENT = 30.0, 600.0


@contextlib.contextmanager
def alive(trial: "Trial", lock: Path) -> Iterator[None]:
    """Shows to others, inside the `with`, that the trial is trained here.

    Args:
        trial: running.
        lock: a file that no other trial has.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT):
            try:
                trial.set_user_attr("seen", time.time())
            except Exception as error:  # the database may be back at the next beat
                say(f"no sign of life of trial {trial.number} could be left in the study: {error}")

    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        trial.set_user_attr("seen", time.time())
        trial.set_user_attr("lock", [socket.gethostname(), str(lock.resolve())])
        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
    lock.unlink()  # where an error left the trial running, the file stays, and says that it is dead


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """No other process of this machine is inside such a `with` of the same file."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_dead(trial: "FrozenTrial") -> bool:
    """Whether no process trains a trial any more that the study calls running."""
    host, path = trial.user_attrs.get("lock", ("", ""))
    if host == socket.gethostname():
        with contextlib.suppress(FileNotFoundError), open(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True
    began = trial.datetime_start
    return time.time() - trial.user_attrs.get("seen", began.timestamp() if began else 0.0) > SILENT
