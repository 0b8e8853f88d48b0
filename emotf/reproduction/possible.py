"""Why a corpus cannot have a system that a table asks for."""

from collections.abc import Sequence

from emotf.comparison import MULTI_AGAINST_SINGLE, Trial
from emotf.comparison.axes import TARGETS, applied
from emotf.config import Experiment
from emotf.errors import UserError
from emotf.prediction import selection
from emotf.recording import PARTITIONS
from emotf.records import Store
from emotf.reproduction.derived import Derived
from emotf.reproduction.table import Settings, System, Table


def impossible(table: Table, experiment: Experiment, system: Settings) -> str:
    """Why a corpus cannot have a system; empty where it can."""
    of_one = len({feature.medium for feature in experiment.streams.values()}) == 1
    if table.by_modality and of_one and system.get("streams") == "multimodal":
        return f"{experiment.corpus.name} has one modality here"
    try:
        made = applied(experiment, system)
        targets = experiment.data.targets or Store(experiment.store).targets
        single = system.get(TARGETS) == MULTI_AGAINST_SINGLE[TARGETS][0]
        if single and len(targets) < 2:
            return "there is but one target"
        for predicted in [(target,) for target in targets] if single else [targets]:
            made.losses(predicted)
    except UserError as error:
        return str(error).partition(" Did you mean")[0]  # nobody mistyped it
    return ""


def not_made(table: Table, trials: Sequence[Trial]) -> list[tuple[System, str]]:
    """The derived systems that partitions are too small for, with the reason."""
    derived = [system for system, _ in table.asked if isinstance(system, Derived)]
    without: list[tuple[System, str]] = []
    for trial in {trial.fold: trial for trial in trials}.values() if derived else ():
        golds = selection(trial.experiment).golds
        for system in derived:
            if len(golds["dev"]) < system.recordings:
                without.append((system, f"development has {len(golds['dev'])} recording, none can be held out"))
            elif system.part in PARTITIONS and not golds[system.part]:
                unused = trial.partition == "dev" and system.part == "test"
                why = "test stays unused but for --strict" if unused else f"{system.part} is not rated here"
                without.append((system, why))
    return without
