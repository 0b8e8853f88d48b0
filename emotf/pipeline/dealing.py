"""Batches that several devices can share equally."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emotf.pipeline.batches import Epochs


def dealt(epochs: Epochs, devices: int) -> Epochs:
    """Epochs all of whose batches are divisible by a number of devices.

    Only the last batch of an epoch is of any size. It is filled up with copies of its last example that are unrated, so
    that no loss sees them, as none sees padding. (Batch normalisation does: at most devices - 1 examples an epoch.)

    Args:
        epochs: of batches of a size that the devices can share, but for the last.
        devices: that share each batch.
    """
    if devices == 1:
        return epochs

    def filled(inputs: Mapping[str, Any], gold: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        import tensorflow as tf

        missing = -tf.shape(next(iter(gold.values())))[0] % devices

        def copies(values: Any) -> Any:
            return tf.repeat(values[-1:], missing, axis=0)

        return (
            {name: tf.concat([values, copies(values)], 0) for name, values in inputs.items()},
            {name: tf.concat([values, copies(values) * float("nan")], 0) for name, values in gold.items()},
        )

    return replace(epochs, dataset=epochs.dataset.map(filled))
