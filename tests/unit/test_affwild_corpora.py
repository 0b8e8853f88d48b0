"""Aff-Wild, Aff-Wild2 and AFEW-VA: what is read, what is odd about them, and files that are not as published."""

import json
import re
import shutil
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image
from published import BOM, CRLF, LANDMARKS, SAME, Twins, check_break, empty, golds, gone, latin, moved, text

from emotf.corpora import _per_frame
from emotf.corpora._per_frame import dealt
from emotf.corpora._twin import at, drawn, traces
from emotf.corpora.afew_va import AfewVa
from emotf.corpora.affwild2 import Affwild2
from emotf.errors import UserError
from emotf.features.action_units import ActionUnits
from emotf.features.aligned_crops import AlignedCrops
from emotf.features.mfcc39 import Mfcc39
from emotf.features.openpose_face140 import OpenposeFace140
from emotf.features.openpose_json import OpenposeJson
from emotf.media import pictures, video_info, video_writer
from emotf.recording import partitions
from emotf.records import Store, extract

AFFWILD_RATING = "annotations/train/arousal/103.txt"
AFFWILD2_RATING = "VA_Estimation_Challenge/Train_Set/video2.txt"
AFEW_JSON = "01/002/002.json"


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    return Twins(tmp_path_factory)


@pytest.fixture
def copy(twins, tmp_path):
    return lambda name: twins.copy(name, tmp_path)


def of(corpus, name):
    return next(recording for recording in corpus.recordings() if recording.id == name)


def line(number, value):
    """Line `number`, from 1, becomes `value`."""

    def change(content):
        lines = content.split("\n")
        lines[number - 1] = value
        return "\n".join(lines)

    return text(change)


def lines_of(path, first=0):
    return path.read_text().split("\n")[first:-1]


# ---- splits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "count", "sizes"),
    [("70:30", 10, (7, 3, 0)), ("90:10", 252, (227, 25, 0)), ("8:1:1", 10, (8, 1, 1)), ("1:1", 3, (2, 1, 0))],
)
def test_units_are_dealt_in_shares_by_the_seed(split, count, sizes):
    names = [f"v{k}" for k in range(count)]
    places = dealt(names, split, seed=3)
    assert tuple(list(places.values()).count(part) for part in ("train", "dev", "test")) == sizes
    assert places == dealt(reversed(names), split, seed=3) and set(places) == set(names)
    if count > 3:
        assert places != dealt(names, split, seed=4)


def test_one_unit_more_moves_only_those_at_the_border():
    names = [f"v{k}" for k in range(200)]
    before, after = dealt(names, "70:30", 0), dealt([*names, "new"], "70:30", 0)
    assert sum(before[name] != after[name] for name in names) <= 1


@pytest.mark.parametrize("split", ["", "70", "70:0", "70/30", "0.7:0.3", "1:1:1:1", "70:30\n", "published"])
def test_a_split_that_is_none(split):
    with pytest.raises(UserError, match="A split is shares of train and dev"):
        dealt(["a", "b"], split, seed=0)


def test_splits_that_cannot_be(twins):
    with pytest.raises(UserError, match="leaves nothing for dev; choose other shares"):
        replace(twins("affwild"), split="99:1").recordings()
    with pytest.raises(UserError, match="A seed is 0 or above, received -1"):
        replace(twins("affwild"), seed=-1).recordings()


# ---- Aff-Wild --------------------------------------------------------------------------------------------------------


def test_affwild_rows_are_pictures(twins):
    corpus = twins("affwild")
    found = {recording.id: recording for recording in corpus.recordings()}
    assert sorted(found) == ["101", "102", "103", "104", "105"]
    assert {r.partition for r in found.values()} == {"train", "dev"} and found["103"].subject == "103"
    rated = corpus.ratings(found["103"], "valence")
    assert (rated.hop, rated.start, rated.channels) == (0.04, 0.0, ("gold",))
    expected = lines_of(corpus.path / "annotations/train/valence/103.txt")
    np.testing.assert_allclose(rated.values[:, 0], np.array(expected, float), atol=1e-6)
    assert video_info(found["103"].medium("video")).frames == len(expected) == 25
    assert Mfcc39().extract(found["103"]).end > 0.9


def test_affwild_rows_and_pictures_of_other_numbers_are_cut_and_named(twins):
    corpus = twins("affwild")
    frames = {r.id: corpus.ratings(r, "arousal").frames for r in corpus.recordings()}
    assert frames == {"101": 25, "102": 24, "103": 25, "104": 25, "105": 25}
    (note, left_out) = corpus.notes()
    assert note.startswith("2 recordings have rows and pictures in other numbers and are cut at the shorter end: ")
    assert note.endswith("101 (27 rows, 25 pictures), 102 (24 rows, 25 pictures)")
    assert left_out == "1 videos of test have no ratings and are left out (unrated lists them): 106"
    strict = replace(corpus, slack_frames=1)
    assert strict.ratings(of(strict, "102"), "arousal").frames == 24
    with pytest.raises(UserError, match=r"101.txt: 27 rows, 25 pictures .*, expected one row a picture; restore"):
        strict.ratings(of(strict, "101"), "arousal")


