"""Track, the one series type: features, ratings, gold standards and predictions.

Conventions
    Times are seconds. Frame k of a track stands at `start + k * hop`; nothing is said about how much media lies behind
    it (that is the analysis window of the feature). Values are float32 [frames, channels]; NaN means "not rated".
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotf.errors import UserError

# A duration that misses a whole number of frames by more than this share of a hop is a mistake, not rounding.
MISFIT = 0.01


def to_frames(seconds: float, hop: float, what: str = "duration") -> int:
    """The number of frames in `seconds`, rounded; the only place where seconds become frames.

    Args:
        seconds: any sign.
        hop: seconds between frames.
        what: named in the error.

    Raises:
        UserError: `seconds` is not a whole number of frames, to 1 % of a hop.

    Example:
        >>> to_frames(1 / 6, 1 / 60)
        10
    """
    exact = seconds / hop
    frames = round(exact)
    if abs(exact - frames) > MISFIT:
        raise UserError(
            f"A {what} of {seconds:g} s is {exact:.2f} frames of {hop:g} s; choose a multiple of the hop, "
            f"for example {frames * hop:g} s."
        )
    return frames


@dataclass(frozen=True)
class Clock:
    """When the frames of a track stand: frame k at `start + k * hop` seconds."""

    start: float
    hop: float
    frames: int

    @property
    def times(self) -> np.ndarray:
        """Seconds of every frame, float64 [frames]; k / rate where the hop is 1 / rate, without drift."""
        return self.start + np.arange(self.frames) / (1.0 / self.hop)

    @property
    def end(self) -> float:
        """Seconds, the time of the last frame."""
        return self.start + (self.frames - 1) * self.hop

    def nearest(self, times: np.ndarray, slack: float = 0.0) -> np.ndarray:
        """Indices of the frames nearest to `times` (int64, same shape).

        A time beyond the first or last frame takes that frame, if it is off by no more than half a hop plus `slack`.

        Raises:
            UserError: a time lies farther out than that.
        """
        times = np.asarray(times, np.float64)
        reach = self.hop / 2 + slack + 1e-6
        if times.size and (times.min() < self.start - reach or times.max() > self.end + reach):
            raise UserError(
                f"Times run from {times.min():.3f} to {times.max():.3f} s, the track from {self.start:.3f} to "
                f"{self.end:.3f} s (allowed beyond it: {slack:g} s)."
            )
        # the small push makes a time exactly between two frames take the later one, whatever the rounding of floats
        return np.clip(np.floor((times - self.start) / self.hop + 0.5 + 1e-6), 0, self.frames - 1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Track:
    """A uniformly sampled series of vectors.

    Attributes:
        values: float32 [frames, channels]; NaN where nothing is known. Made read-only.
        hop: seconds between two frames.
        start: seconds, the time of frame 0.
        channels: one unique name a column.

    Raises:
        UserError: shape, hop or names do not fit together.

    Example:
        >>> gold = Track(np.zeros((3, 1)), hop=0.04, channels=("arousal",))
        >>> gold.times.tolist()
        [0.0, 0.04, 0.08]
    """

    values: np.ndarray
    hop: float
    start: float = 0.0
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float32, order="C")
        if values.ndim != 2:
            raise UserError(f"A track needs values [frames, channels], received shape {list(values.shape)}.")
        if not self.hop > 0:
            raise UserError(f"A track needs a hop above 0 s, received {self.hop!r}.")
        if self.hop > 10:
            raise UserError(f"A hop of {self.hop:g} s is no hop; did you supply milliseconds?")
        channels = tuple(self.channels) or tuple(f"c{i}" for i in range(values.shape[1]))
        if len(channels) != values.shape[1] or len(set(channels)) != len(channels):
            raise UserError(f"{values.shape[1]} channels need as many different names, received {channels}.")
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "channels", channels)

    @property
    def frames(self) -> int:
        return len(self.values)

    @property
    def clock(self) -> Clock:
        return Clock(self.start, self.hop, self.frames)

    @property
    def times(self) -> np.ndarray:
        """Seconds of every frame, float64 [frames]."""
        return self.clock.times

    @property
    def end(self) -> float:
        """Seconds, the time of the last frame."""
        return self.clock.end

    def check_same_clock(self, other: "Track", mine: str, others: str) -> None:
        """Raises UserError unless both tracks have the same frames at the same times."""
        if self.frames != other.frames:
            raise UserError(
                f"{mine} has {self.frames} frames, {others} {other.frames}; resample or cut one of them first."
            )
        if abs(self.start - other.start) > MISFIT * self.hop or abs(self.end - other.end) > MISFIT * self.hop:
            raise UserError(
                f"{mine} runs from {self.start:g} s in steps of {self.hop:g} s, {others} from {other.start:g} s in "
                f"steps of {other.hop:g} s; resample one of them first."
            )

    def select(self, channels: Sequence[str]) -> "Track":
        """The named channels, in the order asked for."""
        missing = [name for name in channels if name not in self.channels]
        if missing:
            raise UserError(f"No channel {missing[0]!r} among {', '.join(self.channels)}.")
        columns = [self.channels.index(name) for name in channels]
        return replace(self, values=self.values[:, columns], channels=tuple(channels))

    def cut(self, start: float, stop: float) -> "Track":
        """The frames from `start` up to, not including, `stop` (seconds on this track's clock)."""
        first = max(0, to_frames(start - self.start, self.hop, "cut"))
        last = max(first, to_frames(stop - self.start, self.hop, "cut"))
        return replace(self, values=self.values[first:last], start=self.start + first * self.hop)

    def advance(self, seconds: float) -> "Track":
        """The same clock, with the value at t taken from t + `seconds`; what falls off an edge is NaN."""
        shift = to_frames(seconds, self.hop, "shift")
        source = np.arange(self.frames) + shift
        inside = (source >= 0) & (source < self.frames)
        values = np.full_like(self.values, np.nan)
        values[inside] = self.values[source[inside]]
        return replace(self, values=values)

    def resample(self, hop: float, kind: str = "linear") -> "Track":
        """The same span on a clock of another hop, by linear interpolation or by the nearest frame.

        A linear value is NaN where either neighbour is: nothing is invented across an unrated gap.
        """
        if kind not in ("linear", "nearest"):
            raise UserError(f"Resampling is 'linear' or 'nearest', received {kind!r}.")
        count = int(np.floor((self.end - self.start) / hop + MISFIT)) + 1
        position = np.arange(count) * hop / self.hop
        position = np.minimum(position, self.frames - 1)
        if kind == "nearest":
            return replace(self, values=self.values[np.floor(position + 0.5).astype(int)], hop=hop)
        below = np.floor(position + 1e-9).astype(int)
        above = np.minimum(below + 1, self.frames - 1)
        part = np.clip(position - below, 0, 1)[:, None]
        # a frame that is hit exactly needs no neighbour, so its neighbour's NaN must not reach it
        mixed = np.where(part < 1e-6, self.values[below], self.values[below] * (1 - part) + self.values[above] * part)
        return replace(self, values=mixed, hop=hop)


def join(tracks: Sequence[Track]) -> Track:
    """Tracks one after the other in time; each must start one hop after the end of the one before."""
    first = tracks[0]
    for before, after in itertools.pairwise(tracks):
        if after.channels != first.channels or abs(after.hop - first.hop) > MISFIT * first.hop:
            raise UserError("Only tracks of the same channels and hop can be joined.")
        if abs(after.start - before.end - first.hop) > MISFIT * first.hop:
            raise UserError(f"A track that ends at {before.end:g} s cannot be joined by one from {after.start:g} s.")
    return replace(first, values=np.concatenate([track.values for track in tracks]))


def stack(tracks: Sequence[Track]) -> Track:
    """Tracks of one clock side by side."""
    first = tracks[0]
    for other in tracks[1:]:
        first.check_same_clock(other, f"Track {first.channels[0]}", f"track {other.channels[0]}")
    return replace(
        first,
        values=np.concatenate([track.values for track in tracks], axis=1),
        channels=tuple(name for track in tracks for name in track.channels),
    )
