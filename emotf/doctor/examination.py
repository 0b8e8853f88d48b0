"""Who is examined by which guards."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from emotf.config import Experiment
from emotf.doctor.case import Case
from emotf.doctor.division import crossing, media, subjects
from emotf.doctor.finding import Finding
from emotf.doctor.fitting import features, standardisation
from emotf.doctor.ratings import edges
from emotf.doctor.refinement import scored, scored_fusion
from emotf.doctor.windows import windows
from emotf.pipeline import Selection, Standardisation
from emotf.prediction import selection as selected
from emotf.records import Store
from emotf.runs import Fusion, Run

GUARDS = (subjects, media, windows, edges, features, standardisation, scored)


def examine(experiment: Experiment, selection: Selection | None = None) -> list[Finding]:
    """All guards on an experiment that is not trained yet.

    Args:
        experiment: whose streams are extracted.
        selection: its gold standards, where they were read already.

    Returns:
        What each guard found; where a subject is in two places there are no partitions, and only that is found.

    Raises:
        UserError: the records lack something, or the experiment is impossible.
    """
    return _examined(experiment, selection)


def examine_fitted(
    experiment: Experiment, selection: Selection, standardised_by: Mapping[str, Standardisation]
) -> list[Finding]:
    """The guard of what an experiment is standardised by, between the fit and the first step of training."""
    return [standardisation(Case(experiment, selection, standardised_by))]


def examine_folder(folder: str | Path) -> list[Finding]:
    """`examine_run` or `examine_fusion`, whichever the folder holds."""
    fusion = Fusion(folder)
    return examine_fusion(fusion) if fusion.exists else examine_run(Run(folder))


def examine_run(run: Run) -> list[Finding]:
    """All guards on a run, as it was trained, post-processed and scored; as `examine` otherwise."""
    experiment = run.experiment
    run.check_records(Store(experiment.store).fingerprint(experiment.streams))
    return _examined(experiment, None, run)


def examine_fusion(fusion: Fusion) -> list[Finding]:
    """All guards on the runs of a fusion, whose names stand before theirs, and that of its weights."""
    found: list[Finding] = []
    for name, source in fusion.content["sources"].items():
        found += [replace(finding, guard=f"{name}: {finding.guard}") for finding in examine_folder(source)]
    experiment = Run(fusion.first_run).experiment
    return [*found, scored_fusion(fusion, Case(experiment, selected(experiment)))]


def _examined(experiment: Experiment, selection: Selection | None, run: Run | None = None) -> list[Finding]:
    if selection is None:
        before = crossing(Store(experiment.store))
        if before.found:
            return [before]
    case = Case(experiment, selection or selected(experiment), run.standardisation if run else None, run)
    return [guard(case) for guard in GUARDS]
