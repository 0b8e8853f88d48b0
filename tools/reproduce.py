"""Runs what a printed table needs on the corpus that you have, and prints the publication's figures beside yours.

    python tools/reproduce.py --list
    python tools/reproduce.py --table=koprue2020_table3
    python tools/reproduce.py --table=koprue2020_table3 --corpus=emodb --seeds=0,1,2 --workers=2 --strict
    python tools/reproduce.py --table=chen2015_table4 --corpus=avec --set=corpus.dir=AVEC2015

By default as the publication did it: most chose epochs on the very recordings that they report, and the header says so.
--strict reports on recordings that chose nothing. Without --corpus the table's own default is taken, without a folder
of a licensed corpus its twin: both are SYNTHETIC, and the header says that, too.

--only=<column>=<value>,<value> keeps some rows, and the runs that these need; given twice, both must hold:

    python tools/reproduce.py --table=orgil2021_table5 "--only=network=Full Network" --only=sequence_length=32,128

--set=<field>=<value> changes any field of the experiment, training.epochs=30 (into a folder of its own: --out), or
streams.resnet50.weights=random, with which films are tried out where ImageNet's weights cannot be fetched. What is
done is kept, so that an interrupted command goes on, and tables of one publication share their runs. Writes <table>.md,
.csv, .tex and .html, and the findings of the publication with their intervals.
"""

from absl import flags

import emotf.command
from emotf.command import integers, run

TABLE = flags.DEFINE_list("table", [], "Tables, by the names that --list gives; several with commas.")
LIST = flags.DEFINE_bool("list", False, "Say which tables there are, which are ready, and what each needs.")
CORPUS = flags.DEFINE_string("corpus", "", "Corpus of the table's recipe; the first that --list names by default.")
ONLY = flags.DEFINE_multi_string("only", [], "Some rows, network=Audio Network,Pose Network: a column, its values.")
SET = flags.DEFINE_multi_string("set", [], "A field of the experiment, corpus.dir=RECOLA or training.epochs=30.")
STRICT = flags.DEFINE_bool("strict", False, "Report on test, which chose nothing.")
SMOKE = flags.DEFINE_bool("smoke", False, "One epoch on a tiny corpus: does it run? Says nothing else.")
FOLDS = flags.DEFINE_list("folds", None, "Sessions to report, e.g. 0,1; by default all, or those the table takes.")
SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds of weights and order, e.g. 0,1,2.")
OUT = flags.DEFINE_string("out", "", "Folder of runs and table; work/reproduce/<corpus>_<recipe> by default.")
UNIT = flags.DEFINE_enum("unit", "subject", ["subject", "recording"], "What is independent: intervals are over it.")
VARIANCE = flags.DEFINE_enum("variance", "population", ["population", "sample", "avec"], "How moments are divided.")
WORKERS = flags.DEFINE_integer("workers", 1, "Runs at a time, one core each if more than one.", lower_bound=1)
SHARD = flags.DEFINE_string("shard", "1/1", "Which part of the runs this machine does, e.g. 2/3.")
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Only say which runs there are, and how long they take.")
flags.adopt_module_key_flags(emotf.command)


def main(_):
    from emotf import comparison, reproduction
    from emotf.errors import UserError
    from emotf.progress import say
    from emotf.report import tables

    if LIST.value:
        print(reproduction.listing())
        return
    if not TABLE.value:
        raise UserError("Name a table: --table=koprue2020_table3; --list names all.")
    folds = integers(FOLDS.value, "folds") if FOLDS.value else None
    seeds = integers(SEEDS.value, "seeds")
    for name in TABLE.value:
        prepared = reproduction.prepare(
            name, CORPUS.value, SET.value, STRICT.value, SMOKE.value, folds, seeds, OUT.value, ONLY.value
        )
        mine = comparison.share(prepared.trials, SHARD.value)
        comparison.check(prepared.trials)
        ahead = tables.schedule_table(comparison.schedule(mine), WORKERS.value)
        if DRY_RUN.value:
            print(ahead)
            continue
        say(ahead)
        comparison.required(comparison.execute(mine, WORKERS.value))
        if all(trial.done for trial in prepared.trials):
            said, paths = reproduction.report(prepared, VARIANCE.value, UNIT.value)
            print(said, *paths, sep="\n")
        else:
            print(f"shard {SHARD.value} of {name} is done; the table needs the runs of the others, too")


if __name__ == "__main__":
    run(main)
