"""What is served, in the graph: whole and live traces against prediction, post-processing against its own room."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from emotf.errors import UserError
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.models.non_inertial_net import NonInertialNet
from emotf.models.transformer import Transformer
from emotf.pipeline import Standardisation, track_batches
from emotf.postprocessing import Fitted, transform_chain
from emotf.postprocessing.centring import Centring
from emotf.postprocessing.median import Median
from emotf.postprocessing.scaling import Scaling
from emotf.postprocessing.shift import Shift
from emotf.postprocessing.smoothing import Smoothing
from emotf.prediction import _shared_clock, _values
from emotf.serving.chain import Chain
from emotf.serving.live import Live
from emotf.serving.served import Served
from emotf.track import Track
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

HOP = 0.04
TARGETS = ("arousal", "valence")
CHANNELS = {"a": 5, "b": 3}

# name -> (model, window, hops of the streams, seconds of delay)
SYSTEMS = {
    "images": (Cer(), FeatureImages(20, 0.16), {"a": 0.04, "b": 0.02}, 1.6),
    "images_of_another_clock": (Cer(pool=1), FeatureImages(6, 0.2), {"a": 0.05, "b": 1 / 60}, 0.625),
    "carried": (Lstm((8, 6)), Sequences(0), {"a": 0.04, "b": 0.1}, 0.1),
    "carried_and_cut": (Lstm((6,), cell="plain"), Sequences(16), {"a": 0.04, "b": 0.04}, 0.0),
    "net": (NonInertialNet(("a+b",), (7,), lstm_units=(4,)), Sequences(16), {"a": 0.04, "b": 0.03}, 0.03),
    "pieces": (Lstm((6,), direction="both"), Sequences(16), {"a": 0.04, "b": 0.04}, 0.6),
    "attention": (Transformer(width=8, heads=2), Sequences(16), {"a": 0.04, "b": 0.04}, 0.6),
}


def smoothing(alpha, direction="forward"):
    return Smoothing().restore({"alpha_": alpha, "direction_": direction})


def fitted(*steps):
    return [Fitted(step, 0.1, 0.2) for step in steps]


LIVE_STEPS = fitted(smoothing(0.3), Centring(0.2), Scaling(1.5, 0.1), Shift(shift_=0.2))
WHOLE_STEPS = fitted(smoothing(0.3, "backward"), Median(window_=0.2), Shift(shift_=-0.2), smoothing(0.5, "both"))


def tracks_of(hops, seconds=6.1, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: Track(rng.normal(size=(int(seconds / hop), CHANNELS[name])), hop=hop,
                    channels=tuple(f"{name}{k}" for k in range(CHANNELS[name])))
        for name, hop in hops.items()
    }  # fmt: skip


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request):
    """What is served, streams, and their trace window by window as in prediction."""
    model, window, hops, delay = SYSTEMS[request.param]
    keras.utils.set_random_seed(1)
    network = model.build(CHANNELS, TARGETS, window.inputs)
    served = Served(network, window, hops, (), CHANNELS, HOP, TARGETS, Chain({}, HOP), False, model.carries)
    tracks = tracks_of(hops)
    return served, tracks, offline(served, tracks), delay


def offline(served, tracks, chain=()):
    clock = _shared_clock(tracks, HOP, TARGETS)
    window = served.window.predicting(clock.frames)
    parts = [_values(served.network, batch, TARGETS) for batch in track_batches(tracks, clock, window)]
    values = np.concatenate(parts)[: clock.frames]
    return np.stack([transform_chain(chain, column.astype(np.float64), HOP) for column in values.T], axis=1)


def together(traces):
    return np.stack([traces[target].numpy() for target in TARGETS], axis=1)


def lived(live, tracks, cuts):
    """What a live trace gives when streams come in pieces of so many frames."""
    specs = {name: tf.TensorSpec([None, size]) for name, size in CHANNELS.items()}
    state = live.initial_state()
    of_state = {
        name: tf.TensorSpec([None, *x.shape[1:]] if name.endswith("rows") else x.shape, x.dtype)
        for name, x in state.items()
    }
    step = tf.function(live.step, input_signature=[of_state, specs])
    at, found, seconds = dict.fromkeys(tracks, 0), [], []
    for cut in [*cuts, dict.fromkeys(tracks, 10_000)]:
        new = {name: track.values[at[name] : at[name] + cut[name]] for name, track in tracks.items()}
        at = {name: at[name] + cut[name] for name in at}
        state, times, traces = step(state, new)
        found.append(together(traces))
        seconds.append(times)
    times, traces = live.finish(state)
    return np.concatenate([*found, together(traces)]), np.concatenate([*seconds, times]), state


def test_a_whole_recording_is_traced_as_in_prediction(system):
    served, tracks, expected, _ = system
    found = tf.function(served.trace)({name: track.values for name, track in tracks.items()})
    np.testing.assert_allclose(together(found), expected, atol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_live_traces_are_those_of_the_whole(system, seed):
    served, tracks, expected, delay = system
    rng = np.random.default_rng(seed)
    cuts = [{name: int(rng.integers(0, 12)) for name in tracks} for _ in range(30)]
    found, times, state = lived(Live.of(served), tracks, cuts)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(times, np.arange(len(expected)) * HOP, atol=1e-9)
    # what is kept is no more than an image or a piece
    assert all(len(state[f"{name}.rows"]) * track.hop <= 2 * delay + 0.2 for name, track in tracks.items())


@pytest.mark.parametrize("system", ["images", "pieces"], indirect=True)
def test_hours_that_come_at_once_go_through_the_network_in_blocks(system, monkeypatch):
    served, tracks, expected, _ = system
    monkeypatch.setattr("emotf.serving.live.BLOCK_WINDOWS", 7)
    monkeypatch.setattr("emotf.serving.live.BLOCK_FRAMES", 50)
    sizes = []
    live = Live.of(replace(served, network=_sized(served.network, sizes)))
    state, _, traces = live.step(live.initial_state(), {name: track.values for name, track in tracks.items()})
    _, rest = live.finish(state)
    np.testing.assert_allclose(np.concatenate([together(traces), together(rest)]), expected, atol=1e-5)
    assert len(sizes) > 2 and max(sizes) <= 7


def _sized(network, sizes):
    """The network, which notes how many windows it is given."""

    def called(inputs, training):
        sizes.append(len(next(iter(inputs.values()))))
        return network(inputs, training=training)

    return called


def test_a_frame_comes_when_it_is_final_and_not_before(system):
    served, tracks, _, delay = system
    live = Live.of(served)
    assert live.delay == pytest.approx(delay)
    state, shown = live.initial_state(), 0
    for now in np.arange(0.2, 6, 0.2):
        # all that stands up to now
        new = {name: track.values[int((now - 0.2) / track.hop + 1e-6) + (now > 0.3) : int(now / track.hop + 1e-6) + 1]
               for name, track in tracks.items()}  # fmt: skip
        state, _, traces = live.step(state, new)
        shown += len(traces["arousal"])
        due = int(np.floor((now - delay) / HOP - 1e-6)) + 1
        assert due <= shown <= now / HOP + 1
    assert shown > 0


def test_a_network_that_carries_its_state_gives_the_same_bits_however_cut(system):
    served, tracks, _, _ = system
    if not served.carries:
        return
    one = lived(Live.of(served), tracks, [dict.fromkeys(tracks, 1)] * 20)[0]
    other = lived(Live.of(served), tracks, [dict.fromkeys(tracks, 7)] * 9)[0]
    np.testing.assert_array_equal(one, other)


def test_a_network_of_half_precision_carries_its_state_too():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = Lstm((4,)).build(CHANNELS, TARGETS, None)
    finally:
        keras.config.set_dtype_policy("float32")
    hops = {"a": HOP, "b": HOP}
    served = Served(network, Sequences(0), hops, (), CHANNELS, HOP, TARGETS, Chain({}, HOP), False, True)
    tracks = tracks_of(hops, seconds=1)
    found = lived(Live.of(served), tracks, [dict.fromkeys(tracks, 4)] * 3)[0]
    whole = served.trace({name: tf.constant(track.values) for name, track in tracks.items()})
    np.testing.assert_allclose(found, together(whole), atol=2e-2)


def test_an_image_needs_half_of_it_ahead():
    """N/2 strides: 1.67 s at the publication's N = 20, t = 10 frames at 60/s."""
    network = Cer().build({"a": 5}, TARGETS, 20)
    served = Served(network, FeatureImages(20, 1 / 6), {"a": 1 / 60}, (), {"a": 5}, 1 / 60, TARGETS,
                    Chain({}, 1 / 60), False, False)  # fmt: skip
    assert Live.of(served).delay == pytest.approx(10 / 6, abs=1e-9)
    state, _, traces = Live.of(served).step(Live.of(served).initial_state(), {"a": np.zeros((100, 5), np.float32)})
    assert len(traces["arousal"]) == 0
    assert len(Live.of(served).step(state, {"a": np.zeros((1, 5), np.float32)})[2]["arousal"]) == 1


