"""Nothing of the length of a corpus stays in memory, and nothing comes out otherwise than if all of it did."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest

from emotf import evaluation, prediction
from emotf.config import Data, Experiment
from emotf.corpora.folder import Folder
from emotf.errors import UserError
from emotf.evaluation import evaluate, evaluate_missing, missing_scores, score, subjects_of, value
from emotf.features.precomputed import Precomputed
from emotf.losses.mse import Mse
from emotf.measures import MEAN, MEASURES
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.pipeline import Golds, Lazy, Missing, batches, clocks, prediction_batches, select, training_batches
from emotf.pipeline.standardisation import scaler
from emotf.prediction import Predictor, kept, predict_missing, predict_partition, traces
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store, nearest_frames
from emotf.runs import Run
from emotf.tables import read_track
from emotf.track import Track
from emotf.training.callbacks import DevScores
from emotf.training.criteria import criteria
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

TARGETS = ("arousal", "valence", "dominance")
STREAMS = {"face": (25.0, 3), "mel": (50.0, 4)}
IMAGES, SEQUENCES = FeatureImages(frames=4, stride=0.2), Sequences(frames=16, stride_frames=10)

# recording -> subject, partition, seconds
PEOPLE = {
    "r0": ("anna", "train", 4), "r1": ("ben", "train", 3), "r2": ("carl", "dev", 4), "r3": ("dora", "dev", 3),
    "r4": ("eva", "dev", 5), "r5": ("finn", "test", 4), "r6": ("gus", "test", 3), "r7": ("finn", "test", 5),
    "r8": ("hal", "train", 5),
}  # fmt: skip
SMALL = {"filters": 6, "gru_units": 3}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Gold at 10/s with holes, not from 0 s on; r1 lacks dominance; nobody rated r6."""
    rng = np.random.default_rng(0)
    store = Store(tmp_path_factory.mktemp("store") / "folder")
    people = [Recording(name, who, {}, partition=part) for name, (who, part, _) in PEOPLE.items()]
    store.describe({"part": "folder", "dir": "."}, "one rater", people)
    for name, (rate, channels) in {**STREAMS, GOLD: (10.0, 3)}.items():
        stream, entries = store.stream(name), {}
        columns = TARGETS if name == GOLD else tuple(f"c{i}" for i in range(channels))
        made_by = {"part": "precomputed", "stream": name}
        stream.start(Schema(columns, 1 / rate, 0.0, GOLD if name == GOLD else "extracted", made_by))
        for recording, (_, _, seconds) in PEOPLE.items():
            values = rng.normal(size=(int(seconds * rate), channels))
            if name == GOLD:
                values[5:9, 0] = values[7:12] = np.nan
                values[:, 2] *= np.nan if recording == "r1" else 1
                values *= np.nan if recording == "r6" else 1
            start = 0.02 if name == GOLD else 0.0
            entries[recording] = stream.write(recording, Track(values, 1 / rate, start, columns))
        stream.complete(entries)
    return store


def drawn(network, seed=0):
    """Weights, biases too, none of which is 0."""
    rng = np.random.default_rng(seed)
    for weight in network.trainable_variables:
        weight.assign(weight + rng.normal(scale=0.1, size=weight.shape))
    return network


def equal(one, other):
    assert (one.hop, one.start, one.channels) == (other.hop, other.start, other.channels)
    assert one.values.tobytes() == other.values.tobytes()


# ---- gold standards --------------------------------------------------------------------------------------------------


def literal_golds(store, targets, delay, dropped, shuffled):
    """partition -> recording -> gold standard, all in memory."""
    found = {"train": {}, "dev": {}, "test": {}}
    for recording, (_, partition, _) in PEOPLE.items():
        whole = store.stream(GOLD).read(recording)
        if dropped and np.isnan(whole.values).all(axis=0).any():
            continue
        shift = round(delay * 10)
        columns = np.full((whole.frames, len(targets)), np.nan, np.float32)
        for i, target in enumerate(targets):
            columns[: whole.frames - shift, i] = whole.values[shift:, TARGETS.index(target)]
        found[partition][recording] = Track(columns, whole.hop, whole.start, targets)
    if shuffled:
        own, names = dict(found["train"]), list(found["train"])
        order = np.random.default_rng(0).permutation(len(names))
        for k in range(len(order)):
            mine, other = names[order[k]], names[order[k - 1]]
            values = np.full_like(own[mine].values, np.nan)
            rows = min(len(values), own[other].frames)
            values[:rows] = own[other].values[:rows]
            found["train"][mine] = Track(values, own[mine].hop, own[mine].start, targets)
    return found


