"""Corpora of pictures, from a twin to shards and what is said of them, as a user does it."""

import pytest
from conftest import tool


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures") / "ferplus"
    done = tool("extract", "--corpus=ferplus", f"--twin={folder}", "--set=release=folders", "--seed=1")
    assert (
        done.stdout.startswith("SYNTHETIC twin of the layout of ferplus: ") and f" pictures in {folder}" in done.stdout
    )
    assert (folder / "FER2013Train" / "label.csv").is_file()
    return folder


def tables(text):
    """First cell of a row -> its other cells, of all tables."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


def test_pictures_are_written_kept_and_described(twin, tmp_path):
    flags = ["--images=ferplus", f"--dir={twin}", "--set=rule=probability"]
    shards = tmp_path / "shards"
    lines = tool("extract", *flags, f"--out={shards}").stdout.splitlines()
    assert lines[0] == "SYNTHETIC TWIN of the layout of ferplus: drawn pictures, nobody's judgement; rule: probability"
    assert [line.partition(":")[0] for line in lines[1:]] == ["train", "dev", "test", "pictures"]
    assert " pictures; left out: " in lines[1]
    assert lines[-1].startswith(f"pictures: {shards} (png, ") and lines[-1].endswith(" MiB in 3 files)")
    written = {path.name: path.stat().st_mtime_ns for path in shards.iterdir()}
    again = tool("extract", *flags, f"--out={shards}")
    assert again.stdout.splitlines() == lines and "all 3 files are there and whole, and are kept" in again.stderr
    assert {path.name: path.stat().st_mtime_ns for path in shards.iterdir()} == written

    told = tool("describe", f"--pictures={shards}").stdout
    read = tool("describe", *flags).stdout
    assert told.splitlines()[0] == read.splitlines()[0] == lines[0]
    assert tables(told) == tables(read)
    assert "48 x 48 x 1; png, " in told and f"read with dir={twin}, rule=probability" in told
    assert "48 x 48 x 1; not written yet, " in read
    pictures = [int(line.split()[1]) for line in lines[1:4]]
    assert tables(told)["all"] == [str(count) for count in pictures]
    assert tables(told)["class"] == ["train", "dev", "test"]


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("extract", ["--images=digits"], "--images needs --out, for example --out=work/pictures/digits"),
        ("extract", ["--images=ferpluss", "--out={out}"], "Did you mean 'ferplus'?"),
        ("extract", ["--images=ferplus", "--out={out}"], "needs the folder that holds it"),
        ("extract", ["--images=digits", "--out={out}", "--streams=mfcc39"], "--streams goes with --media, not with"),
        ("describe", ["--pictures={out}"], "holds no complete pictures; write them first"),
    ],
)
def test_mistakes_end_in_one_line_and_write_nothing(tmp_path, name, flags, said):
    done = tool(name, *(flag.format(out=tmp_path / "out") for flag in flags), check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and said in line
    assert not (tmp_path / "out").exists()
