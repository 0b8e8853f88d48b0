"""tools/continual.py as a user runs it: seconds on real digits, taken up again, refused in one line."""

import pandas as pd
import pytest
from conftest import tool

SMOKE = "--config=configs/continual.py:smoke"


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    out = tmp_path_factory.mktemp("continual")
    done = tool("continual", SMOKE, f"--out={out}", fresh=True)
    assert "Continual learning on digits: 2 tasks of 2 classes, test" in done.stdout
    assert "bodies and their classifiers: 2 of 2" in done.stderr
    return out


def test_a_report_is_written_and_runs_are_kept(out):
    names = {path.name for path in out.iterdir()}
    assert names >= {"continual.md", "continual.html", "continual.tex", "continual.csv", "all_classes", "first_task"}
    table = pd.read_csv(out / "continual.csv")
    last = table[(table["on"] == "all") & (table["after"] == 2)].set_index(["body", "rule"])
    assert last.loc[("first_task", "balanced"), "outputs"] == 5 and last.loc[("first_task", "joint"), "outputs"] == 4
    again = tool("continual", SMOKE, f"--out={out}", "--config.rules=balanced,clahe,alpha-0.2")
    assert "bodies" not in again.stderr
    assert "| alpha-0.2" in again.stdout and "| pruned" not in again.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config=configs/continual.py:letters"], "No corpus 'letters' in this recipe"),
        (["--config=configs/continual.py:emnist"], "'emnist' needs the folder that holds it"),
        (["--config=configs/continual.py:digits,unknown-class"], "take all 10 classes of digits"),
        ([SMOKE, "--config.tasks.cont=3"], "has no field 'cont'. Did you mean 'count'?"),
        (["--config=configs/cer_mtl.py:synthetic"], "take configs/continual.py:digits"),
    ],
)
def test_mistakes_are_one_line(tmp_path, flags, message):
    assert message in refused(*flags, f"--out={tmp_path}")


def test_a_folder_of_other_settings_is_left_alone(out):
    said = refused(SMOKE, f"--out={out}", "--config.training.epochs=3")
    assert "made with other settings (training.epochs)" in said


def refused(*flags):
    """The one line that a tool leaves with."""
    done = tool("continual", *flags, check=False)
    line = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and line.startswith("error: ")
    return line
