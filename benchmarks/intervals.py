"""How often the 95 % intervals of scores hold the true value, and whether p values of a true null are uniform.

    python benchmarks/intervals.py
    python benchmarks/intervals.py --runs=4000 --measure=pcc

Recordings of subjects are simulated with predictions of three systems whose scores on all subjects there could be are
known (benchmarks/_simulated_systems.py); subjects are the units. Sought are the score of the first system, its
difference to the second, and the ratio of its differences to second and third. Coverage should be 95 %; with 1000 runs
it is known to ± 1.4 points. `emotf` is what `emotf.statistics` does; the others were tried beside it.
"""

from itertools import product

import numpy as np
from absl import flags

from emotf.command import run

RUNS = flags.DEFINE_integer("runs", 1000, "Simulations a setting.", lower_bound=1)
UNITS = flags.DEFINE_list("units", ["9", "10", "16", "20", "27", "40"], "Numbers of subjects.")
DRAWS = flags.DEFINE_integer("draws", 999, "Bootstrap draws and random swaps a simulation.", lower_bound=1)
MEASURE = flags.DEFINE_enum("measure", "ccc", ["ccc", "pcc", "rmse"], "What is scored.")
STUDENTISED = flags.DEFINE_bool("studentised", False, "Also the bootstrap-t: a jackknife a draw, many times as slow.")

EMOTF = "emotf"
SCORE, DIFFERENCE, RATIO, BIAS = "score", "difference", "ratio", "bias"
AT_ONCE = 100


def main(_):
    from _simulated_systems import UNLIKE, Simulation

    from emotf.measures import MEAN, POOLED
    from emotf.report.tables import markdown

    numbers = [int(of) for of in UNITS.value]
    cells = {}
    for unlike, several in product(UNLIKE, (False, True)):
        simulation = Simulation(unlike, several)
        for n in numbers:
            for pooling, found in coverage(simulation, n, (POOLED, MEAN)).items():
                cells[unlike, several, pooling, n] = found
    print(f"{MEASURE.value.upper()}: coverage in % of {RUNS.value} simulations, {DRAWS.value} draws\n")
    print(markdown(["of", "interval", "settings in 93 to 97 %", "lowest", "highest", "mean", "width"], summary(cells)))
    for what in (SCORE, DIFFERENCE, RATIO, BIAS):
        title = "mean error of the score" if what == BIAS else f"coverage of emotf in %, {what}"
        print(f"\n{title}, by the number of subjects\n")
        print(
            markdown(["subjects unlike", "recordings of each", "over", *numbers], single_settings(cells, numbers, what))
        )
    print(f"\np values of {RUNS.value} simulations in which both systems are alike\n")
    header = ["subjects unlike", "over", "subjects", "p < .05", "p < .01", "distance from uniform", "its p"]
    rows = [null(Simulation(unlike, True, (0.5, 0.5), (0.7, 0.7)), n, pooling)
            for unlike, pooling, n in product(("not", "strongly"), (POOLED, MEAN), (9, 20))]  # fmt: skip
    print(markdown(header, rows))


def coverage(simulation, units, poolings):
    """pooling -> (what, interval) -> share of runs that hold the truth, median width; and the bias of the score."""
    rng, found = np.random.default_rng(units), {}
    truths = {pooling: simulation.truth(pooling, MEASURE.value) for pooling in poolings}
    for start in range(0, RUNS.value, AT_ONCE):
        systems, subject = simulation.systems(rng, min(AT_ONCE, RUNS.value - start), units)
        for pooling, truth in truths.items():
            parts = found.setdefault(pooling, {})
            values, bounds = intervals(systems, subject, pooling)
            for (what, name), (low, high) in bounds.items():
                held = (low <= values_of(truth)[what]) & (high >= values_of(truth)[what])
                parts.setdefault((what, name), []).append([held, high - low])
            parts.setdefault(BIAS, []).append(values - truth[0])
    for parts in found.values():
        parts[BIAS] = np.concatenate(parts[BIAS]).mean()
        for key in parts.keys() - {BIAS}:
            held, width = np.concatenate(parts[key], axis=1)
            parts[key] = held.mean(), np.median(width)
    return found


