import numpy as np
import pandas as pd
import pytest

from emotf.errors import UserError
from emotf.tables import read_track, write_track
from emotf.track import Track


@pytest.fixture
def table(tmp_path):
    """Writes a CSV and returns its path."""

    def write(text, name="t.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def lines(times, values=None, decimals=3):
    values = range(len(times)) if values is None else values
    return "time,a\n" + "".join(f"{t:.{decimals}f},{v}\n" for t, v in zip(times, values, strict=True))


# ---- what is read ----------------------------------------------------------------------------------------------------


def test_a_table_becomes_a_track(table):
    found = read_track(table(" time , a ,b\n1.0,0.5,\n1.5,,2\n2.0,1,3\n"))
    assert found.channels == ("a", "b") and found.hop == 0.5 and found.start == 1.0
    np.testing.assert_array_equal(found.values, [[0.5, np.nan], [np.nan, 2], [1, 3]])


def test_columns_are_taken_by_name(table):
    path = table("time,a,b,note\n0,1,2,x\n1,3,4,y\n")
    found = read_track(path, columns=["b", "a"])
    assert found.channels == ("b", "a") and found.values.tolist() == [[2, 1], [4, 3]]
    with pytest.raises(UserError, match=r"has no column 'c'; it has: time, a, b, note"):
        read_track(path, columns=["c"])


def test_a_column_that_is_empty_throughout_is_unrated(table):
    assert np.isnan(read_track(table("time,a,b\n0,1,\n1,3,\n")).values[:, 1]).all()


@pytest.mark.parametrize("decimals", [3, 4, 5, 6])
@pytest.mark.parametrize("rate", [25, 30, 60, 100])
@pytest.mark.parametrize("frames", [10, 1000])
def test_printed_times_give_the_exact_rate(table, rate, decimals, frames):
    found = read_track(table(lines(5 + np.arange(frames) / rate, decimals=decimals)))
    assert found.hop == 1 / rate and found.start == 5 and found.frames == frames


@pytest.mark.parametrize("hop", [0.08, 0.4, 2.5, 1001 / 30_000])
@pytest.mark.parametrize("frames", [2, 4, 1000])
def test_rates_that_are_no_whole_number_stay_what_they_are(table, hop, frames):
    assert read_track(table(lines(np.arange(frames) * hop, decimals=9))).hop == pytest.approx(hop, rel=1.01e-3)


def test_a_rate_just_beside_a_whole_number_is_not_rounded_over_a_long_track(table):
    assert read_track(table(lines(np.arange(9000) * 1001 / 30_000, decimals=6))).hop == pytest.approx(1001 / 30_000)


def test_jitter_of_a_quarter_of_a_hop_is_taken(table):
    rng = np.random.default_rng(0)
    times = 3 + np.arange(200) * 0.04
    times[1:-1] += rng.uniform(-0.009, 0.009, 198)
    found = read_track(table(lines(times, decimals=6)))
    assert found.hop == 0.04 and found.frames == 200


def test_times_count_more_than_a_rate(table):
    assert read_track(table("time,a\n0,1\n0.5,2\n"), rate_hz=100).hop == 0.5


def test_a_rate_stands_in_for_times(table):
    found = read_track(table("a,b\n1,2\n3,4\n"), rate_hz=25)
    assert found.hop == 0.04 and found.start == 0 and found.channels == ("a", "b")


@pytest.mark.parametrize(("values", "shape"), [(np.arange(6.0), (6, 1)), (np.ones((6, 3), np.int16), (6, 3))])
def test_arrays_are_read_with_a_rate(tmp_path, values, shape):
    np.save(tmp_path / "t.npy", values)
    found = read_track(tmp_path / "t.npy", rate_hz=50)
    assert found.values.shape == shape and found.hop == 0.02 and found.channels[0] == "c0"
    np.testing.assert_array_equal(found.values, values.reshape(shape))


def test_parquet_is_read_as_csv_is(tmp_path):
    pd.DataFrame({"time": np.arange(5) / 60, "a": [0.1, np.nan, 0.3, 0.4, 0.5]}).to_parquet(tmp_path / "t.parquet")
    found = read_track(tmp_path / "t.parquet")
    assert found.hop == 1 / 60 and found.channels == ("a",)
    np.testing.assert_array_equal(found.values[:, 0], np.array([0.1, np.nan, 0.3, 0.4, 0.5], np.float32))


def test_an_empty_cell_at_the_end_of_every_row_is_no_column(table):
    found = read_track(table("time,a\n0,1,\n0.5,2,\n"))
    assert found.channels == ("a",) and found.hop == 0.5 and found.values.tolist() == [[1], [2]]


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("time,a\n", "has no rows"),
        ("time\n0\n1\n", "has no column besides 'time'"),
        ("a,b\n1,2\n3,4\n", "has no column 'time'; add one .seconds. or state the rate"),
        ("time,a\n0,1\n", "one row only"),
        ("time,a\n0,1\n1,high\n", r"column 'a', row 3: 'high' is not a number"),
        ("time,a\n00:00,1\n00:01,2\n", r"column 'time', row 2: '00:00' is not a number"),
        ("time,a\n0,1\n,2\n2,3\n", "row 3: the time is missing"),
        ("time,a\n0,1\ninf,2\n", "row 3: the time is missing"),
        ("time,a\n0,1\n1,2\n1,2\n2,3\n", "row 4: time 1 does not come after 1"),
        ("time,a\n0,1\n2,2\n1,2\n3,3\n", "row 4: time 1 does not come after 2"),
        ("time,a,a \n0,1,2\n1,3,4\n", "two columns 'a'"),
        ("time,a\n0,1,5\n1,3,6\n", "cannot be read as a table"),
        ("time,a\n0,1\n1,3,6\n", "cannot be read as a table"),
    ],
)
def test_tables_that_make_no_track_are_refused_in_one_line(table, text, message):
    with pytest.raises(UserError, match=message) as error:
        read_track(table(text))
    assert "t.csv" in str(error.value) and "\n" not in str(error.value)


