"""A linear classifier, and how two of them, of old and of new classes, become one without any picture.

    z = x W + b,    p(c | x) = exp(z_c) / Σ_j exp(z_j),    W [features, outputs], b [outputs]

A task's classifier has an output for each of its classes and, last, one that is called `unknown`: for pictures of
something else. What the thesis calls a row of the classifier is here the column of an output, with its bias.

Reference:
    Orgil 2022, doctoral thesis, Tokushima University, the chapter on continual learning of a classifier.
"""

from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError


@dataclass(frozen=True)
class LinearClassifier:
    """Weights and biases; the features that it takes come from a body that is frozen.

    Attributes:
        weights: W [features, outputs].
        bias: b [outputs].
        unknown: whether the last output is `unknown`.
    """

    weights: np.ndarray
    bias: np.ndarray
    unknown: bool = False

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or self.bias.shape != self.weights.shape[1:]:
            raise UserError(f"A classifier has weights [features, outputs] and a bias [outputs], received "
                            f"{self.weights.shape} and {self.bias.shape}.")  # fmt: skip
        if self.classes < 1:
            raise UserError("A classifier has an output for at least one class, received none but unknown.")

    @property
    def classes(self) -> int:
        """How many classes it knows: its outputs without `unknown`."""
        return self.weights.shape[1] - self.unknown

    @property
    def parameters(self) -> int:
        """How many weights and biases it has."""
        return self.weights.size + self.bias.size

    def scores(self, features: np.ndarray) -> np.ndarray:
        """z = x W + b, [pictures, outputs], of features [pictures, features]."""
        return features @ self.weights + self.bias

    def known(self) -> "LinearClassifier":
        """The same without `unknown`."""
        return LinearClassifier(self.weights[:, : self.classes], self.bias[: self.classes])

    def anchored(self) -> "LinearClassifier":
        """The same probabilities, written so that the scores of `unknown` are 0: z_c - z_unknown in place of z_c.

        p does not change when one vector is taken from all columns. What is left are log odds against `unknown`, and
        those of two classifiers that were trained with the same `unknown` pictures are on one scale.

        Raises:
            UserError: there is no `unknown`.
        """
        if not self.unknown:
            raise UserError("A classifier without an unknown output cannot be anchored by it.")
        return LinearClassifier(self.weights - self.weights[:, -1:], self.bias - self.bias[-1], unknown=True)


def empty(features: int, outputs: int, unknown: bool = False) -> LinearClassifier:
    """All weights 0: every output is as probable as any other."""
    return LinearClassifier(np.zeros((features, outputs), np.float32), np.zeros(outputs, np.float32), unknown)


def balanced_alpha(old: int, new: int) -> float:
    """α = K / (N + K), the share of the old classes: "balanced by mass".

    The thesis prints N / (N + K) in its text, while its table 4.4 lists K / (N + K): .5, .67, .75, ... as K grows.

    Args:
        old: K, classes that the old classifier knows.
        new: N, classes of the new one.

    Example:
        >>> [round(balanced_alpha(old, 5), 2) for old in (5, 10, 15, 20, 25)]
        [0.5, 0.67, 0.75, 0.8, 0.83]
    """
    return old / (new + old)


def merge(old: LinearClassifier, new: LinearClassifier, alpha: float) -> LinearClassifier:
    """One classifier of N + K + 1 outputs from two with K + 1 and N + 1.

        w_c = w_c^old            for the K old classes,
        w_c = w_c^new            for the N new ones,
        w_unknown = α w_unknown^old + (1 - α) w_unknown^new,    and the same for b.

    Args:
        old: knows K classes and `unknown`.
        new: knows N others and `unknown`, on the same features.
        alpha: α, in [0, 1]; `balanced_alpha` gives the one of the thesis.

    Raises:
        UserError: other features, no `unknown`, or α outside.

    Example:
        >>> one = LinearClassifier(np.array([[1.0, 2.0]]), np.array([0.0, 4.0]), unknown=True)
        >>> two = LinearClassifier(np.array([[3.0, 6.0]]), np.array([1.0, 8.0]), unknown=True)
        >>> both = merge(one, two, alpha=0.25)
        >>> both.weights.tolist(), both.bias.tolist()
        ([[1.0, 3.0, 5.0]], [0.0, 1.0, 7.0])
    """
    if not 0 <= alpha <= 1:
        raise UserError(f"alpha is {alpha}, expected 0 to 1: the weight of the old unknown output.")
    if not (old.unknown and new.unknown):
        raise UserError("Only classifiers that both have an unknown output can be merged; concatenate takes those "
                        "without.")  # fmt: skip
    classes = concatenate(old.known(), new.known())
    weights = alpha * old.weights[:, -1:] + (1 - alpha) * new.weights[:, -1:]
    bias = alpha * old.bias[-1:] + (1 - alpha) * new.bias[-1:]
    return LinearClassifier(
        np.concatenate([classes.weights, weights], axis=1), np.concatenate([classes.bias, bias]), unknown=True
    )


def concatenate(old: LinearClassifier, new: LinearClassifier) -> LinearClassifier:
    """The outputs of both side by side, K + N; neither has `unknown`.

    Raises:
        UserError: other features, or an `unknown` output.
    """
    if old.weights.shape[0] != new.weights.shape[0]:
        raise UserError(f"One classifier takes {old.weights.shape[0]} features, the other {new.weights.shape[0]}; "
                        "both must stand on the same body.")  # fmt: skip
    if old.unknown or new.unknown:
        raise UserError("A classifier with an unknown output cannot be concatenated; merge it, or take known() of it.")
    return LinearClassifier(np.concatenate([old.weights, new.weights], axis=1), np.concatenate([old.bias, new.bias]))


def cosine_distance(one: np.ndarray, other: np.ndarray) -> float:
    """1 - <A, B> / (|A| |B|), in [0, 2], of two matrices of weights [features, classes]; NaN where one is all 0.

    The mean over classes is taken from the weights of each feature before: the same number more in all of them changes
    no probability, and must change no distance.

    Raises:
        UserError: the matrices differ in shape.

    Example:
        >>> a, b, c = np.array([[1.0, 0.0]]), np.array([[5.0, 4.0]]), np.array([[0.0, 2.0]])
        >>> round(cosine_distance(a, b), 6), round(cosine_distance(a, c), 6)
        (0.0, 2.0)
    """
    if one.shape != other.shape:
        raise UserError(f"Weights are {one.shape} and {other.shape}; only those of the same features and classes have "
                        "a distance.")  # fmt: skip
    one, other = (each - each.mean(axis=1, keepdims=True) for each in (one, other))
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return 1.0 - float(np.vdot(one, other)) / length if length else float("nan")
