"""Front ends in the graph against the features that extract the same from files."""

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from real_data import DATA, needs_data

from emotf import catalog, frontends
from emotf.errors import UserError
from emotf.features.mel128 import Mel128
from emotf.features.mfcc39 import Mfcc39
from emotf.features.waveform import Waveform
from emotf.frontends import base
from emotf.frontends.mel128 import Mel128FrontEnd
from emotf.frontends.mfcc39 import Mfcc39FrontEnd
from emotf.media import read_sound
from emotf.recording import Recording

FEATURES = [
    Mfcc39(),
    Mfcc39(frame_rate_hz=25),  # sound between two windows that is in none
    Mfcc39(frame_rate_hz=100, window_ms=32, mel_bands=26),  # a window as long as its transform
    Mel128(),
    Mel128(power=2, htk=False, decibel=True),
    Mel128(rate_hz=25),
    Mel128(rate_hz=100),
]


def named(feature):
    changed = [str(value) for value in vars(feature).values() if value not in ("", False)]
    return f"{feature.part}-{'-'.join(changed)}"


def extracted(folder, feature, sound):
    """What the feature makes of a file that holds the sound."""
    soundfile.write(folder / "a.wav", sound, round(frontends.of(feature).sound_rate_hz), subtype="FLOAT")
    return feature.compute(Recording("r", "s", media={"audio": folder / "a.wav"}))


