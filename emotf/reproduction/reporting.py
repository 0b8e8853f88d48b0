"""A printed table with ours beside it, for people: Markdown, CSV, LaTeX, HTML; and the list of all tables."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotf.comparison import Trial, reference_of, report_stability
from emotf.comparison.axes import LENGTH
from emotf.comparison.stability import MEAN_TARGET
from emotf.files import write_text
from emotf.report import tables as text
from emotf.report.figures import save
from emotf.report.intervals import difference
from emotf.report.sweeps import sweeps
from emotf.reproduction.page import as_latex, page
from emotf.reproduction.prepared import Prepared
from emotf.reproduction.table import SCORES, Cell, Table, runs_of, tables
from emotf.statistics import LEVEL

PRINTED = "printed: "

# What tables and figures call measures.
NAMES = {"ccc": "CCC", "ccc_mean": "CCC", "ccc_sum": "2CCC", "mse_mean": "MSE", "non_inertial_mean": "Non-Inertial",
         "epoch_seconds": "seconds an epoch"}  # fmt: skip

# Decimals of what is no score.
DECIMALS = {"parameters": 0, "epochs": 1, "epoch_seconds": 1, "alpha": 2}


def report(prepared: Prepared, variance: str, unit: str) -> tuple[str, tuple[Path, ...]]:
    """Writes <table>.md, .html, .tex and .csv into the folder of the runs; where the table has them,
    <table>_findings.csv, figures as <table>_<figure>.png, and <table>_stability/, how steady training is.

    Args:
        prepared: its runs are done.
        variance: one of `measures.VARIANCES`.
        unit: of independence, for intervals of findings.

    Returns:
        The table as Markdown, and the files.
    """
    table, name = prepared.table, prepared.name
    figures, findings = prepared.figures(variance), prepared.findings(variance, unit)
    header, rows = cells(prepared, figures)
    lines, notes = heading(prepared, variance), _notes(prepared, figures)
    lead, shown = _how_to_read(findings, unit), tested(findings, table)
    parts = [f"# {table.source}: {table.title}", _listed(lines), text.markdown(header, rows), _listed(notes)]
    if len(findings):
        parts.append(f"{lead}:\n\n{text.markdown(*shown)}")
    said = "\n\n".join(filter(None, parts)) + "\n"
    contents = {
        f"{name}.md": said,
        f"{name}.html": page(prepared, [*lines, *notes], (header, rows), shown, lead),
        f"{name}.tex": as_latex(prepared, header, rows),
        f"{name}.csv": figures.to_csv(index=False),
    }
    if len(findings):
        contents[f"{name}_findings.csv"] = findings.to_csv(index=False)
    for old in prepared.folder.glob(f"{name}_*.*"):  # of other rows in this folder
        old.unlink()
    shutil.rmtree(prepared.folder / f"{name}_stability", ignore_errors=True)
    for file, content in contents.items():
        write_text(prepared.folder / file, content)
    paths = [*(prepared.folder / file for file in contents), *_drawn(prepared, figures)]
    if repeated(prepared):
        steady, more = _stability(prepared, variance)
        said, paths = f"{said}\n## How steady training is\n\n{steady}", [*paths, *more]
    return said, tuple(paths)


def _notes(prepared: Prepared, figures: pd.DataFrame) -> list[str]:
    """What is missing and why, what was made of the runs, what else a reader must know."""
    left_out = figures[figures["why"] != ""]["why"].value_counts()
    absent = [f"Without a figure of ours (-), {count} cells: {why}." for why, count in left_out.items()]
    made = [f"Made of the runs: {said}." for said in prepared.said()]
    return [*absent, *made, *([prepared.table.note] if prepared.table.note else [])]


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def heading(prepared: Prepared, variance: str) -> list[str]:
    """Which corpus is which, what was chosen where, and what figures are means of."""
    table, first = prepared.table, prepared.trials[0]
    databases = list(dict.fromkeys(name for cell in table.cells() for name in cell.printed))
    protocol = (
        "Every row says on what it is: the weights were fitted on train, all else was chosen on development (dev), "
        f"test chose nothing. The publication: {table.chosen}"
        if table.names_parts
        else "Reported on test, which chose nothing (--strict). The publication: " + table.chosen
        if prepared.strict
        else f"As in the publication, figures are of the partition that also chose the epoch: {table.chosen}. --strict "
        "reports on test, which chose nothing"
    )
    seeds = ", ".join(map(str, prepared.seeds))
    folds = ", ".join(dict.fromkeys("fixed partitions" if t.fold is None else str(t.fold) for t in prepared.trials))
    return [
        f"PRINTED figures are of {' and '.join(databases)}. OURS are of {prepared.experiment.corpus.name}: "
        f"{text.what_it_is(first.run.about)}.",
        "Two corpora: that figures are alike or not confirms and refutes nothing.",
        f"{protocol}.",
        f"Printed: {table.pooling}. Ours beside it: {table.anchor}; mean ± standard deviation over runs (folds "
        f"{folds}; seeds {seeds}); {text.protocol(variance)}.",
        f"Trained by: {trained_by(prepared.trials)}.",
        *_divided(prepared),
        *_padded(prepared),
    ]


def trained_by(trials: tuple[Trial, ...]) -> str:
    """The settings of training that all runs share, and what they were chosen by."""
    training = trials[0].experiment.training
    batches = " / ".join(map(str, sorted({trial.experiment.training.batch for trial in trials})))
    return (
        f"{type(training.optimizer).__name__} at {training.learning_rate:g}, batches of {batches}, at most "
        f"{training.epochs} epochs, patience {training.patience}, epoch by {training.select}"
    )


def _divided(prepared: Prepared) -> list[str]:
    """How many recordings are in which partition, where the publication says how it divided its own."""
    if not prepared.table.split:
        return []
    golds = prepared.trials[0].golds.golds
    uses = {"train": "train", "dev": "choose" if prepared.strict else "choose and are reported", "test": "are reported"}
    found = [f"{len(golds[name])} {use}" for name, use in uses.items() if golds[name]]
    return [f"Recordings: {', '.join(found)}. The publication trains and validates on {prepared.table.split} of its "
            "videos."]  # fmt: skip


def _padded(prepared: Prepared) -> list[str]:
    """Whether sequences are longer than anything they could be cut from."""
    frames = {gold.frames for of in prepared.trials[0].golds.golds.values() for gold in of.values()}
    too_long = sorted({int(trial.settings.get(LENGTH, 0)) for trial in prepared.trials} - set(range(max(frames) + 1)))
    if not too_long:
        return []
    return [f"No recording has more than {max(frames)} frames: sequences of {', '.join(map(str, too_long))} frames "
            "are whole recordings here, padded."]  # fmt: skip


def repeated(prepared: Prepared) -> bool:
    """Whether the table can say how steady training is: it asks for that, and there are repetitions to compare."""
    axis = prepared.table.stability
    return bool(axis) and len(prepared.seeds) > 1 and len({trial.settings[axis] for trial in prepared.trials}) > 1


def _stability(prepared: Prepared, variance: str) -> tuple[str, tuple[Path, ...]]:
    axis, reference = prepared.table.stability, reference_of(prepared.trials)
    corpus = f"{prepared.experiment.corpus.name}: {text.what_it_is(prepared.trials[0].run.about)}"
    folder = prepared.folder / f"{prepared.name}_stability"
    return report_stability(prepared.trials, axis, reference, variance, corpus, folder)


def _drawn(prepared: Prepared, figures: pd.DataFrame) -> list[Path]:
    """The figures of a table, of those that have two places along their x axis."""
    if not prepared.table.figures:
        return []
    sizes = [_parameters(prepared, cell) for cell in prepared.table.cells()]
    ours = figures.assign(parameters=sizes)[figures["why"] == ""]
    corpus = f"ours: {prepared.experiment.corpus.name}"
    sources = {name: name for name in _columns(figures)[1]} | {"ours": corpus}
    paths = []
    for name, (x, colour, style) in prepared.table.figures.items():
        if ours[x].nunique() > 1:
            title = f"{prepared.table.source}: {prepared.table.title}"
            title += "; printed figures at the sizes of our networks" if x == "parameters" else ""
            paths.append(prepared.folder / f"{prepared.name}_{name}.png")
            save(sweeps(ours, sources, x, colour, style, title, NAMES), paths[-1])
    return paths


def _parameters(prepared: Prepared, cell: Cell) -> float:
    """How many a system has, all its networks together; NaN where there is none."""
    systems = [] if prepared.why_not(cell) else [settings for one in cell.systems for settings in runs_of(one)]
    runs = [trial for settings in systems for trial in prepared.runs(settings)]
    return float(sum({trial.targets: trial.run.about["parameters"] for trial in runs}.values())) if runs else np.nan


def cells(prepared: Prepared, figures: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows: place, target, measure, printed, ours; where a table is wide, a row has all its measures."""
    if prepared.table.wide:
        return _side_by_side(figures)
    place, printed = _columns(figures)
    other = prepared.table.other
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


