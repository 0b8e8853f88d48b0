"""ResNet: blocks that add to what they are given (He et al. 2016)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.classifiers._blocks import convolved, normalised, stem
from emotf.classifiers.base import Classifier


@dataclass
class Resnet(Classifier):
    """ResNet18, 50, 101 or 152.

    ResNet18 is built here, of basic blocks and without biases, as its authors and torchvision do. The deep ones are
    those of Keras, whose convolutions have biases; batch normalisation makes them idle. They are all that sets
    the trained parameters apart from torchvision's.

    Attributes:
        depth: 18, 50, 101 or 152.

    Example:
        >>> Resnet(depth=18, weights="random").build((48, 48, 3), classes=7).output.shape
        (None, 7)

    Reference:
        He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", CVPR, table 1.
    """

    depth: int = 50

    depths: ClassVar[tuple[int, ...]] = (18, 50, 101, 152)

    @property
    def preprocessing(self) -> str:
        return "caffe" if self.offered else "torch"

    @property
    def offered(self) -> bool:
        return self.depth != 18

    def maps(self, pictures: Any, weights: str | None) -> Any:
        import keras

        if self.offered:
            make = getattr(keras.applications, f"ResNet{self.depth}")
            return make(include_top=False, weights=weights, input_tensor=pictures).output
        x = stem(pictures, 64)
        for stage, filters in enumerate((64, 128, 256, 512), start=2):
            for block in (1, 2):
                stride = 2 if stage > 2 and block == 1 else 1
                x = _basic_block(x, filters, stride, f"conv{stage}_block{block}")
        return x


def _basic_block(x: Any, filters: int, stride: int, name: str) -> Any:
    """ReLU(x + F(x)), where F is two convolutions of 3 x 3; where sizes change, x goes through one of 1 x 1."""
    from keras import layers

    shortcut = x
    if stride > 1 or x.shape[-1] != filters:
        shortcut = normalised(convolved(x, filters, 1, f"{name}_0_conv", stride), f"{name}_0", relu=False)
    x = normalised(convolved(x, filters, 3, f"{name}_1_conv", stride), f"{name}_1")
    x = normalised(convolved(x, filters, 3, f"{name}_2_conv"), f"{name}_2", relu=False)
    return layers.Activation("relu", name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, x]))
