"""Sound in the graph: a mel spectrogram of 128 bands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from emotf.errors import UserError
from emotf.features.mel128 import BANDS, FLOOR, HOP, HOP_SAMPLES, N_FFT, SOUND_RATE_HZ, Mel128
from emotf.frontends.base import FrontEnd, State, decibel, power_of


@keras.saving.register_keras_serializable("emotf.frontends")
@dataclass(init=False, eq=False, repr=False)
class Mel128FrontEnd(FrontEnd):
    """`emotf.features.mel128` as a layer, on the sound's own clock or that of `rate_hz`.

    Example:
        >>> layer = Mel128FrontEnd(Mel128(rate_hz=25))
        >>> layer(np.zeros((1, 22050), np.float32)).shape
        TensorShape([1, 26, 128])
        >>> layer.frames_of(22050), round(layer.delay, 4)
        (26, 0.058)

    Raises:
        UserError: the clock is that of a video's pictures, which are not in the sound.
    """

    feature: Mel128

    def __init__(self, feature: Mel128 | None = None, **of_any_layer: Any) -> None:
        super().__init__(feature, **of_any_layer)
        self.feature.check()
        if self.feature.video:
            raise UserError(
                f"mel128 on the clock of {self.feature.video!r} needs its pictures, the graph has sound only; give the "
                "rate of the pictures as rate_hz instead."
            )
        rate_hz = self.feature.rate_hz
        self.sound_rate_hz, self.hop = float(SOUND_RATE_HZ), 1 / rate_hz if rate_hz else HOP
        self.stride, self.window, self.shortest = HOP_SAMPLES, N_FFT, N_FFT
        self.channels = self.values = BANDS
        self.delay = N_FFT / 2 / SOUND_RATE_HZ + (HOP / 2 if rate_hz else 0.0)
        self._hann = np.hanning(N_FFT + 1)[:-1]
        self._filters = self.feature.filters.T.astype(np.float64)

    def initial_state(self) -> State:
        """Besides the sound, the last row: a frame of another clock may take it when no other comes."""
        clock = {"row": tf.zeros([BANDS])} if self.feature.rate_hz else {}
        return {**super().initial_state(), **clock}

    def analyse(self, windows: tf.Tensor) -> tf.Tensor:
        """Mel bands."""
        power = self.feature.power
        squares = power_of(windows * self._hann, N_FFT)
        bands = (squares if power == 2 else tf.sqrt(squares)) @ self._filters
        return decibel(bands, FLOOR**power, 20 / power) if self.feature.decibel else bands

    def arranged(self, rows: tf.Tensor, windows: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
        """Each frame takes the row nearest to its time, at the end the last one."""
        if not self.feature.rate_hz:
            return super().arranged(rows, windows, frames)
        nearest = tf.minimum(self._nearest(tf.range(frames)), windows[:, None] - 1)
        return tf.gather(rows, nearest, batch_dims=1)

    def follow(self, state: State, rows: tf.Tensor, before: tf.Tensor) -> tuple[State, tf.Tensor]:
        """As `arranged`, of frames whose nearest row is known."""
        if not self.feature.rate_hz:
            return super().follow(state, rows, before)
        known = tf.concat([state["row"][None], rows[0]], axis=0)
        places = tf.range(self._final(before), self._final(before + tf.shape(rows, tf.int64)[1]))
        return {"row": known[-1]}, tf.gather(known, self._nearest(places) - (before - 1))

    def rest(self, state: State, windows: tf.Tensor) -> tf.Tensor:
        """None, or the one that stands in the middle between the last row and the next, were there one."""
        if not self.feature.rate_hz:
            return super().rest(state, windows)
        return tf.repeat(state["row"][None], self.frames_in(windows) - self._final(windows), axis=0)

    # What follows repeats the arithmetic of `emotf.track.Clock` and of the feature: frames that fall between two rows
    # would otherwise go to the one or the other by the rounding of the last digit.

    def frames_in(self, windows: tf.Tensor) -> tf.Tensor:
        rate_hz = self.feature.rate_hz
        if not rate_hz:
            return super().frames_in(windows)
        limit = tf.cast(windows - 1, tf.float64) * HOP + HOP / 2
        most = tf.cast(limit * rate_hz, tf.int64) + 1
        return _how_many(most, lambda j: (j < most[..., None]) & (self._times(j) <= limit[..., None]))

    def _final(self, rows: tf.Tensor) -> tf.Tensor:
        """How many frames so many rows make final."""
        about = tf.cast((tf.cast(rows, tf.float64) - 0.5) * HOP * self.feature.rate_hz, tf.int64)
        return _how_many(about, lambda j: self._nearest(j) < rows[..., None])

    def _times(self, frames: tf.Tensor) -> tf.Tensor:
        # a plain division by a constant becomes, in a graph, a product with its rounded reciprocal
        return tf.math.divide_no_nan(tf.cast(frames, tf.float64), tf.constant(1.0 / self.hop, tf.float64))

    def _nearest(self, frames: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.floor(self._times(frames) / HOP + 0.5 + 1e-6), tf.int64)


def _how_many(about: tf.Tensor, holds: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """The number of j = 0, 1, ... for which `holds`: up to some j, which is `about` known, it does."""
    first = tf.maximum(about - 3, 0)
    return first + tf.math.count_nonzero(holds(first[..., None] + tf.range(7, dtype=tf.int64)), axis=-1)
