"""One example of a record file: byte strings by name, written and read back without trust."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError


def serialised(**content: bytes) -> bytes:
    """A serialised tf.train.Example of byte strings."""
    import tensorflow as tf

    features = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for name, value in content.items()}
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def parsed(record: bytes) -> Any:
    """Name -> feature. Raises protobuf's DecodeError where the record is no example."""
    import tensorflow as tf

    return tf.train.Example.FromString(record).features.feature


def bytes_of(example: Any, name: str) -> bytes:
    """A byte string. Raises IndexError where the example has none of that name."""
    return bytes(example[name].bytes_list.value[0])


def number_of(example: Any, name: str) -> float:
    """A finite number. Raises IndexError or ValueError where the example has none of that name."""
    (number,) = np.frombuffer(bytes_of(example, name), "<f8").tolist()
    if not np.isfinite(number):
        raise ValueError(f"{name} is {number}")
    return float(number)


@contextmanager
def as_written(path: Path, recording: str) -> Iterator[None]:
    """What a record holds that nobody wrote here becomes a UserError: its checksums say only that it is whole."""
    import cv2
    from google.protobuf.message import DecodeError

    try:
        yield
    except (ValueError, IndexError, DecodeError, cv2.error):
        raise UserError(
            f"{path} (recording {recording}) is damaged (a record is not as the stream's schema has it); delete it and "
            "extract again."
        ) from None
