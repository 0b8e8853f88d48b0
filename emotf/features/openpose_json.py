"""Body: 18 key points that OpenPose found, from its JSON files, with the channels of `pose36`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.features._body18 import body_channels, body_rows
from emotf.features._from_openpose import FromOpenpose
from emotf.features._openpose import MODELS, read_bodies


@dataclass
class OpenposeJson(FromOpenpose):
    """Reads the folders of JSON files that OpenPose writes, one file a frame, in place of `pose36`.

    COCO's 18 key points are taken as they are; of BODY_25, mid-hip and feet are left out and the others brought into
    COCO's order. BODY_25B has 25 key points too, in another order, and files do not say which they are of: `model`
    does, and what it says is refused where limbs would be far shorter in the other order.
    `emotf.features._from_openpose.FromOpenpose` says how files are ordered and which of several people is followed.

    Channels as of `pose36`: 36 coordinates; with `visibility`, 18 confidences of OpenPose (0 to 1); with `flags`,
    `confidence`, the mean confidence of the 18, and `found`. A key point that OpenPose did not find is 0, 0 with
    confidence 0: no place in the picture, which a network can tell by `visibility`. Frames of nobody are 0 in all
    channels (a gap).

    Attributes:
        model: `body_25`, OpenPose's usual one, or `body_25b`: which one files of 25 key points are of; those of 18 are
            COCO's.
        visibility: add the channels of each point's confidence.

    The other fields are those of `FromOpenpose` and of `emotf.features._by_picture.ByPicture`.

    Example:
        >>> OpenposeJson(rate_hz=60, width=1080, height=1920).extract(recording).values.shape  # doctest: +SKIP
        (100, 38)

    Reference:
        Cao, Hidalgo, Simon, Wei, Sheikh (2019), OpenPose.
    """

    model: str = "body_25"
    visibility: bool = False

    @property
    def channels(self) -> tuple[str, ...]:
        return body_channels(self.visibility, self.flags)

    def _check(self) -> None:
        super()._check()
        if self.model not in MODELS:
            raise UserError(f"openpose_json: model is {self.model!r}, expected one of {', '.join(MODELS)}.")

    def _key_points(self, folder: Path, filmed_hz: float, first: int) -> np.ndarray:
        return read_bodies(folder, filmed_hz, self.model, first)

    def _rows(self, places: np.ndarray, certainty: np.ndarray, found: np.ndarray) -> np.ndarray:
        return body_rows(places, certainty, found, self.visibility, self.flags)
