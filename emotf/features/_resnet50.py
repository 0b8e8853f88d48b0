"""2048 features a picture from a ResNet50, or from a classifier of the user's: which network, and how it is run."""

import random
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from emotf.errors import UserError
from emotf.features._detected import FLAGS
from emotf.features.base import Film
from emotf.files import sha256
from emotf.progress import say
from emotf.recording import Recording
from emotf.track import Track
from emotf.weights import fetched, loaded

WIDTH = 2048
# Pictures that go through the network together; always as many, so that it is compiled once.
BATCH = 32
NETWORKS = ("imagenet", "random")


@dataclass
class Described:
    """The fields of a part that describes pictures by 2048 features, and `described`, which computes them.

    Attributes:
        weights: `imagenet`: ResNet50 with the weights that Keras offers, fetched from the network once; `random`:
            ResNet50 as it is before any training, for trials of everything else; or the path of a .keras file, a
            classifier of faces, say. It takes rgb pictures [size, size, 3] of float32 in 0 to 255, so what scaling it
            needs must be in it. Its features are its output, if that is [2048]; else what its last layer of class
            Dense takes in, if that is [2048]: the pooled features before a classifier.
        seed: of random weights.
        digest: SHA-256 of the user's file, filled in by itself, so that streams of another file are told apart.
        flags: add the channels `confidence` and `found` of the film.
    """

    weights: str = "imagenet"
    seed: int = 0
    digest: str = ""
    flags: bool = True

    @property
    def channels(self) -> tuple[str, ...]:
        return (*(f"f{k}" for k in range(WIDTH)), *(FLAGS if self.flags else ()))

    def resolved(self, recording: Recording) -> Self:
        """The same feature with the digest of the user's file.

        Raises:
            UserError: the file is missing, or is not the one that `digest` tells of.
        """
        del recording
        if self.weights in NETWORKS:
            return self
        path = Path(self.weights)
        if path.suffix != ".keras" or not path.is_file():
            found = "is missing" if path.suffix == ".keras" else "is none of these"
            raise UserError(f"weights={path} {found}; expected imagenet, random, or the path of a .keras file.")
        digest = sha256(path)
        if self.digest not in ("", digest):
            raise UserError(
                f"{path} is not the file that the stream was made with (SHA-256 {digest[:12]}, expected "
                f"{self.digest[:12]}); restore it, or extract the stream anew under another name."
            )
        return replace(self, digest=digest)

    def described(self, film: Film, size: int) -> Track:
        """The features of a film of pictures, uint8 rgb [size, size, 3], batch by batch; 0 where there is no picture.

        The last two numbers beside each picture are its confidence and 1.

        Raises:
            UserError: the network cannot be had, or does not take such pictures or give 2048 features.
        """
        network = load_network(self.weights, self.digest, size, self.seed)
        batch = np.zeros((BATCH, size, size, 3), np.float32)
        places: list[int] = []  # the frames whose pictures lie in the batch
        rows = np.zeros((BATCH, len(self.channels)), np.float32)
        frames = 0
        for picture, values in film.shots:
            if frames == len(rows):  # grows where it lies, by an eighth: a list of rows would need twice the memory
                rows.resize((frames + max(BATCH, frames // 8), rows.shape[1]), refcheck=False)
            if self.flags:
                rows[frames, WIDTH:] = values[-2:]
            if picture is not None:
                batch[len(places)] = picture
                places.append(frames)
            if len(places) == BATCH:
                rows[places, :WIDTH] = network.predict_on_batch(batch)
                places.clear()
            frames += 1
        if places:  # what is left of the batch before fills up the last one
            rows[places, :WIDTH] = network.predict_on_batch(batch)[: len(places)]
        rows.resize((frames, rows.shape[1]), refcheck=False)
        return Track(rows, hop=film.hop, start=film.start, channels=self.channels)


@lru_cache(maxsize=1)
def load_network(weights: str, digest: str, size: int, seed: int) -> Any:
    """The network: float32 [batch, size, size, 3], rgb in 0 to 255 -> features [batch, 2048]; kept for the next call.

    Args:
        weights: as of `Described`.
        digest: of the user's file; another one loads it again.
        size: pixels of the side of a picture.
        seed: of random weights.

    Raises:
        UserError: as `Described.described`.
    """
    del digest
    if weights in NETWORKS and size < 32:
        raise UserError(f"ResNet50 takes pictures of 32 pixels or more, not {size}; choose a larger size.")
    if weights == "random":
        say(f"resnet50: the weights are RANDOM (seed {seed}); the features are for trials only.")
        state = random.getstate()
        random.seed(seed)  # Keras draws the seeds of its initialisers from here
        try:
            return _resnet50(size, None)
        finally:
            random.setstate(state)
    if weights == "imagenet":
        instead = "or choose weights=<a .keras file of yours>, or weights=random for a trial"
        return fetched("ResNet50", lambda: _resnet50(size, "imagenet"), instead)
    return _features_of(weights, size)


def _resnet50(size: int, weights: str | None) -> Any:
    """ResNet50 without its classifier, average pooling at the end, and the preprocessing it was trained with."""
    import keras

    pictures = keras.Input((size, size, 3))
    backbone = keras.applications.ResNet50(
        include_top=False, weights=weights, pooling="avg", input_shape=(size, size, 3)
    )
    return keras.Model(pictures, backbone(keras.applications.resnet50.preprocess_input(pictures)))


def _features_of(path: str, size: int) -> Any:
    """What the user's classifier knows of a picture before it classifies; see `Described`."""
    import keras

    model = loaded(path)
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) != 1 or len(model.outputs) != 1:
        raise UserError(f"{path} has {len(inputs)} inputs; expected a functional model of one input and one output.")
    takes = tuple(inputs[0].shape)
    if len(takes) != 4 or any(held not in (None, want) for held, want in zip(takes[1:], (size, size, 3), strict=True)):
        raise UserError(
            f"{path} takes inputs of shape {list(takes[1:])}, the crops are {[size, size, 3]} (rgb); choose another "
            "size=, or a network of such pictures."
        )
    if tuple(model.outputs[0].shape[1:]) == (WIDTH,):
        return model
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1:]
    if not last or tuple(last[0].input.shape[1:]) != (WIDTH,):
        held = f"its last Dense layer takes {list(last[0].input.shape[1:])}" if last else "it has no Dense layer"
        raise UserError(
            f"{path} gives {list(model.outputs[0].shape[1:])} and {held}; expected 2048 features as its output, or as "
            "the input of its last Dense layer."
        )
    return keras.Model(model.inputs, last[0].input)
