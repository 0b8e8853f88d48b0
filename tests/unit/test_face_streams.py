"""face_mesh, landmarks140, head_pose and optical_flow: on drawn faces, and on real ones."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from real_data import DATA, needs_data
from scipy.spatial.transform import Rotation

from emotf.corpora._drawn_face import DrawnFace, wall
from emotf.errors import UserError
from emotf.features import _flow
from emotf.features._points49 import MEAN_SHAPE, MESH, POINTS, STABLE, aligned
from emotf.features._points70 import VERTICES, seventy
from emotf.features.face_mesh import FaceMesh
from emotf.features.head_pose import CANONICAL, HeadPose, angles
from emotf.features.landmarks140 import Landmarks140
from emotf.features.optical_flow import OpticalFlow
from emotf.media import face_mesh, pictures, video_writer
from emotf.media.crops import Square
from emotf.recording import Recording

LAUGHING = DATA / "faces" / "WolfgangLanger_Pexels.mp4"
SIZE = 128
FACE = CANONICAL.copy()  # SciPy turns no read-only arrays
GAP = range(10, 16)


def film(path: Path, shots: list[np.ndarray], rate_hz: float = 25, times: list[float] | None = None) -> Recording:
    with video_writer(path, rate_hz) as write:
        for number, shot in enumerate(shots):
            write(shot, None if times is None else times[number])
    return Recording("r1", "s1", {"video": path})


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A head that turns from left to right while it smiles, 24 pictures, gone from 10 to 15."""
    shots = [
        wall(SIZE) if k in GAP else DrawnFace(smile=k / 24, turn=0.4 - k / 30).picture(SIZE) for k in range(24)
    ]  # fmt: skip
    return film(tmp_path_factory.mktemp("drawn") / "a.mp4", shots)


WIDTHS = {FaceMesh: 1404, Landmarks140: 140, HeadPose: 3, OpticalFlow: 4}


# ---- what all of them share ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stream", "width"), WIDTHS.items())
def test_a_stream_has_flags_and_gaps_of_zeros(drawn, stream, width):
    track, bare = stream().extract(drawn), stream(flags=False).extract(drawn)
    assert track.values.shape == (24, width + 2) and track.hop == 0.04 and track.channels == stream().channels
    assert track.channels[-2:] == ("confidence", "found") and stream().gaps
    assert len(set(track.channels)) == width + 2 and bare.channels == track.channels[:-2]
    np.testing.assert_array_equal(bare.values, track.values[:, :-2])
    found = track.values[:, -1] == 1
    assert found[:10].all() and found[18:].all() and not found[12:16].any()  # the tracker may let go a picture late
    np.testing.assert_array_equal(track.values[:, -2] > 0.5, found)
    assert not track.values[~found].any()


@pytest.mark.parametrize("stream", WIDTHS)
def test_a_rate_takes_the_nearest_pictures(drawn, stream):
    whole, often = stream().extract(drawn), stream(rate_hz=50).extract(drawn)
    assert often.hop == 0.02 and often.frames == 47
    np.testing.assert_array_equal(often.values[::2], whole.values)
    np.testing.assert_array_equal(often.values[1::2], whole.values[1:])


@pytest.mark.parametrize("stream", WIDTHS)
def test_settings_and_uneven_pictures_are_refused(stream, tmp_path):
    name = stream.__module__.rpartition(".")[2]
    with pytest.raises(UserError, match=f"{name}: rate_hz is -1, expected"):
        stream(rate_hz=-1).extract(Recording("r1", "s1"))
    with pytest.raises(UserError, match="r1 has no 'video'"):
        stream().extract(Recording("r1", "s1"))
    uneven = film(tmp_path / "a.mp4", [wall(64)] * 4, times=[0, 0.04, 0.2, 0.24])
    with pytest.raises(UserError, match=r"a\.mp4 has pictures at uneven times"):
        stream().extract(uneven)
    assert stream(rate_hz=25).extract(uneven).frames == 7


