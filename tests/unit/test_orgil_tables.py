"""The tables of Orgil et al. (2021) and Orgil (2022): what is printed, what belongs beside it, and the report."""

import contextlib
import csv
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_config import RECIPES, recipe

import emotf.reproduction.table
from emotf.comparison.axes import applied
from emotf.config import Data, Experiment
from emotf.corpora.affwild import Affwild
from emotf.errors import UserError
from emotf.evaluation import score
from emotf.prediction import selection
from emotf.recipes import assign, field_type
from emotf.records import Store
from emotf.report.sweeps import sweeps
from emotf.reproduction import prepare, report, tables
from emotf.reproduction.corpus import check_records, shorten, take_twin
from emotf.reproduction.table import Cell, only
from emotf.track import Track

PUBLISHED = Path(emotf.reproduction.table.__file__).parent / "published"
JOURNAL = [f"orgil2021_table{k}" for k in (2, 3, 4, 5)]
AGAIN = {
    "orgil2022_table4_2": "orgil2021_table2",
    "orgil2022_appendix_table1": "orgil2021_table3",
    "orgil2022_appendix_table2": "orgil2021_table4",
    "orgil2022_appendix_table3": "orgil2021_table5",
}
# the column of a CSV file that our measure stands for
COLUMNS = {
    "mse_mean": "mse", "ccc_mean": "ccc", "non_inertial_mean": "non_inertial", "epoch_seconds": "epoch_duration_s",
    "ccc_sum": "accuracy_2ccc",
}  # fmt: skip
PLACES = {"network", "train_loss", "sequence_length", "extraction", "model", "train", "fold", "original_classes",
          "new_classes"}  # fmt: skip
RECIPE = {path.stem: path for path in RECIPES}


# ---- what is printed ------------------------------------------------------------------------------------------------


