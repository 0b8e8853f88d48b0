"""What a printed table is here: cells as printed, and the system of ours that belongs beside each.

The figures are facts, kept as printed in `published/<table>.csv` (trailing zeros too, nothing corrected); a module a
publication says what its tables mean: `TABLES`, the name of a CSV file -> `Table`.
"""

import csv
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from emotf.catalog import suggestion
from emotf.errors import UserError
from emotf.measures import MEAN, POOLED
from emotf.reproduction.derived import Derived

PUBLISHED = Path(__file__).parent / "published"
PUBLICATIONS = ("koprue2020", "chen2015", "orgil2021", "orgil2022")

# A system of ours: axis -> value, as `emotf.comparison.axes` applies it to the experiment of a recipe.
Settings = Mapping[str, str]

# ... or one that is made of the runs of such.
System = Settings | Derived

# A sum of scores: weight, system, target.
Terms = tuple[tuple[float, System, str], ...]

# What is measured in a cell. The first are of all frames of a partition or means over recordings, by the anchor of the
# table; the `_mean` are means over recordings and targets, `ccc_sum` is the sum over targets of means over recordings;
# the others are facts of a run.
SCORES = ("ccc", "pcc", "rmse", "mse")
CRITERIA = ("ccc_mean", "ccc_sum", "mse_mean", "non_inertial_mean")
FACTS = ("parameters", "epochs", "epoch_seconds")

# What was fitted in a derived system, as its `facts` name it.
FITTED = ("alpha",)

# What papers call the targets.
TARGETS = {"activation": "arousal", "arousal": "arousal", "valence": "valence", "dominance": "dominance"}


@dataclass(frozen=True)
class Cell:
    """One printed figure, or what several databases have in the same place.

    Attributes:
        place: column -> value: what stands before it in its row.
        target: arousal, ...; empty for the mean over all targets.
        measure: one of `SCORES`, `CRITERIA` and `FACTS`; of a derived system, of `SCORES` and `FITTED`; where there is
            no system, whatever is printed.
        printed: database -> figure as printed; empty where nothing is.
        system: ours that belongs beside it; None where there is none, and `why`.
        repetition: which of the repetitions it is of, from 0; None for the mean over them.
        why: there is no system.
        mean_of: systems over whose figures it is the mean; `system` is None then.
    """

    place: Mapping[str, str]
    target: str
    measure: str
    printed: Mapping[str, str]
    system: System | None
    repetition: int | None = None
    why: str = ""
    mean_of: tuple[Settings, ...] = ()

    @property
    def systems(self) -> tuple[System, ...]:
        """All of ours that it takes."""
        return self.mean_of if self.system is None else (self.system,)


@dataclass(frozen=True)
class Finding:
    """What a publication concludes from a table, as a weighted sum of our scores that is above 0 where it holds.

    Attributes:
        text: the finding.
        terms: what is summed.
    """

    text: str
    terms: Terms


@dataclass(frozen=True)
class Table:
    """A printed table, and what it takes to have ours beside it.

    Attributes:
        source: publication and number.
        title: what it shows.
        pooling: what the publication says its figures are over.
        anchor: so ours beside them are: `pooled` or `mean over recordings`.
        chosen: what the publication chose on the partition that it reports.
        cells: reads them.
        recipe: of configs/, without `.py`; empty where nothing of ours belongs beside it.
        corpora: of the recipe, for which the table makes sense; the first is taken by default.
        options: of the recipe.
        settings: `field=value` of the experiment, before the user's.
        split: shares of the videos that train and validate, for corpora that are dealt by video; records and runs of
            another split lie elsewhere.
        fold: that is reported by default of corpora with sessions; None for all.
        smoke_duration: seconds of the recordings of the tiny synthetic corpus; 0: as the recipe has them.
        findings: to look for.
        by_modality: its rows differ by modality, so that a corpus with a single one has no multimodal row.
        needs: what a corpus must have.
        made_by: the command of another tool that prints it beside ours.
        note: what else a reader must know.
        wide: measures stand side by side, a row a system.
        stability: axis whose values' spread over seeds belongs to the table.
        figures: name -> what is along the x axis, has colours and has styles: a column of `place`, or `parameters`.
    """

    source: str
    title: str
    pooling: str
    anchor: str
    chosen: str
    cells: Callable[[], tuple[Cell, ...]]
    recipe: str = ""
    corpora: tuple[str, ...] = ()
    options: str = ""
    settings: tuple[str, ...] = ()
    split: str = ""
    fold: int | None = None
    smoke_duration: float = 0.0
    findings: tuple[Finding, ...] = ()
    by_modality: bool = False
    needs: str = ""
    made_by: str = ""
    note: str = ""
    wide: bool = False
    stability: str = ""
    figures: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.anchor in (POOLED, MEAN), self.anchor

    @property
    def other(self) -> str:
        """The pooling that is not the anchor."""
        return MEAN if self.anchor == POOLED else POOLED

    @property
    def ready(self) -> bool:
        return bool(self.recipe)

    @property
    def names_parts(self) -> bool:
        """Whether all its rows are of parts that they name, whatever partition is reported."""
        systems = [system for cell in self.cells() for system in cell.systems]
        return bool(systems) and all(isinstance(system, Derived) and bool(system.part) for system in systems)

    @property
    def asked(self) -> list[tuple[System, str]]:
        """System and target (empty: all) of every figure and finding."""
        cells = [(system, cell.target) for cell in self.cells() for system in cell.systems]
        return cells + [(system, target) for finding in self.findings for _, system, target in finding.terms]

    @property
    def systems(self) -> tuple[Settings, ...]:
        """All systems that are runs, each once, those that others are made of too."""
        runs = [settings for system, _ in self.asked for settings in runs_of(system)]
        return tuple({tuple(settings.items()): settings for settings in runs}.values())


