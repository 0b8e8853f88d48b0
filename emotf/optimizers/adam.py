"""Adam."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotf.optimizers.base import Optimizer

if TYPE_CHECKING:
    import keras


@dataclass
class Adam(Optimizer):
    """`keras.optimizers.Adam`.

    Attributes:
        clip_norm: the gradient of all weights together is scaled down to this norm; 0 leaves it as it is.

    Reference:
        Kingma & Ba 2015, "Adam: a method for stochastic optimization", ICLR.
    """

    clip_norm: float = 0.0

    def build(self, learning_rate: float) -> "keras.optimizers.Optimizer":
        import keras

        return keras.optimizers.Adam(learning_rate, global_clipnorm=self.clip_norm or None)
