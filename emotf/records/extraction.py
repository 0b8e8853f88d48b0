"""From a corpus to records: the loop, its progress, its checks, and how it continues after a stop."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from emotf.annotation import gold_standard
from emotf.corpora.base import Corpus
from emotf.errors import UserError
from emotf.features.base import Feature, FittedFeature
from emotf.files import sha256
from emotf.progress import progress
from emotf.recording import Recording, check_subjects
from emotf.records.learning import fitted
from emotf.records.store import Store
from emotf.records.stream import GOLD, Schema, Stream, nearest_frames
from emotf.track import MISFIT, Track


def extract(
    corpus: Corpus, features: Mapping[str, Feature], folder: Path, fusion: str = "mean"
) -> dict[str, dict[str, int]]:
    """Writes the gold standard and streams of a corpus; what is already there and whole is kept.

    Args:
        corpus: prepared here (generated or composed) if it needs to be.
        features: stream name -> feature.
        folder: `<records>/<corpus>`.
        fusion: of the raters.

    Returns:
        stream -> {"written": ..., "kept": ...}, numbers of recordings.

    Raises:
        UserError: a medium, rating or stream is not usable; files written so far stay, and all are whole.
    """
    if GOLD in features:
        raise UserError(f"A stream cannot be called {GOLD!r}; that is the gold standard.")
    corpus.prepare()
    recordings = corpus.recordings()
    check_subjects(recordings)
    for feature in features.values():
        for recording in recordings:
            recording.medium(feature.medium)  # what is missing is said before hours of work
    store = Store(folder)
    counts: dict[str, dict[str, int]] = {}
    golds: dict[str, Track] = {}
    for recording in progress(recordings, "gold standard"):
        golds[recording.id] = gold_standard(corpus, recording, fusion)
    store.describe(_part(corpus), corpus.described(), recordings)
    counts[GOLD] = _write_gold(store.stream(GOLD), golds, fusion)
    for name, feature in features.items():
        counts[name] = _extract_stream(store.stream(name), feature, recordings, golds)
    return counts


def _write_gold(stream: Stream, golds: Mapping[str, Track], fusion: str) -> dict[str, int]:
    """Writes the gold standards; those that are there with the same values are kept."""
    counts, entries = {"written": 0, "kept": 0}, {}
    first = next(iter(golds.values()))
    stream.start(Schema(first.channels, first.hop, 0.0, GOLD, {"fusion": fusion}))
    for name, gold in golds.items():
        _check_hop(stream.name, name, gold, first.hop)
        old = stream.existing(name, fusion)
        if old and old[1].start == gold.start and np.array_equal(old[1].values, gold.values, equal_nan=True):
            entries[name], counts["kept"] = old[0], counts["kept"] + 1
        else:
            entries[name], counts["written"] = stream.write(name, gold, fusion), counts["written"] + 1
    stream.complete(entries)
    return counts


def _extract_stream(
    stream: Stream, feature: Feature, recordings: tuple[Recording, ...], golds: Mapping[str, Track]
) -> dict[str, int]:
    counts, entries = {"written": 0, "kept": 0}, {}
    feature = feature.resolved(recordings[0])
    made_by = _part(feature)
    if isinstance(feature, FittedFeature):
        feature, made_by = fitted(stream, feature, made_by, recordings)
    begun, hop = _begun(stream, made_by), 0.0
    channels: tuple[str, ...] = ()
    for recording in progress(recordings, stream.name):
        source = sha256(recording.medium(feature.medium))
        found = stream.existing(recording.id, source) if begun else None
        track = found[1] if found else feature.extract(recording)
        hop, channels = hop or track.hop, channels or track.channels
        _check_channels(stream.name, recording.id, track.channels, channels)
        _check_hop(stream.name, recording.id, track, hop)
        nearest_frames(recording.id, stream.name, track.clock, golds[recording.id].clock)
        if found:
            entries[recording.id], counts["kept"] = found[0], counts["kept"] + 1
            continue
        stream.start(Schema(track.channels, hop, feature.window, feature.kind, made_by, feature.gaps))
        entries[recording.id] = stream.write(recording.id, track, source)
        counts["written"] += 1
    stream.complete(entries)
    return counts


def _begun(stream: Stream, made_by: dict[str, Any]) -> bool:
    """Whether the folder holds records of this very feature; refuses those of another."""
    if not (stream.folder / "schema.json").is_file():
        return False
    stream.start(Schema(**{**asdict(stream.schema), "made_by": made_by}))
    return True


def _check_hop(stream: str, recording: str, track: Track, hop: float) -> None:
    # all recordings are read by one hop: what is a hair off in one frame must not add up to another frame at the end
    if abs(track.hop - hop) * max(track.frames, 0.5 / MISFIT) > hop / 2:
        raise UserError(
            f"Stream {stream!r}: recording {recording} has a hop of {track.hop:.9g} s, the others {hop:.9g} s; "
            "resample one of them first."
        )


def _check_channels(stream: str, recording: str, found: tuple[str, ...], expected: tuple[str, ...]) -> None:
    if found != expected:
        odd, usual = next(pair for pair in zip_longest(found, expected, fillvalue="none") if pair[0] != pair[1])
        raise UserError(
            f"Stream {stream!r}: recording {recording} has {len(found)} channels, the others {len(expected)} ({odd!r} "
            f"where they have {usual!r}); restore its file, or leave the recording out."
        )


def _part(part: Any) -> dict[str, Any]:
    """The settings that made a stream, as JSON holds them (tuples are lists there)."""
    fields = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(part).items()}
    return {"part": type(part).__module__.rpartition(".")[2], **fields}
