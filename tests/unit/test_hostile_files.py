"""What fuzzing found (benchmarks/fuzz.py): files whose bytes are not what any program writes end in one line."""

import gzip
import io
import json
import pickle
import struct
import zipfile

import cv2
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from emotf import catalog
from emotf.arff import read_arff
from emotf.arrays import read_array, read_arrays
from emotf.config import from_json
from emotf.corpora import pmemo
from emotf.corpora.emodb import _read
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features._openface import read_openface
from emotf.features._openpose import read_bodies
from emotf.features.base import Film
from emotf.features.precomputed import Precomputed
from emotf.files import read_json, sha256
from emotf.images._idx import count_images, read_images, read_labels
from emotf.images._layout import read_grey
from emotf.images._pickled import read_pickle
from emotf.images.cifar100 import _labels
from emotf.images.ferplus import _labels as _labels_of_faces
from emotf.media import picture_clock, read_sound, sound_info, video_info
from emotf.media.still import read_still
from emotf.recording import Recording
from emotf.records import Schema, Store
from emotf.records.learning import read_learned
from emotf.records.pictures import PictureStore
from emotf.records.stream import PICTURES
from emotf.refinement.postprocess import chains_of
from emotf.runs import Fusion, Run
from emotf.serving.clips import ClipError, check_length
from emotf.serving.uploads import _Form
from emotf.tables import read_rows, read_track
from emotf.track import Track

HEAD = "@attribute time numeric\n@attribute a numeric\n@data\n"


def refused(read, match):
    """Reading ends in one printable line of bounded length."""
    with pytest.raises(UserError, match=match) as error:
        read()
    assert str(error.value).isprintable() and 0 < len(str(error.value)) < 500


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_a_message_is_one_printable_line_whatever_it_quotes():
    assert str(UserError("a\nb\x00c\u2028d é")) == "a\\nb\\x00c\\u2028d é"
    long = str(UserError("begin " + "x" * 5000 + " restore it."))
    assert len(long) < 500 and long.startswith("begin x") and long.endswith("x restore it.")


def test_a_header_of_thousands_of_names_is_not_printed_whole(tmp_path):
    path = written(tmp_path / "t.csv", ",".join(f"c{k}" for k in range(4000)).encode() + b"\n" + b"1," * 3999 + b"1\n")
    refused(lambda: read_track(path, ["d"], rate_hz=1), "has no column 'd'")


# ---- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [b"[" * 100_000, b"9" * 5000, b"\xff", b"{"])
def test_json_of_any_depth_and_length(tmp_path, text):
    refused(lambda: read_json(written(tmp_path / "t.json", text)), "is not valid JSON")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ([], "expected names with values"),
        ({"part": "os/path"}, "there are none of 'os'"),
        ({"part": "models"}, "names a part 'models', expected <kind>/<name>"),
        ({"part": ["models", "cer"]}, "names a part"),
        ({"corpus": None}, "corpus holds nothing, expected names"),
        ({"corpus": {"part": "models/cer"}}, "corpus is models/cer, expected a part that is a Corpus"),
        ({"corpus": {"part": "corpora/synthetic", "count": "10"}}, r"corpus\.count is '10', expected a whole number"),
        ({"model": {}}, "model names no part"),
        ({"streams": []}, "streams holds a list, expected names"),
        ({"data": {"fold": 0.5}}, r"data\.fold is 0\.5, expected a whole number"),
        ({"data": {"targets": "arousal"}}, r"data\.targets is 'arousal', expected a list"),
        ({"training": {"learning_rate": float("nan")}}, r"training\.learning_rate is nan, expected a number"),
        ({"loss": {"part": "losses/ccc", "pool": "nothing"}}, "pool is 'nothing'"),
        ({"training": {}}, "Experiment needs its field 'corpus', which is missing"),
    ],
)
def test_config_json(tmp_path, content, match):
    refused(lambda: from_json(content), match)
    written(tmp_path / "config.json", content)
    refused(lambda: Run(tmp_path).experiment, f"config.json is no configuration of this version: .*{match}")


def test_a_loss_that_is_none_is_refused_by_the_check():
    content = {"corpus": {"part": "corpora/synthetic"}, "model": {"part": "models/cer"}, "loss": 5,
               "streams": {"mfcc39": {"part": "features/mfcc39"}}}  # fmt: skip
    refused(lambda: from_json(content).check(), "The loss is 5, expected a part of losses")


