"""Scores a finished run: CCC, PCC and RMSE a target, pooled and mean over recordings; keeps traces and scores.

python tools/evaluate.py --run=work/runs/emodb_mtl
"""

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
PARTITION = flags.DEFINE_enum("partition", "test", ["test", "dev", "train"], "Which recordings to score.")
SEEN = flags.DEFINE_bool("allow_seen", False, "Also score a partition that was fitted on (train) or chose (dev).")


def main(_):
    from emotf.evaluation import evaluate
    from emotf.report.tables import score_table
    from emotf.runs import Run

    scored = Run(RUN.value)
    scores = evaluate(scored, PARTITION.value, SEEN.value)
    print(score_table(scores, scored.about))


if __name__ == "__main__":
    run(main)