# ---- face_mesh and landmarks140 --------------------------------------------------------------------------------------


def test_coordinates_are_shares_of_the_picture_or_pixels(tmp_path):
    wide = np.concatenate([wall(SIZE)[:, :64], DrawnFace().picture(SIZE)], axis=1)  # 192 x 128
    recording = film(tmp_path / "a.mp4", [wide] * 3)
    mesh = face_mesh(recording.medium("video"))
    pixels = FaceMesh(coordinates="pixels", flags=False).extract(recording).values.reshape(3, 468, 3)
    np.testing.assert_array_equal(pixels, mesh.landmarks)
    shares = FaceMesh(flags=False).extract(recording).values.reshape(3, 468, 3)
    for axis, unit in enumerate((192, 128, 192)):
        np.testing.assert_allclose(shares[..., axis], mesh.landmarks[..., axis] / unit, rtol=1e-6)
    assert (shares[..., :2] > 0).all() and (shares[..., :2] < 1).all()
    names = FaceMesh().channels
    assert names[:4] == ("x_0", "y_0", "z_0", "x_1") and names[1401:1404] == ("x_467", "y_467", "z_467")
    for feature in (FaceMesh(coordinates="px"), Landmarks140(coordinates="px")):
        with pytest.raises(UserError, match="coordinates is 'px', choose one of image, pixels"):
            feature.extract(recording)


