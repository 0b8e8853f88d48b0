"""Body: 18 key points of MediaPipe Pose in OpenPose's order, 36 coordinates a frame, and how sure they are."""

from dataclasses import dataclass

from emotf.features._body18 import body_channels, body_rows
from emotf.features._detected import Detected, check_coordinates, scaled
from emotf.media import body_pose, picture_clock
from emotf.recording import Recording
from emotf.track import Track


@dataclass
class Pose36(Detected):
    """Where the body's key points lie in the picture, from the medium `video`.

    The order is OpenPose's for COCO; right and left are the person's. From the landmarks of MediaPipe Pose:

    | key point      | landmark           | key point      | landmark | key point   | landmark |
    |----------------|--------------------|----------------|----------|-------------|----------|
    | nose           | 0                  | left_elbow     | 13       | left_knee   | 25       |
    | neck           | middle of 11 and 12| left_wrist     | 15       | left_ankle  | 27       |
    | right_shoulder | 12                 | right_hip      | 24       | right_eye   | 5        |
    | right_elbow    | 14                 | right_knee     | 26       | left_eye    | 2        |
    | right_wrist    | 16                 | right_ankle    | 28       | right_ear   | 8        |
    | left_shoulder  | 11                 | left_hip       | 23       | left_ear    | 7        |

    Channels: `<key point>_x`, `<key point>_y`, 36; with `visibility`, 18 `<key point>_visibility`, 0 to 1 (MediaPipe's
    estimate that the point is inside the picture and not hidden); with `flags`, `confidence`, the mean visibility of
    the 18 (0.4 or so where only head and shoulders are in the picture), and `found`, 1 or 0.

    MediaPipe guesses the points that the picture does not show; their coordinates are kept and then lie outside the
    picture (below 0 or above its size). Frames in which nobody was found are 0 in all channels (a gap). Of several
    people MediaPipe follows one, which it finds by the face; it smooths over a short time before each picture.

    Attributes:
        rate_hz: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate.
        coordinates: `image`: x / width and y / height of the upright picture, 0 to 1 inside it; or `pixels`.
        visibility: add the channels of each point's visibility.
        flags: add the channels `confidence` and `found`.

    Example:
        >>> Pose36().extract(recording).values.shape  # doctest: +SKIP
        (75, 38)
        >>> Pose36(flags=False).channels[2:4]
        ('neck_x', 'neck_y')

    Reference:
        Orgil, Karungaru, Terada, Shagdar (2021) take 18 x 2 key points of OpenPose as input.
    """

    rate_hz: float = 0.0
    coordinates: str = "image"
    visibility: bool = False
    flags: bool = True

    medium = "video"

    @property
    def channels(self) -> tuple[str, ...]:
        return body_channels(self.visibility, self.flags)

    def compute(self, recording: Recording) -> Track:
        """The stream of a recording's video.

        Raises:
            UserError: settings do not fit, or the video is missing, damaged, or its pictures come at uneven times.
        """
        check_coordinates("pose36", self.coordinates)
        path = recording.medium(self.medium)
        pose = body_pose(path)
        hop, nearest = picture_clock(path, pose.times, self.rate_hz)
        points = scaled(pose.points, pose.size, self.coordinates)
        rows = body_rows(points, pose.visibility, pose.found, self.visibility, self.flags)
        return Track(rows[nearest], hop=hop, channels=self.channels)
