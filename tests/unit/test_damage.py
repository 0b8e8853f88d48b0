"""What was damaged on disk is refused in one line, and so is a disk that is full or read-only."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from emotf.comparison.execution import _run
from emotf.config import Experiment, to_json
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError, refusal
from emotf.features.mfcc39 import Mfcc39
from emotf.losses.ccc import Ccc
from emotf.models.cer import Cer
from emotf.recording import Recording
from emotf.records import GOLD, Entry, Schema, Store
from emotf.records.jobs import Outcome
from emotf.runs import Run
from emotf.track import Track
from emotf.training.state import Resume

ROOT = Path(__file__).parents[2]


def damages(content):
    """A byte that is another one, an early end, and zeros at the end, at places all over a file."""
    for place in range(1, len(content) - 2, max(1, len(content) // 60)):
        yield content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        yield content[:place]
        yield content[:place] + bytes(len(content) - place)


def outcome(read):
    """What is read, or the error of one line."""
    try:
        return read()
    except UserError as error:
        return error


# ---- records ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "records")
    people = [Recording(f"r{k}", f"s{k}", {}, partition=part) for k, part in enumerate(("train", "dev", "test"))]
    store.describe({"part": "folder"}, "ratings", people)
    for name in ("body", GOLD):
        stream = store.stream(name)
        stream.start(Schema(("a", "b"), 0.04, 0.025, "extracted", {"part": "mfcc39", "coefficients": 13}))
        track = Track(np.zeros((50, 2), np.float32), hop=0.04, start=0.25, channels=("a", "b"))
        stream.complete({person.id: stream.write(person.id, track) for person in people})
    return store


@pytest.mark.parametrize("name", ["recordings.json", "body/schema.json", "body/COMPLETED"])
def test_what_is_said_of_records_is_as_written_or_refused(store, name):
    def read():
        stream = store.stream("body")
        return store.recordings, store.targets_are, store.read_as, stream.schema, stream.completed

    path, expected, refused = store.folder / name, read(), 0
    for damaged in damages(path.read_bytes()):
        path.write_bytes(damaged)
        found = outcome(read)
        refused += isinstance(found, UserError)
        assert "\n" not in str(found) if isinstance(found, UserError) else found == expected
    assert refused > 100


@pytest.mark.parametrize("content", [b"", b"recording,strea\nr0,body\n", b"\xff\xfe\x00", b"a,b\n1,2,3\n", "x"])
def test_speeds_that_are_damaged_cost_only_themselves(store, content):
    spent = Outcome("r0", "body", Entry(1, 50, 0.0, ""), True, 2.0, 0.04)
    store.write_speeds([spent])
    path = store.folder / "extraction.csv"
    path.write_bytes(path.read_bytes().replace(b"50", b"5O") if content == "x" else content)
    with pytest.raises(UserError, match=r"extraction\.csv is damaged .*; delete it: it only says how fast") as error:
        _ = store.speeds
    assert "\n" not in str(error.value)
    path.unlink()
    store.write_speeds([spent])
    assert store.speeds["frames_per_second"].tolist() == [25.0]


# ---- runs ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    run.begin(Experiment(Synthetic(), {"mfcc39": Mfcc39()}, Cer(), Ccc()))
    run.note(gold_hop=0.05, targets=["arousal"])
    run.save_network(Cer(filters=2, gru_units=1).build({"mfcc39": 3}, ["arousal"], frames=6))
    resume = Resume(run, keras.callbacks.EarlyStopping("dev_ccc"), tf.Variable(0))
    resume.rows = [{"epoch": epoch, "loss": 1 / (epoch + 1), "dev_ccc": 0.1 * epoch} for epoch in range(3)]
    resume.on_train_end()
    run.write_predictions("test", {"r1": Track(np.eye(9, 1), hop=0.05, channels=("arousal",))})
    run.write_scores(pd.DataFrame({"partition": ["test"], "target": "a", "variance": "population", "value": 1 / 3}))
    run.finish()
    return run


def plain(value):
    """Something that can be compared."""
    if isinstance(value, keras.Model):
        return [np.array(weight).tolist() for weight in value.weights]
    if isinstance(value, pd.DataFrame):
        return value.to_csv()
    return value.values.tolist() if isinstance(value, Track) else value


READ = {
    "network.keras": lambda run: run.network(),
    "history.csv": lambda run: run.epochs,
    "scores.csv": lambda run: run.scores(),
    "predictions/test/r1.csv": lambda run: run.read_prediction("test", "r1"),
    "about.json": lambda run: {name: run.about[name] for name in ("gold_hop", "targets")},
    "config.json": lambda run: run.experiment,
}


@pytest.mark.parametrize("name", READ)
def test_what_a_run_left_is_as_written_or_refused(run, name):
    path, expected, refused = run.folder / name, plain(READ[name](run)), 0
    for damaged in damages(path.read_bytes()):
        path.write_bytes(damaged)
        found = outcome(lambda: plain(READ[name](run)))
        refused += isinstance(found, UserError)
        assert "\n" not in str(found) if isinstance(found, UserError) else found == expected
    assert refused > 60


def test_a_state_is_as_written_or_refused(run):
    arrays = {"model0": np.arange(40, dtype="float32"), "best0000": np.ones(3), "rows": "[]", "seconds": 1.5}
    np.savez(run.state, **arrays)
    expected, refused = {name: np.asarray(value).tolist() for name, value in arrays.items()}, 0

    def read():
        state = Resume(run, keras.callbacks.EarlyStopping("dev_ccc"), tf.Variable(0)).state
        return {name: value.tolist() for name, value in state.items()}

    for damaged in damages(run.state.read_bytes()):
        run.state.write_bytes(damaged)
        found = outcome(read)
        refused += isinstance(found, UserError)
        assert "\n" not in str(found) if isinstance(found, UserError) else found == expected
    assert refused > 100


# ---- disks -----------------------------------------------------------------------------------------------------------

FULL = "No space left on device"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, FULL, "a.csv"), f"a.csv: {FULL}; make room, then run the same command again"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "A file: Disk quota exceeded; make room"),
        (PermissionError(errno.EACCES, "Permission denied", "/r"), "/r: Permission denied; give yourself the right"),
        (OSError(errno.EROFS, "Read-only file system", "/r"), "/r: Read-only file system; make it writable"),
        (OSError(f"Can't write data (error message = '{FULL}')"), f"A file: {FULL}; make room"),
        (tf.errors.ResourceExhaustedError(None, None, f"/a/r.tfrecord; {FULL}\n\tat"), f"/a/r.tfrecord: {FULL}; "),
        (tf.errors.UnknownError(None, None, "{{node X}} /a/ev; Input/output error"), "/a/ev: Input/output error; look"),
    ],
)  # fmt: skip
def test_what_the_machine_refuses_is_one_line(error, line):
    assert refusal(error).startswith(line) and "\n" not in refusal(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(FULL), FileNotFoundError(errno.ENOENT, "No such file or directory", "a"),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
    ],
)  # fmt: skip
def test_other_errors_are_bugs(error):
    assert refusal(error) == ""


def test_a_disk_that_is_full_breaks_a_run_of_a_comparison_as_a_line_not_as_a_bug(run, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, FULL, "state.npz")

    monkeypatch.setattr("emotf.training.train", refuse)
    reason = _run(to_json(run.experiment), run.folder, "test")
    assert reason.startswith(f"state.npz: {FULL}; make room") and not run.log.exists()


TOOL = """
import os, resource, zipfile
from pathlib import Path
from emotf.command import run
from emotf.files import written_aside

def main(_):
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    with written_aside(Path(os.environ["OUT"])) as aside:
        archive = zipfile.ZipFile(aside, "w")  # closes itself, in vain, when it is given up
        archive.writestr("a", bytes(20000))

run(main)
"""


def test_a_tool_without_room_ends_with_one_line_and_leaves_nothing(tmp_path):
    env = {**os.environ, "OUT": str(tmp_path / "state.npz"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", TOOL], env=env, capture_output=True, text=True, timeout=120)
    advice = "allow larger files (ulimit -f), then run the same command again: what is whole stays."
    assert done.stderr == f"error: {tmp_path / 'state.npz'}: File too large; {advice}\n"
    assert done.returncode == 1 and list(tmp_path.iterdir()) == []
