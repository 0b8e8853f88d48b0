"""What is done to pictures before the first convolution."""

from typing import Any

from emotf.weights import CAFFE_MEAN, TORCH_DEVIATION, TORCH_MEAN


def preprocessed(pictures: Any, mode: str) -> Any:
    """Pictures [batch, height, width, channels] in 0..255 as a network wants them; see `Classifier.preprocessing`.

    The modes are those of `keras.applications`' `preprocess_input`, as one layer a · x + b.
    """
    from keras import layers, ops

    if mode == "caffe":
        blue_first = ops.flip(pictures, axis=-1)
        return layers.Rescaling(1.0, [-mean for mean in reversed(CAFFE_MEAN)], name="preprocessed")(blue_first)
    if mode == "torch":
        scale = [1 / (255 * deviation) for deviation in TORCH_DEVIATION]
        offset = [-mean / deviation for mean, deviation in zip(TORCH_MEAN, TORCH_DEVIATION, strict=True)]
        return layers.Rescaling(scale, offset, name="preprocessed")(pictures)
    return layers.Rescaling(1 / 127.5, -1.0, name="preprocessed")(pictures)
