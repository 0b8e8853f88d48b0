"""The body of a person in a video: 18 key points a picture, in OpenPose's order, from MediaPipe Pose."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.media.detectors import detector
from emotf.media.pictures import pictures
from emotf.progress import paced

# Key point in OpenPose's order for COCO -> the landmarks of MediaPipe Pose whose middle it is (right and left are the
# person's). MediaPipe has no neck; OpenPose's lies between the shoulders.
LANDMARKS = {
    "nose": (0, 0),
    "neck": (11, 12),
    "right_shoulder": (12, 12),
    "right_elbow": (14, 14),
    "right_wrist": (16, 16),
    "left_shoulder": (11, 11),
    "left_elbow": (13, 13),
    "left_wrist": (15, 15),
    "right_hip": (24, 24),
    "right_knee": (26, 26),
    "right_ankle": (28, 28),
    "left_hip": (23, 23),
    "left_knee": (25, 25),
    "left_ankle": (27, 27),
    "right_eye": (5, 5),
    "left_eye": (2, 2),
    "right_ear": (8, 8),
    "left_ear": (7, 7),
}
BODY18 = tuple(LANDMARKS)
_PAIRS = np.array(list(LANDMARKS.values()))


@dataclass(frozen=True)
class BodyPose:
    """Key points of one person over a video.

    Attributes:
        points: float32 [frames, 18, 2] in pixels of the upright picture, x to the right, y down; 0 where nobody was
            found. MediaPipe places all of a body, so points may lie outside the picture (knees of a talking head).
        visibility: float32 [frames, 18], 0 to 1: MediaPipe's estimate that the point is inside the picture and not
            hidden; of the neck, the mean of both shoulders. 0 where nobody was found.
        found: bool [frames].
        times: seconds of the pictures, float64 [frames]; see `emotf.media.picture_clock` for an even clock.
        size: (height, width) of the upright picture in pixels.
    """

    points: np.ndarray
    visibility: np.ndarray
    found: np.ndarray
    times: np.ndarray
    size: tuple[int, int]


def body_pose(path: Path | str) -> BodyPose:
    """The key points of the person in a video; see `bodies`. No picture outlives its turn.

    Raises:
        UserError: the file is missing, damaged, or has no pictures.

    Example:
        >>> body_pose("clip.mp4").points.shape  # doctest: +SKIP
        (75, 18, 2)
    """
    nobody = np.zeros((len(BODY18), 3), np.float32)
    times: list[float] = []
    rows, found = [], []
    size = (0, 0)
    for time, picture, body in paced(bodies(path), f"body of {Path(path).name}, pictures"):
        height, width = picture.shape[:2]
        if times and (height, width) != size:
            raise UserError(f"{path} changes the size of its pictures at {time:.2f} s; convert it to one size.")
        size = (height, width)
        times.append(time)
        found.append(body is not None)
        rows.append(nobody if body is None else body)
    stacked = np.stack(rows)
    return BodyPose(stacked[..., :2], stacked[..., 2], np.array(found), np.array(times), size)


def bodies(path: Path | str) -> Iterator[tuple[float, np.ndarray, np.ndarray | None]]:
    """Detects the body in a video, one picture at a time.

    MediaPipe finds one person, by the face, and follows him until he is lost. Positions are smoothed over time, as
    MediaPipe does with videos.

    Yields:
        Seconds, the picture (uint8 rgb [height, width, 3]), and float32 [18, 3] (x and y in pixels, visibility), or
        None where nobody was found.

    Raises:
        UserError: the file is missing, damaged, or has no pictures.
    """
    with detector("pose", "pose_landmarks", model_complexity=1) as process:  # the only model in MediaPipe's wheel
        for time, picture in pictures(path):
            answer = process(picture)
            yield time, picture, None if answer is None else _body18(answer, picture)


def _body18(answer: object, picture: np.ndarray) -> np.ndarray:
    """MediaPipe's landmarks (shares of width and height, visibility) as float32 [18, 3]."""
    height, width = picture.shape[:2]
    marks = np.array([(mark.x, mark.y, mark.visibility) for mark in answer.landmark])  # type: ignore[attr-defined]
    return (marks[_PAIRS].mean(axis=1) * [width, height, 1]).astype(np.float32)
