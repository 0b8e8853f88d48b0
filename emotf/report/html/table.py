"""Tables that sort by a click on a header, or by the keyboard."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from emotf.report.palette import Look


@dataclass(frozen=True)
class Cell:
    """What stands in a table.

    Attributes:
        text: plain text.
        value: by which a column of numbers is sorted; NaN comes last, whatever the direction.
        look: of the system that it names.
    """

    text: str
    value: float | None = None
    look: Look | None = None

    @property
    def html(self) -> str:
        chip = f' class="{self.look.chip}"' if self.look else ""
        text = f"<span{chip}>{escape(self.text)}</span>" if chip else escape(self.text)
        if self.value is None:
            return f"<td>{text}</td>"
        return (
            f'<td class="number" data-value="{"" if math.isnan(self.value) else repr(float(self.value))}">{text}</td>'
        )


def figure(value: float, form: str = ".3f") -> Cell:
    """A number, or `undefined`.

    Example:
        >>> figure(0.12345).text, figure(float("nan")).text, figure(0.1, "+.1f").text
        ('0.123', 'undefined', '+0.1')
    """
    value = float(value)
    return Cell("undefined" if math.isnan(value) else format(value, form), value)


def table(header: Sequence[str], rows: Sequence[Sequence[Cell | str]], caption: str) -> str:
    """A table that sorts; it scrolls by itself where the screen is too small for it.

    Args:
        header: plain text.
        rows: as many cells each.
        caption: plain text, what the table shows.
    """
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    numeric = [all(row[i].value is not None for row in cells) for i in range(len(header))]
    heads = "".join(
        f'<th scope="col" aria-sort="none"{" class=number" if number else ""}>'
        f'<button type="button">{escape(name)}</button></th>'
        for name, number in zip(header, numeric, strict=True)
    )
    body = "\n".join(f"<tr>{''.join(cell.html for cell in row)}</tr>" for row in cells)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def facts(of: Sequence[tuple[str, str]]) -> str:
    """Names with what they stand for: plain text, or the HTML that other functions of this room made."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{html}</dd>' for name, html in of)}</dl>"
