"""Batches of windows, gathered from whole recordings; windows are never stored.

Training reads pools of K whole recordings from the records, shuffles all their examples among each other and cuts
batches; a batch may join two pools, so its size is constant. Memory is that of two pools. The order of recordings and
of examples is a pure function of (seed, epoch, pool): a run that was killed repeats it exactly.

The loader of Orgil et al. (2021) shuffles less: the examples of a recording follow each other as in time, only the
recordings change places from epoch to epoch, and the last batch is kept though it is smaller. `order="by_recording"`
does so, by the same function of (seed, epoch); pools then are a matter of memory alone. A batch may run on into the
next recording.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.pipeline.lazy import clocks
from emotf.pipeline.missing import Lost
from emotf.pipeline.reading import Scaling, reader
from emotf.records import Store
from emotf.track import Track
from emotf.windows.base import Window

# A pool is as large as this many recordings or this many bytes, whichever is more: enough to mix people, and short
# recordings. Memory grows no further once a corpus is a few pools long: one is in use, one is being put together.
POOL_RECORDINGS, POOL_BYTES = 16, 16 * 2**20

# But no larger than this many bytes, so that these stay well below memory.
POOL_MOST_BYTES = 256 * 2**20

# Gold frames a batch of prediction covers.
PREDICTION_FRAMES = 1024


@dataclass
class Epochs:
    """Training batches, epoch after epoch.

    Attributes:
        dataset: tf.data of ({stream: inputs}, {target: gold}), of known cardinality. Feature images: inputs
            [batch, N, channels] and gold [batch]; sequences: inputs [batch, S, channels] and gold [batch, S].
        epoch: a tf.Variable; set it before an epoch is iterated.
        examples: windows an epoch; each holds at least one frame of which at least one target is rated.
        steps: batches an epoch.
        pool: K, recordings that are read together; where examples are shuffled, they are so among these.
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
    window: Window,
    batch: int,
    seed: int,
    pool: int = 0,
    scaling: Scaling | None = None,
    order: str = "shuffled",
) -> Epochs:
    """Batches of some recordings, in another order each epoch.

    Args:
        store: the records.
        streams: names.
        golds: recording -> gold standard, channels = targets; its clock must be that of the store's gold standard.
        window: what an example is.
        batch: windows.
        seed: of the order.
        pool: K; 0: 16 recordings, or more where 16 MB hold more, or fewer where 256 MB hold fewer, but at least 4.
        scaling: of streams that the network does not standardise itself.
        order: `shuffled`: the examples of a pool among each other; `by_recording`: only the recordings, each in time.

    Raises:
        UserError: nothing is rated, or records are missing or do not cover the gold standard.
    """
    import tensorflow as tf

    targets, when = next(iter(golds.values())).channels, clocks(golds)
    window = window.spanning(max(clock.frames for clock in when.values()))
    examples = sum(len(window.anchors(gold.values)) for gold in golds.values())
    if not examples:
        raise UserError(f"Not one frame of {', '.join(targets)} is rated in these {len(golds)} recordings.")
    pool = min(pool or _pool_size(store, streams, golds), len(golds))
    # a gold standard is read anew in each epoch: nothing of the length of a corpus stays in memory
    read = reader(store, streams, when, lambda name: golds[name].values, window.anchors, scaling)
    gather = _gatherer(store, streams, window)
    epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")

    def permutation(count: Any, of: Any) -> Any:
        """A permutation of 0 ... count - 1: of the recordings (`of` = 0) or of the examples of pool `of` - 1."""
        key = tf.random.experimental.stateless_fold_in(tf.stack([tf.constant(seed, tf.int64), epoch.read_value()]), of)
        return tf.random.experimental.index_shuffle(tf.range(count), key, count - 1)

    def recordings_in_order(_: Any) -> Any:
        return tf.data.Dataset.from_tensor_slices(permutation(tf.constant(len(golds), tf.int64), 0))

    def batches_of_pool(index: Any, recordings: dict[str, Any]) -> Any:
        pooled = _pooled(recordings)
        count = tf.shape(pooled["anchors"], out_type=tf.int64)[0]
        if order == "by_recording":
            ordered = tf.range(count)
        else:
            ordered = tf.cond(count > 0, lambda: permutation(count, index + 1), lambda: tf.zeros((0,), tf.int64))

        def cut(begin: Any) -> Any:
            inputs, gold = gather(pooled, ordered[begin : begin + batch])
            return inputs, {name: gold[..., i] for i, name in enumerate(targets)}

        return tf.data.Dataset.range(0, count, batch).map(cut, num_parallel_calls=2, deterministic=True)

    dataset = tf.data.Dataset.range(1).flat_map(recordings_in_order).map(read)
    dataset = dataset.ragged_batch(pool).prefetch(1).enumerate().flat_map(batches_of_pool)
    if pool < len(golds):
        dataset = dataset.rebatch(batch)
    steps = -(-examples // batch)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(4)
    return Epochs(dataset, epoch, examples, steps, pool)


def prediction_batches(
    store: Store,
    streams: Sequence[str],
    golds: Mapping[str, Track],
    window: Window,
    scaling: Scaling | None = None,
    lost: Lost | None = None,
    fill: Mapping[str, Sequence[float]] | None = None,
) -> Any:
    """Windows that cover every frame of the recordings once, in order, rated or not: tf.data of {stream: inputs}.

    Args:
        store, streams, golds, window, scaling: as of `training_batches`.
        lost: frames that are not delivered as the records hold them.
        fill: stream -> what is delivered instead, a value a channel; 0 where a stream is not named.
    """
    import tensorflow as tf

    when = clocks(golds)

    def nothing_rated(name: str) -> np.ndarray:
        return np.empty((when[name].frames, 0), np.float32)

    read = reader(store, streams, when, nothing_rated, lambda gold: window.cover(len(gold)), scaling, lost, fill)
    recordings = tf.data.Dataset.range(len(when)).map(read)
    return _in_order(recordings, _gatherer(store, streams, window), [clock.frames for clock in when.values()], window)


def track_batches(tracks: Mapping[str, Track], clock: Track, window: Window) -> Any:
    """Windows that cover every frame of `clock` once, in order, of streams in memory: tf.data of {stream: inputs}."""
    import tensorflow as tf

    recording = {
        "streams": {name: track.values for name, track in tracks.items()},
        "centres": {name: track.clock.nearest(clock.times) for name, track in tracks.items()},
        "gold": clock.values,
        "anchors": window.cover(clock.frames),
    }
    # lengths must be unknown, else a batch of this one recording would not be ragged like one from the records
    signature = tf.nest.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), recording)
    one = tf.data.Dataset.from_generator(lambda: [recording], output_signature=signature)
    gather = _at({name: window.offsets(track.hop) for name, track in tracks.items()}, window.length)
    return _in_order(one, gather, [clock.frames], window)


