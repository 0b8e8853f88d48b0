"""Batches of pictures with their classes.

An epoch is planned as numbers: which picture stands where, how it is cropped, whether it is flipped. They are a pure
function of (seed, epoch, place), whatever the size of the batches, so a run that was killed repeats them exactly. The
pictures are read from the shards as the plan asks for them, by the place of their bytes: that makes any sampling exact,
while memory holds the labels and a few batches only. (Shards that are interleaved class by class would read in order,
but deal the classes by chance, or hold the pictures of one class back in a buffer.)

Enlarging, cropping and flipping are one operation, which computes no pixel that the crop does not show; it gives what
bilinear `tf.image.resize` (half-pixel centres, no smoothing where it shrinks), a crop and a flip give. What changes
values in a line only (channels, the normalisations that have a name) comes before it, on the small picture: a mean of
such values is such a value of the mean.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.pipeline.sampling import class_weights, epoch_order
from emotf.records.picture_part import PicturePart

# Means and deviations of the ImageNet pictures, red, green, blue, on a scale of 0 to 255 (caffe) and 0 to 1 (torch).
CAFFE_MEAN = (123.68, 116.779, 103.939)
TORCH_MEAN, TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NORMALISATIONS = ("none", "caffe", "torch", "tf")

Normalise = Callable[[Any], Any]


@dataclass(frozen=True)
class View:
    """How a picture is shown to a network; the defaults are those of Orgil (2022).

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


@dataclass
class PictureEpochs:
    """Training batches, epoch after epoch.

    Attributes:
        dataset: tf.data of (pictures float32 [batch, crop, crop, channels], targets float32 [batch, classes], weights
            float32 [batch]), of known cardinality; the last batch may be smaller.
        epoch: a tf.Variable; set it before an epoch is iterated.
        pictures: shown in an epoch.
        steps: batches an epoch.
    """

    dataset: Any
    epoch: Any
    pictures: int
    steps: int