def test_other_files_of_a_run(tmp_path):
    run, fusion = Run(tmp_path), Fusion(tmp_path)
    written(tmp_path / "about.json", [])
    refused(lambda: run.about, "about.json holds a list, expected names")
    written(tmp_path / "about.json", {"records": 3})
    refused(lambda: run.about["targets"], r"about\.json has no entry 'targets'")
    refused(lambda: run.check_records("x"), "about.json, records holds 3, expected names")
    for content in ({}, {"sources": {}}, {"sources": {"a": 3}}):
        written(tmp_path / "fusion.json", content)
        refused(lambda: fusion.first_run, r"fusion.json(, sources holds nothing| names no folders)")
    step = {"step": {"part": "postprocessing/median"}, "learned": {"window_": 0.2}, "before": 0, "after": 1}
    for chain, match in (
        ({}, "arousal is names with values, expected a list"), ([3], "holds 3, expected names"),
        ([step | {"learned": {"window": 1}}], "Median learns window_, not window"),
        ([step | {"learned": {"window_": 1e300}}], None),
        ([step | {"learned": {"window_": "1"}}], r"Median\.window_ is '1', expected a number"),
        ([step | {"step": {"part": "models/cer"}}], "has a step Cer, which is none of post-processing"),
        ([{"step": {}}], "has no entry 'learned'"),
    ):  # fmt: skip
        written(tmp_path / "postprocessing.json", {"targets": {"arousal": chain}})
        if match:
            refused(lambda: chains_of(run), match)
        else:
            fitted = chains_of(run)["arousal"][0]
            refused(lambda fitted=fitted: fitted.step.transform(np.zeros(9), 0.04), "expected 0 to 600 s")


def test_tables_of_a_run(tmp_path):
    for content, match in ((b"", "is damaged"), (b"a,b\n1,2,3\n", "is damaged"), (b"\xff\n", "is damaged"),
                           (b'a\n"1', "is damaged"), (b"a\n1\n", "no column 'epoch'")):  # fmt: skip
        path = written(tmp_path / "t.csv", content)
        refused(lambda path=path: read_rows(path, ("epoch",)), match)
    refused(lambda: read_rows(tmp_path / "none.csv"), "is missing")


# ---- records ---------------------------------------------------------------------------------------------------------

TRACK = Track(np.zeros((4, 2), np.float32), 0.04, channels=("a", "b"))


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "records")
    store.describe({"part": "corpora/synthetic"}, "planted", [Recording("r1", "anna", session="1")])
    for name, kind in (("mfcc39", "extracted"), ("crops", PICTURES)):
        stream = store.stream(name)
        stream.start(Schema(TRACK.channels, TRACK.hop, 0.0, kind, {}))
        if kind == PICTURES:
            entry, _ = stream.write_film("r1", Film(0.04, 0.0, iter([(np.zeros((4, 4, 3), np.uint8), np.zeros(2))])))
        else:
            entry = stream.write("r1", TRACK)
        stream.complete({"r1": entry})
    return store


@pytest.mark.parametrize(
    ("file", "content", "match"),
    [
        ("recordings.json", [], "expected names"),
        ("recordings.json", {"corpus": {}, "targets_are": "x"}, "no entry 'recordings'"),
        ("recordings.json", {"corpus": {}, "targets_are": "x", "recordings": [{"id": 3}]}, "no entry 'subject'"),
        ("mfcc39/schema.json", {"channels": "ab"}, "is not a schema of this version"),
        ("mfcc39/schema.json", {"channels": ["a", "b"], "hop": 0.0, "window": 0.0, "kind": "raw", "made_by": {}},
         "a hop of 0 s, which no stream has"),
        ("mfcc39/schema.json", {"channels": ["a", "b", "c"], "hop": 1.0, "window": 0.0, "kind": "raw", "made_by": {}},
         "a record is not as the stream's schema has it"),
        ("mfcc39/COMPLETED", [], "expected names"),
        ("mfcc39/COMPLETED", {"r1": {"bytes": 1}}, "r1 has no entry 'frames'"),
        ("mfcc39/COMPLETED", {"r1": {"bytes": "1", "frames": 1, "start": 0.0, "sha256": ""}}, "r1, bytes is '1'"),
    ],
)  # fmt: skip
def test_what_describes_records(store, file, content, match):
    written(store.folder / file, content)
    refused(lambda: (store.recordings, store.stream("mfcc39").completed, store.stream("mfcc39").read("r1")), match)


