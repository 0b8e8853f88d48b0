"""The pictures of a video, one at a time, at their presentation times."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.media.containers import opened, timed_pictures, video_stream
from emotf.media.opencv import check_opencv


@dataclass(frozen=True)
class VideoInfo:
    """What a decoded video consists of.

    Attributes:
        width: pixels of the upright picture.
        height: pixels of the upright picture.
        frames: pictures, counted by decoding; the counts in containers are wrong.
        duration: seconds, from the first picture to the end of the last.
        rate_hz: mean pictures a second; 0 where there is one picture only.
    """

    width: int
    height: int
    frames: int
    duration: float
    rate_hz: float


def video_info(path: Path | str) -> VideoInfo:
    """Size, count and mean rate of the pictures; decodes the whole file.

    Raises:
        UserError: the file is missing, damaged or has no pictures.

    Example:
        >>> video_info("clip.mpg")  # doctest: +SKIP
        VideoInfo(width=360, height=288, frames=75, duration=3.0, rate_hz=25.0)
    """
    count, last, width, height = 0, 0.0, 0, 0
    for time, frame in _frames(Path(path)):
        if not count:
            turned = _quarter_turns(frame) % 2
            width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
        count, last = count + 1, time
    rate_hz = (count - 1) / last if last > 0 else 0.0
    return VideoInfo(width, height, count, count / rate_hz if rate_hz else 0.0, rate_hz)


def picture_times(path: Path | str) -> np.ndarray:
    """When the pictures of a video stand, float64 [frames] in seconds since the first; decodes the whole file.

    Raises:
        UserError: as `pictures`.
    """
    return np.array([time for time, _ in _frames(Path(path))])


def pictures(path: Path | str, size: tuple[int, int] | None = None) -> Iterator[tuple[float, np.ndarray]]:
    """Decodes a video one picture at a time.

    Args:
        path: the file.
        size: (height, width) in pixels to shrink or stretch to; as filmed by default.

    Yields:
        The time in seconds and the picture, uint8 rgb [height, width, 3]. The first picture stands at 0, the origin
        that sound of the same file shares; later ones at their real presentation times, which need not be even.

    Raises:
        UserError: the file is missing, damaged, has no pictures or pictures without times.

    Example:
        >>> brightness = [(t, rgb.mean()) for t, rgb in pictures("clip.mp4", size=(72, 90))]  # doctest: +SKIP
    """
    if size is not None:
        if len(size) != 2 or min(size) < 1:
            raise UserError(f"A picture size is (height, width) in pixels, both above 0; received {size!r}.")
        check_opencv()
        import cv2
    for time, frame in _frames(Path(path)):
        picture = np.rot90(frame.to_ndarray(format="rgb24"), _quarter_turns(frame))
        if size is not None:
            picture = cv2.resize(np.ascontiguousarray(picture), size[::-1], interpolation=cv2.INTER_AREA)
        yield time, np.ascontiguousarray(picture, np.uint8)


def _frames(path: Path) -> Iterator[tuple[float, Any]]:
    """PyAV frames with their seconds since the first one."""
    with opened(path) as container:
        stream = video_stream(container)
        if stream is None:
            raise UserError(f"{path} has no pictures, only sound; name a video file, or leave the video streams out.")
        first = None
        for time, frame in timed_pictures(path, container, stream):
            first = time if first is None else first
            yield time - first, frame
        if first is None:
            raise UserError(f"{path} has a video track of 0 pictures; copy it again.")


def _quarter_turns(frame: Any) -> int:
    """Counter-clockwise quarter turns that set a picture upright (phones film sideways and say so in the file)."""
    return round(frame.rotation / 90) % 4
