"""Face: 68 points in the picture from an OpenFace 2 table, the first ones of `landmarks140`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from emotf.features._by_picture import ByPicture, Points
from emotf.features._detected import FLAGS, check_face_options, point_channels
from emotf.features._openface import read_openface

POINTS = 68


@dataclass
class OpenfaceLandmarks136(ByPicture):
    """Reads the 68 points of a face, `x_0`, `y_0` … `x_67`, `y_67`, from the tables that OpenFace 2 writes (-2Dfp).

    They are the first 68 of `landmarks140`. With `flags`, `confidence` is OpenFace's own, and `found` is 1 or 0. Frames
    in which the face was not tracked (`success` 0, a confidence below the bound, or no row of this face) are 0 in all
    channels (a gap). Points may lie outside the picture.

    Attributes:
        stream: the medium that holds the table.
        rate_hz: without `clock`: frames a second of the video, whose frame k then stands at (k - 1) / rate_hz; 0: as
            the timestamps say.
        confidence: frames below it are gaps.
        face: the `face_id` to read; -1: there is only one.

    The other fields are those of `emotf.features._by_picture.ByPicture`.

    Example:
        >>> OpenfaceLandmarks136(clock="video").extract(recording).values.shape  # doctest: +SKIP
        (7500, 138)
        >>> OpenfaceLandmarks136().channels[-4:]
        ('x_67', 'y_67', 'confidence', 'found')

    Reference:
        Baltrušaitis, Zadeh, Lim, Morency (2018), OpenFace 2.0.
    """

    stream: str = "openface"
    confidence: float = 0.5
    face: int = -1

    tool: ClassVar[str] = "OpenFace"

    @property
    def channels(self) -> tuple[str, ...]:
        return point_channels(range(POINTS)) + FLAGS * self.flags

    def _check(self) -> None:
        super()._check()
        check_face_options(self.part, self.rate_hz, self.confidence)

    def _read(self, path: Path, filmed_hz: float) -> Points:
        columns = (*point_channels(range(POINTS)), "confidence")
        table = read_openface(path, columns, filmed_hz, self.confidence, self.face)
        places = table.values[:, :-1].reshape(-1, POINTS, 2)
        certainty = np.repeat(table.values[:, -1:], POINTS, axis=1)
        return Points(places, certainty, table.found, table.hop)
