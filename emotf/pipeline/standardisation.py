"""Mean and spread of channels: of train, of each subject, or of a whole partition."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

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
        fitted_on: a partition or a subject.
        frames: how many frames were seen.
        gaps: frames of zeros say that nothing was found; they were left out and stay 0.
    """

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    fitted_on: str
    frames: int
    gaps: bool = False

    @classmethod
    def fit(cls, tracks: Iterable[Track], fitted_on: str, gaps: bool = False) -> "Standardisation":
        """Merges the moments of one track after another; never holds two.

        Reference:
            Chan, Golub, LeVeque 1979.
        """
        count, mean, power = 0, np.zeros(1), np.zeros(1)
        for track in tracks:
            values = track.values.astype(np.float64)
            if gaps:
                values = values[(values != 0).any(axis=1)]
            new = len(values)
            if not new:
                continue
            step = values.mean(axis=0) - mean
            power = power + ((values - values.mean(axis=0)) ** 2).sum(axis=0) + step**2 * count * new / (count + new)
            mean = mean + step * new / (count + new)
            count += new
        if not count:
            raise UserError(f"There is no frame of {fitted_on!r} to standardise by{' but gaps' if gaps else ''}.")
        variance = power / count
        variance[variance <= (CONSTANT * np.maximum(np.abs(mean), 1e-30)) ** 2] = 1.0
        return cls(tuple(mean.tolist()), tuple(variance.tolist()), fitted_on, count, gaps)

    def apply(self, track: Track) -> Track:
        """The track standardised."""
        mean, variance = (np.array(moment, np.float32) for moment in (self.mean, self.variance))
        values = (track.values - mean) / np.sqrt(variance)
        if self.gaps:
            values[(track.values == 0).all(axis=1)] = 0
        return replace(track, values=values)


def standardise(
    store: Store, streams: Iterable[str], recordings: Iterable[str], fitted_on: str
) -> dict[str, Standardisation]:
    """stream -> mean and spread over the recordings of one partition, read one after the other."""
    names = list(recordings)
    found = {}
    for name in streams:
        stream = store.stream(name)
        found[name] = Standardisation.fit(map(stream.read, names), fitted_on, stream.schema.gaps)
    return found


def transductive(
    store: Store, streams: Iterable[str], recordings: Sequence[str], by: str
) -> dict[str, dict[str, Standardisation]]:
    """stream -> recording -> mean and spread of its own subject, or of all these recordings together.

    Transductive: what a frame is measured by is known only when all frames of its group are there.

    Args:
        store: the records.
        streams: names.
        recordings: of one partition.
        by: `subject`, over the subject's recordings among these; or `partition`, over all of them.

    Reference:
        Chen & Jin 2015 normalise "in each speaker set", which can mean either.
    """
    subjects = {recording.id: recording.subject for recording in store.recordings}
    groups: dict[str, list[str]] = {}
    for name in recordings:
        groups.setdefault(f"subject {subjects[name]}" if by == "subject" else "partition", []).append(name)
    fitted = {group: standardise(store, streams, names, group) for group, names in groups.items()}
    return {
        stream: {name: fitted[group][stream] for group, names in groups.items() for name in names} for stream in streams
    }
