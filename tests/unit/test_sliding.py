"""A network that slides over whole recordings says what it says of each feature image."""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
import pytest

from emotf import catalog, prediction
from emotf.config import Data, Experiment, Training
from emotf.corpora.folder import Folder
from emotf.evaluation import score, value
from emotf.features.precomputed import Precomputed
from emotf.losses.mse import Mse
from emotf.models import base
from emotf.models.cer import Cer
from emotf.models.pure_cnn import PureCnn
from emotf.pipeline import Missing, Standardisation, sliding, standardise
from emotf.pipeline.sliding import Rows, Slider
from emotf.prediction import Predictor, predict_media, predict_missing, predict_partition
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store
from emotf.runs import Run
from emotf.track import Clock, Track
from emotf.training.loop import train
from emotf.windows.feature_images import FeatureImages

TARGETS = ("valence", "arousal", "dominance")  # not in the order of the alphabet
CHANNELS = {"speech": 5, "body": 3}
SMALL = {"filters": 6, "gru_units": 3}
EXACT = {"atol": 1e-5, "rtol": 0}

# model, its settings, and N
MODELS = [
    ("cer", SMALL, 20),
    ("cer", {}, 4),
    ("cer", SMALL | {"kernel": 1, "pool": 1}, 2),
    ("cer", SMALL | {"kernel": 4, "pool": 3, "batch_norm": True}, 12),
    ("cer", SMALL | {"pool": 18}, 20),
    ("cer", SMALL | {"pool": 1}, 40),  # more steps than are unrolled
    ("cer", SMALL | {"recurrence_over": "filters"}, 20),
    ("cer", SMALL | {"recurrence_over": "filters", "batch_norm": True, "kernel": 2, "pool": 5, "filters": 1}, 12),
    ("cer_waveform", SMALL, 6),
    ("cer_waveform", {"waveforms": ("speech",), "front_end_kernel": 2, "front_end_stride": 1, "front_end_pool": 1}, 6),
    ("pure_cnn", {"filters": 8}, 20),
    ("pure_cnn", {"filters": 8, "kernels": (3,)}, 4),
    ("pure_cnn", {"filters": 8, "kernels": (2, 3)}, 4),  # the mean of one frame
]


