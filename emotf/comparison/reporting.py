"""What a comparison leaves for people: a table, its numbers, figures."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from emotf.comparison.grid import Trial
from emotf.comparison.summary import learning, summarise
from emotf.files import write_text, written_aside
from emotf.report import figures, tables


def report(
    trials: Sequence[Trial], reference: str, variance: str, title: str, folder: Path
) -> tuple[str, tuple[Path, ...]]:
    """Writes comparison.md, comparison.csv, learning.csv and comparison.png; sweep.png where an axis has numbers.

    Args:
        trials: all done.
        reference: the system that the others are measured against.
        variance: one of `measures.VARIANCES`.
        title: says what is compared, on what.
        folder: where to.

    Returns:
        The table as Markdown, and the files.
    """
    rows, trained = summarise(trials, reference, variance), learning(trials)
    title = f"{title}; {tables.protocol(variance)}"
    table = tables.comparison_table(rows, trained, title)
    paths = [folder / name for name in ("comparison.md", "comparison.csv", "learning.csv", "comparison.png")]
    write_text(paths[0], table)
    for path, content in ((paths[1], rows), (paths[2], trained)):
        with written_aside(path) as aside:
            content.to_csv(aside, index=False)
    figures.save(figures.comparison(rows, title), paths[3])
    axes = list(trials[0].settings)
    for axis in [name for name in axes if _are_numbers(rows[name])][:1]:
        rest = [name for name in axes if name != axis]
        lines = rows[rest].agg(" ".join, axis=1) if rest else pd.Series(["all"] * len(rows))
        figures.save(figures.sweep(rows.assign(line=lines), axis, title), folder / "sweep.png")
        paths.append(folder / "sweep.png")
    return table, tuple(paths)


def _are_numbers(values: pd.Series) -> bool:
    """Whether an axis has numbers, two at least."""
    numbers = pd.to_numeric(values, errors="coerce")
    return bool(numbers.notna().all() and numbers.nunique() > 1)
