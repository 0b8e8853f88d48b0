"""Late fusion: several finished runs become one system, target by target, by linear regression on development.

    python tools/fuse.py --runs=work/runs/speech,work/runs/body --out=work/fusions/both

Weights are learnt on development without its last recordings (--held_out), which check them, and applied to test. Runs
that tools/postprocess.py worked on count as it left them (--raw: as predicted). A fusion can be one of --runs.
Writes fusion.json, predictions, scores.csv and weights.png into --out.
"""

from pathlib import Path

from absl import flags

from emotf.command import run

RUNS = flags.DEFINE_list("runs", None, "Folders of finished runs or of fusions, with commas between.", required=True)
OUT = flags.DEFINE_string("out", None, "Folder of the fusion.", required=True)
METHOD = flags.DEFINE_enum(
    "method", "least_squares", ["least_squares", "ridge", "non_negative"], "How weights are fitted."
)
PENALTY = flags.DEFINE_float("penalty", 1.0, "Of ridge.", lower_bound=0.0)
THRESHOLD = flags.DEFINE_float("threshold", 0.1, "Systems below this CCC on development are left out.")
HELD_OUT = flags.DEFINE_integer("held_out", 1, "Recordings of development that check the weights.", lower_bound=1)
PARTITION = flags.DEFINE_enum("partition", "test", ["test", "dev", "train"], "Which recordings to report.")
SEEN = flags.DEFINE_bool("allow_seen", False, "Also report a partition that was fitted on.")
RAW = flags.DEFINE_bool("raw", False, "Take runs as predicted, without their post-processing.")
VARIANCE = flags.DEFINE_enum("variance", "population", ["population", "sample", "avec"], "How moments are divided.")


def main(_):
    from emotf.fusion import LinearFusion
    from emotf.refinement import fuse
    from emotf.report import figures
    from emotf.report.tables import fusion_table
    from emotf.runs import Fusion, Run

    out = Path(OUT.value)
    fusion = LinearFusion(METHOD.value, PENALTY.value)
    joined, scores = fuse(
        RUNS.value, out, fusion, THRESHOLD.value, HELD_OUT.value, PARTITION.value, SEEN.value, RAW.value, VARIANCE.value
    )
    weights = {target: one.weights for target, one in joined.items()}
    dev = {target: dict(one.dev_ccc) for target, one in joined.items()}
    checks = {target: (one.fused, one.best, one.leave_one_out) for target, one in joined.items()}
    print(fusion_table(weights, dev, checks, scores, Run(Fusion(out).first_run).about))
    figures.save(figures.weights(weights), out / "weights.png")
    print(out)


if __name__ == "__main__":
    run(main)
