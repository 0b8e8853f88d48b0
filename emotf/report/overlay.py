"""A prediction drawn on the video that it was made from: curves, numbers, the valence-arousal plane, a word."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotf.affect import PLANE
from emotf.media import check_opencv, pictures, video_writer
from emotf.media.writing import TICKS_HZ
from emotf.progress import progress
from emotf.track import Track

SPAN = 20.0  # seconds of the curves that show at a time
TAIL = 1.0  # seconds of the way behind the point in the plane
STRIP = 0.22  # of the height of the picture: the band at its lower edge that is drawn on
DIMMED = 0.4  # of the picture's brightness that remains under it
INK, FAINT = (255, 255, 255), (150, 150, 150)
TICK = 1 / TICKS_HZ
Colour = tuple[int, int, int]
COLOURS = ((255, 190, 60), (80, 200, 255), (150, 230, 110), (240, 140, 220))  # of the targets in turn, rgb

GAP = "  "  # between the texts of a line
CAPITAL = 22  # pixels: the height of a capital letter of the font at size 1
FRACTION_BITS = 4  # of a pixel, in coordinates


@dataclass(frozen=True)
class Frame:
    """What one picture says in numbers and words.

    Attributes:
        row: of the prediction; -1 where no row is near enough.
        values: target -> value, as predicted; empty without a row.
        word: nearest emotion word; "" where there is none.
    """

    row: int
    values: dict[str, float]
    word: str = ""


def frame_at(time: float, trace: Track, word: np.ndarray | None = None) -> Frame:
    """The row of the prediction nearest to a time (the later of two as near), if it is within half a hop.

    Args:
        time: seconds.
        trace: one channel a target.
        word: str [frames], by its rows.
    """
    if not trace.start - trace.hop / 2 <= time < trace.end + trace.hop / 2:
        return Frame(-1, {})
    row = int(trace.clock.nearest(np.array(time)))
    values = dict(zip(trace.channels, map(float, trace.values[row]), strict=True))
    return Frame(row, values, "" if word is None else str(word[row]))


def overlay(source: Path, out: Path, trace: Track, times: np.ndarray, word: np.ndarray | None = None) -> None:
    """Writes the video with the prediction drawn on every picture, and its sound.

    Args:
        source: the video.
        out: the new file, `.mp4`.
        trace: one channel a target. Each picture shows the row nearest to its time, none if that is more than half a
            hop off.
        times: seconds of the pictures (`emotf.media.picture_times`).
        word: the nearest emotion word, str [frames] by the rows of the trace; none by default.

    Raises:
        UserError: the video is damaged, or `out` is no .mp4.
    """
    check_opencv()
    painter = Painter(trace)
    rate_hz = (len(times) - 1) / times[-1] if times[-1] > 0 else 25.0  # of a single picture, any rate does
    shown = -TICK
    with video_writer(out, rate_hz, sound_from=source) as write:
        for time, (_, picture) in zip(progress(times.tolist(), "overlay"), pictures(source), strict=True):
            shown = max(time, shown + TICK)  # two pictures at one time cannot be stored
            write(painter.draw(picture, time, frame_at(time, trace, word)), shown)


class Painter:
    """Draws a prediction on pictures: a dimmed band at the lower edge with curves, numbers, plane and word.

    Args:
        trace: one channel a target. The plane is drawn where valence and arousal are among them.
    """

    def __init__(self, trace: Track) -> None:
        self.trace, self.times = trace, trace.times
        self.colours = [COLOURS[i % len(COLOURS)] for i in range(len(trace.channels))]
        self.reach = max(0.1, _farthest(trace.values))
        self.way = trace.select(PLANE).values if set(PLANE) <= set(trace.channels) else None

    def draw(self, picture: np.ndarray, time: float, said: Frame) -> np.ndarray:
        """A copy of a picture with the band.

        Args:
            picture: uint8 rgb [height, width, 3].
            time: seconds, where the cursor of the curves stands.
            said: numbers and word.
        """
        height, width = picture.shape[:2]
        band = max(round(STRIP * height), min(height, 48))
        canvas = _Canvas(np.ascontiguousarray(picture[height - band :] * DIMMED, np.uint8))
        room = width
        if self.way is not None and width >= 2 * band:
            room -= band
            self._plane(canvas, room, self.way, said)
        self._legend(canvas, room, said)
        self._curves(canvas, room, time)
        return np.concatenate([picture[: height - band], canvas.pixels])

    def _legend(self, canvas: "_Canvas", room: int, said: Frame) -> None:
        """`arousal +0.31` of every target in its colour, then the word, in one line."""
        texts = [f"{name} {text_of(said.values.get(name, np.nan))}" for name in self.trace.channels]
        pieces = [*zip(texts, self.colours, strict=True), *([(said.word, INK)] if said.word else [])]
        canvas.texts(pieces, canvas.edge, canvas.edge + canvas.letters, canvas.letters, room - 2 * canvas.edge)

    def _curves(self, canvas: "_Canvas", room: int, time: float) -> None:
        """The traces over the seconds around the time, and a cursor there."""
        left, right = canvas.edge, room - canvas.edge
        top, low = 2 * canvas.edge + canvas.letters, canvas.height - canvas.edge
        first = min(max(time - SPAN / 2, self.trace.start), max(self.trace.end - SPAN, self.trace.start))
        scale = (right - left) / min(SPAN, max(self.trace.end - first, self.trace.hop))
        middle, half = (top + low) / 2, (low - top) / 2
        canvas.line(np.array([(left, middle), (right, middle)]), FAINT)
        seen = slice(*np.searchsorted(self.times, [first, first + SPAN + self.trace.hop]))
        across = left + scale * (self.times[seen] - first)
        for values, colour in zip(self.trace.values[seen].T, self.colours, strict=True):
            canvas.line(np.stack([across, middle - half * values / self.reach], axis=1), colour)
        cursor = left + scale * (time - first)
        canvas.line(np.array([(cursor, top), (cursor, low)]), INK)

    def _plane(self, canvas: "_Canvas", left: int, way: np.ndarray, said: Frame) -> None:
        """The unit circle of valence (V, to the right) and arousal (A, up), the point, and where it came from."""
        centre = np.array([left + canvas.height / 2, canvas.height / 2])
        unit = (canvas.height / 2 - canvas.edge) / max(1.0, _farthest(way))
        canvas.circle(centre, unit, FAINT)
        for direction in ((1, 0), (0, 1)):
            canvas.line(centre + np.outer([-unit, unit], direction), FAINT)
        letters = canvas.height // 9
        canvas.texts([("V", FAINT)], centre[0] + unit - 1.5 * letters, centre[1] - letters / 3, letters)
        canvas.texts([("A", FAINT)], centre[0] + letters / 3, centre[1] - unit + 1.5 * letters, letters)
        if said.row >= 0:
            since = max(0, said.row - round(TAIL / self.trace.hop))
            points = centre + way[since : said.row + 1] * (unit, -unit)
            canvas.line(points, INK)
            canvas.point(points[-1], max(2.5, canvas.height / 22), INK)


class _Canvas:
    """Pixels that OpenCV draws on; points are (x, y) from the upper left."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels
        self.height = len(pixels)
        self.edge = max(2, self.height // 20)
        self.letters = self.height // 6  # height of a capital
        self.thick = max(1, self.height // 90)

    def line(self, points: np.ndarray, colour: Colour) -> None:
        """A line through points [n, 2], broken where one is NaN."""
        import cv2

        known = np.isfinite(points).all(axis=1)
        for part in np.split(np.arange(len(points)), np.flatnonzero(~known)):
            if len(part := part[known[part]]):
                cv2.polylines(
                    self.pixels, [_fixed(points[part])], False, colour, self.thick, cv2.LINE_AA, FRACTION_BITS
                )

    def circle(self, centre: np.ndarray, radius: float, colour: Colour) -> None:
        import cv2

        place, size = _fixed(centre).tolist(), int(_fixed(np.array(radius)))
        cv2.circle(self.pixels, place, size, colour, self.thick, cv2.LINE_AA, FRACTION_BITS)

    def point(self, centre: np.ndarray, radius: float, colour: Colour) -> None:
        """A filled circle; nothing where the centre is NaN."""
        import cv2

        if np.isfinite(centre).all():
            place, size = _fixed(centre).tolist(), int(_fixed(np.array(radius)))
            cv2.circle(self.pixels, place, size, colour, cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)

    def texts(
        self, pieces: Sequence[tuple[str, Colour]], x: float, y: float, letters: float, room: float = np.inf
    ) -> None:
        """Texts in a row from (x, y), their lower left; smaller letters where there is no room for such high ones."""
        import cv2

        font = cv2.FONT_HERSHEY_SIMPLEX

        def width(text: str, size: float) -> int:
            return int(cv2.getTextSize(text, font, size, self.thick)[0][0])

        size = letters / CAPITAL
        size *= min(1.0, room / max(1, width(GAP.join(text for text, _ in pieces), size)))
        for text, colour in pieces:
            cv2.putText(self.pixels, text, (round(x), round(y)), font, size, colour, self.thick, cv2.LINE_AA)
            x += width(text + GAP, size)


def text_of(value: float) -> str:
    """A number with its sign and two decimals, or a dash where there is none."""
    return "-" if np.isnan(value) else f"{value:+.2f}"


def _farthest(values: np.ndarray) -> float:
    return float(np.nanmax(np.abs(values), initial=0.0))


def _fixed(values: np.ndarray) -> np.ndarray:
    """Pixels as OpenCV takes them, with bits for the fraction."""
    return np.round(values * (1 << FRACTION_BITS)).astype(np.int32)
