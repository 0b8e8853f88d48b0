"""The floor under CER on a corpus: ridge regression on the very same feature images.

    python benchmarks/floor.py --config=configs/cer_mtl.py:emodb
    python benchmarks/floor.py --config=configs/cer_mtl.py:emodb --against=work/compare/emodb

The records must be there (tools/extract.py). In every fold a linear map from all N x P values of a feature image to
each target is fitted on train in closed form; the penalty is the one with the best mean CCC (pooled, over the targets)
on dev. Least squares shrinks what it cannot predict, which CCC punishes: the floor has its predictions moved to mean
and spread of train's gold standard, so that it knows the scale as CER does; they are shown unscaled too.

Prints CCC, pooled and mean over recordings, as mean ± standard deviation over folds. With `--against`, the folder of a
tools/compare.py --out, also that of the MTL runs found there (over folds and seeds), and CER - floor over all
recordings with its bootstrap interval. Emodb takes half a minute, two more with `--against`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import flags

import emotf.command
from emotf.command import define_config, integers, run
from emotf.errors import UserError

if TYPE_CHECKING:
    from emotf.comparison import Trial

CONFIG = define_config()
FOLDS = flags.DEFINE_list("folds", None, "Sessions to test, e.g. 0,1,2; all by default.")
AGAINST = flags.DEFINE_string("against", None, "Folder of a tools/compare.py --out.")
flags.adopt_module_key_flags(emotf.command)

# What has to be the same in a run for its scores to stand beside this floor.
SHARED = ("corpus", "streams", "data", "window")


def main(_):
    from _ridge import FLOOR, PENALTIES, UNSCALED, Baseline

    from emotf.evaluation import moments, score, value
    from emotf.measures import MEAN, POOLED
    from emotf.progress import progress
    from emotf.report.tables import markdown

    mtl = trials()
    folds = {trial.fold: trial for trial in mtl}
    scores: dict[str, list[Any]] = {FLOOR: [], UNSCALED: []}
    scored, chosen, targets = {}, [], ()
    for fold, trial in progress(list(folds.items()), "folds"):
        ridge = Baseline(trial.experiment)
        targets, golds = ridge.chosen.targets, ridge.chosen.partition(trial.partition)
        predictions = ridge.predictions(trial.partition)
        for kind, found in predictions.items():
            scores[kind].append(score(golds, found, trial.partition))
        scored[fold] = moments(golds, predictions[FLOOR])
        chosen.append(f"{PENALTIES[ridge.best[FLOOR]]:.1g} ({PENALTIES[ridge.best[UNSCALED]]:.1g} unscaled)")

    rows = []
    for target in targets:
        for pooling in (POOLED, MEAN):
            rows.append([target, pooling])
            for kind in scores:
                rows[-1].append(spread([value(table, target, "ccc", pooling) for table in scores[kind]]))
            if AGAINST.value:
                rows[-1] += against(mtl, scored, target, pooling)
    header = ["target", "CCC over", "ridge, rescaled (floor)", "ridge, unscaled"]
    print(markdown(header + (["CER-MTL", "CER - floor [95 %]"] if AGAINST.value else []), rows))
    print(f"\n{len(folds)} folds, {len(mtl) if AGAINST.value else 'no'} MTL runs; penalties: {', '.join(chosen)}")


def trials() -> "list[Trial]":
    """The MTL runs to compare with, all folds and seeds; without --against one a fold that was never run."""
    from emotf import comparison
    from emotf.config import to_json

    folder, seeds = Path(AGAINST.value or "."), [0]
    folds = integers(FOLDS.value, "folds") if FOLDS.value else None
    if AGAINST.value:
        seeds = sorted({int(path.name.rpartition("seed")[2]) for path in folder.glob("runs/mtl_fold*_seed*")})
        if not seeds:
            raise UserError(f"{folder} holds no MTL run (runs/mtl_fold*_seed*); make them with tools/compare.py.")
    mtl = comparison.grid(CONFIG.value, {"targets": ("mtl",)}, folds, seeds, folder)
    for trial in mtl if AGAINST.value else []:
        if not trial.done:
            raise UserError(f"{trial.run.folder} is not there or not scored; finish tools/compare.py or give --folds.")
        mine, theirs = to_json(trial.experiment), to_json(trial.run.experiment)
        for name in SHARED:
            if mine[name] != theirs[name]:
                raise UserError(f"{trial.run.folder} has another {name}: {theirs[name]}; --config says {mine[name]}.")
    return mtl


def against(mtl: "list[Trial]", scored: dict[Any, Any], target: str, pooling: str) -> list[str]:
    """Two cells: CCC of the MTL runs, and CER - floor with its interval; the floor is the same for every seed."""
    from emotf.comparison import by_recording
    from emotf.statistics import overall, paired_bootstrap

    parts = [trial.moments(trial.partition)[target] for trial in mtl]
    cer, floor = by_recording(parts), by_recording([scored[trial.fold][target] for trial in mtl])
    difference, low, high = paired_bootstrap(cer, floor, pooling)
    values = [overall(by_recording([part]), pooling) for part in parts]
    return [spread(values), f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]"]


def spread(values: list[float]) -> str:
    """Mean and standard deviation over folds (and seeds)."""
    return f"{np.nanmean(values):.3f} ± {np.nanstd(values):.3f}"


if __name__ == "__main__":
    run(main)