def printed(name):
    """(place, column, figure) of every cell of a CSV file."""
    with open(PUBLISHED / f"{name}.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    named = {"train": "repetition", "fold": "repetition"}
    return Counter(
        (frozenset((named.get(key, key), row[key]) for key in row if key in PLACES), column, figure)
        for row in rows
        for column, figure in row.items()
        if column not in PLACES
    )


def shown(name):
    found = Counter()
    for cell in tables()[name].cells():
        column = cell.target if cell.measure == "ccc" else COLUMNS.get(cell.measure, cell.measure)
        (figure,) = cell.printed.values()
        found[frozenset(cell.place.items()), column, figure] += 1
    return found


@pytest.mark.parametrize("name", sorted(path.stem for path in PUBLISHED.glob("orgil*.csv")))
def test_every_printed_figure_stands_once_as_printed(name):
    wanted, found = printed(name), shown(name)
    assert not wanted - found
    absent = [("network", "Audio Network"), ("train_loss", "Non-Inertial"), ("sequence_length", "256")]
    lacks_a_row = name in ("orgil2021_table3", "orgil2022_appendix_table1")
    assert set((found - wanted).elements()) == (
        {(frozenset(absent), column, "") for column in ("mse", "ccc", "non_inertial")} if lacks_a_row else set()
    )


def test_what_the_extraction_lost_is_marked():
    cells = tables()["orgil2022_appendix_table3"].cells()
    marks = {cell.place["extraction"] for cell in cells}
    assert marks == {"clean", "damaged", "lost"}
    lost = [cell for cell in cells if cell.place["extraction"] == "lost"]
    assert {(cell.place["network"], cell.place["sequence_length"]) for cell in lost} == {("Pose Network", "384")}
    assert {figure for cell in lost for figure in cell.printed.values()} == {""} and len(lost) == 3
    assert all(cell.system is not None for cell in lost)  # ours stands there all the same


# ---- what of ours belongs beside it ---------------------------------------------------------------------------------


def test_systems_are_networks_losses_and_lengths():
    found = {name: tables()[name].systems for name in JOURNAL}
    assert {name: len(systems) for name, systems in found.items()} == dict(zip(JOURNAL, (3, 36, 12, 60), strict=True))
    assert {system["length"] for system in (*found[JOURNAL[0]], *found[JOURNAL[2]])} == {"256"}
    assert found[JOURNAL[0]][0] == {"streams": "resnet50+landmarks140+pose36+mel128", "loss": "mse", "length": "256"}
    assert {system["streams"] for system in found[JOURNAL[1]]} == {
        "resnet50+landmarks140+pose36+mel128", "resnet50+landmarks140+pose36", "mel128", "pose36",
    }  # fmt: skip
    assert {system["loss"] for system in found[JOURNAL[1]]} == {"mse", "ccc:pool=sequence", "non_inertial"}
    assert {tuple(system) for systems in found.values() for system in systems} == {("streams", "loss", "length")}
    assert all(system in found[JOURNAL[3]] for system in found[JOURNAL[2]]) and all(
        s in found[JOURNAL[2]] for s in found[JOURNAL[0]]
    )
    of_thesis = tables()["orgil2022_table4_3"].systems
    assert len(of_thesis) == 8 and of_thesis[1] == {"streams": "face_mesh", "loss": "ccc:pool=sequence"}


def test_a_repeated_table_is_the_same_systems_so_that_nothing_runs_twice():
    for again, journal in AGAIN.items():
        one, other = tables()[again], tables()[journal]
        assert sorted(map(str, one.systems)) == sorted(map(str, other.systems))
        for name in ("recipe", "options", "settings", "split", "fold", "smoke_duration", "corpora"):
            assert getattr(one, name) == getattr(other, name)
        assert journal[-1] in one.source


def test_tables_of_pictures_are_made_by_other_tools():
    others = {name: table.made_by.partition(" ")[0] for name, table in tables().items() if not table.ready}
    assert {name: tool for name, tool in others.items() if name.startswith("orgil2022")} == {
        "orgil2022_table1_3": "", "orgil2022_table4_1": "tools/classify.py", "orgil2022_table4_4": "tools/continual.py",
    }  # fmt: skip
    for number, tool in (("4_1", "classify"), ("4_4", "continual")):
        with pytest.raises(UserError, match=rf"table{number} is made by another tool: tools/{tool}\.py --config="):
            prepare(f"orgil2022_table{number}", "", [], False, True, None, [0], "")


def test_arithmetic_of_the_publication_has_nothing_of_ours_beside_it():
    cells = [cell for cell in tables()[JOURNAL[0]].cells() if cell.measure in ("average", "differences", "sum")]
    assert len(cells) == 45 and all(cell.system is None and "different unit" in cell.why for cell in cells)
    repetitions = [cell.repetition for cell in tables()[JOURNAL[0]].cells() if cell.measure == "mse_mean"]
    assert repetitions == [0, 1, 2, 3, 4] * 3


@pytest.mark.parametrize("name", [*JOURNAL, "orgil2022_table4_3"])
def test_findings_are_differences_of_means(name):
    findings = tables()[name].findings
    assert findings and len({finding.text for finding in findings}) == len(findings)
    for finding in findings:
        weights = np.array([weight for weight, _, _ in finding.terms])
        assert weights[weights > 0].sum() == pytest.approx(-weights[weights < 0].sum())
        assert weights[weights > 0].sum() == pytest.approx(2 if "loses more" in finding.text else 1)


def test_what_was_printed_is_found_in_print():
    """The findings of the journal hold for its own figures, by the weights of their terms."""
    for name in JOURNAL:
        ccc = {}
        for cell in tables()[name].cells():
            figure = cell.printed["Aff-Wild"]
            if cell.measure == "ccc_mean" and figure:
                ccc.setdefault(tuple(cell.system.values()), []).append(float(figure))
        lacking = ("mel128", "non_inertial", "256")
        ccc.setdefault(lacking, [0.143])  # what the mean of the text asks for, where the row is absent
        for finding in tables()[name].findings:
            value = sum(weight * np.mean(ccc[tuple(system.values())]) for weight, system, _ in finding.terms)
            assert value > 0, (name, finding.text)


# ---- lengths --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("corpus", "batches"),
    [
        ("synthetic", {32: 16, 64: 8, 128: 4, 256: 2, 384: 1, 512: 1}),  # 512 frames
        ("affwild", {32: 256, 64: 128, 128: 64, 256: 32, 384: 21, 512: 16}),  # 8192 frames
    ],
)
def test_a_batch_keeps_its_frames_at_every_length(corpus, batches):
    experiment = recipe(RECIPE["non_inertial"]).get_config(corpus)
    for frames, batch in batches.items():
        made = applied(experiment, {"length": str(frames), "streams": "pose36"})
        assert (made.window.frames, made.window.stride_frames, made.training.batch) == (frames, frames, batch)
        assert list(made.streams) == ["pose36"]
    assert (experiment.window.frames, experiment.training.batch) == (128, 4 if corpus == "synthetic" else 64)


