"""Compares systems on equal footing: runs what is missing, skips what is done, prints one table.

    python tools/compare.py --config=configs/cer_mtl.py:emodb --out=work/compare/emodb --seeds=0,1,2

compares multi-task with single-task learning. Anything else is varied by --vary, once an axis:

    --vary=loss=mse,ccc,ccc:pool=sequence       a part by name, with fields that differ from its defaults (also model)
    --vary=window.frames=32,64,128              any field of the experiment
    --vary=window.frames/training.batch=32/64,64/32     fields that go together
    --vary=streams=mfcc39,mfcc39+body_euler24   streams of the recipe, joined by +
    --vary=targets=stl,mtl                      one run a target, or one for all (the default)

Writes comparison.md, comparison.csv, learning.csv and comparison.png (sweep.png where an axis has numbers) into --out,
and every run below it. With --stability=loss (or another axis) also stability.md, stability.csv and stability.png: how
far the CCC of each loss differs between seeds, in each fold and over all.
"""

from pathlib import Path

from absl import flags

import emotf.command
from emotf.command import define_config, experiment, integers, run

CONFIG = define_config()
OUT = flags.DEFINE_string("out", None, "Folder of the runs and of the table.", required=True)
VARY = flags.DEFINE_multi_string("vary", [], "An axis and its values, loss=mse,ccc; targets=stl,mtl by default.")
AGAINST = flags.DEFINE_string("against", "", "System that the others are measured against; the first by default.")
FOLDS = flags.DEFINE_list("folds", None, "Sessions to test, e.g. 0,1,2; all by default.")
SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds of weights and order, e.g. 0,1,2.")
STABILITY = flags.DEFINE_string("stability", "", "Axis whose values' spread over seeds is compared too, e.g. loss.")
VARIANCE = flags.DEFINE_enum("variance", "population", ["population", "sample", "avec"], "How moments are divided.")
WORKERS = flags.DEFINE_integer("workers", 1, "Runs at a time, one core each if more than one.", lower_bound=1)
flags.adopt_module_key_flags(emotf.command)


def main(_):
    from emotf import comparison
    from emotf.report import tables

    folds = integers(FOLDS.value, "folds") if FOLDS.value else None
    axes = comparison.parse(VARY.value) or comparison.MULTI_AGAINST_SINGLE
    wanted = experiment(CONFIG)
    trials = comparison.grid(wanted, axes, folds, integers(SEEDS.value, "seeds"), Path(OUT.value))
    reference = comparison.reference_of(trials, AGAINST.value)
    if STABILITY.value:
        comparison.check_repetitions(trials, STABILITY.value)
    comparison.execute(trials, WORKERS.value)
    about = tables.what_it_is(trials[0].run.about)
    title = f"{', '.join(axes)} on {wanted.corpus.name}: {about}"
    said = reference, VARIANCE.value, title, Path(OUT.value)
    reports = [comparison.report(trials, *said)]
    if STABILITY.value:
        reports.append(comparison.report_stability(trials, STABILITY.value, *said))
    print(*(table for table, _ in reports), sep="\n")
    print(*(path for _, written in reports for path in written), sep="\n")


if __name__ == "__main__":
    run(main)
