"""Networks on whole recordings: what feature images share is computed once."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

# (stream -> [rows, channels], int [images]: the first of the N rows of each image) -> {target: [images]}
Sliding = Callable[[Mapping[str, Any], Any], dict[str, Any]]


def frame_by_frame(network: "keras.Model", layer: str) -> Callable[[Mapping[str, Any]], Any] | None:
    """What a network does before the named layer, to rows: {stream: [rows, channels]} -> [1, rows, P].

    Up to that layer it must see every frame by itself. It is run as it was built, on feature images that have no row in
    common.

    Returns:
        None where there is no sliding that equals the network to rounding: it has no such layer, computes in less than
        float32, or runs on another back end than TensorFlow, whose graphs take any number of rows.
    """
    import keras
    from keras import ops

    if keras.backend.backend() != "tensorflow" or layer not in {one.name for one in network.layers}:
        return None
    if network.get_layer(layer).compute_dtype != "float32":
        return None
    part = keras.Model(network.input, network.get_layer(layer).input)
    frames = network.inputs[0].shape[1]

    def images(x: Any) -> Any:
        """[rows, channels] -> [images, N, channels], the last one filled up with zeros, which are cut off again."""
        filled = ops.concatenate([x, ops.zeros((-ops.shape(x)[0] % frames, x.shape[1]))])
        return ops.reshape(filled, (-1, frames, x.shape[1]))

    def known(rows: Mapping[str, Any]) -> Any:
        x = part({name: images(x) for name, x in rows.items()}, training=False)
        return ops.reshape(x, (1, -1, x.shape[-1]))[:, : ops.shape(next(iter(rows.values())))[0]]

    return known