@pytest.mark.parametrize(
    ("targets", "delay", "missing_targets", "shuffled"),
    [
        (TARGETS, 0.0, "mask", False),
        (("valence", "arousal"), 0.3, "mask", True),
        (TARGETS, 0.2, "drop_recording", True),
    ],
)
def test_gold_standards_are_what_they_were_in_memory(store, targets, delay, missing_targets, shuffled):
    chosen = select(store, targets, None, "rotation", delay, missing_targets, shuffled)
    expected = literal_golds(store, targets, delay, missing_targets == "drop_recording", shuffled)
    assert list(chosen.golds) == list(expected)
    for partition, golds in expected.items():
        found = chosen.partition(partition)
        assert list(found) == list(golds) and len(found) == len(golds)
        assert clocks(found) == {name: gold.clock for name, gold in golds.items()}
        for name, gold in found.items():
            equal(gold, golds[name])
    dropped = ("r1", "r6") if missing_targets == "drop_recording" else ()
    assert set(chosen.dropped) == set(dropped)
    if not dropped:
        assert chosen.lacking == {target: ("r1", "r6") if target == "dominance" else ("r6",) for target in targets}


def test_an_impossible_delay_is_refused_before_anything_is_read_twice(store):
    with pytest.raises(UserError, match=r"shift of 0\.25 s is 2\.50 frames"):
        select(store, TARGETS, None, delay=0.25)


def test_nothing_is_kept_of_what_was_asked_for(store):
    golds = select(store, TARGETS, None).partition("train")
    gold = golds["r0"]
    gone = weakref.ref(gold)
    assert golds["r0"] is not gold
    del gold
    gc.collect()
    assert gone() is None


def test_a_lazy_mapping_is_asked_once_for_each_value_and_never_for_a_name():
    asked = []
    lazy = Lazy(("b", "a"), lambda name: asked.append(name) or name.upper())
    assert list(lazy) == ["b", "a"] and len(lazy) == 2 and "a" in lazy and "c" not in lazy and not asked
    assert list(lazy.items()) == [("b", "B"), ("a", "A")] and asked == ["b", "a"]
    with pytest.raises(KeyError):
        lazy["c"]
    assert asked == ["b", "a"] and lazy.get("c") is None
    plain = {"r": Track(np.zeros((3, 1)), 0.1, 0.5)}
    assert clocks(plain) == {"r": plain["r"].clock}
    assert clocks(Golds(clocks(plain), plain.__getitem__)) == clocks(plain)


# ---- batches ---------------------------------------------------------------------------------------------------------


def reader_in_memory(golds):
    """The way it was: gold standards, anchors and centres of all recordings lie end to end in constants of a graph."""

    def reader(store, streams, when, gold, anchors, scaling, lost=None, fill=None):
        import tensorflow as tf

        def sliced(parts):
            joined, borders = tf.constant(np.concatenate(parts)), tf.constant(np.cumsum([0, *map(len, parts)]))
            return lambda index: joined[borders[index] : borders[index + 1]]

        parsers = {name: store.stream(name).parser() for name in streams}
        paths = {name: tf.constant([str(store.stream(name).path(id_)) for id_ in golds]) for name in streams}
        own = {name: store.stream(name).clocks(golds) for name in streams}
        centres = {
            name: sliced([nearest_frames(id_, name, own[name][id_], gold.clock) for id_, gold in golds.items()])
            for name in streams
        }
        rated = sliced([gold.values for gold in golds.values()])
        anchor = sliced([anchors(gold.values) for gold in golds.values()])
        scales = {name: scaler([of[id_] for id_ in golds]) for name, of in (scaling or {}).items()}

        def values(name, index):
            frames = parsers[name](tf.data.TFRecordDataset(paths[name][index]).get_single_element())
            return scales[name](frames, index) if name in scales else frames

        def read(index):
            return {
                "streams": {name: values(name, index) for name in streams},
                "centres": {name: centres[name](index) for name in streams},
                "gold": rated(index),
                "anchors": anchor(index),
            }

        return read

    return reader


