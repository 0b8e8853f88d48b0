"""Sequences: stretches of a recording, one value out a frame."""

from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.windows.base import Window


@dataclass
class Sequences(Window):
    """`frames` consecutive frames on the clock of the gold standard, a new one every `stride_frames`.

    Streams of other rates are read at the frame nearest to each gold time. What reaches over the end of a recording is
    padded: inputs with 0, gold with NaN, so that losses and metrics leave it out.

    Attributes:
        frames: S, length of a sequence.
        stride_frames: frames between the starts of two sequences in training, 0 for half a sequence; prediction takes
            them end to end.

    Example:
        >>> Sequences(frames=4).anchors(np.zeros((7, 1))).tolist()
        [0, 2, 4, 6]
    """

    frames: int = 128
    stride_frames: int = 0

    @property
    def length(self) -> int:
        return self.frames

    @property
    def inputs(self) -> int | None:
        return None

    def offsets(self, hop: float) -> np.ndarray:
        return np.zeros(1, np.int64)

    def anchors(self, gold: np.ndarray) -> np.ndarray:
        starts = np.arange(0, len(gold), self.stride_frames or self.frames // 2)
        rated = (~np.isnan(gold)).any(axis=1)
        return np.array([s for s in starts if rated[s : s + self.frames].any()], np.int64)

    def check(self) -> None:
        if self.frames < 2 or self.stride_frames < 0:
            raise UserError(
                f"Sequences need at least 2 frames and a stride of at least 0, received {self.frames} and "
                f"{self.stride_frames}."
            )
