"""Recordings out of their records, in the graph, one at a time.

What belongs to a recording (its gold standard, where examples begin, which frames of a stream stand at which gold
time) is made when it is read, so that the graph holds nothing of the length of a corpus.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from emotf.pipeline.missing import Lost
from emotf.pipeline.standardisation import Standardisation, scaler
from emotf.records import Store, nearest_frames
from emotf.track import Clock

# stream -> recording -> what its frames are standardised by before they are batched
Scaling = Mapping[str, Mapping[str, Standardisation]]


def reader(
    store: Store,
    streams: Sequence[str],
    when: Mapping[str, Clock],
    gold: Callable[[str], np.ndarray],
    anchors: Callable[[np.ndarray], np.ndarray],
    scaling: Scaling | None,
    lost: Lost | None = None,
    fill: Mapping[str, Sequence[float]] | None = None,
) -> Callable[[Any], dict[str, Any]]:
    """index -> one recording: its streams [frames, channels], gold [gold frames, targets], anchors, and centres.

    `centres` are the frames of each stream nearest to each gold time, int64 [gold frames].

    Args:
        store, streams, scaling, lost, fill: as of `prediction_batches`.
        when: recording -> when the frames of its gold standard stand.
        gold: name of a recording -> its gold standard [gold frames, targets].
        anchors: gold standard -> first frames of the examples, int64.

    Raises:
        UserError: a record is missing or damaged, or does not cover the gold standard.
    """
    import tensorflow as tf

    read_streams = stream_reader(store, streams, when, scaling, lost, fill)
    gold_of = _made(list(when), gold)

    def read(index: Any) -> dict[str, Any]:
        values = gold_of(index)
        first = tf.numpy_function(anchors, [values], tf.int64, stateful=False)
        known, centres = read_streams(index)
        return {"streams": known, "centres": centres, "gold": values, "anchors": tf.ensure_shape(first, [None])}

    return read


def stream_reader(
    store: Store,
    streams: Sequence[str],
    when: Mapping[str, Clock],
    scaling: Scaling | None,
    lost: Lost | None = None,
    fill: Mapping[str, Sequence[float]] | None = None,
) -> Callable[[Any], tuple[dict[str, Any], dict[str, Any]]]:
    """index -> streams and centres of one recording; arguments as of `reader`."""
    import tensorflow as tf

    names = list(when)
    parsers = {name: store.stream(name).parser() for name in streams}
    paths = {name: tf.constant([str(store.stream(name).path(id_)) for id_ in names]) for name in streams}
    centres = {name: _made(names, _centres(store, name, when)) for name in streams}
    scales = {name: scaler([of[id_] for id_ in names]) for name, of in (scaling or {}).items()}
    gone = {name: _made(names, of.__getitem__) for name, of in (lost or {}).items()}

    def values(name: str, index: Any) -> Any:
        frames = parsers[name](store.stream(name).dataset(paths[name][index]).get_single_element())
        frames = scales[name](frames, index) if name in scales else frames
        if name not in gone:
            return frames
        return tf.where(gone[name](index)[:, None], tf.constant((fill or {}).get(name, 0.0), tf.float32), frames)

    def read(index: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {name: values(name, index) for name in streams}, {name: centres[name](index) for name in streams}

    return read


def _made(names: Sequence[str], make: Callable[[str], np.ndarray]) -> Callable[[Any], Any]:
    """index -> what NumPy makes of the name of that recording, [any number, ...], in the graph."""
    import tensorflow as tf

    like = make(names[0])

    def made(index: Any) -> Any:
        values = tf.numpy_function(lambda number: make(names[number]), [index], like.dtype, stateful=False)
        return tf.ensure_shape(values, [None, *like.shape[1:]])

    return made


def _centres(store: Store, name: str, when: Mapping[str, Clock]) -> Callable[[str], np.ndarray]:
    """Recording -> the frames of a stream nearest to the gold times; refuses at once what does not cover them."""
    stream = store.stream(name)
    own, entries = stream.clocks(when), stream.completed

    def centres(id_: str) -> np.ndarray:
        return nearest_frames(id_, name, own[id_], when[id_])

    for id_ in when:
        # inside the graph a damaged record would end in an error that names no file
        stream.verify(id_, entries[id_])
    for id_ in when:
        centres(id_)
    return centres
