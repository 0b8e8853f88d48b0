"""Keras metrics against the NumPy measures: any split into batches, any merge, in models."""

import re

import numpy as np
import pytest
from loss_cases import NAN, pair

from emotf import catalog, measures
from emotf.measures import MEASURES

CASES = ("random", "large offset", "tiny scale", "masked", "masked, the first too")
DATA = {case: pair(case, (300,)) for case in CASES}
CONSTANT = np.full(7, 0.1)
LINE = np.arange(7.0)


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
@pytest.mark.parametrize("case", CASES)
def test_any_split_into_batches_gives_the_measure_of_the_whole(metric, name, case, split):
    y, p = DATA[case]
    for a, b in zip(np.split(y, SPLITS[split]), np.split(p, SPLITS[split]), strict=True):
        metric.update_state(a, b)
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-9, rel=1e-9)


def test_a_batch_without_a_rated_frame_changes_nothing(metric, name):
    y, p = DATA["random"]
    metric.update_state(np.full(5, NAN, np.float32), np.full(5, 9.0, np.float32))
    metric.update_state(y, p)
    metric.update_state(np.full(3, NAN, np.float32), np.full(3, -9.0, np.float32))
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-9)


def test_what_is_predicted_for_unrated_frames_does_not_matter(metric, name):
    y, p = DATA["masked"]
    metric.update_state(y, np.where(np.isnan(y), np.float32(NAN), p))
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-6)


def test_shapes_do_not_matter(metric, name):
    y, p = DATA["random"]
    metric.update_state(y[:60].reshape(4, 15), p[:60].reshape(4, 15, 1))
    metric.update_state(y[60:90, None], p[60:90])
    metric.update_state(y[90:], p[90:, None])
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(y, p), abs=1e-9)


def test_one_of_several_targets_is_measured_by_choice(metric, name):
    y, p = pair("masked", (8, 20, 3))
    with pytest.raises(ValueError, match=rf"^{name} measures one target, received \(8, 20, 3\); choose one, target=0"):
        metric.update_state(y, p)
    for target in range(3):
        chosen = type(metric)(target=target)
        chosen.update_state(y[:5], p[:5])
        chosen.update_state(y[5:], p[5:])
        assert float(chosen.result()) == pytest.approx(
            getattr(measures, name)(y[..., target], p[..., target]), abs=1e-9
        )


SHAPES = [
    ((1,), (8,)), ((8,), (1,)), ((0,), (8,)), ((8,), (2, 4)), ((8,), (2, 4, 1)), ((4, 1), (4, 2)), ((4, 2), (2, 4)),
    ((4, 3), (4, 3, 2)), ((24,), (4, 3, 2)), ((4,), (4, 1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("gold", "prediction"), SHAPES)
def test_other_shapes_are_never_broadcast(metric, name, gold, prediction):
    message = f"{name}: gold has shape {gold}, prediction {prediction}; they must be the same."
    with pytest.raises(ValueError, match=re.escape(message)):
        metric.update_state(np.zeros(gold, np.float32), np.zeros(prediction, np.float32))
    assert np.isnan(float(metric.result()))


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


@pytest.fixture
def parts(metric):
    """Three metrics of a kind, each with a part of what is masked."""
    found = [type(metric)() for _ in range(3)]
    for part, a, b in zip(found, *(np.split(x, [20, 200]) for x in DATA["masked"]), strict=True):
        part.update_state(a, b)
    return found


def test_merged_states_are_the_state_of_the_whole(metric, name, parts):
    expected = pytest.approx(getattr(measures, name)(*DATA["masked"]), abs=1e-9)
    parts[0].merge_state(parts[1:])
    assert float(parts[0].result()) == expected
    metric.merge_state([type(metric)(), parts[0]])
    assert float(metric.result()) == expected


def test_states_sent_as_arrays_merge_to_the_state_of_the_whole(metric, name, parts):
    for part in parts:
        sent = [np.asarray(variable) for variable in part.variables]
        received = type(metric)()
        for variable, array in zip(received.variables, sent, strict=True):
            variable.assign(array)
        metric.merge_state([received])
    assert float(metric.result()) == pytest.approx(getattr(measures, name)(*DATA["masked"]), abs=1e-9)


def test_a_reset_forgets_everything(metric, name):
    y, p = DATA["random"]
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
    assert type(again) is type(metric) and again.name == name and again.target is None
    chosen = keras.metrics.deserialize(keras.metrics.serialize(type(metric)(name="valence", target=1)))
    assert type(chosen) is type(metric) and (chosen.name, chosen.target) == ("valence", 1)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_compiled_model_reports_the_whole_epoch_and_reloads(tmp_path, jit_compile):
    import keras

    from emotf.metrics import all_measures

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=all_measures(), jit_compile=jit_compile)
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
            metric.update_state(*DATA["large offset"])
    finally:
        keras.config.set_dtype_policy(before)
    for metric in metrics:
        assert float(metric.result()) == pytest.approx(getattr(measures, metric.name)(*DATA["large offset"]), abs=1e-6)
