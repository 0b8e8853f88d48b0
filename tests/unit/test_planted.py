"""Planted streams: who knows what, what is lost, and what a frozen mouth changes."""

import dataclasses

import numpy as np
import pytest

from emotf.corpora.planted import CHANNELS, Planted
from emotf.errors import UserError
from emotf.features.precomputed import Precomputed

ALL = tuple(CHANNELS)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    corpus = Planted(dir=str(tmp_path_factory.mktemp("planted") / "corpus"), count=6, duration=40.0, extracted=ALL)
    corpus.prepare()
    return corpus


def stream(corpus, recording, name):
    return Precomputed(stream=name, gaps=True).extract(recording)


def stacked(corpus, name):
    """A stream of all recordings, each from the mean of itself, and the gold standards."""
    values = [stream(corpus, recording, name).values for recording in corpus.recordings()]
    gold = [
        np.stack([corpus.ratings(recording, target).values[:, 0] for target in corpus.targets], axis=1)
        for recording in corpus.recordings()
    ]
    return np.concatenate([part - part.mean(axis=0) for part in values]), np.concatenate(gold)


def test_streams_stand_on_the_clock_of_the_ratings(planted):
    assert planted.targets == ("arousal", "valence")
    for recording in planted.recordings():
        gold = planted.ratings(recording, "valence")
        assert (gold.frames, gold.hop) == (1000, 0.04) and np.abs(gold.values).max() < 1
        for name, width in CHANNELS.items():
            track = stream(planted, recording, name)
            assert track.values.shape == (1000, width) and track.hop == 0.04


def test_sessions_hold_subjects_of_their_own(planted):
    recordings = planted.recordings()
    assert [recording.session for recording in recordings] == ["1", "2", "3", "4", "5", "1"]
    assert len({recording.subject for recording in recordings}) == 6


NARROW = ("landmarks140", "pose36", "mel128")


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    """Enough to fit on one half and look at the other."""
    home = tmp_path_factory.mktemp("longer")
    found = {}
    for frozen in ("", "mouth"):
        corpus = Planted(dir=str(home / f"corpus{frozen}"), count=20, duration=60.0, extracted=NARROW, frozen=frozen)
        corpus.prepare()
        found[frozen] = corpus
    return found


def known(x, gold):
    """Correlation of arousal and valence in one half of the frames with what was fitted by ridge on the other."""
    half = len(x) // 2
    x = (x - x[:half].mean(axis=0)) / x[:half].std(axis=0)
    fitted, mean = x[:half], gold[:half].mean(axis=0)
    weights = np.linalg.solve(fitted.T @ fitted + 300 * np.eye(x.shape[1]), fitted.T @ (gold[:half] - mean))
    return [np.corrcoef(one, other)[0, 1] for one, other in zip((x[half:] @ weights).T, gold[half:].T, strict=True)]


def test_each_modality_knows_what_was_planted(longer):
    face, gold = stacked(longer[""], "landmarks140")
    arousal, valence = known(face, gold)
    assert arousal > 0.45 and valence > 0.45
    arousal, valence = known(*stacked(longer[""], "mel128"))
    assert arousal > 0.3 and valence < 0.2
    body, gold = stacked(longer[""], "pose36")
    arousal, valence = known(body, gold)
    assert 0.1 < arousal < 0.6 and abs(valence) < 0.15


def test_a_frozen_mouth_changes_faces_only(longer):
    for before, after in zip(*(corpus.recordings() for corpus in longer.values()), strict=True):
        for name in NARROW:
            one, other = (Precomputed(stream=name).extract(recording).values for recording in (before, after))
            assert np.array_equal(one, other) == (name != "landmarks140")
            assert np.array_equal(one.any(axis=1), other.any(axis=1))
        for target in ("arousal", "valence"):
            gold = [corpus.ratings(recording, target).values
                    for corpus, recording in zip(longer.values(), (before, after), strict=True)]  # fmt: skip
            assert np.array_equal(*gold)
    arousal, valence = known(*stacked(longer["mouth"], "landmarks140"))
    assert abs(valence) < 0.15 and 0.1 < arousal < 0.4  # the brows still move, and say little


def test_a_lost_face_takes_all_that_describes_it(planted):
    lost = []
    for recording in planted.recordings():
        gone = [~stream(planted, recording, name).values.any(axis=1)
                for name in ("resnet50", "landmarks140", "face_mesh", "evm_color")]  # fmt: skip
        assert all(np.array_equal(gone[0], other) for other in gone[1:])
        lost.append(gone[0].mean())
        assert stream(planted, recording, "mel128").values.any(axis=1).all()
    assert 0.01 < np.mean(lost) < 0.1


def test_what_is_extracted_does_not_change_the_rest(planted, tmp_path):
    alone = dataclasses.replace(planted, dir=str(tmp_path / "alone"), extracted=("mel128",))
    alone.prepare()
    for before, after in zip(planted.recordings(), alone.recordings(), strict=True):
        assert set(after.media) == {"mel128"}
        assert before.medium("mel128").read_bytes() == after.medium("mel128").read_bytes()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"count": 4}, "5 to 999 recordings, received count 4"),
        ({"duration": 0.5}, "lasts 1 to 3600 s"),
        ({"duration": 2.01}, "duration"),
        ({"seed": -1}, "A seed is 0 or above"),
        ({"frozen": "brows"}, "received 'brows'"),
        ({"extracted": ()}, "received none"),
        ({"extracted": ("mel128", "gaze")}, "received gaze"),
    ],
)
def test_what_cannot_be_planted_is_refused(tmp_path, fields, said):
    with pytest.raises(UserError, match=said):
        Planted(dir=str(tmp_path / "none"), **fields).prepare()
    assert not (tmp_path / "none").exists()
