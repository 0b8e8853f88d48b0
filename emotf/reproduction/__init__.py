"""The tables of the publications: their figures as printed, and ours beside them, cell by cell."""

from emotf.reproduction.preparation import prepare
from emotf.reproduction.prepared import Prepared
from emotf.reproduction.reporting import listing, report
from emotf.reproduction.table import Cell, Finding, Table, tables

__all__ = ["Cell", "Finding", "Prepared", "Table", "listing", "prepare", "report", "tables"]
