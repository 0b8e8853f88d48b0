"""A system of tools/assemble.py in several folds as one table, as tables 4, 10, 11 of Chen & Jin (2015), with checks.

    for k in 0 1 2 3 4; do
        python tools/assemble.py --config=configs/avec2015_lstm.py:system,emodb --config.experiment.data.fold=$k \\
            --out=work/system/emodb/fold$k --workers=2
    done
    python benchmarks/system_findings.py --systems=work/system/emodb

Prints, target by target: test CCC of every stream and loss as mean ± sd over folds, beside a floor on the same stream
(ridge regression on feature images of 20 frames, 0.16 s apart, penalty chosen on dev, predictions moved to mean and
spread of train's gold standard, the same z-scores); what smoothing changes; and late fusion: on the recordings of dev
that fitted its weights, on those held out, and on test, beside its best input. Then what of it holds in every fold.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from absl import flags

from emotf.command import run
from emotf.errors import UserError

SYSTEMS = flags.DEFINE_string("systems", None, "Folder of fold0, fold1, ...: each a --out.", required=True)
FRAMES = flags.DEFINE_integer("frames", 20, "Frames of the feature images of the floor.", lower_bound=2)
STRIDE = flags.DEFINE_float("stride", 0.16, "Seconds between them.")


def main(_):
    from emotf.report.tables import markdown

    folders = sorted(path for path in Path(SYSTEMS.value).glob("fold*") if path.is_dir())
    if not folders:
        raise UserError(f"{SYSTEMS.value} holds no fold0, fold1, ...; make them with tools/assemble.py.")
    for target in dict.fromkeys(pd.read_csv(folders[0] / "scores.csv")["target"]):
        singles = pd.DataFrame([row for folder in folders for row in of_runs(folder, target)])
        fusions = pd.DataFrame([of_fusion(folder, target) for folder in folders])
        print(f"\n## {target}, {len(folders)} folds, mean ± sd\n")
        print(markdown(["stream", "loss", "dev CCC", "test CCC", "smoothed", "floor", "- floor"], table(singles)))
        names = [name for name in fusions.columns if name != "fold"]
        print(f"\n{markdown(names, [[cell(fusions[name]) for name in names]])}\n")
        print("\n".join(findings(singles, fusions)))


def of_runs(folder, target):
    """A row a single-stream run of a fold."""
    from _ridge import FLOOR, Baseline

    from emotf.evaluation import score, value
    from emotf.progress import say
    from emotf.runs import Run
    from emotf.windows.feature_images import FeatureImages

    floors = {}
    for path in sorted((folder / "runs").glob(f"{target}_*")):
        finished = Run(path)
        experiment, scores = finished.experiment, finished.scores()
        if len(experiment.streams) > 1:
            continue
        (stream,) = experiment.streams
        if stream not in floors:
            say(f"floor of {stream} for {target} in {folder.name}")
            ridge = Baseline(experiment, FeatureImages(FRAMES.value, STRIDE.value))
            found = score(ridge.chosen.partition("test"), ridge.predictions("test")[FLOOR], "test")
            floors[stream] = value(found, target)
        smoothed = finished.scores(postprocessed=True)
        yield {
            "fold": folder.name,
            "stream": stream,
            "loss": experiment.loss.name,
            "dev": value(scores[scores["partition"] == "dev"], target),
            "test": value(scores[scores["partition"] == "test"], target),
            "smoothed": np.nan if smoothed is None else value(smoothed, target),
            "floor": floors[stream],
        }


def of_fusion(folder, target):
    """Late fusion of a fold, and its best input by development."""
    from emotf.evaluation import value
    from emotf.runs import Fusion, Run

    fusion = Fusion(folder / "fusions" / f"{target}_late")
    of = fusion.content["targets"][target]
    best = max(of["weights"], key=lambda name: of["dev_ccc"][name])
    inputs = Run(fusion.content["sources"][best]).scores(postprocessed=True)
    return {
        "fold": folder.name,
        "held out: fusion": of["held_out_ccc"]["fusion"],
        "best input": of["held_out_ccc"]["best_system"],
        "leave one out": of["leave_one_out_ccc"],
        "test: fusion": value(pd.read_csv(fusion.folder / "scores.csv"), target),
        "input best on dev": value(inputs, target),
    }


def table(singles):
    rows = []
    for (stream, loss), part in singles.groupby(["stream", "loss"], sort=False):
        cells = [cell(part[name]) for name in ("dev", "test", "smoothed", "floor")]
        rows.append([stream, loss, *cells, f"{(part['test'] - part['floor']).mean():+.3f}"])
    return rows


def findings(singles, fusions):
    """Yes or no, with the folds where not."""
    for (stream, loss), part in singles.groupby(["stream", "loss"], sort=False):
        yield f"- {stream} {loss} beats its floor, mean over folds: {verdict(part['test'] > part['floor'], part)}"
    worse = fusions["held out: fusion"] < fusions["best input"] - 0.01
    folds = ", ".join(map(str, fusions["fold"][worse]))
    where = f"not in {folds}" if folds else "in every fold"
    yield f"- CCC of the fusion on held-out recordings at least the best input's - 0.01: {where}"
    wide = singles.pivot_table(index=["fold", "stream"], columns="loss", values="test")
    if {"ccc", "mse"} <= set(wide.columns):
        lower = [" ".join(place) for place in wide[wide["ccc"] < wide["mse"]].index]
        where = f"; not in {', '.join(lower)}" if lower else ""
        yield f"- ccc at least mse on test: {len(wide) - len(lower)} of {len(wide)}{where}"


def verdict(holds, part):
    mean = (part["test"] - part["floor"]).mean()
    return f"{'yes' if mean > 0 else 'no'} ({mean:+.3f}; in {int(holds.sum())} of {len(holds)} folds)"


def cell(values):
    return f"{values.mean():.3f} ± {values.std(ddof=0):.3f}"


if __name__ == "__main__":
    run(main)