def _columns(figures: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The columns of a row's place, and those of what is printed."""
    names = [str(name) for name in figures]
    return names[: names.index("target")], [name for name in names if name.startswith(PRINTED)]


def _side_by_side(figures: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Place, and for every measure in it what is printed, then ours where there are any."""
    place, printed = _columns(figures)
    columns: dict[str, None] = {}
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for row in figures.to_dict("records"):
        of = "" if row["target"] == MEAN_TARGET else f" {row['target']}"
        what = f"{NAMES.get(row['measure'], row['measure'])}{of}"
        shown = rows.setdefault(tuple(_shown(row[name]) for name in place), {})
        shown[f"{what} printed"] = " / ".join(_shown(row[name]) for name in printed)
        shown[f"{what} ours"] = "-" if row["why"] else _ours(row)
        columns |= dict.fromkeys((f"{what} printed", f"{what} ours"))
        if row["measure"] in ("ccc", "ccc_mean") and pd.notna(row["ours_other"]):
            shown[f"{what} ours, pooled"] = text.number(row["ours_other"])
            columns |= {f"{what} ours, pooled": None}
    kept = [name for name in columns if name.endswith(" printed")
            or any(shown.get(name, "-") != "-" for shown in rows.values())]  # fmt: skip
    return [*place, *kept], [[*key, *(shown.get(name, "-") for name in kept)] for key, shown in rows.items()]


def _ours(row: Mapping[Any, Any]) -> str:
    value, sd = row["ours"], row["ours_sd"]
    if row["measure"] in DECIMALS:
        return f"{value:.{DECIMALS[row['measure']]}f}"
    return f"{text.number(value)} ± {text.number(sd)}" if row["runs"] != 1 else text.number(value)


def _shown(value: Any) -> str:
    return "-" if value == "" or pd.isna(value) else str(value)


def _how_to_read(findings: pd.DataFrame, unit: str) -> str:
    return (
        "What the publication found, here: differences of CCC, averaged over seeds, with their 95 % bootstrap interval "
        f"over {unit}s; p belongs to that interval and is corrected (Holm) for the {findings['p'].notna().sum()} "
        f"findings of this table that are tested here. Holds, or does not: above 0, or below, with a corrected p "
        f"below {LEVEL}; else undecided, also where an interval by itself leaves 0 out. A single {unit} has no interval"
    )


def tested(findings: pd.DataFrame, table: Table) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the findings, by the anchor of the table and with the other pooling."""
    rows = []
    for row in findings.to_dict("records"):
        cells = [row["finding"]]
        for prefix in ("", "other_"):
            value, low, high, p, said = (row[f"{prefix}{name}"] for name in ("value", "low", "high", "p_holm", "said"))
            tested = isinstance(said, str) and not pd.isna(value)
            cells += [difference(value, low, high), text.probability(p)] if tested else ["-", "-"]
            cells.append(said if isinstance(said, str) else "-")
        rows.append(cells)
    by_pooling = [name for pooling in (table.anchor, table.other) for name in (f"{pooling} [95 %]", "p (Holm)", "here")]
    return ["finding", *by_pooling], rows


def listing() -> str:
    """All printed tables: which are ready, on what, and what they need."""
    rows = [[name, table.source, table.title, _state(table), ", ".join(table.corpora), table.needs or "-"]
            for name, table in tables().items()]  # fmt: skip
    return text.markdown(["table", "publication", "shows", "state", "corpora", "needs"], rows)


def _state(table: Table) -> str:
    if table.ready:
        return "ready"
    if table.made_by:
        return f"by {table.made_by}"
    return "facts only"
