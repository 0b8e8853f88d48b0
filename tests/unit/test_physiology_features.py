"""ecg54 and eda62: planted beats and responses, real recordings counted another way, channels by loops."""

import builtins
import itertools
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.signal
import scipy.stats
from real_data import DATA, needs_data

from emotf.errors import UserError
from emotf.features import _physiology
from emotf.features._physiology import Events, band_powers, slower, statistics
from emotf.features.ecg54 import Ecg54, band_passed, beats, heart_rate, intervals
from emotf.features.eda62 import Eda62, decomposed, responses
from emotf.framing import Framing
from emotf.recording import Recording

PHYSIOLOGY = DATA / "physiology"


def table(path: Path, rate_hz: float = 100, separator: str = ",", times: bool = True, **columns: np.ndarray):
    """A recording whose media `ecg` and `eda` are one table."""
    frame = pd.DataFrame(columns)
    if times:
        frame.insert(0, "time", (np.arange(len(frame)) / rate_hz).round(6))
    frame.to_csv(path, index=False, sep=separator)
    return Recording("r1", "s1", media={"ecg": path, "eda": path})


def heart(beat_times: np.ndarray, seconds: float, rate_hz: float, noise: float = 0.02) -> np.ndarray:
    """An ECG of a narrow R wave of 1 mV and a broad T wave a beat, with some noise."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    r, late = (sum(np.exp(-((t - at - shift) ** 2) / 2 / width**2) for at in beat_times)
               for shift, width in ((0, 0.012), (0.25, 0.04)))  # fmt: skip
    return r + 0.2 * late + noise * np.random.default_rng(0).standard_normal(len(t))


def skin(seconds: float, rate_hz: float, at: dict[float, float], noise: float = 0.004) -> np.ndarray:
    """A skin conductance in µS that rises slowly; responses begin at the keys, the values scale them (peak 0.47)."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    out = 5 + 0.01 * t + noise * np.random.default_rng(1).standard_normal(len(t))
    for onset, size in at.items():
        since = np.maximum(t - onset, 0)
        out += size * (np.exp(-since / 4) - np.exp(-since / 0.75))
    return out


# ---- heart beats -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [100, 250, 1000])
def test_72_planted_beats_a_minute(tmp_path, rate_hz):
    planted = np.arange(0.5, 59.5, 60 / 72)
    found = beats(band_passed(heart(planted, 60, rate_hz), rate_hz), rate_hz)
    assert len(found) == len(planted)
    np.testing.assert_allclose(found, planted, atol=1.5 / rate_hz)
    np.testing.assert_allclose(heart_rate(found, np.arange(0, 60, 0.04)), 72, atol=2.5 if rate_hz < 250 else 1)
    track = Ecg54(hop=0.04).extract(table(tmp_path / "a.csv", rate_hz, ECG=heart(planted, 60, rate_hz)))
    names = ["heart_rate_mean", "heart_rate_context_mean"]
    np.testing.assert_allclose(track.select(names).values, 72, atol=1)
    assert set(track.select(["beats"]).values.ravel()) <= {4, 5}
    np.testing.assert_allclose(track.select(["interval_mean_ms"]).values, 60000 / 72, atol=10)
    np.testing.assert_allclose(track.select(["r_mean"]).values, 0.9, atol=0.15)


@needs_data
@pytest.mark.parametrize(
    ("name", "rate_hz"),
    [("bio_resting_8min_100hz.csv", 100), ("biosppy_ecg.txt", 1000), ("case_sub30_vid3_ecg_1000hz.csv", 1000)],
)
def test_heart_rate_of_real_recordings(tmp_path, name, rate_hz):
    if name.endswith(".txt"):
        ecg = np.loadtxt(PHYSIOLOGY / name)
    else:
        columns = pd.read_csv(PHYSIOLOGY / name)
        ecg = columns["ECG" if "ECG" in columns else "ecg"].to_numpy()
    band = scipy.signal.butter(3, (5, 15), "bandpass", fs=rate_hz, output="sos")
    energy = np.abs(scipy.signal.sosfiltfilt(band, ecg))
    height = 0.4 * np.quantile(energy, 0.99)
    counted, _ = scipy.signal.find_peaks(energy, height=height, distance=round(0.35 * rate_hz))
    independent = 60 * (len(counted) - 1) / (counted[-1] - counted[0]) * rate_hz
    found = beats(band_passed(ecg, rate_hz), rate_hz)
    assert abs(60 * (len(found) - 1) / (found[-1] - found[0]) - independent) < 1
    track = Ecg54().extract(table(tmp_path / "a.csv", rate_hz, ECG=ecg))
    assert abs(track.select(["heart_rate"]).values.mean() - independent) < 1
    if track.end > 30:  # no channel is dead; in 15 s there is one context only
        assert (track.values.std(axis=0) > 0).all()


