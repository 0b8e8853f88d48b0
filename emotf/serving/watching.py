"""Faces as they are filmed, by a camera or in a video at its own speed, and the frames of streams that they make."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.features._mesh import FromMesh
from emotf.media import FaceMesh, check_opencv, pictures
from emotf.media.face_mesh import LANDMARKS, Face
from emotf.prediction import feature_of
from emotf.progress import say
from emotf.runs import Run

# Seconds and a picture, uint8 rgb [height, width, 3]; the first at 0.
Film = Iterator[tuple[float, np.ndarray]]

CAMERA = Path("the camera")


class Watched:
    """Streams of a face's mesh, frame by frame, on their even clocks: each takes the picture nearest in time.

    A frame is final when the first picture comes that is not nearer to it; so it is up to half a picture late.

    Args:
        features: stream -> what makes it of the mesh.
        hops: stream -> seconds.
        channels: stream -> those that are wanted, in order.
    """

    def __init__(
        self, features: Mapping[str, FromMesh], hops: Mapping[str, float], channels: Mapping[str, list[str]]
    ) -> None:
        self.features, self.hops = dict(features), dict(hops)
        self.columns = {name: [part.channels.index(c) for c in channels[name]] for name, part in features.items()}
        self.given = dict.fromkeys(features, 0)
        self.last: tuple[float, dict[str, np.ndarray]] | None = None

    @classmethod
    def of(cls, run: Run) -> "Watched":
        """Of a run. Raises UserError where a stream is not of a face's mesh."""
        streams, features = run.about["streams"], {}
        for name in streams:
            part = feature_of(run, name)
            if not isinstance(part, FromMesh):
                raise UserError(f"The stream {name} cannot be watched live; those of a face's mesh can (face_mesh, "
                                f"landmarks140, head_pose), and those of sound be heard (mfcc39, mel128).")  # fmt: skip
            features[name] = part
        return cls(
            features,
            {name: stream["hop"] for name, stream in streams.items()},
            {name: stream["channels"] for name, stream in streams.items()},
        )

    def push(self, seconds: float, picture: np.ndarray, face: Face | None) -> dict[str, np.ndarray]:
        """Takes the next picture and the face in it.

        Returns:
            stream -> the frames that became final, float32 [new, channels].
        """
        mesh = _mesh(seconds, picture, face)
        rows = {name: part.rows(CAMERA, mesh)[0, self.columns[name]] for name, part in self.features.items()}
        before, self.last = self.last, (seconds, rows)
        if before is None:
            return {name: np.zeros((0, len(row)), np.float32) for name, row in rows.items()}
        middle = (before[0] + seconds) / 2
        # a time exactly between two pictures takes the later one, as in `picture_clock`
        return {name: self._until(name, int(np.ceil((middle - 1e-9) / hop)), before[1]) for name, hop in
                self.hops.items()}  # fmt: skip

    def finish(self) -> dict[str, np.ndarray]:
        """The frames up to the last picture, which are still missing. Raises UserError where there was no picture."""
        if self.last is None:
            raise UserError("There was no picture.")
        seconds, rows = self.last
        return {name: self._until(name, int(np.floor(seconds / hop + 1e-6)) + 1, rows) for name, hop in
                self.hops.items()}  # fmt: skip

    def _until(self, name: str, end: int, rows: Mapping[str, np.ndarray]) -> np.ndarray:
        """The frames that were not given yet, up to frame `end`, all as a picture shows them."""
        new = max(end - self.given[name], 0)
        self.given[name] += new
        return np.repeat(rows[name][None], new, axis=0)


def film_at_speed(path: Path, speed: float = 1.0) -> Film:
    """The pictures of a video, each when a camera would have given it.

    Args:
        path: the video.
        speed: 2 is twice as fast; 0 as fast as can be.

    Raises:
        UserError: the file has no pictures, or is damaged.
    """
    began = time.monotonic()
    for seconds, picture in pictures(path):
        if speed:
            time.sleep(max(0.0, began + seconds / speed - time.monotonic()))
        yield seconds, picture


def camera(number: int) -> Film:
    """What a camera sees, until interrupted.

    Args:
        number: of the camera; 0 is the first.

    Raises:
        UserError: there is no such camera.
    """
    check_opencv()
    import cv2

    device = cv2.VideoCapture(number)
    if not device.isOpened():
        device.release()
        raise UserError(f"There is no camera {number}; connect one, or name a --file.")

    def seen() -> Film:
        try:
            began = time.monotonic()
            while True:
                there, picture = device.read()
                if not there:
                    say(f"camera {number} gives no picture any more")
                    return
                yield time.monotonic() - began, np.ascontiguousarray(picture[..., ::-1])
        finally:
            device.release()

    return _from_0(seen())


def _from_0(film: Film) -> Film:
    """The first picture stands at 0."""
    first = None
    for seconds, picture in film:
        first = seconds if first is None else first
        yield seconds - first, picture


def _mesh(seconds: float, picture: np.ndarray, face: Face | None) -> FaceMesh:
    """The mesh of one picture."""
    nothing = np.zeros((LANDMARKS, 3), np.float32)
    return FaceMesh(
        landmarks=(nothing if face is None else face.landmarks.astype(np.float32))[None],
        found=np.array([face is not None]),
        times=np.array([seconds]),
        ids=np.array([-1 if face is None else face.id]),
        confidence=np.array([0.0 if face is None else face.confidence], np.float32),
        size=(picture.shape[0], picture.shape[1]),
    )
