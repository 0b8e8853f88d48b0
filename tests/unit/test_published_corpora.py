"""RECOLA, AVEC, CASE, PMEmo and CreativeIT: what is read, how a folder is examined, what a twin is."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from published import (
    AVEC_EDA,
    AVEC_GOLD,
    CASE_BODY,
    CREATIVE,
    PMEMO_EDA,
    PMEMO_TABLE,
    RECOLA_BODY,
    RECOLA_RATING,
    STREAMS,
    WRITERS,
    Twins,
    cell,
    column,
    empty,
    golds,
    gone,
    text,
)
from real_data import DATA, needs_data
from scipy.signal import find_peaks

from emotf.annotation import gold_standard
from emotf.corpora import _twin
from emotf.corpora.avec import WIDTHS, Avec
from emotf.corpora.case import Case
from emotf.corpora.creativeit import Creativeit
from emotf.corpora.emodb import Emodb
from emotf.corpora.pmemo import Pmemo
from emotf.corpora.recola import SPLITS
from emotf.errors import UserError
from emotf.features.action_units import ActionUnits
from emotf.features.facial_attributes import FacialAttributes
from emotf.features.mfcc39 import Mfcc39
from emotf.features.precomputed import Precomputed
from emotf.recording import partitions
from emotf.records import Store, extract
from emotf.report.descriptions import of_examination
from emotf.tables import read_track


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    return Twins(tmp_path_factory)


@pytest.fixture
def copy(twins, tmp_path):
    return lambda name: twins.copy(name, tmp_path)


# ---- AVEC ------------------------------------------------------------------------------------------------------------


def test_avec_media_are_named_after_their_folders(twins):
    (dev, test, train) = twins("avec").recordings()
    assert [r.id for r in (dev, test, train)] == ["dev_1", "test_1", "train_1"]
    assert dev.subject == "dev_1" and dev.partition == "dev"
    assert set(dev.media) == {f"features_{name.lower()}" for name in WIDTHS} | {"audio"}
    assert soundfile.info(dev.medium("audio")).duration == 2.0
    for name, width in WIDTHS.items():
        track = Precomputed(f"features_{name.lower()}", gaps=True).extract(train)
        assert (track.frames, len(track.channels), track.hop) == (51, width, 0.04)
    face = Precomputed("features_video_geometric", gaps=True).extract(train).values
    # 25 frames without a face and one row of '?'
    assert (face == 0).all(axis=1).sum() == 26
    with pytest.raises(UserError, match="316 of"):
        Precomputed("features_video_geometric").extract(train)


def test_avec_gold_is_the_mean_of_the_individual_raters_of_the_twin(twins):
    corpus = twins("avec")
    individual = replace(corpus, raters="individual")
    for recording in corpus.recordings():
        raters = individual.ratings(recording, "arousal")
        assert raters.channels == ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")
        gold = corpus.ratings(recording, "arousal")
        assert gold.channels == ("gold",) and gold.hop == 0.04
        np.testing.assert_allclose(gold.values[:, 0], raters.values.mean(axis=1), atol=1e-4)


def test_avec_missing_gold_is_unrated(copy):
    corpus = copy("avec")
    cell(3, 2, "?")(corpus.path / AVEC_GOLD)
    values = golds(corpus)["dev_1"]
    assert np.isnan(values[3, 0]) and np.isnan(values).sum() == 1


def test_avec_gold_of_another_name(twins, copy):
    corpus = copy("avec")
    for path in corpus.path.glob("ratings_gold_standard/*/*.arff"):
        text(lambda content: content.replace("GoldStandard", "Gold"))(path)
    for name, values in golds(replace(corpus, gold_column="Gold")).items():
        np.testing.assert_array_equal(values, golds(twins("avec"))[name])


def test_avec_of_2016_has_a_folder_a_window(copy):
    corpus = copy("avec")
    for folder in corpus.path.glob("features_*"):
        for window in ("arousal", "valence"):
            (folder / window).mkdir()
            for path in folder.glob("*.arff"):
                shutil.copy(path, folder / window)
        for path in folder.glob("*.arff"):
            path.unlink()
    with pytest.raises(UserError, match=r"has sub-folders arousal, valence, as the package of 2016; choose a window"):
        corpus.recordings()
    for window in ("arousal", "valence"):
        (first, *_) = replace(corpus, window=window).recordings()
        assert first.medium("features_ecg") == corpus.path / "features_ECG" / window / "dev_1.arff"
    with pytest.raises(UserError, match="window is 'dominance', choose arousal or valence"):
        replace(corpus, window="dominance").recordings()


def test_avec_of_2015_has_no_windows(twins):
    with pytest.raises(UserError, match=r"has no sub-folder valence, as the package of 2015; leave window empty"):
        replace(twins("avec"), window="valence").recordings()


def test_avec_roots_are_a_users_own(copy):
    corpus = copy("avec")
    expected = golds(corpus)
    for kind in ("features", "ratings", "recordings"):
        (corpus.path / kind).mkdir()
        for folder in corpus.path.glob(f"{kind}_*"):
            # below features/, `ecg` and `features_ecg` are the same
            folder.rename(corpus.path / kind / (folder.name.removeprefix("features_").lower()))
    moved_to = replace(corpus, features_in="features", ratings_in="ratings", recordings_in="recordings")
    assert set(moved_to.recordings()[0].media) == {f"features_{name.lower()}" for name in WIDTHS} | {"audio"}
    assert all((golds(moved_to)[name] == values).all() for name, values in expected.items())
    advice = [finding.advice for finding in replace(moved_to, features_in="").examine()]
    assert "set features_in=features, or work from the recordings" in advice


def test_avec_leaves_out_unrated_test_recordings_and_says_so(copy, tmp_path):
    corpus = copy("avec")
    for target in ("arousal", "valence"):
        (corpus.path / "ratings_gold_standard" / target / "test_1.arff").unlink()
    assert [r.id for r in corpus.recordings()] == ["dev_1", "train_1"]
    assert corpus.notes() == ("1 recordings of test have no ratings and are left out (unrated lists them): test_1",)
    every = replace(corpus, unrated=True)
    assert [r.id for r in every.recordings()] == ["dev_1", "test_1", "train_1"]
    assert every.ratings(every.recordings()[1], "arousal") is None
    extract(corpus, {}, tmp_path / "records")
    assert [r.id for r in Store(tmp_path / "records").recordings] == ["dev_1", "train_1"]
    with pytest.raises(UserError, match="Recording test_1 has no rating of any target"):
        extract(every, {}, tmp_path / "all")


def test_records_of_a_twin_say_that_it_is_one(twins, tmp_path):
    extract(twins("avec"), STREAMS["avec"], tmp_path / "records")
    store = Store(tmp_path / "records")
    assert store.targets_are.startswith("SYNTHETIC TWIN of the layout of avec")
    assert store.stream("face").schema.gaps and not store.stream("eda").schema.gaps
    assert replace(twins("avec"), dir="").described() == "continuous ratings of RECOLA (AVEC package)"


# ---- RECOLA ----------------------------------------------------------------------------------------------------------


def test_recola_has_six_raters_and_one_file_for_heart_and_skin(twins):
    corpus = twins("recola")
    first = corpus.recordings()[0]
    ratings = corpus.ratings(first, "arousal")
    assert ratings.channels == ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3") and ratings.frames == 51
    assert first.medium("ecg") == first.medium("eda")
    heart = Precomputed("ecg", names=("ECG",)).extract(first)
    assert heart.hop == 0.001 and heart.frames == 2001
    gold = gold_standard(corpus, first)
    np.testing.assert_allclose(gold.values[:, 0], ratings.values.mean(axis=1), atol=1e-6)


def test_recola_takes_the_users_own_tables_of_openface(twins, copy):
    corpus = twins("recola")
    first = corpus.recordings()[0]
    assert first.medium("openface") == corpus.path / "OpenFace" / "P13.csv"
    units = ActionUnits().extract(first)
    attributes = FacialAttributes().extract(first)
    assert units.hop == attributes.hop == 0.04 and units.frames == attributes.frames == 50
    assert 40 <= attributes.values[:, -1].sum() < 50  # half way the face is gone
    assert "openface" not in replace(corpus, openface="").recordings()[0].media
    other = copy("recola")
    (other.path / "OpenFace").rename(other.path / "faces")
    assert "openface" not in other.recordings()[0].media
    assert any("your own" in finding.expected and finding.advice for finding in other.layout())
    named = replace(other, openface="Faces")  # in whatever case it is written
    assert named.recordings()[0].medium("openface").parent.name == "faces"
    (other.path / "faces" / "P13.csv").rename(other.path / "faces" / "13.csv")
    with pytest.raises(UserError, match="'13' is not a person, P and a number"):
        named.recordings()


def test_recola_splits(twins, copy):
    corpus = twins("recola")
    for split, parts in SPLITS.items():
        sizes = {name: len(people) for name, people in parts.items()}
        assert sizes == ({"train": 9, "dev": 9, "test": 9} if split == "avec" else {"train": 16, "dev": 15, "test": 15})
        people = [one for part in parts.values() for one in part]
        assert len(people) == len(set(people))
        found = replace(corpus, split=split).recordings()
        assert all(r.id in parts[r.partition] for r in found)
    groups = partitions(replace(corpus, split="groups").recordings(), 0)
    assert sorted(len(part) for part in groups.values()) == [3, 3, 3]
    with pytest.raises(UserError, match="split is 'mine', choose one of avec, all46, groups"):
        replace(corpus, split="mine").recordings()
    for change, message in (
        (lambda t: t.replace("Group_id", "group"), "has no column 'Group_id', it has: User, group"),
        (lambda t: t.replace("16;1\n", ""), "names no group of P16"),
        (lambda t: t.replace("16;1", "16;"), "row 2: user 16, group nan"),
    ):
        broken = copy("recola")
        text(change)(broken.path / "RECOLA-Metadata" / "recola_user_info.csv")
        with pytest.raises(UserError, match=message):
            replace(broken, split="groups").recordings()
        shutil.rmtree(broken.path)


def test_recola_says_whom_it_leaves_out(copy):
    corpus = copy("recola")
    for target in ("arousal", "valence"):
        folder = corpus.path / "RECOLA-Annotation" / "emotional_behaviour" / target
        (folder / "P13.csv").unlink()
        (folder / "P16.csv").rename(folder / "P17.csv")
    assert len(corpus.recordings()) == 7
    outside, lacking = corpus.notes()
    assert outside == "1 rated recordings are in no partition of split 'avec' and left out: P17"
    assert lacking == "2 recordings have no ratings and are left out (unrated lists them): P13, P16"
    assert len(replace(corpus, unrated=True).recordings()) == 9
    assert "P17" in {r.id for r in replace(corpus, split="all46").recordings()}


def test_recola_takes_the_raters_and_targets_that_are_asked_for(copy):
    corpus = copy("recola")
    shutil.copytree(
        corpus.path / "RECOLA-Annotation" / "emotional_behaviour" / "arousal",
        corpus.path / "RECOLA-Annotation" / "social_behaviour" / "rapport",
    )
    own = replace(corpus, only_targets=("rapport",), only_raters=("FF1", "FM3"))
    assert own.ratings(own.recordings()[0], "rapport").channels == ("FF1", "FM3")
    with pytest.raises(
        UserError, match=r"no target 'joy' among only_targets .*the layout has: arousal, valence, agree"
    ):
        replace(corpus, only_targets=("joy",)).recordings()


def test_a_rater_who_paused_is_left_out_of_the_mean(copy):
    corpus = copy("recola")
    cell(5, 1, "")(corpus.path / RECOLA_RATING)
    (recording,) = (r for r in corpus.recordings() if r.id == "P16")
    ratings = corpus.ratings(recording, "valence").values
    assert np.isnan(ratings).sum() == 1
    np.testing.assert_allclose(gold_standard(corpus, recording).values[5, 1], ratings[5, 1:].mean(), atol=1e-6)


# ---- CASE ------------------------------------------------------------------------------------------------------------


def test_case_clips_are_found_by_number_whatever_their_order(twins):
    corpus = twins("case")
    recordings = corpus.recordings()
    assert [r.id for r in recordings] == [f"clip_{k}" for k in range(1, 9)]
    assert [r.session for r in recordings] == list("12345678")
    for number, recording in enumerate(recordings, start=1):
        found = corpus.ratings(recording, "arousal")
        assert found.channels == ("sub_1", "sub_2") and found.hop == 0.05 and found.start == 0
        for place, person in enumerate(found.channels):
            table = pd.read_csv(corpus.path / "data/interpolated/annotations" / f"{person}.csv")
            own = table[table.video == number].arousal
            np.testing.assert_allclose(found.values[:, place], (own - 5) / 4.5, atol=1e-6)


def test_case_physiology_is_cut_by_time(twins):
    corpus = twins("case")
    table = pd.read_csv(corpus.path / CASE_BODY)
    for number, recording in enumerate(corpus.recordings(), start=1):
        cut = read_track(recording.medium("physiology_sub_1"))
        assert (cut.start, cut.hop, cut.frames) == (0, 0.001, 1000)
        np.testing.assert_array_equal(cut.select(["gsr"]).values[:, 0], np.float32(table[table.video == number].gsr))


def test_case_by_viewing_keeps_people_apart(twins):
    clips = twins("case")
    corpus = replace(clips, unit="viewing", folds=2)
    recordings = corpus.recordings()
    assert len(recordings) == 16 and {(r.subject, r.session) for r in recordings} == {("sub_1", "1"), ("sub_2", "2")}
    for recording in recordings:
        own = corpus.ratings(recording, "valence")
        assert own.channels == (recording.subject,)
        assert recording.medium("ecg") == recording.medium("eda") == recording.medium("physiology")
    assert clips.described().startswith("SYNTHETIC")
    assert "not new people" in Case(dir="x").described() and "not new clips" in Case(unit="viewing").described()
    for wrong, message in (({"unit": "song"}, "unit is 'song'"), ({"unit": "viewing", "folds": 1}, "folds=1")):
        with pytest.raises(UserError, match=message):
            replace(clips, **wrong).recordings()


def test_streams_are_not_mixed_with_those_of_other_files(copy, tmp_path):
    for name, file in (("case", CASE_BODY), ("pmemo", PMEMO_EDA)):
        corpus = copy(name)
        corpus.prepare()
        before = {path: path.stat().st_mtime_ns for path in Path(corpus.streams_to).iterdir()}
        corpus.prepare()
        assert before == {path: path.stat().st_mtime_ns for path in Path(corpus.streams_to).iterdir()}
        text(lambda content: content + "\r\n")(corpus.path / file)
        with pytest.raises(UserError, match="holds streams of other files or settings"):
            corpus.prepare()
        (tmp_path / "streams" / "source.json").unlink()
        with pytest.raises(UserError, match="is not empty and has no source"):
            corpus.prepare()
        shutil.rmtree(tmp_path / "streams")
        shutil.rmtree(corpus.path)


@needs_data
def test_the_real_case():
    corpus = Case(dir=str(DATA / "case"), annotations_in="annotations")
    rows = [3712, 3462, 2373, 3202, 2902, 2935, 3940, 2875]
    for recording, frames in zip(corpus.recordings(), rows, strict=True):
        ratings = corpus.ratings(recording, "valence")
        assert ratings.values.shape == (frames, 6) and np.abs(ratings.values).max() <= 1 and ratings.hop == 0.05
    assert not [finding for finding in corpus.examine() if finding.needed]


# ---- PMEmo -----------------------------------------------------------------------------------------------------------


def sample(home, name="7", **change):
    """A folder with one sample as they circulate."""
    t = np.arange(15.5, 20.5, 0.5)
    dynamic = {"t": t.tolist(), "v": np.linspace(0, 1, 10).tolist(), "a": np.linspace(1, 0.5, 10).tolist()}
    skin = np.cumsum(np.r_[0, np.tile([0.1, 0.08], 120)])
    content = {"id": 7, "dynamic": dynamic, "eda": {"t": skin.tolist(), "mean": (skin / 10).tolist()}, **change}
    home.mkdir(exist_ok=True)
    (home / f"{name}.json").write_text(json.dumps(content))
    return Pmemo(dir=str(home), streams_to=str(home.parent / "streams"))


def test_pmemo_samples(tmp_path):
    corpus = sample(tmp_path / "samples")
    corpus.prepare()
    (song,) = corpus.recordings()
    valence = corpus.ratings(song, "valence")
    assert (valence.start, valence.hop, valence.channels, song.subject) == (15.5, 0.5, ("gold",), "7")
    np.testing.assert_allclose(valence.values[:, 0], np.linspace(-1, 1, 10), atol=1e-6)
    skin = read_track(song.medium("eda"))
    # the samples stand on a straight line, so interpolation must hit it
    assert skin.hop == 0.1
    np.testing.assert_allclose(skin.values[:, 0], skin.times / 10, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dynamic": {"t": [15.5, 16], "v": [0, 1]}}, r"7.json has no 'dynamic' with t, a, v"),
        ({"dynamic": {"t": [15.5, 16], "v": [0, 1], "a": [0]}}, r"lists of dynamic are not equally long .*a \[1\]"),
        ({"dynamic": {"t": [15.5, 16], "v": [0, "x"], "a": [0, 1]}}, r"dynamic holds something that is not a number"),
        ({"dynamic": {"t": [15.5, 15.5], "v": [0, 1], "a": [0, 1]}}, r"does not come after"),
        ({"eda": {"t": [0, 1, 0.5], "mean": [1, 1, 1]}}, r"7.json: skin conductance .* goes back at sample 3"),
        ({"eda": None}, r"7.json has no 'eda' with t, mean"),
    ],
)
def test_pmemo_samples_that_are_none(tmp_path, change, message):
    corpus = sample(tmp_path / "samples", **change)
    with pytest.raises(UserError, match=message) as error:
        extract(corpus, {}, tmp_path / "records")
    assert "\n" not in str(error.value)


def test_pmemo_skin_is_the_mean_of_the_listeners(twins, tmp_path):
    corpus = twins("pmemo")
    song = corpus.recordings()[1]
    table = pd.read_csv(corpus.path / "EDA" / f"{song.id}_EDA.csv")
    skin = read_track(song.medium("eda"))
    assert skin.hop == 0.1 and skin.frames == 201
    np.testing.assert_allclose(skin.values[:, 0], table.iloc[::5, 1:].mean(axis=1), atol=1e-5)
    with pytest.raises(UserError, match=r"1_EDA.csv has no column 'seconds' .*; set eda_time"):
        replace(corpus, eda_time="seconds", streams_to=str(tmp_path / "other")).prepare()


@needs_data
def test_the_real_pmemo(tmp_path):
    corpus = Pmemo(dir=str(DATA / "pmemo"), streams_to=str(tmp_path / "streams"))
    corpus.prepare()
    found = {song.id: song for song in corpus.recordings()}
    assert sorted(found) == ["108", "372", "634", "683"]
    frames = {name: corpus.ratings(song, "arousal").frames for name, song in found.items()}
    assert frames == {"108": 68, "372": 90, "634": 60, "683": 60}
    for song in found.values():
        gold, skin = gold_standard(corpus, song), read_track(song.medium("eda"))
        assert gold.start == 15.5 and skin.start <= gold.start and skin.end >= gold.end - 0.05


# ---- CreativeIT ------------------------------------------------------------------------------------------------------


def test_creativeit_is_read_as_it_is_described(twins):
    corpus = twins("creativeit")
    assert corpus.targets == ("arousal", "valence", "dominance")
    first = corpus.recordings()[0]
    assert (first.id, first.subject, first.session, set(first.media)) == ("improv1_F01", "F01", "S1", {"audio", "body"})
    ratings = corpus.ratings(first, "arousal")
    assert ratings.channels == ("ann1", "ann2", "ann3") and ratings.hop == 0.05
    table = pd.read_csv(corpus.path / "ratings/S1/improv1_F01_ann2.csv")
    np.testing.assert_allclose(ratings.values[:, 1], table.Activation, atol=1e-6)


def test_creativeit_takes_several_raters_of_one_file_a_missing_code_and_milliseconds(copy):
    corpus = copy("creativeit")
    for path in (corpus.path / "ratings").rglob("*.csv"):
        if "_ann1" not in path.name:
            path.unlink()
    for path in (corpus.path / "ratings").rglob("*.csv"):
        column(0, lambda t: f"{1000 * t:g}")(path)
        cell(2, 1, "-99")(path)
    own = replace(
        corpus, columns=("time=Time", "activation=Activation", "activation=Valence"), milliseconds=True, missing="-99"
    )
    ratings = own.ratings(own.recordings()[0], "arousal")
    assert (
        ratings.channels == ("ann1_Activation", "ann1_Valence") and ratings.hop == 0.05 and own.targets == ("arousal",)
    )
    assert np.isnan(ratings.values[2, 0]) and np.isnan(ratings.values).sum() == 1


def test_creativeit_takes_targets_from_file_names_and_a_rate_for_times(tmp_path):
    for target in ("activation", "valence"):
        path = tmp_path / target / "r1.txt.csv"
        path.parent.mkdir()
        path.write_text("value\n0.1\n0.2\n0.3\n")
    corpus = Creativeit(
        dir=str(tmp_path), naming=r"(?P<target>\w+)/(?P<recording>r\d)", traces="*/*.csv", columns=("rating=value",),
        rate_hz=60,
    )  # fmt: skip
    assert corpus.targets == ("arousal", "valence")
    (recording,) = corpus.recordings()
    assert (
        gold_standard(corpus, recording).values.shape == (3, 2) and corpus.ratings(recording, "valence").hop == 1 / 60
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"naming": ""}, "set naming; nothing about the files is known"),
        ({"traces": ""}, "set traces"),
        ({"columns": ()}, "set columns"),
        ({"naming": "(?P<recording"}, "naming is no regular expression"),
        ({"naming": "(?P<actor>F01)"}, "naming needs a group"),
        ({"traces": "nowhere/*.csv"}, "holds no file for traces"),
        ({"media": ("audio",)}, "media holds 'audio', expected name=value"),
        ({"columns": ("rating=Valence",)}, "role 'rating' stands alone"),
        ({"missing": "none"}, "missing is 'none', expected a number"),
        ({"media": ("audio=sound/*/*.wav", "audio=motion/*/*.csv")}, "are both audio of improv1_F01"),
    ],
)
def test_creativeit_settings_that_cannot_be(twins, tmp_path, change, message):
    with pytest.raises(UserError, match=message) as error:
        extract(replace(twins("creativeit"), **change), {}, tmp_path / "records")
    assert str(error.value).count("unverified layout") == 1 and "\n" not in str(error.value)


# ---- examination and twins -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITERS)
def test_an_examination_finds_nothing_wrong_in_a_twin(twins, name):
    findings = twins(name).examine()
    assert [finding for finding in findings if finding.needed] == []
    assert findings[0].what == "TWIN.txt" and findings[0].state == "note"
    shown = of_examination(findings)
    assert all(finding.what in shown and finding.found in shown for finding in findings)
    assert f"ratings of {twins(name).targets[0]}" in shown


@pytest.mark.parametrize(
    ("name", "place", "apply", "what"),
    [
        ("avec", AVEC_GOLD, cell(3, 2, "high"), "ratings of arousal, dev_1"),
        ("avec", AVEC_GOLD, gone, "corpus"),
        ("avec", AVEC_EDA, empty, "features_eda, dev_1"),
        ("avec", AVEC_EDA, text(lambda t: t.replace("@attribute EDA_0 numeric\r\n", "")), "features_eda, tables"),
        ("avec", "ratings_gold_standard", shutil.rmtree, "ratings_gold_standard/arousal"),
        ("recola", RECOLA_RATING, text(lambda t: t.replace("FF3", "F3")), "ratings of valence, P16"),
        ("recola", RECOLA_BODY, text(lambda t: t.replace("ECG", "E")), "RECOLA-Biosignals-recordings, P16.csv"),
        ("case", "data/interpolated/annotations", shutil.rmtree, "corpus"),
        ("pmemo", PMEMO_TABLE, column(2, lambda x: f"{9 * x:g}"), "ratings of arousal, 1"),
        ("creativeit", CREATIVE, cell(2, 1, "x"), "ratings of arousal, improv2_F02"),
    ],
)
def test_an_examination_names_what_is_wrong_and_goes_on(copy, name, place, apply, what):
    corpus = copy(name)
    apply(corpus.path / place)
    wrong = [finding for finding in corpus.examine() if finding.needed]
    assert what in [finding.what for finding in wrong]
    assert all(finding.advice and "\n" not in finding.advice for finding in wrong)


def test_an_examination_notes_what_may_be_missing(copy):
    corpus = copy("avec")
    (corpus.path / AVEC_EDA).unlink()
    text(lambda content: content[: content.index("test_1,1.6,")])(corpus.path / "features_ECG" / "test_1.arff")
    notes = {finding.what: finding.advice for finding in corpus.examine() if finding.state == "note"}
    assert notes["medium features_eda"].startswith("dev_1 cannot be used with streams of features_eda")
    assert notes["features_ecg, tables"].startswith("rows unlike the gold standard: test_1 40 for 51")


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_seed_gives_the_same_twin_and_nothing_is_written_over(twins, tmp_path, name):
    def content(home):
        files = (path for path in sorted(home.rglob("*")) if path.is_file() and "streams" not in path.parts)
        return {str(path.relative_to(home)): path.read_bytes() for path in files}

    WRITERS[name](tmp_path / "again")
    once, again = content(twins(name).path), content(tmp_path / "again")
    assert once == again and "SYNTHETIC" in again["TWIN.txt"].decode()
    with pytest.raises(UserError, match="is not an empty folder; choose another"):
        WRITERS[name](tmp_path / "again")
    assert content(tmp_path / "again") == again


def test_a_corpus_without_a_twin_says_so(tmp_path):
    with pytest.raises(UserError, match="'emodb' has no twin"):
        Emodb().write_twin(tmp_path / "twin")


def test_the_sound_and_streams_of_a_twin_know_of_arousal(tmp_path):
    corpus = Avec().write_twin(tmp_path / "twin", each=2, duration=20.0)
    known, planted, heard = [], [], []
    for recording in corpus.recordings():
        planted.append(gold_standard(corpus, recording).values[:, 0])
        known.append(Precomputed("features_audio").extract(recording).values)
        heard.append(Mfcc39(frame_rate_hz=25).extract(recording).values[:, 0])
    planted, heard, rows = np.concatenate(planted), np.concatenate(heard), np.concatenate(known)
    train = np.arange(len(rows)) < len(rows) // 2
    rows = np.c_[(rows - rows[train].mean(0)) / rows[train].std(0), np.ones(len(rows))]
    weights = np.linalg.solve(rows[train].T @ rows[train] + 100 * np.eye(rows.shape[1]), rows[train].T @ planted[train])
    assert np.corrcoef(rows[~train] @ weights, planted[~train])[0, 1] > 0.6
    smooth = np.convolve(heard, np.ones(50) / 50, "same")
    assert np.corrcoef(smooth, planted)[0, 1] > 0.2


@pytest.mark.parametrize(("arousal", "beats"), [(0.0, 72), (0.5, 81), (-0.5, 63)])
def test_the_heart_of_a_twin_beats_as_planted(arousal, beats):
    times = np.arange(60_000) / 1000
    signal = _twin.ecg(np.random.default_rng(0), np.full(6001, arousal), times)
    peaks, _ = find_peaks(signal, height=0.7, distance=250)
    assert abs(len(peaks) - beats) <= 1
    # it breathes: neighbouring beats are not equally far apart
    assert 10 < np.diff(peaks).std() < 60


def test_the_skin_of_a_twin_responds_more_often_when_aroused():
    times = np.arange(120_000) / 1000
    calm, aroused = (_twin.eda(np.random.default_rng(0), np.full(12_001, a), times) for a in (-0.8, 0.8))
    responses = [len(find_peaks(trace, prominence=0.1)[0]) for trace in (calm, aroused)]
    assert 0 < responses[0] < responses[1] and calm.min() > 0


def test_a_glob_of_creativeit_is_below_its_folder(tmp_path):
    twin = Creativeit().write_twin(tmp_path / "twin")
    with pytest.raises(UserError, match=r"is no glob below .*; write one like"):
        replace(twin, traces="/motion/*.csv").recordings()
