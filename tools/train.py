"""Trains one run from records; goes on where it stopped when it was interrupted.

python tools/train.py --config=configs/cer_mtl.py:emodb --run=work/runs/emodb_mtl
"""

from absl import flags

import emotf.command
from emotf.command import define_config, define_deterministic, experiment, run

CONFIG = define_config()
DETERMINISTIC = define_deterministic()
RUN = flags.DEFINE_string("run", None, "Folder of the run (weights, history, TensorBoard).", required=True)
flags.adopt_module_key_flags(emotf.command)


def main(_):
    from emotf.runs import Run
    from emotf.training import train

    train(experiment(CONFIG, DETERMINISTIC.value), Run(RUN.value))
    print(f"run: {RUN.value}")


if __name__ == "__main__":
    run(main)