def test_the_seventy_points_by_hand():
    mesh = np.random.default_rng(0).standard_normal((2, 468, 3)).astype(np.float32)
    points = seventy(mesh)
    assert points.shape == (2, 70, 3) and len(set(VERTICES)) == 68
    by_hand = {0: 127, 8: 152, 16: 356, 17: 70, 26: 300, 27: 168, 30: 4, 33: 2, 36: 33, 39: 133, 42: 362, 45: 263,
               48: 61, 51: 0, 54: 291, 57: 17, 60: 78, 62: 13, 64: 308, 66: 14}  # fmt: skip
    for point, vertex in by_hand.items():
        np.testing.assert_array_equal(points[:, point], mesh[:, vertex])
    eye = [33, 160, 158, 133, 153, 144]
    np.testing.assert_allclose(points[:, 68], mesh[:, eye].mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(points[:, 69], points[:, 42:48].mean(axis=1), rtol=1e-5)


def test_landmarks140_are_the_seventy_points(drawn):
    track = Landmarks140(coordinates="pixels").extract(drawn)
    mesh = face_mesh(drawn.medium("video"))
    assert track.channels[:2] == ("x_0", "y_0") and track.channels[138:140] == ("x_69", "y_69")
    np.testing.assert_allclose(track.values[:, :140].reshape(24, 70, 2), seventy(mesh.landmarks)[..., :2], rtol=1e-6)
    np.testing.assert_allclose(
        Landmarks140().extract(drawn).values[:, :140], track.values[:, :140] / SIZE, rtol=1e-6
    )  # fmt: skip


@needs_data
@pytest.mark.parametrize("name", ["faces/single_face.mp4", "grid_av/bbaf2n.mpg"])
def test_seventy_points_of_real_faces_lie_where_the_scheme_has_them(name):
    recording = Recording("r", "s", {"video": DATA / name})
    points = Landmarks140(coordinates="pixels", flags=False).extract(recording).values.reshape(-1, 70, 2)
    x, y = np.median(points, axis=0).T
    assert (np.diff(x[:17]) > -2).all() and y[:17].argmax() == 8  # the jaw, from left to right, lowest at the chin
    steps = np.hypot(np.diff(x[:17]), np.diff(y[:17]))
    assert steps.max() < 2.5 * steps.min()
    for pupil, eye in ((68, slice(36, 42)), (69, slice(42, 48))):
        assert x[eye].min() < x[pupil] < x[eye].max() and y[eye].min() < y[pupil] < y[eye].max()
    assert x[48] < x[60] < x[62] < x[64] < x[54] and y[51] < y[62] <= y[66] + 1 < y[57] + 1


@needs_data
def test_seventy_points_are_near_openfaces_on_the_mean_face():
    """Two detectors, two people; jaw and lips too, in shares of the distance between the eyes' outer corners."""
    table = pd.read_csv(DATA / "faces" / "OpenFace_Test.csv", skipinitialspace=True)
    theirs = np.stack([table[[f"{axis}_{k}" for k in range(68)]].to_numpy() for axis in "xy"], axis=-1)
    ours = seventy(face_mesh(DATA / "grid_av" / "bbaf2n.mpg").landmarks)[:, :68, :2]

    def shape(points):
        corners = points[:, [36, 45]]
        unit = np.linalg.norm(np.diff(corners, axis=1), axis=-1, keepdims=True)
        return ((points - corners.mean(axis=1, keepdims=True)) / unit).mean(axis=0)

    off = np.linalg.norm(shape(ours) - shape(theirs), axis=-1)
    assert off.max() < 0.35 and np.median(off) < 0.12


# ---- head_pose -------------------------------------------------------------------------------------------------------


def mesh_of(rotations: Rotation, scale: float = 70.0, shift: tuple[float, float, float] = (300, 200, 10)) -> np.ndarray:
    meshes = np.random.default_rng(1).uniform(0, 400, (len(rotations), 468, 3))  # other vertices do not count
    vertices = [MESH[POINTS.index(number)] for number in STABLE]
    meshes[:, vertices] = [scale * one.apply(FACE) + shift for one in rotations]
    return meshes


def test_angles_of_a_turned_canonical_face():
    rng = np.random.default_rng(0)
    expected = rng.uniform([-1.2, -1.2, -3], [1.2, 1.2, 3], (50, 3))  # yaw, pitch, roll
    turned = Rotation.from_euler("XYZ", expected[:, [1, 0, 2]])  # R_x R_y R_z
    np.testing.assert_allclose(angles(mesh_of(turned)), expected, atol=1e-6)
    np.testing.assert_allclose(angles(mesh_of(turned, 3, (0, 0, 0)).astype(np.float32)), expected, atol=1e-4)
    np.testing.assert_allclose(CANONICAL[:, :2], MEAN_SHAPE[[POINTS.index(number) for number in STABLE]])


def test_signs_are_as_documented():
    """The tip of the nose stands out towards the camera (z below the eyes'); where it goes decides yaw and pitch."""
    nose, left_eye, right_eye = STABLE.index(30), STABLE.index(36), STABLE.index(45)
    assert CANONICAL[nose, 2] < CANONICAL[left_eye, 2] - 0.3
    for axis, turn in (("y", 0), ("x", 1), ("z", 2)):
        one = Rotation.from_euler(axis, 0.3)
        found = angles(mesh_of(Rotation.concatenate([one])))[0]
        np.testing.assert_allclose(found, np.eye(3)[turn] * 0.3, atol=1e-6)
        moved = one.apply(FACE) - FACE
        if axis == "y":
            assert moved[nose, 0] < 0  # to the left of the picture
        elif axis == "x":
            assert moved[nose, 1] > 0  # down
        else:
            assert moved[left_eye, 1] < 0 < moved[right_eye, 1]  # clockwise


def test_noise_does_not_turn_into_a_reflection():
    rng = np.random.default_rng(0)
    flat = mesh_of(Rotation.identity(20)) + rng.normal(0, 3, (20, 468, 3))
    assert np.abs(angles(flat)).max() < 0.3


def test_a_drawn_head_turns(drawn):
    track = HeadPose().extract(drawn)
    found = track.values[:, -1] == 1
    planted = 0.4 - np.arange(24) / 30
    assert np.corrcoef(track.values[found, 0], planted[found])[0, 1] > 0.97
    assert np.abs(track.values[found, 2]).max() < 0.1


@needs_data
def test_a_picture_rolled_by_20_degrees_rolls_the_head_by_20_and_a_mirrored_one_turns_it_round(tmp_path):
    shots = [picture for _, picture in pictures(DATA / "grid_av" / "bbaf2n.mpg")][:20]
    height, width = shots[0].shape[:2]
    # OpenCV counts counter-clockwise
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -20, 1)
    turned = [cv2.warpAffine(shot, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE) for shot in shots]
    plain, rolled, mirrored = (
        np.degrees(HeadPose().extract(film(tmp_path / name, shown)).values[:, :3].mean(axis=0))
        for name, shown in (("a.mp4", shots), ("b.mp4", turned), ("c.mp4", [shot[:, ::-1] for shot in shots]))
    )
    assert rolled[2] - plain[2] == pytest.approx(20, abs=1)
    np.testing.assert_allclose(rolled[:2], plain[:2], atol=3)
    np.testing.assert_allclose(mirrored, plain * [-1, 1, -1], atol=1.5)


