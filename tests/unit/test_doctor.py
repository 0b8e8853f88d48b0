"""Every guard: a leak is planted and named, with subject, recording or file; and what is clean passes."""

import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotf import comparison
from emotf.config import Data, Experiment, to_json
from emotf.corpora.folder import Folder
from emotf.doctor import Finding, examine, examine_folder, examine_run, finding, refuse, table
from emotf.errors import UserError
from emotf.evaluation import evaluate
from emotf.features.precomputed import Precomputed
from emotf.files import read_json, sha256, write_json
from emotf.fusion import LinearFusion
from emotf.losses.ccc import Ccc
from emotf.models.cer import Cer
from emotf.pipeline import batches, standardise, strays
from emotf.postprocessing.centring import Centring
from emotf.prediction import selection
from emotf.records import GOLD, Schema, Store, extract
from emotf.refinement import fuse, postprocess
from emotf.runs import Fusion, Run
from emotf.search import Search, parse, run_trials
from emotf.tables import write_track
from emotf.track import Track
from emotf.training import train
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

GUARDS = ["subjects", "media", "windows", "edges", "features", "standardisation", "scored"]
HOP = 0.1
IMAGES = FeatureImages(frames=4, stride=0.2)


@pytest.fixture(autouse=True)
def fresh():
    """What was said in another test is said again."""
    finding._say_once.cache_clear()


@pytest.fixture
def corpus(tmp_path):
    """Six recordings of six people in sessions 1 to 6: fold 0 tests r1, chooses on r2, trains on the others."""
    home = tmp_path / "corpus"
    for k in range(1, 7):
        rng = np.random.default_rng(k)
        body = Track(rng.normal(size=(51 + k, 2)), hop=0.04, channels=("x", "y"))
        write_track(home / "body" / f"r{k}.csv", body)
        gold = Track(rng.uniform(-1, 1, (21, 1)), hop=HOP, channels=("gold",))
        write_track(home / "ratings" / "arousal" / f"r{k}.csv", gold)
    listing(home, [f"s{k}" for k in range(1, 7)])
    return Folder(dir=str(home))


def listing(home, subjects):
    rows = "".join(f"r{k},{subject},{k},body/r{k}.csv\n" for k, subject in enumerate(subjects, start=1))
    (home / "recordings.csv").write_text(f"id,subject,session,body\n{rows}")


def experiment_on(corpus, tmp_path, window=IMAGES, **data):
    data = Data(records=str(tmp_path / "records"), fold=0, **data)
    made = Experiment(corpus, {"body": Precomputed("body")}, Cer(), Ccc(), data, window)
    extract(corpus, made.streams, Store(made.store).folder)
    return made


@pytest.fixture
def experiment(corpus, tmp_path):
    return experiment_on(corpus, tmp_path)


@pytest.fixture
def trained(experiment, tmp_path):
    """What training leaves behind, but for the network."""
    return begun(experiment, tmp_path / "run")


def begun(experiment, folder):
    run, store, chosen = Run(folder), Store(experiment.store), selection(experiment)
    run.begin(experiment)
    fitted = standardise(store, experiment.streams, chosen.partition("train"), "train")
    run.write_standardisation("train", {name: asdict(part) for name, part in fitted.items()})
    run.note(
        records={"fingerprint": store.fingerprint(experiment.streams)},
        partitions={name: list(golds) for name, golds in chosen.golds.items()},
    )
    return run


def found(findings, guard):
    """The lines of one guard, where all others found nothing."""
    assert [one.guard for one in findings if one.leaks] == [guard]
    (one,) = (one for one in findings if one.guard == guard)
    return one.found


def edit(path, change):
    content = read_json(path)
    change(content)
    write_json(path, content)


# ---- what is clean passes -------------------------------------------------------------------------------------------


def test_a_clean_experiment_and_its_run_pass_and_say_what_was_looked_at(experiment, trained, capsys):
    capsys.readouterr()
    for findings in (examine(experiment), examine_run(trained), examine_folder(trained.folder)):
        assert [one.guard for one in findings] == GUARDS and {one.state for one in findings} == {"ok"}
        refuse(findings)
    looked_at = {one.guard: one.looked_at for one in examine_run(trained)}
    assert looked_at == {
        "subjects": "6 subjects of 4 train, 1 dev, 1 test",
        "media": "6 files of 6 recordings",
        "windows": "84 windows of 4 recordings of train",  # 21 rated frames each
        "edges": "gold standards of 4 train, 1 dev, 1 test",
        "features": "1 streams, 0 of them fitted; made elsewhere: body",
        "standardisation": "1 streams, 222 frames of 4 recordings of train",  # 54 + 55 + 56 + 57
        "scored": "no scores yet",
    }
    assert capsys.readouterr().err == ""


