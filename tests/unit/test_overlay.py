"""The prediction drawn on a video: which row on which picture, what is said of it, and where it is drawn."""

import numpy as np
import pandas as pd
import pytest

from emotf.errors import UserError
from emotf.media import picture_times, pictures, video_info, video_writer
from emotf.report import figures
from emotf.report.overlay import Frame, Painter, frame_at, overlay, text_of
from emotf.tables import read_track, write_track
from emotf.track import Track


def trace(rows: int = 60, hop: float = 0.04, start: float = 0.0, targets=("arousal", "valence")) -> Track:
    k = np.arange(rows)[:, None] + np.arange(len(targets))
    return Track(0.6 * np.sin(k / 7), hop=hop, start=start, channels=targets)


def clip(path, times, height=96, width=128):
    with video_writer(path, 25) as write:
        for time in times:
            write(np.full((height, width, 3), 200, np.uint8), time)
    return path


def drawn(monkeypatch, source, out, track, word=None):
    """What every picture was asked to show: (time, Frame)."""
    calls = []

    def draw(self, picture, time, said):
        calls.append((time, said))
        return picture

    monkeypatch.setattr(Painter, "draw", draw)
    overlay(source, out, track, picture_times(source), word)
    return calls


def test_every_picture_shows_the_row_of_the_csv_at_its_time(tmp_path, monkeypatch):
    track, word = trace(50), np.array([f"w{k}" for k in range(50)])
    write_track(tmp_path / "a.csv", track, beside={"word": word, "distance": np.arange(50) / 7})
    rows = pd.read_csv(tmp_path / "a.csv")
    assert list(rows) == ["time", "arousal", "valence", "word", "distance"]
    calls = drawn(monkeypatch, clip(tmp_path / "v.mp4", np.arange(50) / 25), tmp_path / "o.mp4", track, word)
    assert len(calls) == video_info(tmp_path / "o.mp4").frames == 50
    for place in (0, 25, 49):
        time, said = calls[place]
        row = rows.iloc[place]
        assert time == pytest.approx(row["time"], abs=1e-4)
        assert said.values == {name: pytest.approx(row[name], abs=1e-7) for name in track.channels}
        assert (said.row, said.word) == (place, row["word"])
    again = read_track(tmp_path / "a.csv", columns=track.channels)
    np.testing.assert_array_equal(again.values, track.values)


def test_pictures_of_another_rate_show_the_nearest_row(tmp_path, monkeypatch):
    track = trace(12, hop=0.1, start=0.2)
    times = np.arange(40) / 24
    calls = drawn(monkeypatch, clip(tmp_path / "v.mp4", times), tmp_path / "o.mp4", track)
    for time, said in calls:
        nearest = int(np.abs(track.times - time).argmin())
        if abs(track.times[nearest] - time) < 0.05 - 1e-3:
            assert said.row == nearest and said.values["valence"] == track.values[nearest, 1]
    assert [said.row for time, said in calls if time < 0.149] == [-1, -1, -1, -1]
    assert calls[-1][1] == Frame(-1, {})  # at 1.625 s, the last row stands at 1.3 s


def test_half_a_hop_goes_to_the_later_row():
    track = trace(3, hop=0.1)
    assert [frame_at(t, track).row for t in (-0.06, -0.05, 0.049, 0.05, 0.149, 0.249, 0.25)] == [-1, 0, 0, 1, 1, 2, -1]


def test_uneven_times_and_sizes_are_kept(tmp_path):
    times = [0.0, 0.04, 0.3, 0.32, 0.7]
    source = clip(tmp_path / "v.mp4", times, height=50, width=64)
    overlay(source, tmp_path / "o.mp4", trace(), picture_times(source))
    found = list(pictures(tmp_path / "o.mp4"))
    np.testing.assert_allclose([time for time, _ in found], times, atol=1e-4)
    assert found[0][1].shape == (50, 64, 3)


def test_one_picture_is_enough(tmp_path):
    source = clip(tmp_path / "v.mp4", [0.0])
    overlay(source, tmp_path / "o.mp4", trace(1), picture_times(source))
    assert video_info(tmp_path / "o.mp4").frames == 1


def test_only_the_band_is_drawn_on_and_the_picture_is_left_alone():
    picture = np.random.default_rng(0).integers(0, 255, (200, 320, 3), np.uint8)
    before = picture.copy()
    band = Painter(trace()).draw(picture, 1.0, frame_at(1.0, trace()))
    np.testing.assert_array_equal(picture, before)
    np.testing.assert_array_equal(band[:152], before[:152])
    assert (band[152:] != before[152:]).mean() > 0.9


