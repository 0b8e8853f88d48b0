"""What a comparison has before it: how many runs, how many are done, how long the rest takes; and a share of it."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from emotf.comparison.grid import Trial
from emotf.errors import UserError


def schedule(trials: Sequence[Trial]) -> pd.DataFrame:
    """A row a system.

    Returns:
        system; `runs` and how many are `done`; `seconds` of a run, the mean over the done runs of the system, or of all
        systems where it has none yet; `left`, seconds of the runs that are not done, one after the other. Both are NaN
        before the first run is done.
    """
    spent = [trial.run.about.get("training_seconds", np.nan) if trial.run.finished else np.nan for trial in trials]
    found = pd.DataFrame(
        {"system": [t.system for t in trials], "done": [t.done for t in trials], "seconds": spent}
    ).astype({"seconds": float})
    rows = found.groupby("system", sort=False, as_index=False).agg(
        runs=("done", "size"), done=("done", "sum"), seconds=("seconds", "mean")
    )
    rows["seconds"] = rows["seconds"].fillna(found["seconds"].mean())
    rows["left"] = rows["seconds"] * (rows["runs"] - rows["done"])
    return rows


def share(trials: Sequence[Trial], text: str) -> list[Trial]:
    """The part `2/3` of the trials: every third, from the second on. All parts together are all trials.

    Raises:
        UserError: the text is no such part.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    part, parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= part <= parts:
        raise UserError(f"--shard is one of 1/n ... n/n, received {text!r}.")
    return list(trials[part - 1 :: parts])
