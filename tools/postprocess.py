"""Smooths, centres, scales or shifts the predictions of a finished run: fitted on development, reported on test.

    python tools/postprocess.py --run=work/runs/emodb_mtl --steps=smoothing,centring,scaling

A step is kept, target by target, only where it raises the pooled CCC on development. Steps take fields:
--steps=smoothing:direction=backward. What was learned goes to postprocessing.json, traces to postprocessed/ in the run;
tools/predict.py --postprocess applies it to recordings of your own.
"""

from absl import flags

from emotf.command import run

RUN = flags.DEFINE_string("run", None, "Folder of a finished run.", required=True)
STEPS = flags.DEFINE_list("steps", ["smoothing", "centring", "scaling"], "Steps in their order; also median and shift.")
PARTITION = flags.DEFINE_enum("partition", "test", ["test", "dev", "train"], "Which recordings to report.")
SEEN = flags.DEFINE_bool("allow_seen", False, "Also report a partition that was fitted on.")
VARIANCE = flags.DEFINE_enum("variance", "population", ["population", "sample", "avec"], "How moments are divided.")


def main(_):
    from emotf.recipes import part
    from emotf.refinement import postprocess
    from emotf.report.tables import refinement_table
    from emotf.runs import Run

    finished = Run(RUN.value)
    steps = [part("postprocessing", step) for step in STEPS.value]
    refined = postprocess(finished, steps, PARTITION.value, SEEN.value, VARIANCE.value)
    print(refinement_table(refined.chains, refined.before, refined.after, finished.about))
    print(finished.folder / "postprocessing.json")


if __name__ == "__main__":
    run(main)
