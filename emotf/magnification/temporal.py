"""Band-passes over time that shift nothing: over a clip in memory, or one picture after the other.

Conventions
    Before its first and behind its last picture a clip is taken to stand still. Filters run over time, every value
    (pixel and colour) on its own.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

# Values that are worked on at a time: 16 MB of float32 while they are transformed ...
BLOCK_VALUES = 1 << 22
# ... and pixels of a recursion that fit into the processor's cache.
CACHED_VALUES = 1 << 13
# Pictures of the future that the low-passes at both edges of a band see, in periods of the edge.
REACH_PERIODS = (1.25, 2.5)
# Where they let half of the amplitude through, as a share of the edge: outside the band on either side.
HALF = (0.8, 1.1)
# Numbers that their recursions keep of every value; so many keep them within 0.025 of the taps they stand for.
STATES = (8, 10)
# Pictures that a recursion takes at a time.
STEPS = 8
# Singular values below this share of the largest are rounding.
NOTHING = 1e-6
# Shape of the Kaiser window.
KAISER_BETA = 3.0


class Lowpass:
    """A symmetric low-pass that is run recursively: it gives the value of `reach` pictures ago.

    The taps are a windowed sinc, symmetric, hence of zero phase when seen `reach` pictures late. As a direct sum they
    would need 2 reach + 1 pictures; what they do is nearly all in the few largest singular values of their Hankel
    matrix, and balanced truncation gives the linear recursion

        x[t+1] = A x[t] + b u[t],   y[t] = cᵀ x[t] + d u[t]

    with that many numbers x. It is stable, its response is within twice the sum of the singular values left out of that
    of the taps, and a constant stays as it is. Several steps are done as one: reading and writing x takes the time.

    Reference:
        Kung (1978), A new identification and model reduction algorithm via singular value decompositions.
    """

    def __init__(self, half: float, reach: int, states: int) -> None:
        """Designs the filter.

        Args:
            half: frequency at which half of the amplitude passes, in cycles a picture, below 0.5.
            reach: pictures of the future behind a value, at least 2.
            states: length of x, where the taps hold as much.
        """
        a, b, c, d = _recursion(_taps(half, reach), states)
        x, inputs = np.split(np.eye(len(a) + STEPS), [len(a)])  # each as rows of what it is made of: x, u[0] … u[7]
        outputs = []
        for u in inputs:
            outputs.append(c @ x + d * u)
            x = a @ x + np.outer(b, u)
        self._matrix = np.vstack([x, *outputs]).astype(np.float32)
        self._rest = np.linalg.solve(np.eye(len(a)) - a, b).astype(np.float32)  # x of a constant u = 1
        self._state = np.empty((0, 0), np.float32)  # x and, in the last rows, u and then y

    def __call__(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """The low-pass of `reach` pictures ago.

        Args:
            pictures: the next 8, float32 [...].

        Returns:
            float32 [8, ...], which the next call overwrites. The very first picture is taken to have stood for ever
            before.
        """
        states = len(self._rest)
        for row, picture in enumerate(pictures, states):
            values = picture.reshape(-1)
            if not self._state.size:
                self._state = np.empty((states + STEPS, len(values)), np.float32)
                np.multiply.outer(self._rest, values, out=self._state[:states])
            self._state[row] = values
        for first in range(0, self._state.shape[1], CACHED_VALUES):
            piece = self._state[:, first : first + CACHED_VALUES]
            piece[:] = self._matrix @ piece
        return self._state[states:].reshape(STEPS, *picture.shape)


def _taps(half: float, reach: int) -> np.ndarray:
    """h[n] ∝ sinc(2 half n) kaiser[n], Σ h = 1, n = -reach … reach; `half` in cycles a picture."""
    n = np.arange(-reach, reach + 1)
    taps = np.sinc(2 * half * n) * np.kaiser(len(n), KAISER_BETA)
    return np.asarray(taps / taps.sum())


def _recursion(taps: np.ndarray, states: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A, b, c, d by balanced truncation: h[0] = d and h[k] ≈ cᵀ A^(k-1) b."""
    places = np.add.outer(np.arange(1, len(taps)), np.arange(len(taps) - 1))
    ended = np.concatenate([taps, np.zeros(len(taps))])
    hankel, shifted = ended[places], ended[places + 1]
    values, vectors = np.linalg.eigh(hankel)  # a symmetric matrix: singular values are their absolute values
    largest = [k for k in np.argsort(-np.abs(values))[:states] if abs(values[k]) > NOTHING * np.abs(values).max()]
    root, left = np.sqrt(np.abs(values[largest])), vectors[:, largest]
    right = left * np.sign(values[largest])
    a = (left / root).T @ shifted @ (right / root)
    b, c, d = root * right[0], root * left[0], float(taps[0])
    constant = d + c @ np.linalg.solve(np.eye(len(a)) - a, b)
    return a, b / constant, c, d / constant