def example(**content):
    features = {k: tf.train.Feature(bytes_list=tf.train.BytesList(value=v)) for k, v in content.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def framed(path, *records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


ZERO = [struct.pack("<d", 0)]


@pytest.mark.parametrize(
    "record",
    [
        b"", b"\xff\xff\xff", example(recording=[b"\xff"]), example(recording=[b"r1"]),
        example(recording=[b"r1"], values=[b"123"], start=ZERO, source=[b""]),
        example(recording=[b"r1"], values=[b"1234" * 3], start=ZERO, source=[b""]),
        example(recording=[b"r1"], values=[b"1234" * 2], start=[b"12"], source=[b""]),
        example(recording=[b"r1"], values=[b"1234" * 2], start=[struct.pack("<d", np.nan)], source=[b""]),
        example(recording=[b"r1"], values=[b"1234" * 2], start=ZERO, source=[b"\xff"]),
    ],
)  # fmt: skip
def test_a_record_whose_checksums_are_right_and_whose_content_is_not(store, record):
    framed(store.folder / "mfcc39" / "r1.tfrecord", record)
    refused(lambda: store.stream("mfcc39").read("r1"), "a record is not as the stream's schema has it")


def test_a_film_of_what_is_no_picture(store):
    for jpeg, values in ((b"no picture", bytes(8)), (b"", bytes(4))):
        record = example(recording=[b"r1"], values=[values], start=ZERO, source=[b""], jpeg=[jpeg])
        framed(store.folder / "crops" / "r1.tfrecord", record)
        refused(lambda: list(store.stream("crops").film("r1").shots), "a record is not as")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    PictureStore(folder).write(catalog.find("images", "drawn_faces")(count=1, held_back=1))
    return folder


def picture(encoded, label=0):
    feature = {
        "id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x"])),
        "picture": tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded)),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


@pytest.mark.parametrize(
    "records",
    [
        [b"\xff\xff"], [b""], [picture([b"no picture"])], [picture([])], [picture([b"x"], label=99)],
        [picture([cv2.imencode(".png", np.zeros((3, 3), np.uint8))[1].tobytes()])], b"\xff" * 40, b"123",
    ],
)  # fmt: skip
def test_pictures_that_somebody_else_wrote(pictures, tmp_path, records):
    for path in pictures.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    shard = tmp_path / "test-00000.tfrecord"
    if isinstance(records, bytes):
        shard.write_bytes(records)
    else:
        framed(shard, *records)
    promise = read_json(tmp_path / "COMPLETED")
    promise[shard.name] |= {"bytes": shard.stat().st_size, "sha256": sha256(shard)}
    written(tmp_path / "COMPLETED", promise)
    refused(lambda: list(PictureStore(tmp_path).part("test").samples()), "holds what is no picture of this schema")


def test_promises_of_pictures(pictures, tmp_path):
    schema, promise = read_json(pictures / "schema.json"), read_json(pictures / "COMPLETED")
    for content, match in (
        (schema | {"shape": [48, 48]}, "shape is a list, expected a list of 3"),
        (schema | {"shape": [48, 48, -1]}, "expected .height, width, 1 or 3."),
        (schema | {"shape": [2**40, 1, 1]}, "expected .height, width, 1 or 3."), ([], "expected names"),
    ):  # fmt: skip
        written(tmp_path / "schema.json", content)
        written(tmp_path / "COMPLETED", promise)
        refused(lambda: PictureStore(tmp_path).schema, match)
    entry = promise["test-00000.tfrecord"]
    for content, match in (([], "expected names"), ({"../other.tfrecord": entry}, "is no file of pictures"),
                           ({"test-00000.tfrecord": []}, "expected names")):  # fmt: skip
        written(tmp_path / "COMPLETED", content)
        refused(lambda: PictureStore(tmp_path).completed, match)


# ---- arrays and tables -----------------------------------------------------------------------------------------------