def test_lengths_that_cannot_be_are_refused():
    sequences = recipe(RECIPE["non_inertial"]).get_config("synthetic")
    for value, said in (("1", "length is 2 frames or more, received 1"), ("long", "length cannot be 'long'")):
        with pytest.raises(UserError, match=said):
            applied(sequences, {"length": value})
    images = recipe(RECIPE["cer_mtl"]).get_config("synthetic")
    with pytest.raises(UserError, match="length=32 needs a recipe of sequences of a fixed length"):
        applied(images, {"length": "32"})


# ---- some rows ------------------------------------------------------------------------------------------------------


def test_rows_are_kept_by_the_values_of_columns():
    table = only(tables()[JOURNAL[3]], ["network=Full Network, Pose Network", "sequence_length=32,128"])
    places = {(cell.place["network"], cell.place["sequence_length"]) for cell in table.cells()}
    assert places == {(n, s) for n in ("Full Network", "Pose Network") for s in ("32", "128")}
    assert len(table.systems) == 12 and "ONLY network=Full Network, Pose Network and sequence" in table.title
    # findings that need other rows went with them
    assert [finding.text.split(":")[0] for finding in table.findings] == [
        "Full, S = 32", "Full, from S = 128 to 32",
    ]  # fmt: skip
    assert only(tables()[JOURNAL[0]], []).title == tables()[JOURNAL[0]].title


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["netwrk=Full Network"], "received 'netwrk=Full Network'. Did you mean 'network'?"),
        (["network=Full Netwrk"], "network is never 'Full Netwrk', but Full Network,"),
        (["network=Full Netwrk"], "Did you mean 'Full Network'?"),
        (["network"], "received 'network'"),
        (["sequence_length=32", "sequence_length=64"], "no row has all of sequence_length=32 and sequence_length=64"),
    ],
)
def test_rows_that_are_not_there_are_refused_with_the_nearest(rows, said):
    with pytest.raises(UserError) as error:
        only(tables()[JOURNAL[3]], rows)
    assert said in str(error.value) and "\n" not in str(error.value)


# ---- the corpus -----------------------------------------------------------------------------------------------------


def test_fields_of_streams_are_set_by_the_name_of_the_stream():
    experiment = recipe(RECIPE["non_inertial"]).get_config("affwild")
    assert field_type(experiment, "streams.resnet50.weights") is str
    assign(experiment, "streams.resnet50.weights", "random")
    assert experiment.streams["resnet50"].weights == "random"
    for path, said in (("streams.resnet5.weights", "resnet50"), ("streams.resnet50.weigths", "weights")):
        with pytest.raises(UserError, match=f"no field '{path}'. Did you mean '{said}'"):
            assign(experiment, path, "random")
    with pytest.raises(UserError, match=r"no field 'streams\.resnet50'"):
        assign(experiment, "streams.resnet50", "random")


