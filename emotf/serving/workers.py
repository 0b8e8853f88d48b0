"""Processes that predict, each a clip at a time: what a hostile clip breaks is one of them, and it is replaced."""

import asyncio
import logging
import multiprocessing
import resource
import signal
import tempfile
import threading
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from emotf.errors import UserError
from emotf.processes import begin_worker
from emotf.progress import say
from emotf.serving.clips import ClipError

SPAWN = multiprocessing.get_context("spawn")
# Networks and decoders leave some memory behind; after so many clips a process is replaced.
CLIPS = 200
# Bytes that a process may take beyond what it has once it is ready; a clip that needs more ends it.
MEMORY = 6 << 30
START = 300.0  # seconds until it is ready


@dataclass(frozen=True)
class Work:
    """What a process must know.

    Attributes:
        run: folder of a finished run.
        postprocess: applies its post-processing.
        longest: seconds of a clip.
        workers: processes that share the machine.
    """

    run: str
    postprocess: bool
    longest: float
    workers: int

    @property
    def patience(self) -> float:
        """Seconds after which a prediction is given up; a face mesh on one slow core takes some 3 times the clip."""
        return 60 + 10 * self.longest


class Worker:
    """A process that is there again whenever it ended."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._turn = threading.Lock()
        self._over = False
        self._about: dict[str, Any] | None = None
        self._begin()

    def ready(self) -> dict[str, Any]:
        """Facts of the run, `Answers.about`, once it can answer. Raises UserError where it cannot."""
        if self._about is None:
            said, content = self._hear(START)
            if said != "ready":
                raise UserError(content)
            self._about = content
        return self._about

    def answer(self, clip: Path) -> dict[str, Any]:
        """`Answers.answer`. Raises ClipError."""
        with self._turn:
            try:
                self._hand_over(clip)
                said, content = self._hear(self.work.patience)
            except (UserError, EOFError, OSError, TimeoutError) as error:
                self._replace()
                raise _told(error) from None
            self._answered += 1
            if self._answered == CLIPS:
                self._replace()
        if said != "answer":
            raise ClipError(*content)
        return dict(content)

    def end(self) -> None:
        """Ends the process, whatever it does, for good; who waits for an answer is told."""
        self._over = True
        self._kill()

    def _hand_over(self, clip: Path) -> None:
        """Until the process has the clip; what ended before did so by no fault of it, and is replaced, once."""
        try:
            self._give(clip)
        except (EOFError, OSError):
            self._replace()
            self._give(clip)

    def _give(self, clip: Path) -> None:
        self.ready()
        self._pipe.send(str(clip))
        self._hear(START)

    def _replace(self) -> None:
        self._kill()
        if not self._over:
            self._begin()

    def _kill(self) -> None:
        self._process.kill()  # first: that wakes who listens to the pipe
        self._process.join()
        self._pipe.close()

    def _begin(self) -> None:
        self._pipe, there = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_answer_on, args=(there, self.work), daemon=True)
        self._process.start()
        there.close()
        self._about = None
        self._answered = 0

    def _hear(self, patience: float) -> tuple[str, Any]:
        if not self._pipe.poll(patience):
            raise TimeoutError
        said, content = self._pipe.recv()
        return said, content


class Workers:
    """Some processes, and a line before them.

    Raises:
        UserError: the run cannot be served.
    """

    def __init__(self, work: Work) -> None:
        self._all = [Worker(work) for _ in range(work.workers)]
        self._threads = ThreadPoolExecutor(work.workers)
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        try:
            for worker in self._all:
                self.about = worker.ready()
        except (EOFError, OSError):
            self.end()
            raise UserError(f"The process that was to serve {work.run} ended, or hung, before it was ready.") from None
        except BaseException:
            self.end()
            raise
        for worker in self._all:
            self._idle.put_nowait(worker)

    @property
    def idle(self) -> int:
        """How many wait for a clip."""
        return self._idle.qsize()

    async def answer(self, clip: Path, gone: Callable[[], Awaitable[bool]]) -> dict[str, Any] | None:
        """`Answers.answer` by the next process that is free; None where nobody waits for it any more.

        Raises:
            ClipError: the clip is.
        """
        worker = await self._idle.get()
        try:
            if await gone():
                return None
            return await asyncio.get_running_loop().run_in_executor(self._threads, worker.answer, clip)
        finally:
            self._idle.put_nowait(worker)

    def end(self) -> None:
        """Ends all processes."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._all:
            worker.end()


def _told(error: Exception) -> ClipError:
    """What a user is told where the process gave no answer."""
    if isinstance(error, UserError):
        return ClipError(500, f"The server lost its run: {error}")
    late = isinstance(error, TimeoutError)
    say(f"serve: a process {'was too slow' if late else 'ended'} and is replaced")
    if late:
        return ClipError(504, "The prediction took too long and was given up; send a shorter clip.")
    return ClipError(422, "The clip ended the process that read it: it is damaged, or needs too much memory; convert "
                          "it to WAV or mp4.")  # fmt: skip


def _answer_on(pipe: Connection, work: Work) -> None:
    """What a process does: says that it is ready, then answers paths of clips."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C the server takes care
    begin_worker(work.workers)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # every length of a clip is traced, and it says so
    from emotf.serving.answers import Answers

    try:
        answers = Answers(work.run, work.postprocess, work.longest)
        pipe.send(("ready", answers.about))
    except UserError as error:
        pipe.send(("refused", str(error)))
        return
    _limit_memory()
    while True:
        try:
            clip = Path(pipe.recv())
            pipe.send(("taken", None))
        except (EOFError, OSError):
            return
        tempfile.tempdir = str(clip.parent)  # what decoders may leave goes with the clip
        pipe.send(_answered(answers, clip))


def _answered(answers: Any, clip: Path) -> tuple[str, Any]:
    try:
        return "answer", answers.answer(clip)
    except UserError as error:
        line = str(error).replace(str(clip), "The clip")
        return "refused", (getattr(error, "status", 422), line)
    except MemoryError:
        return "refused", (422, "The clip needs too much memory; send a smaller one.")
    except Exception:  # a bug: told in the log, and the next clip is answered
        traceback.print_exc()
        return "refused", (500, "The prediction failed; the log of the server says why.")


def _limit_memory() -> None:
    """Private writable memory, which is what a clip can make grow, as Linux counts it."""
    try:
        used = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    except (OSError, StopIteration):
        return
    most = int(used.split()[1]) * 1024 + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))
