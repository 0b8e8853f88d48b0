"""Builds a whole system by a plan: runs what must be tried, chooses on development, joins what was chosen."""

from emotf.assembly.assemble import assemble
from emotf.assembly.choices import Choice, System
from emotf.assembly.reporting import report

__all__ = ["Choice", "System", "assemble", "report"]
