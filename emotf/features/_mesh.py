"""What the streams share that come from MediaPipe's mesh of a face alone."""

from abc import abstractmethod
from pathlib import Path

import numpy as np

from emotf.features._detected import FLAGS, Detected, check_face_options, with_flags
from emotf.media import FaceMesh, face_mesh, picture_clock
from emotf.recording import Recording
from emotf.track import Track


class FromMesh(Detected):
    """A part that makes a row of numbers of every face mesh, and flags it.

    The fields are declared by each part, in its own order.

    Attributes:
        flags: whether the channels `FLAGS` follow the others.
        rate_hz: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate.
    """

    flags: bool
    rate_hz: float

    medium = "video"

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The channels without the flags."""

    @property
    def channels(self) -> tuple[str, ...]:
        return self.names + FLAGS * self.flags

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's video.

        Raises:
            UserError: settings do not fit, the video is missing or damaged, or its pictures come at uneven times.
        """
        self._check()
        path = recording.medium(self.medium)
        mesh = face_mesh(path)
        hop, nearest = picture_clock(path, mesh.times, self.rate_hz)
        # the rows as filmed go before `Track` copies what it is given: of the whole mesh, 1 GB in two hours
        return Track(self.rows(path, mesh)[nearest], hop=hop, channels=self.channels)

    def rows(self, path: Path, mesh: FaceMesh) -> np.ndarray:
        """All channels of every picture as filmed, float32 [frames, channels]."""
        return with_flags(self._rows(path, mesh), mesh.found, mesh.confidence, self.flags)

    def _check(self) -> None:
        """Refuses settings before anything is read."""
        check_face_options(self.part, self.rate_hz)

    @abstractmethod
    def _rows(self, path: Path, mesh: FaceMesh) -> np.ndarray:
        """The channels `names` of every picture as filmed, [frames, channels]; anything where there is no face."""
