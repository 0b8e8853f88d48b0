"""A comparison as one HTML file: the answer first, then the tables, then everything that can be looked at."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from emotf.comparison.grid import Trial
from emotf.comparison.summary import by_recording, subjects_of
from emotf.measures import MEASURES, POOLED
from emotf.report.html import drawings
from emotf.report.html.document import Section, chip, document
from emotf.report.html.plot import plot
from emotf.report.html.score_sections import Systems, score_sections
from emotf.report.html.table import Cell, facts, figure, table
from emotf.report.intervals import UNDEFINED, bracketed, judged
from emotf.report.palette import Look, looks
from emotf.report.scored import parts
from emotf.report.tables import objective_of
from emotf.statistics import UNDECIDED, verdict
from emotf.track import Track

Looks = Mapping[str, Look]


def page(
    trials: Sequence[Trial],
    rows: pd.DataFrame,
    trained: pd.DataFrame,
    title: str,
    variance: str = "population",
    recordings: int = 12,
    more: str = "call emotf.comparison.page.page with recordings=0",
) -> str:
    """One HTML file, which needs nothing but itself.

    Args:
        trials: all done.
        rows: of `emotf.comparison.summary.summarise`.
        trained: of `emotf.comparison.summary.learning`.
        title: says what is compared, on what, and what the targets are.
        variance: one of `measures.VARIANCES`.
        recordings: whose traces are in the page, the first ones; 0 for all.
        more: what a reader does to have all of them, completing "for all of them, ...".
    """
    systems = systems_of(trials, variance)
    seen, reference = systems.looks, str(rows["reference"].iloc[0])
    sections = [
        _what(trials, rows, seen),
        _scores(rows, seen),
        *([_differences(rows, seen)] if len(seen) > 1 else []),
        *score_sections(systems, recordings, more, reference, _trained(trained, seen)),
        *([_sizes(rows, seen)] if rows["parameters_all"].nunique() > 1 else []),
    ]
    return document(f"Comparison: {', '.join(trials[0].settings)}", title, sections)


def systems_of(trials: Sequence[Trial], variance: str = "population") -> Systems:
    """What every system scored and predicted, for plots."""
    seen = looks([trial.system for trial in trials])
    return Systems(
        scored={system: _scored([t for t in trials if t.system == system]) for system in seen},
        traced={system: _traced([t for t in trials if t.system == system]) for system in seen},
        runs=[(trial.system, trial.targets, trial.run) for trial in trials],
        subjects=subjects_of(trials),
        looks=seen,
        variance=variance,
    )


def _scored(members: Sequence[Trial]) -> dict[str, dict[str, list[Any]]]:
    """target -> recording -> moments in every repetition, of the trials of one system."""
    found = [(trial, trial.moments(trial.partition)) for trial in members]
    targets = dict.fromkeys(target for trial in members for target in trial.targets)
    return {t: by_recording([scored[t] for trial, scored in found if t in trial.targets]) for t in targets}


def _traced(members: Sequence[Trial]) -> dict[str, tuple[Track, Track]]:
    """recording -> gold standard and prediction of the first seed; those of runs of one target each are joined.

    Raises:
        UserError: the runs of one system stand on different clocks.
    """
    found: dict[str, tuple[Track, Track]] = {}
    first = members[0].seed
    for trial in members:
        golds = trial.golds.partition(trial.partition) if trial.seed == first else {}
        for name, gold in golds.items():
            pair = gold, trial.run.read_prediction(trial.partition, name).select(gold.channels)
            found[name] = tuple(map(_joined, found[name], pair)) if name in found else pair  # type: ignore[assignment]
    return found


def _joined(one: Track, other: Track) -> Track:
    """The channels of both."""
    one.check_same_clock(other, f"The trace of {one.channels[0]}", f"that of {other.channels[0]}")
    values = np.concatenate([one.values, other.values], axis=1)
    return Track(values, one.hop, one.start, (*one.channels, *other.channels))


def _what(trials: Sequence[Trial], rows: pd.DataFrame, seen: Looks) -> Section:
    """What is compared, how it was trained, and what comes out, target by target."""
    folds, seeds = (list(dict.fromkeys(getattr(trial, name) for trial in trials)) for name in ("fold", "seed"))
    objectives = {
        system: list(dict.fromkeys(objective_of(trial.run.about) for trial in trials if trial.system == system))
        for system in seen
    }
    first = trials[0]
    known = [
        ("systems", "<br>".join(chip(system, look) for system, look in seen.items())),
        *((axis, escape(", ".join(dict.fromkeys(t.settings[axis] for t in trials)))) for axis in first.settings),
        ("compared with", escape(str(rows["reference"].iloc[0]))),
        ("folds", escape("the partitions of the corpus" if folds == [None] else ", ".join(map(str, folds)))),
        ("seeds", escape(", ".join(map(str, seeds)))),
        ("runs", f"{len(trials)}, scored on {escape(first.partition)}"),
        *((f"{name} trained by", "<br>".join(map(escape, of))) for name, of in objectives.items()),
    ]
    cards = "".join(_card(target, of) for target, of in parts(rows[rows["pooling"] == POOLED], "target"))
    lead = "Pooled CCC, mean over folds and seeds; what is said of differences is about all tested recordings together."
    return Section("summary", "What is compared", f'<div class="cards">{cards}</div>{facts(known)}', lead)


def _card(target: str, of: pd.DataFrame) -> str:
    """The best system of a target, and how many differ from the reference."""
    reference = of["reference"].iloc[0]
    others = [row for row in of.to_dict("records") if row["system"] != reference]
    said = [verdict(row["low"], row["high"]) for row in others]
    counted = f"Against {reference}: " + ", ".join(
        f"{said.count(word)} {word}" for word in ("higher", "lower", UNDECIDED) if word in said
    )  # fmt: skip
    if len(others) == 1:
        (row,) = others
        counted = f"{row['system']} - {reference}: {judged(row['difference'], row['low'], row['high'])}"
    if of["ccc"].isna().all():
        best = "no CCC is defined"
    else:
        top = of.iloc[int(of["ccc"].argmax())]
        best = f"highest: {top['system']} ({top['runs']} runs)"
    highest = figure(of["ccc"].max()).text
    return (
        f'<div class="card"><h3>{escape(target)}</h3><strong>{highest}</strong><p>{escape(best)}</p>'
        f"<p>{escape(counted) if len(others) else ''}</p></div>"
    )


def _scores(rows: pd.DataFrame, seen: Looks) -> Section:
    """The main table."""
    measures = [f"{name.upper()}, all" for name in MEASURES]
    header = ["target", "over", "system", "CCC, mean ± sd of runs", "runs", "undefined", *measures, "scale",
              "CCC restored", "parameters", "seconds"]  # fmt: skip
    body = [
        [row["target"], row["pooling"], Cell(row["system"], look=seen[row["system"]]),
         Cell(f"{figure(row['ccc']).text} ± {figure(row['ccc_sd']).text}", float(row["ccc"])),
         figure(row["runs"], ".0f"), figure(row["undefined"], ".0f"),
         *(figure(row[f"all_{name}"]) for name in (*MEASURES, "scale")), figure(row["restored_ccc"]),
         figure(row["parameters_all"], ",.0f"), figure(row["seconds_all"], ",.0f")]
        for row in rows.to_dict("records")
    ]  # fmt: skip
    first = rows.iloc[0]
    lead = (
        f"A run is one fold and seed. Columns marked all: the {first['recordings']} recordings tested in any fold "
        f"together ({first['frames']} rated frames), averaged over seeds. Scale: sd of predictions / sd of gold. "
        f"Restored: predictions moved to mean and sd of the gold standard as fitted on development; undefined where "
        f"development itself is reported. Parameters and seconds are those of all runs that a system needs."
    )
    return Section("scores", "Scores", table(header, body, "Scores of every system"), lead)


def _differences(rows: pd.DataFrame, seen: Looks) -> Section:
    """The forest plot and its table."""
    unit, reference = rows["unit"].iloc[0], rows["reference"].iloc[0]
    tests = {"p": "p", "p_holm": "p, corrected (Holm)"}
    header = ["target", "over", "system", f"CCC - CCC of {reference}", "95 % interval", *tests.values(), "in words"]
    body = [
        [row["target"], row["pooling"], Cell(row["system"], look=seen[row["system"]]),
         figure(row["difference"], "+.3f"), bracketed(row["low"], row["high"], "+.3f"),
         *(figure(row[name], ".4f") for name in tests), _words(row)]
        for row in rows[rows["system"] != reference].to_dict("records")
    ]  # fmt: skip
    label = f"Difference of CCC to {reference}, over all tested recordings"
    drawn = plot("differences", drawings.forest(rows, seen, f"{unit}s"), label, "pooling")
    lead = (
        f"Intervals are of a paired bootstrap over {rows['units'].iloc[0]} {unit}s; p is of a permutation test that "
        f"swaps the two systems within {unit}s, corrected for all differences with the same pooling. Where an interval "
        f"holds 0, the data do not decide; they do not say that systems are equal."
    )
    return Section("differences", "Differences", drawn + table(header, body, label), lead)


def _words(row: Mapping[Any, Any]) -> str:
    """What an interval says, in words."""
    if pd.isna(row["difference"]):
        return UNDEFINED
    said = verdict(row["low"], row["high"])
    if said == UNDECIDED:
        return f"{said}: {'no interval' if pd.isna(row['low']) else 'the interval holds 0'}"
    return f"{said} than {row['reference']}"


def _trained(trained: pd.DataFrame, seen: Looks) -> str:
    """The table below the learning curves."""
    header = ["system", "target", "epochs", "first loss", "last loss", "dev CCC", "dev PCC", "lowest dev PCC"]
    body = [
        [Cell(row["system"], look=seen[row["system"]]), row["target"], figure(row["epochs"], ".1f"),
         *(figure(row[name]) for name in ("first_loss", "last_loss", "dev_ccc", "dev_pcc", "lowest_dev_pcc"))]
        for row in trained.to_dict("records")
    ]  # fmt: skip
    return table(header, body, "Training, mean over the runs; development scores of the epoch that was kept")


def _sizes(rows: pd.DataFrame, seen: Looks) -> Section:
    label = "CCC against the number of parameters of all runs that a system needs"
    return Section("sizes", "Size", plot("sizes", drawings.sizes(rows, seen), label, "target and pooling"))
