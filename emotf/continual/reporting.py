"""What an experiment leaves for people: tables, their numbers, figures, one page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotf.continual import figures
from emotf.continual.execution import Run
from emotf.continual.page import SWEPT, Computed, page
from emotf.continual.printed import CIFAR100, NOTE, beside_table_4_4, spread
from emotf.continual.rules import LOWER, UPPER, after_each_task, meaning
from emotf.continual.scores import ALL, forward, matrix, scored, summary, sweep
from emotf.continual.wording import described
from emotf.files import write_text
from emotf.report.figures import save
from emotf.report.palette import looks
from emotf.report.texts import Content, TableText, as_latex, as_markdown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Rules whose weights are drawn: the bound, and what is done to those that were trained apart.
DRAWN = (UPPER, "balanced", "anchored", "concatenated", "pruned", "equalised", "clahe")


def report(runs: Sequence[Run], folder: Path, partition: str = "test") -> tuple[str, tuple[Path, ...]]:
    """Writes continual.md, .html, .tex and .csv, continual_summary.csv, and curves, alpha, transfer, weights as .png.

    Args:
        runs: of one experiment, done.
        folder: where to.
        partition: that is reported, test or dev.

    Returns:
        The tables as Markdown, and the files.
    """
    config = runs[0].config
    rules = tuple(dict.fromkeys((*config.rules, UPPER, "balanced", LOWER)))
    scores = scored(runs, rules, partition)
    of = Computed(
        scores=scores,
        means=summary(scores),
        swept=sweep(runs, partition),
        transfers={(str(body), str(rule)): matrix(part) for (body, rule), part in
                   scores.groupby(["body", "rule"], sort=False)},
        weights=_weights(runs, [rule for rule in DRAWN if rule in rules]),
        looks=looks(rules),
    )  # fmt: skip
    content = Content(
        title=f"Continual learning on {config.corpus.name}: {config.tasks.count} tasks of {config.tasks.classes} "
        f"classes, {partition}",
        lines=described(runs, forward(runs, partition), partition),
        tables=_tables(runs, of, partition),
    )
    name = "continual" if partition == "test" else f"continual_{partition}"
    said = as_markdown(content)
    texts = {
        ".md": said,
        ".html": page(content, of),
        ".tex": as_latex(content, name),
        ".csv": scores.to_csv(index=False),
        "_summary.csv": of.means.to_csv(index=False),
    }
    drawn = _drawn(content.title, of, runs[0].seed)
    for ending, text in texts.items():
        write_text(folder / f"{name}{ending}", text)
    for ending, figure in drawn.items():
        save(figure, folder / f"{name}{ending}")
    return said, tuple(folder / f"{name}{ending}" for ending in (*texts, *drawn))


def _drawn(title: str, of: Computed, seed: int) -> dict[str, "Figure"]:
    """Ending of the file's name -> figure."""
    lines = of.means[of.means["rule"].isin(SWEPT)]
    weights = {
        f"_weights_{body}.png": figures.matrices(found, f"weights after the last task, body {body}, seed {seed}")
        for body, found in of.weights.items()
    }
    return {
        "_curves.png": figures.curves(of.scores, of.looks, title),
        "_alpha.png": figures.alphas(of.swept, lines, of.looks, title),
        "_transfer.png": figures.transfers(of.transfers, f"{title}: accuracy on a task (column) after a task"),
        **weights,
    }


def _weights(runs: Sequence[Run], rules: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """body -> rule -> the weights after the last task, of the first seed."""
    first = [run for run in runs if run.seed == runs[0].seed]
    return {
        run.knows: {rule: after_each_task(rule, run.learned, run.config.margin)[-1].weights for rule in rules}
        for run in first
    }


def _tables(runs: Sequence[Run], of: Computed, partition: str) -> tuple[TableText, ...]:
    """What was printed stands beside test only."""
    found = (_meanings(of.means), _last(of.means), _bounds(of.scores), _after_each(of.scores))
    if partition != "test":
        return found
    return (*found, TableText("table-4-4", "Orgil 2022, table 4.4, and ours", *beside_table_4_4(runs, of.scores), NOTE))


def _meanings(means: pd.DataFrame) -> TableText:
    """What the rules do."""
    rows = [[rule, meaning(rule)] for rule in dict.fromkeys(map(str, means["rule"]))]
    note = "No rule but joint sees an old picture. K classes are old, N new"
    return TableText("meanings", "The rules", ["rule", "what it does"], rows, note)


def _last(means: pd.DataFrame) -> TableText:
    """Every rule after the last task."""
    header = ["body", "rule", "outputs", "accuracy", "without unknown", "cross-entropy", "forgetting",
              "backward transfer", "distance to joint", "thesis, CIFAR-100"]  # fmt: skip
    names = ("accuracy", "known", "loss", "forgetting", "backward", "distance")
    rows = [
        [row["body"], row["rule"], str(row["outputs"]), *(_mean(row[name], row[f"{name}_sd"]) for name in names),
         CIFAR100.get(row["rule"], "-")]
        for row in means.to_dict("records")
    ]  # fmt: skip
    note = (
        "Mean ± standard deviation over seeds. Accuracy: an answer `unknown` is wrong; without unknown: the same "
        "scores but that one. Forgetting: Chaudhry et al. 2018; backward transfer: Lopez-Paz & Ranzato 2017. Distance: "
        "cosine distance of the weights to the jointly trained ones, the mean over classes taken off. The thesis "
        "trained other tasks on another body"
    )
    return TableText("rules", "Every rule, after the last task", header, rows, note)


def _bounds(scores: pd.DataFrame) -> TableText:
    """Whether the blend lies between the bounds, seed by seed."""
    last = scores[(scores["on"] == ALL) & (scores["after"] == scores["after"].max())]
    rows = []
    for body, of in last.groupby("body", sort=False):
        wide = of.pivot(index="seed", columns="rule", values="accuracy")
        pairs = [(UPPER, "balanced"), ("balanced", LOWER), ("anchored", "balanced")]
        for better, worse in pairs if "anchored" in wide else pairs[:2]:
            apart = wide[better] - wide[worse]
            rows.append([str(body), f"{better} - {worse}", spread(apart), f"{(apart >= 0).sum()} of {len(apart)}"])
    note = (
        "Differences of accuracy within a seed, mean ± standard deviation, and in how many seeds they are not below 0"
    )
    return TableText("bounds", "Between the bounds", ["body", "difference", "accuracy", "seeds"], rows, note)


def _after_each(scores: pd.DataFrame) -> TableText:
    """Accuracy on all classes so far."""
    whole = scores[scores["on"] == ALL]
    tasks = sorted(set(whole["after"]))
    rows = [
        [str(body), str(rule), *(spread(of.loc[of["after"] == task, "accuracy"]) for task in tasks)]
        for (body, rule), of in whole.groupby(["body", "rule"], sort=False)
    ]
    note = "Mean ± standard deviation over seeds"
    header = ["body", "rule", *(f"after {task}" for task in tasks)]
    return TableText("tasks", "Accuracy on all classes so far", header, rows, note)


def _mean(value: float, sd: float) -> str:
    value = round(value, 3) + 0.0  # no -0.000
    return "-" if pd.isna(value) else f"{value:.3f}" if pd.isna(sd) else f"{value:.3f} ± {sd:.3f}"
