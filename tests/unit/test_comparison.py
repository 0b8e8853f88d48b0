"""What is varied, in which runs, and what the table says of them."""

import numpy as np
import pandas as pd
import pytest
from pretended import TARGETS, pretend, store_of

from emotf.comparison import (
    MULTI_AGAINST_SINGLE,
    check,
    execute,
    grid,
    parse,
    reference_of,
    report,
    required,
    schedule,
    share,
    whole,
)
from emotf.comparison.axes import applied
from emotf.comparison.hparams import write_hparams
from emotf.comparison.summary import learning, summarise
from emotf.config import Data, Experiment, to_json
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.body_euler24 import BodyEuler24
from emotf.features.mfcc39 import Mfcc39
from emotf.losses.ccc import Ccc
from emotf.measures import MEAN, POOLED, Moments
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.recipes import part
from emotf.recording import Recording
from emotf.records import Schema, Store
from emotf.report.tables import schedule_table
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

# ---- axes ------------------------------------------------------------------------------------------------------------


def test_axes_are_read_from_the_command_line():
    given = ["loss=mse, ccc:pool=sequence", "window.frames=32"]
    assert parse(given) == {"loss": ("mse", "ccc:pool=sequence"), "window.frames": ("32",)}
    for bad in (["loss"], ["loss="], ["=mse"], ["loss=mse,mse"]):
        with pytest.raises(UserError, match="each value once"):
            parse(bad)
    with pytest.raises(UserError, match="names 'loss' twice"):
        parse(["loss=mse", "loss=ccc"])


@pytest.fixture
def experiment(tmp_path):
    streams = {"mfcc39": Mfcc39(), "body": BodyEuler24()}
    corpus = Synthetic(dir=str(tmp_path / "corpus"))
    data = Data(records=str(tmp_path / "records"), targets=TARGETS)
    return Experiment(corpus, streams, Lstm(), Ccc(), data, Sequences())


def test_settings_reach_their_fields_and_the_recipe_stays(experiment):
    before = to_json(experiment)
    found = applied(experiment, {
        "loss": "tube:epsilon=0.1", "window.frames": "32", "training.learning_rate": "1e-4",
        "data.shuffled_gold": "true", "streams": "body", "model": "lstm",
    })  # fmt: skip
    assert (found.loss.name, found.loss.epsilon, found.window.frames) == ("tube", 0.1, 32)
    assert (found.training.learning_rate, found.data.shuffled_gold, list(found.streams)) == (1e-4, True, ["body"])
    assert to_json(experiment) == before


@pytest.mark.parametrize(
    ("axis", "value", "message"),
    [
        ("windw.frames", "32", r"no field 'windw\.frames'\. Did you mean 'window'\?"),
        ("window.frame", "32", r"no field 'window\.frame'\. Did you mean 'frames'\?"),
        ("window.frames", "many", r"window\.frames cannot be 'many'; it is of type int"),
        ("window.frames", "1", "Sequences need at least 2 frames"),
        ("window.frames/training.batch", "32", "needs 2 values joined by '/', received '32'"),
        ("loss", "cccc", r"No 'cccc' among losses: .* Did you mean 'ccc'\?"),
        ("loss", "ccc:pol=sequence", r"ccc has no field 'pol'\. Did you mean 'pool'\?"),
        ("loss", "ccc:pool=corpus", "ccc: pool is 'corpus', expected batch or sequence"),
        ("streams", "mfcc39+gaze", r"The recipe has no stream 'gaze', only mfcc39, body\."),
        ("streams", "mfcc3", r"no stream 'mfcc3', only mfcc39, body\. Did you mean 'mfcc39'\?"),
        ("streams", "speech+video", r"The recipe has no stream of video, only mfcc39, body\."),
    ],
)
def test_values_that_cannot_be_are_refused_with_the_nearest(experiment, axis, value, message):
    with pytest.raises(UserError, match=message):
        applied(experiment, {axis: value})


@pytest.mark.parametrize(
    ("named", "streams"),
    [
        ("multimodal", ["mfcc39", "body"]),
        ("speech", ["mfcc39"]),
        ("audio", ["mfcc39"]),
        ("motion", ["body"]),
        ("body", ["body"]),
        ("motion+mfcc39", ["body", "mfcc39"]),
        ("multimodal+mfcc39", ["mfcc39", "body"]),
    ],
)
def test_streams_are_named_by_themselves_or_by_modality(experiment, named, streams):
    assert list(applied(experiment, {"streams": named}).streams) == streams


