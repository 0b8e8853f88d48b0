"""17 descriptors of speech, 100 frames a second: timbre, loudness, pitch, voicing and how fast the spectrum changes."""

import numpy as np

from emotf.features.mfcc39 import STATIC, Mfcc39
from emotf.framing import Framing
from emotf.media import read_sound
from emotf.recording import Recording

FRAME_RATE_HZ = 100
SOUND_RATE_HZ = 16000
DESCRIPTORS = (*STATIC, "pitch", "voicing", "centroid", "flux")
PITCH_WINDOW, SPECTRUM_WINDOW = 0.064, 0.025  # seconds; 0.064 holds nearly four periods of the lowest pitch
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0  # of the pitch
ORIGIN_HZ = 27.5  # the pitch that counts as 0 semitones
VOICED = 0.5  # least autocorrelation of a voiced frame
OCTAVE_COST = 0.01  # by octave of the period: of peaks equally high, all multiples of one period, take the shortest
FLOOR = 1e-10  # mean squares below this (-100 dB of full scale) count as silence


def descriptors(recording: Recording) -> np.ndarray:
    """The descriptors of a recording's audio, float32 [frames, 17], frame k at k / 100 s; see `Functionals`.

    Raises:
        UserError: the audio is missing or damaged, or has fewer than 9 frames.
    """
    cepstra = Mfcc39(frame_rate_hz=FRAME_RATE_HZ).compute(recording).values[:, : len(STATIC)]
    sound = read_sound(recording.medium("audio"), SOUND_RATE_HZ)
    # beyond its end the sound counts as silence, as for the MFCCs, and the end itself is a frame
    sound = np.append(sound, np.float32(0))
    return np.hstack([cepstra, pitch(sound), spectrum(sound)]).astype(np.float32)


def pitch(sound: np.ndarray) -> np.ndarray:
    """Pitch in semitones above 27.5 Hz (NaN in unvoiced frames) and voicing in [0, 1], [frames, 2], of sound [samples].

    Voicing is the highest local maximum of the autocorrelation of a Hann window of 64 ms, divided by that of the Hann
    window itself, at periods of 60 to 500 Hz; from half on a frame is voiced.

    Reference:
        Boersma (1993): the division by the window's autocorrelation, and the cost of longer periods.
    """
    length = round(PITCH_WINDOW * SOUND_RATE_HZ)
    lags = np.arange(int(SOUND_RATE_HZ / HIGHEST_HZ), int(SOUND_RATE_HZ / LOWEST_HZ) + 1)
    around = np.arange(lags[0] - 1, lags[-1] + 2)
    taper = np.hanning(length + 1)[:-1]

    def autocorrelation(windows: np.ndarray) -> np.ndarray:
        return np.fft.irfft(np.abs(np.fft.rfft(windows, 2 * length)) ** 2)[..., : around[-1] + 1]

    expected = autocorrelation(taper)
    expected = expected[around] / expected[0]
    cost = OCTAVE_COST * np.log2(lags / lags[0])

    def of(windows: np.ndarray) -> np.ndarray:
        windows = (windows - windows.mean(axis=1, keepdims=True)) * taper
        found = autocorrelation(windows)
        heard = found[:, :1] > FLOOR * np.sum(taper**2)
        r = np.where(heard, found[:, around] / np.where(heard, found[:, :1], 1) / expected, 0)
        left, middle, right = r[:, :-2], r[:, 1:-1], r[:, 2:]
        worth = np.where((middle > left) & (middle >= right), middle - cost, -np.inf)
        best = worth.argmax(axis=1)
        here = np.arange(len(r)), best
        peak = np.isfinite(worth[here])
        voicing = np.where(peak, np.clip(middle[here], 0, 1), 0)
        # the top of the parabola through the maximum and its neighbours
        bend = np.where(peak, 2 * middle[here] - left[here] - right[here], 1)
        period = lags[best] + np.where(peak, right[here] - left[here], 0) / (2 * bend)
        semitones = 12 * np.log2(SOUND_RATE_HZ / period / ORIGIN_HZ)
        return np.stack([np.where(voicing >= VOICED, semitones, np.nan), voicing], axis=1)

    return _framing(PITCH_WINDOW).reduce(sound, of)


def spectrum(sound: np.ndarray) -> np.ndarray:
    """Centroid in kHz and flux of the power spectrum, [frames, 2], of sound [samples].

    Both compare two Hann windows of 25 ms, 5 ms before and after the frame. Each power spectrum is divided by its sum;
    the centroid is the mean frequency of both, flux half the sum of their absolute differences: 0 for a steady sound,
    1 where nothing stays. In silence both are 0.
    """
    length, apart = round(SPECTRUM_WINDOW * SOUND_RATE_HZ), SOUND_RATE_HZ // FRAME_RATE_HZ
    taper = np.hanning(length + 1)[:-1]
    khz = np.fft.rfftfreq(length, 1 / SOUND_RATE_HZ) / 1000

    def of(windows: np.ndarray) -> np.ndarray:
        power = [np.abs(np.fft.rfft(part * taper)) ** 2 for part in (windows[:, :length], windows[:, apart:])]
        shares = [p / (p.sum(axis=1, keepdims=True) + FLOOR * length * np.sum(taper**2)) for p in power]
        centroid = (shares[0] + shares[1]) @ khz / 2
        return np.stack([centroid, np.abs(shares[1] - shares[0]).sum(axis=1) / 2], axis=1)

    return _framing(SPECTRUM_WINDOW + 1 / FRAME_RATE_HZ).reduce(sound, of)


def _framing(window: float) -> Framing:
    return Framing(window, 1 / FRAME_RATE_HZ, SOUND_RATE_HZ, edge="zeros")
