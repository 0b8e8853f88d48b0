"""OpenFace 2 tables: both headers, frames without a face, several faces, and timestamps that are none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from real_data import DATA, needs_data

from emotf.errors import UserError
from emotf.features.geometric316 import Geometric316
from emotf.features.openface import ALWAYS, Openface
from emotf.recording import Recording

GAZE = ("gaze_angle_x", "gaze_angle_y")


def table(frames: int = 50, rate: float = 25.0, names: tuple[str, ...] = ALWAYS, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    meta = {
        "frame": np.arange(1, frames + 1), "timestamp": np.round(np.arange(frames) / rate, 3),
        "confidence": np.full(frames, 0.98), "success": np.ones(frames, int),
    }  # fmt: skip
    return pd.DataFrame(meta | {name: np.round(rng.uniform(0.1, 5, frames), 3) for name in names})


def written(path: Path, content: pd.DataFrame, separator: str = ",") -> Recording:
    lines = [separator.join(content.columns)]
    lines += [separator.join(f"{cell}" for cell in row) for row in content.astype(object).to_numpy()]
    path.write_bytes("\r\n".join([*lines, ""]).encode())
    return Recording("r1", "s1", {"openface": path})


@pytest.mark.parametrize("separator", [",", ", "])
@pytest.mark.parametrize("gaze", [(), GAZE])
def test_default_channels_of_both_headers(tmp_path, separator, gaze):
    content = table(names=(*gaze, "x_0", *ALWAYS, "X_0", "AU28_c"))
    if gaze:
        content.insert(1, "face_id", 0)
    track = Openface().extract(written(tmp_path / "a.csv", content, separator))
    assert track.channels == (*ALWAYS, *gaze) and len(ALWAYS) == 20
    assert (track.hop, track.start, track.frames) == (0.04, 0.0, 50)
    np.testing.assert_allclose(track.values, content[list(track.channels)], rtol=1e-6)


def test_names_are_case_sensitive_and_kept_in_order(tmp_path):
    recording = written(tmp_path / "a.csv", table(names=("x_0", "X_0", "AU28_c")))
    track = Openface(names=("X_0", "x_0")).extract(recording)
    np.testing.assert_allclose(track.values, table(names=("x_0", "X_0", "AU28_c"))[["X_0", "x_0"]], rtol=1e-6)
    assert track.channels == Openface(names=("X_0", "x_0")).channels == ("X_0", "x_0")
    with pytest.raises(UserError, match=r"a\.csv has no column 'au28_c'; choose among those it has"):
        Openface(names=("au28_c",)).extract(recording)


def test_the_first_recording_settles_the_channels(tmp_path):
    first = written(tmp_path / "a.csv", table(names=(*ALWAYS, *GAZE)))
    feature = Openface(rate_hz=50).resolved(first)
    assert feature == Openface(names=(*ALWAYS, *GAZE), rate_hz=50) and Openface().channels is None
    with pytest.raises(UserError, match=r"b\.csv has no column 'gaze_angle_x'"):
        feature.extract(written(tmp_path / "b.csv", table()))
    with pytest.raises(UserError, match=r"c\.csv has no column 'AU01_r'; run OpenFace with -aus -pose"):
        Openface().resolved(written(tmp_path / "c.csv", table(names=("pose_Rx",))))


def test_frames_that_were_not_tracked_are_gaps(tmp_path):
    content = table(names=("AU12_r",)).astype(object)
    content.loc[3, ["success", "AU12_r"]] = [0, "-nan(ind)"]
    content.loc[4, ["success", "confidence"]] = [0, 0.9]
    content.loc[[6, 7], "confidence"] = [0.6, 0.49]
    recording = written(tmp_path / "a.csv", content)
    for feature, gaps in ((Openface(names=("AU12_r",)), [3, 4, 7]), (Openface(names=("AU12_r",), confidence=0.7),
                                                                  [3, 4, 6, 7])):  # fmt: skip
        values = feature.extract(recording).values[:, 0]
        assert np.flatnonzero(values == 0).tolist() == gaps and feature.gaps
        kept = np.delete(np.arange(50), gaps)
        np.testing.assert_allclose(values[kept], content["AU12_r"][kept].astype(float), rtol=1e-6)


def test_several_faces_are_told_apart(tmp_path):
    """Face 0 in all frames but 10 to 14, face 3 in frames 5 to 20, nobody in 30 and 31."""
    content = table(names=("AU12_r",))
    content.insert(1, "face_id", 0)
    other = content[4:20].assign(face_id=3, AU12_r=9.0)
    both = pd.concat([content.drop([*range(9, 14), 29, 30]), other]).sort_values(["frame", "face_id"])
    recording = written(tmp_path / "a.csv", both)
    with pytest.raises(UserError, match=r"several faces, by face_id: 0 \(43 rows\), 3 \(16 rows\); choose one"):
        Openface(names=("AU12_r",)).extract(recording)
    first, second = (Openface(names=("AU12_r",), face=face).extract(recording) for face in (0, 3))
    assert first.frames == second.frames == 50 and first.hop == second.hop == 0.04
    assert np.flatnonzero(first.values == 0).tolist() == [*range(9, 14), 29, 30]
    assert np.flatnonzero(second.values == 9).tolist() == list(range(4, 20)) and second.values.sum() == 16 * 9
    with pytest.raises(UserError, match=r"has no face 1; its face_id are: 0 \(43 rows\)"):
        Openface(names=("AU12_r",), face=1).extract(recording)
    with pytest.raises(UserError, match="two rows of one face in one frame"):
        Openface(names=("AU12_r",), face=0).extract(written(tmp_path / "b.csv", pd.concat([content, content[:1]])))


@pytest.mark.parametrize(("rate", "hop"), [(25, 0.04), (30, 1 / 30), (29.97, 1 / 29.97), (60, 1 / 60)])
def test_timestamps_give_the_rate(tmp_path, rate, hop):
    found = Openface().extract(written(tmp_path / "a.csv", table(400, rate))).hop
    assert found == pytest.approx(hop, abs=0.001 / 399)
    assert found == hop or rate == 29.97


def test_a_stated_rate_replaces_timestamps(tmp_path):
    content = table().assign(timestamp=0.0)[5:]  # frames 6 to 50
    track = Openface(rate_hz=30).extract(written(tmp_path / "a.csv", content))
    assert track.hop == 1 / 30 and track.frames == 50 and track.start == 0
    assert not track.values[:5].any() and track.values[5:].all()
    assert Openface(rate_hz=30).extract(written(tmp_path / "b.csv", content.drop(columns="timestamp"))).frames == 50


def times(content: pd.DataFrame, **cells: object) -> pd.DataFrame:
    return content.astype(object).assign(**cells)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (table().assign(timestamp=np.arange(50) / 1000), "timestamps advance 0.001 s a frame, which are no times; sta"),
        (table().assign(timestamp=0.0), "timestamps advance 0 s a frame"),
        (table().assign(timestamp=np.arange(50) ** 1.1 / 25), r"row \d+: the timestamp is 0\.\d+ s off a steady"),
        (table().drop(columns="timestamp"), "has no column 'timestamp'; state the video's frames a second in rate_hz"),
        (table(1), "one frame only"),
        (times(table(3), timestamp=[0, "x", 0.08]), "row 3: the timestamp is missing"),
        (table().assign(frame=np.arange(50)), "row 2: the frame is not a number above 0"),
        (times(table(3), frame=[1, "?", 3]), "row 3: the frame is not a number"),
        (times(table(3), AU01_r=[1, "?", 3]), "frame 2: column 'AU01_r' holds no number although the face was tracked"),
        (table().drop(columns="success"), "no column 'success'; expected a table written by OpenFace 2"),
        (table(0), "has no rows"),
        (table().rename(columns={"AU01_r": "AU02_r"}), "two columns of one name"),
    ],
)
def test_tables_are_refused_in_one_line(tmp_path, content, message):
    recording = written(tmp_path / "a.csv", content)
    with pytest.raises(UserError, match=rf"a\.csv.*{message}") as error:
        Openface().extract(recording)
    assert "\n" not in str(error.value)


def test_files_that_are_no_tables_are_refused(tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "long.csv").write_text("frame,confidence,success\n1,1,1,7\n")
    for name in ("empty.csv", "long.csv"):
        with pytest.raises(UserError, match=rf"{name} cannot be read as a table \(.+\)"):
            Openface(names=("frame",)).extract(Recording("r1", "s1", {"openface": tmp_path / name}))
    with pytest.raises(UserError, match="r1 has no 'openface'"):
        Openface().extract(Recording("r1", "s1"))
    for changes, message in (({"rate_hz": 1000}, "rate_hz is 1000"), ({"confidence": -0.1}, "confidence is -0.1")):
        with pytest.raises(UserError, match=f"openface: {message}, expected"):
            Openface(**changes).extract(Recording("r1", "s1"))


def test_a_face_of_one_point_is_refused(tmp_path):
    names = tuple(f"{axis}_{point}" for axis in "xy" for point in range(68))
    content = table(5, names=names)
    content.loc[2, list(names)] = 0.0
    feature = Geometric316(table="openface")
    with pytest.raises(UserError, match=r"a\.csv, frame 3: eyes and nose all lie in one place"):
        feature.extract(written(tmp_path / "a.csv", content))
    content.loc[2, "success"] = 0
    values = feature.extract(written(tmp_path / "b.csv", content)).values
    assert values.any(axis=1).tolist() == [True, True, False, True, True]


@needs_data
def test_a_real_table():
    path = DATA / "faces" / "OpenFace_Test.csv"
    recording = Recording("r1", "s1", {"openface": path})
    with pytest.raises(UserError, match=r"timestamps advance 0\.001 s a frame, which are no times; state the video's"):
        Openface().extract(recording)
    track = Openface(rate_hz=30).extract(recording)
    assert track.channels == ALWAYS and track.frames == 100 and track.hop == 1 / 30
    cells = [line.split(",") for line in path.read_text().splitlines()]
    header = [cell.strip() for cell in cells[0]]
    for channel, values in zip(track.channels, track.values.T, strict=True):
        np.testing.assert_allclose(values, [float(row[header.index(channel)]) for row in cells[1:]], rtol=1e-6)
    assert track.values[:, :17].min() >= 0 and track.values[:, :17].max() <= 5
