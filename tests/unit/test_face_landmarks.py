"""openpose_face140 and openface_landmarks136: points of other tools, whose they are, and on which clock they stand."""

import json
from pathlib import Path

import numpy as np
import pytest
from real_data import DATA, needs_data

from emotf.errors import UserError
from emotf.features.landmarks140 import Landmarks140
from emotf.features.openface_landmarks136 import OpenfaceLandmarks136
from emotf.features.openpose_face140 import OpenposeFace140
from emotf.features.openpose_json import OpenposeJson
from emotf.media import video_writer
from emotf.recording import Recording

RNG = np.random.default_rng(0)
FACE = RNG.uniform(20, 90, (70, 2)).round(2)
SURE = RNG.uniform(0.1, 0.9, 70).round(2)
BODY = RNG.uniform(0, 200, (25, 2)).round(2)


def person(shift: float = 0, scale: float = 1.0, body: bool | None = True, face: bool | None = True, **more) -> dict:
    """One of OpenPose's people; True: all points are there, False: all are 0, None: none were looked for."""
    lists = {"person_id": [-1], "hand_left_keypoints_2d": []}
    for name, points, sure, there in (("pose", BODY, np.full(25, 0.5), body), ("face", FACE, SURE, face)):
        numbers = np.column_stack([scale * points + [shift, 0], sure]).ravel()
        lists[f"{name}_keypoints_2d"] = [] if there is None else (numbers * there).tolist()
    return lists | more


