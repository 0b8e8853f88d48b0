"""The pictures of one corpus on disk, written once and read at random.

Layout
    <folder>/schema.json                 what they are: corpus, classes, shape, coding, pictures a class and partition
    <folder>/<partition>-00000.tfrecord  about a thousand pictures: id, PNG or JPEG file, label, votes where there are
    <folder>/COMPLETED                   every file with its bytes, pictures and SHA-256, written last
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from emotf.content import built, names_of
from emotf.errors import UserError
from emotf.files import read_json, sha256, write_sealed, written_aside
from emotf.images.base import ImageCorpus, Sample
from emotf.places import local
from emotf.progress import progress, say
from emotf.records.example import of_sample
from emotf.records.picture_part import PicturePart

SHARD = 1000
CODINGS = ("png", "jpeg")
QUALITY = 95
SHARDS = re.compile(r"(train|dev|test)-\d{5}\.tfrecord")
MINE = re.compile(rf"schema\.json|{SHARDS.pattern}|\..*")  # hidden: what a killed process left


@dataclass(frozen=True)
class PictureSchema:
    """What the pictures of a folder are.

    Attributes:
        corpus: its name.
        read_as: the settings it was read with, a rule of votes among them.
        labels_are: what its classes are, for reports.
        classes: their names, in the order of the labels.
        shape: (height, width, channels).
        coding: `png`, which loses nothing, or `jpeg`.
        quality: of JPEG, 1 to 100; 0 for PNG.
        voted: whether every picture has votes.
        counts: partition -> class -> pictures.
        left_out: partition -> reason -> pictures of the corpus that have no class.
    """

    corpus: str
    read_as: dict[str, Any]
    labels_are: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    coding: str
    quality: int
    voted: bool
    counts: dict[str, dict[str, int]]
    left_out: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Shard:
    """One line of COMPLETED: what a file holds."""

    bytes: int
    pictures: int
    sha256: str


class PictureStore:
    """The pictures of one corpus on disk.

    Args:
        folder: of the shards.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = local(folder, "Shards of pictures").expanduser()

    @property
    def is_complete(self) -> bool:
        """Whether COMPLETED promises shards; `completed` checks them."""
        return (self.folder / "COMPLETED").is_file()

    @property
    def schema(self) -> PictureSchema:
        """Raises UserError where no pictures were written, or by another version."""
        self._check_complete()
        path = self.folder / "schema.json"
        try:
            schema = built(PictureSchema, read_json(path), str(path))
        except UserError as error:
            raise UserError(f"{path} is not a schema of this version ({error}); write the pictures anew.") from None
        if schema.shape[2] not in (1, 3) or not 0 < min(schema.shape) <= max(schema.shape) < 2**14:
            raise UserError(f"{path} is of pictures of {list(schema.shape)}, expected [height, width, 1 or 3]; write "
                            f"the pictures anew.")  # fmt: skip
        return schema

    @property
    def completed(self) -> dict[str, Shard]:
        """File name -> what it holds, checked against the files' sizes.

        Raises:
            UserError: writing did not finish, or a file is missing or has another size than promised.
        """
        self._check_complete()
        promise = self.folder / "COMPLETED"
        content = names_of(read_json(promise), str(promise))
        shards = {name: built(Shard, entry, f"{promise}, {name}") for name, entry in content.items()}
        for name, shard in shards.items():
            if not SHARDS.fullmatch(name):
                raise UserError(f"{promise} names {name!r}, which is no file of pictures; write the pictures again.")
            path = self.folder / name
            size = path.stat().st_size if path.is_file() else 0
            if size != shard.bytes:
                raise UserError(f"{path} has {size} bytes, {shard.bytes} were written; delete COMPLETED beside it and "
                                f"write the pictures again.")  # fmt: skip
        return shards

    @property
    def partitions(self) -> tuple[str, ...]:
        """Those that were written, in the order of the corpus."""
        return tuple(self.schema.counts)

    def part(self, partition: str) -> PicturePart:
        """The pictures of a partition; reads all its files once and verifies them.

        Raises:
            UserError: there is no such partition, or a file is damaged.
        """
        schema = self.schema
        if partition not in schema.counts:
            raise UserError(f"{self.folder} has the partitions {', '.join(schema.counts)}, no {partition!r}; choose "
                            f"one of them.")  # fmt: skip
        mine = {
            self.folder / name: shard for name, shard in self.completed.items() if name.rpartition("-")[0] == partition
        }
        _verify(mine)
        if not mine:
            raise UserError(f"{self.folder} lists no file of {partition}; write the pictures again.")
        return PicturePart.of_files(tuple(mine), schema.classes, schema.shape, schema.voted)

    def write(self, corpus: ImageCorpus, coding: str = "png", quality: int | None = None) -> PictureSchema:
        """Writes all partitions of a corpus; where that was interrupted, files that are as they must be stay.

        Args:
            corpus: what to read.
            coding: `png` or `jpeg`.
            quality: of JPEG, 1 to 100; None: 95.

        Raises:
            UserError: there is no such coding, or none of that quality; the folder holds pictures of other settings, a
                picture is not as the corpus says, or the corpus cannot be read.
        """
        if coding not in CODINGS or (quality is not None and not (coding == "jpeg" and 1 <= quality <= 100)):
            raise UserError(f"Pictures are coded as png, or jpeg with a quality of 1 to 100; received {coding!r} of "
                            f"quality {quality}.")  # fmt: skip
        quality = 0 if coding == "png" else quality or QUALITY
        read_as = _settings(corpus)
        if self.is_complete:
            return self._already(read_as, coding, quality)
        self._check_free()
        shards, counts, kept = dict[str, Shard](), dict[str, Counter[int]](), 0
        for partition in corpus.partitions:
            counts[partition] = Counter()
            samples = checked(corpus, partition)
            for number, examples in enumerate(_in_shards(samples, coding, quality, counts[partition])):
                path = self.folder / f"{partition}-{number:05d}.tfrecord"
                if _holds(path, examples):
                    kept += 1
                else:
                    self._write_shard(path, examples)
                shards[path.name] = Shard(path.stat().st_size, len(examples), sha256(path))
        schema = schema_of(corpus, counts, coding, quality)
        self._complete(schema, shards)
        if kept:
            say(f"{kept} of {len(shards)} files were there and whole, and are kept")
        return schema

    def _already(self, read_as: dict[str, Any], coding: str, quality: int) -> PictureSchema:
        """What is there. Raises UserError where it was made otherwise, or is damaged."""
        schema, asked = self.schema, {"read_as": read_as, "coding": coding, "quality": quality}
        made = {"read_as": schema.read_as, "coding": schema.coding, "quality": schema.quality}
        for name, value in made.items():
            if value != asked[name]:
                raise UserError(f"{self.folder} holds pictures with another {name} ({value}, asked for {asked[name]}); "
                                f"choose another folder, or delete that one.")  # fmt: skip
        shards = self.completed
        _verify({self.folder / name: shard for name, shard in shards.items()})
        say(f"all {len(shards)} files are there and whole, and are kept")
        return schema

    def _write_shard(self, path: Path, examples: list[bytes]) -> None:
        import tensorflow as tf

        with written_aside(path) as aside, tf.io.TFRecordWriter(str(aside)) as writer:
            for example in examples:
                writer.write(example)

    def _complete(self, schema: PictureSchema, shards: dict[str, Shard]) -> None:
        """Promises that all is there; what an attempt with other settings left is removed."""
        for path in self.folder.glob("*.tfrecord"):
            if path.name not in shards:
                path.unlink()
        write_sealed(self.folder / "schema.json", asdict(schema))
        write_sealed(self.folder / "COMPLETED", {name: asdict(shard) for name, shard in shards.items()})

    def _check_free(self) -> None:
        """Raises UserError where the folder holds what an interrupted writing did not leave."""
        foreign = [path.name for path in sorted(self.folder.glob("*")) if not MINE.fullmatch(path.name)]
        if foreign:
            raise UserError(f"{self.folder} holds {foreign[0]}, which belongs to no pictures; choose an empty folder.")

    def _check_complete(self) -> None:
        if not self.is_complete:
            raise UserError(f"{self.folder} holds no complete pictures; write them first, or again: writing goes on "
                            f"where it stopped.")  # fmt: skip


