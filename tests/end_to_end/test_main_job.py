"""The main job on synthetic data with planted traces, hop by hop."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SHARED, tool

from emotf.measures import ccc, pcc
from emotf.tables import read_track


def test_extraction_again_keeps_everything(synthetic):
    done = tool("extract", *synthetic)
    assert "gold: 0 recordings written, 20 kept; 3 channels, 20/s, gold" in done.stdout
    assert "mfcc39: 0 recordings written, 20 kept; 39 channels, 60/s, extracted" in done.stdout
    assert "body_euler24: 0 recordings written, 20 kept; 24 channels, 60/s, raw" in done.stdout


def test_planted_arousal_is_found_on_speakers_never_heard(trained):
    done = tool("evaluate", f"--run={trained}", fresh=True)
    scores = pd.read_csv(trained / "scores.csv")
    assert set(scores["pooling"]) == {"pooled", "mean over recordings"}
    assert set(scores["measure"]) == {"ccc", "pcc", "rmse", "mae", "sagr"} and set(scores["variance"]) == {"population"}
    arousal = scores[(scores.target == "arousal") & (scores.measure == "ccc") & (scores.pooling == "pooled")]
    assert arousal["value"].iloc[0] > 0.3
    assert "planted traces of a synthetic corpus, as rated by simulated raters; population variances" in done.stdout
    assert arousal["low"].iloc[0] < arousal["value"].iloc[0] < arousal["high"].iloc[0]
    pictures = [line for line in done.stdout.splitlines() if line.endswith(".png")]
    assert len(pictures) == 2 and all(Path(path).read_bytes().startswith(b"\x89PNG") for path in pictures)
    # the table is the score of the traces that were written
    golds, predictions = [], []
    for path in sorted((trained / "predictions" / "test").glob("*.csv")):
        gold = read_track(trained.parent / "corpus" / "ratings" / "arousal" / path.name)
        fused = np.nanmean(gold.values, axis=1)
        golds.append(np.append(fused[13:], np.full(13, np.nan)))  # 0.65 s of delay at 20/s
        predictions.append(read_track(path).select(["arousal"]).values[:, 0])
    assert len(golds) == 4
    assert ccc(np.concatenate(golds), np.concatenate(predictions)) == pytest.approx(arousal["value"].iloc[0], abs=1e-5)


def test_shuffled_gold_teaches_nothing(work, synthetic):
    """Two folds by two seeds pooled: a single fold of two recordings is too few independent seconds to be near 0."""
    golds, predictions = [], []
    for fold in (0, 2):
        run = work / f"control{fold}"
        overrides = ["--config.data.shuffled_gold=True", f"--config.data.fold={fold}", "--config.training.epochs=3"]
        tool("train", *synthetic, *overrides, f"--run={run}")
        tool("evaluate", f"--run={run}")
        for path in sorted((run / "predictions" / "test").glob("*.csv")):
            gold = np.nanmean(read_track(work / "corpus" / "ratings" / "arousal" / path.name).values, axis=1)
            golds.append(np.append(gold[13:], np.full(13, np.nan)))
            predictions.append(read_track(path).select(["arousal"]).values[:, 0])
    gold, prediction = np.concatenate(golds), np.concatenate(predictions)
    assert abs(ccc(gold, prediction)) <= 0.2
    assert pcc(gold, prediction) <= 0.3


def test_a_partition_that_chose_is_not_reported(trained):
    done = tool("evaluate", f"--run={trained}", "--partition=dev", check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: Partition 'dev' is no fair report")


def test_what_is_lost_without_a_modality(trained):
    flags = ["--plots=0", "--missing=mfcc39", "--missing=body_euler24+mfcc39:0.5", "--missing_seconds=2"]
    done = tool("evaluate", f"--run={trained}", *flags)
    rows = pd.read_csv(trained / "missing.csv").set_index(["missing", "target", "measure", "pooling"])
    assert len(rows) == 2 * 3 * 2 * 2
    for missing in ("mfcc39", "mfcc39+body_euler24:0.5"):
        arousal = rows.loc[(missing, "arousal", "ccc", "pooled")]
        assert arousal["low"] < arousal["loss"] < arousal["high"] and arousal["loss"] > 0.05
        assert f"{arousal['value']:.3f} | {arousal['loss']:+.3f} [" in done.stdout
        assert arousal["loss"] == pytest.approx(arousal["complete"] - arousal["value"])
        assert f"{arousal['complete']:.3f}" in done.stdout.partition("without streams")[0]  # the usual table
    refused = tool("evaluate", f"--run={trained}", "--missing=mel128:0.5", check=False)
    assert refused.returncode == 1 and refused.stdout == ""
    line = "error: Missing mel128:0.5: the run has no stream 'mel128', only mfcc39, body_euler24."
    assert refused.stderr.splitlines()[-1] == line


@pytest.fixture(scope="module")
def short(smoke):
    """Flags of a run of four short epochs of many batches."""
    training = ["--config.training.epochs=4", "--config.training.batch=64"]
    return [f"{smoke[0]},speech", *smoke[1:], "--config.data.targets=arousal,valence", *training]


@pytest.fixture(scope="module")
def whole(work, short):
    """What comes of such a run, uninterrupted."""
    tool("train", *short, f"--run={work / 'whole'}")
    return outcome(work / "whole")


def outcome(run):
    tool("evaluate", f"--run={run}")
    return (run / "history.csv").read_bytes(), (run / "scores.csv").read_bytes()


def test_same_seed_same_scores_other_seed_others(work, short, whole):
    tool("train", *short, f"--run={work / 'again'}")
    tool("train", *short, "--config.training.seed=1", f"--run={work / 'other'}")
    assert outcome(work / "again") == whole
    assert outcome(work / "other") != whole


KILLED = """
import os, signal
from emotf.training.state import Resume

