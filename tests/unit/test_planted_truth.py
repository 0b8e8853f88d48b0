"""The synthetic corpus carries the truth that its documentation states."""

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from emotf.annotation import mean_of_raters
from emotf.corpora import _affect, _speech
from emotf.corpora.synthetic import Synthetic
from emotf.recording import partitions
from emotf.tables import read_track
from emotf.track import Track


def test_synthetic_is_what_it_says(tmp_path):
    corpus = Synthetic(dir=str(tmp_path / "corpus"), count=10, duration=2.0)
    corpus.prepare()
    recordings = corpus.recordings()
    assert corpus.targets == ("arousal", "dominance", "valence")
    assert {r.session for r in recordings} == set("12345") and len({r.subject for r in recordings}) == 10
    first = recordings[0]
    sound = soundfile.info(first.medium("audio"))
    assert (sound.samplerate, sound.channels, sound.subtype, sound.frames) == (24_000, 1, "PCM_16", 48_000)
    body = read_track(first.medium("body"))
    assert body.frames == 120 and body.hop == 1 / 60 and body.channels == _affect.ANGLES
    ratings = corpus.ratings(first, "valence")
    assert ratings.frames == 40 and ratings.hop == 0.05 and len(ratings.channels) == 6
    for fold in range(5):
        assert [len(part) for part in partitions(recordings, fold).values()] == [6, 2, 2]


def latents(coupling, recordings=30, seconds=60):
    return [
        np.array(_affect.affect(np.random.default_rng([9, k]), seconds * _speech.CONTROL_HZ, coupling))
        for k in range(recordings)
    ]


def test_latents_are_bounded_and_coupled_as_documented():
    for coupling in (0.0, 0.5, 0.9):
        together = np.concatenate(latents(coupling), axis=1)
        a, d, v = together
        assert np.abs(together).max() < 1 and np.all(np.abs(together.std(axis=1) - 0.37) < 0.04)
        assert np.corrcoef(a, d)[0, 1] == pytest.approx(0.5, abs=0.1)
        assert np.corrcoef(a, v)[0, 1] == pytest.approx(0.87 * coupling, abs=0.1)
        assert np.corrcoef(d, v)[0, 1] == pytest.approx(0.87 * coupling, abs=0.1)


def mean_correlation(pairs):
    return np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs])


def test_motion_carries_arousal_and_no_valence():
    with_arousal, with_valence = [], []
    for k, (a, _, v) in enumerate(latents(0.0)):
        angles = _affect.move(np.random.default_rng(k), _affect.draw_body(np.random.default_rng([1, k])), a)
        speed = np.abs(np.diff(angles, axis=0, prepend=angles[:1])).mean(axis=1).reshape(-1, 60).mean(axis=1)
        with_arousal.append((speed, a.reshape(-1, 100).mean(axis=1)))
        with_valence.append((speed, v.reshape(-1, 100).mean(axis=1)))
    assert mean_correlation(with_arousal) > 0.3
    assert abs(mean_correlation(with_valence)) < 0.12


def test_sound_carries_arousal_in_its_energy():
    pairs = []
    for k, (a, d, v) in enumerate(latents(0.0, recordings=4, seconds=60)):
        voice = _speech.draw_voice(np.random.default_rng([2, k]), woman=k % 2 == 0)
        sound = _speech.speak(np.random.default_rng([3, k]), voice, a, d, v)
        assert (
            sound.dtype == np.int16 and len(sound) == 60 * _speech.RATE_HZ and np.abs(sound.astype(int)).max() < 32767
        )
        level = 10 * np.log10((sound.astype(float) ** 2).reshape(len(a), -1).mean(axis=1) + 1)
        # the loud parts of 2 s, so that pauses and syllables do not count
        loud = np.percentile(level.reshape(-1, 200), 85, axis=1)
        pairs.append((loud, a.reshape(-1, 200).mean(axis=1)))
    assert mean_correlation(pairs) > 0.3


@pytest.mark.parametrize("affect", range(3))
def test_every_latent_changes_the_spectrum_of_a_voice(affect):
    voice = _speech.draw_voice(np.random.default_rng(4), woman=True)

    def bands(sign):
        traces = np.zeros((3, 1000))
        traces[affect] = 0.5 * sign
        sound = _speech.speak(np.random.default_rng(5), voice, *traces)
        spectrum = np.abs(np.fft.rfft(sound)) ** 2
        return 10 * np.log10([part.sum() for part in np.array_split(spectrum[: len(spectrum) // 3], 12)])

    assert np.abs(bands(1) - bands(-1)).max() > 1.5


def test_raters_lag_differ_and_miss_stretches():
    rng = np.random.default_rng(6)
    raters = [_affect.draw_rater(np.random.default_rng([7, k])) for k in range(6)]
    traces = [a for a, _, _ in latents(0.5, recordings=10)]
    ratings = [np.stack([_affect.rate(rng, rater, trace) for rater in raters], axis=1) for trace in traces]
    values = np.concatenate(ratings)
    assert 0 < np.isnan(values).mean() < 0.12 and np.nanmax(np.abs(values)) <= 1
    assert np.nanstd(np.nanmean(values, axis=0)) > 0.02  # each has an own offset
    lags = []
    for trace, rating in zip(traces, ratings, strict=True):
        gold = np.nan_to_num(mean_of_raters(Track(rating, 0.05)).values[:, 0])
        lags.append(np.argmax(correlate(gold, trace[::5] - trace.mean())) - (len(gold) - 1))
    assert 0.3 <= 0.05 * np.mean(lags) <= 1.0
