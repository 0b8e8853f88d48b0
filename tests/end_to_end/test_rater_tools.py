"""From raters to a gold standard and its delay, as a user does it: a folder of ratings and one stream."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import tool

from emotf.tables import write_track
from emotf.track import Track

LAG = 0.5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Five recordings, three raters who follow channel 0 of the stream half a second later."""
    folder = tmp_path_factory.mktemp("rated")
    rng = np.random.default_rng(5)
    rows = ["id,subject,session"]
    for k in range(5):
        walk = np.cumsum(rng.normal(size=(710, 2)), axis=0)
        walk = 0.4 * (walk - walk.mean(axis=0)) / walk.std(axis=0)
        raters = walk[:700, :1] * [1.0, 0.8, 1.2] + [0.0, 0.1, -0.2] + 0.05 * rng.normal(size=(700, 3))
        write_track(folder / f"ratings/arousal/r{k}.csv", Track(raters, 0.1, channels=("ann", "bob", "eve")))
        write_track(folder / f"streams/face/r{k}.csv", Track(walk[5:705], 0.1, channels=("smile", "brow")))
        rows.append(f"r{k},s{k},{k}")
    (folder / "recordings.csv").write_text("\n".join(rows))
    return folder


def test_agreement_of_a_folder(corpus, tmp_path):
    done = tool("agreement", "--corpus=folder", f"--dir={corpus}", f"--out={tmp_path}", "--recording=r3", fresh=True)
    assert "arousal: 5 recordings, 3 raters, 100.0% rated" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "agreement.csv", "agreement.png", "fusions.csv", "raters.csv"
    ]  # fmt: skip
    written = pd.read_csv(tmp_path / "agreement.csv").set_index("recording")
    assert list(written.index) == ["r0", "r1", "r2", "r3", "r4", "pooled", "mean over recordings"]
    assert written.loc["pooled", "alpha"] > 0.95 and 0.5 < written.loc["pooled", "ccc"] < written.loc["pooled", "pcc"]


def test_fusion_and_delay_of_a_folder(corpus, tmp_path):
    config = "--config=configs/cer_mtl.py:folder,streams-face"
    flags = [config, f"--config.corpus.dir={corpus}", f"--config.data.records={tmp_path}/records"]
    tool("extract", *flags, "--fusion=ccc_centred")
    records = next((tmp_path / "records").glob("**/gold/schema.json"))
    assert json.loads(records.read_text())["made_by"] == {"fusion": "ccc_centred"}
    done = tool("delay", f"--records={records.parents[1]}", "--stream=face", "--longest=2", "--window=0.5",
                f"--out={tmp_path}/delay", fresh=True)  # fmt: skip
    written = pd.read_csv(tmp_path / "delay/delay.csv")
    assert written[written["best"]]["delay"].tolist() == [LAG, LAG]
    assert "flat" not in done.stdout and (tmp_path / "delay/delay.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("extract", ["--config=configs/cer_mtl.py:folder", "--fusion=median"], "mean|ewe|ccc_centred|normalised"),
        ("agreement", ["--corpus=foldr", "--dir=x"], "Did you mean 'folder'?"),
        ("agreement", ["--corpus=folder", "--dir=x"], "Corpus folder x is missing"),
        ("agreement", ["--corpus=folder", "--dir={corpus}", "--recording=r9"], "no recording 'r9'"),
        ("delay", ["--records=x", "--stream=face"], "holds no stream"),
    ],
)
def test_mistakes_end_in_one_line(corpus, name, flags, said):
    done = tool(name, *(flag.format(corpus=corpus) for flag in flags), check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ") and said in done.stderr.splitlines()[-1]
