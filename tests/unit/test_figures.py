"""What is drawn, read back from the picture."""

import numpy as np
import pytest

from emotf.errors import UserError
from emotf.report import figures
from emotf.track import Track

CHANNELS = ("arousal", "dominance", "valence")


def track(values, channels=CHANNELS):
    return Track(values, hop=0.1, channels=channels)


@pytest.fixture
def moving():
    """Gold with a hole and an unrated end, and a prediction."""
    rng = np.random.default_rng(0)
    gold, prediction = (rng.uniform(-0.9, 0.9, size=(20, 3)).astype("float32") for _ in range(2))
    gold[:2], gold[8:10, 0], gold[-1, 2] = np.nan, np.nan, np.nan
    return gold, prediction


def test_the_plane_has_valence_to_the_right_and_arousal_upwards(moving, tmp_path):
    gold, prediction = moving
    figure = figures.plane(track(prediction), track(gold), "a recording")
    (panel,) = figure.axes
    assert (panel.get_xlim(), panel.get_ylim(), panel.get_aspect()) == ((-1, 1), (-1, 1), 1)
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("valence", "arousal")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["gold standard", "prediction"]
    drawn = {line.get_label(): line.get_xydata() for line in panel.lines}
    np.testing.assert_array_equal(drawn["prediction"], prediction[:, [2, 0]])
    np.testing.assert_array_equal(drawn["gold standard"], gold[:, [2, 0]])  # broken where it is not rated
    marks = [(line.get_marker(), *line.get_xydata()[0]) for line in panel.lines if line.get_marker() in ("o", "X")]
    assert marks == [(mark, *of[k][[2, 0]]) for of, ends in ((gold, (2, 18)), (prediction, (0, 19)))
                     for mark, k in zip("oX", ends, strict=True)]  # fmt: skip
    figures.save(figure, tmp_path / "plane.png")
    assert (tmp_path / "plane.png").read_bytes().startswith(b"\x89PNG")


def test_what_lies_outside_the_plane_is_counted(moving):
    gold, prediction = moving
    prediction[:5, 0] = 1.5
    prediction[5, 1] = 7.0  # dominance is not in the plane
    figure = figures.plane(track(prediction), track(gold))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["gold standard", "prediction, 25.0% outside"]


def test_the_plane_needs_both_and_no_gold(moving):
    _, prediction = moving
    figure = figures.plane(track(prediction))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["prediction"]
    unrated = figures.plane(track(prediction), track(np.full((20, 3), np.nan)))
    assert unrated.axes[0].lines
    figures.as_png(unrated)
    with pytest.raises(UserError, match="valence"):
        figures.plane(track(prediction).select(["arousal", "dominance"]))
