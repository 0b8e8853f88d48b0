"""Convolutions in groups of channels, in a form that trains on a CPU, too."""

from math import gcd
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.saving import register_keras_serializable

# Channels that go through one dense convolution together: 16 train a little faster in twice as many parts, 64 slower.
TOGETHER = 32


@register_keras_serializable("emotf.classifiers")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D(groups=...)`, with the same weights and values.

    On CPUs Keras compiles grouped convolutions by XLA, whose gradient takes dozens of times as long as that of a dense
    convolution (3 x 3 of 8 pictures [28, 28, 256] in 32 groups: 5.8 s on 2 cores), and TensorFlow's own gradient exists
    only where oneDNN is in use (8 ms). So a few groups together go through a dense convolution each, with a kernel that
    is 0 between the groups (11 ms). Where there is a GPU, Keras' layer is as it is.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Of inputs [batch, rows, columns, channels]; kernel [height, width, channels / groups, filters]."""
        if not on_cpu():
            return super().convolution_op(inputs, kernel)
        width, filters = kernel.shape[-2], kernel.shape[-1] // self.groups
        together = gcd(self.groups, max(TOGETHER // width, 1))
        between = np.kron(np.eye(together), np.ones((width, filters)))  # 1 inside a group, 0 between two
        inside = ops.cast(between, kernel.dtype)
        parts = self.groups // together
        dense = [
            ops.conv(
                x, ops.tile(part, (1, 1, together, 1)) * inside, self.strides, self.padding, None, self.dilation_rate
            )
            for x, part in zip(ops.split(inputs, parts, -1), ops.split(kernel, parts, -1), strict=True)
        ]
        return ops.concatenate(dense, axis=-1)


def on_cpu() -> bool:
    """Whether Keras sees no other device."""
    return all(device.startswith("cpu") for device in keras.distribution.list_devices())


def with_layers_of_keras(network: keras.Model) -> keras.Model:
    """The same network, with `keras.layers.Conv2D` where it has layers of ours."""
    if not any(isinstance(layer, GroupedConv2D) for layer in network.layers):
        return network

    def as_of_keras(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = keras.layers.Conv2D if isinstance(layer, GroupedConv2D) else type(layer)
        return kind.from_config(layer.get_config())

    plain = keras.models.clone_model(network, clone_function=as_of_keras)
    plain.set_weights(network.get_weights())
    return plain
