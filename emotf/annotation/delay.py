"""How late raters rate: the delay at which a stream explains the gold standard best.

Conventions
    A delay of d seconds says that what is rated at t + d belongs to what happened at t; `compensate_delay` takes it
    back. Two ways to find it share a grid of delays, and frames: those that are rated under *every* delay of the grid
    (so each recording loses its last seconds), that all points of a curve may speak of the same stretches of the
    stream. The stream enters as its means and deviations over a window centred on t, five times a window: the mean of a
    raw signal such as an angle says little, how much it moves says more.

    Every curve comes with what chance gives: the same curve after what the stream says of each recording was turned
    round in time, its end joined to its beginning, by a random part of its length; whatever that finds is no delay.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emotf.annotation.alignment import Pair, paired_frames
from emotf.errors import UserError
from emotf.measures import Moments
from emotf.track import MISFIT, Track

# Turns for the chance level, and draws of recordings for the interval of the best delay; both are seeded.
TURNS, DRAWS = 60, 200

# A curve that rises by less says that any delay is as good as the best.
RISE = 0.02

CORRELATION, RIDGE = "multiple correlation R", "ridge, dev CCC"

# Sums over frames, from which a curve follows; those of several recordings add up.
Evidence = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class DelayCurve:
    """How well a stream explains a target under each delay.

    Attributes:
        target, method: what it is of.
        seconds: the grid, ascending.
        values: R in [0, 1] or CCC in [-1, 1], one a delay.
        chance: the value that the highest point of such a curve exceeds in 5 of 100 cases by chance.
        low, high: seconds, 95 % bootstrap interval of `best` over recordings; NaN for a single recording.
        frames, recordings: behind each point.
    """

    target: str
    method: str
    seconds: tuple[float, ...]
    values: tuple[float, ...]
    chance: float
    low: float
    high: float
    frames: int
    recordings: int

    @property
    def best(self) -> float:
        """The delay with the highest value, in seconds; NaN where values are (a constant gold standard)."""
        return float("nan") if np.isnan(self.values).any() else self.seconds[int(np.argmax(self.values))]

    @property
    def flat(self) -> bool:
        """Whether no delay stands out.

        That is: the highest value is not above chance, or less than 0.02 above the lowest, or the interval of `best`
        covers more than half of the grid.
        """
        highest, lowest = np.max(self.values), np.min(self.values)
        stands_out = highest > self.chance and highest - lowest >= RISE  # neither holds of NaN
        return not stands_out or self.high - self.low > (self.seconds[-1] - self.seconds[0]) / 2

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why `best` is not to be taken at its word; empty where it is."""
        found = []
        if self.flat:
            found.append("the curve is flat, no delay stands out")
        if self.best in (self.seconds[0], self.seconds[-1]):
            found.append("the maximum lies at the border of the grid, widen it")
        return tuple(found)


def delays_up_to(longest: float, hop: float, shortest: float = 0.0) -> tuple[float, ...]:
    """Every multiple of the gold standard's hop from `shortest` to `longest`, in seconds.

    Raises:
        UserError: there are not two of them.

    Example:
        >>> delays_up_to(0.22, hop=0.05)
        (0.0, 0.05, 0.1, 0.15, 0.2)
    """
    first, last = int(np.ceil(shortest / hop - MISFIT)), int(np.floor(longest / hop + MISFIT))
    if last <= first:
        raise UserError(
            f"From {shortest:g} to {longest:g} s there is no choice of delays in steps of {hop:g} s; widen the grid."
        )
    return tuple(round(k * hop, 9) for k in range(first, last + 1))


def delay_by_correlation(
    golds: Mapping[str, Track],
    streams: Mapping[str, Track],
    seconds: Sequence[float],
    window: float = 1.0,
    components: int = 40,
) -> dict[str, DelayCurve]:
    """Multiple correlation of the gold standard with a stream, delay by delay.

    R(d) is the correlation of gold(t + d) with its least-squares fit Σ_i β_i(d) c_i(t) by the leading principal
    components c_i of the stream's means and deviations. All are centred recording by recording, so that R speaks of
    their movement, and have unit variance before the components are taken. R is above 0 even by chance, and more so
    with more components and less data; compare it with `chance`, not with 0.

    Args:
        golds: recording -> [frames, targets], NaN where unrated.
        streams: recording -> [frames, channels], NaN where nothing is known.
        seconds: the grid of delays, ascending multiples of the hop of `golds`.
        window: seconds of stream behind its means and deviations; at least one of its frames.
        components: principal components, at most.

    Returns:
        target -> curve.

    Raises:
        UserError: the grid or another argument is not usable, a stream is missing, or no frame is rated under all
            delays.
    """
    if components < 1:
        raise UserError(f"A multiple correlation needs 1 component or more, received {components}.")
    curves = {}
    for target, pairs in paired_frames(golds, streams, seconds, window).items():
        centred = [(x - x.mean(axis=0), y - y.mean(axis=0)) for x, y in pairs]
        basis = _basis(np.concatenate([x for x, _ in centred]), components)
        pairs = [(x @ basis, y) for x, y in centred]
        curves[target] = _curve(target, CORRELATION, seconds, pairs, _products, _multiple_correlation)
    return curves


