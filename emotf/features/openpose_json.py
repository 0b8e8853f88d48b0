"""Body: 18 key points that OpenPose found, from its JSON files, with the channels of `pose36`."""

from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.features._body18 import body_channels, body_rows
from emotf.features._detected import Detected, check_coordinates, scaled
from emotf.features._openpose import MODELS, read_openpose
from emotf.recording import Recording
from emotf.track import Track


@dataclass
class OpenposeJson(Detected):
    """Reads the folders of JSON files that OpenPose writes, one file a frame, in place of `pose36`.

    Files are taken in the order of their frame numbers, the last digits of their names; numbers that are left out are
    gaps. COCO's 18 key points are taken as they are; of BODY_25, mid-hip and feet are left out and the others brought
    into COCO's order. BODY_25B has 25 key points too, in another order, and files do not say which they are of: `model`
    does, and what it says is refused where limbs would be far shorter in the other order. Of several people one is
    followed: the largest at first, from then on who bears his `person_id` or lies nearest to where he was
    (`emotf.features._openpose.read_openpose`).

    Channels as of `pose36`: 36 coordinates; with `visibility`, 18 confidences of OpenPose (0 to 1); with `flags`,
    `confidence`, the mean confidence of the 18, and `found`. A key point that OpenPose did not find is 0, 0 with
    confidence 0: no place in the picture, which a network can tell by `visibility`. Frames of nobody are 0 in all
    channels (a gap).

    Attributes:
        stream: the medium that holds the folder.
        rate_hz: frames a second of the video that OpenPose was run on; the files do not say, so it is needed.
        coordinates: `image`: x / width and y / height, 0 to 1 inside the picture; or `pixels`: as written.
        width: of the video, in pixels; needed for `image`.
        height: of the video, in pixels; needed for `image`.
        model: `body_25`, OpenPose's usual one, or `body_25b`: which one files of 25 key points are of; those of 18 are
            COCO's.
        first_frame: number of the frame at 0 s; -1: the lowest in the folder.
        visibility: add the channels of each point's confidence.
        flags: add the channels `confidence` and `found`.

    Example:
        >>> OpenposeJson(rate_hz=60, width=1080, height=1920).extract(recording).values.shape  # doctest: +SKIP
        (100, 38)

    Reference:
        Cao, Hidalgo, Simon, Wei, Sheikh (2019), OpenPose.
    """

    stream: str = "openpose"
    rate_hz: float = 0.0
    coordinates: str = "image"
    width: int = 0
    height: int = 0
    model: str = "body_25"
    first_frame: int = -1
    visibility: bool = False
    flags: bool = True

    @property
    def medium(self) -> str:
        return self.stream

    @property
    def channels(self) -> tuple[str, ...]:
        return body_channels(self.visibility, self.flags)

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's folder.

        Raises:
            UserError: settings do not fit, or a file is damaged or not OpenPose's.
        """
        check_coordinates("openpose_json", self.coordinates)
        if not 0 < self.rate_hz <= 1000:
            raise UserError(
                f"openpose_json: rate_hz is {self.rate_hz:g}, expected frames a second of the video, for example 25; "
                "OpenPose's files do not say."
            )
        if self.model not in MODELS:
            raise UserError(f"openpose_json: model is {self.model!r}, expected one of {', '.join(MODELS)}.")
        in_image = self.coordinates == "image"
        if in_image and min(self.width, self.height) < 1:
            raise UserError(
                f"openpose_json: the picture is {self.width} x {self.height} pixels, expected width= and height= "
                "of the video; or choose coordinates=pixels."
            )
        folder = recording.medium(self.medium)
        bodies = read_openpose(folder, self.rate_hz, self.model, self.first_frame)
        points, certainty = bodies[..., :2], bodies[..., 2]
        if in_image and points.any() and np.abs(points).max() <= 1:
            raise UserError(
                f"{folder} holds no pixels but shares of the picture already (OpenPose's --keypoint_scale); choose "
                "coordinates=pixels, which takes them as written."
            )
        points = scaled(points, (self.height, self.width), self.coordinates)
        rows = body_rows(points, certainty, certainty.any(axis=1), self.visibility, self.flags)
        return Track(rows, hop=1 / self.rate_hz, channels=self.channels)
