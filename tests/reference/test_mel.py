"""mel128 against the formulas written out, against MATLAB's results, and where a sine must show."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import soundfile
from real_data import DATA, needs_data

from emotf.errors import UserError
from emotf.features.mel128 import Mel128
from emotf.media import read_sound, video_writer
from emotf.recording import Recording

MATLAB = DATA / "librosa_reference"


def recording(**media: Path) -> Recording:
    return Recording("r1", "s1", media=media)


def wav(path: Path, sound: np.ndarray, rate: int = 22050) -> Recording:
    soundfile.write(path, sound, rate, subtype="FLOAT")
    return recording(audio=path)


def noise(seconds: float, rate: int = 22050) -> np.ndarray:
    return (0.1 * np.random.default_rng(3).standard_normal(round(seconds * rate))).astype(np.float32)


def hertz_to_mel(hertz, htk):
    hertz = np.asarray(hertz, float)
    if htk:
        return 2595 * np.log10(1 + hertz / 700)
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + 27 * np.log(np.maximum(hertz, 1) / 1000) / np.log(6.4))


def mel_to_hertz(mel, htk):
    mel = np.asarray(mel, float)
    if htk:
        return 700 * (10 ** (mel / 2595) - 1)
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def filter_bank(rate, n_fft, bands, low, high, htk):
    """Triangles of area 1 over Hz, [bands, bins]."""
    corners = mel_to_hertz(np.linspace(hertz_to_mel(low, htk), hertz_to_mel(high, htk), bands + 2), htk)
    rows = np.zeros((bands, n_fft // 2 + 1))
    for b in range(bands):
        left, centre, right = corners[b : b + 3]
        for k in range(n_fft // 2 + 1):
            f = k * rate / n_fft
            rows[b, k] = max(0, min((f - left) / (centre - left), (right - f) / (right - centre))) * 2 / (right - left)
    return rows


def spectra(sound, window, n_fft, hop):
    """Fourier transforms of the frames that lie within the sound, [frames, bins]."""
    frames = 1 + (len(sound) - n_fft) // hop
    return np.array([np.fft.rfft(sound[k * hop : k * hop + n_fft] * window) for k in range(frames)])


def by_hand(sound, power=1, htk=True):
    """The bands of sound at 22,050 Hz, [frames, 128]."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    padded = np.concatenate([np.zeros(1024), np.asarray(sound, float), np.zeros(1024)])
    return np.abs(spectra(padded, window, 2048, 512)) ** power @ filter_bank(22050, 2048, 128, 0, 11025, htk).T


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("htk", [True, False])
def test_equals_the_formulas(tmp_path, monkeypatch, power, htk):
    # the sound comes in pieces shorter than a window
    pieces = lambda path, rate: np.array_split(read_sound(path, rate), 31)  # noqa: E731
    monkeypatch.setattr("emotf.features.mel128.sound_blocks", pieces)
    sound = noise(1.1) * np.linspace(0, 1, round(1.1 * 22050), dtype=np.float32) ** 3
    track = Mel128(power=power, htk=htk).extract(wav(tmp_path / "a.wav", sound))
    np.testing.assert_allclose(track.values, by_hand(sound, power, htk), rtol=1e-4, atol=1e-7)
    assert track.hop == 512 / 22050 and track.start == 0 and track.channels[-1] == "mel127"


def test_pieces_do_not_matter(tmp_path):
    """65 s are decoded in three blocks; the frames are those of the whole."""
    sound = noise(65)
    values = Mel128().extract(wav(tmp_path / "a.wav", sound)).values
    assert len(values) == 1 + len(sound) // 512
    cut = 512 * 1289  # the border of the first block, 30 s, lies in the next frames
    expected = by_hand(sound[cut - 2048 : cut + 8 * 512])[4:8]
    np.testing.assert_allclose(values[1289:1293], expected, rtol=1e-4)


