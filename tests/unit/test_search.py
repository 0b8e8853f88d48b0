"""A search: which trials it runs, what becomes of those that are pruned, broken or killed, and what it leaves."""

import contextlib
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from emotf.config import Data, Experiment, Training, from_json, to_json
from emotf.corpora.planted import Planted
from emotf.errors import UserError
from emotf.features.precomputed import Precomputed
from emotf.losses.ccc import Ccc
from emotf.models.lstm import Lstm
from emotf.pipeline import Selection
from emotf.records import Store, extract
from emotf.runs import Run
from emotf.search import Search, parse, report, run_trials
from emotf.search import alive as life
from emotf.search.results import table
from emotf.search.storage import shown
from emotf.search.study import counts, join, next_trial, opened, outcome
from emotf.search.trials import work
from emotf.training import train
from emotf.windows.sequences import Sequences

EPOCHS = 6
SPACE = ("training.learning_rate=1e-5..1e-1:log", "training.batch=2,4,8")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A tiny corpus of one stream, extracted."""
    home = tmp_path_factory.mktemp("planted")
    corpus = Planted(dir=str(home / "corpus"), count=5, duration=4.0, extracted=("pose36",))
    corpus.prepare()
    streams = {"pose36": Precomputed("pose36", gaps=True)}
    data = Data(records=str(home / "records"), targets=("arousal", "valence"))
    made = Experiment(
        corpus, streams, Lstm(units=(2,), cell="keras"), Ccc(), data, Sequences(frames=20),
        Training(learning_rate=1e-4, batch=4, epochs=EPOCHS, patience=EPOCHS),
    )  # fmt: skip
    extract(corpus, streams, Store(made.store).folder)
    return made


@pytest.fixture
def search(experiment, tmp_path):
    space = parse(SPACE, experiment)
    return Search(to_json(experiment), space, (0,), 0, trials=9, out=tmp_path / "out", command="python tools/search.py")


def learning(experiment, epoch):
    """A score that is the higher the nearer the learning rate is to 1e-2, and grows over epochs."""
    distance = abs(math.log10(experiment.training.learning_rate) + 2)
    return (1 - 0.3 * distance) * (epoch + 1) / EPOCHS - 0.02 * (experiment.data.fold or 0)


class Pretended:
    """In place of training: tells scores, keeps how many epochs a run has, and breaks where it is told to."""

    def __init__(self, score=learning):
        self.score = score
        self.trained = []
        self.killed_at = None  # (count of epochs over all runs) at which the process is "killed"
        self.breaks = lambda experiment: None

    def __call__(self, experiment, run, after_epoch):
        self.breaks(experiment)
        done = run.folder / "done"
        before = int(done.read_text()) if done.is_file() else 0
        for epoch in range(EPOCHS):
            if epoch >= before:
                if self.killed_at == len(self.trained):
                    raise KeyboardInterrupt
                self.trained.append((run.folder.name, epoch))
                done.write_text(str(epoch + 1))
            if after_epoch(epoch, self.score(experiment, epoch)) and before <= epoch < EPOCHS - 1:
                return False
        return True


@pytest.fixture
def pretended(monkeypatch):
    found = Pretended()
    monkeypatch.setattr("emotf.training.train", found)
    return found


def rows_of(search):
    """Of a search that has run."""
    return table(search, run_trials(search, 1).get_trials())


def reported(search):
    """What is said of it."""
    text, paths = report(search, run_trials(search, 1))
    assert text == paths[1].read_text()
    assert paths == tuple(search.out / name for name in ("best.py", "search.md", "search.png", "trials.csv"))
    return text


def value_of(row):
    return 1 - 0.3 * abs(math.log10(row["training.learning_rate"]) + 2)


# ---- trials ----------------------------------------------------------------------------------------------------------


def test_the_recipe_comes_first_and_the_best_is_a_recipe(search, pretended):
    rows = rows_of(search)
    assert list(rows["trial"]) == list(range(9)) and set(rows["outcome"]) == {"complete", "pruned"}
    first = rows.iloc[0]
    assert first["recipe"] and first[["training.learning_rate", "training.batch"]].tolist() == [1e-4, "4"]
    ended = rows[rows["outcome"] == "complete"]
    np.testing.assert_allclose(ended["value"], [value_of(row) for _, row in ended.iterrows()])
    best = ended.loc[ended["value"].idxmax()]
    assert best["value"] > first["value"] and ended["value"].notna().all() and set(rows["failed"]) == {""}

    text = reported(search)
    content: dict = {}
    exec((search.out / "best.py").read_text(), content)
    found = content["get_config"]()
    expected = from_json(to_json(search.experiment))
    expected.training.learning_rate, expected.training.batch = (
        best["training.learning_rate"],
        int(best["training.batch"]),
    )
    assert to_json(found) == to_json(expected)
    assert f"trial {best['trial']} of 9" in content["__doc__"] and f"{best['value']:.4f}" in content["__doc__"]
    assert "# python \\\n#     tools/search.py" in (search.out / "best.py").read_text()
    written = pd.read_csv(search.out / "trials.csv", float_precision="round_trip", keep_default_na=False)
    assert list(written) == list(rows) and list(written["seen"]) == list(rows["seen"])
    assert "only test tells" in text.lower() and f"Trial {best['trial']} is the best: {best['value']:.3f}" in text
    assert "the recipe as it is has 0.400" in text and "| recipe" in text
    assert (search.out / "search.png").read_bytes()[1:4] == b"PNG"


def test_trials_that_fall_behind_are_ended_and_their_runs_say_so(search, pretended):
    rows = rows_of(search)
    pruned = rows[rows["outcome"] == "pruned"]
    assert len(pruned) and pruned["value"].isna().all() and (pruned["epochs"] < EPOCHS).all()
    assert (rows["epochs"][rows["outcome"] == "complete"] == EPOCHS).all()
    row = pruned.iloc[0]
    assert row["seen"] == pytest.approx(value_of(row) * row["epochs"] / EPOCHS)
    run = search.run(row["trial"], 0)
    assert run.pruned == f"after epoch {row['epochs']}, as trial {row['trial']} of a search"
    with pytest.raises(UserError, match=r"has no network, it was pruned after epoch .* choose a finished run"):
        run.network()
    everything = rows_of(replace(search, out=search.out / "unpruned", pruner="none"))
    assert set(everything["outcome"]) == {"complete"}
    halved = rows_of(replace(search, out=search.out / "hyperband", pruner="hyperband"))
    assert {"complete", "pruned"} <= set(halved["outcome"])


def test_where_less_is_better_the_least_wins(search, pretended):
    pretended.score = lambda experiment, epoch: 1 - learning(experiment, epoch)
    experiment = search.experiment
    experiment.training.select = "mse"
    search = replace(search, content=to_json(experiment))
    rows, text = rows_of(search), reported(search)
    assert rows["value"].min() < rows["value"][0] and (rows["seen"] >= rows["value"].min()).all()
    assert "lower is better" in text and f"is the best: {rows['value'].min():.3f}" in text


def test_a_trial_is_the_mean_over_folds(search, pretended):
    rows = rows_of(replace(search, folds=(0, 2)))
    ended = rows[rows["outcome"] == "complete"]
    np.testing.assert_allclose(ended["value"], ended[["value_fold0", "value_fold2"]].mean(axis=1))
    np.testing.assert_allclose(ended["value_fold0"] - ended["value_fold2"], 0.04)
    assert ("trial0000_fold2", EPOCHS - 1) in pretended.trained and (ended["epochs"] == 2 * EPOCHS).all()
    trial = opened(search).trials[0]  # pruned in its first fold or not at all
    told = [learning(search.experiment, epoch) for epoch in range(EPOCHS)]
    np.testing.assert_allclose(list(trial.intermediate_values.values()), told)
    assert list(trial.intermediate_values) == list(range(EPOCHS))
    assert (rows.loc[rows["outcome"] == "pruned", "epochs"] < EPOCHS).all()


def test_runs_of_another_study_are_not_taken_for_trials(search, pretended):
    rows_of(search)
    other = replace(search, storage=f"sqlite:///{search.out}/other.db")
    with pytest.raises(UserError, match=r"holds runs of another s.*; choose another --out"):
        rows_of(other)
    rows_of(replace(other, out=search.out / "elsewhere"))
    with pytest.raises(UserError, match="holds runs of another study; choose another --out"):
        rows_of(other)


def test_a_search_repeats_with_its_seed(search, pretended):
    one, other, third = (
        rows_of(replace(search, out=search.out / str(k), sampler_seed=seed)).drop(columns="seconds")
        for k, seed in enumerate((1, 1, 2))
    )
    pd.testing.assert_frame_equal(one, other)
    assert not one["training.learning_rate"].equals(third["training.learning_rate"])


# ---- the recipe outside the space ------------------------------------------------------------------------------------


def test_a_recipe_outside_the_space_is_tried_all_the_same(search, pretended):
    pretended.score = lambda experiment, epoch: -experiment.training.learning_rate
    space = parse(["training.learning_rate=1e-3..1e-1:log", "loss=mse,mae"], search.experiment)
    search = replace(search, space=space)
    rows = rows_of(search)
    assert (
        rows["recipe"][0] and rows["value"][0] == -1e-4 and rows.loc[0, ["training.learning_rate", "loss"]].isna().all()
    )
    assert rows["value"].max() == -1e-4 and set(rows["loss"][1:]) == {"mse", "mae"}
    assert "as the recipe" in reported(search)
    content: dict = {}
    exec((search.out / "best.py").read_text(), content)
    assert to_json(content["get_config"]()) == search.content


# ---- what breaks -----------------------------------------------------------------------------------------------------


def test_a_broken_trial_is_recorded_and_the_rest_goes_on(search, pretended):
    def breaks(experiment):
        if experiment.training.learning_rate > 0.02:
            raise UserError("The loss is nan in epoch 1.")
        if experiment.training.batch == 8:
            raise ValueError("negative\n  dimension")

    pretended.breaks = breaks
    rows = rows_of(search)
    failed = rows[rows["outcome"] == "failed"]
    fast, large = failed["training.learning_rate"] > 0.02, failed["training.batch"] == "8"
    assert fast.any() and (large & ~fast).any() and (fast | large).all()
    assert set(failed["failed"][fast]) == {"The loss is nan in epoch 1."}
    assert set(failed["failed"][large & ~fast]) == {"ValueError: negative dimension"}
    assert len(rows) == 9 and (rows["outcome"] == "complete").any()
    number = failed["trial"][large & ~fast].iloc[0]
    assert "raise ValueError" in search.run(number, 0).log.read_text()
    assert f"Trial {number} failed: ValueError: negative dimension" in reported(search)


def test_a_value_that_is_nowhere_defined_fails(search, pretended):
    pretended.score = lambda experiment, epoch: (
        learning(experiment, epoch) if experiment.training.batch == 4 else np.nan
    )
    rows = rows_of(replace(search, pruner="none"))
    undefined = rows[rows["training.batch"] != "4"]
    assert set(undefined["outcome"]) == {"failed"} and set(undefined["failed"]) == {"dev ccc is defined in no epoch."}


def test_where_not_even_the_recipe_can_be_trained_a_bug_is_shown(search, pretended):
    def breaks(experiment):
        raise ValueError("a bug")

    pretended.breaks = breaks
    with pytest.raises(ValueError, match="a bug"):
        run_trials(search, 1)


def test_where_nothing_can_be_trained_the_first_reason_is_said(search, pretended):
    def breaks(experiment):
        raise UserError("The loss is nan in epoch 1.")

    pretended.breaks = breaks
    search = replace(search, trials=3)
    with pytest.raises(UserError, match="No trial was trained to its end; trial 0: The loss is nan in epoch 1"):
        report(search, run_trials(search, 1))
    assert list(pd.read_csv(search.out / "trials.csv")["outcome"]) == ["failed"] * 3


# ---- what is killed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("storage", ["", "journal.log"])
def test_a_killed_search_goes_on_as_if_it_was_not(search, pretended, storage, tmp_path):
    search = replace(search, folds=(0, 1), storage=storage and str(tmp_path / storage))
    whole = rows_of(replace(search, out=tmp_path / "whole", storage=""))
    epochs = list(pretended.trained)
    pretended.trained.clear()
    for at in (3, 20, 20, 45):  # in the recipe's trial; in a second fold, twice; in a later trial
        pretended.killed_at = at
        with pytest.raises(KeyboardInterrupt):
            run_trials(search, 1)
    pretended.killed_at = None
    rows = rows_of(search)
    killed = rows[rows["outcome"] == "killed"]
    assert len(killed) == 4 and list(dict.fromkeys(killed["run"])) == ["trial0000", "trial0002", "trial0006"]
    counted = rows[rows["outcome"] != "killed"].reset_index(drop=True)
    same = ["outcome", "recipe", "value", "seen", "value_fold0", "value_fold1", *(axis.axis for axis in search.space)]
    pd.testing.assert_frame_equal(counted[same], whole[same])
    # not one epoch was trained twice
    assert len(pretended.trained) == len(epochs) == len(set(pretended.trained))


def test_a_trial_that_kills_its_process_again_and_again_is_given_up(search, pretended):
    def killed(experiment):
        if experiment.training.batch == 8:
            raise KeyboardInterrupt

    pretended.breaks = killed
    for _ in range(20):
        try:
            rows = rows_of(search)
            break
        except KeyboardInterrupt:
            pass
    given_up = rows[rows["outcome"] == "failed"]
    assert len(given_up) and given_up["failed"].str.startswith("its process was killed 3 times").all()
    assert (given_up["training.batch"] == "8").all()
    assert (rows["outcome"] != "killed").sum() == 9


def test_a_trial_is_dead_when_its_process_is_gone(search, tmp_path, monkeypatch):
    study = join(search)
    trial = study.ask()

    def dead():
        return life.is_dead(study.trials[0])

    assert not dead()  # it has just begun
    with pytest.raises(ZeroDivisionError), life.alive(trial, tmp_path / "lock"):
        1 / dead()  # fails, because it is not
    assert dead()
    # another machine sees no lock, but how long ago the last sign was
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    assert not dead()
    trial.set_user_attr("seen", time.time() - life.SILENT - 1)
    assert dead()


def test_signs_of_life_come_while_a_trial_is_trained(search, tmp_path, monkeypatch):
    monkeypatch.setattr(life, "BEAT", 0.01)
    study = join(search)
    trial = study.ask()
    with life.alive(trial, tmp_path / "lock"):
        first = study.trials[0].user_attrs["seen"]
        for _ in range(500):
            time.sleep(0.01)
            if (later := study.trials[0].user_attrs["seen"]) > first:
                break
        assert later > first
    assert not (tmp_path / "lock").exists()


def test_a_trial_that_another_process_took_over_is_left_to_it(search, pretended, capsys):
    def taken(experiment):
        if len(pretended.trained) == EPOCHS:
            pretended.trained.append("taken")
            opened(search).tell(1, state=optuna.trial.TrialState.FAIL)

    pretended.breaks = taken
    rows = rows_of(replace(search, trials=3))
    assert list(rows["outcome"][:2]) == ["complete", "killed"] and len(rows) == 4
    assert "trial 1 was silent for so long that another process took it over" in capsys.readouterr().err


# ---- several processes -----------------------------------------------------------------------------------------------


def test_processes_share_the_trials_of_a_study(search, pretended, tmp_path):
    search = replace(search, trials=5, storage=str(tmp_path / "shared" / "journal.log"))
    join(search)
    mine = opened(search)
    here = next_trial(mine, search)  # on its way while the other process works
    with life.alive(here, tmp_path / "lock"):
        work(replace(search, out=tmp_path / "other machine"))
        trials = mine.get_trials()
        assert sorted(trial.state.name for trial in trials) == ["COMPLETE"] * 4 + ["RUNNING"]
        assert next_trial(mine, search) is None
    assert len({json.dumps(trial.params) for trial in trials}) == 5


def test_of_two_that_come_for_the_last_trial_one_goes_without(search, pretended, monkeypatch):
    search = replace(search, trials=1)
    study, other = join(search), opened(search)
    ask = study.ask
    monkeypatch.setattr(study, "ask", lambda: (other.ask(), ask())[1])
    assert next_trial(study, search) is None
    assert [outcome(trial) for trial in study.trials] == ["running", "killed"]
    assert study.trials[1].user_attrs["surplus"] and [counts(trial) for trial in study.trials] == [True, False]


# ---- what is refused -------------------------------------------------------------------------------------------------


def changed(search, **training):
    experiment = search.experiment
    experiment.training = replace(experiment.training, **training)
    return to_json(experiment)


def test_a_study_of_something_else_is_not_joined(search, pretended, monkeypatch):
    search = replace(search, trials=1)
    run_trials(search, 1)
    others = {
        "experiment.training.epochs": {"content": changed(search, epochs=11)},
        "space.training.learning_rate": {
            "space": parse(["training.learning_rate=1e-5..1:log", SPACE[1]], search.experiment)
        },
        "space.training.batch": {"space": search.space[:1]},
        "folds": {"folds": (0, 1)},
        "seed": {"seed": 1},
    }
    for field, change in others.items():
        with pytest.raises(UserError, match=f"The study 'search' is one of another {field} .*; choose another --out"):
            run_trials(replace(search, **change), 1)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "fingerprint", lambda self, streams: "0123")
        with pytest.raises(UserError, match="is one of another records"):
            run_trials(search, 1)
    # how the trials are chosen and ended, and how many there are, may change
    run_trials(replace(search, pruner="none", sampler_seed=7, trials=2), 1)
    with pytest.raises(UserError, match="holds runs of another search; choose another --out"):
        run_trials(replace(search, name="second"), 1)
    run_trials(replace(search, name="second", out=search.out / "second", storage=search.place), 1)


def test_what_would_break_every_trial_is_said_before_the_first(search, experiment):
    def asked(**change):
        return replace(search, content=to_json(replace(experiment, **change)))

    with pytest.raises(UserError, match=r"was extracted with corpus\.seed=0, asked for is 7"):
        run_trials(asked(corpus=replace(experiment.corpus, seed=7)), 1)
    with pytest.raises(UserError, match="fold"):
        run_trials(replace(search, folds=(9,)), 1)
    one = asked(
        data=replace(experiment.data, targets=("arousal",)),
        training=replace(experiment.training, select="non_inertial_mean"),
    )
    with pytest.raises(UserError, match="non_inertial_mean couples targets and needs two"):
        run_trials(one, 1)
    assert not search.out.exists()


@pytest.mark.parametrize("storage", ["nothing://here", "sqlite:////proc/none/study.db", "/proc/none/journal.log"])
def test_a_storage_that_cannot_be_opened_is_a_line(search, storage):
    with pytest.raises(UserError, match=r"The storage .* cannot be opened \(.*\); --storage takes a URL"):
        join(replace(search, storage=storage))


def test_passwords_are_not_written(search, pretended, monkeypatch):
    url = "mysql+pymysql://me:secret@host/db"
    assert shown(url) == "mysql+pymysql://me:***@host/db"
    study = run_trials(search, 1)
    told = replace(search, storage=url, command=f"python tools/search.py --storage={url}")
    report(told, study)
    written = [(search.out / name).read_text() for name in ("best.py", "search.md")]
    assert all("secret" not in text and "me:***@host" in text for text in written)


# ---- what is said of the result --------------------------------------------------------------------------------------


def test_the_report_says_how_far_the_best_can_be_believed(search, pretended):
    search = replace(search, trials=2)
    assert "What was development here is test in another fold" in reported(search)
    two = reported(replace(search, out=search.out / "two", folds=(0, 1)))
    assert "1 recordings are development in one of these folds and test in another" in two
    assert "mean over fold 0, fold 1; seed 0" in two
    paper = replace(search.experiment, data=replace(search.experiment.data, protocol="koprue2020"))
    text = reported(replace(search, out=search.out / "paper", content=to_json(paper)))
    assert "koprue2020 reports on development itself" in text


def test_a_best_value_at_an_end_of_its_range_is_named(search, pretended):
    pretended.score = lambda experiment, epoch: experiment.training.batch + epoch
    space = parse(["training.batch=3..12", "training.learning_rate=1e-6..1:log"], search.experiment)
    text = reported(replace(search, space=space, trials=12))
    assert "training.batch 12 lies at an end of its range" in text and "learning_rate lies" not in text


def test_a_study_that_is_not_complete_says_so(search, pretended):
    study = run_trials(replace(search, trials=2), 1)
    text, _ = report(replace(search, trials=5), study)
    assert "2 trials: 2 complete; 3 are still to come: run the same command again" in text


# ---- with training itself --------------------------------------------------------------------------------------------


def test_test_is_never_asked_for(search, monkeypatch):
    asked = []
    partition = Selection.partition
    monkeypatch.setattr(Selection, "partition", lambda self, name: asked.append(name) or partition(self, name))
    search = replace(search, trials=1, content=changed(search, epochs=2))
    rows_of(search)
    assert set(asked) == {"train", "dev"}
    run = search.run(0, 0)
    assert run.finished and run.scores() is None and not (run.folder / "predictions").exists()


def test_training_tells_every_epoch_once_and_ends_when_told(search, tmp_path):
    experiment = search.of_folds(from_json(changed(search, epochs=4)))[0]
    whole, told, again = [], [], []
    assert train(experiment, Run(tmp_path / "whole"), lambda *epoch: whole.append(epoch))
    history = pd.read_csv(tmp_path / "whole" / "history.csv", float_precision="round_trip")
    assert whole == list(zip(range(4), history["dev_ccc"], strict=True))

    ended = Run(tmp_path / "ended")
    assert not train(experiment, ended, lambda *epoch: told.append(epoch) or epoch[0] == 1)
    assert told == whole[:2] and not ended.finished and ended.state.is_file()
    ended.prune("for a test")
    assert ended.pruned == "for a test"
    # it goes on where it ended; those before are told again, and the answer of the last epoch changes nothing
    assert train(experiment, ended, lambda *epoch: again.append(epoch) or epoch[0] in (0, 1, 3))
    assert again == whole and ended.finished and not ended.pruned
    finished = []
    assert train(experiment, ended, lambda *epoch: finished.append(epoch) or True)
    assert finished == whole
    networks = (run.network().get_weights() for run in (Run(tmp_path / "whole"), ended))
    assert all(np.array_equal(one, other) for one, other in zip(*networks, strict=True))
    assert (
        Path(tmp_path / "ended" / "history.csv").read_bytes() == Path(tmp_path / "whole" / "history.csv").read_bytes()
    )


def test_two_workers_that_meet_a_killed_trial_at_once_go_on_with_it_once(search, tmp_path, monkeypatch):
    study = join(search)
    with pytest.raises(ZeroDivisionError), life.alive(study.ask(), tmp_path / "lock"):
        _ = 1 / 0  # leaves it running, with a lock that nobody holds
    told = type(study).tell

    def slowly(self, *args, **kwargs):
        time.sleep(0.3)  # the other one looks meanwhile
        return told(self, *args, **kwargs)

    def pretend_unfinished(self, *args, **kwargs):
        with contextlib.suppress(ValueError):
            slowly(self, *args, **kwargs)

    monkeypatch.setattr(type(study), "tell", pretend_unfinished)  # as a database that both write to at the same time
    with ThreadPoolExecutor(2) as threads:
        taken = [trial.result() for trial in [threads.submit(next_trial, opened(search), search) for _ in range(2)]]
    assert sum(trial.user_attrs.get("first") == 0 for trial in taken) == 1
