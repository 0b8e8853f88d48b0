"""Readers of what emotf itself writes, records and runs, and of pictures."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from _fuzz_reader import Reader, sane
from PIL import Image

from emotf import catalog
from emotf.config import Experiment, to_json
from emotf.corpora.synthetic import Synthetic
from emotf.features.base import Film
from emotf.features.mfcc39 import Mfcc39
from emotf.files import read_json, sha256, write_json
from emotf.images._idx import read_images, read_labels
from emotf.images._layout import read_grey
from emotf.images._pickled import picture_rows, read_pickle, write_python2
from emotf.images.ferplus import _labels
from emotf.losses.ccc import Ccc
from emotf.models.cer import Cer
from emotf.postprocessing.median import Median
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store, read_learned
from emotf.records.pictures import PictureStore
from emotf.records.stream import PICTURES
from emotf.refinement.postprocess import chains_of
from emotf.runs import Fusion, Run
from emotf.track import Track
from emotf.training.state import _read as read_state
from emotf.weights import loaded

TRACK = Track(np.arange(12, dtype=np.float32).reshape(6, 2) / 7, 0.04, channels=("a", "b"))
SHOTS = 3


def framed(*records: bytes) -> bytes:
    """A TFRecord file whose checksums are right."""
    with tf.io.TFRecordWriter(str(path := Path(f"/dev/shm/fuzz_framed_{id(records)}"))) as writer:
        for record in records:
            writer.write(record)
    try:
        return path.read_bytes()
    finally:
        path.unlink()


def _store(home: Path) -> Store:
    """A store of one recording with numbers, gold and pictures."""
    store = Store(home / "synthetic")
    store.describe(to_json(Synthetic(dir=str(home))), "planted", [Recording("r1", "anna", session="1")])
    for name in ("mfcc39", GOLD, "crops"):
        kind = PICTURES if name == "crops" else GOLD if name == GOLD else "extracted"
        stream = store.stream(name)
        stream.start(Schema(TRACK.channels, TRACK.hop, 0.0, kind, {"part": "features/mfcc39"}))
        if name == "crops":
            picture = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
            entry, _ = stream.write_film(
                "r1", Film(0.04, 0.0, iter([(picture, TRACK.values[k]) for k in range(SHOTS)]))
            )
        else:
            entry = stream.write("r1", TRACK)
        stream.complete({"r1": entry})
    return store


def _of_store(file: str, read: Callable[[Store], Any], record: bool = False, framed_anew: bool = False) -> Reader:
    def prepare(home: Path) -> list[bytes]:
        path = _store(home).folder / file
        if framed_anew:
            return [bytes(example) for example in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]
        return [path.read_bytes()]

    return Reader(
        f"synthetic/{file}", prepare, lambda home: read(Store(home / "synthetic")), framed if framed_anew else bytes,
        json=not record,
    )  # fmt: skip


def _described(store: Store) -> None:
    found = store.recordings, store.targets_are, store.read_as, store.targets
    assert all(isinstance(recording.id, str) for recording in found[0])
    store.fingerprint(["mfcc39"])


def _streamed(store: Store) -> None:
    stream = store.stream("mfcc39")
    clock = stream.clocks(["r1"])["r1"]
    assert np.isfinite([clock.hop, clock.start]).all() and clock.hop > 0 and clock.frames >= 0, clock
    sane(stream.read("r1"))


def _filmed(store: Store) -> None:
    film = store.stream("crops").film("r1")
    assert np.isfinite([film.hop, film.start]).all() and film.hop > 0
    for picture, values in film.shots:
        assert (picture is None or picture.dtype == np.uint8) and len(values) == len(TRACK.channels)


def _picture_store(file: str, framed_anew: bool = False) -> Reader:
    """Written pictures; a shard comes with the promise that fits it, or no mutation would be read."""

    def prepare(home: Path) -> list[bytes]:
        corpus = catalog.find("images", "drawn_faces")(count=1, held_back=1)
        PictureStore(home / "p").write(corpus)
        path = home / "p" / file
        if framed_anew:
            return [bytes(example) for example in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()][:2]
        return [path.read_bytes()]

    def read(home: Path) -> None:
        store, path = PictureStore(home / "p"), home / "p" / file
        if path.suffix == ".tfrecord":
            promise = read_json(home / "p" / "COMPLETED")
            promise[file] |= {"bytes": path.stat().st_size, "sha256": sha256(path)}
            write_json(home / "p" / "COMPLETED", promise)
        part = store.part("test")
        for sample in part.samples():
            assert sample.picture.shape == part.shape and 0 <= sample.label < len(part.classes), sample

    return Reader(f"p/{file}", prepare, read, framed if framed_anew else bytes, json="." not in file or "json" in file)


# ---- runs ------------------------------------------------------------------------------------------------------------


def _experiment() -> Experiment:
    return Experiment(Synthetic(), {"mfcc39": Mfcc39()}, Cer(), Ccc())


def _json(file: str, content: Any, read: Callable[[Path], Any]) -> Reader:
    return Reader(file, lambda _: [json.dumps(content).encode()], read, json=True)


def _configured(home: Path) -> None:
    experiment = Run(home).experiment.check()
    to_json(experiment), experiment.losses(("arousal", "valence")), experiment.training.alphas(("arousal", "valence"))


def _chained(home: Path) -> None:
    for chain in chains_of(Run(home)).values():
        for fitted in chain:
            fitted.step.transform(np.linspace(0, 1, 50), 0.04)


POSTPROCESSING = {"fitted_on": "dev", "targets": {"arousal": [
    {"step": to_json(Median()), "learned": {"window_": 0.2}, "before": 0.1, "after": 0.2}
]}}  # fmt: skip


def _arrays(file: str, read: Callable[[Path], Any], **arrays: Any) -> tuple[Reader, Reader]:
    """An archive as it is, and one of whose arrays the bytes are any."""
    np.savez(whole := io.BytesIO(), **arrays)
    np.save(one := io.BytesIO(), np.zeros((2, 3), np.float32))

    def packed(content: bytes) -> bytes:
        with zipfile.ZipFile(archive := io.BytesIO(whole.getvalue()), "a") as into:
            into.writestr("extra.npy", content)
        return archive.getvalue()

    return (
        Reader(file, lambda _: [whole.getvalue()], read, words=(b"PK\x03\x04", b"PK\x01\x02", b".npy", b"descr")),
        Reader(file, lambda _: [one.getvalue()], read, packed, words=(b"'descr'", b"'|O'", b"'shape'", b"(2, 3)")),
    )


def _learned(home: Path) -> None:
    read_learned(home / "learned.npz", {"learned": sha256(home / "learned.npz")})


def _network(home: Path) -> list[bytes]:
    import keras

    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(home / "network.keras")
    with zipfile.ZipFile(home / "network.keras") as archive:
        WRITTEN.update({name: archive.read(name) for name in archive.namelist()})
    return [WRITTEN["config.json"]]


WRITTEN: dict[str, bytes] = {}


def _as_network(config: bytes) -> bytes:
    with zipfile.ZipFile(archive := io.BytesIO(), "w") as into:
        for name, content in (WRITTEN | {"config.json": config}).items():
            into.writestr(name, content)
    return archive.getvalue()


# ---- pictures --------------------------------------------------------------------------------------------------------


def _corpus(name: str, file: str, fields: dict[str, Any] | None = None) -> Reader:
    corpus = catalog.find("images", name)(**(fields or {}))

    def prepare(home: Path) -> list[bytes]:
        nonlocal corpus
        corpus = corpus.write_twin(home / "twin")
        for path in (home / "twin").glob("*.csv"):  # a row of each partition: whole tables are slow to read
            lines = path.read_bytes().splitlines(keepends=True)
            rows = [next((line for line in lines if usage in line), b"") for usage in (b"Training", b"PublicTest")]
            path.write_bytes(b"".join([lines[0], *rows]))
        return [(home / "twin" / file).read_bytes()]

    def read(home: Path) -> None:
        for partition in corpus.partitions:
            for sample in corpus.samples(partition):
                assert sample.picture.shape == corpus.shape and 0 <= sample.label < len(corpus.classes)

    return Reader(f"twin/{file}", prepare, read, words=(b"Training", b"PublicTest", b"\n", b",", b'"', b"-1", b"256"))


def _unpickled(home: Path) -> None:
    content = read_pickle(home / "train")
    if "data" in content:
        picture_rows(home / "train", content, 12)


def _pickles(home: Path) -> list[bytes]:
    import pickle

    content = {b"data": np.arange(24, dtype=np.uint8).reshape(2, 12), b"fine_labels": [1, 2], b"x": (1.5, None, b"y")}
    write_python2(home / "two", content)
    return [(home / "two").read_bytes(), *(pickle.dumps(content, protocol) for protocol in (0, 2, 4))]


def _encoded(kind: str) -> Callable[[Path], list[bytes]]:
    picture = Image.fromarray(np.arange(48 * 48, dtype=np.uint32).astype(np.uint8).reshape(48, 48))

    def prepare(home: Path) -> list[bytes]:
        picture.save(file := io.BytesIO(), kind)
        return [file.getvalue()]

    return prepare


def _grey(home: Path) -> None:
    assert read_grey(home / "t").shape == (48, 48, 1)


VOTED = 'a.png,"(0, 0, 48, 48)",5,0,0,3,1,1,0,0,0,0\nb.png,0,0,0,10,0,0,0,0,0,0\n'
IDX_IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, *range(12)])
IDX_LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3])
STATE, STATE_MEMBER = _arrays(
    "state.npz", lambda home: read_state(home / "state.npz", Run(home)), rows="[]", model0=[1]
)
LEARNED, LEARNED_MEMBER = _arrays("learned.npz", _learned, about="{}", mean=[1.0, 2.0])

READERS = {
    "recordings.json": _of_store("recordings.json", _described),
    "schema.json": _of_store("mfcc39/schema.json", _streamed),
    "COMPLETED": _of_store("mfcc39/COMPLETED", _streamed),
    "TFRecord": _of_store("mfcc39/r1.tfrecord", lambda store: sane(store.stream("mfcc39").read("r1")), record=True),
    "TFRecord-checksums-right": _of_store(
        "mfcc39/r1.tfrecord", lambda store: sane(store.stream("mfcc39").read("r1")), True, True
    ),
    "film-checksums-right": _of_store("crops/r1.tfrecord", _filmed, True, True),
    "pictures-schema.json": _picture_store("schema.json"),
    "pictures-COMPLETED": _picture_store("COMPLETED"),
    "pictures": _picture_store("test-00000.tfrecord"),
    "pictures-checksums-right": _picture_store("test-00000.tfrecord", framed_anew=True),
    "config.json": _json("config.json", to_json(_experiment()), _configured),
    "postprocessing.json": _json("postprocessing.json", POSTPROCESSING, _chained),
    "fusion.json": _json("fusion.json", {"sources": {"a": "a", "b": "b"}}, lambda home: Fusion(home).check(["a", "b"])),
    "about.json": _json("about.json", {"records": {"fingerprint": "x"}}, lambda home: Run(home).check_records("x")),
    "json": Reader("t.json", lambda _: [b'{"a": [1, 2.5e3, null, true, "\\u00e9"]}'],
                   lambda home: read_json(home / "t.json")),
    "state.npz": STATE, "state.npz-an-array": STATE_MEMBER,
    "learned.npz": LEARNED, "learned.npz-an-array": LEARNED_MEMBER,
    "network.keras": Reader("network.keras", _network, lambda home: loaded(home / "network.keras"), _as_network, True),
    "IDX-pictures": Reader("t-idx3", lambda _: [IDX_IMAGES], lambda home: list(read_images(home / "t-idx3"))),
    "IDX-labels": Reader("t-idx1", lambda _: [IDX_LABELS], lambda home: read_labels(home / "t-idx1")),
    "IDX-gzipped": Reader("t.gz", lambda _: [gzip.compress(IDX_IMAGES)], lambda home: list(read_images(home / "t.gz"))),
    "pickle": Reader("train", _pickles, _unpickled),
    "FER2013": _corpus("fer2013", "fer2013.csv"),
    "FER+": _corpus("ferplus", "fer2013new.csv"),
    "FER+-labels": Reader("label.csv", lambda _: [VOTED.encode()], lambda home: list(_labels(home))),
    "CIFAR-100": _corpus("cifar100", "cifar-100-python/meta"),
    "PNG": Reader("t", _encoded("PNG"), _grey), "JPEG": Reader("t", _encoded("JPEG"), _grey),
    "BMP": Reader("t", _encoded("BMP"), _grey),
}  # fmt: skip
