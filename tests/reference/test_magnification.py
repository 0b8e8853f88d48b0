"""Eulerian magnification against what theory predicts (pulses, swaying gratings, noise), against a literal second
version of it, and its two filters against each other."""

import subprocess
import sys

import numpy as np
import pytest

from emotf.errors import UserError
from emotf.magnification import Magnifier, to_picture
from emotf.magnification.temporal import Bandpass

RATE_HZ = 30
SECONDS = np.arange(10 * RATE_HZ) / RATE_HZ
GREY = 128.0
BOTH = pytest.mark.parametrize("filter", ["ideal", "streaming"])


def color(filter, **settings):
    return Magnifier(**{"mode": "color", "alpha": 5, "low_hz": 0.8, "high_hz": 3, "filter": filter} | settings)


def motion(filter, **settings):
    return Magnifier(**{"mode": "motion", "alpha": 5, "low_hz": 0.8, "high_hz": 5, "filter": filter} | settings)


KINDS = pytest.mark.parametrize("kind", [color, motion])


def flicker(frequency_hz, shape=(16, 16), seconds=SECONDS, levels=0.5):
    """Even grey pictures that pulse."""
    pulse = GREY + levels * np.sin(2 * np.pi * frequency_hz * seconds)
    return [np.full((*shape, 3), value, np.float32) for value in pulse]


def component(signal, frequency_hz, seconds=SECONDS):
    """Complex amplitude of a frequency, over whole periods."""
    signal = np.asarray(signal, np.float64)
    return 2 * np.mean((signal - signal.mean()) * np.exp(-2j * np.pi * frequency_hz * seconds))


def brightness(pictures):
    return [picture.mean(dtype=np.float64) for picture in pictures]


def gain(magnifier, frequency_hz, pictures):
    """Amplitude after over before; its angle is the shift of phase."""
    after = brightness(magnifier.magnify(pictures, RATE_HZ))
    return component(after, frequency_hz) / component(brightness(pictures), frequency_hz)


@BOTH
def test_a_pulse_in_the_band_grows_by_1_plus_alpha_in_phase(filter):
    found = gain(color(filter, cutoff_px=16), 1, flicker(1))
    assert abs(found) == pytest.approx(6, rel=0.1)
    assert abs(np.degrees(np.angle(found))) < 1


@BOTH
@pytest.mark.parametrize("frequency_hz", [0.3, 6])
def test_a_pulse_outside_the_band_stays(filter, frequency_hz):
    assert abs(gain(color(filter, cutoff_px=16), frequency_hz, flicker(frequency_hz))) == pytest.approx(1, abs=0.1)


@BOTH
def test_a_pulse_below_one_level_in_pictures_of_8_bits(filter):
    """Dither of ±0.5 levels before rounding keeps it, in the mean over the picture."""
    rng = np.random.default_rng(0)
    pictures = [to_picture(p + rng.uniform(-0.5, 0.5, p.shape)) for p in flicker(1, shape=(48, 48))]
    assert pictures[0].dtype == np.uint8
    found = gain(color(filter), 1, pictures)
    assert abs(found) == pytest.approx(6, rel=0.1)
    assert abs(np.degrees(np.angle(found))) < 3


def test_a_dip_grows_downwards():
    """Changes are added with their sign: nothing is rectified."""
    dip = GREY - 8 * np.exp(-(((SECONDS - 5) / 0.15) ** 2))
    pictures = [np.full((8, 8, 3), value, np.float32) for value in dip]
    after = np.array(brightness(color("ideal", cutoff_px=0, high_hz=5).magnify(pictures, RATE_HZ)))
    assert after.argmin() == dip.argmin()
    assert after.min() < GREY - 3 * 8


