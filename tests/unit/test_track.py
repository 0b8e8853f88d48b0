import math

import numpy as np
import pytest

from emotf.errors import UserError
from emotf.track import Clock, Track, join, stack, to_frames

NAN = np.nan


def track(*values, hop=0.04, start=0.0, channels=()):
    return Track(np.array(values, float).reshape(len(values), -1), hop=hop, start=start, channels=channels)


def column(found):
    return found.values[:, 0].tolist()


# ---- seconds become frames -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "hop", "frames"),
    [
        (1 / 6, 1 / 60, 10),
        (-0.08, 0.04, -2),
        (0, 0.04, 0),
        (3600, 1 / 60, 216_000),
        (0.0403, 0.04, 1),
        (0.65, 0.05, 13),
    ],
)
def test_seconds_become_the_nearest_number_of_frames(seconds, hop, frames):
    assert to_frames(seconds, hop) == frames


def test_a_misfit_above_one_percent_of_a_hop_is_refused():
    assert to_frames(0.0404 - 1e-9, 0.04) == 1
    with pytest.raises(UserError, match=r"A delay of 0\.05 s is 1\.25 frames of 0\.04 s; .* for example 0\.04 s"):
        to_frames(0.05, 0.04, "delay")


# ---- clocks ----------------------------------------------------------------------------------------------------------


def test_times_do_not_drift():
    clock = Clock(0.0, 1 / 60, 60 * 3600 + 1)
    assert clock.times[-1] == 3600 and clock.times[60] == 1
    assert clock.end == pytest.approx(3600, abs=1e-9)


def test_nearest_takes_the_later_of_two_frames_that_are_as_near():
    clock = Clock(1.0, 0.1, 11)
    assert clock.nearest([1.0, 1.049, 1.05, 1.051, 2.0]).tolist() == [0, 0, 1, 1, 10]
    halves = np.arange(10) * 0.1 + 1.05  # rounding of floats must not decide
    assert clock.nearest(halves).tolist() == list(range(1, 11))


def test_nearest_takes_the_edge_within_half_a_hop_and_the_slack():
    clock = Clock(0.0, 0.1, 11)
    assert clock.nearest([-0.05, 1.05]).tolist() == [0, 10]
    assert clock.nearest([-0.15, 1.15], slack=0.1).tolist() == [0, 10]
    assert clock.nearest(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize(("time", "slack"), [(-0.051, 0.0), (1.051, 0.0), (-0.151, 0.1), (1.151, 0.1)])
def test_nearest_refuses_times_farther_out(time, slack):
    with pytest.raises(UserError, match=r"the track from 0\.000 to 1\.000 s \(allowed beyond it: "):
        Clock(0.0, 0.1, 11).nearest([0.5, time], slack)


# ---- what a track is -------------------------------------------------------------------------------------------------


def test_a_track_copies_its_values_and_cannot_be_changed():
    values = np.zeros((3, 2))
    found = Track(values, hop=0.04)
    values[0] = 1
    assert found.values.dtype == np.float32 and not found.values.any()
    assert found.channels == ("c0", "c1") and found.frames == 3 and found.end == 0.08
    with pytest.raises(ValueError, match="read-only"):
        found.values[0] = 1


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        (np.zeros(3), {}, r"values \[frames, channels\], received shape \[3\]"),
        (np.zeros((3, 1, 1)), {}, r"received shape \[3, 1, 1\]"),
        (np.zeros((3, 1)), {"hop": 0}, "hop above 0 s, received 0"),
        (np.zeros((3, 1)), {"hop": -0.04}, "hop above 0 s"),
        (np.zeros((3, 1)), {"hop": math.nan}, "hop above 0 s"),
        (np.zeros((3, 1)), {"hop": 40.0}, "did you supply milliseconds"),
        (np.zeros((3, 2)), {"channels": ("a",)}, "2 channels need as many different names"),
        (np.zeros((3, 2)), {"channels": ("a", "a")}, "2 channels need as many different names"),
    ],
)
def test_what_makes_no_track_is_refused(values, settings, message):
    with pytest.raises(UserError, match=message):
        Track(values, **{"hop": 0.04, **settings})


