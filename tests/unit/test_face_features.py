"""geometric316, lgbp_top84, and the face mesh and clock that they stand on."""

import hashlib
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from real_data import DATA, needs_data
from sklearn.decomposition import PCA

from emotf.errors import UserError
from emotf.features import _lgbp
from emotf.features._points49 import MEAN_SHAPE, MESH, POINTS, STABLE, aligned
from emotf.features.geometric316 import Geometric316, geometry
from emotf.features.lgbp_top84 import LgbpTop84, principal
from emotf.media import face_mesh, picture_clock, pictures
from emotf.recording import Recording

NAMES = Geometric316().channels
SMALL = LgbpTop84(size=32, scales=1, orientations=2, blocks=2, frames=3, fit_frames=100)

# the numbers of the 68-point scheme on the other side of a face
OTHER = {
    **{number: 43 - number for number in range(17, 27)}, **{n: n for n in range(27, 31)},
    **{number: 66 - number for number in range(31, 36)},
    36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46, 42: 39, 43: 38, 44: 37, 45: 36, 46: 41, 47: 40,
    **{number: 102 - number for number in range(48, 55)}, 55: 59, 56: 58, 57: 57, 58: 56, 59: 55,
    61: 63, 62: 62, 63: 61, 65: 67, 66: 66, 67: 65,
}  # fmt: skip


def video(name: str) -> Recording:
    return Recording("r1", "s1", media={"video": DATA / name})


def people(frames: int = 6, seed: int = 0) -> np.ndarray:
    """Moving faces in pixels, [frames, 49, 2]."""
    rng = np.random.default_rng(seed)
    return 90 * (MEAN_SHAPE + 0.05 * rng.standard_normal((frames, 49, 2))) + [320, 180]


def moved(points: np.ndarray, scale: float, degrees: float, shift: tuple[float, float]) -> np.ndarray:
    turn = np.radians(degrees)
    return scale * points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + shift


def write_video(path: Path, images: list[np.ndarray], times: list[float]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, pix_fmt="yuv420p")
        stream.height, stream.width = images[0].shape[:2]
        stream.bit_rate = 8_000_000
        stream.codec_context.time_base = Fraction(1, 1000)
        for image, time in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


# ---- the 49 points ---------------------------------------------------------------------------------------------------


def test_the_mean_shape_is_a_face_of_two_equal_halves():
    assert len(POINTS) == len(MESH) == len(set(MESH)) == len(MEAN_SHAPE) == 49
    place = {number: MEAN_SHAPE[k] for k, number in enumerate(POINTS)}
    for number, other in OTHER.items():
        np.testing.assert_allclose(place[number], place[other] * [-1, 1])
    assert np.linalg.norm(place[45] - place[36]) == pytest.approx(1)
    np.testing.assert_allclose(np.mean([place[number] for number in STABLE], axis=0), 0, atol=1e-4)
    assert place[19][1] < place[37][1] < place[30][1] < place[51][1] < place[57][1]  # y runs down
    with pytest.raises(ValueError, match="read-only"):
        MEAN_SHAPE[0] = 0


def test_alignment_is_the_least_squares_similarity_of_the_stable_points():
    points = moved(people(), 1.3, 25, (40, -60))
    found = aligned(points)
    for face, result in zip(points, found, strict=True):
        rows, goals = [], []
        for number in STABLE:
            (x, y), (u, v) = face[POINTS.index(number)], MEAN_SHAPE[POINTS.index(number)]
            rows += [[x, -y, 1, 0], [y, x, 0, 1]]
            goals += [u, v]
        a, b, c, d = np.linalg.lstsq(np.array(rows), np.array(goals), rcond=None)[0]
        expected = [[a * x - b * y + c, b * x + a * y + d] for x, y in face]
        np.testing.assert_allclose(result, expected, atol=1e-9)


# ---- the 316 channels ------------------------------------------------------------------------------------------------


