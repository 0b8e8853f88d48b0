"""Comparisons: a grid of systems, folds and seeds, its runs, and the table they end in."""

from emotf.comparison.axes import parse
from emotf.comparison.execution import check, execute, required
from emotf.comparison.grid import MULTI_AGAINST_SINGLE, Trial, grid, trials_of
from emotf.comparison.reporting import report, report_stability
from emotf.comparison.schedule import schedule, share
from emotf.comparison.stability import check_repetitions, steadiness
from emotf.comparison.summary import (
    UNITS,
    by_recording,
    reference_of,
    restored,
    score_of_run,
    subjects_of,
    summarise,
    units_of,
    whole,
)

__all__ = [
    "MULTI_AGAINST_SINGLE",
    "UNITS",
    "Trial",
    "by_recording",
    "check",
    "check_repetitions",
    "execute",
    "grid",
    "parse",
    "reference_of",
    "report",
    "report_stability",
    "required",
    "restored",
    "schedule",
    "score_of_run",
    "share",
    "steadiness",
    "subjects_of",
    "summarise",
    "trials_of",
    "units_of",
    "whole",
]
