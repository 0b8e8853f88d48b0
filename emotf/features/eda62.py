"""Skin conductance: its tonic and phasic parts, slopes, spectrum and responses over 4 s, 62 channels a frame."""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emotf.features._physiology import (
    STATISTICS,
    Events,
    Physiology,
    band_powers,
    filtered,
    neurokit,
    slower,
    statistics,
)
from emotf.framing import Framing, slopes

HIGHEST_HZ = 3.0
TONIC_HZ = 0.05
RESPONSE_HZ = 1.0  # responses are looked for below this: their rise takes a second or more
LONGEST_RISE = 5.0  # seconds
SHAPE_RATE_HZ = 25.0  # at least, for statistics and spectra of what is band-limited to 3 Hz
EDGES_HZ = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)

_SERIES = ("eda", "tonic", "phasic", "eda_d", "eda_dd")
_SPECTRUM = tuple(f"power_{low:g}_{high:g}_hz_db" for low, high in itertools.pairwise(EDGES_HZ))
_RESPONSES = (
    *("onsets", "responses", "amplitude_mean", "amplitude_sum", "rise_mean"),
    *("responses_context_per_minute", "amplitude_context_mean", "rise_context_mean", "since_response"),
)


@dataclass
class Eda62(Physiology):
    """62 channels of electrodermal activity, as many as the AVEC 2015 paper has, in windows of 4 s every 40 ms.

    The paper's list is not printed; this one is ours. Needs the extra `physiology` (NeuroKit2 finds the responses).

    The signal is low-passed to 3 Hz (Butterworth, order 2, forwards and backwards; left as it is at 7 Hz or fewer),
    in the units of the file, usually µS. The tonic part is what passes 0.05 Hz, the phasic part the rest.

    - 45: mean, sd, skewness, kurtosis, min, q25, median, q75, max of the low-passed signal (`eda`), of both parts
      (`tonic`, `phasic`), of its slope (`eda_d`, a second) and of the slope of that (`eda_dd`).
    - 3: `eda_trend`, `tonic_trend`, `phasic_trend`: slope a second of the line fitted to the window.
    - 5: power in five bands from 0.25 to 3 Hz, 10 log10 of the mean square, at least -200 dB; bands above half the
      rate stay there.
    - 9: onsets and responses (their peaks) in the window, mean and sum of the responses' amplitudes, mean of their
      rise times in seconds; over `context` responses a minute, mean amplitude and mean rise time; `since_response`,
      seconds since the last peak, at most `context`.

    A response is a peak of the phasic part below 1 Hz that stands out by at least `least_response`; its onset is the
    lowest point of the 5 s before it, but not before an earlier response; amplitude and rise time are the differences
    between both. What has no response or no variance to stand on is 0: skewness and counts of a flat line, for
    example. Before the first response `since_response` is `context`.

    Filters and peaks see the whole recording: also `causal` windows are not for live use.

    The medium `eda` is a table (CSV, Parquet) with `time` in seconds and the column, or an array or table of
    `rate_hz`; at least 4 Hz. Other columns are not looked at: one table may hold the signals of several media.

    Attributes:
        column: name of the column.
        rate_hz: samples a second, for files without `time`; 0: the file has it.
        span: seconds of one window, a multiple of the hop and of the time between samples.
        hop: seconds between frames, a multiple of the time between samples.
        context: seconds around (or before) a frame for the rate of responses.
        alignment: `centred` or `causal`, see `emotf.framing.Framing`.
        edge: `nearest`, `repeat` or `zeros`.
        least_response: in the units of the file; 0.01 to 0.05 µS is usual.

    Example:
        >>> Eda62(column="gsr").extract(recording).values.shape  # doctest: +SKIP
        (7501, 62)

    Reference:
        Chen & Jin (2015), AVEC 2015: number of channels, window and shift. Makowski et al. (2021), NeuroKit2.
    """

    column: str = "EDA"
    least_response: float = 0.05

    medium = "eda"
    least_rate_hz = 4.0

    @property
    def channels(self) -> tuple[str, ...]:
        shape = tuple(f"{series}_{name}" for series in _SERIES for name in STATISTICS)
        return (*shape, *(f"{series}_trend" for series in _SERIES[:3]), *_SPECTRUM, *_RESPONSES)

    def _describe(self, signal: np.ndarray, framing: Framing) -> np.ndarray:
        parts = decomposed(signal, framing.rate_hz)
        found = responses(parts[2], framing.rate_hz, self.least_response)
        return np.hstack([_shape(parts, framing), _reactions(found, framing, len(signal), self.context)])


