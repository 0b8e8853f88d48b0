"""The study of a search: what it is about, which trial comes next, and what became of each.

States of Optuna are used so: COMPLETE and PRUNED as they are; PRUNED with a reason `failed` for a trial that could not
be trained to an end, so that the sampler learns to avoid its settings; FAIL for one whose process was killed. Only the
last counts for nothing: its settings are tried again.
"""

import contextlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotf.config import CRITERIA, Experiment, from_json, replaced
from emotf.errors import UserError
from emotf.files import read_json, write_json
from emotf.progress import say
from emotf.records import Store
from emotf.run_folder import difference
from emotf.runs import Run
from emotf.search.alive import alone, is_dead
from emotf.search.space import Axis
from emotf.search.storage import open_storage

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.trial import FrozenTrial, Trial

PRUNERS = ("median", "hyperband", "none")

# A trial that is killed so often is given up: perhaps it is what kills its process (memory).
ATTEMPTS = 3


@dataclass(frozen=True)
class Search:
    """What is asked for; a worker gets it from the process that starts it.

    Attributes:
        content: of the experiment, as JSON.
        space: what is searched.
        folds: a trial is measured by the mean over them; None: the partitions that the corpus fixes, or fold 0.
        seed: of weights and order, the same in all trials.
        trials: of the whole study, whoever runs them.
        out: folder of runs and reports.
        storage: a URL of SQLAlchemy, or the path of a journal file; empty: the file study.db in `out`.
        name: of the study.
        pruner: one of `PRUNERS`.
        sampler_seed: of the proposals.
        command: that asked for it.
    """

    content: dict[str, Any]
    space: tuple[Axis, ...]
    folds: tuple[int | None, ...]
    seed: int
    trials: int
    out: Path
    storage: str = ""
    name: str = "search"
    pruner: str = "median"
    sampler_seed: int = 0
    command: str = ""

    @property
    def experiment(self) -> Experiment:
        """A copy of it."""
        found: Experiment = from_json(self.content)
        return found

    @property
    def place(self) -> str:
        """Where the study is."""
        return self.storage or f"sqlite:///{self.out / 'study.db'}"

    @property
    def criterion(self) -> str:
        """By what trials are measured, on development."""
        return self.experiment.training.select

    @property
    def sign(self) -> int:
        """1 where more of the criterion is better, else -1."""
        return 1 if CRITERIA[self.criterion] == "max" else -1

    def of_folds(self, experiment: Experiment) -> list[Experiment]:
        """The experiment in every fold."""
        targets = experiment.data.targets or Store(experiment.store).targets
        return [replaced(experiment, targets, fold, self.seed) for fold in self.folds]

    def run(self, number: int, fold: int | None) -> Run:
        """Where a trial is trained in a fold."""
        return Run(self.out / "runs" / (f"trial{number:04d}" + ("" if fold is None else f"_fold{fold}")))

    @property
    def asked(self) -> dict[str, Any]:
        """All that decides the value of a trial; a study of anything else cannot be joined."""
        return {
            "experiment": self.content,
            "space": {axis.axis: str(axis) for axis in self.space},
            "folds": list(self.folds),
            "seed": self.seed,
            "records": Store(self.experiment.store).fingerprint(self.experiment.streams),
        }


def join(search: Search) -> "Study":
    """Opens the study of a search, and makes it where there is none yet; its first trial is the experiment as it is.

    Raises:
        UserError: the study is one of another experiment, space, fold, seed or of other records; or the study is new,
            but runs of another one are in the way.
    """
    import optuna
    from optuna.study import StudyDirection

    asked, new = search.asked, True
    storage = open_storage(search.place)
    try:
        direction = StudyDirection.MAXIMIZE if search.sign > 0 else StudyDirection.MINIMIZE
        study = optuna.create_study(storage=storage, study_name=search.name, direction=direction)
    except optuna.exceptions.DuplicatedStudyError:
        study, new = optuna.load_study(storage=storage, study_name=search.name), False
    if new and any((search.out / "runs").glob("*")):
        optuna.delete_study(storage=storage, study_name=search.name)
        raise UserError(f"{search.out / 'runs'} holds runs of another search; choose another --out.")
    _claim(search)
    before = study.user_attrs.get("asked", asked)
    if before != asked:
        raise UserError(f"The study {search.name!r} is one of another {difference(before, asked)}; choose another "
                        "--out (or another --study in a shared storage).")  # fmt: skip
    study.set_user_attr("asked", asked)
    if not study.get_trials(deepcopy=False):
        own = {axis.axis: axis.own(search.experiment) for axis in search.space}
        inside = None not in own.values()
        study.enqueue_trial(own if inside else {}, user_attrs={"recipe": "inside" if inside else "outside"})
    return _guided(study, search)


