"""pose36 and openpose_json: the same 18 key points from two sources."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from real_data import DATA, needs_data

from emotf.errors import UserError
from emotf.features.openpose_json import OpenposeJson
from emotf.features.pose36 import Pose36
from emotf.media import body_pose, face_mesh, pose, video_writer
from emotf.recording import Recording


def names(text: str) -> list[str]:
    return text.split()


# the published orders, written out
COCO = names(
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist RHip RKnee RAnkle LHip LKnee LAnkle REye LEye REar LEar"
)
BODY_25 = names(
    "Nose Neck RShoulder RElbow RWrist LShoulder LElbow LWrist MidHip RHip RKnee RAnkle LHip LKnee LAnkle REye LEye "
    "REar LEar LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel"
)
BODY_25B = names(
    "Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip LKnee RKnee LAnkle RAnkle "
    "UpperNeck HeadTop LBigToe LSmallToe LHeel RBigToe RSmallToe RHeel"
)
MEDIAPIPE = names(
    "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
    "mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
    "right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle left_heel right_heel left_foot_index right_foot_index"
)

# somebody who faces us, 170 pixels tall; the neck lies between the shoulders
BODY = {
    "Nose": (100, 30), "Neck": (101, 55), "RShoulder": (80, 54), "RElbow": (70, 80), "RWrist": (65, 105),
    "LShoulder": (122, 56), "LElbow": (132, 82), "LWrist": (137, 107), "MidHip": (101, 110), "RHip": (88, 110),
    "RKnee": (87, 150), "RAnkle": (86, 190), "LHip": (114, 110), "LKnee": (115, 151), "LAnkle": (116, 191),
    "REye": (95, 25), "LEye": (105, 26), "REar": (88, 28), "LEar": (112, 29), "UpperNeck": (101, 45),
    "HeadTop": (100, 10), "LBigToe": (118, 198), "LSmallToe": (123, 197), "LHeel": (115, 195), "RBigToe": (84, 198),
    "RSmallToe": (79, 197), "RHeel": (87, 195),
}  # fmt: skip
EXPECTED = np.array([BODY[name] for name in COCO], float)


def body(
    order: list[str] = BODY_25, shift: tuple[float, float] = (0, 0), scale: float = 1.0, missing: str = "", **more
):
    """One of OpenPose's people."""
    numbers: list[float] = []
    for name in order:
        x, y = BODY[name]
        numbers += [0, 0, 0] if name in missing.split() else [scale * x + shift[0], scale * y + shift[1], 0.5]
    return {"person_id": [-1], "pose_keypoints_2d": numbers} | more


def folder(path: Path, frames: dict[str, list]) -> Recording:
    path.mkdir(exist_ok=True)
    for name, people in frames.items():
        (path / f"{name}.json").write_text(json.dumps({"version": 1.3, "people": people}))
    return Recording("r1", "s1", media={"openpose": path})


def walk(path: Path, *frames: list) -> Recording:
    return folder(path, {f"clip_{number:012d}_keypoints": people for number, people in enumerate(frames)})


def read(recording: Recording, **fields) -> np.ndarray:
    return OpenposeJson(**{"rate_hz": 10, "coordinates": "pixels", **fields}).extract(recording).values


# ---- MediaPipe -------------------------------------------------------------------------------------------------------


def detecting(answers: list) -> Callable:
    @contextmanager
    def detector(solution: str, found: str, **settings):
        assert (solution, found, settings) == ("pose", "pose_landmarks", {"model_complexity": 1})
        coming = iter(answers)
        yield lambda picture: next(coming)

    return detector


def film(path: Path, frames: int, height: int = 48, width: int = 64) -> Path:
    with video_writer(path, 25) as write:
        for _ in range(frames):
            write(np.zeros((height, width, 3), np.uint8))
    return path


