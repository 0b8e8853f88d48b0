"""Feature images: the CER's window on its streams."""

from dataclasses import dataclass

import numpy as np

from emotf.errors import UserError
from emotf.track import to_frames
from emotf.windows.base import Window


@dataclass
class FeatureImages(Window):
    """N feature vectors, `stride` seconds apart, around each gold frame.

    Köprü & Erzin print the image of frame l as [f_{l+1-Nt/2} ... f_{l-t}, f_l, f_{l+t} ... f_{l+Nt/2}]; the first
    index is a slip. The reading that gives N vectors has offsets -(N/2-1)t ... 0 ... (N/2)t, half a stride off centre,
    so an image needs (N/2)t seconds of the future: 1.67 s at N = 20. Each stream is read on its own clock, at the frame
    nearest to gold time + offset. Beyond the edge of a recording its first or last frame is repeated.

    Attributes:
        frames: N, even.
        stride: t in seconds; a whole number of frames of every stream. The paper's 10 frames at 60/s are 1/6 s; at
            25/s take 0.16 s.

    Example:
        >>> FeatureImages(frames=20, stride=1 / 6).offsets(hop=1 / 60)[[0, 8, 9, 19]].tolist()
        [-90, -10, 0, 100]

    Reference:
        Köprü & Erzin 2020, eq. 1.
    """

    frames: int = 20
    stride: float = 1 / 6

    @property
    def length(self) -> int:
        return 1

    @property
    def inputs(self) -> int | None:
        return self.frames

    def anchors(self, gold: np.ndarray) -> np.ndarray:
        return np.flatnonzero((~np.isnan(gold)).any(axis=1))

    def check(self) -> None:
        if self.frames < 2 or self.frames % 2:
            raise UserError(f"A feature image has an even number of frames, at least 2; received {self.frames}.")

    def offsets(self, hop: float) -> np.ndarray:
        self.check()
        step = to_frames(self.stride, hop, "stride of feature images")
        if step < 1:
            raise UserError(f"A stride of {self.stride:g} s is below one frame of {hop:g} s.")
        return (np.arange(self.frames) - (self.frames // 2 - 1)) * step
