"""From a video file to a magnified one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.magnification.magnifier import Magnifier, to_picture
from emotf.media import picture_clock, picture_times, pictures, video_writer
from emotf.media.writing import check_mp4
from emotf.progress import progress


def magnify_video(media: Path | str, out: Path | str, magnifier: Magnifier, rate_hz: float = 0.0) -> tuple[int, float]:
    """Writes a magnified copy of a video, with its sound; the file appears whole or not at all.

    The video is decoded twice (three times with the ideal filter), a picture at a time.

    Args:
        media: the video.
        out: the new file, `.mp4`.
        magnifier: what is magnified.
        rate_hz: frames a second of the copy, each the picture nearest in time; 0: as filmed, which takes a steady rate.

    Returns:
        Frames written, and their rate in Hz.

    Raises:
        UserError: the video is missing, damaged, has no pictures or comes at uneven times; `out` is there already or
            no mp4; or the clip does not suit the magnifier.

    Example:
        >>> magnify_video("face.mp4", "pulse.mp4", Magnifier("color"))  # doctest: +SKIP
        (472, 23.976023976023978)
    """
    if Path(out).exists():
        raise UserError(f"{out} exists; choose another file or delete it.")
    check_mp4(out)
    hop, nearest = picture_clock(media, picture_times(media), rate_hz)
    magnifier.check_clip(len(nearest), 1 / hop, next(pictures(media))[1].shape)
    magnified = magnifier.magnify(_Frames(Path(media), nearest), 1 / hop)
    with video_writer(out, 1 / hop, sound_from=media) as write:
        for _, values in zip(progress(range(len(nearest)), "magnified pictures"), magnified, strict=True):
            write(to_picture(values))
    return len(nearest), 1 / hop


@dataclass(frozen=True)
class _Frames:
    """The pictures of a video on an even clock, as often as they are asked for."""

    path: Path
    nearest: np.ndarray

    def __iter__(self) -> Iterator[np.ndarray]:
        counts = np.bincount(self.nearest)
        for (_, picture), count in zip(pictures(self.path), counts, strict=False):
            for _ in range(count):
                yield picture
