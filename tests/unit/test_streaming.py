"""Live traces from Python: what is pushed, what is refused, several at once."""

import keras
import numpy as np
import pytest

from emotf.errors import UserError
from emotf.features.mel128 import Mel128
from emotf.features.mfcc39 import Mfcc39
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.serving.chain import Chain
from emotf.serving.heard import Heard, HeardLive
from emotf.serving.live import Live
from emotf.serving.served import Served
from emotf.serving.streaming import StreamingPredictor
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

HOP = 0.04
TARGETS = ("arousal", "valence")


def served(part, window):
    keras.utils.set_random_seed(3)
    network = part.build({"mfcc39": 39}, TARGETS, window.inputs)
    return Served(network, window, {"mfcc39": HOP}, (), {"mfcc39": 39}, HOP, TARGETS, Chain({}, HOP), False,
                  part.carries)  # fmt: skip


@pytest.fixture(scope="module", params=["images", "carried"])
def heard(request):
    part, window = {"images": (Cer(), FeatureImages(20, 0.16)), "carried": (Lstm((6,)), Sequences(0))}[request.param]
    return Heard(served(part, window), {"mfcc39": Mfcc39(frame_rate_hz=25)})


@pytest.fixture(scope="module")
def predictor(heard):
    return StreamingPredictor(HeardLive(heard))


@pytest.fixture(scope="module")
def sound():
    rng = np.random.default_rng(0)
    return (0.1 * rng.normal(size=4 * 16000) * np.sin(np.arange(4 * 16000) / 3000)).astype(np.float32)


def pushed(live, sound, cuts):
    parts = [live.push(piece) for piece in np.split(sound, cuts)]
    return [*parts, live.finish()]


@pytest.mark.parametrize("cuts", [[], [1, 2, 3, 1000, 1000, 40000], list(range(0, 64000, 640))])
def test_sound_in_pieces_gives_the_trace_of_the_whole(heard, predictor, sound, cuts):
    parts = pushed(predictor.another(), sound, cuts)
    _, traces = heard.trace(sound)
    whole = np.stack([traces[target] for target in TARGETS], axis=1)
    np.testing.assert_allclose(np.concatenate([part.values for part in parts]), whole, atol=1e-5)
    begun = 0
    for part in parts:
        assert part.channels == TARGETS
        assert part.start == pytest.approx(begun * HOP)
        begun += part.frames


def test_a_frame_is_as_late_as_it_is_said_to_be(predictor, sound):
    live, latest = predictor.another(), 0.0
    for end in range(640, len(sound) + 1, 640):
        trace = live.push(sound[end - 640 : end])
        if trace.frames and trace.start > 0.2:  # the first frames wait for each other
            latest = max(latest, end / 16000 - trace.start)
    assert latest <= predictor.delay + HOP + 1e-6 and latest > predictor.delay - HOP


def test_several_recordings_at_once_do_not_mix(predictor, sound):
    alone = np.concatenate([part.values for part in pushed(predictor.another(), sound, [16000, 32000])])
    one, other = predictor.another(), predictor.another()
    found = []
    for piece in np.split(sound, [16000, 32000]):
        found.append(one.push(piece))
        other.push(-0.5 * piece)
    found.append(one.finish())
    np.testing.assert_array_equal(np.concatenate([part.values for part in found]), alone)


def test_what_cannot_be_pushed(predictor, sound):
    live = predictor.another()
    for given, message in (
        ({"sound": sound[None]}, r"Sound is \[samples\], received \[1, 64000\]"),
        ({"sound": np.array([np.nan])}, "no numbers"),
        ({"mfcc39": np.zeros((1, 39))}, "takes sound at 16000 Hz"),
        ({}, "takes sound at 16000 Hz"),
    ):
        with pytest.raises(UserError, match=message):
            live.push(**given)
    live.push(sound[:100])
    with pytest.raises(UserError, match="The recording was too short: mfcc39 needs"):
        live.finish()
    live.push(sound)  # it may go on instead
    live.finish()
    for call in (live.finish, lambda: live.push(sound)):
        with pytest.raises(UserError, match=r"another\(\)"):
            call()


def test_streams_are_pushed_by_name():
    live = StreamingPredictor(Live.of(served(Lstm((6,)), Sequences(0))))
    assert live.rate_hz is None and live.delay == 0
    assert live.push(mfcc39=np.zeros((3, 39))).frames == 3
    for given, message in (
        ({"sound": np.zeros(3)}, r"takes streams: push\(mfcc39=\[frames, 39\]\)"),
        ({"mel128": np.zeros((3, 128))}, "takes streams"),
        ({"mfcc39": np.zeros((3, 38))}, r"mfcc39 is \[frames, 39\], received \[3, 38\]"),
    ):
        with pytest.raises(UserError, match=message):
            live.push(**given)


def test_streams_of_other_rates_take_no_one_sound():
    with pytest.raises(UserError, match="mfcc39 at 16000 Hz, mel128 at 22050 Hz"):
        Heard(served(Lstm((6,)), Sequences(0)), {"mfcc39": Mfcc39(frame_rate_hz=25), "mel128": Mel128()})
