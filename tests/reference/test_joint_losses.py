"""Losses that couple their targets: how many there are, time, masks, and what is claimed of the plane and of motion."""

from itertools import product

import numpy as np
import pytest
from equations import expected
from loss_cases import NAN, pair, rated_runs, slope, value_and_gradient

from emotf.losses.non_inertial import NonInertial
from emotf.losses.non_inertial_extended import NonInertialExtended

OPTIONS = [
    *[NonInertial(distance=a, direction=b) for a, b in product(("euclidean", "squared"), ("cross", "angle"))],
    *[NonInertialExtended(absolute=where) for where in ("inside", "outside")],
]
NAMES = ["-".join([loss.name, *(v for v in loss.get_config().values() if isinstance(v, str))]) for loss in OPTIONS]
TERMS = ["distance", "velocity", "direction", "angle", "acceleration"]


@pytest.fixture(params=OPTIONS, ids=NAMES)
def loss(request):
    return request.param


def only(kind, term, **fields):
    """One term of a loss by itself."""
    weights = [name for name in kind().get_config() if name.endswith("_weight")]
    assert f"{term}_weight" in weights
    return kind(**{name: float(name == f"{term}_weight") for name in weights}, **fields)


def value(loss, y, p):
    return float(loss(np.asarray(y, np.float32), np.asarray(p, np.float32)))


# ---- targets and fields ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("targets", [2, 3, 4])
@pytest.mark.parametrize("case", ["random", "masked"])
def test_any_number_of_targets_has_the_value_and_gradient_of_the_equation(loss, targets, case):
    y, p = pair(case, (3, 8, targets))
    found, gradient = value_and_gradient(loss, y, p)
    assert found == pytest.approx(expected(loss, y, p), rel=1e-5)
    by_hand = slope(lambda p: expected(loss, y, p), p, 1e-6)
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-3, atol=1e-4 * np.abs(by_hand).max())


@pytest.mark.parametrize(
    ("kind", "term"),
    [(NonInertial, term) for term in TERMS[:3]] + [(NonInertialExtended, term) for term in (*TERMS[:2], *TERMS[3:])],
)
def test_weights_scale_their_terms(kind, term):
    y, p = pair("masked", (3, 8, 2))
    alone = value(only(kind, term), y, p)
    assert alone > 0
    assert value(kind(**{f"{term}_weight": 3.0}), y, p) == pytest.approx(value(kind(), y, p) + 2 * alone, rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "term", "power"),
    [
        (NonInertial, "distance", 0), (NonInertial, "velocity", 1), (NonInertial, "direction", 0),
        (NonInertialExtended, "distance", 0), (NonInertialExtended, "velocity", 1), (NonInertialExtended, "angle", 2),
        (NonInertialExtended, "acceleration", 2),
    ],
)  # fmt: skip
def test_time_divides_the_terms_of_motion(kind, term, power):
    y, p = pair("random", (3, 8, 2))
    assert value(only(kind, term, t=0.5), y, p) == pytest.approx(2**power * value(only(kind, term), y, p), rel=1e-5)


