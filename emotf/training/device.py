"""What the network runs on."""

import importlib.metadata
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from emotf.errors import UserError


def prepare_device(precision: str, devices: int = 1) -> str:
    """Sets the precision, lets GPU memory grow instead of taking it all, and names the device.

    Several devices share each batch, on JAX: its compiler divides the one program of the whole batch among them, so
    moments, and losses over them, are those of the whole batch. TensorFlow's replicas would run a program each, and
    the loss would be the mean of those of their parts, which for a CCC is another loss.

    Args:
        precision: a Keras dtype policy, `float32` or `mixed_float16`.
        devices: that share each batch.

    Raises:
        UserError: several devices are asked for on another back end than JAX, or there are not so many.
    """
    keras.config.set_dtype_policy(precision)
    if keras.backend.backend() == "jax":
        return _prepare_jax(devices)
    if devices > 1:
        raise UserError(f"training.devices is {devices}, and Keras runs on {keras.backend.backend()}, whose replicas "
                        "would each take the loss of their own part of a batch; set KERAS_BACKEND=jax.")  # fmt: skip
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # both calls are refused once the devices are in use; the first run of a process has set them then
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return ", ".join(names) or "CPU"


def _prepare_jax(devices: int) -> str:
    import jax

    there = jax.devices()
    if devices > len(there):
        advice = f"or, on CPU, set XLA_FLAGS=--xla_force_host_platform_device_count={devices}"
        raise UserError(f"training.devices is {devices}, JAX has {len(there)} ({there[0].device_kind}); ask for fewer, "
                        f"{advice}.")  # fmt: skip
    divided = None
    if devices > 1:
        names = keras.distribution.list_devices()[:devices]
        divided = keras.distribution.DataParallel(devices=names, auto_shard_dataset=False)
    keras.distribution.set_distribution(divided)
    return ", ".join(device.device_kind for device in there[:devices])


@contextmanager
def undivided() -> Iterator[None]:
    """Runs a network on whole batches of any size, while training divides them: every device does the same."""
    divided = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(divided)


def compiled(asked: bool) -> bool:
    """Whether XLA compiles a step: where that is asked for, and on JAX always; else it went operation by operation."""
    return asked or keras.backend.backend() == "jax"


def software(packages: Sequence[str]) -> dict[str, Any]:
    """`versions` of Python and packages, and Keras' `backend`, for about.json."""
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {"versions": versions | {"python": platform.python_version()}, "backend": keras.backend.backend()}
