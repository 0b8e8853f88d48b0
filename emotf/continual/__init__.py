"""Learning new classes without the pictures of the old ones: a classifier grows by merging weights.

A body, a network without its classifier, is frozen; each task trains a linear classifier on features, and rules make
one classifier of all. `linear`, `weight_pictures` and `transfer` are the equations; the others are the experiment.
"""

from emotf.continual.execution import Run, execute, runs
from emotf.continual.reporting import report

__all__ = ["Run", "execute", "report", "runs"]
