"""What the rules score: after each task on all classes so far and on each task, and what that sums up to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from emotf.continual.descent import probabilities
from emotf.continual.execution import Run
from emotf.continual.learning import Features, accuracy
from emotf.continual.linear import LinearClassifier, cosine_distance
from emotf.continual.rules import after_each_task
from emotf.continual.transfer import average_accuracy, backward_transfer, forgetting, forward_transfer

# Rows of `scored` that are of all classes so far, and not of a single task.
ALL = "all"

# Columns of `summary` that are means over seeds, in order.
MEASURES = ("accuracy", "known", "loss", "average", "forgetting", "backward", "distance")


def scored(runs: Sequence[Run], rules: Sequence[str], partition: str) -> pd.DataFrame:
    """A row a body, seed, rule, task `after` which it is (from 1), and what it is `on`: `all` so far, or task 1, 2, ...

    Columns `pictures`; `accuracy`, where `unknown` is an answer, and a wrong one; `known`, the same without that
    answer; on `all` also `loss`, cross-entropy in nats, `outputs` of the classifier, and `distance`, the cosine
    distance of its weights of the classes to the jointly trained ones.

    Args:
        runs: done.
        rules: names.
        partition: `dev` or `test`.
    """
    rows: list[dict[str, Any]] = []
    for run in runs:
        learned, features = run.learned, run.features(partition)
        for rule in rules:
            classifiers = after_each_task(rule, learned, run.config.margin)
            for after, (one, joint) in enumerate(zip(classifiers, learned.joint, strict=True), start=1):
                place = {"body": run.knows, "seed": run.seed, "rule": rule, "after": after}
                distance = cosine_distance(one.known().weights, joint.weights)
                rows.append(place | {"on": ALL} | _measured(one, features, range(one.classes), True)
                            | {"outputs": len(one.bias), "distance": distance})  # fmt: skip
                for task in range(after):
                    found = _measured(one, features, run.config.tasks.labels(task))
                    rows.append(place | {"on": str(task + 1)} | found)
    return pd.DataFrame(rows)


def _measured(one: LinearClassifier, features: Features, labels: range, loss: bool = False) -> dict[str, Any]:
    mine = np.isin(features.labels, labels)
    x, y = features.values[mine], features.labels[mine]
    found = {"pictures": len(y), "accuracy": accuracy(one, x, y), "known": accuracy(one.known(), x, y)}
    if loss:
        chosen = probabilities(one.scores(x).astype(np.float64))[np.arange(len(y)), y]
        found["loss"] = float(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean())
    return found


def matrix(scores: pd.DataFrame) -> np.ndarray:
    """R [tasks, tasks] of `emotf.continual.transfer`: of one body, seed and rule, or the mean over seeds."""
    single = scores[scores["on"] != ALL].assign(on=lambda rows: rows["on"].astype(int))
    return single.pivot_table(index="after", columns="on", values="accuracy").to_numpy()


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """A row a body and rule, after the last task: means over seeds of `MEASURES`, `<measure>_sd`, `seeds`, `outputs`.

    `average`, `forgetting` and `backward` are those of `emotf.continual.transfer`. The spread of one seed is NaN.
    """
    rows = []
    for (body, rule), of in scores.groupby(["body", "rule"], sort=False):
        found = pd.DataFrame([_of_one(part) for _, part in of.groupby("seed")])
        means = {name: value for key in MEASURES for name, value in
                 ((key, found[key].mean()), (f"{key}_sd", found[key].std(ddof=1)))}  # fmt: skip
        rows.append(
            {"body": body, "rule": rule, "seeds": len(found), "outputs": int(found["outputs"].iloc[0]), **means}
        )
    return pd.DataFrame(rows)


def _of_one(scores: pd.DataFrame) -> dict[str, Any]:
    last = scores[(scores["on"] == ALL) & (scores["after"] == scores["after"].max())].iloc[0]
    r = matrix(scores)
    return {name: last[name] for name in ("accuracy", "known", "loss", "distance", "outputs")} | {
        "average": average_accuracy(r), "forgetting": forgetting(r), "backward": backward_transfer(r),
    }  # fmt: skip


def forward(runs: Sequence[Run], partition: str) -> dict[str, tuple[float, float]]:
    """body -> the forward transfer of its features, mean and standard deviation over seeds."""
    found: dict[str, list[float]] = {}
    for run in runs:
        probed, untrained = (np.array(run.facts[name][partition]) for name in ("alone", "untrained"))
        found.setdefault(run.knows, []).append(forward_transfer(probed, untrained))
    return {body: (float(np.mean(of)), float(np.std(of, ddof=1)) if len(of) > 1 else float("nan"))
            for body, of in found.items()}  # fmt: skip


def sweep(runs: Sequence[Run], partition: str) -> pd.DataFrame:
    """A row a body, seed and α of the sweep: `accuracy` after the last task when every merge takes this α."""
    rows = []
    for run in runs:
        learned, features = run.learned, run.features(partition)
        for alpha in run.config.alphas:
            last = after_each_task(f"alpha-{alpha:g}", learned)[-1]
            found = _measured(last, features, range(last.classes))
            rows.append({"body": run.knows, "seed": run.seed, "alpha": alpha, "accuracy": found["accuracy"]})
    return pd.DataFrame(rows)