def openpose(path: Path, *frames: list, **media: Path) -> Recording:
    path.mkdir()
    for number, people in enumerate(frames):
        (path / f"a_{number:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))
    return Recording("r1", "s1", media={"openpose": path, **media})


def face(recording: Recording, **fields) -> np.ndarray:
    return OpenposeFace140(**{"rate_hz": 10, "coordinates": "pixels", **fields}).extract(recording).values


def film(path: Path, times: np.ndarray, height: int = 48, width: int = 64) -> Path:
    with video_writer(path, 25) as write:
        for time in times:
            write(np.zeros((height, width, 3), np.uint8), time)
    return path


def table(path: Path, frames: int = 5, rate: float = 25.0, **media: Path) -> Recording:
    """A table of 68 points: x of point p in frame k is 100 p + k, y half of it."""
    lines = [
        "frame, face_id, timestamp, confidence, success, " + ", ".join(f"{a}_{p}" for a in "xy" for p in range(68))
    ]
    for k in range(frames):
        x = 100.0 * np.arange(68) + k
        cells = ", ".join(f"{cell:.1f}" for cell in (*x, *x / 2))
        lines.append(f"{k + 1}, 0, {k / rate:.3f}, 0.95, 1, {cells}")
    path.write_text("\r\n".join([*lines, ""]))
    return Recording("r1", "s1", media={"openface": path, **media})


def points(frames: int) -> np.ndarray:
    """What `table` holds, [frames, 68, 2]."""
    x = 100.0 * np.arange(68) + np.arange(frames)[:, None]
    return np.stack([x, x / 2], axis=-1)


# ---- OpenPose's face -------------------------------------------------------------------------------------------------


def test_seventy_points_in_the_channels_of_landmarks140(tmp_path):
    recording = openpose(tmp_path / "a", [person()], [])
    feature = OpenposeFace140(rate_hz=25, coordinates="pixels")
    track = feature.extract(recording)
    assert track.channels == feature.channels == Landmarks140().channels and len(track.channels) == 142
    assert (track.hop, track.start, feature.medium, feature.media) == (0.04, 0.0, "openpose", ("openpose",))
    assert feature.gaps and feature.window == 0
    for point, (x, y) in enumerate(FACE):
        assert track.channels[2 * point : 2 * point + 2] == (f"x_{point}", f"y_{point}")
        np.testing.assert_allclose(track.values[0, 2 * point : 2 * point + 2], [x, y], rtol=1e-6)
    np.testing.assert_allclose(track.values[0, 140:], [sum(SURE) / 70, 1], rtol=1e-6)
    assert not track.values[1].any()
    bare = OpenposeFace140(rate_hz=25, width=200, height=400, flags=False)
    assert bare.channels == Landmarks140(flags=False).channels
    np.testing.assert_allclose(bare.extract(recording).values[0].reshape(70, 2), FACE / [200, 400], rtol=1e-6)


def test_a_face_that_is_not_there_is_a_gap_and_a_point_is_0(tmp_path):
    half = person()
    half["face_keypoints_2d"][3 * 7 : 3 * 8] = [50.0, 60.0, 0.0]
    values = face(openpose(tmp_path / "a", [person()], [person(face=False)], [person(face=None)], [half]))
    assert values[:, -1].tolist() == [1, 0, 0, 1] and not values[1:3].any()
    assert values[3, 14:16].tolist() == [0, 0] and values[3, 140] == pytest.approx((sum(SURE) - SURE[7]) / 70)


def test_the_face_is_of_whom_the_body_stream_follows(tmp_path):
    """A large man without a face at first, beside a small one; he is told by his id, is lost, and then the other is."""
    he, other = {"shift": 0}, {"shift": 500, "scale": 0.6}
    frames = [
        [person(**he, face=False), person(**other)],
        [person(**other), person(**he)],
        [person(**other, person_id=[3]), person(**he, person_id=[8])],
        [person(**other, person_id=[8]), person(**he, person_id=[3])],
        *[[person(**he, person_id=[3])]] * 6,
        [person(**he, person_id=[3]), person(**other, person_id=[8])],
    ]
    recording = openpose(tmp_path / "a", *frames)
    bodies = OpenposeJson(rate_hz=10, coordinates="pixels").extract(recording).values
    faces = face(recording)
    # x of the nose -> x of the first point of the same person's face
    nose, jaw = BODY[0, 0], FACE[0, 0]
    whose = {nose: jaw, 0.6 * nose + 500: 0.6 * jaw + 500, 0.0: 0.0}
    followed = [min(whose, key=lambda x: abs(x - seen)) for seen in bodies[:, 0]]
    assert set(followed) == set(whose)
    expected = [0.0, *(whose[x] for x in followed[1:])]  # his face was not found in the first frame
    np.testing.assert_allclose(faces[:, 0], expected, rtol=1e-6)


def test_without_bodies_a_face_is_followed_by_its_points(tmp_path):
    """OpenPose with --body 0: he moves to the right, somebody larger comes later; he is gone for one frame."""
    he = [person(3 * k, body=None) for k in range(6)]
    other = person(600, scale=2, body=None)
    values = face(openpose(tmp_path / "a", he[:1], [other, he[1]], [he[2], other], [other], [other, he[4]], [he[5]]))
    np.testing.assert_allclose(values[:, 0], [*(FACE[0, 0] + 3 * k for k in range(3)), 0, FACE[0, 0] + 12,
                                              FACE[0, 0] + 15], rtol=1e-6)  # fmt: skip
    with pytest.raises(UserError, match="'pose_keypoints_2d' holds 0 numbers, expected 75"):
        OpenposeJson(rate_hz=10, coordinates="pixels").extract(openpose(tmp_path / "b", [person(body=None)]))


def test_openpose_without_faces_is_refused(tmp_path):
    old = person()
    del old["face_keypoints_2d"]
    for name, people in (("a", [person(face=None)]), ("b", [old])):
        with pytest.raises(UserError, match=r"holds people but no points of a face; OpenPose was run without --face"):
            face(openpose(tmp_path / name, [], people, people))
    assert not face(openpose(tmp_path / "nobody", [], [])).any()
    assert not face(openpose(tmp_path / "hidden", [person(face=False)])).any()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([1.0] * 209, "person 0: 'face_keypoints_2d' holds 209 numbers, expected 210"),
        (7, "'face_keypoints_2d' holds no list, expected 210"),
        (["x"] * 210, "'face_keypoints_2d' holds something that is no number"),
        ([float("nan")] * 210, "'face_keypoints_2d' holds something that is no number"),
    ],
)
def test_a_damaged_face_is_named(tmp_path, numbers, message):
    recording = openpose(tmp_path / "a", [person()], [person(face_keypoints_2d=numbers)])
    with pytest.raises(UserError, match=rf"a_000000000001_keypoints\.json.*{message}") as error:
        face(recording)
    assert "\n" not in str(error.value)
    OpenposeJson(rate_hz=10, coordinates="pixels").extract(recording)  # which does not look at it


