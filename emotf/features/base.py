"""What every feature offers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from emotf.errors import UserError
from emotf.recording import Recording
from emotf.track import Track

Kind = Literal["extracted", "raw"]


@dataclass
class Feature(ABC):
    """Turns one medium of a recording into a stream.

    A subclass sets `medium` (and `kind`) as plain class attributes, `medium = "audio"`, or overrides the properties
    where only an instance knows them; it writes `compute`, and callers use `extract`.
    """

    @property
    @abstractmethod
    def medium(self) -> str:
        """What it reads: `audio`, `video`, `body`, or the name of a precomputed stream."""

    @property
    def kind(self) -> Kind:
        """`raw` for a signal as it was captured, only standardised later; `extracted` for anything computed from one.

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
        source = f"Recording {recording.id}, {self.medium} ({recording.media.get(self.medium, 'no file')})"
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