@settings(max_examples=8, deadline=None)
@given(
    lengths=st.lists(st.integers(12, 60), min_size=3, max_size=7),
    rate_hz=st.sampled_from([10.0, 25.0, 60.0]),
    delay=st.sampled_from([0.0, 0.3, -0.2, 0.5]),
    window=st.sampled_from([IMAGES, Sequences(frames=8), Sequences(frames=16, stride_frames=16), Sequences(frames=0)]),
    holes=st.integers(0, 9),
    standardisation=st.sampled_from(["train", "minmax"]),
)
def test_whatever_is_clean_passes(lengths, rate_hz, delay, window, holes, standardisation):
    with tempfile.TemporaryDirectory() as home:
        experiment = Experiment(
            Folder(dir=home), {"body": Precomputed("body")}, Cer(), Ccc(),
            Data(records=home, fold=1, delay=delay, standardisation=standardisation), window,
        )  # fmt: skip
        written(Store(experiment.store), lengths, 1 / rate_hz, holes)
        assert Counter(one.state for one in examine(experiment)) == Counter({"ok": 6, "not known": 1})


def written(store, lengths, hop, holes):
    """Records of one recording a session, `lengths` gold frames long; nobody knows what their media hold."""
    rng = np.random.default_rng(0)
    people = [{"id": f"r{k}", "subject": f"s{k}", "session": str(k), "partition": ""} for k in range(len(lengths))]
    write_json(store.folder / "recordings.json", {"corpus": {}, "targets_are": "made up", "recordings": people})
    for name, channels in (("body", 2), (GOLD, 1)):
        stream, entries = store.stream(name), {}
        for k, frames in enumerate(lengths):
            count = frames if name == GOLD else round(frames * HOP / hop) + 1
            values = rng.normal(size=(count, channels))
            values[:holes] = np.nan if name == GOLD else 1.0
            track = Track(values, hop=HOP if name == GOLD else hop, channels=("arousal", "other")[:channels])
            stream.start(Schema(track.channels, track.hop, 0.0, "extracted", {}))
            entries[f"r{k}"] = stream.write(f"r{k}", track)
        stream.complete(entries)


# ---- subjects -------------------------------------------------------------------------------------------------------


def test_a_subject_in_two_sessions_is_named(experiment):
    def planted(content):
        content["recordings"][3]["subject"] = "s1"

    edit(Store(experiment.store).folder / "recordings.json", planted)
    (one,) = examine(experiment)
    assert one.looked_at == "5 subjects of 6 recordings"
    assert one.found == (
        "Subject 's1' is in session '1' and, with recording r4, in session '4'; a subject must stay in one, or scores "
        "measure memory.",
    )
    with pytest.raises(UserError, match=r"^Leak \(subjects\): Subject 's1' is in session '1' and, with recording r4"):
        refuse([one])


def test_a_run_that_learned_from_whom_it_is_tested_on_is_named(trained):
    edit(trained.folder / "about.json", lambda about: about["partitions"]["train"].append("r1"))
    assert found(examine_run(trained), "subjects") == (
        "subject 's1' is in test (recording r1) and in train (recording r1, when the run was trained); give all "
        "recordings of a subject one partition, or scores measure memory.",
    )
    with pytest.raises(UserError, match=r"Leak \(subjects\): subject 's1' is in test"):
        evaluate(trained, "test")


# ---- media ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def doubled(corpus, tmp_path):
    """The file of r5 (train) again as that of r1 (test), under another name."""
    home = Path(corpus.dir)
    shutil.copyfile(home / "body" / "r5.csv", home / "body" / "r1.csv")
    return lambda **data: experiment_on(corpus, tmp_path, **data)


def test_the_content_of_media_is_kept_in_the_records(corpus, experiment):
    media = {f"r{k}": {"body": sha256(Path(corpus.dir) / "body" / f"r{k}.csv")} for k in range(1, 7)}
    assert Store(experiment.store).media == media


def test_a_file_in_two_partitions_is_named(doubled, corpus):
    experiment = doubled()
    digest = sha256(Path(corpus.dir) / "body" / "r1.csv")[:12]
    assert found(examine(experiment), "media") == (
        f"body of recording r5 (train) and body of recording r1 (test) are one and the same file (SHA-256 "
        f"{digest}...); leave one of them out, or allow it by --config.data.shared_media=True.",
    )


