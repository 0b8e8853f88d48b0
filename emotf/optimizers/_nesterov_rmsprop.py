"""The Keras optimiser behind `nesterov_rmsprop`."""

from typing import Any

import keras
from keras import ops
from keras.saving import register_keras_serializable


@register_keras_serializable("emotf.optimizers")
class NesterovRMSprop(keras.optimizers.RMSprop):
    """Centred RMSprop whose momentum looks ahead.

        n ← γ n + (1 - γ) g²
        m ← γ m + (1 - γ) g
        δ = -η g / √(n - m² + ε)
        θ ← θ + μ² v + (1 + μ) δ        (v before this step)
        v ← μ v + δ

    Keras' own RMSprop has plain momentum, which it applies to the scaled gradient without looking ahead.

    Reference:
        Chen & Jin 2015 (RMSprop with Nesterov momentum 0.9).
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        n, m, v = self._velocities[index], self._average_gradients[index], self._momentums[index]
        eta, g = ops.cast(learning_rate, variable.dtype), ops.cast(gradient, variable.dtype)
        self.assign(n, self.rho * n + (1 - self.rho) * ops.square(g))
        self.assign(m, self.rho * m + (1 - self.rho) * g)
        # a variance, which rounding takes below 0 where a gradient hardly changes
        variance = ops.maximum(n - ops.square(m), 0.0)
        delta = -eta * g / ops.sqrt(variance + self.epsilon)
        self.assign_add(variable, self.momentum**2 * v + (1 + self.momentum) * delta)
        self.assign(v, self.momentum * v + delta)
