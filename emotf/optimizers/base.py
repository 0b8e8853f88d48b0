"""What every optimiser offers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass
class Optimizer(ABC):
    """Settings of an optimiser, all but the learning rate, which every training has."""

    @abstractmethod
    def build(self, learning_rate: float) -> "keras.optimizers.Optimizer":
        """A new optimiser."""
