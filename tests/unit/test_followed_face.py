"""The face mesh of a video: which face is followed, its number, its confidence, and the memory of the last video."""

import importlib
import os
import time as clock
from pathlib import Path

import numpy as np
import pytest

from emotf.corpora._drawn_face import DrawnFace, wall
from emotf.errors import UserError
from emotf.media import face_mesh, faces, pictures, video_writer
from emotf.media.detectors import detector, face_detector
from emotf.media.face_mesh import MOST, OVERLAP, PATIENCE, _Follower, _overlap

MODULE = importlib.import_module("emotf.media.face_mesh")  # the package offers a function of that name
SMALL, LARGE = DrawnFace(smile=0.5).picture(120), DrawnFace(lift=2).picture(160)


def scene(*placed: tuple[np.ndarray, int, int]) -> np.ndarray:
    """A wall with faces at (left, top)."""
    picture = np.repeat(wall(160), 2, axis=1)
    for face, left, top in placed:
        picture[top : top + len(face), left : left + len(face)] = face
    return picture


def film(path: Path, shots: list[np.ndarray], rate_hz: float = 25) -> Path:
    with video_writer(path, rate_hz) as write:
        for shot in shots:
            write(shot)
    return path


def there(left: float, size: float = 100.0) -> tuple[np.ndarray, float]:
    """A face as a detector gives it, in a square of `size` pixels."""
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(0, 1, (468, 3)).astype(np.float32)
    landmarks[:2, :2] = [[0, 0], [1, 1]]
    return landmarks * size + [left, 0, 0], 0.9


def choices(*shots: tuple[float, list[tuple[np.ndarray, float]]]) -> list[tuple[int, float] | None]:
    """(id, left) of what is followed at each time."""
    follower = _Follower()
    found = [follower.choose(time, faces) for time, faces in shots]
    return [None if face is None else (face.id, float(face.landmarks[:, 0].min())) for face in found]


# ---- who is followed -------------------------------------------------------------------------------------------------


def test_the_largest_is_chosen_and_kept_beside_a_larger_one():
    a, b, larger = there(0, 100), there(300, 90), there(600, 200)
    assert choices((0, [b, a]), (0.04, [a, b, larger]), (0.08, [larger, there(20, 95)]), (0.12, [there(40), b])) == [
        (0, 0), (0, 0), (0, 20), (0, 40),
    ]  # fmt: skip


def test_a_lost_face_keeps_its_number_at_its_place_for_a_while():
    a, other = there(0), there(300, 200)
    back = PATIENCE + 0.0399
    assert choices((0, [a]), (0.04, []), (0.3, [other]), (back, [other, a])) == [(0, 0), None, None, (0, 0)]
    late = PATIENCE + 0.0401
    assert choices((0, [a]), (0.04, []), (late, [a])) == [(0, 0), None, (1, 0)]
    assert choices((0, [a]), (0.04, [other]), (late, [other, a])) == [(0, 0), None, (1, 300)]
    # once found, it is waited for anew
    assert choices((0, [a]), (0.04, []), (0.4, [a]), (0.44, []), (0.9, [a])) == [(0, 0), None, (0, 0), None, (0, 0)]


def test_pictures_far_apart_in_time_are_followed_all_the_same():
    a, other = there(0), there(300, 200)
    assert choices((0, [a]), (2, [a, other]), (4, [other]), (6, [other])) == [(0, 0), (0, 0), None, (1, 300)]


def test_nothing_is_nothing():
    assert choices((0, []), (0.04, []), (5, [there(7)])) == [None, None, (0, 7)]


def test_overlap_is_intersection_over_union():
    a = np.array([0.0, 0, 10, 10])
    assert _overlap(a, a) == 1 and _overlap(a, a + 10) == 0 and _overlap(a, a + 30) == 0
    assert _overlap(a, np.array([5.0, 0, 15, 10])) == pytest.approx(50 / 150)
    assert _overlap(a, np.array([2.0, 2, 4, 4])) == pytest.approx(4 / 100)
    assert _overlap(np.zeros(4), np.zeros(4)) == 0
    assert choices((0, [there(0)]), (0.04, [there(100 * (1 - OVERLAP) / (1 + OVERLAP) - 1)]))[1] is not None
    assert choices((0, [there(0)]), (0.04, [there(100 * (1 - OVERLAP) / (1 + OVERLAP) + 1)]))[1] is None


# ---- on drawn faces --------------------------------------------------------------------------------------------------


def test_a_passer_by_does_not_take_over(tmp_path):
    """A small face stays; a larger one comes in beside it and goes; then the small one leaves for good."""
    alone, both, other = scene((SMALL, 10, 30)), scene((SMALL, 10, 30), (LARGE, 160, 0)), scene((LARGE, 160, 0))
    path = film(tmp_path / "a.mp4", [alone] * 5 + [both] * 10 + [alone] * 5 + [other] * 20)
    mesh = face_mesh(path)
    assert mesh.ids[:20].tolist() == [0] * 20
    left = mesh.landmarks[:, :, 0].mean(axis=1)
    assert (left[:20] < 130).all()
    # half a second without it, and the one that is there is followed
    first = int(np.flatnonzero(mesh.ids == 1)[0])
    assert mesh.times[first] - mesh.times[20] >= PATIENCE - 1e-9
    assert first - 20 <= PATIENCE * 25 + 3  # the tracker may let go a picture or two late
    assert (mesh.ids[first:] == 1).all() and (left[first:] > 160).all()
    np.testing.assert_array_equal(mesh.found, mesh.ids >= 0)


