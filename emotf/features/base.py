"""What every feature offers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from emotf.errors import UserError
from emotf.recording import Recording
from emotf.track import Track

Kind = Literal["extracted", "raw", "pictures"]


@dataclass
class Feature(ABC):
    """Turns one medium of a recording into a stream.

    A subclass sets `medium` (and `kind`) as plain class attributes, `medium = "audio"`, or overrides the properties
    where only an instance knows them; it writes `compute`, and callers use `extract`.
    """

    @property
    def part(self) -> str:
        """Its name, that of its file."""
        return type(self).__module__.rpartition(".")[2]

    @property
    @abstractmethod
    def medium(self) -> str:
        """What it reads: `audio`, `video`, `body`, or the name of a precomputed stream."""

    @property
    def media(self) -> tuple[str, ...]:
        """All that it reads; only `medium`, unless it joins several."""
        return (self.medium,)

    @property
    def kind(self) -> Kind:
        """`raw` for a signal as it was captured, only standardised later; `extracted` for anything computed from one;
        `pictures` for a film (`PictureFeature`).

        A mix of both is what Köprü & Erzin (2020) call semi-end-to-end.
        """
        return "extracted"

    @property
    @abstractmethod
    def channels(self) -> tuple[str, ...] | None:
        """Names of the channels; None where only the file knows them."""

    @property
    @abstractmethod
    def window(self) -> float:
        """Seconds of media behind one frame."""

    @property
    def gaps(self) -> bool:
        """Whether a frame of zeros says that nothing was found (no face): standardisation leaves it out and at 0."""
        return False

    def resolved(self, recording: Recording) -> "Feature":
        """This feature with all that the files of a recording declare filled in; most features know it all before."""
        del recording
        return self

    def extract(self, recording: Recording) -> Track:
        """The stream of a whole recording, checked: at least one frame, every value finite.

        Raises:
            UserError: the medium is missing or unreadable, or yields no frames or values that are not finite.
        """
        track = self.compute(recording)
        file = recording.media.get(self.medium) or recording.media.get("video") or "no file"  # the video's own sound
        source = f"Recording {recording.id}, {self.medium} ({file})"
        if not track.frames:
            raise UserError(f"{source} yields no frames; it is too short for {type(self).__name__}.")
        bad = ~np.isfinite(track.values)
        if bad.any():
            frame, channel = np.argwhere(bad)[0]
            raise UserError(
                f"{source}: {bad.sum()} of {bad.size} values are NaN or infinite, first {track.channels[channel]!r} at "
                f"{track.times[frame]:.2f} s; mend the file or leave the recording out."
            )
        return track

    @abstractmethod
    def compute(self, recording: Recording) -> Track:
        """The stream of a whole recording, unchecked.

        Raises:
            UserError: the medium is missing or unreadable.
        """


@dataclass(frozen=True)
class Film:
    """A stream of pictures, one at a time.

    Attributes:
        hop: seconds between frames.
        start: seconds, the time of the first frame.
        shots: a frame each: the picture, uint8 rgb [height, width, 3], or None where nothing was found; and the numbers
            beside it, float32 [channels].
    """

    hop: float
    start: float
    shots: Iterator[tuple[np.ndarray | None, np.ndarray]]


@dataclass
class PictureFeature(Feature):
    """A feature whose frames are pictures; `channels` name the numbers beside each.

    Its records hold JPEG files. They feed no network directly: a feature such as resnet50 makes numbers of them.
    """

    @property
    def kind(self) -> Kind:
        return "pictures"

    @abstractmethod
    def film(self, recording: Recording) -> Film:
        """The pictures of a whole recording, decoded as they are asked for.

        Raises:
            UserError: the medium is missing or unreadable.
        """

    def compute(self, recording: Recording) -> Track:
        """The numbers beside the pictures."""
        film = self.film(recording)
        return Track(np.stack([values for _, values in film.shots]), film.hop, film.start, self.channels or ())


@dataclass
class FittedFeature(Feature):
    """A feature that learns from the recordings of partition train before it can extract anything.

    A subclass writes `learn` and `compute`, which finds what was learned in `self.learned`. What was learned lies
    beside the stream's schema (`emotf.records.learning`), and an experiment that would choose or test on a recording
    that it was learned from is refused.

    Attributes:
        fold: whose train: session `fold` is tested, the next one chooses, the others train; -1: the partitions that
            the corpus fixes, or fold 0 where it fixes none.
    """

    fold: int = -1

    def __post_init__(self) -> None:
        self._learned: Mapping[str, np.ndarray] | None = None  # no field: it is no setting

    @property
    def learned(self) -> Mapping[str, np.ndarray]:
        """What was learned. Raises UserError where nothing was."""
        if self._learned is None:
            raise UserError(
                f"{self.part} has not been fitted; extract the stream first (tools/extract.py), which fits it."
            )
        return self._learned

    def fit(self, recordings: Sequence[Recording]) -> Self:
        """A copy of this feature that has learned from recordings, all of partition train.

        Raises:
            UserError: a medium is missing or unreadable, or the recordings hold too little to learn from.
        """
        return self.knowing(self.learn(recordings))

    def knowing(self, learned: Mapping[str, np.ndarray]) -> Self:
        """A copy of this feature that has learned this before."""
        copy = replace(self)
        copy._learned = learned
        return copy

    @abstractmethod
    def learn(self, recordings: Sequence[Recording]) -> dict[str, np.ndarray]:
        """Name -> array, learned from the recordings; the same ones in the same order give the same."""
