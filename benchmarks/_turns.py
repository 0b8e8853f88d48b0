"""Candidates that take turns, so that what else happens on a machine hits all of them alike."""

import multiprocessing
import time
from collections.abc import Callable
from typing import Any

from emotf.progress import say

# candidate -> one turn, which returns what it reached (say, feature images a second)
Jobs = dict[str, Callable[[], float]]


def rate(amount: float, work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """How much is done in a second."""
    began = clock()
    work()
    return amount / (clock() - began)


class Worker:
    """A process of its own for some candidates.

    Args:
        make, arguments: give parameters and candidates, inside that process.
    """

    def __init__(self, make: Callable[..., tuple[int, Jobs]], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, make, arguments), daemon=True)
        self.process.start()
        theirs.close()
        self.parameters, self.candidates = self.pipe.recv()

    def turn(self, name: str) -> float:
        """What the candidate reached; NaN where it failed."""
        self.pipe.send(name)
        return float(self.pipe.recv())

    def end(self) -> None:
        self.pipe.send(None)
        self.process.join()


def _serve(pipe: Any, make: Callable[..., tuple[int, Jobs]], arguments: tuple[Any, ...]) -> None:
    parameters, jobs = make(*arguments)
    pipe.send((parameters, list(jobs)))
    while (name := pipe.recv()) is not None:
        try:
            pipe.send(jobs[name]())
        except Exception as error:  # torch.compile needs a C++ compiler; where it fails the others go on
            say(f"{name} failed: {str(error).strip().splitlines()[-1:]}")
            jobs[name] = lambda: float("nan")
            pipe.send(float("nan"))
