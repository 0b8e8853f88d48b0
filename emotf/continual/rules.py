"""By which rule the classifiers of single tasks become one, and the two bounds between which rules lie."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from emotf.continual import weight_pictures
from emotf.continual.linear import LinearClassifier, balanced_alpha, concatenate, merge

UPPER, LOWER = "joint", "finetuned"

# name -> what it does, for people.
RULES = {
    UPPER: "trained anew on all classes so far (upper bound: it sees the old pictures)",
    "balanced": "unknown outputs blended by α = K/(N+K), as table 4.4 lists it",
    "printed": "blended by α = N/(N+K), as the thesis prints it",
    "anchored": "ours: scores relative to the unknown output, then blended by K/(N+K)",
    "concatenated": "trained without an unknown output, side by side",
    "pruned": "weights between min + margin and max - margin (0.3 in print) set to 0, task by task, then side by side",
    "equalised": "side by side, then histogram equalisation of the weights",
    "clahe": "side by side, then CLAHE of the weights (clip 100, tiles 2 x 2)",
    LOWER: "one classifier that grows and is trained on new pictures only (lower bound)",
}

# What is done to the weights that were put side by side.
TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "equalised": weight_pictures.equalised,
    "clahe": weight_pictures.clahe,
}


@dataclass(frozen=True)
class Learned:
    """The classifiers that were trained on one body, one a task in each list.

    Attributes:
        own: of a task's classes and `unknown`.
        plain: of a task's classes alone.
        joint: of all classes up to a task, trained on all their pictures.
        finetuned: the same outputs, each trained on from the one before it, on the pictures of its task.
    """

    own: tuple[LinearClassifier, ...]
    plain: tuple[LinearClassifier, ...]
    joint: tuple[LinearClassifier, ...]
    finetuned: tuple[LinearClassifier, ...]


def alpha_of(rule: str) -> float | None:
    """The number of `alpha-<number>`, None for anything else.

    Example:
        >>> alpha_of("alpha-0.25"), alpha_of("balanced"), alpha_of("alpha-2")
        (0.25, None, None)
    """
    name, _, number = rule.partition("-")
    try:
        alpha = float(number)
    except ValueError:
        return None
    return alpha if name == "alpha" and 0 <= alpha <= 1 else None


def meaning(rule: str) -> str:
    """What a rule does, for people."""
    return RULES[rule] if rule in RULES else f"unknown outputs blended by α = {alpha_of(rule):g} in every merge"


def after_each_task(rule: str, learned: Learned, margin: float = 0.3) -> tuple[LinearClassifier, ...]:
    """The one classifier that the rule makes, after each task.

    Args:
        rule: of `RULES`, or `alpha-<number>`.
        learned: what was trained.
        margin: of pruning.
    """
    if rule == UPPER:
        return learned.joint
    if rule == LOWER:
        return learned.finetuned
    if rule == "pruned":
        plain = [replace(one, weights=weight_pictures.pruned(one.weights, margin)) for one in learned.plain]
        return tuple(accumulate(plain, concatenate))
    if rule in ("concatenated", *TRANSFORMS):
        change = TRANSFORMS.get(rule, np.asarray)
        joined = accumulate(learned.plain, concatenate)
        return tuple(replace(one, weights=change(one.weights)) for one in joined)
    own = [one.anchored() for one in learned.own] if rule == "anchored" else learned.own
    return _blended(own, _alphas(rule))


def _alphas(rule: str) -> Callable[[int, int], float]:
    """(K, N) -> α."""
    alpha = alpha_of(rule)
    if alpha is not None:
        return lambda old, new: alpha
    if rule == "printed":
        return lambda old, new: balanced_alpha(new, old)
    return balanced_alpha


def _blended(own: Sequence[LinearClassifier], alpha: Callable[[int, int], float]) -> tuple[LinearClassifier, ...]:
    return tuple(accumulate(own, lambda old, new: merge(old, new, alpha(old.classes, new.classes))))