def test_a_stream_comes_before_a_modality_of_the_same_name(experiment):
    experiment.streams = {"audio": BodyEuler24(), "mfcc39": Mfcc39()}
    assert list(applied(experiment, {"streams": "audio"}).streams) == ["audio"]


def test_a_part_takes_fields_of_several_types():
    found = part("losses", "non_inertial:distance=squared:t=0.5")
    assert (found.distance, found.t) == ("squared", 0.5)


# ---- the grid --------------------------------------------------------------------------------------------------------


@pytest.fixture
def golds(experiment):
    return store_of(experiment)


def test_single_task_learning_is_one_run_a_target(experiment, golds, tmp_path):
    trials = grid(experiment, MULTI_AGAINST_SINGLE, None, [0, 1], tmp_path)
    assert [(t.name, t.targets) for t in trials[:3]] == [
        ("stl of arousal, fold 0, seed 0", ("arousal",)),
        ("stl of valence, fold 0, seed 0", ("valence",)),
        ("mtl, fold 0, seed 0", TARGETS),
    ]
    assert len(trials) == 3 * 2 * 3 and len({t.run.folder for t in trials}) == len(trials)
    assert reference_of(trials) == "stl" and reference_of(trials, "mtl") == "mtl"
    for t in trials:
        assert (t.experiment.data.targets, t.experiment.data.fold, t.experiment.training.seed) == (
            t.targets,
            t.fold,
            t.seed,
        )
    with pytest.raises(UserError, match="There is no system 'MTL' to compare with; choose from stl, mtl"):
        reference_of(trials, "MTL")


def test_every_combination_is_a_system(experiment, golds, tmp_path):
    trials = grid(experiment, parse(["loss=mse,ccc", "window.frames=4,8"]), [1], [0], tmp_path)
    assert [t.system for t in trials] == ["mse 4", "mse 8", "ccc 4", "ccc 8"]
    assert [(t.experiment.loss.name, t.experiment.window.frames) for t in trials][1] == ("mse", 8)
    assert trials[0].run.folder == tmp_path / "runs" / "mse_4_fold1_seed0"


def test_the_part_that_is_there_stays_as_it_is_configured(experiment):
    experiment.model.forget_bias = 5.0
    assert applied(experiment, {"model": "lstm", "loss": "ccc"}).model.forget_bias == 5.0
    assert applied(experiment, {"model": "lstm:direction=both"}).model.forget_bias == Lstm().forget_bias


def test_a_value_may_be_a_path(experiment):
    assert applied(experiment, {"data.records": "work/other"}).data.records == "work/other"


@pytest.mark.parametrize(
    "axes",
    [
        {"data.fold": ("0", "1")},
        {"training.seed": ("0", "1")},
        {"data.targets": ("arousal", "valence")},
        {"training.learning_rate": ("1e-3", "0.001")},
        {"streams": ("speech", "mfcc39")},
        {"loss": ("ccc", "ccc:pool=batch")},
    ],
)
def test_one_system_under_two_names_is_refused(experiment, golds, tmp_path, axes):
    with pytest.raises(UserError, match="are one and the same system; folds, seeds and targets are no axes"):
        grid(experiment, axes, None, [0], tmp_path)


def test_systems_that_are_scored_elsewhere_are_not_compared(experiment, golds, tmp_path):
    trials = grid(experiment, {"data.protocol": ("rotation", "koprue2020")}, None, [0], tmp_path)
    with pytest.raises(UserError, match="Some systems would be scored on test, others on dev"):
        check(trials)


def test_runs_need_a_folder(experiment, golds, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="out is a file, runs need a folder; choose another --out"):
        check(grid(experiment, MULTI_AGAINST_SINGLE, None, [0], tmp_path / "out"))


