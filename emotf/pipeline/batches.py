"""Batches of feature images, gathered from whole recordings; windows are never stored.

Training reads pools of K whole recordings from the records, shuffles all their examples among each other and cuts
batches; a batch may join two pools, so its size is constant. Memory is that of two pools. The order of recordings and
of examples is a pure function of (seed, epoch, pool): a run that was killed repeats it exactly.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.pipeline.images import FeatureImages
from emotf.records import Store
from emotf.records.store import nearest_frames
from emotf.track import Clock, Track

# Recordings are pooled up to this size, so a pool in use and one being read stay well below memory.
POOL_BYTES = 256 * 2**20
PREDICTION_BATCH = 1024


@dataclass
class Epochs:
    """Training batches, epoch after epoch.

    Attributes:
        dataset: tf.data of ({stream: [batch, N, channels]}, {target: [batch]}), of known cardinality.
        epoch: a tf.Variable; set it before an epoch is iterated.
        examples: feature images an epoch: gold frames where at least one target is rated.
        steps: batches an epoch.
        pool: K, recordings whose examples are shuffled together.
    """

    dataset: Any
    epoch: Any
    examples: int
    steps: int
    pool: int


def training_batches(
    store: Store,
    streams: Sequence[str],
    golds: Mapping[str, Track],
    images: FeatureImages,
    batch: int,
    seed: int,
    pool: int = 0,
) -> Epochs:
    """Shuffled batches of the rated frames of some recordings.

    Args:
        store: the records.
        streams: names.
        golds: recording -> gold standard, channels = targets; its clock must be that of the store's gold standard.
        images: the window.
        batch: feature images.
        seed: of the order.
        pool: K; 0 takes as many recordings as fit into 256 MB.

    Raises:
        UserError: nothing is rated, or records are missing or do not cover the gold standard.
    """
    import tensorflow as tf

    targets = next(iter(golds.values())).channels
    examples = sum(int((~np.isnan(gold.values)).any(axis=1).sum()) for gold in golds.values())
    if not examples:
        raise UserError(f"Not one frame of {', '.join(targets)} is rated in these {len(golds)} recordings.")
    pool = min(pool or _pool_size(store, streams, golds), len(golds))
    read, gather = _reader(store, streams, golds), _gatherer(store, streams, images)
    epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")

    def order(count: Any, of: Any) -> Any:
        """A permutation of 0 ... count - 1: of the recordings (`of` = 0) or of the examples of pool `of` - 1."""
        key = tf.random.experimental.stateless_fold_in(tf.stack([tf.constant(seed, tf.int64), epoch.read_value()]), of)
        return tf.random.experimental.index_shuffle(tf.range(count), key, count - 1)

    def recordings_in_order(_: Any) -> Any:
        return tf.data.Dataset.from_tensor_slices(order(tf.constant(len(golds), tf.int64), 0))

    def batches_of_pool(index: Any, recordings: dict[str, Any]) -> Any:
        pooled = _pooled(recordings)
        count = tf.shape(pooled["gold"], out_type=tf.int64)[0]
        examples = tf.cond(count > 0, lambda: order(count, index + 1), lambda: tf.zeros((0,), tf.int64))

        def cut(begin: Any) -> Any:
            chosen = examples[begin : begin + batch]
            gold = tf.gather(pooled["gold"], chosen)
            return gather(pooled, chosen), {name: gold[:, i] for i, name in enumerate(targets)}

        return tf.data.Dataset.range(0, count, batch).map(cut, num_parallel_calls=2, deterministic=True)

    dataset = tf.data.Dataset.range(1).flat_map(recordings_in_order).map(read).map(_rated_only)
    dataset = dataset.ragged_batch(pool).prefetch(1).enumerate().flat_map(batches_of_pool)
    if pool < len(golds):
        dataset = dataset.rebatch(batch)
    steps = -(-examples // batch)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4)
    return Epochs(dataset, epoch, examples, steps, pool)


def prediction_batches(store: Store, streams: Sequence[str], golds: Mapping[str, Track], images: FeatureImages) -> Any:
    """Every frame of the recordings in order, rated or not: tf.data of {stream: [batch, N, channels]}."""
    import tensorflow as tf

    recordings = tf.data.Dataset.range(len(golds)).map(_reader(store, streams, golds))
    return _in_order(recordings, _gatherer(store, streams, images), [gold.frames for gold in golds.values()])


def track_batches(tracks: Mapping[str, Track], clock: Track, images: FeatureImages) -> Any:
    """Every frame of `clock` in order, of streams that are in memory: tf.data of {stream: [batch, N, channels]}."""
    import tensorflow as tf

    recording = {
        "streams": {name: track.values for name, track in tracks.items()},
        "centres": {name: track.clock.nearest(clock.times) for name, track in tracks.items()},
        "gold": clock.values,
    }
    # lengths must be unknown, else a batch of this one recording would not be ragged like one from the records
    signature = tf.nest.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), recording)
    one = tf.data.Dataset.from_generator(lambda: [recording], output_signature=signature)
    gather = _at({name: images.offsets(track.hop) for name, track in tracks.items()})
    return _in_order(one, gather, [clock.frames])


def _reader(store: Store, streams: Sequence[str], golds: Mapping[str, Track]) -> Callable[[Any], dict[str, Any]]:
    """index -> one recording: its streams [frames, channels], gold [gold frames, targets], and centres.

    `centres` are the frames of each stream nearest to each gold time, int64 [gold frames].
    """
    import tensorflow as tf

    channels = {name: len(store.stream(name).schema.channels) for name in streams}
    paths = {name: tf.constant([str(store.stream(name).path(id_)) for id_ in golds]) for name in streams}
    centres = {name: _concatenated(_centres(store, name, golds)) for name in streams}
    gold = _concatenated([gold.values for gold in golds.values()])
    rows = tf.constant(np.cumsum([0, *(gold.frames for gold in golds.values())]))
    form = {"values": tf.io.FixedLenFeature((), tf.string)}

    def values(name: str, index: Any) -> Any:
        record = tf.data.TFRecordDataset(paths[name][index]).get_single_element()
        raw = tf.io.parse_single_example(record, form)["values"]
        return tf.reshape(tf.io.decode_raw(raw, tf.float32), (-1, channels[name]))

    def read(index: Any) -> dict[str, Any]:
        frames = slice(rows[index], rows[index + 1])
        return {
            "streams": {name: values(name, index) for name in streams},
            "centres": {name: centres[name][frames] for name in streams},
            "gold": gold[frames],
        }

    return read


def _centres(store: Store, name: str, golds: Mapping[str, Track]) -> list[np.ndarray]:
    """Per recording, the frames of a stream nearest to the gold times; refuses what does not cover them."""
    stream = store.stream(name)
    hop, entries = stream.schema.hop, stream.completed
    missing = [id_ for id_ in golds if id_ not in entries]
    if missing:
        raise UserError(f"Recording {missing[0]} has no stream {name!r} in {store.folder}; extract it.")
    return [
        nearest_frames(id_, name, Clock(entries[id_].start, hop, entries[id_].frames), gold.clock)
        for id_, gold in golds.items()
    ]


def _rated_only(recording: dict[str, Any]) -> dict[str, Any]:
    """Leaves out the frames of which no target is rated: they never become examples."""
    import tensorflow as tf

    rated = tf.reduce_any(~tf.math.is_nan(recording["gold"]), axis=1)
    centres = {name: tf.boolean_mask(centre, rated) for name, centre in recording["centres"].items()}
    return {"streams": recording["streams"], "centres": centres, "gold": tf.boolean_mask(recording["gold"], rated)}


def _pooled(recordings: dict[str, Any]) -> dict[str, Any]:
    """A ragged batch of recordings laid end to end; every example knows the borders of its own recording."""
    import tensorflow as tf

    of = recordings["gold"].value_rowids()
    pooled: dict[str, Any] = {"gold": recordings["gold"].values, "streams": {}, "centres": {}, "borders": {}}
    for name, frames in recordings["streams"].items():
        first, last = tf.gather(frames.row_starts(), of), tf.gather(frames.row_limits(), of) - 1
        pooled["streams"][name] = frames.values
        pooled["centres"][name] = recordings["centres"][name].values + first
        pooled["borders"][name] = (first, last)
    return pooled


def _gatherer(store: Store, streams: Sequence[str], images: FeatureImages) -> Callable[[Any, Any], dict[str, Any]]:
    return _at({name: images.offsets(store.stream(name).schema.hop) for name in streams})


def _at(offsets: Mapping[str, np.ndarray]) -> Callable[[Any, Any], dict[str, Any]]:
    """(pooled recordings, chosen examples) -> feature images {stream: [batch, N, channels]}, one gather a stream."""
    import tensorflow as tf

    def gather(pooled: dict[str, Any], chosen: Any) -> dict[str, Any]:
        images = {}
        for name, offset in offsets.items():
            first, last = (tf.gather(border, chosen)[:, None] for border in pooled["borders"][name])
            frames = tf.gather(pooled["centres"][name], chosen)[:, None] + tf.constant(offset)[None, :]
            images[name] = tf.gather(pooled["streams"][name], tf.clip_by_value(frames, first, last))
            images[name].set_shape((None, len(offset), None))
        return images

    return gather


def _in_order(recordings: Any, gather: Callable[[Any, Any], dict[str, Any]], frames: Iterable[int]) -> Any:
    import tensorflow as tf

    def batches_of_recording(recording: dict[str, Any]) -> Any:
        pooled = _pooled(recording)
        count = tf.shape(pooled["gold"], out_type=tf.int64)[0]

        def cut(begin: Any) -> Any:
            return gather(pooled, tf.range(begin, tf.minimum(begin + PREDICTION_BATCH, count)))

        return tf.data.Dataset.range(0, count, PREDICTION_BATCH).map(cut)

    steps = sum(-(-count // PREDICTION_BATCH) for count in frames)
    dataset = recordings.ragged_batch(1).flat_map(batches_of_recording)
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)


def _concatenated(arrays: Sequence[np.ndarray]) -> Any:
    import tensorflow as tf

    return tf.constant(np.concatenate(arrays))


def _pool_size(store: Store, streams: Sequence[str], golds: Mapping[str, Track]) -> int:
    """How many recordings fit into POOL_BYTES, by the largest; at least 4, so that a batch mixes several."""
    entries = [store.stream(name).completed for name in streams]
    largest = max(sum(entry[id_].bytes for entry in entries) for id_ in golds)
    return max(4, POOL_BYTES // largest)