def test_a_missed_and_an_invented_beat_do_not_bend_the_heart_rate():
    regular = np.arange(0, 30, 0.8)
    disturbed = np.sort(np.append(np.delete(regular, 10), 20.4))
    ends, lengths = intervals(disturbed)
    np.testing.assert_allclose(lengths, 0.8)
    assert len(ends) == len(regular) - 1 - 3
    np.testing.assert_allclose(heart_rate(disturbed, np.linspace(0, 30, 50)), 75)


def test_intervals_beyond_what_hearts_do_are_left_out():
    assert len(intervals(np.arange(0, 60, 3.0))[0]) == 0  # 20 a minute
    assert len(intervals(np.arange(0, 9, 0.2))[0]) == 0  # 300 a minute
    assert len(intervals(np.zeros(0))[0]) == len(intervals(np.zeros(1))[0]) == 0
    assert not heart_rate(np.array([4.0]), np.arange(5.0)).any()


def test_between_the_middles_of_intervals_the_heart_rate_is_a_straight_line():
    found = heart_rate(np.array([0.0, 1.0, 2.0, 2.8]), np.array([0.0, 1.5, 1.95, 2.4, 3.0]))
    np.testing.assert_allclose(found, [60, 60, 67.5, 75, 75])


def test_intervals_around_a_missed_beat_are_not_compared(tmp_path):
    """0.8 s before, 0.9 s after, and nothing between: no two neighbours differ."""
    planted = np.concatenate([np.arange(0.5, 15, 0.8), 16.6 + np.arange(0, 13, 0.9)])
    track = Ecg54().extract(table(tmp_path / "a.csv", 1000, ECG=heart(planted, 30, 1000, noise=0.0)))
    assert track.select(["rmssd_ms", "rmssd_context_ms"]).values.max() < 5
    assert track.select(["interval_mean_ms"]).values.min() < 805 < 895 < track.select(["interval_mean_ms"]).values.max()


