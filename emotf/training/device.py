"""What the network runs on."""

import importlib.metadata
import platform
from collections.abc import Sequence
from typing import Any

import keras


def prepare_device(precision: str) -> str:
    """Sets the precision, lets GPU memory grow instead of taking it all, and names the device.

    Args:
        precision: a Keras dtype policy, `float32` or `mixed_float16`.
    """
    keras.config.set_dtype_policy(precision)
    if keras.backend.backend() == "jax":
        import jax

        return ", ".join(device.device_kind for device in jax.devices())
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # both calls are refused once the devices are in use; the first run of a process has set them then
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return ", ".join(names) or "CPU"


def software(packages: Sequence[str]) -> dict[str, Any]:
    """`versions` of Python and packages, and Keras' `backend`, for about.json."""
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {"versions": versions | {"python": platform.python_version()}, "backend": keras.backend.backend()}