def _verify(shards: Mapping[Path, Shard]) -> None:
    """Reads files. Raises UserError where one is not as it was written."""
    for path, shard in shards.items():
        if sha256(path) != shard.sha256:
            raise UserError(f"{path} is damaged; delete it and COMPLETED beside it, and write the pictures again.")


def _settings(corpus: ImageCorpus) -> dict[str, Any]:
    """How the corpus is read, as JSON gives it back."""
    settings = {"corpus": corpus.name, **asdict(corpus)}
    if corpus.dir:
        settings["dir"] = str(corpus.path.resolve())
    return dict(json.loads(json.dumps(settings)))


def schema_of(
    corpus: ImageCorpus, counts: Mapping[str, Mapping[int, int]], coding: str = "", quality: int = 0
) -> PictureSchema:
    """What the pictures of a corpus are, by what was counted as they were read: partition -> label -> pictures."""
    return PictureSchema(
        corpus.name, _settings(corpus), corpus.described(), corpus.classes, corpus.shape, coding, quality, corpus.voted,
        {part: {name: of.get(label, 0) for label, name in enumerate(corpus.classes)} for part, of in counts.items()},
        {partition: corpus.left_out(partition) for partition in corpus.partitions},
    )  # fmt: skip


def checked(corpus: ImageCorpus, partition: str) -> Iterator[Sample]:
    """The pictures of a partition, one at a time, with progress.

    Raises:
        UserError: the corpus cannot be read, a picture is not as it says, or there is none.
    """
    seen: set[str] = set()
    for sample in progress(corpus.samples(partition), f"{corpus.name}, {partition}"):
        picture, votes = sample.picture, sample.votes
        if picture.dtype != np.uint8 or picture.shape != corpus.shape:
            raise UserError(f"{corpus.name}: picture {sample.id} is {picture.dtype} {list(picture.shape)}, expected "
                            f"uint8 {list(corpus.shape)}; correct the reader.")  # fmt: skip
        if not 0 <= sample.label < len(corpus.classes):
            raise UserError(f"{corpus.name}: picture {sample.id} has label {sample.label}, expected 0 to "
                            f"{len(corpus.classes) - 1}; correct the reader.")  # fmt: skip
        if (votes is not None) != corpus.voted or (votes is not None and not _distribution(votes, corpus.classes)):
            raise UserError(f"{corpus.name}: picture {sample.id} has votes {votes}, expected "
                            f"{'shares that sum to 1' if corpus.voted else 'none'}; correct the reader.")  # fmt: skip
        if sample.id in seen:
            raise UserError(f"{corpus.name}: picture {sample.id} is there twice in a partition; take one away.")
        seen.add(sample.id)
        yield sample
    if not seen:
        raise UserError(f"Corpus {corpus.name!r} has no picture in {partition}; check its folder and settings.")


def _distribution(votes: np.ndarray, classes: tuple[str, ...]) -> bool:
    return votes.shape == (len(classes),) and bool(votes.min() >= 0) and abs(float(votes.sum()) - 1) < 1e-5


def _in_shards(samples: Iterable[Sample], coding: str, quality: int, counts: Counter[int]) -> Iterator[list[bytes]]:
    """Serialised examples, `SHARD` at a time; counts their labels."""
    samples = iter(samples)
    while part := list(islice(samples, SHARD)):
        counts.update(sample.label for sample in part)
        yield [of_sample(sample, coding, quality) for sample in part]


def _holds(path: Path, examples: list[bytes]) -> bool:
    """Whether a file is whole and holds just these examples."""
    import tensorflow as tf

    try:
        return path.is_file() and list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == examples
    except tf.errors.DataLossError:
        return False
