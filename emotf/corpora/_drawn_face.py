"""A face that is drawn, for the videos of synthetic twins: nobody's, but a detector of faces finds it.

Coordinates of the drawing: 160 is the side of the picture, (0, 0) the middle of the head, x to the right, y down, z
towards the viewer. Turning the head moves what is nearer further.
"""

from dataclasses import dataclass

import numpy as np

SIDE = 160.0
MIDDLE = np.array([80.0, 82.0])

SKIN, SHADE, HAIR, BLACK, LIPS = (215, 165, 140), (187, 136, 115), (60, 40, 30), (10, 10, 10), (180, 85, 85)
# x, y, z, half width, half height, rgb, width of the edge, in the order of painting; what has an x stands on both sides
# of the face.
BEHIND = ((0, 45, -20, 22, 40, SHADE, 0), (0, -8, 0, 50, 60, HAIR, 0), (0, 4, 0, 42, 54, SKIN, 2))
FEATURES = (
    (0, -28, 5, 26, 9, (222, 175, 150), 8),  # forehead
    (24, 14, 8, 9, 8, (225, 150, 130), 5),  # cheeks
    (17, -10, 10, 11, 8, SHADE, 3),  # eyes: socket, white, iris, pupil, lashes
    (17, -9, 12, 7.5, 3.6, (240, 238, 235), 0),
    (17, -9, 13, 3.4, 3.4, HAIR, 0),
    (17, -9, 13, 1.6, 1.6, BLACK, 0),
    (17, -12.6, 12, 8.5, 1.2, HAIR, 0.5),
    (0, 2, 20, 5, 16, (228, 180, 155), 3),  # nose: ridge, tip, nostrils
    (0, 14, 24, 8, 5.5, (205, 150, 128), 2),
    (4.5, 17, 22, 2.4, 1.5, (110, 65, 55), 0.7),
    (0, 48, 12, 8, 3, (195, 145, 122), 2),  # chin
)
# The 68 points of the usual scheme as arcs: points, x, y, half width, half height, from and to degrees (0 to the right,
# 90 down): jaw, brows, ridge and base of the nose, eyes, outer and inner lips.
ARCS = (
    (17, 0, 4, 42, 54, 180, 0),
    (5, -17, -20, 10, 2, 180, 360),
    (5, 17, -20, 10, 2, 180, 360),
    (4, 0, 1, 0, 13, 270, 90),
    (5, 0, 15, 8, 3, 180, 0),
    (6, -17, -9, 7.5, 3.6, 180, 480),
    (6, 17, -9, 7.5, 3.6, 180, 480),
    (12, 0, 33, 15, 7, 180, 510),
    (8, 0, 33, 11, 4, 180, 495),
)


@dataclass(frozen=True)
class DrawnFace:
    """A face in one picture.

    Attributes:
        smile: -1 (corners of the mouth down) to 1.
        opening: of the mouth, 0 to 1.
        lift: of the brows, about -3 to 3.
        turn: yaw in radians, positive when the nose goes to the left of the picture.
    """

    smile: float = 0.0
    opening: float = 0.3
    lift: float = 0.0
    turn: float = 0.0

    def picture(self, size: int) -> np.ndarray:
        """The face before a wall, uint8 rgb [size, size, 3]."""
        import cv2

        canvas = wall(size).astype(np.float32)
        for one in (*BEHIND, *FEATURES, (17, -20 - self.lift, 12, 10, 2, (70, 45, 35), 1)):  # and the brows
            for side in (1, -1) if one[0] else (1,):
                self._ellipse(canvas, side * one[0], *one[1:])
        self._lips(canvas)
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.6 * size / SIDE))
        x = np.clip((np.arange(size) * SIDE / size - MIDDLE[0]) / 60, -1, 1)
        canvas *= (1 - 0.06 * x - 0.18 * x**2)[None, :, None]  # light from the left, and less at the sides
        return np.clip(canvas, 0, 255).astype(np.uint8)

    def points(self, size: int) -> np.ndarray:
        """Where the 68 points of the usual scheme lie, roughly, in pixels [68, 2]."""
        found = []
        for count, x, y, width, height, start, end in ARCS:
            angle = np.radians(np.linspace(start, end, count))
            found.append(self._placed(x + width * np.cos(angle), y + height * np.sin(angle), 12))
        return np.concatenate(found) * size / SIDE

    def _placed(self, x: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
        """Places in the picture [points, 2], on the scale of the drawing."""
        return MIDDLE + np.stack([x * np.cos(self.turn) - z * np.sin(self.turn), y], axis=-1)

    def _ellipse(
        self, canvas: np.ndarray, x: float, y: float, z: float, width: float, height: float,
        colour: tuple[int, int, int], soft: float,
    ) -> None:  # fmt: skip
        """Paints an ellipse whose edge is `soft` wide."""
        middle = self._placed(np.array([x]), np.array([y]), z)[0]
        pixel = SIDE / len(canvas)
        edge = max(soft, pixel)
        # only the rows and columns that it reaches
        across, down = (
            np.arange(
                max(int((place - half - edge) / pixel), 0), min(int((place + half + edge) / pixel) + 2, len(canvas))
            )
            for place, half in zip(middle, (width, height), strict=True)
        )
        u, v = (across * pixel - middle[0]) / width, (down * pixel - middle[1]) / height
        inside = 1 - np.sqrt(u[None, :] ** 2 + v[:, None] ** 2)  # 1 in the middle, 0 on the edge
        share = np.clip(0.5 + inside * min(width, height) / edge, 0, 1)[..., None]
        part = canvas[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
        part += share.astype(np.float32) * (np.array(colour, np.float32) - part)

    def _lips(self, canvas: np.ndarray) -> None:
        import cv2

        x = np.linspace(-1, 1, 21)
        arch = 1 - x**2
        middle = 33 - 5 * self.smile * x**2
        upper = middle - 3.2 * arch
        lower = middle + (4 + 6 * self.opening) * arch
        for above, below, colour in ((upper, lower, LIPS), (middle, lower - 3.5 * arch, (70, 25, 30))):
            across = (15 + 3 * self.smile) * np.concatenate([x, x[::-1]])
            edge = self._placed(across, np.concatenate([above, below[::-1]]), 14) * len(canvas) / SIDE
            sixteenths = np.round(edge * 16).astype(np.int32)
            cv2.fillPoly(canvas, [sixteenths], colour, cv2.LINE_8, 4)


def wall(size: int) -> np.ndarray:
    """A picture without a face, uint8 rgb [size, size, 3]."""
    return np.full((size, size, 3), (70, 90, 110), np.uint8)