def drawn(network, seed=0):
    """The network with all weights drawn, those that begin as 0 or 1 too."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if not weight.path.startswith("standardise"):
            new = np.asarray(weight) + rng.normal(scale=0.3, size=weight.shape)
            weight.assign(abs(new) + 0.1 if weight.path.endswith("variance") else new)
    return network


def literal(network, tracks, clock, window):
    """[gold frames, targets]: each image gathered by itself, then the network on them all."""
    images = {}
    for name, track in tracks.items():
        centre = track.clock.nearest(clock.times, 0.1)
        step = round(window.stride / track.hop)
        at = [
            [min(max(c + (j - window.frames // 2 + 1) * step, 0), track.frames - 1) for j in range(window.frames)]
            for c in centre
        ]
        images[name] = track.values[np.array(at)]
    said = network(images)
    return np.stack([np.asarray(said[target]) for target in TARGETS], axis=1)


def tracks_of(hops, seconds=6.0, starts=None, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: Track(rng.normal(2.0, 3.0, size=(int(seconds / hop), CHANNELS[name])), hop, (starts or {}).get(name, 0.0))
        for name, hop in hops.items()
    }


def slid(model, network, tracks, clock, window):
    found = Slider.of(model, network, window, {name: track.hop for name, track in tracks.items()})
    assert found is not None
    streams = {name: track.values for name, track in tracks.items()}
    return found(streams, {name: track.clock.nearest(clock.times, 0.1) for name, track in tracks.items()}, TARGETS)


# ---- every model -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "settings", "frames"), MODELS)
def test_a_slid_network_is_the_network(name, settings, frames):
    model, window = catalog.find("models", name)(**settings), FeatureImages(frames, 0.2)
    tracks, clock = tracks_of({"speech": 1 / 60, "body": 1 / 25}), Clock(0.0, 0.04, 150)
    fitted = {stream: Standardisation.fit([track], "train") for stream, track in tracks.items()}
    network = drawn(model.build(CHANNELS, TARGETS, frames, fitted))
    expected = literal(network, tracks, clock, window)
    assert expected.std(axis=0).min() > 1e-3
    np.testing.assert_allclose(slid(model, network, tracks, clock, window), expected, **EXACT)


def test_one_target_of_one_stream():
    window, tracks = FeatureImages(8, 0.08), tracks_of({"body": 0.04})
    for model in (Cer(**SMALL), PureCnn(filters=8, kernels=(3, 2))):
        network = drawn(model.build({"body": 3}, ["valence"], 8))
        found = Slider.of(model, network, window, {"body": 0.04})
        values = found({"body": tracks["body"].values}, {"body": np.arange(150)}, ["valence"])
        at = np.clip(np.arange(150)[:, None] + 2 * (np.arange(8) - 3), 0, 149)
        expected = network({"body": tracks["body"].values[at]})["valence"]
        np.testing.assert_allclose(values[:, 0], expected, **EXACT)


def test_models_of_sequences_do_not_slide():
    for name in catalog.names("models"):
        model = catalog.find("models", name)()
        # the others are all tried above
        assert (
            (type(model).sliding is base.Model.sliding)
            == model.sequences
            == (name not in {part for part, *_ in MODELS})
        )


@pytest.mark.parametrize(
    ("hops", "starts", "gold", "stride"),
    [
        ({"speech": 0.04, "body": 0.04}, {}, Clock(0.0, 0.04, 150), 0.16),
        ({"speech": 0.01, "body": 1 / 60}, {}, Clock(0.0, 0.04, 149), 0.1),  # 2.5 gold frames
        ({"speech": 1 / 60, "body": 0.1}, {"body": 0.03}, Clock(0.02, 0.04, 147), 0.1),  # other phases
        ({"speech": 0.025, "body": 1 / 30}, {}, Clock(0.0, 1 / 24, 140), 0.2),  # nearest frames jitter
        ({"speech": 0.04, "body": 0.04}, {}, Clock(-0.1, 0.04, 155), 0.16),  # gold before and behind the streams
        ({"speech": 0.1, "body": 0.1}, {}, Clock(0.0, 0.01, 590), 0.1),  # many gold frames see the same image
        ({"speech": 0.01, "body": 0.01}, {}, Clock(0.0, 0.5, 12), 0.02),  # no two images share a frame
        ({"speech": 0.04, "body": 0.04}, {}, Clock(1.0, 0.04, 1), 0.04),  # one
    ],
)
def test_any_clocks(hops, starts, gold, stride, monkeypatch):
    model, window, tracks = Cer(**SMALL), FeatureImages(6, stride), tracks_of(hops, starts=starts)
    network = drawn(model.build(CHANNELS, TARGETS, 6))
    expected, found = literal(network, tracks, gold, window), Slider.of(model, network, window, hops)
    streams = {name: track.values for name, track in tracks.items()}
    centres = {name: track.clock.nearest(gold.times, 0.1) for name, track in tracks.items()}
    for rows in (sliding.BLOCK_ROWS, 64, 17):
        monkeypatch.setattr(sliding, "BLOCK_ROWS", rows)
        np.testing.assert_allclose(found(streams, centres, TARGETS), expected, **EXACT)


def test_an_image_sees_no_row_that_is_not_its_own():
    """A frame that is no number spoils the images that show it, and no other."""
    model, window, clock = Cer(**SMALL), FeatureImages(6, 0.08), Clock(0.0, 0.04, 100)
    tracks = tracks_of({"speech": 0.04, "body": 0.04}, seconds=4.0)
    values = tracks["body"].values.copy()
    values[50] = np.nan
    network = drawn(model.build(CHANNELS, TARGETS, 6))
    found = slid(model, network, tracks | {"body": Track(values, 0.04)}, clock, window)
    # offsets -4, -2, 0, 2, 4, 6 frames
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found).all(axis=1)), [44, 46, 48, 50, 52, 54])
    assert np.isnan(found).any(axis=1).sum() == 6


# ---- rows ------------------------------------------------------------------------------------------------------------


def test_rows_are_as_few_as_can_be():
    """At 60/s with t = 1/6 s: ten lines, each of a tenth of the gold frames and N - 1 rows more."""
    offsets = {"speech": FeatureImages(20, 1 / 6).offsets(1 / 60)}
    rows = Rows.of({"speech": np.arange(600)}, offsets, {"speech": 600})
    assert len(rows.frames["speech"]) == 10 * (60 + 19)
    assert sorted(rows.images.tolist()) == list(range(600)) and (np.diff(rows.starts) > 0).all()
    sizes = [len(block.frames["speech"]) for block in rows.blocks(100)]
    assert max(sizes) <= 100 and len(sizes) <= 10 and len(list(rows.blocks(1000))) == 1


# ---- where there is no sliding ---------------------------------------------------------------------------------------


@dataclass
class Other(FeatureImages):
    plus: tuple[int, ...] = ()

    def offsets(self, hop):
        return super().offsets(hop) + np.array(self.plus)


def test_what_would_not_equal_the_network_is_left_alone(monkeypatch):
    window, hops = FeatureImages(4, 0.1), dict.fromkeys(CHANNELS, 0.02)
    for model in (Cer(), PureCnn(kernels=(2, 2))):
        network = model.build(CHANNELS, TARGETS, 4)
        assert Slider.of(model, network, window, hops) is not None
        assert Slider.of(model, network, Other(4, 0.1, (3, 3, 3, 3)), hops) is not None
        for plus in ((0, 0, 0, 1), (0, -5, -10, -15), (0, -10, -20, -30)):  # uneven, all the same frame, backwards
            assert Slider.of(model, network, Other(4, 0.1, plus), hops) is None
        inputs = {name: keras.Input((4, count), name=name) for name, count in CHANNELS.items()}
        other = keras.Model(inputs, {"arousal": keras.layers.Flatten()(inputs["body"])})
        assert Slider.of(model, other, window, hops) is None
        with monkeypatch.context() as patch:
            patch.setattr(keras.backend, "backend", lambda: "jax")
            assert Slider.of(model, network, window, hops) is None
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_float16")
        try:
            half = model.build(CHANNELS, TARGETS, 4)
        finally:
            keras.config.set_dtype_policy(before)
        assert Slider.of(model, half, window, hops) is None


# ---- from records to traces ------------------------------------------------------------------------------------------

PEOPLE = {"r0": "train", "r1": "train", "r2": "dev", "r3": "test", "r4": "test"}
RATES = {"speech": 60.0, "body": 25.0, GOLD: 20.0}
WINDOW = FeatureImages(frames=6, stride=0.2)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Recordings of 4 to 8 s; the body is not found in every frame, and the gold standard ends 0.05 s behind it."""
    rng = np.random.default_rng(0)
    store = Store(tmp_path_factory.mktemp("store") / "folder")
    people = [Recording(name, f"p{name}", {}, partition=part) for name, part in PEOPLE.items()]
    store.describe({"part": "folder", "root": "nowhere"}, "one rater", people)
    for name, rate in RATES.items():
        channels = TARGETS if name == GOLD else tuple(f"c{i}" for i in range(CHANNELS[name]))
        made_by = {"part": "precomputed", "stream": name}
        stream = store.stream(name)
        stream.start(Schema(channels, 1 / rate, 0.0, GOLD if name == GOLD else "extracted", made_by, name == "body"))
        entries = {}
        for k, recording in enumerate(PEOPLE):
            values = rng.normal(1.0, 2.0, size=(int((4 + k) * rate) + 2 * (name == GOLD), len(channels)))
            values[30:50] *= name != "body"
            entries[recording] = stream.write(recording, Track(values, 1 / rate, channels=channels))
        stream.complete(entries)
    return store


