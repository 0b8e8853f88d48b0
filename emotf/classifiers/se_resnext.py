"""SE-ResNeXt: ResNet's bottlenecks in 32 groups, their channels weighted by squeeze and excitation."""

from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.classifiers._blocks import convolved, normalised, squeezed_and_excited, stem
from emotf.classifiers.base import Classifier

# 32x4d: the groups of each middle convolution; in the first stage they are 4 channels wide.
GROUPS, WIDTH = 32, 4
# Channels to one that remains where they are squeezed.
REDUCTION = 16
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@dataclass
class SeResnext(Classifier):
    """SE-ResNeXt50, 101 or 152, each 32x4d, built here: Keras has none.

    Attributes:
        depth: 50, 101 or 152.

    Example:
        >>> SeResnext(depth=50, weights="random").name
        'se_resnext50'

    Reference:
        Xie, Girshick, Dollár, Tu, He 2017, "Aggregated Residual Transformations for Deep Neural Networks", CVPR, table
        1 (32x4d); Hu, Shen, Sun 2018, "Squeeze-and-Excitation Networks", CVPR, table 1.
    """

    depth: int = 50

    depths: ClassVar[tuple[int, ...]] = tuple(BLOCKS)

    def maps(self, pictures: Any, weights: str | None) -> Any:
        del weights  # there are none
        x = stem(pictures, 64)
        for stage, blocks in enumerate(BLOCKS[self.depth]):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                x = _block(x, GROUPS * WIDTH << stage, 256 << stage, stride, f"conv{stage + 2}_block{block + 1}")
        return x


def _block(x: Any, inner: int, outer: int, stride: int, name: str) -> Any:
    """ReLU(x + SE(F(x))), where F narrows to `inner` channels, convolves these in groups, and widens to `outer`."""
    from keras import layers

    shortcut = x
    if stride > 1 or x.shape[-1] != outer:
        shortcut = normalised(convolved(x, outer, 1, f"{name}_0_conv", stride), f"{name}_0", relu=False)
    x = normalised(convolved(x, inner, 1, f"{name}_1_conv"), f"{name}_1")
    x = normalised(convolved(x, inner, 3, f"{name}_2_conv", stride, GROUPS), f"{name}_2")
    x = normalised(convolved(x, outer, 1, f"{name}_3_conv"), f"{name}_3", relu=False)
    x = squeezed_and_excited(x, REDUCTION, f"{name}_se")
    return layers.Activation("relu", name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, x]))
