"""Tables as Markdown."""

from collections.abc import Sequence
from typing import Any

import pandas as pd


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
        first = part.iloc[0]
        undefined = int(part["undefined"].max())
        rows.append([
            target, pooling, *(number(values[name]) for name in values), first["frames"], first["recordings"], undefined
        ])  # fmt: skip
    measures = [name.upper() for name in dict.fromkeys(scores["measure"])]
    title = f"{scores['partition'].iloc[0]}: {what_it_is(about)}"
    return f"{title}\n\n{markdown(['target', 'over', *measures, 'frames', 'recordings', 'undefined'], rows)}"


def number(value: float) -> str:
    """Three decimals, or `undefined`."""
    return "undefined" if pd.isna(value) else f"{value:.3f}"


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or (cell[:1] in "-+." and cell[1:2].isdigit()) or cell == "undefined"


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


def comparison_table(rows: pd.DataFrame, title: str) -> str:
    """MTL against STL as Markdown, with the legend that says what each number is."""
    folds, everything = [], []
    for row in rows.to_dict("records"):
        place = [row["target"], row["pooling"]]
        folds.append([
            *place,
            *(f"{number(row[name])} ± {number(row[f'{name}_sd'])}" for name in ("mtl", "stl")),
            f"{row['mtl_parameters']} / {row['stl_parameters']}",
            f"{row['mtl_seconds']:.0f} / {row['stl_seconds']:.0f}",
        ])  # fmt: skip
        scores = [
            " ".join(number(row[f"{name}_all_{measure}"]) for measure in ("ccc", "pcc", "rmse"))
            for name in ("mtl", "stl")
        ]
        interval = f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        everything.append([*place, *scores, interval])
    first = rows.iloc[0]
    undefined = int(rows["mtl_undefined"].sum() + rows["stl_undefined"].sum())
    return f"""{title}

CCC in each fold, mean ± standard deviation over {first["runs"]} runs a system (folds x seeds):

{markdown(["target", "over", "MTL", "STL", "parameters", "seconds a run"], folds)}

Undefined values left out: {undefined}. Parameters and seconds: MTL / STL of this target; one MTL run predicts all.

All {first["recordings"]} recordings tested in any fold together ({first["frames"]} rated frames), averaged over
seeds; the difference of CCC with its bootstrap interval over recordings:

{markdown(["target", "over", "MTL: CCC PCC RMSE", "STL: CCC PCC RMSE", "MTL - STL [95 %]"], everything)}
"""
