"""Guards of what is fitted after training, on development: post-processing, and late fusion."""

import pandas as pd

from emotf.doctor.case import Case
from emotf.doctor.finding import Finding
from emotf.runs import Fusion

# The partition that decides nothing.
REPORTED = "test"


def scored(case: Case) -> Finding:
    """What a run was post-processed by was fitted on none of the recordings that are reported."""
    run = case.run
    plain, refined = (_partitions(run.scores(postprocessed)) if run else [] for postprocessed in (False, True))
    looked_at = f"scores of {', '.join(plain)}" if plain else "no scores yet"
    if case.experiment.data.protocol == "koprue2020":
        line = "development chooses the epoch and is reported, too"
        return Finding("scored", looked_at, (line,), "data.protocol=koprue2020")
    if run is None or not run.is_postprocessed:
        return Finding("scored", looked_at)
    looked_at += f"; after post-processing: {', '.join(refined) or 'none'}"
    if "recordings" not in (content := run.postprocessing):
        unknown = f"which recordings of {content['fitted_on']} post-processing was fitted on; fit it again to know."
        return Finding("scored", looked_at, unknown=unknown)
    return _fitted("post-processing", content["recordings"], case, looked_at, refined)


def scored_fusion(fusion: Fusion, case: Case) -> Finding:
    """The weights of a late fusion were fitted on none of the recordings that it is reported on."""
    partitions = _partitions(fusion.scores)
    looked_at = f"scores of {', '.join(partitions)}"
    return _fitted("late fusion", fusion.content["fitted_on"]["recordings"], case, looked_at, partitions)


def _fitted(what: str, on: list[str], case: Case, looked_at: str, partitions: list[str]) -> Finding:
    """A leak where it was fitted on test; allowed where somebody asked for scores of what it was fitted on."""
    looked_at += f"; {what} of {len(on)} recordings"
    leaks = tuple(
        f"{what} was fitted on recording {name}, which is in {REPORTED}; fit it on development."
        for name in on
        if case.place.get(name) == REPORTED
    )
    if leaks:
        return Finding("scored", looked_at, leaks)
    seen = [name for name in partitions if any(case.place.get(recording) == name for recording in on)]
    asked = tuple(f"{what} was fitted on {name}, which is scored, too" for name in seen)
    return Finding("scored", looked_at, asked, "--allow_seen" if asked else "")


def _partitions(scores: pd.DataFrame | None) -> list[str]:
    return [] if scores is None else list(dict.fromkeys(scores["partition"]))
