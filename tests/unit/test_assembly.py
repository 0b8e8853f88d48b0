"""What a plan chooses, on planted development scores: no network is trained, all else is as on real runs."""

import functools
import importlib
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emotf.assembly import assemble, report
from emotf.comparison import execution
from emotf.config import Data, Experiment, from_json
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.evaluation import score, subjects_of
from emotf.features.precomputed import Precomputed
from emotf.losses.mse import Mse
from emotf.measures import ccc
from emotf.models.layered_fusion import LayeredFusion
from emotf.models.lstm import Lstm
from emotf.plan import Plan
from emotf.postprocessing.scaling import Scaling
from emotf.prediction import selection
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store, Stream
from emotf.refinement import postprocess
from emotf.runs import Fusion, Run
from emotf.tables import read_track
from emotf.track import Track
from emotf.windows.sequences import Sequences

TARGETS = ("arousal", "valence")
STREAMS = ("short", "long", "face", "heart")
HOP, FRAMES = 0.1, 150
PARTITIONS = {f"{part}_{k}": part for part in ("train", "dev", "test") for k in (1, 2, 3)}

# The noise that a run's predictions have, by its name, with or without the target; what is not named has 1.
NOISE = {
    "short u4 mse": 0.4, "short u8 mse": 0.5, "short u4 ccc": 0.2,
    "long u4 mse": 0.6, "long u8 mse": 0.3, "long u8 mae": 0.25, "long u8 ccc": 0.35,
    "face u4 mse": 0.7, "face u8 mse": 0.8, "face u4 ccc": 0.5, "face u4 mae": 0.6,
    "heart u4 mse": 0.9, "heart u8 mse": 0.6, "heart u8 ccc": 0.75, "heart u8 mae": 1.2,
    "concatenation": 0.2, "layered": 0.22,
}  # fmt: skip


def gold_of(name):
    """Slow traces of two targets, as large in every recording."""
    rng, times = np.random.default_rng(zlib.crc32(name.encode())), np.arange(FRAMES)[:, None]
    return sum(0.3 * np.sin(2 * np.pi * times * rate / FRAMES + rng.uniform(0, 6, 2)) for rate in (1, 2, 3))


def write_store(folder, partitions=PARTITIONS, golds=gold_of):
    store = Store(folder / "synthetic")
    people = [Recording(name, f"p{name}", {}, partition=part) for name, part in partitions.items()]
    store.describe({"part": "synthetic", "dir": "nowhere"}, "made up", people)
    for stream, channels in {GOLD: TARGETS, **{name: ("x",) for name in STREAMS}}.items():
        place = store.stream(stream)
        place.start(Schema(channels, HOP, 0.0, GOLD if stream == GOLD else "extracted", {}))
        made = {name: golds(name) if stream == GOLD else np.zeros((FRAMES, 1)) for name in partitions}
        place.complete({name: place.write(name, Track(v, HOP, channels=channels)) for name, v in made.items()})
    return store


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    write_store(folder)
    return folder


@pytest.fixture
def plan(records):
    streams = {name: Precomputed(name) for name in STREAMS}
    model = Lstm(direction="both", cell="plain", forget_bias=1.0)
    data = Data(records=str(records), targets=("arousal",))
    return Plan(
        Experiment(Synthetic(), streams, model, Mse(), data, Sequences(frames=0)),
        sizes=("u4", "u8"),
        losses=("mse", "ccc", "mae"),
        kinds=("short+long",),
        layers=("short+long", "face"),
        concatenated="u6x5",
        layered_units=7,
        smoothing="",
    )


READ = Stream.read


@functools.cache
def read(folder, recording):
    return READ(Stream(folder), recording)


def read_once(stream, recording):
    return read(stream.folder, recording)


