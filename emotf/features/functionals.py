"""Speech: functionals of low-level descriptors over 3 s, 102 channels a frame."""

from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.features._descriptors import DESCRIPTORS, FRAME_RATE_HZ, PITCH_WINDOW, descriptors
from emotf.features.base import Feature
from emotf.framing import Framing, deltas
from emotf.recording import Recording
from emotf.track import Track

FUNCTIONALS = ("mean", "sd", "p20", "median", "p80", "change")
PERCENTILES = (0.2, 0.5, 0.8)
DELTA_REACH = 2


@dataclass
class Functionals(Feature):
    """6 functionals of 17 descriptors, as the long-time audio of the AVEC 2015 paper.

    The paper says of its long-time audio: 102 channels, over 3 s, every 40 ms. Which ones it takes is not printed
    there; these are ours. They need no extra: the descriptors are those of `mfcc39` and four of the voice, and levels,
    spread and change over seconds are what functionals can say that frames cannot.

    Descriptors, 100 a second, of sound at 16 kHz:

    - `energy`, `mfcc1` … `mfcc12`: as `mfcc39`.
    - `pitch`: semitones above 27.5 Hz, 60 to 500 Hz, by autocorrelation; only of voiced frames.
    - `voicing`: height of that autocorrelation, 0 to 1; from 0.5 on a frame is voiced.
    - `centroid`: of the power spectrum, in kHz. `flux`: share of the power spectrum that changes within 10 ms, 0 to 1.

    Functionals of a window: `mean`, `sd` (population), `p20`, `median`, `p80` (percentiles, linear between values) and
    `change`: mean magnitude of the deltas over ±2 frames, a second. Percentiles resist single outliers. Plain means of
    deltas are left out: over a window they say little more than its last value minus its first.

    Channels are `<descriptor>_<functional>`, descriptor by descriptor: `energy_mean`, `energy_sd`, … `flux_change`.
    The six of `pitch` are 0 where a window has no voiced frame (`pitch_change`: none with voiced frames around).

    Attributes:
        span: seconds of one window.
        hop: seconds between frames.
        alignment: `centred` or `causal`, see `emotf.framing.Framing`.
        edge: `nearest`, `repeat` or `zeros`, over the descriptors; `nearest` needs a recording of one window at least.

    Example:
        >>> Functionals().extract(recording).values.shape  # doctest: +SKIP
        (7501, 102)

    Reference:
        Chen & Jin (2015), AVEC 2015: number of channels, window and shift.
    """

    span: float = 3.0
    hop: float = 0.04
    alignment: str = "centred"
    edge: str = "nearest"

    medium = "audio"

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(f"{descriptor}_{functional}" for descriptor in DESCRIPTORS for functional in FUNCTIONALS)

    @property
    def window(self) -> float:
        """Seconds of media behind one frame: the window, and what its outermost descriptors and deltas see."""
        return self.span + PITCH_WINDOW + 2 * DELTA_REACH / FRAME_RATE_HZ

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's audio.

        Raises:
            UserError: settings do not fit, or the audio is missing, damaged or too short.
        """
        framing = Framing(self.span, self.hop, FRAME_RATE_HZ, self.alignment, self.edge)
        if framing.window_samples < 2 * DELTA_REACH + 1:
            raise UserError(f"functionals: a span of {self.span:g} s; choose at least 0.05 (seconds), usually 3.")
        low = descriptors(recording)
        if self.edge == "nearest" and len(low) < framing.window_samples:
            raise UserError(
                f"{recording.medium('audio')} has {(len(low) - 1) / FRAME_RATE_HZ:.2f} s, functionals look at "
                f"{self.span:g} s; choose a shorter span, edge=repeat, or leave the recording out."
            )
        change = np.abs(deltas(low, DELTA_REACH)) * FRAME_RATE_HZ
        values = np.concatenate(
            [framing.reduce(low, _levels), framing.reduce(change, lambda windows: _mean(windows)[..., None])], axis=-1
        )
        clock = framing.clock(len(low))
        return Track(values.reshape(clock.frames, -1), hop=clock.hop, channels=self.channels)


def _mean(windows: np.ndarray) -> np.ndarray:
    """Mean of what is not NaN, 0 where all is."""
    known = np.isfinite(windows)
    return np.asarray(np.where(known, windows, 0).sum(axis=-1, dtype=np.float64) / np.maximum(known.sum(axis=-1), 1))


def _levels(windows: np.ndarray) -> np.ndarray:
    """Mean, standard deviation and percentiles of what is not NaN, [..., 5]; 0 where all is."""
    mean = _mean(windows)
    sd = np.sqrt(_mean((windows - mean[..., None]) ** 2))
    ordered = np.sort(windows, axis=-1)  # NaN last
    last = np.maximum(np.isfinite(windows).sum(axis=-1, keepdims=True) - 1, 0)
    place = last * np.array(PERCENTILES)
    below = np.floor(place).astype(np.int64)
    low, high = (np.take_along_axis(ordered, np.minimum(at, last), axis=-1) for at in (below, below + 1))
    between = np.nan_to_num(low + (place - below) * (high - low))
    return np.concatenate([mean[..., None], sd[..., None], between], axis=-1)