@pytest.mark.parametrize("shape", [(8,), (8, 2), (8, 5, 1), (2, 3, 4, 2)])
def test_less_than_two_stacked_targets_are_refused(loss, shape):
    with pytest.raises(ValueError, match=rf"^{loss.name} couples targets: expected \[batch, frames, two targets"):
        loss(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


# ---- masks -----------------------------------------------------------------------------------------------------------


def test_a_frame_with_one_unrated_target_is_unrated(loss):
    y, p = pair("masked", (3, 20, 2))
    one, both = np.isnan(y).sum(axis=-1) == 1, y.copy()
    assert one.any()
    both[one] = NAN
    found = value_and_gradient(loss, y, p)
    again = value_and_gradient(loss, both, p)
    assert found[0] == again[0] and np.array_equal(found[1], again[1])
    assert not found[1][np.isnan(both)].any()


@pytest.mark.parametrize("loss", OPTIONS[:-1], ids=NAMES[:-1])
def test_splitting_a_sequence_where_it_is_unrated_changes_nothing(loss):
    y, p = pair("masked", (1, 60, 2))
    runs = rated_runs(y[0])
    assert len(runs) > 5
    longest = max(stop - start for start, stop in runs)
    gold, guess = np.full((len(runs), longest, 2), NAN, np.float32), np.zeros((len(runs), longest, 2), np.float32)
    for i, (start, stop) in enumerate(runs):
        gold[i, : stop - start], guess[i, : stop - start] = y[0, start:stop], p[0, start:stop]
    assert value(loss, gold, guess) == pytest.approx(value(loss, y, p), rel=1e-5)


def test_nothing_is_seen_across_unrated_frames_nor_from_one_sequence_to_the_next():
    """Gold jumps there and the prediction does not: all that is wrong is its place."""
    y = np.zeros((2, 9, 2))
    y[0, 4], y[0, 5:], y[1] = NAN, 5.0, -3.0
    p = np.zeros((2, 9, 2))
    for kind, term in (
        (NonInertial, "velocity"),
        *[(NonInertialExtended, term) for term in ("velocity", "acceleration")],
    ):
        assert value(only(kind, term), y, p) == 0
        assert value(only(kind, term), np.nan_to_num(y), p) > 0


def test_padding_counts_for_nothing(loss):
    y, p = pair("random", (3, 20, 2))
    padded = [np.concatenate([x, np.full((3, 7, 2), fill, np.float32)], axis=1) for x, fill in ((y, NAN), (p, 9.0))]
    assert value(loss, *padded) == pytest.approx(value(loss, y, p), rel=1e-6)


# ---- the plane -------------------------------------------------------------------------------------------------------


def at(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)[None]


@pytest.mark.parametrize(
    ("gold", "prediction", "cross", "angle"),
    [
        (90, 30, np.sqrt(3) / 2, np.pi / 3), (30, 90, np.sqrt(3) / 2, np.pi / 3), (45, 45, 0, 0), (0, 180, 0, np.pi),
        (0, 90, 1, np.pi / 2), (0, 150, 0.5, np.pi * 5 / 6),
    ],
)  # fmt: skip
def test_direction_is_the_cross_product_and_only_the_angle_sees_opposite_directions(gold, prediction, cross, angle):
    y, p = at(gold), at(prediction)
    assert value(only(NonInertial, "direction"), y, p) == pytest.approx(cross, abs=1e-6)
    assert value(only(NonInertial, "direction", direction="angle"), y, p) == pytest.approx(angle, abs=1e-6)
    assert value(only(NonInertial, "direction"), y, 2 * p) == pytest.approx(2 * cross, abs=1e-6)
    assert value(only(NonInertial, "direction", direction="angle"), y, 2 * p) == pytest.approx(angle, abs=1e-6)


@pytest.mark.parametrize("direction", ["cross", "angle"])
def test_the_origin_has_no_direction(direction):
    loss = only(NonInertial, "direction", direction=direction)
    for y, p in ((at(30), 0 * at(0)), (0 * at(0), at(30)), (0 * at(0), 0 * at(0))):
        found, gradient = value_and_gradient(loss, y.astype(np.float32), p.astype(np.float32))
        assert found == 0 and np.isfinite(gradient).all()


@pytest.mark.parametrize("targets", [2, 3, 4])
def test_direction_is_the_sine_times_both_lengths_in_any_number_of_dimensions(targets):
    y, p = pair("random", (1, 1, targets))
    a, b = y.ravel().astype(float), p.ravel().astype(float)
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    sine = np.sqrt(1 - cosine**2)
    assert value(only(NonInertial, "direction"), y, p) == pytest.approx(np.sqrt((a @ a) * (b @ b)) * sine, rel=1e-5)
    found = value(only(NonInertial, "direction", direction="angle"), y, p)
    assert found == pytest.approx(np.arccos(cosine), rel=1e-5)


def test_a_rest_has_no_gradient_of_velocity():
    y, p = np.zeros((1, 4, 2), np.float32), np.full((1, 4, 2), 0.5, np.float32)
    found, gradient = value_and_gradient(only(NonInertial, "velocity"), y, p)
    assert found == 0 and not gradient.any()


# ---- the extended loss as printed ------------------------------------------------------------------------------------


def test_a_closed_circle_of_two_targets_is_0_so_it_is_left_open():
    """Pair (2, 1) is minus pair (1, 2), whatever moves how."""
    dy, dp = (np.diff(x, axis=1) for x in pair("random", (1, 50, 2)))
    one, two = (dp[..., i] * dy[..., j] - dp[..., j] * dy[..., i] for i, j in ((0, 1), (1, 0)))
    assert not (one + two).any() and one.any()
    found = value(only(NonInertialExtended, "angle", absolute="outside"), *pair("random", (1, 50, 2)))
    assert found == pytest.approx(abs(one.mean()) / 4, rel=1e-4) and found > 0


def test_velocity_outside_telescopes_to_the_ends_of_a_sequence():
    y, p = pair("random", (1, 40, 2))
    error = (p - y).astype(np.float64)
    found, gradient = value_and_gradient(only(NonInertialExtended, "velocity", absolute="outside"), y, p)
    assert found == pytest.approx(abs((error[0, -1] - error[0, 0]).mean() / 39) / 4, rel=1e-4)
    assert gradient[0, [0, -1]].all() and not gradient[0, 1:-1].any()


def test_velocity_inside_sees_every_frame():
    y, p = pair("random", (1, 40, 2))
    steps = np.abs(np.diff((p - y).astype(np.float64), axis=1))
    found, gradient = value_and_gradient(only(NonInertialExtended, "velocity", absolute="inside"), y, p)
    assert found == pytest.approx(steps.mean() / 4, rel=1e-5)
    assert gradient[0, 1:-1].any(axis=-1).mean() > 0.5


def test_sequences_of_one_length_count_alike_and_one_without_a_rated_frame_not_at_all(loss):
    y, p = pair("random", (4, 20, 2))
    each = [value(loss, y[i : i + 1], p[i : i + 1]) for i in range(3)]
    y[3] = NAN
    assert value(loss, y, p) == pytest.approx(np.mean(each), rel=1e-5)


@pytest.fixture(scope="module")
def smooth():
    """[1000, 256, 2] twice: gold and prediction, each some slow waves about a level of their own, within [-1, 1]."""
    rng = np.random.default_rng(8)
    time = np.arange(256) / 256
    shape = (2, 1000, 2, 4, 1)
    waves = rng.normal(size=shape) * np.sin(2 * np.pi * (rng.uniform(0.2, 4, shape) * time + rng.random(shape)))
    traces = waves.sum(axis=-2)
    traces /= np.abs(traces).max(axis=-1, keepdims=True)
    height = rng.uniform(0.1, 1, (2, 1000, 2, 1))
    traces = height * traces + (1 - height) * rng.uniform(-1, 1, (2, 1000, 2, 1))
    assert np.abs(traces).max() <= 1 and np.abs(np.diff(traces)).max() < 0.2
    return np.moveaxis(traces, 2, 3).astype(np.float32)


def excess(loss, factor, smooth):
    """[1000]: factor * loss of a trace, over half of its squared error summed over both targets."""
    import tensorflow as tf

    compiled = tf.function(lambda y, p: loss(y[None], p[None]))
    found = np.array([float(compiled(y, p)) for y, p in zip(*smooth, strict=True)])
    return factor * found - np.mean((smooth[0] - smooth[1]) ** 2, axis=1, dtype=float).sum(axis=-1) / 2


def test_as_printed_the_extended_loss_is_half_of_the_squared_error_as_in_the_published_tables(smooth):
    over = excess(NonInertialExtended(absolute="outside"), 4, smooth)
    print(f"outside: {over.mean():.4f} over half of the squared error on average, {over.min():.6f} to {over.max():.4f}")
    assert over.min() > -1e-6 and over.max() <= 0.02


def test_the_euclidean_distance_does_not_give_the_published_tables(smooth):
    over = excess(NonInertial(distance="euclidean"), 1, smooth)
    share = np.mean((over >= 0) & (over <= 0.02))
    print(f"euclidean: {over.mean():.3f} over it on average; {share:.1%} of the traces within 0.02")
    assert share < 0.05


# ---- in Keras --------------------------------------------------------------------------------------------------------


def test_compile_on_a_dictionary_of_outputs_is_refused_in_one_line(loss):
    import keras

    inputs = keras.Input((6, 3))
    outputs = {name: keras.layers.Reshape((6,))(keras.layers.Dense(1)(inputs)) for name in ("arousal", "valence")}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss=loss, jit_compile=False)
    before = model.get_weights()
    gold = {name: np.zeros((4, 6), np.float32) for name in outputs}
    with pytest.raises(
        ValueError, match=rf"{loss.name} couples targets: .* stacked in one output, received \(\S+, 6\)"
    ):
        model.fit(np.ones((4, 6, 3), np.float32), gold, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