def test_affwild_targets_of_other_lengths_are_cut_alike(copy):
    corpus = copy("affwild")
    text(lambda content: content + "0.25\n0.5\n")(corpus.path / AFFWILD_RATING)
    recording = of(corpus, "103")
    assert {corpus.ratings(recording, target).frames for target in corpus.targets} == {25}
    assert "103 (27 rows of arousal, 25 rows of valence, 25 pictures)" in corpus.notes()[0]


def test_affwild_test_is_listed_where_asked_for_or_rated(copy):
    corpus = copy("affwild")
    unrated = of(replace(corpus, unrated=True), "106")
    assert unrated.partition == "test" and corpus.ratings(unrated, "arousal") is None
    assert replace(corpus, unrated=True).notes()[1].endswith("have no ratings and are listed all the same: 106")
    for target in corpus.targets:
        path = corpus.path / "annotations/test" / target / "106.txt"
        path.parent.mkdir(parents=True)
        path.write_text("0.5\n" * 25)
    divided = partitions(corpus.recordings(), None)
    assert [r.id for r in divided["test"]] == ["106"] and len(divided["train"]) == 4


def test_affwild_without_videos_needs_a_rate(copy):
    corpus = copy("affwild")
    shutil.rmtree(corpus.path / "videos")
    with pytest.raises(UserError, match=r"103 has no video in .*; restore the video, or set rate_hz"):
        corpus.ratings(of(corpus, "103"), "arousal")
    own = replace(corpus, rate_hz=30)
    assert own.ratings(of(own, "101"), "arousal").frames == 27 and own.ratings(of(own, "101"), "arousal").hop == 1 / 30


def test_affwild_takes_the_nearest_picture_where_times_are_uneven(copy):
    corpus = copy("affwild")
    times = np.cumsum([0, *([0.03, 0.05] * 12)])
    with video_writer(corpus.path / "videos/train/103.mp4", rate_hz=25) as write:
        for k, time in enumerate(times):
            write(np.full((32, 32, 3), 10 * k, np.uint8), time)
    with pytest.raises(UserError, match=r"103.mp4 has pictures at uneven times .*; set rate_hz"):
        replace(corpus).ratings(of(corpus, "103"), "arousal")
    rows = np.array(lines_of(corpus.path / AFFWILD_RATING), float)
    steady = replace(corpus, rate_hz=10).ratings(of(corpus, "103"), "arousal")
    nearest = [int(np.abs(times - t).argmin()) for t in steady.times]
    assert steady.hop == 0.1
    np.testing.assert_allclose(steady.values[:, 0], rows[nearest], atol=1e-6)


