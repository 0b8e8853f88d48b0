"""Pages for people: read back with another parser, their numbers computed a second time."""

import base64
import hashlib
import json
import math
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emotf import measures
from emotf.comparison import grid
from emotf.comparison.page import page
from emotf.comparison.summary import learning, summarise
from emotf.config import Data, Experiment
from emotf.corpora.synthetic import Synthetic
from emotf.evaluation import moments, score
from emotf.features.mfcc39 import Mfcc39
from emotf.losses.ccc import Ccc
from emotf.measures import Moments
from emotf.models.lstm import Lstm
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store
from emotf.report.html import run_page
from emotf.report.html.document import Section, document
from emotf.report.html.score_sections import Systems, score_sections
from emotf.report.html.table import Cell, figure, table
from emotf.report.html.traces import RUNNING_STEP, traces, whole_numbers
from emotf.report.palette import looks
from emotf.report.scored import by_epoch, by_frame, by_recording, by_subject, mean_curve
from emotf.runs import Run
from emotf.track import Track
from emotf.windows.sequences import Sequences

NAN = float("nan")
TARGETS = ("arousal", "valence")
HOSTILE = """<script>alert(1)</script>&"'</script><img src=x onerror=alert(1)>"""
VOID = {"meta", "link", "br", "img", "input", "hr", "base", "col", "area", "embed", "source", "track", "wbr"}


