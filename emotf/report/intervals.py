"""Differences, their intervals and what these say, in words: the same in all tables and on all pages."""

import pandas as pd

from emotf.statistics import verdict

UNDEFINED, NO_INTERVAL = "undefined", "(no interval)"


def signed(value: float) -> str:
    """A difference: three decimals with its sign, or `undefined`."""
    return UNDEFINED if pd.isna(value) else f"{value:+.3f}"


def bracketed(low: float, high: float, form: str = ".3f") -> str:
    """An interval in brackets; in words where there is none, as of a single subject.

    Example:
        >>> bracketed(-0.1, 0.25, "+.2f"), bracketed(float("nan"), float("nan"))
        ('[-0.10, +0.25]', '(no interval)')
    """
    return NO_INTERVAL if pd.isna(low) or pd.isna(high) else f"[{low:{form}}, {high:{form}}]"


def difference(value: float, low: float, high: float) -> str:
    """A difference with its interval."""
    return signed(value) if pd.isna(value) else f"{signed(value)} {bracketed(low, high, '+.3f')}"


def judged(value: float, low: float, high: float) -> str:
    """A difference with its interval and what that says."""
    said = difference(value, low, high)
    return said if pd.isna(value) else f"{said} {verdict(low, high)}"