def test_a_missing_row_is_named(table):
    times = np.delete(np.arange(100) / 25, 40)
    with pytest.raises(UserError, match=r"row 42: times are not evenly spaced .a step of 0\.08 s where 0\.04 s"):
        read_track(table(lines(times)))


def test_a_doubled_row_is_named(table):
    times = np.insert(np.arange(100) / 25, 40, 40 / 25)
    with pytest.raises(UserError, match=r"row 43: time 1\.6 does not come after 1\.6"):
        read_track(table(lines(times)))


def test_a_gap_of_many_rows_is_named(table):
    times = np.concatenate([np.arange(50), np.arange(80, 120)]) / 25
    with pytest.raises(UserError, match=r"row 52: times are not evenly spaced"):
        read_track(table(lines(times)))


def test_milliseconds_are_noticed(table):
    with pytest.raises(UserError, match="rows are 40 apart; did you supply milliseconds"):
        read_track(table(lines(np.arange(100) * 40)))


def test_a_file_that_is_not_there_or_no_table_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"t\.csv is missing"):
        read_track(tmp_path / "t.csv")
    with pytest.raises(UserError, match="is missing"):
        read_track(tmp_path)
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00\x80,\x81\n")
    with pytest.raises(UserError, match=r"t\.csv cannot be read as a table"):
        read_track(tmp_path / "t.csv")
    for name, message in (("t.parquet", "cannot be read as a table"), ("t.npy", "is not a NumPy array file")):
        (tmp_path / name).write_text("hello")
        with pytest.raises(UserError, match=message):
            read_track(tmp_path / name, rate_hz=25)


@pytest.mark.parametrize(
    ("values", "rate", "message"),
    [
        (np.zeros((3, 2)), None, "has no column 'time'"),
        (np.zeros((3, 2)), -25, "hop above 0 s"),
        (np.zeros((3, 2, 2)), 25, r"holds float64 \[3, 2, 2\], expected numbers"),
        (np.array(1.0), 25, r"holds float64 \[\], expected numbers"),
        (np.array(["a", "b"]), 25, "expected numbers"),
        (np.zeros((3, 2), complex), 25, r"holds complex128"),
        (np.zeros((0, 2)), 25, "has no rows"),
    ],
)
def test_arrays_that_make_no_track_are_refused(tmp_path, values, rate, message):
    np.save(tmp_path / "t.npy", values)
    with pytest.raises(UserError, match=message):
        read_track(tmp_path / "t.npy", rate_hz=rate)


def test_an_array_of_objects_is_not_unpickled(tmp_path):
    np.save(tmp_path / "t.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="is not a NumPy array file"):
        read_track(tmp_path / "t.npy", rate_hz=25)


# ---- what is written -------------------------------------------------------------------------------------------------


def test_written_values_come_back_to_the_bit(tmp_path):
    values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32) * [1e-30, 1, 1e30]
    values[3, 1] = np.nan
    track = Track(values, hop=1 / 60, start=0.25, channels=("a", "b", "c"))
    write_track(tmp_path / "deep" / "t.csv", track)
    found = read_track(tmp_path / "deep" / "t.csv")
    np.testing.assert_array_equal(found.values, track.values)
    assert found.hop == 1 / 60 and found.start == 0.25 and found.channels == ("a", "b", "c")


def test_decimals_round_values_and_unrated_cells_are_empty(tmp_path):
    write_track(tmp_path / "t.csv", Track([[0.123456], [np.nan]], hop=0.5), decimals=2)
    assert (tmp_path / "t.csv").read_text() == "time,c0\n0.000,0.12\n0.500,\n"


def test_few_decimals_do_not_round_the_times_away(tmp_path):
    track = Track(np.arange(100.0)[:, None], hop=1 / 60)
    write_track(tmp_path / "t.csv", track, decimals=1)
    assert read_track(tmp_path / "t.csv").hop == 1 / 60


def test_a_header_of_semicolons_separates_by_semicolons(tmp_path):
    (tmp_path / "t.csv").write_text("time;EDA ; ECG\n0.000;1.5;-2\n0.001;1.6;\n0.002;1.7;4\n")
    track = read_track(tmp_path / "t.csv")
    assert (track.channels, track.hop) == (("EDA", "ECG"), 0.001)
    np.testing.assert_array_equal(track.values, np.float32([[1.5, -2], [1.6, np.nan], [1.7, 4]]))
    (tmp_path / "t.csv").write_text("time,a;b\n0,1\n1,2\n")
    assert read_track(tmp_path / "t.csv").channels == ("a;b",)
    (tmp_path / "t.csv").write_text("time;a\n0;1,5\n1;2,5\n")
    with pytest.raises(UserError, match="column 'a', row 2: '1,5' is not a number"):
        read_track(tmp_path / "t.csv")
