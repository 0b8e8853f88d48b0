"""Speech-like sound from affect traces: the voice of the synthetic corpus (equations in `synthetic`).

A pulse train at f0(t) and white noise go through time-varying magnitude filters (formants, spectral tilt, loudness),
10 ms by 10 ms, by overlap-add of short-time spectra.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

RATE_HZ = 24_000
CONTROL_HZ = 100  # affect and articulation are controlled at this rate
BLOCK = RATE_HZ // CONTROL_HZ

# First three formants of seven vowels in Hz, an adult man's, rounded; the fourth stays at 3500 Hz.
VOWELS_HZ = np.array(
    [
        [730, 1090, 2440],  # a
        [530, 1840, 2480],  # e
        [270, 2290, 3010],  # i
        [570, 840, 2410],  # o
        [300, 870, 2240],  # u
        [660, 1720, 2410],  # ae
        [490, 1350, 1690],  # er
    ],
    np.float32,
)
BANDWIDTHS_HZ = (80.0, 100.0, 140.0, 220.0)


@dataclass(frozen=True)
class Voice:
    """A subject's own way of sounding: what speaker-exclusive testing has to get over.

    Attributes:
        f0_hz: pitch when calm.
        tract: factor on formant frequencies (1 = a man of average vocal tract).
        loudness_db: level of the recording.
        rate_hz: syllables a second when calm.
        tilt_db: own spectral tilt, dB an octave.
        noise_db: background noise below speech.
        expressiveness: gain on all vocal effects of affect.
    """

    f0_hz: float
    tract: float
    loudness_db: float
    rate_hz: float
    tilt_db: float
    noise_db: float
    expressiveness: float


def draw_voice(rng: np.random.Generator, woman: bool) -> Voice:
    return Voice(
        f0_hz=(200.0 if woman else 115.0) * 2 ** (rng.normal(0, 2.0) / 12),
        tract=(1.16 if woman else 1.0) * (1 + 0.04 * rng.normal()),
        loudness_db=rng.normal(0, 2.0),
        rate_hz=4.3 * 2 ** (0.12 * rng.normal()),
        tilt_db=0.6 * rng.normal(),
        noise_db=-38 + 3 * rng.normal(),
        expressiveness=float(np.clip(1 + 0.2 * rng.normal(), 0.6, 1.4)),
    )


def smooth_noise(
    rng: np.random.Generator, frames: int, rate_hz: float, seconds: float, channels: int = 1
) -> np.ndarray:
    """Gaussian noise through two first-order low-passes: [frames, channels], stationary, unit variance.

    With p = exp(-1 / (seconds * rate_hz)), y_k = 2 p y_{k-1} - p² y_{k-2} + c x_k, and c makes the variance 1. The
    autocorrelation at lag s is about (1 + s / seconds) exp(-s / seconds).
    """
    p = np.exp(-1 / (seconds * rate_hz))
    burn_in = int(12 * seconds * rate_hz)
    gain = np.sqrt((1 - p**2) ** 3 / (1 + p**2))
    white = rng.standard_normal((burn_in + frames, channels))
    return lfilter([gain], [1, -2 * p, p**2], white, axis=0)[burn_in:]


def speak(
    rng: np.random.Generator, voice: Voice, arousal: np.ndarray, dominance: np.ndarray, valence: np.ndarray
) -> np.ndarray:
    """The sound of a recording.

    Args:
        rng: of this recording.
        voice: of the subject.
        arousal, dominance, valence: [frames] at `CONTROL_HZ`, in [-1, 1].

    Returns:
        int16 [frames * BLOCK] at `RATE_HZ`.
    """
    a, d, v = (voice.expressiveness * trace for trace in (arousal, dominance, valence))
    frames = len(a)
    phrase, place, gate = _phrases(rng, frames)
    syllable, part, nucleus = _syllables(rng, voice.rate_hz * 2 ** (0.40 * a))
    semitones = 3.0 * a - 1.5 * d + rng.normal(0, 1.0, phrase.max() + 1)[phrase]
    semitones += -(2.0 + 1.5 * d) * (place - 0.5)  # pitch falls over a phrase, more so where dominant
    accents = rng.normal(0, 1.0, syllable.max() + 1)[syllable]
    semitones += _soft(np.exp2(1.2 * v) * accents, 9)  # valence deepens the intonation
    f0 = voice.f0_hz * np.exp2((semitones + 0.3 * smooth_noise(rng, frames, CONTROL_HZ, 0.08)[:, 0]) / 12)

    level = voice.loudness_db + 6.0 * a + 1.5 * d + rng.normal(0, 1.5, phrase.max() + 1)[phrase]
    level += rng.normal(0, 2.0, syllable.max() + 1)[syllable]
    level += 1.5 * smooth_noise(rng, frames, CONTROL_HZ, 6.0)[:, 0]  # the distance to the microphone
    tilt = voice.tilt_db + 1.4 * a + 1.2 * d - 1.0 * v + rng.normal(0, 0.7, phrase.max() + 1)[phrase]
    scale = voice.tract * (1 + 0.08 * v - 0.03 * d)
    formants = VOWELS_HZ[rng.integers(0, len(VOWELS_HZ), syllable.max() + 1)][syllable]
    formants = np.concatenate([_soft(formants, 7), np.full((frames, 1), 3500.0)], axis=1) * scale[:, None]

    hiss = rng.random(syllable.max() + 1)[syllable] < 0.45
    fricative = _soft(((part < 0.25) & hiss).astype(float), 3) * gate
    voiced = nucleus * gate * (1 - fricative)
    amplitude = 10 ** (level / 20)
    pulses = _pulses(rng, f0)
    noise = rng.standard_normal(len(pulses)).astype(np.float32)
    sound = _shape(pulses, noise, formants, tilt, amplitude * voiced, amplitude * fricative)
    # scaled so that a calm voice has about -26 dBFS; the room keeps its noise whatever the voice does
    floor = 0.05 * 10 ** (voice.noise_db / 20) * lfilter([1], [1, -0.9], rng.standard_normal(len(sound))) * 0.44
    return np.round(np.clip(sound + floor, -0.999, 0.999) * 32767).astype(np.int16)


def _phrases(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of the phrase, place in it (0..1) and speech gate (0..1), each [frames]."""
    count = int(frames / CONTROL_HZ / 0.8) + 8
    spoken = np.clip(rng.lognormal(np.log(1.9), 0.4, count), 0.6, 6.0)
    pause = 0.2 + rng.exponential(0.35, count)
    pause += np.where(rng.random(count) < 0.15, rng.uniform(1.0, 3.0, count), 0)  # the partner's turn
    begins = np.concatenate([[0], np.cumsum(spoken + pause)[:-1]]) - rng.uniform(0, spoken[0])
    time = np.arange(frames) / CONTROL_HZ
    phrase = np.searchsorted(begins, time, side="right") - 1
    place = (time - begins[phrase]) / spoken[phrase]
    return phrase, np.minimum(place, 1), _soft((place < 1).astype(float), 5)