class Planted:
    """In place of training: writes what a finished run leaves, its predictions gold and noise of a planted size."""

    def __init__(self):
        self.noise = dict(NOISE)
        self.test_noise = None
        self.trained = []

    def __call__(self, content, folder, partition):
        experiment, run = from_json(content), Run(folder)
        self.trained.append(run.folder.name)
        chosen = selection(experiment)
        run.begin(experiment)
        run.note(
            records={"fingerprint": Store(experiment.store).fingerprint(experiment.streams), "targets_are": "made up"},
            protocol=experiment.data.protocol, shuffled_gold=False, dropped_recordings=[],
            recordings_lacking_a_target={}, targets=list(chosen.targets),
        )  # fmt: skip
        for part in dict.fromkeys(("dev", partition)):
            rng = np.random.default_rng([zlib.crc32(run.folder.name.encode()), part == "dev"])
            golds = chosen.partition(part)
            size = self.size(run.folder.name) if part == "dev" or self.test_noise is None else self.test_noise
            made = {
                name: replace(gold, values=(gold.values + size * rng.normal(size=gold.values.shape)).astype("float32"))
                for name, gold in golds.items()
            }
            run.write_predictions(part, made)
            run.write_scores(score(golds, made, part, subjects=subjects_of(run)))
        run.finish()

    def size(self, folder):
        name = folder.replace("_", " ")
        keys = (name, name.partition(" ")[2], name.split(" ")[1])
        return next((self.noise[key] for key in keys if key in self.noise), 1.0)


@pytest.fixture
def planted(monkeypatch):
    found = Planted()
    monkeypatch.setattr(execution, "_run", found)
    # intervals and reading the same records again take most of the time, and are tested where they belong
    monkeypatch.setattr("emotf.evaluation.DRAWS", 20)
    monkeypatch.setattr(Stream, "read", read_once)
    return found


def the(system, what):
    (choice,) = [choice for choice in system.choices if choice.what == what]
    return choice


def early(out, name, target="arousal"):
    """The one run of an early fusion."""
    (found,) = (out / "runs").glob(f"{target}_{name}_*")
    return found


def ccc_of(folder, partition="dev", target=0, gold=gold_of):
    names = [name for name, part in PARTITIONS.items() if part == partition]
    traces = [read_track(Run(folder).prediction(partition, name)).values[:, 0] for name in names]
    return ccc(np.concatenate([gold(name)[:, target] for name in names]), np.concatenate(traces))


# ---- single streams --------------------------------------------------------------------------------------------------


def test_every_stream_takes_its_best_size(plan, planted, tmp_path):
    (system,) = assemble(plan, tmp_path, 1)
    assert system.target == "arousal"
    for stream, size in {"short": "u4", "long": "u8", "face": "u4", "heart": "u8"}.items():
        choice = the(system, f"size of {stream}")
        assert list(choice.scores) == [f"{stream} u4 mse", f"{stream} u8 mse"]
        assert choice.taken == (f"{stream} {size} mse",) and choice.why == "highest"
        for name, found in choice.scores.items():
            assert found == pytest.approx(ccc_of(tmp_path / "runs" / f"arousal_{name.replace(' ', '_')}"), abs=1e-5)
        assert choice.scores[f"{stream} {size} mse"] == max(choice.scores.values())


def test_of_one_kind_the_best_goes_on_and_the_loser_keeps_its_run(plan, planted, tmp_path):
    (system,) = assemble(plan, tmp_path, 1)
    choice = the(system, "which of short, long")
    assert list(choice.scores) == ["short u4 mse", "long u8 mse"] and choice.taken == ("long u8 mse",)
    assert "short_u4_ccc" not in " ".join(planted.trained)  # the losing one is not tried with other losses
    assert "short u4 mse" in system.candidates and "short u4 mse" not in the(system, "streams").scores
    assert "arousal_short_u4_mse" in Fusion(tmp_path / "fusions" / "arousal_late").content["sources"]
    assert list(Run(early(tmp_path, "concatenation")).experiment.streams) == ["long", "face", "heart"]


