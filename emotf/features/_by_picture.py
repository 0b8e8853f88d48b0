"""What the streams share that take points from another tool, a row a picture: their clock and their coordinates."""

from abc import abstractmethod
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from emotf.errors import UserError
from emotf.features._detected import Detected, check_coordinates, scaled, with_flags
from emotf.media import picture_clock, picture_times, pictures
from emotf.recording import Recording
from emotf.track import Track

# What a tool wrote may end this many seconds before its video: OpenFace writes no row where it loses one of several
# faces.
SHORT = 1.0


class Points(NamedTuple):
    """What a tool found, a row a picture.

    Attributes:
        places: float32 [frames, points, 2], as written; 0 where a point is missing.
        certainty: float32 [frames, points], 0 to 1; 0 where a point is missing.
        found: bool [frames].
        hop: seconds between frames, where no video tells.
    """

    places: np.ndarray
    certainty: np.ndarray
    found: np.ndarray
    hop: float


@dataclass
class ByPicture(Detected):
    """A part that makes a row of each frame that another tool wrote of a video.

    *With* `clock`, row k is of the k-th picture of the video of that medium, whose pictures tell the times and, where
    width and height are 0, the size. What has more rows than the video has pictures, or ends more than 1 s before it,
    is of another video and refused; pictures after its end are gaps. So videos of different rates and sizes make
    one stream. *Without*, rows are evenly spaced, and only one size fits all recordings.

    Attributes:
        stream: the medium that holds what the tool wrote.
        rate_hz: with `clock`: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady
            rate. Without: see the part.
        coordinates: `image`: x / width and y / height, 0 to 1 inside the picture; or `pixels`: as written.
        width: of the pictures that the tool saw, in pixels; needed for `image` unless there is a `clock`.
        height: as `width`.
        clock: the medium that holds the video, `video`; empty: none.
        flags: add the channels `confidence` and `found`.
    """

    stream: str = ""
    rate_hz: float = 0.0
    coordinates: str = "image"
    width: int = 0
    height: int = 0
    clock: str = ""
    flags: bool = True

    tool: ClassVar[str]

    @property
    def medium(self) -> str:
        return self.stream

    @property
    def media(self) -> tuple[str, ...]:
        return (self.stream, self.clock) if self.clock else (self.stream,)

    @property
    @abstractmethod
    def channels(self) -> tuple[str, ...]: ...

    def compute(self, recording: Recording) -> Track:
        """The stream of what the tool wrote of a recording.

        Raises:
            UserError: settings do not fit, a file is missing, damaged or not the tool's; with `clock`, it is not of
                this video, or the pictures come at uneven times.
        """
        self._check()
        path = recording.medium(self.medium)
        if not self.clock:
            points = self._read(path, self.rate_hz)
            return Track(self._scaled_rows(points, self.height, self.width), hop=points.hop, channels=self.channels)
        video = recording.medium(self.clock)
        times = picture_times(video)
        hop, nearest = picture_clock(video, times, self.rate_hz)
        points = self._read(path, (len(times) - 1) / times[-1] if times[-1] > 0 else self.rate_hz)
        missing = pictures_left(self.tool, path, len(points.found), video, times)
        rows = self._scaled_rows(points, *((self.height, self.width) if self.width else picture_size(video)))
        return Track(np.pad(rows, ((0, missing), (0, 0)))[nearest], hop=hop, channels=self.channels)

    def _check(self) -> None:
        """Refuses settings before anything is read."""
        check_coordinates(self.part, self.coordinates)
        known = min(self.width, self.height) >= 1 or (self.clock and self.width == self.height == 0)
        if self.coordinates == "image" and not known:
            raise UserError(
                f"{self.part}: the picture is {self.width} x {self.height} pixels, expected width= and height= "
                "of the video; or name the medium that holds it with clock=, or choose coordinates=pixels."
            )

    @abstractmethod
    def _read(self, path: Path, filmed_hz: float) -> Points:
        """What the tool wrote of a video of `filmed_hz` pictures a second (0: the file tells)."""

    def _rows(self, places: np.ndarray, certainty: np.ndarray, found: np.ndarray) -> np.ndarray:
        """The channels: all coordinates, and the flags; the confidence is the mean certainty of the points."""
        return with_flags(places.reshape(len(places), -1), found, certainty.mean(axis=1), self.flags)

    def _scaled_rows(self, points: Points, height: int, width: int) -> np.ndarray:
        return self._rows(scaled(points.places, (height, width), self.coordinates), points.certainty, points.found)


def pictures_left(tool: str, path: Path, frames: int, video: Path, times: np.ndarray) -> int:
    """How many pictures the video goes on for after the last frame that a tool wrote of it.

    Raises:
        UserError: there are more frames than pictures, or they end more than 1 s before the video.
    """
    left = len(times) - frames
    if left < 0 or (left and times[-1] - times[frames - 1] > SHORT):
        raise UserError(
            f"{path} has {frames} frames, but {video} has {len(times)} pictures; run {tool} on this very video."
        )
    return left


def picture_size(video: Path) -> tuple[int, int]:
    """Height and width of the first picture, upright."""
    with closing(pictures(video)) as shown:  # type: ignore[type-var]  # it is a generator
        height, width, _ = next(shown)[1].shape
    return height, width
