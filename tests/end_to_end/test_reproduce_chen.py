"""Tables of Chen & Jin 2015 as a user has them printed: on the twin of AVEC 2015, one epoch a run."""

import re

import pandas as pd
import pytest
from conftest import tool

TABLES = ("chen2015_table3", "chen2015_table6", "chen2015_table11")


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables_of_chen")
    tool("extract", "--corpus=avec", f"--twin={folder}/avec")
    return [
        f"--table={','.join(TABLES)}",
        "--smoke",
        f"--set=corpus.dir={folder}/avec",
        f"--set=data.records={folder}/records",
        f"--out={folder}/out",
    ]


@pytest.fixture(scope="module")
def done(flags):
    return tool("reproduce", *flags)


def test_three_tables_stand_beside_the_printed_figures(flags, done):
    out = flags[-1].removeprefix("--out=")
    for name, rows, printed in zip(TABLES, (12, 12, 6), ("0.703", "0.812", "0.8101"), strict=True):
        figures = pd.read_csv(f"{out}/{name}.csv", dtype=str, keep_default_na=False)
        assert (
            len(figures) == rows
            and (figures["ours"] != "").all()
            and printed in set(figures["printed: RECOLA (AVEC 2015)"])
        )
        assert f"{out}/{name}.md" in done.stdout.splitlines()
    assert done.stdout.count("OURS are of avec: SYNTHETIC TWIN") == 3
    assert done.stdout.count("PRINTED figures are of RECOLA (AVEC 2015)") == 3
    assert "| BLSTM | short-time audio | arousal | ccc     |" in done.stdout
    assert len(re.findall(r"^\| (?:arousal|valence): .* \| (?:holds|does not hold|undecided)", done.stdout, re.M)) == 6


def test_tables_share_their_runs_and_keep_them(flags, done):
    counts = re.findall(r"^(\d+) runs, (\d+) of them done$", done.stderr, re.MULTILINE)
    assert counts == [("4", "0"), ("4", "0"), ("2", "2")]
    again = tool("reproduce", *flags)
    assert again.stdout == done.stdout
    assert re.findall(r"^(\d+) runs, (\d+) of them done$", again.stderr, re.MULTILINE) == [
        ("4", "4"),
        ("4", "4"),
        ("2", "2"),
    ]


def test_all_tables_are_listed_with_what_they_need():
    listed = tool("reproduce", "--list").stdout
    lines = {line.split("|")[1].strip(): line for line in listed.splitlines() if line.startswith("| chen2015")}
    assert list(lines) == [f"chen2015_table{number}" for number in range(1, 13)]
    assert "facts only" in lines.pop("chen2015_table1") and all("| ready" in line for line in lines.values())
