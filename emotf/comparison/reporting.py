"""What a comparison leaves for people: a table, its numbers, figures."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from emotf.comparison.grid import Trial
from emotf.comparison.hparams import write_hparams
from emotf.comparison.stability import steadiness
from emotf.comparison.summary import learning, summarise
from emotf.files import write_text, written_aside
from emotf.report import figures, tables
from emotf.report.stability import cell_name, stability_table


def report(
    trials: Sequence[Trial], reference: str, variance: str, title: str, folder: Path, unit: str = "subject"
) -> tuple[str, tuple[Path, ...]]:
    """Writes comparison.md, .csv, .png, learning.csv, hparams/ (for TensorBoard); sweep.png where an axis has numbers.

    Args:
        trials: all done.
        reference: the system that the others are measured against.
        variance: one of `measures.VARIANCES`.
        title: says what is compared, on what.
        folder: where to.
        unit: of independence, one of `UNITS`.

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
    paths = [folder / name for name in ("comparison.md", "comparison.csv", "learning.csv", "comparison.png")]
    write_text(paths[0], table)
    for path, content in ((paths[1], rows), (paths[2], trained)):
        with written_aside(path) as aside:
            content.to_csv(aside, index=False)
    figures.save(figures.comparison(rows, title), paths[3])
    axes = list(trials[0].settings)
    places = {axis: _places(rows[axis]) for axis in axes}
    for axis in [axis for axis in axes if places[axis].notna().all() and places[axis].nunique() > 1][:1]:
        rest = [name for name in axes if name != axis]
        lines = rows[rest].agg(" ".join, axis=1) if rest else "all"
        figures.save(figures.sweep(rows.assign(line=lines, place=places[axis]), axis, title), folder / "sweep.png")
        paths.append(folder / "sweep.png")
    paths.append(write_hparams(trials, variance, folder / "hparams"))
    return table, tuple(paths)


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
