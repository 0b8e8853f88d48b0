"""The network that gives features: trained once, then frozen."""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from emotf.classifiers.base import Classifier, body
from emotf.continual.config import Body
from emotf.continual.pictures import Pictures
from emotf.errors import UserError
from emotf.progress import paced

if TYPE_CHECKING:
    import keras

BATCH = 512  # pictures at a time where nothing is trained

# A feature that hardly moved while the body was trained must not dominate what is learned on it later.
LEAST_SPREAD = 0.1


@dataclass(frozen=True)
class Standardisation:
    """Constants that bring features to mean 0 and spread 1, on the pictures that the body was trained on.

    Attributes:
        mean: [features].
        spread: [features], at least a tenth of the mean spread.
    """

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> Self:
        spread = features.std(axis=0)
        if not spread.any():
            raise UserError("The body gives the same features for every picture; it has not learned anything. Change "
                            "body.learning_rate or body.epochs.")  # fmt: skip
        return cls(features.mean(axis=0), np.maximum(spread, LEAST_SPREAD * spread.mean()))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        return (features - self.mean) / self.spread


def network(part: Classifier, shape: tuple[int, int, int], classes: int, seed: int) -> "keras.Model":
    """The network as it starts: uint8 pictures [batch, *shape] -> logits [batch, classes].

    Args:
        part: which network.
        shape: (height, width, channels) of pictures.
        classes: outputs.
        seed: of its weights, and of the order in which it is trained.
    """
    import keras

    keras.utils.set_random_seed(seed)
    return part.build(shape, classes)


def train(untrained: "keras.Model", train: Pictures, dev: Pictures, settings: Body, what: str) -> None:
    """Trains a network by Adam and cross-entropy; it keeps the weights with the lowest loss on development.

    Args:
        untrained: of `network`.
        train, dev: labels are the outputs of the network.
        settings: epochs, batch, learning rate.
        what: for lines of progress.
    """  # fmt: skip
    import keras

    untrained.compile(
        keras.optimizers.Adam(settings.learning_rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    epochs = paced(itertools.count(1), f"{what}, epochs of {settings.epochs}")
    callbacks: list[Any] = [
        keras.callbacks.EarlyStopping("val_loss", patience=settings.epochs, restore_best_weights=True),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: next(epochs)),
    ]
    untrained.fit(
        train.values, train.labels, settings.batch, settings.epochs, verbose=0, callbacks=callbacks,
        validation_data=(dev.values, dev.labels), validation_batch_size=BATCH,
    )  # fmt: skip


def features(network: "keras.Model", pictures: np.ndarray) -> np.ndarray:
    """float32 [pictures, features] of uint8 pictures, before the classifier."""
    return _applied(body(network), pictures)


def accuracy(network: "keras.Model", pictures: Pictures) -> float:
    """The share of pictures that the network's own classifier names."""
    return float((_applied(network, pictures.values).argmax(axis=1) == pictures.labels).mean())


def _applied(model: "keras.Model", pictures: np.ndarray) -> np.ndarray:
    """Batch by batch and without tracing, which `predict` would do anew for every network."""
    from keras import ops

    batches = (model(pictures[k : k + BATCH], training=False) for k in range(0, len(pictures), BATCH))
    return np.concatenate([np.empty((0, model.output_shape[-1]), np.float32), *map(ops.convert_to_numpy, batches)])