def test_the_late_fusion_joins_the_best_losses_of_each_stream(plan, planted, tmp_path):
    (system,) = assemble(plan, tmp_path / "two", 1)
    best = {"long": ("long u8 mae", "long u8 mse"), "face": ("face u4 ccc", "face u4 mae"),
            "heart": ("heart u8 mse", "heart u8 ccc")}  # fmt: skip
    for stream, taken in best.items():
        choice = the(system, f"losses of {stream} in late fusion")
        assert choice.taken == taken and choice.why == "best 2" and len(choice.scores) == 3
    members = ["short u4 mse", *(name for taken in best.values() for name in taken)]
    late = Fusion(tmp_path / "two" / "fusions" / "arousal_late").content
    assert list(late["sources"]) == [f"arousal_{name.replace(' ', '_')}" for name in members]
    plan.best_losses = 1
    (system,) = assemble(plan, tmp_path / "one", 1)
    late = Fusion(tmp_path / "one" / "fusions" / "arousal_late").content
    assert list(late["sources"]) == [f"arousal_{name}" for name in
                                     ("short_u4_mse", "long_u8_mae", "face_u4_ccc", "heart_u8_mse")]  # fmt: skip


def test_sizes_and_kinds_are_chosen_by_the_loss_that_the_plan_says(plan, planted, tmp_path):
    plan.size_loss = "ccc"
    (system,) = assemble(plan, tmp_path, 1)
    assert the(system, "which of short, long").taken == ("short u4 ccc",)
    assert the(system, "size of face").taken == ("face u4 ccc",)
    assert "arousal_short_u8_ccc" in planted.trained and "arousal_long_u8_mae" not in planted.trained


# ---- what is dropped -------------------------------------------------------------------------------------------------


def test_weak_streams_are_dropped_everywhere(plan, planted, tmp_path):
    planted.noise |= {f"face {size} {loss}": 30.0 for size in ("u4", "u8") for loss in plan.losses}
    (system,) = assemble(plan, tmp_path, 1)
    choice = the(system, "streams")
    assert choice.taken == ("long", "heart") and choice.scores["face"] < 0.1 < choice.scores["heart"]
    assert choice.scores["long"] == pytest.approx(ccc_of(tmp_path / "runs" / "arousal_long_u8_mae"), abs=1e-5)
    assert choice.why == "best loss reaches 0.1"
    layered = Run(early(tmp_path, "layered")).experiment
    assert layered.model.layers == ("long", "heart") and list(layered.streams) == ["long", "heart"]
    assert not [name for name in system.candidates if "face" in name]
    assert not [choice for choice in system.choices if choice.what == "losses of face in late fusion"]


def test_a_threshold_that_is_reached_exactly_drops_nothing(plan, planted, tmp_path):
    (system,) = assemble(plan, tmp_path / "first", 1)
    plan.threshold = the(system, "streams").scores["face"]
    (again,) = assemble(plan, tmp_path / "second", 1)
    assert "face" in the(again, "streams").taken and "heart" not in the(again, "streams").taken


def test_where_no_stream_is_good_enough_there_is_no_system(plan, planted, tmp_path):
    planted.noise = {}
    plan.threshold = 0.9
    with pytest.raises(UserError) as caught:
        assemble(plan, tmp_path, 1)
    line = str(caught.value)
    assert "\n" not in line and line.startswith("No stream reaches a development CCC of 0.9 for arousal (the best: 0.")
    assert line.endswith("lower --config.threshold, or train longer.")
    assert not (tmp_path / "fusions").exists() and not [name for name in planted.trained if "concat" in name]


def test_one_stream_has_no_early_fusion(plan, planted, tmp_path):
    plan.threshold = 0.7
    (system,) = assemble(plan, tmp_path, 1)
    assert the(system, "streams").taken == ("long",)
    assert not [name for name in planted.trained if "concatenation" in name or "layered" in name]
    # the run of the losing kind is weaker than the threshold: a candidate, but not fused
    assert list(system.candidates) == ["late fusion", "short u4 mse", "long u8 mae", "long u8 mse"]
    assert the(system, "late").taken == ("arousal_long_u8_mae", "arousal_long_u8_mse")
    assert system.chosen == "late fusion" and set(the(system, "the system").scores) == set(system.candidates)