def test_a_longer_smoke_corpus_is_one_of_its_own():
    experiment = recipe(RECIPE["non_inertial"]).get_config("smoke")
    shorten(experiment, 24.0)
    assert experiment.corpus.duration == 24 and experiment.corpus.dir.endswith("planted_smoke_24s")
    assert experiment.data.records == "work/records/smoke_24s"
    affwild = recipe(RECIPE["non_inertial"]).get_config("affwild,smoke")
    shorten(affwild, 24.0)
    assert affwild.data.records == "work/records"


def test_records_of_other_settings_of_the_corpus_are_refused(tmp_path):
    data = Data(records=str(tmp_path))
    corpus = Affwild(dir=str(tmp_path / "films"), split="90:10")
    held = {"part": "affwild", "dir": str(tmp_path / "films"), "split": "90:10", "rate_hz": 0.0}
    people = [{"id": name, "subject": name, "partition": part} for name, part in (("a", "train"), ("b", "dev"))]
    (tmp_path / "affwild").mkdir()
    (tmp_path / "affwild" / "recordings.json").write_text(json.dumps({"corpus": held, "targets_are": "rated", "recordings": people}))
    experiment = Experiment(corpus, {}, None, None, data)
    check_records(experiment, strict=False)
    with pytest.raises(UserError, match=r"--strict reports on test, which .* lacks; leave out --strict, or deal one"):
        check_records(experiment, strict=True)
    corpus.split = "70:30"
    with pytest.raises(UserError, match=r"extracted with corpus\.split=90:10, not 70:30; choose other records"):
        check_records(experiment, strict=False)


def test_a_corpus_without_a_twin_needs_its_folder():
    with pytest.raises(
        UserError, match=r"'folder' has no twin that could stand in; name its folder, --set=corpus\.dir"
    ):
        take_twin(recipe(RECIPE["non_inertial"]).get_config("folder"))


# ---- the report -----------------------------------------------------------------------------------------------------