def test_each_key_point_is_the_landmark_of_its_name(tmp_path, monkeypatch):
    assert len(MEDIAPIPE) == 33
    rng = np.random.default_rng(0)
    marks = {name: rng.uniform(0, 1, 3).tolist() for name in MEDIAPIPE}
    answer = SimpleNamespace(landmark=[SimpleNamespace(x=x, y=y, visibility=v) for x, y, v in marks.values()])
    monkeypatch.setattr(pose, "detector", detecting([answer, None, answer]))
    recording = Recording("r1", "s1", media={"video": film(tmp_path / "a.mp4", 3)})
    feature = Pose36(visibility=True)
    track = feature.extract(recording)
    assert track.channels == feature.channels and track.values.shape == (3, 56) and track.hop == 0.04
    sides = {"R": "right_", "L": "left_"}
    for number, name in enumerate(COCO):
        if name == "Neck":
            x, y, sure = np.mean([marks["left_shoulder"], marks["right_shoulder"]], axis=0)
            label = "neck"
        else:
            label = name.lower() if name == "Nose" else sides[name[0]] + name[1:].lower()
            x, y, sure = marks[label]
        assert track.channels[2 * number : 2 * number + 2] == (f"{label}_x", f"{label}_y")
        assert track.channels[36 + number] == f"{label}_visibility"
        np.testing.assert_allclose(track.values[[0, 2], 2 * number], x, rtol=1e-5)
        np.testing.assert_allclose(track.values[[0, 2], 2 * number + 1], y, rtol=1e-5)
        np.testing.assert_allclose(track.values[[0, 2], 36 + number], sure, rtol=1e-5)
    assert track.channels[54:] == ("confidence", "found") and track.values[:, 55].tolist() == [1, 0, 1]
    np.testing.assert_allclose(track.values[0, 54], track.values[0, 36:54].mean(), rtol=1e-5)
    assert not track.values[1].any() and feature.gaps
    monkeypatch.setattr(pose, "detector", detecting([answer, None, answer]))
    pixels = Pose36(coordinates="pixels", flags=False).extract(recording).values
    np.testing.assert_allclose(pixels, track.values[:, :36] * np.tile([64, 48], 18), rtol=1e-5)


def test_both_sources_have_the_same_channels():
    for fields in ({}, {"flags": False}, {"visibility": True}):
        assert Pose36(**fields).channels == OpenposeJson(**fields).channels
    assert [len(Pose36(**fields).channels) for fields in ({}, {"flags": False}, {"visibility": True})] == [38, 36, 56]
    assert (Pose36().medium, OpenposeJson().medium, Pose36().window) == ("video", "openpose", 0.0)


@needs_data
def test_a_talking_head():
    clip = DATA / "grid_av" / "bbaf2n.mpg"
    track = Pose36(coordinates="pixels").extract(Recording("r1", "s1", media={"video": clip}))
    assert (track.frames, track.hop, track.start) == (75, 0.04, 0.0)
    assert track.values[:, -1].all() and ((track.values[:, -2] > 0.3) & (track.values[:, -2] < 0.6)).all()
    place = dict(zip(track.channels, track.values.T, strict=True))
    mesh = face_mesh(clip, [1, 33, 133, 263, 362]).landmarks  # tip of the nose, corners of both eyes
    for name, marks in (("nose", [0]), ("right_eye", [1, 2]), ("left_eye", [3, 4])):
        point = np.stack([place[f"{name}_x"], place[f"{name}_y"]], axis=1)
        away = np.linalg.norm(point - mesh[:, marks, :2].mean(axis=1), axis=1)
        assert np.median(away) < 15  # of a face 140 pixels wide
    np.testing.assert_allclose(place["neck_x"], (place["left_shoulder_x"] + place["right_shoulder_x"]) / 2, rtol=1e-5)
    assert (place["right_shoulder_x"] < place["neck_x"]).all() and (place["left_ankle_y"] > 288).all()
    slow = Pose36(rate_hz=12.5).extract(Recording("r1", "s1", media={"video": clip}))
    assert (slow.frames, slow.hop) == (38, 0.08)
    np.testing.assert_allclose(slow.values[:, :36], track.values[::2, :36] / np.tile([360, 288], 18), atol=1e-5)


def test_a_black_picture_holds_nobody(tmp_path):
    one = Recording("r1", "s1", media={"video": film(tmp_path / "a.mp4", 1)})
    track = Pose36(rate_hz=25).extract(one)
    assert track.values.shape == (1, 38) and not track.values.any()
    with pytest.raises(UserError, match="has one picture only, so its rate is unknown; set rate_hz"):
        Pose36().extract(one)
    with pytest.raises(UserError, match="pose36: coordinates is 'metres', choose one of image, pixels"):
        Pose36(coordinates="metres").extract(one)