def finished(folder, store, by):
    """A run that was never trained."""
    streams = {name: Precomputed(name, gaps=name == "body") for name in CHANNELS}
    model = Cer(**SMALL, batch_norm=True)
    data = Data(records=str(store.folder.parent), targets=TARGETS, standardisation=by)
    run = Run(folder)
    run.begin(Experiment(Folder(), streams, model, Mse(), data, WINDOW))
    fitted = standardise(store, CHANNELS, ["r0", "r1"], "train") if by == "train" else {}
    about = {}
    for name in CHANNELS:
        made_by = {"part": "precomputed", "stream": name, "gaps": name == "body", "rate_hz": RATES[name]}
        about[name] = {"made_by": made_by, "channels": list(store.stream(name).schema.channels), "hop": 1 / RATES[name]}
    run.note(records={"fingerprint": store.fingerprint(CHANNELS)}, gold_hop=1 / RATES[GOLD], streams=about)
    run.save_network(drawn(model.build(CHANNELS, TARGETS, WINDOW.frames, fitted)))
    run.finish()
    return run


def same(one, other):
    assert list(one) == list(other)
    for name, track in one.items():
        assert track.values.std(axis=0).min() > 1e-3 and np.isfinite(track.values).all()
        assert (track.channels, track.hop, track.start) == (other[name].channels, other[name].hop, other[name].start)
        np.testing.assert_allclose(track.values, other[name].values, **EXACT)


