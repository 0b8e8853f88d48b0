"""One look a system: the same colour, symbol and dash in every plot of a report.

The colours are those of Okabe & Ito, told apart by most colour-blind readers, made darker or lighter so that they stand
out from a white and from a dark page; symbols and dashes say the same again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LIGHT = ("#0072b2", "#d55e00", "#008f68", "#b8578c", "#b07a00", "#2f93cc", "#6b4fa3", "#756b00")
DARK = ("#4aa3e0", "#f0843f", "#2cc295", "#e395c4", "#f0b63a", "#86cdf5", "#b39ae0", "#cdbf4e")

# By name in plotly, and by letter in Matplotlib.
SYMBOLS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "cross": "P", "x": "X",
           "triangle-down": "v", "star": "*"}  # fmt: skip
DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}


@dataclass(frozen=True)
class Look:
    """How a system is drawn: `place` in the list of systems decides."""

    place: int

    @property
    def slot(self) -> int:
        """Which of the colours."""
        return self.place % len(LIGHT)

    @property
    def colour(self) -> str:
        """The colour of a page that changes between light and dark."""
        return f"var(--s{self.slot})"

    @property
    def ink(self) -> str:
        """The colour on white."""
        return LIGHT[self.slot]

    @property
    def hollow(self) -> bool:
        """Whether its symbols are empty: where the colours begin anew."""
        return self.place // len(LIGHT) % 2 == 1

    @property
    def symbol(self) -> str:
        return list(SYMBOLS)[self.slot] + ("-open" if self.hollow else "")

    @property
    def mark(self) -> dict[str, Any]:
        """Symbol and colour for Matplotlib."""
        fill = {"mfc": "white"} if self.hollow else {}
        return {"color": self.ink, "marker": list(SYMBOLS.values())[self.slot], **fill}

    @property
    def chip(self) -> str:
        """The classes of its mark in a page."""
        return f"chip s{self.slot}" + (" hollow" if self.hollow else "")

    @property
    def dash(self) -> str:
        """Another one, too, where the colours begin anew."""
        return list(DASHES)[self.place // len(LIGHT) % len(DASHES)]


def looks(systems: Sequence[str]) -> dict[str, Look]:
    """system -> its look, in the order given.

    Example:
        >>> [(name, look.slot, look.symbol) for name, look in looks(["stl", "mtl"]).items()]
        [('stl', 0, 'circle'), ('mtl', 1, 'square')]
    """
    return {system: Look(place) for place, system in enumerate(dict.fromkeys(systems))}
