"""What tools/agreement.py and tools/delay.py say and write."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from emotf.annotation import FUSIONS, DelayCurve, ratings_of
from emotf.errors import UserError
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store
from emotf.report import agreement, delay, figures, rater_figures
from emotf.track import Track

RECORDINGS = [Recording("r1", "anna", session="1"), Recording("r2", "bert", session="2")]


def cells(line):
    """Of a row of a Markdown table."""
    return [cell.strip() for cell in line.split("|")[1:-1]]


def size(path):
    with Image.open(path) as picture:
        return picture.size


class Corpus:
    """Two recordings; arousal has three raters (one stands still in r2), valence one, dominance is rated in r1 only."""

    targets = ("arousal", "dominance", "valence")

    def __init__(self, raters=3):
        rng = np.random.default_rng(0)
        common = np.cumsum(rng.normal(size=(80, 1)), axis=0) / 10
        self.values = common + 0.2 * rng.normal(size=(80, raters))

    def ratings(self, recording, target):
        if target == "valence":
            return Track(self.values[:, :1], 0.1, channels=("gold",))
        if target == "dominance" and recording.id == "r2":
            return None
        values = self.values.copy()
        values[:10, 0] = np.nan
        if recording.id == "r2":
            values[:, -1] = 0.5
        return Track(values, 0.1, channels=tuple("abcdefghijklmnop"[: values.shape[1]]))


def test_study_takes_the_targets_that_have_raters():
    found = agreement.study(Corpus(), RECORDINGS)
    assert list(found) == ["arousal", "dominance"]
    assert list(found["arousal"].ratings) == ["r1", "r2"] and list(found["dominance"].ratings) == ["r1"]
    with pytest.raises(UserError, match="None of arousal, dominance, valence has a recording with two raters"):
        agreement.study(Corpus(raters=1), RECORDINGS)


def test_ratings_that_are_infinite_are_refused():
    corpus = Corpus()
    corpus.values[3, 1] = np.inf
    with pytest.raises(UserError, match="Recording r1: a rating of arousal is infinite"):
        ratings_of(corpus, RECORDINGS, "arousal")


def test_the_table_says_it_all():
    found = agreement.study(Corpus(), RECORDINGS)
    printed = agreement.table(found)
    assert "arousal: 2 recordings, 3 raters, 95.8% rated; constant traces, left out: 1" in printed
    assert "dominance: 1 recordings, 3 raters, 95.8% rated\n" in printed
    pooled = found["arousal"].recordings.set_index("recording").loc["pooled"]
    row = next(cells(line) for line in printed.splitlines() if line.startswith("| pooled"))
    assert row[1] == f"{pooled['ccc']:.3f}" and row[8:] == [f"{pooled['alpha']:.3f}", "70", "0"]
    for name in FUSIONS:
        assert f"\n| {name} " in printed


def test_tables_are_written_whole(tmp_path):
    found = agreement.study(Corpus(), RECORDINGS)
    paths = agreement.write(found, tmp_path)
    assert [path.name for path in paths] == ["agreement.csv", "raters.csv", "fusions.csv"]
    written = pd.read_csv(paths[0])
    assert written["target"].tolist() == ["arousal"] * 4 + ["dominance"] * 3
    assert written["recording"].tolist()[:4] == ["r1", "r2", "pooled", "mean over recordings"]
    np.testing.assert_allclose(written["ccc"][:4], found["arousal"].recordings["ccc"], rtol=1e-5)
    assert pd.read_csv(paths[1])["rater"].tolist() == list("abcabc")
    assert pd.read_csv(paths[2])["fusion"].tolist() == list(FUSIONS) * 2


@pytest.mark.parametrize("raters", [3, 12])
def test_the_picture_of_agreement(tmp_path, raters):
    ratings = {target: one.ratings for target, one in agreement.study(Corpus(raters), RECORDINGS).items()}
    figure = rater_figures.agreement(ratings, "ewe", "r2")
    titles = [axes.get_title() for axes in figure.axes]
    assert "arousal: r2" in titles and "dominance: r1" in titles  # r2 was not rated for dominance
    traces = figure.axes[titles.index("arousal: r2")].lines
    assert len(traces) == raters + 1 and traces[-1].get_label() == "gold: ewe"
    expected = FUSIONS["ewe"](ratings["arousal"]["r2"]).values[:, 0]
    np.testing.assert_array_equal(traces[-1].get_ydata(), expected)
    squares = figure.axes[titles.index("arousal: CCC of two raters")]
    assert squares.images[0].get_array().shape == (raters, raters)
    assert len(squares.texts) == (6 if raters == 3 else 0)
    figures.save(figure, tmp_path / "agreement.png")
    assert size(tmp_path / "agreement.png") == figure.canvas.get_width_height()


# ---- delay -----------------------------------------------------------------------------------------------------------

LAG = 0.4


@pytest.fixture
def store(tmp_path):
    """Five sessions of 60 s at 10/s; arousal follows channel 0 after 0.4 s, valence follows nothing."""
    rng = np.random.default_rng(1)
    recordings = [Recording(f"r{k}", f"s{k}", session=f"{k}") for k in range(5)]
    store = Store(tmp_path / "mine")
    store.describe({"dir": str(tmp_path)}, "made for a test", recordings)
    gold, face = store.stream(GOLD), store.stream("face")
    gold.start(Schema(("arousal", "valence"), 0.1, 0.0, GOLD, {}))
    face.start(Schema(("x", "y"), 0.05, 0.0, "extracted", {}, gaps=True))
    entries = {}, {}
    for recording in recordings:
        walk = np.cumsum(rng.normal(size=(1300, 3)), axis=0)
        walk = (walk - walk.mean(axis=0)) / walk.std(axis=0)
        stream = walk[8:1208, :2] + 20
        stream[300:500] = 0  # no face
        golds = np.stack([walk[:1200:2, 0], walk[:1200:2, 2]], axis=1)
        entries[0][recording.id] = gold.write(recording.id, Track(golds, 0.1, channels=("arousal", "valence")))
        entries[1][recording.id] = face.write(recording.id, Track(stream, 0.05, channels=("x", "y")))
    gold.complete(entries[0])
    face.complete(entries[1])
    return store


def test_delay_is_found_in_records_whatever_the_gaps(store):
    found = delay.curves(store, "face", fold=1, longest=1.5, window=0.4)
    assert [(c.target, c.method.partition(",")[0]) for c in found] == [
        ("arousal", "multiple correlation R"), ("arousal", "ridge"),
        ("valence", "multiple correlation R"), ("valence", "ridge"),
    ]  # fmt: skip
    assert [c.best for c in found[:2]] == [LAG, LAG] and not any(c.flat for c in found[:2])
    # seen as values, 10 s of zeros are the largest movement of all
    assert found[0].values[4] > 0.95 and found[0].recordings == 4 and found[1].recordings == 1
    assert max(found[2].values) < found[0].values[4] - 0.2 and found[2].flat


def test_a_stream_that_is_not_there_is_refused(store):
    with pytest.raises(UserError, match="extract 'hands' first"):
        delay.curves(store, "hands")
    with pytest.raises(UserError, match="no choice of delays"):
        delay.curves(store, "face", longest=0.05)


CURVES = [
    DelayCurve("arousal", "ridge, dev CCC", (0.0, 0.1, 0.2), (0.1, 0.4, 0.2), 0.15, 0.1, 0.2, 90, 3),
    DelayCurve("valence", "ridge, dev CCC", (0.0, 0.1, 0.2), (0.1, 0.11, 0.12), 0.15, np.nan, np.nan, 30, 1),
]


def test_the_table_of_delays_warns(tmp_path):
    printed = delay.table(CURVES)
    one, other = (cells(line) for line in printed.splitlines() if "| ridge, dev CCC " in line)
    assert one[2:] == ["0.1", "[0.1, 0.2]", "0.400", "0.150", "3", ""]
    assert other[2:4] == ["0.2", "-"] and "flat" in other[-1] and "border" in other[-1]
    assert cells(printed.splitlines()[-1]) == ["0.2", "0.200", "0.120"]
    delay.write(CURVES, tmp_path / "delay.csv")
    written = pd.read_csv(tmp_path / "delay.csv")
    assert written[written["best"]]["delay"].tolist() == [0.1, 0.2] and len(written) == 6
    figure = rater_figures.delays(CURVES, "mine")
    assert [axes.get_ylabel() for axes in figure.axes] == ["arousal", "valence"]
    figures.save(figure, tmp_path / "delay.png")
    assert size(tmp_path / "delay.png") == figure.canvas.get_width_height()


def test_a_long_curve_is_printed_in_part():
    seconds = tuple(np.arange(200) / 10)
    printed = delay.table([DelayCurve("arousal", "ridge", seconds, seconds, 0.5, 1.0, 2.0, 9, 2)])
    body = printed.split("arousal, ridge")[1].splitlines()[2:]
    assert len(body) == delay.SHOWN and [cells(body[k])[0] for k in (0, 1, -1)] == ["0", "1", "19.9"]
