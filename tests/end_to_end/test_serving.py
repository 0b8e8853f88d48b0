"""From sound to traces where there is no emotf, by a SavedModel; and live, from a file."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, SHARED, tool
from real_data import needs_data

from emotf.tables import read_track

UTTERANCE = SHARED / "emodb" / "original_16k" / "03a01Fa.wav"

# A process in which emotf and librosa cannot be imported: the trace of a file, whole, in pieces, and in a batch.
WITHOUT_EMOTF = """
import importlib.abc, sys
class Refused(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("emotf", "librosa"):
            raise ImportError(name)
sys.meta_path.insert(0, Refused())
import numpy as np, tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures
sound, rate = tf.audio.decode_wav(tf.io.read_file(sys.argv[2]), desired_channels=1)
assert int(rate) == 16000
sound = sound[:, 0]
found = {f"whole_{name}": value.numpy() for name, value in served["waveform"](sound=sound).items()}
state, pieces = served["initial_state"](), []
for begin in range(0, len(sound), 1111):
    given = served["step"](sound=sound[begin : begin + 1111], **state)
    state = {name: value for name, value in given.items() if name.startswith("state_")}
    pieces.append(given)
pieces.append(served["finish"](**state))
for name in ("times", "arousal", "valence"):
    found[f"live_{name}"] = np.concatenate([given[name] for given in pieces])
shorter = tf.constant([len(sound), len(sound) - 6400], tf.int64)
batch = served["waveforms"](sound=tf.stack([sound, sound]), samples=shorter)
found |= {f"batch_{name}": value.numpy() for name, value in batch.items()}
np.savez(sys.argv[3], about=served["metadata"]()["json"].numpy(), **found)
"""


@pytest.fixture(scope="module")
def speech(work):
    """A run that reads speech at 25 frames a second, so sound at 16 kHz, and its SavedModel."""
    flags = ["--config=configs/cer_mtl.py:synthetic,speech,smoke", f"--config.corpus.dir={work}/served_corpus",
             f"--config.data.records={work}/served_records", "--config.streams.mfcc39.frame_rate_hz=25",
             "--config.window.stride=0.16", "--config.training.epochs=1"]  # fmt: skip
    tool("extract", *flags)
    tool("train", *flags, f"--run={work}/served_run")
    tool("export", f"--run={work}/served_run", f"--out={work}/served", "--input=waveform", "--live=yes", fresh=True)
    return work / "served_run", work / "served"


@needs_data
def test_sound_becomes_a_trace_without_emotf(speech, work):
    run, folder = speech
    tool("predict", f"--run={run}", f"--media={UTTERANCE}", f"--out={work}/utterance.csv")
    predicted = read_track(work / "utterance.csv")
    arguments = [folder, UTTERANCE, work / "without.npz"]
    subprocess.run([sys.executable, "-c", WITHOUT_EMOTF, *map(str, arguments)], check=True, timeout=300)
    with np.load(work / "without.npz") as found:
        for target in predicted.channels:
            expected = predicted.select([target]).values[:, 0]
            np.testing.assert_allclose(found[f"whole_{target}"], expected, atol=1e-4)
            np.testing.assert_allclose(found[f"batch_{target}"][0], expected, atol=1e-4)
            assert np.isnan(found[f"batch_{target}"][1]).sum() == 8  # 0.4 s of 20 frames a second
        for target in ("arousal", "valence"):
            np.testing.assert_allclose(found[f"live_{target}"], found[f"whole_{target}"], atol=1e-5)
        np.testing.assert_allclose(found["live_times"], predicted.times, atol=1e-6)
        about = json.loads(str(found["about"].astype(str)))
    assert about == {k: v for k, v in json.loads((folder / "emotf.json").read_text()).items() if k != "signatures"}
    assert about["sound_rate_hz"] == 16000 and about["live_delay"] == pytest.approx(1.62 + 4 * 0.04 + 0.0125, abs=1e-3)


@needs_data
def test_a_file_is_traced_live_as_it_is_predicted(speech, work):
    run, _ = speech
    done = tool("live", f"--run={run}", f"--file={UTTERANCE}", "--speed=0", f"--out={work}/live.csv", fresh=True)
    assert "a frame is final 1.79 s after it" in done.stderr and "a push took" in done.stdout
    tool("predict", f"--run={run}", f"--media={UTTERANCE}", f"--out={work}/whole.csv")
    live, whole = read_track(work / "live.csv"), read_track(work / "whole.csv")
    assert live.channels == whole.channels and live.hop == pytest.approx(whole.hop)
    np.testing.assert_allclose(live.values, whole.values, atol=1e-4)


def test_the_command_line_of_tensorflow_shows_and_runs_the_signature(speech, work):
    _, folder = speech
    cli = str(shutil.which("saved_model_cli", path=str(ROOT / ".venv/bin")) or "saved_model_cli")
    common = ["--dir", str(folder), "--tag_set", "serve", "--signature_def", "waveform"]
    shown = subprocess.run([cli, "show", *common], capture_output=True, text=True, check=True, timeout=300).stdout
    assert "inputs['sound'] tensor_info" in shown and "outputs['times'] tensor_info" in shown
    np.save(work / "silence.npy", np.zeros(16000, np.float32))
    sound = ["--inputs", f"sound={work}/silence.npy", "--outdir", str(work / "by_cli")]
    subprocess.run([cli, "run", *common, *sound], capture_output=True, check=True, timeout=300)
    assert np.load(work / "by_cli" / "arousal.npy").shape == (21,)  # a second, 20 frames a second


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("live", [], "Name one of --file"),
        ("live", ["--camera=0"], "This run does not watch a video"),
        ("live", ["--microphone", "--file=x.wav"], "Name one of --file"),
        ("live", ["--file=nothing.wav"], "There is no file nothing.wav"),
        ("live", ["--file=README.md"], "README.md"),
        ("live", ["--file=README.md", "--out=x.txt"], "let it end in .csv"),
        ("export", ["--out=README.md"], "README.md exists"),
    ],
)
def test_mistakes_are_one_line(speech, name, flags, message):
    done = tool(name, f"--run={speech[0]}", *flags, check=False)
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and message in line


def test_what_is_not_of_sound_takes_no_sound(work, trained):
    done = tool("export", f"--run={trained}", f"--out={work}/refused", "--input=waveform", check=False)
    assert done.returncode == 1 and "body_euler24 cannot be computed in the graph" in done.stderr
    assert not (work / "refused").exists()
    done = tool("live", f"--run={trained}", "--file=README.md", check=False)
    assert done.returncode == 1 and "body_euler24 cannot be computed in the graph" in done.stderr
