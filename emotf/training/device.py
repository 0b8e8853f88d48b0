"""What the network runs on."""

import importlib.metadata
import platform
from collections.abc import Sequence
from typing import Any, Protocol

import keras

from emotf.determinism import be_deterministic, conditions, differences
from emotf.errors import UserError
from emotf.progress import say
from emotf.run_folder import RunFolder


class Settings(Protocol):
    """What a training says about how it is computed."""

    precision: str
    jit_compile: bool
    deterministic: bool


def prepare_device(settings: Settings) -> str:
    """Sets the precision, lets GPU memory grow instead of taking it all, and names the device.

    Args:
        settings: precision is a Keras dtype policy, `float32` or `mixed_float16`; deterministic takes one thread an
            operation, and kernels that give the same bits each time.

    Raises:
        UserError: a training cannot be deterministic: as of `be_deterministic`, or Keras runs on JAX.
    """
    keras.config.set_dtype_policy(settings.precision)
    if keras.backend.backend() == "jax":
        import jax

        if settings.deterministic:
            raise UserError("training.deterministic is about TensorFlow's kernels, and Keras runs on JAX; leave it "
                            "out, or choose KERAS_BACKEND=tensorflow.")  # fmt: skip

        return ", ".join(device.device_kind for device in jax.devices())
    import tensorflow as tf

    if settings.deterministic:
        be_deterministic(settings.jit_compile)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # both calls are refused once the devices are in use; the first run of a process has set them then
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, True)
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return ", ".join(names) or "CPU"


def surroundings(run: RunFolder[Any], packages: Sequence[str], deterministic: bool) -> dict[str, Any]:
    """What a run is trained with, for about.json; says what is not as it was before an interruption.

    Args:
        run: that begins, or goes on.
        packages: whose versions count, where they are installed.
        deterministic: as trained.

    Returns:
        `versions` of Python and packages, Keras' `backend`, and `conditions` (see `emotf.determinism`).
    """
    installed = {name: version for name in packages if (version := _version(name))}
    versions = installed | {"python": platform.python_version()}
    now = {"versions": versions, "backend": keras.backend.backend(), "conditions": conditions(deterministic)}
    if run.state.is_file():
        changed = [differences(run.about.get(name, {}), now[name]) for name in ("versions", "conditions")]
        if any(changed):
            say(f"this run was begun with {'; '.join(filter(None, changed))}: its last digits may not be those of a "
                "run that was never interrupted")  # fmt: skip
    return now


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
