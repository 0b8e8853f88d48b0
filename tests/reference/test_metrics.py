"""NumPy measures against SciPy, audmetric and literal formulas; Keras metrics against the NumPy measures."""

import audmetric
import numpy as np
import pytest
import scipy.stats

from emotf import catalog, measures
from emotf.errors import UserError
from emotf.measures import MEASURES, Moments

NAN = np.nan


def pair(n=300, offset=0.0, scale=1.0, missing=0.0, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    p = 0.6 * y + 0.5 * rng.normal(size=n) + 0.3
    y[rng.random(n) < missing] = NAN
    return (offset + scale * y).astype(np.float32), (offset + scale * p).astype(np.float32)


DATA = {
    "plain": pair(),
    "offset": pair(offset=1e3),
    "tiny": pair(scale=1e-4),
    "unrated": pair(missing=0.3, offset=5.0),
    "short": pair(n=2),
    "opposite": (pair()[0], -pair()[1]),
}


def rated(y, p):
    return y[~np.isnan(y)].astype(np.float64), p[~np.isnan(y)].astype(np.float64)


# ---- NumPy -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", DATA)
def test_ccc_is_that_of_audmetric(case):
    y, p = rated(*DATA[case])
    assert measures.ccc(*DATA[case]) == pytest.approx(audmetric.concordance_cc(y, p), abs=1e-10)


@pytest.mark.parametrize("case", DATA)
def test_pcc_is_that_of_scipy(case):
    assert measures.pcc(*DATA[case]) == pytest.approx(scipy.stats.pearsonr(*rated(*DATA[case])).statistic, abs=1e-10)


@pytest.mark.parametrize("case", DATA)
def test_rmse_is_that_of_the_formula(case):
    y, p = rated(*DATA[case])
    literal = (sum((a - b) ** 2 for a, b in zip(y, p, strict=True)) / len(y)) ** 0.5
    assert measures.rmse(*DATA[case]) == pytest.approx(literal, rel=1e-9)


@pytest.mark.parametrize("case", DATA)
def test_moments_are_those_of_the_population(case):
    y, p = rated(*DATA[case])
    found = Moments.of(*DATA[case])
    assert (found.count, found.gold_mean, found.prediction_mean) == pytest.approx((len(y), y.mean(), p.mean()))
    cov = np.cov(y, p, bias=True) * len(y)
    assert (found.gold_power, found.product, found.prediction_power) == pytest.approx((cov[0, 0], cov[0, 1], cov[1, 1]))


def test_worked_examples():
    assert measures.ccc([0, 1, 2], [0, 1, 2]) == 1
    assert measures.ccc([0, 1, 2], [1, 2, 3]) == pytest.approx(4 / 7)
    assert measures.ccc([0, 1, 2], [2, 1, 0]) == -1
    assert measures.pcc([0, 1, 2], [5, 7, 9]) == pytest.approx(1)
    assert measures.rmse([0, 0], [3, 4]) == pytest.approx(np.sqrt(12.5))


CONSTANT = np.full(7, 0.1)
LINE = np.arange(7.0)


@pytest.mark.parametrize(
    ("gold", "prediction", "defined"),
    [
        (LINE, CONSTANT, {"ccc": 0}),
        (CONSTANT, LINE, {"ccc": 0}),
        (CONSTANT, CONSTANT, {"rmse": 0}),
        (CONSTANT, CONSTANT + 1, {"ccc": 0, "rmse": 1}),
        ([1.0], [1.0], {"rmse": 0}),
        ([1.0], [3.0], {"ccc": 0, "rmse": 2}),
        (np.full(7, NAN), LINE, {}),
        ([], [], {}),
    ],
)
def test_what_the_data_do_not_define_is_nan(gold, prediction, defined):
    for measure in MEASURES:
        found = getattr(measures, measure)(gold, prediction)
        if measure in defined:
            assert found == pytest.approx(defined[measure], abs=1e-12)
        else:
            assert np.isnan(found) or (measure == "rmse" and len(gold))
    assert np.isnan(measures.pcc(gold, prediction))


def test_shapes_do_not_matter_but_lengths_do():
    y, p = pair(n=12)
    assert measures.ccc(y.reshape(3, 4), p[:, None]) == measures.ccc(y, p)
    with pytest.raises(UserError, match="Gold has 12 frames, prediction 11; resample one of them first"):
        measures.ccc(y, p[:-1])
    with pytest.raises(UserError, match="Gold has 1 frames, prediction 12"):
        measures.ccc(y[:1], p)


def test_predictions_of_rated_frames_must_be_finite():
    assert measures.ccc([0, 1, NAN], [0, 1, NAN]) == 1
    for bad in (NAN, np.inf):
        with pytest.raises(UserError, match="1 of 3 predictions are not finite"):
            measures.ccc([0, 1, 2], [0, bad, 2])


@pytest.mark.parametrize("case", DATA)
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_moments_of_parts_add_up_to_those_of_the_whole(case, parts):
    y, p = DATA[case]
    pieces = zip(np.array_split(y, parts), np.array_split(p, parts), strict=True)
    merged = sum((Moments.of(a, b) for a, b in pieces), Moments())
    whole = Moments.of(y, p)
    for measure in MEASURES:
        assert getattr(merged, measure) == pytest.approx(getattr(whole, measure), abs=1e-9)
    assert merged.count == whole.count


# ---- Keras -----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=MEASURES)
def name(request):
    return request.param


@pytest.fixture
def metric(name):
    from emotf.metrics import all_measures

    (found,) = [metric for metric in all_measures() if metric.name == name]
    return found


SPLITS = {"whole": [300], "even": [100, 200], "uneven": [1, 2, 37, 299], "empty part": [5, 5], "single": [*range(40)]}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("case", ["plain", "offset", "unrated", "tiny"])
def test_any_split_into_batches_gives_the_measure_of_the_whole(metric, name, case, split):
    y, p = DATA[case]
    for a, b in zip(np.split(y, SPLITS[split]), np.split(p, SPLITS[split]), strict=True):
        if len(a):
            metric.update_state(a, b)
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-6, rel=1e-6)