@needs_data
@pytest.mark.parametrize("number", range(1, 20))
def test_filter_bank_of_these_tests_is_that_of_matlab(number):
    found = {k: np.squeeze(v)[()] for k, v in scipy.io.loadmat(MATLAB / f"feature-melfb-{number:03}.mat").items()
             if not k.startswith("__")}  # fmt: skip
    rate, n_fft, bands, low, high = (int(found[name]) for name in ("sr", "nfft", "nfilts", "fmin", "fmax"))
    mine = filter_bank(rate, n_fft, bands, low, high, bool(found["htk"]))
    np.testing.assert_allclose(mine[:, : n_fft // 2], found["wts"][:, : n_fft // 2], atol=1e-12)


@needs_data
@pytest.mark.parametrize("kind", ["hz_to_mel", "mel_to_hz"])
@pytest.mark.parametrize("number", range(1, 5))
def test_scales_of_these_tests_are_those_of_matlab(kind, number):
    found = scipy.io.loadmat(MATLAB / f"feature-{kind}-{number:03}.mat")
    scale = hertz_to_mel if kind == "hz_to_mel" else mel_to_hertz
    np.testing.assert_allclose(scale(found["f"], bool(found["htk"].item())), found["result"], rtol=1e-10)


@needs_data
@pytest.mark.parametrize("number", [3, 4, 5, 6])
def test_transform_of_these_tests_is_that_of_matlab(number):
    found = scipy.io.loadmat(MATLAB / f"core-stft-{number:03}.mat")
    sound = read_sound(MATLAB / "test1_22050.wav", 22050)
    n_fft, hop = int(found["nfft"].item()), int(found["hop_length"].item())
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    mine = spectra(sound.astype(float), hann if found["hann_w"].item() else np.ones(n_fft), n_fft, hop)
    # it was stored by MATLAB's ', which conjugates as it transposes
    np.testing.assert_allclose(mine, found["D"].conj().T, atol=1e-5)


@needs_data
def test_real_sound_at_any_rate(tmp_path):
    """8 kHz stereo has nothing above 4 kHz; its bands below are those of its mean at 22,050 Hz."""
    sound, rate = soundfile.read(MATLAB / "test2_8000.wav", dtype="float32", always_2d=True)
    assert rate == 8000
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.hstack([sound, sound[::-1]])[:24000], 8000)
    values = Mel128().extract(recording(audio=path)).values
    np.testing.assert_allclose(values, by_hand(read_sound(path, 22050)), rtol=1e-3, atol=1e-6)
    above = np.arange(128) > 129 * hertz_to_mel(4300, True) / hertz_to_mel(11025, True)
    assert values[:, above].max() < 1e-3 * values[:, ~above].max()


@pytest.mark.parametrize("frequency", [440.0, 1000.0, 5000.0])
@pytest.mark.parametrize("htk", [True, False])
def test_a_sine_peaks_where_the_formula_says(tmp_path, frequency, htk):
    sine = 0.5 * np.sin(2 * np.pi * frequency * np.arange(22050) / 22050)
    values = Mel128(htk=htk).extract(wav(tmp_path / "a.wav", sine)).values
    # corners are evenly spaced in mel: centre b stands at (b + 1) / 129 of the whole scale
    place = 129 * hertz_to_mel(frequency, htk) / hertz_to_mel(11025, htk) - 1
    assert values[5:-5].mean(axis=0).argmax() == round(float(place))
    if (frequency, htk) == (1000.0, True):
        assert round(float(place)) == 40  # 2595 log10(1 + 1000/700) = 1000.0 of 3176.2 mel


def test_decibels_have_an_absolute_floor(tmp_path):
    sound = noise(0.5)
    for power in (1, 2):
        linear, decibel = (
            Mel128(power=power, decibel=db).extract(wav(tmp_path / "a.wav", sound)).values for db in (False, True)
        )
        np.testing.assert_allclose(decibel, 20 / power * np.log10(linear), rtol=1e-5, atol=1e-3)
        silent = Mel128(power=power, decibel=True).extract(wav(tmp_path / "b.wav", np.zeros(9000))).values
        np.testing.assert_allclose(silent, -100, rtol=1e-6)


@pytest.mark.parametrize("rate", [25.0, 23.976, 60.0])
def test_a_clock_of_ones_own_takes_the_nearest_frame(tmp_path, rate):
    sound = wav(tmp_path / "a.wav", noise(2.0))
    own, track = Mel128().extract(sound), Mel128(rate_hz=rate).extract(sound)
    assert track.hop == 1 / rate and abs(track.end - own.end) <= 1 / rate
    for k in range(track.frames):
        nearest = np.abs(own.times - k / rate).argmin()
        np.testing.assert_array_equal(track.values[k], own.values[nearest])


def film(path: Path, times, sound=None) -> Path:
    with video_writer(path, 25, sound_from=sound) as write:
        for k, time in enumerate(times):
            write(np.full((32, 32, 3), 3 * k % 256, np.uint8), time)
    return path


def test_the_clock_of_a_video(tmp_path):
    sound = wav(tmp_path / "a.wav", noise(1.0)).media["audio"]
    own = Mel128().extract(recording(audio=sound))
    both = recording(audio=sound, video=film(tmp_path / "v.mp4", np.arange(20) / 25))
    track = Mel128(video="video").extract(both)
    assert Mel128(video="video").media == ("audio", "video") and Mel128().media == ("audio",)
    assert (track.hop, track.frames) == (0.04, 20)
    nearest = [np.abs(own.times - k * 0.04).argmin() for k in range(20)]
    np.testing.assert_array_equal(track.values, own.values[nearest])


def test_pictures_after_the_end_of_the_sound_have_no_frame(tmp_path):
    sound = wav(tmp_path / "a.wav", noise(0.5)).media["audio"]
    both = recording(audio=sound, video=film(tmp_path / "v.mp4", np.arange(30) / 25))
    track = Mel128(video="video").extract(both)
    assert track.frames == 13 and track.end == pytest.approx(0.48)  # the last mel frame stands at 0.488 s


def test_a_video_of_uneven_times_needs_a_rate(tmp_path):
    sound = wav(tmp_path / "a.wav", noise(1.0)).media["audio"]
    both = recording(audio=sound, video=film(tmp_path / "v.mp4", [0, 0.04, 0.2, 0.5, 0.6, 0.9]))
    with pytest.raises(UserError, match="pictures at uneven times"):
        Mel128(video="video").extract(both)
    track = Mel128(video="video", rate_hz=10).extract(both)
    assert (track.hop, track.frames) == (0.1, 10)


@needs_data
def test_real_clips_have_one_frame_a_picture():
    path = DATA / "grid_av" / "bbaf2n.mpg"
    track = Mel128(video="video").extract(recording(video=path))
    assert (track.hop, track.frames) == (0.04, 75)
    whole = by_hand(read_sound(path, 22050))
    nearest = [np.abs(np.arange(len(whole)) * 512 / 22050 - k / 25).argmin() for k in range(75)]
    np.testing.assert_allclose(track.values, whole[nearest], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("feature", "seconds", "message"),
    [
        (Mel128(power=3), 1, "choose 1"),
        (Mel128(rate_hz=-1), 1, "-1 frames a second"),
        (Mel128(), 0.09, r"a\.wav has less than 0.093 s of sound, one window needs 0.093 s"),
        (Mel128(video="face"), 1, "r1 has no 'face'"),
    ],
)
def test_refusals(tmp_path, feature, seconds, message):
    with pytest.raises(UserError, match=message):
        feature.extract(wav(tmp_path / "a.wav", noise(seconds)))
