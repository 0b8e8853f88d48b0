"""Stochastic gradient descent with momentum, as Orgil et al. (2021) trained their networks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotf.errors import UserError
from emotf.optimizers.base import Optimizer

if TYPE_CHECKING:
    import keras


@dataclass
class Sgd(Optimizer):
    """Gradient descent with momentum and L2 weight decay (equations in `emotf.optimizers._sgd`).

    The decay is coupled, λ θ is added to the gradient and passes through the momentum, as in the SGD of PyTorch. It
    takes in every variable that is trained: biases, and scale and offset of batch normalisation, too; its running
    mean and variance are not trained and do not decay.

    Attributes:
        momentum: μ, from 0 to below 1.
        weight_decay: λ.
        clip_norm: the gradient of all weights together is scaled down to this norm, before the decay is added; 0
            leaves it as it is.

    Reference:
        Orgil, Karungaru, Terada, Shagdar 2021, "Multimodal emotion recognition using non-inertial loss function",
        Journal of Signal Processing 25(2): momentum 0.9, weight decay 5e-4, learning rate 0.01. That it is coupled is
        our reading.
    """

    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip_norm: float = 0.0

    def build(self, learning_rate: float) -> "keras.optimizers.Optimizer":
        from emotf.optimizers._sgd import CoupledSGD

        if not 0 <= self.momentum < 1 or self.weight_decay < 0:
            raise UserError(
                f"optimizer.momentum is {self.momentum} and weight_decay {self.weight_decay}; expected 0 <= momentum "
                "< 1 and a weight decay of at least 0."
            )
        return CoupledSGD(
            learning_rate, momentum=self.momentum, l2=self.weight_decay, global_clipnorm=self.clip_norm or None
        )
