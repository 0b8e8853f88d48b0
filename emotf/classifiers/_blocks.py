"""What the networks that Keras does not offer are made of, in the style and with the names of those that it does."""

from typing import Any

# Of batch normalisation in `keras.applications`.
EPSILON = 1.001e-5


def convolved(x: Any, filters: int, kernel: int, name: str, stride: int = 1, groups: int = 1) -> Any:
    """A convolution without bias of x [batch, rows, columns, channels], padded by as many zeros on all sides.

    Keras' padding `same` is lopsided where the stride is 2; that of the networks' authors is not.
    """
    from keras import layers

    from emotf.classifiers._grouped import GroupedConv2D

    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    settings: dict[str, Any] = {"strides": stride, "use_bias": False, "kernel_initializer": "he_normal", "name": name}
    if groups > 1:
        return GroupedConv2D(filters, kernel, groups=groups, **settings)(x)
    return layers.Conv2D(filters, kernel, **settings)(x)


def normalised(x: Any, name: str, relu: bool = True) -> Any:
    """Batch normalisation, and ReLU after it: layers `<name>_bn` and `<name>_relu`."""
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x) if relu else x


def stem(pictures: Any, filters: int) -> Any:
    """The first layers of a ResNet or DenseNet: a quarter of the rows and columns remain."""
    from keras import layers

    x = normalised(convolved(pictures, filters, 7, "conv1_conv", stride=2), "conv1")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)  # no value is below 0
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def squeezed_and_excited(x: Any, reduction: int, name: str) -> Any:
    """Channels of x [batch, rows, columns, channels], each times what the means of all say about it.

        s = σ(W₂ ReLU(W₁ z + b₁) + b₂),   z: means over rows and columns,   W₁ [channels / reduction, channels]

    Reference:
        Hu, Shen, Sun 2018, "Squeeze-and-Excitation Networks", CVPR, equations 2 to 4.
    """
    from keras import layers

    channels = x.shape[-1]
    s = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    s = layers.Conv2D(channels // reduction, 1, activation="relu", name=f"{name}_reduce")(s)
    s = layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_excite")(s)
    return layers.Multiply(name=f"{name}_scale")([x, s])
