"""What became of the trials of a search, as rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotf.errors import UserError
from emotf.search.study import ATTEMPTS, Search, outcome

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def table(search: Search, trials: "Sequence[FrozenTrial]") -> pd.DataFrame:
    """A row a trial.

    Columns: `trial`, its number; `outcome`; `recipe`, whether it is the recipe as it is; `value`, of a trial that was
    trained to its end; `seen`, the best that the study was told of it, pruned trials included; `value_fold<k>`, where
    there are several; a column an axis, empty where the recipe lies outside the space; `epochs` and `seconds`; `run`,
    its folder, to which `_fold<k>` is added; `failed`, why it has no value.
    """
    several = len(search.folds) > 1
    own = {axis.axis: axis.own(search.experiment) for axis in search.space}
    rows = []
    for trial in trials:
        attrs, seen = trial.user_attrs, [value for value in trial.intermediate_values.values() if not np.isnan(value)]
        params = trial.params or (own if "recipe" in attrs else {})
        of_folds = attrs.get("folds", [np.nan] * len(search.folds))
        rows.append({
            "trial": trial.number,
            "outcome": outcome(trial),
            "recipe": "recipe" in attrs,
            "value": trial.value if outcome(trial) == "complete" else np.nan,
            "seen": search.sign * max(search.sign * value for value in seen) if seen else np.nan,
            **{f"value_fold{fold}": value for fold, value in zip(search.folds, of_folds, strict=True) if several},
            **{axis: params.get(axis) for axis in own},
            "epochs": sum(attrs.get("epochs", [])),
            "seconds": round(trial.duration.total_seconds(), 1) if trial.duration else np.nan,
            "run": search.run(attrs.get("first", trial.number), None).folder.name,
            "failed": _reason(trial),
        })  # fmt: skip
    return pd.DataFrame(rows)


def best_of(rows: pd.DataFrame, sign: int) -> pd.Series:
    """The best of the trials that were trained to their ends, the first of equals.

    Args:
        rows: of `table`.
        sign: 1 where more is better, else -1.

    Raises:
        UserError: there is none.
    """
    ended = rows[rows["outcome"] == "complete"].reset_index(drop=True)
    if not len(ended):
        reasons = [f"; trial {row['trial']}: {row['failed']}" for _, row in rows.iterrows() if row["failed"]]
        raise UserError(f"No trial was trained to its end{reasons[0] if reasons else '; run the same command again.'}")
    return ended.iloc[int((sign * ended["value"]).argmax())]


def _reason(trial: "FrozenTrial") -> str:
    if outcome(trial) != "failed":
        return ""
    return str(trial.user_attrs.get("failed", f"its process was killed {ATTEMPTS} times, perhaps for memory"))