def told(epochs, epoch):
    """All arrays of an epoch, as bytes."""
    epochs.epoch.assign(epoch)
    return [
        (name, array.shape, array.tobytes())
        for x, y in epochs.dataset.as_numpy_iterator()
        for name, array in {**x, **y}.items()
    ]


@pytest.mark.parametrize(
    ("window", "pool", "order", "shuffled"),
    [(IMAGES, 2, "shuffled", False), (SEQUENCES, 0, "shuffled", True), (Sequences(0), 1, "by_recording", False)],
)
def test_batches_are_those_of_a_corpus_in_memory(store, monkeypatch, window, pool, order, shuffled):
    golds = select(store, TARGETS, None, delay=0.2, shuffled_gold=shuffled).partition("train")
    in_memory = literal_golds(store, TARGETS, 0.2, False, shuffled)["train"]
    common = {"window": window, "batch": 7, "seed": 3, "pool": pool, "order": order}
    now = training_batches(store, list(STREAMS), golds, **common)
    with monkeypatch.context() as patch:
        patch.setattr(batches, "reader", reader_in_memory(in_memory))
        before = training_batches(store, list(STREAMS), in_memory, **common)
    assert (now.examples, now.steps, now.pool) == (before.examples, before.steps, before.pool)
    first = told(now, 0)
    assert first == told(before, 0) and len(first) == now.steps * 5
    later = told(now, 4)
    assert later == told(before, 4) and later != first
    assert told(now, 0) == first  # on another way back to an epoch


@pytest.mark.parametrize(
    ("kilobytes", "pool"),
    [(1, 16 * 1024), (512, 32), (1025, 16), (10_000, 16), (20_000, 13), (61_000, 4), (500_000, 4)],
)
def test_a_pool_is_bounded_whatever_the_corpus(store, monkeypatch, kilobytes, pool):
    from emotf.records import Entry, Stream

    entries = {f"r{k}": Entry(1024 * (kilobytes - (k == 0)), 1, 0.0, "") for k in range(3)}
    monkeypatch.setattr(Stream, "completed", property(lambda self: entries))
    assert batches._pool_size(store, ["face"], entries) == pool


# ---- predictions -----------------------------------------------------------------------------------------------------


def finished(folder, store, model, window):
    """A run that was never trained."""
    run = Run(folder)
    data = Data(records=str(store.folder.parent), targets=TARGETS)
    run.begin(Experiment(Folder(), {name: Precomputed(name) for name in STREAMS}, model, Mse(), data, window))
    channels = {name: count for name, (_, count) in STREAMS.items()}
    run.note(records={"fingerprint": store.fingerprint(STREAMS)})
    run.save_network(drawn(model.build(channels, TARGETS, window.inputs)))
    run.finish()
    return run


@pytest.fixture(scope="module")
def lstm(store, tmp_path_factory):
    """Predicts by windows."""
    return finished(tmp_path_factory.mktemp("lstm") / "run", store, Lstm((5,)), SEQUENCES)


@pytest.fixture(scope="module")
def cer(store, tmp_path_factory):
    """Slides."""
    return finished(tmp_path_factory.mktemp("cer") / "run", store, Cer(**SMALL), IMAGES)


def test_predictions_by_windows_are_those_of_one_call_of_keras(store):
    """The way it was: all windows of a partition in one call, their outputs end to end."""
    channels = {name: count for name, (_, count) in STREAMS.items()}
    golds = literal_golds(store, TARGETS, 0.0, False, False)["test"]
    for model, window in ((Cer(**SMALL), IMAGES), (Lstm((5,)), Sequences(0)), (Lstm((5,)), SEQUENCES)):
        network = drawn(model.build(channels, TARGETS, window.inputs))
        predictor = Predictor(network, store, list(STREAMS), golds, window)
        whole = window.predicting(max(gold.frames for gold in golds.values()))
        outputs = network.predict(prediction_batches(store, list(STREAMS), golds, whole), verbose=0)
        values = np.stack([np.ravel(outputs[name]) for name in TARGETS], axis=1)
        borders = np.cumsum([len(whole.cover(gold.frames)) for gold in golds.values()]) * whole.length
        parts = np.split(values, borders[:-1])
        found = list(predictor.each())
        assert [name for name, _ in found] == list(golds) == ["r5", "r6", "r7"]
        for (name, track), part in zip(found, parts, strict=True):
            equal(track, Track(part[: golds[name].frames], 0.1, 0.02, TARGETS))
            assert track.values.std(axis=0).min() > 1e-3


