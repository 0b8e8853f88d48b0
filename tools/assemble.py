"""Builds a whole system by the plan of a recipe: chooses on development, fuses, scores on test.

    python tools/assemble.py --config=configs/avec2015_lstm.py:system,avec --config.experiment.corpus.dir=AVEC2015 \\
        --out=work/system

As Chen & Jin (2015): the size of each stream's network, the better of streams of one kind, all losses, streams that are
too weak dropped, smoothing, late fusion, early fusion of two kinds, and all of that fused again. Extracts records where
there are none. Run it again to go on after a stop. Fields of the plan (emotf/plan.py has them all):
--config.sizes=u80x60,u160x120 --config.losses=mse,ccc --config.threshold=0.1 --config.experiment.training.epochs=100

Writes system.md (what was chosen and why, scores), choices.csv, scores.csv and system.png into --out.
"""

from pathlib import Path

from absl import flags

import emotf.command
from emotf.command import define_config, run

CONFIG = define_config()
OUT = flags.DEFINE_string("out", None, "Folder of the system, its runs and fusions.", required=True)
WORKERS = flags.DEFINE_integer("workers", 1, "Runs at a time, one core each if more than one.", lower_bound=1)
flags.adopt_module_key_flags(emotf.command)


def main(_):
    from emotf import assembly
    from emotf.errors import UserError
    from emotf.plan import Plan

    if not isinstance(CONFIG.value, Plan):
        raise UserError(
            "This recipe describes one experiment, no whole system; try configs/avec2015_lstm.py:system,avec."
        )
    systems = assembly.assemble(CONFIG.value, Path(OUT.value), WORKERS.value)
    text, written = assembly.report(systems, Path(OUT.value))
    print(text)
    for system in systems:
        print(f"{system.target}: {system.chosen} ({system.candidates[system.chosen]})")
    for path in written:
        print(path)


if __name__ == "__main__":
    run(main)
