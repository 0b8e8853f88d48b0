"""How a picture is shown to a network: stretched, cropped, flipped, in its colours and on its scale.

Stretching, cropping and flipping are one operation, which computes no pixel that the crop does not show; it gives what
bilinear `tf.image.resize` (half-pixel centres, no smoothing where it shrinks), a crop and a flip give. What changes
values in a line only (channels, the normalisations that have a name) comes before it, on the small picture: a mean of
such values is such a value of the mean.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.weights import CAFFE_MEAN, TORCH_DEVIATION, TORCH_MEAN

Change = Callable[[Any], Any]
Normalise = str | Change

NORMALISATIONS: dict[str, Change] = {
    "none": lambda pictures: pictures,
    "caffe": lambda pictures: (pictures - CAFFE_MEAN)[..., ::-1],
    "torch": lambda pictures: (pictures / 255 - TORCH_MEAN) / TORCH_DEVIATION,
    "tf": lambda pictures: pictures / 127.5 - 1,
}


@dataclass
class View:
    """How a picture is shown to a network; the sizes are those of Orgil (2022).

    Attributes:
        resize: pixels of both sides to which the picture is stretched, bilinearly.
        crop: pixels of both sides that are cut out of it: at random for training, the middle for evaluation.
        flip: whether every other picture, by chance, is mirrored for training; wrong for letters and digits.
        channels: 3 (grey is repeated), 1 (colours become their luma), or 0: as they are stored.
    """

    resize: int = 256
    crop: int = 224
    flip: bool = True
    channels: int = 3

    def check(self) -> None:
        """Raises UserError where something cannot be."""
        if not 1 <= self.crop <= self.resize:
            raise UserError(f"A view is resized to at least what is cropped, 1 or more pixels; received resize "
                            f"{self.resize}, crop {self.crop}.")  # fmt: skip
        if self.channels not in (0, 1, 3):
            raise UserError(f"A view has 1 or 3 channels, or 0 for as many as are stored; received {self.channels}.")

    def random_moves(self, count: int, seed: int, epoch: int) -> np.ndarray:
        """Rows and columns above and left of the crop, and 1 where it is flipped: float32 [pictures, 3].

        A row depends on seed, epoch and its own number only.
        """
        corner = np.random.default_rng([seed, epoch, 1]).integers(0, self.resize - self.crop + 1, (count, 2))
        flipped = np.random.default_rng([seed, epoch, 2]).integers(0, 2, (count, 1)) * self.flip
        return np.concatenate([corner, flipped], axis=1).astype(np.float32)

    def middle_moves(self, count: int) -> np.ndarray:
        """As `random_moves`: the crop in the middle, never flipped."""
        corner = (self.resize - self.crop) // 2
        return np.tile(np.array([corner, corner, 0], np.float32), (count, 1))


def shown(pictures: Any, moves: Any, view: View, normalise: Normalise = "none") -> Any:
    """What a network sees of a batch.

    Args:
        pictures: uint8 [batch, height, width, channels].
        moves: float32 [batch, 3], as of `View.random_moves`.
        view: sizes and channels.
        normalise: what the network wants of values 0 to 255: `none`, `caffe` (bgr without the mean), `torch`, `tf` (as
            Keras Applications call them), or a function of pictures [batch, crop, crop, channels].

    Returns:
        float32 [batch, crop, crop, channels].
    """
    import tensorflow as tf

    small = _recoloured(tf.cast(pictures, tf.float32), view.channels)
    if isinstance(normalise, str):
        return cropped(NORMALISATIONS[normalise](small), moves, view)
    return normalise(cropped(small, moves, view))


def cropped(pictures: Any, moves: Any, view: View) -> Any:
    """Stretches float32 [batch, height, width, channels], crops and flips it."""
    import tensorflow as tf

    # the picture with its edge repeated, as `tf.image.resize` sees it: pixel 0 stands at 1
    edged = tf.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), "SYMMETRIC")
    bounds = []
    for axis in (0, 1):
        pixels = tf.cast(tf.shape(pictures)[1 + axis], tf.float32)
        step = pixels / view.resize
        first = (moves[:, axis] + 0.5) * step + 0.5
        bounds.append((first / (pixels + 1), (first + (view.crop - 1) * step) / (pixels + 1)))
    (top, bottom), (left, right) = bounds
    flipped = moves[:, 2] > 0
    box = tf.stack([top, tf.where(flipped, right, left), bottom, tf.where(flipped, left, right)], axis=1)
    return tf.image.crop_and_resize(edged, box, tf.range(tf.shape(pictures)[0]), [view.crop] * 2)


def check_normalise(normalise: Normalise, channels: int) -> None:
    """Raises UserError where there is no such mode, or it is one for three channels and there is one."""
    if callable(normalise):
        return
    if normalise not in NORMALISATIONS:
        raise UserError(f"Pictures are normalised as {', '.join(NORMALISATIONS)}; received {normalise!r}.")
    if normalise in ("caffe", "torch") and channels != 3:
        raise UserError(f"Normalisation {normalise!r} is for three channels, the view has {channels}; set channels "
                        f"to 3.")  # fmt: skip


def _recoloured(pictures: Any, channels: int) -> Any:
    """Makes grey of colours, or repeats grey."""
    import tensorflow as tf

    stored = pictures.shape[-1]
    if channels in (0, stored):
        return pictures
    return tf.image.grayscale_to_rgb(pictures) if stored == 1 else tf.image.rgb_to_grayscale(pictures)