def pretend(trial, of):
    """A finished run whose predictions are `of`(gold standard) of every development recording."""
    run = trial.run
    run.begin(trial.experiment)
    golds = selection(trial.experiment).partition("dev")
    made = {name: Track(of(gold.values), gold.hop, channels=gold.channels) for name, gold in golds.items()}
    run.write_predictions("dev", made)
    run.write_scores(score(golds, made, "dev"))
    measures = {f"dev_{name}_mean": [0.1, 0.2] for name in ("mse", "ccc", "non_inertial")}
    pd.DataFrame({"epoch": [0, 1], "loss": [2.0, 1.0], **measures}).to_csv(run.history, index=False)
    records = {"targets_are": trial.experiment.corpus.targets_are}
    parameters = sum(10_000 * ord(name[0]) for name in trial.experiment.streams)
    run.note(parameters=parameters, training_seconds=3.0, records=records, protocol="koprue2020")
    run.note(shuffled_gold=False, dropped_recordings=[], recordings_lacking_a_target={})
    run.finish()
    return golds, made


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Settings of a corpus of 5 recordings of 2 s, and where to."""
    home = tmp_path_factory.mktemp("planted")
    return home, [f"corpus.dir={home}/corpus", "corpus.duration=2", f"data.records={home}/records"]


@pytest.fixture(scope="module")
def made(planted):
    """(table, rows, seeds) -> the table with runs that were made up, and what they predicted."""
    home, settings = planted

    def make(name, rows, seeds):
        out = home / f"{name}_{len(seeds)}"
        with contextlib.chdir(RECIPES[0].parents[1]):
            prepared = prepare(name, "", settings, False, True, None, seeds, str(out), rows)
        told = {}
        for place, trial in enumerate(prepared.trials):
            told[trial.name] = pretend(trial, lambda gold, k=place: 0.5 * gold + 0.01 * k)
        return prepared, told

    return make


@pytest.fixture(scope="module")
def sweep(made):
    return made(JOURNAL[1], ["network=Audio Network,Pose Network", "sequence_length=128,256"], [0])


def ccc(y, p):
    return 2 * np.mean((y - y.mean()) * (p - p.mean())) / (y.var() + p.var() + (y.mean() - p.mean()) ** 2)


def test_cells_are_means_over_recordings_and_targets(sweep):
    prepared, told = sweep
    assert len(prepared.trials) == 12 and {trial.fold for trial in prepared.trials} == {0}
    assert prepared.experiment.training.keep == () and prepared.experiment.training.epochs == 1
    figures = prepared.figures()
    assert (figures["why"] == "").all() and len(figures) == 12 * 3
    cells = prepared.table.cells()
    for trial in prepared.trials:
        golds, predictions = told[trial.name]
        pairs = [[(golds[n].values[:, i], predictions[n].values[:, i]) for n in golds] for i in (0, 1)]
        pooled = [ccc(*(np.concatenate(of) for of in zip(*target, strict=True))) for target in pairs]
        mse = [np.mean((y - p) ** 2) for target in pairs for y, p in target]
        mine = figures[[cell.system == trial.settings for cell in cells]].set_index("measure")
        assert mine.loc["mse_mean", "ours"] == pytest.approx(np.mean(mse), rel=1e-3)
        assert mine.loc["ccc_mean", "ours"] == pytest.approx(
            np.mean([ccc(*pair) for of in pairs for pair in of]), rel=1e-3
        )
        assert mine.loc["ccc_mean", "ours_other"] == pytest.approx(np.mean(pooled), rel=1e-3)
        assert mine.loc["non_inertial_mean", "ours"] > 0 and len(mine) == 3


def test_a_sweep_is_a_row_a_system_and_two_figures(sweep):
    prepared, _ = sweep
    said, paths = report(prepared, "population", "subject")
    assert [path.name for path in paths] == [
        *(f"orgil2021_table3{end}" for end in (".md", ".html", ".tex", ".csv", "_length.png", "_size.png"))
    ]  # fmt: skip
    assert all(path.stat().st_size > 100 for path in paths) and paths[0].read_text() == said
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in said.splitlines() if line[:1] == "|"]
    assert table[0] == [
        "network", "train_loss", "sequence_length", "MSE printed", "MSE ours", "CCC printed", "CCC ours",
        "CCC ours, pooled", "Non-Inertial printed", "Non-Inertial ours",
    ]  # fmt: skip
    rows = {tuple(row[:3]): row[3:] for row in table[2:]}
    assert len(rows) == 12
    absent = rows["Audio Network", "Non-Inertial", "256"]
    assert [absent[k] for k in (0, 2, 5)] == ["-"] * 3 and "-" not in [absent[k] for k in (1, 3, 4, 6)]
    there = rows["Pose Network", "CCC", "256"]
    assert [there[k] for k in (0, 2, 5)] == ["0.329", "0.255", "0.179"] and "-" not in there
    for line in (
        "PRINTED figures are of Aff-Wild. OURS are of planted: SYNTHETIC",
        "Recordings: 4 train, 1 choose and are reported. The publication trains and validates on 90:10",
        "No recording has more than 50 frames: sequences of 128, 256 frames are whole recordings here, padded.",
        "batches of 2 / 4,",
        "absent in print",
    ):
        assert line in said, line


def test_only_streams_of_the_rows_are_extracted(sweep):
    prepared, _ = sweep
    assert Store(prepared.experiment.store).streams == ("mel128", "pose36")


def test_repetitions_are_seeds_and_say_how_steady_training_is(made):
    prepared, _ = made(JOURNAL[0], [], [0, 1])
    assert len(prepared.trials) == 6
    said, paths = report(prepared, "population", "recording")
    figures = prepared.figures()
    third = figures[(figures["repetition"] == "3") & (figures["measure"] == "ccc_mean")]
    assert set(third["why"]) == {"needs --seeds of 3 or more repetitions"}
    second = figures[(figures["repetition"] == "2") & (figures["measure"] == "ccc_mean")]
    assert second["ours"].notna().all() and set(second["runs"]) == {1}
    assert "9 cells: needs --seeds of 5 or more repetitions" in said
    assert "45 cells: arithmetic of the publication" in said
    assert "average printed" in said and "average ours" not in said
    assert "## How steady training is\n\nloss, repeated; planted: SYNTHETIC" in said and "sd / sd of mse" in said
    folder = prepared.folder / "orgil2021_table2_stability"
    assert {path.name for path in paths if path.parent == folder} == {
        f"stability.{kind}" for kind in ("md", "csv", "png")
    }


def test_a_single_seed_says_nothing_of_steadiness(made):
    prepared, _ = made(JOURNAL[0], ["train_loss=MSE,CCC"], [0])
    said, paths = report(prepared, "population", "subject")
    assert "## How steady" not in said and all("stability" not in path.name for path in paths)


def test_2ccc_is_the_sum_over_targets(made):
    prepared, told = made(JOURNAL[0], ["train_loss=MSE"], [0])
    (trial,) = prepared.trials
    golds, predictions = told[trial.name]
    single = [ccc(golds[n].values[:, i], predictions[n].values[:, i]) for n in golds for i in (0, 1)]
    cell = Cell({}, "", "ccc_sum", {"somewhere": "2"}, trial.settings)
    one = replace(prepared, table=replace(prepared.table, cells=lambda: (cell,)))
    assert one.figures()["ours"].tolist() == [pytest.approx(sum(single) / len(golds), rel=1e-3)]
    assert one.figures("sample")["ours"][0] != one.figures()["ours"][0]  # which moments divide is no decoration


# ---- the figure -----------------------------------------------------------------------------------------------------


def test_lines_are_drawn_where_figures_are():
    rows = pd.DataFrame([
        {"measure": measure, "network": network, "loss": loss, "length": length, "printed": printed, "ours": ours}
        for measure in ("ccc_mean", "mse_mean")
        for network, loss, length, printed, ours in (
            ("Full", "MSE", "32", "0.25", 0.5), ("Full", "MSE", "128", "", 0.6), ("Full", "CCC", "32", "9.0", 0.7),
            ("Full", "CCC", "128", "0.3", 0.8), ("Pose", "MSE", "128", "0.2", 0.1),
        )
    ])  # fmt: skip
    sources = {"printed": "printed: A", "ours": "ours: B"}
    figure = sweeps(rows, sources, "length", "network", "loss", "a title", {"ccc_mean": "CCC"})
    assert len(figure.axes) == 4
    titles = [panel.get_title() for panel in figure.axes]
    assert titles == ["CCC, printed: A", "mse_mean, printed: A", "CCC, ours: B", "mse_mean, ours: B"]
    theirs, ours = figure.axes[0], figure.axes[2]
    lines = [[[0, 0.5], [1, 0.6]], [[0, 0.7], [1, 0.8]], [[1, 0.1]]]
    assert [line.get_xydata().tolist() for line in ours.lines] == lines
    missing = np.array([[0, 0.25], [1, np.nan]])  # no line over what is not printed
    np.testing.assert_array_equal(theirs.lines[0].get_xydata(), missing)
    assert [line.get_xydata().tolist() for line in theirs.lines[1:]] == [[[0, 9.0], [1, 0.3]], [[1, 0.2]]]
    assert (theirs.get_yscale(), ours.get_yscale()) == ("log", "linear")  # one collapsed training
    full, other, pose = ours.lines
    assert full.get_color() == other.get_color() != pose.get_color()
    assert full.get_linestyle() == pose.get_linestyle() != other.get_linestyle()
    assert [tick.get_text() for tick in ours.get_xticklabels()] == ["32", "128"] and ours.get_xlabel() == "length"
    legends = [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]
    assert legends == [["Full", "Pose"], ["MSE", "CCC"]]
