"""The store keeps what was written, notices what was damaged, and extraction goes on where it stopped."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from emotf.corpora.folder import Folder
from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.files import read_json, write_json
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store, Stream, extract
from emotf.tables import read_track, write_track
from emotf.track import Track

SCHEMA = Schema(("a", "b"), 0.04, 0.025, "extracted", {"part": "mfcc39", "names": ["x"]})


def track(frames=5, start=0.0, seed=0):
    values = np.random.default_rng(seed).normal(size=(frames, 2))
    return Track(values, hop=0.04, start=start, channels=("a", "b"))


@pytest.fixture
def stream(tmp_path):
    """Two recordings, complete."""
    stream = Stream(tmp_path / "corpus" / "speech")
    stream.start(SCHEMA)
    stream.complete({name: stream.write(name, track(seed=k), "source") for k, name in enumerate(("r1", "r2"))})
    return stream


def flip(path, place=-20):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def one_line(error):
    return "\n" not in str(error.value)


# ---- write and read --------------------------------------------------------------------------------------------------


def test_what_was_written_comes_back_to_the_bit(tmp_path):
    odd = np.array([[0.0, -0.0], [np.nan, np.inf], [-np.inf, 1e-45], [3.4e38, 1 / 3]], np.float32)
    stream = Stream(tmp_path / "speech")
    stream.start(SCHEMA)
    entry = stream.write("r1", Track(odd, hop=0.04, start=1 / 3, channels=("a", "b")))
    found = stream.read("r1")
    assert found.values.tobytes() == odd.tobytes()
    assert (found.start, found.hop, found.channels) == (1 / 3, 0.04, ("a", "b"))
    assert (entry.frames, entry.start, entry.bytes) == (4, 1 / 3, stream.path("r1").stat().st_size)


def test_the_same_track_gives_the_same_bytes(stream):
    before = stream.path("r1").read_bytes()
    stream.write("r1", track(seed=0), "source")
    assert stream.path("r1").read_bytes() == before


def test_schema_and_completed_come_back(stream):
    assert stream.schema == SCHEMA and stream.name == "speech"
    assert list(stream.completed) == ["r1", "r2"]
    assert stream.completed["r1"].frames == 5


def test_a_store_lists_streams_and_people(tmp_path):
    store = Store(tmp_path / "corpus")
    people = (Recording("r1", "anna", {"audio": tmp_path / "x.wav"}, "1"), Recording("r2", "ben", partition="dev"))
    store.describe({"part": "folder", "dir": "mine"}, "ratings", people)
    store.stream(GOLD).start(replace(SCHEMA, kind=GOLD))
    for name in ("speech", "body"):
        store.stream(name).start(SCHEMA)
    assert store.streams == ("body", "speech") and store.targets == ("a", "b") and store.targets_are == "ratings"
    assert store.recordings == (Recording("r1", "anna", session="1"), Recording("r2", "ben", partition="dev"))
    with pytest.raises(UserError, match=r"holds the records of .*mine, not of .*theirs; choose another"):
        store.describe({"part": "folder", "dir": "theirs"}, "ratings", people)


# ---- what is missing or damaged --------------------------------------------------------------------------------------


def test_what_was_never_extracted_says_how_to_extract_it(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(UserError, match=r"holds no records; run tools/extract\.py first"):
        _ = store.recordings
    with pytest.raises(UserError, match="holds no stream; extract 'speech' first"):
        _ = store.stream("speech").schema
    store.stream("speech").start(SCHEMA)
    with pytest.raises(UserError, match="is not complete; run the extraction again"):
        _ = store.stream("speech").completed
    with pytest.raises(UserError, match=r"r1\.tfrecord \(recording r1\) is missing"):
        store.stream("speech").read("r1")


def test_a_missing_or_longer_or_shorter_file_breaks_the_promise(stream):
    path = stream.path("r2")
    content = path.read_bytes()
    for wrong in (content + b"x", content[:-1], content[:11], b""):
        path.write_bytes(wrong)
        message = rf"r2\.tfrecord \(recording r2\) has {len(wrong)} bytes, {len(content)} were written"
        with pytest.raises(UserError, match=message) as error:
            _ = stream.completed
        assert one_line(error)
    path.unlink()
    with pytest.raises(UserError, match=r"r2\.tfrecord \(recording r2\) has 0 bytes"):
        _ = stream.completed


@pytest.mark.parametrize("place", [0, 9, 20, -20, -1])
def test_a_flipped_byte_is_found_and_named(stream, place):
    flip(stream.path("r2"), place)
    assert stream.completed  # the size is as promised
    with pytest.raises(UserError, match=r"r2\.tfrecord \(recording r2\) is damaged .*delete it and extract") as error:
        stream.read("r2")
    assert one_line(error)
    assert stream.read("r1").frames == 5


@pytest.mark.parametrize("size", [0, 1, 11])
def test_a_file_cut_inside_its_first_bytes_is_no_empty_recording(stream, size):
    path = stream.path("r2")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=r"r2\.tfrecord \(recording r2\) (holds 0 records, expected 1|is damaged)"):
        stream.read("r2")
    assert stream.existing("r2", "source") is None


def test_a_file_cut_in_the_middle_is_damaged(stream):
    path = stream.path("r2")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"\(recording r2\) is damaged") as error:
        stream.read("r2")
    assert one_line(error)


def test_two_records_in_one_file_are_refused(stream):
    path = stream.path("r2")
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(UserError, match=r"\(recording r2\) holds 2 records, expected 1"):
        stream.read("r2")


def test_the_file_of_another_recording_is_refused(stream):
    stream.path("r2").write_bytes(stream.path("r1").read_bytes())
    with pytest.raises(UserError, match=r"r2\.tfrecord holds recording r1, expected r2"):
        stream.read("r2")


def test_a_stream_made_otherwise_is_not_continued(stream):
    stream.start(SCHEMA)
    for changed in ({"channels": ("a", "c")}, {"hop": 0.05}, {"kind": "raw"}, {"made_by": {"part": "other"}}):
        (field,) = changed
        with pytest.raises(UserError, match=f"was made with another {field} .*name the new stream differently"):
            stream.start(replace(SCHEMA, **changed))
    assert stream.schema == SCHEMA


@pytest.mark.parametrize("change", [{"more": 1}, {"hop": ...}, {"channels": ...}])
def test_a_schema_of_another_version_is_refused(stream, change):
    path = stream.folder / "schema.json"
    content = {k: v for k, v in (read_json(path) | change).items() if v is not ...}
    write_json(path, content)
    with pytest.raises(UserError, match="is not a schema of this version"):
        _ = stream.schema


def test_a_new_write_takes_the_old_promise_back(stream):
    stream.write("r1", track(seed=7), "source")
    with pytest.raises(UserError, match="is not complete"):
        _ = stream.completed


# ---- what an interrupted extraction left -----------------------------------------------------------------------------


def test_only_what_is_whole_and_of_the_same_source_is_kept(stream):
    entry, kept = stream.existing("r1", "source")
    assert entry == stream.completed["r1"]
    np.testing.assert_array_equal(kept.values, track(seed=0).values)
    assert stream.existing("r1", "another source") is None
    assert stream.existing("r3", "source") is None
    flip(stream.path("r1"))
    assert stream.existing("r1", "source") is None


# ---- extraction ------------------------------------------------------------------------------------------------------


@dataclass
class Doubled(Feature):
    """Twice the numbers of a table; notes what it was asked for."""

    factor: float = 2.0
    only: tuple[str, ...] = ()

    medium = "body"

    @property
    def channels(self):
        return ("x",)

    @property
    def window(self):
        return 0.0

    def compute(self, recording):
        ASKED.append(recording.id)
        if recording.id in BROKEN:
            raise UserError(f"Recording {recording.id}: body is unreadable.")
        found = read_track(recording.medium("body"))
        return replace(found, values=self.factor * found.values, channels=("x",))


ASKED: list[str] = []
BROKEN: set[str] = set()


@pytest.fixture
def corpus(tmp_path):
    """Three recordings of 2 s: body at 25/s, two raters of arousal and one of valence at 10/s."""
    ASKED.clear()
    BROKEN.clear()
    home = tmp_path / "corpus"
    for k in range(1, 4):
        write_body(home, k, frames=51)
        rng = np.random.default_rng([1, k])
        for target, raters in (("arousal", ("ann", "bob")), ("valence", ("gold",))):
            ratings = Track(rng.uniform(-1, 1, (21, len(raters))), hop=0.1, channels=raters)
            write_track(home / "ratings" / target / f"r{k}.csv", ratings)
    rows = "".join(f"r{k},s{k},{k},body/r{k}.csv\n" for k in range(1, 4))
    (home / "recordings.csv").write_text("id,subject,session,body\n" + rows)
    return Folder(dir=str(home))


def write_body(home, k, frames, seed=0, hop=0.04):
    values = np.random.default_rng([seed, k]).normal(size=(frames, 1))
    write_track(home / "body" / f"r{k}.csv", Track(values, hop=hop, channels=("c",)))


def run(corpus, tmp_path, **features):
    ASKED.clear()
    return extract(corpus, features or {"body": Doubled()}, tmp_path / "records" / "folder")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "records" / "folder")


def test_extraction_writes_gold_and_streams(corpus, store, tmp_path):
    counts = run(corpus, tmp_path)
    assert counts == {GOLD: {"written": 3, "kept": 0}, "body": {"written": 3, "kept": 0}}
    assert store.streams == ("body",) and store.targets == ("arousal", "valence")
    assert [r.session for r in store.recordings] == ["1", "2", "3"]
    for recording in corpus.recordings():
        body = store.stream("body").read(recording.id)
        np.testing.assert_array_equal(body.values, 2 * read_track(recording.media["body"]).values)
        gold = store.stream(GOLD).read(recording.id)
        mean = corpus.ratings(recording, "arousal").values.mean(axis=1)
        np.testing.assert_allclose(gold.values[:, 0], mean, atol=1e-7)
    assert store.stream("body").schema.made_by == {"part": "test_records", "factor": 2.0, "only": []}


def test_a_second_extraction_keeps_everything(corpus, store, tmp_path):
    run(corpus, tmp_path, body=Doubled(only=("x", "y")))
    before = {p: p.stat().st_mtime_ns for p in store.folder.glob("*/*.tfrecord")}
    assert run(corpus, tmp_path, body=Doubled(only=("x", "y"))) == {
        GOLD: {"written": 0, "kept": 3}, "body": {"written": 0, "kept": 3},
    }  # fmt: skip
    assert ASKED == [] and len(before) == 6
    assert {p: p.stat().st_mtime_ns for p in store.folder.glob("*/*.tfrecord")} == before


def test_a_failing_recording_does_not_stop_the_others_and_is_continued(corpus, store, tmp_path):
    BROKEN.add("r2")
    with pytest.raises(UserError, match="r2: body is unreadable"):
        run(corpus, tmp_path)
    assert sorted(p.name for p in (store.folder / "body").iterdir()) == [
        "r1.tfrecord", "r3.tfrecord", "schema.json"
    ]  # fmt: skip
    with pytest.raises(UserError, match="is not complete; run the extraction again"):
        store.fingerprint(["body"])
    BROKEN.clear()
    assert run(corpus, tmp_path)["body"] == {"written": 1, "kept": 2}
    assert ASKED == ["r2"] and list(store.stream("body").completed) == ["r1", "r2", "r3"]


def test_damaged_and_changed_recordings_are_extracted_again(corpus, store, tmp_path):
    run(corpus, tmp_path)
    flip(store.stream("body").path("r1"))
    store.stream(GOLD).path("r2").write_bytes(b"")
    write_body(corpus.path, 3, frames=51, seed=5)
    assert run(corpus, tmp_path) == {GOLD: {"written": 1, "kept": 2}, "body": {"written": 2, "kept": 1}}
    assert ASKED == ["r1", "r3"]
    np.testing.assert_array_equal(
        store.stream("body").read("r3").values, 2 * read_track(corpus.path / "body/r3.csv").values
    )


def test_changed_ratings_change_the_gold_standard_only(corpus, store, tmp_path):
    run(corpus, tmp_path)
    rating = corpus.path / "ratings" / "valence" / "r2.csv"
    write_track(rating, replace(read_track(rating), values=np.zeros((21, 1))))
    assert run(corpus, tmp_path) == {GOLD: {"written": 1, "kept": 2}, "body": {"written": 0, "kept": 3}}
    assert not store.stream(GOLD).read("r2").values[:, 1].any()


def test_a_stream_of_other_settings_is_refused_before_any_work(corpus, store, tmp_path):
    run(corpus, tmp_path)
    with pytest.raises(UserError, match="was made with another made_by"):
        run(corpus, tmp_path, body=Doubled(factor=3.0))
    assert ASKED == []
    assert run(corpus, tmp_path, thrice=Doubled(factor=3.0))["thrice"]["written"] == 3
    assert store.streams == ("body", "thrice")


def test_a_stream_of_a_version_that_knew_fewer_settings_is_continued(corpus, store, tmp_path):
    run(corpus, tmp_path)
    path = store.folder / "body" / "schema.json"
    old = read_json(path)
    del old["made_by"]["factor"]
    write_json(path, old)
    (store.folder / "body" / "r2.tfrecord").unlink()
    with pytest.raises(UserError, match="was made with another made_by"):
        run(corpus, tmp_path, body=Doubled(factor=3.0))
    with pytest.raises(UserError, match="was made with another made_by"):
        run(corpus, tmp_path, body=Doubled(only=("x",)))
    assert ASKED == []
    assert run(corpus, tmp_path)["body"] == {"written": 1, "kept": 2} and ASKED == ["r2"]
    assert read_json(path) == old


def test_a_stream_that_ends_before_its_ratings_is_refused(corpus, store, tmp_path):
    write_body(corpus.path, 2, frames=46)
    with pytest.raises(
        UserError,
        match=r"Recording r2: the gold standard runs from 0\.00 to 2\.00 s, stream 'body' from 0\.00 to 1\.80 s",
    ):
        run(corpus, tmp_path)
    assert not (store.folder / "body" / "r2.tfrecord").exists()
    write_body(corpus.path, 2, frames=49)  # up to a tenth of a second is taken
    assert run(corpus, tmp_path)["body"]["written"] == 1


def test_recordings_of_different_rates_are_refused(corpus, tmp_path):
    write_body(corpus.path, 2, frames=61, hop=1 / 30)
    with pytest.raises(UserError, match=r"Stream 'body': recording r2 has a hop of 0\.0333333333 s, the others 0\.04"):
        run(corpus, tmp_path)


def test_a_rate_that_drifts_away_over_a_recording_is_refused(corpus, tmp_path):
    # 0.2 % in one frame is one whole frame after twenty seconds
    write_body(corpus.path, 2, frames=600, hop=0.04008)
    with pytest.raises(UserError, match=r"recording r2 has a hop of 0\.04008 s"):
        run(corpus, tmp_path)


def test_ratings_of_different_rates_are_refused(corpus, tmp_path):
    for target in ("arousal", "valence"):
        path = corpus.path / "ratings" / target / "r3.csv"
        write_track(path, replace(read_track(path), hop=0.05))
    with pytest.raises(UserError, match=r"Stream 'gold': recording r3 has a hop of 0\.05 s"):
        run(corpus, tmp_path)


def test_a_stream_cannot_take_the_place_of_the_gold_standard(corpus, tmp_path):
    with pytest.raises(UserError, match="A stream cannot be called 'gold'"):
        run(corpus, tmp_path, gold=Doubled())


def test_an_unknown_fusion_is_refused(corpus, tmp_path):
    with pytest.raises(UserError, match="one of mean, ewe, ccc_centred, normalised, received 'median'"):
        extract(corpus, {"body": Doubled()}, tmp_path / "records", fusion="median")


# ---- fingerprint -----------------------------------------------------------------------------------------------------


def test_the_fingerprint_changes_with_the_content_only(corpus, store, tmp_path):
    run(corpus, tmp_path)
    before = store.fingerprint(["body"])
    run(corpus, tmp_path)
    assert store.fingerprint(["body"]) == before
    for path in store.folder.glob("*/*"):
        path.unlink()
    run(corpus, tmp_path)
    assert store.fingerprint(["body"]) == before
    run(corpus, tmp_path, thrice=Doubled(factor=3.0))
    assert store.fingerprint(["body"]) == before
    assert store.fingerprint(["thrice", "body"]) == store.fingerprint(["body", "thrice", "body"]) != before
    write_body(corpus.path, 1, frames=51, seed=9)
    run(corpus, tmp_path)
    assert store.fingerprint(["body"]) != before


def test_the_fingerprint_changes_with_the_gold_standard(corpus, store, tmp_path):
    run(corpus, tmp_path)
    before = store.fingerprint(["body"])
    rating = corpus.path / "ratings" / "valence" / "r2.csv"
    write_track(rating, replace(read_track(rating), values=np.zeros((21, 1))))
    run(corpus, tmp_path)
    assert store.fingerprint(["body"]) != before


def test_the_fingerprint_changes_when_a_stopped_extraction_changed_a_file(corpus, store, tmp_path):
    """COMPLETED of before must not vouch for files of now."""
    run(corpus, tmp_path)
    write_body(corpus.path, 1, frames=51, seed=9)
    write_body(corpus.path, 2, frames=51, seed=9)
    BROKEN.add("r2")
    with pytest.raises(UserError, match="unreadable"):
        run(corpus, tmp_path)
    with pytest.raises(UserError, match="is not complete"):
        store.fingerprint(["body"])


def test_files_on_disk_are_plain(corpus, store, tmp_path):
    run(corpus, tmp_path)
    completed = json.loads((store.folder / "body" / "COMPLETED").read_text())
    assert set(completed["r1"]) == {"bytes", "frames", "start", "sha256"}
    assert json.loads((store.folder / "recordings.json").read_text())["corpus"]["part"] == "folder"
