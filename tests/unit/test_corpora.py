import dataclasses
import importlib
import typing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from published import WRITERS
from real_data import DATA, needs_data

import emotf.corpora
from emotf.annotation import gold_standard
from emotf.corpora.base import Corpus
from emotf.corpora.emodb import EMOTIONS, FRAME, MEN, WOMEN, Emodb, audible
from emotf.corpora.folder import Folder
from emotf.corpora.planted import Planted
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.precomputed import Precomputed
from emotf.recording import check_subjects, partitions

NAMES = sorted(
    path.stem
    for path in Path(emotf.corpora.__file__).parent.glob("*.py")
    if not path.stem.startswith("_") and path.stem != "base"
)
REAL_EMODB = DATA / "emodb" / "flac"


def corpus_class(name):
    module = importlib.import_module(f"emotf.corpora.{name}")
    (found,) = [
        part
        for part in vars(module).values()
        if isinstance(part, type) and issubclass(part, Corpus) and part.__module__ == module.__name__
    ]
    return found


# ---- a tiny tree of every corpus; a new corpus adds its builder here -------------------------------------------------


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def build_folder(home):
    write(home / "recordings.csv", "id, subject ,session,audio,body\nr2,03,1,sound/r2.wav,\nr1,3,2,,body/r1.csv\n\n")
    write(home / "sound/r2.wav", "")
    write(home / "body/r1.csv", "time,c0\n0,1\n1,2\n")
    write(home / "ratings/valence/r2.csv", "time,gold\n0,0.5\n0.5,\n1.0,0.25\n")
    for one in ("r1", "r2"):
        write(home / f"ratings/arousal/{one}.csv", "time,ann,bob\n0,0.5,\n0.5,,\n1.0,1,0\n")
    write(home / "streams/faces/r1.csv", "time,c0\n0,1\n1,2\n")
    return Folder(dir=str(home))


def build_synthetic(home):
    return Synthetic(dir=str(home), count=10, duration=2.0)


def build_planted(home):
    return Planted(dir=str(home), count=10, duration=2.0, extracted=("landmarks140", "pose36", "mel128"))


def build_emodb(home):
    source = home.parent / "source"
    source.mkdir(exist_ok=True)
    for speaker in MEN + WOMEN:
        for k, name in enumerate((f"{speaker}a01Wa.flac", f"{speaker}b10Tb.wav")):
            rng = np.random.default_rng([int(speaker), k])
            sound = rng.integers(100, 3000, 8_100 + 1_000 * k).astype(np.int16)
            sound = np.concatenate([sound, np.zeros(3_200 * k, np.int16)])  # the second ends in 0.2 s of nothing
            soundfile.write(source / name, sound, 16_000, subtype="PCM_16")
    return Emodb(dir=str(home), source=str(source))


BUILDERS = {"folder": build_folder, "synthetic": build_synthetic, "emodb": build_emodb,
            "planted": build_planted, **WRITERS}  # fmt: skip


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    built = {}

    def get(name):
        if name not in built:
            built[name] = BUILDERS[name](tmp_path_factory.mktemp(name) / "corpus")
            built[name].prepare()
        return built[name]

    return get


@pytest.fixture
def home(tmp_path):
    """A folder corpus to break."""
    build_folder(tmp_path)
    return tmp_path


# ---- the contract of every corpus ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_says_what_it_is_and_can_be_configured(name):
    kind = corpus_class(name)
    assert dataclasses.is_dataclass(kind) and kind().name == name
    assert kind.licence and kind.targets_are and "\n" not in kind.licence
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint = typing.get_origin(hints[field.name]) or hints[field.name]
        assert hint in (int, float, str, bool, tuple), f"{field.name} is a {hint}"


@pytest.mark.parametrize("name", NAMES)
def test_contract(name, trees):
    corpus = trees(name)
    recordings = corpus.recordings()
    ids = [recording.id for recording in recordings]
    assert ids == sorted(set(ids)) and ids
    check_subjects(recordings)
    assert all(recording.session or recording.partition for recording in recordings)
    assert len(set(corpus.targets)) == len(corpus.targets) > 0
    for recording in recordings:
        for medium in recording.media:
            assert recording.medium(medium).exists()
        for target in corpus.targets:
            ratings = corpus.ratings(recording, target)
            assert ratings is None or (ratings.hop > 0 and ratings.frames > 1 and ratings.channels)
        gold = gold_standard(corpus, recording)
        assert gold.channels == corpus.targets
    assert corpus.recordings() == recordings


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_corpus_is_refused(name, tmp_path):
    for folder in ("", str(tmp_path / "nowhere")):
        with pytest.raises(UserError) as caught:
            corpus_class(name)(dir=folder).recordings()
        assert "\n" not in str(caught.value)