def npy(header, body=b""):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


def npz(member, name="a.npy", kind=zipfile.ZIP_STORED):
    with zipfile.ZipFile(file := io.BytesIO(), "w", kind) as archive:
        archive.writestr(name, member)
    return file.getvalue()


LARGE = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,)}", bytes(16))
OBJECTS = npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps([print]))
ARRAYS = {
    "not one": b"no array", "larger than memory": LARGE, "objects": OBJECTS, "no tokens": npy("{'descr': '<f8"),
    "negative": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}", bytes(16)),
    "cut": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", bytes(16)),
    "version": b"\x93NUMPY\x09\x00" + bytes(20), "empty": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(tmp_path, name):
    refused(lambda: read_array(written(tmp_path / "t.npy", ARRAYS[name])), "is not a NumPy array file")
    refused(lambda: read_track(tmp_path / "t.npy", rate_hz=1), "is not a NumPy array file")
    path = written(tmp_path / "t.npz", npz(ARRAYS[name]))
    refused(lambda: read_arrays(path, "restore it."), r"is damaged \(.*\); restore it\.")


def test_archives(tmp_path):
    one = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", np.array([1.0, 2.0]).tobytes())
    path = written(tmp_path / "t.npz", npz(one))
    assert read_arrays(path, "")["a"].tolist() == [1, 2]
    for content, match in ((npz(one, kind=zipfile.ZIP_DEFLATED), "a.npy is compressed"), (npz(one)[:40], "damaged"),
                           (npz(one).replace(one[-4:], b"1234", 1), "Bad CRC"), (b"", "damaged")):  # fmt: skip
        written(path, content)
        refused(lambda: read_arrays(path, "restore it."), match)
        refused(lambda: read_learned(path, {"learned": sha256(path)}), "delete the stream's folder")


def test_tables(tmp_path):
    refused(lambda: read_track(written(tmp_path / "t.parquet", b"PAR1" * 4)), "cannot be read as a table")
    refused(lambda: read_track(written(tmp_path / "t.arff", f'{HEAD}0,"1\n1,2\n'.encode())), r"t\.arff")
    refused(lambda: read_track(written(tmp_path / "t.csv", b"time,a\n0,1\n5e-324,2\n")), "s apart, which are no times")
    np.save(tmp_path / "r1.npy", TRACK.values)
    recording = Recording("r1", "anna", {"gaze": tmp_path / "r1.npy"})
    for rate in (10**400, 1e300, float("inf"), float("nan")):
        written(tmp_path / "stream.json", {"rate_hz": rate})
        refused(lambda: Precomputed("gaze").extract(recording), "expected frames a second above 0, at most 1e.06")


def test_key_points_beyond_what_floats_hold(tmp_path):
    person = {"pose_keypoints_2d": [10**400] * 75}
    written(tmp_path / "v_1.json", {"people": [person]})
    refused(lambda: read_bodies(tmp_path, 25), "holds something that is no number")


# ---- pictures --------------------------------------------------------------------------------------------------------


def idx(magic, *sizes, body=b""):
    return struct.pack(f">{1 + len(sizes)}i", magic, *sizes) + body


def test_idx_files_that_promise_what_no_memory_holds(tmp_path):
    most = 2**31 - 1
    for sizes in ((most, 0, 0), (most, most, most), (1, 2**20, 2**20)):
        for name, pack in (("t", bytes), ("t.gz", gzip.compress)):
            path = written(tmp_path / name, pack(idx(0x803, *sizes)))
            refused(lambda path=path: list(read_images(path)), "declares pictures of .*, expected 1 to")
            refused(lambda path=path: count_images(path), "declares pictures of")
    for name, pack in (("t", bytes), ("t.gz", gzip.compress)):
        path = written(tmp_path / name, pack(idx(0x801, most, body=b"12")))
        refused(lambda path=path: read_labels(path), "is cut short: it promises .* only 2 of")


def nested(depth, inner=b"K\x01"):
    """A tuple of tuples of tuples ..., each twice the same."""
    return inner + b"2\x86" * depth


