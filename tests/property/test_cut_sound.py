"""However sound is cut, a front end gives the frames of the whole."""

from functools import cache

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from emotf import frontends
from emotf.features.mel128 import Mel128
from emotf.features.mfcc39 import Mfcc39

FEATURES = [Mfcc39(frame_rate_hz=60), Mfcc39(frame_rate_hz=25), Mel128(), Mel128(rate_hz=25), Mel128(rate_hz=100)]


@cache
def traced(place):
    """A layer, and its three functions for sound of any length."""
    layer = frontends.of(FEATURES[place])
    state = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in layer.initial_state().items()}
    return (
        layer,
        tf.function(layer.call, input_signature=[tf.TensorSpec([None, None])]),
        tf.function(layer.step, input_signature=[state, tf.TensorSpec([None])]),
        tf.function(layer.finish, input_signature=[state]),
    )


@st.composite
def cut_sound(draw):
    place = draw(st.integers(0, len(FEATURES) - 1))
    samples = traced(place)[0].shortest + draw(st.integers(0, 20_000))
    loudness = 10.0 ** draw(st.integers(-6, 0))
    sound = loudness * np.random.default_rng(draw(st.integers(0, 99))).standard_normal(samples)
    if draw(st.booleans()):
        begin, length = draw(st.integers(0, samples)), draw(st.integers(0, samples))
        sound[begin : begin + length] = 0
    near = st.sampled_from([0, 1, 2, 399, 400, 512, 639, 640])  # pieces of nothing, one sample, about a hop
    cuts = np.cumsum(draw(st.lists(near | st.integers(0, 5000), max_size=12)))
    return place, sound.astype(np.float32), cuts[cuts <= samples]


@given(cut_sound())
def test_pieces_give_the_frames_of_the_whole(case):
    place, sound, cuts = case
    layer, call, step, finish = traced(place)
    state, found = layer.initial_state(), []
    for piece in np.split(sound, cuts):
        state, frames = step(state, piece)
        found.append(frames)
    assert int(state["samples"]) == len(sound)
    whole = call(sound[None])[0]
    pieces = np.concatenate([*found, finish(state)])
    assert pieces.shape == whole.shape == (layer.frames_of(len(sound)), layer.channels)
    np.testing.assert_allclose(pieces, whole, atol=1e-5, rtol=1e-6)


@settings(max_examples=20)
@given(cut_sound())
def test_frames_do_not_hang_on_what_comes_later(case):
    """What came out before a cut came from the sound before it, and `delay` is all that was missing."""
    place, sound, _ = case
    layer, call, step, _ = traced(place)
    known = (len(sound) + layer.shortest) // 2
    early = step(layer.initial_state(), sound[:known])[1]
    np.testing.assert_allclose(early, call(sound[None])[0][: len(early)], atol=1e-5, rtol=1e-6)
    waiting = layer.frames_of(known) - len(early)
    # where the sound is shorter than a few frames, the first of them wait for one another
    assert waiting <= layer.delay / layer.hop + 1 or not len(early)
