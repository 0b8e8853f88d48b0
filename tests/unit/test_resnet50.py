"""resnet50: which network, what it is given, and that batches change nothing."""

import dataclasses
import hashlib
import random
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from real_data import DATA, needs_data

from emotf import catalog
from emotf.config import from_json
from emotf.corpora.base import Corpus
from emotf.errors import UserError
from emotf.features import _resnet50
from emotf.features._resnet50 import BATCH, load_network
from emotf.features.aligned_crops import AlignedCrops
from emotf.features.base import Film
from emotf.features.face_crop import FaceCrop
from emotf.features.resnet50 import Resnet50
from emotf.files import read_json, write_json
from emotf.recording import Recording
from emotf.records import Store, extract
from emotf.track import Track

Layers = tuple[keras.layers.Layer, ...]

SIZE = 40
WHO = Recording("r1", "s1")


@pytest.fixture(autouse=True)
def _no_network_is_left_over():
    load_network.cache_clear()


@pytest.fixture(scope="module")
def untrained() -> keras.Model:
    """Built once: a ResNet50 takes a second and 95 MB."""
    return load_network.__wrapped__("random", "", SIZE, 3)


def shots(frames: int, without: tuple[int, ...] = ()) -> list[tuple[np.ndarray | None, np.ndarray]]:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (frames, SIZE, SIZE, 3)).astype(np.uint8)
    numbers = rng.uniform(0.5, 1, (frames, 7)).astype(np.float32)
    numbers[:, -1] = 1
    nothing = (None, np.zeros(7, np.float32))
    return [nothing if k in without else (pictures[k], numbers[k]) for k in range(frames)]


def floats(*frames: tuple[np.ndarray | None, np.ndarray]) -> np.ndarray:
    """The pictures of frames as a network takes them."""
    return np.stack([picture for picture, _ in frames]).astype(np.float32)