def test_same_clock_accepts_rounding_and_refuses_the_rest():
    gold = track(*range(100), hop=0.04)
    gold.check_same_clock(track(*range(100), hop=0.04 + 1e-6), "Gold", "prediction")
    with pytest.raises(UserError, match="Gold has 100 frames, prediction 99; resample or cut"):
        gold.check_same_clock(track(*range(99)), "Gold", "prediction")
    with pytest.raises(UserError, match=r"Gold runs from 0 s in steps of 0\.04 s, prediction from 0\.02 s"):
        gold.check_same_clock(track(*range(100), start=0.02), "Gold", "prediction")
    # a hop that is off by 0.1 % only is off by four frames in the end
    with pytest.raises(UserError, match=r"steps of 0\.04004 s"):
        gold.check_same_clock(track(*range(100), hop=0.04004), "Gold", "prediction")


def test_select_takes_channels_by_name_in_the_order_asked_for():
    found = track([1, 2, 3], [4, 5, 6], channels=("a", "b", "c")).select(["c", "a"])
    assert found.channels == ("c", "a") and found.values.tolist() == [[3, 1], [6, 4]]
    with pytest.raises(UserError, match="No channel 'd' among a, b, c"):
        track([1, 2, 3], channels=("a", "b", "c")).select(["a", "d"])


# ---- cutting, joining, shifting --------------------------------------------------------------------------------------


def test_cut_takes_start_and_leaves_stop():
    found = track(*range(10), start=1.0).cut(1.08, 1.2)
    assert column(found) == [2, 3, 4] and found.start == pytest.approx(1.08)


def test_cut_beyond_an_edge_takes_what_is_there():
    whole = track(*range(5), start=1.0)
    assert column(whole.cut(0.0, 1.08)) == [0, 1] and whole.cut(0.0, 1.08).start == 1.0
    assert column(whole.cut(1.12, 9.0)) == [3, 4]
    assert whole.cut(1.12, 1.12).frames == 0 and whole.cut(1.12, 1.04).frames == 0


def test_cut_between_frames_is_refused():
    with pytest.raises(UserError, match=r"A cut of 0\.05 s is 1\.25 frames"):
        track(*range(5)).cut(0.05, 0.12)


def test_cut_then_join_is_the_identity():
    whole = track(*range(10), start=0.5, channels=("a",))
    again = join([whole.cut(0.5, 0.62), whole.cut(0.62, 0.7), whole.cut(0.7, 0.9)])
    np.testing.assert_array_equal(again.values, whole.values)
    assert (again.start, again.hop, again.channels) == (0.5, 0.04, ("a",))


def test_join_refuses_what_does_not_follow():
    first = track(1, 2)
    with pytest.raises(UserError, match="same channels and hop"):
        join([first, track(3, start=0.08, channels=("other",))])
    with pytest.raises(UserError, match="same channels and hop"):
        join([first, track(3, start=0.08, hop=0.05)])
    for start in (0.04, 0.12):
        with pytest.raises(UserError, match=f"ends at 0.04 s cannot be joined by one from {start:g} s"):
            join([first, track(3, start=start)])


def test_stack_puts_channels_side_by_side():
    found = stack([track(1, 2, channels=("a",)), track([3, 5], [4, 6], channels=("b", "c"))])
    assert found.channels == ("a", "b", "c") and found.values.tolist() == [[1, 3, 5], [2, 4, 6]]


def test_stack_then_select_is_the_identity():
    whole = track([1, 2, 3], [4, NAN, 6], start=2.0, channels=("a", "b", "c"))
    again = stack([whole.select([name]) for name in whole.channels])
    np.testing.assert_array_equal(again.values, whole.values)
    assert again.channels == whole.channels and again.clock == whole.clock