def runs_of(system: System) -> tuple[Settings, ...]:
    """The systems whose runs one takes."""
    return system.of if isinstance(system, Derived) else (system,)


def gap(ones: Sequence[System], others: Sequence[System], *targets: str) -> Terms:
    """By how much the mean over some systems and targets is above that over other systems."""
    shares = ((1 / len(ones) / len(targets), ones), (-1 / len(others) / len(targets), others))
    return tuple((share, system, target) for share, systems in shares for system in systems for target in targets)


def above(text: str, target: str, one: System, other: System) -> Finding:
    """One system above another for a target, which stands before the text."""
    return Finding(f"{target}: {text}", gap([one], [other], target))


def tables_of(publication: str, **usual: object) -> Callable[..., Table]:
    """Makes the tables of a publication: `(number, **fields)`, with the usual fields where no others are given."""

    def table(number: int | str, **fields: object) -> Table:
        return Table(f"{publication}, table {number}", **{**usual, **fields})  # type: ignore[arg-type]

    return table


def tables() -> dict[str, Table]:
    """Name -> table, of all publications, in their order."""
    found: dict[str, Table] = {}
    for publication in PUBLICATIONS:
        found |= importlib.import_module(f"emotf.reproduction.{publication}").TABLES
    return found


def only(table: Table, rows: Sequence[str]) -> Table:
    """Some rows of a table, and the findings that need no others.

    Args:
        table: all of it.
        rows: `<column>=<value>,<value>...`: what a row must have in that column; all of them must hold.

    Raises:
        UserError: no such column or value (the nearest is offered), or no row has all of it.
    """
    if not rows:
        return table
    cells = table.cells()
    for item in rows:
        column, equals, text = item.partition("=")
        known = tuple(dict.fromkeys(name for cell in table.cells() for name in cell.place))
        if column not in known or not equals:
            raise UserError(f"--only takes <column>=<value>,..., the columns are {', '.join(known)}; received {item!r}."
                            f"{suggestion(column, known)}")  # fmt: skip
        values = tuple(dict.fromkeys(cell.place.get(column, "") for cell in table.cells()))
        wanted = [value.strip() for value in text.split(",")]
        for value in wanted:
            if value not in values:
                raise UserError(f"--only: {column} is never {value!r}, but {', '.join(values)}."
                                f"{suggestion(value, values)}")  # fmt: skip
        cells = tuple(cell for cell in cells if cell.place.get(column, "") in wanted)
    if not cells:
        raise UserError(f"--only: no row has all of {' and '.join(rows)}.")
    kept = [system for cell in cells for system in cell.systems]
    findings = tuple(f for f in table.findings if all(system in kept for _, system, _ in f.terms))
    return replace(table, cells=lambda: cells, findings=findings, title=f"{table.title}; ONLY {' and '.join(rows)}")


@cache
def published(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a printed table, every value as printed."""
    with open(PUBLISHED / f"{name}.csv", encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def cells_of(
    name: str,
    place: Sequence[str],
    measures: Mapping[str, tuple[str, str]],
    system: Callable[[Mapping[str, str]], System | tuple[Settings, ...] | str],
    database: str = "",
    target: str = "",
    repetition: str = "",
) -> Callable[[], tuple[Cell, ...]]:
    """Reads the cells of a CSV file with one row a system (and target).

    Args:
        name: of the file.
        place: columns that say what a row is of.
        measures: column -> measure and, where no column `target` says it, target (empty: mean over all).
        system: ours of a row, several for the mean over them, or why there is none.
        database: the column that says of what corpus a row is, or a fixed name.
        target: the column that says of what target a row is; empty where `measures` do.
        repetition: the column that counts repetitions, from 1.

    Returns:
        A function that reads them; rows that differ in database only are one.
    """

    def read() -> tuple[Cell, ...]:
        found: dict[tuple[str, ...], Cell] = {}
        for row in published(name):
            ours = system(row)
            for column, (measure, fixed) in measures.items():
                of = TARGETS[row[target]] if target else fixed
                count = int(row[repetition]) - 1 if repetition else None
                key = (*(row[name] for name in place), of, column, str(count))
                corpus = row.get(database, database)
                printed = {**(found[key].printed if key in found else {}), corpus: row[column]}
                described = {name: row[name] for name in place} | (
                    {"repetition": row[repetition]} if repetition else {}
                )
                why, many = ours if isinstance(ours, str) else "", ours if isinstance(ours, tuple) else ()
                one = None if isinstance(ours, str | tuple) else ours
                found[key] = Cell(described, of, measure, printed, one, count, why, many)
        return tuple(found.values())

    return read


@dataclass(frozen=True)
class Family:
    """Systems that share all settings but a few, always written in the same order, so that tables share their runs."""

    usual: Settings = field(default_factory=dict)

    def __call__(self, **different: str) -> dict[str, str]:
        """A system; `_` stands for `.` in names of fields (`window_frames`)."""
        named = {name.replace("_", ".") if name.replace("_", ".") in self.usual else name: value
                 for name, value in different.items()}  # fmt: skip
        assert set(named) <= set(self.usual), (named, self.usual)
        return {**self.usual, **named}