def test_streams_of_one_layer_are_only_laid_side_by_side(plan, planted, tmp_path):
    plan.layers, plan.kinds = ("face+heart", "short+long"), ()
    planted.noise |= {f"{s} {size} {loss}": 30.0 for s in ("short", "long") for size in ("u4", "u8")
                      for loss in plan.losses}  # fmt: skip
    (system,) = assemble(plan, tmp_path, 1)
    assert the(system, "streams").taken == ("face", "heart")
    assert "concatenation" in system.candidates and "layered" not in system.candidates
    assert list(Fusion(tmp_path / "fusions" / "arousal_again").content["sources"]) == [
        "arousal_late", early(tmp_path, "concatenation").name,
    ]  # fmt: skip


# ---- early fusion and the system -------------------------------------------------------------------------------------


def test_early_fusions_are_as_the_plan_says(plan, planted, tmp_path):
    planted.noise |= {"heart u8 mae": 0.1, "heart u8 mse": 0.7}
    (system,) = assemble(plan, tmp_path, 1)
    choice = the(system, "loss of early fusion")
    best = {"long": "u8", "face": "u4", "heart": "u8"}
    for loss in plan.losses:
        ends = [ccc_of(tmp_path / "runs" / f"arousal_{name}_{size}_{loss}") for name, size in best.items()]
        assert choice.scores[loss] == pytest.approx(np.mean(ends), abs=1e-5)
    assert choice.taken == ("mae",) and choice.why == "highest mean over the streams"
    cell = {"direction": "both", "cell": "plain", "forget_bias": 1.0}
    one, other = (Run(early(tmp_path, name)).experiment for name in ("concatenation", "layered"))
    assert one.model == Lstm(units=(6, 5), **cell)
    # heart is in none of the plan's layers, so it has one of its own
    assert other.model == LayeredFusion(units=(7,), layers=("long", "face", "heart"), **cell)
    single = Run(tmp_path / "runs" / "arousal_long_u4_mse").experiment
    assert single.model == Lstm(units=(4,), **cell) and list(single.streams) == ["long"]
    assert one.loss.name == other.loss.name == "mae" and single.loss.name == "mse"
    assert one.data.targets == ("arousal",) and one.training == plan.experiment.training


def by_hand(runs, names):
    """Pooled CCC on development when each recording is joined by weights of the others, by NumPy alone."""
    dev = [name for name, part in PARTITIONS.items() if part == "dev"]
    x = {n: np.stack([read_track(run.prediction("dev", n)).values[:, 0] for run in runs] + [np.ones(FRAMES)], axis=1)
         for n in dev}  # fmt: skip
    joined = []
    for name in names:
        others = [n for n in dev if n != name]
        y = np.concatenate([gold_of(n)[:, 0] for n in others])
        weights = np.linalg.lstsq(np.concatenate([x[n] for n in others]), y, rcond=None)[0]
        joined.append(x[name] @ weights)
    return ccc(np.concatenate([gold_of(n)[:, 0] for n in names]), np.concatenate(joined))


@pytest.mark.parametrize(
    ("noise", "expected"),
    [
        ({"concatenation": 0.005}, "concatenation"),
        ({"layered": 0.005}, "layered"),
        ({"concatenation": 30.0, "layered": 30.0}, "late fusion"),
        ({"face u4 ccc": 0.005}, "face u4 ccc"),
        ({}, "late fusion of fusions"),
    ],
)
def test_the_system_is_the_candidate_with_the_highest_check_on_development(plan, planted, tmp_path, noise, expected):
    planted.noise |= noise
    (system,) = assemble(plan, tmp_path, 1)
    checks = the(system, "the system").scores
    late = [Run(path) for path in Fusion(tmp_path / "fusions" / "arousal_late").content["sources"].values()]
    dev = [name for name, part in PARTITIONS.items() if part == "dev"]
    assert checks["late fusion"] == pytest.approx(by_hand(late, dev), abs=1e-5)
    for name, folder in system.candidates.items():
        if Run(folder).about:
            assert checks[name] == pytest.approx(ccc_of(folder), abs=1e-5)
    assert set(checks) == set(system.candidates)
    assert system.chosen == max(checks, key=checks.get) and the(system, "the system").taken == (system.chosen,)
    if expected == "late fusion":
        # early fusions that are too weak stay out of the last one, which then is the first one moved and scaled
        assert the(system, "again").taken == ("arousal_late",)
        assert system.chosen.startswith("late fusion")
    else:
        assert system.chosen == expected
    assert system.candidates["late fusion of fusions"] == tmp_path / "fusions" / "arousal_again"


