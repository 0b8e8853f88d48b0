"""Words of the circumplex: places, neighbours, and what is refused."""

import math

import numpy as np
import pytest

from emotf.affect import WORDS, words
from emotf.errors import UserError


def test_the_table_is_a_circumplex():
    places = np.array(list(WORDS.values()))
    assert list(WORDS) == sorted(WORDS) and len(set(WORDS.values())) == len(WORDS) == 87
    assert np.hypot(*places.T).max() < 1.1  # the unit circle; anxious stands a little outside
    for valence in (-1, 1):
        for arousal in (-1, 1):
            assert ((places * (valence, arousal) > 0).all(axis=1)).sum() >= 12


def test_opposites_lie_apart():
    def apart(one: str, other: str) -> float:
        return math.dist(WORDS[one], WORDS[other])

    assert apart("happy", "sad") > 1.5 and apart("excited", "bored") > 1.5 and apart("angry", "relaxed") > 1.5
    assert apart("sleepy", "tired") < 0.1 and apart("suspicious", "impatient") < 0.4
    assert WORDS["happy"] == (0.89, 0.17) and WORDS["suspicious"] == (-0.32, 0.26)


def test_every_word_names_its_own_place():
    named, distance = words(*np.array(list(WORDS.values())).T)
    assert named.tolist() == list(WORDS) and (distance == 0).all()


def test_words_are_the_nearest_of_all():
    valence, arousal = np.random.default_rng(0).uniform(-1, 1, (2, 300))
    named, distance = words(valence, arousal)
    for k in range(300):
        away = {word: math.dist((valence[k], arousal[k]), place) for word, place in WORDS.items()}
        assert named[k] == min(away, key=away.__getitem__)
        assert distance[k] == pytest.approx(min(away.values()))


def test_unknown_values_have_no_word():
    named, distance = words(np.array([np.nan, 0.5, 0.9]), np.array([0.1, np.nan, 0.2]))
    assert named.tolist() == ["", "", "happy"] and np.isnan(distance).tolist() == [True, True, False]
    assert [len(part) for part in words(np.zeros(0), np.zeros(0))] == [0, 0]


def test_other_scales_and_shapes_are_refused():
    with pytest.raises(UserError, match=r"arousal from -1 to 1, but it reaches 7\.5; rescale"):
        words(np.zeros(2), np.array([5.0, 7.5]))
    with pytest.raises(UserError, match=r"shapes \[2\] and \[3\]"):
        words(np.zeros(2), np.zeros(3))
