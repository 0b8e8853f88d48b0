"""Features of a picture from a ResNet50, or from a network of the user's: which network, and how it is run."""

import random
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from emotf.errors import UserError
from emotf.features._crops import Crops
from emotf.features._detected import FLAGS
from emotf.features.base import Film
from emotf.files import sha256
from emotf.progress import say
from emotf.recording import Recording
from emotf.track import Track
from emotf.weights import fetched, loaded

WIDTH = 2048  # features of ResNet50
# Pictures that go through the network together; always as many, so that it is compiled once.
BATCH = 32
NETWORKS = ("imagenet", "random")


@dataclass
class Described(Crops):
    """The fields of a part that describes pictures of a face by a network, and `described`, which does.

    Attributes:
        weights: `imagenet`: ResNet50 with the weights that Keras offers, fetched from the network once; `random`:
            ResNet50 as it is before any training, for trials of everything else; or the path of a .keras file, a
            classifier of faces, say. It takes rgb pictures [size, size, 3] of float32 in 0 to 255, so what scaling it
            needs must be in it. Its features are its output, or what its last layer of class Dense takes in,
            whichever is [2048]. If neither is: where the network ends in that layer, linear or with softmax, sigmoid
            or tanh, the layer classifies, and its features are what it takes in; else they are its output.
        seed: of random weights.
        digest: SHA-256 of the user's file, filled in by itself, so that streams of another file are told apart.
        width: features that the user's file gives, filled in by itself; of ResNet50 they are 2048.
        flags: add the channels `confidence` and `found` of the film.
    """

    weights: str = "imagenet"
    seed: int = 0
    digest: str = ""
    width: int | None = None
    flags: bool = True

    @property
    def channels(self) -> tuple[str, ...] | None:
        width = WIDTH if self.weights in NETWORKS else self.width
        return None if width is None else self._names(width)

    def resolved(self, recording: Recording) -> Self:
        """The same feature with digest and width of the user's file.

        Raises:
            UserError: the file is missing, is not the one that `digest` and `width` tell of, or holds no such network.
        """
        del recording
        if self.weights in NETWORKS:
            self._check_width(WIDTH)
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
        width = _width(load_network(self.weights, digest, self.size, self.seed))
        self._check_width(width)
        return replace(self, digest=digest, width=width)

    def described(self, film: Film) -> Track:
        """The features of a film of pictures, uint8 rgb [size, size, 3], batch by batch; 0 where there is no picture.

        The last two numbers beside each picture are its confidence and 1.

        Raises:
            UserError: the network cannot be had, or does not take such pictures or give features.
        """
        network = load_network(self.weights, self.digest, self.size, self.seed)
        width = _width(network)
        names = self._names(width)
        batch = np.zeros((BATCH, self.size, self.size, 3), np.float32)
        places: list[int] = []  # the frames whose pictures lie in the batch
        rows = np.zeros((BATCH, len(names)), np.float32)
        frames = 0
        for picture, values in film.shots:
            if frames == len(rows):  # grows where it lies, by an eighth: a list of rows would need twice the memory
                rows.resize((frames + max(BATCH, frames // 8), rows.shape[1]), refcheck=False)
            if self.flags:
                rows[frames, width:] = values[-2:]
            if picture is not None:
                batch[len(places)] = picture
                places.append(frames)
            if len(places) == BATCH:
                rows[places, :width] = network.predict_on_batch(batch)
                places.clear()
            frames += 1
        if places:  # what is left of the batch before fills up the last one
            rows[places, :width] = network.predict_on_batch(batch)[: len(places)]
        rows.resize((frames, rows.shape[1]), refcheck=False)
        return Track(rows, hop=film.hop, start=film.start, channels=names)

    def _names(self, width: int) -> tuple[str, ...]:
        return (*(f"f{k}" for k in range(width)), *(FLAGS if self.flags else ()))

    def _check_width(self, found: int) -> None:
        if self.width not in (None, found):
            raise UserError(
                f"weights={self.weights} gives {found} features a picture, width is {self.width}; leave width out."
            )


@lru_cache(maxsize=1)
def load_network(weights: str, digest: str, size: int, seed: int) -> Any:
    """The network: float32 [batch, size, size, 3], rgb in 0 to 255 -> [batch, features]; kept for the next call.

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


def _width(network: Any) -> int:
    """How many features it gives."""
    return int(network.outputs[0].shape[-1])


def _features_of(path: str, size: int) -> Any:
    """What the user's network knows of a picture before it classifies; see `Described`."""
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
    last = _classifier(model)
    if last is not None and last not in model.layers:
        raise UserError(
            f"{path} ends in a classifier ({last.name}) that is within a model of its own; save that one, or the "
            "features without a classifier."
        )
    network = keras.Model(inputs[0], last.input) if last is not None else model
    gives = network.outputs[0].shape[1:]
    what = f"what its last layer, {last.name}, takes in" if last is not None else "its output"
    if len(gives) != 1 or gives[0] is None:
        raise UserError(f"{path}: {what} is of shape {list(gives)}, expected [features]; pool it first.")
    say(f"resnet50: the {gives[0]} features of {path} are {what}.")
    return network


def _classifier(model: Any) -> Any | None:
    """The layer that takes the features in, where they are not the output; see `Described`."""
    from keras import Model, activations, layers

    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)][-1:]
    if tuple(model.outputs[0].shape[1:]) == (WIDTH,):
        return None
    if dense and tuple(dense[0].input.shape[1:]) == (WIDTH,):
        return dense[0]
    judging = (activations.linear, activations.softmax, activations.sigmoid, activations.tanh)
    for layer in reversed(model.layers):
        if isinstance(layer, Model):
            return _classifier(layer)
        if getattr(layer, "activation", activations.linear) not in judging:
            return None
        if not isinstance(layer, layers.Activation | layers.Softmax | layers.Dropout):
            return layer if isinstance(layer, layers.Dense) else None
    return None
