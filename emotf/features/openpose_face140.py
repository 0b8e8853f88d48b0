"""Face: 70 points that OpenPose found, from its JSON files, with the channels of `landmarks140`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.features._detected import FLAGS, point_channels
from emotf.features._from_openpose import FromOpenpose
from emotf.features._openpose import FACE_POINTS, read_faces


@dataclass
class OpenposeFace140(FromOpenpose):
    """Reads the 70 points of a face from the folders of JSON files that OpenPose writes with --face.

    The points are the 68 of the usual scheme and the two pupils, in the order of `landmarks140`: `x_0`, `y_0` …
    `x_69`, `y_69`. The face is that of the person whom `openpose_json` follows; where OpenPose looked for no bodies
    (`pose_keypoints_2d` empty), a face is followed by its own points in the same way.

    With `flags`, `confidence` is the mean confidence of the 70 points, and `found` is 1 or 0. A single point that
    OpenPose did not find is 0, 0. Frames in which the person is not there, or his face is not, are 0 in all channels
    (a gap).

    The fields are those of `FromOpenpose` and of `emotf.features._by_picture.ByPicture`.

    Example:
        >>> OpenposeFace140(clock="video").extract(recording).values.shape  # doctest: +SKIP
        (75, 142)
        >>> OpenposeFace140(flags=False).channels[-2:]
        ('x_69', 'y_69')

    Reference:
        Cao, Hidalgo, Simon, Wei, Sheikh (2019), OpenPose; Orgil, Karungaru, Terada, Shagdar (2021): 70 facial
        landmarks of OpenPose.
    """

    @property
    def channels(self) -> tuple[str, ...]:
        return point_channels(range(FACE_POINTS)) + FLAGS * self.flags

    def _key_points(self, folder: Path, filmed_hz: float, first: int) -> np.ndarray:
        return read_faces(folder, filmed_hz, first)
