"""Electrocardiogram: shape, spectrum, heart rate and its variability over 4 s, 54 channels a frame."""

import itertools
from dataclasses import dataclass

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
from emotf.track import to_frames

BAND_HZ = (0.5, 40.0)
SHAPE_RATE_HZ = 200.0  # at least, for statistics and spectra of what is band-limited to 40 Hz
EDGES_HZ = (0.5, 3.0, 5.0, 10.0, 15.0, 25.0, 40.0)
INTERVALS = (0.27, 2.0)  # seconds: 30 to 222 beats a minute
NEIGHBOURS, ODD = 11, 0.3  # an interval this share off the median of so many around it is a beat missed or invented
CURVE = ("mean", "sd", "min", "max", "slope")

_SHAPE = tuple(f"{series}_{name}" for series in ("ecg", "ecg_d", "ecg_dd") for name in STATISTICS)
_SPECTRUM = (
    *(f"share_{low:g}_{high:g}_hz" for low, high in itertools.pairwise(EDGES_HZ)),
    "power_db",
    "mean_frequency_hz",
)
_HEART = (
    "heart_rate",
    *(f"heart_rate_{name}" for name in CURVE),
    *("beats", "r_mean", "r_sd", "interval_mean_ms", "interval_sd_ms", "rmssd_ms"),
    *(f"heart_rate_context_{name}" for name in CURVE),
    *("rmssd_context_ms", "pnn50_context"),
)


@dataclass
class Ecg54(Physiology):
    """54 channels of an electrocardiogram, as many as the AVEC 2015 paper has, in windows of 4 s every 40 ms.

    The paper's list is not printed; this one is ours. Needs the extra `physiology` (NeuroKit2 finds the beats).

    The signal is band-passed to 0.5 … 40 Hz (Butterworth, order 2, forwards and backwards), in the units of the file.

    - 27: mean, sd, skewness, kurtosis, min, q25, median, q75, max of the band-passed signal (`ecg`), of its slope
      (`ecg_d`, a second) and of the slope of that (`ecg_dd`).
    - 8: share of the power in six bands between 0.5 and 40 Hz, `power_db` (10 log10 of the mean square in all six,
      at least -200), and the mean frequency over the bands, each band by its middle.
    - 12: `heart_rate` (beats a minute at the frame), its mean, sd, min, max and slope (a second) over the window;
      beats in it, mean and sd of their height; mean, sd and RMSSD of the intervals between beats.
    - 7: the same five of the heart rate over `context`, RMSSD and the share of intervals that differ by more than
      50 ms from the one before (pNN50, 0 to 1). A few beats in 4 s say little of variability; 30 s say more.

    An interval belongs to the window in which it ends. Intervals beyond 0.27 … 2 s, or 30 % off the median of the
    11 around them, are left out. Between intervals the heart rate is a straight line, before the first and after the
    last it is held. What has no event or no variance to stand on is 0: in a flat line, everything (but `power_db`).

    Filter, beats and heart rate see the whole recording: also `causal` windows are not for live use.

    The medium `ecg` is a table (CSV, Parquet) with `time` in seconds and the column, or an array or table of
    `rate_hz`; at least 100 Hz. Other columns are not looked at: one table may hold the signals of several media.

    Attributes:
        column: name of the column.
        rate_hz: samples a second, for files without `time`; 0: the file has it.
        span: seconds of one window, a multiple of the hop and of the time between samples.
        hop: seconds between frames, a multiple of the time between samples.
        context: seconds around (or before) a frame for the variability of the heart rate.
        alignment: `centred` or `causal`, see `emotf.framing.Framing`.
        edge: `nearest`, `repeat` or `zeros`.

    Example:
        >>> Ecg54(column="ecg").extract(recording).values.shape  # doctest: +SKIP
        (7501, 54)

    Reference:
        Chen & Jin (2015), AVEC 2015: number of channels, window and shift. Makowski et al. (2021), NeuroKit2.
    """

    column: str = "ECG"

    medium = "ecg"
    least_rate_hz = 100.0

    @property
    def channels(self) -> tuple[str, ...]:
        return _SHAPE + _SPECTRUM + _HEART

    def _describe(self, signal: np.ndarray, framing: Framing) -> np.ndarray:
        clean = band_passed(signal, framing.rate_hz)
        times = beats(clean, framing.rate_hz)
        return np.hstack([_shape(clean, framing), _heart(clean, times, framing, self.context)])


def band_passed(ecg: np.ndarray, rate_hz: float) -> np.ndarray:
    """The signal between 0.5 and 40 Hz, [samples]; a flat line is exactly 0."""
    return filtered(ecg - np.median(ecg), rate_hz, BAND_HZ, "bandpass")


