"""The gold standard of a recording: fused ratings, all targets on one clock; compensation of the raters' delay."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from emotf.annotation.fusion import FUSIONS
from emotf.errors import UserError
from emotf.recording import Recording
from emotf.track import Track, stack


class Rated(Protocol):
    """What this room needs of a corpus (corpora are a room above, so they are not imported)."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the rated targets."""

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """One channel a rater; None where the target was not rated."""


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


def ratings_of(corpus: Rated, recordings: Sequence[Recording], target: str) -> dict[str, Track]:
    """Recording -> its ratings of a target [frames, raters]; recordings in which it was not rated are left out.

    Raises:
        UserError: a rating is infinite.
    """
    found = {recording.id: _ratings(corpus, recording, target) for recording in recordings}
    return {name: ratings for name, ratings in found.items() if ratings is not None}


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
        ratings = _ratings(corpus, recording, target)
        if ratings is not None:
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


def _ratings(corpus: Rated, recording: Recording, target: str) -> Track | None:
    ratings = corpus.ratings(recording, target)
    if ratings is not None and np.isinf(ratings.values).any():
        raise UserError(f"Recording {recording.id}: a rating of {target} is infinite; correct or empty it.")
    return ratings
