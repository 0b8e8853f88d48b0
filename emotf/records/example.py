"""One example of a record file: what it holds by name, written and read back without trust."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.images.base import Sample
from emotf.places import Place


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


def picture_of(example: Any) -> np.ndarray | None:
    """The picture of a frame, uint8 rgb; None where nothing was found. Raises ValueError where it is no picture."""
    import cv2

    jpeg = bytes_of(example, "jpeg")
    if not jpeg:
        return None
    try:
        bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # of more pixels than OpenCV takes
        bgr = None
    if bgr is None:
        raise ValueError("the picture of a frame is none")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))


def of_sample(sample: Sample, coding: str, quality: int) -> bytes:
    """A serialised picture of a corpus of pictures, with its id, label and votes; `coding` is `png` or `jpeg`."""
    import cv2
    import tensorflow as tf

    picture = sample.picture
    stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.shape[2] == 3 else picture
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if coding == "jpeg" else []
    content = {"id": sample.id.encode(), "picture": cv2.imencode(f".{coding}", stored, options)[1].tobytes()}
    feature = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for name, value in content.items()}
    feature["label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[sample.label]))
    if sample.votes is not None:
        feature["votes"] = tf.train.Feature(float_list=tf.train.FloatList(value=sample.votes.tolist()))
    # the order of a mapping is not settled otherwise, and a resumed writing compares bytes
    return bytes(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True))


@contextmanager
def as_written(path: Place, recording: str) -> Iterator[None]:
    """What a record holds that nobody wrote here becomes a UserError: its checksums say only that it is whole."""
    from google.protobuf.message import DecodeError

    try:
        yield
    except (ValueError, IndexError, DecodeError):
        raise UserError(
            f"{path} (recording {recording}) is damaged (a record is not as the stream's schema has it); delete it and "
            "extract again."
        ) from None