def beats(clean: np.ndarray, rate_hz: float) -> np.ndarray:
    """Seconds of the R waves, float64 [beats], in a `band_passed` signal [samples] of 1 s or more; none if it is flat.

    Raises:
        UserError: NeuroKit2 is missing.
    """
    neurokit2 = neurokit("ecg54")
    if not clean.any():
        return np.zeros(0)
    return np.asarray(neurokit2.ecg_findpeaks(clean, sampling_rate=rate_hz)["ECG_R_Peaks"], np.float64) / rate_hz


def intervals(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The credible intervals between beats: seconds at which they end, and their lengths in seconds.

    Example:
        >>> [part.round(3).tolist() for part in intervals(np.array([0.0, 0.8, 1.6, 2.4, 4.0, 4.8, 5.6, 6.4]))]
        [[0.8, 1.6, 2.4, 4.8, 5.6, 6.4], [0.8, 0.8, 0.8, 0.8, 0.8, 0.8]]
    """
    import scipy.ndimage

    lengths = np.diff(times)
    usual = scipy.ndimage.median_filter(lengths, NEIGHBOURS, mode="nearest") if len(lengths) else lengths
    good = (lengths >= INTERVALS[0]) & (lengths <= INTERVALS[1]) & (np.abs(lengths - usual) <= ODD * usual)
    return times[1:][good], lengths[good]


def heart_rate(beat_times: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Beats a minute at `times` (seconds, any shape), from the seconds of the beats; 0 where there is no interval.

    Each credible interval gives its rate at its middle; between them the rate is a straight line.

    Example:
        >>> heart_rate(np.array([0.0, 1.0, 2.0, 2.75]), np.array([0.0, 1.5, 9.0])).tolist()
        [60.0, 60.0, 80.0]
    """
    ends, lengths = intervals(beat_times)
    if not len(lengths):
        return np.zeros(np.shape(times))
    return np.interp(times, ends - lengths / 2, 60 / lengths)


def _shape(clean: np.ndarray, framing: Framing) -> np.ndarray:
    """Statistics of the signal and its slopes, and its spectrum: [frames, 35]."""
    step, framing = slower(framing, SHAPE_RATE_HZ)
    series = [clean[::step]]
    for _ in range(2):
        series.append(np.gradient(series[-1]) * framing.rate_hz)
    shape = [framing.reduce(values, statistics) for values in series]
    power = framing.reduce(series[0], lambda windows: band_powers(windows, framing.rate_hz, EDGES_HZ))
    total = power.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, power / np.where(total > 0, total, 1), 0)
    middles = (np.array(EDGES_HZ[1:]) + EDGES_HZ[:-1]) / 2
    return np.hstack([*shape, shares, 10 * np.log10(np.maximum(total, 1e-20)), shares @ middles[:, None]])


def _heart(clean: np.ndarray, times: np.ndarray, framing: Framing, context: float) -> np.ndarray:
    """Heart rate and its variability: [frames, 19]."""
    clock = framing.clock(len(clean))
    ends, lengths = intervals(times)
    follows = np.isclose(ends[:-1], ends[1:] - lengths[1:])  # one beat ends the one and begins the next
    changes, changed = np.diff(lengths)[follows], ends[1:][follows]
    heights = clean[np.rint(times * framing.rate_hz).astype(np.int64)]
    beaten, ended, near = (Events(at, framing.window, framing, len(clean)) for at in (times, ends, changed))
    far = Events(changed, context, framing, len(clean))
    near_columns = (
        beaten.count,
        beaten.mean(heights),
        beaten.sd(heights),
        1000 * ended.mean(lengths),
        1000 * ended.sd(lengths),
        1000 * np.sqrt(near.mean(changes**2)),
    )
    far_columns = (1000 * np.sqrt(far.mean(changes**2)), far.mean(np.abs(changes) > 0.05 + 1e-9))

    def described(windows: np.ndarray) -> np.ndarray:
        levels = [statistic(windows, axis=-1) for statistic in (np.mean, np.std, np.min, np.max)]
        return np.stack([*levels, slopes(windows) / clock.hop], axis=-1)

    curve = heart_rate(times, clock.times)
    near_curve, far_curve = (
        Framing(to_frames(window, framing.hop), 1, 1, framing.alignment, "repeat").reduce(curve, described)
        for window in (framing.window, context)
    )
    return np.hstack([curve[:, None], near_curve, np.stack(near_columns, 1), far_curve, np.stack(far_columns, 1)])
