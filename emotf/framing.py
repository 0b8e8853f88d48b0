"""Analysis windows over a sampled signal, and the slopes (deltas) of what lies under them.

Conventions
    Samples are points in time, as the frames of a track: sample i stands at i / rate_hz seconds, frame k at k * hop.
    There is a frame for every k * hop that is not later than the last sample.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.track import Clock, to_frames

ALIGNMENTS = ("centred", "causal")
EDGES = ("nearest", "repeat", "zeros")
BLOCK_VALUES = 1 << 20  # under the windows handed out at a time: what is computed from them stays near 8 MB


@dataclass(frozen=True)
class Framing:
    """Which samples stand behind which frame.

    Attributes:
        window: seconds under one frame.
        hop: seconds between frames.
        rate_hz: samples a second.
        alignment: `centred`: the frame's own sample is in the middle (of an even number, the later of the two middle
            ones); `causal`: it is the last one, nothing of the future is seen.
        edge: what a window that reaches beyond the signal sees there: `repeat` the first or last value, `zeros`, or
            `nearest`: the window moves to the nearest place where it lies wholly inside, so that frames within half a
            window of an edge share one window (not for `causal`, whose first windows would hold the future).

    Raises:
        UserError: window or hop are not above 0 or not a whole number of samples (to 1 % of one), or alignment and
            edge are unknown or contradict each other.

    Example:
        >>> framing = Framing(window=0.03, hop=0.02, rate_hz=100)
        >>> [windows.tolist() for windows in framing.blocks(np.arange(5))]
        [[[0, 0, 1], [1, 2, 3], [3, 4, 4]]]
    """

    window: float
    hop: float
    rate_hz: float
    alignment: str = "centred"
    edge: str = "repeat"

    def __post_init__(self) -> None:
        if not self.rate_hz > 0:
            raise UserError(f"Windows need a rate above 0 Hz, received {self.rate_hz:g}.")
        for what, known in (("alignment", ALIGNMENTS), ("edge", EDGES)):
            if getattr(self, what) not in known:
                raise UserError(f"The {what} of windows is {' or '.join(known)}, received {getattr(self, what)!r}.")
        if (self.alignment, self.edge) == ("causal", "nearest"):
            raise UserError("Causal windows cannot move into the future; choose edge repeat or zeros, not nearest.")
        for what in ("window", "hop"):
            self._samples(what)

    def _samples(self, what: str) -> int:
        seconds = getattr(self, what)
        try:
            samples = to_frames(seconds, 1 / self.rate_hz)
        except UserError:
            samples = 0
        if samples < 1:
            fit = max(1, round(seconds * self.rate_hz)) / self.rate_hz
            raise UserError(
                f"A {what} of {seconds:g} s is {seconds * self.rate_hz:.2f} samples at {self.rate_hz:g} Hz; choose a "
                f"whole number of them, for example {fit:g} s, or resample the signal."
            )
        return samples

    @property
    def window_samples(self) -> int:
        return self._samples("window")

    @property
    def hop_samples(self) -> int:
        return self._samples("hop")

    def frames(self, samples: int) -> int:
        """The number of frames of a signal.

        Raises:
            UserError: it is shorter than the window, which with `nearest` must lie inside.
        """
        if self.edge == "nearest" and 0 < samples < self.window_samples:
            raise UserError(
                f"A signal of {samples / self.rate_hz:.2f} s is shorter than its window of {self.window:g} s; choose "
                "a shorter window or another edge rule."
            )
        return 1 + (samples - 1) // self.hop_samples if samples else 0

    def clock(self, samples: int, start: float = 0.0) -> Clock:
        """When the frames of a signal stand whose first sample is at `start`; the hop is the one of whole samples."""
        return Clock(start, self.hop_samples / self.rate_hz, self.frames(samples))

    def blocks(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """The windows of a signal, a bounded number of frames at a time.

        Args:
            values: [samples] or [samples, channels].

        Returns:
            An iterator of [frames, window] or [frames, channels, window]: read-only views of `values`, copies only
            where windows reach beyond the signal.
        """
        frames = self.frames(len(values))
        step = max(1, BLOCK_VALUES // (self.window_samples * max(1, values[:1].size)))
        for first in range(0, frames, step):
            yield self._windows(values, first, min(first + step, frames))

    def reduce(self, values: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """What `function` makes of the windows of each block, joined: [frames, ...]."""
        return np.concatenate([function(windows) for windows in self.blocks(values)])

    def _windows(self, values: np.ndarray, first: int, last: int) -> np.ndarray:
        """The windows of frames `first` up to, not including, `last`."""
        length, hop = self.window_samples, self.hop_samples
        reach = length // 2 if self.alignment == "centred" else length - 1  # samples before the frame's own
        start, stop = first * hop - reach, (last - 1) * hop - reach + length
        before, after = max(0, -start), max(0, stop - len(values))
        if self.edge == "nearest" and (before or after):
            places = np.clip(np.arange(first, last) * hop - reach, 0, len(values) - length)
            return np.lib.stride_tricks.sliding_window_view(values, length, axis=0)[places]
        piece = values[max(0, start) : stop]
        if before or after:
            widths = [(before, after), *[(0, 0)] * (piece.ndim - 1)]
            piece = np.pad(piece, widths, mode="edge" if self.edge == "repeat" else "constant")
        return np.lib.stride_tricks.sliding_window_view(piece, length, axis=0)[::hop]


def slopes(windows: np.ndarray) -> np.ndarray:
    """Slope a sample of the line fitted to each window: Σ n x[n] / Σ n², n counted from the middle of the window.

    Args:
        windows: [..., samples].

    Returns:
        float64 [...]; 0 for windows of one sample.

    Example:
        >>> slopes(np.array([[1.0, 3.0, 5.0, 7.0], [2.0, 2.0, 2.0, 2.0]])).tolist()
        [2.0, 0.0]
    """
    n = np.arange(windows.shape[-1]) - (windows.shape[-1] - 1) / 2
    return np.asarray(windows @ n / (np.sum(n * n) or 1.0))


def deltas(values: np.ndarray, reach: int = 2) -> np.ndarray:
    """Slope a frame of the line fitted to x[t-reach … t+reach]: d[t] = Σ n (x[t+n] - x[t-n]) / (2 Σ n²), n = 1 … reach.

    At the edges the first and last value are repeated. Shape [frames, channels] in and out.

    Example:
        >>> deltas(np.arange(7.0)[:, None]).ravel().tolist()
        [0.5, 0.8, 1.0, 1.0, 1.0, 0.8, 0.5]
    """
    return Framing(window=2 * reach + 1, hop=1, rate_hz=1).reduce(np.asarray(values, np.float64), slopes)
