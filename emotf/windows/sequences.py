"""Sequences: stretches of a recording, one value out a frame."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from emotf.errors import UserError
from emotf.windows.base import Window


@dataclass
class Sequences(Window):
    """`frames` consecutive frames on the clock of the gold standard, a new one every `stride_frames`.

    Streams of other rates are read at the frame nearest to each gold time. What reaches over the end of a recording is
    padded with NaN: networks see that nothing is there, losses and metrics leave it out.

    Attributes:
        frames: S, length of a sequence; 0 for whole recordings, padded to the longest.
        stride_frames: frames between the starts of two sequences in training, 0 for half a sequence; prediction takes
            them end to end.
        predict_whole: predicts recordings in one piece, so that the state of a network is carried on to their end,
            although it was trained on shorter sequences.

    Example:
        >>> Sequences(frames=4).anchors(np.zeros((7, 1))).tolist()
        [0, 2, 4, 6]
    """

    frames: int = 128
    stride_frames: int = 0
    predict_whole: bool = False

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

    def spanning(self, longest: int) -> Self:
        return self if self.frames else self._whole(longest)

    @property
    def in_one_piece(self) -> bool:
        """Whether recordings are predicted whole, not cut."""
        return self.predict_whole or not self.frames

    def predicting(self, longest: int) -> Self:
        return self._whole(longest) if self.in_one_piece else self

    def _whole(self, longest: int) -> Self:
        # two frames at least: a window of one frame would read as a feature image
        return replace(self, frames=max(longest, 2), stride_frames=max(longest, 2))

    def check(self) -> None:
        if self.frames < 0 or self.frames == 1 or self.stride_frames < 0:
            raise UserError(
                f"Sequences need at least 2 frames (or 0: whole recordings) and a stride of at least 0, received "
                f"{self.frames} and {self.stride_frames}."
            )
        if self.frames and self.stride_frames > self.frames:
            raise UserError(
                f"Sequences of {self.frames} frames every {self.stride_frames} leave frames out; set window.frames "
                "and window.stride_frames together (--vary=window.frames/window.stride_frames=32/32,64/64)."
            )
        if not self.frames and self.stride_frames:
            raise UserError(f"Whole recordings have no stride; leave out stride_frames={self.stride_frames}.")