@pytest.mark.parametrize("steps", [LIVE_STEPS, WHOLE_STEPS], ids=["live", "whole"])
def test_post_processing_is_that_of_its_room(steps):
    x = np.random.default_rng(0).normal(size=60).astype(np.float32)
    found = Chain({"arousal": steps}, HOP).whole("arousal", tf.constant(x))
    np.testing.assert_allclose(found, transform_chain(steps, x.astype(np.float64), HOP), atol=1e-6)


@pytest.mark.parametrize("cut", [1, 3, 50])
def test_live_post_processing_is_that_of_the_whole(cut):
    x = np.random.default_rng(0).normal(size=60).astype(np.float32)
    chain, found = Chain({"arousal": LIVE_STEPS}, HOP), []
    chain.check_live()
    state = chain.initial_state()
    for begin in range(0, len(x), cut):
        state, new = chain.live("arousal", state, tf.constant(x[begin : begin + cut]))
        found.append(new.numpy())
    np.testing.assert_allclose(np.concatenate(found), transform_chain(LIVE_STEPS, x.astype(np.float64), HOP), atol=1e-6)


def test_a_step_that_did_not_help_is_left_out():
    x = tf.constant(np.arange(5.0), tf.float32)
    chain = Chain({"arousal": [Fitted(Centring(0.2), 0.3, 0.3)]}, HOP)
    np.testing.assert_array_equal(chain.whole("arousal", x), x)


