"""A layer that takes whole streams away in training."""

from typing import Any

import keras
from keras import ops
from keras.saving import register_keras_serializable


@register_keras_serializable("emotf.models")
class ModalityDropout(keras.layers.Layer):
    """In training, a stream [batch, frames, channels] becomes one gap, all of it 0, in some sequences of a batch.

    Each sequence is drawn by itself. What stays is not scaled up as ordinary dropout does: a network that sees a
    recording without gaps sees it as it was trained.

    Args:
        rate: probability that a sequence loses the stream.

    Reference:
        Neverova, Wolf, Taylor, Nebout 2016, "ModDrop: adaptive multi-modal gesture recognition", IEEE TPAMI.
    """

    def __init__(self, rate: float, **of_any_layer: Any) -> None:
        super().__init__(**of_any_layer)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, x: Any, training: bool = False) -> Any:
        if not training:
            return x
        kept = keras.random.uniform((ops.shape(x)[0], 1, 1), seed=self.seed_generator) >= self.rate
        return ops.where(kept, x, ops.zeros_like(x))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate}
