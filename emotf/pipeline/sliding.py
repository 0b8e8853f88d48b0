"""Whole recordings laid out for a network that slides over them.

The feature images of a recording show each frame again and again. Laid out as rows, in which every image is N rows in a
line, what a network makes of a row serves all images that hold it. Row after row, all streams go on by the stride:

    rows of an image at gold time l: [f_{l-(N/2-1)t} ... f_{l-t}, f_l, f_{l+t} ... f_{l+Nt/2}]
    the next row belongs to the image at the gold frame that is t later, where there is one

This holds for any clocks, without a frame of difference: images share rows where, and only where, they show the same
frames of every stream.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from emotf.pipeline.lazy import clocks
from emotf.pipeline.missing import Lost
from emotf.pipeline.reading import Scaling, stream_reader
from emotf.records import Store
from emotf.track import Track
from emotf.windows.base import Window

if TYPE_CHECKING:
    import keras

    from emotf.models.base import Model

# Rows that a network sees at a time: what bounds memory, beside the recording itself.
BLOCK_ROWS = 8192


@dataclass(frozen=True)
class Rows:
    """Where the feature images of a recording lie.

    Attributes:
        frames: stream -> the frame in each row, int64 [rows].
        starts: the first row of each image, never falling, int64 [images].
        images: the gold frame of each image, int64 [images]; each gold frame once.
        length: N, rows of an image.

    Example:
        >>> rows = Rows.of({"pose": np.arange(4)}, {"pose": np.array([0, 2])}, {"pose": 4})
        >>> rows.frames["pose"].tolist(), rows.images.tolist(), rows.starts.tolist()
        ([0, 2, 3, 1, 3, 3], [0, 2, 1, 3], [0, 1, 3, 4])
    """

    frames: dict[str, np.ndarray]
    starts: np.ndarray
    images: np.ndarray
    length: int

    @classmethod
    def of(
        cls, centres: Mapping[str, np.ndarray], offsets: Mapping[str, np.ndarray], frames: Mapping[str, int]
    ) -> Self:
        """Lays out a recording.

        Args:
            centres: stream -> its frame nearest to each gold frame, int64 [gold frames].
            offsets: stream -> the frames of an image around that one, int64 [N], evenly apart.
            frames: stream -> how many there are; beyond the first and the last these are repeated.
        """
        stride = {name: int(at[1] - at[0]) for name, at in offsets.items()}
        first, length = next(iter(offsets)), len(next(iter(offsets.values())))
        # images of the same phase on all clocks are a whole number of strides apart
        place = centres[first] // stride[first]
        phase = np.stack([centres[name] - place * stride[name] for name in offsets])
        images = np.lexsort((place, *phase))
        apart = np.diff(place[images])
        alone = np.diff(phase[:, images]).any(axis=0) | (apart > length)
        starts = np.concatenate([[0], np.cumsum(np.where(alone, length, apart))])
        # rows go on from the image that begins a line of them
        heads = np.flatnonzero(np.concatenate([[True], alone]))
        rows_of_line = np.diff(starts[heads], append=starts[-1] + length)
        steps = np.arange(starts[-1] + length) - np.repeat(starts[heads], rows_of_line)
        shown = {
            name: np.clip(
                np.repeat(centres[name][images[heads]] + at[0], rows_of_line) + steps * stride[name],
                0,
                frames[name] - 1,
            )
            for name, at in offsets.items()
        }
        return cls(shown, starts, images, length)

    def blocks(self, rows: int) -> Iterator[Self]:
        """The same in parts of up to `rows` rows (or of one image): all images, each once."""
        begin = 0
        while begin < len(self.starts):
            row = self.starts[begin]
            end = max(begin + 1, int(np.searchsorted(self.starts, row + rows - self.length, "right")))
            stop = self.starts[end - 1] + self.length
            yield type(self)(
                {name: of[row:stop] for name, of in self.frames.items()},
                self.starts[begin:end] - row,
                self.images[begin:end],
                self.length,
            )
            begin = end


class Slider:
    """A network over whole recordings.

    Args:
        sliding: of `Model.sliding`.
        channels: stream -> channels.
        offsets: stream -> as of `Rows.of`.
    """

    def __init__(
        self,
        sliding: Callable[[Any, Any], dict[str, Any]],
        channels: Mapping[str, int],
        offsets: Mapping[str, np.ndarray],
    ) -> None:
        import tensorflow as tf

        self.offsets = offsets

        def said(streams: dict[str, Any], frames: dict[str, Any], starts: Any) -> dict[str, Any]:
            return sliding({name: tf.gather(x, frames[name]) for name, x in streams.items()}, starts)

        # lengths are left open, so that it is traced once for all recordings
        frames = tf.TensorSpec([None], tf.int32)
        values = {name: tf.TensorSpec([None, channels[name]], tf.float32) for name in offsets}
        self.said = tf.function(said, [values, dict.fromkeys(offsets, frames), frames], autograph=False)

    @classmethod
    def of(cls, model: "Model", network: "keras.Model", window: Window, hops: Mapping[str, float]) -> "Slider | None":
        """The network on whole recordings; None where it cannot slide, or would not equal itself on each window.

        Args:
            model: what the network was built by.
            network: {stream: [batch, N, channels]} -> {target: [batch]}.
            window: whose frames must be evenly apart on each clock, as those of feature images are.
            hops: stream -> seconds.
        """
        offsets = {name: window.offsets(hop) for name, hop in hops.items()}
        steps = [np.diff(at) for at in offsets.values()]
        evenly = all(len(step) and step[0] > 0 and (step == step[0]).all() for step in steps)
        if window.length != 1 or not evenly or (sliding := model.sliding(network)) is None:
            return None
        return cls(sliding, {stream.name: stream.shape[-1] for stream in network.inputs}, offsets)

    def __call__(
        self, streams: Mapping[str, Any], centres: Mapping[str, np.ndarray], targets: Sequence[str]
    ) -> np.ndarray:
        """What the network says of each gold frame of a recording, float32 [gold frames, targets].

        Args:
            streams: stream -> [frames, channels].
            centres: as of `Rows.of`.
            targets: in the order wanted.
        """
        import tensorflow as tf

        known = {name: tf.convert_to_tensor(streams[name]) for name in self.offsets}
        centre = {name: np.asarray(centres[name]) for name in self.offsets}
        rows = Rows.of(centre, self.offsets, {name: len(x) for name, x in known.items()})
        values = np.empty((len(rows.images), len(targets)), np.float32)
        for block in rows.blocks(BLOCK_ROWS):
            frames = {name: tf.constant(of, tf.int32) for name, of in block.frames.items()}
            found = self.said(known, frames, tf.constant(block.starts, tf.int32))
            values[block.images] = np.stack([found[target].numpy() for target in targets], axis=1)
        return values


def whole_recordings(
    store: Store,
    streams: Sequence[str],
    golds: Mapping[str, Track],
    scaling: Scaling | None = None,
    lost: Lost | None = None,
    fill: Mapping[str, Sequence[float]] | None = None,
) -> Callable[[int], tuple[dict[str, Any], dict[str, Any]]]:
    """Reads the recordings that `prediction_batches` would cut; arguments as there.

    Returns:
        number of a recording -> what `Slider` wants of it: {stream: [frames, channels]} and {stream: centres}. A
        graph, which starts in a tenth of the time of a tf.data iterator, so that even short recordings gain.
    """
    import tensorflow as tf

    read = stream_reader(store, streams, clocks(golds), scaling, lost, fill)
    graph = tf.function(read, [tf.TensorSpec([], tf.int64)], autograph=False)
    return lambda index: graph(tf.constant(index, tf.int64))
