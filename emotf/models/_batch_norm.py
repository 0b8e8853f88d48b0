"""Batch normalisation of padded sequences."""

from typing import Any

import keras
from keras.saving import register_keras_serializable


@register_keras_serializable("emotf.models")
class PaddedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` whose statistics leave padding out.

    Keras' layer can do so, too, by its argument `mask`, but hands the mask on to all layers that follow.
    """

    def build(self, shape: tuple[int | None, ...], **others: Any) -> None:
        super().build(shape)

    def call(self, x: Any, present: Any, training: bool | None = None) -> Any:
        """Of x [batch, frames, channels], of which the frames `present` [batch, frames] count."""
        return super().call(x, training=training, mask=present)

    def compute_output_shape(self, shape: tuple[int | None, ...], *others: Any) -> tuple[int | None, ...]:
        return shape
