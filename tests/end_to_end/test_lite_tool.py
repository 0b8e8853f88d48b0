"""tools/export.py --format=tflite, and what it writes in a process that has an interpreter and nothing of emotf."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import tool

from emotf.config import Data, Experiment, Training
from emotf.corpora.folder import Folder
from emotf.features.precomputed import Precomputed
from emotf.files import read_json, sha256, write_json
from emotf.losses.mse import Mse
from emotf.measures import ccc
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.postprocessing.scaling import Scaling
from emotf.postprocessing.smoothing import Smoothing
from emotf.prediction import predict_partition
from emotf.records import extract
from emotf.refinement.postprocess import chains_of, refine
from emotf.runs import Run
from emotf.training import train
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

TARGETS = ("arousal", "valence")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Four recordings of a moving gaze at 20/s, from which both targets follow; extracted."""
    corpus, rng = tmp_path_factory.mktemp("gaze"), np.random.default_rng(0)
    rows = ["id,subject,partition"]
    for folder in (*(f"ratings/{target}" for target in TARGETS), "streams/gaze"):
        (corpus / folder).mkdir(parents=True)
    for k, partition in enumerate(("train", "train", "dev", "test")):
        gaze = np.cumsum(rng.normal(size=(200 + 10 * k, 30)), axis=0) / 10
        np.save(corpus / f"streams/gaze/r{k}.npy", gaze)
        rows.append(f"r{k},s{k},{partition}")
        for i, target in enumerate(TARGETS):
            values = np.tanh(gaze[::2, i] + 0.3 * rng.normal(size=len(gaze[::2])))
            lines = [f"{t / 10},{value:.4f}" for t, value in enumerate(values)]
            (corpus / f"ratings/{target}/r{k}.csv").write_text("\n".join(["time,gold", *lines]))
    (corpus / "streams/gaze/stream.json").write_text('{"rate_hz": 20}')
    (corpus / "recordings.csv").write_text("\n".join(rows))
    made = Experiment(
        Folder(str(corpus)),
        {"gaze": Precomputed("gaze")},
        Lstm(units=(48,)),
        Mse(),
        Data(records=str(corpus / "records"), targets=TARGETS),
        Sequences(frames=0),
        Training(learning_rate=0.02, batch=2, epochs=4),
    )
    extract(made.corpus, made.streams, made.store)
    return made


@pytest.fixture(scope="module")
def lstm(experiment, tmp_path_factory):
    """A finished run with post-processing, of which smoothing does not belong inside a model."""
    run = Run(tmp_path_factory.mktemp("runs") / "lstm")
    train(experiment, run)
    chain = [(Scaling(), {"scale_": 1.7, "middle_": 0.1}), (Smoothing(), {"alpha_": 0.3, "direction_": "forward"})]
    kept = [
        {"step": {"part": f"postprocessing/{type(step).__name__.lower()}"}, "learned": learned, "before": 0, "after": 1}
        for step, learned in chain
    ]
    run.write_postprocessing({"fitted_on": "dev", "targets": dict.fromkeys(TARGETS, kept)})
    return run


@pytest.fixture(scope="module")
def cer(experiment, tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("runs") / "cer")
    train(replace(experiment, model=Cer(filters=40), window=FeatureImages(frames=8, stride=0.2)), run)
    return run


SMALL_DEVICE = """
import json, sys
for name in ("emotf", "keras", "pandas"):
    sys.modules[name] = None
import numpy as np
from tensorflow.lite.python.interpreter import Interpreter
path, stream, out = sys.argv[1:]
about = json.load(open(path.replace(".tflite", ".json")))
step = Interpreter(path, num_threads=1).get_signature_runner()
frames = np.load(stream).astype(np.float32)[:: round(about["gold_hop"] / about["streams"]["gaze"]["hop"])]
states = {part["name"]: np.zeros(part["shape"], np.float32) for part in about["inputs"] if part["name"] != "gaze"}
traces = {target: [] for target in about["targets"]}
for frame in frames:
    outputs = step(gaze=frame[None], **states)
    states = {name: outputs[name] for name in states}
    for target, trace in traces.items():
        trace.append(outputs[target][0])
for target, trace in traces.items():
    (left,) = about["left_to_the_caller"][target]
    assert left["part"] == "postprocessing/smoothing" and left["learned"]["direction_"] == "forward"
    for t in range(1, len(trace)):
        trace[t] = left["learned"]["alpha_"] * trace[t] + (1 - left["learned"]["alpha_"]) * trace[t - 1]
np.savez(out, **traces)
"""


