"""Progress on long work: a bar on a terminal, a line now and then in a log, nothing on standard output."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

# Seconds between two lines where there is no terminal to draw a bar on.
LOG_EVERY = 10.0


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """Yields the items and shows how far it is, on standard error."""
    if sys.stderr.isatty():
        yield from _bar(items, what)
        return
    began = shown = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - shown > LOG_EVERY:
            shown = time.monotonic()
            say(f"{what}: {done} of {len(items)}, {shown - began:.0f} s")
        yield item
    say(f"{what}: {len(items)} of {len(items)}, {time.monotonic() - began:.0f} s")


def say(line: str) -> None:
    """A line on standard error, at once."""
    print(line, file=sys.stderr, flush=True)


def _bar(items: Sequence[T], what: str) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=what, console=Console(stderr=True))
