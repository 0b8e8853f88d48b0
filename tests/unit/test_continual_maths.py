"""Merging classifiers, weights as pictures, gradient descent, transfer: against worked examples and other libraries."""

import math

import numpy as np
import pytest

from emotf.continual import transfer
from emotf.continual.config import Descent
from emotf.continual.descent import fitted, probabilities
from emotf.continual.linear import LinearClassifier, balanced_alpha, concatenate, cosine_distance, empty, merge
from emotf.continual.rules import RULES, Learned, after_each_task
from emotf.continual.weight_pictures import as_picture, clahe, equalised, pruned, restored
from emotf.errors import UserError

RANDOM = np.random.default_rng(7)


def classifier(features, outputs, unknown=True):
    return LinearClassifier(RANDOM.normal(size=(features, outputs)), RANDOM.normal(size=outputs), unknown)


# ---- merging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), [(5, 5), (10, 5), (1, 3)])
@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_merging_is_the_equations(old, new, alpha):
    one, two = classifier(4, old + 1), classifier(4, new + 1)
    both = merge(one, two, alpha)
    assert both.weights.shape == (4, old + new + 1) and both.bias.shape == (old + new + 1,)
    assert both.unknown and both.classes == old + new
    for c in range(old):
        assert both.weights[:, c].tolist() == one.weights[:, c].tolist() and both.bias[c] == one.bias[c]
    for c in range(new):
        assert both.weights[:, old + c].tolist() == two.weights[:, c].tolist() and both.bias[old + c] == two.bias[c]
    for f in range(4):
        assert both.weights[f, -1] == pytest.approx(alpha * one.weights[f, old] + (1 - alpha) * two.weights[f, new])
    assert both.bias[-1] == pytest.approx(alpha * one.bias[old] + (1 - alpha) * two.bias[new])


def test_alpha_1_and_0_keep_one_unknown_output():
    one, two = classifier(3, 3), classifier(3, 4)
    x = RANDOM.normal(size=(6, 3))
    assert merge(one, two, 1.0).scores(x)[:, -1] == pytest.approx(one.scores(x)[:, -1])
    assert merge(one, two, 0.0).scores(x)[:, -1] == pytest.approx(two.scores(x)[:, -1])


def test_identical_unknown_outputs_stay_whatever_alpha_is():
    one, two = classifier(3, 3), classifier(3, 4)
    weights, bias = two.weights.copy(), two.bias.copy()
    weights[:, -1], bias[-1] = one.weights[:, -1], one.bias[-1]
    two = LinearClassifier(weights, bias, unknown=True)
    found = [merge(one, two, alpha) for alpha in (0.0, 0.3, 1.0)]
    for both in found:
        assert both.weights[:, -1] == pytest.approx(one.weights[:, -1]) and both.bias[-1] == pytest.approx(one.bias[-1])
    # the old classifier's odds between its outputs, and the new one's, are what they were
    x = RANDOM.normal(size=(5, 3))
    z = found[0].scores(x)
    assert z[:, [0, 1, 5]] == pytest.approx(one.scores(x)) and z[:, [2, 3, 4, 5]] == pytest.approx(two.scores(x))


def test_alpha_is_that_of_table_4_4_and_one_half_both_ways():
    printed = [0.5, 2 / 3, 0.75, 0.80, 5 / 6]
    assert [balanced_alpha(old, 5) for old in (5, 10, 15, 20, 25)] == pytest.approx(printed)
    assert balanced_alpha(5, 10) == pytest.approx(1 - balanced_alpha(10, 5))


def test_anchoring_changes_no_probability_and_makes_alpha_void():
    one, two = classifier(4, 3), classifier(4, 4)
    x = RANDOM.normal(size=(8, 4))
    anchored = one.anchored()
    assert probabilities(anchored.scores(x)) == pytest.approx(probabilities(one.scores(x)))
    assert not anchored.scores(x)[:, -1].any()
    low, high = (merge(one.anchored(), two.anchored(), alpha).scores(x) for alpha in (0.0, 1.0))
    assert low == pytest.approx(high)
    for c in range(2):  # log odds against unknown
        assert low[:, c] == pytest.approx(one.scores(x)[:, c] - one.scores(x)[:, 2])


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: merge(classifier(3, 3), classifier(3, 3), 1.5), "alpha is 1.5, expected 0 to 1"),
        (lambda: merge(classifier(3, 3), classifier(3, 3), math.nan), "alpha is nan"),
        (lambda: merge(classifier(3, 3, False), classifier(3, 3), 0.5), "both have an unknown output"),
        (lambda: merge(classifier(3, 3), classifier(4, 3), 0.5), "takes 3 features, the other 4"),
        (lambda: concatenate(classifier(3, 3), classifier(3, 3, False)), "cannot be concatenated"),
        (lambda: classifier(3, 3, False).anchored(), "cannot be anchored"),
        (lambda: classifier(3, 1), "none but unknown"),
        (lambda: LinearClassifier(np.zeros((3, 2)), np.zeros(3)), r"received \(3, 2\) and \(3,\)"),
        (lambda: cosine_distance(np.ones((2, 3)), np.ones((2, 4))), r"\(2, 3\) and \(2, 4\)"),
    ],
)
def test_what_cannot_be_merged_is_refused(act, message):
    with pytest.raises(UserError, match=message):
        act()