def of_feature_images(experiment):
    """The experiment with a network of feature images, and streams on a clock in its store, without recordings."""
    experiment.model, experiment.window = Cer(), FeatureImages(frames=20, stride=0.1)
    for name in experiment.streams:
        stream = Store(experiment.store).stream(name)
        stream.start(Schema(("a", "b"), 0.1, 0.0, "extracted", {"part": name}))
        stream.complete({})


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"window.frames": ("20", "2")}, r"^2: Kernel 3 and pool 2 need feature images of 4 frames, received 2\.$"),
        ({"loss": ("ccc", "mse"), "model.pool": ("2", "19")}, "^ccc 19: Kernel 3 and pool 19 need .* 21 frames, rec"),
        ({"model": ("cer", "pure_cnn:kernels=9,9,9")}, r"kernels=9,9,9: Kernels \(9, 9, 9\) need .* of 25 frames"),
        ({"window.stride": ("0.1", "0.13")}, "^0.13: .*stride of feature images"),
        ({"model": ("cer", "lstm")}, "^lstm: Lstm reads sequences, the window gives feature images"),
        ({"model.gru_units": ("5", "0")}, "^0: model.gru_units must be at least 1, received 0"),
    ],
)
def test_a_network_that_cannot_be_built_is_met_before_the_first_run(experiment, golds, tmp_path, axes, message):
    of_feature_images(experiment)
    check(grid(experiment, {axis: values[:1] for axis, values in axes.items()}, None, [0], tmp_path))
    with pytest.raises(UserError, match=message):
        execute(grid(experiment, axes, None, [0], tmp_path), 1)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"targets": ("stl", "both")}, "--vary=targets takes stl and mtl, received both"),
        (
            {"loss": ("non_inertial",), "targets": ("stl",)},
            r"non_inertial couples targets, no run of a single one can learn it; .* \(--vary=loss=mse,non_inertial\)",
        ),
    ],
)
def test_a_grid_that_cannot_run_is_refused_before_it_starts(experiment, golds, tmp_path, axes, message):
    with pytest.raises(UserError, match=message):
        grid(experiment, axes, None, [0], tmp_path)
    experiment.data.targets = ("valence",)
    with pytest.raises(UserError, match="MTL against STL needs two targets or more, the experiment has valence"):
        grid(experiment, MULTI_AGAINST_SINGLE, None, [0], tmp_path)


# ---- the table -------------------------------------------------------------------------------------------------------


@pytest.fixture
def trials(experiment, golds, tmp_path):
    made = grid(experiment, {"targets": ("stl", "mtl")}, None, [0, 1], tmp_path / "out")
    for trial in made:
        pretend(trial, golds, 0.3 if len(trial.targets) > 1 else 1.0, 1.0 if len(trial.targets) > 1 else 3.0)
    return made


def test_the_table_holds_what_the_traces_score(trials, golds):
    assert all(trial.done for trial in trials)
    rows = summarise(trials, "stl").set_index(["target", "pooling", "system"])
    for system, members in (("mtl", [t for t in trials if len(t.targets) == 2]), ("stl", trials)):
        row = rows.loc["valence", POOLED, system]
        members = [t for t in members if t.system == system and "valence" in t.targets]
        singles = [sum(t.moments("test")["valence"].values(), Moments()).ccc for t in members]
        assert row["ccc"] == pytest.approx(np.mean(singles)) and row["ccc_sd"] == pytest.approx(np.std(singles))
        whole = [
            sum((m for t in members if t.seed == seed for m in t.moments("test")["valence"].values()), Moments())
            for seed in (0, 1)
        ]
        for measure in ("ccc", "pcc", "rmse", "mae", "sagr", "scale"):
            assert row[f"all_{measure}"] == pytest.approx(np.mean([getattr(m, measure) for m in whole]))
        assert (row["runs"], row["recordings"], row["frames"]) == (6, 6, 360)
    mtl, stl = rows.loc["valence", MEAN, "mtl"], rows.loc["valence", MEAN, "stl"]
    assert mtl["difference"] == pytest.approx(mtl["all_ccc"] - stl["all_ccc"])
    assert 0 < mtl["low"] < mtl["difference"] < mtl["high"] and stl["difference"] == 0
    assert (mtl["parameters"], mtl["parameters_all"]) == (200, 200)
    assert (stl["parameters"], stl["parameters_all"], stl["seconds_all"]) == (100, 200, 6.0)


