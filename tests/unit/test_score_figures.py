"""What is drawn of scores, read back from the picture."""

import numpy as np
import pandas as pd
import pytest

from emotf.report import figures, score_figures
from emotf.report.palette import LIGHT

SYSTEMS = ("stl", "mtl")


def rgb(colour):
    return tuple(int(colour[k : k + 2], 16) for k in (1, 3, 5))


def drawn(artist):
    from matplotlib.colors import to_rgb

    return tuple(round(255 * part) for part in to_rgb(artist))


@pytest.fixture
def frames():
    """Gold standard and predictions of two targets: few frames of arousal, many of valence."""
    rng = np.random.default_rng(0)
    parts = []
    for target, count in (("arousal", 50), ("valence", 2500)):
        for system in SYSTEMS:
            y = rng.uniform(-1, 1, count)
            found = {"target": target, "system": system, "gold": y, "prediction": y / 2 + rng.normal(size=count) / 10}
            parts.append(pd.DataFrame(found))
    return pd.concat(parts, ignore_index=True)


def test_gold_stands_to_the_right_and_prediction_upwards(frames):
    figure = score_figures.agreement(frames, "a title")
    titles = [panel.get_title() for panel in figure.axes]
    assert titles == [f"{target}, {system}" for target in ("arousal", "valence") for system in SYSTEMS]
    for k, system in enumerate(SYSTEMS):
        points, diagonal = figure.axes[k].lines
        part = frames[(frames["target"] == "arousal") & (frames["system"] == system)]
        np.testing.assert_array_equal(points.get_xydata(), part[["gold", "prediction"]])
        assert drawn(points.get_color()) == rgb(LIGHT[k])
        (x0, x1), (y0, y1) = diagonal.get_data()
        assert (x0, x1) == (y0, y1) == figure.axes[k].get_xlim() == figure.axes[k].get_ylim()
        (hexagons,) = figure.axes[k + 2].collections  # too many for points
        assert hexagons.get_array().sum() == 2500 and len(figure.axes[k + 2].lines) == 1
    assert figure.get_suptitle() == "a title" and figure.axes[0].get_ylabel() == "prediction"
    assert [panel.get_xlabel() for panel in figure.axes] == ["", "", "gold standard", "gold standard"]
    assert figures.as_png(figure).startswith(b"\x89PNG")


def test_runs_are_thin_and_their_mean_ends_with_the_first():
    curves = pd.DataFrame({
        "target": "arousal", "system": ["stl"] * 5 + ["mtl"] * 2, "run": [*"aabbbcc"],
        "epoch": [1, 2, 1, 2, 3, 1, 2], "ccc": [0.1, 0.2, 0.3, 0.5, 0.4, 0.0, 0.6],
        "kept": [False, True, False, True, False, False, True],
    })  # fmt: skip
    figure = score_figures.learning(curves, "t")
    (panel,) = figure.axes
    lines = [line.get_xydata().tolist() for line in panel.lines]
    assert lines[:5] == [
        [[1, 0.1], [2, 0.2]], [[2, 0.2]], [[1, 0.3], [2, 0.5], [3, 0.4]], [[2, 0.5]],
        [[1, pytest.approx(0.2)], [2, pytest.approx(0.35)]],
    ]  # fmt: skip
    assert panel.lines[4].get_linewidth() > 2 * panel.lines[0].get_linewidth()
    assert {drawn(line.get_color()) for line in panel.lines[:5]} == {rgb(LIGHT[0])}
    assert {drawn(line.get_color()) for line in panel.lines[5:]} == {rgb(LIGHT[1])}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["stl", "mtl"]
    figures.as_png(figure)


def test_subjects_stand_in_the_order_of_their_mean():
    table = pd.DataFrame({
        "target": ["arousal"] * 6 + ["valence"] * 6, "system": ["stl"] * 3 + ["mtl"] * 3 + ["stl"] * 3 + ["mtl"] * 3,
        "subject": [*"abc"] * 4, "recordings": [1, 2, 3] * 4,
        "ccc": [0.9, 0.1, 0.5, 0.7, 0.3, 0.6, 0.1, 0.2, 0.3, 0.1, float("nan"), 0.3],
    })  # fmt: skip
    figure = score_figures.subjects(table, "t")
    arousal, valence = figure.axes
    assert [label.get_text() for label in arousal.get_xticklabels()] == ["b (2)", "c (3)", "a (1)"]
    assert [line.get_ydata().tolist() for line in arousal.lines[:2]] == [[0.1, 0.5, 0.9], [0.3, 0.6, 0.7]]
    assert (arousal.get_title(), valence.get_title()) == ("arousal", "valence, 1 undefined")
    assert [line.get_marker() for line in arousal.lines[:2]] == ["o", "s"]
    figures.as_png(figure)


def test_size_is_drawn_on_a_logarithmic_scale():
    rows = pd.DataFrame([
        {"target": target, "pooling": pooling, "system": system, "parameters_all": size, "ccc": ccc, "ccc_sd": 0.05}
        for target in ("arousal", "valence")
        for pooling in ("pooled", "mean over recordings")
        for system, size, ccc in (("small", 1000, 0.2), ("large", 50_000, 0.4))
    ])  # fmt: skip
    figure = score_figures.sizes(rows, "t")
    assert [panel.get_title() for panel in figure.axes] == [
        "arousal, pooled", "arousal, mean over recordings", "valence, pooled", "valence, mean over recordings",
    ]  # fmt: skip
    for panel in figure.axes:
        assert panel.get_xscale() == "log"
        assert [tick.get_text() for tick in panel.get_xticklabels()] == ["1,000", "50,000"]
        points = [bars.lines[0].get_xydata().tolist() for bars in panel.containers]
        assert points == [[[1000, 0.2]], [[50_000, 0.4]]]
        (segment,) = panel.containers[0].lines[2][0].get_segments()
        np.testing.assert_allclose(segment, [[1000, 0.15], [1000, 0.25]])
    figures.as_png(figure)
