"""How fast batches of pictures are made, and how fast ResNet50 says what is in them.

    python benchmarks/images.py
    python benchmarks/images.py --train=resnet50,se_resnext50,densenet121

Draws 2,000 faces of 48 x 48 into shards in a temporary folder, and counts pictures a second of training batches as a
network of 224 x 224 takes them (enlarged to 256, cropped at random, flipped, normalised), evenly dealt over the
classes; beside it the same steps written with tf.image one picture at a time, in the order of the shards. Candidates
take turns; medians, lowest and highest of the rounds.

Then pictures a second of `emotf.classifiers.resnet`, which prepares pictures inside the network, and of
`keras.applications.ResNet50` with its `preprocess_input` before it, both of 7 classes and the same weights, by
`predict_on_batch` on the same pictures of noise [224, 224, 3]. They take turns in one process, in the opposite order
every other round; the ratio is that of each round, its median and quartiles over rounds. The goal is 0.95. About four
minutes on two cores.

With `--train` only the seconds that a step of training takes (cross-entropy, SGD), the quickest of three.
"""

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from _image_networks import TRAIN, inference, training_steps
from _turns import rate
from absl import flags

from emotf.command import run
from emotf.images.drawn_faces import DrawnFaces
from emotf.pipeline import View, training_pictures
from emotf.pipeline.views import NORMALISATIONS
from emotf.records import PicturePart, PictureStore
from emotf.report.tables import markdown

PICTURES = flags.DEFINE_integer("pictures", 2000, "How many pictures an epoch has, roughly.", lower_bound=100)
BATCH = flags.DEFINE_integer("batch", 64, "Pictures of a batch.", lower_bound=1)
ROUNDS = flags.DEFINE_integer("rounds", 6, "Turns; the first, for warming up, is left out.", lower_bound=2)

Candidates = dict[str, Callable[[], float]]


def main(_):
    if TRAIN.value:
        training_steps()
        return
    pictures()
    inference()


def pictures() -> None:
    """The table of batches."""
    with tempfile.TemporaryDirectory() as folder:
        store = PictureStore(folder)
        store.write(DrawnFaces(count=-(-PICTURES.value // 7), held_back=1))
        candidates = pipelines(store.part("train"))
        found = [[candidate() for candidate in candidates.values()] for _ in range(ROUNDS.value)][1:]
        rows = [
            [name, *(f"{value:.0f}" for value in (np.median(part), np.min(part), np.max(part)))]
            for name, part in zip(candidates, zip(*found, strict=True), strict=True)
        ]
        print(markdown(["pictures a second", "median", "lowest", "highest"], rows))


def pipelines(part: PicturePart) -> Candidates:
    """One epoch of batches, by us and picture by picture."""
    found: Candidates = {}
    for sampling in ("balanced", "none"):
        epochs = training_pictures(part, View(), BATCH.value, seed=0, sampling=sampling, normalise="caffe")
        found[f"training_pictures, {sampling}"] = lambda dataset=epochs.dataset: iterated(dataset, len(part))
    plain = one_by_one(part)
    found["tf.image, one picture at a time"] = lambda: iterated(plain, len(part))
    return found


def iterated(dataset: Any, pictures: int) -> float:
    def work() -> None:
        for _ in dataset:
            pass

    return rate(pictures, work)


def one_by_one(part: PicturePart) -> Any:
    import tensorflow as tf

    def load(example: Any) -> Any:
        form = {"picture": tf.io.FixedLenFeature((), tf.string), "label": tf.io.FixedLenFeature((), tf.int64)}
        parsed = tf.io.parse_single_example(example, form)
        grey = tf.io.decode_png(parsed["picture"], part.shape[2])
        picture = tf.image.grayscale_to_rgb(tf.image.resize(grey, (256, 256)))
        picture = tf.image.random_flip_left_right(tf.image.random_crop(picture, (224, 224, 3)))
        return NORMALISATIONS["caffe"](picture), tf.one_hot(parsed["label"], len(part.classes))

    dataset = tf.data.TFRecordDataset([str(path) for path in part.files])
    return dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH.value).prefetch(2)


if __name__ == "__main__":
    run(main)