@pytest.mark.parametrize(
    ("multiples", "passed"),
    [((0.4, 1.4, 2, 4), (-0.06, 0.06)), ((0.8, 1.1), (0.35, 0.65)), ((1, 1.000001), (0.75, 0.9))],
)
def test_the_skirt_of_the_streaming_filter(multiples, passed):
    """Shares of α that its docstring names, at multiples of the lower edge below 1 and of the upper from there on."""
    seconds = np.arange(40 * RATE_HZ) / RATE_HZ
    for multiple in multiples:
        frequency_hz = multiple * 0.8 if multiple <= 1 else multiple * 3
        pictures = flicker(frequency_hz, shape=(1, 1), seconds=seconds)
        after = brightness(color("streaming", cutoff_px=0).magnify(pictures, RATE_HZ))
        grown = component(after, frequency_hz, seconds) / component(brightness(pictures), frequency_hz, seconds)
        assert passed[0] < (abs(grown) - 1) / 5 < passed[1], multiple


@pytest.mark.parametrize(("low_hz", "high_hz"), [(0.8, 3), (0.1, 0.5), (3, 6), (7.5, 12), (2, 13.6), (9, 13)])
def test_the_recursive_low_passes_are_those_of_their_taps(low_hz, high_hz):
    """Of both edges: response to an impulse within 0.025 of that of the windowed sinc at all frequencies."""
    bandpass = Bandpass(RATE_HZ, low_hz, high_hz)
    edges = [(bandpass.below(), 0.8 * low_hz, bandpass.reach), (bandpass.upto(), 1.1 * high_hz, bandpass.high_reach)]
    for lowpass, half_hz, reach in edges:
        n = np.arange(-reach, reach + 1)
        taps = np.sinc(2 * half_hz / RATE_HZ * n) * np.kaiser(2 * reach + 1, 3)
        impulse = np.zeros((8 * 500, 1), np.float32)
        impulse[8] = 1  # what stood before is 0
        found = np.concatenate([lowpass(impulse[k : k + 8]).copy() for k in range(0, len(impulse), 8)])[8:, 0]
        assert np.abs(np.fft.rfft(found, 8000) - np.fft.rfft(taps / taps.sum(), 8000)).max() < 0.025
        assert found.sum() == pytest.approx(1, abs=1e-4)
        assert abs(found[-1]) < 1e-6


def grating(wavelength_px, sway_px, frequency_hz, shape=(48, 192)):
    """Waves to the right around grey that sway."""
    x = np.arange(shape[1])
    for time in SECONDS:
        moved = x - sway_px * np.sin(2 * np.pi * frequency_hz * time)
        row = GREY + 50 * np.cos(2 * np.pi * moved / wavelength_px)
        yield np.broadcast_to(row[None, :, None], (*shape, 3)).astype(np.float32)


def displacement(pictures, wavelength_px):
    """Pixels to the right, from the phase of the wave, over whole waves in the middle of the picture."""
    wave = np.exp(-2j * np.pi * np.arange(48, 144) / wavelength_px)
    phases = [np.angle((picture[:, 48:144].mean(axis=(0, 2)) - GREY) @ wave) for picture in pictures]
    return -np.array(phases) * wavelength_px / (2 * np.pi)


def sway_gain(magnifier, wavelength_px, sway_px):
    pictures = list(grating(wavelength_px, sway_px, 2))
    before = component(displacement(pictures, wavelength_px), 2)
    assert abs(before) == pytest.approx(sway_px, rel=0.01)
    return component(displacement(magnifier.magnify(pictures, RATE_HZ), wavelength_px), 2) / before


@BOTH
@pytest.mark.parametrize("wavelength_px", [24, 32, 48, 96])
def test_a_grating_sways_6_times_as_far(filter, wavelength_px):
    found = sway_gain(motion(filter), wavelength_px, 0.2)
    assert abs(found) == pytest.approx(6, rel=0.1)
    assert abs(np.degrees(np.angle(found))) < 1


def test_short_waves_move_less_than_the_cutoff_allows():
    """By the bound, waves of 8 px are magnified by α = 5, (1 + 5) 8 / 16 - 1 = 2 and 0.2 at these cut-offs."""
    gains = [abs(sway_gain(motion("ideal", cutoff_px=px), 8, 0.05)) for px in (0, 16, 40)]
    assert gains[0] == pytest.approx(6, rel=0.1)
    assert 3 < gains[1] < 4.6  # half of the wave is one level up, where the whole α holds
    assert 1.2 < gains[2] < 2