@needs_data
@pytest.mark.parametrize("camera", [1, 3])
def test_real_people_with_faces_put_on_them(tmp_path, camera):
    """The real files are without faces; a face round everybody's nose must stay with the nose that is followed."""
    source = DATA / "openpose" / f"openpose_cam{camera}_json"
    with pytest.raises(UserError, match="OpenPose was run without --face"):
        face(Recording("r1", "s1", media={"openpose": source}))
    (tmp_path / "a").mkdir()
    for path in source.glob("*.json"):
        content = json.loads(path.read_text())
        for someone in content["people"]:
            x, y, sure = someone["pose_keypoints_2d"][:3]
            someone["face_keypoints_2d"] = (np.tile([x, y, 1], (70, 1)) * (sure > 0)).ravel().tolist()
        (tmp_path / "a" / path.name).write_text(json.dumps(content))
    recording = Recording("r1", "s1", media={"openpose": tmp_path / "a"})
    body = OpenposeJson(rate_hz=60, model="body_25b", coordinates="pixels").extract(recording)
    values = face(recording, rate_hz=60)
    assert values.shape == (100, 142) and values[:, -1].any()
    for point in range(70):
        np.testing.assert_array_equal(values[:, 2 * point : 2 * point + 2], body.values[:, :2])


# ---- OpenFace's points -----------------------------------------------------------------------------------------------


def test_sixty_eight_points_are_the_first_of_landmarks140(tmp_path):
    recording = table(tmp_path / "a.csv")
    feature = OpenfaceLandmarks136(coordinates="pixels")
    track = feature.extract(recording)
    assert track.channels == feature.channels and len(track.channels) == 138 and track.hop == 0.04
    assert track.channels[:136] == Landmarks140().channels[:136] and feature.gaps
    np.testing.assert_allclose(track.values[:, :136].reshape(5, 68, 2), points(5))
    np.testing.assert_allclose(track.values[:, 136:], [[0.95, 1]] * 5, rtol=1e-6)
    shares = OpenfaceLandmarks136(rate_hz=50, width=640, height=320, flags=False).extract(recording)
    assert shares.hop == 0.02
    np.testing.assert_allclose(shares.values.reshape(5, 68, 2), points(5) / [640, 320], rtol=1e-6)