# ---- folder ----------------------------------------------------------------------------------------------------------


def test_folder_reads_what_is_there(home):
    corpus = Folder(dir=str(home))
    first, second = corpus.recordings()
    assert (first.id, first.subject, second.subject) == ("r1", "3", "03")
    assert set(first.media) == {"body", "faces"} and set(second.media) == {"audio"}
    assert corpus.targets == ("arousal", "valence")
    assert corpus.ratings(first, "valence") is None
    ratings = corpus.ratings(second, "arousal")
    assert ratings.channels == ("ann", "bob") and ratings.hop == 0.5
    np.testing.assert_array_equal(ratings.values, [[0.5, np.nan], [np.nan, np.nan], [1, 0]])
    assert Folder(dir=str(home), only_targets=("valence",)).targets == ("valence",)


def test_folder_takes_partitions_and_hidden_files_are_no_ratings(home):
    write(home / "recordings.csv", "id,subject,partition\nr1,a,train\nr2,b,dev\n")
    write(home / "ratings/arousal/.r1.77.csv", "half a fi")
    found = partitions(Folder(dir=str(home)).recordings(), None)
    assert [r.id for r in found["train"]] == ["r1"] and [r.id for r in found["dev"]] == ["r2"]


HEAD = "id,subject,session,audio\n"


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("recordings.csv", "", r"recordings.csv is empty; give"),
        ("recordings.csv", HEAD, r"has a header and no rows; add"),
        ("recordings.csv", "id,session\nr1,1\n", r"no column 'subject', it has: id, session; add"),
        ("recordings.csv", "subject,session\nr1,1\n", r"no column 'id'"),
        ("recordings.csv", "id,subject\nr1,1\n", r"neither a column 'session' nor 'partition'"),
        ("recordings.csv", HEAD + "r1,a,1,gone.wav\n", r"row 2: audio file .*gone.wav is missing; put"),
        ("recordings.csv", HEAD + "r1,,1,\n", r"row 2: the subject is empty; fill"),
        ("recordings.csv", HEAD + "r1,a,1,\nr1,a,1,\n", r"recordings.csv: Recording id 'r1' occurs twice"),
        ("recordings.csv", HEAD + "r1,a,1,\nr2,a,2,\n", r"recordings.csv: Subject 'a' is in session '1' and"),
        ("recordings.csv", HEAD + "r 1,a,1,\n", r"row 2: Recording id 'r 1': use letters"),
        ("recordings.csv", HEAD + "r1,a,1,,,\n", r"recordings.csv is not a table .*; save"),
        ("recordings.csv", HEAD + "r1,a,1,\n", r"r2.csv belongs to no recording .*; correct"),
        ("ratings/arousal/r1x.csv", "time,gold\n0,1\n1,1\n", r"r1x.csv belongs to no recording .* add the id 'r1x'"),
        ("streams/faces/r7.npy", "", r"r7.npy belongs to no recording"),
        ("streams/audio/r1.csv", "time,c\n0,1\n", r"audio has the name of a medium .*; rename"),
        ("streams/faces/r1.npy", "", r"r1.npy and r1.csv are both stream 'faces' of recording r1; remove"),
    ],
)
def test_folder_refuses_a_broken_tree(home, path, text, message):
    write(home / path, text)
    with pytest.raises(UserError, match=message) as caught:
        Folder(dir=str(home)).recordings()
    assert "\n" not in str(caught.value) and path.split("/")[0] in str(caught.value)


def test_folder_refuses_missing_parts(home):
    for gone, message in (("ratings", "ratings is missing or has no sub-folder; put"), ("recordings.csv", "write one")):
        (home / gone).rename(home / "aside")
        with pytest.raises(UserError, match=message):
            Folder(dir=str(home)).recordings()
        (home / "aside").rename(home / gone)
    with pytest.raises(UserError, match="no target 'joy'"):
        Folder(dir=str(home), only_targets=("joy",)).recordings()
    with pytest.raises(UserError, match="no target 'joy'"):
        Folder(dir=str(home)).ratings(Folder(dir=str(home)).recordings()[0], "joy")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ann,bob\n1,2\n1,2\n", "no column 'time'"),
        ("time\n0\n1\n", "no column besides 'time'"),
        ("time,gold,ann\n0,1,1\n1,1,1\n", "'gold' beside ann; keep"),
        ("", "is empty"),
    ],
)
def test_folder_refuses_a_broken_rating_file(home, text, message):
    write(home / "ratings/arousal/r1.csv", text)
    corpus = Folder(dir=str(home))
    with pytest.raises(UserError, match=message) as caught:
        corpus.ratings(corpus.recordings()[0], "arousal")
    assert "r1.csv" in str(caught.value) and "\n" not in str(caught.value)


