"""What a classifier answered, and how good that is."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Answers:
    """What a classifier said to the pictures of a partition.

    With C_ij the number of pictures of class i that were answered j, and n = Σ C_ij:

        precision_j = C_jj / Σ_i C_ij,   recall_i = C_ii / Σ_j C_ij,   F1_i = 2 C_ii / (Σ_j C_ij + Σ_j C_ji)

    Attributes:
        classes: their names.
        ids: [pictures].
        labels: int64 [pictures].
        logits: float32 [pictures, classes].

    Example:
        >>> logits = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
        >>> answers = Answers(("sad", "happy"), ("a", "b", "c"), np.array([0, 1, 1]), logits)
        >>> answers.confusion.tolist(), round(answers.scores["accuracy"], 3), answers.by_class["recall"].tolist()
        ([[1, 0], [1, 1]], 0.667, [1.0, 0.5])
    """

    classes: tuple[str, ...]
    ids: tuple[str, ...]
    labels: np.ndarray
    logits: np.ndarray

    @cached_property
    def log_probabilities(self) -> np.ndarray:
        """float64 [pictures, classes]."""
        from scipy.special import log_softmax

        return np.asarray(log_softmax(self.logits.astype(np.float64), axis=1))

    @property
    def predicted(self) -> np.ndarray:
        """int64 [pictures]: the class with the largest logit, the first of equals."""
        return np.asarray(self.logits.argmax(axis=1))

    @property
    def confusion(self) -> np.ndarray:
        """int64 [classes, classes]: pictures of the row's class that were answered as the column's."""
        found = np.zeros((len(self.classes),) * 2, np.int64)
        np.add.at(found, (self.labels, self.predicted), 1)
        return found

    @property
    def by_class(self) -> "pd.DataFrame":
        """class, pictures, precision, recall, f1; NaN where nothing was divided by."""
        import pandas as pd

        found = self.confusion
        right, true, said = np.diagonal(found), found.sum(axis=1), found.sum(axis=0)
        return pd.DataFrame({
            "class": self.classes, "pictures": true, "precision": _ratio(right, said), "recall": _ratio(right, true),
            "f1": _ratio(2 * right, true + said),
        })  # fmt: skip

    @property
    def scores(self) -> dict[str, float]:
        """Of all pictures.

        `accuracy`; `macro_f1`, the mean of F1 over classes that have a picture or an answer; `mean_recall`, that of
        recall over classes with pictures; `cross_entropy` with the classes in nats, the mean over pictures.
        """
        by_class = self.by_class
        own = self.log_probabilities[np.arange(len(self.labels)), self.labels]
        return {
            "accuracy": float((self.predicted == self.labels).mean()),
            "macro_f1": float(by_class["f1"].mean()),
            "mean_recall": float(by_class["recall"].mean()),
            "cross_entropy": float(-own.mean()),
        }

    def mistakes(self, count: int) -> np.ndarray:
        """Places of the pictures that were answered wrongly, the most confident first; at most `count`."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        sure = self.log_probabilities[wrong, self.predicted[wrong]]
        return wrong[np.argsort(-sure, kind="stable")[:count]]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def interval(correct: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share: how sure an accuracy is by the number of pictures alone.

    Example:
        >>> [round(end, 3) for end in interval(2693, 3136)]
        [0.846, 0.87]

    Reference:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    from scipy.stats import binomtest

    low, high = binomtest(correct, of).proportion_ci(0.95, method="wilson")
    return float(low), float(high)


def difference(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """The difference of two accuracies on the same pictures, with its 95 % interval over pictures.

    Args:
        one, other: how often each picture was answered rightly, the mean over runs, [pictures].

    Returns:
        d̄, d̄ - 1.96 s/√n, d̄ + 1.96 s/√n, where d are the pictures' differences and s their standard deviation.
    """  # fmt: skip
    d = np.asarray(one, np.float64) - other
    half = 1.96 * float(d.std(ddof=1)) / len(d) ** 0.5 if len(d) > 1 else float("nan")
    mean = float(d.mean())
    return mean, mean - half, mean + half
