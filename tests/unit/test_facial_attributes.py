"""action_units and facial_attributes: a table of OpenFace 2 alone, and beside its video."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from real_data import DATA, needs_data

from emotf.corpora import _twin
from emotf.errors import UserError
from emotf.features.action_units import ActionUnits
from emotf.features.facial_attributes import FacialAttributes
from emotf.features.head_pose import HeadPose
from emotf.features.openface import Openface
from emotf.features.optical_flow import OpticalFlow
from emotf.media import face_mesh, pictures, video_writer
from emotf.recording import Recording

NAMES = FacialAttributes().channels
FRAMES = 60
LOST = range(20, 24)  # rows of the table without success, where the video shows a face


def written(home: Path, rate_hz: float = 25) -> Recording:
    rng = np.random.default_rng(0)
    media = {"video": home / "a.mp4", "openface": home / "a.csv"}
    times = np.arange(FRAMES) / rate_hz
    _twin.write_face(media["video"], media["openface"], rng, _twin.traces(rng, float(times[-1])), times)
    change(media["openface"], lambda table: table.assign(success=table["success"].where(~table.index.isin(LOST), 0)))
    return Recording("r1", "s1", media)


def change(path: Path, how) -> Path:
    how(pd.read_csv(path, skipinitialspace=True)).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return written(tmp_path_factory.mktemp("clip"))


def beside(recording: Recording, path: Path, how) -> Recording:
    """The same video with another table."""
    path.write_bytes(recording.medium("openface").read_bytes())
    return replace(recording, media={**recording.media, "openface": change(path, how)})


# ---- action_units ----------------------------------------------------------------------------------------------------


def test_units_are_the_columns_of_the_table(recording):
    track, bare = ActionUnits().extract(recording), ActionUnits(flags=False).extract(recording)
    table = pd.read_csv(recording.medium("openface"), skipinitialspace=True)
    units = [f"AU{unit:02d}_r" for unit in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)]
    assert list(track.channels) == [*units, "confidence", "found"] and bare.channels == track.channels[:-2]
    found = (table["success"] == 1).to_numpy()
    assert 0 < found.sum() < FRAMES - len(LOST) + 1
    expected = np.where(found[:, None], table[[*units, "confidence", "success"]], 0)
    np.testing.assert_allclose(track.values, expected, rtol=1e-6)
    np.testing.assert_array_equal(bare.values, track.values[:, :-2])
    assert track.hop == 0.04 and ActionUnits().gaps
    few = ActionUnits(units=("AU12_r",), flags=False, rate_hz=50).extract(recording)
    np.testing.assert_array_equal(few.values, Openface(names=("AU12_r",)).extract(recording).values)
    assert few.hop == 0.02
    for wrong, message in (
        (ActionUnits(confidence=3), "action_units: confidence is 3, expected"),
        (ActionUnits(units=("AU99_r",)), "has no column 'AU99_r'"),
        (ActionUnits(stream="units"), "r1 has no 'units'"),
        (ActionUnits(face=4), "has no face 4"),
    ):
        with pytest.raises(UserError, match=message):
            wrong.extract(recording)


@needs_data
def test_units_of_a_real_table():
    track = ActionUnits(rate_hz=30).extract(Recording("r", "s", {"openface": DATA / "faces" / "OpenFace_Test.csv"}))
    assert track.values.shape == (100, 19) and track.values[:, :17].max() <= 5 and track.values[:, :17].min() >= 0
    assert set(track.values[:, 18]) <= {0, 1} and track.values[:, 17].max() <= 1


# ---- facial_attributes -----------------------------------------------------------------------------------------------


def test_the_stream_is_units_pose_and_flow_side_by_side(recording):
    track = FacialAttributes().extract(recording)
    assert NAMES[:2] == ("AU01_r", "AU02_r")
    assert NAMES[16:] == ("AU45_r", "yaw", "pitch", "flow_mean", "flow_sd", "confidence", "found")
    assert track.values.shape == (FRAMES, 23) and track.hop == 0.04 and FacialAttributes().gaps
    assert FacialAttributes().media == ("openface", "video")
    named = dict(zip(NAMES, track.values.T, strict=True))
    units, pose, flow = (part.extract(recording) for part in (ActionUnits(), HeadPose(), OpticalFlow()))
    found = (units.values[:, -1] == 1) & (pose.values[:, -1] == 1)
    assert not found[list(LOST)].any() and pose.values[list(LOST), -1].all()
    np.testing.assert_array_equal(named["found"], found)
    np.testing.assert_array_equal(track.values[:, :17], units.values[:, :17] * found[:, None])
    np.testing.assert_array_equal(named["yaw"], pose.values[:, 0] * found)
    np.testing.assert_array_equal(named["pitch"], pose.values[:, 1] * found)
    both = found & np.roll(found, 1)  # without the first frame and those after a gap
    both[0] = False
    np.testing.assert_array_equal(named["flow_mean"], flow.values[:, 0] * both)
    np.testing.assert_array_equal(named["flow_sd"], flow.values[:, 1] * both)
    np.testing.assert_array_equal(
        named["confidence"], np.minimum(units.values[:, -2], pose.values[:, -2]) * found
    )  # fmt: skip
    np.testing.assert_array_equal(FacialAttributes(flags=False).extract(recording).values, track.values[:, :-2])


def test_pose_and_box_from_the_table(recording, monkeypatch):
    def refused(path):
        raise AssertionError("no face needs to be detected")

    monkeypatch.setattr("emotf.features.facial_attributes.face_mesh", refused)
    named = dict(zip(NAMES, FacialAttributes(pose="table").extract(recording).values.T, strict=True))
    table = pd.read_csv(recording.medium("openface"), skipinitialspace=True)
    found = (table["success"] == 1).to_numpy()
    np.testing.assert_array_equal(named["found"], found)
    np.testing.assert_allclose(named["yaw"], table["pose_Ry"] * found, rtol=1e-6)
    np.testing.assert_allclose(named["pitch"], table["pose_Rx"] * found, atol=1e-6)
    np.testing.assert_allclose(named["confidence"], table["confidence"] * found, rtol=1e-6)
    monkeypatch.undo()
    mesh = dict(zip(NAMES, FacialAttributes().extract(recording).values.T, strict=True))
    here = (mesh["found"] == 1) & (named["found"] == 1)
    assert np.corrcoef(mesh["yaw"][here], named["yaw"][here])[0, 1] > 0.85
    assert np.corrcoef(mesh["flow_mean"][here], named["flow_mean"][here])[0, 1] > 0.85


def test_a_rate_takes_the_nearest_pictures_of_both(recording):
    whole, often = FacialAttributes().extract(recording), FacialAttributes(rate_hz=60).extract(recording)
    assert often.hop == 1 / 60 and often.frames == int((FRAMES - 1) / 25 * 60 + 1e-6) + 1
    nearest = [int(np.floor(frame / 60 * 25 + 0.5 + 1e-9)) for frame in range(often.frames)]
    np.testing.assert_array_equal(often.values, whole.values[nearest])


def test_pictures_at_uneven_times_are_joined_by_number(recording, tmp_path):
    times = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.06, FRAMES))
    times -= times[0]
    shots = [picture for _, picture in pictures(recording.medium("video"))]
    with video_writer(tmp_path / "b.mp4", 25) as write:
        for shot, time in zip(shots, times, strict=True):
            write(shot, time)
    other = replace(recording, media={**recording.media, "video": tmp_path / "b.mp4"})
    with pytest.raises(UserError, match=r"b\.mp4 has pictures at uneven times .* set rate_hz"):
        FacialAttributes().extract(other)
    track = FacialAttributes(rate_hz=25).extract(other)
    units = ActionUnits().extract(recording).values[:, :17]
    mesh = face_mesh(tmp_path / "b.mp4")
    for frame in range(track.frames):
        nearest = np.abs(mesh.times - frame / 25).argmin()
        if track.values[frame, -1]:
            np.testing.assert_array_equal(track.values[frame, :17], units[nearest])


def test_a_table_of_another_video_is_refused(recording, tmp_path):
    longer = beside(recording, tmp_path / "b.csv", lambda t: pd.concat([t, t.iloc[-1:].assign(frame=FRAMES + 1)]))
    with pytest.raises(UserError, match=r"b\.csv has 61 frames, but \S*a\.mp4 has 60 pictures; run OpenFace on this"):
        FacialAttributes().extract(longer)
    for keep, fits in ((FRAMES - 25, True), (FRAMES - 26, False)):
        shorter = beside(recording, tmp_path / "c.csv", lambda t, keep=keep: t.iloc[:keep])
        if fits:
            track = FacialAttributes().extract(shorter)
            assert track.frames == FRAMES and not track.values[keep:].any() and track.values[keep - 1].any()
        else:
            with pytest.raises(UserError, match=r"c\.csv has 34 frames, but"):
                FacialAttributes().extract(shorter)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pose": "box"}, "facial_attributes: pose is 'box', choose one of mesh, table"),
        ({"rate_hz": -1}, "facial_attributes: rate_hz is -1, expected"),
        ({"confidence": 95}, "facial_attributes: confidence is 95, expected"),
        ({"table": "units"}, "r1 has no 'units'"),
        ({"units": ("AU99_r",)}, "has no column 'AU99_r'"),
        ({"face": 3}, "has no face 3"),
    ],
)
def test_settings_are_refused(recording, changes, message):
    with pytest.raises(UserError, match=message):
        FacialAttributes(**changes).extract(recording)


def test_a_recording_without_video_is_refused(recording):
    alone = replace(recording, media={"openface": recording.medium("openface")})
    with pytest.raises(UserError, match="r1 has no 'video'"):
        FacialAttributes().extract(alone)
