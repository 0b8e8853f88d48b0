"""ARFF as it circulates, and what is no ARFF."""

import numpy as np
import pytest
from real_data import DATA, needs_data

from emotf.arff import arff_shape, read_arff, write_arff
from emotf.errors import UserError
from emotf.features.precomputed import Precomputed
from emotf.recording import Recording
from emotf.tables import read_track

REAL = DATA / "recola_gold" / "templateGS.arff"
HEAD = "@relation R\n@attribute name string\n@attribute frameTime numeric\n@attribute a numeric\n@attribute b numeric\n"
ROWS = "x,0,1,2\nx,0.04,?,4\nx,0.08,5,-6.5e-1\n"


@pytest.fixture
def arff(tmp_path):
    """Writes an ARFF file and returns its path."""

    def write(text, name="t.arff"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}@data\n{ROWS}",
        f"{HEAD}\n\n@data\n\n{ROWS}\n\n".replace("\n", "\r\n"),
        f"\ufeff% made by hand\n\n{HEAD}% more\n@DATA\n{ROWS}% the end\n",
        HEAD.replace("@relation", "@RELATION").replace("@attribute", "@Attribute").replace("numeric", "REAL")
        + f"@DATA\n{ROWS}",
        HEAD.replace(" a ", " 'a' ").replace(" b ", '\t" b "\t') + "@data\n" + ROWS.replace("x,", "'x', "),
        HEAD.replace("frameTime", "timestamp") + f"@data\n{ROWS}",
        HEAD.replace("name string", "Instance_name string").replace("frameTime", "TimeStamp") + f"@data\n{ROWS}",
        HEAD + "@attribute class {no,'may be'}\n@data\n" + ROWS.replace("\n", ",'may be'\n"),
        HEAD + "@attribute class numeric\n@data\n" + ROWS.replace("\n", ",?\n"),
        HEAD + '@attribute class string\n@data\n' + ROWS.replace("\n", ',"one, two"\n'),
        (HEAD + "@data\n" + ROWS).replace(",", " , "),
    ],
    ids=["plain", "crlf and blanks", "bom and comments", "upper case", "quotes", "timestamp", "Instance_name",
         "nominal", "class ?", "comma in quotes", "blanks around commas"],
)  # fmt: skip
def test_what_circulates_is_read_alike(arff, text):
    track = read_track(arff(text))
    assert track.channels == ("a", "b") and track.hop == 0.04 and track.start == 0
    np.testing.assert_array_equal(track.values, np.float32([[1, 2], [np.nan, 4], [5, -0.65]]))


def test_a_column_of_question_marks_is_missing_throughout(arff):
    track = read_track(arff(HEAD + "@data\nx,0,?,2\nx,0.04,?,4\n"))
    assert np.isnan(track.values[:, 0]).all() and track.values[:, 1].tolist() == [2, 4]


def test_the_suffix_may_be_in_capitals(arff):
    assert read_track(arff(f"{HEAD}@data\n{ROWS}", "T.ARFF")).channels == ("a", "b")