def test_choices_never_read_test(plan, planted, tmp_path):
    (system,) = assemble(plan, tmp_path / "as_it_is", 1)
    # other predictions of test, another gold standard of test
    planted.test_noise = 5.0
    elsewhere = tmp_path / "records"
    write_store(elsewhere, golds=lambda name: -gold_of(name)[::-1] if PARTITIONS[name] == "test" else gold_of(name))
    plan.experiment.data.records = str(elsewhere)
    (other,) = assemble(plan, tmp_path / "other", 1)
    assert other.choices == system.choices and other.chosen == system.chosen
    assert list(other.candidates) == list(system.candidates)
    weights = [Fusion(tmp_path / place / "fusions" / "arousal_again").content["targets"]
               for place in ("as_it_is", "other")]  # fmt: skip
    assert weights[0] == weights[1]
    changed = system.scores.merge(other.scores, on=["candidate", "pooling", "measure"])
    assert (changed["value_x"] != changed["value_y"]).all()


def test_scores_are_those_of_test(plan, planted, tmp_path):
    (system,) = assemble(plan, tmp_path, 1)
    assert set(system.scores["partition"]) == {"test"} and set(system.scores["candidate"]) == set(system.candidates)
    pooled = system.scores[(system.scores.measure == "ccc") & (system.scores.pooling == "pooled")]
    for candidate, value in zip(pooled["candidate"], pooled["value"], strict=True):
        assert value == pytest.approx(ccc_of(system.candidates[candidate], "test"), abs=1e-5)


def test_every_target_has_a_system_of_its_own(plan, planted, tmp_path):
    plan.experiment.data.targets = ()
    planted.noise |= {"valence short u8 mse": 0.1, "valence face u8 mse": 0.1}
    arousal, valence = assemble(plan, tmp_path, 1)
    assert (arousal.target, valence.target) == TARGETS
    assert the(arousal, "which of short, long").taken == ("long u8 mse",)
    assert the(valence, "which of short, long").taken == ("short u8 mse",)
    assert the(valence, "size of face").taken == ("face u8 mse",)
    run = tmp_path / "runs" / "valence_face_u8_ccc"
    found = the(valence, "losses of face in late fusion").scores["face u8 ccc"]
    assert found == pytest.approx(ccc_of(run, target=1), abs=1e-5)
    assert Run(run).experiment.data.targets == ("valence",)


def test_runs_that_are_chosen_and_reported_on_development_say_so(plan, planted, tmp_path):
    plan.experiment.data.protocol = "koprue2020"
    plan.smoothing = "smoothing"
    systems = assemble(plan, tmp_path, 1)
    assert set(systems[0].scores["partition"]) == {"dev"}
    text, _ = report(systems, tmp_path)
    assert text.startswith("made up; chosen and reported on development;") and "All candidates on dev;" in text


# ---- smoothing -------------------------------------------------------------------------------------------------------


def test_runs_are_smoothed_before_they_are_joined(plan, planted, tmp_path):
    (plain,) = assemble(plan, tmp_path / "plain", 1)
    plan.smoothing = "smoothing"
    (system,) = assemble(plan, tmp_path / "smooth", 1)
    before, after = (the(found, "late").scores for found in (plain, system))
    assert set(before) == set(after) and all(after[name] > before[name] for name in before)
    for folder in (path for path in system.candidates.values() if Run(path).about):
        assert Run(folder).is_postprocessed and len(list((folder / "postprocessed" / "test").glob("*.csv"))) == 3
    # sizes, kinds and losses are chosen on what the networks say
    unsmoothed = [choice for choice in system.choices if choice.what.startswith(("size", "which", "streams", "loss"))]
    assert unsmoothed == [c for c in plain.choices if c.what.startswith(("size", "which", "streams", "loss"))]
    assert len(unsmoothed) == 4 + 1 + 1 + 1 + 3


