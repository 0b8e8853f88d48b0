"""is10_lld76 against openSMILE itself; functionals against loops, planted sounds and librosa's pitch."""

import sys
from pathlib import Path

import librosa
import numpy as np
import opensmile
import pytest
import soundfile
from real_data import DATA, needs_data

from emotf.errors import UserError
from emotf.features import functionals, is10_lld76
from emotf.features._descriptors import DESCRIPTORS, descriptors, pitch, spectrum
from emotf.features.functionals import Functionals
from emotf.features.is10_lld76 import Is10Lld76
from emotf.media import read_sound
from emotf.recording import Recording

RATE = 16000


def heard(path: Path) -> Recording:
    return Recording("r1", "s1", media={"audio": path})


def wav(path: Path, sound: np.ndarray) -> Recording:
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    return heard(path)


def noise(seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(3).standard_normal(round(seconds * RATE))).astype(np.float32)


def voice(pitch_hz: float, seconds: float, level: float = 0.05) -> np.ndarray:
    """A harmonic sound of 12 overtones that fall off with 1/k."""
    t = np.arange(round(seconds * RATE)) / RATE
    return level * sum(np.cos(2 * np.pi * pitch_hz * k * t + k) / k for k in range(1, 13) if k * pitch_hz < 7500)


# ---- is10_lld76 ------------------------------------------------------------------------------------------------------


