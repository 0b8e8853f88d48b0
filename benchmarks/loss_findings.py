"""What the papers found about losses, as contrasts of finished comparisons, each with its interval.

    python benchmarks/loss_findings.py --losses=work/compare/losses --lengths=work/compare/lengths

`--losses` is the --out of a tools/compare.py with `--vary=loss=...` (mse, pcc, ccc, mse_cov, mae, tube, non_inertial),
`--lengths` one with mse, ccc, ccc:pool=sequence, non_inertial and several lengths of sequences. Intervals are 95 %
bootstrap over recordings (`emotf.statistics.contrast`). A finding holds where its interval lies on its side of 0, does
not where it lies on the other, and is undecided else. Steadiness is the standard deviation that the CCC of a recording
has over seeds, of which there must be two or more, mean over recordings.
"""

from pathlib import Path

from absl import flags

from emotf.command import run
from emotf.errors import UserError
from emotf.report.tables import markdown

LOSSES = flags.DEFINE_string("losses", None, "Folder of a comparison of losses.", required=True)
LENGTHS = flags.DEFINE_string("lengths", None, "Folder of a comparison of losses and lengths of sequences.")

# loss, or loss and length -> target -> recording -> moments
Systems = dict[tuple[str, int], dict[str, dict[str, list]]]

NEEDED = ("mse", "pcc", "ccc", "mse_cov", "mae", "tube", "non_inertial")

# of a contrast on its finding's side of 0
SAID = {"higher": "holds", "lower": "does not", "undecided": "undecided"}


def systems(folder: Path) -> tuple[Systems, Systems]:
    """The systems of a comparison: as predicted, and moved to the scale that was fitted on development."""
    from emotf.comparison import Trial, by_recording, restored
    from emotf.runs import Run

    found: dict[tuple[str, int], list] = {}
    for path in sorted(folder.glob("runs/*/FINISHED")):
        finished = Run(path.parent)
        made = finished.experiment
        pool = ":pool=sequence" if getattr(made.loss, "pool", "batch") == "sequence" else ""
        trial = Trial({}, made.data.targets, made.data.fold, made.training.seed, made, finished)
        parts = trial.moments(trial.partition)
        key = (made.loss.name + pool, made.window.frames)
        found.setdefault(key, []).append((parts, restored(trial, parts)))
    if not found:
        raise UserError(f"{folder} holds no finished run (runs/*/FINISHED); make them with tools/compare.py.")
    raw, moved = (
        {
            key: {target: by_recording([pair[which][target] for pair in pairs]) for target in pairs[0][0]}
            for key, pairs in found.items()
        }
        for which in (0, 1)
    )
    return raw, moved


def main(_):
    from emotf.measures import POOLED
    from emotf.statistics import SPREAD, contrast, verdict

    raw, moved = systems(Path(LOSSES.value))
    frames = next(iter(raw))[1]
    of = {name: parts for (name, _), parts in raw.items()}
    moved_of = {name: parts for (name, _), parts in moved.items()}
    missing = [name for name in NEEDED if name not in of]
    if missing:
        raise UserError(f"{LOSSES.value} has no run of {', '.join(missing)}; make them with tools/compare.py.")
    claims = [
        # finding, source, its side of 0, pooling, terms
        ("ccc above pcc, at restored scale", "K", 1, POOLED, [(1, moved_of["ccc"]), (-1, moved_of["pcc"])]),
        ("pcc above mse, at restored scale", "K", 1, POOLED, [(1, moved_of["pcc"]), (-1, moved_of["mse"])]),
        ("ccc above mse", "K, C", 1, POOLED, [(1, of["ccc"]), (-1, of["mse"])]),
        ("mse_cov above mse", "C", 1, POOLED, [(1, of["mse_cov"]), (-1, of["mse"])]),
        ("mae less steady than mse", "C", 1, SPREAD, [(1, of["mae"]), (-1, of["mse"])]),
        ("tube less steady than mse", "C", 1, SPREAD, [(1, of["tube"]), (-1, of["mse"])]),
        ("non_inertial steadier than ccc", "O", -1, SPREAD, [(1, of["non_inertial"]), (-1, of["ccc"])]),
    ]
    if LENGTHS.value:
        swept = systems(Path(LENGTHS.value))[0]
        short, long = min(length for _, length in swept), max(length for _, length in swept)
        for name in ("ccc", "ccc:pool=sequence"):
            terms = [(1, swept["non_inertial", long]), (-1, swept["non_inertial", short])]
            terms += [(-1, swept[name, long]), (1, swept[name, short])]
            finding = f"non_inertial loses less than {name} from {long} to {short} frames"
            claims.append((finding, "O", -1, POOLED, terms))
    rows = []
    for finding, source, side, pooling, terms in claims:
        for target in terms[0][1]:
            value, low, high = contrast([(weight, system[target]) for weight, system in terms], pooling)
            said = SAID[verdict(*sorted((side * low, side * high)))]
            rows.append([finding, source, target, f"{value:+.3f} [{low:+.3f}, {high:+.3f}]", said])
    print(f"contrasts of pooled CCC, or of its spread over seeds; sequences of {frames} frames where not said\n")
    print(markdown(["finding", "source", "target", "contrast [95 %]", "verdict"], rows))


if __name__ == "__main__":
    run(main)
