"""Face: action units, yaw, pitch and optical flow as one stream, from an OpenFace 2 table and its video."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.features._by_picture import pictures_left
from emotf.features._detected import FLAGS, Detected, check_face_options, point_channels, with_flags
from emotf.features._flow import flow_rows
from emotf.features._openface import INTENSITIES, read_openface
from emotf.features.head_pose import angles
from emotf.media import face_mesh, picture_clock, pictures
from emotf.recording import Recording
from emotf.track import Track

POSES = ("mesh", "table")
BOX = point_channels(range(68))


@dataclass
class FacialAttributes(Detected):
    """The visual stream of Köprü & Erzin (2020) on RECOLA: action units, yaw and pitch (no roll), mean and sd of flow.

    Which units, how many, and whose is not stated: here the 17 intensities of OpenFace 2 (0 to 5). `yaw` and `pitch`
    are radians with the signs of `emotf.features.head_pose`, which are OpenFace's; `flow_mean` and `flow_sd` are those
    of `emotf.features.optical_flow`. The clock is the video's.

    Frame k of the table is picture k of the video, so the table must be of this very file. One that has more frames, or
    ends more than 1 s before the video, is refused; pictures after its end count as not tracked.

    The last channels are `confidence` (the table's, or the mesh's where that is used and lower) and `found`. Frames in
    which the table, or the mesh where that is used, has no face are 0 in all channels (gaps).

    Attributes:
        table: the medium that holds the OpenFace 2 table.
        units: its columns to read.
        pose: where yaw, pitch and the box of the flow come from: `mesh`, MediaPipe's in the video; `table`, its
            `pose_Ry`, `pose_Rx` and the box of `x_0..67`, `y_0..67`.
        flags: whether the last two channels are there; without, 17 + 2 + 2.
        rate_hz: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate.
        confidence: frames of the table below it are gaps.
        face: the `face_id` to read from the table; -1: there is only one.

    Example:
        >>> FacialAttributes().extract(recording).values.shape  # doctest: +SKIP
        (7500, 23)

    Reference:
        Köprü & Erzin (2020), section on RECOLA; Baltrušaitis, Zadeh, Lim, Morency (2018), OpenFace 2.0.
    """

    table: str = "openface"
    units: tuple[str, ...] = INTENSITIES
    pose: str = "mesh"
    flags: bool = True
    rate_hz: float = 0.0
    confidence: float = 0.5
    face: int = -1

    @property
    def medium(self) -> str:
        return self.table

    @property
    def media(self) -> tuple[str, ...]:
        return (self.table, "video")

    @property
    def channels(self) -> tuple[str, ...]:
        return (*self.units, "yaw", "pitch", "flow_mean", "flow_sd", *FLAGS * self.flags)

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's table and video.

        Raises:
            UserError: settings do not fit, a file is missing or damaged, the table is not of this video, or its
                pictures come at uneven times.
        """
        check_face_options("facial_attributes", self.rate_hz, self.confidence)
        if self.pose not in POSES:
            raise UserError(f"facial_attributes: pose is {self.pose!r}, choose one of {', '.join(POSES)}.")
        path, video = recording.medium(self.table), recording.medium("video")
        by_table = self.pose == "table"
        columns = (*self.units, "confidence", *(("pose_Ry", "pose_Rx", *BOX) if by_table else ()))
        # frames are joined by number, so no time is taken from the table
        table = read_openface(path, columns, rate_hz=1, confidence=self.confidence, face=self.face)
        if by_table:
            times = np.array([time for time, _ in pictures(video)])
        else:
            mesh = face_mesh(video)
            times = mesh.times
        hop, nearest = picture_clock(video, times, self.rate_hz)
        values, found = _joined(path, video, table.values, table.found, times)
        units, confidence, others = np.split(values, [len(self.units), len(self.units) + 1], axis=1)
        confidence = confidence[:, 0]
        if by_table:
            turned, points = others[:, :2], others[:, 2:].reshape(len(others), -1, 2)
        else:
            found = found & mesh.found
            confidence = np.minimum(confidence, mesh.confidence)
            points = mesh.landmarks[..., :2]
            turned = np.zeros((len(times), 2))
            turned[found] = angles(mesh.landmarks[found])[:, :2]
        flow = flow_rows(video, points, found)[:, :2]
        rows = with_flags(np.hstack([units, turned, flow]), found, confidence, self.flags)
        return Track(rows[nearest], hop=hop, channels=self.channels)


def _joined(
    path: Path, video: Path, values: np.ndarray, found: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A row of the table for every picture."""
    missing = pictures_left("OpenFace", path, len(values), video, times)
    return np.pad(values, ((0, missing), (0, 0))), np.pad(found, (0, missing))