def test_affwild_reads_avi(copy):
    corpus = copy("affwild")
    source = corpus.path / "videos/train/103.mp4"
    with av.open(str(source.with_suffix(".avi")), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width = stream.height = 96
        stream.pix_fmt = "yuvj420p"
        for _, picture in pictures(source):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    with pytest.raises(UserError, match="stand for the same video; take one away"):
        corpus.recordings()
    source.unlink()
    recording = of(corpus, "103")
    assert recording.medium("video").suffix == ".avi" and corpus.ratings(recording, "arousal").frames == 25


def test_a_video_is_decoded_once(twins, monkeypatch):
    decoded = []
    monkeypatch.setattr(_per_frame, "picture_times", lambda path: decoded.append(path) or np.arange(25) / 25)
    _per_frame._decoded.cache_clear()
    corpus = twins("affwild")
    golds(corpus), corpus.notes()
    assert sorted(path.stem for path in decoded) == ["101", "102", "103", "104", "105"]
    _per_frame._decoded.cache_clear()


# ---- Aff-Wild2 -------------------------------------------------------------------------------------------------------


def test_affwild2_takes_columns_by_name_and_folders_for_partitions(twins):
    corpus = twins("affwild2")
    recording = of(corpus, "video2")
    rows = [list(map(float, row.split(","))) for row in lines_of(corpus.path / AFFWILD2_RATING, 1)]
    for column, target in enumerate(("valence", "arousal")):
        rated = corpus.ratings(recording, target)
        assert rated.hop == 1 / 30 and rated.channels == ("gold",)
        np.testing.assert_allclose(rated.values[:20, 0], np.array(rows)[:20, column], atol=1e-6)
    places = {r.id: r.partition for r in corpus.recordings()}
    assert {name for name, place in places.items() if place == "dev"} == {"video3", "video6_left", "video6_right"}
    assert set(places.values()) == {"train", "dev"}


def test_affwild2_a_mark_in_one_target_discards_the_picture(twins):
    corpus = twins("affwild2")
    rows = lines_of(corpus.path / AFFWILD2_RATING, 1)
    assert rows[20].startswith("-5,") and not rows[20].endswith(",-5") and rows[21] == "-5,-5"
    for target in corpus.targets:
        missing = np.isnan(corpus.ratings(of(corpus, "video2"), target).values[:, 0])
        assert np.flatnonzero(missing).tolist() == [20, 21]


def test_affwild2_crops_are_joined_by_number_with_gaps_and_fewer_than_rows(twins):
    corpus = twins("affwild2")
    recording = of(corpus, "video1")
    folder = recording.medium("crops")
    numbers = sorted(int(path.stem) for path in folder.glob("*.jpg"))
    assert numbers == [*range(1, 11), *range(16, 30)]
    rated = corpus.ratings(recording, "arousal")
    # 31 rows, 30 pictures, 24 crops
    assert rated.frames == 30 and video_info(recording.medium("video")).frames == 30
    film = AlignedCrops(size=64).film(recording)
    assert film.hop == rated.hop
    for k, (picture, beside) in enumerate(film.shots, start=1):
        assert (picture is not None) == (beside[-1] == 1) == (k in numbers)
        if picture is not None:
            np.testing.assert_array_equal(picture, np.asarray(Image.open(folder / f"{k:05d}.jpg").convert("RGB")))
    assert k == 30


def test_affwild2_two_people_of_one_video(copy):
    corpus = copy("affwild2")
    left, right = of(corpus, "video6_left"), of(corpus, "video6_right")
    assert left.subject == right.subject == "video6" and left.partition == right.partition
    assert left.medium("video") == right.medium("video") and left.medium("video").name == "video6.mp4"
    assert left.medium("crops").name == "video6_left" and right.medium("crops").name == "video6_right"
    apart = [corpus.ratings(one, "arousal").values[:20] for one in (left, right)]
    assert np.abs(apart[0] - apart[1]).max() > 0.01
    info = video_info(left.medium("video"))
    assert info.width == 2 * info.height
    assert any("video6_left, video6_right" in note and "only their crops" in note for note in corpus.notes())
    alone = replace(corpus, shared=False)
    assert "video6" not in {r.subject for r in alone.recordings()} and len(alone.recordings()) == 5
    assert any("video6_left, video6_right" in note and "left out" in note for note in alone.notes())
    # whatever the seed, they are dealt together
    for seed in range(8):
        places = {r.id: r.partition for r in replace(corpus, split="50:50", seed=seed).recordings()}
        assert places["video6_left"] == places["video6_right"]
    source = corpus.path / "VA_Estimation_Challenge/Validation_Set/video6_left.txt"
    source.rename(corpus.path / "VA_Estimation_Challenge/Train_Set/video6_left.txt")
    with pytest.raises(UserError, match="Subject 'video6' is in partition"):
        partitions(corpus.recordings(), None)
    partitions(replace(corpus, split="50:50").recordings(), None)


def test_affwild2_the_unnamed_one_of_two_people_shares_too(copy):
    corpus = copy("affwild2")
    (corpus.path / "VA_Estimation_Challenge/Validation_Set/video6_left.txt").rename(
        corpus.path / "VA_Estimation_Challenge/Validation_Set/video6.txt"
    )
    assert len(replace(corpus, shared=False).recordings()) == 5
    assert {r.id for r in corpus.recordings()} > {"video6", "video6_right"}


def test_affwild2_of_2020(twins, copy):
    corpus = copy("affwild2")
    home = corpus.path / "VA_Set"
    (corpus.path / "VA_Estimation_Challenge").rename(home)
    (home / "Train_Set").rename(home / "Training_Set")
    expected, found = golds(twins("affwild2")), golds(corpus)
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])
    (corpus.path / "VA_Estimation_Challenge").mkdir()
    with pytest.raises(UserError, match="holds 2 of the folders VA_Estimation_Challenge, VA_Set, expected one"):
        corpus.recordings()


def test_affwild2_without_videos_ends_with_the_last_crop(copy):
    corpus = copy("affwild2")
    (corpus.path / "videos" / "video2.mp4").unlink()
    with pytest.raises(UserError, match=r"video2 has no video .*, or set rate_hz"):
        corpus.ratings(of(corpus, "video2"), "arousal")
    shutil.rmtree(corpus.path / "videos")
    own = replace(corpus, rate_hz=30)
    assert own.ratings(of(own, "video2"), "arousal").frames == 29
    assert any("have no video, and their time ends with their last crop" in note for note in own.notes())
    film = AlignedCrops(clock="", rate_hz=30).film(of(own, "video2"))
    assert len(list(film.shots)) == 29