@needs_data
def test_angles_have_the_signs_of_openface():
    """Our fit to the points of a real table, in its own camera's millimetres, against its own angles."""
    table = pd.read_csv(DATA / "faces" / "OpenFace_Test.csv", skipinitialspace=True)
    points = np.stack([table[[f"{axis}_{k}" for k in range(68)]].to_numpy() for axis in "XYZ"], axis=-1)
    meshes = np.zeros((len(points), 468, 3))
    for number in STABLE:
        meshes[:, MESH[POINTS.index(number)]] = points[:, number]
    ours = angles(meshes)
    theirs = table[["pose_Ry", "pose_Rx", "pose_Rz"]].to_numpy()
    for turn in range(3):
        assert np.corrcoef(ours[:, turn], theirs[:, turn])[0, 1] > 0.9
    spread = ours.std(axis=0) / theirs.std(axis=0)
    assert (spread > 0.7).all() and (spread < 1.4).all()


# ---- optical_flow ----------------------------------------------------------------------------------------------------


def texture(size: int, grain: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((size, size)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)
    return np.uint8(np.clip(128 + 45 * smooth / smooth.std(), 0, 255))


def shifting(path: Path, step: tuple[float, float], count: int, rate_hz: float, scale: int = 1) -> Path:
    """A texture that moves by `step` pixels a picture."""
    big = cv2.cvtColor(texture(400 * scale, 3.0 * scale), cv2.COLOR_GRAY2RGB)
    shots = []
    for k in range(count):
        matrix = np.float32([[1, 0, k * step[0] - 80 * scale], [0, 1, k * step[1] - 80 * scale]])
        shots.append(cv2.warpAffine(big, matrix, (240 * scale, 240 * scale), flags=cv2.INTER_LINEAR))
    return film(path, shots, rate_hz).medium("video")


def square(side: float, left: float = 60, top: float = 70) -> np.ndarray:
    return np.array([[left, top], [left + side, top + side], [left + side / 2, top]])


def test_a_shift_by_known_pixels_is_found_in_box_widths_a_second(tmp_path):
    found = np.ones(8, bool)
    path = shifting(tmp_path / "a.mp4", (2, -1), 8, 25)
    rows = _flow.flow_rows(path, np.stack([square(100)] * 8), found)
    assert rows.dtype == np.float32 and not rows[0].any()
    # 2 and -1 pixels of a box of 100, 25 times a second
    np.testing.assert_allclose(rows[1:, 2], 0.50, rtol=0.04)
    np.testing.assert_allclose(rows[1:, 3], -0.25, rtol=0.08)
    np.testing.assert_allclose(rows[1:, 0], np.hypot(0.5, 0.25), rtol=0.04)
    assert (rows[1:, 1] < 0.06).all()
    # the box goes with the face, and does not hide its movement
    boxes = np.stack([square(100, 60 + 2 * k, 70 - k) for k in range(8)])
    np.testing.assert_allclose(_flow.flow_rows(path, boxes, found)[1:], rows[1:], atol=0.04)


def test_size_and_rate_drop_out(tmp_path):
    plain = _flow.flow_rows(shifting(tmp_path / "a.mp4", (2, 0), 6, 25), np.stack([square(100)] * 6), np.ones(6, bool))
    larger = _flow.flow_rows(
        shifting(tmp_path / "b.mp4", (4, 0), 6, 25, 2), np.stack([2 * square(100)] * 6), np.ones(6, bool)
    )
    slower = _flow.flow_rows(
        shifting(tmp_path / "c.mp4", (1, 0), 6, 50), np.stack([square(100)] * 6), np.ones(6, bool)
    )  # fmt: skip
    np.testing.assert_allclose(larger[1:, 0], plain[1:, 0], rtol=0.05)
    np.testing.assert_allclose(slower[1:, 0], plain[1:, 0], rtol=0.08)


def test_flow_is_0_after_a_gap_and_where_nothing_moves(tmp_path):
    path = shifting(tmp_path / "a.mp4", (3, 0), 7, 25)
    found = np.array([True, True, False, False, True, True, True])
    rows = _flow.flow_rows(path, np.stack([square(100)] * 7), found)
    assert rows.any(axis=1).tolist() == [False, True, False, False, False, True, True]
    still = _flow.flow_rows(shifting(tmp_path / "b.mp4", (0, 0), 5, 25), np.stack([square(100)] * 5), np.ones(5, bool))
    assert np.abs(still).max() < 0.01


def test_a_part_that_moves_alone_makes_the_spread():
    flow = np.zeros((4, 8, 2))
    flow[:, :4] = [3, 4]
    assert _flow.summary(flow) == [2.5, 2.5, 1.5, 2.0]


def test_a_box_is_a_square_of_whole_pixels():
    assert _flow.square(np.array([[10.0, 20.0], [50.0, 40.0]])) == Square(10, 10, 40)
    assert _flow.square(np.array([[10.0, 20.0], [10.0, 20.0]])) == Square(9, 19, 2)


def test_the_stream_is_the_flow_in_the_mesh_box(drawn):
    mesh = face_mesh(drawn.medium("video"))
    track = OpticalFlow(flags=False).extract(drawn)
    rows = _flow.flow_rows(drawn.medium("video"), mesh.landmarks[..., :2], mesh.found)
    np.testing.assert_array_equal(track.values, rows)
    assert (rows[1:9, 0] > 0.05).any() and (rows[:, :2] >= 0).all()


# ---- a real change of expression -------------------------------------------------------------------------------------


@needs_data
def test_laughing_after_crying_lifts_the_corners_of_the_mouth():
    """Last third against first third of the clip, in pooled standard deviations; the face aligned, eyes 1 apart."""
    mesh = face_mesh(LAUGHING)
    assert mesh.found.all() and set(mesh.ids) == {0}
    points = dict(zip(POINTS, aligned(mesh.landmarks[:, list(MESH), :2]).transpose(1, 0, 2), strict=True))

    def rise(values: np.ndarray) -> float:
        third = len(values) // 3
        first, last = values[:third], values[-third:]
        return (last.mean() - first.mean()) / np.sqrt((first.var(ddof=1) + last.var(ddof=1)) / 2)

    corners = (points[48] + points[54]) / 2
    lift = (points[57] - corners)[:, 1]  # height of the corners above the middle of the lower lip
    width = np.linalg.norm(points[54] - points[48], axis=1)
    eyes = sum(np.linalg.norm(points[a] - points[b], axis=1) for a, b in ((37, 41), (38, 40), (43, 47), (44, 46)))
    turn = np.abs(angles(mesh.landmarks)[:, 0])
    assert rise(lift) > 2 and rise(width) > 2
    assert abs(rise(eyes)) < 2 and abs(rise(turn)) < 2