def test_a_shared_file_can_be_allowed_and_is_said(doubled, capsys):
    findings = examine(doubled(shared_media=True))
    refuse(findings)
    refuse(findings)
    assert capsys.readouterr().err.count("media: allowed by data.shared_media: body of recording r5 (train) and") == 1
    assert "| media           | 5 files of 6 recordings " in table(findings)
    assert "| allowed by data.shared_media |" in table(findings)


def test_a_file_twice_in_one_partition_is_no_leak(corpus, tmp_path):
    home = Path(corpus.dir)
    shutil.copyfile(home / "body" / "r5.csv", home / "body" / "r4.csv")
    (one,) = (one for one in examine(experiment_on(corpus, tmp_path)) if one.guard == "media")
    assert (one.state, one.looked_at) == ("ok", "5 files of 6 recordings; 1 shared within a partition")


def test_what_older_records_do_not_know_is_said(experiment, capsys):
    (Store(experiment.store).folder / "media.json").unlink()
    refuse(examine(experiment))
    line = "media: not known what the media of 6 recordings hold (r3); extract again to know."
    assert line in capsys.readouterr().err
    # the streams are whole and stay: only the files are read
    counts = extract(experiment.corpus, experiment.streams, Store(experiment.store).folder)
    assert counts["body"] == {"written": 0, "kept": 6} and examine(experiment)[1].state == "ok"


def test_recordings_that_left_the_records_are_forgotten(corpus, experiment):
    home = Path(corpus.dir)
    listing(home, ["s1", "s2", "s3", "s4", "s5"])
    for path in home.rglob("r6.csv"):
        path.unlink()
    extract(corpus, experiment.streams, Store(experiment.store).folder)
    assert sorted(Store(experiment.store).media) == ["r1", "r2", "r3", "r4", "r5"]


# ---- windows --------------------------------------------------------------------------------------------------------


@dataclass
class Late(Sequences):
    """Sequences that begin `late` frames late: the last ones after the end of their recording."""

    late: int = 4

    def anchors(self, gold):
        return super().anchors(gold) + self.late


@pytest.mark.parametrize("late", [4, -1])
def test_windows_that_begin_in_another_recording_are_named(experiment, late):
    experiment.window = Late(frames=8, late=late)
    assert found(examine(experiment), "windows") == tuple(
        f"a training window (Late) of recording r{k} holds the gold standard of another recording; mend Late.anchors."
        for k in (3, 4, 5, 6)
    )


@pytest.mark.parametrize(("window", "border"), [(IMAGES, "streams"), (Sequences(frames=8), "last")])
def test_batches_that_cross_a_border_are_named(experiment, monkeypatch, window, border):
    """The arithmetic that training uses is examined, not a copy of it."""
    golds, store = selection(experiment).partition("train"), Store(experiment.store)
    assert strays(store, ["body"], golds, window)[1] == {}
    pooled = batches._pooled

    def later(border, frames):
        return np.minimum(border + 3, len(frames) - 1)  # after the last recording nothing comes

    def broken(recordings):
        found = pooled(recordings)
        if border == "last":
            return {**found, "last": later(found["last"], found["gold"])}
        values, nearest, (first, last) = found["streams"]["body"]
        return {**found, "streams": {"body": (values, nearest, (first, later(last, values)))}}

    monkeypatch.setattr("emotf.pipeline.borders._pooled", broken)
    what = "the gold standard" if border == "last" else "stream 'body'"
    assert strays(store, ["body"], golds, window)[1] == dict.fromkeys(("r3", "r4", "r5"), what)


# ---- edges ----------------------------------------------------------------------------------------------------------


def test_ratings_moved_with_their_edge_repeated_are_named(experiment):
    experiment.data.delay = 0.5
    chosen = selection(experiment)
    assert examine(experiment, chosen)[3].state == "ok"
    gold = chosen.golds["test"]["r1"]
    values = gold.values.copy()
    values[-5:] = values[-6]
    chosen.golds["test"] = {"r1": replace(gold, values=values)}
    assert found(examine(experiment, chosen), "edges") == (
        "arousal of recording r1 is rated in its last 0.5 s, but ratings were moved by 0.5 s and leave nothing "
        "there; let what nobody rated be empty (NaN), do not repeat the edge.",
    )
    experiment.data.delay = -0.5
    (line,) = (one for one in found(examine(experiment, chosen), "edges") if "r1" in one)
    assert line.startswith("arousal of recording r1 is rated in its first 0.5 s, but ratings were moved by -0.5 s")