def seen(network: keras.Model, pictures: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(network(pictures, training=False))


def classifier(
    path: Path, width: int = 2048, channels: int = 3, size: int | None = SIZE, seed: int = 0, ends: Layers | None = None
) -> Path:
    """A tiny classifier of faces: colours mixed, pooled, then told apart by what stands at its end.

    It scales its pictures itself.
    """
    pictures = keras.Input((size, size, channels))
    mixed = keras.layers.Conv2D(width, 1, kernel_initializer=keras.initializers.RandomNormal(seed=seed), name="mix")
    pooled = keras.layers.GlobalAveragePooling2D()(mixed(keras.layers.Rescaling(1 / 255)(pictures)))
    if ends is None:
        ends = (keras.layers.Dropout(0.5), keras.layers.Dense(8), keras.layers.Activation("softmax"))
    for layer in ends:
        pooled = layer(pooled)
    keras.Model(pictures, pooled).save(path)
    return path


def by_hand(path: Path, pictures: list[np.ndarray]) -> np.ndarray:
    """What `classifier` pools, from its weights."""
    weights, bias = keras.models.load_model(path).get_layer("mix").get_weights()
    return np.stack([picture.reshape(-1, 3).mean(axis=0) / 255 @ weights[0, 0] + bias for picture in pictures])


# ---- ResNet50 itself -------------------------------------------------------------------------------------------------


def test_batches_give_what_single_pictures_give(untrained, monkeypatch):
    monkeypatch.setattr(_resnet50, "load_network", lambda *settings: untrained)
    frames = shots(BATCH + 6, without=(0, 7, BATCH + 3))
    track = Resnet50(weights="random", size=SIZE).described(Film(0.04, 0.2, iter(frames)))
    assert track.values.shape == (BATCH + 6, 2050) and (track.hop, track.start) == (0.04, 0.2)
    assert track.channels == Resnet50().channels and track.channels[2046:] == ("f2046", "f2047", "confidence", "found")
    chosen = [1, 8, BATCH, BATCH + 2, BATCH + 5]
    alone = untrained.predict(floats(*(frames[number] for number in chosen)), batch_size=1, verbose=0)
    np.testing.assert_allclose(track.values[chosen, :2048], alone, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(track.values[:, 2048:], [beside[-2:] for _, beside in frames])
    assert not track.values[[0, 7, BATCH + 3]].any() and track.values[:, -1].sum() == BATCH + 3
    assert not np.allclose(track.values[1], track.values[2], atol=0.01)


def test_a_film_without_frames_gives_a_stream_without_frames(untrained, monkeypatch):
    monkeypatch.setattr(_resnet50, "load_network", lambda *settings: untrained)
    for flags in (True, False):
        track = Resnet50(weights="random", size=SIZE, flags=flags).described(Film(0.04, 0.0, iter(())))
        assert track.values.shape == (0, 2048 + 2 * flags)


def test_pictures_are_prepared_as_for_training(untrained):
    """Blue first, less the mean colour of ImageNet; features are means over places, so they are not negative."""
    pictures = floats(*shots(2))
    backbone = next(layer for layer in untrained.layers if isinstance(layer, keras.Model))
    prepared = pictures[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)
    expected = seen(backbone, prepared)
    np.testing.assert_allclose(seen(untrained, pictures), expected, rtol=1e-4, atol=1e-4)
    assert expected.shape == (2, 2048) and (expected >= 0).all() and expected.max() > 0
    assert backbone.count_params() == 23_587_712  # without the classifier of 1000 classes


def test_random_weights_are_loud_and_the_same_again(untrained, capfd):
    state = random.getstate()
    again = load_network("random", "", SIZE, 3)
    assert "resnet50: the weights are RANDOM (seed 3)" in capfd.readouterr().err
    assert random.getstate() == state
    assert load_network("random", "", SIZE, 3) is again and not capfd.readouterr().err  # said once
    other = load_network.__wrapped__("random", "", SIZE, 4)
    picture = floats(*shots(1))
    one, two, three = (seen(network, picture) for network in (untrained, again, other))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - three).max() > 0.01


def test_weights_of_imagenet_come_from_keras(untrained, tmp_path, monkeypatch):
    backbone = next(layer for layer in untrained.layers if isinstance(layer, keras.Model))
    backbone.save_weights(tmp_path / "notop.weights.h5")
    asked = []

    def get_file(name, origin, **options):
        asked.append(origin)
        return str(tmp_path / "notop.weights.h5")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    picture = floats(*shots(1))
    found = seen(load_network("imagenet", "", SIZE, 0), picture)
    np.testing.assert_allclose(found, seen(untrained, picture), rtol=1e-5)
    assert len(asked) == 1 and "resnet50" in asked[0] and "notop" in asked[0]


def test_without_the_network_imagenet_is_refused_in_one_line(monkeypatch):
    def get_file(*args, **options):
        raise Exception("URL fetch failure on https://somewhere: None -- [Errno -2] Name or service not known")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    with pytest.raises(UserError, match=r"cannot be fetched \(URL fetch failure .*\); connect .* or weights=random"):
        Resnet50(size=SIZE).described(Film(0.04, 0.0, iter(shots(1))))
    with pytest.raises(UserError, match="takes pictures of 32 pixels or more, not 16"):
        load_network("random", "", 16, 0)


# ---- a file of the user's --------------------------------------------------------------------------------------------


def test_features_of_a_classifier_are_what_its_last_dense_layer_takes(tmp_path):
    path = classifier(tmp_path / "faces.keras")
    frames = shots(5, without=(2,))
    track = Resnet50(weights=str(path), size=SIZE, flags=False).described(Film(0.04, 0.0, iter(frames)))
    assert track.values.shape == (5, 2048) and track.channels[-1] == "f2047" and not track.values[2].any()
    expected = by_hand(path, [picture for picture, _ in frames if picture is not None])
    np.testing.assert_allclose(track.values[[0, 1, 3, 4]], expected, rtol=1e-4, atol=1e-6)


def test_a_network_of_2048_outputs_is_taken_as_it_is(tmp_path):
    whole = keras.models.load_model(classifier(tmp_path / "faces.keras", size=None))
    keras.Model(whole.input, whole.layers[-3].output).save(tmp_path / "features.keras")
    pictures = floats(*shots(2))
    found = seen(load_network(str(tmp_path / "features.keras"), "", SIZE, 0), pictures)
    np.testing.assert_allclose(found, by_hand(tmp_path / "faces.keras", list(pictures)), rtol=1e-4, atol=1e-6)


def test_the_file_is_known_by_its_bytes(tmp_path):
    path = classifier(tmp_path / "faces.keras")
    feature = Resnet50(weights=str(path), size=SIZE).resolved(WHO)
    assert feature.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert feature.resolved(WHO) == feature and Resnet50().resolved(WHO).digest == ""
    picture = shots(1)
    before = feature.described(Film(0.04, 0.0, iter(picture))).values
    classifier(path, seed=1)
    with pytest.raises(UserError, match="is not the file that the stream was made with"):
        feature.resolved(WHO)
    fresh = Resnet50(weights=str(path), size=SIZE).resolved(WHO)
    assert fresh.digest != feature.digest
    after = fresh.described(Film(0.04, 0.0, iter(picture))).values
    assert np.abs(after - before).max() > 0.01  # the network in memory is not taken for that of the new file


@pytest.mark.parametrize(
    "ends",
    [
        (),
        (keras.layers.Dense(8),),
        (keras.layers.Dense(2, activation="tanh"),),
        (
            keras.layers.Dense(20, activation="relu"),
            keras.layers.Dense(12),
            keras.layers.Dense(7, activation="softmax"),
        ),
        (keras.layers.Dense(8), keras.layers.Dropout(0.1), keras.layers.Softmax()),
        (keras.layers.Dense(24, activation="relu"),),
        (keras.layers.Dense(24), keras.layers.Activation("relu")),
        (keras.layers.Dense(24), keras.layers.BatchNormalization()),
    ],
    ids=["pooled", "logits", "tanh", "hidden", "softmax", "relu", "relu behind", "embedded"],
)
def test_a_network_of_any_width_gives_its_features(tmp_path, ends, capfd, request):
    path = classifier(tmp_path / "faces.keras", width=12, ends=ends)
    feature = Resnet50(weights=str(path), size=SIZE, flags=False)
    assert feature.channels is None
    feature = feature.resolved(WHO)
    whole, name = keras.models.load_model(path), request.node.callspec.id
    # how many there are, and the layer that gives them
    width, place = {"hidden": (12, -2), "softmax": (12, -4), "logits": (12, -2), "tanh": (12, -2)}.get(
        name, (24 if len(ends) else 12, -1)
    )
    assert feature.width == width and feature.channels == tuple(f"f{k}" for k in range(width))
    said = "its output" if place == -1 else f"what its last layer, {whole.layers[place + 1].name}, takes in"
    assert capfd.readouterr().err == f"resnet50: the {width} features of {path} are {said}.\n"
    frames = shots(4, without=(1,))
    track = feature.described(Film(0.04, 0.0, iter(frames)))
    assert track.channels == feature.channels and not track.values[1].any()
    expected = seen(keras.Model(whole.input, whole.layers[place].output), floats(frames[0], *frames[2:]))
    np.testing.assert_allclose(track.values[[0, 2, 3]], expected, rtol=1e-4, atol=1e-6)
    assert dataclasses.replace(feature, flags=True).channels[width:] == ("confidence", "found")


def test_networks_that_were_taken_before_are_taken_as_they_were(tmp_path):
    """2048 features are found wherever they are: what an older stream holds stays what its file gives."""
    relu = classifier(tmp_path / "relu.keras", ends=(keras.layers.Dense(24, activation="relu"),))
    odd = classifier(tmp_path / "odd.keras", ends=(keras.layers.Dense(8), keras.layers.Reshape((2, 4))))
    whole = classifier(tmp_path / "whole.keras", width=6, ends=(keras.layers.Dense(2048),))
    pictures = floats(*shots(2))
    for path in (relu, odd):
        found = seen(load_network(str(path), "", SIZE, 0), pictures)
        np.testing.assert_allclose(found, by_hand(path, list(pictures)), rtol=1e-4, atol=1e-6)
    assert load_network(str(whole), "", SIZE, 0).output.shape == (None, 2048)


def test_a_body_within_a_model_is_taken_as_it_is(tmp_path):
    inner = keras.models.load_model(classifier(tmp_path / "inner.keras", width=12, ends=()))
    pictures = keras.Input((SIZE, SIZE, 3))
    keras.Model(pictures, inner(pictures)).save(tmp_path / "body.keras")
    assert Resnet50(weights=str(tmp_path / "body.keras"), size=SIZE).resolved(WHO).width == 12


def test_a_width_that_is_not_the_networks_is_refused(tmp_path):
    path = classifier(tmp_path / "faces.keras", width=12)
    with pytest.raises(UserError, match=r"faces\.keras gives 12 features a picture, width is 512; leave width out"):
        Resnet50(weights=str(path), size=SIZE, width=512).resolved(WHO)
    with pytest.raises(UserError, match="weights=imagenet gives 2048 features a picture, width is 512"):
        Resnet50(width=512).resolved(WHO)


@dataclasses.dataclass
class Faces(Corpus):
    """Three recordings of ready crops, a second each."""

    @property
    def targets(self):
        return ("arousal",)

    def recordings(self):
        return tuple(Recording(name, name, {"crops": self.path / name}) for name in ("r1", "r2", "r3"))

    def ratings(self, recording, target):
        return Track(np.zeros((4, 1), np.float32), hop=0.25, channels=("gold",))


def test_streams_are_as_wide_as_the_network_and_older_ones_go_on(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for place in [tmp_path / "corpus" / name / f"{k}.png" for name in ("r1", "r2", "r3") for k in (1, 2, 4)]:
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8))
    corpus, records = Faces(str(tmp_path / "corpus")), tmp_path / "records"
    fields = {"crops": "crops", "clock": "", "rate_hz": 4, "size": SIZE}
    small = Resnet50(weights=str(classifier(tmp_path / "small.keras", width=12)), **fields)
    wide = Resnet50(weights=str(classifier(tmp_path / "wide.keras", seed=1)), **fields)
    extract(corpus, {"small": small, "wide": wide}, records)
    schemas = {name: Store(records).stream(name).schema for name in ("small", "wide")}
    assert schemas["small"].made_by["width"] == 12 and len(schemas["small"].channels) == 14
    assert schemas["wide"].made_by["width"] == 2048 and len(schemas["wide"].channels) == 2050
    # as an older version wrote it, whose features were always 2048
    path = records / "wide" / "schema.json"
    old = read_json(path)
    del old["made_by"]["width"]
    write_json(path, old)
    before = Store(records).stream("wide").read("r2").values
    (records / "wide" / "r2.tfrecord").unlink()
    assert extract(corpus, {"wide": wide}, records)["wide"] == {"written": 1, "kept": 2}
    assert read_json(path) == old
    np.testing.assert_array_equal(Store(records).stream("wide").read("r2").values, before)
    # and as a run reads it, to predict a medium of its own
    again = from_json(old["made_by"] | {"part": "features/resnet50"})
    assert len(again.extract(corpus.recordings()[0]).channels) == 2050
    # another network under the same name
    classifier(tmp_path / "small.keras", width=20)
    monkeypatch.setattr(Resnet50, "compute", lambda *args: pytest.fail("it was extracted"))
    with pytest.raises(UserError, match="was made with another made_by"):
        extract(corpus, {"small": small}, records)