def test_frames_without_a_face_are_gaps(tmp_path):
    recording = table(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    lines[2] = lines[2].replace("0.95, 1", "0.95, 0")
    lines[3] = lines[3].replace("0.95", "0.60")
    del lines[4]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    values = OpenfaceLandmarks136(coordinates="pixels", confidence=0.7).extract(recording).values
    assert values[:, -1].tolist() == [1, 0, 0, 0, 1] and not values[1:4].any()
    kept = OpenfaceLandmarks136(coordinates="pixels").extract(recording).values
    assert kept[:, -1].tolist() == [1, 0, 1, 0, 1] and kept[2, -2] == pytest.approx(0.6)


def test_one_of_several_faces(tmp_path):
    recording = table(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join([*lines, lines[2].replace("2, 0,", "2, 1,", 1)]))
    with pytest.raises(UserError, match="holds several faces, by face_id"):
        OpenfaceLandmarks136(coordinates="pixels").extract(recording)
    values = OpenfaceLandmarks136(coordinates="pixels", face=1).extract(recording).values
    assert values[:, -1].tolist() == [0, 1, 0, 0, 0]


def test_tables_without_points_are_refused(tmp_path):
    recording = table(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text().replace("y_67", "Y_67"))
    with pytest.raises(UserError, match=r"a\.csv has no column 'y_67'; .* run OpenFace with more"):
        OpenfaceLandmarks136(coordinates="pixels").extract(recording)


@needs_data
def test_a_real_table():
    path = DATA / "faces" / "OpenFace_Test.csv"
    track = OpenfaceLandmarks136(rate_hz=30, coordinates="pixels").extract(Recording("r1", "s1", {"openface": path}))
    cells = [[cell.strip() for cell in line.split(",")] for line in path.read_text().splitlines()]
    for channel, values in zip(track.channels[:136], track.values.T, strict=False):
        np.testing.assert_allclose(values, [float(row[cells[0].index(channel)]) for row in cells[1:]], rtol=1e-6)
    assert track.values[:, -1].all()
    place = {name: values for name, values in zip(track.channels, track.values.T, strict=True)}
    assert (place["x_36"] < place["x_45"]).all() and (place["y_27"] < place["y_8"]).all()


# ---- size and clock of the picture -----------------------------------------------------------------------------------

KINDS = [OpenposeJson, OpenposeFace140, OpenfaceLandmarks136]


def made(kind: type, path: Path, frames: int, **media: Path) -> Recording:
    """What a tool wrote of a video; its first coordinate grows from frame to frame."""
    if kind is OpenfaceLandmarks136:
        return table(path, frames, **media)
    return openpose(path, *([person(k)] for k in range(frames)), **media)


@pytest.mark.parametrize("kind", KINDS)
def test_the_video_tells_size_and_times(tmp_path, kind):
    """Two videos of different sizes and rates make one stream."""
    for name, rate, height, width, frames in (("a", 25, 48, 64, 6), ("b", 50, 96, 32, 11)):
        video = film(tmp_path / f"{name}.mp4", np.arange(frames) / rate, height, width)
        recording = made(kind, tmp_path / name, frames, video=video)
        feature = kind(clock="video", rate_hz=25)
        assert feature.media == (feature.stream, "video")
        track, plain = feature.extract(recording), kind(coordinates="pixels", rate_hz=rate).extract(recording)
        step = rate // 25
        assert track.hop == 0.04 and track.frames == 6 and plain.frames == frames
        np.testing.assert_allclose(track.values[:, 0], plain.values[::step, 0] / width, rtol=1e-6)
        np.testing.assert_allclose(track.values[:, 1], plain.values[::step, 1] / height, rtol=1e-6)
        assert kind(clock="video").extract(recording).hop == 1 / rate
        own = kind(clock="video", width=10, height=20).extract(recording).values
        np.testing.assert_allclose(own[:, :2], plain.values[:, :2] / [10, 20], rtol=1e-6)


@pytest.mark.parametrize("kind", [OpenposeJson, OpenposeFace140])
def test_files_that_begin_late_are_gaps_on_the_clock_of_the_video(tmp_path, kind):
    recording = made(kind, tmp_path / "a", 6, video=film(tmp_path / "a.mp4", np.arange(6) / 25))
    whole = kind(clock="video").extract(recording).values
    for number in range(2):
        (tmp_path / "a" / f"a_{number:012d}_keypoints.json").unlink()
    late = kind(clock="video").extract(recording).values
    assert not late[:2].any() and whole[:2].any(axis=1).all()
    np.testing.assert_array_equal(late[2:], whole[2:])
    # without a clock, and where it is asked for, the first file is the first frame
    assert len(kind(coordinates="pixels", rate_hz=25).extract(recording).values) == 4
    moved = kind(clock="video", first_frame=2).extract(recording).values
    np.testing.assert_array_equal(moved[:4], whole[2:])


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_at_uneven_times(tmp_path, kind):
    times = np.cumsum([0, *[0.03, 0.05] * 5])
    recording = made(kind, tmp_path / "a", 11, video=film(tmp_path / "a.mp4", times))
    with pytest.raises(UserError, match=r"a\.mp4 has pictures at uneven times"):
        kind(clock="video").extract(recording)
    track = kind(clock="video", coordinates="pixels", rate_hz=10).extract(recording)
    plain = kind(coordinates="pixels", rate_hz=25).extract(recording).values
    np.testing.assert_array_equal(track.values, plain[[int(np.abs(times - t).argmin()) for t in track.times]])


def test_who_is_lost_is_waited_for_on_the_clock_of_the_video(tmp_path):
    """At 50 pictures a second, 0.5 s are 25 of them, whatever the rate of the stream."""
    frames = [[person(), person(500, 0.6)], *[[person(500, 0.6)]] * 29]
    recording = openpose(tmp_path / "a", *frames, video=film(tmp_path / "a.mp4", np.arange(30) / 50))
    found = OpenposeFace140(clock="video", rate_hz=25).extract(recording).values[:, -1]
    assert found.tolist() == [1, *[0] * 12, 1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_of_one_picture(tmp_path, kind):
    recording = made(kind, tmp_path / "a", 1, video=film(tmp_path / "a.mp4", np.zeros(1)))
    assert kind(clock="video", rate_hz=25).extract(recording).frames == 1
    with pytest.raises(UserError, match=r"a\.mp4 has one picture only, so its rate is unknown; set rate_hz"):
        kind(clock="video").extract(recording)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_of_another_video_is_refused(tmp_path, kind):
    video = film(tmp_path / "a.mp4", np.arange(30) / 25)
    with pytest.raises(UserError, match=rf"31 frames, but .*a\.mp4 has 30 pictures; run {kind.tool} on this very"):
        kind(clock="video").extract(made(kind, tmp_path / "long", 31, video=video))
    with pytest.raises(UserError, match=r"4 frames, but .*a\.mp4 has 30 pictures"):
        kind(clock="video").extract(made(kind, tmp_path / "short", 4, video=video))
    values = kind(clock="video").extract(made(kind, tmp_path / "end", 26, video=video)).values
    assert values.shape[0] == 30 and values[:26, -1].all() and not values[26:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_settings_that_do_not_fit_are_refused(tmp_path, kind):
    recording = made(kind, tmp_path / "a", 3, video=film(tmp_path / "a.mp4", np.arange(3) / 25))
    part = kind().part
    for fields, message in (
        ({"coordinates": "metres"}, "coordinates is 'metres', choose one of image, pixels"),
        ({}, "the picture is 0 x 0 pixels, expected width= and height= of the video; or name .* clock="),
        ({"clock": "video", "width": 64}, "the picture is 64 x 0 pixels"),
        ({"width": 64, "height": -1}, "the picture is 64 x -1 pixels"),
        ({"width": 64, "height": 48, "rate_hz": 1001}, "rate_hz is 1001, expected frames a second"),
    ):
        with pytest.raises(UserError, match=f"^{part}: {message}"):
            kind(**{"rate_hz": 25, **fields}).extract(recording)
    with pytest.raises(UserError, match="r1 has no 'film'"):
        kind(clock="film").extract(recording)


@pytest.mark.parametrize("kind", [OpenposeJson, OpenposeFace140])
def test_openpose_needs_a_rate_or_a_video_and_pixels(tmp_path, kind):
    recording = openpose(tmp_path / "a", [person()])
    with pytest.raises(UserError, match=rf"^{kind().part}: rate_hz is 0, expected frames .* clock="):
        kind(coordinates="pixels").extract(recording)
    shares = openpose(tmp_path / "b", [person(scale=0.002)])
    with pytest.raises(UserError, match=r"holds no pixels but shares of the picture already .* coordinates=pixels"):
        kind(rate_hz=25, width=64, height=48).extract(shares)
    assert kind(rate_hz=25, coordinates="pixels").extract(shares).values[0, 0] < 1


def test_confidence_out_of_range_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"openface_landmarks136: confidence is 1\.5, expected 0 to 1"):
        OpenfaceLandmarks136(coordinates="pixels", confidence=1.5).extract(table(tmp_path / "a.csv"))


def test_a_clock_can_be_any_medium():
    assert OpenfaceLandmarks136(stream="faces", clock="film").media == ("faces", "film")
