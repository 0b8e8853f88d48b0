"""Makes a table ready on the corpus that the user has: records, and the runs that it takes."""

import contextlib
import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emotf.catalog import suggestion
from emotf.comparison import trials_of
from emotf.comparison.axes import applied
from emotf.config import Experiment
from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.records import Store, extract_missing
from emotf.reproduction.corpus import check_records, shorten, split_of, take_twin
from emotf.reproduction.possible import impossible, not_made
from emotf.reproduction.prepared import Prepared
from emotf.reproduction.table import Table, only, tables

RECIPES = Path("configs")

# Fields that switches of the tool decide.
NOT_SET = {"data.protocol": "--strict", "data.fold": "--folds", "training.seed": "--seeds", "targets": "--only"}


def prepare(
    name: str,
    corpus: str,
    settings: Sequence[str],
    strict: bool,
    smoke: bool,
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    out: str,
    rows: Sequence[str] = (),
) -> Prepared:
    """Makes records where they are missing, and names the runs of a table.

    Args:
        name: of the table.
        corpus: of its recipe; empty for the first that it names. A licensed corpus without a folder is replaced by its
            twin, which says so.
        settings: `field=value` of the experiment.
        strict: report on test. Otherwise on development, which also chose, as the publications did.
        smoke: seconds instead of minutes.
        folds, seeds: as of `emotf.comparison.trials_of`; without folds the one that the table names, if it does.
        out: folder of the runs; empty for one a corpus and protocol, so that tables share their runs.
        rows: those to keep, all by default (`emotf.reproduction.table.only`).

    Raises:
        UserError: no such table, row, corpus or field; the table is not ready.
    """
    table = only(table_of(name), rows)
    if table.made_by:
        raise UserError(f"{name} is made by another tool: {table.made_by}")
    if not table.ready:
        raise UserError(f"{name} is not ready: nothing of ours belongs beside it.")
    corpus = corpus or table.corpora[0]
    experiment = _experiment(table, corpus, settings, smoke)
    if not strict:
        experiment.data.protocol = "koprue2020"
    folder = Path(out or _usual_folder(table, experiment, strict, smoke))
    extract_missing(experiment.corpus, _needed(table, experiment), Store(experiment.store).folder)
    check_records(experiment, strict)
    if folds is None and table.fold is not None and not any(r.partition for r in Store(experiment.store).recordings):
        folds = [table.fold]
    reasons = [(system, impossible(table, experiment, system)) for system in table.systems]
    trials = trials_of(experiment, [system for system, why in reasons if not why], folds, seeds, folder)
    without = [*((system, why) for system, why in reasons if why), *not_made(table, trials)]
    found = Prepared(name, table, experiment, strict, tuple(trials), tuple(without), folder)
    asked = [trial for trial in trials if found.asks(trial)]
    if not asked:
        first = next(filter(None, map(found.why_not, table.cells())))
        raise UserError(f"{name} has no row that {corpus} could fill: {first}")
    return replace(found, trials=tuple(asked))


def table_of(name: str) -> Table:
    """A table by its name. Raises UserError where there is none; the nearest is offered."""
    known = tables()
    if name not in known:
        raise UserError(f"There is no table {name!r}; --list names all.{suggestion(name, tuple(known))}")
    return known[name]


def _experiment(table: Table, corpus: str, settings: Sequence[str], smoke: bool) -> Experiment:
    """The experiment of the table's recipe with what the user sets, on a twin where a folder is needed and none set."""
    path = RECIPES / f"{table.recipe}.py"
    if not path.is_file():
        raise UserError(f"There is no recipe {path}; run this in the folder that holds {RECIPES}/.")
    spec = importlib.util.spec_from_file_location(table.recipe, path)
    assert spec and spec.loader
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    options = [corpus, *filter(None, table.options.split(",")), *(["smoke"] if smoke else [])]
    experiment: Experiment = recipe.get_config(",".join(options))
    if smoke:
        experiment.training.epochs, experiment.training.jit_compile = 1, False
        shorten(experiment, table.smoke_duration)
    if not experiment.corpus.dir and not any(item.startswith("corpus.dir=") for item in settings):
        take_twin(experiment)
    dealt = table.split and hasattr(experiment.corpus, "split")
    for item in (*table.settings, *([f"corpus.split={table.split}"] if dealt else []), *settings):
        field_, equals, value = item.partition("=")
        if not equals:
            raise UserError(f"--set takes <field>=<value>, received {item!r}.")
        if field_ in NOT_SET:
            raise UserError(f"--set={field_}: that is the switch {NOT_SET[field_]}.")
        experiment = applied(experiment, {field_: value})
    if dealt:
        experiment.data.records += f"/{split_of(experiment)}"
    return experiment.check()


def _needed(table: Table, experiment: Experiment) -> dict[str, Feature]:
    """The streams that the systems of a table take; a system that the corpus cannot have needs none."""
    found: dict[str, Feature] = {}
    for system in table.systems:
        with contextlib.suppress(UserError):
            found |= {name: experiment.streams[name] for name in applied(experiment, system).streams}
    return found


def _usual_folder(table: Table, experiment: Experiment, strict: bool, smoke: bool) -> str:
    said = [experiment.corpus.name, table.recipe, *(["strict"] if strict else []), *(["smoke"] if smoke else [])]
    if table.split and hasattr(experiment.corpus, "split"):
        said.append(split_of(experiment))
    return f"work/reproduce/{'_'.join(said)}"
