"""Which files a user means by a folder, a pattern or a path."""

import glob
from collections.abc import Sequence
from pathlib import Path

from emotf.errors import UserError

SOUND = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".wma")
VIDEO = (".mp4", ".m4v", ".mov", ".mpg", ".mpeg", ".avi", ".mkv", ".webm", ".wmv", ".flv", ".3gp")


def media_files(given: Sequence[str]) -> list[Path]:
    """Files by paths, patterns (`clips/*.mp4`) and folders, of which all sound and video files are taken.

    Returns:
        Sorted, each file once.

    Raises:
        UserError: a path, pattern or folder gives nothing.

    Example:
        >>> media_files(["clips/*.mpg", "interview.mp4"])  # doctest: +SKIP
        [PosixPath('clips/a.mpg'), PosixPath('clips/b.mpg'), PosixPath('interview.mp4')]
    """
    found: set[Path] = set()
    for item in given:
        path = Path(item)
        if path.is_dir():
            files = [inner for inner in path.iterdir() if inner.suffix.lower() in SOUND + VIDEO]
        else:
            files = [path] if path.is_file() else [Path(match) for match in glob.glob(item) if Path(match).is_file()]
        if not files:
            what = "holds no sound or video file" if path.is_dir() else "is no file, and no pattern that fits one"
            raise UserError(f"{item} {what}; check the path.")
        found.update(files)
    return sorted(found)