def _claim(search: Search) -> None:
    """Says in the folder of the runs whose they are; runs of another study would look like trials that broke."""
    mark, mine = search.out / "runs" / "search.json", {"storage": search.place, "study": search.name}
    if not mark.is_file() and any(mark.parent.glob("*")):
        raise UserError(f"{mark.parent} holds runs of something else; choose another --out.")
    if mark.is_file() and read_json(mark) != mine:
        raise UserError(f"{mark.parent} holds runs of another study; choose another --out.")
    write_json(mark, mine)


def opened(search: Search) -> "Study":
    """The study that `join` made or found, in another process."""
    import optuna

    return _guided(optuna.load_study(storage=open_storage(search.place), study_name=search.name), search)


def counts(trial: "FrozenTrial") -> bool:
    """Whether a trial is one of those that were asked for: it came to an end, or is on its way."""
    return trial.state.name in ("COMPLETE", "PRUNED", "RUNNING")


def next_trial(study: "Study", search: Search) -> "Trial | None":
    """The trial to be run now, None where the study has all that were asked for.

    The settings of trials whose processes were killed come first.
    """
    from optuna.trial import TrialState

    with alone(search.out / "runs" / "killed.lock"):  # or two workers would go on with one and the same run
        _revive(study)
    if sum(map(counts, study.get_trials(deepcopy=False))) >= search.trials:
        return None
    trial = study.ask()
    if _before(study, trial.number) < search.trials:
        return trial
    # another process took the last one at the same time
    trial.set_user_attr("surplus", True)
    study.tell(trial, state=TrialState.FAIL)
    return None


def outcome(trial: "FrozenTrial") -> str:
    """What became of a trial, in a word."""
    return {
        "COMPLETE": "complete",
        "PRUNED": "pruned" if "pruned" in trial.user_attrs else "failed",
        "FAIL": "killed",
    }.get(trial.state.name, trial.state.name.lower())


def _guided(study: "Study", search: Search) -> "Study":
    """The study with what proposes its trials, and what ends them."""
    study.sampler, study.pruner = _sampler(study, search), _pruner(search)
    return study


def _revive(study: "Study") -> None:
    """Puts the settings of trials whose processes were killed in front again; their runs go on where they stopped."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not is_dead(trial):
            continue
        attempt = trial.user_attrs.get("attempt", 1)
        with contextlib.suppress(ValueError, UpdateFinishedTrialError):  # another process has found it, too
            if attempt == ATTEMPTS:
                study.tell(trial.number, state=TrialState.PRUNED)
                continue
            study.tell(trial.number, state=TrialState.FAIL)
            say(f"trial {trial.number} was killed; its settings are tried again")
            kept = {name: value for name, value in trial.user_attrs.items() if name in ("recipe", "first")}
            again = {"first": trial.number, **kept, "attempt": attempt + 1}
            study.enqueue_trial(trial.params, user_attrs=again)


def _before(study: "Study", number: int) -> int:
    """How many trials that count came before one."""
    return sum(counts(trial) and trial.number < number for trial in study.get_trials(deepcopy=False))


def _pruner(search: Search) -> "BasePruner":
    from optuna import pruners

    epochs = search.experiment.training.epochs
    if search.pruner == "median":
        # not in the first tenth of the epochs: small steps begin slowly
        return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=epochs // 10, n_min_trials=3)
    if search.pruner == "hyperband":
        return pruners.HyperbandPruner(min_resource=1, max_resource=epochs)
    return pruners.NopPruner()


def _sampler(study: "Study", search: Search) -> Any:
    """Tree-structured Parzen estimator that starts every trial with a seed of its own.

    The seed follows from how many trials came before. So a search that was killed goes on with the proposals that it
    would have made, and of several processes no two make the same.
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import BaseSampler, TPESampler

    space = {axis.axis: axis.distribution for axis in search.space}

    class Seeded(BaseSampler):
        def before_trial(self, study_: "Study", trial: "FrozenTrial") -> None:
            entropy = np.random.SeedSequence([search.sampler_seed, _before(study, trial.number)])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)  # both are the defaults of Optuna 5
                self.tpe = TPESampler(seed=int(entropy.generate_state(1)[0]), multivariate=True, constant_liar=True)

        def infer_relative_search_space(self, study_: "Study", trial: "FrozenTrial") -> dict[str, Any]:
            return space

        def sample_relative(self, study_: "Study", trial: "FrozenTrial", search_space: dict[str, Any]) -> Any:
            return self.tpe.sample_relative(study_, trial, search_space)

        def sample_independent(
            self, study_: "Study", trial: "FrozenTrial", param_name: str, param_distribution: Any
        ) -> Any:
            return self.tpe.sample_independent(study_, trial, param_name, param_distribution)

    return Seeded()
