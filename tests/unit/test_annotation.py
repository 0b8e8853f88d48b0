import re

import numpy as np
import pytest

from emotf.annotation import compensate_delay, gold_standard, mean_of_raters
from emotf.errors import UserError
from emotf.recording import Recording
from emotf.track import Track

NAN = np.nan
RECORDING = Recording("r1", "anna", session="1")


class Ratings:
    """A corpus of one recording: target -> track."""

    def __init__(self, **tracks):
        self.tracks = tracks

    @property
    def targets(self):
        return tuple(self.tracks)

    def ratings(self, recording, target):
        return self.tracks[target]


def raters(*rows, hop=0.04, start=0.0):
    return Track(np.array(rows, float), hop=hop, start=start)


def test_mean_of_raters_leaves_out_who_did_not_rate():
    gold = mean_of_raters(raters([0.2, 0.4, NAN], [NAN, NAN, NAN], [NAN, -0.5, NAN], start=1.0))
    np.testing.assert_allclose(gold.values[:, 0], [0.3, NAN, -0.5], rtol=1e-6)
    assert gold.channels == ("gold",) and gold.start == 1.0 and gold.hop == 0.04


def test_mean_of_raters_is_numpys():
    values = np.random.default_rng(0).normal(size=(200, 6))
    values[np.random.default_rng(1).random((200, 6)) < 0.2] = NAN
    np.testing.assert_allclose(mean_of_raters(Track(values, 0.04)).values[:, 0], np.nanmean(values, 1), atol=1e-6)


def test_delay_moves_ratings_earlier():
    gold = compensate_delay(raters([0.0], [1.0], [2.0], [3.0]), 0.08)
    np.testing.assert_array_equal(gold.values[:, 0], [2, 3, NAN, NAN])
    assert gold.start == 0
    np.testing.assert_array_equal(compensate_delay(gold, 0).values, gold.values)


def test_delay_off_the_grid_is_refused():
    with pytest.raises(UserError, match="multiple of the hop"):
        compensate_delay(raters([0.0], [1.0]), 0.05)


def test_gold_standard_puts_targets_side_by_side():
    corpus = Ratings(valence=raters([0.0, 1.0], [NAN, 1.0]), dominance=None, arousal=raters([-1.0], [NAN]))
    gold = gold_standard(corpus, RECORDING)
    assert gold.channels == ("valence", "dominance", "arousal")
    np.testing.assert_array_equal(gold.values, [[0.5, NAN, -1.0], [1.0, NAN, NAN]])


def test_a_first_target_that_is_lacking_gets_the_others_clock():
    gold = gold_standard(Ratings(arousal=None, valence=raters([0.5], [0.5], hop=0.1, start=2.0)), RECORDING)
    assert (gold.frames, gold.hop, gold.start) == (2, 0.1, 2.0)
    assert np.isnan(gold.values[:, 0]).all()


@pytest.mark.parametrize(
    "other", [raters([0.0]), raters([0.0], [0.0], hop=0.05), raters([0.0], [0.0], start=0.04)], ids=str
)
def test_clocks_that_differ_are_refused(other):
    corpus = Ratings(dominance=None, arousal=raters([0.0], [0.0]), valence=other)
    with pytest.raises(UserError, match=r"Recording r1: arousal .*valence .*resample") as caught:
        gold_standard(corpus, RECORDING)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("nothing", [{}, {"arousal": None}, {"arousal": raters([NAN], [NAN]), "valence": None}])
def test_a_recording_without_any_rating_is_refused(nothing):
    with pytest.raises(UserError, match="Recording r1 has no rating of any target"):
        gold_standard(Ratings(**nothing), RECORDING)


def test_an_unknown_fusion_is_refused():
    with pytest.raises(UserError, match=re.escape("one of mean, ewe, ccc_centred, normalised, received 'median'")):
        gold_standard(Ratings(arousal=raters([0.0])), RECORDING, fusion="median")
