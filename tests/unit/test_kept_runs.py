"""Training proper, on a small corpus: the weights that each criterion chose, as runs that every tool works on."""

import itertools
import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from emotf.config import Data, Experiment, Training
from emotf.corpora.folder import Folder
from emotf.errors import UserError
from emotf.evaluation import evaluate, score
from emotf.features.precomputed import Precomputed
from emotf.files import read_json, write_json
from emotf.losses.mse import Mse
from emotf.measures import MEASURES
from emotf.models.lstm import Lstm
from emotf.postprocessing.centring import Centring
from emotf.prediction import predict_media, predict_partition
from emotf.records import extract
from emotf.refinement import postprocess
from emotf.report import descriptions
from emotf.runs import Run
from emotf.serving.exporting import export
from emotf.training import train
from emotf.training.callbacks import Progress
from emotf.training.criteria import criteria
from emotf.windows.sequences import Sequences

TARGETS = ("arousal", "valence")
KEEP = ("mse_mean", "non_inertial_mean", "ccc")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Six recordings of a moving gaze, from which both targets follow; extracted."""
    corpus, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    rows = ["id,subject,partition"]
    for target in TARGETS:
        (corpus / "ratings" / target).mkdir(parents=True)
    (corpus / "streams" / "gaze").mkdir(parents=True)
    for k, partition in enumerate(("train", "train", "train", "dev", "dev", "test")):
        gaze = np.cumsum(rng.normal(size=(200 + 10 * k, 3)), axis=0) / 10
        np.save(corpus / f"streams/gaze/r{k}.npy", gaze)
        rows.append(f"r{k},s{k},{partition}")
        for i, target in enumerate(TARGETS):
            values = np.tanh(gaze[:, i] + 0.3 * rng.normal(size=len(gaze)))
            lines = [f"{t / 10},{value:.4f}" for t, value in enumerate(values)]
            (corpus / f"ratings/{target}/r{k}.csv").write_text("\n".join(["time,gold", *lines]))
    (corpus / "streams/gaze/stream.json").write_text('{"rate_hz": 10}')
    (corpus / "recordings.csv").write_text("\n".join(rows))
    made = Experiment(
        Folder(str(corpus)),
        {"gaze": Precomputed("gaze")},
        Lstm(units=(6,), cell="keras"),
        Mse(),
        Data(records=str(corpus / "records"), targets=TARGETS),
        Sequences(frames=20),
        Training(learning_rate=0.05, batch=4, epochs=6, keep=KEEP, select="ccc_mean", order="by_recording", plateau=1),
    )
    extract(made.corpus, made.streams, made.store)
    return made


@pytest.fixture(scope="module")
def run(experiment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "one"
    train(experiment, Run(folder))
    return Run(folder)


def test_every_kept_run_has_the_weights_of_the_best_epoch_by_its_criterion(run):
    history = pd.read_csv(run.history)
    rows = {}
    for name, found in {"ccc_mean": run, **{name: run.best(name) for name in KEEP}}.items():
        column = list(history[f"dev_{name}"])
        rows[name] = column.index(max(column) if name.startswith("ccc") else min(column))
        assert found.about["chosen"] == {"criterion": name, "epoch": rows[name]} and found.finished
        golds, predictions = predict_partition(found, "dev")
        again = criteria(golds, predictions, score(golds, predictions, "dev", measures=(*MEASURES, "mse")))
        logged = history.iloc[rows[name]]
        assert again == pytest.approx({key: logged[f"dev_{key}"] for key in again}, rel=1e-5)
        assert len(again) == 5 and found.chosen_epoch(history) == rows[name]
    assert len(set(rows.values())) > 1, rows
    assert sorted(path.name for path in (run.folder / "best").iterdir()) == sorted(KEEP)
    assert not run.state.exists() and not (run.folder / "kept").exists()


def test_the_log_has_the_columns_it_had_and_each_criterion(run):
    columns = list(pd.read_csv(run.history).columns)
    before = [f"dev_{target}_{name}" for target in TARGETS for name in (*MEASURES, "ccc_mean")]
    now = ["dev_mse", "dev_ccc_mean", "dev_mse_mean", "dev_non_inertial_mean"]
    assert [name for name in columns if name.startswith("dev_")] == [*before, "dev_ccc", *now]
    assert {"epoch", "loss", "arousal_loss", "valence_loss", "learning_rate"} <= set(columns)


def test_every_tool_works_on_a_kept_run(run, experiment, tmp_path):
    kept = run.best("mse_mean")
    scores = evaluate(kept, "test")
    assert kept.scores().equals(pd.read_csv(kept.folder / "scores.csv")) and run.scores() is None
    refined = postprocess(kept, [Centring()])
    pd.testing.assert_frame_equal(refined.before, scores)
    media = {"gaze": f"{experiment.corpus.dir}/streams/gaze/r5.npy"}
    trace = predict_media(kept, media).trace
    _, predictions = predict_partition(kept, "test")
    np.testing.assert_allclose(trace.values, predictions["r5"].values, atol=1e-5)
    assert json.loads((export(kept, tmp_path / "model") / "emotf.json").read_text())["targets"] == list(TARGETS)
    epoch = kept.about["chosen"]["epoch"] + 1
    assert f"weights of epoch {epoch}, the best by dev_mse_mean, kept from one" in descriptions.of_run(kept)
    assert "the best by dev_ccc_mean\n" in descriptions.of_run(run)
    with pytest.raises(UserError, match="was trained on other records"):
        kept.check_records("another")


def test_a_kept_run_is_not_trained_and_the_run_itself_is_finished(run, experiment, capfd):
    with pytest.raises(UserError, match="ccc holds the weights that run one kept by ccc; train that run, or choose"):
        train(experiment, run.best("ccc"))
    train(experiment, run)
    assert "is finished; nothing to do" in capfd.readouterr().err


def test_a_run_of_an_older_version_is_known_again(run, experiment, tmp_path):
    old = Run(tmp_path / "old")
    plain = replace(experiment, training=Training(epochs=6))
    old.begin(plain)
    content = read_json(old.folder / "config.json")
    for name in ("order", "select", "keep"):
        del content["training"][name]
    write_json(old.folder / "config.json", content)
    old.check(plain, "f")
    with pytest.raises(UserError, match=r"training\.order \(shuffled, asked for by_recording\)"):
        old.check(replace(experiment, training=Training(epochs=6, order="by_recording")), "f")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"select": "non_inertial_mean"}, r"two, the experiment has only arousal; choose another training\.select"),
        ({"keep": ("non_inertial_mean",)}, r"two, the experiment has only arousal; choose another training\.keep"),
    ],
)
def test_what_cannot_choose_is_refused_before_anything_is_written(experiment, tmp_path, monkeypatch, changes, message):
    """The targets are those of the corpus, so only the records tell how many there are."""
    from emotf.training import loop

    chosen = loop.selection(replace(experiment, data=replace(experiment.data, targets=("arousal",))))
    monkeypatch.setattr(loop, "selection", lambda _: chosen)
    asked = replace(experiment, data=replace(experiment.data, targets=()), training=Training(**changes))
    with pytest.raises(UserError, match=message):
        train(asked, Run(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_the_line_of_progress_names_what_selects(capfd):
    stopping = keras.callbacks.EarlyStopping("dev_mse_mean", mode="min")
    logs = {"loss": 1.5, "dev_ccc": 0.9, "dev_mse_mean": 0.25}
    line = Progress(7, stopping)
    for callback in (stopping, line):
        callback.on_train_begin()
    line.on_epoch_begin(2)
    stopping.on_epoch_end(2, logs)
    line.on_epoch_end(2, logs)
    assert "epoch   3/7  loss 1.5000  dev_mse_mean 0.250  best 0.250 (0 epochs ago)" in capfd.readouterr().err


def test_the_order_that_is_asked_for_reaches_the_batches(experiment, tmp_path, monkeypatch):
    class KnownError(Exception):
        pass

    def fit(settings, run, learner, optimizer, epochs, dev, asking):
        raise KnownError(np.concatenate([y["valence"] for _, y in epochs.dataset.as_numpy_iterator()]))

    monkeypatch.setattr("emotf.training.loop._fit", fit)
    breaks = {}
    for order in ("by_recording", "shuffled"):
        settings = replace(experiment.training, order=order)
        with pytest.raises(KnownError) as known:
            train(replace(experiment, training=settings), Run(tmp_path / order))
        (gold,) = known.value.args
        # a sequence of 20 frames begins in the middle of the one before it
        breaks[order] = sum(not np.array_equal(one[10:], two[:10]) for one, two in itertools.pairwise(gold))
    assert breaks["by_recording"] == 2 < 10 < breaks["shuffled"]  # three recordings


def test_tensorboard_shows_traces_and_the_plane(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.folder / "tensorboard/dev"))
    events.Reload()
    tags = events.Tags()["tensors"]
    assert set(tags) == {"r3", "r4", "r3 in the plane", "r4 in the plane"}
    scalars = EventAccumulator(str(run.folder / "tensorboard/train"))
    scalars.Reload()
    assert {"epoch_dev_mse_mean", "epoch_dev_non_inertial_mean"} <= set(scalars.Tags()["tensors"])
