"""A printed table with ours beside it as one HTML file and for LaTeX."""

from collections.abc import Sequence
from html import escape

from emotf.report.html.document import Section, document
from emotf.report.html.table import Cell, table
from emotf.report.latex import latex
from emotf.reproduction.prepared import Prepared

# Header and rows of a table, as text.
Shown = tuple[Sequence[str], Sequence[Sequence[str]]]


def page(prepared: Prepared, lines: Sequence[str], shown: Shown, findings: Shown, lead: str) -> str:
    """One HTML file.

    Args:
        prepared: its runs are done.
        lines: which corpus is which, what was chosen where, what else a reader must know.
        shown: the table.
        findings: of the publication, here; without rows where there are none.
        lead: how to read them.
    """
    of = prepared.table
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    sections = [
        Section("what", "What is what", f"<ul>{listed}</ul>"),
        Section("table", "Printed, and ours", _sorting(shown, f"{of.source}: {of.title}")),
    ]
    if findings[1]:
        sections.append(Section("findings", "Findings", _sorting(findings, "Findings, here"), f"{lead}."))
    return document(of.source, f"{of.title}; ours: {prepared.experiment.corpus.name}", sections, plots=False)


def _sorting(shown: Shown, caption: str) -> str:
    header, rows = shown
    return table(header, [[_cell(text) for text in row] for row in rows], caption)


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
