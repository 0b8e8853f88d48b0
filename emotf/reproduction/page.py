"""A printed table with ours beside it as one HTML file and for LaTeX."""

from collections.abc import Sequence
from html import escape

import pandas as pd

from emotf.report.html.document import Section, document
from emotf.report.html.table import Cell, figure, table
from emotf.report.latex import latex
from emotf.reproduction.running import Prepared


def page(
    prepared: Prepared,
    heading: Sequence[str],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str],
    findings: pd.DataFrame,
    findings_lead: str,
) -> str:
    """One HTML file.

    Args:
        prepared: its runs are done.
        heading: lines that say which corpus is which, and what was chosen where.
        header, rows: of the table, as text.
        notes: what else a reader must know.
        findings: of `Prepared.findings`.
        findings_lead: how to read them.
    """  # fmt: skip
    of = prepared.table
    body = [[_cell(text) for text in row] for row in rows]
    listed = [f"<li>{escape(line)}</li>" for line in (*heading, *notes)]
    sections = [
        Section("what", "What is what", f"<ul>{''.join(listed)}</ul>"),
        Section("table", "Printed, and ours", table(header, body, f"{of.source}: {of.title}")),
    ]
    if len(findings):
        tested = [
            [row["finding"], figure(row["value"], "+.3f"), _interval(row["low"], row["high"]), row["said"]]
            for row in findings.to_dict("records")
        ]
        columns = ["finding", "difference", "95 %", "here"]
        sections.append(Section("findings", "Findings", table(columns, tested, "Findings, here"), findings_lead))
    return document(of.source, f"{of.title}; ours: {prepared.experiment.corpus.name}", sections, plots=False)


def as_latex(prepared: Prepared, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table for a paper."""
    of = prepared.table
    caption = f"{of.source}: {of.title}. Printed figures, and ours on {prepared.experiment.corpus.name}"
    caption += " (test)" if prepared.strict else " (on the recordings that chose the epoch)"
    return latex(header, rows, caption, f"tab:{prepared.name.replace('_', '-')}")


def _cell(text: str) -> Cell:
    """Sorted by its first number, where it begins with one."""
    try:
        return Cell(text, float(text.split(" ")[0]))
    except ValueError:
        return Cell(text, float("nan")) if text == "-" else Cell(text)


def _interval(low: float, high: float) -> str:
    return "-" if pd.isna(low) else f"[{low:+.3f}, {high:+.3f}]"
