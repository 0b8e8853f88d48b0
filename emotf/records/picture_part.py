"""The pictures of one partition on disk: labels in memory, pictures read at random."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.images.base import Sample

# TFRecord: length (8 bytes) and its checksum (4) before a record, the checksum of its bytes (4) behind it.
BEFORE, BEHIND = 12, 4


@dataclass(frozen=True)
class PicturePart:
    """Where the pictures of a partition are, and of what class; some 50 bytes a picture.

    Attributes:
        classes: their names.
        shape: (height, width, channels) of every picture.
        files: the shards.
        ids: [pictures] of the samples.
        labels: int64 [pictures].
        votes: float32 [pictures, classes] where the corpus has votes.
        places: int64 [pictures, 3]: number of the file, first byte and bytes of the record.
    """

    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    files: tuple[Path, ...]
    ids: tuple[str, ...]
    labels: np.ndarray
    votes: np.ndarray | None
    places: np.ndarray

    @classmethod
    def of_files(
        cls, files: Sequence[Path], classes: tuple[str, ...], shape: tuple[int, int, int], voted: bool
    ) -> "PicturePart":
        """The pictures of some shards, file after file; reads them all, one at a time."""
        import tensorflow as tf

        form: dict[str, Any] = {"id": tf.io.FixedLenFeature((), tf.string)}
        form["label"] = tf.io.FixedLenFeature((), tf.int64)
        if voted:
            form["votes"] = tf.io.FixedLenFeature((len(classes),), tf.float32)
        places, found = [], []
        for number, path in enumerate(files):
            data = path.read_bytes()
            bounds = _records(path, data)
            places.append(np.array([(number, begin, end - begin) for begin, end in bounds], np.int64).reshape(-1, 3))
            try:
                found.append(tf.io.parse_example([data[begin:end] for begin, end in bounds], form))
            except (tf.errors.InvalidArgumentError, ValueError):  # TensorFlow quotes names that are no UTF-8
                raise _damaged(path) from None
            if not np.isin(found[-1]["label"].numpy(), np.arange(len(classes))).all():
                raise _damaged(path)
        ids = tuple(name.decode(errors="replace") for part in found for name in part["id"].numpy())
        labels = np.concatenate([np.zeros(0, np.int64), *(part["label"].numpy() for part in found)])
        votes = np.concatenate([part["votes"].numpy() for part in found]) if voted else None
        return cls(classes, shape, tuple(files), ids, labels, votes, np.concatenate([np.zeros((0, 3), int), *places]))

    def __len__(self) -> int:
        return len(self.labels)

    def examples(self, chosen: np.ndarray) -> np.ndarray:
        """Serialised examples, bytes as object [chosen], in this order; `picture` in them is a PNG or JPEG file.

        Raises:
            UserError: a file was cut short or is gone.
        """
        found = np.empty(len(chosen), object)
        for at, (number, begin, size) in enumerate(self.places[chosen].tolist()):
            found[at] = _read(self.files[number], begin, size)
        return found

    def picture(self, index: int) -> np.ndarray:
        """One decoded picture, uint8 [height, width, channels].

        Raises:
            UserError: a file was cut short or is gone, or what it holds is no such picture.
        """
        import tensorflow as tf

        (example,) = self.examples(np.array([index]))
        encoded = tf.io.parse_single_example(example, {"picture": tf.io.VarLenFeature(tf.string)})["picture"].values
        try:
            picture = np.asarray(tf.io.decode_image(encoded[0], self.shape[2], expand_animations=False))
        except tf.errors.InvalidArgumentError:
            picture = np.zeros(0)
        if picture.shape != self.shape:
            raise _damaged(self.files[self.places[index, 0]])
        return picture

    def samples(self) -> Iterator[Sample]:
        """All pictures in order, one at a time."""
        for index, name in enumerate(self.ids):
            votes = None if self.votes is None else self.votes[index]
            yield Sample(name, self.picture(index), int(self.labels[index]), votes)


def _damaged(path: Path) -> UserError:
    return UserError(f"{path} holds what is no picture of this schema; write the pictures again.")


def _records(path: Path, data: bytes) -> list[tuple[int, int]]:
    """First byte and end of every record of a TFRecord file, whose SHA-256 has been verified."""
    found, at = [], 0
    while at < len(data):
        begin = at + BEFORE
        end = begin + int.from_bytes(data[at : at + 8], "little")
        at = end + BEHIND
        if at > len(data):
            raise _damaged(path)
        found.append((begin, end))
    return found


def _read(path: Path, begin: int, size: int) -> bytes:
    # opened for each: files may be more than a process can have open, and this takes microseconds
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise UserError(f"{path} cannot be read any more ({error.strerror}); write the pictures again.") from None
    try:
        data = os.pread(handle, size, begin)
    finally:
        os.close(handle)
    if len(data) != size:
        raise UserError(f"{path} became shorter since it was verified; write the pictures again.")
    return data
