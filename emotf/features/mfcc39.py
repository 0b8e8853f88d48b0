"""Speech: log energy and 12 MFCCs with their first and second derivatives, 39 channels a frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.media import read_sound
from emotf.recording import Recording
from emotf.track import Track

RATES_HZ = (16000, 24000, 32000, 44100, 48000)
COEFFICIENTS = 12
LOWEST_HZ, HIGHEST_HZ = 20.0, 8000.0  # of the mel bands: the same whatever the sound rate
FLOOR = 1e-10  # of powers before the logarithm: -100 dB, so that digital silence is finite
DELTA_FRAMES = 9
BLOCK_FRAMES = 4096  # analysed at a time, so that memory grows with the 39 channels only
STATIC = ("energy", *(f"mfcc{i}" for i in range(1, COEFFICIENTS + 1)))


@dataclass
class Mfcc39(Feature):
    """Energy, MFCC 1 to 12, Δ and ΔΔ, at a frame rate of one's own choice.

    The paper names the 39 channels and 60 frames a second; it leaves window, filter bank and energy open. Here:

    - Sound is resampled to the smallest of 16, 24, 32, 44.1 and 48 kHz that the frame rate divides, so that frame k is
      centred on k / frame_rate_hz exactly: 60/s needs 24 kHz (hop 400 samples), 25/s 16 kHz (hop 640). Beyond its
      ends the sound counts as silence.
    - Hann window of 25 ms (rounded to an even number of samples: an odd one has no sample at its centre), in the
      middle of a Fourier transform of the next power of two. At fewer than 40 frames a second some sound between two
      windows goes unseen; raise `window_ms` to 2000 / frame_rate_hz to see all of it twice.
    - Energy: 10 log10 of the mean square of the sound under the window, sum(w² x²) / sum(w²), in dB of full scale.
    - 40 Slaney mel bands from 20 Hz to 8 kHz (so that bands mean the same at every sound rate) of the power spectrum,
      10 log10, orthonormal DCT-II, coefficients 1 to 12. Both logarithms stop at a power of 1e-10, an absolute floor:
      librosa's own, 80 dB below the loudest band of the *whole file*, would let the end of a file change its beginning.
    - Δ: slope a frame of a line fitted over 9 frames; ΔΔ: second derivative a frame² of a parabola fitted over 9
      (`librosa.feature.delta`). The first and last 4 frames use the fit of the outermost 9.

    Attributes:
        frame_rate_hz: frames a second.
        window_ms: length of the analysis window in milliseconds.
        mel_bands: number of triangular filters, at least 13.

    Example:
        >>> Mfcc39(frame_rate_hz=25).extract(recording).channels[:3]  # doctest: +SKIP
        ('energy', 'mfcc1', 'mfcc2')

    Reference:
        Köprü & Erzin (2020), section on the speech stream; 60 frames a second as the body stream.
    """

    frame_rate_hz: float = 60.0
    window_ms: float = 25.0
    mel_bands: int = 40

    medium = "audio"
    kind = "extracted"

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(name + suffix for suffix in ("", "_d", "_dd") for name in STATIC)

    @property
    def window(self) -> float:
        """Seconds of media behind one frame: the analysis window and the 4 frames on either side that Δ sees."""
        return self.window_ms / 1000 + (DELTA_FRAMES - 1) / self.frame_rate_hz

    @property
    def sound_rate_hz(self) -> int:
        """Samples a second of the sound that is analysed.

        Raises:
            UserError: the frame rate is not above 0, or divides none of the rates.
        """
        if self.frame_rate_hz > 0:
            for rate_hz in RATES_HZ:
                hop = rate_hz / self.frame_rate_hz
                if hop >= 1 and abs(hop - round(hop)) < 1e-9 * hop:
                    return rate_hz
        raise UserError(
            f"mfcc39: {self.frame_rate_hz:g} frames a second divide none of {', '.join(map(str, RATES_HZ))} Hz; "
            "choose for example 25, 50, 60 or 100."
        )

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's audio.

        Raises:
            UserError: settings do not fit, the audio is missing or damaged, or has fewer than 9 frames.
        """
        self.check()
        path = recording.medium("audio")
        static = np.concatenate(list(self._static(read_sound(path, self.sound_rate_hz))))
        if len(static) < DELTA_FRAMES:
            raise UserError(
                f"{path} has {len(static)} frames at {self.frame_rate_hz:g}/s, its derivatives need {DELTA_FRAMES} "
                f"({(DELTA_FRAMES - 1) / self.frame_rate_hz:.2f} s); leave the recording out or raise the frame rate."
            )
        import librosa

        first, second = (
            librosa.feature.delta(static, width=DELTA_FRAMES, order=order, axis=0, mode="interp") for order in (1, 2)
        )
        return Track(np.hstack([static, first, second]), hop=1 / self.frame_rate_hz, channels=self.channels)

    @property
    def samples(self) -> tuple[int, int, int]:
        """Samples from frame to frame, of the analysis window, and of the Fourier transform."""
        length = 2 * round(self.window_ms * self.sound_rate_hz / 2000)
        return round(self.sound_rate_hz / self.frame_rate_hz), length, 1 << (length - 1).bit_length()

    @property
    def filters(self) -> np.ndarray:
        """The mel bands, float32 [mel_bands, bins]."""
        import librosa

        rate_hz, n_fft = self.sound_rate_hz, self.samples[2]
        return librosa.filters.mel(
            sr=rate_hz, n_fft=n_fft, n_mels=self.mel_bands, fmin=LOWEST_HZ, fmax=min(HIGHEST_HZ, rate_hz / 2)
        )

    def check(self) -> None:
        """Raises UserError where settings do not fit; `sound_rate_hz` checks the frame rate."""
        if not 1 <= self.window_ms <= 1000:
            raise UserError(f"mfcc39: a window of {self.window_ms:g} ms; choose 1 to 1000 (milliseconds), usually 25.")
        if self.mel_bands <= COEFFICIENTS:
            raise UserError(f"mfcc39: {COEFFICIENTS} MFCCs need more than {self.mel_bands} mel bands; choose 40.")

    def _static(self, sound: np.ndarray) -> Iterator[np.ndarray]:
        """Energy and MFCCs in blocks, float32 [frames, 13], of sound [samples]."""
        import librosa

        (hop, length, n_fft), filters = self.samples, self.filters
        # Parseval: the sum of squares of a frame is the mean of its power over all n_fft bins; rfft gives each once
        both_sides = np.full(n_fft // 2 + 1, 2.0)
        both_sides[[0, -1]] = 1.0
        both_sides /= n_fft * np.sum(librosa.filters.get_window("hann", length) ** 2)

        frames = 1 + len(sound) // hop
        padded = np.pad(sound, n_fft // 2)
        for first in range(0, frames, BLOCK_FRAMES):
            last = min(first + BLOCK_FRAMES, frames) - 1
            piece = padded[first * hop : last * hop + n_fft]
            spectrum = librosa.stft(piece, n_fft=n_fft, hop_length=hop, win_length=length, window="hann", center=False)
            power = np.abs(spectrum) ** 2  # [bins, frames]
            energy = librosa.power_to_db(both_sides @ power, amin=FLOOR, top_db=None)
            bands = librosa.power_to_db(filters @ power, amin=FLOOR, top_db=None)
            mfcc = librosa.feature.mfcc(S=bands, n_mfcc=COEFFICIENTS + 1, dct_type=2, norm="ortho")
            yield np.vstack([energy, mfcc[1:]]).T.astype(np.float32)