@BOTH
@KINDS
def test_what_is_still_stays(filter, kind):
    still = np.random.default_rng(0).uniform(0, 255, (40, 40, 3)).astype(np.float32)
    for picture in kind(filter, cutoff_px=16).magnify([still] * 120, RATE_HZ):
        assert np.abs(picture - still).max() < 0.01


def noise(side):
    rng = np.random.default_rng(0)
    return [GREY + rng.standard_normal((side, side, 3), np.float32) for _ in SECONDS]


@BOTH
@KINDS
def test_white_noise_grows_by_the_share_of_the_band(filter, kind):
    magnifier, pictures = kind(filter, cutoff_px=0), noise(24)
    low_hz, high_hz = magnifier.band_hz
    share = (high_hz - low_hz) / (RATE_HZ / 2)
    after = np.stack(list(magnifier.magnify(pictures, RATE_HZ)))
    assert after.var() / np.var(pictures) == pytest.approx(1 + share * ((1 + 5) ** 2 - 1), rel=0.15)


@pytest.mark.parametrize(
    ("kind", "cutoff_px", "left"),
    [(color, 8, 0.049), (color, 16, 0.010), (motion, 16, 0.28), (motion, 32, 0.057)],
)
def test_the_spatial_cutoff_takes_noise_off(kind, cutoff_px, left):
    """What the table of the docstring leaves of the growth."""
    pictures = noise(64)
    grown = [np.var(list(kind("ideal", cutoff_px=px).magnify(pictures, RATE_HZ))) for px in (0, cutoff_px)]
    assert (grown[1] - np.var(pictures)) / (grown[0] - np.var(pictures)) == pytest.approx(left, rel=0.15)


@KINDS
def test_both_filters_agree(kind):
    """Pixels that pulse at frequencies of the band, each in its own phase, while all grows lighter."""
    rng = np.random.default_rng(0)
    frequencies_hz, phases = rng.uniform(1, 2.7, (12, 12, 3)), rng.uniform(0, 2 * np.pi, (12, 12, 3))
    pictures = [
        (100 + 4 * time + np.sin(2 * np.pi * frequencies_hz * time + phases)).astype(np.float32) for time in SECONDS
    ]
    changes = []
    for filter in ("ideal", "streaming"):
        magnified = kind(filter, cutoff_px=0).magnify(pictures, RATE_HZ)
        changes.append([after - before for before, after in zip(pictures, magnified, strict=True)][2 * RATE_HZ :])
    assert np.corrcoef(np.ravel(changes[0]), np.ravel(changes[1]))[0, 1] > 0.99


@pytest.mark.parametrize("frequency_hz", [1, 1.5, 2, 2.5])
def test_both_filters_have_the_same_gain_in_the_band(frequency_hz):
    ideal, streaming = (gain(color(filter), frequency_hz, flicker(frequency_hz)) for filter in ("ideal", "streaming"))
    assert abs(streaming) == pytest.approx(abs(ideal), rel=0.1)


# The second version: one step after the other as in the publication, in YIQ, level by level.

YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def smoothed(picture, kernel=BINOMIAL):
    height, width = picture.shape[:2]
    wide = np.pad(picture, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    return sum(kernel[i, j] * wide[i : i + height, j : j + width] for i in range(5) for j in range(5))


def halved(picture):
    return smoothed(picture)[::2, ::2]


def doubled(picture, shape):
    sparse = np.zeros((*shape[:2], 3))
    sparse[::2, ::2] = picture
    return smoothed(sparse, 4 * BINOMIAL)


def band_of(clip, low_hz, high_hz):
    """Fourier transform of the clip between still ends, and its mirror image; everything outside the band set to 0."""
    still = 2 * 47  # 1.25 periods of 0.8 Hz, twice
    longer = np.concatenate([clip[:1]] * still + [clip] + [clip[-1:]] * still)
    spectrum = np.fft.fft(np.concatenate([longer, longer[::-1]]), axis=0)
    frequencies_hz = np.abs(np.fft.fftfreq(len(spectrum), 1 / RATE_HZ))
    spectrum[(frequencies_hz < low_hz) | (frequencies_hz > high_hz)] = 0
    return np.fft.ifft(spectrum, axis=0).real[still : still + len(clip)]


def magnified_literally(clip, mode, cutoff_px, alpha=5.0, low_hz=0.8, high_hz=3.0, chroma=0.3):
    clip = clip @ YIQ.T
    pyramid = [clip]
    while max(pyramid[-1].shape[1:3]) >= 5:
        pyramid.append(np.stack([halved(picture) for picture in pyramid[-1]]))
    if mode == "color":
        level = 2  # 16 px
        change = alpha * band_of(pyramid[level], low_hz, high_hz)
    else:
        level = len(pyramid) - 1
        change = 0 * pyramid[-1]
    delta = cutoff_px / (8 * (1 + alpha))
    for k in reversed(range(level)):
        shape = pyramid[k].shape[1:]
        change = np.stack([doubled(picture, shape) for picture in change])
        if mode == "motion":
            laplacian = pyramid[k] - np.stack([doubled(picture, shape) for picture in pyramid[k + 1]])
            alpha_k = min(alpha, max(0, 8 * 2**k / (8 * delta) - 1))
            change += alpha_k * band_of(laplacian, low_hz, high_hz)
    return (clip + change * [1, chroma, chroma]) @ np.linalg.inv(YIQ).T


@pytest.mark.parametrize(("mode", "cutoff_px"), [("color", 16), ("motion", 16), ("motion", 40), ("motion", 100)])
def test_against_the_literal_algorithm(mode, cutoff_px):
    rng = np.random.default_rng(0)
    clip = rng.uniform(0, 255, (60, 32, 48, 3))
    expected = magnified_literally(clip, mode, cutoff_px)
    magnifier = Magnifier(mode, high_hz=3, cutoff_px=cutoff_px, chroma=0.3, filter="ideal")
    found = np.stack(list(magnifier.magnify(list(clip.astype(np.float32)), RATE_HZ)))
    assert np.abs(found - clip).max() > 10
    assert np.abs(found - expected).max() < 1e-3


def test_chroma_is_attenuated_and_luminance_is_not():
    pulse = np.sin(2 * np.pi * 2 * SECONDS)[:, None, None, None] * np.array([0, 1, 0])
    pictures = (GREY + pulse + np.zeros((1, 8, 8, 1))).astype(np.float32)
    after = np.stack(list(color("ideal", cutoff_px=0, chroma=0.2).magnify(pictures, RATE_HZ)))
    before, after = (clip.mean(axis=(1, 2)) @ YIQ.T for clip in (pictures.astype(np.float64), after))
    gains = [abs(component(after[:, i], 2) / component(before[:, i], 2)) for i in range(3)]
    assert gains == pytest.approx([6, 2, 2], rel=0.03)


def test_pictures_stay_as_they_were_given():
    pictures = flicker(1)
    before = np.stack(pictures)
    for filter in ("ideal", "streaming"):
        assert len(list(color(filter, cutoff_px=0).magnify(pictures, RATE_HZ))) == len(pictures)
        assert np.array_equal(np.stack(pictures), before)


@pytest.mark.parametrize("frames", [60, 61, 67, 300])
@KINDS
def test_as_many_pictures_come_out_as_went_in(frames, kind):
    pictures = [np.full((20, 31, 3), i % 256, np.uint8) for i in range(frames)]
    for filter in ("ideal", "streaming"):
        after = list(kind(filter, cutoff_px=16).magnify(pictures, RATE_HZ))
        assert [picture.shape for picture in after] == [(20, 31, 3)] * frames
        assert {picture.dtype for picture in after} == {np.dtype(np.float32)}


def test_a_band_up_to_nearly_half_of_the_rate():
    """Nothing can lie above it, so there is no low-pass at its upper edge."""
    found = gain(color("streaming", high_hz=14.9, cutoff_px=0), 12, flicker(12))
    assert abs(found) == pytest.approx(6, rel=0.02)


MEMORY = """
import sys
import numpy as np
from emotf.magnification import Magnifier
def pictures(count):
    for i in range(count):
        yield np.full((120, 160, 3), i % 256, np.uint8)
for _ in Magnifier("motion").magnify(pictures(int(sys.argv[1])), 30):
    pass
(line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(line.split()[1])
"""


def test_the_memory_of_the_streaming_filter_does_not_grow_with_the_clip():
    """60 s against 10 s; the pictures of the 50 s between would be 86 MB. (ru_maxrss begins with the parent's peak.)"""
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", MEMORY, str(seconds * RATE_HZ)], capture_output=True, check=True
            ).stdout
        )
        for seconds in (10, 60)
    ]
    assert peaks[1] <= 1.1 * peaks[0]