def test_the_distance_does_not_see_what_no_probability_sees():
    one, other = RANDOM.normal(size=(2, 6, 4))
    from scipy.spatial.distance import cosine

    means = [each - each.mean(axis=1, keepdims=True) for each in (one, other)]
    assert cosine_distance(one, other) == pytest.approx(cosine(means[0].ravel(), means[1].ravel()))
    shifted = other + RANDOM.normal(size=(6, 1))
    assert cosine_distance(one, shifted) == pytest.approx(cosine_distance(one, other))
    assert cosine_distance(one, 3 * one) == pytest.approx(0)
    assert math.isnan(cosine_distance(one, np.ones((6, 4))))


# ---- rules -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned():
    plain = tuple(classifier(5, 2, unknown=False) for _ in range(3))
    grown = tuple(classifier(5, 2 * (task + 1), unknown=False) for task in range(3))
    return Learned(tuple(classifier(5, 3) for _ in range(3)), plain, grown, (*grown[:2], grown[0]))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in ("joint", "finetuned")])
def test_every_rule_grows_by_two_outputs_a_task(rule, learned):
    more = rule in ("balanced", "printed", "anchored")
    assert [len(one.bias) for one in after_each_task(rule, learned)] == [2 + more, 4 + more, 6 + more]


def test_rules_take_their_alpha_anew_at_every_merge(learned):
    w = [one.weights[:, -1] for one in learned.own]
    last = {rule: after_each_task(rule, learned)[-1].weights[:, -1] for rule in ("balanced", "printed", "alpha-0.9")}
    assert last["balanced"] == pytest.approx(2 / 3 * (w[0] / 2 + w[1] / 2) + w[2] / 3)
    assert last["printed"] == pytest.approx(1 / 3 * (w[0] / 2 + w[1] / 2) + 2 / 3 * w[2])
    assert last["alpha-0.9"] == pytest.approx(0.9 * (0.9 * w[0] + 0.1 * w[1]) + 0.1 * w[2])


def test_pruning_comes_before_the_classifiers_are_put_side_by_side(learned):
    found = after_each_task("pruned", learned, margin=0.2)[-1].weights
    for task, one in enumerate(learned.plain):
        low, high = one.weights.min() + 0.2, one.weights.max() - 0.2
        for f in range(5):
            for c in range(2):
                w = one.weights[f, c]
                assert found[f, 2 * task + c] == (0 if low < w < high else w)


def test_contrast_is_changed_after_they_were_put_side_by_side_and_does_not_add_up(learned):
    side_by_side = after_each_task("concatenated", learned)
    for rule, change in (("equalised", equalised), ("clahe", clahe)):
        for one, plain in zip(after_each_task(rule, learned), side_by_side, strict=True):
            assert one.weights.tolist() == change(plain.weights).tolist() and one.bias.tolist() == plain.bias.tolist()


# ---- weights as pictures ---------------------------------------------------------------------------------------------


def test_weights_come_back_from_a_picture_within_half_a_step():
    weights = RANDOM.normal(size=(120, 7))
    picture, low, high = as_picture(weights)
    assert picture.dtype == np.uint8 and picture.min() == 0 and picture.max() == 255
    step = (weights.max() - weights.min()) / 255
    assert np.abs(restored(picture, low, high) - weights).max() <= step / 2 + 1e-6


def test_equal_weights_stay():
    flat = np.full((4, 4), 0.25, np.float32)
    assert restored(*as_picture(flat)).tolist() == flat.tolist()
    assert equalised(flat).tolist() == clahe(flat).tolist() == pruned(flat).tolist() == flat.tolist()


def test_equalisation_is_the_equation_and_opencvs():
    import cv2

    weights = RANDOM.normal(size=(40, 9)).astype(np.float32) ** 3
    picture, low, high = as_picture(weights)
    found = as_picture(equalised(weights))[0]
    assert np.abs(found.astype(int) - cv2.equalizeHist(picture).astype(int)).max() <= 1  # rounding of halves
    counts = [int((picture <= v).sum()) for v in range(256)]
    first = min(count for count in counts if count)
    for v in set(picture.ravel().tolist()):
        h = round((counts[v] - first) / (picture.size - first) * 255)
        assert equalised(weights)[picture == v] == pytest.approx(low + h * (high - low) / 255, abs=1e-6)


def test_clahe_without_a_limit_is_equalisation_tile_by_tile():
    """Far from the seam, where nothing is interpolated: the corner of each tile is equalised by its tile alone."""
    weights = RANDOM.normal(size=(64, 32)).astype(np.float32)
    picture, low, high = as_picture(weights)
    found = as_picture(clahe(weights, clip=1e6))[0].astype(int)
    tile = picture[:32, :16]
    cdf = np.cumsum(np.bincount(tile.ravel(), minlength=256))
    expected = np.round(cdf[tile] * 255 / tile.size).astype(int)
    assert np.abs(found[:16, :8] - expected[:16, :8]).max() <= 1
    assert restored(picture, low, high).shape == clahe(weights).shape