def by_opensmile(folder: Path, sound: np.ndarray, pitch_window: str = "0.040"):
    """What openSMILE itself gives with the sizes and steps of its configuration replaced: level -> (index, table)."""
    packaged = Path(opensmile.__file__).parent / "core" / "config" / "is09-13" / "IS10_paraling_compat.conf"
    text = packaged.read_text(encoding="latin-1")
    for old, new in (("Size = 0.060", f"Size = {pitch_window}"), ("Size = 0.025", "Size = 0.040")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    assert text.count("frameStep = 0.010") == 2
    (folder / "ours.conf").write_text(text.replace("frameStep = 0.010", "frameStep = 0.040"), encoding="latin-1")
    tables = {}
    for level in ("lld", "lld_de"):
        smile = opensmile.Smile(feature_set=str(folder / "ours.conf"), feature_level=level)
        tables[level] = smile.process_signal(sound, RATE)
    return tables


def test_is10_equals_opensmile(tmp_path):
    sound = np.concatenate([noise(0.3), voice(220, 1.0), 0.2 * noise(0.4), voice(140, 0.93)])
    recording = wav(tmp_path / "a.wav", sound)
    for pitch_window in ("0.040", "0.060"):
        track = Is10Lld76(float(pitch_window)).extract(recording)
        tables = by_opensmile(tmp_path, sound.astype(np.float32), pitch_window)
        values, changes = tables["lld"], tables["lld_de"]
        assert track.channels == (*values.columns, *changes.columns) and len(track.channels) == 76
        starts = values.index.get_level_values("start").total_seconds()
        assert (track.start, track.hop) == (starts[0], 0.04) and track.frames == len(values)
        np.testing.assert_allclose(track.times, starts, atol=1e-9)
        np.testing.assert_array_equal(track.values[:, :38], values.to_numpy())
        assert len(changes) > len(values)  # the rows that openSMILE appends at the end
        np.testing.assert_array_equal(track.values[:, 38:], changes.to_numpy()[: len(values)])


def test_is10_deltas_stand_beside_their_descriptors(tmp_path):
    track = Is10Lld76().extract(wav(tmp_path / "a.wav", noise(2) * np.linspace(0, 1, 2 * RATE, dtype=np.float32)))
    x = track.values[:, :32].astype(np.float64)  # all but those of pitch, whose deltas openSMILE cuts at voiced parts
    slope = (2 * (x[4:] - x[:-4]) + x[3:-1] - x[1:-3]) / 10
    np.testing.assert_allclose(track.values[2:-2, 38:70], slope, atol=1e-5 * np.abs(x).max())


@needs_data
@pytest.mark.parametrize("name", ["emodb/original_16k/03a01Fa.wav", "emodb/flac/03a01Fa.flac", "grid_av/bbaf2n.mpg"])
def test_is10_of_real_speech(tmp_path, name):
    path = DATA / name
    track = Is10Lld76().extract(heard(path))
    table = by_opensmile(tmp_path, np.clip(read_sound(path, RATE), -1, 32767 / 32768))["lld"]
    starts, ends = (table.index.get_level_values(side).total_seconds() for side in ("start", "end"))
    np.testing.assert_allclose(ends[:-1] - starts[:-1], 0.040)
    np.testing.assert_allclose(np.diff(starts), 0.040)
    np.testing.assert_allclose(track.times, starts, atol=1e-9)
    assert len(table.columns) == 38 and track.channels[38:] != track.channels[:38]
    np.testing.assert_array_equal(track.values[:, :38], table.to_numpy())


def test_is10_finds_a_pitch_in_windows_of_60_ms(tmp_path):
    track = Is10Lld76(pitch_window=0.06).extract(wav(tmp_path / "a.wav", voice(220, 1.5)))
    f0 = track.select(["F0final_sma"]).values[3:-3]
    np.testing.assert_allclose(f0, 220, rtol=0.02)


def test_is10_clips_what_16_bits_cannot_hold(tmp_path):
    """+1.0 is 32768, which would wrap round to -32768: a click at every peak."""
    quiet, loud = (voice(200, 1.0, level) for level in (0.25, 4.0))
    loud = np.clip(loud, -1.5, 1.5)
    bands = [f"logMelFreqBand_sma[{i}]" for i in range(8)]
    found = Is10Lld76().extract(wav(tmp_path / "a.wav", loud)).select(bands).values
    clipped = Is10Lld76().extract(wav(tmp_path / "b.wav", np.clip(loud, -1, 32767 / 32768))).select(bands).values
    np.testing.assert_array_equal(found, clipped)
    assert (found > Is10Lld76().extract(wav(tmp_path / "c.wav", quiet)).select(bands).values).all()


def test_is10_of_silence_is_finite(tmp_path):
    track = Is10Lld76().extract(wav(tmp_path / "a.wav", np.zeros(RATE)))
    assert not track.select(["pcm_loudness_sma", "F0final_sma", "voicingFinalUnclipped_sma"]).values.any()


def test_is10_is_configured_once(tmp_path):
    recording = wav(tmp_path / "a.wav", noise(0.5))
    first, second = Is10Lld76().extract(recording), Is10Lld76().extract(recording)
    np.testing.assert_array_equal(first.values, second.values)
    assert is10_lld76._extractors(0.04) is is10_lld76._extractors(0.04)


def test_is10_names_and_window():
    feature = Is10Lld76()
    assert (feature.medium, feature.kind) == ("audio", "extracted")
    assert feature.channels[0] == "pcm_loudness_sma" and feature.channels[75] == "shimmerLocal_sma_de"
    assert sum(name.startswith("lspFreq_sma[") for name in feature.channels) == 8
    assert feature.window == pytest.approx(0.04 + 6 * 0.04)


def test_is10_refuses(tmp_path, monkeypatch):
    recording = wav(tmp_path / "a.wav", noise(0.05))
    with pytest.raises(UserError, match=r"a\.wav has 0.050 s of sound, is10_lld76 needs at least two windows"):
        Is10Lld76().extract(recording)
    with pytest.raises(UserError, match=r"a pitch_window of 60 s; choose 0.02 to 0.1"):
        Is10Lld76(60).extract(recording)
    is10_lld76._extractors.cache_clear()
    monkeypatch.setattr(is10_lld76, "OTHER_FRAMER", "fr20")
    with pytest.raises(UserError, match=r"IS10_paraling_compat\.conf has no frameSize of fr20; install the version"):
        Is10Lld76().extract(recording)
    monkeypatch.setattr(is10_lld76, "CHANNELS", ("a",))
    monkeypatch.setattr(is10_lld76, "OTHER_FRAMER", "fr25")
    with pytest.raises(UserError, match="yields other channels"):
        Is10Lld76().extract(recording)
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(UserError, match=r'research licence.*pip install "emotf\[opensmile\]"'):
        Is10Lld76().extract(recording)


# ---- the descriptors under the functionals ---------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [65, 80, 110, 200, 333, 480])
def test_pitch_of_a_planted_voice(hz):
    found = pitch(voice(hz, 0.5))[5:-5]
    np.testing.assert_allclose(27.5 * 2 ** (found[:, 0] / 12), hz, rtol=1e-3)
    assert (found[:, 1] > 0.98).all()


def test_noise_and_silence_have_no_pitch():
    for sound in (noise(1), np.zeros(RATE), np.full(RATE, 0.5)):
        found = pitch(sound)[5:-5]
        assert np.isnan(found[:, 0]).all() and (found[:, 1] < 0.5).all() and (found[:, 1] >= 0).all()


@needs_data
def test_pitch_of_real_speech_agrees_with_librosa():
    path = sorted((DATA / "librispeech").glob("*.ogg"))[0]
    sound = read_sound(path, RATE)[: 5 * RATE]
    found = pitch(sound)
    theirs, voiced, _ = librosa.pyin(sound, fmin=60, fmax=500, sr=RATE, frame_length=1024, hop_length=160)
    both = np.isfinite(found[:, 0]) & voiced[: len(found)]
    off = found[both, 0] - 12 * np.log2(theirs[: len(found)][both] / 27.5)
    assert both.mean() > 0.4
    assert abs(np.median(off)) < 0.1 and np.mean(np.abs(off) < 1) > 0.85


def test_spectrum_of_planted_sounds():
    t = np.arange(RATE) / RATE
    low, high = np.sin(2 * np.pi * 1000 * t), np.sin(2 * np.pi * 5000 * t)
    steady = spectrum(low)[5:-5]
    np.testing.assert_allclose(steady[:, 0], 1, atol=1e-3)
    np.testing.assert_allclose(steady[:, 1], 0, atol=1e-3)
    jump = spectrum(np.where(t < 0.5, low, high))
    assert jump[:, 1].argmax() == 50 and jump[50, 1] > 0.5
    np.testing.assert_allclose(jump[60:-5, 0], 5, atol=1e-3)
    assert not spectrum(np.zeros(RATE)).any()


def test_descriptors_stand_at_their_times(tmp_path):
    sound = np.concatenate([1e-3 * noise(1), voice(200, 1)])
    found = descriptors(wav(tmp_path / "a.wav", sound))
    assert found.shape == (201, 17)
    voicing = found[:, DESCRIPTORS.index("voicing")]
    assert (voicing[:96] < 0.5).all() and (voicing[104:196] > 0.9).all()
    assert (found[:95, 0] < -50).all() and (found[105:196, 0] > -50).all()


# ---- functionals -----------------------------------------------------------------------------------------------------


def planted(frames: int) -> np.ndarray:
    values = np.random.default_rng(5).standard_normal((frames, 17)).astype(np.float32)
    values[:, 13] += 20
    values[np.random.default_rng(6).random(frames) < 0.4, 13] = np.nan
    values[80:480, 13] = np.nan  # longer than a window
    values[430, 13] = 25  # alone in some windows
    return values


def six(values: np.ndarray, slopes: np.ndarray) -> list[float]:
    """The functionals of one channel under one window, written out."""
    values, slopes = (x[~np.isnan(x)].astype(np.float64) for x in (values, slopes))
    change = np.mean(np.abs(slopes)) * 100 if len(slopes) else 0.0
    if not len(values):
        return [0, 0, 0, 0, 0, change]
    return [values.mean(), values.std(), *np.percentile(values, (20, 50, 80)), change]


@pytest.mark.parametrize(
    ("alignment", "edge"), [("centred", "nearest"), ("centred", "repeat"), ("causal", "repeat"), ("causal", "zeros")]
)
def test_functionals_are_those_of_the_loops(tmp_path, monkeypatch, alignment, edge):
    values = planted(701)
    monkeypatch.setattr(functionals, "descriptors", lambda recording: values)
    feature = Functionals(alignment=alignment, edge=edge)
    track = feature.extract(heard(tmp_path))
    assert track.channels == feature.channels and len(set(track.channels)) == 102
    assert (track.hop, track.start, track.frames) == (0.04, 0.0, 176)
    padded = np.pad(values.astype(np.float64), ((2, 2), (0, 0)), mode="edge")
    slopes = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10
    slopes[np.isnan(values)] = np.nan  # all five values must be known, the one in the middle too
    for frame in (0, 20, 40, 60, 75, 100, 140, 175):
        first = 4 * frame - (150 if alignment == "centred" else 299)
        if edge == "nearest":
            first = min(max(first, 0), 701 - 300)
        inside = np.arange(first, first + 300)
        for channel in range(17):
            under = [x[np.clip(inside, 0, 700), channel].copy() for x in (values, slopes)]
            if edge == "zeros":
                for x in under:
                    x[(inside < 0) | (inside > 700)] = 0
            found = track.values[frame, 6 * channel : 6 * channel + 6]
            np.testing.assert_allclose(found, six(*under), rtol=1e-4, atol=1e-4)
    if edge == "nearest":  # a window without any voice
        names = [f"pitch_{functional}" for functional in ("mean", "sd", "p20", "median", "p80", "change")]
        assert not track.select(names).values[60].any()


def test_functionals_of_a_planted_voice(tmp_path):
    track = Functionals().extract(wav(tmp_path / "a.wav", voice(220, 4)))
    assert (track.frames, track.hop, Functionals().window) == (101, 0.04, pytest.approx(3.104))
    np.testing.assert_allclose(track.select(["pitch_median"]).values, 36, atol=0.01)  # three octaves above 27.5 Hz
    np.testing.assert_allclose(track.select(["pitch_change", "pitch_sd"]).values, 0, atol=0.5)
    assert (track.select(["voicing_p20"]).values > 0.98).all()


def test_causal_functionals_hear_nothing_of_the_future(tmp_path):
    sound = noise(5)
    other = sound.copy()
    other[3 * RATE :] = voice(150, 2)
    feature = Functionals(alignment="causal", edge="repeat")
    one, two = (feature.extract(wav(tmp_path / "a.wav", x)).values for x in (sound, other))
    heard_until = int((3 - 0.052) / 0.04)  # what is under the newest descriptor and its delta
    np.testing.assert_array_equal(one[: heard_until + 1], two[: heard_until + 1])
    assert np.abs(one[-1] - two[-1]).max() > 1


def test_functionals_of_silence_are_defined(tmp_path):
    track = Functionals().extract(wav(tmp_path / "a.wav", np.zeros(4 * RATE)))
    np.testing.assert_allclose(track.select(["energy_mean", "energy_p20"]).values, -100, rtol=1e-5)
    others = [name for name in track.channels if not name.startswith("energy_")]
    np.testing.assert_allclose(track.select(others).values, 0, atol=1e-3)


def test_functionals_take_any_hop_of_whole_frames(tmp_path):
    recording = wav(tmp_path / "a.wav", noise(2))
    short = Functionals(span=1.0, hop=0.1).extract(recording)
    assert (short.frames, short.hop) == (21, 0.1)
    assert Functionals(edge="repeat").extract(recording).frames == 51


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (Functionals(), r"a\.wav has 2.00 s, functionals look at 3 s; choose a shorter span, edge=repeat"),
        (Functionals(hop=0.015), "A hop of 0.015 s is 1.50 samples at 100 Hz"),
        (Functionals(span=0.02), "a span of 0.02 s; choose at least 0.05"),
        (Functionals(alignment="causal"), "choose edge repeat or zeros"),
    ],
)
def test_functionals_refuse(tmp_path, feature, message):
    with pytest.raises(UserError, match=message):
        feature.extract(wav(tmp_path / "a.wav", noise(2)))


@needs_data
def test_functionals_of_real_speech(tmp_path):
    track = Functionals().extract(heard(sorted((DATA / "librispeech").glob("*.ogg"))[0]))
    assert track.values.shape[1] == 102
    assert (track.values.std(axis=0) > 0).all()  # no channel is dead
