"""What the thesis printed, with ours beside it."""

import csv
from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean, stdev

import pandas as pd

from emotf.continual.config import ALL_CLASSES
from emotf.continual.execution import Run
from emotf.continual.linear import balanced_alpha
from emotf.continual.scores import ALL

# Accuracies in the text of the thesis, of merges on CIFAR-100, in tasks that it does not name.
CIFAR100 = {"joint": "0.71", "concatenated": "0.51", "pruned": "0.40", "clahe": "0.02"}

NOTE = (
    "Printed: EMNIST letters, tasks of 5; its first row is the whole network on 26 letters, its last has 30 classes of "
    "26 letters, and the unit of its loss is not stated. Ours: of the blend by K/(N+K), cross-entropy in nats; "
    "training accuracy is that of the new classifier, on its own pictures and those of the unknown. Rows stand side by "
    "side where α is the same. 605 trainable parameters are 120 features and 5 classes without an unknown output; ours "
    "have it. On another corpus than EMNIST ours confirm and refute nothing"
)


def beside_table_4_4(runs: Sequence[Run], scores: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and rows: each row of table 4.4, and beside it our merge with the same α; `-` where there is none.

    Args:
        runs: done.
        scores: of `emotf.continual.scores.scored`, with the rule `balanced`.
    """
    from emotf.reproduction.table import PUBLISHED  # with it comes TensorFlow

    bodies = list(dict.fromkeys(run.knows for run in runs))
    columns = ("test accuracy", "loss", "training accuracy")
    header = ["α printed", "classes printed", "classes ours"]
    for name in columns:
        header += [f"{name} printed", *(f"{name} {body}" for body in bodies)]
    header += ["trainable printed", "trainable ours", "parameters printed", "parameters ours"]
    with open(PUBLISHED / "orgil2022_table4_4.csv", encoding="utf-8", newline="") as file:
        printed = list(csv.DictReader(file))
    tasks = runs[0].config.tasks
    rows = []
    for row in printed:
        k, n = int(row["original_classes"]), int(row["new_classes"])
        # a merge with the same α: K/N of ours is that of theirs
        after = int(Fraction(k, n)) + 1 if n else 0
        there = after <= tasks.count
        own = f"{(after - 1) * tasks.classes}+{tasks.classes}" if n else f"{len(runs[0].config.corpus.classes)}+0"
        ours = {name: ["-"] * len(bodies) for name in columns}
        if not n:
            of = [_network(runs, body) if body == ALL_CLASSES else ("-", "-", "-") for body in bodies]
            ours = dict(zip(columns, map(list, zip(*of, strict=True)), strict=True))
        elif there:
            of = [_merge(runs, scores, body, after) for body in bodies]
            ours = dict(zip(columns, map(list, zip(*of, strict=True)), strict=True))
        cells = [row["alpha_printed"] or "-", f"{k}+{n}", own if there else "-"]
        for name, column in zip(columns, ("test_accuracy", "test_loss", "training_accuracy"), strict=True):
            cells += [row[column], *ours[name]]
        trainable, total = _parameters(runs[0], after) if there else ("-", "-")
        rows.append([*cells, row["trainable_parameters"], trainable, row["total_parameters"], total])
    return header, rows


def _network(runs: Sequence[Run], body: str) -> tuple[str, str, str]:
    """The whole network, before anything is frozen."""
    facts = [run.facts for run in runs if run.knows == body]
    test, train = ([of[f"network_{name}_accuracy"] for of in facts] for name in ("test", "training"))
    return spread(test), "-", spread(train)


def _merge(runs: Sequence[Run], scores: pd.DataFrame, body: str, after: int) -> tuple[str, str, str]:
    of = scores[(scores["body"] == body) & (scores["rule"] == "balanced") & (scores["after"] == after)]
    of = of[of["on"] == ALL]
    training = [run.facts["training_accuracy"][after - 1] for run in runs if run.knows == body]
    return spread(of["accuracy"]), spread(of["loss"]), spread(training)


def _parameters(run: Run, after: int) -> tuple[str, str]:
    """Of the new classifier, and of the body with the merged one; of the network where nothing is merged."""
    if not after:
        total = str(run.facts["network_parameters"])
        return total, total
    features = len(run.learned.own[0].weights)
    new = (features + 1) * (run.config.tasks.classes + 1)
    merged = (features + 1) * (after * run.config.tasks.classes + 1)
    return str(new), str(run.facts["body_parameters"] + merged)


def spread(values: Sequence[float] | pd.Series) -> str:
    """Mean ± standard deviation; of one value, the value.

    Example:
        >>> spread([0.5, 0.7]), spread([0.25])
        ('0.600 ± 0.141', '0.250')
    """
    found = [float(value) for value in values]
    return f"{fmean(found):.3f} ± {stdev(found):.3f}" if len(found) > 1 else f"{found[0]:.3f}"


def alpha_note(count: int, classes: int) -> str:
    """The α of every merge of an experiment, for the text above a table."""
    return ", ".join(f"{balanced_alpha(task * classes, classes):.3g}" for task in range(1, count))
