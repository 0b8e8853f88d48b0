"""From raters to the gold standard: fusion of raters, compensation of their delay, all targets on one clock."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from emotf.errors import UserError
from emotf.recording import Recording
from emotf.track import Track, stack


class Rated(Protocol):
    """What this module needs of a corpus (corpora are a room above, so they are not imported)."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the rated targets."""

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """One channel a rater; None where the target was not rated."""


def mean_of_raters(ratings: Track) -> Track:
    """The mean over those who rated, frame by frame (Köprü & Erzin 2020 use the mean of the raters).

    Args:
        ratings: [frames, raters], NaN where a rater gave nothing.

    Returns:
        [frames, 1], channel `gold`; NaN where nobody rated.
    """
    rated = ~np.isnan(ratings.values)
    total = np.where(rated, ratings.values, 0).sum(axis=1, dtype=np.float64)
    count = rated.sum(axis=1)
    mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return replace(ratings, values=mean[:, None], channels=("gold",))


def compensate_delay(gold: Track, seconds: float) -> Track:
    """Moves ratings earlier by the time that raters need to react.

    Args:
        gold: [frames, targets].
        seconds: a multiple of the hop; the value rated at t + `seconds` comes to stand at t. The last `seconds` are
            NaN (for a negative value the first ones).

    Raises:
        UserError: `seconds` is no multiple of the hop.
    """
    return gold.advance(seconds)


FUSIONS: dict[str, Callable[[Track], Track]] = {"mean": mean_of_raters}


def gold_standard(corpus: Rated, recording: Recording, fusion: str = "mean") -> Track:
    """The fused ratings of a recording, all targets of the corpus side by side.

    Args:
        corpus: gives `targets` and `ratings`.
        recording: one of its recordings.
        fusion: how raters become one trace, a name in `FUSIONS`.

    Returns:
        [frames, targets], channels in the order of `corpus.targets`; a target that this recording lacks is NaN.

    Raises:
        UserError: the fusion is unknown, two targets stand on different clocks, or nothing is rated at all.
    """
    if fusion not in FUSIONS:
        raise UserError(f"Fusion of raters is one of {', '.join(FUSIONS)}, received {fusion!r}.")
    fused: dict[str, Track] = {}
    for target in corpus.targets:
        ratings = corpus.ratings(recording, target)
        if ratings is not None:
            if np.isinf(ratings.values).any():
                raise UserError(f"Recording {recording.id}: a rating of {target} is infinite; correct or empty it.")
            fused[target] = replace(FUSIONS[fusion](ratings), channels=(target,))
    if not any(np.isfinite(track.values).any() for track in fused.values()):
        raise UserError(
            f"Recording {recording.id} has no rating of any target ({', '.join(corpus.targets) or 'none known'}); "
            f"rate it or leave it out."
        )
    first = next(iter(fused.values()))
    for target, track in fused.items():
        # nothing is trimmed to fit: two lengths mean that one of the files is not what it seems
        first.check_same_clock(track, f"Recording {recording.id}: {first.channels[0]}", target)
    empty = np.full((first.frames, 1), np.nan)
    return stack([fused.get(name, replace(first, values=empty, channels=(name,))) for name in corpus.targets])
