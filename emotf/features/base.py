"""What every feature offers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from emotf.recording import Recording
from emotf.track import Track


@dataclass
class Feature(ABC):
    """Turns one medium of a recording into a stream.

    Attributes:
        medium: what it reads (`audio`, `video`, `body`, ...).
        kind: `raw` for a signal as it was captured, only standardised later; `extracted` for anything computed
            from one. A mix of both is what Köprü & Erzin (2020) call semi-end-to-end.
    """

    medium: ClassVar[str]
    kind: ClassVar[Literal["extracted", "raw"]] = "extracted"

    @property
    @abstractmethod
    def channels(self) -> tuple[str, ...] | None:
        """Names of the channels; None where only the file knows them."""

    @property
    @abstractmethod
    def window(self) -> float:
        """Seconds of media behind one frame."""

    @abstractmethod
    def extract(self, recording: Recording) -> Track:
        """The stream of a whole recording.

        Raises:
            UserError: the medium is missing or unreadable.
        """
