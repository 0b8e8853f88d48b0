"""What every front end shares: sound comes whole or in pieces, frames are the same.

Conventions
    A window is the sound behind one row of the analysis: window i is centred on sample i * stride. Before its first
    and after its last sample the sound counts as silence. There is a window for every centre that is not later than
    the end of the sound. Frames are what comes out; a front end makes them of rows.

    The analysis runs in double precision, as that of librosa does. In single precision the rounding of a loud tone
    covers whatever is 130 dB below it, and a frame would depend, in its last digits, on how the sound was cut.
"""

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from emotf import catalog
from emotf.errors import UserError
from emotf.features.base import Feature

BLOCK_WINDOWS = 1024  # analysed at a time, so that memory grows with the sound and the frames only

State = dict[str, tf.Tensor]


@dataclass(init=False, eq=False, repr=False)
class FrontEnd(keras.layers.Layer):
    """A feature as a layer without weights: sound in, frames out, equal to what the feature extracts from a file.

    It runs on TensorFlow only, in eager mode, in a `tf.function`, a functional model or a SavedModel.

    It does not resample: sound comes at `sound_rate_hz`. soxr, which resamples files, rounds in single precision; what
    that leaves in bands above the recording's own highest frequency could not be equalled.

    A subclass sets the attributes below and writes `analyse`; where frames are not the rows themselves, it also writes
    `frames_in`, `arranged`, `follow` and `rest`.

    Attributes:
        feature: the feature that the layer equals; its settings decide everything.
        sound_rate_hz: samples a second of the sound.
        hop: seconds between frames.
        channels: of a frame.
        delay: seconds of sound after the time of a frame that must be known before the frame is final; the first frames
            may wait for one another.
        window: samples behind one row, an even number.
        stride: samples from one window to the next.
        values: of a row.
        shortest: samples; shorter sounds are refused, as the feature refuses them.
    """

    feature: Feature

    def __init__(self, feature: Feature | None = None, **of_any_layer: Any) -> None:
        part = type(self).__module__.rpartition(".")[2]
        if keras.backend.backend() != "tensorflow":
            raise UserError(f"{part} is computed in TensorFlow's graph, Keras runs on {keras.backend.backend()}.")
        super().__init__(**{"name": part, "dtype": "float32", "trainable": False} | of_any_layer)
        self.supports_jit = False  # the number of frames is known only when the sound is
        self.feature = feature or catalog.find("features", part)()
        self.sound_rate_hz = self.hop = self.delay = 0.0
        self.channels = self.values = self.window = self.stride = self.shortest = 0

    def call(self, sound: tf.Tensor, count: tf.Tensor | None = None) -> tf.Tensor:
        """The frames of whole recordings.

        Args:
            sound: float32 [batch, samples], -1 to 1.
            count: int [batch], samples of each recording; what comes after is padding. None: all.

        Returns:
            float32 [batch, frames, channels], NaN after the last frame of a recording.

        Raises:
            tf.errors.InvalidArgumentError: a recording is too short, or has more samples than there are.
        """
        sound = tf.convert_to_tensor(sound, tf.float32)
        batch, samples = tf.unstack(tf.shape(sound, tf.int64))
        count = tf.fill([batch], samples) if count is None else tf.cast(count, tf.int64)
        tf.debugging.assert_less_equal(count, samples, f"{self.feature.part}: count is above the number of samples.")
        with tf.control_dependencies([self._long_enough(count)]):
            rows = self._rows(sound, count, -tf.cast(self.window // 2, tf.int64), self.windows_of(samples))
        frames = self.arranged(rows, self.windows_of(count), self.frames_in(self.windows_of(samples)))
        there = tf.range(tf.shape(frames, tf.int64)[1]) < self.frames_in(self.windows_of(count))[:, None]
        return tf.ensure_shape(tf.where(there[..., None], frames, np.nan), [None, None, self.channels])

    def frames_of(self, samples: int) -> int:
        """The number of frames of so many samples."""
        with tf.init_scope():
            return int(self.frames_in(self.windows_of(tf.constant(samples, tf.int64))))

    def initial_state(self) -> State:
        """What `step` needs to know of the sound so far: nothing yet. All shapes are fixed."""
        return {"sound": tf.zeros([self.window - 1]), "samples": tf.zeros([], tf.int64)}

    def step(self, state: State, chunk: tf.Tensor) -> tuple[State, tf.Tensor]:
        """Takes the next piece of the sound.

        Args:
            state: of `initial_state` or the step before.
            chunk: float32 [samples], any number, also none.

        Returns:
            The state for the next step, and the frames that became final, float32 [new, channels], in order. How the
            sound was cut changes nothing in them.
        """
        sound = tf.concat([state["sound"], tf.convert_to_tensor(chunk, tf.float32)], axis=0)
        samples = state["samples"] + tf.shape(chunk, tf.int64)[0]
        before, after = self._complete(state["samples"]), self._complete(samples)
        # `sound` begins window - 1 samples before the chunk, in silence where there was none
        first = before * self.stride - self.window // 2 - (state["samples"] - (self.window - 1))
        rows = self._rows(sound[None], tf.shape(sound, tf.int64), first, after - before)
        kept, frames = self.follow(state, rows, before)
        last = tf.ensure_shape(sound[1 - self.window :], [self.window - 1])
        return {"sound": last, "samples": samples, **kept}, tf.ensure_shape(frames, [None, self.channels])

    def finish(self, state: State) -> tf.Tensor:
        """The frames that are still missing when the sound has ended, float32 [rest, channels].

        Raises:
            tf.errors.InvalidArgumentError: the sound was too short.
        """
        with tf.control_dependencies([self._long_enough(state["samples"])]):
            windows = self.windows_of(state["samples"])
        state, frames = self.step(state, tf.zeros([self.window // 2]))
        return tf.concat([frames, self.rest(state, windows)], axis=0)

    def get_config(self) -> dict[str, Any]:
        feature = {"part": self.feature.part, **asdict(self.feature)}
        return {"feature": feature, "name": self.name, "dtype": "float32", "trainable": False}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        settings = dict(config["feature"])
        return cls(**config | {"feature": catalog.find("features", settings.pop("part"))(**settings)})

    def windows_of(self, samples: tf.Tensor) -> tf.Tensor:
        """The number of windows of so many samples, int64, any shape."""
        return 1 + samples // self.stride

    def frames_in(self, windows: tf.Tensor) -> tf.Tensor:
        """The number of frames of so many windows, int64, any shape."""
        return windows

    @abstractmethod
    def analyse(self, windows: tf.Tensor) -> tf.Tensor:
        """Rows float64 [..., values] of windows of sound float64 [..., window]."""

    def arranged(self, rows: tf.Tensor, windows: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
        """Frames of whole recordings; here, they are the rows.

        Args:
            rows: float32 [batch, windows, values].
            windows: int64 [batch], the rows of each recording.
            frames: int64, those of the longest.

        Returns:
            float32 [batch, frames, channels]; anything after the last frame of a recording.
        """
        del windows, frames
        return rows

    def follow(self, state: State, rows: tf.Tensor, before: tf.Tensor) -> tuple[State, tf.Tensor]:
        """Frames that become final by new rows; here, they are the rows.

        Args:
            state: of `initial_state` or the step before.
            rows: float32 [1, new, values].
            before: int64, the rows that came before.

        Returns:
            What is to be kept in the state, and the frames, float32 [new, channels].
        """
        del state, before
        return {}, rows[0]

    def rest(self, state: State, windows: tf.Tensor) -> tf.Tensor:
        """Frames that wait for rows which do not come; here, none.

        Args:
            state: after the last row.
            windows: int64, the number of all rows.

        Returns:
            float32 [rest, channels].
        """
        del state, windows
        return tf.zeros([0, self.channels])

    def _complete(self, samples: tf.Tensor) -> tf.Tensor:
        """How many windows lie wholly in what is known after so many samples: silence, and the sound so far."""
        return tf.maximum(1 + (samples - self.window // 2) // self.stride, 0)

    def _long_enough(self, samples: tf.Tensor) -> Any:
        needed = f"{self.shortest} samples ({self.shortest / self.sound_rate_hz:.3f} s)"
        return tf.debugging.assert_greater_equal(
            samples,
            tf.constant(self.shortest, tf.int64),
            f"{self.feature.part} needs {needed} of sound; leave shorter recordings out.",
        )

    def _rows(self, sound: tf.Tensor, count: tf.Tensor, first: tf.Tensor, windows: tf.Tensor) -> tf.Tensor:
        """The analysis in blocks, float32 [batch, windows, values].

        Args:
            sound: float32 [batch, samples].
            count: int64 [batch], samples of each.
            first: int64, the sample where the first window begins; may be negative.
            windows: int64, how many.
        """
        batch = tf.shape(sound, tf.int64)[0]
        block = tf.clip_by_value(windows, 1, tf.maximum(BLOCK_WINDOWS // tf.maximum(batch, 1), 1))
        blocks = tf.maximum((windows + block - 1) // block, 1)

        def analysed(place: tf.Tensor) -> tf.Tensor:
            begin = first + place * block * self.stride
            piece = _piece(sound, count, begin, (block - 1) * self.stride + self.window)
            cut = tf.signal.frame(tf.cast(piece, tf.float64), self.window, self.stride)
            return tf.cast(self.analyse(cut), tf.float32)

        found = tf.map_fn(
            analysed,
            tf.range(blocks),
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec([None, None, self.values], tf.float32),
        )  # [blocks, batch, block, values]
        rows = tf.reshape(tf.transpose(found, [1, 0, 2, 3]), [batch, blocks * block, self.values])
        return rows[:, :windows]


def _piece(sound: tf.Tensor, count: tf.Tensor, begin: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """`size` samples of sound [batch, samples] from `begin` on; silence outside the first `count` [batch] of each."""
    samples = tf.shape(sound, tf.int64)[1]
    left, right = tf.clip_by_value(begin, 0, samples), tf.clip_by_value(begin + size, 0, samples)
    before = tf.clip_by_value(-begin, 0, size)
    piece = tf.pad(sound[:, left:right], [[0, 0], [before, size - before - (right - left)]])
    return tf.where(begin + tf.range(size) < count[:, None], piece, 0.0)


def power_of(windows: tf.Tensor, n_fft: int) -> tf.Tensor:
    """|X|² of windows [..., samples], [..., bins]."""
    spectrum = tf.signal.rfft(windows, [n_fft])
    return tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2


def decibel(values: tf.Tensor, floor: float, factor: float = 10.0) -> tf.Tensor:
    """factor log10 of values, not below `floor`."""
    return factor / np.log(10) * tf.math.log(tf.maximum(values, tf.constant(floor, values.dtype)))
