"""Batches of pictures with their classes.

An epoch is planned as numbers: which picture stands where, how it is cropped, whether it is flipped. They are a pure
function of (seed, epoch, place), whatever the size of the batches, so a run that was killed repeats them exactly. The
pictures are read from the shards as the plan asks for them, by the place of their bytes: that makes any sampling exact,
while memory holds the labels and a few batches only. (Shards that are interleaved class by class would read in order,
but deal the classes by chance, or hold the pictures of one class back in a buffer.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.pipeline.sampling import class_weights, epoch_order
from emotf.pipeline.views import Normalise, View, check_normalise, shown
from emotf.records.picture_part import PicturePart

# Places of pictures int64 [pictures], their moves float32 [pictures, 3] (see `View`) and weights float32 [pictures].
Plan = tuple[np.ndarray, np.ndarray, np.ndarray]


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
    normalise: Normalise = "none",
    chosen: np.ndarray | None = None,
) -> PictureEpochs:
    """Batches in another order each epoch.

    Args:
        part: the pictures.
        view: how they are shown.
        batch: pictures.
        seed: of order, crops and flips; 0 or above.
        sampling: `balanced`: each class equally often; `none`: each picture once; `class_weights`: each picture once,
            with the weight n / (K n_c).
        votes: targets are the votes rather than 1 for the class and 0 for others.
        normalise: see `shown`.
        chosen: places of the pictures to take; all by default.

    Raises:
        UserError: there are no votes, or something is out of its range.
    """
    import tensorflow as tf

    chosen = _chosen(part, chosen)
    labels = part.labels[chosen]
    epoch_order(labels, sampling, seed, 0)  # what it refuses, it refuses here
    weights = class_weights(labels) if sampling == "class_weights" else np.ones(len(chosen), np.float32)
    epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")

    def plan(number: int) -> Plan:
        order = epoch_order(labels, sampling, seed, number)
        return chosen[order], view.random_moves(len(order), seed, number), weights[order]

    dataset = _batches(part, view, batch, votes, normalise, plan, epoch)
    return PictureEpochs(dataset, epoch, len(chosen), len(dataset))


def evaluation_pictures(
    part: PicturePart,
    view: View,
    batch: int,
    votes: bool = False,
    normalise: Normalise = "none",
    chosen: np.ndarray | None = None,
) -> Any:
    """The middle of every picture once, in order: tf.data of what `training_pictures` yields, weights 1."""
    import tensorflow as tf

    chosen = _chosen(part, chosen)

    def plan(_: int) -> Plan:
        return chosen, view.middle_moves(len(chosen)), np.ones(len(chosen), np.float32)

    return _batches(part, view, batch, votes, normalise, plan, tf.constant(0, tf.int64))


def _chosen(part: PicturePart, chosen: np.ndarray | None) -> np.ndarray:
    """The places of the pictures to take. Raises UserError where there are none, or no such."""
    chosen = np.arange(len(part)) if chosen is None else np.asarray(chosen, np.int64)
    if not len(chosen) or chosen.min() < 0 or chosen.max() >= len(part):
        raise UserError(f"Chosen are {len(chosen)} pictures, expected some places from 0 to {len(part) - 1}.")
    return chosen


def _batches(
    part: PicturePart, view: View, batch: int, votes: bool, normalise: Normalise, plan: Callable[[int], Plan],
    epoch: Any,
) -> Any:  # fmt: skip
    """tf.data of the batches of the epoch that `epoch` is when it is iterated."""
    import tensorflow as tf

    view.check()
    check_normalise(normalise, view.channels or part.shape[2])
    if batch < 1:
        raise UserError(f"A batch has 1 or more pictures, received {batch}.")
    count = len(plan(0)[0])
    batch = min(batch, count)
    steps = -(-count // batch)
    wanted = _targets(part, votes)

    def filled(number: np.ndarray) -> Plan:
        """The plan of an epoch, its last batch filled up with the first pictures."""
        order, moves, weights = plan(int(number))
        rows = steps * batch
        return np.resize(order, rows), np.resize(moves, (rows, 3)), np.resize(weights, rows)

    def batches_of_epoch(_: Any) -> Any:
        columns = tf.numpy_function(filled, [tf.identity(epoch)], [tf.int64, tf.float32, tf.float32])

        def cut(begin: Any) -> Any:
            return tf.minimum(begin + batch, count) - begin, *(column[begin : begin + batch] for column in columns)

        return tf.data.Dataset.range(0, count, batch).map(cut)

    def load(rows: Any, order: Any, moves: Any, weights: Any) -> Any:
        examples, targets = tf.numpy_function(
            lambda places: (part.examples(places), wanted(places)), [order], [tf.string, tf.float32]
        )
        # all batches are computed in one size, whose graph TensorFlow can plan; what filled the last is cut off
        pictures = shown(_decoded(part, tf.ensure_shape(examples, (batch,))), tf.ensure_shape(moves, (batch, 3)), view,
                         normalise)  # fmt: skip
        targets = tf.ensure_shape(targets, (batch, len(part.classes)))
        return pictures[:rows], targets[:rows], tf.ensure_shape(weights, (batch,))[:rows]

    dataset = tf.data.Dataset.range(1).flat_map(batches_of_epoch)
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)


def _targets(part: PicturePart, votes: bool) -> Callable[[np.ndarray], np.ndarray]:
    """Places -> float32 [places, classes]. Raises UserError where votes are wanted and there are none."""
    if not votes:
        hard = np.eye(len(part.classes), dtype=np.float32)
        return lambda places: hard[part.labels[places]]
    if part.votes is None:
        raise UserError("The pictures have no votes, only classes; set votes to False.")
    shares = part.votes
    return lambda places: shares[places]


def _decoded(part: PicturePart, examples: Any) -> Any:
    """The pictures of serialised examples, uint8 [batch, height, width, channels]."""
    import tensorflow as tf

    def decode(file: Any) -> Any:
        return tf.ensure_shape(tf.io.decode_image(file, part.shape[2], expand_animations=False), part.shape)

    encoded = tf.io.parse_example(examples, {"picture": tf.io.FixedLenFeature((), tf.string)})["picture"]
    return tf.map_fn(decode, encoded, fn_output_signature=tf.TensorSpec(part.shape, tf.uint8))
