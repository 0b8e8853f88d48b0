"""Batch normalisation of padded sequences."""

from typing import Any

import keras
from keras import ops
from keras.saving import register_keras_serializable


@register_keras_serializable("emotf.models")
class PaddedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` whose statistics leave padding out.

        y = γ (x - μ) s + β,   s = 1 / √(σ² + ε),   μ, σ²: mean and variance of the frames that are present

    Keras' layer can do so, too, by its argument `mask`, but hands the mask on to all layers that follow. The
    gradient is written out, its sums as products of matrices, which a CPU computes faster.
    """

    def build(self, shape: tuple[int | None, ...], **others: Any) -> None:
        super().build(shape)

    def call(self, x: Any, present: Any, training: bool | None = None) -> Any:
        """Of x [batch, frames, channels], of which the frames `present` [batch, frames] count."""
        if not (training and self.trainable):
            return super().call(x, training=training)
        # float32 whatever the policy: the squares of float16 overflow
        flat = ops.reshape(ops.cast(x, "float32"), (-1, x.shape[-1]))
        weight = ops.reshape(ops.cast(present, "float32"), (-1, 1))
        count = ops.sum(weight) + keras.config.epsilon()
        # not as products of matrices, of which a GPU may round the factors
        mean = ops.stop_gradient(ops.sum(weight * flat, axis=0) / count)
        variance = ops.stop_gradient(ops.sum(weight * ops.square(flat - mean), axis=0) / count)
        for kept, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            kept.assign(kept * self.momentum + new * (1.0 - self.momentum))
        y = self._normalised(flat, weight / count, mean, ops.rsqrt(variance + self.epsilon))
        return ops.cast(ops.reshape(y, ops.shape(x)), self.compute_dtype)

    def compute_output_shape(self, shape: tuple[int | None, ...], *others: Any) -> tuple[int | None, ...]:
        return shape

    def _normalised(self, x: Any, share: Any, mean: Any, s: Any) -> Any:
        """y of x [n, channels], of which mean and s [channels] are made; share [n, 1] in them, of sum 1."""

        @ops.custom_gradient
        def normalised(x: Any, gamma: Any, beta: Any) -> Any:
            def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any, Any]:
                dy = args[0] if upstream is None else upstream
                ones, x_hat = ops.ones_like(ops.transpose(share)), (x - mean) * s
                d_beta, d_gamma = ops.matmul(ones, dy)[0], ops.matmul(ones, dy * x_hat)[0]
                # what x does to y by itself, by the mean, and by the variance
                dx = gamma * s * (dy - share * (d_beta + x_hat * d_gamma))
                return dx, d_gamma, d_beta

            return x * (gamma * s) + (beta - mean * (gamma * s)), gradient

        return normalised(x, ops.cast(self.gamma, "float32"), ops.cast(self.beta, "float32"))
