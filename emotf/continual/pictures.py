"""The pictures of an experiment: partitions, and the pool for the unknown output."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from emotf.continual.config import Continual
from emotf.errors import UserError
from emotf.images.base import ImageCorpus
from emotf.pipeline.sampling import held_back

# The label of pictures that are of no class of the corpus.
OUTSIDE = -1


@dataclass(frozen=True)
class Pictures:
    """Pictures with their labels.

    Attributes:
        values: uint8 [pictures, height, width, channels].
        labels: int64 [pictures], of the corpus, or `OUTSIDE`.
    """

    values: np.ndarray
    labels: np.ndarray

    def only(self, chosen: np.ndarray) -> Self:
        """Those that a mask or indices choose."""
        return type(self)(self.values[chosen], self.labels[chosen])

    def of(self, labels: range) -> Self:
        """Those of some classes."""
        return self.only(np.isin(self.labels, labels))


@dataclass(frozen=True)
class Material:
    """All pictures of an experiment.

    Attributes:
        train, dev, test: partitions.
        pool: for the unknown output; in no partition, but for source `class`: these stay in train, of classes that no
            task has, where a body that is trained on all classes sees them, as that of the thesis did.
    """  # fmt: skip

    train: Pictures
    dev: Pictures
    test: Pictures
    pool: Pictures


def material(config: Continual, seed: int) -> Material:
    """Reads the corpus and makes the pool.

    Args:
        config: checked, its classes too.
        seed: of what the pool holds; partitions do not depend on it.

    Raises:
        UserError: the corpus cannot be read, has no train or test, or a class has no picture.
    """
    corpus = config.corpus
    for needed in ("train", "test"):
        if needed not in corpus.partitions:
            raise UserError(f"{corpus.name} has no partition {needed}, only {', '.join(corpus.partitions)}; continual "
                            "learning needs train and test.")  # fmt: skip
    train, test = read(corpus, "train"), read(corpus, "test")
    if "dev" in corpus.partitions:
        dev = read(corpus, "dev")
    else:
        held = held_back(train.labels, config.dev_share, np.random.default_rng(0))
        train, dev = train.only(~held), train.only(held)
    random = np.random.default_rng(seed)
    count = max(1, round(config.unknown.times * len(train.labels) / len(corpus.classes)))
    source = config.unknown.source
    if source == "photos":
        pool = Pictures(photos(count, corpus.shape, random), np.full(count, OUTSIDE))
    elif source == "noise":
        pool = Pictures(random.integers(0, 256, (count, *corpus.shape), np.uint8), np.full(count, OUTSIDE))
    elif source == "class":
        left = train.of(range(config.tasks.total, len(corpus.classes)))
        pool = left.only(random.permutation(len(left.labels))[:count])
    else:
        held = held_back(train.labels, config.unknown.share, random)
        train, pool = train.only(~held), train.only(held)
    for name, part in (("train", train), ("dev", dev), ("test", test)):
        _check_all_there(corpus, name, part, config.tasks.total)
    return Material(train, dev, test, pool)


def read(corpus: ImageCorpus, partition: str) -> Pictures:
    """A partition as one array.

    Raises:
        UserError: it holds nothing, or cannot be read.
    """
    samples = [(sample.picture, sample.label) for sample in corpus.samples(partition)]
    if not samples:
        raise UserError(f"Partition {partition} of {corpus.name} holds no pictures.")
    values, labels = zip(*samples, strict=True)
    return Pictures(np.stack(values), np.array(labels, np.int64))


def photos(count: int, shape: tuple[int, int, int], random: np.random.Generator) -> np.ndarray:
    """Square crops of the two photographs that come with scikit-learn (a temple, a flower), uint8 [count, *shape].

    Each is of another place and size, from 16 pixels to half the photograph, and stretched to 0..255.
    """
    import cv2
    from sklearn.datasets import load_sample_images

    height, width, channels = shape
    found = load_sample_images().images
    if channels == 1:
        found = [cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None] for photo in found]
    crops = np.empty((count, *shape), np.uint8)
    for crop in crops:
        photo = found[random.integers(len(found))]
        side = int(random.integers(16, min(photo.shape[:2]) // 2))
        top, left = (int(random.integers(size - side)) for size in photo.shape[:2])
        cut = np.ascontiguousarray(photo[top : top + side, left : left + side])
        small = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA).reshape(shape).astype(np.float32)
        low, high = float(small.min()), float(small.max())
        crop[...] = np.round(255 * (small - low) / max(high - low, 1))
    return crops


def _check_all_there(corpus: ImageCorpus, partition: str, part: Pictures, classes: int) -> None:
    counts = np.bincount(part.labels, minlength=classes)[:classes]
    if not counts.all():
        raise UserError(f"Class {corpus.classes[int(counts.argmin())]!r} of {corpus.name} has no picture in "
                        f"{partition}; every class of a task needs some.")  # fmt: skip