def _pooled(recordings: dict[str, Any]) -> dict[str, Any]:
    """A ragged batch of recordings laid end to end; every example knows the borders of its own recording.

    Returns:
        gold [rows, targets], anchors [examples] (rows of gold), last [examples] (last row of the recording), and per
        stream: its frames, the frame nearest to each row of gold, and (first, last) frame of each example's recording.
    """
    import tensorflow as tf

    of = recordings["anchors"].value_rowids()
    gold = recordings["gold"]
    pooled: dict[str, Any] = {
        "gold": gold.values,
        "anchors": recordings["anchors"].values + tf.gather(gold.row_starts(), of),
        "last": tf.gather(gold.row_limits(), of) - 1,
        "streams": {},
    }
    row_of = gold.value_rowids()
    for name, frames in recordings["streams"].items():
        nearest = recordings["centres"][name].values + tf.gather(frames.row_starts(), row_of)
        borders = (tf.gather(frames.row_starts(), of), tf.gather(frames.row_limits(), of) - 1)
        pooled["streams"][name] = (frames.values, nearest, borders)
    return pooled


def _gatherer(store: Store, streams: Sequence[str], window: Window) -> Callable[[Any, Any], tuple[dict[str, Any], Any]]:
    return _at({name: window.offsets(store.stream(name).schema.hop) for name in streams}, window.length)


def _at(offsets: Mapping[str, np.ndarray], length: int) -> Callable[[Any, Any], tuple[dict[str, Any], Any]]:
    """(pooled recordings, chosen examples) -> inputs of the network, one gather a stream, and gold."""
    import tensorflow as tf

    def gather(pooled: dict[str, Any], chosen: Any) -> tuple[dict[str, Any], Any]:
        anchors, last_row = tf.gather(pooled["anchors"], chosen), tf.gather(pooled["last"], chosen)
        if length == 1:
            inputs = {name: images(pooled["streams"][name], anchors, chosen, at) for name, at in offsets.items()}
            return inputs, tf.gather(pooled["gold"], anchors)
        rows = anchors[:, None] + tf.range(length, dtype=tf.int64)
        inside = (rows <= last_row[:, None])[..., None]
        rows = tf.minimum(rows, last_row[:, None])
        inputs = {name: sequences(pooled["streams"][name], rows, inside) for name in offsets}
        return inputs, tf.where(inside, tf.gather(pooled["gold"], rows), np.nan)

    def images(stream: Any, anchors: Any, chosen: Any, at: np.ndarray) -> Any:
        values, nearest, borders = stream
        first, last = (tf.gather(border, chosen)[:, None] for border in borders)
        frames = tf.gather(nearest, anchors)[:, None] + tf.constant(at)
        return tf.ensure_shape(tf.gather(values, tf.clip_by_value(frames, first, last)), (None, len(at), None))

    def sequences(stream: Any, rows: Any, inside: Any) -> Any:
        values, nearest, _ = stream
        return tf.ensure_shape(
            tf.where(inside, tf.gather(values, tf.gather(nearest, rows)), np.nan), (None, length, None)
        )

    return gather


def _in_order(recordings: Any, gather: Callable[[Any, Any], Any], frames: Iterable[int], window: Window) -> Any:
    """Batches of inputs, recording after recording, of so many gold frames each."""
    import tensorflow as tf

    batch = max(1, PREDICTION_FRAMES // window.length)

    def batches_of_recording(recording: dict[str, Any]) -> Any:
        pooled = _pooled(recording)
        count = tf.shape(pooled["anchors"], out_type=tf.int64)[0]

        def cut(begin: Any) -> Any:
            return gather(pooled, tf.range(begin, tf.minimum(begin + batch, count)))[0]

        return tf.data.Dataset.range(0, count, batch).map(cut)

    steps = sum(-(-len(window.cover(count)) // batch) for count in frames)
    dataset = recordings.ragged_batch(1).flat_map(batches_of_recording)
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)


def _pool_size(store: Store, streams: Sequence[str], recordings: Iterable[str]) -> int:
    """How many recordings a pool holds by default, by the largest; at least 4, so that a batch mixes several."""
    entries = [store.stream(name).completed for name in streams]
    largest = max(sum(entry[id_].bytes for entry in entries) for id_ in recordings)
    return max(4, min(max(POOL_RECORDINGS, POOL_BYTES // largest), POOL_MOST_BYTES // largest))
