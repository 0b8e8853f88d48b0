"""The contract of every classifier of pictures: what it takes and gives, its body, its files, its refusals."""

import keras
import numpy as np
import pytest

from emotf import catalog
from emotf.classifiers import _grouped, densenet, se_resnext
from emotf.classifiers.base import Classifier, body, named, names, save
from emotf.classifiers.densenet import Densenet
from emotf.classifiers.resnet import Resnet
from emotf.classifiers.se_resnext import SeResnext
from emotf.classifiers.small_cnn import SmallCnn
from emotf.errors import UserError
from emotf.features._resnet50 import load_network

CLASSES = 7
# network -> features; one of each way to build one
FEATURES = {
    "resnet18": 512,
    "resnet50": 2048,
    "se_resnext50": 2048,
    "densenet161": 192,
    "small_cnn": 120,
}


@pytest.fixture(scope="module", autouse=True)
def _networks_of_ours_have_few_layers():
    """One or two blocks a stage; tests/reference/test_parameter_counts.py has them all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(se_resnext.BLOCKS, 50, (1, 1, 1, 1))
        patch.setattr(densenet, "LAYERS", (2, 2, 2, 2))
        yield


@pytest.fixture(scope="module", params=FEATURES)
def network(request):
    keras.utils.set_random_seed(1)
    return named(request.param, weights="random").build((40, 40, 3), CLASSES)


@pytest.fixture(scope="module")
def grouped():
    return SeResnext(weights="random").build((32, 32, 3), CLASSES)


def pictures(size=40, channels=3, count=4):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, channels)).astype("float32")


def seen(network, x):
    return keras.ops.convert_to_numpy(network(x, training=False))


def small(**fields):
    return SmallCnn(**fields).build((8, 8, 1), 5)


def trained(network, x, steps=3):
    network.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = [weight.copy() for weight in network.get_weights()]
    loss = network.train_on_batch(x, np.arange(len(x)) % network.output.shape[-1])
    for _ in range(steps - 1):
        loss = network.train_on_batch(x, np.arange(len(x)) % network.output.shape[-1])
    assert np.isfinite(loss)
    changed = [not np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True)]
    return dict(zip([weight.path for weight in network.weights], changed, strict=True))


# ---- every network ---------------------------------------------------------------------------------------------------


def test_the_networks_are_those_of_the_thesis_and_a_small_one():
    assert set(names()) == {
        "resnet18", "resnet50", "resnet101", "resnet152", "se_resnext50", "se_resnext101", "se_resnext152",
        "densenet121", "densenet161", "densenet169", "densenet201", "small_cnn",
    }  # fmt: skip
    for name in names():
        part = named(name, weights="random", dropout=0.2)
        assert isinstance(part, Classifier) and (part.name, part.weights, part.dropout) == (name, "random", 0.2)
    assert all(issubclass(catalog.find("classifiers", name), Classifier) for name in catalog.names("classifiers"))
    assert named("resnet18") == Resnet(depth=18) and named("se_resnext152") == SeResnext(depth=152)


def test_pictures_become_logits_of_classes(network):
    logits = seen(network, pictures())
    assert logits.shape == (4, CLASSES) and logits.dtype == np.float32 and np.isfinite(logits).all()
    assert not np.allclose(logits.sum(axis=1), 1)  # no probabilities
    assert [tensor.shape for tensor in network.inputs] == [(None, 40, 40, 3)]


def test_the_body_gives_what_the_last_layer_classifies(network):
    x, trunk = pictures(), body(network)
    features = seen(trunk, x)
    assert features.shape == (4, FEATURES[network.name]) and trunk.name == f"{network.name}_body"
    assert (features >= 0).all() and features.max() > 0
    kernel, bias = network.get_layer("classifier").get_weights()
    np.testing.assert_allclose(features @ kernel + bias, seen(network, x), rtol=1e-3, atol=1e-4)


def test_a_saved_network_needs_nothing_of_ours(network, tmp_path):
    for saved in (network, body(network)):
        expected = saved.predict_on_batch(pictures())
        save(saved, tmp_path / "network.keras")
        again = keras.models.load_model(tmp_path / "network.keras", compile=False)
        assert {type(layer).__module__.split(".")[0] for layer in again.layers} == {"keras"}
        np.testing.assert_allclose(again.predict_on_batch(pictures()), expected, rtol=1e-3, atol=1e-4)
        assert again.name == saved.name and again.count_params() == saved.count_params()
    assert [path.name for path in tmp_path.iterdir()] == ["network.keras"]


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_a_body_starts_from_a_file(network, suffix, tmp_path):
    """Of a whole network, or of a body; whatever the classes were, they start anew."""
    trunk = body(network)
    for saved in (network, trunk):
        path = tmp_path / f"saved{suffix}"
        saved.save(path) if suffix == ".keras" else saved.save_weights(path)
        again = named(network.name, weights=str(path)).build((40, 40, 3), 3)
        for theirs, ours in zip(trunk.get_weights(), body(again).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert again.output.shape == (None, 3)


# ---- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [Resnet(depth=18, weights="random"), SmallCnn()], ids=["resnet18", "small_cnn"])
def test_training_changes_all_and_a_frozen_body_nothing_but_the_classifier(part, tmp_path):
    x = pictures(32, count=6)
    network = part.build((32, 32, 3), CLASSES)
    assert all(trained(network, x).values())
    save(network, tmp_path / "network.keras")
    frozen = type(part)(**{**vars(part), "weights": str(tmp_path / "network.keras"), "frozen": True})
    changed = trained(frozen.build((32, 32, 3), CLASSES), x)
    assert {path for path, differs in changed.items() if differs} == {"classifier/kernel", "classifier/bias"}


def test_groups_train(grouped):
    """The gradient that TensorFlow has not on every CPU."""
    changed = trained(grouped, pictures(32, count=2), steps=1)
    assert changed["conv2_block1_2_conv/kernel"] and all(changed.values())


def test_the_small_network_learns_digits():
    from sklearn.datasets import load_digits

    keras.utils.set_random_seed(0)
    digits = load_digits()
    x, y = (digits.images[..., None] * 255 / 16).astype("float32"), digits.target
    network = SmallCnn().build((8, 8, 1), 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    network.fit(x[:1200], y[:1200], epochs=5, batch_size=32, verbose=0)
    assert network.evaluate(x[1200:], y[1200:], verbose=0)[1] > 0.9


def test_dropout_leaves_out_features_in_training_only():
    network = small(dropout=0.5)
    x = pictures(8, channels=1)
    np.testing.assert_array_equal(seen(network, x), seen(network, x))
    assert network.get_layer("dropout").rate == 0.5
    assert not np.allclose(network(x, training=True), network(x, training=True))
    assert "dropout" not in [layer.name for layer in body(network).layers]


def test_mixed_precision_keeps_logits_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = SeResnext(weights="random").build((32, 32, 3), CLASSES)
    finally:
        keras.config.set_dtype_policy(before)
    assert network.get_layer("conv2_block1_2_conv").compute_dtype == "float16"
    logits = seen(network, pictures(32, count=2))
    assert logits.dtype == np.float32 and np.isfinite(logits).all()


# ---- what goes in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mode"), [("resnet50", "caffe"), ("resnet18", "torch"), ("densenet121", "torch"), ("small_cnn", "tf")]
)
def test_networks_prepare_pictures_as_keras_does(name, mode):
    part = named(name, weights="random")
    assert part.preprocessing == mode
    network = part.build((32, 32, 3), 2)
    prepared = keras.Model(network.input, network.get_layer("preprocessed").output)
    expected = keras.applications.imagenet_utils.preprocess_input(pictures(32).copy(), mode=mode)
    np.testing.assert_allclose(seen(prepared, pictures(32)), expected, rtol=1e-5, atol=1e-5)


def test_resnet50_is_that_of_keras():
    network = Resnet(weights="random").build((64, 64, 3), CLASSES)
    theirs = keras.applications.ResNet50(weights=None, classes=CLASSES, input_shape=(64, 64, 3))
    theirs.layers[-1].activation = keras.activations.linear
    theirs.set_weights(network.get_weights())
    x = pictures(64)
    expected = seen(theirs, keras.applications.resnet50.preprocess_input(x.copy()))
    np.testing.assert_allclose(seen(network, x), expected, rtol=1e-4, atol=1e-5)


# ---- the stream of the time-continuous flow --------------------------------------------------------------------------


def test_classifiers_and_bodies_are_what_the_stream_takes(grouped, tmp_path):
    small = [named(name, weights="random").build((32, 32, 3), CLASSES) for name in ("resnet18", "small_cnn")]
    for network in (*small, grouped):
        expected = seen(body(network), pictures(32))
        for number, saved in enumerate((network, body(network))):
            path = tmp_path / f"{network.name}{number}.keras"
            save(saved, path)
            stream = load_network.__wrapped__(str(path), "", 32, 0)
            found = stream.predict_on_batch(pictures(32))
            assert found.shape == (4, FEATURES[network.name])
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


# ---- ImageNet --------------------------------------------------------------------------------------------------------


def test_weights_of_imagenet_come_from_keras(tmp_path, monkeypatch):
    keras.utils.set_random_seed(5)
    theirs = keras.applications.DenseNet121(include_top=False, weights=None)
    theirs.save_weights(tmp_path / "notop.weights.h5")
    asked = []

    def get_file(name, origin, **options):
        asked.append(name)
        return str(tmp_path / "notop.weights.h5")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    network = Densenet().build((32, 32, 3), CLASSES)
    for ours, weight in zip(body(network).get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, weight)
    assert len(asked) == 1 and "densenet121" in asked[0] and "notop" in asked[0]


@pytest.mark.parametrize("name", ["resnet50", "densenet121"])
def test_without_the_network_imagenet_is_refused_in_one_line(name, monkeypatch):
    def get_file(*args, **options):
        raise Exception("URL fetch failure on https://somewhere: None -- [Errno -2] Name or service not known\nmore")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    message = rf"ImageNet weights of {name} cannot be fetched \(URL fetch .*\); connect .* weights=random to train from"
    with pytest.raises(UserError, match=message) as raised:
        named(name).build((32, 32, 3), CLASSES)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["resnet18", "se_resnext50", "densenet161", "small_cnn"])
def test_networks_that_keras_has_not_have_no_weights_of_imagenet(name):
    with pytest.raises(UserError, match=f"Keras offers no ImageNet weights of {name}; choose weights=<a .keras file"):
        named(name, weights="imagenet").build((32, 32, 3), CLASSES)


# ---- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "shape", "classes", "message"),
    [
        (Resnet(depth=34), (32, 32, 3), 7, "classifier.depth is 34; expected one of 18, 50, 101, 152"),
        (Resnet(), (32, 32, 3), 1, "tells 2 classes or more apart, received 1"),
        (Resnet(dropout=1.0), (32, 32, 3), 7, r"classifier.dropout is 1.0; expected at least 0 and below 1"),
        (Resnet(), (31, 32, 3), 7, r"resnet50 takes pictures .* of 32 pixels a side or more, received \[31, 32, 3\]"),
        (Densenet(), (48, 48), 7, r"received \[48, 48\]"),
        (Densenet(), (48, 48, 1), 7, r"takes rgb pictures, of 3 channels, received \[48, 48, 1\]; repeat a grey"),
        (SmallCnn(), (4, 8, 1), 7, "of 8 pixels a side or more"),
        (SmallCnn(filters=()), (8, 8, 1), 7, r"classifier.filters is \(\); expected one count or more"),
        (SmallCnn(filters=(8, 0)), (8, 8, 1), 7, "each above 0"),
        (SmallCnn(filters=(2,) * 5), (8, 8, 1), 7, "pictures of 8 x 8 pixels; choose fewer"),
        (SmallCnn(weights="vggface"), (8, 8, 1), 7, "weights=vggface is none of these; expected imagenet, random, or"),
        (SmallCnn(weights="gone.keras"), (8, 8, 1), 7, r"weights=gone\.keras is missing; expected imagenet, random"),
        (SmallCnn(weights="gone.weights.h5"), (8, 8, 1), 7, r"weights=gone\.weights\.h5 is missing"),
    ],
)
def test_what_does_not_fit_is_refused(part, shape, classes, message):
    with pytest.raises(UserError, match=message) as raised:
        part.build(shape, classes)
    assert "\n" not in str(raised.value)


def test_a_name_that_nobody_has_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"No network 'resnet34': densenet121, .* Did you mean 'resnet"):
        named("resnet34")


def other_features(path):
    x = keras.Input((8, 8, 1))
    y = body(small(filters=(32, 64, 121)))(x)
    keras.Model(x, y).save(path)


def another_head(path):
    """The body, and two layers."""
    network = small()
    keras.Model(network.input, keras.layers.Dense(3)(network.output)).save(path)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("x.keras", other_features, r"x.keras is not of small_cnn: it holds 15 arrays of \d+ numbers, expected 15 arr"),
        ("x.keras", another_head, "is not of small_cnn: it holds 19 arrays"),
        ("x.keras", lambda path: path.write_bytes(b"PK"), "cannot be loaded as a Keras model"),
        ("x.weights.h5", lambda path: path.write_bytes(b"HDF"), "x.weights.h5 cannot be read"),
        ("x.weights.h5", lambda path: small(filters=(9, 9)).save_weights(path), "not of small_cnn: it holds 12 arrays"),
        ("x.weights.h5", lambda path: small(filters=(9, 9, 9)).save_weights(path), "as many arrays as small_cnn, but"),
    ],
)
def test_files_of_other_networks_are_refused(name, write, message, tmp_path):
    write(tmp_path / name)
    with pytest.raises(UserError, match=message) as raised:
        small(weights=str(tmp_path / name))
    assert "\n" not in str(raised.value)


def test_a_network_of_another_depth_is_refused(tmp_path):
    Resnet(weights="random").build((32, 32, 3), 2).save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(UserError, match=r"is not of resnet101: it holds 3\d\d arrays"):
        Resnet(depth=101, weights=str(tmp_path / "x.weights.h5")).build((32, 32, 3), 2)


def test_on_a_gpu_groups_are_those_of_keras(monkeypatch):
    """Which devices there are is pretended."""
    layer = _grouped.GroupedConv2D(8, 3, groups=2, use_bias=False)
    x = pictures(8, channels=4)
    on_cpu = seen(layer, x)
    assert _grouped.on_cpu()
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
    assert not _grouped.on_cpu()
    np.testing.assert_allclose(seen(layer, x), on_cpu, rtol=1e-4, atol=1e-3)