def test_ratings_without_media_are_named(experiment):
    """A gold standard of 3 s on a stream of 2.1 s; extraction refuses it, records written otherwise may hold it."""
    gold = Store(experiment.store).stream(GOLD)
    entries = gold.completed
    entries["r2"] = gold.write("r2", Track(np.zeros((31, 1)), hop=HOP, channels=("arousal",)))
    gold.complete(entries)
    experiment.window = Sequences(frames=8)
    (line,) = found(examine(experiment), "edges")
    assert line.startswith(
        "Recording r2: the gold standard runs from 0.00 to 3.00 s, stream 'body' from 0.00 to 2.08 s;"
    )


def test_records_that_lack_a_stream_are_no_leak_but_not_known(experiment):
    body = Store(experiment.store).stream("body")
    body.complete({name: entry for name, entry in body.completed.items() if name != "r3"})
    unknown = {one.guard: one.unknown for one in examine(experiment) if one.unknown}
    assert list(unknown) == ["windows", "edges"]
    assert all("Recording r3 has no stream 'body'" in said for said in unknown.values())


# ---- features and normalisers ---------------------------------------------------------------------------------------


def test_a_feature_that_was_fitted_outside_train_is_named(experiment):
    def planted(schema):
        schema["made_by"] |= {"fitted_on": ["r3", "r2"], "fold": 1}

    edit(Store(experiment.store).stream("body").folder / "schema.json", planted)
    (line,) = found(examine(experiment), "features")
    assert line.startswith("Stream 'body' was fitted on recording r2, which is in dev here;")


def normaliser(run, **fields):
    def planted(content):
        content["streams"]["body"] |= fields

    edit(run.folder / "standardisation.json", planted)


def test_a_normaliser_knows_whom_it_saw(trained):
    part = trained.standardisation["body"]
    assert part.recordings == ("r3", "r4", "r5", "r6") and part.frames == 54 + 55 + 56 + 57


@pytest.mark.parametrize(("name", "place"), [("r1", "test"), ("r2", "dev"), ("r9", "no partition")])
def test_a_normaliser_that_saw_others_is_named(trained, name, place):
    normaliser(trained, recordings=["r3", "r4", "r5", "r6", name])
    (line,) = found(examine_run(trained), "standardisation")
    assert line.startswith(f"stream 'body' is standardised by recording {name}, which is in {place}, not in train;")


