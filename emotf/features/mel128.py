"""Sound: a mel spectrogram of 128 bands, on its own clock or on that of a video's pictures."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.media import picture_clock, picture_times, sound_blocks
from emotf.recording import Recording
from emotf.track import Clock, Track

SOUND_RATE_HZ = 22050
N_FFT = 2048  # samples, also the length of the window: 93 ms
HOP_SAMPLES = 512
HOP = HOP_SAMPLES / SOUND_RATE_HZ
BANDS = 128
FLOOR = 1e-5  # of magnitudes before the logarithm: -100 dB, so that digital silence is finite


@dataclass
class Mel128(Feature):
    """Mel spectrogram after Orgil et al. (2021): 22,050 Hz, Hann window and transform of 2,048 samples, hop 512.

    Frame k is centred on sample 512 k; beyond its ends the sound counts as silence. `mel<b>` is the sum over the bins
    of |X|^power under triangle b of 128, whose corners lie evenly in m = 2595 log10(1 + f/700) from 0 to 11,025 Hz
    (HTK's formula, the paper's) and whose area over f in Hz is 1 (librosa's default; the paper names no norm).

    The sound's own clock has 43.066 frames a second. On any other clock, each frame takes the mel frame nearest to its
    time (the later of two as near), none is averaged: the paper leaves the rule open. That clock is the one of a
    video's pictures where `video` names its medium, else that of `rate_hz`. Its frames end with the sound: one that
    is more than half a mel hop (12 ms) beyond the last mel frame is left out.

    Attributes:
        power: 1: of magnitudes, as the paper says ("magnitudes are mapped"); 2: of their squares, librosa's default.
        htk: the paper's formula; off: Slaney's, librosa's default (linear to 1 kHz).
        decibel: 20 / power log10 of the bands, not below -100 dB. An absolute floor: one that hangs on the loudest band
            of the file would let the end of a file change its beginning.
        video: the medium (`video`, say) whose pictures give the clock; empty: none.
        rate_hz: frames a second; 0: 43.066, or those of `video`, which must then come at a steady rate.

    Example:
        >>> Mel128(video="video").extract(recording).values.shape  # doctest: +SKIP
        (75, 128)

    Reference:
        Orgil, Karungaru, Terada, Shagdar (2021): rate, window, transform, hop, bands and formula are theirs.
    """

    power: int = 1
    htk: bool = True
    decibel: bool = False
    video: str = ""
    rate_hz: float = 0.0

    medium = "audio"
    kind = "extracted"

    @property
    def media(self) -> tuple[str, ...]:
        return (self.medium, self.video) if self.video else (self.medium,)

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(f"mel{band}" for band in range(BANDS))

    @property
    def window(self) -> float:
        return N_FFT / SOUND_RATE_HZ

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's audio.

        Raises:
            UserError: settings do not fit, a medium is missing or damaged, or the sound is shorter than one window.
        """
        self.check()
        path = recording.medium(self.medium)
        if not self.video and not self.rate_hz:
            return Track(self._spectrogram(path), hop=HOP, channels=self.channels)
        # the pictures first: a video of uneven times is refused before the sound is analysed
        clock = self._video_clock(recording.medium(self.video)) if self.video else None
        values = self._spectrogram(path)
        own = Clock(0.0, HOP, len(values))
        clock = clock or Clock(0.0, 1 / self.rate_hz, int((own.end + HOP / 2) * self.rate_hz) + 1)
        times = clock.times[clock.times <= own.end + HOP / 2]
        return Track(values[own.nearest(times)], hop=clock.hop, channels=self.channels)

    @property
    def filters(self) -> np.ndarray:
        """The mel bands, float32 [128, bins]."""
        import librosa

        return librosa.filters.mel(sr=SOUND_RATE_HZ, n_fft=N_FFT, n_mels=BANDS, htk=self.htk, norm="slaney")

    def check(self) -> None:
        """Raises UserError where settings do not fit."""
        if self.power not in (1, 2):
            raise UserError(f"mel128: power {self.power}; choose 1 (magnitudes) or 2 (their squares).")
        if not 0 <= self.rate_hz <= 1000:
            raise UserError(f"mel128: {self.rate_hz:g} frames a second; choose for example 25, or 0 for the own rate.")

    def _video_clock(self, path: Path) -> Clock:
        hop, places = picture_clock(path, picture_times(path), self.rate_hz)
        return Clock(0.0, hop, len(places))

    def _spectrogram(self, path: Path) -> np.ndarray:
        """float32 [frames, 128] at the sound's own hop."""
        blocks = list(self._bands(sound_blocks(path, SOUND_RATE_HZ)))
        frames = sum(map(len, blocks))
        if frames <= N_FFT // HOP_SAMPLES:
            raise UserError(
                f"{path} has less than {frames * HOP:.3f} s of sound, one window needs {self.window:.3f} s; leave the "
                "recording out."
            )
        return np.concatenate(blocks)

    def _bands(self, sound: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Bands of sound that comes in pieces, float32 [frames, 128]: the same whatever the cuts."""
        import librosa

        filters = self.filters
        silence = np.zeros(N_FFT // 2, np.float32)
        rest = silence
        for piece in chain(sound, [silence]):
            rest = np.concatenate([rest, piece])
            frames = max(0, 1 + (len(rest) - N_FFT) // HOP_SAMPLES)
            if frames:
                spectrum = librosa.stft(rest, n_fft=N_FFT, hop_length=HOP_SAMPLES, window="hann", center=False)
                bands = (filters @ np.abs(spectrum) ** self.power).T
                yield self._in_decibel(bands) if self.decibel else bands
            rest = rest[frames * HOP_SAMPLES :]

    def _in_decibel(self, bands: np.ndarray) -> np.ndarray:
        return np.asarray(20 / self.power * np.log10(np.maximum(bands, FLOOR**self.power)), np.float32)
