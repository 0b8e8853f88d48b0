"""Streams that are lost in part of every recording: no face in the picture, no microphone."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.pipeline.lazy import Lazy, clocks
from emotf.records import Store
from emotf.track import Clock, Track

# stream -> recording -> which of its frames are lost, bool [frames]
Lost = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Missing:
    """Streams that are lost together, as a lost face takes all that describes it, in a share of every recording.

    What is lost lies in stretches that do not touch. Their number gives them the mean length asked for; of all their
    lengths and places each choice is as likely. It depends on the recording, the names of the streams, share, stretch
    and seed only, so that all runs on the same records lose the same seconds.

    Attributes:
        streams: their names, each once.
        share: of the frames of the gold standard of a recording, above 0 and at most 1; met to half a frame, and by one
            frame at least.
        stretch: mean length in seconds. A recording that loses less in all loses it in one stretch.
        seed: of lengths and places.

    Raises:
        UserError: no stream or one twice, or a share or length outside its range.

    Example:
        >>> lost = Missing(("mel128",), share=0.3, stretch=0.1).lost("r1", Clock(0.0, 0.04, frames=20))
        >>> print(Missing(("mel128",), share=0.3), lost.sum())
        mel128:0.3 6
    """

    streams: tuple[str, ...]
    share: float = 1.0
    stretch: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not all(self.streams) or not self.streams:
            raise UserError(f"Missing {str(self)!r} names no stream; write, for example, pose36+mel128:0.5.")
        if len(set(self.streams)) != len(self.streams):
            raise UserError(f"Missing {self} names a stream twice; name each once.")
        if not 0 < self.share <= 1:
            raise UserError(f"Missing {self}: a share of {self.share:g}, expected above 0 and at most 1.")
        if not self.stretch > 0:
            raise UserError(f"Missing {self}: stretches of {self.stretch:g} s, expected above 0 s.")

    def __str__(self) -> str:
        return "+".join(self.streams) + (f":{self.share}" if self.share != 1 else "")

    def lost(self, recording: str, gold: Clock) -> np.ndarray:
        """Which frames of the gold standard of a recording are without the streams, bool [gold frames]."""
        gone = max(1, round(self.share * gold.frames))
        left = gold.frames - gone
        stretches = min(max(1, round(gone * gold.hop / self.stretch)), gone, left + 1)
        key = repr((recording, sorted(self.streams), float(self.share), float(self.stretch), self.seed))
        rng = np.random.default_rng(list(hashlib.sha256(key.encode()).digest()))
        lengths = np.empty(2 * stretches + 1, np.int64)
        lengths[1::2] = _divided(rng, gone, stretches)
        lengths[::2] = _divided(rng, left + 2, stretches + 1)
        lengths[[0, -1]] -= 1  # before the first and after the last there may be nothing, between two there is a frame
        return np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)

    def frames(self, store: Store, golds: Mapping[str, Track]) -> Lost:
        """Which frames of the streams are lost: on a clock of their own, those whose nearest gold frame is.

        Raises:
            UserError: a recording lacks one of the streams.
        """
        gold = clocks(golds)

        def of(own: Mapping[str, Clock]) -> Lazy[np.ndarray]:
            # what reaches beyond the gold standard goes with its edge
            return Lazy(own, lambda name: self.lost(name, gold[name])[gold[name].nearest(own[name].times, np.inf)])

        return {stream: of(store.stream(stream).clocks(golds)) for stream in self.streams}


def parse_missing(
    texts: Sequence[str], streams: Iterable[str], stretch: float = 5.0, seed: int = 0
) -> tuple[Missing, ...]:
    """What a command line says is missing.

    Args:
        texts: each names streams, joined by `+`, and after a colon the share of frames (all where it is left out).
        streams: those of the run; the names of `Missing` follow their order.
        stretch, seed: of all of them.

    Raises:
        UserError: a text says nothing, something impossible, or the same as another.

    Example:
        >>> [str(one) for one in parse_missing(["face+pose:.5", "mel128"], ["mel128", "pose", "face"])]
        ['pose+face:0.5', 'mel128']
    """
    order = list(streams)
    found = [_parsed(text, order, stretch, seed) for text in texts]
    twice = [str(one) for i, one in enumerate(found) if one in found[:i]]
    if twice:
        raise UserError(f"Missing {twice[0]} is asked for twice; ask once.")
    return tuple(found)


def _parsed(text: str, order: Sequence[str], stretch: float, seed: int) -> Missing:
    names, colon, share = text.partition(":")
    given = [name.strip() for name in names.split("+")]
    for name in given:
        if name and name not in order:
            raise UserError(f"Missing {text}: the run has no stream {name!r}, only {', '.join(order)}.")
    try:
        number = float(share) if colon else 1.0
    except ValueError:
        raise UserError(f"Missing {text}: {share!r} is no share of frames; write, for example, {names}:0.5.") from None
    return Missing(tuple(sorted(given, key=lambda name: order.index(name) if name else -1)), number, stretch, seed)


def _divided(rng: np.random.Generator, total: int, parts: int) -> np.ndarray:
    """A whole number as a sum of so many numbers of at least 1, int64 [parts]; each such sum is as likely."""
    cuts = np.sort(rng.choice(total - 1, parts - 1, replace=False)) + 1
    return np.diff(np.concatenate([[0], cuts, [total]]))
