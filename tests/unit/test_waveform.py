"""The extension: samples of the sound as a stream, and CER with a front end that learns channels of them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile
from real_data import DATA, needs_data

from emotf.comparison import axes
from emotf.errors import UserError
from emotf.features.body_euler24 import BodyEuler24
from emotf.features.mfcc39 import Mfcc39
from emotf.features.waveform import Waveform
from emotf.media import read_sound
from emotf.models.cer import Cer
from emotf.models.cer_waveform import CerWaveform
from emotf.recording import Recording
from emotf.track import Track
from emotf.windows.feature_images import FeatureImages

TARGETS = ("arousal", "valence", "dominance")


def wav(path: Path, sound: np.ndarray, rate: int = 16000) -> Recording:
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return Recording("r1", "s1", media={"audio": path})


def noise(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(3).standard_normal(samples)).astype(np.float32)


# ---- the stream ------------------------------------------------------------------------------------------------------


def test_the_stream_is_raw_sound_640_samples_a_frame():
    feature = Waveform()
    assert (feature.medium, feature.kind, feature.samples, feature.window) == ("audio", "raw", 640, 0.04)
    assert len(feature.channels) == 640 and feature.channels[::639] == ("s0", "s639")


@pytest.mark.parametrize("sample", [0, 319, 320, 959, 960, 3200, 3519, 3520, 3999])
def test_an_impulse_lands_where_it_sounded(tmp_path, sample):
    sound = np.zeros(4000, np.float32)
    sound[sample] = 0.5
    track = Waveform().extract(wav(tmp_path / "a.wav", sound))
    assert track.values.sum() == 0.5
    ((row, column),) = np.argwhere(track.values)
    assert track.times[row] + (column - 320) / 16000 == pytest.approx(sample / 16000, abs=1e-9)


@pytest.mark.parametrize("feature", [Waveform(), Waveform(60, 24000), Waveform(rate_hz=6.25), Waveform(20, 1100)])
@pytest.mark.parametrize("samples", [1, 27, 28, 640, 641, 960, 5000])
def test_frames_are_the_literal_samples_and_silence(tmp_path, feature, samples):
    sound, size = noise(samples), feature.samples
    track = feature.extract(wav(tmp_path / "a.wav", sound, feature.sound_hz))
    assert track.hop == 1 / feature.rate_hz and track.start == 0
    rows = []
    for k in range(10**6):
        if k / feature.rate_hz > (samples - 1) / feature.sound_hz + 1e-9:
            break
        first = k * size - size // 2
        rows.append([sound[n] if 0 <= n < samples else 0.0 for n in range(first, first + size)])
    np.testing.assert_array_equal(track.values, rows)
    assert samples - (len(rows) * size - size // 2) <= size // 2  # what is left over


@pytest.mark.parametrize("rate", [16000, 44100])
def test_slices_of_decoding_and_resampling_leave_no_trace(tmp_path, rate, monkeypatch):
    recording = wav(tmp_path / "a.wav", noise(31 * rate + 17), rate)
    whole = Waveform().extract(recording).values
    monkeypatch.setattr("emotf.media.sound.DECODE_S", 1.3731)
    np.testing.assert_array_equal(Waveform().extract(recording).values, whole)


def test_another_rate_is_resampled_as_soxr_does(tmp_path):
    import soxr

    t = np.arange(24000) / 24000
    sound = (0.9 * np.sin(2 * np.pi * 310 * t)).astype(np.float32)
    values = Waveform().extract(wav(tmp_path / "a.wav", sound, 24000)).values
    expected = soxr.resample(sound, 24000, 16000)
    np.testing.assert_allclose(values[3], expected[3 * 640 - 320 : 3 * 640 + 320], atol=1e-6)
    inner = values[2:-2].ravel()
    np.testing.assert_allclose(inner, 0.9 * np.sin(2 * np.pi * 310 * (960 + np.arange(inner.size)) / 16000), atol=1e-3)


@needs_data
def test_real_speech_is_all_there(tmp_path):
    path = sorted((DATA / "librispeech").glob("*.ogg"))[0]
    sound, track = read_sound(path, 16000), Waveform().extract(Recording("r1", "s1", media={"audio": path}))
    laid = track.values.ravel()[320:]
    np.testing.assert_array_equal(laid[: len(sound)], sound[: len(laid)])
    assert len(sound) - len(laid) <= 320 and 0.05 < np.abs(laid).max() <= 1
    # the sound of a frame of the MFCCs of the same rate is that of the same frame here
    energy = Mfcc39(frame_rate_hz=25, window_ms=40).extract(Recording("r1", "s1", media={"audio": path})).values[:, 0]
    window = np.hanning(641)[:-1]
    own = 10 * np.log10(np.maximum((window * track.values) ** 2 @ np.ones(640) / np.sum(window**2), 1e-10))
    np.testing.assert_allclose(own[:-1], energy[: len(own) - 1], atol=1e-2)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (Waveform(rate_hz=60), r"16000 samples a second are 266\.67 a frame at 60 .*choose 10, 16, 20, 25, 32, 40, 50"),
        (Waveform(rate_hz=0), "expected a whole number; choose 10, 16, 20"),
        (Waveform(rate_hz=-25), "expected a whole number"),
        (Waveform(rate_hz=32000), r"are 0\.50 a frame"),
        (Waveform(sound_hz=16001), "choose another sound_hz, for example 16000"),
        (Waveform(sound_hz=0), "choose another sound_hz"),
    ],
)
def test_frames_that_are_no_whole_samples_are_refused_before_anything_is_read(feature, message):
    with pytest.raises(UserError, match=message):
        feature.extract(Recording("r1", "s1", media={"audio": Path("nowhere.wav")}))
    with pytest.raises(UserError, match=message):
        _ = feature.channels


def test_the_rates_that_an_error_offers_work():
    with pytest.raises(UserError) as caught:
        _ = Waveform(rate_hz=60).samples
    offered = str(caught.value).split("choose ")[1].split(" frames")[0].split(", ")
    assert [Waveform(rate_hz=float(rate)).samples * int(rate) for rate in offered] == [16000] * len(offered)


# ---- the network -----------------------------------------------------------------------------------------------------

SMALL = {"front_end_filters": 5, "front_end_kernel": 8, "front_end_stride": 4, "front_end_pool": 2}
STREAMS = {"waveform": 40, "body": 3}


def images(streams, frames=6, batch=4):
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(batch, frames, size)).astype("float32") for name, size in streams.items()}


def outputs(network, x):
    return {name: value.numpy() for name, value in network(x).items()}


def into_convolution(network):
    """What the shared convolution sees: {stream: input} -> [batch, frames, channels]."""
    import keras

    return keras.Model(network.inputs, network.get_layer("meta_features").input)


def test_parameters_are_those_of_cer_and_of_two_convolutions():
    network = CerWaveform().build({"waveform": 640, "body": 24}, TARGETS, 20)
    front_end = (80 + 1) * 16 + (3 * 16 + 1) * 24
    cer = (3 * (24 + 24) + 1) * 25 + 3 * 495
    assert network.count_params() == front_end + cer == 7582
    assert CerWaveform.printed_parameters is None


@pytest.mark.parametrize("settings", [{}, {"recurrence_over": "filters", "batch_norm": True}])
def test_without_a_waveform_it_is_plain_cer(settings):
    streams = {"mfcc39": 39, "body": 24}
    plain = Cer(**settings).build(streams, TARGETS, 20)
    ours = CerWaveform(**settings).build(streams, TARGETS, 20)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in plain.layers]
    ours.set_weights(plain.get_weights())
    x = images(streams, frames=20)
    for target, found in outputs(ours, x).items():
        np.testing.assert_array_equal(found, outputs(plain, x)[target])


def test_the_front_end_is_two_convolutions_written_out():
    network = CerWaveform(**SMALL, front_end_channels=7).build(STREAMS, TARGETS, 6)
    x = images(STREAMS)
    (k1, b1), (k2, b2) = (
        [w.numpy() for w in network.get_layer(f"waveform_{n}").weights] for n in ("filters", "channels")
    )
    assert k1.shape == (8, 1, 5) and k2.shape == (3, 5, 7)
    expected = np.empty((4, 6, 7))
    for image in range(4):
        for frame in range(6):
            samples = x["waveform"][image, frame].astype("float64")
            steps = np.stack([samples[i : i + 8] @ k1[:, 0] + b1 for i in range(0, 33, 4)])
            pooled = np.stack([np.maximum(steps[i : i + 2], 0).max(axis=0) for i in range(0, 8, 2)])
            levels = np.log(pooled + 0.01)
            second = [np.maximum(np.einsum("kc,kcf->f", levels[i : i + 3], k2) + b2, 0) for i in range(2)]
            expected[image, frame] = np.mean(second, axis=0)
    found = into_convolution(network)(x).numpy()
    np.testing.assert_allclose(found[..., :7], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found[..., 7:], x["body"])  # raw motion beside raw sound


def test_frames_share_the_front_end_and_do_not_see_each_other():
    seen = into_convolution(CerWaveform(**SMALL).build(STREAMS, TARGETS, 6))
    x, order = images(STREAMS), [3, 0, 5, 1, 4, 2]
    moved = {name: value[:, order] for name, value in x.items()}
    np.testing.assert_allclose(seen(moved).numpy(), seen(x).numpy()[:, order], atol=1e-6)
    changed = x | {"waveform": x["waveform"].copy()}
    changed["waveform"][2, 4] *= 3
    differs = (seen(changed).numpy() != seen(x).numpy()).any(axis=-1)
    assert np.argwhere(differs).tolist() == [[2, 4]]


def test_every_stream_of_samples_has_its_own_front_end():
    streams = {"near": 40, "far": 80, "body": 3}
    seen, x = (
        into_convolution(CerWaveform(**SMALL, waveforms=("near", "far")).build(streams, TARGETS, 6)),
        images(streams),
    )
    before, after = (seen(given).numpy() for given in (x, x | {"near": -x["near"]}))
    assert before.shape == (4, 6, 24 + 24 + 3)
    assert (before[..., :24] != after[..., :24]).any()
    np.testing.assert_array_equal(before[..., 24:], after[..., 24:])


def tones(seed, batch=96, frames=4, samples=160):
    """Images of a low and a high tone, their pitch and phase new in every frame, their power together always the same;
    the target is the share of the low one."""
    rng = np.random.default_rng(seed)
    t, share = np.arange(samples) / 16000, rng.uniform(size=(batch, 1, 1))
    low, high = (
        np.sin(2 * np.pi * (rng.uniform(*pitch, (batch, frames, 1)) * t + rng.uniform(size=(batch, frames, 1))))
        for pitch in ((300, 1500), (2500, 6000))
    )
    sound = np.sqrt(2 * share) * low + np.sqrt(2 - 2 * share) * high
    return {"waveform": sound.astype("float32")}, {"arousal": share.ravel().astype("float32")}


def test_it_learns_what_cer_cannot_tell_from_samples():
    import keras

    from emotf.losses.ccc import Ccc
    from emotf.training.learner import Learner, Objective

    ccc = {}
    for model in (Cer(), CerWaveform(front_end_kernel=40, front_end_stride=4)):
        keras.utils.set_random_seed(0)
        network = model.build({"waveform": 160}, ["arousal"], 4)
        learner = Learner(network, Objective({"arousal": Ccc()}))
        learner.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
        for step in range(40):
            learner.train_on_batch(*tones(step))
        x, gold = tones(1000)
        ccc[network.name] = 1 - float(np.squeeze(Ccc()(gold["arousal"], network(x)["arousal"])))
    assert ccc["cer_waveform"] > 0.9 > 0.8 > ccc["cer"]


def test_an_exported_network_hears_the_same(tmp_path):
    import tensorflow as tf

    from emotf.pipeline import Standardisation

    loud = Standardisation((0.01,) * 40, (4.0,) * 40, "train", 9)
    network = CerWaveform(**SMALL).build(STREAMS, TARGETS, 6, {"waveform": loud})
    network.export(tmp_path / "export", verbose=False)
    served = tf.saved_model.load(tmp_path / "export")
    for batch in (1, 4):
        x = images(STREAMS, batch=batch)
        for target, found in outputs(network, x).items():
            np.testing.assert_allclose(served.serve(x)[target].numpy(), found, atol=1e-6)


def test_frames_too_short_for_the_front_end_are_refused():
    with pytest.raises(UserError, match="front end of 'waveform' needs frames of 190 samples, received 189"):
        CerWaveform().build({"waveform": 189}, TARGETS, 20)
    CerWaveform().build({"waveform": 190}, TARGETS, 20)


# ---- the recipe ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def get_config():
    path = Path(__file__).resolve().parents[2] / "configs" / "cer_mtl.py"
    spec = importlib.util.spec_from_file_location("cer_mtl", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config


@pytest.mark.parametrize(
    ("arg", "streams", "stride"),
    [
        ("synthetic,waveform", ["waveform", "body_euler24"], 0.2),
        ("synthetic,speech,waveform", ["waveform"], 0.2),
        ("synthetic,with_waveform", ["waveform", "mfcc39", "body_euler24"], 0.2),
        ("emodb,waveform", ["waveform"], 0.16),
        ("emodb,with_waveform", ["waveform", "mfcc39"], 0.16),
    ],
)
def test_options_bring_stream_model_and_a_stride_that_fits_every_clock(get_config, arg, streams, stride):
    made = get_config(arg).check()
    assert list(made.streams) == streams and made.streams["waveform"] == Waveform()
    assert made.model == CerWaveform() and made.window.stride == stride
    rates_hz = {"waveform": 25, "body_euler24": 60, "mfcc39": 25 if arg.startswith("emodb") else 60}
    for name in streams:  # a stride that is no whole number of frames is refused
        np.testing.assert_allclose(made.window.offsets(1 / rates_hz[name])[10] / rates_hz[name], stride)


def test_one_recipe_compares_samples_with_mfccs(get_config):
    held = get_config("synthetic,with_waveform")
    mfccs, samples = (axes.applied(held, {"streams": f"{speech}+body_euler24"}) for speech in ("mfcc39", "waveform"))
    assert mfccs.streams == {"mfcc39": Mfcc39(), "body_euler24": BodyEuler24()}
    assert samples.streams == {"waveform": Waveform(), "body_euler24": BodyEuler24()}
    assert mfccs.model == samples.model == CerWaveform() and mfccs.window == samples.window


def test_waveform_replaces_nothing_but_mfccs(get_config):
    with pytest.raises(UserError, match="takes the place of mfcc39, which is not among body_euler24; name speech or"):
        get_config("synthetic,body,waveform")


def test_images_of_two_rates_stand_at_the_same_times():
    """Rows of 25 and of 60 a second that hold their own times, gathered on a gold standard of 20 a second."""
    from emotf.pipeline.batches import track_batches

    tracks = {
        name: Track((np.arange(12 * rate) / rate)[:, None], hop=1 / rate)
        for name, rate in (("waveform", 25), ("body_euler24", 60))
    }
    gold = Track(np.zeros((200, 1)), hop=0.05)
    (x,) = track_batches(tracks, gold, FeatureImages(stride=0.2))
    wanted = gold.times[:, None] + 0.2 * np.arange(-9, 11)
    inside = (wanted >= 0) & (wanted <= 11.9)
    for name, hop in (("waveform", 0.04), ("body_euler24", 1 / 60)):
        assert np.abs(x[name].numpy()[..., 0] - wanted)[inside].max() <= hop / 2 + 1e-5
