"""Scores a finished run: CCC, PCC, RMSE, MAE and sign agreement a target, pooled and mean over recordings.

    python tools/evaluate.py --run=work/runs/emodb_mtl

The CCC has a 95 % bootstrap interval over subjects. Keeps traces and scores in the run, and plots the first recordings
with their running CCC. What scores lose where streams are missing, together (joined by +) and in all frames or a share:

    python tools/evaluate.py --run=work/runs/cer --missing=mfcc39 --missing=mfcc39+body_euler24:0.5
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
MISSING = flags.DEFINE_multi_string(
    "missing", [], "Streams that go missing together, stream+stream:share of frames; all frames without a share."
)
STRETCH = flags.DEFINE_float("missing_seconds", 5.0, "Mean seconds of the stretches in which they are missing.")
SEED = flags.DEFINE_integer("missing_seed", 0, "Decides, with recording and streams, where the stretches lie.")


def main(_):
    from emotf.evaluation import evaluate, evaluate_missing, plot
    from emotf.pipeline import parse_missing
    from emotf.report.tables import missing_table, score_table
    from emotf.runs import Run

    scored = Run(RUN.value)
    missing = parse_missing(MISSING.value, scored.experiment.streams, STRETCH.value, SEED.value)
    scores = evaluate(scored, PARTITION.value, SEEN.value, VARIANCE.value)
    print(score_table(scores, scored.about))
    if missing:
        without = evaluate_missing(scored, PARTITION.value, missing, SEEN.value, VARIANCE.value)
        print(f"\n{missing_table(without, scored.about)}\n")
    for path in plot(scored, PARTITION.value, PLOTS.value, RUNNING.value):
        print(path)


if __name__ == "__main__":
    run(main)
