"""What modality dropout saves where a modality is missing, and what it costs where none is.

    python benchmarks/missing_modality.py --runs=work/with/0,work/with/1 --against=work/without/0,work/without/1 \\
        --missing=resnet50+landmarks140:0.5

`--runs` and `--against` are finished runs of one recipe with and without it: repetitions (seeds), or folds and seeds,
on the same recordings. CCC, mean over repetitions; intervals are 95 % bootstrap over recordings, the same draws
for both groups. The loss is CCC from all streams - CCC without those that are missing; the ratio is that of the losses,
runs / against, and below 1 where dropout helps; the cost is CCC from all streams, against - runs.

`--instead` names runs that do without those streams, one for each of `--against`: the loss of who takes their
predictions wherever the streams are missing, and those of `--against` elsewhere. Little more can be had.
"""

from absl import flags

from emotf.command import run
from emotf.errors import UserError

RUNS = flags.DEFINE_list("runs", None, "Folders of finished runs, say with modality dropout.", required=True)
AGAINST = flags.DEFINE_list("against", None, "Folders of the runs they are measured against.", required=True)
MISSING = flags.DEFINE_string("missing", None, "stream+stream:share, as of tools/evaluate.py.", required=True)
INSTEAD = flags.DEFINE_list("instead", [], "Folders of runs without the missing streams, one for each of --against.")
PARTITION = flags.DEFINE_enum("partition", "test", ["test", "dev"], "Where; dev chose the epochs.")
STRETCH = flags.DEFINE_float("missing_seconds", 5.0, "Mean seconds of the stretches in which they are missing.")
SEED = flags.DEFINE_integer("missing_seed", 0, "Decides where the stretches lie.")


def main(_):
    from emotf.measures import MEAN, POOLED
    from emotf.report.tables import markdown
    from emotf.statistics import contrast, ratio

    runs, against = (systems(folders) for folders in (RUNS.value, AGAINST.value))
    if set(runs) != set(against):
        raise UserError(f"The two groups predict {', '.join(runs)} and {', '.join(against)}; compare one recipe.")
    if INSTEAD.value and len(INSTEAD.value) != len(AGAINST.value):
        raise UserError(f"--instead names {len(INSTEAD.value)} runs, expected one for each of {len(AGAINST.value)}.")
    switched = systems(AGAINST.value, INSTEAD.value) if INSTEAD.value else {}
    rows = []
    for target in runs:
        (whole, without), (whole_against, without_against) = runs[target], against[target]
        loss, loss_against = [(1, whole), (-1, without)], [(1, whole_against), (-1, without_against)]
        for pooling in (POOLED, MEAN):
            found = [
                contrast(loss, pooling),
                contrast(loss_against, pooling),
                ratio(loss, loss_against, pooling),
                contrast([(1, whole_against), (-1, whole)], pooling),
            ]
            if switched:
                before, after = switched[target]
                found.append(contrast([(1, before), (-1, after)], pooling))
            rows.append([target, pooling, *(f"{value:+.3f} [{low:+.3f}, {high:+.3f}]" for value, low, high in found)])
    print(f"{PARTITION.value} without {MISSING.value}; {len(RUNS.value)} runs, {len(AGAINST.value)} against them\n")
    names = ["target", "over", "loss of runs", "of against", "ratio", "cost with nothing missing"]
    print(markdown([*names, *(["loss of who switches"] if switched else [])], rows))


def systems(folders, instead=()):
    """target -> two systems, from all streams and without those that are missing, or with the runs `instead` there."""
    from dataclasses import replace

    import numpy as np

    from emotf.comparison import by_recording
    from emotf.evaluation import moments
    from emotf.pipeline import parse_missing
    from emotf.prediction import predict_missing, traces
    from emotf.progress import progress
    from emotf.runs import Run

    asked = [(Run(folder), parse_missing([MISSING.value], Run(folder).experiment.streams, STRETCH.value, SEED.value)[0])
             for folder in folders]  # fmt: skip
    whole, without = [], []
    for k, (finished, missing) in enumerate(progress(asked, "runs")):
        golds, predictions = traces(finished, PARTITION.value)
        whole.append(moments(golds, predictions))
        if instead:
            _, others = traces(Run(instead[k]), PARTITION.value)
            lost = {name: missing.lost(name, gold.clock)[:, None] for name, gold in golds.items()}
            predictions = {
                name: replace(
                    track, values=np.where(lost[name], others[name].select(track.channels).values, track.values)
                )
                for name, track in predictions.items()
            }
        else:
            _, (predictions,) = predict_missing(finished, PARTITION.value, [missing])
        without.append(moments(golds, predictions))
    found = {}
    for target in whole[0]:
        found[target] = tuple(by_recording([parts[target] for parts in group]) for group in (whole, without))
        if len({len(parts) for parts in found[target][0].values()}) > 1:
            raise UserError("Runs of a group score recordings unequally often; give as many of each fold.")
    return found


if __name__ == "__main__":
    run(main)
