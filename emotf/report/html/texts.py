"""Words and tables of a report as sections of a page."""

from collections.abc import Mapping
from html import escape

from emotf.report.html.document import Section
from emotf.report.html.table import Cell, table
from emotf.report.palette import Look
from emotf.report.texts import Content


def written(content: Content, looks: Mapping[str, Look]) -> list[Section]:
    """What is what, then a section a table; names that have a look have its mark."""
    what = "".join(f"<li>{escape(line)}</li>" for line in content.lines)
    found = [Section("what", "What is what", f"<ul>{what}</ul>")]
    for of in content.tables:
        rows = [[_cell(text, looks) for text in row] for row in of.rows]
        found.append(Section(of.id, of.title, table(of.header, rows, of.title), f"{of.note}."))
    return found


def _cell(text: str, looks: Mapping[str, Look]) -> Cell:
    """Sorted by its first number, where it begins with one."""
    if text in looks:
        return Cell(text, look=looks[text])
    try:
        return Cell(text, float(text.split(" ")[0]))
    except ValueError:
        return Cell(text, float("nan")) if text == "-" else Cell(text)