def test_stack_refuses_other_clocks_and_names_that_occur_twice():
    with pytest.raises(UserError, match="Track a has 2 frames, track b 1"):
        stack([track(1, 2, channels=("a",)), track(3, channels=("b",))])
    with pytest.raises(UserError, match="Track a runs from 0 s"):
        stack([track(1, 2, channels=("a",)), track(1, 2, start=1.0, channels=("b",))])
    with pytest.raises(UserError, match="different names"):
        stack([track(1, channels=("a",)), track(2, channels=("a",))])


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, [0, 1, 2, 3]),
        (0.04, [1, 2, 3, NAN]),
        (0.12, [3, NAN, NAN, NAN]),
        (0.16, [NAN] * 4),
        (4.0, [NAN] * 4),
        (-0.08, [NAN, NAN, 0, 1]),
        (-4.0, [NAN] * 4),
    ],
)
def test_advance_takes_later_values_and_leaves_edges_unrated(seconds, expected):
    found = track(0, 1, 2, 3, start=1.0).advance(seconds)
    np.testing.assert_array_equal(column(found), expected)
    assert found.start == 1.0 and found.hop == 0.04


def test_advance_by_part_of_a_hop_is_refused():
    with pytest.raises(UserError, match=r"A shift of 0\.05 s is 1\.25 frames"):
        track(0, 1).advance(0.05)


# ---- resampling ------------------------------------------------------------------------------------------------------


def test_linear_resampling_equals_numpys_interpolation():
    whole = Track(np.random.default_rng(0).normal(size=(61, 2)), hop=1 / 60, start=0.5)
    for hop in (1 / 25, 1 / 60, 1 / 100, 0.013):
        found = whole.resample(hop)
        assert found.hop == hop and found.start == 0.5
        assert found.end <= whole.end + 0.01 * hop < found.end + hop
        expected = np.stack([np.interp(found.times, whole.times, c) for c in whole.values.T], axis=1)
        np.testing.assert_allclose(found.values, expected, atol=1e-6)


def test_nearest_resampling_takes_values_as_they_are():
    found = track(0, 1, 2, 3, hop=0.1).resample(0.05, kind="nearest")
    assert column(found) == [0, 1, 1, 2, 2, 3, 3]
    assert column(track(0, 1, 2, 3, hop=0.1).resample(0.2, kind="nearest")) == [0, 2]


def test_resampling_to_the_same_hop_is_the_identity():
    whole = track(0, NAN, 2, NAN, NAN, 5, hop=1 / 60)
    for kind in ("linear", "nearest"):
        np.testing.assert_array_equal(whole.resample(1 / 60, kind).values, whole.values)


def test_an_unrated_frame_reaches_its_neighbours_gaps_only():
    whole = track(0, 1, NAN, 3, 4, hop=0.1)
    # frames that are hit exactly keep their values although a neighbour is unrated; gaps beside it are unrated
    np.testing.assert_allclose(column(whole.resample(0.05)), [0, 0.5, 1, NAN, NAN, NAN, 3, 3.5, 4])
    np.testing.assert_allclose(column(whole.resample(0.2)), [0, NAN, 4])
    np.testing.assert_array_equal(column(whole.resample(0.05, "nearest")), [0, 1, 1, NAN, NAN, 3, 3, 4, 4])


def test_resampling_there_and_back_is_the_identity():
    whole = track(0, 1, NAN, 3, 4, hop=1 / 25)
    np.testing.assert_array_equal(whole.resample(1 / 100).resample(1 / 25).values, whole.values)


def test_one_frame_is_resampled_to_one_frame():
    assert column(track(7).resample(0.001)) == [7]


def test_an_unknown_kind_of_resampling_is_refused():
    with pytest.raises(UserError, match="'linear' or 'nearest', received 'cubic'"):
        track(0, 1).resample(0.02, "cubic")
