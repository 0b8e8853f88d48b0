"""Attention over sequences, and where in time a frame is."""

import math
from typing import Any

import keras
from keras import ops
from keras.saving import register_keras_serializable

# Added to the scores of what must not be seen: its softmax is 0, and a frame that may see nothing still has one.
HIDDEN = -1e9


@register_keras_serializable("emotf.models")
class Attention(keras.layers.Layer):
    """Multi-head attention: every frame of `queries` takes what it needs from the frames of `memory`.

        head_i = softmax(Q_i K_iᵀ / √d) V_i,   Q = x W_q + b_q,   K = m W_k + b_k,   V = m W_v + b_v
        out = [head_1 ... head_h] W_o + b_o,   d = width / h

    The mathematics of `keras.layers.MultiHeadAttention`, in products of matrices only: faster on a CPU.

    Args:
        heads: h, a divisor of the width.
        causal: whether frame t sees frames up to t only.

    Reference:
        Vaswani et al. 2017, "Attention is all you need", section 3.2.
    """

    def __init__(self, heads: int, causal: bool = False, **of_any_layer: Any) -> None:
        super().__init__(**of_any_layer)
        self.heads = heads
        self.causal = causal

    def build(self, queries: tuple[int | None, ...], **others: Any) -> None:
        width = queries[-1]
        for name in ("query", "key", "value", "out"):
            layer = keras.layers.Dense(width, dtype=self.dtype_policy, name=name)
            layer.build((None, width))
            setattr(self, name, layer)

    def call(self, queries: Any, memory: Any, present: Any) -> Any:
        """Of queries [batch, frames, width] and memory [batch, others, width], of which `present` [batch, others]."""
        q = self._heads(self.query, queries)
        k, v = self._heads(self.key, memory), self._heads(self.value, memory)
        scores = ops.matmul(q / math.sqrt(q.shape[-1]), ops.transpose(k, (0, 1, 3, 2)))
        weights = ops.softmax(ops.cast(scores, "float32") + self._hidden(queries, present))
        heads = ops.matmul(ops.cast(weights, v.dtype), v)
        joined = ops.reshape(ops.transpose(heads, (0, 2, 1, 3)), (-1, queries.shape[-1]))
        return ops.reshape(self.out(joined), ops.shape(queries))

    def compute_output_shape(self, queries: tuple[int | None, ...], *others: Any) -> tuple[int | None, ...]:
        return queries

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"heads": self.heads, "causal": self.causal}

    def _heads(self, layer: Any, x: Any) -> Any:
        """[batch, heads, frames, d] of x [batch, frames, width]."""
        batch, frames, width = ops.shape(x)
        # two axes: one product of matrices, and none of three axes for its gradient
        y = layer(ops.reshape(x, (-1, width)))
        return ops.transpose(ops.reshape(y, (batch, frames, self.heads, width // self.heads)), (0, 2, 1, 3))

    def _hidden(self, queries: Any, present: Any) -> Any:
        """What is added to the scores [batch, heads, frames, others]."""
        seen = present[:, None, None, :]
        if self.causal:
            time = ops.arange(ops.shape(queries)[1])
            seen = ops.logical_and(seen, time[:, None] >= time[None, :])
        return ops.where(seen, 0.0, HIDDEN)


@register_keras_serializable("emotf.models")
class Positions(keras.layers.Layer):
    """Adds to frame t of x [batch, frames, width] where it is, in waves of 2π to 20000π frames.

        p(t, 2i) = sin(t / 10000^(2i / width)),   p(t, 2i + 1) = cos(t / 10000^(2i / width))

    Reference:
        Vaswani et al. 2017, "Attention is all you need", section 3.5.
    """

    def call(self, x: Any) -> Any:
        width = x.shape[-1]
        # float32 whatever the policy: float16 cannot tell frame 2049 from 2048
        time = ops.cast(ops.arange(ops.shape(x)[1]), "float32")
        pace = ops.exp(ops.arange(0, width, 2, dtype="float32") * (-math.log(10000.0) / width))
        angle = time[:, None] * pace
        waves = ops.reshape(ops.stack([ops.sin(angle), ops.cos(angle)], axis=-1), (-1, width))
        return x + ops.cast(waves, x.dtype)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape
