"""RMSprop with Nesterov momentum, as Chen & Jin (2015) trained their LSTMs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotf.optimizers.base import Optimizer

if TYPE_CHECKING:
    import keras


@dataclass
class NesterovRmsprop(Optimizer):
    """Graves' centred RMSprop with Nesterov momentum (equations in `emotf.optimizers._nesterov_rmsprop`).

    Chen & Jin name the optimiser, a momentum of 0.9 and a learning rate of 1e-4; decay and ε are the defaults of the
    library that they used.

    Attributes:
        decay: γ of the running means; exp(-ln 2 / 14): a gradient counts half after 14 steps.
        momentum: μ.
        epsilon: ε under the root.
        clip_norm: the gradient of all weights together is scaled down to this norm; 0 leaves it as it is.

    Reference:
        Chen & Jin 2015; Graves 2013, "Generating sequences with recurrent neural networks", eq. 38-45 (RMSprop).
    """

    decay: float = 0.5 ** (1 / 14)
    momentum: float = 0.9
    epsilon: float = 1e-8
    clip_norm: float = 0.0

    def build(self, learning_rate: float) -> "keras.optimizers.Optimizer":
        from emotf.optimizers._nesterov_rmsprop import NesterovRMSprop

        return NesterovRMSprop(
            learning_rate,
            rho=self.decay,
            momentum=self.momentum,
            epsilon=self.epsilon,
            centered=True,
            global_clipnorm=self.clip_norm or None,
        )
