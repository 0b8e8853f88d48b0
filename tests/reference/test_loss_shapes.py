"""Losses over several targets and over sequences, and the shapes and fields that they refuse."""

import re

import numpy as np
import pytest
from equations import expected
from loss_cases import LOSSES, NAN, make, pair, shape_of, value_and_gradient

from emotf import catalog
from emotf.losses.base import Loss, PooledLoss

PLAIN = [label for label in LOSSES if not make(label).sequential]
SEPARATE = [label for label in LOSSES if not make(label).joint]
POOLED = [name for name in catalog.names("losses") if isinstance(make(name), PooledLoss)]


def uneven():
    """[6, 20, 3]: targets differ in how many frames are rated, and in how many sequences; two hold none at all."""
    y, p = pair("masked", (6, 20, 3))
    y[1:, :, 1] = NAN
    y[4:] = NAN
    y[0, 5:, 2] = NAN
    return y, p


# ---- targets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", SEPARATE)
def test_several_targets_give_the_mean_of_the_losses_of_each(label):
    loss = make(label)
    y, p = pair("masked", (4, 30, 3))
    each = [float(loss(y[..., i], p[..., i])) for i in range(3)]
    assert len({round(value, 4) for value in each}) == 3
    assert float(loss(y, p)) == pytest.approx(np.mean(each), abs=1e-6)


@pytest.mark.parametrize("label", SEPARATE)
def test_targets_count_alike_however_much_of_each_is_rated(label):
    loss = make(label)
    y, p = uneven()
    each = [float(loss(y[..., i], p[..., i])) for i in range(3)]
    assert float(loss(y, p)) == pytest.approx(np.mean(each), abs=1e-6)
    assert float(loss(y, p)) == pytest.approx(expected(loss, y, p), abs=1e-5)


@pytest.mark.parametrize("label", SEPARATE)
def test_a_target_without_a_rated_frame_is_left_out(label):
    loss = make(label)
    y, p = pair("masked", (4, 30, 3))
    y[..., 1] = NAN
    value, gradient = value_and_gradient(loss, y, p)
    assert value == pytest.approx(float(loss(y[..., [0, 2]], p[..., [0, 2]])), abs=1e-6)
    assert not gradient[..., 1].any() and gradient[..., 0].any() and gradient[..., 2].any()


@pytest.mark.parametrize("label", LOSSES)
def test_only_joint_losses_couple_their_targets(label):
    """The gradient on valence, the first target, after another prediction of arousal, the second."""
    loss = make(label)
    y, p = pair("random", (4, 30, 2))
    other = p.copy()
    other[..., 1] = -0.3 * p[..., 1] + 0.2
    one, two = (value_and_gradient(loss, y, x)[1][..., 0] for x in (p, other))
    difference = np.abs(one - two).max() / np.abs(one).max()
    assert difference > 0.1 if loss.joint else difference < 1e-5
    assert type(loss).joint == loss.joint == label.startswith("non_inertial")


# ---- sequences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POOLED)
def test_pool_sequence_is_the_mean_of_the_losses_of_the_single_sequences(name):
    y, p = pair("masked", (5, 30))
    y[3], p[0] = NAN, p[0] + 1
    each = [float(make(name)(y[i], p[i])) for i in (0, 1, 2, 4)]
    found = float(catalog.find("losses", name)(pool="sequence")(y, p))
    assert found == pytest.approx(np.mean(each), abs=1e-6)
    assert abs(found - float(make(name)(y, p))) > 1e-3  # the whole batch in one series is something else


@pytest.mark.parametrize("name", POOLED)
def test_single_frames_are_no_sequences(name):
    loss = catalog.find("losses", name)(pool="sequence")
    for shape in ((8,), (8, 1), (8, 1, 2)):
        message = f"{name}: pool='sequence' needs sequences [batch, frames], received {shape}"
        with pytest.raises(ValueError, match=re.escape(message)):
            loss(*pair("random", shape))


def test_losses_of_moments_have_a_pool_and_no_others():
    assert set(POOLED) == {"ccc", "pcc", "mse_cov", "mse_over_cc"}
    assert not [name for name in catalog.names("losses") if name not in POOLED and "pool" in make(name).get_config()]


# ---- shapes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", PLAIN)
def test_the_shape_of_one_target_does_not_matter(label):
    loss = make(label)
    y, p = pair("masked", (60,))
    value = float(loss(y, p))
    for shape in ((60, 1), (4, 15), (4, 15, 1)):
        assert float(loss(y.reshape(shape), p.reshape(shape))) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("label", SEPARATE)
