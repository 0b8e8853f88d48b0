"""Compares systems on equal footing: runs what is missing, skips what is done, prints one table.

    python tools/compare.py --config=configs/cer_mtl.py:emodb --out=work/compare/emodb --seeds=0,1,2

compares multi-task with single-task learning. Anything else is varied by axes, after --vary or as plain words:

    --vary targets=stl,mtl loss=ccc,pcc,mse     one run a target, or one for all (the default); a part by name
    --vary loss=ccc,ccc:pool=sequence,tube      with fields that differ from its defaults (also model=)
    --vary window.frames=32,64,128              any field of the experiment
    --vary window.frames/training.batch=32/64,64/32     fields that go together
    --vary length=32,128                        frames of sequences end to end, with as many frames a batch
    --vary streams=mfcc39,mfcc39+body_euler24   streams of the recipe, joined by +
    --vary streams=multimodal,speech,body       or by what they are from: audio, video, body, physiology

All systems have the same folds, seeds and budget, unless an axis says otherwise. What is before it is printed first,
and nothing more with --dry_run. A grid may be spread over machines: --shard=1/3 on one of them, 2/3 and 3/3 on others,
runs/ brought together in one folder, and the same command without --shard there. A run that breaks stops no other; its
system is left out of the table and named, and the exit code is 1.

Writes into --out, and every run below it: comparison.html (tables that sort, traces that zoom, nothing from the
network), comparison.md, .csv, .tex and .png, learning.csv and .png, agreement.png (gold standard and prediction),
subjects.png, sweep.png where an axis has numbers, sizes.png where systems differ in size, and hparams/ for TensorBoard.
With --stability=loss (or another axis) also stability.md, .csv and .png: how far the CCC of each loss differs between
seeds, in each fold and over all.
"""

from pathlib import Path

from absl import flags

import emotf.command
from emotf.command import define_config, define_deterministic, experiment, integers, run

CONFIG = define_config()
DETERMINISTIC = define_deterministic()
OUT = flags.DEFINE_string("out", None, "Folder of the runs and of the table.", required=True)
VARY = flags.DEFINE_multi_string("vary", [], "An axis and its values, loss=mse,ccc; targets=stl,mtl by default.")
AGAINST = flags.DEFINE_string("against", "", "System that the others are measured against; the first by default.")
FOLDS = flags.DEFINE_list("folds", None, "Sessions to test, e.g. 0,1,2; all by default.")
SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds of weights and order, e.g. 0,1,2.")
UNIT = flags.DEFINE_enum("unit", "subject", ["subject", "recording"], "What is independent: intervals are over it.")
STABILITY = flags.DEFINE_string("stability", "", "Axis whose values' spread over seeds is compared too, e.g. loss.")
TRACES = flags.DEFINE_integer("traces", 12, "Recordings whose traces are in comparison.html; 0 for all.", lower_bound=0)
VARIANCE = flags.DEFINE_enum("variance", "population", ["population", "sample", "avec"], "How moments are divided.")
WORKERS = flags.DEFINE_integer("workers", 1, "Runs at a time, one core each if more than one.", lower_bound=1)
SHARD = flags.DEFINE_string("shard", "1/1", "Which part of the runs this machine does, e.g. 2/3.")
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Only say which runs there are, and how long they take.")
flags.adopt_module_key_flags(emotf.command)


def main(argv):
    from emotf import comparison
    from emotf.errors import UserError
    from emotf.progress import say
    from emotf.report import tables

    folder, wanted = Path(OUT.value), experiment(CONFIG, DETERMINISTIC.value)
    folds = integers(FOLDS.value, "folds") if FOLDS.value else None
    axes = comparison.parse([*VARY.value, *argv[1:]]) or comparison.MULTI_AGAINST_SINGLE
    trials = comparison.grid(wanted, axes, folds, integers(SEEDS.value, "seeds"), folder)
    reference = comparison.reference_of(trials, AGAINST.value)
    if STABILITY.value:
        comparison.check_repetitions(trials, STABILITY.value)
    mine = comparison.share(trials, SHARD.value)
    comparison.check(trials)
    ahead = tables.schedule_table(comparison.schedule(mine), WORKERS.value)
    if DRY_RUN.value:
        print(ahead)
        return
    say(ahead)
    broken = comparison.execute(mine, WORKERS.value)
    whole, lacking = comparison.whole(trials)
    if any(not trial.done and trial.name not in broken for trial in trials):
        print(f"shard {SHARD.value} is done; the table needs the other shards' runs in {folder / 'runs'}, too: bring "
              "them there and run this without --shard.")  # fmt: skip
    elif reference not in lacking:
        title = f"{', '.join(axes)} on {wanted.corpus.name}: {tables.what_it_is(whole[0].run.about)}"
        if lacking:
            title += f"; LEFT OUT, because a run broke: {', '.join(lacking)}"
        said = reference, VARIANCE.value, title, folder
        reports = [comparison.report(whole, *said, UNIT.value, TRACES.value)]
        if STABILITY.value:
            reports.append(comparison.report_stability(whole, STABILITY.value, *said))
        print(*(table for table, _ in reports), sep="\n")
        print(*(path for _, written in reports for path in written), sep="\n")
    if broken:
        listed = "; ".join(f"{name}: {reason}" for name, reason in broken.items())
        raise UserError(f"{len(broken)} of {len(mine)} runs broke: {listed}")


if __name__ == "__main__":
    run(main, words=True)
