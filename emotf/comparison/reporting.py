"""What a comparison leaves for people: a table, its numbers, figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from emotf.comparison.grid import Trial
from emotf.comparison.hparams import write_hparams
from emotf.comparison.page import page, systems_of
from emotf.comparison.stability import steadiness
from emotf.comparison.summary import learning, summarise
from emotf.files import remove_remains, write_text, written_aside
from emotf.report import figures, score_figures, tables
from emotf.report.latex import comparison_latex
from emotf.report.scored import by_epoch, by_frame, by_subject
from emotf.report.stability import cell_name, stability_table

# What only some comparisons leave.
OPTIONAL = ("sweep.png", "sizes.png", "stability.md", "stability.csv", "stability.png")


def report(
    trials: Sequence[Trial],
    reference: str,
    variance: str,
    title: str,
    folder: Path,
    unit: str = "subject",
    recordings: int = 12,
) -> tuple[str, tuple[Path, ...]]:
    """Writes comparison.md, .csv, .tex, .html, .png, learning.csv, .png, agreement.png, subjects.png and hparams/.

    Also sweep.png where an axis has numbers, and sizes.png where systems differ in size.

    Args:
        trials: all done.
        reference: the system that the others are measured against.
        variance: one of `measures.VARIANCES`.
        title: says what is compared, on what.
        folder: where to.
        unit: of independence, one of `UNITS`.
        recordings: whose traces are in comparison.html; 0 for all.

    Returns:
        The table as Markdown, and the files.
    """
    rows, trained = summarise(trials, reference, variance, unit), learning(trials)
    title = f"{title}; {tables.protocol(variance)}"
    objectives: dict[str, dict[str, None]] = {}
    for trial in trials:
        objectives.setdefault(trial.system, {})[tables.objective_of(trial.run.about)] = None
    trained_by = {system: "; ".join(found) for system, found in objectives.items()}
    table = tables.comparison_table(rows, trained, trained_by, title)
    systems = systems_of(trials, variance)
    texts = {
        "comparison.md": table,
        "comparison.csv": rows.to_csv(index=False),
        "comparison.tex": comparison_latex(rows, title),
        "comparison.html": page(
            trials, rows, trained, title, variance, recordings, more="run this again with --traces=0"
        ),
        "learning.csv": trained.to_csv(index=False),
    }
    drawn = {
        "comparison.png": figures.comparison(rows, title),
        "learning.png": score_figures.learning(by_epoch(systems.runs), title),
        "agreement.png": score_figures.agreement(by_frame(systems.traced), title),
        "subjects.png": score_figures.subjects(by_subject(systems.scored, systems.subjects, variance), title),
        **_sweep(rows, list(trials[0].settings), title),
    }
    if rows["parameters_all"].nunique() > 1:
        drawn["sizes.png"] = score_figures.sizes(rows, title)
    for name in OPTIONAL:  # of another comparison in this folder
        (folder / name).unlink(missing_ok=True)
    for name, text in texts.items():
        write_text(folder / name, text)
    for name, figure in drawn.items():
        figures.save(figure, folder / name)
    remove_remains(folder)
    hparams = write_hparams(trials, variance, folder / "hparams")
    return table, (*(folder / name for name in (*texts, *drawn)), hparams)


def _sweep(rows: pd.DataFrame, axes: Sequence[str], title: str) -> dict[str, Any]:
    """The figure of the first axis that has several numbers, if any does."""
    for axis in axes:
        places = _places(rows[axis])
        if places.notna().all() and places.nunique() > 1:
            rest = [name for name in axes if name != axis]
            lines = rows[rest].agg(" ".join, axis=1) if rest else "all"
            return {"sweep.png": figures.sweep(rows.assign(line=lines, place=places), axis, title)}
    return {}


def report_stability(
    trials: Sequence[Trial], axis: str, reference: str, variance: str, title: str, folder: Path
) -> tuple[str, tuple[Path, ...]]:
    """Writes stability.md, stability.csv and stability.png: how far the repetitions of each value of an axis differ.

    Args:
        trials: all done, of two seeds or more.
        axis: whose values are compared.
        reference: the system whose value of the axis the others are measured against.
        variance, title, folder: as of `report`.

    Returns:
        The table as Markdown, and the files.
    """
    found, rows = steadiness(trials, axis, reference, variance)
    others = [name for name in trials[0].settings if name != axis]
    title = f"{axis}, repeated; {title}; {tables.protocol(variance)}"
    table = stability_table(rows, axis, others, title)
    paths = tuple(folder / f"stability.{kind}" for kind in ("md", "csv", "png"))
    write_text(paths[0], table)
    with written_aside(paths[1]) as aside:
        rows.to_csv(aside, index=False)
    cells = [cell_name(row, others) for _, row in found.iterrows()]
    figures.save(figures.stability(found.assign(cell=cells), axis, title), paths[2])
    return table, paths


def _places(values: pd.Series) -> pd.Series:
    """An axis as numbers, the first of several fields that go together; NaN where it is none."""
    return pd.to_numeric(values.str.partition("/")[0], errors="coerce")
