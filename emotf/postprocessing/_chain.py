"""Steps one after the other, each kept only where it helps."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotf.postprocessing.base import Step, Traces, pooled_ccc


@dataclass(frozen=True)
class Fitted:
    """One step of a chain.

    Attributes:
        step: with what it learned.
        before, after: pooled CCC of the traces it was fitted on.
    """

    step: Step
    before: float
    after: float

    @property
    def kept(self) -> bool:
        """Whether it is applied."""
        return self.after > self.before


def fit_chain(steps: Sequence[Step], gold: Traces, prediction: Traces, hop: float) -> list[Fitted]:
    """Fits copies of the steps in their order, each on what the kept ones before it leave.

    Args:
        steps: not fitted yet; they stay as they are.
        gold, prediction: recording -> [frames] of one target.
        hop: seconds.
    """
    chain = []
    current = dict(prediction)
    for step in steps:
        fitted = copy.deepcopy(step).fit(gold, current, hop)
        tried = {name: fitted.transform(trace, hop) for name, trace in current.items()}
        chain.append(Fitted(fitted, pooled_ccc(gold, current), pooled_ccc(gold, tried)))
        current = tried if chain[-1].kept else current
    return chain


def transform_chain(chain: Sequence[Fitted], prediction: np.ndarray, hop: float) -> np.ndarray:
    """A trace [frames] after the kept steps."""
    for fitted in chain:
        if fitted.kept:
            prediction = fitted.step.transform(prediction, hop)
    return prediction
