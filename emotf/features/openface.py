"""Face: channels of an OpenFace 2 table, by default action units, head pose and direction of gaze."""

from dataclasses import dataclass, replace

from emotf.errors import UserError
from emotf.features._detected import Detected, check_face_options
from emotf.features._openface import INTENSITIES, openface_columns, read_openface
from emotf.recording import Recording
from emotf.track import Track

ALWAYS = (*INTENSITIES, "pose_Rx", "pose_Ry", "pose_Rz")
IF_THERE = ("gaze_angle_x", "gaze_angle_y")  # older versions of OpenFace 2 do not write them


@dataclass
class Openface(Detected):
    """Reads channels of the tables that OpenFace 2 writes.

    The default are the intensities of the 17 action units (`AU01_r` to `AU45_r`), the head's rotations `pose_Rx`,
    `pose_Ry`, `pose_Rz` (radians) and, where the table has them, the gaze angles `gaze_angle_x` and `gaze_angle_y`
    (radians). Names are case sensitive. Frames in which the face was not tracked (`success` 0, a confidence below the
    bound, or no row of this face) are gaps: 0 in all channels.

    Attributes:
        stream: the medium that holds the table.
        names: the columns to read, as in the header; empty: the default, settled by the first recording.
        rate_hz: frames a second of the video, whose frame k then stands at (k - 1) / rate_hz; 0: as the timestamps say.
        confidence: frames below it are gaps.
        face: the `face_id` to read; -1: there is only one.

    Example:
        >>> Openface(names=("AU12_r", "AU06_r"), rate_hz=25).extract(recording).channels  # doctest: +SKIP
        ('AU12_r', 'AU06_r')

    Reference:
        Baltrušaitis, Zadeh, Lim, Morency (2018), OpenFace 2.0.
    """

    stream: str = "openface"
    names: tuple[str, ...] = ()
    rate_hz: float = 0.0
    confidence: float = 0.5
    face: int = -1

    @property
    def medium(self) -> str:
        return self.stream

    @property
    def channels(self) -> tuple[str, ...] | None:
        return tuple(self.names) or None

    def resolved(self, recording: Recording) -> "Openface":
        """The same feature with the default channels that the recording's table has, where none are named.

        Raises:
            UserError: the table is missing or none of OpenFace 2, or lacks action units or pose.
        """
        if self.names:
            return self
        path = recording.medium(self.medium)
        there = openface_columns(path)
        missing = [name for name in ALWAYS if name not in there]
        if missing:
            raise UserError(
                f"{path} has no column {missing[0]!r}; run OpenFace with -aus -pose, or choose columns with names=."
            )
        return replace(self, names=(*ALWAYS, *(name for name in IF_THERE if name in there)))

    def compute(self, recording: Recording) -> Track:
        """The channels of a recording's table.

        Raises:
            UserError: settings do not fit, or the table is missing, none of OpenFace 2, or lacks columns or times.
        """
        check_face_options("openface", self.rate_hz, self.confidence)
        names = self.resolved(recording).names
        table = read_openface(recording.medium(self.medium), names, self.rate_hz, self.confidence, self.face)
        return Track(table.values, hop=table.hop, channels=names)
