"""What the streams share that come from OpenPose's JSON files: folder, numbers of frames, and units of coordinates."""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from emotf.errors import UserError
from emotf.features._by_picture import ByPicture, Points


@dataclass
class FromOpenpose(ByPicture):
    """A part that reads the folders of JSON files that OpenPose writes, one file a frame.

    Files are taken in the order of their frame numbers, the last digits of their names; numbers that are left out are
    gaps. Of several people one is followed: the largest at first, from then on who bears his `person_id` or lies
    nearest to where he was (`emotf.features._openpose.read_bodies`), so that all streams of a folder are of one person.

    Attributes:
        stream: the medium that holds the folder.
        rate_hz: without `clock`: frames a second of the video that OpenPose was run on; the files do not say, so it is
            needed.
        first_frame: number of the frame at 0 s; -1: the lowest in the folder, with `clock` 0, as OpenPose counts.
    """

    stream: str = "openpose"
    first_frame: int = -1

    tool: ClassVar[str] = "OpenPose"

    def _check(self) -> None:
        super()._check()
        if not self.clock and not 0 < self.rate_hz <= 1000:
            raise UserError(
                f"{self.part}: rate_hz is {self.rate_hz:g}, expected frames a second of the video, for example 25 "
                "(OpenPose's files do not say); or name the medium that holds it with clock=."
            )

    def _read(self, path: Path, filmed_hz: float) -> Points:
        first = 0 if self.clock and self.first_frame < 0 else self.first_frame
        points = self._key_points(path, filmed_hz, first)
        places, certainty = points[..., :2], points[..., 2]
        if self.coordinates == "image" and places.any() and np.abs(places).max() <= 1:
            raise UserError(
                f"{path} holds no pixels but shares of the picture already (OpenPose's --keypoint_scale); choose "
                "coordinates=pixels, which takes them as written."
            )
        return Points(places, certainty, certainty.any(axis=1), 1 / filmed_hz)

    @abstractmethod
    def _key_points(self, folder: Path, filmed_hz: float, first: int) -> np.ndarray:
        """Float32 [frames, points, 3]: x, y as written and confidence; 0, 0, 0 where a point is missing."""
