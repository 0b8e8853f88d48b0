"""However the sound was cut, a live trace is that of the whole recording; and without a future, to the bit."""

from functools import cache

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotf.features.mfcc39 import Mfcc39
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.serving.chain import Chain
from emotf.serving.heard import Heard, HeardLive
from emotf.serving.served import Served
from emotf.serving.streaming import StreamingPredictor
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

HOP, RATE_HZ = 0.04, 16000
SYSTEMS = {"cer": (Cer(), FeatureImages(20, 0.16)), "lstm": (Lstm((8, 6)), Sequences(0))}


@cache
def system(name):
    """A predictor, three seconds of sound, and their trace as a whole."""
    part, window = SYSTEMS[name]
    keras.utils.set_random_seed(0)
    network = part.build({"mfcc39": 39}, ["arousal"], window.inputs)
    served = Served(network, window, {"mfcc39": HOP}, (), {"mfcc39": 39}, HOP, ("arousal",), Chain({}, HOP), False,
                    part.carries)  # fmt: skip
    heard = Heard(served, {"mfcc39": Mfcc39(frame_rate_hz=25)})
    time = np.arange(3 * RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(0).normal(size=len(time))
    sound = (0.1 * noise * (1 + np.sin(5 * time)) + 0.2 * np.sin(900 * time)).astype(np.float32)
    return StreamingPredictor(HeardLive(heard)), sound, heard.trace(sound)[1]["arousal"].numpy()


@pytest.mark.parametrize("name", SYSTEMS)
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 3 * RATE_HZ), max_size=30))
def test_cuts_change_nothing(name, cuts):
    predictor, sound, whole = system(name)
    live = predictor.another()
    parts = [live.push(piece) for piece in np.split(sound, sorted(cuts))]
    found = np.concatenate([part.values[:, 0] for part in [*parts, live.finish()]])
    np.testing.assert_allclose(found, whole, atol=1e-5)
    if name == "lstm":
        once = predictor.another()
        np.testing.assert_array_equal(found, np.concatenate([once.push(sound).values, once.finish().values])[:, 0])