def intervals(systems, subject, pooling):
    """The scores of the first system [runs], and (what, interval) -> bounds [runs]."""
    import _interval_methods as tried

    from emotf.statistics.intervals import SCALES, fieller_interval, interval, score_interval
    from emotf.statistics.scores import scores
    from emotf.statistics.units import drawn_counts, unit_of

    names = sorted(subject)
    unit = unit_of(names, subject)
    n = unit.max() + 1
    drawn = drawn_counts(unit, DRAWS.value)
    without = (unit != np.arange(n)[:, None]).astype(float)

    def scored(counts):
        return np.stack([scores(system, names, counts, pooling, MEASURE.value, "population") for system in systems])

    first, second, third = all_drawn = scored(drawn)
    there, back = SCALES[MEASURE.value]
    found = {
        (SCORE, EMOTF): score_interval(first, n, MEASURE.value),
        (DIFFERENCE, EMOTF): interval(first - second, n),
        (RATIO, EMOTF): np.transpose([
            fieller_interval(*pair, n) for pair in zip(first - second, first - third, strict=True)
        ]),
    }  # fmt: skip
    by_draw, by_unit = values_of(all_drawn), values_of(scored(without))
    methods = [tried.percentile, tried.expanded_percentile, tried.bca, tried.expanded_bca, tried.jackknife_t]
    for what in (SCORE, DIFFERENCE, RATIO):
        of = by_draw[what][:, 0], by_draw[what][:, 1:], by_unit[what]
        found |= {(what, method.__name__): method(*of) for method in methods}
        if what == SCORE:
            found[what, "jackknife_t, scaled"] = tuple(map(back, tried.jackknife_t(there(of[0]), None, there(of[2]))))
        if STUDENTISED.value:
            errors = errors_of_draws(lambda counts, what=what: values_of(scored(counts))[what], drawn[1:], unit)
            found[what, "bootstrap_t"] = tried.bootstrap_t(*of, errors)
    return first[:, 0], found


def values_of(scores):
    """What is sought, from the scores of the three systems [3, ...]."""
    first, second, third = scores
    return {SCORE: first, DIFFERENCE: first - second, RATIO: (first - second) / (first - third)}


def errors_of_draws(value, drawn, unit):
    """The jackknife's standard error of each draw [runs, draws]: a unit that was drawn k times is left out k times."""
    n = unit.max() + 1
    times = np.array([drawn[:, unit == i][:, 0] for i in range(n)])
    left = [value(np.maximum(drawn - (unit == i), 0.0)) for i in range(n)]
    mean = np.einsum("ud,urd->rd", times, left) / n
    return np.sqrt((n - 1) / n * sum(k * (of - mean) ** 2 for k, of in zip(times, left, strict=True)))


def summary(cells):
    """Rows of all settings together; the median width is by that of emotf."""
    keys = sorted({key for found in cells.values() for key in found if key != BIAS}, key=str)
    rows = []
    for what, name in sorted(keys, key=lambda key: ([SCORE, DIFFERENCE, RATIO].index(key[0]), key[1] != EMOTF)):
        held = np.array([found[what, name][0] for found in cells.values()])
        widths = [(found[what, name][1], found[what, EMOTF][1]) for found in cells.values()]
        width = np.median([one / other for one, other in widths if np.isfinite(other)])
        inside = ((held >= 0.93) & (held <= 0.97)).sum()
        rows.append([what, name, f"{inside} of {len(held)}", *(f"{100 * of:.1f}" for of in (held.min(), held.max(),
                     held.mean())), f"{width:.2f}"])  # fmt: skip
    return rows


def single_settings(cells, numbers, what):
    """Rows of emotf alone, a number of subjects a column."""
    rows = []
    for unlike, several, pooling in dict.fromkeys(key[:3] for key in cells):
        of = [cells[unlike, several, pooling, n] for n in numbers]
        shown = [f"{found[BIAS]:+.3f}" if what == BIAS else f"{100 * found[what, EMOTF][0]:.1f}" for found in of]
        rows.append([unlike, "1 to 5" if several else "1", pooling, *shown])
    return rows


def null(simulation, units, pooling):
    """A row of how p values are distributed where the two systems are exchangeable."""
    from _simulated_systems import of_run
    from scipy.stats import kstest

    from emotf.statistics import permutation_test

    systems, subject = simulation.systems(np.random.default_rng(units), RUNS.value, units)
    p = [
        permutation_test(*(of_run(system, k) for system in systems), pooling, MEASURE.value, units=subject,
                         draws=DRAWS.value)
        for k in range(RUNS.value)
    ]  # fmt: skip
    distance, certain = kstest(p, "uniform")
    shares = [f"{100 * np.mean(np.array(p) < level):.1f} %" for level in (0.05, 0.01)]
    return [simulation.unlike, pooling, units, *shares, f"{distance:.3f}", f"{certain:.2f}"]


if __name__ == "__main__":
    run(main)
