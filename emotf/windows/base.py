"""What every window says of itself."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass
class Window(ABC):
    """An example: `length` consecutive gold frames from its anchor on, and what the network sees for each of them.

    For a gold frame the network sees, of every stream, the frames at `offsets` from the one nearest in time. Where
    `length` is 1, inputs are [batch, N, channels] with one value out; else [batch, length, channels] with `length`
    values out.
    """

    @property
    @abstractmethod
    def length(self) -> int:
        """Gold frames an example spans."""

    @property
    @abstractmethod
    def inputs(self) -> int | None:
        """Frames of the network's input; None where any number will do."""

    @abstractmethod
    def offsets(self, hop: float) -> np.ndarray:
        """Frames of a stream of `hop` seconds around the one nearest to the gold frame, int64.

        Raises:
            UserError: the window is impossible on that clock.
        """

    @abstractmethod
    def anchors(self, gold: np.ndarray) -> np.ndarray:
        """First gold frames of the examples of a recording for training, int64; all contain a rated frame.

        Args:
            gold: [frames, targets], NaN where unrated.
        """

    def spanning(self, longest: int) -> Self:
        """This window for training on recordings of up to `longest` gold frames."""
        del longest
        return self

    def predicting(self, longest: int) -> Self:
        """This window for predicting recordings of up to `longest` gold frames."""
        del longest
        return self

    def cover(self, frames: int) -> np.ndarray:
        """First gold frames of the examples that together hold every frame once, in order; the last may reach over."""
        return np.arange(0, frames, self.length)

    @abstractmethod
    def check(self) -> None:
        """Raises UserError for sizes that make no window."""
