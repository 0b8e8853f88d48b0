"""Every loss of the catalog against its equation: value, gradient, masks. A new loss is picked up by itself."""

import numpy as np
import pytest
from equations import expected
from loss_cases import FLAT, LOSSES, MASKED, REGULAR, make, pair, shape_of, slope, value_and_gradient

TOLERANCE = 1e-5  # relative: the squared error of traces of a scale of 1e-4 is 1e-8


@pytest.fixture(params=LOSSES)
def label(request):
    return request.param


@pytest.fixture
def loss(label):
    return make(label)


# ---- value and gradient ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", REGULAR + FLAT)
def test_the_value_is_that_of_the_equation(loss, case):
    y, p = pair(case, shape_of(loss))
    assert float(loss(y, p)) == pytest.approx(expected(loss, y, p), rel=TOLERANCE, abs=1e-12)


# the correlation of two points is 1 or -1 wherever they lie; these errors all lie inside the tube
LEVEL = {(name, "two frames") for name in ("pcc", "pcc sequence")} | {
    (name, case) for name in ("tube", "tube with options") for case in ("tiny scale", "tiny scale at an offset")
}


@pytest.mark.parametrize("case", REGULAR)
def test_the_gradient_is_that_of_finite_differences(loss, label, case):
    y, p = pair(case, shape_of(loss, small=True))
    found = value_and_gradient(loss, y, p)[1]
    by_hand = slope(lambda p: expected(loss, y, p), p, 1e-5 * p.astype(np.float64).std())
    size = np.abs(by_hand).max()
    if (label, case) in LEVEL:
        assert size < 1e-6 and np.abs(found).max() < 1e-4
    else:
        np.testing.assert_allclose(found, by_hand, rtol=1e-3, atol=1e-4 * size)


@pytest.mark.parametrize("case", FLAT)
def test_the_gradient_is_finite_where_nothing_varies(loss, case):
    value, gradient = value_and_gradient(loss, *pair(case, shape_of(loss)))
    assert np.isfinite(value) and np.isfinite(gradient).all()
    # no rounding of a mean may end up in a denominator
    assert np.abs(gradient).max() <= 10


def test_only_losses_that_say_so_fall_below_0(loss):
    values = [float(loss(*pair(case, shape_of(loss)))) for case in REGULAR + FLAT]
    y, _ = pair("random", shape_of(loss))
    values.append(float(loss(y, y)))
    assert min(values) < -0.5 if loss.negative else min(values) >= -1e-6


@pytest.mark.parametrize("case", FLAT)
@pytest.mark.parametrize("n", [3, 100, 257])
def test_a_correlation_that_is_not_defined_has_no_gradient(case, n):
    value, gradient = value_and_gradient(make("pcc"), *pair(case, (n,)))
    assert value == (0 if case == "nothing rated" else 1) and not gradient.any()


@pytest.mark.parametrize("case", ["one constant", "constants at an offset", "nothing rated"])
def test_a_concordance_that_is_not_defined_has_no_gradient(case):
    value, gradient = value_and_gradient(make("ccc"), *pair(case, (257,)))
    assert value == (0 if case == "nothing rated" else 1) and not gradient.any()


# ---- masks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", MASKED)
@pytest.mark.parametrize("label", [label for label in LOSSES if not make(label).sequential])
def test_masking_equals_computing_on_the_subset(loss, case):
    y, p = pair(case, shape_of(loss))
    rated = ~np.isnan(y)
    assert 0 < rated.sum() < len(y)
    value, gradient = value_and_gradient(loss, y, p)
    subset_value, subset_gradient = value_and_gradient(loss, y[rated], p[rated])
    assert value == pytest.approx(subset_value, abs=1e-6)
    np.testing.assert_allclose(gradient[rated], subset_gradient, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("wild", [1e30, np.inf, np.nan])
def test_what_is_predicted_for_unrated_frames_does_not_matter(loss, wild):
    y, p = pair("masked", shape_of(loss))
    unrated = unrated_in(loss, y)
    value, gradient = value_and_gradient(loss, y, np.where(unrated, np.float32(wild), p))
    assert value == pytest.approx(float(loss(y, p)), abs=1e-6)
    assert np.isfinite(gradient).all() and not gradient[unrated].any() and gradient[~unrated].any()


def unrated_in(loss, y):
    """Of a joint loss, a frame with one unrated target is unrated as a whole."""
    holes = np.isnan(y)
    return np.broadcast_to(holes.any(axis=-1, keepdims=True), y.shape) if loss.joint else holes


@pytest.mark.parametrize("case", ["random", "masked"])
def test_the_order_of_the_batch_does_not_matter(loss, case):
    y, p = pair(case, shape_of(loss))
    order = np.random.default_rng(0).permutation(len(y))
    assert float(loss(y[order], p[order])) == pytest.approx(float(loss(y, p)), abs=1e-6)


# ---- what is said of single losses -----------------------------------------------------------------------------------


def test_mse_cov_is_least_half_as_wide_again_as_the_gold_standard():
    y = pair("random", (40,))[0].astype(np.float64)
    best = y.mean() + 1.5 * (y - y.mean())
    value, gradient = value_and_gradient(make("mse_cov"), y.astype(np.float32), best.astype(np.float32))
    assert value == pytest.approx(-1.25 * y.var(), rel=1e-5)
    np.testing.assert_allclose(gradient, 0, atol=1e-7)


def test_gradient_descent_on_mse_cov_arrives_there():
    y, p = pair("random", (40,))
    for _ in range(200):
        p = p - 4.0 * value_and_gradient(make("mse_cov"), y, p)[1]
    np.testing.assert_allclose(p, y.mean() + 1.5 * (y - y.mean()), atol=1e-4)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-4, 1e-2])
def test_mse_over_cc_is_finite_at_and_near_a_correlation_of_minus_1(noise):
    y, other = pair("random", (100,))
    p = -y + np.float32(noise) * other
    loss = make("mse_over_cc")
    value, gradient = value_and_gradient(loss, y, p)
    assert value == pytest.approx(expected(loss, y, p), rel=1e-4)
    assert np.isfinite(gradient).all() and gradient.any()
    assert value <= np.mean((y - p) ** 2) / loss.floor * (1 + 1e-5)


def test_errors_inside_the_tube_have_no_gradient():
    gradient = value_and_gradient(make("tube"), np.float32([0, 0, 0, 0]), np.float32([0.04, -0.04, 0.06, -0.06]))[1]
    np.testing.assert_allclose(gradient, [0, 0, 0.25, -0.25])


def test_a_perfect_prediction_has_no_gradient_of_absolute_errors():
    y, _ = pair("random", (20,))
    value, gradient = value_and_gradient(make("mae"), y, y)
    assert value == 0 and not gradient.any()
