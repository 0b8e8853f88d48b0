"""Where the parts that look at pictures of a face get them: cut from a video, or from a folder of ready crops."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.content import check_frames
from emotf.errors import UserError
from emotf.features._detected import FLAGS, Detected
from emotf.features.base import Film
from emotf.media import FaceMesh, check_opencv, face_mesh, picture_clock, picture_times, pictures
from emotf.media.crops import crop, face_square, read_crop, ready_crops
from emotf.recording import Recording

CROP_CHANNELS = ("left", "top", "side", "roll", "face_id", *FLAGS)
NO_FACE = np.zeros(len(CROP_CHANNELS), np.float32)
NO_FACE.flags.writeable = False
MARGIN_PX = 5.0

Shot = tuple[np.ndarray | None, np.ndarray]


@dataclass
class Crops(Detected):
    """The fields of a part that takes pictures of a face, and `film`, which gives them.

    *Cut from the medium `video`*: the largest face is followed (`emotf.media.faces`); the box of its 468 landmarks is
    enlarged by `margin_px` on all sides, squared about its centre, rounded to whole pixels and resized to `size` x
    `size`. Where the square reaches beyond the picture, edge pixels are repeated.

    *Ready*, where `crops` names a medium: a folder of one video's crops such as OpenFace's `<video>_aligned`
    (`frame_det_00_000001.bmp`) or Aff-Wild2's `cropped_aligned/<video>` (`00001.jpg`), joined by the number in the
    name: crop k is of the k-th picture of the video, from 1. Numbers that are missing are frames without a face.

    Attributes:
        margin_px: pixels of the video by which the box is enlarged on each side.
        size: pixels of the side of a crop.
        upright: turn the square with the head, so that the eyes lie level.
        crops: the medium that holds a folder of ready crops; empty: they are cut from `video`.
        clock: of ready crops: the medium that holds the video they were cut from, whose pictures tell their times and
            their number; empty: crop k stands at (k - 1) / rate_hz, and the last crop ends the stream.
        face: of ready crops of several faces: the number of the face in the name; -1: there is only one.
        rate_hz: frames a second, each taking the nearest picture; 0: as filmed, which takes a steady rate. Without
            `clock`, the rate of the video that the crops were cut from.
    """

    margin_px: float = MARGIN_PX
    size: int = 224
    upright: bool = False
    crops: str = ""
    clock: str = "video"
    face: int = -1
    rate_hz: float = 0.0

    @property
    def medium(self) -> str:
        return self.crops or "video"

    @property
    def media(self) -> tuple[str, ...]:
        return tuple(name for name in (self.crops, self.clock) if name) if self.crops else ("video",)

    def film(self, recording: Recording) -> Film:
        """The crops of a recording, with the numbers `CROP_CHANNELS` beside each (0 where there is no face).

        `left`, `top` and `side` are pixels of the upright picture, of the square before it is turned about its centre
        by `roll` degrees (clockwise; 0 unless `upright`); of ready crops, which do not tell, all four are 0.
        `face_id` counts the faces that were followed; of ready crops it is the number in the name, or 0. `confidence`
        is that of the face mesh, and 1 of ready crops. `found` is 1.

        Raises:
            UserError: settings do not fit, OpenCV cannot be loaded, a file is missing or damaged, or pictures come at
                uneven times.
        """
        self._check()
        check_opencv()
        if self.crops:
            return self._ready(recording)
        path = recording.medium("video")
        mesh = face_mesh(path)
        hop, nearest = picture_clock(path, mesh.times, self.rate_hz)
        return Film(hop, 0.0, self._cut(path, mesh, np.bincount(nearest, minlength=len(mesh.times))))

    def _check(self) -> None:
        if not 0 <= self.margin_px <= 1000:
            raise UserError(f"{self.part}: margin_px is {self.margin_px:g}, expected 0 to 1000 pixels.")
        if not 1 <= self.size <= 4096:
            raise UserError(f"{self.part}: size is {self.size}, expected 1 to 4096 pixels.")
        if self.crops and (self.upright or self.margin_px != MARGIN_PX):
            raise UserError(f"{self.part}: ready crops are taken as they are; leave margin_px and upright alone.")
        if self.crops and not self.clock and not 0 < self.rate_hz <= 1000:
            raise UserError(
                f"{self.part}: rate_hz is {self.rate_hz:g}, expected frames a second of the video that the crops are "
                "from; or name the medium that holds the video with clock=."
            )

    def _cut(self, path: Path, mesh: FaceMesh, taken: np.ndarray) -> Iterator[Shot]:
        """Each picture's crop as often as the clock takes it; one picture in memory at a time."""
        for place, (_, picture) in enumerate(pictures(path)):
            shot: Shot = (None, NO_FACE)
            if taken[place] and mesh.found[place]:
                square = face_square(mesh.landmarks[place], self.margin_px, self.upright)
                beside = (square.left, square.top, square.side, square.roll, mesh.ids[place], mesh.confidence[place], 1)
                shot = crop(picture, square, self.size), np.array(beside, np.float32)
            for _ in range(taken[place]):
                yield shot

    def _ready(self, recording: Recording) -> Film:
        folder = recording.medium(self.crops)
        face, files = ready_crops(folder, self.face)
        last = max(files)
        check_frames(folder, last)
        if not self.clock:
            return Film(1 / self.rate_hz, 0.0, self._read(face, files, np.arange(last)))
        path = recording.medium(self.clock)
        times = picture_times(path)
        if last > len(times):
            raise UserError(
                f"{folder} holds a crop of picture {last} ({files[last].name}), but {path} has {len(times)} pictures; "
                "name the video that the crops were cut from."
            )
        hop, nearest = picture_clock(path, times, self.rate_hz)
        return Film(hop, 0.0, self._read(face, files, nearest))

    def _read(self, face: int, files: dict[int, Path], places: np.ndarray) -> Iterator[Shot]:
        beside = np.array((0, 0, 0, 0, face, 1, 1), np.float32)
        for place in places:
            path = files.get(int(place) + 1)
            yield (None, NO_FACE) if path is None else (read_crop(path, self.size), beside)
