"""Progress on long work: a bar on a terminal, a line now and then in a log, nothing on standard output."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

T = TypeVar("T")

# Seconds between two lines where there is no terminal to draw a bar on.
LOG_EVERY = 10.0


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yields the items and shows how far it is, on standard error; `total` where they cannot be counted before."""
    if total is None:
        total = len(items) if isinstance(items, Sized) else None
    if sys.stderr.isatty():
        yield from _bar(items, what, total)
        return
    of = f" of {total}" if total else ""
    done = 0
    began = shown = time.monotonic()
    for item in items:
        if time.monotonic() - shown > LOG_EVERY:
            shown = time.monotonic()
            say(f"{what}: {done}{of}, {shown - began:.0f} s")
        yield item
        done += 1
    say(f"{what}: {done}{of}, {time.monotonic() - began:.0f} s")


def paced(items: Iterable[T], what: str) -> Iterator[T]:
    """Yields the items of work inside other work; a line now and then says how many, none where it is soon done."""
    shown = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - shown > LOG_EVERY:
            shown = time.monotonic()
            say(f"{what}: {done}")
        yield item


def say(line: str) -> None:
    """A line on standard error, at once."""
    print(line, file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """A duration for people.

    Example:
        >>> clock(42), clock(754), clock(7440)
        ('42 s', '13 min', '2 h 04 min')
    """
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _bar(items: Iterable[T], what: str, total: int | None) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=what, total=total, console=Console(stderr=True))
