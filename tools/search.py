"""Searches hyper-parameters on development, and writes the best as a recipe.

    python tools/search.py --config=configs/cer_mtl.py:emodb --out=work/search/emodb --trials=20

searches the learning rate (over a factor of 100 on either side of the recipe's, logarithmic) and the batch (half the
recipe's, the same, twice): they matter to every network, and act together. Anything else is named, once an axis:

    --space=training.learning_rate=1e-5..1e-2:log   a range of numbers, of equal ratios where it ends in :log
    --space=model.gru_units=3..20                   a range of whole numbers, where the field takes these
    --space=loss=ccc,pcc,mse                        a choice, of all that --vary of tools/compare.py takes
    --space=window.frames/training.batch=32/64,64/32    fields that go together

A trial is measured by what chooses epochs (training.select), in its best epoch, as the mean over --folds. The first one
is the recipe as it is. Test is not looked at. Killed, it goes on where it stopped when the same command is run again.
Several machines share one study by the same --storage: a database (mysql://..., postgresql://...), or a journal file in
a folder that all of them see; --trials counts those of all together. Writes search.md, search.png, trials.csv and
best.py, the recipe of the best trial: --config=<out>/best.py.
"""

import shlex
import sys
from pathlib import Path

from absl import flags

import emotf.command
from emotf.command import define_config, define_deterministic, experiment, integers, run

CONFIG = define_config()
DETERMINISTIC = define_deterministic()
OUT = flags.DEFINE_string("out", None, "Folder of the runs and of the report.", required=True)
TRIALS = flags.DEFINE_integer("trials", 20, "Trials of the whole study, whoever runs them.", lower_bound=1)
SPACE = flags.DEFINE_multi_string("space", [], "An axis: training.learning_rate=1e-5..1e-2:log; loss=ccc,pcc,mse.")
FOLDS = flags.DEFINE_list("folds", None, "Sessions to test, whose development measures; the recipe's by default.")
SEED = flags.DEFINE_integer("seed", None, "Seed of weights and order in all trials; the recipe's by default.")
PRUNER = flags.DEFINE_enum(
    "pruner", "median", ["median", "hyperband", "none"], "What ends trials that fall behind: the median of the others "
    "at the same epoch; Hyperband; nothing."
)  # fmt: skip
SAMPLER_SEED = flags.DEFINE_integer("sampler_seed", 0, "Seed of what is tried.", lower_bound=0)
STORAGE = flags.DEFINE_string("storage", "", "URL of a database, or a journal file; a file in --out by default.")
STUDY = flags.DEFINE_string("study", "search", "Name of the study in its storage.")
WORKERS = flags.DEFINE_integer("workers", 1, "Trials at a time, one core each if more than one.", lower_bound=1)
flags.adopt_module_key_flags(emotf.command)


def main(_):
    from emotf import search
    from emotf.config import to_json

    wanted = experiment(CONFIG, DETERMINISTIC.value).check()
    asked = search.Search(
        content=to_json(wanted),
        space=search.parse(SPACE.value, wanted),
        folds=tuple(integers(FOLDS.value, "folds")) if FOLDS.value else (wanted.data.fold,),
        seed=wanted.training.seed if SEED.value is None else SEED.value,
        trials=TRIALS.value,
        out=Path(OUT.value),
        storage=STORAGE.value,
        name=STUDY.value,
        pruner=PRUNER.value,
        sampler_seed=SAMPLER_SEED.value,
        command=shlex.join(["python", *sys.argv]),
    )
    table, written = search.report(asked, search.run_trials(asked, WORKERS.value))
    print(table, *written, sep="\n")


if __name__ == "__main__":
    run(main)