def test_affwild2_test_videos_are_those_of_a_list(copy):
    corpus = replace(copy("affwild2"), unrated=True, test_list="test.txt")
    with pytest.raises(UserError, match=r"test.txt is missing"):
        corpus.recordings()
    shutil.copytree(corpus.path / "cropped_aligned/video2", corpus.path / "cropped_aligned/video70")
    (corpus.path / "test.txt").write_bytes(b"\xef\xbb\xbfvideo70\r\n\r\nvideo71\r\n")
    places = {r.id: (r.partition, sorted(r.media)) for r in corpus.recordings()}
    assert places["video70"] == ("test", ["crops"]) and places["video71"] == ("test", [])
    assert corpus.ratings(of(corpus, "video70"), "valence") is None
    assert "video70" not in {r.id for r in replace(corpus, unrated=False).recordings()}
    (corpus.path / "test.txt").write_text("video2\n")
    with pytest.raises(UserError, match="'video2' is a test video here and a rated one of train"):
        corpus.recordings()


def test_affwild2_a_video_in_both_sets_is_refused(copy):
    corpus = copy("affwild2")
    shutil.copy(corpus.path / AFFWILD2_RATING, corpus.path / "VA_Estimation_Challenge/Validation_Set")
    with pytest.raises(UserError, match=r"video2.txt rate the same video; take one away"):
        corpus.recordings()


# ---- AFEW-VA ---------------------------------------------------------------------------------------------------------


def test_afew_va_rates_are_tenths_and_actors_stay_together(twins):
    corpus = twins("afew_va")
    found = {recording.id: recording for recording in corpus.recordings()}
    assert [found[name].subject for name in sorted(found)] == [*["drawing 1"] * 2, *["drawing 2"] * 2, "005", "006"]
    assert found["001"].partition == found["002"].partition and found["003"].partition == found["004"].partition
    content = json.loads((corpus.path / AFEW_JSON).read_text())["frames"]
    rated = corpus.ratings(found["002"], "valence")
    assert rated.hop == 0.04 and rated.channels == ("gold",)
    np.testing.assert_allclose(rated.values[:, 0], [content[f"{k:05d}"]["valence"] / 10 for k in range(10)], atol=1e-6)
    assert np.array(content["00003"]["landmarks"]).shape == (68, 2)
    assert any("2 of 6 clips name no actor" in note for note in corpus.notes())


def test_afew_va_clips_become_videos_of_their_pictures(twins):
    corpus = twins("afew_va")
    recording = of(corpus, "002")
    shown = list(pictures(recording.medium("video")))
    np.testing.assert_allclose([time for time, _ in shown], np.arange(10) / 25, atol=1e-6)
    for k, (_, picture) in enumerate(shown):
        original = np.asarray(Image.open(recording.medium("pictures") / f"{k:05d}.png").convert("RGB"), float)
        assert np.abs(picture - original).mean() < 4
    before = recording.medium("video").stat().st_mtime_ns
    corpus.prepare()
    assert recording.medium("video").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="holds streams of other files or settings"):
        replace(corpus, rate_hz=30).prepare()


def test_afew_va_flat_and_without_videos(copy):
    corpus = replace(copy("afew_va"), streams_to="")
    for folder in ("01", "02"):
        for clip in (corpus.path / folder).iterdir():
            clip.rename(corpus.path / clip.name)
        (corpus.path / folder).rmdir()
    assert [r.id for r in corpus.recordings()] == [f"{k:03d}" for k in range(1, 7)]
    assert set(corpus.recordings()[0].media) == {"pictures", "openface", "openpose"}
    corpus.prepare()
    shutil.copytree(corpus.path / "001", corpus.path / "03" / "001")
    with pytest.raises(UserError, match="are the same clip; take one away"):
        corpus.recordings()


def test_afew_va_needs_a_rate(twins):
    with pytest.raises(UserError, match="does not say how many pictures there are a second, and rate_hz is 0; set it"):
        replace(twins("afew_va"), rate_hz=0.0).recordings()
    assert AfewVa().rate_hz == 0


def test_afew_va_pictures_that_are_not_rated(copy):
    corpus = copy("afew_va")
    path = corpus.path / AFEW_JSON
    content = json.loads(path.read_text())
    del content["frames"]["00004"]
    path.write_text(json.dumps(content))
    (corpus.path / "01/003/00009.png").unlink()
    rated = corpus.ratings(of(corpus, "002"), "arousal").values[:, 0]
    assert len(rated) == 10 and np.flatnonzero(np.isnan(rated)).tolist() == [4]
    (note,) = [note for note in corpus.notes() if "other pictures than ratings" in note]
    assert note.endswith("002 (0 ratings without a picture, 1 pictures without a rating), "
                         "003 (1 ratings without a picture, 0 pictures without a rating)")  # fmt: skip


