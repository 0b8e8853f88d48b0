"""What was tried on development, and what was taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Choice:
    """One decision for one target.

    Attributes:
        what: is decided, for example `size of audio_short`.
        scores: what was tried -> pooled CCC on development.
        taken: those that go on.
        why: the rule.
    """

    what: str
    scores: Mapping[str, float]
    taken: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class System:
    """The system of one target.

    Attributes:
        target: what it predicts.
        choices: in the order in which they were made.
        candidates: name -> folder of the run or fusion, of all that could have been the system.
        chosen: the candidate that is the system.
        smoothed: whether its runs count as post-processing left them.
        scores: of every candidate on the reported partition; columns of `evaluation.score` and `candidate`.
    """

    target: str
    choices: tuple[Choice, ...]
    candidates: Mapping[str, Path]
    chosen: str
    smoothed: bool
    scores: pd.DataFrame
