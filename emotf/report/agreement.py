"""How far the raters of a corpus agree, and what each way to fuse them gives, for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from emotf.annotation import FUSIONS, Rated, agreement, agreement_of_raters, compare_fusions, rated_by_two, ratings_of
from emotf.errors import UserError
from emotf.files import written_aside
from emotf.measures import MEAN, POOLED
from emotf.progress import progress
from emotf.recording import Recording
from emotf.report.tables import markdown, number
from emotf.track import Track

# Columns as they are printed.
_MEASURES = {
    "ccc": "CCC of pairs", "ccc_min": "least", "ccc_max": "greatest",
    "pcc": "PCC of pairs", "pcc_min": "least", "pcc_max": "greatest",
    "others_ccc": "CCC with the others", "alpha": "alpha",
}  # fmt: skip
_RATERS = ("rater", "recordings", "constant", "rated", "mean", "sd",
           "CCC of pairs", "PCC of pairs", "CCC with the others", "PCC with the others")  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """What is known of the raters of one target.

    Attributes:
        ratings: recording -> [frames, raters].
        recordings, raters, fusions: the tables of `emotf.annotation`.
    """

    ratings: Mapping[str, Track]
    recordings: pd.DataFrame
    raters: pd.DataFrame
    fusions: pd.DataFrame


def study(corpus: Rated, recordings: Sequence[Recording]) -> dict[str, Agreement]:
    """Target -> agreement of its raters; a target that nowhere has two raters is left out.

    Raises:
        UserError: no target has two raters.
    """
    found = {}
    for target in progress(corpus.targets, "raters"):
        ratings = ratings_of(corpus, recordings, target)
        if rated_by_two(ratings):
            tables = agreement(ratings), agreement_of_raters(ratings), compare_fusions(ratings)
            found[target] = Agreement(ratings, *tables)
    if not found:
        raise UserError(f"None of {', '.join(corpus.targets)} has a recording with two raters; agreement needs two.")
    return found


def table(found: Mapping[str, Agreement]) -> str:
    """Agreement, raters and fusions of every target."""
    return "\n\n".join(_of_target(target, one) for target, one in found.items())


def write(found: Mapping[str, Agreement], folder: Path) -> list[Path]:
    """Writes agreement.csv (one row a target and recording), raters.csv and fusions.csv, each whole or not at all."""
    paths = []
    for name, attribute in (("agreement", "recordings"), ("raters", "raters"), ("fusions", "fusions")):
        parts = [getattr(one, attribute).assign(target=target) for target, one in found.items()]
        joined = pd.concat(parts, ignore_index=True)
        joined.insert(0, "target", joined.pop("target"))
        paths.append(folder / f"{name}.csv")
        with written_aside(paths[-1]) as aside:
            joined.to_csv(aside, index=False, float_format="%.6g")
    return paths


def _of_target(target: str, found: Agreement) -> str:
    # after the recordings, so that none of their ids can stand in their place
    rows = {row["recording"]: row for row in found.recordings.to_dict("records")}
    pool = rows[POOLED]
    over = [
        [
            place,
            *(number(rows[place][name]) for name in _MEASURES),
            rows[place]["alpha_frames"],
            rows[place]["undefined"],
        ]
        for place in (POOLED, MEAN)
    ]
    people = [
        [*row[:3], f"{row[3]:.1%}", *map(number, row[4:])]
        for row in found.raters.itertuples(index=False, name=None)
    ]  # fmt: skip
    fused = [[row[0], *map(number, row[1:])] for row in found.fusions.itertuples(index=False, name=None)]
    left_out = f"; constant traces, left out: {pool['constant']}" if pool["constant"] else ""
    title = f"{target}: {len(found.ratings)} recordings, {pool['raters']} raters, {pool['rated']:.1%} rated{left_out}"
    return (
        f"{title}\n\n"
        f"{markdown(['over', *_MEASURES.values(), 'its frames', 'undefined'], over)}\n\n"
        f"{markdown(_RATERS, people)}\n\n"
        f"gold standards of all recordings, and the CCC between those of two fusions\n\n"
        f"{markdown(['fusion', 'mean', 'sd', *(f'CCC {name}' for name in FUSIONS)], fused)}"
    )