class Responses(NamedTuple):
    """Responses of the skin, one an entry, float64 [responses].

    Attributes:
        onsets: seconds.
        peaks: seconds.
        amplitudes: height of the peak above the onset, in the units of the signal.
    """

    onsets: np.ndarray
    peaks: np.ndarray
    amplitudes: np.ndarray


def decomposed(eda: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The signal below 3 Hz, its tonic and its phasic part, each [samples]; the parts add up to the first."""
    level = np.median(eda)
    clean = eda - level
    if rate_hz > 7:
        clean = filtered(clean, rate_hz, HIGHEST_HZ, "lowpass")
    tonic = filtered(clean, rate_hz, TONIC_HZ, "lowpass")
    return clean + level, tonic + level, clean - tonic


def responses(phasic: np.ndarray, rate_hz: float, least: float = 0.05) -> Responses:
    """The responses in a phasic signal [samples] that stand out by at least `least`.

    Raises:
        UserError: NeuroKit2 is missing.
    """
    neurokit2 = neurokit("eda62")
    smooth = filtered(phasic, rate_hz, RESPONSE_HZ, "lowpass")
    peaks = neurokit2.signal_findpeaks(smooth, height_min=least)["Peaks"]
    since = np.maximum([0, *peaks[:-1]][: len(peaks)], peaks - round(LONGEST_RISE * rate_hz))
    onsets = np.array([a + int(smooth[a:b].argmin()) for a, b in zip(since, peaks, strict=True)], np.int64)
    return Responses(onsets / rate_hz, peaks / rate_hz, smooth[peaks] - smooth[onsets])


def _shape(parts: tuple[np.ndarray, ...], framing: Framing) -> np.ndarray:
    """Statistics and trends of the parts and slopes, and the spectrum: [frames, 53]."""
    step, framing = slower(framing, SHAPE_RATE_HZ)
    series = [part[::step] for part in parts]
    trends = [framing.reduce(part, lambda windows: slopes(windows)[:, None] * framing.rate_hz) for part in series]
    series.append(np.gradient(series[0]) * framing.rate_hz)
    series.append(np.gradient(series[3]) * framing.rate_hz)
    power = framing.reduce(series[0], lambda windows: band_powers(windows, framing.rate_hz, EDGES_HZ))
    shape = [framing.reduce(values, statistics) for values in series]
    return np.hstack([*shape, *trends, 10 * np.log10(np.maximum(power, 1e-20))])


def _reactions(found: Responses, framing: Framing, samples: int, context: float) -> np.ndarray:
    """What the responses say: [frames, 9]."""
    rises = found.peaks - found.onsets
    begun, near = (Events(at, framing.window, framing, samples) for at in (found.onsets, found.peaks))
    far = Events(found.peaks, context, framing, samples)
    times = framing.clock(samples).times
    last = np.searchsorted(found.peaks, times, "right")  # how many peaks have been
    since = times - np.concatenate([[-np.inf], found.peaks])[last]
    columns = (
        begun.count,
        near.count,
        near.mean(found.amplitudes),
        near.total(found.amplitudes),
        near.mean(rises),
        60 * far.count / np.maximum(far.covered, 1),
        far.mean(found.amplitudes),
        far.mean(rises),
        np.minimum(since, context),
    )
    return np.stack(columns, axis=1)
