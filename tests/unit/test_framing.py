"""Analysis windows: which samples stand behind which frame, against loops; slopes and deltas."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from emotf import framing as module
from emotf.errors import UserError
from emotf.framing import Framing, deltas, slopes

SEARCH = settings(deadline=None, derandomize=True, database=None)


def whole(framing: Framing, values: np.ndarray) -> np.ndarray:
    return framing.reduce(values, lambda windows: windows)


def by_hand(framing: Framing, values: np.ndarray) -> np.ndarray:
    """Frame by frame, sample by sample: [frames, window]."""
    length, hop = round(framing.window * framing.rate_hz), round(framing.hop * framing.rate_hz)
    rows = []
    for own in range(0, len(values), hop):
        first = own - length // 2 if framing.alignment == "centred" else own - length + 1
        if framing.edge == "nearest":
            first = min(max(first, 0), len(values) - length)
        row = []
        for i in range(first, first + length):
            if framing.edge == "zeros" and not 0 <= i < len(values):
                row.append(0)
            else:
                row.append(values[min(max(i, 0), len(values) - 1)])
        rows.append(row)
    return np.array(rows)


settings_of_windows = st.tuples(
    st.integers(1, 12), st.integers(1, 9), st.sampled_from(["centred", "causal"]),
    st.sampled_from(["nearest", "repeat", "zeros"]), st.integers(1, 60), st.sampled_from([1, 17, 1 << 20]),
)  # fmt: skip


@SEARCH
@given(settings_of_windows)
def test_windows_are_those_of_the_loops(case):
    length, hop, alignment, edge, samples, block_values = case
    assume((alignment, edge) != ("causal", "nearest"))
    framing = Framing(length / 100, hop / 100, 100, alignment, edge)
    values = 1 + np.random.default_rng(length).permutation(samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_VALUES", block_values)
        if edge == "nearest" and samples < length:
            with pytest.raises(UserError, match="shorter than its window"):
                whole(framing, values)
            return
        found = whole(framing, values)
        pair = whole(framing, np.stack([values, -values], axis=1))
    np.testing.assert_array_equal(found, by_hand(framing, values))
    np.testing.assert_array_equal(pair, np.stack([found, -found], axis=1))
    assert len(found) == framing.frames(samples) == framing.clock(samples).frames
    assert (framing.window_samples, framing.hop_samples) == (length, hop)


@SEARCH
@given(st.integers(1, 9), st.integers(1, 7), st.sampled_from(["repeat", "zeros"]), st.integers(2, 50), st.data())
def test_causal_windows_hold_nothing_of_the_future(length, hop, edge, samples, data):
    framing = Framing(length, hop, 1, "causal", edge)
    now = data.draw(st.integers(0, samples - 2))
    values = np.arange(1.0, samples + 1)
    other = values.copy()
    other[now + 1 :] = -1
    past = now // hop + 1
    np.testing.assert_array_equal(whole(framing, values)[:past], whole(framing, other)[:past])
    assert whole(framing, values)[now // hop, -1] == values[now // hop * hop]


def test_windows_are_views_and_few_at_a_time():
    hour = np.zeros(3600 * 1000)
    framing = Framing(4.0, 0.04, 1000, edge="zeros")
    frames = 0
    for number, windows in enumerate(framing.blocks(hour)):
        assert windows.size <= 1 << 20
        frames += len(windows)
        if 0 < number < 10:
            assert np.shares_memory(windows, hour) and not windows.flags.writeable
    assert frames == framing.frames(len(hour)) == 90_000


def test_frames_stand_at_their_times():
    framing = Framing(0.025, 0.01, 16000)
    clock = framing.clock(16000 * 300, start=0.5)
    assert (clock.frames, clock.hop, clock.start) == (30_000, 0.01, 0.5)
    assert Framing(0.025, 0.01, 16000).frames(16000 * 300 + 1) == 30_001
    assert framing.frames(1) == 1 and framing.frames(0) == 0
    # a rate that is a little off its name: the hop is that of whole samples, or frames would drift
    assert Framing(0.04, 0.04, 1000.1).clock(100).hop == pytest.approx(40 / 1000.1)


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        (
            {"window": 0.025, "hop": 0.01, "rate_hz": 44100},
            "A window of 0.025 s is 1102.50 samples at 44100 Hz",
        ),
        (
            {"window": 4.0, "hop": 0.04, "rate_hz": 64},
            "A hop of 0.04 s is 2.56 samples at 64 Hz.*example 0.046875 s",
        ),
        ({"window": 0.0, "hop": 0.04, "rate_hz": 100}, "A window of 0 s is 0.00 samples at 100 Hz"),
        ({"window": 4.0, "hop": -0.04, "rate_hz": 100}, "A hop of -0.04 s is -4.00 samples .* for example 0.01 s"),
        ({"window": 4.0, "hop": 0.04, "rate_hz": 0}, "a rate above 0 Hz, received 0"),
        ({"window": 4.0, "hop": 0.04, "rate_hz": 100, "alignment": "left"}, "centred or causal, received 'left'"),
        ({"window": 4.0, "hop": 0.04, "rate_hz": 100, "edge": "mirror"}, "nearest or repeat or zeros, received"),
        ({"window": 4.0, "hop": 0.04, "rate_hz": 100, "alignment": "causal", "edge": "nearest"}, "into the future"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given_settings, message):
    with pytest.raises(UserError, match=message):
        Framing(**given_settings)


def test_a_signal_shorter_than_a_window_that_must_lie_inside_is_refused():
    with pytest.raises(UserError, match=r"A signal of 2.50 s is shorter than its window of 4 s"):
        Framing(4.0, 0.04, 100, edge="nearest").frames(250)


@SEARCH
@given(st.integers(2, 30), st.integers(0, 100))
def test_slopes_are_those_of_the_fitted_lines(length, seed):
    windows = 1e3 + np.random.default_rng(seed).standard_normal((5, length))
    fitted = [np.polyfit(np.arange(length), row, 1)[0] for row in windows]
    np.testing.assert_allclose(slopes(windows), fitted, atol=1e-9)
    assert slopes(windows[:, :1]).tolist() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("reach", [1, 2, 5])
def test_deltas_are_the_regression_formula(reach):
    values = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    expected = np.zeros((40, 3))
    for t in range(40):
        for n in range(1, reach + 1):
            later, earlier = values[min(t + n, 39)].astype(float), values[max(t - n, 0)].astype(float)
            expected[t] += n * (later - earlier) / (2 * sum(m * m for m in range(1, reach + 1)))
    np.testing.assert_allclose(deltas(values, reach), expected, atol=1e-12)


def test_deltas_repeat_the_edges():
    assert deltas(np.arange(7.0)[:, None]).ravel().tolist() == [0.5, 0.8, 1.0, 1.0, 1.0, 0.8, 0.5]
    np.testing.assert_array_equal(deltas(np.full((1, 3), 5.0)), 0)