def on_train_batch_end(self, batch, logs=None):
    if self.done == {epoch} and batch >= 9:
        os.kill(os.getpid(), signal.SIGKILL)

Resume.on_train_batch_end = on_train_batch_end
"""


def test_killed_in_the_middle_of_an_epoch_it_ends_as_if_not(work, short, whole):
    run = work / "killed"
    for epoch in (0, 2):
        done = tool("train", *short, f"--run={run}", before=KILLED.format(epoch=epoch), check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
        assert not (run / "FINISHED").exists()
    done = tool("train", *short, f"--run={run}")
    assert "going on after epoch 2" in done.stderr
    assert outcome(run) == whole
    assert not (run / "state.npz").exists()


def test_a_finished_run_is_left_alone_and_another_one_refused(work, short, whole):
    done = tool("train", *short, f"--run={work / 'whole'}")
    assert "is finished; nothing to do" in done.stderr
    done = tool("train", *short, "--config.model.gru_units=8", f"--run={work / 'whole'}", check=False)
    assert done.returncode == 1
    assert "another model.gru_units (5, asked for 8)" in done.stderr


LOADED = """
import json, sys
sys.modules["emotf"] = None
import numpy as np, tensorflow as tf
folder, inputs, outputs = sys.argv[1:]
model = tf.saved_model.load(folder).signatures["serving_default"]
with np.load(inputs) as images:
    found = model(**{name: tf.constant(images[name]) for name in images.files})