def noise(samples, seed=3):
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def sounds(rate_hz):
    t = np.arange(rate_hz) / rate_hz
    clicks = np.zeros(rate_hz)
    clicks[[0, 4999, rate_hz // 2, -1]] = 0.9, -0.9, 0.5, 0.9
    return {
        "noise": noise(rate_hz),
        "silence": np.zeros(rate_hz),
        "clicks": clicks,
        "a loud tone over what is 120 dB below": 0.9 * np.sin(2 * np.pi * 250 * t) + 1e-5 * noise(rate_hz),
        "sound that starts and stops": noise(rate_hz) * (np.sin(2 * np.pi * 3 * t) > 0),
        "beyond full scale": 30 * noise(rate_hz),
    }


def same(found, expected, digits=3e-5):
    """Equal to a share of the span of a channel; of one that hardly changes, of its size."""
    scale = np.maximum(np.ptp(expected, axis=0), np.abs(expected).max(initial=1e-6))
    assert found.shape == expected.shape and found.dtype == np.float32
    assert (np.abs(found - expected) <= digits * scale).all()


@pytest.mark.parametrize("feature", FEATURES, ids=named)
def test_whole_sounds_give_what_the_feature_extracts(tmp_path, feature):
    layer = frontends.of(feature)
    for sound in sounds(round(layer.sound_rate_hz)).values():
        sound = sound.astype(np.float32)
        track = extracted(tmp_path, feature, sound)
        frames = layer(sound[None]).numpy()
        assert len(frames) == 1 and frames.shape[1] == layer.frames_of(len(sound))
        same(frames[0], track.values)
        assert (layer.hop, layer.channels) == (track.hop, len(track.channels))


def test_single_precision_would_not_do(tmp_path):
    """What is under a loud tone, in decibels; in single precision it is off by a tenth."""
    t = np.arange(24000) / 24000
    sound = (0.9 * np.sin(2 * np.pi * 200 * t)).astype(np.float32)
    found = frontends.of(Mfcc39())(sound[None])[0].numpy()
    np.testing.assert_allclose(found, extracted(tmp_path, Mfcc39(), sound).values, atol=2e-4, rtol=0)


@pytest.mark.parametrize("feature", [Mfcc39(frame_rate_hz=25), Mel128(), Mel128(rate_hz=25)], ids=named)
def test_padding_is_not_heard(feature):
    layer = frontends.of(feature)
    lengths = [9000, 16000, 12345]
    batch = np.full((3, 16000), np.nan, np.float32)
    for row, length in enumerate(lengths):
        batch[row, :length] = noise(length, row)
    frames = layer(batch, np.array(lengths, np.int32)).numpy()
    assert frames.shape[1] == layer.frames_of(16000)
    for row, length in enumerate(lengths):
        alone = layer(batch[row : row + 1, :length]).numpy()[0]
        np.testing.assert_allclose(frames[row, : len(alone)], alone, atol=1e-5)
        assert np.isnan(frames[row, len(alone) :]).all() and np.isfinite(alone).all()
        assert len(alone) == layer.frames_of(length)


@pytest.mark.parametrize("feature", [Mfcc39(), Mel128(rate_hz=100)], ids=named)
def test_blocks_do_not_show(feature, monkeypatch):
    layer = frontends.of(feature)
    sound = np.stack([noise(30000, 1), noise(30000, 2)])
    at_once = layer(sound).numpy()
    monkeypatch.setattr(base, "BLOCK_WINDOWS", 14)  # 7 of each recording, the last block short
    np.testing.assert_allclose(layer(sound).numpy(), at_once, atol=1e-5)


@pytest.mark.parametrize("feature", FEATURES, ids=named)
def test_the_shortest_sound_and_one_sample_less(tmp_path, feature):
    layer = frontends.of(feature)
    sound = noise(layer.shortest)
    same(layer(sound[None])[0].numpy(), extracted(tmp_path, feature, sound).values, 1e-4)
    with pytest.raises(UserError):
        extracted(tmp_path, feature, sound[1:])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{feature.part} needs {layer.shortest} samples"):
        layer(sound[None, 1:])
    with pytest.raises(tf.errors.InvalidArgumentError, match="leave shorter recordings out"):
        layer(np.stack([sound, sound]), np.array([layer.shortest, layer.shortest - 1]))
    state, frames = layer.step(layer.initial_state(), sound[1:])
    assert len(frames) < layer.frames_of(layer.shortest - 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{feature.part} needs {layer.shortest} samples"):
        layer.finish(state)


def test_more_samples_than_there_are_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="count is above the number of samples"):
        frontends.of(Mfcc39())(noise(24000)[None], np.array([24001]))


@pytest.mark.parametrize("feature", [Mfcc39(), Mfcc39(frame_rate_hz=25), Mel128(), Mel128(rate_hz=25)], ids=named)
def test_frames_come_when_the_stated_delay_has_passed_and_no_sample_earlier(feature):
    layer = frontends.of(feature)
    whole = noise(round(1.2 * layer.sound_rate_hz))
    waited = []
    for frame in range(5, 11):
        # the first number of samples with which the frame is out
        time = round(frame * layer.hop * layer.sound_rate_hz)
        few, many = time, time + round(layer.delay * layer.sound_rate_hz) + 1
        while many - few > 1:
            middle = (few + many) // 2
            out = len(layer.step(layer.initial_state(), whole[:middle])[1])
            few, many = (few, middle) if out > frame else (middle, many)
        waited.append(many / layer.sound_rate_hz - frame * layer.hop)
    # on a clock of their own, frames wait for the row nearest to them: half a row more, or as much less
    spread = 512 / 22050 if getattr(feature, "rate_hz", 0.0) else 0.0
    assert max(waited) == pytest.approx(layer.delay, abs=1e-9 + 0.3 * spread)
    assert min(waited) == pytest.approx(layer.delay - spread, abs=1e-9 + 0.3 * spread)


def test_a_frame_between_the_last_row_and_the_next(tmp_path):
    """At 25 frames a second, 5.12 s lie between rows 220 and 221: the later one where there is one, else the last."""
    feature = Mel128(rate_hz=25)
    layer = frontends.of(feature)
    assert 2 * 5.12 == 441 * 512 / 22050
    for samples, frames in ((220 * 512 - 1, 128), (220 * 512, 129), (221 * 512 - 1, 129), (221 * 512, 129)):
        sound = noise(samples)
        track = extracted(tmp_path, feature, sound)
        assert track.frames == layer.frames_of(samples) == frames
        same(layer(sound[None])[0].numpy(), track.values)
        state, first = layer.step(layer.initial_state(), sound)
        same(np.concatenate([first, layer.finish(state)]), track.values)


def test_a_graph_rounds_times_as_the_feature_does(tmp_path):
    """A hop of half a row's: every other frame lies between two rows, and floats decide whether the last one counts."""
    feature = Mel128(rate_hz=22050 / 256)
    layer = frontends.of(feature)
    call = tf.function(layer.call, input_signature=[tf.TensorSpec([None, None])])
    for samples in (140 * 512, 6 * 512, 56 * 512 + 300):
        sound = noise(samples)
        same(call(sound[None])[0].numpy(), extracted(tmp_path, feature, sound).values)


@pytest.mark.parametrize("feature", [Mfcc39(frame_rate_hz=25), Mel128(), Mel128(rate_hz=25)], ids=named)
def test_a_saved_model_takes_sound_whole_and_in_pieces(tmp_path, feature):
    layer = frontends.of(feature)

    class Served(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None], tf.int64)])
        def whole(self, sound, count):
            return layer(sound, count)

        @tf.function(
            input_signature=[
                {name: tf.TensorSpec(value.shape, value.dtype) for name, value in layer.initial_state().items()},
                tf.TensorSpec([None]),
            ]
        )
        def step(self, state, chunk):
            return layer.step(state, chunk)

        @tf.function(input_signature=step.input_signature[:1])
        def finish(self, state):
            return layer.finish(state)

    tf.saved_model.save(Served(), str(tmp_path / "saved"))
    again = tf.saved_model.load(str(tmp_path / "saved"))
    sound = noise(20000)
    expected = layer(sound[None])[0].numpy()
    np.testing.assert_allclose(again.whole(sound[None], [20000])[0], expected, atol=1e-5)
    state, pieces = layer.initial_state(), []
    for piece in np.split(sound, [0, 1, 700, 701, 9000]):
        state, frames = again.step(state, piece)
        pieces.append(frames)
    np.testing.assert_allclose(np.concatenate([*pieces, again.finish(state)]), expected, atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="leave shorter recordings out"):
        again.whole(sound[None], [100])