def test_a_last_axis_of_1_may_be_missing_in_one(label):
    loss = make(label)
    y, p = pair("masked", (4, 15))
    value, gradient = value_and_gradient(loss, y, p)
    for gold, prediction in ((y, p[..., None]), (y[..., None], p), (y[..., None], p[..., None])):
        found, of = value_and_gradient(loss, gold, prediction)
        assert found == pytest.approx(value, abs=1e-6) and of.shape == prediction.shape
        np.testing.assert_allclose(of.reshape(4, 15), gradient, atol=1e-7)


@pytest.mark.parametrize("label", LOSSES)
def test_a_loss_is_one_value_of_one_axis(label):
    loss = make(label)
    # Keras divides that, unlike a scalar, by the number of replicas
    assert loss.call(*pair("masked", shape_of(loss))).shape == (1,)


SHAPES = [
    ((1,), (8,)), ((8,), (1,)), ((4,), (8,)), ((0,), (8,)), ((8,), (0,)), ((8,), (4, 2)), ((4, 2), (8,)),
    ((8,), (8, 2)), ((4, 1), (4, 2)), ((4, 2), (2, 4)), ((4, 3), (4, 3, 2)), ((4, 3, 1), (4, 3, 2)),
    ((4, 3, 2), (4, 3, 3)), ((1, 3, 2), (4, 3, 2)), ((4, 1, 2), (4, 3, 2)), ((4,), (4, 1, 1)),
    ((24,), (4, 3, 2)), ((4, 6), (4, 3, 2)),
]  # fmt: skip


@pytest.mark.parametrize("label", LOSSES)
def test_other_shapes_are_never_broadcast(label):
    loss = make(label)
    for gold, prediction in SHAPES:
        if loss.joint and (len(prediction) < 3 or prediction[-1] < 2):
            continue
        message = f"{loss.name}: gold has shape {gold}, prediction {prediction}; they must be the same."
        with pytest.raises(ValueError, match=re.escape(message)):
            loss(np.zeros(gold, np.float32), np.zeros(prediction, np.float32))


@pytest.mark.parametrize("label", PLAIN)
def test_more_than_three_axes_are_refused(label):
    message = re.escape("expected at most [batch, frames, targets], received (2, 3, 2, 2)")
    with pytest.raises(ValueError, match=message):
        make(label)(*pair("random", (2, 3, 2, 2)))


@pytest.mark.parametrize("label", LOSSES)
def test_an_empty_batch_costs_nothing(label):
    """A replica may be left without a sample at the end of an epoch."""
    loss = make(label)
    shape = (0, *shape_of(loss)[1:])
    value, gradient = value_and_gradient(loss, np.zeros(shape, np.float32), np.zeros(shape, np.float32))
    assert value == 0 and gradient.shape == shape


# ---- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        *[(name, {"pool": "recording"}, "pool is 'recording', expected batch or sequence.") for name in POOLED],
        *[
            ("mse_over_cc", {"floor": floor}, f"floor must be above 0 and at most 2, received {floor}")
            for floor in (0, -1.0, 2.5, NAN)
        ],
        *[("tube", {"epsilon": epsilon}, "epsilon must") for epsilon in (-0.05, NAN, np.inf)],
        ("non_inertial", {"distance": "manhattan"}, "distance is 'manhattan', expected euclidean or squared."),
        ("non_inertial", {"direction": "cosine"}, "direction is 'cosine', expected cross or angle."),
        ("non_inertial_extended", {"absolute": "within"}, "absolute is 'within', expected inside or outside."),
        *[
            (name, {"t": t}, f"t must be above 0, received {t}")
            for name in ("non_inertial", "non_inertial_extended")
            for t in (0, -1.0, NAN, np.inf)
        ],
    ],
)
def test_fields_out_of_range_are_refused(name, fields, message):
    with pytest.raises(ValueError, match=f"^{name}: {re.escape(message)}"):
        catalog.find("losses", name)(**fields)


@pytest.mark.parametrize(("name", "fields"), [("tube", {"epsilon": 0}), ("mse_over_cc", {"floor": 2})])
def test_fields_at_the_end_of_their_range_are_taken(name, fields):
    loss = catalog.find("losses", name)(**fields)
    assert isinstance(loss, Loss)
    y, p = pair("random", (50,))
    assert float(loss(y, p)) == pytest.approx(expected(loss, y, p), rel=1e-5)