def training_pictures(
    part: PicturePart,
    view: View,
    batch: int,
    seed: int,
    sampling: str = "balanced",
    votes: bool = False,
    normalise: str | Normalise = "none",
    chosen: np.ndarray | None = None,
) -> PictureEpochs:
    """Batches in another order each epoch.

    Args:
        part: the pictures.
        view: how they are shown.
        batch: pictures.
        seed: of order, crops and flips.
        sampling: `balanced`: each class equally often; `none`: each picture once; `class_weights`: each picture once,
            with the weight n / (K n_c).
        votes: targets are the votes rather than 1 for the class and 0 for others.
        normalise: what the network wants of values 0 to 255: `none`, `caffe`, `torch`, `tf` (as Keras Applications
            call them), or a function of pictures [batch, height, width, channels] in graph mode.
        chosen: places of the pictures to take; all by default.

    Raises:
        UserError: there are no votes, or something is out of its range.
    """
    import tensorflow as tf

    chosen = _checked(part, view, batch, votes, chosen)
    labels = part.labels[chosen]
    epoch_order(labels, sampling, seed, 0)  # refuses an unknown sampling here
    weights = class_weights(labels) if sampling == "class_weights" else np.ones(len(chosen), np.float32)
    epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")

    def plan(number: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        order = epoch_order(labels, sampling, seed, int(number))
        return chosen[order], random_moves(view, len(order), seed, int(number)), weights[order]

    def planned() -> Any:
        return tf.numpy_function(plan, [epoch.read_value()], [tf.int64, tf.float32, tf.float32])

    dataset = _batches(part, view, batch, votes, normalise, planned, len(chosen))
    return PictureEpochs(dataset, epoch, len(chosen), -(-len(chosen) // batch))


def evaluation_pictures(
    part: PicturePart,
    view: View,
    batch: int,
    votes: bool = False,
    normalise: str | Normalise = "none",
    chosen: np.ndarray | None = None,
) -> Any:
    """The middle of every picture once, in order: tf.data of what `training_pictures` yields, weights 1."""
    import tensorflow as tf

    chosen = _checked(part, view, batch, votes, chosen)

    def planned() -> Any:
        middle = np.array([(view.resize - view.crop) // 2, (view.resize - view.crop) // 2, 0], np.float32)
        return tf.constant(chosen), tf.tile(middle[None], (len(chosen), 1)), tf.ones(len(chosen))

    return _batches(part, view, batch, votes, normalise, planned, len(chosen))


def random_moves(view: View, count: int, seed: int, epoch: int) -> np.ndarray:
    """Rows and columns above and left of the crop, and 1 where it is flipped: float32 [pictures, 3]."""
    rng = np.random.default_rng([seed, epoch, 1])
    corner = rng.integers(0, view.resize - view.crop + 1, (count, 2))
    flipped = np.random.default_rng([seed, epoch, 2]).integers(0, 2, (count, 1)) * view.flip
    return np.concatenate([corner, flipped], axis=1).astype(np.float32)


def normaliser(mode: str, channels: int) -> Normalise:
    """What makes of values 0 to 255 those that a network was trained on; `caffe` turns rgb into bgr.

    Raises:
        UserError: no such mode, or one for three channels and there is one.
    """
    if mode not in NORMALISATIONS:
        raise UserError(f"Pictures are normalised as {', '.join(NORMALISATIONS)}; received {mode!r}.")
    if mode in ("caffe", "torch") and channels != 3:
        raise UserError(f"Normalisation {mode!r} is for three channels, the view has {channels}; set channels to 3.")
    return {
        "none": _nothing,
        "caffe": lambda pictures: (pictures - CAFFE_MEAN)[..., ::-1],
        "torch": lambda pictures: (pictures / 255 - TORCH_MEAN) / TORCH_DEVIATION,
        "tf": lambda pictures: pictures / 127.5 - 1,
    }[mode]


def show(pictures: Any, moves: Any, view: View) -> Any:
    """Stretches, crops and flips a batch.

    Args:
        pictures: float32 [batch, height, width, channels].
        moves: float32 [batch, 3], as of `random_moves`.
        view: its sizes.

    Returns:
        float32 [batch, crop, crop, channels].
    """
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
    box = [top, tf.where(flipped, right, left), bottom, tf.where(flipped, left, right)]
    return tf.image.crop_and_resize(edged, tf.stack(box, axis=1), tf.range(tf.shape(pictures)[0]), [view.crop] * 2)


def _batches(
    part: PicturePart, view: View, batch: int, votes: bool, normalise: str | Normalise,
    planned: Callable[[], Any], count: int,
) -> Any:  # fmt: skip
    import tensorflow as tf

    recoloured = _recoloured(part.shape[2], view.channels)
    if callable(normalise):
        before, after = _nothing, normalise
    else:
        before, after = normaliser(normalise, view.channels or part.shape[2]), _nothing
    targets = part.votes if votes and part.votes is not None else None

    def read(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        wanted = np.eye(len(part.classes), dtype=np.float32)[part.labels[order]] if targets is None else targets[order]
        return part.examples(order), wanted

    def batches_of_epoch(_: Any) -> Any:
        plan = planned()

        def cut(begin: Any) -> Any:
            return tuple(column[begin : begin + batch] for column in plan)

        return tf.data.Dataset.range(0, count, batch).map(cut)

    def load(order: Any, moves: Any, weights: Any) -> Any:
        examples, wanted = tf.numpy_function(read, [order], [tf.string, tf.float32])
        encoded = tf.io.parse_example(examples, {"picture": tf.io.FixedLenFeature((), tf.string)})["picture"]
        form = tf.TensorSpec(part.shape, tf.uint8)
        pictures = tf.map_fn(lambda file: _decoded(file, part.shape), encoded, fn_output_signature=form)
        small = before(recoloured(tf.cast(pictures, tf.float32)))
        shown = after(show(small, tf.ensure_shape(moves, (None, 3)), view))
        return shown, tf.ensure_shape(wanted, (None, len(part.classes))), tf.ensure_shape(weights, (None,))

    dataset = tf.data.Dataset.range(1).flat_map(batches_of_epoch)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return dataset.apply(tf.data.experimental.assert_cardinality(-(-count // batch))).prefetch(2)


def _recoloured(stored: int, wanted: int) -> Normalise:
    """What makes grey of colours, or repeats grey."""
    import tensorflow as tf

    if wanted in (0, stored):
        return _nothing
    return tf.image.grayscale_to_rgb if stored == 1 else tf.image.rgb_to_grayscale


def _nothing(pictures: Any) -> Any:
    return pictures


def _decoded(file: Any, shape: tuple[int, int, int]) -> Any:
    import tensorflow as tf

    return tf.ensure_shape(tf.io.decode_image(file, shape[2], expand_animations=False), shape)


def _checked(part: PicturePart, view: View, batch: int, votes: bool, chosen: np.ndarray | None) -> np.ndarray:
    """The places of the pictures to take. Raises UserError where something cannot be."""
    if not 1 <= view.crop <= view.resize:
        raise UserError(f"A view is resized to at least what is cropped, 1 or more pixels; received resize "
                        f"{view.resize}, crop {view.crop}.")  # fmt: skip
    if view.channels not in (0, 1, 3):
        raise UserError(f"A view has 1 or 3 channels, or 0 for as many as are stored; received {view.channels}.")
    if batch < 1:
        raise UserError(f"A batch has 1 or more pictures, received {batch}.")
    if votes and part.votes is None:
        raise UserError("The pictures have no votes, only classes; set votes to False.")
    chosen = np.arange(len(part)) if chosen is None else np.asarray(chosen, np.int64)
    if not len(chosen) or chosen.min() < 0 or chosen.max() >= len(part):
        raise UserError(f"Chosen are {len(chosen)} pictures, expected some places from 0 to {len(part) - 1}.")
    return chosen
