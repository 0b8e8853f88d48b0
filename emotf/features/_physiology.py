"""What the streams of physiology share: reading one column, windows on its clock, statistics, spectra, events."""

import itertools
import math
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.framing import Framing
from emotf.recording import Recording
from emotf.tables import read_track
from emotf.track import MISFIT, Track, to_frames

STATISTICS = ("mean", "sd", "skewness", "kurtosis", "min", "q25", "median", "q75", "max")
LEAST_SPAN = 1.0  # seconds


@dataclass
class Physiology(Feature):
    """A column of a table, and windows over it; see `Ecg54` and `Eda62` for the fields."""

    column: str = ""
    rate_hz: float = 0.0
    span: float = 4.0
    hop: float = 0.04
    context: float = 30.0
    alignment: str = "centred"
    edge: str = "nearest"

    @property
    @abstractmethod
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""

    @property
    @abstractmethod
    def least_rate_hz(self) -> float:
        """Samples a second that the medium needs."""

    @property
    def window(self) -> float:
        """Seconds of media behind one frame: the longer of span and context."""
        return max(self.span, self.context)

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's signal.

        Raises:
            UserError: settings do not fit, NeuroKit2 is missing, or the file is missing, unreadable, too short or too
                slow, lacks the column, or has cells without a number.
        """
        if not self.context >= self.span >= LEAST_SPAN:
            raise UserError(
                f"A span of {self.span:g} s in a context of {self.context:g} s; choose a span of at least "
                f"{LEAST_SPAN:g} s, usually 4, and a context that is not shorter."
            )
        for what in ("span", "context"):
            to_frames(getattr(self, what), self.hop, what)
        signal = self._read(recording)
        framing = Framing(self.span, self.hop, 1 / signal.hop, self.alignment, self.edge)
        clock = framing.clock(signal.frames, signal.start)
        values = self._describe(signal.values[:, 0].astype(np.float64), framing)
        return Track(values, hop=clock.hop, start=clock.start, channels=self.channels)

    @abstractmethod
    def _describe(self, signal: np.ndarray, framing: Framing) -> np.ndarray:
        """The channels, [frames, channels], of a signal [samples]."""

    def _read(self, recording: Recording) -> Track:
        """The column as it stands in the file, checked."""
        path = recording.medium(self.medium)
        track = read_track(path, columns=(self.column,), rate_hz=self.rate_hz or None)
        rate_hz = 1 / track.hop
        if self.rate_hz and abs(rate_hz - self.rate_hz) > MISFIT * self.rate_hz:
            raise UserError(f"{path} has {rate_hz:g} samples a second by its times, {self.rate_hz:g} were stated.")
        if rate_hz < self.least_rate_hz * (1 - MISFIT):
            raise UserError(
                f"{path} has {rate_hz:g} samples a second, {self.medium} needs {self.least_rate_hz:g}; did you supply "
                "milliseconds? Column 'time' is in seconds."
            )
        missing = int((~np.isfinite(track.values)).sum())
        if missing:
            first = track.times[int((~np.isfinite(track.values)).argmax())]
            raise UserError(
                f"{path}, column {self.column!r}: {missing} cells hold no number, the first at {first:.3f} s; fill the "
                "gaps before reading it."
            )
        if track.frames < self.span * rate_hz:
            raise UserError(
                f"{path} has {track.frames / rate_hz:.2f} s, less than one window of {self.span:g} s; leave the "
                "recording out or choose a shorter span."
            )
        return track


def neurokit(part: str) -> ModuleType:
    """NeuroKit2.

    Raises:
        UserError: it is not installed; `part` is who needs it.
    """
    with warnings.catch_warnings():
        # it imports scipy.misc, which is empty and deprecated
        warnings.filterwarnings("ignore", "scipy.misc is deprecated", DeprecationWarning)
        try:
            import neurokit2
        except ImportError:
            raise UserError(f'{part} needs NeuroKit2; install it with: pip install "emotf[physiology]"') from None
    return neurokit2


def filtered(signal: np.ndarray, rate_hz: float, band_hz: float | tuple[float, float], kind: str) -> np.ndarray:
    """Butterworth filter of order 2, forwards and backwards: no delay, but it sees the future.

    Beyond the ends the signal is continued by its mirror image through the end point, for a period of the lowest
    frequency.
    """
    import scipy.signal

    sections = scipy.signal.butter(2, band_hz, kind, fs=rate_hz, output="sos")
    period = round(rate_hz / (band_hz if isinstance(band_hz, float) else band_hz[0]))
    return np.asarray(scipy.signal.sosfiltfilt(sections, signal, padlen=min(len(signal) - 1, max(period, 20))))


def slower(framing: Framing, least_hz: float) -> tuple[int, Framing]:
    """Every how manieth sample of a band-limited signal is enough for `least_hz`, and the same frames over those."""
    common = math.gcd(framing.window_samples, framing.hop_samples)
    step = max(n for n in range(1, common + 1) if common % n == 0 and (n == 1 or framing.rate_hz / n >= least_hz))
    rate_hz = framing.rate_hz / step
    window, hop = framing.window_samples // step / rate_hz, framing.hop_samples // step / rate_hz
    return step, Framing(window, hop, rate_hz, framing.alignment, framing.edge)


def statistics(windows: np.ndarray) -> np.ndarray:
    """`STATISTICS` of windows [frames, samples], [frames, 9].

    Population moments; skewness and kurtosis (3 for a normal distribution) are 0 where nothing varies.
    """
    mean = windows.mean(axis=-1, keepdims=True)
    off = windows - mean
    sd = np.sqrt(np.mean(off**2, axis=-1, keepdims=True))
    z = off / np.where(sd > 0, sd, 1)
    square = z * z
    moments = [mean[..., 0], sd[..., 0], np.mean(square * z, axis=-1), np.mean(square * square, axis=-1)]
    return np.stack([*moments, *np.quantile(windows, (0, 0.25, 0.5, 0.75, 1), axis=-1)], axis=-1)


def band_powers(windows: np.ndarray, rate_hz: float, edges_hz: Sequence[float]) -> np.ndarray:
    """Mean squares of windows [frames, samples] in bands, [frames, bands]; band k is [edge k, edge k+1).

    Mean removed, Hann window, its loss made up for: bands from 0 to half the rate add up to the variance of a
    stationary signal.
    """
    length = windows.shape[-1]
    taper = np.hanning(length + 1)[:-1]
    power = np.abs(np.fft.rfft((windows - windows.mean(axis=-1, keepdims=True)) * taper)) ** 2
    power[:, 1 : (length + 1) // 2] *= 2  # rfft gives frequencies of both signs once
    power = power / (length * np.sum(taper**2))
    frequencies = np.fft.rfftfreq(length, 1 / rate_hz)
    inside = [(frequencies >= low) & (frequencies < high) for low, high in itertools.pairwise(edges_hz)]
    return np.stack([power[:, band].sum(axis=-1) for band in inside], axis=-1)


class Events:
    """Sums over the events that fall into the window of each frame.

    Attributes:
        count: events a frame, [frames].
        covered: seconds of the window that lie inside the signal, [frames].
    """

    def __init__(self, times: np.ndarray, window: float, framing: Framing, samples: int) -> None:
        clock, end = framing.clock(samples), (samples - 1) / framing.rate_hz
        ahead = window / 2 if framing.alignment == "centred" else 0.0
        right = clock.times + ahead
        if framing.edge == "nearest":
            right = np.clip(right, min(window, end), end)
        left = right - window
        # (left, right], but an event on the very first sample belongs to the first window
        first, self._last = np.searchsorted(times, left, "right"), np.searchsorted(times, right, "right")
        self._first = np.where(left <= 0, 0, first)
        self.count = self._last - self._first
        self.covered = np.minimum(right, end) - np.maximum(left, 0)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum of the events' values, one an event, in each window; 0 without events."""
        sums = np.concatenate([[0.0], np.cumsum(values)])
        return np.asarray(sums[self._last] - sums[self._first])

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of the events' values in each window; 0 without events."""
        return np.where(self.count, self.total(values) / np.maximum(self.count, 1), 0)

    def sd(self, values: np.ndarray) -> np.ndarray:
        """Population standard deviation of the events' values in each window; 0 without events."""
        off = values - values.mean() if len(values) else values  # keeps the difference of squares exact
        return np.sqrt(np.maximum(self.mean(off**2) - self.mean(off) ** 2, 0))
