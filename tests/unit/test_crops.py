"""face_crop, aligned_crops, and the squares and pictures that they stand on."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from real_data import DATA, needs_data

from emotf import catalog
from emotf.errors import UserError
from emotf.features._crops import CROP_CHANNELS
from emotf.features.aligned_crops import AlignedCrops
from emotf.features.face_crop import FaceCrop
from emotf.media import face_mesh, pictures, video_writer
from emotf.media.crops import Square, crop, face_square
from emotf.recording import Recording

LEFT_EYE, RIGHT_EYE = 33, 263  # outer corners, as one sees them


def face(*points: tuple[float, float]) -> np.ndarray:
    """A mesh whose points all lie in these places, the eyes in the first two."""
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, :2] = np.resize(np.array(points, float), (468, 2))
    mesh[LEFT_EYE, :2], mesh[RIGHT_EYE, :2] = points[:2]
    return mesh


def texture(height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


# ---- squares ---------------------------------------------------------------------------------------------------------


def test_the_square_is_the_box_enlarged_and_squared_about_its_centre():
    mesh = face((30, 40), (50, 42), (40, 90.4), (35, 20))  # 20 wide, 70.4 tall, centre (40, 55.2)
    assert face_square(mesh, 5) == Square(left=0, top=15, side=80)
    assert face_square(mesh, 0) == Square(left=5, top=20, side=70)
    assert face_square(mesh + 0.3, 5) == Square(left=0, top=16, side=80)
    assert face_square(face((7, 7), (7, 7)), 0) == Square(left=6, top=6, side=1)


def test_an_upright_square_turns_with_the_eyes():
    turn = np.radians(20)  # clockwise, y runs down
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    level = np.array([(-20, -10), (20, -10), (-30, 0), (30, 0), (0, 60), (0, -50)], float)
    turned = level @ matrix.T + (200, 150)
    square = face_square(face(*turned), 5, upright=True)
    assert square.roll == pytest.approx(20, abs=1e-4) and square.side == 120  # 110 tall + 2 x 5
    centre = matrix @ (0, 5) + (200, 150)
    assert np.abs(np.array([square.left, square.top]) + 60 - centre).max() <= 0.5
    assert face_square(face(*turned), 5).roll == 0
    picture = np.zeros((300, 400, 3), np.uint8)
    for x, y in turned[:2]:
        cv2.circle(picture, (round(x), round(y)), 4, (255, 255, 255), -1)
    seen = crop(picture, square, 120)
    rows, columns = np.nonzero(seen[..., 0] > 128)
    left = columns < 60
    eyes = [(columns[side].mean(), rows[side].mean()) for side in (left, ~left)]
    np.testing.assert_allclose(eyes, [(40, 45), (80, 45)], atol=1.2)


@pytest.mark.parametrize(("left", "top"), [(10, 5), (-7, -4), (60, 45), (-30, 20), (100, 100)])
def test_a_crop_of_its_own_size_copies_and_repeats_the_edge(left, top):
    picture = texture()
    wide = np.pad(picture, ((200, 200), (200, 200), (0, 0)), mode="edge")
    expected = wide[top + 200 : top + 240, left + 200 : left + 240]
    np.testing.assert_array_equal(crop(picture, Square(left, top, 40), 40), expected)
    for size in (40, 16, 96):  # what is done to a colour is done to a grey picture
        grey = crop(np.ascontiguousarray(picture[..., 1]), Square(left, top, 40), size)
        np.testing.assert_array_equal(grey, crop(picture, Square(left, top, 40), size)[..., 1])


def test_a_smaller_crop_is_the_mean_over_areas():
    picture = texture()
    cells = picture[6:54, 10:58].reshape(16, 3, 16, 3, 3).astype(float)
    np.testing.assert_allclose(crop(picture, Square(10, 6, 48), 16), cells.mean(axis=(1, 3)), atol=0.51)


def test_a_larger_crop_is_linear_and_stays_in_its_place():
    ramp = np.tile(3 * np.arange(80, dtype=np.uint8)[None, :, None], (60, 1, 3))
    seen = crop(ramp, Square(10, 10, 32), 128)
    expected = np.clip(10 + (np.arange(128) + 0.5) / 4 - 0.5, 10, 41)  # pixels are cells, not points
    np.testing.assert_allclose(seen[64, :, 0], 3 * expected, atol=0.8)


# ---- cut from a video ------------------------------------------------------------------------------------------------


def test_parts_and_channels():
    for name, part in (("face_crop", FaceCrop), ("aligned_crops", AlignedCrops)):
        assert catalog.find("features", name) is part
        assert part().channels == CROP_CHANNELS and part().kind == "pictures" and part().gaps and part().window == 0
    assert (FaceCrop().medium, FaceCrop().media) == ("video", ("video",))
    assert (AlignedCrops().medium, AlignedCrops().media) == ("crops", ("crops", "video"))
    assert FaceCrop(crops="aligned", clock="").media == ("aligned",)
    assert FaceCrop().size == 224 and FaceCrop().margin_px == 5


@needs_data
def test_face_crop_of_a_talking_face():
    clip = DATA / "grid_av" / "bbaf2n.mpg"
    recording = Recording("r1", "s1", media={"video": clip})
    film = FaceCrop().film(recording)
    shots, mesh = list(film.shots), face_mesh(clip)
    assert (len(shots), film.hop, film.start) == (75, 0.04, 0.0)
    for (seen, beside), landmarks, (_, picture) in zip(shots, mesh.landmarks, pictures(clip), strict=True):
        (left, top, side), low, high = beside[:3], landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
        assert side == round(float((high - low).max()) + 10) and (left, top, side) == tuple(map(int, beside[:3]))
        assert np.abs([left + side / 2, top + side / 2] - (low + high) / 2).max() <= 0.5 + 1e-3
        assert seen.shape == (224, 224, 3) and seen.dtype == np.uint8 and beside.dtype == np.float32
        left, top, side = map(int, (left, top, side))
        cut = cv2.resize(picture[top : top + side, left : left + side], (224, 224), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(seen, cut)
    beside = np.stack([values for _, values in shots])
    np.testing.assert_array_equal(FaceCrop().extract(recording).values, beside)
    np.testing.assert_array_equal(
        beside[:, 3:], np.column_stack([np.zeros(75), mesh.ids, mesh.confidence, np.ones(75)])
    )
    slow = FaceCrop(rate_hz=50).film(recording)
    for number, (seen, values) in enumerate(slow.shots):
        np.testing.assert_array_equal(values, beside[(number + 1) // 2])
        np.testing.assert_array_equal(seen, shots[(number + 1) // 2][0])
    assert (number, slow.hop) == (148, 0.02)


@needs_data
def test_a_rolled_head_is_set_upright(tmp_path):
    """The same clip, turned by 25 degrees: upright crops hardly change."""
    clip = DATA / "grid_av" / "bbaf2n.mpg"
    matrix = cv2.getRotationMatrix2D((179.5, 143.5), -25, 1)  # clockwise
    with video_writer(tmp_path / "turned.mp4", 25) as write:
        for number, (_, picture) in enumerate(pictures(clip)):
            if number < 20:
                write(cv2.warpAffine(picture, matrix, (360, 288), borderMode=cv2.BORDER_REPLICATE))
    found = []
    for path in (clip, tmp_path / "turned.mp4"):
        shots = list(FaceCrop(upright=True).film(Recording("r1", "s1", media={"video": path})).shots)
        found.append(shots[15])
    assert found[1][1][3] - found[0][1][3] == pytest.approx(25, abs=3)
    middle = slice(50, 174)
    correlation = np.corrcoef(*(shot[0][middle, middle].ravel() for shot in found))[0, 1]
    assert correlation > 0.9


@needs_data
def test_no_face_no_picture():
    recording = Recording("r1", "s1", media={"video": DATA / "faces" / "no_face.mp4"})
    shots = list(FaceCrop().film(recording).shots)
    assert len(shots) == 95 and all(picture is None and not values.any() for picture, values in shots)


# ---- ready crops -----------------------------------------------------------------------------------------------------


def ready(path: Path, names: dict[str, int], size: int = 32) -> Path:
    """A folder of even grey pictures: name -> grey."""
    path.mkdir(exist_ok=True)
    for name, level in names.items():
        cv2.imwrite(str(path / name), np.full((size, size, 3), level, np.uint8))
    return path


def film(path: Path, times: list[float]) -> Path:
    with video_writer(path, 25) as write:
        for time in times:
            write(np.zeros((48, 64, 3), np.uint8), time)
    return path


def greys(feature: FaceCrop | AlignedCrops, recording: Recording) -> list[int | None]:
    return [None if picture is None else round(picture.mean()) for picture, _ in feature.film(recording).shots]


OPENFACE = {"frame_det_00_000002.bmp": 20, "frame_det_00_000003.bmp": 30, "frame_det_00_000010.bmp": 100}
AFF_WILD2 = {"00002.jpg": 20, "00003.jpg": 30, "00010.jpg": 100}
PLAIN = {"clip_2.png": 20, "clip_3.PNG": 30, "clip_10.jpeg": 100}


@pytest.mark.parametrize(
    "names", [OPENFACE, AFF_WILD2, {f"{name[:5]}.png": level for name, level in AFF_WILD2.items()}]
)
def test_ready_crops_are_joined_by_number(tmp_path, names):
    folder = ready(tmp_path / "crops", names)
    (folder / "notes.txt").write_text("not a picture")
    video = film(tmp_path / "a.mp4", [number / 25 for number in range(12)])
    recording = Recording("r1", "s1", media={"crops": folder, "video": video})
    track = AlignedCrops().extract(recording)
    assert (track.frames, track.hop, track.start, track.channels) == (12, 0.04, 0.0, CROP_CHANNELS)
    expected = [None, 20, 30, *[None] * 6, 100, None, None]
    assert greys(AlignedCrops(), recording) == greys(FaceCrop(crops="crops"), recording) == expected
    for level, values in zip(expected, track.values, strict=True):
        assert values.tolist() == ([0] * 7 if level is None else [0, 0, 0, 0, 0, 1, 1])
    alone = Recording("r1", "s1", media={"crops": folder})
    film_ = AlignedCrops(clock="", rate_hz=30, size=48).film(alone)
    assert film_.hop == 1 / 30 and [p.shape for p, _ in film_.shots if p is not None] == [(48, 48, 3)] * 3
    assert greys(AlignedCrops(clock="", rate_hz=30), alone) == expected[:10]


def test_ready_crops_on_the_clock_of_an_uneven_video(tmp_path):
    folder = ready(tmp_path / "crops", {"1.png": 10, "2.png": 20, "3.png": 30})
    video = film(tmp_path / "a.mp4", [0, 0.04, 0.2])
    recording = Recording("r1", "s1", media={"crops": folder, "video": video})
    with pytest.raises(UserError, match="pictures at uneven times"):
        AlignedCrops().film(recording)
    assert greys(AlignedCrops(rate_hz=25), recording) == [10, 20, 20, 30, 30, 30]


def test_one_of_several_faces_is_chosen(tmp_path):
    names = {"frame_det_00_000001.bmp": 10, "frame_det_03_000001.bmp": 40, "frame_det_03_000002.bmp": 50}
    recording = Recording("r1", "s1", media={"crops": ready(tmp_path / "crops", names)})
    with pytest.raises(UserError, match=r"holds crops of faces 0 \(1 crops\), 3 \(2 crops\); choose one of them"):
        AlignedCrops(clock="", rate_hz=25).film(recording)
    with pytest.raises(UserError, match="choose one of them"):
        AlignedCrops(clock="", rate_hz=25, face=1).film(recording)
    track = AlignedCrops(clock="", rate_hz=25, face=3).extract(recording)
    assert track.values[:, 4].tolist() == [3, 3]
    (tmp_path / "crops" / "frame_det_00_000001.bmp").unlink()
    assert AlignedCrops(clock="", rate_hz=25).extract(recording).values[:, 4].tolist() == [3, 3]


def test_ready_crops_beyond_the_video_are_refused(tmp_path):
    folder, video = ready(tmp_path / "crops", {"00004.png": 10}), film(tmp_path / "a.mp4", [0, 0.04, 0.08])
    recording = Recording("r1", "s1", media={"crops": folder, "video": video})
    with pytest.raises(UserError, match=r"a crop of picture 4 \(00004.png\), but .*a\.mp4 has 3 pictures"):
        AlignedCrops().film(recording)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "holds no pictures"),
        ({"face.png": 1}, r"face\.png has no frame number of 1 or more"),
        ({"00000.png": 1}, r"00000\.png has no frame number of 1 or more"),
        ({"00001.png": 1, "1.jpg": 1}, r"holds frame 1 twice \(00001.png, 1.jpg\)"),
    ],
)
def test_names_that_say_nothing_are_refused(tmp_path, names, message):
    recording = Recording("r1", "s1", media={"crops": ready(tmp_path / "crops", names)})
    with pytest.raises(UserError, match=message):
        AlignedCrops(clock="", rate_hz=25).film(recording)


def test_damaged_pictures_are_named(tmp_path):
    folder = ready(tmp_path / "crops", {"1.jpg": 90})
    recording = Recording("r1", "s1", media={"crops": folder})
    feature = AlignedCrops(clock="", rate_hz=25)
    whole = cv2.imencode(".jpg", texture(64, 64))[1].tobytes()
    for content, message in (
        (whole[: len(whole) // 2], "cannot be read as a picture"),
        (b"", "cannot be read as a picture"),
        (b"a text\n", "cannot be read as a picture"),
        (cv2.imencode(".jpg", texture(60, 80))[1].tobytes(), "has 80 x 60 pixels; expected a square"),
    ):
        (folder / "1.jpg").write_bytes(content)
        with pytest.raises(UserError, match=rf"1\.jpg {message}") as raised:
            feature.extract(recording)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (FaceCrop(margin_px=-1), "face_crop: margin_px is -1"),
        (FaceCrop(size=0), "face_crop: size is 0"),
        (AlignedCrops(upright=True), "aligned_crops: ready crops are taken as they are"),
        (FaceCrop(crops="crops", margin_px=3), "face_crop: ready crops are taken as they are"),
        (AlignedCrops(clock=""), "aligned_crops: rate_hz is 0"),
        (AlignedCrops(crops=""), "aligned_crops: name the medium that holds the folder"),
        (FaceCrop(), "r1 has no 'video'"),
        (AlignedCrops(), "r1 has no 'crops'"),
    ],
)
def test_crop_settings_are_refused(feature, message):
    with pytest.raises(UserError, match=message):
        feature.extract(Recording("r1", "s1"))