# ---- writing a corpus ------------------------------------------------------------------------------------------------


def content(home):
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


def test_the_same_parameters_give_the_same_bytes(trees, tmp_path):
    once = content(trees("synthetic").path)
    Synthetic(dir=str(tmp_path / "again"), count=10, duration=2.0).prepare()
    Synthetic(dir=str(tmp_path / "other"), count=10, duration=2.0, seed=1).prepare()
    Synthetic(dir=str(tmp_path / "more"), count=20, duration=2.0).prepare()
    assert content(tmp_path / "again") == once
    other, more = content(tmp_path / "other"), content(tmp_path / "more")
    assert all(other[path] != data for path, data in once.items() if path != "recordings.csv")
    shared = [path for path in once if "/" in path]
    assert len(shared) == 50 and all(more[path] == once[path] for path in shared)


@pytest.mark.parametrize("name", ["synthetic", "planted", "emodb"])
def test_an_interrupted_corpus_goes_on_and_ends_the_same(name, trees, tmp_path, monkeypatch):
    corpus = BUILDERS[name](tmp_path / "corpus")
    compose, done = type(corpus).compose, []

    def fails_at_the_third(self, row):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(row["id"])
        compose(self, row)

    monkeypatch.setattr(type(corpus), "compose", fails_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        corpus.prepare()
    with pytest.raises(UserError, match=r"not complete .*prepare it first"):
        corpus.recordings()
    monkeypatch.setattr(type(corpus), "compose", lambda self, row: (done.append(row["id"]), compose(self, row)))
    corpus.prepare()
    assert len(done) == len(set(done)) == 10
    assert content(corpus.path) == content(trees(name).path)
    corpus.prepare()
    assert len(done) == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 5}, "written with seed = 0, asked for is 5; choose"),
        ({"count": 20}, "written with count = 10, asked for is 20"),
        ({"duration": 3.0}, "written with duration = 2.0"),
        ({"coupling": 0.0}, "written with coupling = 0.5"),
        ({"count": 15}, "count is 15, choose 10, 20"),
        ({"count": 0}, "count is 0"),
        ({"duration": 2.02}, "multiple of the hop"),
        ({"duration": 0.5}, "1 to 3600 s, received duration 0.5"),
        ({"coupling": 1.0}, r"lies in \[0, 1\), received 1"),
        ({"seed": -1}, "0 or above, received -1"),
    ],
)
def test_other_or_impossible_parameters_are_refused(trees, change, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(trees("synthetic"), **change).prepare()


def test_a_foreign_folder_is_left_alone(home):
    before = content(home)
    with pytest.raises(UserError, match=r"has no synthetic.json, .* choose another dir"):
        Synthetic(dir=str(home)).prepare()
    with pytest.raises(UserError, match="set its field dir"):
        Synthetic().prepare()
    assert content(home) == before


# ---- EmoDB -----------------------------------------------------------------------------------------------------------


def test_emodb_places_every_utterance_on_a_frame(trees):
    corpus = trees("emodb")
    recordings = corpus.recordings()
    assert [r.subject for r in recordings] == sorted(MEN + WOMEN)
    for session in "12345":
        pair = [r.subject for r in recordings if r.session == session]
        assert len(set(pair) & set(MEN)) == len(set(pair) & set(WOMEN)) == 1
    for recording in recordings:
        sound, rate = soundfile.read(recording.medium("audio"), dtype="int16")
        gold = gold_standard(corpus, recording)
        assert rate == 16_000 and len(sound) == gold.frames * FRAME and gold.hop == 0.04
        for name, frames in ((f"{recording.subject}a01Wa.flac", 13), (f"{recording.subject}b10Tb.wav", 15)):
            utterance, _ = soundfile.read(Path(corpus.source) / name, dtype="int16")
            rated = np.isclose(gold.values[:, 0], EMOTIONS[name[5]][0])
            first = int(rated.argmax())
            np.testing.assert_array_equal(sound[first * FRAME : first * FRAME + len(utterance)], utterance)
            # 8100 samples reach into frame 12, 9100 into frame 14; the 0.2 s of zeros behind are not rated
            assert rated.sum() == frames == -(-audible(utterance) // FRAME)
            assert np.allclose(gold.values[rated], EMOTIONS[name[5]])
        assert np.isfinite(gold.values).all(axis=1).sum() == 28
        assert (sound[np.repeat(np.isnan(gold.values[:, 0]), FRAME)] == 0).all()


def test_trailing_silence_counts_from_a_tenth_of_a_second():
    speech = np.full(1_000, 500, np.int16)
    assert audible(np.concatenate([speech, np.zeros(1_600, np.int16)])) == 2_600
    assert audible(np.concatenate([speech, np.ones(1_601, np.int16)])) == 1_000
    assert audible(np.concatenate([np.zeros(5_000, np.int16), speech])) == 6_000


def test_emodb_stands_without_its_source_once_complete(trees, tmp_path):
    corpus = BUILDERS["emodb"](tmp_path / "corpus")
    corpus.prepare()
    without = dataclasses.replace(corpus, source="")
    without.prepare()
    assert len(without.recordings()) == 10
    with pytest.raises(UserError, match=r"written with pause = 0.3, asked for is 0.5"):
        dataclasses.replace(without, pause=0.5).prepare()
    (Path(corpus.source) / "03a01Wa.flac").unlink()
    with pytest.raises(UserError, match="written with source_digest"):
        corpus.prepare()


def test_emodb_refuses_a_source_that_is_not_whole(tmp_path):
    corpus = BUILDERS["emodb"](tmp_path / "corpus")
    source = Path(corpus.source)
    for wrong, message in (
        ({"seed": -1}, "0 or above"),
        ({"pause": -0.1}, "0 to 60 s"),
        ({"source": ""}, "CC0"),
        ({"source": str(tmp_path / "nowhere")}, "is no folder; obtain them .*CC0"),
        ({"source": str(tmp_path)}, "holds no .wav or .flac utterances; obtain"),
    ):
        with pytest.raises(UserError, match=message):
            dataclasses.replace(corpus, **wrong).prepare()
    for name, message in (("03a01Xa.wav", "not named like"), ("03a01Wa.wav", "03a01Wa.flac are the same utterance")):
        write(source / name, "")
        with pytest.raises(UserError, match=message):
            corpus.prepare()
        (source / name).unlink()
    for path in [*source.glob("08*"), *source.glob("16*")]:
        path.unlink()
    with pytest.raises(UserError, match="no utterance of speaker 08, 16; "):
        corpus.prepare()
    assert not corpus.path.exists()


@pytest.mark.parametrize("kind", ["rate", "stereo", "garbage"])
def test_emodb_refuses_sound_that_is_not_emodbs(tmp_path, kind):
    corpus = BUILDERS["emodb"](tmp_path / "corpus")
    path = Path(corpus.source) / "03b10Tb.wav"
    if kind == "garbage":
        write(path, "no sound")
    else:
        soundfile.write(path, np.zeros((800, 2) if kind == "stereo" else 800), 8_000 if kind == "rate" else 16_000)
    with pytest.raises(UserError, match=r"03b10Tb.wav (has .* convert it|cannot be decoded .* restore it)") as caught:
        corpus.prepare()
    assert "\n" not in str(caught.value)


@needs_data
def test_the_real_emodb(tmp_path):
    files = sorted(REAL_EMODB.iterdir())
    cut = 0
    for path in files:
        samples, _ = soundfile.read(path, dtype="int16")
        cut += audible(samples) < len(samples)
    assert (len(files), cut) == (535, 105)
    corpus = Emodb(dir=str(tmp_path / "corpus"), source=str(REAL_EMODB))
    corpus.prepare()
    total = 0
    for recording in corpus.recordings():
        gold = gold_standard(corpus, recording)
        assert gold.frames * FRAME == soundfile.info(recording.medium("audio")).frames
        assert 0.1 < np.isnan(gold.values).mean() < 0.25
        total += gold.frames
    assert total == 535 * 58  # 2.0 s and 0.3 s fill 58 frames
    table = pd.read_csv(corpus.path / "ratings" / "valence" / "speaker03.csv")
    assert list(table.columns) == ["time", "gold"]


def test_a_folder_may_hold_streams_as_arff(home):
    (home / "streams/faces/r1.csv").unlink()
    table = "@relation faces\n@attribute frameTime numeric\n@attribute yaw numeric\n@data\n0,1.5\n0.04,2\n"
    write(home / "streams/faces/r1.arff", table)
    (one,) = [recording for recording in Folder(dir=str(home)).recordings() if recording.id == "r1"]
    track = Precomputed("faces").extract(one)
    assert (track.hop, track.channels, track.values.ravel().tolist()) == (0.04, ("yaw",), [1.5, 2.0])
