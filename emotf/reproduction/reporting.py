"""A printed table with ours beside it, for people: Markdown, CSV, LaTeX, HTML; and the list of all tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from emotf.comparison import Trial
from emotf.files import write_text, written_aside
from emotf.measures import MEAN, POOLED
from emotf.report import tables as text
from emotf.reproduction.running import Prepared
from emotf.reproduction.table import SCORES, Table, tables

PRINTED = "printed: "

# Decimals of what is no score.
DECIMALS = {"parameters": 0, "epochs": 1, "epoch_seconds": 1}


def report(prepared: Prepared, variance: str, unit: str) -> tuple[str, tuple[Path, ...]]:
    """Writes <table>.md and .csv, and <table>_findings.csv where there are findings, into the folder of the runs.

    Args:
        prepared: its runs are done.
        variance: one of `measures.VARIANCES`.
        unit: of independence, for intervals of findings.

    Returns:
        The table as Markdown, and the files.
    """
    figures, findings = prepared.figures(variance), prepared.findings(variance, unit)
    said = markdown(prepared, figures, findings, variance, unit)
    paths = [prepared.folder / f"{prepared.name}.{kind}" for kind in ("md", "csv")]
    write_text(paths[0], said)
    contents = {paths[1]: figures}
    if len(findings):
        paths.append(prepared.folder / f"{prepared.name}_findings.csv")
        contents[paths[-1]] = findings
    for path, content in contents.items():
        with written_aside(path) as aside:
            content.to_csv(aside, index=False)
    return said, tuple(paths)


def markdown(prepared: Prepared, figures: pd.DataFrame, findings: pd.DataFrame, variance: str, unit: str) -> str:
    """The table, what it was run on, and what stands behind its figures."""
    header, rows = cells(prepared, figures)
    left_out = figures[figures["why"] != ""]["why"].value_counts()
    absent = "".join(f"- {count} cells: {why}\n" for why, count in left_out.items())
    table = prepared.table
    parts = [
        f"# {table.source}: {table.title}",
        heading(prepared, variance),
        text.markdown(header, rows),
        f"Without a figure of ours (-):\n\n{absent}" if absent else "",
        table.note,
        _findings(findings, unit) if len(findings) else "",
    ]
    return "\n\n".join(part.rstrip() for part in parts if part) + "\n"


def heading(prepared: Prepared, variance: str) -> str:
    """Which corpus is which, what was chosen where, and what figures are means of."""
    table, first = prepared.table, prepared.trials[0]
    databases = list(dict.fromkeys(name for cell in table.cells() for name in cell.printed))
    protocol = (
        "Reported on test, which chose nothing (--strict). The publication: " + table.chosen
        if prepared.strict
        else f"As in the publication, figures are of the partition that also chose the epoch: {table.chosen}. --strict "
        "reports on test, which chose nothing"
    )
    seeds = ", ".join(map(str, prepared.seeds))
    folds = ", ".join(dict.fromkeys("fixed partitions" if t.fold is None else str(t.fold) for t in prepared.trials))
    return "\n".join([
        f"- PRINTED figures are of {' and '.join(databases)}. OURS are of {prepared.experiment.corpus.name}: "
        f"{text.what_it_is(first.run.about)}.",
        "- Two corpora: that figures are alike or not confirms and refutes nothing.",
        f"- {protocol}.",
        f"- Printed: {table.pooling}. Ours beside it: {table.anchor}; mean ± standard deviation over runs (folds "
        f"{folds}; seeds {seeds}); {text.protocol(variance)}.",
        f"- Trained by: {trained_by(prepared.trials)}.",
    ])  # fmt: skip


def trained_by(trials: tuple[Trial, ...]) -> str:
    """The settings of training that all runs share, and what they were chosen by."""
    training = trials[0].experiment.training
    return (
        f"{type(training.optimizer).__name__} at {training.learning_rate:g}, batches of {training.batch}, at most "
        f"{training.epochs} epochs, patience {training.patience}, epoch by {training.select}"
    )


def cells(prepared: Prepared, figures: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows: place, target, measure, printed, ours."""
    columns = [str(name) for name in figures]
    printed = [name for name in columns if name.startswith(PRINTED)]
    place = columns[: columns.index("target")]
    other = MEAN if prepared.table.anchor == POOLED else POOLED
    scored = figures["measure"].isin(SCORES).any()
    of = ["target", "measure"] if figures["measure"].nunique() > 1 else ["target"]
    header = [*place, *of, *printed, f"ours ({prepared.experiment.corpus.name})"]
    header += [f"ours, {other}"] if scored else []
    rows = []
    for row in figures.to_dict("records"):
        shown = [_shown(row[name]) for name in (*place, *of, *printed)]
        shown.append("-" if row["why"] else _ours(row))
        if scored:
            shown.append("-" if pd.isna(row["ours_other"]) else text.number(row["ours_other"]))
        rows.append(shown)
    return header, rows


def _ours(row: Mapping[Any, Any]) -> str:
    value, sd = row["ours"], row["ours_sd"]
    if row["measure"] in DECIMALS:
        return f"{value:.{DECIMALS[row['measure']]}f}"
    return f"{text.number(value)} ± {text.number(sd)}" if row["runs"] != 1 else text.number(value)


def _shown(value: Any) -> str:
    return "-" if value == "" or pd.isna(value) else str(value)


def _findings(findings: pd.DataFrame, unit: str) -> str:
    rows = []
    for row in findings.to_dict("records"):
        interval = "-" if pd.isna(row["value"]) else f"{row['value']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        rows.append([row["finding"], interval, row["said"]])
    return (
        f"What the publication found, here: differences of CCC in all recordings together, averaged over seeds, 95 % "
        f"bootstrap interval over {unit}s. Holds: the interval lies above 0; undecided: it holds 0. Not corrected for "
        f"their number ({len(rows)}):\n\n{text.markdown(['finding', 'difference [95 %]', 'here'], rows)}"
    )


def listing() -> str:
    """All printed tables: which are ready, on what, and what they need."""
    rows = [[name, table.source, table.title, _state(table), ", ".join(table.corpora), table.needs or "-"]
            for name, table in tables().items()]  # fmt: skip
    return text.markdown(["table", "publication", "shows", "state", "corpora", "needs"], rows)


def _state(table: Table) -> str:
    if table.ready:
        return "ready"
    return f"waits for {table.waits}" if table.waits else "facts only"
