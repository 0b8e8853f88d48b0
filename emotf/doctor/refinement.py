"""Guards of what is fitted after training, on development: post-processing, and late fusion."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from emotf.doctor.case import Case
from emotf.doctor.finding import Finding
from emotf.runs import Fusion

# The one partition that decides nothing; scores of others are asked for.
REPORTED = "test"


def scored(case: Case) -> Finding:
    """What a run was post-processed by was fitted on none of the recordings that are reported."""
    if case.run is None:
        return _chosen_and_reported(case, "nothing yet", ())
    tables = [table for table in (case.run.scores(), case.run.scores(postprocessed=True)) if table is not None]
    partitions = _partitions(tables)
    looked_at = f"scores of {', '.join(partitions)}" if partitions else "no scores yet"
    if not case.run.is_postprocessed:
        return _chosen_and_reported(case, looked_at, partitions)
    content = case.run.postprocessing
    if "recordings" not in content:
        unknown = f"on which recordings post-processing was fitted, only that it was on {content['fitted_on']}; fit it "
        unknown += "again to know."
        return Finding("scored", f"{looked_at}; post-processing", unknown=unknown)
    looked_at += f"; post-processing of {len(content['recordings'])} recordings"
    if found := _seen("post-processing", content["recordings"], case.place):
        return Finding("scored", looked_at, found)
    return _chosen_and_reported(case, looked_at, partitions)


def scored_fusion(fusion: Fusion, case: Case) -> Finding:
    """The weights of a late fusion were fitted on none of the recordings that it is reported on."""
    fitted_on = fusion.content["fitted_on"]["recordings"]
    partitions = _partitions([fusion.scores])
    looked_at = f"weights of {len(fitted_on)} recordings; scores of {', '.join(partitions)}"
    if found := _seen("late fusion", fitted_on, case.place):
        return Finding("scored", looked_at, found)
    return _chosen_and_reported(case, looked_at, partitions)


def _seen(what: str, fitted_on: Iterable[str], place: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"{what} was fitted on recording {name}, which is in {REPORTED}; fit it on development."
        for name in fitted_on
        if place.get(name) == REPORTED
    )


def _chosen_and_reported(case: Case, looked_at: str, partitions: Sequence[str]) -> Finding:
    """Scores of partitions that decided something: somebody asked for them."""
    protocol = case.experiment.data.protocol
    if protocol == "koprue2020":
        line = "development chooses the epoch and is reported, too"
        return Finding("scored", looked_at, (line,), f"data.protocol={protocol}")
    decided = [name for name in partitions if name != REPORTED]
    if not decided:
        return Finding("scored", looked_at)
    return Finding(
        "scored", looked_at, (f"{' and '.join(decided)} decided something, and is scored, too",), "--allow_seen"
    )


def _partitions(tables: Iterable[pd.DataFrame]) -> list[str]:
    return list(dict.fromkeys(name for table in tables for name in table["partition"]))
