"""DenseNet: each layer takes in all that the layers before it gave (Huang et al. 2017)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.classifiers._blocks import convolved, normalised, stem
from emotf.classifiers.base import Classifier

# Of DenseNet161, the one that Keras has not: channels that a layer adds, layers of each dense block.
GROWTH, LAYERS = 48, (6, 12, 36, 24)


@dataclass
class Densenet(Classifier):
    """DenseNet121, 161, 169 or 201; 161 is built here, the others are those of Keras.

    Attributes:
        depth: 121, 161, 169 or 201.

    Example:
        >>> Densenet(depth=161).preprocessing
        'torch'

    Reference:
        Huang, Liu, van der Maaten, Weinberger 2017, "Densely Connected Convolutional Networks", CVPR, table 1 and
        section 3; DenseNet161 (k = 48) is among the networks that come with the authors' code.
    """

    depth: int = 121

    depths: ClassVar[tuple[int, ...]] = (121, 161, 169, 201)

    @property
    def offered(self) -> bool:
        return self.depth != 161

    def maps(self, pictures: Any, weights: str | None) -> Any:
        import keras

        if self.offered:
            make = getattr(keras.applications, f"DenseNet{self.depth}")
            return make(include_top=False, weights=weights, input_tensor=pictures).output
        x = stem(pictures, 2 * GROWTH)
        for stage, count in enumerate(LAYERS, start=2):
            for layer in range(1, count + 1):
                x = _with_layer(x, f"conv{stage}_block{layer}")
            if stage <= len(LAYERS):
                x = _halved(x, f"pool{stage}")
        return normalised(x, "conv5")


def _with_layer(x: Any, name: str) -> Any:
    """x, and the channels that a layer makes of it: normalised, narrowed to 4 k, normalised, convolved to k."""
    from keras import layers

    new = convolved(normalised(x, f"{name}_0"), 4 * GROWTH, 1, f"{name}_1_conv")
    new = convolved(normalised(new, f"{name}_1"), GROWTH, 3, f"{name}_2_conv")
    return layers.Concatenate(name=f"{name}_concat")([x, new])


def _halved(x: Any, name: str) -> Any:
    """Half as many channels, rows and columns."""
    from keras import layers

    x = convolved(normalised(x, name), x.shape[-1] // 2, 1, f"{name}_conv")
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)
