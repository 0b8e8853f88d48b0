import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from emotf.errors import UserError
from emotf.images.cifar100 import Cifar100
from emotf.images.drawn_faces import DrawnFaces
from emotf.images.ferplus import Ferplus
from emotf.pipeline import View, evaluation_pictures, training_pictures
from emotf.pipeline.sampling import balanced, class_weights, epoch_order
from emotf.pipeline.views import shown
from emotf.records import PictureStore

SMALL = View(resize=52, crop=48)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """10:1 between the most frequent and the rarest class."""
    store = PictureStore(tmp_path_factory.mktemp("faces"))
    store.write(DrawnFaces(count=120, held_back=3, imbalance=10.0))
    return store.part("train")


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
    home = tmp_path_factory.mktemp("voted")
    store = PictureStore(home / "shards")
    store.write(Ferplus(rule="probability").write_twin(home / "twin"))
    return store.part("train")


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    home = tmp_path_factory.mktemp("coloured")
    store = PictureStore(home / "shards")
    store.write(Cifar100().write_twin(home / "twin"))
    return store.part("test")


def epoch_of(epochs, number):
    epochs.epoch.assign(number)
    batches = list(epochs.dataset.as_numpy_iterator())
    return batches, tuple(np.concatenate(column) for column in zip(*batches, strict=True))


# ---- sampling --------------------------------------------------------------------------------------------------------


def test_classes_of_a_ten_to_one_partition_come_equally_often(faces):
    counts = np.bincount(faces.labels)
    assert counts.max() == 10 * counts.min()
    epochs = training_pictures(faces, SMALL, batch=32, seed=1, sampling="balanced")
    for number in (0, 1):
        _, (_, targets, weights) = epoch_of(epochs, number)
        frequency = targets.sum(axis=0)
        assert frequency.sum() == len(faces) and np.ptp(frequency) <= 1
        assert np.abs(frequency / len(faces) * 7 - 1).max() < 0.02
        assert (weights == 1).all()


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=8).filter(sum),
    seed=st.integers(0, 5),
    epochs=st.integers(1, 6),
)
def test_balanced_is_exact_and_exhausts_a_class_before_it_repeats(counts, seed, epochs):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    kinds = sum(count > 0 for count in counts)
    shown_so_far = np.zeros(len(labels), int)
    for epoch in range(epochs):
        order = epoch_order(labels, "balanced", seed, epoch)
        assert len(order) == len(labels)
        found = np.bincount(labels[order], minlength=len(counts))
        assert all(
            abs(n - len(labels) / kinds) < 1 if count else n == 0 for n, count in zip(found, counts, strict=True)
        )
        np.add.at(shown_so_far, order, 1)
        for label in range(len(counts)):
            own = shown_so_far[labels == label]
            assert not len(own) or np.ptp(own) <= 1  # none was shown again before all others were
    sums = np.bincount(labels, shown_so_far, minlength=len(counts))[np.array(counts) > 0]
    assert np.abs(sums - epochs * len(labels) / kinds).max() < 1  # nor does it drift


def test_an_epoch_is_a_function_of_seed_and_number_alone():
    labels = np.repeat([0, 1, 2], [30, 20, 7])
    for sampling in ("balanced", "none"):
        orders = {(s, e): tuple(epoch_order(labels, sampling, s, e)) for s in (0, 1) for e in (2, 0, 1)}
        assert len(set(orders.values())) == 6
        assert orders[1, 2] == tuple(epoch_order(labels, sampling, 1, 2))
    assert sorted(orders[0, 0]) == list(range(57))
    assert (np.bincount(labels[balanced(labels, 0, 5)]) == 19).all()
    with pytest.raises(UserError, match="Sampling is balanced, none, class_weights; received 'oversampled'"):
        epoch_order(labels, "oversampled", 0, 0)
    with pytest.raises(UserError, match="A seed is 0 or above, received -1"):
        epoch_order(labels, "none", -1, 0)


def test_class_weights_weigh_classes_alike(faces):
    weights = class_weights(faces.labels)
    sums = np.bincount(faces.labels, weights)
    np.testing.assert_allclose(sums, len(faces) / 7, rtol=1e-5)
    _, (_, targets, delivered) = epoch_of(training_pictures(faces, SMALL, 50, 0, sampling="class_weights"), 0)
    np.testing.assert_array_equal(targets.sum(axis=0), np.bincount(faces.labels))
    np.testing.assert_allclose(
        delivered, (len(faces) / 7 / np.bincount(faces.labels))[targets.argmax(axis=1)], rtol=1e-5
    )


