"""Readers of tables, of the layouts of corpora, and of command lines."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _fuzz_reader import Reader, sane

from emotf import catalog, tables
from emotf.arff import arff_shape, write_arff
from emotf.comparison import axes
from emotf.config import Experiment
from emotf.corpora import pmemo
from emotf.corpora.synthetic import Synthetic
from emotf.features import _openface, _openpose
from emotf.features.mfcc39 import Mfcc39
from emotf.features.precomputed import Precomputed
from emotf.losses.ccc import Ccc
from emotf.models.cer import Cer
from emotf.recipes import part, streams_of
from emotf.recording import Recording
from emotf.search import space
from emotf.track import Track

TRACK = Track(np.arange(12, dtype=np.float32).reshape(6, 2) / 7, 0.04, channels=("a", "b"))
CELLS = (b"nan", b"inf", b"1e309", b"?", b'"', b"'", b"\n", b"\r\n", b"time", b",", b";", b"-9e-320", b"\xef\xbb\xbf")
ARFF = (b"@relation", b"@attribute", b"@data", b"numeric", b"{", b"%")


def _table(suffix: str, write: Callable[[Path], Any], rate_hz: float | None = None) -> Reader:
    def prepare(home: Path) -> list[bytes]:
        write(home / f"t.{suffix}")
        return [(home / f"t.{suffix}").read_bytes()]

    def read(home: Path) -> None:
        sane(tables.read_track(home / f"t.{suffix}", rate_hz=rate_hz))
        if suffix == "arff":
            arff_shape(home / "t.arff")

    return Reader(f"t.{suffix}", prepare, read, words=CELLS + ARFF * (suffix == "arff"))


def _arff(path: Path) -> None:
    write_arff(path, "gold", "dev_1", TRACK.times, {"a": list("12?456"), "b": list("123456")})


def _parquet(path: Path) -> None:
    pd.DataFrame({"time": TRACK.times, "a": TRACK.values[:, 0]}).to_parquet(path, index=False)


def _in_memory(values: np.ndarray) -> bytes:
    np.save(file := io.BytesIO(), values)
    return file.getvalue()


# ---- corpora ---------------------------------------------------------------------------------------------------------


def _corpus(name: str, file: str, fields: dict[str, Any] | None = None, **twin: Any) -> Reader:
    """A reader of a published layout, one file of whose twin is fuzzed."""
    plain = catalog.find("corpora", name)(**(fields or {}))
    mine = Path(file).stem.removesuffix("_ann1")  # in its name: the recording

    def prepare(home: Path) -> list[bytes]:
        nonlocal plain
        plain = plain.write_twin(home / "twin", **twin)
        plain = dataclasses.replace(plain, **{k: v for k, v in (fields or {}).items() if k != "dir"})
        return [(home / "twin" / file).read_bytes()]

    def read(home: Path) -> None:
        recordings = plain.recordings()
        for recording in [r for r in recordings if r.id in mine] or recordings:
            for target in plain.targets:
                track = plain.ratings(recording, target)
                if track is not None:
                    sane(track)

    return Reader(f"twin/{file}", prepare, read, json=file.endswith(".json"), words=CELLS)


def _folder(file: str, content: str) -> Reader:
    """The plain folder of a user's own recordings."""

    def prepare(home: Path) -> list[bytes]:
        (home / "ratings" / "arousal").mkdir(parents=True)
        (home / "sound.wav").write_bytes(b"RIFF")
        tables.write_track(home / "ratings" / "arousal" / "r1.csv", TRACK)
        (home / "recordings.csv").write_text("id,subject,session,audio\nr1,anna,1,sound.wav\n")
        return [content.encode() or (home / file).read_bytes()]

    def read(home: Path) -> None:
        corpus = catalog.find("corpora", "folder")(dir=str(home))
        for recording in corpus.recordings():
            track = corpus.ratings(recording, "arousal")
            if track is not None:
                sane(track)

    return Reader(file, prepare, read, words=CELLS)


def _precomputed(file: str, seed: bytes) -> Reader:
    """A stream, and what is declared beside it."""

    def prepare(home: Path) -> list[bytes]:
        np.save(home / "r1.npy", TRACK.values)
        return [seed]

    def read(home: Path) -> None:
        feature, recording = Precomputed("gaze"), Recording("r1", "anna", {"gaze": home / "r1.npy"})
        sane(feature.extract(recording))

    return Reader(file, prepare, read, json=file.endswith(".json"))


def _openface_seed(home: Path) -> list[bytes]:
    header = "frame, face_id, timestamp, confidence, success, gaze_0_x, AU01_r"
    rows = [f"{k}, 0, {(k - 1) * 0.04:.3f}, 0.98, 1, 0.1, 0.5" for k in range(1, 7)]
    return ["\n".join([header, *rows, ""]).encode()]


def _openface_read(home: Path) -> None:
    found = _openface.read_openface(home / "t.csv", ["AU01_r"])
    assert np.isfinite(found.hop) and found.hop > 0 and len(found.values) == len(found.found)