def test_another_smoothing_takes_the_place_of_the_first(plan, planted, tmp_path):
    (plain,) = assemble(plan, tmp_path, 1)
    plan.smoothing = "smoothing"
    (smooth,) = assemble(plan, tmp_path, 1)
    postprocess(Run(early(tmp_path, "layered")), [Scaling()])  # by hand
    (again,) = assemble(plan, tmp_path, 1)
    assert again.choices == smooth.choices != plain.choices
    plan.smoothing = ""
    (without,) = assemble(plan, tmp_path, 1)
    assert without.choices == plain.choices
    pd.testing.assert_frame_equal(without.scores, plain.scores)
    text, _ = report([without], tmp_path)
    assert "Smoothing, fitted on development:\n\nnone\n" in text


# ---- the report ------------------------------------------------------------------------------------------------------


def test_the_report_holds_choices_and_scores(plan, planted, tmp_path):
    plan.experiment.data.targets = TARGETS
    plan.smoothing = "smoothing"
    systems = assemble(plan, tmp_path, 1)
    text, written = report(systems, tmp_path)
    assert [path.name for path in written] == ["system.md", "choices.csv", "scores.csv", "system.png"]
    assert written[0].read_text() == text and text.startswith("made up; population variances\n")
    choices, scores = pd.read_csv(written[1]), pd.read_csv(written[2])
    assert len(choices) == sum(len(choice.scores) for system in systems for choice in system.choices)
    for system, part in zip(systems, text.split("\n## ")[1:], strict=True):
        assert part.startswith(f"{system.target}\n") and "All candidates on test;" in part
        for choice in system.choices:
            rows = choices[(choices["target"] == system.target) & (choices["what"] == choice.what)]
            assert rows["tried"].tolist() == list(choice.scores) and set(rows["why"]) == {choice.why}
            assert rows["tried"][rows["taken"]].tolist() == [name for name in choice.scores if name in choice.taken]
            np.testing.assert_allclose(rows["dev_ccc"], list(choice.scores.values()))
            tried = ", ".join(f"{name} {found:.3f}" for name, found in choice.scores.items())
            line = f"- {choice.what}: **{', '.join(choice.taken)}** ({choice.why}; tried: {tried})"
            assert line in part.splitlines()
        for name, folder in (("late fusion", "late"), ("late fusion of fusions", "again")):
            of = Fusion(tmp_path / "fusions" / f"{system.target}_{folder}").content["targets"][system.target]
            table = part.split(f"Weights of the {name}, fitted on development")[1].split("\n\n")[1]
            for source, weight in of["weights"].items():
                cells = [cell.strip() for row in table.splitlines() if f"| {source} " in row for cell in row.split("|")]
                assert cells[1:-1] == [source, f"{of['dev_ccc'][source]:.3f}", f"{weight:.3f}"]
        for name in system.candidates:
            bold = f"| **{name}**" if name == system.chosen else f"| {name} "
            assert sum(line.startswith(bold) for line in part.split("All candidates")[1].splitlines()) == 1
        mine = scores[scores["target"] == system.target]
        assert set(mine["candidate"]) == set(system.candidates) and set(mine["chosen"]) == {system.chosen}
    assert "| smoothing " in text and written[3].read_bytes().startswith(b"\x89PNG")


def test_a_report_without_smoothing_says_so(plan, planted, tmp_path):
    text, _ = report(assemble(plan, tmp_path, 1), tmp_path)
    assert "Smoothing, fitted on development:\n\nnone\n" in text


# ---- again -----------------------------------------------------------------------------------------------------------