@pytest.mark.parametrize("size", [(288, 360), (1080, 1920), (361, 203), (16, 16), (120, 90)])
def test_any_size_can_be_drawn_on(size):
    track = trace(targets=("arousal", "dominance", "valence"))
    picture = Painter(track).draw(np.zeros((*size, 3), np.uint8), 0.4, frame_at(0.4, track))
    assert picture.shape == (*size, 3) and picture.max() > 100


def point_of(track: Track, time: float) -> tuple[float, float]:
    """Where the point stands in the plane, -1 to 1 each way, found in the pixels."""
    height, width = 1000, 2000
    painter, black = Painter(track), np.zeros((height, width, 3), np.uint8)
    with_point = painter.draw(black, time, frame_at(time, track)).astype(int)
    without = painter.draw(black, time, Frame(-1, {})).astype(int)
    band = 220  # of 1000 pixels
    plane = np.abs(with_point - without).max(axis=2)[height - band :, width - band :]
    y, x = np.argwhere(plane > 100).mean(axis=0)
    half = band / 2 - band // 20
    return (x - band / 2) / half, (band / 2 - y) / half


@pytest.mark.parametrize(("arousal", "valence"), [(0.5, -0.5), (-0.7, 0.1), (0.0, 0.9)])
def test_the_point_stands_at_valence_to_the_right_and_arousal_up(arousal, valence):
    still = Track(np.tile([[arousal, valence]], (50, 1)), 0.04, channels=("arousal", "valence"))
    assert point_of(still, 1.0) == pytest.approx((valence, arousal), abs=0.04)


def test_the_cursor_and_the_curves_run_with_the_time():
    """A step from low to high in the middle of the recording; the cursor stands where it is."""
    values = np.where(np.arange(100) < 50, -1.0, 1.0)[:, None]
    track = Track(values, 0.04, channels=("engagement",))
    picture = Painter(track).draw(np.zeros((1000, 2000, 3), np.uint8), 0.99, Frame(-1, {}))
    band = picture[780:].astype(int)
    orange = (band[:, :, 0] > 200) & (band[:, :, 2] < 120)
    curve = orange[220 // 20 * 2 + 36 :]  # below the line of numbers
    left, right = (np.argwhere(part)[:, 0].mean() for part in (curve[:, 100:900], curve[:, 1100:1900]))
    assert left > right + 100  # down is low
    white = (band.min(axis=2) > 200).sum(axis=0)
    assert abs(white.argmax() - (11 + 0.99 / 3.96 * 1978)) < 3


def test_unknown_values_are_dashes_and_break_the_curves():
    assert [text_of(v) for v in (0.314, -1.0, np.nan)] == ["+0.31", "-1.00", "-"]
    holes = trace().values.copy()
    holes[20:40] = np.nan
    track = Track(holes, 0.04, channels=("arousal", "valence"))
    for time in (0.0, 1.2, 2.0):
        Painter(track).draw(np.zeros((288, 360, 3), np.uint8), time, frame_at(time, track))
    nothing = Track(np.full((5, 2), np.nan), 0.04, channels=("arousal", "valence"))
    Painter(nothing).draw(np.zeros((288, 360, 3), np.uint8), 0.0, frame_at(0.0, nothing))


def test_a_target_without_a_plane_takes_the_whole_width():
    one, black = trace(targets=("liking",)), np.zeros((400, 800, 3), np.uint8)
    both = trace(targets=("arousal", "valence"))
    reach = [np.argwhere(Painter(t).draw(black, 2.36, Frame(-1, {})).max(axis=(0, 2)) > 100).max() for t in (one, both)]
    assert reach[0] > 790 and reach[1] > 790  # the curve; the circle
    assert Painter(both).draw(black, 2.36, Frame(-1, {}))[-5:, 760:].max() > 100


def test_strips_show_what_was_found(tmp_path):
    found = {"face_mesh": Track(np.array([[0.9]] * 30 + [[0.0]] * 10), 0.04), "pose36": Track(np.ones((40, 1)), 0.04)}
    figure = figures.traces(trace(40), title="clip.mp4", found=found)
    strip = figure.axes[-1]
    assert [label.get_text() for label in strip.get_yticklabels()] == ["face_mesh: 75% found", "pose36: 100% found"]
    assert len(figure.axes) == 3 and strip.get_xlabel() == "time (s)" and len(strip.images) == 2
    shades = [strip.images[0].cmap(strip.images[0].norm(value)) for value in (0.0, 0.2, 0.9)]
    assert shades[0][0] > shades[0][1] and shades[1][1] > shades[1][0] and sum(shades[2][:3]) < sum(shades[1][:3])
    figures.save(figure, tmp_path / "a.png")
    assert len(figures.traces(trace(40)).axes) == 2


def test_other_suffixes_are_refused(tmp_path):
    source = clip(tmp_path / "v.mp4", [0.0, 0.04])
    with pytest.raises(UserError, match=r"written as \.mp4"):
        overlay(source, tmp_path / "o.avi", trace(), picture_times(source))
