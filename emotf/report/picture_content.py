"""What is in a corpus of pictures, or in its shards, for people.

What the classes are comes first, because it says where all that follows is synthetic.
"""

from collections import Counter
from collections.abc import Sequence
from math import log2, prod
from typing import Any

import numpy as np

from emotf.images.base import ImageCorpus
from emotf.records import PictureSchema, PictureStore, checked, schema_of
from emotf.report.tables import markdown, number

MIB = 2**20


def of_shards(store: PictureStore) -> str:
    """Classes by partition, votes, what was left out and why, shape, coding and size.

    Raises:
        UserError: the folder holds no complete pictures, or a file is not as it was written.
    """
    schema = store.schema
    parts = [store.part(name) for name in schema.counts] if schema.voted else []
    votes = [spread(part.votes).mean(axis=0) for part in parts if part.votes is not None]
    return _content(schema, f"{_coding(schema)}, {_size(store)}", votes)


def of_images(corpus: ImageCorpus) -> str:
    """The same of a corpus that is not written yet; reads all of its pictures, once.

    Raises:
        UserError: the corpus cannot be read, or a picture is not as it says.
    """
    counts, votes = dict[str, Counter[int]](), list[np.ndarray]()
    for partition in corpus.partitions:
        counts[partition], rows = Counter(), []
        for sample in checked(corpus, partition):
            counts[partition][sample.label] += 1
            if sample.votes is not None:
                rows.append(spread(sample.votes))
        if rows:
            votes.append(np.mean(rows, axis=0))
    pixels = sum(labels.total() for labels in counts.values()) * prod(corpus.shape)
    return _content(schema_of(corpus, counts), f"not written yet, {pixels / MIB:.1f} MiB of pixels", votes)


def of_writing(store: PictureStore) -> str:
    """What the classes are, a line a partition, and where they are."""
    schema = store.schema
    lines = [schema.labels_are]
    for partition, counts in schema.counts.items():
        left_out = ", ".join(f"{count} {reason}" for reason, count in schema.left_out[partition].items())
        lines.append(f"{partition}: {sum(counts.values())} pictures" + (f"; left out: {left_out}" if left_out else ""))
    return "\n".join([*lines, f"pictures: {store.folder} ({_coding(schema)}, {_size(store)})"])


def spread(votes: np.ndarray) -> np.ndarray:
    """How far votes are spread, and how far they agree.

        entropy = -Σ pᵢ log₂ pᵢ,   agreement = max pᵢ

    Args:
        votes: [..., classes], distributions.

    Returns:
        [..., 2]: entropy in bits, 0 to log2(classes); agreement, 1 / classes to 1.

    Example:
        >>> spread(np.array([0.5, 0.25, 0.25, 0.0])).tolist()
        [1.5, 0.5]
    """
    p = votes.astype(float)
    bits = 0.0 - (p * np.log2(p, where=p > 0, out=np.zeros_like(p))).sum(axis=-1)  # never -0.0
    return np.stack([bits, p.max(axis=-1)], axis=-1)


def _content(schema: PictureSchema, stored: str, votes: Sequence[np.ndarray]) -> str:
    """The page; `votes` holds the mean spread of each partition where there are votes."""
    counts, (height, width, channels) = schema.counts, schema.shape
    totals = [sum(of.values()) for of in counts.values()]
    fields = [f"{name}={value}" for name, value in schema.read_as.items() if value not in ("", []) and name != "corpus"]
    about = (
        f"{schema.labels_are}\n{schema.corpus}: {sum(totals)} pictures of {len(schema.classes)} classes, {height} x "
        f"{width} x {channels}; {stored}" + (f"; read with {', '.join(fields)}" if fields else "")
    )
    classes = [
        [name, *(f"{of[name]} ({of[name] / total:.1%})" for of, total in zip(counts.values(), totals, strict=True))]
        for name in schema.classes
    ]
    tables: dict[str, list[list[Any]]] = {"class": [*classes, ["all", *totals]]}
    if votes:
        entropy, agreement = np.transpose(votes)
        tables["votes, mean over pictures"] = [
            [f"entropy, bits (at most {log2(len(schema.classes)):.2f})", *map(number, entropy)],
            ["agreement, share of the class with most", *map(number, agreement)],
        ]
    left_out = schema.left_out
    if reasons := dict.fromkeys(reason for of in left_out.values() for reason in of):
        tables["left out"] = [[reason, *(left_out[name].get(reason, 0) for name in counts)] for reason in reasons]
    return "\n\n".join([about, *(markdown([what, *counts], rows) for what, rows in tables.items())])


def _coding(schema: PictureSchema) -> str:
    return f"{schema.coding} of quality {schema.quality}" if schema.quality else schema.coding


def _size(store: PictureStore) -> str:
    shards = store.completed
    return f"{sum(shard.bytes for shard in shards.values()) / MIB:.1f} MiB in {len(shards)} files"