np.savez(outputs, **{name: value.numpy() for name, value in found.items()})
assert not any(name.startswith("emotf.") for name in sys.modules)
"""


def test_savedmodel_equals_predict_in_a_process_without_emotf(work, trained):
    from emotf.features.body_euler24 import BodyEuler24
    from emotf.features.mfcc39 import Mfcc39
    from emotf.recording import Recording

    folder = work / "savedmodel"
    tool("export", f"--run={trained}", f"--out={folder}", fresh=True)
    assert tool("export", f"--run={trained}", f"--out={folder}", check=False).returncode == 1
    media = {"audio": work / "corpus/Session1/audio/s1f01.wav", "body": work / "corpus/Session1/body/s1f01.csv"}
    trace = work / "trace.csv"
    tool("predict", f"--run={trained}", *(f"--media={m}={p}" for m, p in media.items()), f"--out={trace}", fresh=True)
    assert trace.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    predicted = read_track(trace)
    assert predicted.channels == ("arousal", "dominance", "valence")
    assert predicted.hop == pytest.approx(0.05)

    facts = json.loads((folder / "emotf.json").read_text())
    recording = Recording("r", "s", media)
    images = {}
    for feature, name in ((Mfcc39(), "mfcc39"), (BodyEuler24(), "body_euler24")):
        values = feature.extract(recording).values
        centres = np.floor(predicted.times * 60 + 0.5 + 1e-6).astype(int)
        frames = centres[:, None] + np.array(facts["streams"][name]["offsets"])
        images[name] = values[np.clip(frames, 0, len(values) - 1)]
    np.savez(work / "images.npz", **images)
    arguments = [folder, work / "images.npz", work / "served.npz"]
    subprocess.run([sys.executable, "-c", LOADED, *map(str, arguments)], check=True, capture_output=True, timeout=300)
    with np.load(work / "served.npz") as served:
        for target in predicted.channels:
            np.testing.assert_allclose(served[target], predicted.select([target]).values[:, 0], atol=1e-5)

    cli = [str(shutil.which("saved_model_cli", path=str(ROOT / ".venv/bin")) or "saved_model_cli")]
    common = ["--dir", str(folder), "--tag_set", "serve", "--signature_def", "serving_default"]
    shown = subprocess.run([*cli, "show", *common], check=True, capture_output=True, text=True, timeout=300)
    assert "shape: (-1, 20, 39)" in shown.stdout
    inputs = ";".join(f"{name}={work}/images.npz[{name}]" for name in images)
    ran = subprocess.run([*cli, "run", *common, "--inputs", inputs, "--outdir", str(work)], check=True,
                         capture_output=True, text=True, timeout=300)  # fmt: skip
    assert "Result for output key arousal" in ran.stdout
    np.testing.assert_allclose(np.load(work / "arousal.npy"), predicted.values[:, 0], atol=1e-5)


def test_prediction_needs_the_media_of_the_run(work, trained):
    done = tool("predict", f"--run={trained}", f"--media={work}/corpus/Session1/audio/s1f01.wav", check=False)
    assert done.returncode == 1
    assert "This run reads audio and body; name each file" in done.stderr


@pytest.mark.parametrize("modality", ["speech", "body"])
def test_every_mix_of_streams_trains(work, smoke, modality):
    flags = [f"{smoke[0]},{modality}", *smoke[1:]]
    run = work / modality
    tool("train", *flags, "--config.training.epochs=1", f"--run={run}")
    shown = tool("describe", f"--run={run}", fresh=True).stdout
    kind = {"speech": "stream mfcc39: 39 channels, extracted", "body": "stream body_euler24: 24 channels, raw"}
    assert kind[modality] in shown


def test_runs_are_fused_and_a_fusion_is_fused_again(work, synthetic, trained):
    run, fused = work / "fused_speech", work / "fusions/first"
    flags = [f"{synthetic[0]},speech", *synthetic[1:]]
    tool("train", *flags, "--config.training.epochs=2", f"--run={run}")
    done = tool("fuse", f"--runs={trained},{run}", f"--out={fused}", "--threshold=-1", fresh=True)
    assert "| arousal   | trained      |" in done.stdout and "held out: fusion" in done.stdout
    assert (fused / "weights.png").read_bytes().startswith(b"\x89PNG")
    tree = json.loads((fused / "fusion.json").read_text())
    assert len(tree["fitted_on"]["recordings"]) == 3 and set(tree["sources"]) == {"trained", "fused_speech"}
    tool("fuse", f"--runs={fused},{trained}", f"--out={work}/fusions/second", "--threshold=-1", "--method=ridge")
    refused = tool("fuse", f"--runs={trained},{trained}", f"--out={work}/fusions/third", check=False)
    assert refused.returncode == 1 and "Two systems have one name" in refused.stderr


def test_compare_runs_what_is_missing_and_prints_the_table(work, smoke):
    out = work / "compare"
    flags = [*smoke, "--config.training.epochs=1"]
    done = tool("compare", *flags, f"--out={out}", "--folds=0", fresh=True)
    assert "4 runs, 0 of them done" in done.stderr
    assert "| arousal   | pooled " in done.stdout
    assert "5245 (15735)" in done.stdout and "6235 |" in done.stdout
    for name in ("comparison.md", "comparison.csv", "learning.csv", "comparison.png"):
        assert (out / name).stat().st_size > 100
    again = tool("compare", *flags, f"--out={out}", "--folds=0")
    assert "4 runs, 4 of them done" in again.stderr
    assert again.stdout == done.stdout


def test_a_folder_corpus_by_hand_goes_through(work, synthetic):
    """Two recordings (real ones where they are at hand), two rating files: extract, train for one epoch, predict."""
    real = sorted((SHARED / "emodb" / "original_16k").glob("*.wav"))
    sources = (real or sorted((work / "corpus").rglob("*.wav")))[:2]
    corpus = work / "mine"
    (corpus / "sound").mkdir(parents=True)
    (corpus / "ratings" / "liking").mkdir(parents=True)
    rows = ["id,subject,partition,audio"]
    for name, partition, source in zip(("one", "two"), ("train", "dev"), sources, strict=True):
        shutil.copy(source, corpus / "sound" / f"{name}.wav")
        rows.append(f"{name},{name},{partition},sound/{name}.wav")
        lines = [f"{k / 10},{np.sin(k / 3):.3f},{np.sin(k / 3) + 0.1:.3f}" for k in range(14)]
        (corpus / "ratings" / "liking" / f"{name}.csv").write_text("\n".join(["time,ann,bob", *lines]))
    (corpus / "recordings.csv").write_text("\n".join(rows))
    flags = ["--config=configs/cer_mtl.py:folder", f"--config.corpus.dir={corpus}"]
    flags += [f"--config.data.records={work}/records"]
    tool("extract", *flags)
    tool("train", *flags, "--config.training.epochs=1", f"--run={work}/mine_run")
    tool("predict", f"--run={work}/mine_run", f"--media={sources[0]}", f"--out={work}/mine.csv")
    assert read_track(work / "mine.csv").channels == ("liking",)


def test_precomputed_streams_are_predicted_as_they_were_extracted_and_moved_subjects_end_a_run(work):
    """A stream.json beside the corpus's arrays counts for a user's own file too, which has none beside it."""
    corpus, rng = work / "gazes", np.random.default_rng(0)
    for folder in ("ratings/liking", "streams/gaze"):
        (corpus / folder).mkdir(parents=True)
    for k in range(3):
        lines = [f"{i / 10},{value:.3f}" for i, value in enumerate(rng.normal(size=100))]
        (corpus / f"ratings/liking/r{k}.csv").write_text("\n".join(["time,gold", *lines]))
        np.save(corpus / f"streams/gaze/r{k}.npy", rng.normal(size=(600, 2)))
    (corpus / "streams/gaze/stream.json").write_text('{"rate_hz": 60, "kind": "raw", "channels": ["yaw", "pitch"]}')
    (corpus / "recordings.csv").write_text("id,subject,session\nr0,a,0\nr1,b,1\nr2,c,2\n")
    flags = ["--config=configs/cer_mtl.py:folder,streams-gaze", f"--config.corpus.dir={corpus}"]
    flags += [f"--config.data.records={work}/gaze_records"]
    assert "gaze: 3 recordings written, 0 kept; 2 channels, 60/s, raw" in tool("extract", *flags).stdout
    run = work / "gaze_run"
    tool("train", *flags, "--config.training.epochs=1", f"--run={run}")
    np.save(work / "other.npy", np.zeros((600, 2)))
    tool("predict", f"--run={run}", f"--media={work}/other.npy", f"--out={work}/gaze.csv")
    assert read_track(work / "gaze.csv").frames == 100

    # subjects that change sessions would put what was trained on into test
    (corpus / "recordings.csv").write_text("id,subject,session\nr0,a,1\nr1,b,0\nr2,c,2\n")
    tool("extract", *flags)
    done = tool("evaluate", f"--run={run}", check=False)
    assert done.returncode == 1
    assert "was trained on other records" in done.stderr.splitlines()[-1]


def test_postprocessing_is_fitted_on_development_and_applied_to_test_and_to_media(work, trained):
    done = tool("postprocess", f"--run={trained}", "--steps=smoothing:direction=backward,centring,scaling", fresh=True)
    assert "fitted on development" in done.stdout and "backward" in done.stdout
    learned = json.loads((trained / "postprocessing.json").read_text())
    assert learned["fitted_on"] == "dev" and set(learned["targets"]) == {"arousal", "dominance", "valence"}
    for chain in learned["targets"].values():
        assert [item["step"]["part"] for item in chain] == [
            f"postprocessing/{s}" for s in ("smoothing", "centring", "scaling")
        ]
    raw, after = (pd.read_csv(trained / name) for name in ("scores.csv", "postprocessed.csv"))
    assert set(after["partition"]) == {"test"} and "test" in set(raw["partition"])
    refused = tool("postprocess", f"--run={trained}", "--partition=dev", check=False)
    assert refused.returncode == 1 and "'dev' is no fair report" in refused.stderr

    media = [
        f"--media=audio={work}/corpus/Session1/audio/s1f01.wav",
        f"--media=body={work}/corpus/Session1/body/s1f01.csv",
    ]
    tool("predict", f"--run={trained}", *media, "--postprocess", f"--out={work}/smooth.csv")
    made, kept = read_track(work / "smooth.csv"), read_track(trained / "postprocessed/test/s1f01.csv")
    frames = min(made.frames, kept.frames)
    np.testing.assert_allclose(
        made.values[: frames - 200], kept.select(made.channels).values[: frames - 200], atol=0.02
    )