def test_afew_va_a_gap_in_the_pictures_is_refused(copy):
    corpus = copy("afew_va")
    (corpus.path / "01/002/00004.png").unlink()
    with pytest.raises(UserError, match="Clip 002 lacks picture 00004, so what follows has no place"):
        corpus.prepare()


# ---- landmarks of the user's own -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["affwild", "affwild2", "afew_va"])
def test_landmarks_of_two_tools_stand_on_the_pictures(twins, name):
    """Both tools saw the same drawn face, which they lose half way; row k is of picture k."""
    corpus = twins(name)
    recording = corpus.recordings()[1]
    table, folder = recording.medium("openface"), recording.medium("openpose")
    assert (table.parent, folder.parent) == (corpus.path / "OpenFace", corpus.path / "openpose")
    assert table.stem == folder.name == recording.id
    frames = video_info(recording.medium("video")).frames
    assert len(lines_of(table, 1)) == len(list(folder.iterdir())) == frames
    one, other = (stream.extract(recording) for stream in LANDMARKS.values())
    gold = corpus.ratings(recording, "valence")
    assert one.hop == other.hop == gold.hop and one.frames == other.frames == frames
    gone = np.abs(np.arange(frames) - frames // 2) <= 2
    for track in (one, other):
        np.testing.assert_array_equal(track.values[:, -1] == 0, gone)
    np.testing.assert_allclose(one.values[:, :136], other.values[:, :136], atol=1e-4)
    pupils = other.values[:, 136:140].reshape(-1, 2, 2)
    eyes = one.values[:, 72:96].reshape(-1, 2, 6, 2).mean(axis=2)
    np.testing.assert_allclose(pupils, eyes, atol=1e-4)
    body = OpenposeJson(clock="video").extract(recording)
    np.testing.assert_allclose(body.values[:, :2], one.values[:, 60:62], atol=1e-4)  # the nose
    assert ActionUnits().extract(recording).frames == frames


def test_the_landmarks_of_a_twin_lie_on_its_drawing(twins):
    """Black pupils, in AFEW-VA's own pictures, at the pupils that OpenPose is said to have found."""
    recording = of(twins("afew_va"), "002")
    points = OpenposeFace140(clock="video", coordinates="pixels", flags=False).extract(recording).values
    for number in (0, 9):
        picture = np.asarray(Image.open(recording.medium("pictures") / f"{number:05d}.png").convert("L"), float)
        for x, y in points[number].reshape(70, 2)[68:].round().astype(int):
            assert picture[y - 1 : y + 2, x - 1 : x + 2].min() < 0.7 * picture[60, 48]


@pytest.mark.parametrize("name", ["affwild", "affwild2", "afew_va"])
def test_landmarks_are_optional_and_examined(copy, name):
    corpus = copy(name)
    corpus.prepare()
    first, second = corpus.recordings()[:2]
    found = {finding.what: finding for finding in corpus.layout()}
    assert found["OpenFace"].state == found["openpose"].state == "ok"
    (corpus.path / "OpenFace" / f"{first.id}.csv").rename(corpus.path / "OpenFace" / "stranger.csv")
    (corpus.path / "openpose").rename(corpus.path / "OpenPose")
    media = {recording.id: set(recording.media) for recording in corpus.recordings()}
    assert {"openface", "openpose"} - media[first.id] == {"openface"} and {"openface", "openpose"} < media[second.id]
    found = {finding.what: finding for finding in corpus.layout()}
    assert found["OpenFace"].advice == "of no recording or video: stranger; rename or remove"
    assert found["openpose"].state == "ok" and found["OpenFace"].state == "note"
    none = replace(corpus, openface_in="", openpose_in="elsewhere")
    assert not {"openface", "openpose"} & set().union(*(recording.media for recording in none.recordings()))
    assert not {"OpenFace", "openpose", "elsewhere"} & {finding.what for finding in none.layout()}
    assert golds(none).keys() == golds(corpus).keys()


def test_videos_of_other_rates_and_sizes_make_one_stream_of_landmarks(copy, tmp_path):
    """103 has the same pictures at 50 a second, and twice as wide."""
    corpus = replace(copy("affwild"), rate_hz=25)
    path = corpus.path / "videos/train/103.mp4"
    shown = [picture for _, picture in pictures(path)]
    pixels = {name: replace(stream, coordinates="pixels", clock="", rate_hz=50) for name, stream in LANDMARKS.items()}
    written = {name: stream.extract(of(corpus, "103")).values for name, stream in pixels.items()}
    with video_writer(path, 50) as write:
        for picture in shown:
            write(np.hstack([picture, picture]))
    streams = {name: replace(stream, rate_hz=25) for name, stream in LANDMARKS.items()}
    with pytest.raises(UserError, match=r"a hop of 0\.02 s, the others 0\.04 s; set rate_hz"):
        extract(corpus, LANDMARKS, tmp_path / "as_filmed")
    extract(corpus, streams, tmp_path / "records")
    for name in streams:
        stream = Store(tmp_path / "records").stream(name)
        assert sorted(stream.completed) == ["101", "102", "103", "104", "105"]
        track = stream.read("103")
        assert (track.hop, track.frames) == (0.04, 13)
        shares = written[name][::2, :136].reshape(13, 68, 2) / [192, 96]
        np.testing.assert_allclose(track.values[:, :136].reshape(13, 68, 2), shares, rtol=1e-5)


def test_affwild2_takes_landmarks_of_the_person_before_those_of_the_video(copy):
    corpus = copy("affwild2")
    left, right = (of(corpus, f"video6_{side}") for side in ("left", "right"))
    x = [LANDMARKS["openface"].extract(recording).values[0, 0:136:2].mean() for recording in (left, right)]
    assert x[0] < 0.5 < x[1]
    (corpus.path / "OpenFace/video6_left.csv").rename(corpus.path / "OpenFace/video6.csv")
    (corpus.path / "openpose/video6_right").rename(corpus.path / "openpose/video6")
    left, right = (of(corpus, f"video6_{side}") for side in ("left", "right"))
    assert (left.media["openface"].stem, right.media["openface"].stem) == ("video6", "video6_right")
    assert (left.media["openpose"].name, right.media["openpose"].name) == ("video6_left", "video6")
    assert all(finding.state == "ok" for finding in corpus.layout())


# ---- the twins -------------------------------------------------------------------------------------------------------


def test_the_face_of_a_twin_follows_valence_and_arousal():
    planted = traces(np.random.default_rng(0), 4.0)
    times = np.arange(100) / 25
    faces = drawn(np.random.default_rng(1), planted, times)
    np.testing.assert_allclose([face.smile for face in faces], at(times, planted["valence"]))
    assert np.corrcoef([face.lift for face in faces], at(times, planted["arousal"]))[0, 1] > 0.999
    assert np.corrcoef([face.opening for face in faces], at(times, planted["arousal"]))[0, 1] > 0.999


def test_the_ratings_of_a_twin_are_what_its_face_shows(tmp_path):
    """The mouth of the crops is brighter or darker with what is rated; a line through pixels finds it."""
    corpus = Affwild2().write_twin(tmp_path / "twin", videos=3, duration=4.0)
    recording = of(corpus, "video2")
    rated = corpus.ratings(recording, "valence").values[:, 0]
    shots = list(AlignedCrops(size=16).film(recording).shots)
    seen = [k for k, (picture, _) in enumerate(shots) if picture is not None and not np.isnan(rated[k])]
    x = np.stack([shots[k][0][8:14].astype(float).ravel() for k in seen]) / 255
    x = np.c_[x - x.mean(axis=0), np.ones(len(x))]
    train = np.arange(len(seen)) % 2 == 0
    weights = np.linalg.solve(x[train].T @ x[train] + 0.1 * np.eye(x.shape[1]), x[train].T @ rated[seen][train])
    assert np.corrcoef(x[~train] @ weights, rated[seen][~train])[0, 1] > 0.8


# ---- files that are not as published ---------------------------------------------------------------------------------


def deeper(folder):
    """Everything in the folder moves into a folder of its own there."""
    aside = folder.rename(folder.with_name("aside"))
    folder.mkdir()
    aside.rename(folder / "batch1")


def beyond(folder):
    """One file more than the video has pictures."""
    number = len(list(folder.iterdir()))
    shutil.copy(next(folder.iterdir()), folder / f"{folder.name}_{number:012d}_keypoints.json")


def without_faces(folder):
    for path in folder.iterdir():
        text(lambda content: re.sub(r'("face_keypoints_2d": )\[[^]]+\]', r"\1[]", content) + "\n")(path)


OPENPOSE_FILE = "openpose/103/103_000000000004_keypoints.json"

BREAKS = [
    ("affwild", AFFWILD_RATING, "BOM", BOM, SAME),
    ("affwild", AFFWILD_RATING, "CRLF", CRLF, SAME),
    ("affwild", AFFWILD_RATING, "blank lines at the end", text(lambda t: t + "\n \r\n"), SAME),
    ("affwild", "annotations", "other case of a folder", moved("Annotations"), SAME),
    ("affwild", "annotations/train/arousal", "other case of a target", moved("Arousal"), SAME),
    ("affwild", AFFWILD_RATING, "empty", empty, r"103.txt has no rows; restore"),
    ("affwild", AFFWILD_RATING, "one target", gone, r"arousal.103.txt is missing, but .*valence.103.txt is there"),
    ("affwild", AFFWILD_RATING, "a header", line(1, "arousal"), r"103.txt, line 1: 'arousal' is not a number; rows"),
    ("affwild", AFFWILD_RATING, "a blank line", line(3, ""), r"103.txt, line 3: '' is not a number; rows stand"),
    ("affwild", AFFWILD_RATING, "two numbers", line(3, "0.1 0.2"), r"line 3: '0.1 0.2' is not a number"),
    ("affwild", AFFWILD_RATING, "decimal comma", line(3, "0,1"), r"line 3: '0,1' is not a number"),
    ("affwild", AFFWILD_RATING, "infinite", line(3, "inf"), r"line 3: 'inf' is not a number"),
    ("affwild", AFFWILD_RATING, "percent", line(3, "45"), r"103.txt: ratings reach 45, expected .* percent"),
    ("affwild", AFFWILD_RATING, "Latin-1", latin, r"103.txt is not UTF-8 text"),
    ("affwild", AFFWILD_RATING, "cut", text(lambda t: t[: len(t) // 3]), r"rows of arousal, .*, expected one row a"),
    ("affwild", "videos/train/103.mp4", "cut", lambda p: p.write_bytes(p.read_bytes()[:2000]), r"103.mp4 promises"),
    ("affwild", "videos/train/103.mp4", "no video", gone, r"Recording 103 has no 'audio'"),
    ("affwild", "videos/train/103.mp4", "video in both", lambda p: shutil.copy(p, p.parents[1] / "test"),
     r"Video '103' is in both train and test"),
    ("affwild", "annotations", "nothing", shutil.rmtree, r"holds no train/.*; set annotations_in"),
    ("affwild", "OpenFace", "no tables", shutil.rmtree, r"Recording 101 has no 'openface'"),
    ("affwild", "OpenFace/103.csv", "no table", gone, r"Recording 103 has no 'openface'"),
    ("affwild", "OpenFace/103.csv", "empty", empty, r"103.csv cannot be read as a table"),
    ("affwild", "OpenFace/103.csv", "no points", text(lambda t: t.replace("x_0,", "X_0,")), r"has no column 'x_0'"),
    ("affwild", "OpenFace/103.csv", "of another video", text(lambda t: t + t.split("\n")[1].replace("1,", "26,", 1)),
     r"103.csv has 26 frames, but .*103.mp4 has 25 pictures; run OpenFace on this very video"),
    ("affwild", "OpenFace/103.csv", "text cell", line(3, "2, 0, 0.040, 0.98, 1" + ", high" * 156),
     r"103.csv, frame 2: column 'x_0' holds no number although the face was tracked"),
    ("affwild", OPENPOSE_FILE, "not JSON", text(lambda t: t[:-9]), r"4_keypoints.json is not valid JSON"),
    ("affwild", OPENPOSE_FILE, "a number less", text(lambda t: t.replace("0.7]", "]").replace(", ]", "]")),
     r"4_keypoints.json, person 0: 'face_keypoints_2d' holds 209 numbers, expected 210"),
    ("affwild", OPENPOSE_FILE, "no people", text(lambda t: t.replace("people", "persons")), r"has no list 'people'"),
    ("affwild", "openpose/103", "without --face", without_faces, r"holds people but no points of a face; OpenPose was"),
    ("affwild", "openpose/103", "of another video", beyond, r"26 frames, but .*103.mp4 has 25 pictures; run OpenPose"),
    ("affwild", "openpose/103", "no folder", shutil.rmtree, r"Recording 103 has no 'openpose'"),
    ("affwild2", "OpenFace/video2.csv", "two faces", text(lambda t: t.replace("1, 0,", "1, 1,", 1)),
     r"video2.csv holds several faces, by face_id: 0 \(29 rows\), 1 \(1 rows\); choose one"),
    ("affwild2", "openpose/video2", "another name", moved("video2.json"), r"Recording video2 has no 'openpose'"),
    ("affwild2", AFFWILD2_RATING, "BOM", BOM, SAME),
    ("affwild2", AFFWILD2_RATING, "CRLF", CRLF, SAME),
    ("affwild2", AFFWILD2_RATING, "BOM and CRLF", lambda p: (BOM(p), CRLF(p)), SAME),
    ("affwild2", AFFWILD2_RATING, "blanks in names", text(lambda t: t.replace("valence,ar", " valence , ar")), SAME),
    ("affwild2", AFFWILD2_RATING, "another order",
     text(lambda t: "".join(",".join(line.split(",")[::-1]) + "\n" for line in t.splitlines())), SAME),
    ("affwild2", AFFWILD2_RATING, "-5.0", text(lambda t: t.replace("-5,-5", "-5.0, -5.00")), SAME),
    ("affwild2", AFFWILD2_RATING, "empty", empty, r"video2.txt: the first line is '', expected 'valence,arousal'"),
    ("affwild2", AFFWILD2_RATING, "no header", text(lambda t: t.split("\n", 1)[1]), r"the first line is '-0"),
    ("affwild2", AFFWILD2_RATING, "only a header", text(lambda t: "valence,arousal\n"), r"has no rows"),
    ("affwild2", AFFWILD2_RATING, "one cell", line(3, "0.1"), r"video2.txt, line 3: '0.1' is not 2 cells with numbers"),
    ("affwild2", AFFWILD2_RATING, "a blank line", line(3, ""), r"video2.txt, line 3: '' is not 2 cells"),
    ("affwild2", AFFWILD2_RATING, "scale", line(3, "0.1,-4"), r"video2.txt: ratings reach 4, expected at most 1"),
    ("affwild2", "cropped_aligned/video2/00003.jpg", "a crop beyond the video", moved("00099.jpg"),
     r"holds a crop of picture 99 .*, but .*video2.mp4 has 30 pictures"),
    ("affwild2", "videos", "deeper", deeper, SAME),
    ("affwild2", "cropped_aligned/video2", "no crops", shutil.rmtree, r"Recording video2 has no 'crops'"),
    ("affwild2", "VA_Estimation_Challenge", "nothing", shutil.rmtree, r"holds 0 of the folders .*; set dir"),
    ("affwild2", "VA_Estimation_Challenge/Train_Set", "other folders", moved("train"), r"Partition 'train' is empty"),
    ("afew_va", AFEW_JSON, "not JSON", text(lambda t: t[:-9]), r"002.json is not valid JSON"),
    ("afew_va", AFEW_JSON, "no frames", text(lambda t: t.replace('"frames"', '"f"')), r"002.json has no 'frames'"),
    ("afew_va", AFEW_JSON, "a key", text(lambda t: t.replace('"00004"', '"four"')), r"has no 'frames' with numbers"),
    ("afew_va", AFEW_JSON, "twice", text(lambda t: t.replace('"00004"', '"3"')), r"002.json: frame 3 is there twice"),
    ("afew_va", AFEW_JSON, "no target", text(lambda t: t.replace('"valence"', '"v"', 1)),
     r"frame 00000 has valence None"),
    ("afew_va", AFEW_JSON, "a part", text(lambda t: t.replace('"valence": ', '"valence": 0.5e')),
     r"a whole number from -10"),
    ("afew_va", AFEW_JSON, "beyond", text(lambda t: re.sub(r'("valence": )-?\d+', r"\1 11", t)),
     r"frame 00000 has valence 11, expected a whole number from -10 to 10"),
    ("afew_va", "01/002/00004.png", "cut", lambda p: p.write_bytes(p.read_bytes()[:500]), r"00004.png cannot be read"),
    ("afew_va", "01/002/00004.png", "another name", moved("four.png"), r"four.png is not named by a number"),
    ("afew_va", "01/002/00004.png", "another size", lambda p: Image.new("RGB", (32, 32)).save(p), r"32 x 32 among"),
    ("afew_va", "01/002/00004.png", "another format",
     lambda p: (Image.open(p).save(p.with_suffix(".jpg"), quality=95), p.unlink()), SAME),
    ("afew_va", "OpenFace/002.csv", "no success", text(lambda t: t.replace("success", "ok")), r"no column 'success'"),
    ("afew_va", "openpose/002", "empty", lambda p: [path.unlink() for path in p.iterdir()], r"holds no .json files"),
    ("afew_va", "01", "nothing", lambda p: [shutil.rmtree(p.parent / name) for name in ("01", "02")], r"holds no clip"),
]  # fmt: skip


def records_of(corpus, streams, folder):
    corpus.prepare()
    partitions(corpus.recordings(), None)
    extract(corpus, streams, folder)


@pytest.mark.parametrize(
    ("name", "place", "apply", "outcome"),
    [(name, place, apply, outcome) for name, place, _, apply, outcome in BREAKS],
    ids=[f"{name}: {what}" for name, _, what, *_ in BREAKS],
)
def test_files_that_are_not_as_published(twins, copy, tmp_path, name, place, apply, outcome):
    corpus = copy(name)
    apply(corpus.path / place)
    check_break(
        name, twins(name), corpus, outcome, lambda broken, streams: records_of(broken, streams, tmp_path / "records")
    )