# ---- what is shown ---------------------------------------------------------------------------------------------------


def literal(pictures, moves, view):
    """Resized as a whole, then cut, then mirrored."""
    big = tf.image.resize(pictures, (view.resize, view.resize), method="bilinear", antialias=False).numpy()
    found = []
    for picture, (top, left, flipped) in zip(big, moves.astype(int), strict=True):
        cut = picture[top : top + view.crop, left : left + view.crop]
        found.append(cut[:, ::-1] if flipped else cut)
    return np.stack(found)


@pytest.mark.parametrize(
    "view", [View(), SMALL, View(20, 20), View(31, 17, flip=False), View(9, 1)], ids=lambda v: f"{v.resize} to {v.crop}"
)
@pytest.mark.parametrize("size", [(48, 48), (12, 33)], ids=str)
def test_one_operation_is_resize_crop_and_flip(view, size):
    pictures = np.random.default_rng(0).integers(0, 256, (12, *size, 3)).astype(np.uint8)
    for moves in (view.random_moves(12, 3, 4), view.middle_moves(12)):
        found = shown(tf.constant(pictures), tf.constant(moves), view).numpy()
        assert found.shape == (12, view.crop, view.crop, 3)
        np.testing.assert_allclose(found, literal(pictures, moves, view), atol=5e-3)  # of 255


@pytest.mark.parametrize("mode", ["caffe", "torch", "tf"])
def test_normalisations_are_those_of_keras_applications(mode):
    view = View(40, 36)
    pictures = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    moves = view.random_moves(4, 0, 0)
    big = literal(pictures, moves, view)
    expected = keras.applications.imagenet_utils.preprocess_input(big.copy(), data_format="channels_last", mode=mode)
    found = shown(tf.constant(pictures), tf.constant(moves), view, mode).numpy()
    np.testing.assert_allclose(found, expected, atol=5e-3)
    after = shown(tf.constant(pictures), tf.constant(moves), view, lambda batch: batch**2).numpy()
    np.testing.assert_allclose(after, big**2, rtol=1e-3, atol=1)


def test_moves_cover_the_picture_and_do_not_depend_on_how_many_there_are():
    view = View(256, 224)
    moves = view.random_moves(4000, 7, 3)
    np.testing.assert_array_equal(moves[:100], view.random_moves(100, 7, 3))
    assert set(moves[:, 0]) == set(moves[:, 1]) == set(range(33)) and abs(moves[:, 2].mean() - 0.5) < 0.05
    assert abs(np.corrcoef(moves.T)[np.triu_indices(3, 1)]).max() < 0.06
    assert (view.random_moves(4000, 7, 4) != moves).any() and (view.random_moves(4000, 8, 3) != moves).any()
    assert not View(flip=False).random_moves(100, 0, 0)[:, 2].any()
    np.testing.assert_array_equal(view.middle_moves(2), [[16, 16, 0]] * 2)


# ---- batches ---------------------------------------------------------------------------------------------------------