def test_pictures_of_two_sizes_are_refused(monkeypatch):
    shots = [(0.0, np.zeros((4, 6, 3), np.uint8), None), (0.04, np.zeros((6, 4, 3), np.uint8), None)]
    monkeypatch.setattr(pose, "bodies", lambda path: iter(shots))
    with pytest.raises(UserError, match=r"a\.mp4 changes the size of its pictures at 0\.04 s"):
        body_pose("a.mp4")


# ---- OpenPose --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "fields"), [(COCO, {}), (BODY_25, {}), (BODY_25B, {"model": "body_25b"}), (COCO, {"model": "body_25b"})]
)
def test_every_model_gives_the_same_18(tmp_path, order, fields):
    values = read(walk(tmp_path / "a", [body(order)], []), visibility=True, **fields)
    np.testing.assert_allclose(values[0, :36].reshape(18, 2), EXPECTED)
    np.testing.assert_allclose(values[0, 36:], [0.5] * 18 + [0.5, 1])
    assert not values[1].any()


@pytest.mark.parametrize(
    ("order", "model", "other"), [(BODY_25, "body_25b", "body_25"), (BODY_25B, "body_25", "body_25b")]
)
@pytest.mark.parametrize("missing", ["", "RKnee LKnee RAnkle LAnkle RHip LHip MidHip LBigToe LHeel RHeel RBigToe"])
def test_the_wrong_model_shows_in_the_limbs(tmp_path, order, model, other, missing):
    recording = walk(tmp_path / "a", [body(order, missing=missing)])
    with pytest.raises(UserError, match=f"read as {model}, limbs are .* so it is of {other}; choose model={other}"):
        read(recording, model=model)


def test_a_missing_key_point_is_no_corner_of_the_picture(tmp_path):
    people = [body(missing="LWrist"), body(BODY_25, missing=" ".join(BODY_25))]
    values = read(walk(tmp_path / "a", people[:1], people[1:]), visibility=True)
    wrist = COCO.index("LWrist")
    assert not values[0, 2 * wrist : 2 * wrist + 2].any() and values[0, 36 + wrist] == 0
    assert values[0, -2:].tolist() == [pytest.approx(0.5 * 17 / 18), 1]
    assert not values[1].any()  # somebody without a single key point is nobody
    halves = read(walk(tmp_path / "b", [body(BODY_25B, missing="LShoulder")]), model="body_25b")
    assert not halves[0, 2:4].any()  # the neck needs both shoulders


def test_coordinates_by_the_size_of_the_picture(tmp_path):
    recording = walk(tmp_path / "a", [body()])
    values = read(recording, coordinates="image", width=200, height=400, flags=False)
    np.testing.assert_allclose(values[0].reshape(18, 2), EXPECTED / [200, 400], rtol=1e-6)
    with pytest.raises(UserError, match=r"the picture is 200 x 0 pixels, expected width= and height="):
        read(recording, coordinates="image", width=200)
    with pytest.raises(UserError, match=r"holds no pixels but shares of the picture already .* coordinates=pixels"):
        read(walk(tmp_path / "b", [body(scale=0.005)]), coordinates="image", width=200, height=200)


def test_frames_are_ordered_by_number_and_gaps_are_frames(tmp_path):
    recording = folder(tmp_path / "a", {f"cam01.{number}": [body(shift=(number, 0))] for number in (8, 9, 10, 12)})
    values = read(recording)
    assert values[:, -1].tolist() == [1, 1, 1, 0, 1]
    np.testing.assert_allclose(values[:, 0], [108, 109, 110, 0, 112])
    track = OpenposeJson(rate_hz=50, coordinates="pixels", first_frame=7).extract(recording)
    assert track.values[:, -1].tolist() == [0, 1, 1, 1, 0, 1] and (track.hop, track.start) == (0.02, 0.0)
    with pytest.raises(UserError, match="begins with frame 8, before first_frame 9"):
        read(recording, first_frame=9)


def test_one_person_is_followed_through_a_crowd(tmp_path):
    """He walks to the right, another, smaller one to the left behind him; their order in the file changes."""
    frames = []
    for k in range(30):
        he, other = body(shift=(10 * k, 0)), body(shift=(350 - 12 * k, 60), scale=0.8 + 0.02 * k)
        frames.append([he, other] if k % 3 else [other, he])
    np.testing.assert_allclose(read(walk(tmp_path / "a", *frames))[:, 0], 100 + 10 * np.arange(30))