SETTINGS = {
    "mode": ({"mode": "colour"}, "color or motion, received 'colour'"),
    "filter": ({"filter": "fft"}, "streaming or ideal, received 'fft'"),
    "alpha": ({"alpha": 0.0}, "above 0, received 0"),
    "alpha NaN": ({"alpha": float("nan")}, "above 0, received nan"),
    "edges": ({"low_hz": 3.0, "high_hz": 0.8}, "3 to 0.8 Hz holds nothing"),
    "low edge": ({"low_hz": 0.0}, "0 to 3 Hz holds nothing"),
    "cut-off": ({"cutoff_px": -1.0}, "-1 px is none"),
    "chroma": ({"chroma": 1.5}, "0 to 1, received 1.5"),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_settings_that_cannot_be(what):
    settings, said = SETTINGS[what]
    with pytest.raises(UserError, match=said):
        Magnifier(**settings)


TINY = [np.zeros((8, 8, 3), np.uint8)] * 60
CLIPS = {
    "above Nyquist": ({"high_hz": 15.0}, TINY, 30, "up to 15 Hz does not show in 30 pictures a second"),
    "no rate": ({}, TINY, float("nan"), "does not show in nan pictures"),
    "too short": ({"cutoff_px": 16}, TINY[:46], 30, r"46 pictures \(1.53 s\) is too short for 0.8 Hz, which takes 47"),
    "too slow": ({"low_hz": 0.01}, TINY, 30, "would look 3750 pictures ahead for 0.01 Hz at 30/s"),
    "too small": ({}, TINY, 30, "8 x 8 have no waves of 64 px"),
    "too small for motion": ({"mode": "motion", "cutoff_px": 1000}, TINY, 30, "8 x 8 have no waves of 1000 px"),
    "iterator": ({"filter": "ideal"}, iter(TINY), 30, "reads the pictures twice"),
    "between frequencies": (
        {"filter": "ideal", "low_hz": 0.88, "high_hz": 0.9, "cutoff_px": 0}, TINY[:50], 30, "no frequency from",
    ),
    "sizes": ({"cutoff_px": 0}, [*TINY, TINY[0][:7]], 30, r"Picture 61 has shape \[7, 8, 3\], expected \[8, 8, 3\]"),
    "grey": ({}, [TINY[0][:, :, 0]] * 60, 30, r"Picture 1 has shape \[8, 8\], expected \[height, width, 3\]"),
}  # fmt: skip


@pytest.mark.parametrize("what", CLIPS)
def test_clips_that_cannot_be_magnified(what):
    settings, pictures, rate_hz, said = CLIPS[what]
    with pytest.raises(UserError, match=said):
        list(Magnifier(**settings).magnify(pictures, rate_hz))


def test_a_clip_too_large_for_memory_is_refused_before_it_is_read():
    with pytest.raises(UserError, match=r"would hold 124\.2 GiB of pictures of 1920 x 1080, and its limit is 2"):
        Magnifier("motion", filter="ideal").check_clip(5360, 30, (1080, 1920, 3))
    with pytest.raises(UserError, match=r"streaming filter would hold 4\.3 GiB .*choose a higher low_hz"):
        Magnifier("motion", low_hz=0.05).check_clip(5360, 30, (1080, 1920, 3))
    Magnifier("motion").check_clip(5360, 30, (1080, 1920, 3))
