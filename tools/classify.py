"""Trains classifiers of pictures, says how good they are, and keeps their bodies as extractors of features.

    python tools/classify.py --config=configs/ferplus.py:drawn_faces --out=work/classify/faces
    python tools/classify.py --config=configs/ferplus.py:ferplus --config.corpus.dir=FERPlus --out=work/classify/ferplus

Run it again to go on after a stop; what is finished stays. Pictures are written into shards first (--config.pictures),
once. Several systems, on the same pictures and seeds, beside each other and beside table 4.1 of Orgil (2022):

    python tools/classify.py --config=configs/ferplus.py:ferplus --config.corpus.dir=FERPlus --out=work/classify/all \\
        --vary network=resnet18,se_resnext50,densenet121 training.sampling=balanced,none --seeds=0,1,2

Writes into --out: classifiers.md, .html (tables that sort, confusion, mistakes, curves; nothing from the network), .tex
and .csv; and of every run, in <system>/seed<n>/, its network, answers, confusion matrix, most confident mistakes, and
body.keras, which the feature resnet50 takes as its weights: --config.streams.resnet50.weights=<run>/body.keras.
"""

from pathlib import Path

from absl import flags

import emotf.command
from emotf.command import define_config, define_deterministic, integers, run, settle

CONFIG = define_config(
    example="configs/ferplus.py:drawn_faces", overrides="--config.training.learning_rate=1e-4 --config.view.channels=3"
)
DETERMINISTIC = define_deterministic()
OUT = flags.DEFINE_string("out", None, "Folder of the runs and of the report.", required=True)
VARY = flags.DEFINE_multi_string("vary", [], "A field and its values, network=resnet18,resnet50; or none.")
SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds of weights, order, crops and flips, e.g. 0,1,2.")
PARTITION = flags.DEFINE_enum("partition", "test", ["test", "dev", "train"], "Which pictures to score.")
SEEN = flags.DEFINE_bool("allow_seen", False, "Also score a partition that was trained on (train) or chose (dev).")
MISTAKES = flags.DEFINE_integer("mistakes", 24, "Pictures in the gallery of mistakes.", lower_bound=1, upper_bound=200)
flags.adopt_module_key_flags(emotf.command)


def main(argv):
    from emotf.classification.config import Classification
    from emotf.classification.systems import runs
    from emotf.comparison.axes import parse
    from emotf.errors import UserError
    from emotf.evaluation import refuse_seen
    from emotf.progress import say

    if not isinstance(CONFIG.value, Classification):
        raise UserError("This recipe is not of classifiers of pictures; take configs/ferplus.py:drawn_faces.")
    settle(CONFIG.value.training, DETERMINISTIC.value)
    refuse_seen(PARTITION.value, SEEN.value)
    axes, seeds, folder = parse([*VARY.value, *argv[1:]]), integers(SEEDS.value, "seeds"), Path(OUT.value)
    found = runs(CONFIG.value.check(), axes, seeds, folder)

    from emotf.classification.reporting import report
    from emotf.classification.training import train

    for number, one in enumerate(found, start=1):
        say(f"run {number} of {len(found)}: {one.name}")
        train(one.config, one.run)
    said, paths = report(found, folder, PARTITION.value, SEEN.value, MISTAKES.value)
    print(said, *paths, sep="\n")


if __name__ == "__main__":
    run(main, words=True)
