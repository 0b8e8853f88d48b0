"""Tables of Chen & Jin 2015: what is printed, which system of ours stands beside it, and what is made of finished runs.

No network is trained: runs are written with planted predictions.
"""

import functools
import importlib.util
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from emotf.comparison.axes import applied
from emotf.errors import UserError
from emotf.evaluation import score
from emotf.measures import ccc, rmse
from emotf.prediction import selection
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store, Stream
from emotf.reproduction import preparation, prepare, report, tables
from emotf.reproduction.table import published, runs_of
from emotf.tables import read_track
from emotf.track import Track

CONFIGS = Path(__file__).parents[2] / "configs"
WIDTHS = {"audio_short": 76, "audio_long": 102, "video_app": 84, "video_geo": 316, "ecg": 54, "eda": 62}
HOP, FRAMES = 0.04, 60
TARGETS = ("arousal", "valence")
READ = Stream.read
FIGURES = {"rmse": "rmse", "cc": "pcc", "ccc": "ccc", "score": "ccc"}


def table(number):
    return tables()[f"chen2015_table{number}"]


def cells(number, **where):
    """The cells whose place, target and measure are these."""
    return [cell for cell in table(number).cells()
            if {**cell.place, "target": cell.target, "measure": cell.measure}.items() >= where.items()]  # fmt: skip


def stl(streams, loss, direction="forward", targets="stl"):
    return {"targets": targets, "streams": streams, "loss": loss, "model.direction": direction}


# ---- as printed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6, 7, 8, 10, 12])
def test_every_printed_figure_stands_in_one_cell(number):
    found = []
    for row in published(f"chen2015_table{number}"):
        for column in FIGURES.keys() & row.keys():
            place = {name: value for name, value in row.items() if name in table(number).cells()[0].place}
            where = {**place, "target": row["target"], "measure": FIGURES[column]}
            (cell,) = cells(number, **where)
            assert list(cell.printed.items()) == [("RECOLA (AVEC 2015)", row[column])]
            found.append(cell)
    assert len(found) == len(table(number).cells())


def test_a_figure_without_a_target_stands_beside_both_of_ours():
    for row in published("chen2015_table9"):
        pair = cells(9, features=row["features"], architecture=row["architecture"])
        assert [cell.target for cell in pair] == ["arousal", "valence"]
        assert all(cell.printed == {"RECOLA (AVEC 2015), target not printed": row["ccc"]} for cell in pair)
    assert len(table(9).cells()) == 12


def test_columns_of_smoothing_are_cells_of_their_own():
    found = {(cell.target, cell.place["column"]): (*cell.printed.values(), cell.measure) for cell in cells(11)}
    assert found == {
        ("arousal", "alpha"): ("0.1", "alpha"),
        ("arousal", "ccc_original"): ("0.8073", "ccc"),
        ("arousal", "ccc_smoothed"): ("0.8101", "ccc"),
        ("valence", "alpha"): ("0.7", "alpha"),
        ("valence", "ccc_original"): ("0.5570", "ccc"),
        ("valence", "ccc_smoothed"): ("0.5571", "ccc"),
    }


def test_descriptors_are_facts_and_those_of_our_feature():
    from emotf.features.is10_lld76 import CHANNELS

    assert not table(1).ready and not table(1).systems
    assert [*(cell.printed["channels"] for cell in cells(1))] == [""] * 7 + ["15", "8"]
    ours = {"Loudness": "pcm_loudness", "Voicing final": "voicingFinalUnclipped", "MFCC": "mfcc"}
    counted = {}
    for cell in cells(1):
        name = ours.get(cell.place["descriptor"], cell.place["descriptor"])
        counted[name] = sum(channel.split("_sma")[0] == name for channel in CHANNELS)
    assert counted.pop("mfcc") == 2 * 15 and counted.pop("logMelFreqBand") == 2 * 8
    assert set(counted.values()) == {2}
    assert 2 * 15 + 2 * 8 + 2 * len(counted) + 2 * 8 == len(CHANNELS) == 76


# ---- ours ------------------------------------------------------------------------------------------------------------