def test_the_largest_comes_first(tmp_path):
    path = film(tmp_path / "a.mp4", [scene((SMALL, 10, 30), (LARGE, 160, 0))] * 3)
    assert all(face.landmarks[:, 0].mean() > 160 for _, _, face in faces(path))
    assert MOST > 1
    with pytest.raises(UserError, match="Cannot look for 0 faces; choose 1 or more"):
        next(faces(path, most=0))


def test_landmarks_are_those_of_mediapipe_and_confidence_is_the_models(tmp_path):
    shots = [scene((DrawnFace(smile=k / 10).picture(160), 30 + 2 * k, 0)) for k in range(10)]
    path = film(tmp_path / "a.mp4", shots)
    found = list(faces(path))
    with detector("face_mesh", "multi_face_landmarks", max_num_faces=1) as process:
        for (time, picture), (same, _, face) in zip(pictures(path), found, strict=True):
            height, width = picture.shape[:2]
            shares = [(point.x * width, point.y * height, point.z * width) for point in process(picture)[0].landmark]
            np.testing.assert_allclose(face.landmarks, np.array(shares), atol=1e-3)
            assert same == time and 0.99 < face.confidence <= 1
    # from the top downwards, a face whose lower half is gone is less of a face; then it is none
    whole, empty = DrawnFace().picture(160), wall(160)
    scores = []
    with face_detector(1) as process:
        for rows in range(160, 0, -8):
            shown = process(np.concatenate([whole[:rows], empty[rows:]]))
            scores.append(shown[0][1] if shown else 0.0)
    assert scores[0] > 0.9999 and scores[-1] == 0
    assert any(0.5 < score < 0.9995 for score in scores)


def test_scores_go_with_their_faces():
    """Of several faces the half hidden one is the less sure, in whatever order they come."""
    half = DrawnFace().picture(160)
    half[96:] = wall(160)[96:]
    picture = scene((half, 0, 0), (LARGE, 160, 0))
    with face_detector(2) as process:
        for _ in range(3):
            found = process(picture)
            assert len(found) == 2
            by_place = [score for _, score in sorted(found, key=lambda one: one[0][:, 0].mean())]
            assert by_place[0] < by_place[1]


# ---- the mesh of a video ---------------------------------------------------------------------------------------------


def test_a_mesh_is_remembered_until_the_file_changes(tmp_path, monkeypatch):
    path = film(tmp_path / "a.mp4", [scene((SMALL, 10, 30))] * 4 + [scene()] * 8)
    mesh = face_mesh(path)
    assert mesh.landmarks.shape == (12, 468, 3) and mesh.landmarks.dtype == np.float32 and mesh.size == (160, 320)
    assert mesh.found[:4].all() and not mesh.found[-4:].any()
    gap = ~mesh.found
    assert not mesh.landmarks[gap].any() and not mesh.confidence[gap].any() and (mesh.ids[gap] == -1).all()
    with pytest.raises(ValueError, match="read-only"):
        mesh.landmarks[0] = 0
    calls = []
    real = faces
    monkeypatch.setattr(MODULE, "faces", lambda asked: calls.append(asked) or real(asked))
    some = face_mesh(str(path), (4, 1))
    np.testing.assert_array_equal(some.landmarks, mesh.landmarks[:, [4, 1]])
    assert face_mesh(path) is mesh and not calls
    film(path, [scene((LARGE, 160, 0))] * 3)
    os.utime(path, (clock.time(), clock.time() + 5))
    assert len(face_mesh(path).times) == 3 and len(calls) == 1
    other = film(tmp_path / "b.mp4", [scene()] * 2)
    assert len(face_mesh(other).times) == 2 and len(face_mesh(path).times) == 3 and len(calls) == 3
    path.unlink()
    with pytest.raises(UserError, match=r"a\.mp4"):
        face_mesh(path)


def test_a_long_video_grows_where_it_lies(monkeypatch):
    count = 2500
    shown = np.zeros((4, 6, 3), np.uint8)
    face = there(0)[0]
    monkeypatch.setattr(MODULE, "pictures", lambda path: ((k / 25, shown) for k in range(count)))

    class Detector:
        def __enter__(self):
            return lambda picture: [(face / 6, 0.75)]

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(MODULE, "face_detector", lambda most: Detector())
    mesh = face_mesh("no file.mp4")
    assert mesh.landmarks.shape == (count, 468, 3) and mesh.found.all() and (mesh.confidence == 0.75).all()
    np.testing.assert_allclose(mesh.landmarks[-1], face * [1, 4 / 6, 1], rtol=1e-6)
    shapes = iter([shown, shown[:, :4]])
    monkeypatch.setattr(MODULE, "pictures", lambda path: enumerate(shapes))
    with pytest.raises(UserError, match=r"b\.mp4 changes the size of its pictures at 1\.00 s; convert it to one size"):
        face_mesh("b.mp4")
