"""Multi-task against single-task learning: runs what is missing, skips what is done, prints one table.

    python tools/compare.py --config=configs/cer_mtl.py:emodb --out=work/compare/emodb --seeds=0,1,2

Writes comparison.md, comparison.csv and comparison.png into --out, and every run below it.
"""

from pathlib import Path

from absl import flags

import emotf.command
from emotf.command import define_config, integers, run

CONFIG = define_config()
OUT = flags.DEFINE_string("out", None, "Folder of the runs and of the table.", required=True)
FOLDS = flags.DEFINE_list("folds", None, "Sessions to test, e.g. 0,1,2; all by default.")
SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds of weights and order, e.g. 0,1,2.")
WORKERS = flags.DEFINE_integer("workers", 1, "Runs at a time, one core each if more than one.", lower_bound=1)
flags.adopt_module_key_flags(emotf.command)


def main(_):
    from emotf import comparison
    from emotf.files import write_text, written_aside
    from emotf.report import figures, tables

    out = Path(OUT.value)
    folds = integers(FOLDS.value, "folds") if FOLDS.value else None
    trials = comparison.grid(CONFIG.value, folds, integers(SEEDS.value, "seeds"), out)
    comparison.execute(trials, WORKERS.value)
    rows = comparison.summarise(trials)
    about = trials[0].run.about
    title = f"MTL against STL on {trials[0].experiment.corpus.name}: {tables.what_it_is(about)}"
    table = tables.comparison_table(rows, title)
    write_text(out / "comparison.md", table)
    with written_aside(out / "comparison.csv") as aside:
        rows.to_csv(aside, index=False)
    figures.save(figures.comparison(rows, title), out / "comparison.png")
    print(table)
    for name in ("comparison.md", "comparison.csv", "comparison.png"):
        print(out / name)


if __name__ == "__main__":
    run(main)