def test_a_normaliser_fitted_on_dev_is_refused_where_it_is_fitted(experiment, monkeypatch, tmp_path):
    def careless(store, streams, recordings, fitted_on, by):
        return standardise(store, streams, [*recordings, "r2"], fitted_on, by)

    monkeypatch.setattr("emotf.training.loop.standardise", careless)
    with pytest.raises(UserError, match=r"Leak \(standardisation\): stream 'body' is standardised by recording r2, wh"):
        train(experiment, Run(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_normaliser_that_hides_whom_it_saw_has_too_many_frames(trained, capsys):
    normaliser(trained, recordings=[])
    refuse(examine_run(trained))
    assert "standardisation: not known whose frames body is standardised by" in capsys.readouterr().err
    normaliser(trained, frames=222 + 52)
    (line,) = found(examine_run(trained), "standardisation")
    assert line.startswith("stream 'body' is standardised by 274 frames, its recordings of train have 222;")
    (trained.folder / "standardisation.json").unlink()
    assert examine_run(trained)[5].state == "not known"


def test_gaps_are_frames_that_a_normaliser_may_leave_out(trained):
    normaliser(trained, frames=200)
    assert found(examine_run(trained), "standardisation")
    normaliser(trained, gaps=True)
    assert examine_run(trained)[5].state == "ok"


@pytest.mark.parametrize("by", ["subject", "partition"])
def test_transductive_standardisation_is_said(corpus, tmp_path, by):
    (one,) = (one for one in examine(experiment_on(corpus, tmp_path, standardisation=by)) if one.found)
    assert (one.guard, one.state) == ("standardisation", f"allowed by data.standardisation={by}")


# ---- what is scored -------------------------------------------------------------------------------------------------


def test_post_processing_that_was_fitted_on_test_is_named(trained):
    trained.write_postprocessing({"fitted_on": "dev", "recordings": ["r2"], "targets": {}})
    looked_at = "no scores yet; after post-processing: none; post-processing of 1 recordings"
    assert examine_run(trained)[6] == Finding("scored", looked_at)
    trained.write_postprocessing({"fitted_on": "dev", "recordings": ["r2", "r1"], "targets": {}})
    assert found(examine_run(trained), "scored") == (
        "post-processing was fitted on recording r1, which is in test; fit it on development.",
    )
    trained.write_postprocessing({"fitted_on": "dev", "targets": {}})
    assert examine_run(trained)[6].unknown.startswith("which recordings of dev post-processing was fitted on;")


def test_scores_of_what_post_processing_was_fitted_on_are_said(trained):
    trained.write_postprocessing({"fitted_on": "dev", "recordings": ["r2"], "targets": {}})
    for name in ("scores", "postprocessed"):
        (trained.folder / f"{name}.csv").write_text("target,partition\narousal,test\narousal,dev\n")
    one = examine_run(trained)[6]
    assert one.state == "allowed by --allow_seen"
    assert one.found == ("post-processing was fitted on dev, which is scored, too",)
    (trained.folder / "postprocessed.csv").write_text("target,partition\narousal,test\n")
    assert examine_run(trained)[6].state == "ok"  # the network's own scores of dev are refused or asked for elsewhere


def test_a_protocol_that_reports_what_chose_is_said(corpus, tmp_path):
    one = examine(experiment_on(corpus, tmp_path, protocol="koprue2020"))[6]
    assert one.state == "allowed by data.protocol=koprue2020"


def test_a_fusion_that_was_fitted_on_test_is_named(trained, experiment, tmp_path):
    other = begun(experiment, tmp_path / "other")
    fusion = Fusion(tmp_path / "fused")

    def fitted_on(*names):
        content = {"sources": {run.folder.name: str(run.folder) for run in (trained, other)}}
        write_json(fusion.folder / "fusion.json", content | {"fitted_on": {"partition": "dev", "recordings": names}})

    fitted_on("r2")
    (fusion.folder / "scores.csv").write_text("target,partition\narousal,test\n")
    findings = examine_folder(fusion.folder)
    assert [one.guard for one in findings] == [f"{run}: {guard}" for run in ("run", "other") for guard in GUARDS] + [
        "scored"
    ]
    assert {one.state for one in findings} == {"ok"}
    fitted_on("r2", "r1")
    assert found(examine_folder(fusion.folder), "scored") == (
        "late fusion was fitted on recording r1, which is in test; fit it on development.",
    )
    normaliser(other, recordings=["r1"])
    leaks = [one.guard for one in examine_folder(fusion.folder) if one.leaks]
    assert leaks == ["other: standardisation", "scored"]


# ---- where they stand -----------------------------------------------------------------------------------------------


def test_training_comparison_and_search_refuse_a_leak_before_they_begin(doubled, tmp_path):
    experiment = doubled()
    leak = r"Leak \(media\): body of recording r5 \(train\) and body of recording r1 \(test\) are one"
    with pytest.raises(UserError, match=leak):
        train(experiment, Run(tmp_path / "run"))
    axes = {"loss": ("ccc", "mse")}
    trials = comparison.grid(experiment, axes, [0], [0], tmp_path / "compared")
    with pytest.raises(UserError, match=leak):
        comparison.check(trials)
    out, space = tmp_path / "searched", parse(["training.learning_rate=1e-4..1e-2:log"], experiment)
    with pytest.raises(UserError, match=leak):
        run_trials(Search(to_json(experiment), space, (0,), 0, trials=1, out=out), workers=1)
    assert not any((tmp_path / name).exists() for name in ("run", "compared", "searched"))


def test_scoring_and_refining_refuse_a_leaking_run(trained, tmp_path):
    normaliser(trained, recordings=["r1"])
    leak = r"Leak \(standardisation\): stream 'body' is standardised by recording r1, which is in test"
    with pytest.raises(UserError, match=leak):
        evaluate(trained, "test")
    with pytest.raises(UserError, match=leak):
        postprocess(trained, [Centring()])
    with pytest.raises(UserError, match=leak):
        fuse([str(trained.folder)], tmp_path / "fused", LinearFusion())


def test_several_leaks_are_counted():
    lines = ("one", "two"), ("three",)
    findings = [Finding(guard, "things", found) for guard, found in zip(("media", "edges"), lines, strict=True)]
    with pytest.raises(UserError, match=r"^Leak \(media\): one \(2 more: tools/doctor.py shows them\)$"):
        refuse(findings)
    assert table(findings).splitlines()[-3:] == ["media: one", "media: two", "edges: three"]
