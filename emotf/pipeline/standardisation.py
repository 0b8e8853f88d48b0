"""Mean and spread of channels, fitted on one named partition."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.records import Store
from emotf.track import Track

# A channel whose spread is below this share of its size is constant but for rounding; it is centred, not scaled.
CONSTANT = 1e-6


@dataclass(frozen=True)
class Standardisation:
    """z = (x - mean) / sqrt(variance), a channel at a time.

    Attributes:
        mean, variance: one a channel; the variance of a constant channel is 1.
        fitted_on: the partition.
        frames: how many frames were seen.
    """

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    fitted_on: str
    frames: int

    @classmethod
    def fit(cls, tracks: Iterable[Track], fitted_on: str) -> "Standardisation":
        """Merges the moments of one track after another; never holds two.

        Reference:
            Chan, Golub, LeVeque 1979.
        """
        count, mean, power = 0, np.zeros(1), np.zeros(1)
        for track in tracks:
            values = track.values.astype(np.float64)
            new = len(values)
            if not new:
                continue
            step = values.mean(axis=0) - mean
            power = power + ((values - values.mean(axis=0)) ** 2).sum(axis=0) + step**2 * count * new / (count + new)
            mean = mean + step * new / (count + new)
            count += new
        if not count:
            raise UserError(f"There is no frame in partition {fitted_on!r} to standardise by.")
        variance = power / count
        variance[variance <= (CONSTANT * np.maximum(np.abs(mean), 1e-30)) ** 2] = 1.0
        return cls(tuple(mean.tolist()), tuple(variance.tolist()), fitted_on, count)


def standardise(
    store: Store, streams: Iterable[str], recordings: Iterable[str], fitted_on: str
) -> dict[str, Standardisation]:
    """stream -> mean and spread over the recordings of one partition, read one after the other."""
    names = list(recordings)
    return {
        stream: Standardisation.fit((store.stream(stream).read(name) for name in names), fitted_on)
        for stream in streams
    }