def test_a_restored_prediction_has_the_scale_that_development_asks_for(trials, golds):
    rows = summarise(trials, "mtl").set_index(["target", "pooling", "system"])
    expected = []
    for trial in trials:
        if trial.system == "stl" and trial.targets == ("valence",):
            predictions = {
                part: {n: pd.read_csv(trial.run.prediction(part, n))["valence"].to_numpy() for n in golds
                       if trial.run.prediction(part, n).is_file()}
                for part in ("dev", "test")
            }  # fmt: skip
            dev = np.concatenate(list(predictions["dev"].values()))
            gold = np.concatenate([golds[n].values[:, 1] for n in predictions["dev"]])
            moved = {n: (p - dev.mean()) * gold.std() / dev.std() + gold.mean() for n, p in predictions["test"].items()}
            expected.append((trial.seed, {n: Moments.of(golds[n].values[:, 1], p) for n, p in moved.items()}))
    scores = []
    for seed in (0, 1):
        scores.append(sum((m for s, parts in expected if s == seed for m in parts.values()), Moments()).ccc)
    row = rows.loc["valence", POOLED, "stl"]
    assert row["restored_ccc"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert row["restored_ccc"] > row["all_ccc"] + 0.1  # three times too wide
    mtl = rows.loc["valence", POOLED, "mtl"]
    assert row["restored_difference"] == pytest.approx(row["restored_ccc"] - mtl["restored_ccc"])


def test_what_is_reported_on_development_is_not_rescaled_there(experiment, golds, tmp_path):
    experiment.data.protocol = "koprue2020"
    trials = grid(experiment, MULTI_AGAINST_SINGLE, None, [0], tmp_path)
    for trial in trials:
        pretend(trial, golds, 0.3)
    assert all(trial.partition == "dev" for trial in trials)
    rows = summarise(trials, "stl")
    assert rows["restored_ccc"].isna().all() and rows["restored_low"].isna().all() and rows["all_ccc"].notna().all()


def test_how_training_went_is_told(trials):
    rows = learning(trials).set_index(["system", "target"])
    row = rows.loc["stl", "arousal"]
    assert (row["epochs"], row["first_loss"], row["last_loss"], row["fall"]) == (3, 2.0, 0.5, 0.75)
    assert (row["dev_pcc"], row["lowest_dev_pcc"]) == (pytest.approx(0.35), pytest.approx(0.3))


def test_the_epoch_that_is_told_is_the_one_whose_weights_were_kept(trials):
    history = {"loss": [2.0, 1.0, 0.5], "dev_ccc": [0.1, 0.3, 0.2], "dev_mse": [3, 4, 2], "dev_mse_mean": [1, 2, 3]}
    for trial in trials:
        of = {f"dev_{target}_{m}": [0.5, 0.25, 0.75] for target in trial.targets for m in ("ccc", "pcc")}
        pd.DataFrame(history | of).to_csv(trial.run.history, index=False)
    assert set(learning(trials)["dev_ccc"]) == {0.25}
    for trial in trials:
        trial.experiment.training.select = "mse"
        trial.run.begin(trial.experiment)
    assert set(learning(trials)["dev_ccc"]) == {0.75}
    for trial in trials:  # a run of weights that were kept by something else than the experiment selects by
        trial.run.note(chosen={"criterion": "mse_mean", "epoch": 0})
    assert set(learning(trials)["dev_ccc"]) == {0.5}


def test_single_targets_by_a_criterion_that_couples_them_are_refused_before_anything_runs(experiment, golds, tmp_path):
    experiment.training.keep = ("non_inertial_mean",)
    made = grid(experiment, MULTI_AGAINST_SINGLE, None, [0], tmp_path)
    assert {(len(trial.targets), trial.experiment.training.keep) for trial in made} == {
        (1, ()), (2, ("non_inertial_mean",)),
    }  # fmt: skip
    experiment.training.select = "non_inertial_mean"
    with pytest.raises(UserError, match=r"non_inertial_mean couples targets .* choose another training\.select"):
        grid(experiment, MULTI_AGAINST_SINGLE, None, [0], tmp_path)


def test_a_report_is_files_and_a_table(trials, tmp_path):
    table, paths = report(trials, "stl", "sample", "stl and mtl of nothing", tmp_path / "report")
    kinds = [f"comparison.{kind}" for kind in ("md", "csv", "tex", "html", "png")]
    pictures = {"learning.png", "agreement.png", "subjects.png"}
    assert {path.name for path in paths} == {*kinds, *pictures, "learning.csv", "hparams"}
    assert all(path.stat().st_size > 100 for path in paths) and paths[0].read_text() == table
    assert table.startswith("stl and mtl of nothing; sample variances (n - 1)\n")
    assert "higher" in table and "- mtl: 0.5 x ccc (batch) of arousal + 0.5 x ccc (batch) of valence\n" in table
    assert "- stl: 0.5 x ccc (batch) of arousal; 0.5 x ccc (batch) of valence\n" in table
    assert "| reference " in table and "100 (200)" in table
    (tmp_path / "report" / "sweep.png").write_bytes(b"of another comparison")
    report(trials, "stl", "sample", "again", tmp_path / "report")
    assert not (tmp_path / "report" / "sweep.png").exists()


def test_differences_are_tested_and_corrected_over_the_table(trials, golds):
    rows = summarise(trials, "stl").set_index(["target", "pooling", "system"])
    for pooling in (POOLED, MEAN):
        found = rows.xs(pooling, level="pooling").xs("mtl", level="system")
        # six people, and MTL is better for each: two of 64 ways of swapping are as extreme
        assert found["p"].tolist() == pytest.approx([2 / 64] * 2)
        assert found["p_holm"].tolist() == pytest.approx([4 / 64] * 2)
        assert rows.xs(pooling, level="pooling").xs("stl", level="system")["p"].isna().all()
    assert set(rows["unit"]) == {"subject"} and set(rows["units"]) == {6}


def test_the_unit_of_independence_is_the_subject_or_the_recording(trials, experiment):
    store = Store(experiment.store)
    people = [Recording(r.id, f"p{r.session}", {}, session=r.session) for r in store.recordings]
    store.describe({"part": "synthetic", "dir": "nowhere"}, "made up", people)
    by_subject, by_recording = (summarise(trials, "stl", unit=unit) for unit in ("subject", "recording"))
    assert set(by_subject["units"]) == {3} and set(by_recording["units"]) == {6}
    assert by_subject["p"].min() == pytest.approx(2 / 8) and by_recording["p"].min() == pytest.approx(2 / 64)
    assert by_subject["difference"].tolist() == by_recording["difference"].tolist()


def test_runs_are_there_for_the_dashboard_of_hyper_parameters(trials, tmp_path):
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    (tmp_path / "hparams" / "old").mkdir(parents=True)
    write_hparams(trials, "population", tmp_path / "hparams")
    assert {path.name for path in (tmp_path / "hparams").iterdir()} == {trial.run.folder.name for trial in trials}
    trial = next(trial for trial in trials if trial.system == "mtl")
    events = EventAccumulator(str(tmp_path / "hparams" / trial.run.folder.name)).Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    found = HParamsPluginData.FromString(content).session_start_info.hparams
    assert {name: value.string_value or value.number_value for name, value in found.items()} == {
        "targets": "mtl", "fold": trial.fold, "seed": trial.seed, "predicts": "arousal+valence",
    }  # fmt: skip
    (scalar,) = events.Tensors("test CCC of valence, pooled")
    ccc = sum(trial.moments("test")["valence"].values(), Moments()).ccc
    assert float(tf.make_ndarray(scalar.tensor_proto)) == pytest.approx(ccc, abs=1e-6)


# ---- the schedule ----------------------------------------------------------------------------------------------------


def test_what_lies_ahead_is_counted_and_timed(trials, experiment, golds, tmp_path):
    others = grid(experiment, {"targets": ("stl", "mtl")}, None, [0, 1, 2], tmp_path / "out")
    rows = schedule(others).set_index("system")
    assert rows.loc["stl"].tolist() == [18, 12, 3.0, 18.0] and rows.loc["mtl"].tolist() == [9, 6, 3.0, 9.0]
    for trial in trials:
        if trial.system == "mtl":
            trial.run.note(training_seconds=50.0)
    assert schedule(others).set_index("system")["left"].tolist() == [18.0, 150.0]
    assert "27 runs, 18 of them done; about 84 s of training left with --workers=2" in schedule_table(
        schedule(others), 2
    )
    fresh = schedule(grid(experiment, {"targets": ("stl", "mtl")}, None, [0], tmp_path / "new"))
    assert fresh["left"].isna().all() and "how long, is known after the first" in schedule_table(fresh, 1)
    assert "nothing left to run" in schedule_table(schedule(trials), 1)


def test_shards_are_parts_that_make_the_whole(trials):
    parts = [share(trials, f"{k}/4") for k in (1, 2, 3, 4)]
    assert sorted(t.name for part in parts for t in part) == sorted(t.name for t in trials)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1 and share(trials, "1/1") == trials
    for bad in ("0/2", "3/2", "1", "a/b", "1/0", "-1/2"):
        with pytest.raises(UserError, match=r"--shard is one of 1/n \.\.\. n/n, received"):
            share(trials, bad)


def test_that_a_single_subject_has_no_interval_is_said_in_words(experiment, golds, tmp_path):
    people = [Recording(name, f"p{k % 3}", {}, session=str(k % 3)) for k, name in enumerate(golds)]
    Store(experiment.store).describe({"part": "synthetic", "dir": "nowhere"}, "made up", people)
    trials = grid(experiment, MULTI_AGAINST_SINGLE, [0], [0], tmp_path / "out")
    for trial in trials:
        pretend(trial, golds, 0.3)
    said, paths = report(trials, "stl", "population", "one person", tmp_path / "report")
    assert said.count("(no interval) undecided") == 2 * 2 * 2  # target, pooling, restored or not
    pages = [path.read_text() for path in paths if path.suffix in (".md", ".html", ".tex")]
    assert len(pages) == 3 and all("(no interval)" in page and "[nan" not in page for page in pages)
    assert "undecided: no interval" in next(page for page in pages if "<html" in page)


def test_a_run_that_breaks_is_told_and_stops_no_other(trials, monkeypatch, capfd):
    from emotf import training

    breaks = {"stl of arousal, fold 1, seed 0": UserError("no face"), "mtl, fold 2, seed 1": ZeroDivisionError("by 0")}
    folders = {trial.run.folder: trial for trial in trials}
    for trial in trials:
        if trial.name in breaks or trial.name == "mtl, fold 0, seed 0":
            trial.run.folder.joinpath("FINISHED").unlink()

    def train(experiment, run):
        if (name := folders[run.folder].name) in breaks:
            raise breaks[name]
        run.finish()

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr("emotf.comparison.execution.check", lambda trials: None)
    monkeypatch.setattr("emotf.comparison.execution.evaluate", lambda *args, **named: None)
    broken = execute(trials, 1)
    said = capfd.readouterr().err
    bug = next(trial for trial in trials if trial.name == "mtl, fold 2, seed 1").run.log
    assert broken == {
        "stl of arousal, fold 1, seed 0": "no face",
        "mtl, fold 2, seed 1": f"ZeroDivisionError: by 0 (traceback: {bug})",
    }
    assert "18 runs, 15 of them done" in said and "run 1 of 3 ended: mtl, fold 0, seed 0" in said
    assert "run 2 of 3 BROKE, no face: stl of arousal, fold 1, seed 0" in said
    assert "ZeroDivisionError: by 0" in bug.read_text() and "Traceback" in bug.read_text()
    assert whole(trials) == ([], ("stl", "mtl"))
    with pytest.raises(UserError, match="2 runs broke; the first: stl of arousal, fold 1, seed 0: no face"):
        required(broken)
    required({})


def test_systems_with_a_broken_run_are_left_out(trials):
    next(trial for trial in trials if trial.system == "mtl").run.folder.joinpath("FINISHED").unlink()
    kept, lacking = whole(trials)
    assert lacking == ("mtl",) and {trial.system for trial in kept} == {"stl"} and len(kept) == 12
    assert set(summarise(kept, "stl")["system"]) == {"stl"}


def test_an_axis_of_numbers_is_drawn(experiment, golds, tmp_path):
    axes = parse(["window.frames/training.batch=4/8,8/4", "loss=mse,ccc"])
    trials = grid(experiment, axes, None, [0], tmp_path / "out")
    assert {(t.experiment.window.frames, t.experiment.training.batch) for t in trials} == {(4, 8), (8, 4)}
    for trial in trials:
        pretend(trial, golds, 1 / trial.experiment.window.frames)
    paths = report(trials, "4/8 mse", "population", "lengths", tmp_path / "report")[1]
    (drawn,) = [path for path in paths if path.name == "sweep.png"]
    assert drawn.read_bytes().startswith(b"\x89PNG")
