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
    <records> is a folder, or a URL of an object store (`emotf.places`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from emotf.content import built, names_of
from emotf.errors import UserError
from emotf.features.base import Film
from emotf.files import read_json, remove_remains, sha256, write_new_json, write_sealed, written_aside
from emotf.places import Place, Remote, explained, place
from emotf.records.example import as_written, bytes_of, number_of, parsed, picture_of, serialised
from emotf.records.serialised import serialised_examples
from emotf.track import Clock, Track

GOLD = "gold"
PICTURES = "pictures"
JPEG_QUALITY = 95
# Protocol Buffers end at 2 GiB; some of it is left for what else an example holds.
LARGEST_BYTES = 2**31 - 2**20
# What is asked of an object store at once: TensorFlow's own 256 KB would be a request each.
REQUEST_BYTES = 2**24
# Of a record beside its content: length, checksum of the length, checksum of the content.
FRAMING_BYTES = 16


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
    """One stream of a corpus on disk, or on an object store."""

    def __init__(self, folder: str | Place) -> None:
        self.folder = place(folder)
        self.name = self.folder.name
        self._known: Schema | None = None

    @property
    def schema(self) -> Schema:
        """An object store is asked for it once. Raises UserError where the stream was never extracted."""
        if self._known is not None:
            return self._known
        path = self.folder / "schema.json"
        if not path.is_file():
            raise UserError(f"{self.folder} holds no stream; extract {self.name!r} first (tools/extract.py).")
        try:
            schema = built(Schema, read_json(path), str(path))
        except UserError as error:
            raise UserError(f"{path} is not a schema of this version ({error}); extract the stream anew.") from None
        if not 0 < schema.hop <= 10 or not schema.channels:
            raise UserError(
                f"{path} has {len(schema.channels)} channels and a hop of {schema.hop:g} s, which no stream has; "
                "extract it anew."
            )
        if isinstance(self.folder, Remote):
            self._known = schema
        return schema

    @property
    def completed(self) -> dict[str, Entry]:
        """Recording id -> entry, checked against the files' sizes.

        An object store is asked for names only, a hundred at a time; what an object holds is checked where it is read.

        Raises:
            UserError: extraction did not finish, or a file is missing or has another size than promised.
        """
        if not self.is_complete:
            raise UserError(f"{self.folder} is not complete; run the extraction again, it continues where it stopped.")
        promise = self.folder / "COMPLETED"
        content = names_of(read_json(promise), str(promise))
        entries = {name: built(Entry, entry, f"{promise}, {name}") for name, entry in content.items()}
        listed = set(self.folder.names()) if isinstance(self.folder, Remote) else None
        for name, entry in entries.items():
            record = self.path(name)
            if isinstance(record, Remote):
                size = entry.bytes if listed is not None and record.name in listed else 0
            else:
                size = record.stat().st_size if record.is_file() else 0
            if size != entry.bytes or entry.frames < 0:
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

    def path(self, recording: str) -> Place:
        """The record file of a recording."""
        return self.folder / f"{recording}.tfrecord"

    def dataset(self, path: Any) -> Any:
        """tf.data of the serialised examples of a record file, whose path may be a tensor."""
        import tensorflow as tf

        return tf.data.TFRecordDataset(path, buffer_size=REQUEST_BYTES if isinstance(self.folder, Remote) else None)

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
            self._known = None

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
        example = serialised(
            recording=recording.encode(),
            source=source.encode(),
            values=np.asarray(track.values, "<f4").tobytes(),
            start=np.array(track.start, "<f8").tobytes(),
            hop=np.array(track.hop, "<f8").tobytes(),
        )
        return Entry(frames=track.frames, start=track.start, **self._write(recording, [example]))

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
                yield serialised(
                    recording=recording.encode(),
                    source=source.encode(),
                    jpeg=jpeg,
                    values=np.asarray(rows[-1], "<f4").tobytes(),
                    start=np.array(film.start, "<f8").tobytes(),
                    hop=np.array(film.hop, "<f8").tobytes(),
                )
            if not rows:
                raise UserError(f"Recording {recording}, stream {self.name!r}: there is not one picture.")

        written = self._write(recording, examples())
        track = Track(np.stack(rows), film.hop, film.start, self.schema.channels)
        return Entry(frames=track.frames, start=track.start, **written), track

    def _write(self, recording: str, examples: Iterable[bytes]) -> dict[str, Any]:
        """Returns `bytes` and `sha256` of the file."""
        import tensorflow as tf

        (self.folder / "COMPLETED").unlink(missing_ok=True)
        with written_aside(self.path(recording)) as aside:
            with tf.io.TFRecordWriter(str(aside)) as writer:
                for example in examples:
                    writer.write(example)
            return {"bytes": aside.stat().st_size, "sha256": sha256(aside)}

    def complete(self, entries: dict[str, Entry], schema: Schema | None = None) -> None:
        """Promises that the stream is whole; its schema is settled, and what a killed process left is removed."""
        remove_remains(self.folder)
        if schema is not None and schema != self.schema:
            write_sealed(self.folder / "schema.json", asdict(schema))
            self._known = None
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
        schema = self.schema
        if schema.kind != PICTURES:
            raise UserError(f"Stream {self.name!r} of {self.folder.parent} holds numbers, no pictures.")
        examples = self._examples(recording)
        first = next(examples)

        def shots() -> Iterator[tuple[np.ndarray | None, np.ndarray]]:
            for example in chain([first], examples):
                with as_written(self.path(recording), recording):
                    picture = picture_of(example)
                    values = np.frombuffer(bytes_of(example, "values"), "<f4").reshape(len(schema.channels))
                yield picture, values

        with as_written(self.path(recording), recording):
            return Film(schema.hop, number_of(first, "start"), shots())

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
        if made_from != source:
            return None
        path = self.path(recording)
        return Entry(path.stat().st_size, track.frames, track.start, sha256(path)), track

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
        with as_written(self.path(recording), recording):
            examples = self._examples(recording)
            first = next(examples)
            raw = [bytes_of(first, "values"), *(bytes_of(example, "values") for example in examples)]
            if schema.kind != PICTURES and len(raw) != 1:
                raise UserError(f"{path} (recording {recording}) holds {len(raw)} records, expected 1; extract again.")
            values = np.frombuffer(b"".join(raw), "<f4").reshape(-1, len(schema.channels))
            hop = number_of(first, "hop") if "hop" in first else schema.hop  # older records have none
            return Track(values, hop, number_of(first, "start"), schema.channels), bytes_of(first, "source").decode()

    def _examples(self, recording: str) -> Iterator[Any]:
        """The features of each example of a recording's file, at least one."""
        import tensorflow as tf

        path, count, size = self.path(recording), 0, 0
        if not path.is_file():
            raise UserError(f"{path} (recording {recording}) is missing; run the extraction again.")
        # tf.data asks an object store for a record once, the quicker reader of files three times
        examples: Iterable[bytes]
        if isinstance(path, Remote):
            examples = self.dataset(str(path)).as_numpy_iterator()
        else:
            examples = serialised_examples(path)
        try:
            for record in examples:
                with as_written(self.path(recording), recording):
                    feature = parsed(record)
                    holds = bytes_of(feature, "recording").decode()
                if holds != recording:
                    raise UserError(
                        f"{path} holds recording {holds}, expected {recording}; delete it and extract again."
                    )
                count, size = count + 1, size + len(record) + FRAMING_BYTES
                yield feature
        except tf.errors.DataLossError as error:
            reason = error.message.splitlines()[0].split("}} ")[-1].split(" [Op")[0]
            raise UserError(
                f"{path} (recording {recording}) is damaged ({reason}); delete it and extract again."
            ) from None
        except tf.errors.OpError as error:
            raise (UserError(line) if (line := explained(error)) else error) from None
        if isinstance(path, Remote) and size != (whole := path.stat().st_size):
            # TensorFlow takes the end of an object for the end of the records, wherever it comes
            raise UserError(f"{path} (recording {recording}) is damaged ({size} of {whole} bytes are whole records); "
                            "delete it and extract again.")  # fmt: skip
        if not count:
            raise UserError(f"{path} (recording {recording}) holds 0 records, expected 1; extract again.")