class Page(HTMLParser):
    """A page as a browser's parser sees it: elements, the text of cells, scripts; refuses what is not well-formed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.scripts, self.json, self.cells = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        assert len(attributes) == len(dict(attributes))
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append([dict(attributes).get("data-value"), ""])

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            kind = self.elements[-1][1].get("type")
            (self.json if kind == "application/json" else self.scripts).append(data)
        elif "td" in self.open:
            self.cells[-1][1] += data

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def check_alone(text):
    """Nothing is loaded, and nothing runs but what the page was made with."""
    found = Page(text)
    assert not {tag for tag, _ in found.elements} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    for _, attributes in found.elements:
        assert not {"src", "srcset", "action", "data", "onclick", "onerror", "onload"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert "url(" not in style and "@import" not in style
    (policy,) = [m["content"] for m in found.of("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in found.scripts]
    assert policy.startswith("default-src 'none'; script-src " + " ".join(f"'sha256-{h}'" for h in hashes) + ";")
    assert len(found.scripts) == 4
    own = "".join(found.scripts[1:])
    assert "showSendToCloud: false" in own and 'plotlyServerURL: ""' in own and "http" not in own
    return found


def floats(packed):
    """What plotly makes of base64."""
    assert packed["dtype"] == "f4"
    values = np.frombuffer(base64.b64decode(packed["bdata"]), "<f4")
    return values.reshape([int(n) for n in packed["shape"].split(",")]) if "shape" in packed else values


def unpacked(series):
    whole = np.frombuffer(base64.b64decode(series["data"]), "<i2").astype(float)
    return np.where(whole == -32768, NAN, series["shift"] + series["scale"] * whole)


def plots_of(found):
    """The plots of a page, in order; the store of traces is another matter."""
    return [json.loads(text) for text in found.json if '"running_frames"' not in text]


def squeezed(text):
    """A name without what a plot or a caption does to it: escapes, lines, blanks."""
    return re.sub(r"\s", "", unescape(text.replace("<br>", "")))


def strings_of(node):
    if isinstance(node, str):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from strings_of(inner)


# ---- tables ----------------------------------------------------------------------------------------------------------


def test_a_table_carries_what_it_is_sorted_by():
    look = looks(["a", "b"])["b"]
    text = table(["name", HOSTILE, "mixed"], [[Cell("b", look=look), figure(0.1234), figure(1.0)],
                                              [HOSTILE, figure(NAN), "none"]], HOSTILE)  # fmt: skip
    found = Page(text)
    assert found.cells == [[None, "b"], ["0.1234", "0.123"], ["1.0", "1.000"], [None, HOSTILE], ["", "undefined"],
                           [None, "none"]]  # fmt: skip
    heads = found.of("th")
    assert [head["aria-sort"] for head in heads] == ["none"] * 3 and len(found.of("button")) == 3
    # a column is one of numbers where all of its cells are
    assert ["class" in head for head in heads] == [False, True, False]
    assert {"class": "chip s1"} in found.of("span")
    (scroll,) = found.of("div")
    assert scroll["tabindex"] == "0" and scroll["aria-label"] == HOSTILE


def test_a_document_is_its_sections():
    text = document(
        HOSTILE, "acted & constant", [Section("one", HOSTILE, "<p>1</p>", "lead <b>"), Section("two", "2", "")]
    )
    found = check_alone(text)
    assert [section["id"] for section in found.of("section")] == ["one", "two"]
    assert [link["href"] for link in found.of("a")] == ["#one", "#two"]
    assert text.count("<p>1</p>") == 1 and "lead &lt;b&gt;" in text and "acted &amp; constant" in text
    assert document("a", "b", []) == document("a", "b", [])


# ---- what plots are drawn from ---------------------------------------------------------------------------------------


@pytest.fixture
def systems(tmp_path):
    """Nine systems on three recordings of two subjects, two seeds, with names that nobody should trust."""
    rng = np.random.default_rng(0)
    names = [f"{HOSTILE} {k}" if k % 2 else f"system {k}" for k in range(9)]
    subjects = {"r0": HOSTILE, f"r1{HOSTILE}": HOSTILE, "r2": "p2"}
    golds = {}
    for k, name in enumerate(subjects):
        values = rng.uniform(-0.9, 0.9, size=(130 + k, 2))
        values[:5, 0] = NAN
        golds[name] = Track(values, hop=0.04, start=0.5, channels=TARGETS)
    golds["r2"] = Track(np.where(np.isnan(golds["r2"].values), NAN, [0.0, 0.25]), 0.04, 0.5, TARGETS)
    scored, traced, runs = {}, {}, []
    for k, system in enumerate(names):
        seeds = [
            {name: Track(np.nan_to_num(gold.values) + (k + 1) / 9 * rng.normal(size=gold.values.shape) * (name != "r2"),
                         0.04, 0.5, TARGETS) for name, gold in golds.items()}
            for _ in range(2)
        ]  # fmt: skip
        scored[system] = {
            target: {name: [Moments.of(gold.values[:, i], seed[name].values[:, i]) for seed in seeds]
                     for name, gold in golds.items()}
            for i, target in enumerate(TARGETS)
        }  # fmt: skip
        traced[system] = {name: (gold, seeds[0][name]) for name, gold in golds.items()}
        run = Run(tmp_path / f"run{k}")
        run.note(chosen={"criterion": "ccc", "epoch": 1})
        curves = {f"dev_{target}_ccc": [0.1, 0.3, 0.2 + k / 100, 0.1][: 3 + k % 2] for target in TARGETS}
        count = 3 + k % 2
        history = {"epoch": range(count), "loss": [2.0, 1.0, 0.5, 0.4][:count], "dev_ccc": [0.1, 0.4, 0.2, 0.1][:count]}
        pd.DataFrame(history | curves).to_csv(run.history, index=False)
        runs.append((system, TARGETS, run))
    return Systems(scored, traced, runs, subjects, looks(names))


def test_every_recording_and_subject_has_its_ccc(systems):
    for variance in ("population", "sample"):
        table = by_recording(systems.scored, systems.subjects, variance)
        assert len(table) == 2 * 9 * 3 and set(table["frames"]) == {125, 126, 127, 130, 131, 132}
        row = table[(table["system"] == "system 0") & (table["target"] == "valence")].set_index("recording")
        parts = systems.scored["system 0"]["valence"]["r0"]
        assert row.loc["r0", "ccc"] == pytest.approx(np.mean([part.under(variance).ccc for part in parts]))
        assert np.isnan(row.loc["r2", "ccc"])  # gold standard and prediction are one constant
        assert row.loc["r0", "subject"] == HOSTILE
    people = by_subject(systems.scored, systems.subjects).set_index(["target", "system", "subject"])
    parts = list(systems.scored["system 4"]["arousal"].values())
    both = [measures.Moments.__add__(parts[0][seed], parts[1][seed]).ccc for seed in (0, 1)]
    assert people.loc[("arousal", "system 4", HOSTILE)].tolist() == [pytest.approx(np.mean(both)), 2]
    assert people.loc[("arousal", "system 4", "p2"), "recordings"] == 1


def test_a_mean_curve_ends_with_the_first_run(systems):
    curves = by_epoch([("a", ("arousal",), run) for _, _, run in systems.runs[:2]])
    assert curves["epoch"].tolist() == [1, 2, 3, 1, 2, 3, 4] and curves.loc[curves["kept"], "epoch"].tolist() == [2, 2]
    mean = mean_curve(curves)
    assert mean["epoch"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(mean["ccc"], [0.1, 0.3, 0.205])


def test_only_rated_frames_are_compared(systems):
    frames = by_frame(systems.traced)
    one = frames[(frames["system"] == "system 2") & (frames["target"] == "arousal")]
    expected = [(gold.values[5:, 0], made.values[5:, 0]) for gold, made in systems.traced["system 2"].values()]
    np.testing.assert_array_equal(one[["gold", "prediction"]].T, np.concatenate(expected, axis=1))


# ---- the sections ----------------------------------------------------------------------------------------------------


@pytest.fixture
def shared(systems):
    sections = score_sections(systems, 2, "say please", "system 0")
    text = document("t", "s", sections)
    return text, check_alone(text), systems


def test_sections_hold_what_was_scored(shared):
    _, found, systems = shared
    assert [section["id"] for section in found.of("section")] == [
        "recordings", "subjects", "learning", "agreement", "traces",
    ]  # fmt: skip
    dots, pairs, people, curves, agreement = plots_of(found)
    assert set(dots) == set(TARGETS)
    table = by_recording(systems.scored, systems.subjects)
    arousal = table[table["target"] == "arousal"]
    for box, system in zip(dots["arousal"]["data"], systems.looks, strict=True):
        known = arousal[(arousal["system"] == system)]["ccc"].dropna()
        np.testing.assert_allclose(floats(box["x"]), known, rtol=1e-6)
        assert squeezed(box["name"]) == squeezed(system) and len(box["text"]) == len(known)
    assert "Undefined and not drawn: 1 of system 0, 1 of" in dots["valence"]["note"]
    wide = arousal.pivot(index="recording", columns="system", values="ccc")
    wide.columns, wide.index = wide.columns.map(squeezed), wide.index.map(squeezed)
    for dot in pairs["arousal"]["data"]:
        expected = (wide[squeezed(dot["name"])] - wide["system0"])[[squeezed(name) for name in dot["x"]]]
        np.testing.assert_allclose(floats(dot["y"]), expected, atol=1e-6)
    assert len(pairs["arousal"]["data"]) == 8
    of_subjects = by_subject(systems.scored, systems.subjects)
    means = of_subjects[of_subjects["target"] == "arousal"].groupby("subject")["ccc"].mean().sort_values()
    labels = {HOSTILE: f"{HOSTILE} (2)", "p2": "p2 (1)"}
    shown = [squeezed(label) for label in people["arousal"]["data"][0]["x"]]
    assert shown == [squeezed(labels[name]) for name in means.index]
    assert len(curves["valence"]["data"]) == 9 * 3 and agreement["valence"]["panels"] == 9


def test_plots_are_what_plotly_takes(shared):
    from plotly.graph_objects import Figure

    for choices in plots_of(shared[1]):
        for plot in choices.values():
            black = json.loads(re.sub(r"var\(--\w+\)", "#000000", json.dumps(plot)))
            Figure(data=black["data"], layout=black["layout"])  # refuses what is not in its schema


def test_a_system_looks_alike_everywhere(shared):
    _, found, systems = shared
    names = {squeezed(system): system for system in systems.looks}
    seen: dict[str, set] = {}
    for choices in plots_of(found):
        for trace in (trace for plot in choices.values() for trace in plot["data"]):
            name = names.get(squeezed(trace.get("legendgroup") or trace.get("name", "")))
            if name and "marker" in trace:
                seen.setdefault(name, set()).add((trace["marker"]["color"], trace["marker"]["symbol"]))
    assert {name: {(look.colour, look.symbol)} for name, look in systems.looks.items()} == seen
    assert len({(look.colour, look.symbol) for look in systems.looks.values()}) == 9
    assert len({(look.colour, look.dash) for look in systems.looks.values()}) == 9


def test_no_name_becomes_an_element(shared):
    text, found, _ = shared
    assert "alert" in text and not re.search(r"<script>alert|<img", text)
    assert any(cell == HOSTILE for _, cell in found.cells)
    assert not any(set(content) & set("<>&") for content in found.json)
    drawn = [[plot["data"], plot["layout"]] for choices in plots_of(found) for plot in choices.values()]
    strings = list(strings_of(drawn))
    (store,) = [json.loads(content) for content in found.json if '"running_frames"' in content]
    strings += [look["name"] for look in store["looks"].values()] + list(store["titles"].values())
    assert sum("alert" in string for string in strings) > 100
    for string in strings:  # plotly takes tags for its own
        assert "<" not in re.sub("<br>|<extra></extra>", "", string)


def test_a_page_repeats(shared, systems):
    assert document("t", "s", score_sections(systems, 2, "say please", "system 0")) == shared[0]


def test_many_frames_become_squares():
    from emotf.report.html.drawings import agreement

    rng = np.random.default_rng(0)
    y = rng.normal(size=3000)
    frames = pd.DataFrame({"target": "arousal", "system": "a", "gold": y, "prediction": y + rng.normal(size=3000)})
    ((squares,),) = [plot.data for plot in agreement(frames, looks(["a"])).values()]
    counts, shade = floats(squares["customdata"]), floats(squares["z"])
    assert counts.sum() == 3000 and counts.shape == (60, 60)
    np.testing.assert_allclose(shade[counts > 0], np.log10(counts[counts > 0]), rtol=1e-6)
    assert np.isnan(shade[counts == 0]).all()
    # up is prediction, to the right is gold
    places = squares["x0"] + squares["dx"] * np.arange(60)
    assert (counts.sum(axis=0) * places).sum() / 3000 == pytest.approx(frames["gold"].mean(), abs=squares["dx"])
    spread = np.sqrt((counts.sum(axis=1) * places**2).sum() / 3000)
    assert spread == pytest.approx(frames["prediction"].std(), rel=0.05)
    (points,) = agreement(frames[:100], looks(["a"]))["arousal"].data
    np.testing.assert_allclose(floats(points["x"]), frames["gold"][:100], rtol=1e-6)


def test_what_does_not_move_and_what_is_not_rated_is_said(systems):
    still, unrated = (Track(np.full((3000, 1), value), 0.04, channels=("valence",)) for value in (0.5, NAN))
    runs = [("a", TARGETS, systems.runs[0][2])]
    for gold, scored, said in (
        (still, {"r": [Moments.of(still.values, still.values)]}, "Undefined and not drawn: 1 of a."),
        (unrated, {}, "nothing to draw, no frame is rated"),
    ):
        one = Systems({"a": {"valence": scored}}, {"a": {"r": (gold, still)}}, runs, {"r": "p"}, looks(["a"]))
        text = document("t", "s", score_sections(one, 0, ""))
        check_alone(text)
        assert said in text and "NaN" not in "".join(Page(text).json)


# ---- traces ----------------------------------------------------------------------------------------------------------


def test_traces_are_those_of_the_recordings(systems):
    found = Page(traces(systems.traced, 0, "").html)
    (store,) = map(json.loads, found.json)
    assert list(store["recordings"]) == list(systems.subjects) and store["plane"] == ["valence", "arousal"]
    gold, made = systems.traced["system 6"]["r0"]
    of = store["recordings"]["r0"]["arousal"]
    np.testing.assert_allclose(unpacked(of["gold"]), gold.values[:, 0], atol=1.8 / 65_000)
    (own,) = [one for one in of["systems"] if one["system"] == "system 6"]
    np.testing.assert_allclose(unpacked(own["trace"]), made.values[:, 0], atol=np.ptp(made.values[:, 0]) / 65_000)
    assert (own["trace"]["start"], own["trace"]["hop"], own["running"]["hop"]) == (0.5, 0.04, 0.04 * RUNNING_STEP)
    running = unpacked(own["running"])
    assert len(running) == math.ceil(130 / RUNNING_STEP)
    for k, value in enumerate(running):
        last = RUNNING_STEP * k + 1
        if last < 100:
            assert np.isnan(value)
        else:
            expected = measures.ccc(gold.values[last - 100 : last, 0], made.values[last - 100 : last, 0])
            assert value == pytest.approx(expected, abs=1e-4)
    assert [option["value"] for option in found.of("option")] == [*systems.subjects, *TARGETS]
    assert len([div for div in found.of("div") if "canvas" in div.get("class", "")]) == 2


def test_what_is_left_out_is_named(systems):
    text = traces(systems.traced, 1, "say please").html
    (store,) = map(json.loads, Page(text).json)
    assert list(store["recordings"]) == ["r0"]
    said = unescape(text)
    assert store["shown"] == list(systems.traced)[:4] and "The first 4 of 9 systems are drawn until then." in text
    assert "1 of 3 recordings are here; 2 are left out" in said and "For all of them, say please." in said
    assert f"Left out: r1{HOSTILE}, r2" in said
    assert "All 3 recordings are here." in traces(systems.traced, 3, "").html


def test_without_valence_or_arousal_there_is_no_plane(systems):
    one = {
        s: {n: tuple(t.select(["valence"]) for t in pair) for n, pair in of.items()} for s, of in systems.traced.items()
    }
    found = Page(traces(one, 0, "").html)
    assert len([div for div in found.of("div") if "canvas" in div.get("class", "")]) == 1


def test_another_gold_standard_is_said(systems):
    assert "Other gold standards" not in traces(systems.traced, 0, "").html
    gold, made = systems.traced["system 2"]["r0"]
    later = {**systems.traced["system 2"], "r0": (gold.advance(0.08), made)}
    text = traces({**systems.traced, "system 2": later}, 0, "").html
    assert "Other gold standards than the one drawn (another delay?) belong to: system 2." in text


@pytest.mark.parametrize("values", [[NAN, NAN], [0.3], [0.1, NAN, -0.7, 0.9], [1e-3, 1e3]])
def test_whole_numbers_are_near(values):
    found = unpacked(whole_numbers(values))
    reach = np.nanmax(values) - np.nanmin(values) if np.isfinite(values).any() else 0
    np.testing.assert_allclose(found, values, atol=reach / 65_000)


def test_a_frame_costs_less_than_four_bytes():
    rng = np.random.default_rng(0)
    gold, made = (Track(rng.normal(size=(5000, 1)), 0.04, channels=("arousal",)) for _ in range(2))
    text = traces({f"s{k}": {"r": (gold, made)} for k in range(3)}, 0, "").html
    # 9 systems x 10 recordings x 5,000 frames x 3 targets then take 5.4 MB beside the 4.8 MB of plotly
    assert len(text) / (5000 * 4) < 4


# ---- the page of a comparison ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """stl and mtl in three folds and two seeds, finished, on a store of six recordings of five subjects."""
    tmp_path = tmp_path_factory.mktemp("comparison")
    data = Data(records=str(tmp_path / "records"), targets=TARGETS)
    corpus = Synthetic(dir=str(tmp_path / "corpus"))
    experiment = Experiment(corpus, {"mfcc39": Mfcc39()}, Lstm(), Ccc(), data, Sequences())
    store, rng = Store(experiment.store), np.random.default_rng(0)
    people = [Recording(f"r{k}", HOSTILE if k in (0, 3) else f"p{k}", {}, session=str(k % 3)) for k in range(6)]
    store.describe({"part": "synthetic", "dir": "nowhere"}, "made up", people)
    golds = {person.id: Track(rng.normal(size=(120, 2)), hop=0.1, channels=TARGETS) for person in people}
    stream = store.stream(GOLD)
    stream.start(Schema(TARGETS, 0.1, 0.0, GOLD, {}))
    stream.complete({name: stream.write(name, gold) for name, gold in golds.items()})
    sound = store.stream("mfcc39")
    sound.start(Schema(("a",), 0.1, 0.0, "extracted", {}))
    sound.complete({name: sound.write(name, gold.select(["valence"])) for name, gold in golds.items()})
    made = grid(experiment, {"targets": ("stl", "mtl")}, None, [0, 1], tmp_path / "out")
    for trial in made:
        noise = np.random.default_rng([trial.seed, trial.fold, len(trial.targets)])
        trial.run.begin(trial.experiment)
        for partition, session in (("test", trial.fold), ("dev", (trial.fold + 1) % 3)):
            kept = {name: golds[name].select(trial.targets) for name in golds if int(name[1:]) % 3 == session}
            found = {n: Track(g.values + noise.normal(size=g.values.shape), 0.1, channels=trial.targets)
                     for n, g in kept.items()}  # fmt: skip
            trial.run.write_predictions(partition, found)
            trial.run.write_scores(score(kept, found, partition))
        history = {"epoch": [0, 1], "loss": [2.0, 1.0], "dev_ccc": [0.1, 0.3]}
        history |= {f"dev_{target}_{m}": [0.1, 0.3] for target in trial.targets for m in ("ccc", "pcc")}
        pd.DataFrame(history).to_csv(trial.run.history, index=False)
        terms = {name: {"loss": "ccc", "settings": {"pool": "batch"}, "weight": 0.5} for name in trial.targets}
        trial.run.note(parameters=100 * len(trial.targets) + 20, training_seconds=3.0, objective=terms)
        trial.run.finish()
    return made


@pytest.fixture(scope="module")
def rows(trials):
    return summarise(trials, "stl")


def test_the_page_of_a_comparison(trials, rows):
    trained = learning(trials)
    title = f"targets on made up: {HOSTILE}"
    text = page(trials, rows, trained, title)
    found = check_alone(text)
    assert [section["id"] for section in found.of("section")] == [
        "summary", "scores", "differences", "recordings", "subjects", "learning", "agreement", "traces", "sizes",
    ]  # fmt: skip
    assert title in unescape(text) and "0.5 x ccc (batch) of arousal + 0.5 x ccc (batch) of valence" in text
    cells = [cell for _, cell in found.cells]
    for row in rows.to_dict("records"):
        assert f"{row['ccc']:.3f} ± {row['ccc_sd']:.3f}" in cells
        for name in ("pcc", "rmse", "mae", "sagr", "scale"):
            assert f"{row[f'all_{name}']:.3f}" in cells
        if row["system"] == "mtl":
            place = cells.index(f"[{row['low']:+.3f}, {row['high']:+.3f}]")
            word = "higher than stl" if row["low"] > 0 else "lower than stl" if row["high"] < 0 else "undecided"
            assert cells[place - 1] == f"{row['difference']:+.3f}" and cells[place + 3].startswith(word)
            assert cells[place + 1 : place + 3] == [f"{row['p']:.4f}", f"{row['p_holm']:.4f}"]
    assert "p, corrected" in text and "interval over subjects" in text.replace("\\u003cbr\\u003e", " ")
    (store,) = [json.loads(content) for content in found.json if '"running_frames"' in content]
    # in the order in which they were tested; both targets of the two runs of stl stand together
    assert list(store["recordings"]) == ["r0", "r3", "r1", "r4", "r2", "r5"]
    (single,) = [one for one in store["recordings"]["r4"]["valence"]["systems"] if one["system"] == "stl"]
    (trial,) = [t for t in trials if t.targets == ("valence",) and (t.fold, t.seed) == (1, 0)]
    kept = pd.read_csv(trial.run.prediction("test", "r4"))["valence"]
    np.testing.assert_allclose(unpacked(single["trace"]), kept, atol=np.ptp(kept) / 60_000)
    assert page(trials, rows, trained, title) == text


def test_what_is_undefined_is_said(trials, rows):
    rows = rows.assign(unit="recording", p=0.0123, p_holm=0.0456)
    rows.loc[rows["target"] == "valence", ["difference", "low", "high", "ccc", "p", "p_holm"]] = NAN
    text = page(trials, rows, learning(trials), "t", recordings=2, more="say please")
    cells = [cell for _, cell in Page(text).cells]
    assert "0.0123" in cells and "0.0456" in cells
    k = cells.index("undefined", cells.index("0.0456"))
    # difference, interval, p, corrected p, in words
    assert cells[k : k + 5] == ["undefined", "(no interval)", "undefined", "undefined", "undefined"]
    assert "interval over recordings" in text.replace("\\u003cbr\\u003e", " ")
    assert f"paired bootstrap over {rows['units'].iloc[0]} recordings" in text
    assert (
        "no CCC is defined" in text
        and "mtl - stl: undefined</p>" in text
        and "2 of 6 recordings are here" in text
        and "nan" not in cells
    )


# ---- the page of a run -----------------------------------------------------------------------------------------------


def finished(trials):
    """A run of both targets, with what a real one says of itself."""
    (trial,) = [t for t in trials if len(t.targets) == 2 and (t.fold, t.seed) == (0, 0)]
    store = Store(trial.experiment.store)
    trial.run.note(
        targets=TARGETS, protocol="rotation", shuffled_gold=False, dropped_recordings=[], seed=0, fold=0, device="CPU",
        records={"fingerprint": store.fingerprint(("mfcc39",)), "targets_are": f"made up {HOSTILE}"},
        recordings_lacking_a_target={},
        streams={"mfcc39": {"channels": ["a", "b"], "kind": "extracted", "hop": 0.04}}, examples=1234,
        versions={"emotf": "0"}, partitions={"train": ["r2", "r5"], "dev": ["r1", "r4"], "test": ["r0", "r3"]},
        chosen={"criterion": "ccc", "epoch": 1},
    )  # fmt: skip
    return trial


def test_the_page_of_a_run(trials):
    trial = finished(trials)
    predictions = {name: Track(pd.read_csv(trial.run.prediction("test", name))[list(TARGETS)], 0.1, channels=TARGETS)
                   for name in ("r0", "r3")}  # fmt: skip
    golds = {name: Store(trial.experiment.store).stream(GOLD).read(name) for name in predictions}
    subjects = {"r0": HOSTILE, "r3": HOSTILE}
    scores = score(golds, predictions, "test", "sample", subjects)
    parts = {target: {n: [part] for n, part in of.items()} for target, of in moments(golds, predictions).items()}
    text = run_page(trial.run, "test", golds, predictions, parts, scores, subjects, 1)
    found = check_alone(text)
    assert [section["id"] for section in found.of("section")] == [
        "run", "scores", "recordings", "subjects", "learning", "agreement", "traces",
    ]  # fmt: skip
    said = unescape(text)
    assert f"made up {HOSTILE}; sample variances (n - 1)" in said and "epoch 2, the best by dev_ccc" in said
    assert "window" in said and "<summary>model</summary>" in text and "r2, r5" in said
    cells = [cell for _, cell in found.cells]
    for row in scores.to_dict("records"):
        assert f"{row['value']:.3f}" in cells
    assert "(no interval)" in cells  # of one subject
    assert "For all of them, write the page with --traces=0." in said


def test_the_tool_writes_the_page_of_what_is_scored(trials, tmp_path):
    trial = finished(trials)

    def report(*flags):
        command = [sys.executable, "tools/report.py", f"--run={trial.run.folder}", *flags]
        return subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=100)

    done = report()
    path = trial.run.folder / "report.html"
    assert (done.returncode, done.stdout) == (0, f"{path}\n") and "Error" not in done.stderr
    text = path.read_text()
    scores = trial.run.scores()
    assert all(f"{value:.3f}" in text for value in scores.loc[scores["partition"] == "test", "value"])
    refused = report("--partition=dev")
    assert refused.returncode == 1 and "the epoch was chosen on it; pass --allow_seen" in refused.stderr
    misnamed = report(f"--out={tmp_path}/page")
    assert misnamed.returncode == 1 and "let it end in .html" in misnamed.stderr