LAYERS = {
    "arousal": "layered_fusion:layers=audio_short,video_app+video_geo,ecg",
    "valence": "layered_fusion:layers=audio_long,video_app+video_geo,ecg+eda",
}
OURS = [
    (2, {"modality": "audio", "target": "arousal"}, stl("audio_long", "mse")),
    (2, {"modality": "eda", "target": "valence"}, stl("eda", "mse")),
    (3, {"feature": "short-time audio", "target": "valence"}, stl("audio_short", "mse")),
    (3, {"feature": "long-time audio", "target": "arousal"}, stl("audio_long", "mse")),
    (4, {"feature": "short-time audio", "train_loss": "tube0.05"}, stl("audio_short", "tube")),
    (4, {"feature": "video_geo", "train_loss": "-ccc"}, stl("video_geo", "ccc")),
    (5, {"feature": "long-time audio", "train_loss": "mse-cov"}, stl("audio_long", "mse_cov")),
    (5, {"feature": "eda", "train_loss": "mse/(CC+1)"}, stl("eda", "mse_over_cc")),
    (6, {"model": "LSTM", "target": "arousal"}, stl("audio_short", "ccc")),
    (6, {"model": "BLSTM", "target": "valence"}, stl("video_geo", "ccc", "both")),
    (7, {"multi_task": "no", "feature": "Audio", "target": "valence"}, stl("audio_long", "mse")),
    (7, {"multi_task": "yes", "feature": "Audio", "target": "arousal"}, stl("audio_short", "mse", targets="mtl")),
    (7, {"multi_task": "yes", "feature": "Video_geo", "target": "valence"}, stl("video_geo", "mse", targets="mtl")),
    (8, {"architecture": "concatenation", "target": "arousal"}, stl("audio_short+video_app+video_geo+ecg", "ccc")),
    (8, {"architecture": "new structure", "target": "valence"},
     {"targets": "stl", "streams": "audio_long+video_app+video_geo+ecg+eda", "loss": "ccc",
      "model": LAYERS["valence"]}),
    (9, {"features": "Audio & Video (video_app+video_geo)", "architecture": "concatenation", "target": "valence"},
     stl("audio_long+video_app+video_geo", "ccc")),
    (9, {"features": "Audio & BioSignal (ecg+eda)", "architecture": "new structure", "target": "arousal"},
     {"targets": "stl", "streams": "audio_short+ecg+eda", "loss": "ccc",
      "model": "layered_fusion:layers=audio_short,ecg+eda"}),
]  # fmt: skip


@pytest.mark.parametrize(("number", "where", "system"), OURS)
def test_the_system_beside_a_figure(number, where, system):
    assert cells(number, **where) and all(cell.system == system for cell in cells(number, **where))


def test_an_average_is_the_mean_over_the_streams_of_its_table():
    arousal = cells(4, feature="average", train_loss="mse-cov")[0]
    valence = cells(5, feature="average", train_loss="tube0.05")[0]
    assert arousal.system is None and arousal.printed == {"RECOLA (AVEC 2015)": "0.533"}
    assert valence.printed == {"RECOLA (AVEC 2015)": "0.258"} and "0.285" in table(5).note
    assert list(arousal.mean_of) == [stl(name, "mse_cov") for name in ("audio_short", "video_app", "video_geo", "ecg")]
    assert list(valence.mean_of) == [stl(n, "tube") for n in ("audio_long", "video_app", "video_geo", "ecg", "eda")]


def test_early_fusion_has_the_channels_of_the_publication():
    for target, channels in {"arousal": 530, "valence": 618}.items():
        for architecture in ("concatenation", "new structure"):
            (system, *_) = [cell.system for cell in cells(8, target=target, architecture=architecture)]
            assert sum(WIDTHS[name] for name in system["streams"].split("+")) == channels


