"""Tables as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from emotf.measures import MEASURES
from emotf.postprocessing import Fitted
from emotf.progress import clock
from emotf.report.intervals import UNDEFINED, bracketed, difference, judged


def markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table, columns padded so that it reads as plain text too; numbers are aligned to the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    numeric = [all(_is_number(row[i]) for row in cells[1:]) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = (c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, widths, numeric, strict=True))
        return f"| {' | '.join(padded)} |"

    rule = "|".join("-" * (w + 1) + ":" if right else "-" * (w + 2) for w, right in zip(widths, numeric, strict=True))
    return "\n".join([line(cells[0]), f"|{rule}|", *map(line, cells[1:])])


def score_table(scores: pd.DataFrame, about: dict[str, Any]) -> str:
    """The scores of one partition of a run, with what its targets are."""
    rows = []
    for (target, pooling), part in scores.groupby(["target", "pooling"], sort=False):
        values = dict(zip(part["measure"], part["value"], strict=True))
        first = part.iloc[0]  # the CCC
        interval = bracketed(first["low"], first["high"])
        undefined = int(part["undefined"].max())
        numbers = [number(value) for value in values.values()]
        facts = [first["frames"], first["recordings"], undefined]
        rows.append([target, pooling, numbers[0], interval, *numbers[1:], *facts])
    measures = [name.upper() for name in dict.fromkeys(scores["measure"])]
    header = ["target", "over", measures[0], "95 % over subjects", *measures[1:], "frames", "recordings", "undefined"]
    title = f"{scores['partition'].iloc[0]}: {what_it_is(about)}; {protocol(scores['variance'].iloc[0])}"
    return f"{title}\n\n{markdown(header, rows)}"


def missing_table(scores: pd.DataFrame, about: dict[str, Any]) -> str:
    """What a run scores without some of its streams, and what it loses (`emotf.evaluation.missing_scores`)."""
    rows = []
    for (missing, target, pooling), part in scores.groupby(["missing", "target", "pooling"], sort=False):
        of = [(number(value), difference(*loss)) for value, *loss in part[["value", "loss", "low", "high"]].to_numpy()]
        rows.append([missing, target, pooling, *(cell for pair in of for cell in pair), int(part["undefined"].max())])
    measures = [cell for name in dict.fromkeys(scores["measure"]) for cell in (name.upper(), f"{name.upper()} lost")]
    header = ["missing", "target", "over", *measures, "undefined"]
    first = scores.iloc[0]
    return (
        f"{first['partition']} without streams, in all frames or a share of them, in stretches of {first['stretch']:g} "
        f"s in the mean, seed {first['seed']}: {what_it_is(about)}; {protocol(first['variance'])}; lost: from all "
        f"streams - without them, 95 % over subjects\n\n{markdown(header, rows)}"
    )


def refinement_table(
    chains: Mapping[str, Sequence[Fitted]], before: pd.DataFrame, after: pd.DataFrame, about: dict[str, Any]
) -> str:
    """What each step learned, whether it is kept, and the scores without and with the kept ones."""
    return (
        f"fitted on development, each step on what those before it leave\n\n{steps_table(chains)}\n\n"
        f"before: {score_table(before, about)}\n\nafter: {score_table(after, about)}"
    )


def steps_table(chains: Mapping[str, Sequence[Fitted]], of: str = "target") -> str:
    """What each step of post-processing learned; `of` says what the chains are of."""
    rows = [
        [
            name,
            type(item.step).__name__.lower(),
            ", ".join(f"{field.rstrip('_')} {value:.3g}" if isinstance(value, float) else f"{value}"
                      for field, value in item.step.learned.items()),
            number(item.before),
            number(item.after),
            "kept" if item.kept else "left out",
        ]
        for name, chain in chains.items()
        for item in chain
    ]  # fmt: skip
    return markdown([of, "step", "learned", "dev CCC before", "after", ""], rows)


def fusion_table(
    weights: Mapping[str, Mapping[str, float]],
    dev: Mapping[str, Mapping[str, float]],
    checks: Mapping[str, tuple[float, float, float]],
    scores: pd.DataFrame,
    about: dict[str, Any],
) -> str:
    """The weights of a fusion, how they hold on recordings that did not fit them, and the scores.

    Args:
        weights: target -> system -> weight, of those that are joined.
        dev: target -> system -> CCC on development, of all.
        checks: target -> CCC on the held-out recordings of development, of the fusion and of the best system, and of
            the fusion by leave-one-recording-out.
        scores: of the reported partition.
        about: of a run that was fused.
    """
    members = [
        [target, system, number(ccc), number(weights[target][system]) if system in weights[target] else "left out"]
        for target, of in dev.items()
        for system, ccc in of.items()
    ]
    checked = [[target, *map(number, values)] for target, values in checks.items()]
    return (
        f"{markdown(['target', 'system', 'dev CCC', 'weight'], members)}\n\n"
        f"{markdown(['target', 'held out: fusion', 'best system', 'leave one out'], checked)}\n\n"
        f"{score_table(scores, about)}"
    )


def protocol(variance: str) -> str:
    """How moments were divided, in words."""
    return {
        "population": "population variances",
        "sample": "sample variances (n - 1)",
        "avec": "AVEC scorer: sample variances, population covariance",
    }[variance]


def number(value: float) -> str:
    """Three decimals, or `undefined`."""
    return UNDEFINED if pd.isna(value) else f"{value:.3f}"


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or (cell[:1] in "-+." and cell[1:2].isdigit()) or cell == UNDEFINED


def what_it_is(about: dict[str, Any]) -> str:
    """What the targets of a run are, and whatever makes its scores other than they look."""
    found = [str(about["records"]["targets_are"])]
    if about["protocol"] == "koprue2020":
        found.append("chosen and reported on development")
    if about["shuffled_gold"]:
        found.append("CONTROL: trained on gold standards swapped between recordings")
    if about["dropped_recordings"]:
        found.append(f"{len(about['dropped_recordings'])} recordings dropped, which lack a target")
    found += [f"{len(ids)} recordings without {name}" for name, ids in about["recordings_lacking_a_target"].items()]
    return "; ".join(found)


def objective_of(about: dict[str, Any]) -> str:
    """The losses of a run with their weights, as a sum; choices that a loss was given by name stand in brackets."""
    terms = []
    for name, term in about["objective"].items():
        weight = term["weight"] if isinstance(term["weight"], str) else f"{term['weight']:.3g}"
        chosen = ", ".join(value for value in term["settings"].values() if isinstance(value, str))
        terms.append(f"{weight} x {term['loss']}{f' ({chosen})' if chosen else ''} of {name}")
    return " + ".join(terms)


def comparison_table(rows: pd.DataFrame, learning: pd.DataFrame, objectives: Mapping[str, str], title: str) -> str:
    """A comparison as Markdown, with the legends that say what each number is.

    Args:
        rows, learning: of `emotf.comparison`.
        objectives: system -> what it was trained by.
        title: says what is compared, on what.
    """
    folds, everything, training = [], [], []
    for row in rows.to_dict("records"):
        place = [row["target"], row["pooling"], row["system"]]
        cost = [
            f"{row[name]:.0f}" + (f" ({row[f'{name}_all']:.0f})" if row[f"{name}_all"] != row[name] else "")
            for name in ("parameters", "seconds")
        ]
        folds.append([*place, f"{number(row['ccc'])} ± {number(row['ccc_sd'])}", *cost])
        measures = [number(row[f"all_{name}"]) for name in (*MEASURES, "scale")]
        is_reference = row["system"] == row["reference"]
        differences = [
            "reference"
            if is_reference
            else judged(row[f"{prefix}difference"], row[f"{prefix}low"], row[f"{prefix}high"])
            for prefix in ("", "restored_")
        ]
        tested = ["-", "-"] if is_reference else [probability(row[name]) for name in ("p", "p_holm")]
        everything.append([*place, *measures, differences[0], *tested, number(row["restored_ccc"]), differences[1]])
    for row in learning.to_dict("records"):
        loss = f"{number(row['first_loss'])} to {number(row['last_loss'])} ({-row['fall']:+.0%})"
        dev = [number(row[name]) for name in ("dev_ccc", "dev_pcc", "lowest_dev_pcc")]
        training.append([row["system"], row["target"], f"{row['epochs']:.0f}", loss, *dev])
    first = rows.iloc[0]
    against = f"- {first['reference']} [95 %]"
    measure_names = [name.upper() for name in MEASURES]
    trained_by = "\n".join(f"- {system}: {objective}" for system, objective in objectives.items())
    return f"""{title}

