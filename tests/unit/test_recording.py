import pytest

from emotf.errors import UserError
from emotf.recording import PARTITIONS, Recording, check_subjects, partitions


def people(sessions):
    """One recording a session, each of a subject of its own."""
    return [Recording(f"r{i}", f"s{i}", session=str(session)) for i, session in enumerate(sessions)]


def sessions(divided):
    return {name: [r.session for r in part] for name, part in divided.items()}


# ---- a recording -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["r1", "S1_f-01.take2", "_x", "7"])
def test_ids_that_can_name_a_file_are_accepted(name):
    assert Recording(name, "anna").id == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../a", ".hidden", "-x", "ä", "r1\n"])
def test_ids_that_cannot_name_a_file_are_refused(name):
    with pytest.raises(UserError, match="use letters, digits"):
        Recording(name, "anna")


def test_an_unknown_partition_is_refused():
    with pytest.raises(UserError, match="Recording r1: partition 'validation' is none of train, dev, test"):
        Recording("r1", "anna", partition="validation")


def test_a_medium_is_a_file_or_folder_that_exists(tmp_path):
    sound = tmp_path / "r1.wav"
    recording = Recording("r1", "anna", {"audio": sound, "body": tmp_path})
    with pytest.raises(UserError, match=r"Recording r1: audio file .*r1\.wav is missing"):
        recording.medium("audio")
    sound.touch()
    assert recording.medium("audio") == sound
    assert recording.medium("body") == tmp_path
    with pytest.raises(UserError, match=r"has no 'video' \(it has: audio, body\)"):
        recording.medium("video")


def test_the_sound_of_a_video_serves_where_there_is_no_audio(tmp_path):
    clip, sound = tmp_path / "r1.mp4", tmp_path / "r1.wav"
    clip.touch()
    sound.touch()
    assert Recording("r1", "anna", {"video": clip}).medium("audio") == clip
    assert Recording("r1", "anna", {"video": clip, "audio": sound}).medium("audio") == sound
    with pytest.raises(UserError, match=r"it has: no media"):
        Recording("r2", "anna").medium("video")


# ---- subjects --------------------------------------------------------------------------------------------------------


def test_a_subject_may_have_many_recordings_in_one_place():
    check_subjects([Recording(f"r{i}", "anna", session="1", partition="train") for i in range(3)])


def test_an_id_that_occurs_twice_is_refused():
    with pytest.raises(UserError, match="Recording id 'r1' occurs twice"):
        check_subjects([Recording("r1", "anna"), Recording("r1", "ben")])


@pytest.mark.parametrize(("unit", "places"), [("session", ("1", "2")), ("partition", ("train", "test"))])
def test_a_subject_in_two_places_is_refused(unit, places):
    recordings = [Recording(f"r{i}", "anna", **{unit: place}) for i, place in enumerate(places)]
    message = f"Subject 'anna' is in {unit} '{places[0]}' and, with recording r1, in {unit} '{places[1]}'"
    with pytest.raises(UserError, match=message):
        check_subjects(recordings)
    with pytest.raises(UserError, match=message):
        partitions(recordings, fold=0 if unit == "session" else None)


# ---- partitions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, 5])
def test_rotation_tests_every_session_once_and_chooses_on_the_next(count):
    recordings = people(range(count))
    for fold in range(count):
        divided = sessions(partitions(recordings, fold))
        assert divided["test"] == [str(fold)] and divided["dev"] == [str((fold + 1) % count)]
        assert sorted(divided["train"]) == sorted({str(i) for i in range(count)} - {*divided["test"], *divided["dev"]})


def test_sessions_are_counted_in_natural_order():
    recordings = people(["Session10", "Session9", "Session1", "Session2"])
    assert [sessions(partitions(recordings, fold))["test"][0] for fold in range(4)] == [
        "Session1", "Session2", "Session9", "Session10",
    ]  # fmt: skip


def test_koprue2020_chooses_and_reports_on_the_same_session():
    divided = sessions(partitions(people(range(5)), 4, "koprue2020"))
    assert divided == {"train": ["0", "1", "2", "3"], "dev": ["4"], "test": []}


def test_without_a_fold_or_partitions_the_first_session_is_tested():
    assert partitions(people("312"), None) == partitions(people("312"), 0)


def fixed(*places):
    return [Recording(f"r{i}", f"s{i}", partition=place) for i, place in enumerate(places)]


def test_without_a_fold_the_partitions_of_the_corpus_count():
    recordings = fixed("train", "test", "dev", "train")
    divided = partitions(recordings, None)
    assert {name: [r.id for r in part] for name, part in divided.items()} == {
        "train": ["r0", "r3"], "dev": ["r2"], "test": ["r1"],
    }  # fmt: skip
    assert tuple(divided) == PARTITIONS
    assert partitions(recordings, None, "koprue2020")["test"] == []


@pytest.mark.parametrize(
    ("recordings", "fold", "message"),
    [
        (fixed("train", "dev", ""), None, "Recording r2 has no partition"),
        (fixed("train", "test"), None, "Partition 'dev' is empty"),
        (fixed("dev", "test"), None, "Partition 'train' is empty"),
        ([*people("123"), Recording("x", "x")], 0, "Recording x has no session, so fold 0"),
        (people("12"), 0, "rotation need at least 3 sessions, found 2"),
        (people("123"), 3, "Fold 3 does not exist; there are 3 sessions, folds 0 to 2"),
        (people("123"), -1, "Fold -1 does not exist"),
    ],
)
def test_divisions_that_cannot_be_are_refused(recordings, fold, message):
    with pytest.raises(UserError, match=message):
        partitions(recordings, fold)