def test_late_fusion_joins_the_nine_printed_systems():
    derived = cells(10, target="arousal", setting="with late fusion on dev-test")[0].system
    assert list(derived.of) == [
        stl("audio_long", "mse"), stl("audio_short", "mae"), stl("audio_short", "mse_cov"), stl("video_app", "mse"),
        stl("video_app", "mse_cov"), stl("video_geo", "ccc"), stl("video_geo", "mse_cov"), stl("ecg", "ccc"),
        stl("ecg", "mse_cov"),
    ]  # fmt: skip
    again = cells(12, target="arousal", partition="test")[0].system
    early = {"targets": "stl", "streams": "audio_short+video_app+video_geo+ecg", "loss": "ccc"}
    assert again.of == (*derived.of, {**early, "model.direction": "forward"}, {**early, "model": LAYERS["arousal"]})
    valence = cells(12, target="valence", partition="test")[0].system
    assert valence.of == (stl("audio_long+video_app+video_geo+ecg+eda", "ccc"),)


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location("recipe", CONFIGS / "avec2015_lstm.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("corpus", ["avec", "recola"])
@pytest.mark.parametrize("number", range(2, 13))
def test_every_system_is_one_of_the_recipe(recipe, number, corpus):
    experiment = recipe.get_config(corpus)
    for system in table(number).systems:
        made = applied(experiment, system)
        assert list(made.streams) == system["streams"].split("+")
        assert type(made.loss).__module__ == f"emotf.losses.{system['loss']}"
        if "model" in system:
            assert (made.model.units, "+".join(made.model.layers)) == ((200,), system["streams"])
        else:
            assert (made.model.units, made.model.direction) == ((160, 120), system["model.direction"])
    # what findings speak of is in the table
    assert {str(run) for finding in table(number).findings for _, system, _ in finding.terms
            for run in runs_of(system)} <= {str(system) for system in table(number).systems}  # fmt: skip


# ---- with runs -------------------------------------------------------------------------------------------------------


def gold_of(name):
    """Slow traces of two targets."""
    rng, times = np.random.default_rng(zlib.crc32(name.encode())), np.arange(FRAMES)[:, None]
    return sum(0.3 * np.sin(2 * np.pi * times * rate / FRAMES + rng.uniform(0, 6, 2)) for rate in (1, 2, 3))


def write_store(folder, corpus="avec", dev=3, streams=WIDTHS):
    store = Store(folder / corpus)
    names = {
        f"{part}_{k}": part for part in ("train", "dev", "test") for k in range(1, (dev if part == "dev" else 2) + 1)
    }
    people = [Recording(name, name, {}, partition=part) for name, part in names.items()]
    store.describe({"part": corpus, "dir": "nowhere"}, "made up", people)
    for stream, channels in {GOLD: TARGETS, **{name: ("x",) for name in streams}}.items():
        place = store.stream(stream)
        place.start(Schema(channels, HOP, 0.0, GOLD if stream == GOLD else "extracted", {}))
        made = {name: gold_of(name) if stream == GOLD else np.zeros((FRAMES, 1)) for name in names}
        place.complete({name: place.write(name, Track(v, HOP, channels=channels)) for name, v in made.items()})


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A table on planted records, without its runs."""
    monkeypatch.chdir(CONFIGS.parent)
    monkeypatch.setattr(preparation, "extract_missing", lambda *_: None)
    # intervals and reading the same records again take most of the time, and are tested where they belong
    monkeypatch.setattr("emotf.evaluation.DRAWS", 20)
    read = functools.cache(lambda folder, recording: READ(Stream(folder), recording))
    monkeypatch.setattr(Stream, "read", lambda stream, recording: read(stream.folder, recording))

    def make(number, corpus="avec", strict=False, dev=3):
        if not (tmp_path / corpus).exists():
            write_store(tmp_path, corpus, dev)
        settings = ["corpus.dir=nowhere", f"data.records={tmp_path}"]
        return prepare(f"chen2015_table{number}", corpus, settings, strict, False, None, [0], str(tmp_path / "out"))

    return make


def plant(prepared, noise=lambda trial: 0.4):
    """What finished runs leave: predictions, gold and noise of a planted size."""
    for trial in prepared.trials:
        trial.run.begin(trial.experiment)
        store = Store(trial.experiment.store)
        trial.run.note(
            records={"fingerprint": store.fingerprint(trial.experiment.streams), "targets_are": "made up"},
            protocol=trial.experiment.data.protocol, shuffled_gold=False, dropped_recordings=[],
            recordings_lacking_a_target={}, targets=list(trial.targets), parameters=1, training_seconds=1.0,
        )  # fmt: skip
        rng = np.random.default_rng(zlib.crc32(trial.run.folder.name.encode()))
        for part, golds in selection(trial.experiment).golds.items():
            size = noise(trial)
            made = {
                name: replace(gold, values=(gold.values + size * rng.normal(size=gold.values.shape)).astype("float32"))
                for name, gold in golds.items()
            }
            if made:
                trial.run.write_predictions(part, made)
            if part in ("dev", trial.partition):
                trial.run.write_scores(score(golds, made, part))
        trial.run.finish()
    assert all(trial.done for trial in prepared.trials)
    return prepared


def figure(figures, **where):
    rows = figures[(figures[list(where)] == list(where.values())).all(axis=1)]
    assert len(rows) == 1, rows
    return rows.iloc[0]


def raw(trial, part, target):
    """recording -> prediction."""
    names = sorted(selection(trial.experiment).golds[part])
    return {name: read_track(trial.run.prediction(part, name)).select([target]).values[:, 0] for name in names}


def pooled(measure, predictions, target):
    golds = [gold_of(name)[:, TARGETS.index(target)].astype("float32") for name in predictions]
    return measure(np.concatenate(golds), np.concatenate(list(predictions.values())))


def smooth(predictions, target):
    """Backwards, by the α of the grid that is best on these; and that α."""
    grid = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01)
    alpha = max(grid, key=lambda alpha: pooled(ccc, smoothed_by(predictions, alpha), target))
    return smoothed_by(predictions, alpha), alpha


def smoothed_by(predictions, alpha):
    def one(x):
        y = np.asarray(x, np.float64)[::-1]
        return lfilter([alpha], [1.0, alpha - 1.0], y, zi=[(1.0 - alpha) * y[0]])[0][::-1]

    return {name: one(x) for name, x in predictions.items()}


def regression(target, systems, names):
    """Weights with the intercept last."""
    x = [np.stack([system[name] for system in systems], axis=1) for name in names]
    x = np.concatenate([np.hstack([rows, np.ones((len(rows), 1))]) for rows in x])
    return np.linalg.lstsq(x, np.concatenate([gold_of(name)[:, TARGETS.index(target)] for name in names]), rcond=None)[
        0
    ]


def join(weights, systems):
    return {name: sum(w * system[name] for w, system in zip(weights, systems, strict=False)) + weights[-1]
            for name in systems[0]}  # fmt: skip


@pytest.mark.parametrize(("number", "runs"), {2: 10, 3: 4, 4: 24, 5: 30, 6: 4, 7: 7, 8: 4, 9: 12, 10: 20}.items())
def test_only_runs_that_a_cell_asks_for(prepared, number, runs):
    trials = prepared(number).trials
    assert len(trials) == runs and len({trial.run.folder for trial in trials}) == runs
    if number == 4:
        assert {trial.targets for trial in trials} == {("arousal",)}


def test_an_average_of_ours_is_the_mean_of_its_cells(prepared):
    found = plant(prepared(4), lambda trial: {"ecg": 0.9, "video_app": 0.6}.get(trial.settings["streams"], 0.3))
    figures = found.figures()
    losses = {"train_loss": "-ccc"}
    members = [
        figure(figures, feature=name, **losses) for name in ("short-time audio", "video_app", "video_geo", "ecg")
    ]
    average = figure(figures, feature="average", **losses)
    for column in ("ours", "ours_other"):
        assert average[column] == pytest.approx(np.mean([member[column] for member in members]))
    (trial,) = found.runs(stl("ecg", "ccc"))
    assert members[-1]["ours"] == pytest.approx(pooled(ccc, raw(trial, "dev", "arousal"), "arousal"), abs=1e-5)
    assert len({member["ours"] for member in members}) == 4 and (figures["why"] == "").all()


def test_streams_that_a_corpus_lacks_are_not_run_and_said(prepared, tmp_path):
    write_store(tmp_path, "emodb", streams=("audio_short", "mfcc39"))
    found = prepared(4, "emodb")
    assert {trial.settings["streams"] for trial in found.trials} == {"audio_short"} and len(found.trials) == 6
    figures = plant(found).figures()
    assert (figures[figures["feature"] == "short-time audio"]["why"] == "").all()
    for name, stream in {"video_app": "video_app", "ecg": "ecg", "average": "video_app"}.items():
        rows = figures[figures["feature"] == name]
        assert len(rows) == 6 and rows["ours"].isna().all()
        assert set(rows["why"]) == {f"The recipe has no stream '{stream}', only audio_short, mfcc39."}
    first, *others = found.findings()["said"]
    assert first in ("holds", "does not hold", "undecided")
    assert set(others) == {"not tested: The recipe has no stream 'video_app', only audio_short, mfcc39."}


@pytest.mark.parametrize("strict", [False, True])
def test_smoothing_is_chosen_on_development_and_seen_where_the_table_reports(prepared, strict):
    found = plant(prepared(11, strict=strict))
    figures = found.figures()
    for target, stream in {"arousal": "audio_short", "valence": "video_geo"}.items():
        (trial,) = found.runs(stl(stream, "ccc"), target)
        _, alpha = smooth(raw(trial, "dev", target), target)
        predictions = raw(trial, "test" if strict else "dev", target)
        assert figure(figures, target=target, column="alpha")["ours"] == alpha < 1
        for column, of in {"ccc_original": predictions, "ccc_smoothed": smoothed_by(predictions, alpha)}.items():
            row = figure(figures, target=target, column=column)
            assert row["ours"] == pytest.approx(pooled(ccc, of, target), abs=1e-5) and row["runs"] == 1
    assert not any(trial.run.is_postprocessed for trial in found.trials)


def test_late_fusion_is_weighted_on_all_of_development_but_its_last_recording(prepared):
    poor = stl("ecg", "ccc")
    found = plant(prepared(10), lambda trial: 9.0 if trial.settings == poor else 0.4)
    figures, said = found.figures(), "\n".join(found.said())
    for target in TARGETS:
        systems = cells(10, target=target)[0].system.of
        kept = [system for system in systems if system != poor]
        singles = [smooth(raw(*found.runs(system, target), "dev", target), target)[0] for system in kept]
        weights = regression(target, singles, ["dev_1", "dev_2"])
        fused = join(weights, singles)
        last = [{"dev_3": single["dev_3"]} for single in singles]
        expected = {
            "best baseline on dev w/o fusion": max(pooled(ccc, one, target) for one in last),
            "with late fusion on dev-dev": pooled(ccc, {n: fused[n] for n in ("dev_1", "dev_2")}, target),
            "with late fusion on dev-test": pooled(ccc, {"dev_3": fused["dev_3"]}, target),
            "with late fusion on entire dev": pooled(ccc, fused, target),
        }
        for setting, value in expected.items():
            assert figure(figures, target=target, setting=setting)["ours"] == pytest.approx(value, abs=1e-4)
        assert f"late fusion of {target}: " in said
    assert said.count("without ecg ccc (CCC on development below 0.1)") == 2
    findings = found.findings()
    assert list(findings["units"]) == [1, 3, 1, 3] and list(findings["low"].isna()) == [True, False, True, False]
    assert findings["said"][0] == "undecided" and findings["said"][1] in ("holds", "undecided")


def test_where_no_system_is_good_enough_all_are_fused_and_it_is_said(prepared):
    found = plant(prepared(10), lambda trial: 50.0)
    assert found.figures()["ours"].notna().all()
    assert all(said.endswith("of which none reaches a CCC of 0.1 on development") for said in found.said())


def test_the_submission_is_fused_again_and_seen_on_every_partition(prepared):
    found = plant(prepared(12, strict=True))
    figures = found.figures()
    assert (figures["why"] == "").all() and len(found.trials) == 12
    (valence,) = [trial for trial in found.trials if trial.targets == ("valence",)]
    trials = [found.runs(system, "arousal")[0] for system in cells(12, target="arousal")[0].system.of]
    dev, names = [smooth(raw(trial, "dev", "arousal"), "arousal") for trial in trials], ["dev_1", "dev_2", "dev_3"]
    alphas, dev = [alpha for _, alpha in dev], [of for of, _ in dev]
    inner = regression("arousal", dev[:9], names[:2])
    crossed = {}
    for name in names:
        others = [other for other in names if other != name]
        crossed[name] = join(regression("arousal", dev[:9], others), dev[:9])[name]
    outer = regression("arousal", [crossed, *dev[9:]], names[:2])
    for part in ("train", "dev", "test"):
        parts = [smoothed_by(raw(trial, part, "arousal"), alpha) for trial, alpha in zip(trials, alphas, strict=True)]
        fused = join(outer, [join(inner, parts[:9]), *parts[9:]])
        alone = raw(valence, part, "valence")
        for measure, of in {"ccc": ccc, "rmse": rmse}.items():
            row = figure(figures, partition=part, target="arousal", measure=measure)
            assert row["ours"] == pytest.approx(pooled(of, fused, "arousal"), abs=1e-4)
            row = figure(figures, partition=part, target="valence", measure=measure)
            assert row["ours"] == pytest.approx(pooled(of, alone, "valence"), abs=1e-5)
    text, _ = report(found, "population", "recording")
    assert "Every row says on what it is" in text and "- Made of the runs: seed 0: late fusion of arousal: " in text
    assert "; fusion of the late fusion of arousal: " in text


def test_test_is_only_looked_at_when_strict(prepared):
    figures = plant(prepared(12)).figures()
    assert set(figures[figures["partition"] == "test"]["why"]) == {"test stays unused but for --strict"}
    assert figures[figures["partition"] != "test"]["ours"].notna().all()


def test_a_development_set_of_one_recording_is_refused_before_anything_is_trained(prepared):
    with pytest.raises(UserError, match="no row that avec could fill: development has 1 recording, none can be held"):
        prepared(10, dev=1)
