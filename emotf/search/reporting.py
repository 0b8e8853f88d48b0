"""What a search leaves: trials.csv, search.md, search.png, and best.py, the recipe of the best trial."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from emotf.comparison.axes import applied
from emotf.files import write_text, written_aside
from emotf.prediction import selection
from emotf.records import Store
from emotf.report import figures
from emotf.report.search import search_figure
from emotf.report.tables import markdown, number
from emotf.search.results import best_of, table
from emotf.search.source import recipe
from emotf.search.space import Range, settings_of
from emotf.search.storage import shown
from emotf.search.study import Search

if TYPE_CHECKING:
    from optuna import Study

# Trials that the table shows; all are in trials.csv.
SHOWN = 10

# Nearer to an end of its range than this share of it, a value may be there because the range ends.
EDGE = 0.05


def report(search: Search, study: "Study") -> tuple[str, tuple[Path, ...]]:
    """Writes what is known of the study now.

    Returns:
        The table as Markdown, and the files.

    Raises:
        UserError: no trial was trained to its end.
    """
    trials = [trial for trial in study.get_trials(deepcopy=False) if "surplus" not in trial.user_attrs]
    rows = table(search, trials)
    paths = tuple(search.out / name for name in ("best.py", "search.md", "search.png", "trials.csv"))
    with written_aside(paths[3]) as aside:
        rows.to_csv(aside, index=False)
    best = best_of(rows, search.sign)
    won = next(trial for trial in trials if trial.number == best["trial"])
    text = _text(search, rows, best)
    # the recipe's own fold and seed, whatever the search took
    write_text(paths[0], recipe(applied(search.experiment, settings_of(won.params)), _heading(search, best)))
    write_text(paths[1], text)
    logarithmic = [axis.axis for axis in search.space if isinstance(axis, Range) and axis.log]
    axes = {axis.axis: () if isinstance(axis, Range) else axis.values for axis in search.space}
    measure = f"dev {search.criterion}"
    figures.save(search_figure(rows, axes, logarithmic, measure, search.sign, _title(search)), paths[2])
    return text, paths


def _text(search: Search, rows: pd.DataFrame, best: pd.Series) -> str:
    """The best trials, with what they were measured by and what that is worth."""
    own = rows[rows["recipe"] & (rows["outcome"] == "complete")]
    counts = ", ".join(f"{count} {name}" for name, count in rows["outcome"].value_counts(sort=False).items())
    done = int(rows["outcome"].isin(["complete", "pruned", "failed"]).sum())
    lacking = f"; {search.trials - done} are still to come: run the same command again" if done < search.trials else ""
    before = f"the recipe as it is has {number(own['value'].iloc[0])}" if len(own) else "the recipe as it is failed"
    better = "higher" if search.sign > 0 else "lower"
    failed = "".join(f"Trial {row['trial']} failed: {row['failed']}\n" for _, row in rows.iterrows() if row["failed"])
    return f"""{_title(search)}

Searched: {"; ".join(map(str, search.space))}
Measured by: dev {search.criterion} of the best epoch, {better} is better; {_where(search)}
Study: {search.name} in {shown(search.place)}

Trial {best["trial"]} is the best: {number(best["value"])}; {before}. As a recipe: --config={search.out / "best.py"}
{len(rows)} trials: {counts}{lacking}

{_best_trials(search, rows, own)}

{_worth(search)}
{_edges(search, best)}{failed}"""


def _title(search: Search) -> str:
    what = Store(search.experiment.store).targets_are
    return f"{', '.join(axis.axis for axis in search.space)} on {search.experiment.corpus.name}: {what}"


def _where(search: Search) -> str:
    folds = ["the corpus's partitions or fold 0" if fold is None else f"fold {fold}" for fold in search.folds]
    return f"{'mean over ' if len(folds) > 1 else ''}{', '.join(folds)}; seed {search.seed}"


def _best_trials(search: Search, rows: pd.DataFrame, own: pd.DataFrame) -> str:
    """The trials with the best values; of the recipe as it is, own, at most one row."""
    ended = rows[rows["outcome"] == "complete"].sort_values("value", ascending=search.sign < 0, kind="stable")
    axes = [axis.axis for axis in search.space]
    cells = [
        [row["trial"], number(row["value"]),
         "recipe" if row["recipe"] else f"{row['value'] - own['value'].iloc[0]:+.3f}" if len(own) else "-",
         row["epochs"], round(row["seconds"]), *(_short(row[axis]) for axis in axes)]
        for _, row in ended.head(SHOWN).iterrows()
    ]  # fmt: skip
    return markdown(["trial", f"dev {search.criterion}", "- recipe", "epochs", "seconds", *axes], cells)


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "as the recipe" if pd.isna(value) else f"{value:.3g}" if value % 1 else f"{value:.0f}"


def _worth(search: Search) -> str:
    """How far the best value can be believed."""
    lines = ["Test was neither predicted nor scored. The best of many trials is best by luck, too: its value on\n"
             "development is optimistic, the more so the more trials and the fewer recordings. Only test tells, asked\n"
             "once, of the winner alone."]  # fmt: skip
    chosen = [selection(experiment).golds for experiment in search.of_folds(search.experiment)]
    both = {name for golds in chosen for name in golds["dev"]} & {name for golds in chosen for name in golds["test"]}
    recordings = Store(search.experiment.store).recordings
    if search.experiment.data.protocol == "koprue2020":
        lines.append("The protocol koprue2020 reports on development itself: no figure of it is free of this search.")
    elif both:
        lines.append(f"{len(both)} recordings are development in one of these folds and test in another: scored\n"
                     "there, the winner was chosen on them here.")  # fmt: skip
    elif None not in search.folds or not any(recording.partition for recording in recordings):
        lines.append("What was development here is test in another fold: scored there, the winner was chosen on it.")
    return "\n".join(lines) + "\n"


def _edges(search: Search, best: pd.Series) -> str:
    """Names the ranges at whose ends the best trial lies."""
    lines = []
    for axis in search.space:
        if not isinstance(axis, Range) or pd.isna(best[axis.axis]):
            continue
        place, low, high = (math.log(x) if axis.log else x for x in (best[axis.axis], axis.low, axis.high))
        if min(place - low, high - place) < EDGE * (high - low):
            lines.append(
                f"{axis.axis} {_short(best[axis.axis])} lies at an end of its range; a wider one may hold better.\n"
            )
    return "".join(lines)


def _heading(search: Search, best: pd.Series) -> str:
    """The docstring of best.py, and the command that led to it."""
    settings = "\n".join(f"    {axis.axis} = {best[axis.axis]}" for axis in search.space)
    command = search.command.replace(search.storage, shown(search.storage)) if search.storage else search.command
    lines = " \\\n#     ".join(shlex.quote(word) for word in shlex.split(command))
    return f'''"""Found by a search on development: trial {best["trial"]} of {search.trials}.

{settings}

Its dev {search.criterion} is {best["value"]:.4f} ({_where(search)}).
That is the best of many, and so an optimistic figure: only test tells.
"""

# study {search.name} in {shown(search.place)}
# {lines}'''
