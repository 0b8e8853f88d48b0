"""Write and read the store.

Layout
    <records>/<corpus>/recordings.json            who: id, subject, session, partition; what the targets are
    <records>/<corpus>/<stream>/schema.json       channels, hop, window, kind (extracted or raw), how it was made
    <records>/<corpus>/<stream>/<id>.tfrecord     one example: the whole stream of one recording
    <records>/<corpus>/<stream>/COMPLETED         every file with its bytes, frames and SHA-256, written last

    The gold standard is the stream `gold`, one channel a target. A new stream touches no other. Values are raw
    little-endian float32. Windows of the network are never stored: they are gathered at batch time.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.files import read_json, sha256, write_json, written_aside
from emotf.recording import Recording
from emotf.track import Clock, Track

GOLD = "gold"

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
        kind: `extracted`, `raw` or, for the gold standard, `gold`.
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
        path = self.folder / "COMPLETED"
        if not path.is_file():
            raise UserError(f"{self.folder} is not complete; run the extraction again, it continues where it stopped.")
        entries = {name: Entry(**entry) for name, entry in read_json(path).items()}
        for name, entry in entries.items():
            record = self.path(name)
            size = record.stat().st_size if record.is_file() else 0
            if size != entry.bytes:
                raise UserError(
                    f"{record} (recording {name}) has {size} bytes, {entry.bytes} were written; delete it and extract "
                    "again."
                )
        return entries

    def path(self, recording: str) -> Path:
        """The record file of a recording."""
        return self.folder / f"{recording}.tfrecord"

    def start(self, schema: Schema) -> None:
        """Begins or continues the stream.

        Raises:
            UserError: the folder holds a stream that was made otherwise.
        """
        path = self.folder / "schema.json"
        if path.is_file() and (old := self.schema) != schema:
            field = next(name for name in asdict(schema) if getattr(old, name) != getattr(schema, name))
            raise UserError(
                f"{self.folder} was made with another {field} ({getattr(old, field)}, asked for "
                f"{getattr(schema, field)}); name the new stream differently or delete that folder."
            )
        write_json(path, asdict(schema))

    def write(self, recording: str, track: Track, source: str = "") -> Entry:
        """Writes the track of one recording, whole or not at all; `source` says what it was made from.

        What COMPLETED promised does not hold any more: it is taken back until `complete` is called again.
        """
        import tensorflow as tf

        def feature(value: bytes) -> Any:
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

        example = tf.train.Example(
            features=tf.train.Features(
                feature={
                    "recording": feature(recording.encode()),
                    "source": feature(source.encode()),
                    "values": feature(track.values.astype("<f4").tobytes()),
                    "start": feature(np.array(track.start, "<f8").tobytes()),
                }
            )
        )
        path = self.path(recording)
        (self.folder / "COMPLETED").unlink(missing_ok=True)
        with written_aside(path) as aside, tf.io.TFRecordWriter(str(aside)) as writer:
            writer.write(example.SerializeToString())
        return self._entry(path, track)

    def complete(self, entries: dict[str, Entry]) -> None:
        """Promises that the stream is whole."""
        write_json(self.folder / "COMPLETED", {name: asdict(entry) for name, entry in sorted(entries.items())})

    def read(self, recording: str) -> Track:
        """The track of one recording; its checksums are verified.

        Raises:
            UserError: the file is missing, damaged, or not the one promised.
        """
        return self._read(recording)[0]

    def parser(self) -> Callable[[Any], Any]:
        """Serialised example -> values [frames, channels], for tf.data graphs."""
        import tensorflow as tf

        channels = len(self.schema.channels)

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
        return (self._entry(self.path(recording), track), track) if made_from == source else None

    def _entry(self, path: Path, track: Track) -> Entry:
        return Entry(path.stat().st_size, track.frames, track.start, sha256(path))

    def _read(self, recording: str) -> tuple[Track, str]:
        import tensorflow as tf

        path, schema = self.path(recording), self.schema
        if not path.is_file():
            raise UserError(f"{path} (recording {recording}) is missing; run the extraction again.")
        try:
            records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        except tf.errors.DataLossError as error:
            reason = error.message.splitlines()[0].split("}} ")[-1].split(" [Op")[0]
            raise UserError(
                f"{path} (recording {recording}) is damaged ({reason}); delete it and extract again."
            ) from None
        if len(records) != 1:
            raise UserError(f"{path} (recording {recording}) holds {len(records)} records, expected 1; extract again.")
        feature = tf.train.Example.FromString(records[0]).features.feature
        holds = feature["recording"].bytes_list.value[0].decode()
        if holds != recording:
            raise UserError(f"{path} holds recording {holds}, expected {recording}; delete it and extract again.")
        values = np.frombuffer(feature["values"].bytes_list.value[0], "<f4").reshape(-1, len(schema.channels))
        start = float(np.frombuffer(feature["start"].bytes_list.value[0], "<f8")[0])
        track = Track(values, hop=schema.hop, start=start, channels=schema.channels)
        return track, feature["source"].bytes_list.value[0].decode()


class Store:
    """All streams of one corpus on disk.

    Args:
        folder: `<records>/<corpus>`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def stream(self, name: str) -> Stream:
        """A stream by name; it need not exist yet."""
        return Stream(self.folder / name)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of what was extracted, the gold standard left out."""
        return tuple(sorted(p.parent.name for p in self.folder.glob("*/schema.json") if p.parent.name != GOLD))

    def describe(self, corpus: dict[str, Any], targets_are: str, recordings: Iterable[Recording]) -> None:
        """Writes who is in the store; `corpus` is how it was read.

        Raises:
            UserError: the store holds the records of another folder.
        """
        corpus = corpus | {"dir": str(Path(corpus["dir"]).resolve())}
        if (self.folder / "recordings.json").is_file() and (old := self._about()["corpus"])["dir"] != corpus["dir"]:
            raise UserError(
                f"{self.folder} holds the records of {old['dir']}, not of {corpus['dir']}; choose another "
                "--config.data.records, or delete that folder."
            )
        people = [
            {"id": r.id, "subject": r.subject, "session": r.session, "partition": r.partition} for r in recordings
        ]
        write_json(
            self.folder / "recordings.json", {"corpus": corpus, "targets_are": targets_are, "recordings": people}
        )

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """Who is in the store (without media). Raises UserError where nothing was extracted."""
        return tuple(Recording(**person) for person in self._about()["recordings"])

    @property
    def targets_are(self) -> str:
        """What the targets of this corpus are, for reports."""
        return str(self._about()["targets_are"])

    @property
    def targets(self) -> tuple[str, ...]:
        """The channels of the gold standard."""
        return self.stream(GOLD).schema.channels

    def fingerprint(self, streams: Iterable[str]) -> str:
        """A digest of who is where, of some streams and of the gold standard: what a run was trained on."""
        people = [[r.id, r.subject, r.session, r.partition] for r in self.recordings]
        digest = hashlib.sha256(json.dumps(people).encode())
        for name in sorted({*streams, GOLD}):
            stream = self.stream(name)
            content = {id_: entry.sha256 for id_, entry in stream.completed.items()}
            digest.update(json.dumps([name, asdict(stream.schema), content], sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def _about(self) -> dict[str, Any]:
        path = self.folder / "recordings.json"
        if not path.is_file():
            raise UserError(f"{self.folder} holds no records; run tools/extract.py first.")
        return dict(read_json(path))


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
