"""A body that starts from a file of the user's."""

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from emotf.errors import UserError
from emotf.weights import first_line, loaded

if TYPE_CHECKING:
    import keras


def start(body: "keras.Model", path: Path, name: str) -> None:
    """Gives a body the weights of a file: a .keras or .weights.h5 of the same network, whole or its body.

    Args:
        body: pictures -> features.
        path: of the file.
        name: of the network, for messages.

    Raises:
        UserError: the file is missing, damaged, or of another network.
    """
    is_keras, is_weights = path.suffix == ".keras", path.name.endswith(".weights.h5")
    if not (is_keras or is_weights) or not path.is_file():
        found = "is missing" if is_keras or is_weights else "is none of these"
        raise UserError(
            f"weights={path} {found}; expected imagenet, random, or the path of a .keras or .weights.h5 file."
        )
    (_from_keras if is_keras else _from_weights)(body, path, name)


def _from_keras(body: "keras.Model", path: Path, name: str) -> None:
    whole = loaded(path)
    theirs, ours = [tuple(w.shape) for w in whole.weights], [tuple(w.shape) for w in body.weights]
    if theirs != ours and not (theirs[:-2] == ours and _classify(theirs[-2:], body.output.shape[-1])):
        raise _another(path, name, theirs, ours)
    body.set_weights(whole.get_weights()[: len(ours)])


def _from_weights(body: "keras.Model", path: Path, name: str) -> None:
    import h5py

    theirs, ours = list[tuple[int, ...]](), [tuple(w.shape) for w in body.weights]
    try:
        with h5py.File(path) as file:
            file.visititems(lambda _, item: theirs.append(item.shape) if isinstance(item, h5py.Dataset) else None)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}); save it anew with save_weights().") from None
    if len(theirs) not in (len(ours), len(ours) + 2):
        raise _another(path, name, theirs, ours)
    try:
        # layers are found by their class and its count, so that the classifier of a whole network is left out
        body.load_weights(path)
    except Exception:  # Keras says what it was looking for, in many lines
        raise UserError(
            f"{path} has as many arrays as {name}, but of other sizes or in another order; choose its network, or save "
            "it as a .keras file."
        ) from None


def _classify(sizes: list[tuple[int, ...]], features: int) -> bool:
    """Whether arrays of these sizes are a linear layer from features to classes."""
    kernel, bias = sizes
    return len(kernel) == 2 and kernel[0] == features and bias == kernel[1:]


def _another(path: Path, name: str, theirs: list[tuple[int, ...]], ours: list[tuple[int, ...]]) -> UserError:
    held, want = (f"{len(sizes)} arrays of {sum(map(prod, sizes))} numbers" for sizes in (theirs, ours))
    return UserError(
        f"{path} is not of {name}: it holds {held}, expected {want}, or two arrays more of a classifier; choose its "
        "network, or another file."
    )
