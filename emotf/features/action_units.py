"""Face: intensities of 17 action units from an OpenFace 2 table, and two channels that say whether there is a face."""

from dataclasses import dataclass

import numpy as np

from emotf.features._detected import FLAGS, Detected, check_face_options, with_flags
from emotf.features._openface import INTENSITIES, read_openface
from emotf.recording import Recording
from emotf.track import Track


@dataclass
class ActionUnits(Detected):
    """Intensities of action units, 0 to 5, `AU01_r` to `AU45_r`, from the tables that OpenFace 2 writes.

    Units from elsewhere, such as a corpus's own descriptors, are read by `precomputed`; other columns of the table by
    `openface`. The last channels are `confidence`, OpenFace's own, and `found`, 1 or 0. Frames in which the face was
    not tracked (`success` 0, a confidence below the bound, or no row of this face) are 0 in all channels (gaps).

    Attributes:
        stream: the medium that holds the table.
        units: the columns to read.
        flags: whether the last two channels are there.
        rate_hz: frames a second of the video, whose frame k then stands at (k - 1) / rate_hz; 0: as the timestamps say.
        confidence: frames below it are gaps.
        face: the `face_id` to read; -1: there is only one.

    Example:
        >>> ActionUnits(rate_hz=25).extract(recording).values.shape  # doctest: +SKIP
        (7500, 19)

    Reference:
        Baltrušaitis, Zadeh, Lim, Morency (2018), OpenFace 2.0.
    """

    stream: str = "openface"
    units: tuple[str, ...] = INTENSITIES
    flags: bool = True
    rate_hz: float = 0.0
    confidence: float = 0.5
    face: int = -1

    @property
    def medium(self) -> str:
        return self.stream

    @property
    def channels(self) -> tuple[str, ...]:
        return (*self.units, *FLAGS * self.flags)

    def compute(self, recording: Recording) -> Track:
        """The units of a recording's table.

        Raises:
            UserError: settings do not fit, or the table is missing, none of OpenFace 2, or lacks columns or times.
        """
        check_face_options("action_units", self.rate_hz, self.confidence)
        path, columns = recording.medium(self.medium), (*self.units, "confidence")
        table = read_openface(path, columns, self.rate_hz, self.confidence, self.face)
        units, confidence = np.split(table.values, [len(self.units)], axis=1)
        rows = with_flags(units, table.found, confidence[:, 0], self.flags)
        return Track(rows, hop=table.hop, channels=self.channels)
