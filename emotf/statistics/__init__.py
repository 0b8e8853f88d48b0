"""How sure a score or a difference of scores is: intervals and tests over the units of independence.

A system is a mapping recording -> moments, one a repetition (seed). Its score is averaged over repetitions. Frames of
one recording depend on each other, and so do recordings of one person; what is drawn with replacement, or swapped
between two systems, are therefore whole units: recordings, or subjects with all their recordings.
"""

from emotf.statistics.intervals import UNDECIDED, bootstrap, contrast, paired_bootstrap, ratio, verdict
from emotf.statistics.scores import SPREAD, System, overall
from emotf.statistics.significance import LEVEL, holm, p_of_interval, permutation_test
from emotf.statistics.spread import pooled_sd, sd_ratio, sd_ratio_normal, squared_deviations
from emotf.statistics.units import DRAWS

__all__ = [
    "DRAWS",
    "LEVEL",
    "SPREAD",
    "UNDECIDED",
    "System",
    "bootstrap",
    "contrast",
    "holm",
    "overall",
    "p_of_interval",
    "paired_bootstrap",
    "permutation_test",
    "pooled_sd",
    "ratio",
    "sd_ratio",
    "sd_ratio_normal",
    "squared_deviations",
    "verdict",
]
