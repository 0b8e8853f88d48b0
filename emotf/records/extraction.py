"""From recordings to records: what there is to do, who does it, and what is promised in the end."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from emotf.annotation import gold_standard
from emotf.corpora.base import Corpus
from emotf.errors import UserError
from emotf.features.base import Feature, FittedFeature
from emotf.places import Place, Remote
from emotf.progress import progress, say
from emotf.recording import Recording, check_subjects
from emotf.records.jobs import Job, Outcome, Task, check_hop, in_processes, work
from emotf.records.learning import fitted
from emotf.records.store import Store
from emotf.records.stream import GOLD, Schema, Stream
from emotf.track import Track

# (tasks, jobs) -> does some or all of them elsewhere; what it leaves undone is done here
Elsewhere = Callable[[Sequence[Task], Sequence[Job]], None]
Counts = dict[str, dict[str, int]]


def extract(
    corpus: Corpus,
    features: Mapping[str, Feature],
    folder: str | Place,
    fusion: str = "mean",
    workers: int = 1,
    elsewhere: Elsewhere | None = None,
) -> Counts:
    """Writes the gold standard and streams of a corpus; what is already there and whole is kept.

    A recording that fails does not stop the others; it is reported as it happens, and the error comes at the end.

    Args:
        corpus: prepared here (generated or composed) if it needs to be.
        features: stream name -> feature.
        folder: `<records>/<corpus>`, on this machine or a URL of an object store.
        fusion: of the raters.
        workers: processes that extract, a recording at a time.
        elsewhere: does the work on other machines first (`emotf.records.beam`).

    Returns:
        stream -> {"written": ..., "kept": ...}, numbers of recordings.

    Raises:
        UserError: a medium, rating or stream is not usable; files written so far stay, and all are whole.
    """
    if GOLD in features:
        raise UserError(f"A stream cannot be called {GOLD!r}; that is the gold standard.")
    corpus.prepare()
    recordings = corpus.recordings()
    _check_media(recordings, features)
    store = Store(folder)
    golds: dict[str, Track] = {}
    for recording in progress(recordings, "gold standard"):
        golds[recording.id] = gold_standard(corpus, recording, fusion)
    store.describe(_part(corpus), corpus.described(), recordings)
    counts = {GOLD: _write_gold(store.stream(GOLD), golds, fusion)}
    return counts | _streams(store, features, recordings, golds, workers, elsewhere)


def extract_missing(corpus: Corpus, features: Mapping[str, Feature], folder: str | Place) -> None:
    """`extract`, where a stream or the gold standard is not complete yet."""
    store = Store(folder)
    if not all((store.stream(name).folder / "COMPLETED").is_file() for name in (*features, GOLD)):
        extract(corpus, features, folder)


def extract_media(
    media: Sequence[Path],
    features: Mapping[str, Feature],
    folder: str | Place,
    workers: int = 1,
    elsewhere: Elsewhere | None = None,
) -> Counts:
    """Writes streams of media files that nobody rated: a store without a gold standard. Otherwise as `extract`.

    Args:
        media: files, each a recording of its own name (`_` for what no id may hold): its pictures are the medium
            `video`, its sound is `audio`.
        features: stream name -> feature.
        folder: of the store.
        workers: processes that extract.
        elsewhere: as in `extract`.

    Raises:
        UserError: there is no file, two have the same name, or some could not be extracted.
    """
    if not media:
        raise UserError("There are no media files to extract streams of.")
    _check_stems(media)
    recordings = tuple(Recording(_id_of(path), _id_of(path), {"video": path}) for path in sorted(media))
    _check_media(recordings, features)
    store = Store(folder)
    _say_who_leaves(store, recordings)
    store.describe({"part": "media"}, "nobody's ratings: media files only", recordings)
    return _streams(store, features, recordings, {}, workers, elsewhere)


def _say_who_leaves(store: Store, recordings: Sequence[Recording]) -> None:
    """A store holds the media that were named last."""
    now = {recording.id for recording in recordings}
    gone = [recording.id for recording in store.recordings if recording.id not in now] if store.begun else []
    if gone:
        say(
            f"{len(gone)} recordings that {store.folder} held are not named now and leave it: {', '.join(gone[:5])}"
            + (", ..." if len(gone) > 5 else "")
        )


def _check_stems(media: Sequence[Path]) -> None:
    """Refuses two files that would be one recording."""
    seen: dict[str, Path] = {}
    for path in sorted(media):
        if (other := seen.setdefault(_id_of(path), path)) != path:
            raise UserError(
                f"{other} and {path} would both be recording {_id_of(path)!r}; rename one, or extract them apart, into "
                "stores of their own."
            )


def _id_of(path: Path) -> str:
    """The name of a file, with `_` for what no id may hold."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem).lstrip(".-") or "_"


