"""What is served of a finished run, and its traces of whole recordings, in the graph."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from emotf.config import TRANSDUCTIVE
from emotf.errors import UserError
from emotf.pipeline.standardisation import CONSTANT
from emotf.refinement.postprocess import chains_of
from emotf.runs import Run
from emotf.serving.chain import Chain
from emotf.windows.base import Window
from emotf.windows.sequences import Sequences

if TYPE_CHECKING:
    import keras

# Windows of feature images, or frames of sequences, that go through a network together.
BLOCK_WINDOWS, BLOCK_FRAMES = 256, 16384


@dataclass(frozen=True)
class Served:
    """A network with all that surrounds it.

    Attributes:
        network: streams -> targets.
        window: what it sees for a frame.
        hops: stream -> seconds between its frames.
        gaps: streams in which frames of zeros say that nothing was found.
        channels: stream -> how many.
        hop: seconds between frames of a trace.
        targets: names of the traces.
        chain: post-processing.
        by_recording: whether each recording is standardised by itself.
        carries: whether the network gives a frame as soon as it is there (`Model.carries`).
    """

    network: "keras.Model"
    window: Window
    hops: Mapping[str, float]
    gaps: tuple[str, ...]
    channels: Mapping[str, int]
    hop: float
    targets: tuple[str, ...]
    chain: Chain
    by_recording: bool
    carries: bool

    @classmethod
    def of(cls, run: Run, postprocessed: bool = True) -> "Served":
        """What a finished run serves.

        Args:
            run: finished.
            postprocessed: applies its post-processing, where it has some.

        Raises:
            UserError: the run is not finished, or was trained by a version that did not note what is needed.
        """
        network, about, experiment = run.network(), run.about, run.experiment
        streams = about["streams"]
        if "standardisation" not in about or any("gaps" not in stream for stream in streams.values()):
            raise UserError(f"{run.folder} is of an earlier version, which did not note what serving needs; train it "
                            "anew.")  # fmt: skip
        chains = chains_of(run) if postprocessed and run.is_postprocessed else {}
        return cls(
            network=network,
            window=experiment.window,
            hops={name: stream["hop"] for name, stream in streams.items()},
            gaps=tuple(name for name, stream in streams.items() if stream["gaps"]),
            channels={name: len(stream["channels"]) for name, stream in streams.items()},
            hop=about["gold_hop"],
            targets=tuple(network.output_names),
            chain=Chain(chains, about["gold_hop"]),
            by_recording=experiment.data.standardisation in TRANSDUCTIVE,
            carries=experiment.model.carries,
        )

    @property
    def piece(self) -> int:
        """Frames after which a sequence is cut and the network begins anew; 0: never."""
        whole = isinstance(self.window, Sequences) and self.window.in_one_piece
        return 0 if whole else self.window.length

    def trace(self, streams: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The traces of a whole recording, after post-processing.

        Args:
            streams: float32 [frames, channels] each, as they were extracted; the first frame of all is at 0 s.

        Returns:
            target -> float32 [frames], at `hop`, as far as all streams reach.
        """
        if self.by_recording:
            streams = {name: self._standardised(name, x) for name, x in streams.items()}
        frames = self.frames_of({name: tf.shape(x, tf.int64)[0] for name, x in streams.items()})
        raw = self._images(streams, frames) if self.window.length == 1 else self._sequences(streams, frames)
        return {target: self.chain.whole(target, raw[target]) for target in self.targets}

    def times(self, first: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
        """Seconds of `frames` frames of a trace from frame `first` on, float64."""
        return tf.cast(first + tf.range(frames), tf.float64) / (1 / self.hop)

    def frames_of(self, counts: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Frames of a trace, int64, of streams of so many frames: as far as all of them reach."""
        ends = [tf.cast(count - 1, tf.float64) * self.hops[name] for name, count in counts.items()]
        return tf.cast(tf.floor(tf.reduce_min(tf.stack(ends)) / self.hop + 1e-6), tf.int64) + 1

    def nearest(self, name: str, frames: tf.Tensor) -> tf.Tensor:
        """The frames of a stream nearest to frames of a trace, int64; of two as near the later (`Clock.nearest`)."""
        times = tf.cast(frames, tf.float64) / (1 / self.hop)
        return tf.cast(tf.floor(times / self.hops[name] + 0.5 + 1e-6), tf.int64)

    def images(self, name: str, frames: tf.Tensor) -> tf.Tensor:
        """The frames of a stream that the feature images of frames of a trace hold, int64 [frames, N], unclipped."""
        return self.nearest(name, frames)[:, None] + tf.constant(self.window.offsets(self.hops[name]), tf.int64)

    def __call__(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The network, as in prediction."""
        outputs: dict[str, tf.Tensor] = self.network(dict(inputs), training=False)
        return outputs

    def _images(self, streams: Mapping[str, tf.Tensor], frames: tf.Tensor) -> dict[str, tf.Tensor]:
        def predicted(block: tf.Tensor) -> dict[str, tf.Tensor]:
            at = tf.minimum(block * BLOCK_WINDOWS + tf.range(BLOCK_WINDOWS, dtype=tf.int64), frames - 1)
            return self({name: _at(x, self.images(name, at)) for name, x in streams.items()})

        return self.in_blocks(predicted, -(-frames // BLOCK_WINDOWS), frames, (BLOCK_WINDOWS,))

    def _sequences(self, streams: Mapping[str, tf.Tensor], frames: tf.Tensor) -> dict[str, tf.Tensor]:
        length = self.piece
        size = tf.constant(length, tf.int64) if length else tf.maximum(frames, 2)
        pieces = max(1, BLOCK_FRAMES // length) if length else 1

        def predicted(block: tf.Tensor) -> dict[str, tf.Tensor]:
            at = (block * pieces + tf.range(pieces, dtype=tf.int64))[:, None] * size + tf.range(size)
            inside = (at < frames)[..., None]
            at = tf.minimum(at, frames - 1)
            return self({
                name: tf.where(inside, _at(x, self.nearest(name, at)), float("nan")) for name, x in streams.items()
            })  # fmt: skip

        return self.in_blocks(predicted, -(-frames // (pieces * size)), frames, (pieces, None))

    def in_blocks(self, predicted: Any, blocks: tf.Tensor, frames: tf.Tensor, shape: Any) -> dict[str, tf.Tensor]:
        """The first `frames` frames of blocks of the given shape, one after the other: memory is that of one block."""
        signature = {target: tf.TensorSpec(shape, tf.float32) for target in self.targets}
        found = tf.map_fn(predicted, tf.range(blocks), fn_output_signature=signature, parallel_iterations=1)
        return {target: tf.reshape(x, [-1])[:frames] for target, x in found.items()}

    def _standardised(self, name: str, x: tf.Tensor) -> tf.Tensor:
        """A stream by its own mean and spread, as `Standardisation.fit` and `apply`."""
        values = tf.cast(x, tf.float64)
        there = tf.reduce_any(x != 0, axis=1) if name in self.gaps else tf.fill([tf.shape(x)[0]], True)
        known = tf.boolean_mask(values, there)
        count = tf.maximum(tf.cast(tf.shape(known)[0], tf.float64), 1)
        mean = tf.reduce_sum(known, axis=0) / count
        variance = tf.reduce_sum((known - mean) ** 2, axis=0) / count
        varies = variance > (CONSTANT * tf.maximum(tf.abs(mean), 1e-30)) ** 2
        mean = tf.where(varies, mean, 0.0) if name in self.gaps else mean
        variance = tf.where(varies, variance, 1.0)
        scaled = (x - tf.cast(mean, tf.float32)) / tf.sqrt(tf.cast(variance, tf.float32))
        return tf.where(there[:, None], scaled, 0.0)


def _at(x: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Rows of x [frames, channels] at places, of which those beyond its ends take the first or last."""
    return tf.gather(x, tf.clip_by_value(places, 0, tf.shape(x, tf.int64)[0] - 1))
