"""The face mesh of a video: 468 landmarks a picture, from MediaPipe, of one face that is followed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.media.detectors import face_detector
from emotf.media.pictures import pictures
from emotf.progress import paced

LANDMARKS = 468
# Faces that are looked for. Any number above 1 lets the detector run on every picture, not only on those after a loss:
# about 0.8 ms a picture beside 2 ms of the mesh and 1 ms of decoding (640 x 360 pixels); each further face costs a
# mesh. Below 2 the detector would choose the face, and it prefers the surest to the largest.
MOST = 4
# Of one and the same face, boxes of consecutive pictures share at least this part (intersection over union).
OVERLAP = 0.2
# Seconds that a lost face is waited for at its place before another one is taken.
PATIENCE = 0.5


@dataclass(frozen=True)
class Face:
    """The followed face in one picture.

    Attributes:
        landmarks: float32 [468, 3] in pixels of the upright picture: x to the right, y down, z (depth, on the scale of
            x, smaller is nearer) from the middle of the head.
        id: counts the faces that were followed, from 0. A face that is lost and found again within 0.5 s where it was
            keeps its number.
        confidence: how sure the landmark model is that it looks at a face, above 0.5, at most 1; see
            `emotf.media.detectors.face_detector`.
    """

    landmarks: np.ndarray
    id: int
    confidence: float


@dataclass(frozen=True)
class FaceMesh:
    """Landmarks of the followed face over a video.

    Attributes:
        landmarks: float32 [frames, points, 3], as in `Face`; 0 where no face was found.
        found: bool [frames].
        times: seconds of the pictures, float64 [frames]; see `emotf.media.picture_clock` for an even clock.
        ids: int64 [frames], as in `Face`; -1 where no face was found.
        confidence: float32 [frames], as in `Face`; 0 where no face was found.
        size: (height, width) of the upright pictures in pixels.
    """

    landmarks: np.ndarray
    found: np.ndarray
    times: np.ndarray
    ids: np.ndarray
    confidence: np.ndarray
    size: tuple[int, int]


# The mesh of the last video that was asked for, so that the streams of one recording detect once. Of one only: two
# hours at 25 pictures a second are 1 GB.
_last: tuple[tuple[str, int, int], FaceMesh] | None = None


def face_mesh(path: Path | str, points: Sequence[int] | None = None) -> FaceMesh:
    """The landmarks of the face in a video; see `faces`. No picture outlives its turn.

    Asked again for the same file (path, size and time of change), it answers from memory.

    Args:
        path: the video.
        points: which of the 468 to keep, in this order; all by default (5.6 kB a picture; the arrays are read-only).

    Raises:
        UserError: the file is missing, damaged, or has no pictures.

    Example:
        >>> face_mesh("clip.mp4").landmarks.shape  # doctest: +SKIP
        (75, 468, 3)
    """
    global _last
    file = Path(path).resolve()
    stat = file.stat() if file.is_file() else None
    key = (str(file), stat.st_size, stat.st_mtime_ns) if stat else ("", 0, 0)
    if stat is None or _last is None or _last[0] != key:
        _last = None  # makes room first
        whole = _detected(path)
        _last = (key, whole)
    else:
        whole = _last[1]
    return whole if points is None else replace(whole, landmarks=whole.landmarks[:, list(points)])


def _detected(path: Path | str) -> FaceMesh:
    landmarks = np.zeros((1024, LANDMARKS, 3), np.float32)
    times, ids, confidence = [], [], []
    size = (0, 0)
    for frame, (time, picture, face) in enumerate(paced(faces(path), f"face mesh of {Path(path).name}, pictures")):
        if frame == len(landmarks):  # grows where it lies: a list of rows would need twice the memory at the end
            landmarks.resize((2 * frame, LANDMARKS, 3), refcheck=False)
        if face is not None:
            landmarks[frame] = face.landmarks
        times.append(time)
        ids.append(-1 if face is None else face.id)
        confidence.append(0.0 if face is None else face.confidence)
        height, width = picture.shape[:2]
        if frame and (height, width) != size:
            raise UserError(f"{path} changes the size of its pictures at {time:.2f} s; convert it to one size.")
        size = (height, width)
    landmarks.resize((len(times), LANDMARKS, 3), refcheck=False)
    numbers = np.array(ids)
    mesh = FaceMesh(landmarks, numbers >= 0, np.array(times), numbers, np.array(confidence, np.float32), size)
    for values in (mesh.landmarks, mesh.found, mesh.times, mesh.ids, mesh.confidence):
        values.flags.writeable = False
    return mesh


def faces(path: Path | str, most: int = MOST) -> Iterator[tuple[float, np.ndarray, Face | None]]:
    """Detects faces in a video, one picture at a time, and follows one of them.

    Of several faces it is the largest (width times height of the box around its landmarks). From picture to picture it
    is followed by the overlap of boxes, so a larger face beside it does not take over. A face that is lost is waited
    for at its place for 0.5 s; then the largest one is followed, as a face of its own `id`.

    Args:
        path: the video.
        most: faces to look for; 1 is quicker, but then the detector's surest face is taken, not the largest.

    Yields:
        Seconds, the picture (uint8 rgb [height, width, 3]), and the face, None where it was not found.

    Raises:
        UserError: the file is missing, damaged, or has no pictures; or `most` is not a number of faces.
    """
    return followed(pictures(path), most)


def followed(
    filmed: Iterable[tuple[float, np.ndarray]], most: int = MOST
) -> Iterator[tuple[float, np.ndarray, Face | None]]:
    """The same of pictures that come from anywhere, a camera, say: seconds, which rise, and uint8 rgb.

    Raises:
        UserError: `most` is not a number of faces.
    """
    if most < 1:
        raise UserError(f"Cannot look for {most} faces; choose 1 or more.")
    follower = _Follower()
    with face_detector(most) as process:
        for time, picture in filmed:
            height, width = picture.shape[:2]
            pixels = np.array([width, height, width], np.float32)
            yield time, picture, follower.choose(time, [(shares * pixels, score) for shares, score in process(picture)])


class _Follower:
    """Which of the faces in a picture is the one in the picture before."""

    def __init__(self) -> None:
        self._id = -1
        self._box = np.zeros(4)
        self._lost: float | None = None  # seconds of the first picture without it

    def choose(self, time: float, there: list[tuple[np.ndarray, float]]) -> Face | None:
        """The followed face among landmarks in pixels and scores."""
        boxes = [_box(landmarks) for landmarks, _ in there]
        if self._id >= 0 and (self._lost is None or time - self._lost < PATIENCE):
            shared = [_overlap(self._box, box) for box in boxes]
            if max(shared, default=0.0) < OVERLAP:
                self._lost = time if self._lost is None else self._lost
                return None
            chosen = int(np.argmax(shared))
        elif boxes:
            self._id += 1
            chosen = int(np.argmax([_area(box) for box in boxes]))
        else:
            return None
        self._lost, self._box = None, boxes[chosen]
        landmarks, score = there[chosen]
        return Face(landmarks, self._id, float(score))


def _box(landmarks: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom."""
    return np.concatenate([landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)])


def _area(box: np.ndarray) -> float:
    return float(np.prod(np.maximum(box[2:] - box[:2], 0)))


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes; 0 where either is empty."""
    both = _area(np.concatenate([np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])]))
    either = _area(a) + _area(b) - both
    return both / either if either > 0 else 0.0