def delay_by_ridge(
    train: Mapping[str, Track],
    dev: Mapping[str, Track],
    streams: Mapping[str, Track],
    seconds: Sequence[float],
    window: float = 1.0,
    penalty: float = 1.0,
) -> dict[str, DelayCurve]:
    """CCC on development of a ridge regression from a stream to the gold standard, delay by delay.

    For each delay, min_w mean_t (gold(t + d) - b - w·x(t))² + penalty |w|² over train, with the stream's means and
    deviations x standardised on train; then the CCC of b + w·x(t) with gold(t + d) over development, pooled.

    Args:
        train, dev: recording -> [frames, targets], NaN where unrated.
        streams: recording -> [frames, channels] of both, NaN where nothing is known.
        seconds: the grid of delays, ascending multiples of the hop.
        window: seconds of stream behind its means and deviations; at least one of its frames.
        penalty: above 0.

    Returns:
        target -> curve.

    Raises:
        UserError: the grid or another argument is not usable, a stream is missing, or no frame of a partition is rated
            under all delays.
    """
    if not penalty > 0:
        raise UserError(f"The penalty of a ridge regression is above 0, received {penalty:g}.")
    curves = {}
    fitted, held_out = paired_frames(train, streams, seconds, window), paired_frames(dev, streams, seconds, window)
    for target in fitted:
        x, y = (np.concatenate(parts) for parts in zip(*fitted[target], strict=True))
        centre, level = x.mean(axis=0), y.mean(axis=0)
        scale = _spread(x)
        z = (x - centre) / scale
        weights = np.linalg.solve(z.T @ z / len(z) + penalty * np.eye(z.shape[1]), z.T @ (y - level) / len(z))
        # around the level of train: sums of squares lose nothing to a mean far from 0
        around = [((x - centre) / scale @ weights, y - level) for x, y in held_out[target]]
        curves[target] = _curve(target, RIDGE, seconds, around, _sums, _ccc)
    return curves


def _basis(x: np.ndarray, components: int) -> np.ndarray:
    """Centred channels [frames, channels] @ basis = their leading principal components [frames, components]."""
    scale = _spread(x)
    power, axes = np.linalg.eigh((x / scale).T @ (x / scale) / len(x))
    leading = np.flatnonzero(power > 1e-6 * power.max(initial=0))[-components:]
    return axes[:, leading] / scale[:, None]


def _spread(x: np.ndarray) -> np.ndarray:
    """Standard deviations [channels]; infinite for a constant, which says nothing and so counts for nothing."""
    spread = x.std(axis=0)
    return np.where(spread > 1e-9 * np.abs(x).max(axis=0, initial=0), spread, np.inf)


def _products(c: np.ndarray, y: np.ndarray) -> Evidence:
    return c.T @ c, c.T @ y, (y**2).sum(axis=0)


def _multiple_correlation(evidence: Evidence) -> np.ndarray:
    """R of each delay, from Σ c cᵀ [components, components], Σ c y [components, delays] and Σ y² [delays]."""
    inner, cross, power = evidence
    explained = (cross * (np.linalg.pinv(inner, hermitian=True) @ cross)).sum(axis=0)
    return np.sqrt(np.clip(np.divide(explained, power, out=np.full_like(power, np.nan), where=power > 0), 0, 1))


def _sums(p: np.ndarray, y: np.ndarray) -> Evidence:
    return np.array(float(len(y))), y.sum(0), p.sum(0), (y**2).sum(0), (p**2).sum(0), (y * p).sum(0)


def _ccc(evidence: Evidence) -> np.ndarray:
    """CCC of each delay, from the sums of 1, y, p, y², p² and y p."""
    n, y, p, yy, pp, yp = evidence
    return np.asarray(Moments(n, y / n, p / n, yy - y * y / n, pp - p * p / n, yp - y * p / n).ccc)


def _curve(
    target: str,
    method: str,
    seconds: Sequence[float],
    pairs: Sequence[Pair],
    gather: Callable[[np.ndarray, np.ndarray], Evidence],
    value: Callable[[Evidence], np.ndarray],
) -> DelayCurve:
    rng = np.random.default_rng(0)
    evidence = [gather(x, y) for x, y in pairs]
    values = value(_total(evidence, np.ones(len(pairs))))
    highest = []
    for _ in range(TURNS):
        turned = [np.roll(x, rng.integers(len(x) // 4, 3 * len(x) // 4 + 1), axis=0) for x, _ in pairs]
        by_chance = [gather(x, y) for x, (_, y) in zip(turned, pairs, strict=True)]
        highest.append(value(_total(by_chance, np.ones(len(pairs)))).max())
    low = high = float("nan")
    if len(pairs) > 1 and not np.isnan(values).any():
        counts = rng.multinomial(len(pairs), np.full(len(pairs), 1 / len(pairs)), DRAWS)
        bests = [np.nan_to_num(value(_total(evidence, drawn)), nan=-np.inf).argmax() for drawn in counts]
        low, high = np.percentile(np.asarray(seconds)[bests], [2.5, 97.5], method="inverted_cdf")
    return DelayCurve(
        target=target,
        method=method,
        seconds=tuple(seconds),
        values=tuple(values.tolist()),
        chance=float(np.percentile(highest, 95)),
        low=float(low),
        high=float(high),
        frames=sum(len(y) for _, y in pairs),
        recordings=len(pairs),
    )


def _total(evidence: Sequence[Evidence], counts: np.ndarray) -> Evidence:
    """The sums of all recordings, each as often as it counts."""
    return tuple(np.tensordot(counts, np.stack(parts), axes=1) for parts in zip(*evidence, strict=True))