def contents(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_second_call_keeps_everything_and_trains_nothing(plan, planted, tmp_path, capsys):
    plan.smoothing = "smoothing"
    systems = assemble(plan, tmp_path, 1)
    report(systems, tmp_path)
    before, planted.trained = contents(tmp_path), []
    capsys.readouterr()
    again = assemble(plan, tmp_path, 1)
    report(again, tmp_path)
    assert planted.trained == [] and contents(tmp_path) == before
    assert again[0].choices == systems[0].choices and again[0].candidates == systems[0].candidates
    said = [line for line in capsys.readouterr().err.splitlines() if "of them done" in line]
    assert said == ["8 runs, 8 of them done", "9 runs, 9 of them done", "2 runs, 2 of them done"]


def test_an_interrupted_call_goes_on(plan, planted, tmp_path):
    (whole,) = assemble(plan, tmp_path, 1)
    (early(tmp_path, "layered") / "FINISHED").unlink()
    (tmp_path / "runs" / "arousal_face_u4_mae" / "scores.csv").unlink()
    planted.trained = []
    (again,) = assemble(plan, tmp_path, 1)
    assert (
        planted.trained == ["arousal_face_u4_mae", early(tmp_path, "layered").name] and again.choices == whole.choices
    )


def test_scores_of_other_variances_change_nothing(plan, planted, tmp_path):
    (system,) = assemble(plan, tmp_path, 1)
    for run in (Run(tmp_path / "runs" / "arousal_short_u4_mse"), Run(early(tmp_path, "layered"))):
        for variance in ("sample", "population"):  # in the file, what was written last comes last
            for part in ("dev", "test"):
                golds = selection(run.experiment).partition(part)
                made = {recording: read_track(run.prediction(part, recording)) for recording in golds}
                run.write_scores(score(golds, made, part, variance, subjects_of(run)))
    (again,) = assemble(plan, tmp_path, 1)
    assert again.choices == system.choices and set(again.scores["variance"]) == {"population"}
    pd.testing.assert_frame_equal(again.scores, system.scores, atol=1e-6)


def test_runs_of_another_experiment_are_in_the_way(plan, planted, tmp_path):
    assemble(plan, tmp_path, 1)
    plan.experiment.training.learning_rate = 1e-3
    with pytest.raises(UserError, match=r"arousal_short_u4_mse holds a run with another training\.learning_rate"):
        assemble(plan, tmp_path, 1)


# ---- before anything is trained --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"losses": ("mse", "cccc")}, r"No 'cccc' among losses: .*Did you mean 'ccc'\?"),
        ({"losses": ("mse", "ccc:pol=sequence")}, "ccc has no field 'pol'"),
        ({"losses": ("mse", "non_inertial")}, "non_inertial couples targets, a system has runs of one target"),
        ({"smoothing": "smoothin"}, r"No 'smoothin' among postprocessing: .*Did you mean 'smoothing'\?"),
        ({"held_out": 3}, "Development has 3 recordings; hold out 1 to 2, not 3"),
        ({"method": "mean"}, "method is 'mean'"),
    ],
)
def test_what_cannot_work_is_refused_at_once(plan, planted, tmp_path, fields, message):
    for name, value in fields.items():
        setattr(plan, name, value)
    with pytest.raises(UserError, match=message):
        assemble(plan, tmp_path / "out", 1)
    assert not planted.trained and not (tmp_path / "out").exists()


def test_records_that_are_there_are_not_extracted_again(plan, planted, tmp_path, monkeypatch):
    extracted = []

    def extract(corpus, features, folder):
        extracted.append(list(features))
        write_store(folder.parent)

    monkeypatch.setattr(importlib.import_module("emotf.records.extraction"), "extract", extract)
    assemble(plan, tmp_path / "out", 1)
    assert not extracted
    plan.experiment.data.records = str(tmp_path / "records")
    assemble(plan, tmp_path / "new", 1)
    assert extracted == [list(STREAMS)]
    # an extraction that was interrupted has told who is there, but not all of what they do
    (tmp_path / "records" / "synthetic" / "heart" / "COMPLETED").unlink()
    assemble(plan, tmp_path / "new", 1)
    assert len(extracted) == 2
