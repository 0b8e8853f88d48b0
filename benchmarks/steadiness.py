"""How often the intervals of a ratio of spreads hold the true ratio: simulations with known standard deviations.

    python benchmarks/steadiness.py

Cells (folds) of repetitions (seeds) are drawn for two systems, the one twice as spread as the other. Intervals of
95 % should hold that 2 in 95 % of the simulations. Width is the upper bound by the lower, median.
"""

import numpy as np
from absl import flags

from emotf.command import run
from emotf.report.tables import markdown
from emotf.statistics import sd_ratio, sd_ratio_normal

SIMULATIONS = flags.DEFINE_integer("simulations", 2000, "Simulations a row.", lower_bound=1)
DRAWS = flags.DEFINE_integer("draws", 2000, "Bootstrap draws a simulation.", lower_bound=1)

TRUE = 2.0

# Distributions of mean and sd that do not matter: each is scaled to an sd of 1.
DRAWN = {
    "normal": lambda rng, size: rng.normal(size=size),
    "uniform": lambda rng, size: rng.uniform(-1, 1, size) * np.sqrt(3),
    "Laplace": lambda rng, size: rng.laplace(size=size) / np.sqrt(2),
    "exponential": lambda rng, size: rng.exponential(size=size),
}

# repetitions, cells, distribution, sd of the most by that of the least spread cell, correlation of equal seeds
CASES = [
    (2, 5, "normal", 1, 0.0),
    (3, 1, "normal", 1, 0.0),
    (5, 1, "normal", 1, 0.0),
    (3, 5, "normal", 1, 0.0),
    (5, 5, "normal", 1, 0.0),
    (3, 20, "normal", 1, 0.0),
    (3, 5, "normal", 3, 0.0),
    (5, 5, "normal", 3, 0.0),
    (3, 5, "uniform", 1, 0.0),
    (3, 5, "Laplace", 1, 0.0),
    (5, 5, "Laplace", 1, 0.0),
    (3, 5, "exponential", 1, 0.0),
    (3, 5, "normal", 1, 0.5),
]


def simulated(repetitions, cells, kind, unlike, correlation, simulations, draws):
    """How often either interval held the true ratio, and its median width."""
    rng = np.random.default_rng(0)
    spread = np.geomspace(1, unlike, cells)[:, None]
    found = []
    for _ in range(simulations):
        first, second = (DRAWN[kind](rng, (cells, repetitions)) for _ in range(2))
        second = correlation * first + np.sqrt(1 - correlation**2) * second
        one, other = list(TRUE * spread * second), list(spread * first)
        found.append([sd_ratio(one, other, draws)[1:], sd_ratio_normal(one, other)])
    low, high = np.moveaxis(np.array(found), -1, 0)
    with np.errstate(divide="ignore"):
        return ((low <= TRUE) & (high >= TRUE)).mean(axis=0), np.median(high / low, axis=0)


def main(_):
    rows = []
    for case in CASES:
        held, width = simulated(*case, SIMULATIONS.value, DRAWS.value)
        rows.append([*case, *(f"{value:.1%}" for value in held), *(f"{value:.1f}" for value in width)])
    header = ["repetitions", "cells", "values", "cells unlike", "seeds correlate"]
    print(markdown([*header, "bootstrap held", "F held", "bootstrap width", "F width"], rows))


if __name__ == "__main__":
    run(main)