def test_ids_count_more_than_places(tmp_path):
    frames = [[body(person_id=[4]), body(shift=(30, 0), scale=0.9, person_id=[2])]]
    frames += [[body(person_id=[2]), body(shift=(30, 0), scale=0.9, person_id=[4])]]
    np.testing.assert_allclose(read(walk(tmp_path / "a", *frames))[:, 0], [100, 120])


def test_who_is_lost_is_waited_for(tmp_path):
    he, other = body(), body(shift=(400, 0), scale=0.9)
    frames = [[he, other], [other], [other], [he, other], *[[other]] * 7]
    values = read(walk(tmp_path / "a", *frames))  # 10 frames a second: 0.5 s are 5 frames
    np.testing.assert_allclose(values[:, 0], [100, 0, 0, 100, 0, 0, 0, 0, 490, 490, 490])


def test_confidence_is_at_most_one(tmp_path):
    person = body()
    person["pose_keypoints_2d"][2::3] = [1.004] * 25
    assert read(walk(tmp_path / "a", [person]), visibility=True)[0, 36:].tolist() == [1] * 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"version": 1.3, "people": [{"person_id": [-1], "pose_key', r"1_keypoints\.json is not valid JSON"),
        ("", r"1_keypoints\.json is not valid JSON"),
        ("[1, 2]", "has no list 'people'"),
        ('{"people": [[1, 2]]}', "person 0: 'pose_keypoints_2d' holds no list"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "holds 3 numbers, expected 75"),
        (json.dumps({"people": [{"pose_keypoints_2d": ["a"] * 54}]}), "holds something that is no number"),
        (json.dumps({"people": [{"pose_keypoints_2d": [[1]] * 54}]}), "holds something that is no number"),
        (json.dumps({"people": [{"pose_keypoints_2d": [float("nan")] * 54}]}), "holds something that is no number"),
        (json.dumps({"people": [body(COCO)]}), "is of another body model than the files before it"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content, message):
    recording = walk(tmp_path / "a", [body()], [body()], [body()])
    (tmp_path / "a" / "clip_000000000001_keypoints.json").write_text(content)
    with pytest.raises(UserError, match=message) as raised:
        read(recording)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds no .json files"),
        (["keypoints"], "has no frame number in its name"),
        (["a_0001", "b_0002"], r"holds files of two names \(a_0001.json, b_0002.json\)"),
        (["a_0001", "a_001"], r"holds frame 1 twice \(a_0001.json, a_001.json\)"),
    ],
)
def test_names_that_say_nothing_are_refused(tmp_path, names, message):
    with pytest.raises(UserError, match=message):
        read(folder(tmp_path / "a", {name: [body()] for name in names}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rate_hz": 0}, "rate_hz is 0, expected frames a second"),
        ({"coordinates": "metres"}, "openpose_json: coordinates is 'metres'"),
        ({"model": "body_135"}, "model is 'body_135', expected one of body_25, body_25b"),
    ],
)
def test_openpose_settings_are_refused(tmp_path, fields, message):
    with pytest.raises(UserError, match=message):
        read(walk(tmp_path / "a", [body()]), **fields)


@needs_data
@pytest.mark.parametrize("camera", [1, 3])
def test_real_files(camera):
    """Of a man who walks, in BODY_25B; camera 1 sees two or three people."""
    path = DATA / "openpose" / f"openpose_cam{camera}_json"
    recording = Recording("r1", "s1", media={"openpose": path})
    track = OpenposeJson(rate_hz=60, model="body_25b", width=1088, height=1920, visibility=True).extract(recording)
    assert track.values.shape == (100, 56) and track.values[:, -1].all()
    points, sure = track.values[:, :36].reshape(-1, 18, 2) * [1088, 1920], track.values[:, 36:54]
    both = (sure[1:] > 0) & (sure[:-1] > 0)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    assert max(np.median(step[there]) for step, there in zip(steps, both, strict=True)) < 15  # he never jumps
    place = {name: points[:, number, 1] for number, name in enumerate(COCO)}
    heights = [place[name][place[name] > 0].mean() for name in ("Nose", "Neck", "RHip", "RKnee", "RAnkle")]
    assert heights == sorted(heights)
    with pytest.raises(UserError, match="choose model=body_25b"):
        OpenposeJson(rate_hz=60, width=1088, height=1920).extract(recording)
