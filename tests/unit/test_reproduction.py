"""Printed tables: every figure as printed, the systems beside them, and what is said where there is none."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pretended import pretend, store_of

from emotf import reproduction
from emotf.comparison import trials_of
from emotf.comparison.axes import applied
from emotf.config import Data, Experiment
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.body_euler24 import BodyEuler24
from emotf.features.mfcc39 import Mfcc39
from emotf.losses.ccc import Ccc
from emotf.measures import MEAN, POOLED, Moments
from emotf.models.cer import Cer
from emotf.reproduction.koprue2020 import cer
from emotf.reproduction.preparation import _experiment, table_of
from emotf.reproduction.table import PUBLISHED, Cell, Table, published

NAMES = sorted(path.stem for path in PUBLISHED.glob("*.csv"))


def test_every_printed_table_is_listed_and_every_list_is_printed():
    assert sorted(reproduction.tables()) == NAMES and len(NAMES) == 30
    listing = reproduction.listing()
    assert all(f"| {name} " in listing for name in NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("koprue")])
def test_every_figure_stands_in_one_cell_as_printed(name):
    rows = published(name)
    figures = [column for column in rows[0] if column.startswith("ccc") or column == "parameters"]
    printed = sorted(row[column] for row in rows for column in figures)
    assert printed == sorted(figure for cell in reproduction.tables()[name].cells() for figure in cell.printed.values())


def test_figures_are_the_facts_of_the_publication():
    cells = reproduction.tables()["koprue2020_table3"].cells()
    found = {(cell.place["model"], cell.target): dict(cell.printed) for cell in cells}
    assert found["MTL", "arousal"] == {"CreativeIT": "0.38", "RECOLA": "0.66"}
    assert found["STL", "valence"] == {"CreativeIT": "0.10", "RECOLA": "0.27"}
    assert found["STL", "dominance"] == {"CreativeIT": "0.16"}
    zero = [cell.printed["CreativeIT"] for cell in reproduction.tables()["koprue2020_table1"].cells()
            if cell.place == {"model": "Motion", "train_loss": "MSE"} and cell.target == "valence"]  # fmt: skip
    assert zero == ["0"]  # not 0.00


def test_tables_share_their_runs():
    whole = cer()
    for name in ("koprue2020_table1", "koprue2020_table3", "koprue2020_table4", "koprue2020_table5"):
        assert whole in reproduction.tables()[name].systems
    assert len(reproduction.tables()["koprue2020_table1"].systems) == 9
    assert list(cer(window_frames="40", loss="mse")) == list(whole)  # one order, one folder


@pytest.fixture
def experiment(tmp_path):
    corpus = Synthetic(dir=str(tmp_path / "corpus"))
    streams = {"mfcc39": Mfcc39(), "body": BodyEuler24()}
    return Experiment(corpus, streams, Cer(), Ccc(), Data(records=str(tmp_path / "records")))


@pytest.fixture
def prepared(experiment, tmp_path):
    """Table III on six people, with pretended runs: MTL is the better one."""
    golds = store_of(experiment)
    table = reproduction.tables()["koprue2020_table3"]
    trials = trials_of(experiment, table.systems, None, [0, 1], tmp_path / "out")
    for trial in trials:
        pretend(trial, golds, 0.3 if len(trial.targets) > 1 else 1.0)
        trial.run.note(protocol="rotation", shuffled_gold=False, dropped_recordings=[], recordings_lacking_a_target={},
                       records={"targets_are": "made up"})  # fmt: skip
    return reproduction.Prepared("koprue2020_table3", table, experiment, True, tuple(trials), (), tmp_path / "out")


def test_ours_is_what_the_traces_score_by_the_anchor_of_the_table(prepared):
    found = prepared.figures().set_index(["model", "target"])
    for system, targets in (("MTL", 2), ("STL", 1)):
        runs = [t for t in prepared.trials if len(t.targets) == targets and "valence" in t.targets]
        means = [np.mean([part.ccc for part in t.moments("test")["valence"].values()]) for t in runs]
        pooled = [sum(t.moments("test")["valence"].values(), Moments()).ccc for t in runs]
        row = found.loc[(system, "valence")]
        assert len(runs) == row["runs"] == 6
        assert (row["ours"], row["ours_sd"]) == (pytest.approx(np.mean(means)), pytest.approx(np.std(means)))
        assert row["ours_other"] == pytest.approx(np.mean(pooled))
    assert found.loc[("MTL", "dominance")]["why"] == "dominance is not rated here"
    assert np.isnan(found.loc[("MTL", "dominance")]["ours"])
    other = replace(prepared, table=replace(prepared.table, anchor=POOLED)).figures().set_index(["model", "target"])
    assert other.loc[("MTL", "valence")]["ours"] == pytest.approx(found.loc[("MTL", "valence")]["ours_other"])
    assert prepared.table.anchor == MEAN


def test_findings_are_contrasts_with_a_verdict(prepared):
    found = prepared.findings().set_index("finding")
    gain = found.loc["valence: MTL above STL"]
    assert 0 < gain["low"] < gain["value"] < gain["high"] and (gain["said"], gain["units"]) == ("holds", 6)
    assert found.loc["dominance: MTL above STL"]["said"] == "not tested: dominance is not rated here"
    pooled = replace(prepared, table=replace(prepared.table, anchor=POOLED)).findings().set_index("finding")
    assert pooled.loc["valence: MTL above STL"]["value"] == gain["other_value"] != gain["value"]
    assert pooled.loc["valence: MTL above STL"]["other_low"] == gain["low"]
    difference = found.loc["MTL gains more for valence than for arousal"]
    assert difference["value"] == pytest.approx(gain["value"] - found.loc["arousal: MTL above STL"]["value"])
    for prefix in ("", "other_"):
        tested = found[found[f"{prefix}value"].notna()].sort_values(f"{prefix}p")
        lowest, middle, highest = tested[f"{prefix}p"]
        holm = [min(3 * lowest, 1.0), min(max(3 * lowest, 2 * middle), 1.0)]
        assert tested[f"{prefix}p_holm"].tolist() == pytest.approx([*holm, max(holm[1], highest)])
        for _, row in tested.iterrows():
            beside = "holds" if row[f"{prefix}value"] > 0 else "does not hold"
            assert row[f"{prefix}said"] == (beside if row[f"{prefix}p_holm"] < 0.05 else "undecided")
    turned = [replace(f, terms=tuple((-w, s, t) for w, s, t in f.terms)) for f in prepared.table.findings]
    table = replace(prepared.table, findings=tuple(turned))
    assert replace(prepared, table=table).findings().set_index("finding").loc["valence: MTL above STL"][
        "said"
    ] == "does not hold"  # fmt: skip


def test_the_report_says_which_corpus_is_which_and_what_was_chosen_where(prepared):
    said, paths = reproduction.report(prepared, "population", "subject")
    names = [f"koprue2020_table3{end}" for end in (".md", ".csv", "_findings.csv")]
    assert names[0] == paths[0].name and {path.name for path in paths} >= set(names)
    html, tex = (paths[0].with_suffix(kind).read_text() for kind in (".html", ".tex"))
    assert "OURS are of synthetic: made up." in html and "valence: MTL above STL" in html and "http:" not in html
    assert "plotly" not in html and r"\label{tab:koprue2020-table3}" in tex and "& 0.38 &" in tex
    assert paths[0].read_text() == said
    assert "PRINTED figures are of CreativeIT and RECOLA. OURS are of synthetic: made up." in said
    assert "Reported on test, which chose nothing (--strict)" in said and "| MTL   | dominance |" in said
    assert "- Without a figure of ours (-), 2 cells: dominance is not rated here." in said
    table = pd.read_csv(paths[0].with_suffix(".csv"), dtype=str)
    assert table.loc[0, "printed: CreativeIT"] == "0.38" and table.loc[0, "ours"] is not None
    lax = replace(prepared, strict=False)
    assert "figures are of the partition that also chose the epoch" in reproduction.report(lax, "avec", "subject")[0]


def test_what_a_corpus_cannot_have_is_told(experiment, tmp_path, monkeypatch):
    store_of(experiment, ("valence",))
    monkeypatch.setattr("emotf.reproduction.preparation._experiment", lambda *args: experiment)
    monkeypatch.setattr("emotf.reproduction.preparation.extract_missing", lambda *args: None)
    monkeypatch.setattr("emotf.reproduction.preparation.check_records", lambda *args: None)
    experiment.streams = {"mfcc39": Mfcc39()}
    asked = ("synthetic", [], True, False, None, [0], str(tmp_path))
    made = reproduction.prepare("koprue2020_table1", *asked)
    assert {trial.settings["streams"] for trial in made.trials} == {"speech"}
    reasons = {system["streams"]: why for system, why in made.without}
    assert reasons["multimodal"] == "synthetic has one modality here"
    assert reasons["body"] == "The recipe has no stream of body, only mfcc39."
    table = reproduction.prepare("koprue2020_table3", *asked)
    assert dict((system["targets"], why) for system, why in table.without) == {"stl": "there is but one target"}
    cell = next(cell for cell in table.table.cells() if cell.place["model"] == "STL" and cell.target == "valence")
    assert table.why_not(cell) == "there is but one target"
    assert table.why_not(replace(cell, system=cer(), repetition=1)) == "needs --seeds of 2 or more repetitions"
    assert table.why_not(replace(cell, system=None, why="theirs")) == "theirs"


def test_mistakes_are_met_before_anything_runs(tmp_path, monkeypatch):
    def prepare(name="koprue2020_table3", corpus="smoke", settings=()):
        return reproduction.prepare(name, corpus, settings, False, False, None, [0], str(tmp_path))

    with pytest.raises(UserError, match=r"There is no table 'koprue2020_table33'; .* Did you mean 'koprue2020_table3'"):
        prepare("koprue2020_table33")
    with pytest.raises(UserError, match="orgil2022_table1_3 is not ready: nothing of ours belongs beside it"):
        prepare("orgil2022_table1_3")
    with pytest.raises(UserError, match=r"no field 'training\.epoch'\. Did you mean 'epochs'"):
        prepare(settings=["training.epoch=3"])
    with pytest.raises(UserError, match=r"--set=data\.protocol: that is the switch --strict"):
        prepare(settings=["data.protocol=rotation"])
    with pytest.raises(UserError, match="--set takes <field>=<value>, received 'epochs'"):
        prepare(settings=["epochs"])
    with pytest.raises(UserError, match=r"No corpus 'emodbb' in this recipe; .* Did you mean 'emodb'"):
        prepare(corpus="emodbb")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"no recipe configs/cer_mtl\.py; run this in the folder that holds configs/"):
        prepare()


def test_what_is_set_of_a_part_holds_in_every_system_that_has_it():
    table = reproduction.tables()["koprue2020_table5"]
    experiment = _experiment(table, "smoke", ["model.gru_units=9", "loss.pool=sequence"], False)
    made = {system["model"]: applied(experiment, system) for system in table.systems}
    assert made["cer"].model.gru_units == 9 and made["cer"].loss.pool == "sequence"
    assert "gru_units" not in vars(made["pure_cnn"].model)


def test_published_figures_are_kept_to_the_letter():
    for path in PUBLISHED.glob("*.csv"):
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        assert all(len(row) == len(header) for row in rows) and published(path.stem)[0].keys() == set(header)
    assert Path(PUBLISHED, "chen2015_table5.csv").read_text().count("0.258") == 1  # the misprint stays


def test_a_table_needs_an_anchor():
    with pytest.raises(AssertionError):
        Table("x", "x", "x", "median", "x", lambda: (Cell({}, "", "ccc", {}, None),))
    assert table_of("koprue2020_table1").ready
