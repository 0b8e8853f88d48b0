"""What every step of post-processing shares.

Conventions
    A step works on the traces of one target: recording -> [frames], on one hop in seconds. Gold is NaN where unrated.
    `fit` learns from gold and predictions of one partition and returns the step; what it learned ends in `_`, as in
    scikit-learn. `transform` takes one trace and gives one of the same length.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, get_type_hints

import numpy as np

from emotf.content import built, valued
from emotf.errors import UserError
from emotf.measures import Moments

Traces = Mapping[str, np.ndarray]


@dataclass
class Step(ABC):
    """A step of post-processing; subclasses are dataclasses whose learned fields end in `_`."""

    @abstractmethod
    def fit(self, gold: Traces, prediction: Traces, hop: float) -> Self:
        """Learns from the traces of one target, and returns itself."""

    @abstractmethod
    def transform(self, prediction: np.ndarray, hop: float) -> np.ndarray:
        """A trace [frames] after this step.

        Raises:
            UserError: nothing was learned yet.
        """

    @property
    def learned(self) -> dict[str, Any]:
        """What `fit` found, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name.endswith("_")}

    def restore(self, learned: Mapping[str, Any]) -> Self:
        """Puts back what was learned before, and returns itself.

        Raises:
            UserError: this step learns something else.
        """
        hints, where = get_type_hints(type(self)), type(self).__name__
        if learned.keys() != self.learned.keys():
            raise UserError(f"{where} learns {', '.join(self.learned)}, not {', '.join(learned)}; fit it again.")
        for name, value in learned.items():
            setattr(self, name, valued(value, hints[name], f"{where}.{name}", built))
        return self

    def check_fitted(self) -> None:
        """Raises UserError where nothing was learned."""
        if any(value is None for value in self.learned.values()):
            raise UserError(f"{type(self).__name__} is not fitted; fit it on development first.")


def pooled_ccc(gold: Traces, prediction: Traces) -> float:
    """CCC over all rated frames of all recordings in one series; 0 where it is not defined."""
    parts = (Moments.of(gold[name], prediction[name]) for name in gold)
    return float(np.nan_to_num(sum(parts, Moments()).ccc))


def best(
    candidates: Iterable[Any], gold: Traces, prediction: Traces, applied: Callable[[np.ndarray, Any], np.ndarray]
) -> Any:
    """The candidate after which the pooled CCC is highest; of equal ones the first.

    Args:
        candidates: what is tried, the least change first.
        gold, prediction: of one target.
        applied: (trace, candidate) -> trace.
    """
    scored = [
        (pooled_ccc(gold, {name: applied(trace, candidate) for name, trace in prediction.items()}), candidate)
        for candidate in candidates
    ]
    return max(scored, key=lambda pair: pair[0])[1]
