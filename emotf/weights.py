"""Weights that a network starts from, those that Keras offers or a file of the user's; what ImageNet's pictures are."""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emotf.errors import UserError

# Means and deviations of ImageNet's pictures, red, green, blue, as `preprocess_input` of `keras.applications` has them:
# on a scale of 0 to 255 in its mode `caffe`, of 0 to 1 in its mode `torch`.
CAFFE_MEAN = (123.68, 116.779, 103.939)
TORCH_MEAN, TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def fetched(name: str, make: Callable[[], Any], instead: str) -> Any:
    """What `make` makes, a network with the ImageNet weights that Keras offers; fetched once, kept in ~/.keras.

    Args:
        name: of the network, as messages call it.
        make: the call of `keras.applications`.
        instead: what else a user without the network can do, as the end of the message.

    Raises:
        UserError: the weights cannot be fetched.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras' progress bar
            return make()
    except Exception as error:  # Keras has no class for a failed download
        raise UserError(
            f"Keras' ImageNet weights of {name} cannot be fetched ({first_line(error)}); connect to the network once, "
            f"copy ~/.keras/models from a machine that has them, {instead}."
        ) from None


def loaded(path: Path | str) -> Any:
    """The network of a .keras file, not compiled.

    Raises:
        UserError: Keras cannot load it.
    """
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)  # a file must bring no code of its own
    except Exception as error:  # whatever a file may hold
        raise UserError(
            f"{path} cannot be loaded as a Keras model ({first_line(error)}); save it anew with model.save()."
        ) from None


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