{trained_by}

CCC in each fold, mean ± standard deviation over {first["runs"]} runs a system and target (folds x seeds):

{markdown(["target", "over", "system", "CCC", "parameters", "seconds"], folds)}

Undefined values left out: {int(rows["undefined"].sum())}. Parameters and seconds are those of the run that predicts
this target, in brackets those of all runs that predict all targets.

All {first["recordings"]} recordings tested in any fold together ({first["frames"]} rated frames), averaged over
seeds. Differences of CCC have their bootstrap interval over the {first["units"]} {first["unit"]}s, and the p of a
permutation test that swaps the two systems within {first["unit"]}s; p (Holm) is corrected for all differences of this
table with the same pooling. Scale: sd of predictions / sd of gold. Restored: predictions moved to mean and sd of the
gold standard, as fitted on development, run by run:

{markdown(["target", "over", "system", *measure_names, "scale", against, "p", "p (Holm)", "CCC restored",
           f"restored {against}"], everything)}

Training, mean over the runs: the objective from the first to the last epoch; development scores of the epoch that was
kept, and the lowest of any run:

{markdown(["system", "target", "epochs", "loss", "dev CCC", "dev PCC", "lowest"], training)}
"""  # fmt: skip


def probability(p: float) -> str:
    """A p value, three decimals, or `undefined`."""
    return UNDEFINED if pd.isna(p) else f"{p:.3f}" if p >= 0.001 else "<0.001"


def schedule_table(rows: pd.DataFrame, workers: int) -> str:
    """A comparison before it starts (`emotf.comparison.schedule`)."""
    runs, done, left = int(rows["runs"].sum()), int(rows["done"].sum()), rows["left"].sum(skipna=False)
    if done == runs:
        ahead = "nothing left to run"
    elif pd.isna(left):
        ahead = "how long, is known after the first"
    else:
        ahead = f"about {clock(left / workers)} of training left with --workers={workers}"
    lines = [[row["system"], row["runs"], row["done"], "-" if pd.isna(row["seconds"]) else f"{row['seconds']:.0f}"]
             for row in rows.to_dict("records")]  # fmt: skip
    return f"{runs} runs, {done} of them done; {ahead}\n\n{markdown(['system', 'runs', 'done', 's a run'], lines)}"