def test_tiles_lie_along_features_and_outputs():
    weights = RANDOM.normal(size=(64, 32)).astype(np.float32)
    weights[:32] *= 0.1
    whole, rows, columns = (clahe(weights, 1e6, tiles) for tiles in ((1, 1), (2, 1), (1, 2)))
    quiet, loud = slice(0, 16), slice(48, 64)
    # equalised by themselves, the quiet features reach as far as the loud ones
    assert rows[quiet].std() > 1.5 * whole[quiet].std() and columns[quiet].std() < 1.2 * whole[quiet].std()
    assert rows[quiet].std() == pytest.approx(rows[loud].std(), rel=0.1)


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="not finite"):
        as_picture(np.array([[0.0, np.inf]]))


# ---- gradient descent ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blobs():
    centres = RANDOM.normal(size=(3, 6)) * 1.5
    labels = np.repeat(np.arange(3), 60)
    return (centres[labels] + RANDOM.normal(size=(180, 6))).astype(np.float32), labels


def test_descent_ends_where_scikit_learns_solver_does(blobs):
    from sklearn.linear_model import LogisticRegression

    x, y = blobs
    decay = 0.05
    exact = LogisticRegression(C=1 / (decay * len(y)), max_iter=2000, tol=1e-8).fit(x, y)
    found = fitted(empty(6, 3), x, y, Descent(learning_rate=0.2, decay=decay, batch=180, epochs=2000), seed=0)
    assert found.weights == pytest.approx(exact.coef_.T, abs=2e-3)
    # only differences between biases are determined
    assert found.bias - found.bias.mean() == pytest.approx(exact.intercept_ - exact.intercept_.mean(), abs=2e-2)


def test_one_step_is_the_equation(blobs):
    x, y = blobs
    start = classifier(6, 3, unknown=False)
    found = fitted(start, x, y, Descent(learning_rate=0.2, decay=0.3, batch=180, epochs=1), seed=0)
    gradient = 0.3 * start.weights.copy()
    slope = np.zeros(3)
    for picture, label in zip(x.astype(float), y, strict=True):
        powers = [math.exp(float(picture @ start.weights[:, c] + start.bias[c])) for c in range(3)]
        for c in range(3):
            error = powers[c] / sum(powers) - (c == label)
            gradient[:, c] += error * picture / len(y)
            slope[c] += error / len(y)
    assert found.weights == pytest.approx(start.weights - 0.2 * gradient, abs=1e-5)
    assert found.bias == pytest.approx(start.bias - 0.2 * slope, abs=1e-5)


def test_descent_depends_on_start_and_seed_alone(blobs):
    x, y = blobs
    training = Descent(epochs=2, batch=16)
    start = classifier(6, 3)
    before = start.weights.copy()
    one, again, other = (fitted(start, x, y, training, seed) for seed in (1, 1, 2))
    assert one.unknown and one.weights.tolist() == again.weights.tolist() != other.weights.tolist()
    assert start.weights.tolist() == before.tolist()


def test_what_cannot_be_learned_is_refused(blobs):
    x, y = blobs
    for labels in (y + 1, y - 1):
        with pytest.raises(UserError, match="each label must have its output"):
            fitted(empty(6, 3), x, labels, Descent(), 0)
    with pytest.raises(UserError, match="0 pictures"):
        fitted(empty(6, 3), x[:0], y[:0], Descent(), 0)
    with np.errstate(all="ignore"), pytest.raises(UserError, match=r"diverged at training\.learning_rate=1e"):
        fitted(empty(6, 3), 1e4 * x, y, Descent(learning_rate=1e30, epochs=3, decay=1.0), 0)


# ---- transfer --------------------------------------------------------------------------------------------------------


def test_measures_of_transfer_are_those_of_their_papers():
    nan = math.nan
    r = np.array([[0.9, nan, nan, nan], [0.95, 0.8, nan, nan], [0.5, 0.85, 0.7, nan], [0.4, 0.6, 0.75, 1.0]])
    assert transfer.average_accuracy(r) == pytest.approx((0.4 + 0.6 + 0.75 + 1.0) / 4)
    assert transfer.backward_transfer(r) == pytest.approx(((0.4 - 0.9) + (0.6 - 0.8) + (0.75 - 0.7)) / 3)
    # the best before the last task: .95, .85, .7
    assert transfer.forgetting(r) == pytest.approx(((0.95 - 0.4) + (0.85 - 0.6) + (0.7 - 0.75)) / 3)
    assert transfer.forward_transfer(np.array([1.0, 0.9, 0.8]), np.array([0.2, 0.7, 0.9])) == pytest.approx(0.05)


def test_one_task_has_no_transfer():
    r = np.array([[0.5]])
    assert transfer.average_accuracy(r) == 0.5
    for value in (transfer.backward_transfer(r), transfer.forgetting(r), transfer.forward_transfer(r[0], r[0])):
        assert math.isnan(value)