def test_a_model_that_begins_with_sound_survives_its_file(tmp_path):
    sound, count = keras.Input([None], name="sound"), keras.Input([], dtype="int64", name="count")
    frames = {
        "speech": frontends.of(Mfcc39(frame_rate_hz=25, mel_bands=30))(sound, count),
        "bands": Mel128FrontEnd(Mel128(rate_hz=25), name="bands")(sound),
    }
    assert [frame.shape for frame in frames.values()] == [(None, None, 39), (None, None, 128)]
    model = keras.Model([sound, count], {name: keras.layers.Dense(1)(frame) for name, frame in frames.items()})
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_layer("mfcc39").feature == Mfcc39(frame_rate_hz=25, mel_bands=30)
    assert again.get_layer("bands").feature == Mel128(rate_hz=25)
    given = [noise(2 * 20000).reshape(2, -1), np.array([20000, 9000])]
    found, expected = again.predict(given, verbose=0), model.predict(given, verbose=0)
    for name in frames:
        np.testing.assert_array_equal(found[name], expected[name])
    assert np.isnan(found["speech"]).sum() == 32 - 15 and not np.isnan(found["bands"]).any()
    assert not model.get_layer("mfcc39").weights


def test_every_front_end_bears_the_name_of_its_feature():
    assert {"mel128", "mfcc39"} <= set(catalog.names("frontends"))
    for name in catalog.names("frontends"):
        feature = catalog.find("features", name)()
        layer = frontends.of(feature)
        assert layer.feature is feature and layer.name == name
        assert layer.channels == len(feature.channels) and layer.hop > 0 and layer.delay > 0
    assert isinstance(frontends.of(Mfcc39()), Mfcc39FrontEnd)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (Waveform(), "waveform cannot be computed in the graph; features that can: mel128, mfcc39"),
        (Mel128(video="video"), "clock of 'video' needs its pictures, the graph has sound only"),
        (Mel128(power=3), "power 3"),
        (Mel128(rate_hz=-1), "-1 frames a second"),
        (Mfcc39(frame_rate_hz=29.97), "29.97 frames a second divide none"),
        (Mfcc39(window_ms=0.025), "milliseconds"),
    ],
)
def test_what_has_no_front_end_is_refused(feature, message):
    with pytest.raises(UserError, match=message) as caught:
        frontends.of(feature)
    assert "\n" not in str(caught.value)


def test_other_back_ends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UserError, match="Keras runs on jax"):
        frontends.of(Mfcc39())


@needs_data
@pytest.mark.parametrize("feature", [Mfcc39(), Mel128(), Mel128(rate_hz=25)], ids=named)
@pytest.mark.parametrize(
    "name",
    [
        "emodb/flac/03a01Fa.flac",
        "emodb/original_16k/03a01Fa.wav",
        "grid_av/bbaf2n.mpg",
        "librispeech/198-209-0000.hq.ogg",
        "faces/WolfgangLanger_Pexels.mp4",
    ],
)
def test_real_recordings(name, feature):
    layer = frontends.of(feature)
    expected = feature.extract(Recording("r", "s", media={"audio": DATA / name})).values
    found = layer(read_sound(DATA / name, layer.sound_rate_hz)[None])[0].numpy()
    assert found.shape == expected.shape
    # a silent sound track has channels that do not change: there, a thousandth of a decibel
    spread = expected.astype(np.float64).std(axis=0)
    assert (np.abs(found - expected) <= 1e-4 * np.where(spread > 1e-3 * np.abs(expected).max(), spread, 1.0)).all()
