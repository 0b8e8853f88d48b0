"""How late the raters rate: the delay under which a stream explains the gold standard best.

    python tools/delay.py --records=work/records/synthetic --stream=mfcc39 --out=work/delay/synthetic

Two ways, target by target: multiple correlation over train and development, and a ridge regression from train scored on
development (test is not touched). Says where a curve is flat or has its maximum at the border. A delay found here goes
into a recipe as --config.data.delay=<seconds>. Writes delay.csv and delay.png into --out.
"""

from pathlib import Path

from absl import flags

from emotf.command import run

RECORDS = flags.DEFINE_string("records", None, "Folder of one corpus's records.", required=True)
STREAM = flags.DEFINE_string("stream", None, "Name of the stream that should explain the ratings.", required=True)
FOLD = flags.DEFINE_integer("fold", None, "Fold over sessions; default: the corpus's own partitions, else fold 0.")
LONGEST = flags.DEFINE_float(
    "longest", 5.0, "Longest delay in seconds; every hop of the gold standard up to it is tried."
)
WINDOW = flags.DEFINE_float("window", 1.0, "Seconds of stream whose means and deviations explain a rating.")
OUT = flags.DEFINE_string("out", "", "Folder of table and picture; without it the table is only printed.")


def main(_):
    from emotf.records import Store
    from emotf.report import delay, figures, rater_figures

    curves = delay.curves(Store(RECORDS.value), STREAM.value, FOLD.value, LONGEST.value, WINDOW.value)
    print(delay.table(curves))
    if OUT.value:
        out = Path(OUT.value)
        delay.write(curves, out / "delay.csv")
        title = f"{Path(RECORDS.value).name}: gold standard explained by {STREAM.value}"
        figures.save(rater_figures.delays(curves, title), out / "delay.png")
        print(out / "delay.csv", out / "delay.png", sep="\n")


if __name__ == "__main__":
    run(main)
