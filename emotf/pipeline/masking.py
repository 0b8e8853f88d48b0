"""Masks over spectrograms, drawn anew for every example of every epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emotf.errors import UserError
from emotf.pipeline.batches import Epochs


@dataclass
class Masking:
    """Stretches of time and bands of frequency that the network does not see while it trains.

    Every mask has a width of its own, uniform from 0 to the greatest, and a place of its own. A masked value is what
    the network takes for 0 after standardisation: the mean of train, or its smallest value under `minmax`. Padding
    stays padding. Masks are a pure function of (seed, epoch, batch), so a run that was killed repeats them exactly
    (tensorflow-io's masks keep a hidden state and would not).

    Attributes:
        frames: greatest width in time, in frames of the window; 0 for none.
        channels: greatest width over channels (of mel bands: in frequency); 0 for none.
        count: masks of either kind an example.

    Reference:
        Park et al. (2019), SpecAugment, section 2; without time warping.
    """

    frames: int = 0
    channels: int = 0
    count: int = 1

    def check(self, stream: str) -> None:
        """Raises UserError where nothing can be masked."""
        if self.frames < 0 or self.channels < 0 or self.count < 1 or not self.frames + self.channels:
            raise UserError(
                f"augmentation of {stream}: frames={self.frames}, channels={self.channels}, count={self.count} masks "
                "nothing; set frames or channels above 0, and count to 1 or more."
            )


def masked(epochs: Epochs, masks: Mapping[str, Masking], fill: Mapping[str, Sequence[float]], seed: int) -> Epochs:
    """The same training batches with some of each example masked.

    Args:
        epochs: of `training_batches`.
        masks: stream -> what to mask.
        fill: stream -> the value of a masked channel.
        seed: decides all masks, with epoch and batch.
    """
    import tensorflow as tf

    def mask(index: Any, batch: tuple[dict[str, Any], Any]) -> tuple[dict[str, Any], Any]:
        seed_and_epoch = tf.stack([tf.constant(seed, tf.int64), epochs.epoch.read_value()])
        key = tf.random.experimental.stateless_fold_in(seed_and_epoch, index)
        inputs = dict(batch[0])
        for place, (name, of) in enumerate(sorted(masks.items())):
            x = inputs[name]
            shape, hidden = tf.shape(x), tf.zeros_like(x, tf.bool)
            for axis, greatest in ((1, of.frames), (2, of.channels)):
                own = tf.random.experimental.stateless_fold_in(key, tf.constant(2 * place + axis, tf.int64))
                hidden |= tf.expand_dims(_stretches(own, shape[0], shape[axis], greatest, of.count), 3 - axis)
            inputs[name] = tf.where(hidden & ~tf.math.is_nan(x), tf.constant(fill[name], tf.float32), x)
        return inputs, batch[1]

    return replace(
        epochs, dataset=epochs.dataset.enumerate().map(mask, num_parallel_calls=2, deterministic=True).prefetch(2)
    )


def _stretches(key: Any, examples: Any, length: Any, greatest: int, count: int) -> Any:
    """Where `count` stretches of 0 to `greatest` lie in `length` places, bool [examples, length]."""
    import tensorflow as tf

    draws = tf.random.stateless_uniform((2, examples, count, 1), key)
    most = tf.cast(tf.minimum(greatest, length), tf.float32)
    width = tf.floor(draws[0] * (most + 1))
    first = tf.floor(draws[1] * (tf.cast(length, tf.float32) - width + 1))
    places = tf.range(tf.cast(length, tf.float32))
    return tf.reduce_any((places >= first) & (places < first + width), axis=1)
