"""A report in words and tables, the same as Markdown and as LaTeX; `emotf.report.html.texts` makes a page of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from emotf.report.latex import latex
from emotf.report.tables import markdown


@dataclass(frozen=True)
class TableText:
    """A table as text.

    Attributes:
        id: letters and `-`.
        title, note: plain text.
        header, rows: as many cells each.
    """  # fmt: skip

    id: str
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str


@dataclass(frozen=True)
class Content:
    """A report.

    Attributes:
        title: plain text.
        lines: what is what, plain text.
        tables: in order.
    """

    title: str
    lines: Sequence[str]
    tables: Sequence[TableText]


def as_markdown(content: Content) -> str:
    """Title, lines, tables with their notes."""
    parts = [f"# {content.title}", "\n".join(f"- {line}" for line in content.lines)]
    parts += [f"## {of.title}\n\n{markdown(of.header, of.rows)}\n\n{of.note}." for of in content.tables]
    return "\n\n".join(parts) + "\n"


def as_latex(content: Content, name: str) -> str:
    """The tables alone, labelled `tab:<name>-<id>`."""
    found = [latex(of.header, of.rows, f"{of.title}. {content.title}", f"tab:{name.replace('_', '-')}-{of.id}")
             for of in content.tables]  # fmt: skip
    return "\n\n".join(found) + "\n"
