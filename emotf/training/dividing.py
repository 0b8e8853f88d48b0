"""Several devices that share each batch, on Keras' JAX back end.

JAX compiles one program for the whole batch and divides it among devices, so moments, and losses over them, are those
of the whole batch. TensorFlow's replicas would run a program each, and the loss would be the mean of those of their
parts, which for a CCC is another loss; so they are not offered.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from emotf.errors import UserError


def divide(devices: int) -> None:
    """Lets this many devices share each batch of networks that are built from now on.

    Raises:
        UserError: several are asked for on another back end than JAX, or there are not so many.
    """
    if (backend := keras.backend.backend()) != "jax":
        if devices > 1:
            raise UserError(f"training.devices is {devices}, and Keras runs on {backend}, whose replicas would each "
                            "take the loss of their own part of a batch; set KERAS_BACKEND=jax.")  # fmt: skip
        return
    names = keras.distribution.list_devices()
    if devices > len(names):
        raise UserError(f"training.devices is {devices}, JAX has {len(names)} ({names[0]}, ...); ask for fewer, or, on "
                        f"CPU, set XLA_FLAGS=--xla_force_host_platform_device_count={devices}.")  # fmt: skip
    divided = None
    if devices > 1:
        divided = keras.distribution.DataParallel(devices=names[:devices], auto_shard_dataset=False)
    keras.distribution.set_distribution(divided)


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
