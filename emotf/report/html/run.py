"""The page of a run: what it is, what it scores, how it was trained, and its traces."""

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from emotf.config import to_json
from emotf.determinism import described
from emotf.measures import POOLED
from emotf.report.html.document import Section, document
from emotf.report.html.score_sections import Systems, score_sections
from emotf.report.html.table import facts, figure, table
from emotf.report.intervals import bracketed
from emotf.report.palette import looks
from emotf.report.tables import objective_of, protocol, what_it_is
from emotf.runs import Run
from emotf.statistics import System
from emotf.track import Track


def run_page(
    run: Run,
    partition: str,
    golds: Mapping[str, Track],
    predictions: Mapping[str, Track],
    scored: Mapping[str, System],
    scores: pd.DataFrame,
    subjects: Mapping[str, str],
    recordings: int = 12,
    decided: str = "",
) -> str:
    """One HTML file, which needs nothing but itself.

    Args:
        run: finished.
        partition: that is reported.
        golds, predictions: recording -> gold standard and prediction, on one clock.
        scored: target -> recording -> its moments, in a list of one.
        scores: of `emotf.evaluation.score`, of this partition.
        subjects: recording -> subject.
        recordings: whose traces are in the page, the first ones; 0 for all.
        decided: what the partition decided, so that its scores are no fair report; empty where nothing.
    """
    about, name = run.about, run.folder.name
    variance = str(scores["variance"].iloc[0])
    traced = {name: {recording: (gold, predictions[recording]) for recording, gold in golds.items()}}
    runs = [(name, about["targets"], run)]
    systems = Systems({name: scored}, traced, runs, subjects, looks([name]), variance)
    more = "write the page with --traces=0"
    sections = [_what_it_is(run, about), _scores(scores), *score_sections(systems, recordings, more)]
    unfair = f"; NO FAIR REPORT: {decided}" if decided else ""
    return document(f"Run {name}, {partition}", f"{what_it_is(about)}; {protocol(variance)}{unfair}", sections)


def _what_it_is(run: Run, about: Mapping[str, Any]) -> Section:
    experiment = run.experiment
    chosen = about.get("chosen")  # runs of older versions do not say
    kept = f"epoch {chosen['epoch'] + 1}, the best by dev_{chosen['criterion']}" if chosen else "not recorded"
    known = {
        "corpus": experiment.corpus.name, "targets": ", ".join(about["targets"]),
        "model": type(experiment.model).__name__, "parameters": f"{about['parameters']:,}",
        "objective": objective_of(dict(about)),
        "streams": "; ".join(f"{name}: {len(of['channels'])} channels, {of['kind']}, {1 / of['hop']:g} a second"
                             for name, of in about["streams"].items()),
        "weights of": kept, "seed": about["seed"], "fold": f"{about['fold']} ({about['protocol']})",
        "trained": f"{about['training_seconds']:.0f} s on {about['device']}, {about['examples']:,} examples",
        "records": about["records"]["fingerprint"],
        "versions": ", ".join(f"{package} {version}" for package, version in about["versions"].items()),
        "last digits hang on": described(about.get("conditions", {})) or "not recorded",
    }  # fmt: skip
    partitions = [
        (name, f"<details><summary>{len(ids)} recordings</summary>{escape(', '.join(ids)) or 'none'}</details>")
        for name, ids in about["partitions"].items()
    ]
    tree = _tree("the whole configuration", to_json(experiment))
    body = facts([*((name, escape(str(value))) for name, value in known.items()), *partitions]) + tree
    return Section("run", "The run", body)


def _scores(scores: pd.DataFrame) -> Section:
    """Every measure with its interval, target by target."""
    cards, rows = [], []
    for row in scores.to_dict("records"):
        interval, value = bracketed(row["low"], row["high"]), figure(row["value"])
        rows.append([row["target"], row["pooling"], row["measure"].upper(), value, interval,
                     *(figure(row[count], ".0f") for count in ("frames", "recordings", "undefined"))])  # fmt: skip
        if (row["measure"], row["pooling"]) == ("ccc", POOLED):
            cards.append(f'<div class="card"><h3>{escape(row["target"])}, CCC pooled</h3><strong>{value.text}</strong>'
                         f"<p>95 % over subjects: {interval}</p></div>")  # fmt: skip
    header = ["target", "over", "measure", "value", "95 % over subjects", "frames", "recordings", "undefined"]
    body = f'<div class="cards">{"".join(cards)}</div>' + table(header, rows, "Scores of the run")
    return Section("scores", "Scores", body, "Undefined values are counted, and left out of means over recordings.")


def _tree(name: str, node: Any) -> str:
    """Nested settings, folded."""
    if isinstance(node, dict):
        return f"<details><summary>{escape(name)}</summary>{''.join(_tree(*item) for item in node.items())}</details>"
    text = ", ".join(map(str, node)) if isinstance(node, list) else str(node)
    return f"<div>{escape(name)}: {escape(text) or '(empty)'}</div>"