BOMBS = {
    "a key that takes ages to hash": b"\x80\x02}" + nested(60) + b"K\x01s.",
    "keys": b"\x80\x02}(" + nested(60) + b"K\x01u.",
    "a dictionary of marks": b"\x80\x02(" + nested(60) + b"K\x01d.",
    "a set": b"\x80\x04\x8f(" + nested(60) + b"\x90.",
    "a frozen set": b"\x80\x04(" + nested(60) + b"\x91.",
    "a kind of numbers": b"\x80\x02cnumpy\ndtype\n(" + nested(60) + b"tR.",
    "an encoding": b"\x80\x02c_codecs\nencode\n(X\x01\x00\x00\x00a" + nested(60) + b"tR.",
    "a length": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"12.",
    "an entry of no dictionary": b"\x80\x02]K\x01K\x01s.",
    "an instance": b"\x80\x02(cnumpy\ndtype\nU\x02u1o.",
    "a new object": b"\x80\x02cnumpy\ndtype\n)\x81.",
    "a persistent number": b"\x80\x02K\x01Q.",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_pickles_that_hang_or_take_memory(tmp_path, name):
    refused(lambda: read_pickle(written(tmp_path / "train", BOMBS[name])), "cannot be unpickled")


def test_labels_that_share_themselves_are_no_labels(tmp_path):
    inner = [1, 2]
    for _ in range(40):
        inner = [inner, inner]
    refused(
        lambda: _labels(tmp_path / "train", {"fine_labels": inner}, "fine_labels", 2, 100), "expected a whole number"
    )


def png(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", 0)

    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return cv2.imencode(".png", np.zeros((2, 2), np.uint8))[1].tobytes()[:16] + whole[16:33] + chunk(b"IDAT", b"")


def test_pictures_that_promise_what_no_memory_holds(tmp_path):
    bmp = bytearray(cv2.imencode(".bmp", np.zeros((2, 2), np.uint8))[1].tobytes())
    bmp[18:26] = struct.pack("<ii", 30000, 30000)
    for content in (bytes(bmp), png(20000, 20000), b"BM", b"\x89PNG\r\n\x1a\n", b""):
        path = written(tmp_path / "t.png", content)
        refused(lambda path=path: read_still(path, "L"), "cannot be read as a picture")
        refused(lambda path=path: read_grey(path), "cannot be read as a picture")


# ---- sound and video -------------------------------------------------------------------------------------------------


def test_sound_of_a_rate_that_none_has(tmp_path):
    path = tmp_path / "t.wav"
    soundfile.write(path, np.full(800, 0.1, np.float32), 8000, subtype="PCM_24")
    data = bytearray(path.read_bytes())
    place = data.index(b"fmt ") + 12
    data[place : place + 4] = struct.pack("<I", 2**31 - 1)
    refused(lambda: sound_info(written(path, bytes(data))), "declares 2147483647 samples a second, which no sound has")


@pytest.mark.parametrize(
    ("encoding", "place", "block", "match"),
    [
        ("PCM_16", 32, b"\xfe\xff", "promises 1600 bytes, holds 8"),
        ("PCM_16", 32, b"\x00\x00", "promises 1600 bytes, holds 8"),
        ("FLOAT", 32, b"\x00\x04", "promises 3200 bytes, holds 8"),
        ("PCM_16", 34, b"\x00\x04", "promises 1600 bytes, holds 8"),
    ],
)
def test_a_wav_header_that_contradicts_itself(tmp_path, encoding, place, block, match):
    """tensorflow-io divides by what it says of a block, and took the process with it."""
    path = tmp_path / "t.wav"
    soundfile.write(path, np.full(800, 0.1, np.float32), 8000, subtype=encoding)
    data = bytearray(path.read_bytes())
    data[place : place + 2] = block
    begin = data.index(b"data") + 8
    refused(lambda: read_sound(written(path, bytes(data[: begin + 8])), 8000), match)
    try:
        info = sound_info(written(path, bytes(data)))
    except UserError:
        return
    assert info.decoder != "tensorflow-io"


def test_a_flac_file_that_lacks_what_it_promises(tmp_path):
    """tensorflow-io waited for it without end."""
    path = tmp_path / "t.flac"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 40_000), 8000)
    data = bytearray(path.read_bytes())
    for begin, damage in ((len(data) // 2, bytes(300)), (24, b"\xff")):
        changed = data.copy()
        changed[begin : begin + len(damage)] = damage
        refused(lambda changed=changed: read_sound(written(path, bytes(changed)), 8000), "promises .* samples")


def mp4(tmp_path):
    import av

    path = tmp_path / "t.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "a name"
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for number in range(2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), number, np.uint8))))
        container.mux(stream.encode(None))
    return path


