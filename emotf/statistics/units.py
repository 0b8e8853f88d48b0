"""Units of independence: which recordings go together, and how often each is drawn."""

from collections.abc import Mapping, Sequence

import numpy as np

from emotf.errors import UserError
from emotf.statistics.scores import System

DRAWS = 2000


def shared_recordings(systems: Sequence[System], what: str) -> list[str]:
    """The recordings of all systems, in order.

    Raises:
        UserError: the systems were scored on different recordings.
    """
    names = sorted(systems[0])
    if any(sorted(system) != names for system in systems):
        raise UserError(f"A paired {what} needs both systems on the same recordings.")
    return names


def unit_of(names: Sequence[str], units: Mapping[str, str] | None) -> np.ndarray:
    """The number of each recording's unit, [recordings] from 0; each recording by itself where `units` is None."""
    return np.unique([units[name] if units else name for name in names], return_inverse=True)[1]


def drawn_counts(unit: np.ndarray, draws: int) -> np.ndarray:
    """How often each recording occurs, [1 + draws, recordings]; the first row is the recordings as they are."""
    as_they_are = np.ones((1, len(unit)))
    n = count(unit)
    if n < 2 or not draws:
        return as_they_are
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), draws)
    return np.concatenate([as_they_are, counts[:, unit]])


def count(unit: np.ndarray) -> int:
    """How many units there are."""
    return int(unit.max(initial=-1)) + 1
