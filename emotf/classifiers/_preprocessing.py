"""What is done to pictures before the first convolution."""

from typing import Any

# Of ImageNet, red, green, blue: the mean in 0..255 as Caffe's networks have it; mean and spread in 0..1.
CAFFE_MEAN = (123.68, 116.779, 103.939)
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def preprocessed(pictures: Any, mode: str) -> Any:
    """Pictures [batch, height, width, channels] in 0..255 as a network wants them; see `Classifier.preprocessing`.

    The modes are those of `keras.applications`' `preprocess_input`, as one layer a · x + b.
    """
    from keras import layers, ops

    if mode == "caffe":
        blue_first = ops.flip(pictures, axis=-1)
        return layers.Rescaling(1.0, [-mean for mean in reversed(CAFFE_MEAN)], name="preprocessed")(blue_first)
    if mode == "torch":
        scale = [1 / (255 * spread) for spread in SPREAD]
        offset = [-mean / spread for mean, spread in zip(MEAN, SPREAD, strict=True)]
        return layers.Rescaling(scale, offset, name="preprocessed")(pictures)
    return layers.Rescaling(1 / 127.5, -1.0, name="preprocessed")(pictures)
