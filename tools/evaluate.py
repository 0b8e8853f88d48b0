"""Scores a finished run: CCC, PCC, RMSE, MAE and sign agreement a target, pooled and mean over recordings.

    python tools/evaluate.py --run=work/runs/emodb_mtl

The CCC has a 95 % bootstrap interval over subjects. Keeps traces and scores in the run, and plots the first recordings
with their running CCC.
"""

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
PARTITION = flags.DEFINE_enum("partition", "test", ["test", "dev", "train"], "Which recordings to score.")
SEEN = flags.DEFINE_bool("allow_seen", False, "Also score a partition that was fitted on (train) or chose (dev).")
VARIANCE = flags.DEFINE_enum(
    "variance", "population", ["population", "sample", "avec"],
    "How moments are divided: by n, by n - 1, or as the scorer of AVEC 2018/19 (sample variances, population "
    "covariance).",
)  # fmt: skip
PLOTS = flags.DEFINE_integer("plots", 2, "How many recordings to plot.", lower_bound=0)
RUNNING = flags.DEFINE_integer("running_frames", 100, "Frames of the running CCC in the plots.", lower_bound=2)


def main(_):
    from emotf.evaluation import evaluate, plot
    from emotf.report.tables import score_table
    from emotf.runs import Run

    scored = Run(RUN.value)
    scores = evaluate(scored, PARTITION.value, SEEN.value, VARIANCE.value)
    print(score_table(scores, scored.about))
    for path in plot(scored, PARTITION.value, PLOTS.value, RUNNING.value):
        print(path)


if __name__ == "__main__":
    run(main)
