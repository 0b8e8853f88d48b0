"""What an experiment leaves for people: tables, their numbers, figures, one page."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emotf.continual import figures
from emotf.continual.execution import Run
from emotf.continual.page import page
from emotf.continual.printed import CIFAR100, NOTE, beside_table_4_4, spread
from emotf.continual.rules import LOWER, RULES, UPPER, after_each_task, alpha_of
from emotf.continual.scores import ALL, forward, matrix, scored, summary, sweep
from emotf.continual.wording import Content, TableText, described
from emotf.files import write_text
from emotf.report.figures import save
from emotf.report.latex import latex
from emotf.report.palette import looks
from emotf.report.tables import markdown

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
    means, swept = summary(scores), sweep(runs, partition)
    seen = looks(rules)
    r = {(str(body), str(rule)): matrix(of) for (body, rule), of in scores.groupby(["body", "rule"], sort=False)}
    weights = _weights(runs, [rule for rule in DRAWN if rule in rules])
    content = Content(
        title=f"Continual learning on {config.corpus.name}: {config.tasks.count} tasks of {config.tasks.classes} "
        f"classes, {partition}",
        lines=described(runs, forward(runs, partition), partition),
        tables=_tables(runs, scores, means, partition),
    )
    name = "continual" if partition == "test" else f"continual_{partition}"
    parts = [f"# {content.title}", "\n".join(f"- {line}" for line in content.lines)]
    parts += [f"## {of.title}\n\n{markdown(of.header, of.rows)}\n\n{of.note}." for of in content.tables]
    said = "\n\n".join(parts) + "\n"
    texts = {
        f"{name}.md": said,
        f"{name}.html": page(content, scores, swept, means, r, weights, seen),
        f"{name}.tex": "\n\n".join(
            latex(of.header, of.rows, f"{of.title}. {content.title}", f"tab:{name}-{of.id}") for of in content.tables
        ) + "\n",
        f"{name}.csv": scores.to_csv(index=False),
        f"{name}_summary.csv": means.to_csv(index=False),
    }  # fmt: skip
    lines = means[means["rule"].isin(("balanced", "anchored"))]
    drawn = {
        f"{name}_curves.png": figures.curves(scores, seen, content.title),
        f"{name}_alpha.png": figures.alphas(swept, lines, seen, content.title),
        f"{name}_transfer.png": figures.transfers(r, f"{content.title}: accuracy on a task (column) after a task"),
        **{f"{name}_weights_{body}.png": figures.matrices(of, f"weights after the last task, body {body}, seed "
           f"{runs[0].seed}") for body, of in weights.items()},
    }  # fmt: skip
    for file, text in texts.items():
        write_text(folder / file, text)
    for file, figure in drawn.items():
        save(figure, folder / file)
    return said, tuple(folder / file for file in (*texts, *drawn))


def _weights(runs: Sequence[Run], rules: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """body -> rule -> the weights after the last task, of the first seed."""
    first = [run for run in runs if run.seed == runs[0].seed]
    return {
        run.knows: {rule: after_each_task(rule, run.learned, run.config.margin)[-1].weights for rule in rules}
        for run in first
    }


def _tables(runs: Sequence[Run], scores: pd.DataFrame, means: pd.DataFrame, partition: str) -> tuple[TableText, ...]:
    header, rows = beside_table_4_4(runs, scores) if partition == "test" else ([], [])
    beside = TableText("table-4-4", "Orgil 2022, table 4.4, and ours", header, rows, NOTE)
    return (_last(means), _bounds(scores), _after_each(scores), *([beside] if rows else []))


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
    said = "; ".join(f"{rule}: {RULES[rule]}" for rule in RULES if rule in set(means["rule"]))
    fixed = [rule for rule in dict.fromkeys(means["rule"]) if alpha_of(rule) is not None]
    said += "; alpha-<number>: this α in every merge" if fixed else ""
    note = (
        "Mean ± standard deviation over seeds. Accuracy: an answer `unknown` is wrong; without unknown: the same "
        "scores but that one. Forgetting: Chaudhry et al. 2018; backward transfer: Lopez-Paz & Ranzato 2017. Distance: "
        "cosine distance of the weights to the jointly trained ones, the mean over classes taken off. The thesis "
        f"trained other tasks on another body. {said}"
    )
    return TableText("rules", "Every rule, after the last task", header, rows, note)


def _bounds(scores: pd.DataFrame) -> TableText:
    """Whether the blend lies between the bounds, seed by seed."""
    last = scores[(scores["on"] == ALL) & (scores["after"] == scores["after"].max())]
    rows = []
    for body, of in last.groupby("body", sort=False):
        wide = of.pivot(index="seed", columns="rule", values="accuracy")
        others = [rule for rule in ("anchored",) if rule in wide]
        for better, worse in ((UPPER, "balanced"), ("balanced", LOWER), *((other, "balanced") for other in others)):
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
