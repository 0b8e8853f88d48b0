"""The rules of FER+ that make a class of the votes of ten taggers.

Conventions
    votes: float [10], those for neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown and NF
    (no face). A rule returns which votes it keeps; nothing kept: it leaves the face out.

Reference:
    Barsoum, Zhang, Canton Ferrer & Zhang 2016, "Training Deep Networks for Facial Expression Recognition with
    Crowd-Sourced Label Distribution", ICMI, section 3, and the reader that the authors published with the votes, which
    decides where the paper is silent: ties, and `unknown` or `NF` among the kept.
"""

from dataclasses import dataclass

import numpy as np

CLASSES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
NO_CLASS = ("unknown", "NF")
RULES = ("majority", "probability", "multi_target")
UNDECIDED, BLANK = "no class by the rule", "no image name"

MAJORITY = 0.5
COVERED, MOST_CLASSES = 0.75, 3
SHARE = 0.3


@dataclass(frozen=True)
class Judgement:
    """What a rule made of a face.

    Attributes:
        left_out: why it has no class; empty where it has one.
        label: the class with most votes, as index of the classes that are not left out.
        votes: float32 [classes], a distribution over the classes that the rule kept.
    """

    left_out: str = ""
    label: int = -1
    votes: np.ndarray | None = None


def judged(votes: np.ndarray, rule: str, without: tuple[str, ...] = ()) -> Judgement:
    """What a rule makes of the votes [10] of a face.

    Votes of one tagger alone are dropped first. The kept classes get the shares of their votes, by `multi_target`
    equal ones.

    Args:
        votes: counts.
        rule: one of `RULES`.
        without: classes that are left out with the faces that they win.

    Example:
        >>> judged(np.array([5, 0, 0, 3, 1, 1, 0, 0, 0, 0]), "probability").votes.tolist()
        [0.625, 0.0, 0.0, 0.375, 0.0, 0.0, 0.0, 0.0]
        >>> judged(np.array([4, 0, 0, 4, 1, 0, 0, 0, 1, 0]), "majority").left_out
        'no class by the rule'
    """
    kept = KEEPS[rule](np.where(votes > 1, votes, 0).astype(float))
    if not kept.any():
        return Judgement(UNDECIDED)
    winner = (*CLASSES, *NO_CLASS)[int(kept.argmax())]
    if winner in NO_CLASS or winner in without:
        return Judgement(f"class {winner}")
    stays = [place for place, name in enumerate(CLASSES) if name not in without]
    chosen = kept[stays]
    shares = (chosen > 0).astype(float) if rule == "multi_target" else chosen
    return Judgement("", int(chosen.argmax()), (shares / shares.sum()).astype(np.float32))


def majority(votes: np.ndarray) -> np.ndarray:
    """The class with more than half of the votes."""
    winner = np.arange(len(votes)) == votes.argmax()
    return np.where(winner & (votes > MAJORITY * votes.sum()), votes, 0)


def probability(votes: np.ndarray) -> np.ndarray:
    """The classes with most votes, until they cover 75 % or are three.

    Classes of equally many votes come together: of more than three nothing is kept, nor of those that cover no more
    than half. `unknown` and `NF` end the list, and are on it themselves only where they stand first.
    """
    kept, over = np.zeros_like(votes), False
    for count in sorted(set(votes[votes > 0]), reverse=True):
        for place in np.flatnonzero(votes == count):
            over = place >= len(CLASSES)
            if not (over and kept.any()):
                kept[place] = count
            if over:
                break
        if over or kept.sum() >= COVERED * votes.sum() or np.count_nonzero(kept) >= MOST_CLASSES:
            break
    few = np.count_nonzero(kept) <= MOST_CLASSES
    return kept if few and kept.sum() > MAJORITY * votes.sum() else np.zeros_like(votes)


def multi_target(votes: np.ndarray) -> np.ndarray:
    """All classes with at least 30 % of the votes, if together they have more than half."""
    kept = np.where(votes >= SHARE * votes.sum(), votes, 0)
    return kept if kept.sum() > MAJORITY * votes.sum() else np.zeros_like(votes)


KEEPS = {"majority": majority, "probability": probability, "multi_target": multi_target}