def test_heart_rate_channels_describe_the_heart_rate(tmp_path):
    planted = 0.5 + np.cumsum(0.8 + 0.1 * np.sin(np.arange(70) / 4))
    track = Ecg54(context=20.0).extract(table(tmp_path / "a.csv", 250, ECG=heart(planted, 55, 250)))
    curve = track.select(["heart_rate"]).values.ravel().astype(np.float64)
    for seconds, label in ((4, "heart_rate"), (20, "heart_rate_context")):
        found = track.select([f"{label}_{what}" for what in ("mean", "sd", "min", "max", "slope")]).values
        for frame in (0, 300, 700, len(curve) - 1):
            own = np.clip(np.arange(frame - seconds * 25 // 2, frame + seconds * 25 // 2), 0, len(curve) - 1)
            under = curve[own]
            slope = np.polyfit(np.arange(len(under)) * 0.04, under, 1)[0]
            expected = [under.mean(), under.std(), under.min(), under.max(), slope]
            np.testing.assert_allclose(found[frame], expected, rtol=1e-4, atol=1e-4)


def test_the_spectrum_of_a_sine(tmp_path):
    sine = 3 * np.sin(2 * np.pi * 7 * np.arange(2000) / 200)
    track = Ecg54().extract(table(tmp_path / "a.csv", 200, ECG=sine)).cut(2, 8)
    shares = track.select([name for name in track.channels if name.startswith("share_")]).values
    np.testing.assert_allclose(shares, [[0, 0, 1, 0, 0, 0]] * len(shares), atol=1e-3)
    np.testing.assert_allclose(track.select(["mean_frequency_hz"]).values, 7.5, atol=0.01)
    np.testing.assert_allclose(track.select(["power_db"]).values, 10 * np.log10(4.5), atol=0.1)


def test_variability_is_that_of_the_intervals(tmp_path):
    """Intervals of 0.8 and 0.9 s in turn: every difference is 100 ms."""
    planted = 0.5 + np.cumsum(np.tile([0.8, 0.9], 36))
    recording = table(tmp_path / "a.csv", 1000, ECG=heart(planted, 62, 1000, noise=0.002))
    track = Ecg54().extract(recording).cut(8, 55)
    assert track.select(["rmssd_ms", "rmssd_context_ms"]).values == pytest.approx(100, abs=4)
    assert (track.select(["pnn50_context"]).values == 1).all()
    assert track.select(["interval_sd_ms"]).values.max() == pytest.approx(50, abs=4)
    mean = track.select(["interval_mean_ms"]).values
    assert mean.min() > 830 and mean.max() < 870


def test_a_heart_that_speeds_up_has_a_slope(tmp_path):
    rate = np.linspace(60, 90, 61)  # half a beat a minute faster each second
    planted = np.interp(np.arange(0.5, np.cumsum(rate / 60)[-2]), np.cumsum(rate / 60) - 1, np.arange(61))
    track = Ecg54().extract(table(tmp_path / "a.csv", 500, ECG=heart(planted, 60, 500))).cut(20, 40)
    np.testing.assert_allclose(track.select(["heart_rate_context_slope"]).values, 0.5, atol=0.05)
    np.testing.assert_allclose(track.select(["heart_rate"]).values.ravel(), 60 + track.times / 2, atol=1.5)


# ---- responses of the skin -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [4, 25, 100, 1000])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_three_planted_responses(rate_hz, noise):
    planted = {10.0: 1.0, 28.0: 0.6, 45.0: 0.8}
    clean, tonic, phasic = decomposed(skin(60, rate_hz, planted, noise), rate_hz)
    np.testing.assert_allclose(tonic + phasic, clean, atol=1e-12)
    found = responses(phasic, rate_hz)
    assert len(found.peaks) == 3
    np.testing.assert_allclose(found.onsets, list(planted), atol=0.6)
    rise = 4 * 0.75 / (4 - 0.75) * np.log(4 / 0.75)
    np.testing.assert_allclose(found.peaks, np.array(list(planted)) + rise, atol=0.5)
    np.testing.assert_allclose(found.amplitudes, 0.523 * np.array(list(planted.values())), rtol=0.2)
    assert len(responses(phasic, rate_hz, least=1.0).peaks) == 0


def test_responses_in_the_stream(tmp_path):
    recording = table(tmp_path / "a.csv", 100, EDA=skin(60, 100, {10.0: 1.0, 28.0: 0.6, 45.0: 0.8}))
    track = Eda62().extract(recording)
    column = {name: track.values[:, i] for i, name in enumerate(track.channels)}
    for name in ("responses", "onsets"):  # each is seen for four seconds
        assert set(column[name]) == {0, 1} and column[name].sum() == pytest.approx(3 * 100, abs=3)
    first = {name: track.times[column[name].argmax()] for name in ("onsets", "responses")}
    assert first == {"onsets": pytest.approx(8, abs=0.5), "responses": pytest.approx(9.7, abs=0.5)}
    assert column["since_response"][:250].min() == 30  # none yet
    assert column["since_response"][track.clock.nearest(np.array([21.8]))[0]] == pytest.approx(10, abs=0.5)
    middle = track.clock.nearest(np.array([30.0]))[0]
    assert column["responses_context_per_minute"][middle] == pytest.approx(2, abs=1e-3)  # 10 s and 28 s … 15 to 45
    assert column["amplitude_sum"].max() == pytest.approx(0.5, abs=0.1)
    assert column["rise_mean"].max() == pytest.approx(1.7, abs=0.4)


def test_trends_of_a_ramp(tmp_path):
    track = Eda62().extract(table(tmp_path / "a.csv", 100, EDA=5 + 0.1 * np.arange(4000) / 100))
    np.testing.assert_allclose(track.select(["eda_trend", "tonic_trend", "eda_d_mean"]).values, 0.1, atol=1e-3)
    np.testing.assert_allclose(track.select(["phasic_trend", "eda_dd_mean"]).values, 0, atol=1e-3)


@needs_data
def test_real_skin(tmp_path):
    eda = pd.read_csv(PHYSIOLOGY / "bio_resting_8min_100hz.csv")["EDA"].to_numpy()
    track = Eda62().extract(table(tmp_path / "a.csv", 100, EDA=eda))
    assert (track.values.std(axis=0) > 0).all()
    np.testing.assert_allclose(track.select(["eda_median"]).values.ravel()[100:-100:50], eda[400:-400:200], atol=0.4)


# ---- the parts of a frame, written out again -------------------------------------------------------------------------


def test_statistics_are_those_of_scipy():
    windows = np.random.default_rng(0).gamma(2, size=(6, 101))
    expected = np.stack(
        [windows.mean(1), windows.std(1), scipy.stats.skew(windows, axis=1),
         scipy.stats.kurtosis(windows, axis=1, fisher=False), windows.min(1), np.percentile(windows, 25, axis=1),
         np.median(windows, axis=1), np.percentile(windows, 75, axis=1), windows.max(1)], axis=1,
    )  # fmt: skip
    np.testing.assert_allclose(statistics(windows), expected, rtol=1e-9)
    np.testing.assert_array_equal(statistics(np.full((1, 9), 2.0)), [[2, 0, 0, 0, 2, 2, 2, 2, 2]])


@pytest.mark.parametrize("length", [400, 401])
def test_band_powers_are_those_of_the_periodogram(length):
    windows = np.random.default_rng(0).standard_normal((4, length)).cumsum(axis=1)
    edges = (0.5, 3, 10, 50.1)
    f, density = scipy.signal.periodogram(windows, fs=100, window="hann", detrend="constant")
    expected = [density[:, (f >= low) & (f < high)].sum(1) * f[1] for low, high in itertools.pairwise(edges)]
    np.testing.assert_allclose(band_powers(windows, 100, edges), np.transpose(expected), rtol=1e-9)
    t = np.arange(length) / 100
    sine = band_powers(3 * np.sin(2 * np.pi * 5 * t)[None], 100, edges)
    np.testing.assert_allclose(sine, [[0, 4.5, 0]], atol=0.01)


@pytest.mark.parametrize(("alignment", "edge"), [("centred", "nearest"), ("centred", "zeros"), ("causal", "repeat")])
def test_events_are_counted_as_by_loops(alignment, edge):
    framing = Framing(4.0, 0.5, 10, alignment, edge)
    times = np.sort(np.random.default_rng(2).choice(np.arange(300), 40, replace=False)) / 10 + 0.03
    times[[0, -1]] = 0, 29.9  # the very first and the very last sample
    values = np.random.default_rng(3).standard_normal(40)
    events = Events(times, 4.0, framing, 300)
    for frame in range(60):
        right = 0.5 * frame + (2 if alignment == "centred" else 0)
        if edge == "nearest":
            right = min(max(right, 4), 29.9)
        inside = values[((times > right - 4) | (right - 4 <= 0)) & (times <= right)]
        assert events.count[frame] == len(inside)
        assert events.covered[frame] == pytest.approx(min(right, 29.9) - max(right - 4, 0))
        some = inside if len(inside) else np.zeros(1)
        found = [f(values)[frame] for f in (events.total, events.mean, events.sd)]
        np.testing.assert_allclose(found, [inside.sum(), some.mean(), some.std()], atol=1e-9)


def test_slower_windows_stand_at_the_same_times():
    framing = Framing(4.0, 0.04, 1000)
    step, fewer = slower(framing, 200)
    assert (step, fewer.rate_hz, fewer.hop, fewer.window) == (5, 200, 0.04, 4.0)
    for samples in (1, 5, 40, 41, 4003, 12345):
        assert fewer.frames(len(range(0, samples, step))) == framing.frames(samples)
    assert slower(Framing(4.0, 0.04, 100), 200)[0] == 1
    assert slower(Framing(4.0, 0.25, 4), 25)[1].rate_hz == 4


@pytest.mark.parametrize(("alignment", "edge"), [("centred", "nearest"), ("centred", "repeat"), ("causal", "zeros")])
def test_shape_channels_are_those_of_the_loops(tmp_path, alignment, edge):
    ecg = heart(np.arange(0.4, 12, 0.9), 12, 100)
    eda = skin(12, 100, {3.0: 1.0})
    recording = table(tmp_path / "a.csv", 100, ECG=ecg, EDA=eda)
    ecg, eda = (x.astype(np.float32).astype(np.float64) for x in (ecg, eda))
    band = scipy.signal.butter(2, (0.5, 40), "bandpass", fs=100, output="sos")
    clean = scipy.signal.sosfiltfilt(band, ecg - np.median(ecg), padlen=200)
    low = scipy.signal.butter(2, 3, "lowpass", fs=100, output="sos")
    slow = (scipy.signal.sosfiltfilt(low, eda - np.median(eda), padlen=33) + np.median(eda))[::4]
    for track, name, signal, rate, unit in (
        (Ecg54(alignment=alignment, edge=edge).extract(recording), "ecg", clean, 100, "_d"),
        (Eda62(alignment=alignment, edge=edge).extract(recording), "eda", slow, 25, "_d"),
    ):
        slope = np.gradient(signal) * rate
        for series, label in ((signal, name), (slope, name + unit), (np.gradient(slope) * rate, name + unit + "d")):
            found = track.select([f"{label}_{what}" for what in ("mean", "sd", "min", "median", "max")]).values
            for frame in (0, 30, 120, 200, 299):
                own, length = frame * rate // 25, 4 * rate
                first = own - (length // 2 if alignment == "centred" else length - 1)
                if edge == "nearest":
                    first = min(max(first, 0), len(series) - length)
                inside = np.arange(first, first + length)
                under = series[np.clip(inside, 0, len(series) - 1)].copy()
                if edge == "zeros":
                    under[(inside < 0) | (inside >= len(series))] = 0
                expected = [under.mean(), under.std(), under.min(), np.median(under), under.max()]
                np.testing.assert_allclose(found[frame], expected, rtol=1e-3, atol=1e-3 * np.abs(series).max())


def test_a_rate_that_is_a_little_off_keeps_its_own_clock(tmp_path):
    """100.002 Hz: 4 s are 400.008 samples, near enough; frames are 4 of its samples apart, not 40 ms."""
    signal = heart(np.arange(0, 60, 0.8), 60, 100)
    np.save(tmp_path / "a.npy", signal)
    track = Ecg54(column="c0", rate_hz=100.002).extract(Recording("r1", "s1", media={"ecg": tmp_path / "a.npy"}))
    assert track.hop == pytest.approx(4 / 100.002, rel=1e-12) and track.frames == 1500


def test_names_and_clocks(tmp_path):
    for feature, count in ((Ecg54(), 54), (Eda62(), 62)):
        assert len(set(feature.channels)) == len(feature.channels) == count
        assert (feature.kind, feature.window, feature.gaps) == ("extracted", 30.0, False)
    recording = table(tmp_path / "a.csv", 250, ECG=heart(np.arange(0, 20, 0.8), 20, 250), EDA=skin(20, 250, {5.0: 1.0}))
    for feature in (Ecg54(), Eda62(hop=0.1), Ecg54(hop=0.2, span=2.0, context=10.0)):
        track = feature.extract(recording)
        assert (track.hop, track.start, track.frames) == (feature.hop, 0.0, round(20 / feature.hop))
        assert track.channels == feature.channels


# ---- files and bad input ---------------------------------------------------------------------------------------------


def test_one_table_of_both_signals_separated_by_semicolons(tmp_path):
    """As RECOLA has them: 1 kHz, blanks around names."""
    ecg, eda = heart(np.arange(0, 20, 0.8), 20, 1000), skin(20, 1000, {5.0: 1.0})
    recording = table(tmp_path / "P16.csv", 1000, ";", **{" EDA": eda, "ECG ": ecg})
    assert Ecg54().extract(recording).frames == Eda62().extract(recording).frames == 500
    commas = table(tmp_path / "b.csv", 1000, EDA=eda, ECG=ecg)
    np.testing.assert_array_equal(Eda62().extract(recording).values, Eda62().extract(commas).values)


def test_signals_without_times_need_a_rate(tmp_path):
    ecg = heart(np.arange(0, 20, 0.8), 20, 100)
    recording = table(tmp_path / "a.csv", times=False, ecg=ecg, EDA=ecg)
    with_rate = Ecg54(column="ecg", rate_hz=100).extract(recording)
    times = Ecg54(column="ecg").extract(table(tmp_path / "b.csv", 100, ecg=ecg))
    np.testing.assert_array_equal(with_rate.values, times.values)
    np.save(tmp_path / "a.npy", ecg)
    array = Recording("r1", "s1", media={"ecg": tmp_path / "a.npy"})
    np.testing.assert_allclose(Ecg54(column="c0", rate_hz=100).extract(array).values, times.values, rtol=1e-3, atol=0.1)
    with pytest.raises(UserError, match=r"has no column 'time'; add one .seconds. or state the rate"):
        Ecg54(column="ecg").extract(recording)


@pytest.mark.parametrize("name", ["flat", "noise", "loose", "spikes", "huge", "tiny"])
def test_any_signal_gives_defined_values(tmp_path, name):
    rng = np.random.default_rng(4)
    usual = heart(np.arange(0, 20, 0.8), 20, 100)
    signal = {
        "flat": np.full(2000, 812.0),
        "noise": rng.standard_normal(2000),
        "loose": np.where(np.arange(2000) < 1000, usual, usual[999]),
        "spikes": 1000.0 * (rng.random(2000) < 0.01),
        "huge": 1e9 * usual,
        "tiny": 1e-9 * usual,
    }[name]
    recording = table(tmp_path / "a.csv", ECG=signal, EDA=signal)
    ecg, eda = Ecg54().extract(recording), Eda62(least_response=0.05).extract(recording)
    if name == "flat":
        assert (ecg.select(["power_db"]).values == -200).all()
        assert not ecg.select([channel for channel in ecg.channels if channel != "power_db"]).values.any()
        level = [f"{part}_{what}" for part in ("eda", "tonic") for what in ("mean", "min", "median", "max")]
        assert (eda.select(level).values == 812).all()
        still = ("sd", "skewness", "kurtosis", "trend", "responses", "onsets", "amplitude_sum")
        assert not eda.select([channel for channel in eda.channels if channel.endswith(still)]).values.any()
        assert (eda.select(["since_response"]).values == 30).all()
        assert (eda.select(["power_1_1.5_hz_db"]).values == -200).all()


def holed(signal: np.ndarray) -> np.ndarray:
    return np.where(np.isin(np.arange(len(signal)), (700, 701)), np.nan, signal)


@pytest.mark.parametrize("feature", [Ecg54, Eda62])
def test_unusable_files_are_refused(tmp_path, feature):
    signal = heart(np.arange(0, 20, 0.8), 20, 100)

    def refused(message: str, settings: dict | None = None, rate_hz: float = 100, **columns: np.ndarray) -> None:
        columns = columns or {"ECG": signal, "EDA": signal}
        with pytest.raises(UserError, match=message):
            feature(**settings or {}).extract(table(tmp_path / "a.csv", rate_hz, **columns))

    name = feature().column
    refused(rf"has no column '{name}'; it has: time, gsr", gsr=signal)
    refused(rf"column '{name}': 2 cells hold no number, the first at 7.000 s", ECG=holed(signal), EDA=holed(signal))
    refused(r"has 3.50 s, less than one window of 4 s", ECG=signal[:350], EDA=signal[:350])
    refused(r"a.csv has 1 samples a second.*did you supply milliseconds", rate_hz=1)
    refused("rows are 40 apart; did you supply milliseconds", rate_hz=1 / 40)
    refused("has 100 samples a second by its times, 250 were stated", {"rate_hz": 250.0})
    refused("A hop of 0.04 s is 10.24 samples at 256 Hz", rate_hz=256)
    refused("choose edge repeat or zeros", {"alignment": "causal"})
    refused("A span of 0.5 s in a context of 30 s; choose a span of at least 1 s", {"span": 0.5})
    refused("A span of 4 s is 13.33 frames of 0.3 s; choose a multiple of the hop", {"hop": 0.3})
    refused("A context of 5.01 s is 125.25 frames of 0.04 s", {"context": 5.01})
    refused("A span of 40 s in a context of 30 s", {"span": 40.0}, ECG=np.tile(signal, 3), EDA=np.tile(signal, 3))
    with pytest.raises(UserError, match=f"r1 has no '{feature().medium}'"):
        feature().extract(Recording("r1", "s1"))


def test_neurokit_is_named_where_it_is_missing(tmp_path, monkeypatch):
    signal = heart(np.arange(0, 20, 0.8), 20, 100)
    recording = table(tmp_path / "a.csv", ECG=signal, EDA=signal)
    monkeypatch.setitem(sys.modules, "neurokit2", None)
    for feature in (Ecg54(), Eda62()):
        with pytest.raises(UserError, match=r'needs NeuroKit2; install it with: pip install "emotf\[physiology\]"'):
            feature.extract(recording)


def test_only_the_known_warning_of_neurokit_is_silenced(monkeypatch):
    real = builtins.__import__

    def noisy(name, *args, **kwargs):
        if name == "neurokit2":
            warnings.warn("scipy.misc is deprecated and will be removed", DeprecationWarning, stacklevel=2)
            warnings.warn("something else is deprecated", DeprecationWarning, stacklevel=2)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", noisy)
    with pytest.raises(DeprecationWarning, match="something else"):
        _physiology.neurokit("ecg54")
