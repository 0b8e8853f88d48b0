"""The LSTM system on twins of AVEC 2015 and RECOLA: streams, runs, smoothing, late fusion; all of it by one plan."""

import json
import re

import pandas as pd
import pytest
from conftest import tool

RECIPE = "configs/avec2015_lstm.py"
SECONDS = ["--config.training.epochs=2", "--config.training.jit_compile=False", "--config.data.targets=arousal"]

# corpus -> streams (those of the system first), the widths of two of them, and what those two are
CORPORA = {
    "avec": ("audio_long+video_geo+ecg+audio_short", {"audio_long": 102, "ecg": 54}, {"precomputed"}),
    "recola": ("audio_short+audio_long+ecg+eda", {"audio_short": 76, "eda": 62}, {"is10_lld76", "eda62"}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("system")


@pytest.fixture(scope="module", params=CORPORA)
def twin(folder, request):
    """A corpus with its records: name, what extraction said, and the flags that say where they are."""
    name, place = request.param, folder / request.param
    tool("extract", f"--corpus={name}", f"--twin={place}")
    flags = [f"--config.corpus.dir={place}", f"--config.data.records={folder}/records"]
    done = tool("extract", f"--config={RECIPE}:{name},streams-{CORPORA[name][0]}", *flags)
    return name, done, flags


@pytest.fixture(scope="module")
def runs(folder, twin):
    """A run on each of two streams: folders."""
    name, _, flags = twin
    found = {stream: folder / f"{name}_{stream}" for stream in CORPORA[name][1]}
    for stream, run in found.items():
        config = f"--config={RECIPE}:{name},streams-{stream},ccc"
        tool("train", config, *flags, *SECONDS, "--config.model.units=(8,)", f"--run={run}")
    return found


def test_all_streams_are_extracted_with_their_widths(twin):
    name, done, _ = twin
    streams, widths, _ = CORPORA[name]
    lines = {line.split(":")[0]: line for line in done.stdout.splitlines()}
    assert {*streams.split("+"), "gold"} <= set(lines)
    for stream in streams.split("+"):
        assert "9 recordings written, 0 kept" in lines[stream] and "25/s, extracted" in lines[stream]
    for stream, width in widths.items():
        assert f" {width} channels" in lines[stream]
    assert " 2 channels, 25/s, gold" in lines["gold"]


def test_runs_are_the_papers_network_in_small(twin, runs):
    for stream, run in runs.items():
        about, config = (json.loads((run / f"{name}.json").read_text()) for name in ("about", "config"))
        assert list(about["streams"]) == [stream] and about["standardisation"] == "subject"
        assert {name: len(ids) for name, ids in about["partitions"].items()} == {"train": 3, "dev": 3, "test": 3}
        channels = CORPORA[twin[0]][1][stream]
        # gates, peepholes, and the linear output: 4 (C + 8 + 1) 8 + 3 x 8 + 9
        assert about["parameters"] == 32 * (channels + 9) + 24 + 9
        assert config["model"]["part"] == "models/lstm" and config["training"]["optimizer"]["clip_norm"] == 1.0
        assert len(pd.read_csv(run / "history.csv")) == 2
    made_by = [json.loads((run / "about.json").read_text())["streams"][stream]["made_by"]["part"]
               for stream, run in runs.items()]  # fmt: skip
    assert set(made_by) == CORPORA[twin[0]][2]


def test_runs_are_smoothed_fused_and_scored(folder, twin, runs):
    first, second = runs.values()
    scored = tool("evaluate", f"--run={first}", "--variance=sample", "--plots=1")
    smoothed = tool("postprocess", f"--run={second}", "--steps=smoothing")
    out = folder / f"{twin[0]}_fused"
    fused = tool("fuse", f"--runs={first},{second}", f"--out={out}", "--threshold=-1")
    for done in (scored, smoothed, fused):
        assert "SYNTHETIC TWIN" in done.stdout
    parts = json.loads((first / "about.json").read_text())["partitions"]
    picture = first / "predictions" / "test" / f"{parts['test'][0]}.png"
    assert "sample variances" in scored.stdout and str(picture) in scored.stdout and picture.is_file()
    (step,) = json.loads((second / "postprocessing.json").read_text())["targets"]["arousal"]
    assert step["step"]["part"] == "postprocessing/smoothing" and step["after"] >= step["before"]
    content = json.loads((out / "fusion.json").read_text())
    assert list(content["targets"]["arousal"]["weights"]) == [first.name, second.name]
    assert content["fitted_on"] == {"partition": "dev", "recordings": sorted(parts["dev"])[:2]}
    assert (out / "weights.png").is_file()
    scores = pd.read_csv(out / "scores.csv")
    assert set(scores["target"]) == {"arousal"} and set(scores["recordings"]) == {3} and scores["value"].notna().all()


# ---- by one plan -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flags(folder):
    """A tiny system; its twin is that of the runs, where they came first."""
    place = folder / "avec"
    if not place.exists():
        tool("extract", "--corpus=avec", f"--twin={place}")
    return [
        f"--config={RECIPE}:system,avec,streams-audio_long+ecg",
        f"--config.experiment.corpus.dir={place}",
        f"--config.experiment.data.records={folder}/records_of_system",
        "--config.experiment.data.targets=arousal",
        "--config.experiment.training.epochs=1",
        "--config.experiment.training.jit_compile=False",
        "--config.sizes=u4,u6x4",
        "--config.losses=mse,ccc",
        "--config.concatenated=u6x4",
        "--config.layered_units=4",
        "--config.threshold=-1",
        f"--out={folder}/system",
    ]


@pytest.fixture(scope="module")
def system(folder, flags):
    return tool("assemble", *flags, fresh=True)


RUNS = 2 * 2 + 2 + 2  # sizes, the other loss at the chosen size, early fusion both ways


def test_a_system_is_built_and_reported(folder, system):
    out = folder / "system"
    text = (out / "system.md").read_text()
    assert text.startswith("SYNTHETIC TWIN of the layout of avec") and text in system.stdout
    for name in ("choices.csv", "scores.csv", "system.png"):
        assert f"{out}/{name}" in system.stdout.splitlines() and (out / name).stat().st_size
    assert len(list((out / "runs").glob("*/FINISHED"))) == RUNS
    choices = pd.read_csv(out / "choices.csv")
    sizes = choices[choices["what"] == "size of ecg"]
    assert sizes["tried"].tolist() == ["ecg u4 mse", "ecg u6x4 mse"] and sizes["taken"].sum() == 1
    scores = pd.read_csv(out / "scores.csv")
    assert set(scores["partition"]) == {"test"} and scores["chosen"].nunique() == 1
    # late fusion, fused again, both early ones, and two losses of each of two streams
    assert scores["candidate"].nunique() == 4 + 4
    chosen = scores["chosen"].iloc[0]
    assert f"| **{chosen}**" in text and f"arousal: {chosen} ({out}/" in system.stdout
    config = json.loads(next((out / "runs").glob("arousal_layered_*/config.json")).read_text())
    assert config["model"]["layers"] == ["audio_long", "ecg"] and config["model"]["units"] == [4]


def test_a_system_that_is_there_is_not_built_again(folder, flags, system):
    runs = folder / "system" / "runs"
    before = {path: path.stat().st_mtime_ns for path in runs.glob("*/[!p]*")}  # post-processing is done anew
    done = tool("assemble", *flags)
    assert {path: path.stat().st_mtime_ns for path in runs.glob("*/[!p]*")} == before
    counts = re.findall(r"^(\d+) runs, (\d+) of them done$", done.stderr, re.MULTILINE)
    assert counts == [("4", "4"), ("4", "4"), ("2", "2")] and done.stdout == system.stdout


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        (
            "train",
            [f"--config={RECIPE}:system,avec", "--run={out}"],
            "asks for a whole system, which tools/assemble.py",
        ),
        ("assemble", [f"--config={RECIPE}:avec", "--out={out}"], "describes one experiment, no whole system; try"),
        (
            "assemble",
            [f"--config={RECIPE}:system,avec", "--config.sizes=160", "--out={out}"],
            "write the units of each",
        ),
    ],
)
def test_a_plan_where_there_is_none_ends_in_one_line(tmp_path, name, flags, said):
    done = tool(name, *(flag.format(out=tmp_path / "out") for flag in flags), check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr and not done.stdout
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and said in line
    assert not (tmp_path / "out").exists()