@dataclass(frozen=True)
class Bandpass:
    """A band of frequencies, and how far the filters look for it.

    The streaming band-pass is what a low-pass at the upper edge passes and one at the lower edge does not.

    Attributes:
        rate_hz: pictures a second.
        low_hz: lower edge.
        high_hz: upper edge.
    """

    rate_hz: float
    low_hz: float
    high_hz: float

    @property
    def reach(self) -> int:
        """Pictures of the future behind a value: 1.25 periods of the lower edge."""
        return math.ceil(REACH_PERIODS[0] * self.rate_hz / self.low_hz)

    @property
    def high_reach(self) -> int:
        """The same for the low-pass at the upper edge, which needs no more than the other."""
        return min(self.reach, max(2, math.ceil(REACH_PERIODS[1] * self.rate_hz / self.high_hz)))

    def below(self) -> Lowpass:
        """A new low-pass of what lies below the band."""
        return Lowpass(HALF[0] * self.low_hz / self.rate_hz, self.reach, STATES[0])

    def upto(self) -> Lowpass | None:
        """A new low-pass of what lies below the band or in it; None where nothing can lie above."""
        half = HALF[1] * self.high_hz / self.rate_hz
        return Lowpass(half, self.high_reach, STATES[1]) if half < 0.5 else None

    @property
    def still(self) -> int:
        """Pictures that the ideal filter lets a clip stand still before and behind: 2.5 periods of the lower edge."""
        return 2 * self.reach

    def kept(self, frames: int) -> np.ndarray:
        """Which frequencies of a clip and its still ends the ideal filter keeps: bool [frames + 2 still].

        The N values of a cosine transform belong to the frequencies k rate / 2N.
        """
        values = frames + 2 * self.still
        frequencies_hz = np.arange(values) * self.rate_hz / (2 * values)
        return np.asarray((frequencies_hz >= self.low_hz) & (frequencies_hz <= self.high_hz))


def ideal_band(clip: Sequence[np.ndarray], bandpass: Bandpass) -> None:
    """Keeps the frequencies from `low_hz` to `high_hz` and nothing else, in place.

    The clip stands still for `still` pictures before and behind, and goes on in its mirror image: then its Fourier
    transform is the cosine transform, and it need not end as it began.

    Args:
        clip: float32 pictures of one shape, contiguous.
        bandpass: rate and edges.

    Example:
        >>> clip = [np.full((2, 2, 3), np.cos(2 * np.pi * t / 30), np.float32) for t in range(300)]
        >>> ideal_band(clip, Bandpass(rate_hz=30, low_hz=0.8, high_hz=3))
        >>> [round(float(clip[t].mean()), 2) for t in (120, 135, 150)]
        [0.98, -0.96, 0.95]
    """
    from scipy.fft import dct, idct

    rows = [picture.reshape(-1) for picture in clip]
    outside, still = ~bandpass.kept(len(clip)), bandpass.still
    step = max(1, BLOCK_VALUES // len(outside))
    for first in range(0, len(rows[0]), step):
        values = np.stack([row[first : first + step] for row in rows])
        spectrum = dct(np.pad(values, ((still, still), (0, 0)), mode="edge"), axis=0)
        spectrum[outside] = 0
        for row, changes in zip(rows, idct(spectrum, axis=0)[still:-still], strict=True):
            row[first : first + step] = changes