@pytest.fixture
def image_by_image(monkeypatch):
    """Calls a function so that nothing can slide."""

    def call(function, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(Slider, "of", lambda *_: None)
            return function(*arguments)

    return call


@pytest.mark.parametrize("by", ["train", "subject"])
def test_records_are_predicted_alike(store, tmp_path, image_by_image, monkeypatch, by):
    run = finished(tmp_path / "run", store, by)
    missing = [None, Missing(("speech", "body"), 0.6, 1.0)]
    golds, expected = image_by_image(predict_missing, run, "test", missing)
    monkeypatch.setattr(prediction, "prediction_batches", None)  # not even asked for
    again, found = predict_missing(run, "test", missing)
    assert list(golds) == list(again) == ["r3", "r4"]
    for one, other in zip(found, expected, strict=True):
        same(one, other)
    assert abs(found[0]["r3"].values - found[1]["r3"].values).max() > 1e-2


@pytest.mark.parametrize("by", ["train", "subject"])
def test_media_are_predicted_alike(store, tmp_path, image_by_image, monkeypatch, by):
    run = finished(tmp_path / "run", store, by)
    media = {}
    for name in CHANNELS:
        media[name] = str(tmp_path / f"{name}.npy")
        np.save(media[name], store.stream(name).read("r3").values)
    expected = image_by_image(predict_media, run, media).trace
    monkeypatch.setattr(prediction, "track_batches", None)
    trace = predict_media(run, media).trace
    assert trace.channels == expected.channels and trace.frames > 100
    same({"media": trace}, {"media": expected})


def test_it_follows_training_without_being_built_again(store, image_by_image):
    """Dev scores: the same Predictor after every epoch, its graph traced once for recordings of all lengths."""
    model = Cer(**SMALL, batch_norm=True)
    network = drawn(model.build(CHANNELS, TARGETS, WINDOW.frames))
    golds = {name: store.stream(GOLD).read(name) for name in PEOPLE}
    common = (store, list(CHANNELS), golds, WINDOW)
    hops = {name: 1 / RATES[name] for name in CHANNELS}
    predictor = Predictor(network, *common, slider=Slider.of(model, network, WINDOW, hops))
    slow = Predictor(network, *common)
    first = predictor()
    same(first, slow())
    drawn(network, seed=1)
    second = predictor()
    same(second, slow())
    assert abs(first["r0"].values - second["r0"].values).max() > 1e-2
    assert predictor.slider.said.experimental_get_tracing_count() == 1
    # a network that was resumed, loaded or copied says the same, bit by bit
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    third = Predictor(copy, *common, slider=Slider.of(model, copy, WINDOW, hops))()
    assert all(second[name].values.tobytes() == third[name].values.tobytes() for name in golds)


def test_training_scores_development_so(store, tmp_path, monkeypatch):
    """And predicts the same, bit by bit, from the saved network."""
    monkeypatch.setattr(prediction, "prediction_batches", None)
    streams = {name: Precomputed(name, gaps=name == "body") for name in CHANNELS}
    data = Data(records=str(store.folder.parent), targets=TARGETS)
    settings = Training(epochs=2, batch=64, learning_rate=0.01)
    run = Run(tmp_path / "run")
    assert train(Experiment(Folder(), streams, Cer(**SMALL), Mse(), data, WINDOW, training=settings), run)
    rows = pd.read_csv(run.history, float_precision="round_trip")
    chosen = rows.iloc[run.about["chosen"]["epoch"]]
    scores = score(*predict_partition(run, "dev"), "dev")
    for target in TARGETS:
        assert chosen[f"dev_{target}_rmse"] == value(scores, target, "rmse")


def test_a_saved_network_slides(tmp_path):
    model, window = Cer(**SMALL, recurrence_over="filters", batch_norm=True), FeatureImages(8, 0.08)
    tracks, clock = tracks_of(dict.fromkeys(CHANNELS, 0.04), seconds=3.0), Clock(0.0, 0.04, 75)
    fitted = {name: Standardisation.fit([track], "train", gaps=True) for name, track in tracks.items()}
    drawn(model.build(CHANNELS, TARGETS, 8, fitted)).save(tmp_path / "network.keras")
    network = base.load(tmp_path / "network.keras")
    np.testing.assert_allclose(
        slid(model, network, tracks, clock, window), literal(network, tracks, clock, window), **EXACT
    )
