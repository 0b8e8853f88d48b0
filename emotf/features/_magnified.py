"""Pictures of a face as they look once small changes in them are magnified."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from emotf.errors import UserError
from emotf.features._crops import Shot
from emotf.features._resnet50 import Described
from emotf.magnification import Magnifier, to_picture
from emotf.recording import Recording
from emotf.track import Track


@dataclass
class Magnified(Described):
    """The fields of a part that describes magnified pictures of a face, and what it computes.

    The pictures are those of `emotf.features._crops.Crops`; `emotf.magnification.Magnifier`, with the streaming filter,
    magnifies them; and what it gives, rounded and clipped to 0 to 255, goes through the network of
    `emotf.features._resnet50.Described`. Frames without a face are 0 in all channels (a gap). For the filter, which
    needs a picture at every frame, a gap is a straight fade from the crop before to the crop behind it; at the ends of
    the recording the nearest crop stands still.

    Crops are cut anew at every frame. That takes most of the head's own motion out of them and puts in what the box
    does: it lies on whole pixels of the video, and it grows and shrinks with the mouth, which moves the whole face
    within the crop. Such motion is magnified like any other. Where the motion of a still head counts, magnify the video
    (`tools/magnify.py`) and take `resnet50` of it.

    Attributes:
        alpha: changes in the band grow by 1 + alpha.
        low_hz: lower edge of the band; a recording must last 1.25 of its periods.
        high_hz: upper edge of the band, below half of the rate.
        cutoff_px: spatial cut-off in pixels of the crop, see `Magnifier`.
        chroma: factor of alpha for colour without brightness, 0 to 1.
    """

    alpha: float = 5.0
    low_hz: float = 0.8
    high_hz: float = 3.0
    cutoff_px: float = 64.0
    chroma: float = 1.0

    def magnified(self, recording: Recording, magnifier: Magnifier) -> Track:
        """The features of a recording's magnified crops.

        Raises:
            UserError: settings do not fit, media are missing or damaged, the recording is too short for the band, or
                there is no such network.
        """
        film = self.film(recording)
        shots = _naming_recording(recording, magnified_shots(film.shots, magnifier, 1 / film.hop))
        return self.resolved(recording).described(replace(film, shots=shots))


def _naming_recording(recording: Recording, shots: Iterator[Shot]) -> Iterator[Shot]:
    """The shots; an error on the way says whose they are."""
    try:
        yield from shots
    except UserError as error:
        raise UserError(f"Recording {recording.id}: {error}") from None


def magnified_shots(shots: Iterator[Shot], magnifier: Magnifier, rate_hz: float) -> Iterator[Shot]:
    """A film whose pictures are magnified, uint8; frames without a picture stay so."""
    waiting: deque[tuple[bool, np.ndarray]] = deque()
    for picture in magnifier.magnify(_without_gaps(shots, waiting), rate_hz):
        found, values = waiting.popleft()
        yield to_picture(picture) if found else None, values
    for _, values in waiting:  # of a film without any picture
        yield None, values


def _without_gaps(shots: Iterator[Shot], seen: deque[tuple[bool, np.ndarray]]) -> Iterator[np.ndarray]:
    """A picture for every frame once one was found; `seen` gets whether there was one, and the numbers beside it."""
    last, gap = None, 0
    for picture, values in shots:
        seen.append((picture is not None, values))
        if picture is None:
            gap += 1
            continue
        before = picture if last is None else last
        for k in range(1, gap + 1):
            share = k / (gap + 1)
            yield to_picture((1 - share) * before + share * picture)
        yield picture
        last, gap = picture, 0
    if last is not None:
        for _ in range(gap):
            yield last
