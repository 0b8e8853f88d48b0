"""mfcc39, body_euler24, precomputed, and the check that every stream passes."""

import json
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile
from real_data import DATA, needs_data

from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.features.body_euler24 import BodyEuler24, continuous
from emotf.features.mfcc39 import Mfcc39
from emotf.features.precomputed import Precomputed
from emotf.media import read_sound
from emotf.recording import Recording
from emotf.track import Track


def recording(**media: Path) -> Recording:
    return Recording("r1", "s1", media=media)


def wav(path: Path, sound: np.ndarray, rate: int = 16000) -> Recording:
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return recording(audio=path)


def noise(seconds: float, rate: int = 16000) -> np.ndarray:
    return (0.1 * np.random.default_rng(3).standard_normal(round(seconds * rate))).astype(np.float32)


def by_hand(sound: np.ndarray, rate: int, frame_rate: float) -> np.ndarray:
    """Energy and MFCC 1 to 12, written from the textbook: [frames, 13]."""
    hop, length = round(rate / frame_rate), round(0.025 * rate)
    n_fft = 2 ** int(np.ceil(np.log2(length)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    mel = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=40, fmin=20, fmax=8000, dtype=np.float64)
    k, n = np.arange(40)[:, None], np.arange(40)[None]
    dct = np.sqrt(2 / 40) * np.cos(np.pi * k * (2 * n + 1) / 80)
    silence = np.zeros(length // 2)
    padded = np.concatenate([silence, sound.astype(np.float64), silence])
    rows = []
    for frame in range(len(sound) // hop + 1):
        cut = padded[frame * hop : frame * hop + length] * window
        power = np.abs(np.fft.rfft(cut, n_fft)) ** 2
        energy = 10 * np.log10(max(np.sum(cut**2) / np.sum(window**2), 1e-10))
        rows.append([energy, *(dct @ (10 * np.log10(np.maximum(mel @ power, 1e-10))))[1:13]])
    return np.array(rows)


def fitted(static: np.ndarray, order: int) -> np.ndarray:
    """Slope of the line, or second derivative of the parabola, fitted to the nearest 9 frames by least squares."""
    out = np.empty_like(static)
    for frame in range(len(static)):
        middle = min(max(frame, 4), len(static) - 5)
        out[frame] = order * np.polyfit(np.arange(-4, 5), static[middle - 4 : middle + 5], order)[0]
    return out


@pytest.mark.parametrize(("frame_rate", "rate"), [(60.0, 24000), (25.0, 16000)])
def test_mfcc39_equals_the_textbook(tmp_path, frame_rate, rate, monkeypatch):
    monkeypatch.setattr("emotf.features.mfcc39.BLOCK_FRAMES", 17)  # several blocks, the last one short
    sound = noise(1.03, rate) * np.linspace(0, 1, round(1.03 * rate), dtype=np.float32) ** 4
    feature = Mfcc39(frame_rate_hz=frame_rate)
    track = feature.extract(wav(tmp_path / "a.wav", sound, rate))
    static = by_hand(sound, rate, frame_rate)
    expected = np.hstack([static, fitted(static, 1), fitted(static, 2)])
    assert track.channels == feature.channels and len(track.channels) == 39
    np.testing.assert_allclose(track.values, expected, rtol=1e-4, atol=2e-3)


def test_mfcc39_names_and_clock():
    feature = Mfcc39()
    assert feature.channels[:3] == ("energy", "mfcc1", "mfcc2")
    assert feature.channels[13] == "energy_d" and feature.channels[-1] == "mfcc12_dd"
    assert (feature.medium, feature.kind, feature.sound_rate_hz) == ("audio", "extracted", 24000)
    assert Mfcc39(frame_rate_hz=25).sound_rate_hz == 16000
    assert Mfcc39(frame_rate_hz=30).sound_rate_hz == 24000
    assert Mfcc39(frame_rate_hz=49).sound_rate_hz == 44100


def test_late_frames_of_five_minutes_stand_at_their_times(tmp_path):
    """Clicks exactly on a frame, exactly between two frames and at the very end, found where they were planted."""
    sound = 1e-4 * noise(300)
    on, between = 17970, 17986  # the second click is half a hop after this frame
    for time in (on / 60, (between + 0.5) / 60):
        sound[round(time * 16000)] = 0.9
        assert time * 16000 == pytest.approx(round(time * 16000), abs=1e-6)
    sound[-1] = 0.9
    track = Mfcc39().extract(wav(tmp_path / "a.wav", sound))
    assert track.frames == 18001
    np.testing.assert_allclose(track.times, np.arange(18001) / 60, atol=1e-9)
    energy = track.values[:, 0]
    peaks = [k for k in range(1, 18000) if energy[k] > -60 and energy[k] >= energy[[k - 1, k + 1]].max() - 0.5]
    assert peaks == [on, between, between + 1]
    # a frame 1 ms off its time would see the click between two frames 7 dB stronger than its neighbour
    window_db = 40 * np.log10(np.cos(np.pi * np.array([7.33, 9.33]) / 25))
    assert window_db[0] - window_db[1] > 7
    assert energy[between] == pytest.approx(energy[between + 1], abs=0.5)
    assert energy[18000] > energy[17999] + 20  # the last frame is centred on the end of the file


def test_mfcc39_hears_nothing_in_digital_silence(tmp_path):
    values = Mfcc39(frame_rate_hz=25).extract(wav(tmp_path / "a.wav", np.zeros(16000))).values
    np.testing.assert_allclose(values[:, 0], -100)
    np.testing.assert_allclose(values[:, 1:], 0, atol=1e-3)


def test_a_loud_end_does_not_change_the_beginning(tmp_path):
    quiet = 1e-4 * noise(2)
    loud = quiet.copy()
    loud[24000:] = noise(0.5) * 9
    first, second = (Mfcc39(25).extract(wav(tmp_path / "a.wav", sound)).values[:30] for sound in (quiet, loud))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (Mfcc39(frame_rate_hz=29.97), "29.97 frames a second divide none"),
        (Mfcc39(frame_rate_hz=0), "0 frames a second"),
        (Mfcc39(window_ms=0.025), "milliseconds"),
        (Mfcc39(mel_bands=12), "more than 12 mel bands"),
        (Mfcc39(frame_rate_hz=25), "8 frames at 25/s, its derivatives need 9"),
    ],
)
def test_mfcc39_refuses(tmp_path, feature, message):
    with pytest.raises(UserError, match=message):
        feature.extract(wav(tmp_path / "a.wav", noise(0.3)))


@needs_data
def test_mfcc39_of_real_speech():
    path = DATA / "grid_av" / "bbaf2n.mpg"
    track = Mfcc39().extract(recording(audio=path))
    np.testing.assert_allclose(track.values[:, :13], by_hand(read_sound(path, 24000), 24000, 60), rtol=1e-4, atol=2e-3)
    assert track.end == pytest.approx(2.978, abs=1 / 60)


JOINTS = tuple(f"{joint}_{axis}" for joint in ("neck", "chest", "left", "right") for axis in "xyz")


def body(path: Path, angles: np.ndarray, names: tuple[str, ...] = JOINTS, rate: float = 60.0) -> Recording:
    table = pd.DataFrame(angles, columns=list(names))
    table.insert(0, "time", np.arange(len(angles)) / rate)
    table.to_csv(path, index=False)
    return recording(body=path)


def test_body_keeps_captured_angles_and_adds_deltas(tmp_path):
    rng = np.random.default_rng(0)
    angles = np.cumsum(rng.standard_normal((50, 12)), axis=0)
    track = BodyEuler24().extract(body(tmp_path / "a.csv", angles))
    assert track.channels == (*JOINTS, *(f"{name}_d" for name in JOINTS))
    assert track.hop == pytest.approx(1 / 60) and BodyEuler24().kind == "raw" and BodyEuler24().channels is None
    np.testing.assert_allclose(track.values[:, :12], angles, atol=1e-4)
    inner = (2 * (angles[4:] - angles[:-4]) + angles[3:-1] - angles[1:-3]) / 10 * 60
    np.testing.assert_allclose(track.values[2:-2, 12:], inner, atol=1e-2)


def test_a_steady_turn_past_180_degrees_has_a_steady_delta(tmp_path):
    turn = 170.0 + np.arange(21)  # 170 … 190 degrees, one a frame
    wrapped = np.tile(((turn + 180) % 360 - 180)[:, None], 12)
    values = BodyEuler24().extract(body(tmp_path / "a.csv", wrapped)).values
    np.testing.assert_allclose(values[:, 0], turn, atol=1e-3)  # the median, 180, lies in (-180, 180]
    np.testing.assert_allclose(values[2:-2, 12:], 60, rtol=1e-4)
    np.testing.assert_allclose(continuous(wrapped[:, :1] + 40).ravel(), turn + 40 - 360)


def test_body_refuses_other_tables(tmp_path):
    with pytest.raises(UserError, match="has 11 columns besides 'time', expected 12"):
        BodyEuler24().extract(body(tmp_path / "a.csv", np.zeros((9, 11)), JOINTS[:11]))
    holes = np.zeros((9, 12))
    holes[3, 4] = holes[5, 6] = np.nan
    with pytest.raises(UserError, match=r"b\.csv has 2 cells that hold no number"):
        BodyEuler24().extract(body(tmp_path / "b.csv", holes))


def test_precomputed_reads_csv_and_arrays(tmp_path):
    values = np.random.default_rng(0).random((10, 2)).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    table = pd.DataFrame({"time": 1 + np.arange(10) / 50, "yaw": values[:, 0], "pitch": values[:, 1]})
    table.to_csv(tmp_path / "a.csv", index=False)
    array = Precomputed("gaze", rate_hz=25).extract(recording(gaze=tmp_path / "a.npy"))
    assert (array.hop, array.start, array.channels) == (0.04, 0.0, ("c0", "c1"))
    np.testing.assert_array_equal(array.values, values)
    track = Precomputed("gaze").extract(recording(gaze=tmp_path / "a.csv"))
    assert (track.hop, track.start, track.channels) == (0.02, 1.0, ("yaw", "pitch"))
    np.testing.assert_allclose(track.values, values, atol=1e-6)
    feature = Precomputed("gaze", raw=True)
    assert (feature.medium, feature.kind, feature.channels) == ("gaze", "raw", None)
    with pytest.raises(UserError, match="state the rate"):
        feature.extract(recording(gaze=tmp_path / "a.npy"))
    with pytest.raises(UserError, match="name the stream"):
        Precomputed().extract(recording(gaze=tmp_path / "a.npy"))


def test_precomputed_reads_parquet(tmp_path):
    table = pd.DataFrame({"time": np.arange(10) / 50, "yaw": np.arange(10.0)})
    table.to_parquet(tmp_path / "a.parquet")
    track = Precomputed("gaze").extract(recording(gaze=tmp_path / "a.parquet"))
    assert (track.hop, track.channels) == (0.02, ("yaw",))
    np.testing.assert_array_equal(track.values.ravel(), np.arange(10))


def test_a_declaration_fills_what_the_fields_leave_open(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 2)))
    source = recording(gaze=tmp_path / "a.npy")
    (tmp_path / "stream.json").write_text('{"rate_hz": 25, "kind": "raw", "channels": ["yaw", "pitch"]}')
    track = Precomputed("gaze").extract(source)
    assert (track.hop, track.channels) == (0.04, ("yaw", "pitch"))
    known = Precomputed("gaze").resolved(source)
    assert (known.kind, known.channels) == ("raw", ("yaw", "pitch"))
    assert Precomputed("gaze", rate_hz=50, names=("a", "b")).extract(source).channels == ("a", "b")
    assert Precomputed("gaze", rate_hz=50).extract(source).hop == 0.02
    with pytest.raises(UserError, match="2 columns, but 1 channels are named"):
        Precomputed("gaze", names=("a",)).extract(source)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"rate": 25}, "unknown key 'rate'"),
        ({"rate_hz": "25"}, "rate_hz is '25'"),
        ({"rate_hz": 0}, "rate_hz is 0"),
        ({"kind": "cooked"}, "kind is 'cooked'"),
        ({"channels": "yaw"}, "channels is 'yaw'"),
        ([25], "one object"),
    ],
)
def test_a_wrong_declaration_is_refused(tmp_path, content, message):
    np.save(tmp_path / "a.npy", np.zeros((4, 2)))
    (tmp_path / "stream.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        Precomputed("gaze", rate_hz=25).extract(recording(gaze=tmp_path / "a.npy"))


def test_values_that_are_not_finite_name_file_place_and_count(tmp_path):
    values = np.zeros((10, 3))
    values[5:, 1] = np.nan
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(
        UserError, match=r"r1, gaze \(.*a\.npy\): 5 of 30 values are NaN or infinite, first 'c1' at 0.2"
    ):
        Precomputed("gaze", rate_hz=25).extract(recording(gaze=tmp_path / "a.npy"))


@dataclass
class Nothing(Feature):
    medium = "audio"
    channels = ("a",)
    window = 0.0

    def compute(self, recording: Recording) -> Track:
        return Track(np.zeros((0, 1)), hop=0.04, channels=self.channels)


def test_a_stream_without_frames_is_refused():
    feature = Nothing()
    assert feature.kind == "extracted" and feature.resolved(recording()) is feature
    with pytest.raises(UserError, match=r"audio \(no file\) yields no frames"):
        feature.extract(recording())


def test_a_missing_medium_is_named():
    for feature in (Mfcc39(), BodyEuler24(), Precomputed("gaze")):
        with pytest.raises(UserError, match=f"r1 has no '{feature.medium}'"):
            feature.extract(recording(other=Path("x")))
