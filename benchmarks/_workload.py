"""What the benchmarks work on: seeded noise in the sizes of Köprü & Erzin (2020), written as records."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emotf.records import GOLD, Entry, Schema, Store
from emotf.track import Track
from emotf.windows.feature_images import FeatureImages

RATE_HZ = 60.0
STREAMS = {"speech": 39, "body": 24}
TARGETS = ("arousal", "valence", "dominance")


def images(frames: int) -> FeatureImages:
    """The paper's feature images: N frames, t = 1/6 s."""
    return FeatureImages(frames, 1 / 6)


def noise(recordings: int, seconds: float, rate_hz: float = RATE_HZ) -> dict[str, dict[str, Track]]:
    """stream -> recording -> seeded noise; the gold standard is the stream `gold`."""
    rng, frames = np.random.default_rng(0), round(seconds * rate_hz)

    def track(channels: tuple[str, ...]) -> Track:
        values = rng.normal(size=(frames, len(channels))).astype(np.float32)
        return Track(values, hop=1 / rate_hz, channels=channels)

    names = {name: tuple(f"{name}{i}" for i in range(count)) for name, count in STREAMS.items()}
    return {
        name: {f"r{k:03d}": track(channels) for k in range(recordings)}
        for name, channels in {**names, GOLD: TARGETS}.items()
    }


def write(folder: Path, tracks: dict[str, dict[str, Track]]) -> Store:
    """Writes records through the very calls that extraction uses."""
    store = Store(folder)
    for name, part in tracks.items():
        stream, entries = store.stream(name), dict[str, Entry]()
        first = next(iter(part.values()))
        stream.start(Schema(first.channels, first.hop, 0.0, "gold" if name == GOLD else "extracted", {"part": "noise"}))
        for recording, track in part.items():
            entries[recording] = stream.write(recording, track)
        stream.complete(entries)
    return store


def record_files(store: Store) -> list[Path]:
    """Every record file of a store."""
    return sorted(store.folder.glob("*/*.tfrecord"))


def make_cold(store: Store) -> None:
    """Drops the record files from the operating system's page cache, so that the next reading comes from disk.

    `POSIX_FADV_DONTNEED` drops clean pages only; `Stream.write` has flushed them. Needs no rights. A disk or host may
    keep a cache of its own.
    """
    for path in record_files(store):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def gathered(tracks: dict[str, dict[str, Track]], frames: int, batch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Shuffled full batches, streams joined, in NumPy: images [batch, channels, N] and gold [batch, targets]."""
    offsets = images(frames).offsets(1 / RATE_HZ)
    parts = [np.stack([track.values for track in tracks[name].values()]) for name in STREAMS]
    values = np.concatenate(parts, axis=2)
    gold = np.stack([track.values for track in tracks[GOLD].values()])
    order = np.random.default_rng(0).permutation(gold.shape[0] * gold.shape[1])
    for chosen in np.split(order[: len(order) // batch * batch], len(order) // batch):
        recording, centre = np.divmod(chosen, gold.shape[1])
        frame = np.clip(centre[:, None] + offsets, 0, gold.shape[1] - 1)
        yield np.ascontiguousarray(values[recording[:, None], frame].transpose(0, 2, 1)), gold[recording, centre]
