"""Which pictures an epoch shows, and in which order: pure functions of (seed, epoch)."""

import numpy as np

from emotf.errors import UserError

SAMPLINGS = ("balanced", "none", "class_weights")


def epoch_order(labels: np.ndarray, sampling: str, seed: int, epoch: int) -> np.ndarray:
    """The places of the pictures of an epoch, int64 [pictures]: as many as there are labels.

    Args:
        labels: int [pictures].
        sampling: `balanced`: each class equally often (see `balanced`); else every picture once.
        seed: of the run, 0 or above.
        epoch: from 0 on.

    Raises:
        UserError: no such sampling or seed.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
        >>> np.bincount(labels[epoch_order(labels, "balanced", seed=1, epoch=0)]).tolist()
        [5, 5]
    """
    if sampling not in SAMPLINGS:
        raise UserError(f"Sampling is {', '.join(SAMPLINGS)}; received {sampling!r}.")
    if seed < 0:
        raise UserError(f"A seed is 0 or above, received {seed}.")
    chosen = balanced(labels, seed, epoch) if sampling == "balanced" else np.arange(len(labels))
    return np.asarray(np.random.default_rng([seed, epoch, 0]).permutation(chosen), np.int64)


def balanced(labels: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """The places of an epoch in which each of the K classes with pictures comes n / K times, to within one.

    The slots of all epochs, n each, are dealt to the classes in turn: slot s to class s mod K. A class fills its slots
    from its pictures, shuffled; only when all were shown, it shuffles them anew, whether an epoch ends between or not.
    """
    found, classes = [], np.unique(labels)
    total, kinds = len(labels), len(classes)
    for turn, label in enumerate(classes.tolist()):
        own = np.flatnonzero(labels == label)
        # slots s < m with s mod K = turn: ceil((m - turn) / K)
        first, end = (max(0, -((turn - slots) // kinds)) for slots in (epoch * total, (epoch + 1) * total))
        passes, places = np.divmod(np.arange(first, end), len(own))
        for number in np.unique(passes).tolist():
            shuffled = np.random.default_rng([seed, label, number, 1]).permutation(own)
            found.append(shuffled[places[passes == number]])
    return np.concatenate(found)


def class_weights(labels: np.ndarray) -> np.ndarray:
    """The weight of each picture, float32 [pictures]: n / (K n_c), so that classes weigh the same and the mean is 1."""
    classes, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (len(labels) / (len(classes) * counts[place])).astype(np.float32)


def held_back(labels: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """A mask [pictures] of that share of every class, at least one picture of each."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        mask[random.permutation(places)[: max(1, round(share * len(places)))]] = True
    return mask
