"""Faces as they are filmed: frames of streams on even clocks, equal to those of the whole film."""

from dataclasses import replace

import numpy as np
import pytest
from real_data import DATA, needs_data

from emotf.errors import UserError
from emotf.features.face_mesh import FaceMesh
from emotf.features.head_pose import HeadPose
from emotf.features.landmarks140 import Landmarks140
from emotf.media import picture_clock
from emotf.media.face_mesh import Face, faces
from emotf.recording import Recording
from emotf.serving import watching
from emotf.serving.watching import Watched

PARTS = {"face_mesh": FaceMesh(), "landmarks140": Landmarks140(), "head_pose": HeadPose()}


def watched(**rates):
    parts = {name: replace(PARTS[name], rate_hz=rate_hz) for name, rate_hz in rates.items()}
    hops = {name: 1 / rate_hz for name, rate_hz in rates.items()}
    return Watched(parts, hops, {name: list(part.channels) for name, part in parts.items()}), parts


def collected(of, film):
    """stream -> all frames."""
    found = [of.push(*shot) for shot in film] + [of.finish()]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


@needs_data
def test_a_film_gives_the_streams_that_are_extracted_of_it():
    clip = DATA / "grid_av" / "bbaf2n.mpg"
    of, parts = watched(face_mesh=25.0, landmarks140=10.0, head_pose=40.0)
    found = collected(of, faces(clip))
    recording = Recording("clip", "s", {"video": clip})
    for name, part in parts.items():
        np.testing.assert_array_equal(found[name], part.extract(recording).values)


@pytest.mark.parametrize("seed", range(5))
def test_frames_take_the_nearest_picture_at_uneven_times(seed):
    rng = np.random.default_rng(seed)
    times = np.concatenate([[0.0], np.cumsum(rng.choice([0.02, 0.04, 0.1], 40))])
    shots = [(time, np.zeros((100, 200, 3), np.uint8), Face(np.full((468, 3), 1.0 + k), 0, 1.0)) for k, time in
             enumerate(times)]  # fmt: skip
    found = collected(watched(landmarks140=25.0)[0], shots)["landmarks140"]
    _, nearest = picture_clock("film", times, 25.0)
    np.testing.assert_allclose(found[:, 0] * 200, 1 + nearest)


def test_a_lost_face_is_a_gap():
    shots = [(0.04 * k, np.zeros((9, 9, 3), np.uint8), None) for k in range(3)]
    assert not collected(watched(landmarks140=25.0)[0], shots)["landmarks140"].any()


def test_no_picture_is_said():
    with pytest.raises(UserError, match="There was no picture"):
        watched(landmarks140=25.0)[0].finish()


class Camera:
    """What watching asks of OpenCV's camera: two pictures, then it is gone."""

    def __init__(self, number):
        self.number, self.left = number, 2

    def isOpened(self):  # noqa: N802  (theirs)
        return self.number == 0

    def release(self):
        self.number = None

    def read(self):
        self.left -= 1
        return self.left >= 0, np.full((4, 4, 3), (3, 2, 1), np.uint8)


def test_a_camera_gives_rgb_from_0_on_until_it_is_gone(monkeypatch, capsys):
    import cv2

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    film = watching.camera(0)
    first, second = next(film), next(film)
    assert first[0] == 0 and second[0] > 0 and first[1][0, 0].tolist() == [1, 2, 3]
    assert next(film, None) is None and "camera 0 gives no picture any more" in capsys.readouterr().err
    with pytest.raises(UserError, match="There is no camera 1"):
        watching.camera(1)
