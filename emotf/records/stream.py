"""Write and read the streams of a store.

Layout
    <records>/<corpus>/recordings.json            who: id, subject, session, partition; what the targets are
    <records>/<corpus>/media.json                 recording -> medium -> SHA-256 of the file that streams were made from
    <records>/<corpus>/<stream>/schema.json       channels, hop, window, kind (extracted or raw), how it was made
    <records>/<corpus>/<stream>/<id>.tfrecord     one example: the whole stream of one recording; of a stream of
                                                  pictures one example a frame, a JPEG file and the numbers beside it
    <records>/<corpus>/<stream>/COMPLETED         every file with its bytes, frames and SHA-256, written last

    The gold standard is the stream `gold`, one channel a target. A new stream touches no other. Values are raw
    little-endian float32. Windows of the network are never stored: they are gathered at batch time.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.features.base import Film
from emotf.files import read_json, remove_remains, sha256, write_new_json, write_sealed, written_aside
from emotf.records.serialised import serialised_examples
from emotf.track import Clock, Track

GOLD = "gold"
PICTURES = "pictures"
JPEG_QUALITY = 95
# Protocol Buffers end at 2 GiB; some of it is left for what else an example holds.
LARGEST_BYTES = 2**31 - 2**20

# Seconds by which a stream may end before the gold standard (or begin after it): published packages rate t = 300.00 s
# and describe only 300 s of chunks. The edge frame is repeated there; more is refused.
EDGE = 0.1


@dataclass(frozen=True)
class Schema:
    """What one stream is.

    Attributes:
        channels: their names.
        hop: seconds between frames, the same in all recordings.
        window: seconds of media behind one frame.
        kind: `extracted`, `raw`, `pictures` or, for the gold standard, `gold`.
        made_by: the settings of the feature, or of the fusion of raters.
        gaps: whether frames of zeros say that nothing was found.
    """

    channels: tuple[str, ...]
    hop: float
    window: float
    kind: str
    made_by: dict[str, Any]
    gaps: bool = False


@dataclass(frozen=True)
class Entry:
    """One line of COMPLETED: what a record file holds."""

    bytes: int
    frames: int
    start: float
    sha256: str


class Stream:
    """One stream of a corpus on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.name = self.folder.name

    @property
    def schema(self) -> Schema:
        """Raises UserError where the stream was never extracted."""
        path = self.folder / "schema.json"
        if not path.is_file():
            raise UserError(f"{self.folder} holds no stream; extract {self.name!r} first (tools/extract.py).")
        content = read_json(path)
        try:
            return Schema(**{**content, "channels": tuple(content["channels"])})
        except (TypeError, KeyError) as error:
            raise UserError(f"{path} is not a schema of this version ({error}); extract the stream anew.") from None

    @property
    def completed(self) -> dict[str, Entry]:
        """Recording id -> entry, checked against the files' sizes.

        Raises:
            UserError: extraction did not finish, or a file is missing or has another size than promised.
        """
        if not self.is_complete:
            raise UserError(f"{self.folder} is not complete; run the extraction again, it continues where it stopped.")
        path = self.folder / "COMPLETED"
        try:
            entries = {name: Entry(**entry) for name, entry in read_json(path).items()}
        except (TypeError, AttributeError) as error:
            raise UserError(f"{path} is damaged ({error}); run the extraction again, what is whole stays.") from None
        for name, entry in entries.items():
            record = self.path(name)
            size = record.stat().st_size if record.is_file() else 0
            if size != entry.bytes:
                raise UserError(
                    f"{record} (recording {name}) has {size} bytes, {entry.bytes} were written; delete it and extract "
                    "again."
                )
        return entries

    def clocks(self, recordings: Iterable[str]) -> dict[str, Clock]:
        """Recording -> when its frames stand. Raises UserError, as `completed`, and where one has no such stream."""
        hop, entries = self.schema.hop, self.completed
        for name in recordings:
            if name not in entries:
                raise UserError(f"Recording {name} has no stream {self.name!r} in {self.folder.parent}; extract it.")
        return {name: Clock(entries[name].start, hop, entries[name].frames) for name in recordings}

    def path(self, recording: str) -> Path:
        """The record file of a recording."""
        return self.folder / f"{recording}.tfrecord"

    @property
    def begun(self) -> bool:
        """Whether there is a schema, and perhaps records."""
        return (self.folder / "schema.json").is_file()

    def begin(self, schema: Schema) -> None:
        """Writes the schema of a new stream; of several processes that begin it at once, the first one decides."""
        if not self.begun:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_new_json(self.folder / "schema.json", asdict(schema))

    def forget_beginning(self) -> None:
        """Takes back a schema that nothing was completed under."""
        if not self.is_complete:
            (self.folder / "schema.json").unlink(missing_ok=True)

    @property
    def is_complete(self) -> bool:
        """Whether COMPLETED promises records; `completed` checks them."""
        return (self.folder / "COMPLETED").is_file()

    def start(self, schema: Schema) -> None:
        """Begins or continues the stream.

        Raises:
            UserError: the folder holds a stream that was made otherwise.
        """
        self.begin(schema)
        if (old := self.schema) != schema:
            field = next(name for name in asdict(schema) if getattr(old, name) != getattr(schema, name))
            raise UserError(
                f"{self.folder} was made with another {field} ({getattr(old, field)}, asked for "
                f"{getattr(schema, field)}); name the new stream differently or delete that folder."
            )

    def write(self, recording: str, track: Track, source: str = "") -> Entry:
        """Writes the track of one recording, whole or not at all; `source` says what it was made from.

        What COMPLETED promised does not hold any more: it is taken back until `complete` is called again.

        Raises:
            UserError: the track is larger than a record can be.
        """
        if track.values.nbytes > LARGEST_BYTES:
            raise UserError(
                f"Recording {recording}, stream {self.name!r}: {track.frames} frames of {len(track.channels)} channels "
                f"are {track.values.nbytes / 2**30:.1f} GiB, a record holds 2; cut the recording, or extract fewer "
                "channels or frames a second."
            )
        example = _example(
            recording=recording.encode(),
            source=source.encode(),
            values=np.asarray(track.values, "<f4").tobytes(),
            start=np.array(track.start, "<f8").tobytes(),
            hop=np.array(track.hop, "<f8").tobytes(),
        )
        self._write(recording, [example])
        return self._entry(recording, track)

    def write_film(self, recording: str, film: Film, source: str = "") -> tuple[Entry, Track]:
        """Writes a stream of pictures as it is decoded, one example a frame; as `write` otherwise.

        Returns:
            The entry, and the numbers beside the pictures.

        Raises:
            UserError: there is no frame.
        """
        import cv2

        rows: list[np.ndarray] = []

        def examples() -> Iterator[bytes]:
            for picture, values in film.shots:
                rows.append(np.asarray(values, np.float32))
                jpeg = b""
                if picture is not None:
                    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
                    jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
                yield _example(
                    recording=recording.encode(),
                    source=source.encode(),
                    jpeg=jpeg,
                    values=np.asarray(rows[-1], "<f4").tobytes(),
                    start=np.array(film.start, "<f8").tobytes(),
                    hop=np.array(film.hop, "<f8").tobytes(),
                )
            if not rows:
                raise UserError(f"Recording {recording}, stream {self.name!r}: there is not one picture.")

        self._write(recording, examples())
        track = Track(np.stack(rows), film.hop, film.start, self.schema.channels)
        return self._entry(recording, track), track

    def _write(self, recording: str, examples: Iterable[bytes]) -> None:
        import tensorflow as tf

        (self.folder / "COMPLETED").unlink(missing_ok=True)
        with written_aside(self.path(recording)) as aside, tf.io.TFRecordWriter(str(aside)) as writer:
            for example in examples:
                writer.write(example)

    def complete(self, entries: dict[str, Entry], schema: Schema | None = None) -> None:
        """Promises that the stream is whole; its schema is settled, and what a killed process left is removed."""
        remove_remains(self.folder)
        if schema is not None and schema != self.schema:
            write_sealed(self.folder / "schema.json", asdict(schema))
        write_sealed(self.folder / "COMPLETED", {name: asdict(entry) for name, entry in sorted(entries.items())})

    def read(self, recording: str) -> Track:
        """The track of one recording; its checksums are verified.

        Raises:
            UserError: the file is missing, damaged, or not the one promised; or the stream is one of pictures.
        """
        schema = self._numbers()
        track, _ = self._read(recording)
        return replace(track, hop=schema.hop)

    def film(self, recording: str) -> Film:
        """The pictures of one recording, decoded one at a time; a stream of pictures only.

        Raises:
            UserError: at once, as `read`, for the first picture; later ones while they are read.
        """
        import cv2

        if self.schema.kind != PICTURES:
            raise UserError(f"Stream {self.name!r} of {self.folder.parent} holds numbers, no pictures.")
        examples = self._examples(recording)
        first = next(examples)

        def shots() -> Iterator[tuple[np.ndarray | None, np.ndarray]]:
            for example in chain([first], examples):
                picture = None
                if jpeg := _bytes(example, "jpeg"):
                    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
                    picture = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
                yield picture, np.frombuffer(_bytes(example, "values"), "<f4")

        return Film(self.schema.hop, _number(first, "start"), shots())

    def parser(self) -> Callable[[Any], Any]:
        """Serialised example -> values [frames, channels], for tf.data graphs."""
        import tensorflow as tf

        channels = len(self._numbers().channels)

        def parse(record: Any) -> Any:
            form = {"values": tf.io.FixedLenFeature((), tf.string)}
            raw = tf.io.parse_single_example(record, form)["values"]
            return tf.reshape(tf.io.decode_raw(raw, tf.float32, little_endian=True), (-1, channels))

        return parse

    def verify(self, recording: str, entry: Entry) -> None:
        """Reads the whole file of a recording. Raises UserError where it is not what COMPLETED promises."""
        path = self.path(recording)
        if sha256(path) != entry.sha256:
            raise UserError(f"{path} (recording {recording}) is damaged; delete it and extract again.")

    def existing(self, recording: str, source: str) -> tuple[Entry, Track] | None:
        """What an interrupted extraction left, if it is whole and was made from the same source; else None."""
        try:
            track, made_from = self._read(recording)
        except UserError:
            return None
        return (self._entry(recording, track), track) if made_from == source else None

    def _entry(self, recording: str, track: Track) -> Entry:
        path = self.path(recording)
        return Entry(path.stat().st_size, track.frames, track.start, sha256(path))

    def _numbers(self) -> Schema:
        """The schema. Raises UserError where the stream is one of pictures."""
        if (schema := self.schema).kind == PICTURES:
            raise UserError(
                f"Stream {self.name!r} of {self.folder.parent} holds pictures, networks read numbers; extract a stream "
                "that makes numbers of them, for example resnet50."
            )
        return schema

    def _read(self, recording: str) -> tuple[Track, str]:
        """The numbers of a recording as they were written, and what they were made from."""
        schema, path = self.schema, self.path(recording)
        examples = self._examples(recording)
        first = next(examples)
        raw = [_bytes(first, "values"), *(_bytes(example, "values") for example in examples)]
        if schema.kind != PICTURES and len(raw) != 1:
            raise UserError(f"{path} (recording {recording}) holds {len(raw)} records, expected 1; extract again.")
        values = np.frombuffer(b"".join(raw), "<f4").reshape(-1, len(schema.channels))
        hop = _number(first, "hop") if "hop" in first else schema.hop  # older records have none
        return Track(values, hop, _number(first, "start"), schema.channels), _bytes(first, "source").decode()

    def _examples(self, recording: str) -> Iterator[Any]:
        """The features of each example of a recording's file, at least one."""
        import tensorflow as tf

        path, count = self.path(recording), 0
        if not path.is_file():
            raise UserError(f"{path} (recording {recording}) is missing; run the extraction again.")
        try:
            for record in serialised_examples(path):
                feature = tf.train.Example.FromString(record).features.feature
                if (holds := _bytes(feature, "recording").decode()) != recording:
                    raise UserError(
                        f"{path} holds recording {holds}, expected {recording}; delete it and extract again."
                    )
                count += 1
                yield feature
        except tf.errors.DataLossError as error:
            reason = error.message.splitlines()[0].split("}} ")[-1].split(" [Op")[0]
            raise UserError(
                f"{path} (recording {recording}) is damaged ({reason}); delete it and extract again."
            ) from None
        if not count:
            raise UserError(f"{path} (recording {recording}) holds 0 records, expected 1; extract again.")


def _example(**content: bytes) -> bytes:
    """A serialised tf.train.Example of byte strings."""
    import tensorflow as tf

    features = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for name, value in content.items()}
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def _bytes(example: Any, name: str) -> bytes:
    return bytes(example[name].bytes_list.value[0])


def _number(example: Any, name: str) -> float:
    return float(np.frombuffer(_bytes(example, name), "<f8")[0])


def nearest_frames(recording: str, stream: str, frames: Clock, gold: Clock) -> np.ndarray:
    """The frames of a stream nearest to the times of the gold standard, int64 [gold frames].

    Raises:
        UserError: the stream leaves more than 0.1 s of the gold standard without media.
    """
    try:
        return frames.nearest(gold.times, EDGE)
    except UserError:
        raise UserError(
            f"Recording {recording}: the gold standard runs from {gold.start:.2f} to {gold.end:.2f} s, stream "
            f"{stream!r} from {frames.start:.2f} to {frames.end:.2f} s; cut the ratings or mend the media (allowed: "
            f"{EDGE:g} s)."
        ) from None
