"""The face mesh of a video: 468 landmarks a picture, from MediaPipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.media.detectors import detector
from emotf.media.pictures import pictures

LANDMARKS = 468


@dataclass(frozen=True)
class FaceMesh:
    """Landmarks of one face over a video.

    Attributes:
        landmarks: float32 [frames, points, 3] in pixels of the upright picture: x to the right, y down, z (depth, on
            the scale of x, smaller is nearer) from the middle of the head. 0 where no face was found.
        found: bool [frames].
        times: seconds of the pictures, float64 [frames]; see `emotf.media.picture_clock` for an even clock.
    """

    landmarks: np.ndarray
    found: np.ndarray
    times: np.ndarray


def face_mesh(path: Path | str, points: Sequence[int] | None = None) -> FaceMesh:
    """The landmarks of the face in a video; see `faces`. No picture outlives its turn.

    Args:
        path: the video.
        points: which of the 468 to keep, in this order; all by default (5.6 kB a picture).

    Raises:
        UserError: the file is missing, damaged, or has no pictures.

    Example:
        >>> face_mesh("clip.mp4").landmarks.shape  # doctest: +SKIP
        (75, 468, 3)
    """
    chosen = list(range(LANDMARKS)) if points is None else list(points)
    nothing = np.zeros((len(chosen), 3), np.float32)
    times, rows, found = [], [], []
    for time, _, landmarks in faces(path):
        times.append(time)
        found.append(landmarks is not None)
        rows.append(nothing if landmarks is None else landmarks[chosen])
    return FaceMesh(np.stack(rows), np.array(found), np.array(times))


def faces(path: Path | str) -> Iterator[tuple[float, np.ndarray, np.ndarray | None]]:
    """Detects the face in a video, one picture at a time.

    Of several faces it is the one of which the detector is surest, and that one is followed until it is lost.

    Yields:
        Seconds, the picture (uint8 rgb [height, width, 3]), and its landmarks, float32 [468, 3] as in `FaceMesh`, or
        None where no face was found.

    Raises:
        UserError: the file is missing, damaged, or has no pictures.
    """
    with detector("face_mesh", "multi_face_landmarks", max_num_faces=1) as process:
        for time, picture in pictures(path):
            answer = process(picture)
            yield time, picture, None if answer is None else _pixels(answer[0], picture)


def _pixels(face: object, picture: np.ndarray) -> np.ndarray:
    """MediaPipe's landmarks, shares of width and height, as float32 [468, 3] in pixels."""
    height, width = picture.shape[:2]
    shares = np.array([(point.x, point.y, point.z) for point in face.landmark], np.float32)  # type: ignore[attr-defined]
    return shares * np.array([width, height, width], np.float32)