def test_frame_after_frame_in_a_process_that_has_an_interpreter_only(experiment, lstm, tmp_path):
    model = tmp_path / "device" / "lstm.tflite"
    done = tool("export", f"--run={lstm.folder}", f"--out={model}", "--format=tflite")
    assert "takes a frame and the states before it; " in done.stdout
    assert "left to the caller: smoothing (the .json says how)" in done.stdout
    about = json.loads(model.with_suffix(".json").read_text())
    assert about["sha256"] == sha256(model) and about["bytes"] == model.stat().st_size
    assert about["records"] == lstm.about["records"]
    assert "ccc" not in about and about["quantise"] == "none"

    stream, out = f"{experiment.corpus.dir}/streams/gaze/r3.npy", tmp_path / "traces.npz"
    ran = subprocess.run(
        [sys.executable, "-c", SMALL_DEVICE, str(model), stream, str(out)], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    golds, predictions = predict_partition(lstm, "test")
    expected = refine(chains_of(lstm), predictions["r3"])
    with np.load(out) as found:
        for i, target in enumerate(expected.channels):
            assert np.ptp(expected.values[:, i]) > 0.05
            np.testing.assert_allclose(found[target][: golds["r3"].frames], expected.values[:, i], atol=1e-4)


def test_ccc_that_8_bits_lose_is_measured_on_the_records(cer, tmp_path):
    model = tmp_path / "cer.tflite"
    flags = [f"--run={cer.folder}", f"--out={model}", "--format=tflite", "--quantise=dynamic", "--measured_on=test"]
    done = tool("export", *flags)
    about = json.loads(model.with_suffix(".json").read_text())
    assert f"feature images of 8 frames; {about['bytes']:,} bytes, 0." in done.stdout
    assert about["bytes"] == model.stat().st_size < about["float_bytes"]
    golds, predictions = predict_partition(cer, "test")
    for i, target in enumerate(golds["r3"].channels):
        said = about["ccc"][target]
        expected = ccc(golds["r3"].values[:, i], predictions["r3"].values[:, i])
        assert said["float"] == pytest.approx(expected, abs=1e-4)
        assert said["lost"] == said["float"] - said["dynamic"] and 0 < abs(said["lost"]) < 0.05
        assert f"| {said['dynamic']:.4f} |" in done.stdout
    again = tool("export", *flags, check=False)
    assert again.returncode == 1 and again.stderr.splitlines()[-1].startswith(f"error: {model} exists")


def test_onnx(lstm, tmp_path):
    from emotf.serving.onnx import OnnxNetwork

    model = tmp_path / "lstm.onnx"
    done = tool("export", f"--run={lstm.folder}", f"--out={model}", "--format=onnx", "--nopostprocess")
    assert f"takes a frame and the states before it; {model.stat().st_size:,} bytes" in done.stdout
    about = json.loads(model.with_suffix(".json").read_text())
    assert about["sha256"] == sha256(model) and about["scale_and_offset"] is None
    inputs = {part["name"]: np.ones(part["shape"], np.float32) for part in about["inputs"]}
    begun = {name: x if name == "gaze" else 0 * x for name, x in inputs.items()}
    found = OnnxNetwork(model.read_bytes())(begun)
    assert set(found) == {part["name"] for part in about["outputs"]} == {
        *TARGETS, *(f"next_{name}" for name in inputs if name != "gaze")
    }  # fmt: skip
    expected = lstm.network()({"gaze": begun["gaze"][:, None]}, training=False)
    for target in TARGETS:
        np.testing.assert_allclose(found[target], np.asarray(expected[target])[:, 0], atol=1e-5)


def test_without_records_nothing_is_measured(cer, tmp_path):
    run = tmp_path / "moved"
    shutil.copytree(cer.folder, run)
    config = read_json(run / "config.json")
    config["data"]["records"] = str(tmp_path / "none")
    write_json(run / "config.json", config)
    flags = [f"--run={run}", f"--out={tmp_path}/cer.tflite", "--format=tflite", "--quantise=dynamic"]
    done = tool("export", *flags, check=False)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].endswith("Or measure nothing: --measured_on=none.")
    tool("export", *flags, "--measured_on=none")
    about = json.loads((tmp_path / "cer.json").read_text())
    assert about["bytes"] < about["float_bytes"] and "ccc" not in about


def test_what_does_not_go_together(lstm, tmp_path):
    for flags, line in (
        (["--frames=20"], "error: --frames is not for --format=savedmodel; leave it out."),
        (["--format=tflite", "--live=no"], "error: --live is not for --format=tflite; leave it out."),
        (["--format=onnx", "--quantise=dynamic"], "error: --quantise is not for --format=onnx; leave it out."),
    ):
        done = tool("export", f"--run={lstm.folder}", f"--out={tmp_path}/model.tflite", *flags, check=False)
        assert done.returncode == 1 and done.stderr.splitlines()[-1] == line
    assert not list(tmp_path.iterdir())
