"""Writes a finished run as one HTML file: what it is, its scores with intervals, and plots that zoom.

    python tools/report.py --run=work/runs/emodb_mtl

The page stands in the run as report.html; it needs no network and no other file, and can be sent to somebody. A
partition that was not scored yet is (see tools/evaluate.py).
"""

from pathlib import Path

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
PARTITION = flags.DEFINE_enum("partition", "test", ["test", "dev", "train"], "Which recordings to show.")
SEEN = flags.DEFINE_bool("allow_seen", False, "Also show a partition that was fitted on (train) or chose (dev).")
VARIANCE = flags.DEFINE_enum("variance", "population", ["population", "sample", "avec"], "How moments are divided.")
TRACES = flags.DEFINE_integer("traces", 12, "Recordings whose traces are in the page; 0 for all.", lower_bound=0)
OUT = flags.DEFINE_string("out", "", "The page; report.html in the run by default.")


def main(_):
    from emotf.errors import UserError
    from emotf.runs import Run

    reported, partition = Run(RUN.value), PARTITION.value
    path = Path(OUT.value) if OUT.value else reported.folder / "report.html"
    if path.suffix != ".html":
        raise UserError(f"--out={OUT.value} is the path of the page; let it end in .html.")
    from emotf.evaluation import DECIDED, evaluate, moments, refuse_seen, subjects_of
    from emotf.files import write_text
    from emotf.prediction import traces
    from emotf.report.html import run_page

    refuse_seen(partition, SEEN.value)
    scores = reported.scores()
    if scores is not None:
        scores = scores[(scores["partition"] == partition) & (scores["variance"] == VARIANCE.value)]
    if scores is None or scores.empty:
        scores = evaluate(reported, partition, SEEN.value, VARIANCE.value)
    golds, predictions = traces(reported, partition)
    scored = {
        target: {name: [part] for name, part in of.items() if part.count}
        for target, of in moments(golds, predictions).items()
    }
    subjects, decided = subjects_of(reported), DECIDED.get(partition, "")
    page = run_page(reported, partition, golds, predictions, scored, scores, subjects, TRACES.value, decided)
    write_text(path, page)
    print(path)


if __name__ == "__main__":
    run(main)
