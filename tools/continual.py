"""Learns new classes without pictures of the old ones, by merging the weights of classifiers (Orgil 2022, table 4.4).

    python tools/continual.py --config=configs/continual.py:digits --out=work/continual/digits --seeds=0,1,2,3,4

A network is trained and frozen: on all classes, as the thesis did, or on those of the first task. Every task trains a
linear classifier on its features, with one more output, unknown. Rules make one classifier of all, without any old
picture: blended by α, side by side, pruned, equalised; they lie between training anew on everything (joint) and
training on with new pictures only (finetuned).

digits needs no download. EMNIST and CIFAR-100 are read where you put them:

    python tools/continual.py --config=configs/continual.py:emnist --config.corpus.dir=EMNIST --out=work/emnist

Other tasks, other pictures for unknown, rows for any α: the docstring of configs/continual.py lists the options.
Runs are kept in <out>/<body>/seed<n>/: an interrupted command goes on, other rules (--config.rules, alpha-...) take
seconds, more seeds run only what is missing. Settings are chosen with --partition=dev, never on test.

Writes into --out: continual.md, .html (tables that sort, curves, heat maps; nothing from the network), .tex and .csv
(one row a body, seed, rule, task), continual_summary.csv, and curves, the sweep over α, transfer matrices and pictures
of the weights as .png.
"""

from pathlib import Path

from absl import flags

import emotf.command
from emotf.command import define_config, integers, run

CONFIG = define_config(
    example="configs/continual.py:digits", overrides="--config.training.decay=0.01 --config.body.epochs=30"
)
OUT = flags.DEFINE_string("out", None, "Folder of the runs and of the report.", required=True)
SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds of weights, order and pool, e.g. 0,1,2,3,4.")
PARTITION = flags.DEFINE_enum("partition", "test", ["test", "dev"], "What is reported.")
flags.adopt_module_key_flags(emotf.command)


def main(_):
    from emotf import continual
    from emotf.continual.config import Continual
    from emotf.errors import UserError

    config = CONFIG.value
    if not isinstance(config, Continual):
        raise UserError("This recipe is not of continual learning; take configs/continual.py:digits.")
    runs = continual.runs(config, integers(SEEDS.value, "seeds"), Path(OUT.value))
    continual.execute(runs)
    said, paths = continual.report(runs, Path(OUT.value), PARTITION.value)
    print(said, *paths, sep="\n")


if __name__ == "__main__":
    run(main)