def test_a_training_epoch_holds_what_it_plans_whatever_the_batch(faces):
    whole = {}
    for batch in (16, 50, 1000):
        epochs = training_pictures(faces, SMALL, batch, seed=5)
        assert epochs.pictures == len(faces) and epochs.steps == -(-len(faces) // batch)
        assert int(epochs.dataset.cardinality()) == epochs.steps
        batches, whole[batch] = epoch_of(epochs, 2)
        assert len(batches) == epochs.steps
        assert all(len(part[0]) == min(batch, len(faces)) for part in batches[:-1])
        assert batches[0][0].dtype == np.float32 and whole[batch][0].shape == (len(faces), 48, 48, 3)
    for batch in (50, 1000):
        for one, other in zip(whole[16], whole[batch], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-3)
    order, moves = epoch_order(faces.labels, "balanced", 5, 2), SMALL.random_moves(len(faces), 5, 2)
    pictures = np.stack([faces.picture(index) for index in order])
    np.testing.assert_allclose(whole[50][0], np.repeat(literal(pictures, moves, SMALL), 3, axis=-1), atol=5e-3)
    np.testing.assert_array_equal(whole[50][1], np.eye(7)[faces.labels[order]])


def test_epochs_differ_and_repeat(faces):
    epochs = training_pictures(faces, SMALL, 64, seed=0)
    _, first = epoch_of(epochs, 0)
    _, second = epoch_of(epochs, 1)
    _, again = epoch_of(epochs, 0)
    assert (first[0] != second[0]).any()
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    _, other_seed = epoch_of(training_pictures(faces, SMALL, 64, seed=1), 0)
    assert (other_seed[0] != first[0]).any()


def test_evaluation_shows_the_middle_of_every_picture_in_order(faces, coloured):
    view = View(60, 40, channels=0)
    for part in (faces, coloured):
        dataset = evaluation_pictures(part, view, batch=33, normalise="tf")
        found = [np.concatenate(column) for column in zip(*dataset.as_numpy_iterator(), strict=True)]
        pictures = np.stack([sample.picture for sample in part.samples()])
        expected = literal(pictures, np.tile([10, 10, 0], (len(part), 1)), view) / 127.5 - 1
        np.testing.assert_allclose(found[0], expected, atol=1e-4)
        np.testing.assert_array_equal(found[1].argmax(axis=1), part.labels)
        assert int(dataset.cardinality()) == -(-len(part) // 33) and (found[2] == 1).all()


def test_votes_are_targets_on_request(voted, faces):
    order = epoch_order(voted.labels, "balanced", 0, 0)
    _, (_, soft, _) = epoch_of(training_pictures(voted, SMALL, 16, 0, votes=True), 0)
    _, (_, hard, _) = epoch_of(training_pictures(voted, SMALL, 16, 0), 0)
    np.testing.assert_array_equal(soft, voted.votes[order])
    np.testing.assert_array_equal(hard, np.eye(8)[voted.labels[order]])
    assert (soft.max(axis=1) < 1).any()
    with pytest.raises(UserError, match="have no votes, only classes"):
        training_pictures(faces, SMALL, 16, 0, votes=True)


def test_some_pictures_can_be_chosen(faces):
    chosen = np.flatnonzero(np.isin(faces.labels, [2, 5]))
    _, (pictures, targets, _) = epoch_of(training_pictures(faces, View(48, 48, flip=False), 16, 0, chosen=chosen), 0)
    half = len(chosen) // 2
    assert len(pictures) == len(chosen) and sorted(targets.sum(axis=0)[[2, 5]]) == [half, len(chosen) - half]
    stored = {faces.picture(index).tobytes() for index in chosen}
    assert {picture[..., :1].round().astype(np.uint8).tobytes() for picture in pictures} <= stored
    last = np.array([len(faces) - 1, 0])
    found = np.concatenate([part[1] for part in evaluation_pictures(faces, SMALL, 8, chosen=last).as_numpy_iterator()])
    np.testing.assert_array_equal(found.argmax(axis=1), faces.labels[last])


def test_colours_become_grey_and_grey_colours(coloured, faces):
    as_grey = next(evaluation_pictures(coloured, View(32, 32, channels=1), 4).as_numpy_iterator())[0]
    luma = np.stack([coloured.picture(index) for index in range(4)]) @ np.array([0.2989, 0.587, 0.114])
    np.testing.assert_allclose(as_grey[..., 0], luma, atol=0.05)
    as_colour = next(evaluation_pictures(faces, View(48, 48), 4).as_numpy_iterator())[0]
    np.testing.assert_allclose(as_colour, np.repeat(faces_of(faces, 4), 3, axis=-1), atol=1e-3)


def faces_of(part, count):
    return np.stack([part.picture(index) for index in range(count)])


def test_keras_trains_on_the_batches(faces):
    epochs = training_pictures(faces, View(16, 14, channels=0), 32, 0, normalise="tf", sampling="class_weights")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((14, 14, 1)), keras.layers.Flatten(), keras.layers.Dense(7)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    history = model.fit(epochs.dataset, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view": View(40, 48)}, "resized to at least what is cropped"),
        ({"view": View(channels=2)}, "has 1 or 3 channels, or 0 .* received 2"),
        ({"view": View(channels=1), "normalise": "caffe"}, "'caffe' is for three channels, the view has 1"),
        ({"normalise": "imagenet"}, "normalised as none, caffe, torch, tf; received 'imagenet'"),
        ({"batch": 0}, "A batch has 1 or more pictures, received 0"),
        ({"chosen": []}, "Chosen are 0 pictures"),
        ({"chosen": [0, 10_000]}, "expected some places from 0 to"),
        ({"seed": -1}, "A seed is 0 or above"),
        ({"sampling": "even"}, "Sampling is balanced"),
    ],
)
def test_what_cannot_be_is_refused(faces, change, message):
    with pytest.raises(UserError, match=message) as caught:
        training_pictures(faces, **{"view": SMALL, "batch": 8, "seed": 0} | change)
    assert "\n" not in str(caught.value)
