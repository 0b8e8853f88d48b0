"""Speech in the graph: log energy, 12 MFCCs and their derivatives."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from emotf.features.mfcc39 import COEFFICIENTS, DELTA_FRAMES, FLOOR, STATIC, Mfcc39
from emotf.frontends.base import FrontEnd, State, decibel, power_of

HALF = DELTA_FRAMES // 2


@keras.saving.register_keras_serializable("emotf.frontends")
@dataclass(init=False, eq=False, repr=False)
class Mfcc39FrontEnd(FrontEnd):
    """`emotf.features.mfcc39` as a layer.

    A frame waits for the 4 frames after it, over which its derivatives reach, and the first 4 for the ninth.

    Example:
        >>> layer = Mfcc39FrontEnd(Mfcc39(frame_rate_hz=25))
        >>> layer(np.zeros((2, 16000), np.float32)).shape
        TensorShape([2, 26, 39])
        >>> state, frames = layer.step(layer.initial_state(), np.zeros(16000, np.float32))
        >>> len(frames), len(layer.finish(state)), round(layer.delay, 4)
        (21, 5, 0.1725)
    """

    feature: Mfcc39

    def __init__(self, feature: Mfcc39 | None = None, **of_any_layer: Any) -> None:
        super().__init__(feature, **of_any_layer)
        self.feature.check()
        self.sound_rate_hz, self.hop = float(self.feature.sound_rate_hz), 1 / self.feature.frame_rate_hz
        self.stride, self.window, self._n_fft = self.feature.samples
        self.channels, self.values = len(self.feature.channels), len(STATIC)
        self.delay = self.window / 2 / self.sound_rate_hz + HALF * self.hop
        self.shortest = (DELTA_FRAMES - 1) * self.stride
        self._hann = np.hanning(self.window + 1)[:-1]
        self._filters = self.feature.filters.T.astype(np.float64)
        # orthonormal DCT-II, coefficients 1 to 12: sqrt(2 / B) cos(π k (2 b + 1) / 2B)
        k, b = np.arange(1, COEFFICIENTS + 1), np.arange(self.feature.mel_bands)[:, None]
        self._dct = np.sqrt(2 / len(b)) * np.cos(np.pi * k * (2 * b + 1) / (2 * len(b)))

    def initial_state(self) -> State:
        """Besides the sound, the last 9 rows: those that the derivatives of a frame see."""
        return {**super().initial_state(), "rows": tf.zeros([DELTA_FRAMES, self.values])}

    def analyse(self, windows: tf.Tensor) -> tf.Tensor:
        """Energy and MFCCs."""
        windows *= self._hann
        energy = tf.reduce_sum(windows**2, axis=-1, keepdims=True) / np.sum(self._hann**2)
        mfcc = decibel(power_of(windows, self._n_fft) @ self._filters, FLOOR) @ self._dct
        return tf.concat([decibel(energy, FLOOR), mfcc], axis=-1)

    def arranged(self, rows: tf.Tensor, windows: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
        """Rows beside their derivatives; the first and last 4 have those of the fifth from the ends."""
        places = tf.repeat(tf.range(frames)[None], tf.size(windows), axis=0)
        return _with_derivatives(rows, places, tf.clip_by_value(places, HALF, windows[:, None] - 1 - HALF))

    def follow(self, state: State, rows: tf.Tensor, before: tf.Tensor) -> tuple[State, tf.Tensor]:
        """As `arranged`, of frames that have 4 after them."""
        known = tf.concat([state["rows"][None], rows], axis=1)
        places = tf.range(_final(before), _final(before + tf.shape(rows, tf.int64)[1]))
        first = before - DELTA_FRAMES  # the row that `known` begins with
        frames = _with_derivatives(known, places[None] - first, tf.maximum(places, HALF)[None] - first)
        return {"rows": tf.ensure_shape(known[0, -DELTA_FRAMES:], [DELTA_FRAMES, self.values])}, frames[0]

    def rest(self, state: State, windows: tf.Tensor) -> tf.Tensor:
        """The last 4 frames."""
        del windows
        places = tf.range(DELTA_FRAMES - HALF, DELTA_FRAMES)[None]
        return _with_derivatives(state["rows"][None], places, tf.fill([1, HALF], HALF))[0]


def _final(rows: tf.Tensor) -> tf.Tensor:
    """How many frames so many rows make final."""
    return tf.where(rows < DELTA_FRAMES, tf.zeros_like(rows), rows - HALF)


def _with_derivatives(rows: tf.Tensor, places: tf.Tensor, middles: tf.Tensor) -> tf.Tensor:
    """Rows at `places` beside Δ and ΔΔ at `middles` (both int [batch, frames]), float32 [batch, frames, 39].

    Least squares over j = -4..4: the line's slope is Σ j x / Σ j²; the parabola's second derivative
    2 Σ (j² - m) x / Σ (j² - m)², where m is the mean of j².
    """
    j = np.arange(-HALF, HALF + 1.0)
    bend = j**2 - np.mean(j**2)
    weights = np.stack([j / np.sum(j**2), 2 * bend / np.sum(bend**2)])
    # every value by itself: [9, 13, 2 * 13]; the first result has row 4 in its middle
    kernel = np.einsum("oj,vw->jvow", weights, np.eye(len(STATIC))).reshape(DELTA_FRAMES, len(STATIC), -1)
    fitted = tf.cast(tf.nn.conv1d(tf.cast(rows, tf.float64), kernel, 1, "VALID"), tf.float32)
    return tf.concat([tf.gather(rows, places, batch_dims=1), tf.gather(fitted, middles - HALF, batch_dims=1)], axis=-1)