def _check_media(recordings: Sequence[Recording], features: Mapping[str, Feature]) -> None:
    """What is missing is said before hours of work."""
    check_subjects(recordings)
    for feature in features.values():
        for recording in recordings:
            for medium in feature.media:
                recording.medium(medium)


def _write_gold(stream: Stream, golds: Mapping[str, Track], fusion: str) -> dict[str, int]:
    """Writes the gold standards; those that are there with the same values are kept."""
    counts, entries = {"written": 0, "kept": 0}, {}
    first = next(iter(golds.values()))
    stream.start(Schema(first.channels, first.hop, 0.0, GOLD, {"fusion": fusion}))
    for name, gold in golds.items():
        check_hop(stream.name, name, gold, first.hop)
        old = stream.existing(name, fusion)
        if old and old[1].start == gold.start and np.array_equal(old[1].values, gold.values, equal_nan=True):
            entries[name], counts["kept"] = old[0], counts["kept"] + 1
        else:
            entries[name], counts["written"] = stream.write(name, gold, fusion), counts["written"] + 1
    stream.complete(entries)
    return counts


def _streams(
    store: Store,
    features: Mapping[str, Feature],
    recordings: Sequence[Recording],
    golds: Mapping[str, Track],
    workers: int,
    elsewhere: Elsewhere | None,
) -> Counts:
    tasks = [_task(store.stream(name), feature, recordings) for name, feature in features.items()]
    jobs = [Job(r, golds[r.id].clock if r.id in golds else None) for r in recordings]

    def finished() -> Iterator[list[Outcome]]:
        # an object store cannot say who began a stream first: one process does, before several go on
        while isinstance(store.folder, Remote) and jobs and not all(Stream(task.folder).begun for task in tasks):
            yield work(tasks, jobs.pop(0))
        if elsewhere is not None:
            elsewhere(tasks, jobs)
        yield from in_processes(tasks, jobs, workers)

    outcomes: list[Outcome] = []
    for done in progress(finished(), "recordings", len(jobs)):
        for outcome in done:
            if outcome.error:
                say(f"failed: recording {outcome.recording}, stream {outcome.stream}: {outcome.error}")
        outcomes += done
    store.write_speeds([outcome for outcome in outcomes if outcome.written])
    store.write_media([outcome for outcome in outcomes if not outcome.error])
    order = {recording.id: place for place, recording in enumerate(recordings)}
    outcomes.sort(key=lambda outcome: order[outcome.recording])
    counts = {task.folder.name: _complete(task, outcomes) for task in tasks}
    failed = [outcome for outcome in outcomes if outcome.error]
    if failed:
        advice = f" ({len(failed)} of {len(outcomes)} streams failed, each is named above; what is whole stays, and is "
        advice += "complete once they are mended or left out.)"
        raise UserError(failed[0].error + (advice if len(outcomes) > 1 else ""))
    return counts


def _task(stream: Stream, feature: Feature, recordings: Sequence[Recording]) -> Task:
    """A stream to extract; refuses a folder that holds another one."""
    if not any(stream.path(recording.id).is_file() for recording in recordings):
        stream.forget_beginning()  # by recordings that failed or are gone
    asked, feature = feature, feature.resolved(recordings[0])
    made_by = _part(feature)
    if stream.begun:
        made_by = _as_known(stream.schema.made_by, made_by, asked)
    if isinstance(feature, FittedFeature):
        feature, made_by = fitted(stream, feature, made_by, recordings)
    if stream.begun:
        stream.start(replace(stream.schema, made_by=made_by))
    return Task(stream.folder, feature, made_by)


def _complete(task: Task, outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Promises a stream that is whole, and settles its schema by the first recording, whichever was done first."""
    mine = [outcome for outcome in outcomes if outcome.stream == task.folder.name]
    entries = {outcome.recording: outcome.entry for outcome in mine if outcome.entry is not None}
    if len(entries) == len(mine):
        stream = Stream(task.folder)
        stream.complete(entries, replace(stream.schema, hop=mine[0].hop))
    written = sum(outcome.written for outcome in mine)
    return {"written": written, "kept": len(entries) - written}


def _as_known(written: Mapping[str, Any], made_by: dict[str, Any], asked: Feature) -> dict[str, Any]:
    """Settings without those that the version which began a stream did not know, and that are asked for by default.

    The default of a new setting is what was done before there was one.
    """
    default = {field.name for field in fields(asked) if getattr(asked, field.name) == field.default}
    return {name: value for name, value in made_by.items() if name in written or name not in default}


def _part(part: Any) -> dict[str, Any]:
    """The settings that made a stream, as JSON holds them (tuples are lists there)."""
    fields = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(part).items()}
    return {"part": type(part).__module__.rpartition(".")[2], **fields}
