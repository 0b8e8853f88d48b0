"""Mean and spread, or range, of channels: of train, of each subject, or of a whole partition."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.pipeline.missing import Lost
from emotf.records import Store, Stream
from emotf.track import Track

# A channel whose spread is below this share of its size is constant but for rounding; it is centred, not scaled.
CONSTANT = 1e-6

MINMAX = "minmax"


@dataclass(frozen=True)
class Standardisation:
    """z = (x - mean) / sqrt(variance), a channel at a time.

    Attributes:
        mean, variance: one a channel; the variance of a constant channel is 1, and its mean 0 where there are gaps.
        fitted_on: a partition or a subject.
        frames: how many frames were seen.
        gaps: frames of zeros say that nothing was found; they were left out and stay 0.
        recordings: whose frames these are; empty where tracks came from elsewhere than from records.
    """

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    fitted_on: str
    frames: int
    gaps: bool = False
    recordings: tuple[str, ...] = ()

    @classmethod
    def fit(cls, tracks: Iterable[Track], fitted_on: str, gaps: bool = False) -> "Standardisation":
        """Merges the moments of one track after another; never holds two.

        Where nothing is left of the tracks (all of it gaps), mean 0 and variance 1 of 0 frames.

        Raises:
            UserError: there is no track.

        Reference:
            Chan, Golub, LeVeque 1979.
        """
        count, channels = 0, 0
        mean, power = np.zeros(1), np.zeros(1)
        for track in tracks:
            channels = len(track.channels)
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
        if not count and channels:
            return cls((0.0,) * channels, (1.0,) * channels, fitted_on, 0, gaps)
        if not count:
            raise UserError(f"There is no frame of {fitted_on!r} to standardise by.")
        variance = power / count
        varies = variance > (CONSTANT * np.maximum(np.abs(mean), 1e-30)) ** 2
        return cls._of(mean, variance, varies, fitted_on, count, gaps)

    @classmethod
    def fit_range(cls, tracks: Iterable[Track], fitted_on: str, gaps: bool = False) -> "Standardisation":
        """From 0, the smallest value of a channel, to 1, its greatest: `mean` holds the smallest, √variance the range.

        Raises:
            UserError: there is no frame.

        Reference:
            Orgil et al. (2021) scale inputs to 0..1.
        """
        count, low, high = 0, np.array(np.inf), np.array(-np.inf)
        for track in tracks:
            values = track.values.astype(np.float64)
            values = values[(values != 0).any(axis=1)] if gaps else values
            if len(values):
                low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
                count += len(values)
        if not count:
            raise UserError(f"There is no frame of {fitted_on!r} to standardise by.")
        varies = high - low > CONSTANT * np.maximum(np.abs(low), np.abs(high))
        return cls._of(low, (high - low) ** 2, varies, fitted_on, count, gaps)

    @classmethod
    def _of(
        cls, mean: np.ndarray, variance: np.ndarray, varies: np.ndarray, fitted_on: str, count: int, gaps: bool
    ) -> "Standardisation":
        """Constant channels are not scaled; where there are gaps they are not shifted either.

        `found`, 1 in all frames that count, is then still told from the 0 of a gap.
        """
        mean = np.where(varies | (not gaps), mean, 0.0)
        variance = np.where(varies, variance, 1.0)
        return cls(tuple(mean.tolist()), tuple(variance.tolist()), fitted_on, count, gaps)

    def apply(self, track: Track) -> Track:
        """The track standardised."""
        mean, variance = (np.array(moment, np.float32) for moment in (self.mean, self.variance))
        values = (track.values - mean) / np.sqrt(variance)
        if self.gaps:
            values[(track.values == 0).all(axis=1)] = 0
        return replace(track, values=values)


def standardise(
    store: Store, streams: Iterable[str], recordings: Iterable[str], fitted_on: str, by: str = "train"
) -> dict[str, Standardisation]:
    """stream -> mean and spread over the recordings of one partition, read one after the other; `minmax`: their range.

    Raises:
        UserError: a stream found nothing in any of them.
    """
    found = _fitted(store, streams, list(recordings), fitted_on, by)
    for name, part in found.items():
        if not part.frames:
            raise UserError(f"Stream {name!r} has nothing but gaps in {fitted_on}; leave it out, or mend its media.")
    return found


def _fitted(
    store: Store,
    streams: Iterable[str],
    recordings: Sequence[str],
    fitted_on: str,
    by: str = "train",
    lost: Lost | None = None,
) -> dict[str, Standardisation]:
    fit = Standardisation.fit_range if by == MINMAX else Standardisation.fit
    parts = {name: store.stream(name) for name in streams}

    def known(stream: Stream, recording: str) -> Track:
        track, gone = stream.read(recording), (lost or {}).get(stream.name)
        return track if gone is None else replace(track, values=track.values[~gone[recording]])

    found = {
        name: fit((known(stream, recording) for recording in recordings), fitted_on, stream.schema.gaps)
        for name, stream in parts.items()
    }
    return {name: replace(part, recordings=tuple(recordings)) for name, part in found.items()}


def transductive(
    store: Store, streams: Iterable[str], recordings: Sequence[str], by: str, lost: Lost | None = None
) -> dict[str, dict[str, Standardisation]]:
    """stream -> recording -> mean and spread of its own subject, or of all these recordings together.

    Transductive: what a frame is measured by is known only when all frames of its group are there.

    Args:
        store: the records.
        streams: names.
        recordings: of one partition.
        by: `subject`, over the subject's recordings among these; or `partition`, over all of them.
        lost: frames that are not there to be fitted on.

    Reference:
        Chen & Jin 2015 normalise "in each speaker set", which can mean either.
    """
    subjects = {recording.id: recording.subject for recording in store.recordings}
    groups: dict[str, list[str]] = {}
    for name in recordings:
        groups.setdefault(f"subject {subjects[name]}" if by == "subject" else "partition", []).append(name)
    # whoever was never found stays at 0 throughout, which the network takes for the mean
    fitted = {group: _fitted(store, streams, names, group, lost=lost) for group, names in groups.items()}
    return {
        stream: {name: fitted[group][stream] for group, names in groups.items() for name in names} for stream in streams
    }


def scaler(fitted: Sequence[Standardisation]) -> Callable[[Any, Any], Any]:
    """(frames [frames, channels], index of a recording) -> the frames standardised, in the graph."""
    import tensorflow as tf

    means = tf.constant([part.mean for part in fitted], tf.float32)
    spreads = tf.sqrt(tf.constant([part.variance for part in fitted], tf.float32))

    def scale(frames: Any, index: Any) -> Any:
        scaled = (frames - means[index]) / spreads[index]
        if not fitted[0].gaps:
            return scaled
        return tf.where(tf.reduce_any(frames != 0, axis=-1, keepdims=True), scaled, 0.0)

    return scale