@pytest.mark.parametrize(
    ("step", "future"),
    [
        (smoothing(0.5, "backward"), "smoothing, direction backward"),
        (smoothing(0.5, "both"), "smoothing, direction both"),
        (Median(window_=0.4), r"median over 0\.44 s|median over 0\.36 s"),
        (Shift(shift_=-0.4), r"shift by -0\.4 s"),
    ],
)
def test_a_live_trace_has_no_future(step, future):
    with pytest.raises(UserError, match=rf"Post-processing of valence needs the future \(({future})\)"):
        Chain({"valence": fitted(step)}, HOP).check_live()


def test_steps_that_change_nothing_need_no_future():
    Chain({"valence": fitted(smoothing(1.0, "backward"), Median(window_=0.0))}, HOP).check_live()


def test_what_needs_the_end_of_a_recording_is_refused():
    network = Lstm((4,), direction="backward").build(CHANNELS, TARGETS, None)
    hops = {"a": HOP, "b": HOP}
    parts = (hops, (), CHANNELS, HOP, TARGETS, Chain({}, HOP))
    with pytest.raises(UserError, match="reads whole recordings and looks ahead"):
        Live.of(Served(network, Sequences(0), *parts, False, False))
    with pytest.raises(UserError, match="Each recording is standardised by itself"):
        Live.of(Served(network, Sequences(16), *parts, True, False))


@pytest.mark.parametrize("gaps", [(), ("a",)])
def test_a_recording_is_standardised_by_itself_as_in_prediction(gaps):
    network = Lstm((4,)).build(CHANNELS, TARGETS, None)
    served = Served(
        network, Sequences(0), {"a": HOP, "b": HOP}, gaps, CHANNELS, HOP, TARGETS, Chain({}, HOP), True, True
    )
    tracks = tracks_of({"a": HOP, "b": HOP})
    values = tracks["a"].values.copy()
    values[20:40], values[:, 2] = 0, 3.0
    values[20:40] = 0
    tracks["a"] = Track(values, hop=HOP, channels=tracks["a"].channels)
    scaled = {name: Standardisation.fit([track], "itself", name in gaps).apply(track) for name, track in tracks.items()}
    found = served.trace({name: tf.constant(track.values) for name, track in tracks.items()})
    np.testing.assert_allclose(together(found), offline(served, scaled), atol=1e-5)
