"""Optical flow in the box of a face, in box widths a second."""

from pathlib import Path

import numpy as np

from emotf.media import check_opencv, pictures
from emotf.media.crops import Square, crop

CHANNELS = ("flow_mean", "flow_sd", "flow_x", "flow_y")
# Pixels of the side that every box is brought to: the size of the face in the picture does not decide how fine the flow
# is. 96 is about the size of a face in 360 x 288 pixels.
SIDE = 96


def flow_rows(path: Path, points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """What moves in the face, a row a picture.

    The box is the square around the points of the later of two pictures, and both are cut by it: a box that moves with
    the face would hide what moves. Of grey boxes brought to 96 x 96 pixels, OpenCV's dense inverse search (DIS, preset
    medium) estimates the flow (u, v) at every pixel. In box widths a second, over all pixels: mean and standard
    deviation of the length √(u² + v²), mean of u (to the right), mean of v (down).

    Args:
        path: the video.
        points: of a face in pixels, [frames, points, 2], a row a picture.
        found: bool [frames].

    Returns:
        float32 [frames, 4]; 0 in the first picture, without a face, and in the first picture after a gap.

    Raises:
        UserError: the video is missing or damaged, or OpenCV cannot be loaded.
    """
    check_opencv()
    import cv2

    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows = np.zeros((len(found), len(CHANNELS)), np.float32)
    before: np.ndarray = np.zeros((0, 0), np.uint8)
    before_time = 0.0
    for frame, (time, picture) in enumerate(pictures(path)):
        grey: np.ndarray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        if frame and found[frame] and found[frame - 1] and time > before_time:  # two may stand at one time
            box = square(points[frame])
            boxes = crop(before, box, SIDE), crop(grey, box, SIDE)
            flow = search.calc(*boxes, np.zeros((SIDE, SIDE, 2), np.float32))
            rows[frame] = summary(flow / SIDE / (time - before_time))
        before, before_time = grey, time
    return rows


def summary(flow: np.ndarray) -> list[float]:
    """Mean and sd of the length, mean of x, mean of y, of flow [height, width, 2]."""
    length = np.linalg.norm(flow, axis=-1)
    return [float(length.mean()), float(length.std()), *(float(mean) for mean in flow.mean(axis=(0, 1)))]


def square(points: np.ndarray) -> Square:
    """The square around points [points, 2] of any scheme, centred on their box, at least 2 pixels wide."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = max(int(np.ceil((high - low).max())), 2)
    left, top = np.round((low + high - side) / 2).astype(int)
    return Square(int(left), int(top), side)