def two_inputs(path: Path) -> None:
    one, two = keras.Input((SIZE, SIZE, 3)), keras.Input((SIZE, SIZE, 3))
    joined = keras.layers.GlobalAveragePooling2D()(keras.layers.Concatenate()([one, two]))
    keras.Model([one, two], keras.layers.Dense(2048)(joined)).save(path)


def convolutions_only(path: Path) -> None:
    pictures = keras.Input((SIZE, SIZE, 3))
    keras.Model(pictures, keras.layers.Conv2D(2048, 3)(pictures)).save(path)


def dense_of_maps(path: Path) -> None:
    pictures = keras.Input((SIZE, SIZE, 3))
    keras.Model(pictures, keras.layers.Dense(8, name="last")(keras.layers.Conv2D(4, 1)(pictures))).save(path)


def classifier_within(path: Path) -> None:
    inner = keras.models.load_model(classifier(path, width=12, ends=(keras.layers.Dense(8, name="last"),)))
    pictures = keras.Input((SIZE, SIZE, 3))
    keras.Model(pictures, keras.layers.Softmax()(inner(pictures))).save(path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (convolutions_only, r"its output is of shape \[38, 38, 2048\], expected \[features\]; pool it first"),
        (dense_of_maps, r"what its last layer, last, takes in is of shape \[40, 40, 4\], expected \[features\]"),
        (classifier_within, r"ends in a classifier \(last\) that is within a model of its own; save that one"),
        (lambda path: classifier(path, size=48), r"takes inputs of shape \[48, 48, 3\], the crops are \[40, 40, 3\]"),
        (lambda path: classifier(path, channels=1), r"takes inputs of shape \[40, 40, 1\]"),
        (two_inputs, "has 2 inputs; expected a functional model"),
        (lambda path: path.write_bytes(b"PK no archive"), "cannot be loaded as a Keras model"),
        (lambda path: path.write_bytes(b""), "cannot be loaded as a Keras model"),
    ],
)
def test_files_that_are_no_such_network_are_refused(tmp_path, write, message):
    write(tmp_path / "faces.keras")
    with pytest.raises(UserError, match=message) as raised:
        load_network(str(tmp_path / "faces.keras"), "", SIZE, 0)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("nowhere.keras", r"weights=nowhere\.keras is missing; expected imagenet, random"),
        ("faces.h5", r"weights=faces\.h5 is none of these"),
        ("vggface", "weights=vggface is none of these"),
        ("", "is none of these"),
    ],
)
def test_weights_that_are_not_there_are_refused(weights, message):
    with pytest.raises(UserError, match=message):
        Resnet50(weights=weights).resolved(WHO)