SONG = {"id": 1, "dynamic": {"t": [15.5, 16.0], "a": [0.2, 0.3], "v": [0.5, None]},
        "eda": {"t": [0.0, 0.1, 0.25], "mean": [1.0, 1.5, 1.25]}}  # fmt: skip


def _song(home: Path) -> None:
    corpus = catalog.find("corpora", "pmemo")(dir=str(home))
    for recording in corpus.recordings():
        sane(corpus.ratings(recording, "arousal"))
    sane(pmemo._evenly(home / "t.json", *pmemo._conductance(home / "t.json", ""), 10.0))


# A body of 25 key points in one place but for the nose: no order of them has shorter limbs than another
BODY = [*(1.0, 2.0, 0.9), *(5.0, 6.0, 0.8) * 24]


def _openpose_seed(home: Path) -> list[bytes]:
    person = {"person_id": [-1], "pose_keypoints_2d": BODY, "face_keypoints_2d": []}
    for number in (0, 2):
        (home / f"v_{number:012d}.json").write_text(json.dumps({"version": 1.3, "people": [person]}))
    return [json.dumps({"version": 1.3, "people": [person, person]}).encode()]


def _openpose_read(home: Path) -> None:
    bodies = _openpose.read_bodies(home, 25.0)
    assert np.isfinite(bodies).all() and bodies.shape[1:] == (18, 3)


# ---- command lines ---------------------------------------------------------------------------------------------------


def _words(read: Callable[[str], Any], *texts: str) -> Reader:
    """What a user types, of which any may be wrong."""

    def run(home: Path) -> None:
        read((home / "text").read_text(encoding="utf-8", errors="replace"))

    words = b"\n , : = / .. + 1e999 nan -1 mfcc39 window.frames loss data.fold corpus.dir log true".split(b" ")
    return Reader("text", lambda _: [text.encode() for text in texts], run, words=tuple(filter(None, words)))


def _experiment() -> Experiment:
    return Experiment(Synthetic(), {"mfcc39": Mfcc39()}, Cer(), Ccc())


def _vary(text: str) -> None:
    for axis, values in axes.parse(text.split("\n")).items():
        for value in values:
            axes.applied(_experiment(), {axis: value})


READERS = {
    "arff": _table("arff", _arff),
    "csv": _table("csv", lambda path: tables.write_track(path, TRACK)),
    "parquet": _table("parquet", _parquet),
    "npy": _table("npy", lambda path: np.save(path, TRACK.values), rate_hz=25.0),
    "avec-gold": _corpus("avec", "ratings_gold_standard/arousal/dev_1.arff", each=1, duration=1.0),
    "avec-raters": _corpus("avec", "ratings_individual/arousal/dev_1.csv", {"raters": "individual"}, each=1,
                           duration=1.0),
    "recola-raters": _corpus("recola", "RECOLA-Annotation/emotional_behaviour/arousal/P16.csv", duration=1.0),
    "recola-groups": _corpus("recola", "RECOLA-Metadata/recola_user_info.csv", {"split": "groups"}, duration=1.0),
    "creativeit": _corpus("creativeit", "ratings/S1/improv1_F01_ann1.csv", duration=1.0),
    "case": _corpus("case", "data/interpolated/annotations/sub_1.csv", people=1, duration=1.0),
    "pmemo-table": _corpus("pmemo", "annotations/dynamic_annotations.csv", songs=3, duration=18.0),
    "pmemo-sample": Reader("t.json", lambda _: [json.dumps(SONG).encode()], _song, json=True),
    "afew_va": _corpus("afew_va", "01/001/001.json", {"rate_hz": 25.0}, clips=4, duration=0.2),
    "affwild": _corpus("affwild", "annotations/train/arousal/101.txt", videos=4, duration=0.4),
    "affwild2": _corpus("affwild2", "VA_Estimation_Challenge/Train_Set/video1.txt", videos=4, duration=0.4),
    "folder": _folder("recordings.csv", ""),
    "folder-ratings": _folder("ratings/arousal/r1.csv", ""),
    "stream.json": _precomputed("stream.json", b'{"rate_hz": 25, "kind": "raw", "channels": ["yaw", "pitch"]}'),
    "openface": Reader("t.csv", _openface_seed, _openface_read, words=(*CELLS, b"-nan(ind)")),
    "openpose": Reader("v_000000000001.json", _openpose_seed, _openpose_read, json=True),
    "parts": _words(lambda text: part("losses", text), "ccc:pool=sequence", "mse"),
    "streams": _words(streams_of, "mfcc39,slow=mfcc39:frame_rate_hz=25"),
    "--vary": _words(_vary, "loss=mse,ccc:pool=sequence", "window.frames=32,64", "targets=stl,mtl", "data.fold=1,2"),
    "--space": _words(lambda text: space.parse(text.split("\n"), _experiment()),
                      "training.learning_rate=1e-5..0.1:log", "training.batch=128,256", "model.gru_units=2..8"),
}  # fmt: skip
