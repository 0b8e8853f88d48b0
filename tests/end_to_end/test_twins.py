"""Twins of published layouts, written and examined as a user does it."""

import json

import pytest
from conftest import tool

from emotf.corpora.recola import Recola


@pytest.fixture(scope="module")
def avec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twins") / "avec"
    done = tool("extract", "--corpus=avec", f"--twin={folder}")
    assert done.stdout.startswith(f"SYNTHETIC twin of the layout of avec: 9 recordings in {folder}")
    return folder


def test_a_twin_says_what_it_is_and_is_small(avec):
    assert "SYNTHETIC" in (avec / "TWIN.txt").read_text()
    assert sum(path.stat().st_size for path in avec.rglob("*") if path.is_file()) < 30e6
    assert len(list(avec.glob("features_*/*.arff"))) == 45 and len(list(avec.glob("recordings_audio/*.wav"))) == 9


def test_a_twin_is_examined(avec):
    lines = tool("describe", "--corpus=avec", f"--dir={avec}").stdout.splitlines()
    assert lines[0].startswith("note   TWIN.txt") and "SYNTHETIC TWIN" in lines[0]
    widths = {"audio": 102, "video_appearance": 84, "video_geometric": 316, "ecg": 54, "eda": 62}
    for medium, width in widths.items():
        (line,) = [line for line in lines if line.startswith(f"ok     features_{medium}, tables")]
        assert f"{width} channels; 501 rows" in line
    (line,) = [line for line in lines if "ratings of arousal" in line]
    assert "9 recordings; raters 1; rows 501; 25 a second" in line
    (line,) = [line for line in lines if line.startswith("ok     recordings  ")]
    assert "dev (3), test (3), train (3)" in line


def test_what_is_missing_ends_with_exit_code_1(avec):
    gold = avec / "ratings_gold_standard" / "valence" / "dev_1.arff"
    aside = gold.rename(gold.with_suffix(".aside"))
    try:
        done = tool("describe", "--corpus=avec", f"--dir={avec}", check=False)
    finally:
        aside.rename(gold)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"-> {gold} is missing, but" in done.stdout
    assert done.stderr.strip().splitlines()[-1].startswith("error: 1 of ")


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("extract", ["--corpus=avec", "--twin={avec}"], "is not an empty folder; choose another"),
        ("extract", ["--twin={avec}"], "--twin needs --corpus"),
        ("extract", ["--corpus=avec", "--twin={avec}", "--workers=2"], "--workers goes with --config and --media, not"),
        ("extract", ["--corpus=avce", "--twin={avec}"], "Did you mean 'avec'?"),
        ("extract", ["--corpus=folder", "--twin={avec}"], "'folder' has no twin"),
        ("extract", [], "Give one of --config, --media, --images, --twin; received none"),
        ("describe", ["--corpus=avec", "--dir={avec}", "--set=windows=arousal"], "Did you mean 'window'?"),
        ("describe", ["--corpus=avec", "--dir={avec}", "--set=unrated=maybe"], "cannot be 'maybe'; it is of type bool"),
        ("describe", ["--corpus=avec", "--dir={avec}", "--set=window=valence"], "stand in the way: corpus"),
        ("describe", ["--corpus=recola"], "stand in the way: corpus"),
        ("describe", [], "Give one of --records, --run, --corpus, --pictures, --images; received none"),
    ],
)
def test_mistakes_end_in_one_line(avec, name, flags, said):
    done = tool(name, *(flag.format(avec=avec) for flag in flags), check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and said in line


def test_another_layout_is_described_by_settings(tmp_path):
    tool("extract", "--corpus=creativeit", f"--twin={tmp_path}/twin", "--seed=3")
    settings = [
        "naming=(?P<session>S\\d+)/(?P<recording>\\w+?)_(?P<actor>[A-Z]\\d+)(_(?P<rater>ann\\d+))?[.]",
        "media=audio=sound/*/*.wav,body=motion/*/*.csv",
        "traces=ratings/*/*.csv",
        "columns=time=Time,activation=Activation",
    ]
    done = tool("describe", "--corpus=creativeit", f"--dir={tmp_path}/twin", *(f"--set={one}" for one in settings))
    assert "unverified layout" in done.stdout and "6 recordings; raters 3; rows 400; 20 a second" in done.stdout


def test_the_recipe_of_recola_runs_on_its_twin(tmp_path):
    """Speech, and action units, pose and flow of a drawn face with tables beside its videos, by the tools."""
    Recola().write_twin(tmp_path / "twin", duration=8.0)
    flags = [
        "--config=configs/cer_mtl.py:recola",
        f"--config.corpus.dir={tmp_path}/twin",
        f"--config.data.records={tmp_path}/records",
    ]
    tool("extract", *flags)
    schema = json.loads((tmp_path / "records" / "recola" / "facial_attributes" / "schema.json").read_text())
    assert schema["channels"][:1] == ["AU01_r"] and schema["channels"][17:19] == ["yaw", "pitch"]
    run = tmp_path / "run"
    tool("train", *flags, "--config.training.epochs=2", f"--run={run}")
    config = json.loads((run / "config.json").read_text())
    assert config["window"]["stride"] == pytest.approx(1 / 6)
    done = tool("evaluate", f"--run={run}")
    assert "arousal" in done.stdout and "valence" in done.stdout
