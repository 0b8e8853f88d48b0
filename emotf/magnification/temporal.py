"""Band-passes over time that shift nothing: over a clip in memory, or one picture after the other.

Conventions
    A clip is thought to go on in its mirror image before its first and after its last picture, so that it need not end
    as it began; both filters do so. Filters run over the first axis, every value (pixel and colour) on its own.
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
# Numbers that their recursions keep of every value; so many keep them within 0.02 of the taps they stand for.
STATES = (8, 10)
# Pictures that a recursion takes at a time.
STEPS = 8
# Shape of the Kaiser window.
KAISER_BETA = 3.0


def ideal_band(clip: Sequence[np.ndarray], rate_hz: float, low_hz: float, high_hz: float) -> None:
    """Keeps the frequencies from `low_hz` to `high_hz` and nothing else, in place.

    The Fourier transform of a clip and its mirror image is the cosine transform, whose N frequencies are k rate / 2N.

    Args:
        clip: float32 pictures of one shape, contiguous.
        rate_hz: pictures a second.
        low_hz: lower edge, kept.
        high_hz: upper edge, kept.

    Example:
        >>> wave = np.cos(np.pi * 2 * (np.arange(30, dtype=np.float32) + 0.5) / 30)
        >>> clip = [np.array([1 + value]) for value in wave]
        >>> ideal_band(clip, rate_hz=30, low_hz=0.8, high_hz=3)
        >>> bool(np.allclose(np.concatenate(clip), wave, atol=1e-6))
        True
    """
    from scipy.fft import dct, idct

    rows = [picture.reshape(-1) for picture in clip]
    outside = ~in_band(len(clip), rate_hz, low_hz, high_hz)
    step = max(1, BLOCK_VALUES // len(clip))
    for first in range(0, len(rows[0]), step):
        spectrum = dct(np.stack([row[first : first + step] for row in rows]), axis=0)
        spectrum[outside] = 0
        for row, values in zip(rows, idct(spectrum, axis=0), strict=True):
            row[first : first + step] = values


def in_band(frames: int, rate_hz: float, low_hz: float, high_hz: float) -> np.ndarray:
    """Which of a clip's frequencies k rate / 2N lie in a band: bool [frames]."""
    frequencies = np.arange(frames) * rate_hz / (2 * frames)
    return np.asarray((frequencies >= low_hz * (1 - 1e-9)) & (frequencies <= high_hz * (1 + 1e-9)))


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
            states: length of x, at most 2 reach.
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
    largest = np.argsort(-np.abs(values))[:states]
    root, left = np.sqrt(np.abs(values[largest])), vectors[:, largest]
    right = left * np.sign(values[largest])
    a = (left / root).T @ shifted @ (right / root)
    b, c, d = root * right[0], root * left[0], float(taps[0])
    constant = d + c @ np.linalg.solve(np.eye(len(a)) - a, b)
    return a, b / constant, c, d / constant


@dataclass(frozen=True)
class Bandpass:
    """The streaming band-pass: what a low-pass at its upper edge passes and one at its lower edge does not.

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
