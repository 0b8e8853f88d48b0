"""Square pictures of a face: cut from pictures by landmarks, or ready in a folder of somebody else's."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.errors import UserError
from emotf.media.still import read_still

SUFFIXES = (".bmp", ".jpg", ".jpeg", ".png")
# The outer corners of the eyes on MediaPipe's mesh, left and right in the picture.
EYE_CORNERS = (33, 263)


@dataclass(frozen=True)
class Square:
    """Where a crop lies in the upright picture.

    Attributes:
        left: whole pixels, of the square before it is turned; may be below 0.
        top: as `left`.
        side: whole pixels, at least 1.
        roll: degrees by which the square is turned about its centre, clockwise as one sees it.
    """

    left: int
    top: int
    side: int
    roll: float = 0.0


def face_square(landmarks: np.ndarray, margin_px: float = 5.0, upright: bool = False) -> Square:
    """The square of a face: the box of its landmarks, enlarged on all sides, then squared about its centre.

    Args:
        landmarks: of the face mesh, pixels [468, 2 or 3].
        margin_px: pixels of the picture, added on each side.
        upright: turn the square with the head, so that the outer corners of the eyes lie level in the crop.

    Returns:
        The square, rounded to whole pixels so that a crop of its own size is cut without interpolation.

    Example:
        >>> face = np.zeros((468, 2)); face[33], face[263] = (10, 20), (50, 100)
        >>> face_square(face, margin_px=5)
        Square(left=-30, top=-5, side=110, roll=0.0)
    """
    points = landmarks[:, :2].astype(np.float64)
    across = points[EYE_CORNERS[1]] - points[EYE_CORNERS[0]]
    roll = float(np.degrees(np.arctan2(across[1], across[0]))) if upright else 0.0
    turn = _turn(roll)
    level = points @ turn  # rows turn back by roll
    low, high = level.min(axis=0) - margin_px, level.max(axis=0) + margin_px
    side = max(round(float((high - low).max())), 1)
    left, top = np.round(turn @ ((low + high) / 2) - side / 2).astype(int)
    return Square(int(left), int(top), side, roll)


def crop(picture: np.ndarray, square: Square, size: int) -> np.ndarray:
    """What a square shows, uint8 [size, size, 3], or [size, size] of a grey picture.

    Where it reaches beyond the picture, the picture's edge pixels are repeated. Interpolation is linear, which does not
    overshoot at edges, and the mean over areas where the crop shrinks.

    Args:
        picture: uint8 rgb [height, width, 3], or grey [height, width].
        square: pixels of the picture.
        size: pixels of the crop's side.
    """
    import cv2

    middle = np.array([square.left, square.top]) + (square.side - 1) / 2  # the centre of a pixel stands at its number
    turn = _turn(square.roll)
    source = np.column_stack([turn, middle - turn @ np.full(2, (square.side - 1) / 2)])  # of a crop's pixel
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shape = (square.side, square.side)
    return resized(cv2.warpAffine(picture, source, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE), size)


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """A square picture at another size, uint8 [size, size, 3] or [size, size]; as it is where it has that size."""
    import cv2

    kind = cv2.INTER_AREA if len(picture) > size else cv2.INTER_LINEAR
    return picture if len(picture) == size else cv2.resize(picture, (size, size), interpolation=kind)


def ready_crops(folder: Path, face: int = -1) -> tuple[int, dict[int, Path]]:
    """The number of the face, and frame number (1 and up) -> picture file, in the order of the numbers.

    The number of a frame is the last one in the name, `00001.jpg` or `frame_det_00_000001.bmp`; of the latter, which
    OpenFace writes, the one before is that of the face; of others it is 0.

    Args:
        folder: of .bmp, .jpg, .jpeg or .png files.
        face: the face whose crops are wanted; -1: there is only one.

    Raises:
        UserError: the folder holds no pictures, one without a number or of number 0, a number twice, or several faces
            and none was chosen.
    """
    found: dict[int, dict[int, Path]] = {}
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        name = re.fullmatch(r"(?:.*frame_det_(\d+)_|.*\D)?(\d+)\D*", path.stem)
        if name is None or not int(name[2]):
            raise UserError(f"{path} has no frame number of 1 or more in its name; expected such as 00001.jpg.")
        mine = found.setdefault(int(name[1] or 0), {})
        if (number := int(name[2])) in mine:
            raise UserError(f"{folder} holds frame {number} twice ({mine[number].name}, {path.name}).")
        mine[number] = path
    if not found:
        raise UserError(f"{folder} holds no pictures ({', '.join(SUFFIXES)}); name the folder of one video's crops.")
    chosen = face if face >= 0 or len(found) > 1 else next(iter(found))
    if chosen not in found:
        counted = ", ".join(f"{name} ({len(files)} crops)" for name, files in sorted(found.items()))
        raise UserError(f"{folder} holds crops of faces {counted}; choose one of them with face=.")
    return chosen, dict(sorted(found[chosen].items()))


def read_crop(path: Path, size: int) -> np.ndarray:
    """A ready crop, uint8 rgb [size, size, 3]; resized as `crop` does.

    Raises:
        UserError: the file is no picture, is cut short, or is not square.
    """
    picture = read_still(path, "RGB")
    height, width = picture.shape[:2]
    if height != width:
        raise UserError(f"{path} has {width} x {height} pixels; expected a square crop of a face.")
    return resized(picture, size)


def _turn(roll: float) -> np.ndarray:
    """Matrix that turns columns (x, y) clockwise as one sees them (y runs down), by degrees."""
    angle = np.radians(roll)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