def test_columns_are_taken_by_name_and_a_rate_stands_in_for_times(arff):
    path = arff("@relation r\n@attribute word string\n@attribute a numeric\n@data\nyes,1\nno,2\n")
    assert read_track(path, ["a"], rate_hz=50).hop == 0.02
    with pytest.raises(UserError, match=r"t\.arff, column 'word', row 5: 'yes' is not a number"):
        read_track(path, rate_hz=50)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \r\n\n", "is empty"),
        (HEAD, "has no line '@data'"),
        (HEAD + "@data\n\n% nothing\n", "has a header and no rows"),
        ("@relation r\n@data\n1,2\n", "line 2: '@data' without any '@attribute'"),
        ("time,a\n0,1\n", "line 1: 'time,a' does not belong into the header"),
        ("@attribute lonely\n@data\n1\n", "line 1: '@attribute lonely' is no attribute"),
        (HEAD + "@data\nx,0,1,2\nx,0.04,1\n", "line 8: 3 cells where 4 attributes are declared"),
        (HEAD + "@data\nx,0,1,2\nx,0,04,1,2\n", "line 8: 5 cells where 4 .*decimal commas"),
        (HEAD + "@data\n'a, b',0,1,2,3\n", "line 7: 5 cells where 4"),
        (HEAD + "@data\n{1 0, 2 5}\n", "line 7: a sparse row"),
        (HEAD + "@data\n\nx,0,1,2\n\nx,0.04,high,2\n", "column 'a', row 10: 'high' is not a number"),
        (HEAD + "@data\nx,0,1,2\nx,?,1,2\nx,0.08,1,2\n", "row 8: the time is missing"),
        (HEAD + "@data\nx,0,1,2\n\n\nx,0,1,2\nx,0.08,1,2\n", "row 10: time 0 does not come after 0"),
        (HEAD.replace(" b ", " a ") + "@data\nx,0,1,2\n", "two columns 'a'"),
        (HEAD + "@data\n'x,0,1,2\nx',0,1,2\n", "line 7: 1 cells where 4"),
        ("@attribute a string\n@data\n'1\n2\n3'\n", "3 lines of data are 1 rows; a quote is not closed"),
        (HEAD.encode() + b"@data\nJos\xe9,0,1,2\n", "is not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_arff_is_refused_in_one_line(arff, text, message):
    with pytest.raises(UserError, match=message) as error:
        read_track(arff(text))
    assert "t.arff" in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path):
    for read in (read_arff, arff_shape, read_track):
        with pytest.raises(UserError, match=r"t\.arff (is missing|cannot be read)"):
            read(tmp_path / "t.arff")


def test_shape_counts_rows_and_channels_without_reading_numbers(arff):
    assert arff_shape(arff(HEAD + "\n@data\n\nx,0,a,2\n% no row\nx,0.04,b\n")) == (2, ("a", "b"))


def test_written_tables_come_back(tmp_path):
    times = np.arange(7501) / 25
    write_arff(tmp_path / "t.arff", "GOLDSTANDARD", "dev_1", times, {"GoldStandard": ["0.5", "?", *["-0.25"] * 7499]})
    content = (tmp_path / "t.arff").read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") and b"@data\r\n\r\ndev_1,0,0.5\r\ndev_1,0.04,?\r\n" in content
    track = read_track(tmp_path / "t.arff")
    assert (track.frames, track.hop, track.end) == (7501, 0.04, 300.0)
    assert track.values[0] == 0.5 and np.isnan(track.values[1]) and (track.values[2:] == -0.25).all()


@pytest.mark.parametrize(("gaps", "rows"), [(True, [[1, 2], [0, 0], [5, -0.65]]), (False, None)])
def test_missing_values_of_a_stream_are_gaps_only_where_asked(arff, gaps, rows):
    feature = Precomputed("face", gaps=gaps)
    recording = Recording("r1", "s1", media={"face": arff(f"{HEAD}@data\n{ROWS}")})
    assert feature.gaps is gaps
    if gaps:
        np.testing.assert_array_equal(feature.extract(recording).values, np.float32(rows))
    else:
        with pytest.raises(UserError, match=r"1 of 6 values are NaN or infinite, first 'a' at 0\.04 s"):
            feature.extract(recording)


def test_infinite_values_are_no_gaps(arff):
    recording = Recording("r1", "s1", media={"face": arff(f"{HEAD}@data\n{ROWS.replace('5,', 'inf,')}")})
    with pytest.raises(UserError, match="1 of 6 values are NaN or infinite"):
        Precomputed("face", gaps=True).extract(recording)


@needs_data
def test_a_real_gold_standard():
    track = read_track(REAL)
    assert (track.frames, track.hop, track.start, track.end) == (7501, 0.04, 0.0, 300.0)
    rows = [line.split(",") for line in REAL.read_text().split() if line.startswith("dev_1")]
    np.testing.assert_array_equal(track.values[:, 0], np.float32([value for _, _, value in rows]))
    assert arff_shape(REAL) == (7501, ("GoldStandard",))
