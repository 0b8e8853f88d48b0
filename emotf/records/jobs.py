"""One recording's streams: the unit of work of an extraction, done by whichever process takes it, once.

A job is idempotent: what is there and whole is kept, and a file appears whole or not at all. So it does not matter who
does it, in which order, or how often.
"""

import hashlib
import importlib
import multiprocessing
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import zip_longest
from typing import Any

from emotf.errors import UserError
from emotf.features.base import Feature, PictureFeature
from emotf.files import sha256
from emotf.places import Place
from emotf.processes import begin_worker
from emotf.recording import Recording
from emotf.records.coverage import nearest_frames
from emotf.records.stream import Entry, Schema, Stream
from emotf.track import MISFIT, Clock, Track


@dataclass(frozen=True)
class Task:
    """A stream to extract.

    Attributes:
        folder: of the stream.
        feature: resolved, and fitted where it is one to fit.
        made_by: its settings, as the schema holds them.
    """

    folder: Place
    feature: Feature
    made_by: dict[str, Any]

    def schema(self, channels: tuple[str, ...], hop: float) -> Schema:
        """The schema of a stream with these channels and this hop."""
        feature = self.feature
        return Schema(channels, hop, feature.window, feature.kind, self.made_by, feature.gaps)


@dataclass(frozen=True)
class Job:
    """A recording, and the clock of its gold standard where it is rated."""

    recording: Recording
    gold: Clock | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one stream of one recording.

    Attributes:
        recording, stream: their names.
        entry: of COMPLETED; None where it failed.
        written: newly, in `seconds` of work; else it was there.
        hop: of the recording.
        error: the line to show where it failed.
        media: medium -> SHA-256 of its file, of those that the stream was made from.
    """

    recording: str
    stream: str
    entry: Entry | None = None
    written: bool = False
    seconds: float = 0.0
    hop: float = 0.0
    error: str = ""
    media: Mapping[str, str] = field(default_factory=dict)


def work(tasks: Sequence[Task], job: Job) -> list[Outcome]:
    """Extracts all streams of a recording; one that fails does not stop the others."""
    outcomes = []
    digest = cache(lambda medium: sha256(job.recording.medium(medium)))  # streams share media
    for task in tasks:
        began = time.monotonic()
        try:
            media = {medium: digest(medium) for medium in task.feature.media}
            outcome = replace(_extract(task, job, _fingerprint(list(media.values())), began), media=media)
        except UserError as error:
            outcome = Outcome(job.recording.id, task.folder.name, error=str(error))
        outcomes.append(outcome)
    return outcomes


def in_processes(tasks: Sequence[Task], jobs: Sequence[Job], workers: int) -> Iterator[list[Outcome]]:
    """`work` of all jobs, as they finish: in this process where `workers` is 1, else in spawned ones.

    Each process has decoders and detectors of its own. They end with this one, even where it is killed.

    Raises:
        UserError: a process died (of memory, or inside a decoder).
    """
    if workers == 1:
        importlib.import_module("tensorflow")
        yield from (work(tasks, job) for job in jobs)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), spawn, _begin_worker, (tasks, workers)) as pool:
        futures = [pool.submit(_work_of_worker, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise UserError(
                "A worker process died, of want of memory or inside a decoder; what is whole stays. Run it again with "
                "one worker to see at which recording."
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_tasks: Sequence[Task] = ()


def _begin_worker(tasks: Sequence[Task], workers: int) -> None:
    """Keeps the tasks (what features learned may be large), shares out the cores, and watches the parent."""
    global _tasks
    _tasks = tasks
    begin_worker(workers)
    importlib.import_module("tensorflow")  # writes records: its start is no work of the first stream


def _work_of_worker(job: Job) -> list[Outcome]:
    return work(_tasks, job)


def _extract(task: Task, job: Job, source: str, began: float) -> Outcome:
    recording, feature, stream = job.recording, task.feature, Stream(task.folder)
    found = stream.existing(recording.id, source) if stream.begun else None
    if found:
        entry, track = found
        _check(stream, task, job, track)
    elif isinstance(feature, PictureFeature):
        film = feature.film(recording)
        stream.begin(task.schema(feature.channels or (), film.hop))  # how long it is shows only at its end
        entry, track = stream.write_film(recording.id, film, source)
        _check(stream, task, job, track)
    else:
        track = feature.extract(recording)
        _check(stream, task, job, track)
        entry = stream.write(recording.id, track, source)
    seconds = 0.0 if found else time.monotonic() - began
    return Outcome(recording.id, stream.name, entry, not found, seconds, track.hop)


def _fingerprint(digests: Sequence[str]) -> str:
    """The SHA-256 of what a feature reads of a recording; over those of all files where it reads several."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _check(stream: Stream, task: Task, job: Job, track: Track) -> None:
    """Refuses what leaves some of the gold standard without media, or does not fit the recordings before it.

    The first recording that fits its gold standard begins the stream.
    """
    if job.gold is not None:
        nearest_frames(job.recording.id, stream.name, track.clock, job.gold)
    stream.begin(task.schema(track.channels, track.hop))
    usual = stream.schema
    stream.start(replace(usual, made_by=task.made_by))
    _check_channels(stream.name, job.recording.id, track.channels, usual.channels)
    settable = hasattr(task.feature, "rate_hz")
    advice = "set rate_hz of the stream, so that all have one rate" if settable else "resample one of them first"
    check_hop(stream.name, job.recording.id, track, usual.hop, advice)


def check_hop(
    stream: str, recording: str, track: Track, hop: float, advice: str = "resample one of them first"
) -> None:
    """Refuses a recording whose hop is not that of the others."""
    # all recordings are read by one hop: what is a hair off in one frame must not add up to another frame at the end
    if abs(track.hop - hop) * max(track.frames, 0.5 / MISFIT) > hop / 2:
        raise UserError(
            f"Stream {stream!r}: recording {recording} has a hop of {track.hop:.9g} s, the others {hop:.9g} s; "
            f"{advice}."
        )


def _check_channels(stream: str, recording: str, found: Iterable[str], expected: Iterable[str]) -> None:
    found, expected = tuple(found), tuple(expected)
    if found != expected:
        odd, usual = next(pair for pair in zip_longest(found, expected, fillvalue="none") if pair[0] != pair[1])
        raise UserError(
            f"Stream {stream!r}: recording {recording} has {len(found)} channels, the others {len(expected)} ({odd!r} "
            f"where they have {usual!r}); restore its file, or leave the recording out."
        )