@pytest.mark.parametrize("kind", ["lstm", "cer"])
def test_an_evaluation_is_what_it_was_with_all_in_memory(request, tmp_path, kind):
    run = request.getfixturevalue(kind)
    golds, predictions = predict_partition(run, "test")
    expected = score(dict(golds), predictions, "test", "avec", subjects_of(run))
    before = Run(tmp_path / "before")
    before.write_predictions("test", predictions)
    before.write_scores(expected)
    found = evaluate(run, "test", variance="avec")
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert found["value"].notna().any() and found["recordings"].max() == 2
    for name in golds:
        assert run.prediction("test", name).read_bytes() == before.prediction("test", name).read_bytes()
    assert (run.folder / "scores.csv").read_bytes() == (before.folder / "scores.csv").read_bytes()


def test_what_is_lost_is_what_it_was_with_all_in_memory(cer):
    missing = [Missing(("mel",), 0.5, 0.4), Missing(("face",))]
    golds, (complete, *found) = predict_missing(cer, "test", [None, *missing])
    expected = pd.concat([
        missing_scores(golds, complete, tracks, one, "test", subjects=subjects_of(cer))
        for one, tracks in zip(missing, found, strict=True)
    ])  # fmt: skip
    pd.testing.assert_frame_equal(evaluate_missing(cer, "test", missing), expected, check_exact=True)
    assert abs(expected["loss"]).max() > 1e-3


def test_predictions_are_let_go_once_they_are_scored(lstm, monkeypatch):
    alive = []
    add = evaluation.add_moments

    def watched(found, recording, gold, made):
        assert [ref() for ref in alive] == [None] * len(alive)
        alive.extend([weakref.ref(gold), weakref.ref(made)])
        add(found, recording, gold, made)

    monkeypatch.setattr(evaluation, "add_moments", watched)
    evaluate(lstm, "test")
    assert len(alive) == 6


def test_traces_are_kept_then_read(cer, monkeypatch):
    golds, found = traces(cer, "dev")
    assert isinstance(found, Lazy) and list(found) == list(golds) == ["r2", "r3", "r4"]
    _, expected = predict_partition(cer, "dev")
    for name, track in found.items():
        equal(track, expected[name])
        equal(track, read_track(cer.prediction("dev", name)))
    monkeypatch.setattr(prediction, "predictors", None)  # not even asked for
    equal(traces(cer, "dev")[1]["r3"], expected["r3"])
    equal(kept(cer, "dev", ["r3"])["r3"], expected["r3"])
    cer.prediction("dev", "r3").unlink()
    with pytest.raises(TypeError):
        traces(cer, "dev")


def test_development_scores_are_what_they_were_with_all_in_memory(lstm, store):
    golds = select(store, TARGETS, None).partition("dev")
    predictor = Predictor(lstm.network(), store, list(STREAMS), golds, SEQUENCES)
    dev, logs = DevScores(predictor), {"loss": 1.0}
    dev.on_epoch_end(0, logs)
    predictions = predictor()
    scores = score(golds, predictions, "dev", measures=(*MEASURES, "mse"))
    expected = {"loss": 1.0}
    for target in TARGETS:
        expected |= {f"dev_{target}_{measure}": value(scores, target, measure) for measure in MEASURES}
        expected[f"dev_{target}_ccc_mean"] = value(scores, target, "ccc", MEAN)
    expected |= {f"dev_{name}": number for name, number in criteria(golds, predictions, scores).items()}
    assert logs == expected and "dev_non_inertial_mean" in logs
    assert list(dev.predictions) == ["r2", "r3"]
    for name, track in dev.predictions.items():
        equal(track, predictions[name])
