"""Comparisons: a grid of systems, folds and seeds, its runs, and the table they end in."""

from emotf.comparison.axes import parse
from emotf.comparison.execution import execute
from emotf.comparison.grid import MULTI_AGAINST_SINGLE, Trial, grid
from emotf.comparison.reporting import report, report_stability
from emotf.comparison.stability import check_repetitions, steadiness
from emotf.comparison.summary import by_recording, reference_of, restored

__all__ = [
    "MULTI_AGAINST_SINGLE",
    "Trial",
    "by_recording",
    "check_repetitions",
    "execute",
    "grid",
    "parse",
    "reference_of",
    "report",
    "report_stability",
    "restored",
    "steadiness",
]