def test_a_batch_without_a_rated_frame_changes_nothing(metric, name):
    y, p = DATA["plain"]
    metric.update_state(np.full(5, NAN, np.float32), np.full(5, 9.0, np.float32))
    metric.update_state(y, p)
    metric.update_state(np.full(3, NAN, np.float32), np.full(3, -9.0, np.float32))
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-9)


def test_what_is_predicted_for_unrated_frames_does_not_matter(metric, name):
    y, p = DATA["unrated"]
    metric.update_state(y, np.where(np.isnan(y), np.float32(NAN), p))
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-6)


def test_shapes_do_not_matter(metric, name):
    y, p = DATA["plain"]
    metric.update_state(y[:60].reshape(4, 15), p[:60].reshape(4, 15, 1))
    metric.update_state(y[60:], p[60:, None])
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-6)


def test_other_lengths_are_never_broadcast(metric):
    y, p = DATA["plain"]
    for gold, prediction in ((y[:1], p), (y, p[:1])):
        with pytest.raises(Exception, match="reshape"):
            metric.update_state(gold, prediction)


@pytest.mark.parametrize(
    ("gold", "prediction"),
    [(LINE, CONSTANT), (CONSTANT, LINE), (CONSTANT, CONSTANT), (LINE[:1], LINE[:1]), (LINE * NAN, LINE)],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_the_data_do_not_define_is_nan_here_too(metric, name, gold, prediction, dtype):
    gold, prediction = gold.astype(dtype), prediction.astype(dtype)
    for part in np.array_split(np.arange(len(gold)), 2):
        if len(part):
            metric.update_state(gold[part], prediction[part])
    np.testing.assert_allclose(float(metric.result()), getattr(measures, name)(gold, prediction), atol=1e-9)


def test_nothing_seen_is_nan(metric):
    assert np.isnan(float(metric.result()))


def test_merged_states_are_the_state_of_the_whole(name):
    from emotf import metrics

    kind = {"ccc": metrics.Ccc, "pcc": metrics.Pcc, "rmse": metrics.Rmse}[name]
    y, p = DATA["unrated"]
    parts = [kind() for _ in range(3)]
    for part, a, b in zip(parts, np.split(y, [20, 200]), np.split(p, [20, 200]), strict=True):
        part.update_state(a, b)
    parts[0].merge_state(parts[1:])
    assert float(parts[0].result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-9)
    empty = kind()
    empty.merge_state([kind(), parts[0]])
    assert float(empty.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-9)


def test_a_reset_forgets_everything(metric, name):
    y, p = DATA["plain"]
    metric.update_state(y + 5, -p)
    metric.reset_state()
    assert np.isnan(float(metric.result()))
    metric.update_state(y, p)
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-9)


def test_sample_weights_are_refused(metric):
    with pytest.raises(ValueError, match="take no sample weights; set the gold of unrated frames to NaN"):
        metric.update_state(LINE, LINE, sample_weight=np.ones(7))


def test_a_metric_survives_keras_serialisation(metric, name):
    import keras

    for loss in catalog.names("losses"):
        catalog.find("losses", loss)  # some have the class name of a metric, and must not be read in its place
    content = keras.metrics.serialize(metric)
    assert content["registered_name"] == f"emotf.metrics>{type(metric).__name__}"
    again = keras.metrics.deserialize(content)
    assert type(again) is type(metric) and again.name == name


def test_a_compiled_model_reports_the_whole_epoch_and_reloads(tmp_path):
    import keras

    from emotf.metrics import all_measures

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=all_measures(), jit_compile=False)
    x = np.random.default_rng(1).normal(size=(50, 5)).astype(np.float32)
    y = (x @ [1, -1, 0.5, 0, 0])[:, None].astype(np.float32)
    y[::7] = NAN
    model.fit(x, np.nan_to_num(y), verbose=0)
    expected = {name: getattr(measures, name)(y, np.asarray(model(x))) for name in MEASURES}
    for _ in range(2):  # the second evaluation starts from nothing again
        found = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
        assert {name: found[name] for name in MEASURES} == pytest.approx(expected, abs=1e-6)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras").evaluate(x, y, batch_size=7, verbose=0, return_dict=True)
    assert {name: again[name] for name in MEASURES} == pytest.approx(expected, abs=1e-6)


def test_metrics_stay_exact_under_half_precision():
    import keras

    from emotf.metrics import all_measures

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        metrics = all_measures()
        for metric in metrics:
            metric.update_state(*DATA["offset"])
    finally:
        keras.config.set_dtype_policy(before)
    for metric in metrics:
        assert float(metric.result()) == pytest.approx(getattr(measures, metric.name)(*DATA["offset"]), abs=1e-6)