def literal(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The channels by name, one after the other."""
    rows = np.zeros((len(points), 316))
    before: dict[int, np.ndarray] = {}
    for frame, seen in enumerate(found):
        if not seen:
            before = {}
            continue
        face = dict(zip(POINTS, aligned(points[frame : frame + 1])[0], strict=True))
        mean = dict(zip(POINTS, MEAN_SHAPE, strict=True))
        median = np.median([face[number] for number in STABLE], axis=0)
        row = []
        for name in NAMES:
            kind, *rest = name.split("_")
            if kind in ("shape", "motion"):
                number, axis = int(rest[0]), "xy".index(rest[1])
                reference = mean if kind == "shape" else before or face
                row.append(face[number][axis] - reference[number][axis])
            elif kind == "distance":
                a, b = (face[int(number)] for number in rest)
                row.append(np.hypot(b[0] - a[0], b[1] - a[1]))
            elif kind == "angle":
                a, b, c = (face[int(number)] for number in rest)
                cosine = np.dot(a - b, c - b) / np.linalg.norm(a - b) / np.linalg.norm(c - b)
                row.append(np.arccos(cosine))
            else:
                row.append(np.linalg.norm(face[int(rest[0])] - median))
        rows[frame] = row
        before = face
    return rows


def test_the_channels_are_those_of_the_source():
    assert len(NAMES) == len(set(NAMES)) == 316
    kinds = [name.split("_")[0] for name in NAMES]
    expected = ["shape"] * 98 + ["motion"] * 98 + ["distance"] * 37 + ["angle"] * 34 + ["median"] * 49
    assert kinds == expected
    left, right = [17, 18, 19, 20, 21, 36, 37, 38, 39, 40, 41], [22, 23, 24, 25, 26, 42, 43, 44, 45, 46, 47]
    mouth = [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 62, 63, 65, 66, 67]
    distances, angles = [], []
    for group in (left, right, mouth):
        for k in range(len(group) - 1):
            distances.append(f"distance_{group[k]}_{group[k + 1]}")
        for k in range(len(group) - 2):
            angles.append(f"angle_{group[k]}_{group[k + 1]}_{group[k + 2]}")
    assert list(NAMES[196:267]) == distances + angles


def test_geometry_equals_the_definition_and_gaps_are_zero():
    points, found = people(8), np.array([True, True, False, False, True, True, True, False])
    points[2] = np.nan  # what a detector leaves there does not matter
    rows = geometry(points, found)
    np.testing.assert_allclose(rows, literal(points, found), atol=1e-5)
    assert not rows[~found].any()
    assert not rows[[0, 4], 98:196].any() and rows[[1, 5, 6], 98:196].all()
    assert not geometry(points, np.zeros(8, bool)).any()


def test_place_size_and_roll_of_the_head_fall_away():
    points, found = people(), np.ones(6, bool)
    other = np.stack([
        moved(face, scale, turn, shift) for face, scale, turn, shift in
        zip(points, (0.5, 1, 2, 3, 0.7, 1.1), (0, 30, -70, 180, 5, 90), zip(range(6), range(0, 600, 100), strict=True),
            strict=True)
    ])  # fmt: skip
    np.testing.assert_allclose(geometry(other, found), geometry(points, found), atol=1e-5)


def test_a_mirrored_face_changes_sides():
    points, found = people(), np.ones(6, bool)
    mirrored = points[:, [POINTS.index(OTHER[number]) for number in POINTS]] * [-1, 1] + [640, 0]
    here, there = (dict(zip(NAMES, geometry(faces, found).T, strict=True)) for faces in (points, mirrored))
    for number in POINTS:
        for what in ("shape", "motion"):
            np.testing.assert_allclose(there[f"{what}_{number}_x"], -here[f"{what}_{OTHER[number]}_x"], atol=1e-5)
            np.testing.assert_allclose(there[f"{what}_{number}_y"], here[f"{what}_{OTHER[number]}_y"], atol=1e-5)
        np.testing.assert_allclose(there[f"median_{number}"], here[f"median_{OTHER[number]}"], atol=1e-5)
    np.testing.assert_allclose(there["distance_17_18"], here["distance_25_26"], atol=1e-5)
    np.testing.assert_allclose(there["angle_48_49_50"], here["angle_52_53_54"], atol=1e-5)


def test_points_that_coincide_give_finite_channels():
    points = people(2)
    points[:, POINTS.index(65)] = points[:, POINTS.index(63)]  # closed lips
    assert np.isfinite(geometry(points, np.ones(2, bool))).all()


@needs_data
@pytest.mark.parametrize(("name", "frames"), [("faces/single_face.mp4", 72), ("grid_av/bbaf2n.mpg", 75)])
def test_geometry_of_real_faces(name, frames):
    track = Geometric316().extract(video(name))
    assert track.values.shape == (frames, 316) and track.channels == NAMES and Geometric316().gaps
    assert (track.values[:, :98] != 0).any(axis=1).all()
    named = dict(zip(NAMES, track.values.T, strict=True))
    # a face at rest is within a tenth of the distance between its eyes' corners of the mean one
    assert np.abs(track.values[:, :98]).mean() < 0.05
    assert np.abs(track.values[1:, 98:196]).mean() < 0.02 and not track.values[0, 98:196].any()
    assert (named["distance_36_37"] > 0.05).all() and (named["distance_36_37"] < 0.2).all()


@needs_data
def test_no_face_is_a_gap_of_zeros():
    track = Geometric316().extract(video("faces/no_face.mp4"))
    assert track.values.shape == (95, 316) and not track.values.any() and track.hop == pytest.approx(1 / 24)
    mesh = face_mesh(DATA / "faces" / "no_face.mp4")
    assert mesh.landmarks.shape == (95, 468, 3) and not mesh.found.any() and not mesh.landmarks.any()


@needs_data
def test_a_turned_smaller_picture_shows_the_same_face(tmp_path):
    """One clip, its pictures turned by 15 degrees, shrunk to 70 % and moved; another one mirrored; black in between."""
    images = [picture for _, picture in pictures(DATA / "grid_av" / "bbaf2n.mpg")][:30]
    height, width = images[0].shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 15, 0.7) + np.array([[0, 0, 12], [0, 0, -8.0]])
    turned = [cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_AREA) for image in images]
    turned[10:15] = [np.zeros_like(images[0])] * 5
    times = [k / 25 for k in range(30)]
    plain, other, mirrored = (
        Geometric316().extract(Recording("r", "s", {"video": write_video(tmp_path / name, shown, times)})).values
        for name, shown in (
            ("a.mp4", images), ("b.mp4", turned), ("c.mp4", [image[:, ::-1] for image in images]),
        )
    )  # fmt: skip
    gap = ~other.any(axis=1)
    assert gap[10:14].all() and not gap[:10].any() and not gap[20:].any()  # the tracker may let go a picture late
    assert not other[np.flatnonzero(gap)[-1] + 1, 98:196].any()
    shape, median = slice(0, 98), slice(267, 316)
    assert np.abs(other[~gap][:, shape] - plain[~gap][:, shape]).mean() < 0.015
    assert np.abs(other[~gap][:, median] - plain[~gap][:, median]).mean() < 0.015
    sides = [2 * POINTS.index(OTHER[number]) + axis for number in POINTS for axis in (0, 1)]
    swapped = mirrored[:, sides] * np.tile([-1, 1], 49)
    assert np.abs(swapped - plain[:, shape]).mean() < 0.015


@needs_data
def test_a_table_of_openface_gives_nearly_the_shape_of_the_mesh():
    """Two detectors, two people: what they share is the mean face."""
    recording = Recording("r1", "s1", {"openface": DATA / "faces" / "OpenFace_Test.csv"})
    track = Geometric316(table="openface", rate_hz=30).extract(recording)
    assert track.values.shape == (100, 316) and track.hop == pytest.approx(1 / 30)
    assert np.abs(track.values[:, :98].mean(axis=0)).max() < 0.08


@needs_data
def test_uneven_pictures_are_refused_or_put_on_a_clock(tmp_path):
    images = [picture for _, picture in pictures(DATA / "grid_av" / "bbaf2n.mpg")][:8]
    path = write_video(tmp_path / "a.mp4", images, [0, 0.04, 0.08, 0.2, 0.24, 0.28, 0.32, 0.36])
    recording = Recording("r", "s", {"video": path})
    with pytest.raises(UserError, match=r"a\.mp4 has pictures at uneven times .* set rate_hz"):
        Geometric316().extract(recording)
    track = Geometric316(rate_hz=25).extract(recording)
    assert track.frames == 10 and track.hop == 0.04
    shape = track.values[:, :98]
    np.testing.assert_array_equal(shape[3], shape[2])  # 0.12 s lies nearer to the picture at 0.08 s
    np.testing.assert_array_equal(shape[4], shape[5])


def test_settings_that_cannot_be_meant_are_refused():
    for feature in (Geometric316(rate_hz=-1), Geometric316(confidence=95)):
        with pytest.raises(UserError, match=r"geometric316: (rate_hz|confidence) is (-1|95), expected"):
            feature.extract(Recording("r1", "s1"))
    with pytest.raises(UserError, match="r1 has no 'landmarks'"):
        Geometric316(table="landmarks").extract(Recording("r1", "s1"))


# ---- the clock and the detector --------------------------------------------------------------------------------------


def test_a_steady_rate_is_recognised_through_rounded_times():
    for rate in (25, 30, 29.97, 24000 / 1001, 7.5):
        times = np.arange(300) / rate
        hop, places = picture_clock("a.mkv", np.round(times, 3))
        assert hop == pytest.approx(1 / rate, abs=0.001 / 299) and places.tolist() == list(range(300))
        if rate in (25, 30):
            assert hop == 1 / rate
    assert picture_clock("a.mp4", np.arange(9) * 1001 / 24000)[0] == pytest.approx(1001 / 24000, rel=1e-12)


def test_a_clock_takes_the_nearest_picture():
    times = np.sort(np.random.default_rng(0).uniform(0, 4, 70))
    times[0] = 0
    hop, nearest = picture_clock("a.mp4", times, 20)
    assert hop == 0.05 and len(nearest) == int(times[-1] * 20) + 1
    for frame, picture in enumerate(nearest):
        assert np.abs(times - frame * 0.05).argmin() == picture
    assert picture_clock("a.mp4", np.array([0.0]), 25)[1].tolist() == [0]


@pytest.mark.parametrize(
    ("times", "rate", "message"),
    [
        ([0.0], 0, "one picture only"),
        ([0.0, 0.0], 0, "uneven times"),
        ([0.0, 0.04, 0.08, 0.16], 0, r"uneven times \(0\.\d+ s off a steady"),
        ([0.0, 0.04], -25, "-25 frames a second are no rate"),
        ([0.0, 0.04], float("nan"), "nan frames a second are no rate"),
    ],
)
def test_a_clock_is_refused(times, rate, message):
    with pytest.raises(UserError, match=message):
        picture_clock("a.mp4", np.array(times), rate)


@needs_data
def test_the_detector_is_light_and_quiet_and_repeats_itself():
    """No TensorFlow, nothing on standard error, the same landmarks in another process and after another recording."""
    clip = DATA / "grid_av" / "bbaf2n.mpg"
    code = (
        "import sys, hashlib; from emotf.media import face_mesh; "
        f"found = face_mesh({str(clip)!r}); print(hashlib.sha256(found.landmarks.tobytes()).hexdigest(), "
        "'tensorflow' in sys.modules, found.found.all())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    face_mesh(DATA / "faces" / "single_face.mp4", MESH)
    mesh = face_mesh(clip)
    assert done.stdout.split() == [hashlib.sha256(mesh.landmarks.tobytes()).hexdigest(), "False", "True"]
    assert done.stderr == ""
    assert mesh.landmarks.shape == (75, 468, 3) and mesh.landmarks.dtype == np.float32
    np.testing.assert_array_equal(face_mesh(clip, MESH).landmarks, mesh.landmarks[:, list(MESH)])
    eyes = mesh.landmarks[:, [33, 263], :2]  # in pixels of a picture of 360 x 288
    assert (eyes > 50).all() and (eyes[..., 0] < 300).all() and (eyes[..., 1] < 240).all()
    np.testing.assert_allclose(mesh.times, np.arange(75) / 25, atol=1e-9)


# ---- local Gabor binary patterns -------------------------------------------------------------------------------------


def test_codes_are_those_of_the_textbook():
    """A 3 x 3 picture, written out: neighbours at least as large as the middle, from the upper left corner on."""
    now = np.array([[[6, 5, 2], [7, 6, 1], [9, 8, 7]]], np.float32)
    low, high = np.zeros_like(now), np.full_like(now, 10)
    xy, tx, ty = _lgbp.codes(low, now, high).reshape(3)
    # 6 5 2 1 7 8 9 7 >= 6: 1 0 0 0 1 1 1 1, first neighbour in bit 0
    assert xy == 0b11110001
    # rows of t: 0 0 0 / 7 6 1 / 10 10 10, round from t - 1: 0 0 0 1 10 10 10 7
    assert tx == 0b11110000
    # 0 0 0 / 5 6 8 / 10 10 10: 0 0 0 8 10 10 10 5
    assert ty == 0b01111000


def test_codes_of_volumes_equal_the_definition():
    rng = np.random.default_rng(0)
    volume = rng.integers(0, 4, (3, 2, 5, 6)).astype(np.float32)
    found = _lgbp.codes(*volume)
    assert found.shape == (3, 2, 3, 4)
    circle = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    for number in range(2):
        for y in range(1, 4):
            for x in range(1, 5):
                middle = volume[1, number, y, x]
                planes = [
                    [volume[1, number, y + a, x + b] for a, b in circle],
                    [volume[1 + a, number, y, x + b] for a, b in circle],
                    [volume[1 + a, number, y + b, x] for a, b in circle],
                ]
                for plane, neighbours in enumerate(planes):
                    code = sum(2**bit for bit, value in enumerate(neighbours) if value >= middle)
                    assert found[plane, number, y - 1, x - 1] == code


def test_58_patterns_are_uniform():
    names, seen = _lgbp.uniform_patterns(), {}
    for code in range(256):
        bits = f"{code:08b}"
        changes = sum(bits[k] != bits[k - 1] for k in range(8))
        if changes <= 2:
            seen[code] = len(seen)
    assert len(seen) == 58
    assert names.tolist() == [seen.get(code, 58) for code in range(256)]


def test_histograms_count_patterns_block_by_block():
    found = np.random.default_rng(0).integers(0, 256, (3, 2, 10, 10)).astype(np.uint8)
    shares = _lgbp.histograms(found, 3).reshape(3, 2, 3, 3, 59)
    edges = [(0, 4), (4, 7), (7, 10)]
    patterns = _lgbp.uniform_patterns()
    for plane, number, row, column in np.ndindex(3, 2, 3, 3):
        (top, bottom), (left, right) = edges[row], edges[column]
        cells = patterns[found[plane, number, top:bottom, left:right]].ravel()
        expected = [np.mean(cells == pattern) for pattern in range(59)]
        np.testing.assert_allclose(shares[plane, number, row, column], expected, atol=1e-7)


def test_gabor_filters_answer_to_their_wave_and_not_to_even_light():
    bank = _lgbp.gabor_bank(80, 3, 6)
    assert bank.shape == (18, 80, 80)
    assert _lgbp.magnitudes(np.full((80, 80), 200, np.uint8), bank).max() < 1e-4
    y, x = np.mgrid[:80, :80]
    for scale, wavelength in enumerate((4.0, 4 * 2**0.5, 8.0)):
        for step in range(6):
            angle = np.pi * step / 6
            wave = 128 + 80 * np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wavelength)
            answers = _lgbp.magnitudes(wave, bank)[:, 20:-20, 20:-20].mean(axis=(1, 2))
            assert answers.argmax() == 6 * scale + step
            assert answers.max() == pytest.approx(40, rel=0.1)  # half a cosine: the filter sees one of its two sides
    # the same filter in the picture, a wave under a Gaussian
    kernel = np.fft.fftshift(np.fft.ifft2(bank[6 + 2]))
    wavelength, angle = 4 * 2**0.5, np.pi / 3
    sigma, dx, dy = 0.56 * wavelength, x - 40, y - 40
    expected = np.exp(-(dx**2 + dy**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    expected = expected * np.exp(2j * np.pi * (dx * np.cos(angle) + dy * np.sin(angle)) / wavelength)
    np.testing.assert_allclose(kernel, expected, atol=2e-4)


def test_a_crop_shows_the_face_wherever_it_is():
    """Blobs at three points of a face come out at their places on the mean shape, whatever its place, size and roll."""
    marks = [POINTS.index(number) for number in (36, 45, 57)]
    for scale, turn, shift in ((60, 0, (200, 150)), (150, 20, (260, 220)), (25, -160, (120, 90))):
        points = moved(MEAN_SHAPE, scale, turn, shift)
        y, x = np.mgrid[:480, :640]
        for mark in marks:
            near = np.exp(-((x - points[mark][0]) ** 2 + (y - points[mark][1]) ** 2) / (2 * (0.05 * scale) ** 2))
            picture = np.repeat((255 * near).astype(np.uint8)[..., None], 3, axis=2)
            face = _lgbp.crop(picture, points.astype(np.float32), 64)[8:-8, 8:-8].astype(float)
            assert face.shape == (64, 64) and face.max() > 150
            v, u = np.mgrid[:64, :64]
            centre = np.array([(face * u).sum(), (face * v).sum()]) / face.sum()
            np.testing.assert_allclose(centre, (MEAN_SHAPE[mark] - [-0.85, -0.80]) / 1.7 * 64, atol=0.2)


def test_volumes_repeat_the_ends_of_a_run_of_faces():
    rng = np.random.default_rng(0)
    crops = [None, *(rng.integers(0, 256, (48, 48)).astype(np.uint8) for _ in range(4)), None, None]
    crops += [rng.integers(0, 256, (48, 48)).astype(np.uint8)]
    bank = _lgbp.gabor_bank(48, 1, 2)
    found = list(_lgbp.described(iter(crops), 32, 1, 2, 2, 5))
    assert [row is None for row in found] == [crop is None for crop in crops]

    def layer(k: int, first: int, last: int) -> np.ndarray:
        three = (crops[min(max(j, first), last)] for j in (k - 1, k, k + 1))
        return _lgbp.histograms(_lgbp.codes(*(_lgbp.magnitudes(face, bank) for face in three)), 2)

    for k in range(1, 5):
        layers = [layer(min(max(j, 1), 4), 1, 4) for j in (k - 1, k, k + 1)]
        np.testing.assert_allclose(found[k], np.mean(layers, axis=0), atol=1e-6)
    np.testing.assert_allclose(found[7], layer(7, 7, 7), atol=1e-6)
    assert len(found[1]) == 2 * 3 * 4 * 59
    np.testing.assert_allclose(found[1].reshape(-1, 59).sum(axis=1), 1, atol=1e-5)


def test_components_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((40, 12)) * np.linspace(3, 1, 12)) @ rng.standard_normal((12, 500)) + 5
    rows = rows.astype(np.float32)
    expected = PCA(6, svd_solver="full").fit(rows.astype(np.float64))
    mean, basis = principal(rows.copy(), 6)
    np.testing.assert_allclose(mean, expected.mean_, rtol=1e-5)
    signs = np.sign((basis * expected.components_).sum(axis=1))
    np.testing.assert_allclose(basis * signs[:, None], expected.components_, atol=1e-4)
    largest = np.abs(basis).argmax(axis=1)
    assert (basis[np.arange(6), largest] > 0).all()
    with pytest.raises(UserError, match="40 frames vary in fewer than 14 directions"):
        principal(rows.copy(), 14)


@needs_data
def test_lgbp_top84_of_real_faces():
    train = [video("faces/single_face.mp4"), video("grid_av/swiz3n.mpg")]
    fitted = SMALL.fit(train)
    assert SMALL._learned is None  # the part itself is not changed
    track = fitted.extract(video("grid_av/bbaf2n.mpg"))
    assert track.values.shape == (75, 84) and track.hop == 0.04 and track.channels[-1] == "pc84"
    assert (track.values != 0).any(axis=1).all()
    seen = np.concatenate([fitted.extract(recording).values for recording in train])
    spread = seen.std(axis=0)
    assert spread[0] > spread[5] > spread[83] > 0
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=0.2 * spread[0])  # 100 of 147 frames were drawn
    again = SMALL.fit(train)
    for name in ("mean", "basis"):
        assert fitted.learned[name].tobytes() == again.learned[name].tobytes()
    np.testing.assert_allclose(fitted.learned["basis"] @ fitted.learned["basis"].T, np.eye(84), atol=1e-4)
    nothing = fitted.extract(video("faces/no_face.mp4"))
    assert nothing.values.shape == (95, 84) and not nothing.values.any() and SMALL.gaps


@needs_data
def test_too_few_faces_are_refused():
    with pytest.raises(UserError, match="0 frames of train hold a face, its basis of 84 components needs more"):
        SMALL.fit([video("faces/no_face.mp4")])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 4}, "a volume of 4 pictures"),
        ({"frames": 1}, "a volume of 1 pictures"),
        ({"size": 8}, "size is 8, expected at least 16"),
        ({"scales": 0}, "scales is 0"),
        ({"fit_frames": 50}, "fit_frames is 50, expected at least 100"),
        ({"size": 16, "blocks": 15}, "16 pixels cannot be divided into 15 blocks"),
    ],
)
def test_lgbp_settings_are_refused(changes, message):
    with pytest.raises(UserError, match=f"lgbp_top84: {message}"):
        LgbpTop84(**changes).fit([Recording("r1", "s1")])


def test_lgbp_must_be_fitted_first():
    with pytest.raises(UserError, match="lgbp_top84 has not been fitted; extract the stream first"):
        LgbpTop84().extract(Recording("r1", "s1"))
    assert LgbpTop84().described == 50976
