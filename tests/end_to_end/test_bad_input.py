"""Every mistake a user can make ends in exit code 1 and one line that names the file and the remedy."""

import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from conftest import ROOT, tool


@pytest.fixture
def corpus(tmp_path):
    """A folder corpus of three sound recordings in three sessions, and the flags to extract it."""
    folder = tmp_path / "corpus"
    (folder / "sound").mkdir(parents=True)
    (folder / "ratings" / "arousal").mkdir(parents=True)
    rows = ["id,subject,session,audio"]
    for k in range(3):
        rng = np.random.default_rng(k)
        soundfile.write(folder / "sound" / f"r{k}.wav", rng.normal(size=32000).astype("float32") * 0.1, 16000)
        rows.append(f"r{k},s{k},{k},sound/r{k}.wav")
        lines = [f"{i / 10:.1f},{v:.3f},{v + 0.1:.3f}" for i, v in enumerate(rng.normal(size=20))]
        (folder / "ratings" / "arousal" / f"r{k}.csv").write_text("\n".join(["time,ann,bob", *lines]))
    (folder / "recordings.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def flags(corpus, tmp_path):
    config = "--config=configs/cer_mtl.py:folder"
    return [config, f"--config.corpus.dir={corpus}", f"--config.data.records={tmp_path}/records"]


def refused(done, *said):
    """Exit code 1, one `error:` line as the last, no traceback."""
    assert done.returncode == 1, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ")
    for part in said:
        assert part in line, line


def rewrite(path, change):
    path.write_text(change(path.read_text()))


MISTAKES = {
    "wav of no bytes": (
        lambda c: (c / "sound/r1.wav").write_bytes(b""), ["r1.wav", "empty"],
    ),
    "truncated wav": (
        lambda c: (c / "sound/r1.wav").write_bytes((c / "sound/r1.wav").read_bytes()[:20000]), ["r1.wav", "promises"],
    ),
    "no medium": (lambda c: (c / "sound/r1.wav").unlink(), ["r1.wav", "missing"]),
    "ratings without time": (
        lambda c: rewrite(c / "ratings/arousal/r1.csv", lambda t: t.replace("time,", "when,")), ["r1.csv", "'time'"],
    ),
    "nothing rated": (
        lambda c: rewrite(
            c / "ratings/arousal/r1.csv", lambda t: "time,ann,bob\n" + "\n".join(f"{i / 10},," for i in range(20))
        ),
        ["r1", "no rating"],
    ),
    "ratings longer than sound": (
        lambda c: rewrite(
            c / "ratings/arousal/r1.csv", lambda t: "time,ann\n" + "\n".join(f"{i / 10},0.5" for i in range(50))
        ),
        ["r1", "4.90 s", "cut the ratings"],
    ),
    "one subject in two sessions": (
        lambda c: rewrite(c / "recordings.csv", lambda t: t.replace("r1,s1", "r1,s0")), ["'s0'", "session"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_extraction_refuses(corpus, flags, tmp_path, mistake):
    change, said = MISTAKES[mistake]
    change(corpus)
    refused(tool("extract", *flags, check=False), *said)
    assert not list((tmp_path / "records").rglob(".*"))
    assert not (tmp_path / "records/folder/mfcc39/COMPLETED").exists()


def test_missing_corpus_folder(flags, tmp_path):
    flags[1] = f"--config.corpus.dir={tmp_path}/nowhere"
    refused(tool("extract", *flags, check=False), "nowhere", "missing")


def test_damaged_record_is_named(corpus, flags, tmp_path):
    tool("extract", *flags)
    record = next((tmp_path / "records" / "folder" / "mfcc39").glob("r2.tfrecord"))
    content = bytearray(record.read_bytes())
    content[len(content) // 2] ^= 1
    record.write_bytes(content)
    done = tool("train", *flags, f"--run={tmp_path}/run", check=False)
    refused(done, "r2.tfrecord", "recording r2", "damaged", "extract again")
    assert not (tmp_path / "run" / "network.keras").exists()
    # extraction mends it
    assert "1 recordings written, 2 kept; 39 channels" in tool("extract", *flags).stdout


def test_training_without_records(flags, tmp_path):
    refused(tool("train", *flags, f"--run={tmp_path}/run", check=False), "extract")


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--config.model.gru_unit=8", "Did you mean 'gru_units'?"),
        ("--config.training.batch=many", "batch"),
        ("--nonsense=1", "nonsense"),
    ],
)
def test_mistyped_flags(flags, flag, said):
    refused(tool("train", *flags, flag, "--run=unused", check=False), said)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("configs/cer_mtl.py:emodbb", "emodb"),
        ("configs/cer_mtl.py:emodb,speach", "'speech'"),
        ("configs/no.py", "no.py"),
    ],
)
def test_mistyped_recipes(config, said):
    refused(tool("train", f"--config={config}", "--run=unused", check=False), said)


def test_import_is_fast_and_loads_nothing_heavy():
    code = "import sys, emotf; print([m for m in ('tensorflow', 'keras', 'librosa', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


HEAVY = ("tensorflow", "keras", "tensorflow_io", "mediapipe", "librosa", "cv2", "av")


@pytest.mark.parametrize("room", ["media", "corpora.synthetic", "features.mfcc39", "records", "annotation", "config"])
def test_low_rooms_load_no_heavy_package_at_import(room):
    code = f"import sys, emotf.{room}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "tools").glob("*.py")))
def test_help_teaches_our_flags_first(name):
    began = time.monotonic()
    done = tool(name, "--help", check=False, fresh=True)
    assert time.monotonic() - began < 30  # a hang, not a timing
    lines = done.stdout.splitlines()
    assert lines[0].strip()
    flags_at = next(i for i, line in enumerate(lines) if line.strip() == f"tools/{name}.py:")
    assert lines[flags_at + 1].strip().startswith("--")