def test_names_in_a_container_that_are_no_text(tmp_path):
    path = mp4(tmp_path)
    written(path, path.read_bytes().replace(b"a name", b"\xff\xfe\xff\xfe\xff\xfe"))
    assert video_info(path).frames == 2


def test_a_clip_of_an_unknown_codec(tmp_path):
    path = mp4(tmp_path)
    written(path, path.read_bytes().replace(b"avc1", b"zzzz"))
    refused(lambda: check_length(path, ("video",), 60), r"t\.mp4|The clip")


def test_the_default_corpus_is_still_readable_by_name():
    assert from_json({"part": "corpora/synthetic", "count": 3}) == Synthetic(count=3)


# ---- numbers that ask for memory ------------------------------------------------------------------------------------


def test_numbers_of_frames_that_no_recording_has(tmp_path):
    refused(lambda: picture_clock("a.mp4", np.array([0.0, 0.04, 1e12]), 25), r"a\.mp4 counts up to 2\.5e\+13 frames")
    table = b"frame,timestamp,confidence,success,AU01_r\n1,0,1,1,0\n1000000000000,0.04,1,1,0\n"
    refused(lambda: read_openface(written(tmp_path / "t.csv", table), ["AU01_r"]), "counts up to 1e.12 frames")
    for number in ("1", "999999999999"):
        written(tmp_path / "poses" / f"v_{number}.json", {"people": []})
    refused(lambda: read_bodies(tmp_path / "poses", 25), "counts up to 1e.12 frames")
    song = {"dynamic": {"t": [0], "a": [0], "v": [0]}, "eda": {"t": [0, 1e300], "mean": [1, 2]}}
    path = written(tmp_path / "song.json", song)
    refused(lambda: pmemo._evenly(path, *pmemo._conductance(path, ""), 10.0), "counts up to 1e.301 frames")
    written(path, song | {"eda": {"t": [0, 10**400], "mean": [1, 2]}})
    refused(lambda: pmemo._conductance(path, ""), "eda holds something that is not a number")


def test_ratings_of_pictures_that_no_clip_has(tmp_path):
    corpus = catalog.find("corpora", "afew_va")(dir=str(tmp_path), rate_hz=25.0, split="1:1")
    for key, match in (("9" * 5000, "'frames' with numbers"), ("999999999", "counts up to 1e.09 frames")):
        for clip in ("001", "002"):
            written(tmp_path / clip / f"{clip}.json", {"frames": {key: {"valence": 0, "arousal": 0}}})
        refused(lambda: [corpus.ratings(recording, "valence") for recording in corpus.recordings()], match)


def test_votes_and_cells_of_any_length(tmp_path):
    (tmp_path / "label.csv").write_text(f"a.png,{'9' * 30}{',0' * 9}\n")
    refused(lambda: list(_labels_of_faces(tmp_path)), "are not whole numbers")
    head = "@attribute n string\n@attribute a numeric\n@data\n"
    refused(
        lambda: read_arff(written(tmp_path / "t.arff", f"{head}'{'x' * 200_000}',1\n".encode())), "line 4: field larger"
    )


def test_an_utterance_that_promises_hours(tmp_path):
    path = tmp_path / "03a01Fa.flac"
    soundfile.write(path, np.zeros(1600, np.int16), 16000)
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F  # the number of samples in the stream's description: 36 bits
    refused(lambda: _read(written(path, bytes(data))), "lasts .* s, which no utterance does")


def test_silence_for_centuries(tmp_path):
    import av

    path = tmp_path / "t.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        for start in (0, 8000 * 7200):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refused(lambda: sound_info(path), r"lacks 7199\.9 s of its sound: its times are damaged")


def test_a_form_whose_boundary_is_too_long():
    for boundary in ("x" * 5000, ""):
        with pytest.raises(ClipError, match="The request is no form") as error:
            _Form(f"multipart/form-data; boundary={boundary}", None, 100)
        assert error.value.status == 400
