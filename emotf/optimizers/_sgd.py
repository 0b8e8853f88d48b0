"""The Keras optimiser behind `sgd`."""

from typing import Any

import keras
from keras import ops
from keras.saving import register_keras_serializable


@register_keras_serializable("emotf.optimizers")
class CoupledSGD(keras.optimizers.SGD):
    """Gradient descent with momentum whose weight decay is part of the gradient.

        v ← μ v + g + λ θ
        θ ← θ - η v

    Keras' own differs twice: its weight decay is decoupled, θ ← θ - η λ θ beside the step, and its momentum holds
    η v, so that past steps keep the learning rate that they were made with after it was reduced.

    Args:
        learning_rate: η.
        momentum: μ.
        l2: λ, of every variable that is trained.
    """

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.9, l2: float = 0.0, **of_any: Any) -> None:
        super().__init__(learning_rate, momentum, **of_any)
        self.l2 = l2

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        eta, g = ops.cast(learning_rate, variable.dtype), ops.cast(gradient, variable.dtype)
        step = g + self.l2 * variable
        if self.momentum:
            v = self.momentums[self._get_variable_index(variable)]
            self.assign(v, self.momentum * v + step)
            step = v
        self.assign_sub(variable, eta * step)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"l2": self.l2}