# ---- of crops --------------------------------------------------------------------------------------------------------


def test_of_ready_crops(tmp_path):
    path = classifier(tmp_path / "faces.keras")
    (tmp_path / "crops").mkdir()
    for number in (1, 3):
        picture = np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "crops" / f"{number:05d}.png"), picture)
    recording = Recording("r1", "s1", media={"crops": tmp_path / "crops"})
    fields = {"crops": "crops", "clock": "", "rate_hz": 25, "size": SIZE}
    track = Resnet50(weights=str(path), **fields).extract(recording)
    assert track.values[:, -1].tolist() == [1, 0, 1]
    film = AlignedCrops(**fields).film(recording)
    expected = by_hand(path, [picture for picture, _ in film.shots if picture is not None])
    np.testing.assert_allclose(track.values[[0, 2], :2048], expected, rtol=1e-4, atol=1e-6)
    assert catalog.find("features", "resnet50") is Resnet50
    assert Resnet50().media == ("video",) and Resnet50().kind == "extracted" and Resnet50().gaps


@needs_data
def test_of_a_talking_face(tmp_path):
    path = classifier(tmp_path / "faces.keras")
    recording = Recording("r1", "s1", media={"video": DATA / "grid_av" / "bbaf2n.mpg"})
    track = Resnet50(weights=str(path), size=SIZE).extract(recording)
    assert track.values.shape == (75, 2050) and track.hop == 0.04
    crops = list(FaceCrop(size=SIZE).film(recording).shots)
    np.testing.assert_array_equal(track.values[:, 2048:], [values[-2:] for _, values in crops])
    expected = by_hand(path, [picture for picture, _ in crops])
    np.testing.assert_allclose(track.values[:, :2048], expected, rtol=1e-4, atol=1e-6)