def _syllables(rng: np.random.Generator, rate_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of the syllable, place in it (0..1) and loudness of its nucleus (0.1..1), each [frames]."""
    uneven = np.exp2(0.25 * smooth_noise(rng, len(rate_hz), CONTROL_HZ, 0.3)[:, 0])
    phase = np.cumsum(rate_hz * uneven) / CONTROL_HZ
    syllable = np.floor(phase).astype(np.int64)
    part = phase - syllable
    return syllable, part, 0.1 + 0.9 * (0.5 - 0.5 * np.cos(2 * np.pi * part)) ** 0.7


def _soft(values: np.ndarray, frames: int) -> np.ndarray:
    return uniform_filter1d(values, frames, axis=0, mode="nearest")


def _pulses(rng: np.random.Generator, f0: np.ndarray) -> np.ndarray:
    """One pulse a glottal cycle, with jitter and shimmer: float32 [frames * BLOCK]."""
    samples = len(f0) * BLOCK
    phase = np.concatenate([[0], np.cumsum(f0) / CONTROL_HZ])
    cycles = np.arange(1, int(phase[-1]))
    at = np.interp(cycles + 0.01 * rng.standard_normal(len(cycles)), phase, np.arange(len(phase)) * BLOCK)
    at = np.clip(at, 0, samples - 2)
    size = (1 + 0.05 * rng.standard_normal(len(cycles))) * np.sqrt(
        RATE_HZ / np.interp(at, np.arange(len(f0)) * BLOCK, f0)
    )
    whole = np.floor(at).astype(np.int64)
    share = at - whole  # a pulse between two samples is shared by them, else pitch would step
    pulses = np.bincount(whole, size * (1 - share), samples) + np.bincount(whole + 1, size * share, samples)
    return pulses.astype(np.float32)


def _shape(
    pulses: np.ndarray,
    noise: np.ndarray,
    formants: np.ndarray,
    tilt: np.ndarray,
    voiced: np.ndarray,
    fricative: np.ndarray,
    batch: int = 1500,
) -> np.ndarray:
    """Filters both sources, block by block; [samples]. Works through `batch` blocks at a time to stay in cache."""
    frames = len(formants)
    window = np.hanning(2 * BLOCK + 1)[:-1].astype(np.float32)  # periodic: half-overlapping copies add up to one
    hz = np.fft.rfftfreq(4 * BLOCK, 1 / RATE_HZ).astype(np.float32)
    octaves = np.log2(np.maximum(hz, 60) / 500).astype(np.float32)
    # no direct current, and above 4 kHz what the higher formants of a real tract would give back
    always = (hz**2 / (hz**2 + 60**2) * (1 + (hz / 4000) ** 2)).astype(np.float32)
    hiss = (1 / (1 + (3500 / np.maximum(hz, 60)) ** 4)).astype(np.float32)
    sound = np.zeros((frames + 4) * BLOCK, np.float32)
    padded = [np.pad(source, BLOCK) for source in (pulses, noise)]
    for first in range(0, frames, batch):
        part = slice(first, min(first + batch, frames))
        count = part.stop - part.start
        spectra = []
        for source in padded:
            blocks = source[first * BLOCK : (first + count + 1) * BLOCK].reshape(-1, BLOCK)
            cut = np.concatenate([blocks[:-1], blocks[1:]], axis=1) * window
            spectra.append(np.fft.rfft(np.pad(cut, ((0, 0), (BLOCK, BLOCK))), axis=1).astype(np.complex64))
        power = np.ones((count, len(hz)), np.float32)
        for f, bandwidth in zip(formants[part].T.astype(np.float32), BANDWIDTHS_HZ, strict=True):
            square = (f**2)[:, None]
            power *= square**2 / ((square - hz**2) ** 2 + (bandwidth * hz) ** 2)
        # -6 dB an octave stands for glottal source (-12) and radiation from the lips (+6)
        tract = always * np.sqrt(power) * np.exp2((tilt[part, None].astype(np.float32) - 6) / 6.02 * octaves)
        loud, breath = voiced[part, None].astype(np.float32), fricative[part, None].astype(np.float32)
        mixed = (spectra[0] + 0.08 * spectra[1]) * tract * loud + 0.7 * spectra[1] * hiss * breath
        shaped = np.fft.irfft(mixed, 4 * BLOCK, axis=1).astype(np.float32).reshape(count, 4, BLOCK)
        for k in range(4):
            sound[(first + k) * BLOCK : (first + k + count) * BLOCK] += shaped[:, k].ravel()
    # block k of the padded source began one block early, and its response one block before that
    return 0.05 * sound[2 * BLOCK : (frames + 2) * BLOCK]
