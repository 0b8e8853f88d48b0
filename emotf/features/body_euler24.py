"""Body motion: 12 Euler angles as captured, with their deltas, 24 channels a frame."""

from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.framing import deltas
from emotf.recording import Recording
from emotf.tables import read_track
from emotf.track import Track

ANGLES = 12


@dataclass
class BodyEuler24(Feature):
    """Rotations (x, y, z) of four joints in degrees, and their rates of change.

    Reads the table of the medium `body` (`emotf.tables.read_track`: `time` and 12 columns of any names), at the frame
    rate of the file. The paper feeds the captured angles themselves; two readings of ours:

    - An angle that is written within ±180° jumps by 360° where the joint turns past it, a step that no body made. The
      angles are unwrapped over time, and then moved as a whole by full turns until the recording's median lies in
      (-180°, 180°]; a joint that stays away from ±180° keeps the very values that were captured.
    - Deltas in degrees a second, the slope of a line fitted over ±2 frames (see `emotf.framing.deltas`).

    Channels: the file's 12 names, then the same with `_d`. The stream is `raw`.

    Example:
        >>> BodyEuler24().extract(recording).values.shape  # doctest: +SKIP
        (12600, 24)

    Reference:
        Köprü & Erzin (2020): Euler rotation angles and their deltas, 12 + 12, at 60 frames a second.
    """

    medium = "body"
    kind = "raw"

    @property
    def channels(self) -> None:
        """None: the file names the joints."""
        return None

    @property
    def window(self) -> float:
        """0: one captured frame stands behind an angle (deltas also see two frames on either side)."""
        return 0.0

    def compute(self, recording: Recording) -> Track:
        """Angles and deltas of a recording.

        Raises:
            UserError: the table is missing or unreadable, has not 12 angles, or has cells without a number.
        """
        path = recording.medium("body")
        captured = read_track(path)
        if len(captured.channels) != ANGLES:
            raise UserError(
                f"{path} has {len(captured.channels)} columns besides 'time', expected {ANGLES}: x, y and z rotations "
                "of four joints, in degrees."
            )
        missing = int((~np.isfinite(captured.values)).sum())
        if missing:
            raise UserError(f"{path} has {missing} cells that hold no number; fill the gaps before reading it.")
        angles = continuous(captured.values)
        return Track(
            np.hstack([angles, deltas(angles) / captured.hop]),
            hop=captured.hop,
            start=captured.start,
            channels=(*captured.channels, *(f"{name}_d" for name in captured.channels)),
        )


def continuous(angles: np.ndarray) -> np.ndarray:
    """Angles in degrees [frames, channels] without jumps at ±180, each channel's median in (-180, 180].

    Example:
        >>> continuous(np.array([[178.0], [179.0], [-179.0]])).ravel().tolist()
        [178.0, 179.0, 181.0]
    """
    whole = np.unwrap(np.asarray(angles, np.float64), period=360, axis=0)
    turns = np.ceil((np.median(whole, axis=0) - 180) / 360)
    return whole - 360 * turns
