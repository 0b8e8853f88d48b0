"""Streams that go missing: which frames, what a network sees instead, and what that costs."""

from dataclasses import asdict, replace
from itertools import product

import keras
import numpy as np
import pandas as pd
import pytest

from emotf.config import TRANSDUCTIVE, Data, Experiment
from emotf.corpora.folder import Folder
from emotf.errors import UserError
from emotf.evaluation import evaluate, evaluate_missing, missing_scores
from emotf.features.precomputed import Precomputed
from emotf.losses.mse import Mse
from emotf.measures import MEAN, POOLED, ccc
from emotf.models.base import standardised_to_0
from emotf.models.cer import Cer
from emotf.models.lstm import Lstm
from emotf.pipeline import Missing, parse_missing, prediction_batches, standardise
from emotf.prediction import predict_missing, predict_partition
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store
from emotf.report.tables import missing_table
from emotf.runs import Run
from emotf.track import Clock, Track
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

TARGETS = ("arousal", "valence")
STREAMS = {"face": (25.0, ("x", "y", "found")), "mel": (60.0, ("low", "mid", "high"))}

# recording -> subject, partition, seconds
PEOPLE = {
    "r0": ("anna", "train", 5), "r1": ("ben", "train", 6), "r2": ("carl", "dev", 4),
    "r3": ("dora", "test", 5), "r4": ("eva", "test", 7), "r5": ("eva", "test", 6),
}  # fmt: skip
TEST = {name: subject for name, (subject, partition, _) in PEOPLE.items() if partition == "test"}

BOTH = Missing(("face", "mel"), share=0.4, stretch=0.5)


# ---- which frames ----------------------------------------------------------------------------------------------------


def ends(lost):
    """First and behind-last frame of each stretch."""
    edges = np.diff(np.concatenate([[0], lost.astype(int), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


@pytest.mark.parametrize(
    ("share", "stretch", "frames"), list(product((0.001, 0.3, 0.5, 0.97, 1.0), (0.01, 2, 60), (7, 751)))
)
def test_the_share_is_met_in_stretches_of_the_mean_length(share, stretch, frames):
    lost = Missing(("mel",), share, stretch).lost("r1", Clock(3.0, 0.04, frames))
    assert lost.dtype == bool and len(lost) == frames and lost.sum() == max(1, round(share * frames))
    first, _ = ends(lost)
    possible = min(lost.sum(), frames - lost.sum() + 1)  # one apart from each other
    assert len(first) == min(max(1, round(lost.sum() * 0.04 / stretch)), possible)


def test_every_choice_of_lengths_and_places_is_as_likely():
    """Of 7 frames, 3 in 2 stretches: all rows of 7 bits with 3 ones in 2 runs, each as often as any other."""
    asked, clock = Missing(("mel",), share=3 / 7, stretch=1.5), Clock(0.0, 1.0, 7)
    choices = [
        bits for bits in product((False, True), repeat=7) if sum(bits) == 3 and len(ends(np.array(bits))[0]) == 2
    ]
    drawn = [tuple(asked.lost(f"r{k}", clock).tolist()) for k in range(3000)]
    counts = np.array([drawn.count(choice) for choice in choices])
    assert counts.sum() == 3000 and len(choices) == 20
    assert ((counts - 150) ** 2 / 150).sum() < 43.8  # chi-squared of 19 degrees of freedom, p = 0.001


def test_what_is_lost_depends_on_recording_seed_and_spec_only():
    clock = Clock(0.0, 0.1, 400)
    lost = BOTH.lost("r1", clock)
    np.testing.assert_array_equal(lost, BOTH.lost("r1", clock))
    np.testing.assert_array_equal(lost, replace(BOTH, streams=("mel", "face")).lost("r1", clock))
    others = [replace(BOTH, **change) for change in ({"seed": 1}, {"streams": ("mel",)}, {"stretch": 0.6})]
    for other in (BOTH.lost("r2", clock), *(one.lost("r1", clock) for one in others)):
        assert (other != lost).any()
    # the same seconds in every process
    first, last = ends(Missing(("mel128",), 0.5, stretch=4.0).lost("s1f01", clock))
    assert list(zip(first.tolist(), last.tolist(), strict=True)) == [
        (71, 142),
        (190, 195),
        (201, 207),
        (214, 268),
        (270, 334),
    ]


def test_what_a_command_line_says():
    found = parse_missing(["mel+face:0.5", "face"], STREAMS, stretch=2.0, seed=3)
    assert found == (Missing(("face", "mel"), 0.5, 2.0, 3), Missing(("face",), 1.0, 2.0, 3))
    assert [str(one) for one in found] == ["face+mel:0.5", "face"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["pose"], "Missing pose: the run has no stream 'pose', only face, mel"),
        (["face+pose:0.5"], "the run has no stream 'pose'"),
        (["face+mel+face"], "names a stream twice; name each once"),
        (["face:0"], "a share of 0, expected above 0 and at most 1"),
        (["face:1.01"], "a share of 1.01, expected"),
        (["face:-1"], "a share of -1, expected"),
        (["face:nan"], "a share of nan, expected"),
        (["face:half"], "'half' is no share of frames; write, for example, face:0.5"),
        (["face:"], "'' is no share of frames"),
        ([""], "names no stream"),
        ([":0.5"], "names no stream"),
        (["face+"], "names no stream"),
        (["face+mel", "mel+face:1"], r"Missing face\+mel is asked for twice"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(texts, message):
    with pytest.raises(UserError, match=message) as error:
        parse_missing(texts, STREAMS)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("stretch", [0.0, -1.0, float("nan")])
def test_a_stretch_has_a_length(stretch):
    with pytest.raises(UserError, match="expected above 0 s"):
        parse_missing(["face"], STREAMS, stretch)


# ---- what the network sees -------------------------------------------------------------------------------------------


def records(folder, change=lambda stream, recording, values: values):
    """Six recordings; the face is not found at times, and begins and ends later than the gold standard."""
    store, rng = Store(folder / "folder"), np.random.default_rng(0)
    people = [Recording(name, who, {}, partition=part) for name, (who, part, _) in PEOPLE.items()]
    store.describe({"part": "folder", "dir": "nowhere"}, "made up", people)
    for name, (rate, channels) in {**STREAMS, GOLD: (20.0, TARGETS)}.items():
        stream, entries = store.stream(name), {}
        stream.start(Schema(channels, 1 / rate, 0.0, GOLD if name == GOLD else "extracted", {}, gaps=name == "face"))
        for recording, (_, _, seconds) in PEOPLE.items():
            values = rng.normal(3, 2, size=(int(seconds * rate), len(channels))).astype("float32")
            if name == "face":
                values[:, 2] = 1
                values[20:35] = 0
            values = change(name, recording, values)
            entries[recording] = stream.write(recording, Track(values, 1 / rate, 0.03 * (name == "face"), channels))
        stream.complete(entries)
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return records(tmp_path_factory.mktemp("records"))


SEQUENCES = (Sequences(frames=32), Lstm(units=(3,), cell="plain"))
IMAGES = (FeatureImages(frames=4, stride=0.2), Cer(filters=3, gru_units=2))


def finished(folder, store, parts=SEQUENCES, by="train", network=None):
    """A run with the weights it was born with."""
    window, model = parts
    streams = {"face": Precomputed("face", gaps=True), "mel": Precomputed("mel")}
    data = Data(records=str(store.folder.parent), standardisation=by)
    run = Run(folder)
    run.begin(Experiment(Folder(), streams, model, Mse(), data, window))
    fitted = {} if by in TRANSDUCTIVE else standardise(store, streams, ["r0", "r1"], "train", by)
    keras.utils.set_random_seed(1)
    channels = {name: len(of) for name, (_, of) in STREAMS.items()}
    run.save_network(network or model.build(channels, TARGETS, window.inputs, fitted))
    run.write_standardisation(by, {name: asdict(part) for name, part in fitted.items()})
    run.note(
        records={"targets_are": "made up"}, protocol="rotation", shuffled_gold=False, dropped_recordings=[],
        recordings_lacking_a_target={},
    )  # fmt: skip
    run.finish()
    return run


def literal_lost(store, missing, stream, recording):
    """The frames of a stream whose nearest gold frame is lost, the later of two that are as near."""
    gold, track = store.stream(GOLD).read(recording), store.stream(stream).read(recording)
    drawn = missing.lost(recording, gold.clock)
    nearest = [max(range(gold.frames), key=lambda k: (-round(abs(gold.times[k] - t), 6), k)) for t in track.times]
    return drawn[nearest]


def read(store, stream, recordings):
    return [store.stream(stream).read(name).values.astype(np.float64) for name in recordings]


def same(one, other, **tolerance):
    assert list(one) == list(other) == list(TEST)
    for name, track in one.items():
        np.testing.assert_allclose(track.values, other[name].values, **tolerance)


@pytest.mark.parametrize(
    ("missing", "parts", "by"),
    [
        (BOTH, SEQUENCES, "train"),
        (BOTH, IMAGES, "train"),
        (Missing(("mel",)), IMAGES, "minmax"),
        (Missing(("face",), 0.7, 0.3), SEQUENCES, "subject"),
    ],
)
def test_it_predicts_what_it_predicts_from_records_made_so_by_hand(tmp_path, store, missing, parts, by):
    joined = np.concatenate(read(store, "mel", ["r0", "r1"]))
    blank = {"face": 0.0, "mel": joined.min(axis=0) if by == "minmax" else joined.mean(axis=0)}

    def change(stream, recording, values):
        if stream in missing.streams and recording in TEST:
            values[literal_lost(store, missing, stream, recording)] = blank[stream]
        return values

    run = finished(tmp_path / "run", store, parts, by)
    by_hand = finished(tmp_path / "by_hand", records(tmp_path, change), parts, by, run.network())
    same(predict_missing(run, "test", [missing])[1][0], predict_partition(by_hand, "test")[1], atol=1e-6)


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_a_subject_is_standardised_by_what_is_left_of_it(tmp_path, store, share):
    missing = replace(BOTH, share=share)

    def change(stream, recording, values):
        """Standardised by hand."""
        if stream == GOLD or recording not in TEST:
            return values
        found, parts = {}, []
        for name in (name for name, subject in TEST.items() if subject == TEST[recording]):
            (own,) = read(store, stream, [name])
            found[name] = ~literal_lost(store, missing, stream, name) & ((own != 0).any(axis=1) | (stream == "mel"))
            parts.append(own[found[name]])
        left = np.concatenate(parts)
        scaled = np.zeros_like(values)
        if len(left):
            spread = left.std(axis=0)
            constant = spread == 0  # the flag `found`
            mean = np.where(constant, 0, left.mean(axis=0))
            scaled[found[recording]] = ((values - mean) / np.where(constant, 1, spread))[found[recording]]
        return scaled

    run = finished(tmp_path / "run", store, by="subject")
    by_hand = finished(tmp_path / "by_hand", records(tmp_path, change), by="train", network=run.network())
    same(predict_missing(run, "test", [missing])[1][0], predict_partition(by_hand, "test")[1], atol=1e-5)


def test_all_streams_are_lost_together_and_padding_stays(store):
    golds = {name: store.stream(GOLD).read(name) for name in TEST}
    window = Sequences(frames=32)
    mean = [7.0, 8.0, 9.0]
    batches = prediction_batches(store, list(STREAMS), golds, window, None, BOTH.frames(store, golds), {"mel": mean})
    x = {name: np.concatenate([batch[name] for batch in batches.as_numpy_iterator()]) for name in STREAMS}
    row = 0
    for name, gold in golds.items():
        drawn = BOTH.lost(name, gold.clock)
        count = len(window.cover(gold.frames))
        face, mel = (x[stream][row : row + count].reshape(count * 32, 3) for stream in ("face", "mel"))
        row += count
        assert np.isnan(face[gold.frames :]).all() and np.isnan(mel[gold.frames :]).all()
        assert len(face) > gold.frames
        # mel has a frame for every gold frame; of the face, a gold frame may see the one of its neighbour
        np.testing.assert_array_equal((mel[: gold.frames] == mean).all(axis=1), drawn)
        nearest = store.stream("face").read(name).clock.nearest(gold.times, 0.1)
        by_hand = store.stream("face").read(name).values.copy()
        by_hand[literal_lost(store, BOTH, "face", name)] = 0
        np.testing.assert_array_equal(face[: gold.frames], by_hand[nearest])
        flags = face[: gold.frames, 2]
        first, last = ends(drawn)
        inside = np.concatenate([np.arange(a + 1, b - 1) for a, b in zip(first, last, strict=True)])
        assert len(inside) > 15 and (flags[inside] == 0).all() and (face[inside] == 0).all()


@pytest.mark.parametrize("by", ["train", "minmax"])
def test_a_lost_frame_is_0_once_it_is_standardised(tmp_path, store, by):
    network = finished(tmp_path, store, by=by).network()
    golds = {name: store.stream(GOLD).read(name) for name in TEST}
    of = np.concatenate(read(store, "mel", ["r0", "r1"]))
    at = standardised_to_0(network)
    np.testing.assert_allclose(at["mel"], of.mean(axis=0) if by == "train" else of.min(axis=0), rtol=1e-6)
    window, everything = Sequences(frames=32), Missing(("mel",)).frames(store, golds)
    (x,) = prediction_batches(store, ["mel"], golds, window, None, everything, at).take(1)
    z = np.asarray(network.get_layer("standardise_mel")(x["mel"]))
    assert (z[~np.isnan(z)] == 0).all() and np.isnan(z).any() == np.isnan(x["mel"]).any() and (z == 0).any()


def test_a_recording_without_the_stream_is_refused(store):
    golds = {"r9": store.stream(GOLD).read("r3")}
    with pytest.raises(UserError, match=r"Recording r9 has no stream 'mel' in .*folder; extract it"):
        Missing(("mel",)).frames(store, golds)


# ---- what it costs ---------------------------------------------------------------------------------------------------


def deaf(run):
    """The same run, with a network that gives no weight to the sound."""
    network = run.network()
    (kernel,) = [weight for weight in network.weights if weight.shape[0] == 6 and len(weight.shape) == 2]
    kernel.assign(np.concatenate([np.array(kernel)[:3], np.zeros((3, kernel.shape[1]))]))
    run.save_network(network)
    return run


def test_who_does_not_listen_loses_nothing_without_sound(tmp_path, store):
    run = deaf(finished(tmp_path, store))
    scores = evaluate_missing(run, "test", [Missing(("mel",), 0.5), Missing(("face",), 0.5)])
    assert list(dict.fromkeys(scores["missing"])) == ["mel:0.5", "face:0.5"]
    nothing, something = (scores[scores["missing"] == missing] for missing in ("mel:0.5", "face:0.5"))
    assert (nothing[["loss", "low", "high"]] == 0).all(axis=None)
    assert (nothing["value"] == nothing["complete"]).all() and nothing["value"].notna().all()
    assert (something["loss"] != 0).all() and something["loss"].notna().all()


def test_the_usual_scores_and_traces_are_left_alone(tmp_path, store):
    run = finished(tmp_path, store)
    usual = evaluate(run, "test")
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    assert len(kept) == 1 + len(TEST)
    scores = evaluate_missing(run, "test", [Missing(("mel",))])
    assert {path: path.read_bytes() for path in kept} == kept
    usual = usual[usual["measure"].isin(["ccc", "pcc"])]
    np.testing.assert_array_equal(scores["complete"], usual["value"])
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "missing.csv"), scores)
    with pytest.raises(UserError, match="'dev' is no fair report"):
        evaluate_missing(run, "dev", [Missing(("mel",))])


@pytest.fixture
def traces():
    """Gold standards of three recordings, one of them without valence, a good prediction and a poor one."""
    rng = np.random.default_rng(0)
    golds, good, poor = {}, {}, {}
    for name in TEST:
        gold = rng.normal(size=(80, 2))
        good[name] = Track(gold + 0.2 * rng.normal(size=gold.shape), 0.1, channels=TARGETS)
        poor[name] = Track(gold + 2.0 * rng.normal(size=gold.shape), 0.1, channels=TARGETS)
        gold[:, 1] = np.nan if name == "r5" else gold[:, 1]
        golds[name] = Track(gold, 0.1, channels=TARGETS)
    return golds, good, poor


def test_a_loss_is_the_difference_of_scores_and_its_interval_that_of_whole_subjects(traces):
    golds, good, poor = traces
    scores = missing_scores(golds, good, poor, BOTH, "test", subjects=TEST)
    row = scores.set_index(["target", "measure", "pooling"]).loc["arousal", "ccc", POOLED]
    draws = [["r3", "r4", "r5"], ["r3", "r3"], ["r4", "r5", "r4", "r5"]]  # two of dora and eva, with replacement
    losses = []
    for names in draws:
        gold, whole, part = (np.concatenate([of[name].values[:, 0] for name in names]) for of in (golds, good, poor))
        losses.append(ccc(gold, whole) - ccc(gold, part))
    assert row["loss"] == pytest.approx(losses[0], abs=1e-9) == pytest.approx(row["complete"] - row["value"])
    # either subject twice comes once in four draws; 12.706 is Student's t of one degree of freedom
    half = 12.706 * np.sqrt(2 * ((losses[1] - losses[0]) ** 2 + (losses[2] - losses[0]) ** 2) / 4)
    assert [row["low"], row["high"]] == pytest.approx([losses[0] - half, losses[0] + half], abs=0.03 * half)
    assert (row["missing"], row["stretch"], row["seed"], row["frames"]) == ("face+mel:0.4", 0.5, 0, 240)
    valence = scores[scores["target"] == "valence"]
    assert set(valence["recordings"]) == {2} and set(valence["frames"]) == {160}
    assert list(scores.columns) == [
        "missing", "stretch", "seed", "target", "partition", "variance", "pooling", "measure", "value",
        "frames", "recordings", "undefined", "complete", "loss", "low", "high",
    ]  # fmt: skip


def test_what_is_asked_for_again_is_replaced_and_the_rest_stays(tmp_path, traces):
    run = Run(tmp_path)
    whats = [("mel", 0.5, 0), ("face", 0.5, 0), ("mel", 1.0, 0), ("mel", 0.5, 7)]
    for variance in ("population", "sample"):
        for stream, share, seed in (*whats, whats[0]):
            asked = Missing((stream,), share, seed=seed)
            run.write_missing(missing_scores(*traces, asked, "test", variance))
    run.write_missing(missing_scores(*traces, Missing(("face",), 0.5, seed=9), "dev", "sample"))
    found = pd.read_csv(tmp_path / "missing.csv")
    keys = found[["partition", "variance", "missing", "seed"]].drop_duplicates()
    assert keys.to_numpy().tolist() == [
        *(["test", variance, *what] for variance in ("population", "sample")
          for what in (["face:0.5", 0], ["mel", 0], ["mel:0.5", 7], ["mel:0.5", 0])),
        ["dev", "sample", "face:0.5", 9],
    ]  # fmt: skip
    assert len(found) == 9 * 8 and (found.groupby(list(keys)).size() == 8).all()


def test_what_is_not_defined_is_said(traces):
    golds, good, _ = traces
    flat = {name: replace(track, values=np.full_like(track.values, 0.1)) for name, track in good.items()}
    scores = missing_scores(golds, good, flat, Missing(("mel",)), "test", "sample", TEST)
    rows = scores.set_index(["target", "measure", "pooling"])
    assert rows.loc[("arousal", "ccc", POOLED), "value"] == 0
    assert rows.loc[("arousal", "ccc", POOLED), "loss"] == rows.loc[("arousal", "ccc", POOLED), "complete"] > 0.9
    for pooling, undefined in ((POOLED, 1), (MEAN, 3)):
        row = rows.loc[("arousal", "pcc", pooling)]
        assert np.isnan(row["loss"]) and np.isnan(row["value"]) and row["undefined"] == undefined
    unrated = {name: replace(track, values=np.full_like(track.values, np.nan)) for name, track in golds.items()}
    nothing = missing_scores(unrated, good, flat, Missing(("mel",)), "test", subjects=TEST)
    assert nothing[["value", "loss", "low", "high"]].isna().all(axis=None) and not nothing["recordings"].any()
    about = {
        "records": {"targets_are": "made up"}, "protocol": "rotation", "shuffled_gold": False,
        "dropped_recordings": [], "recordings_lacking_a_target": {},
    }  # fmt: skip
    lines = missing_table(scores, about).splitlines()
    assert lines[0].startswith("test without streams") and "sample variances" in lines[0] and "seed 0" in lines[0]
    header = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert header == ["missing", "target", "over", "CCC", "CCC lost", "PCC", "PCC lost", "undefined"]
    first = [cell.strip() for cell in lines[4].strip("|").split("|")]
    loss = rows.loc[("arousal", "ccc", POOLED)]
    assert first[:4] == ["mel", "arousal", "pooled", "0.000"] and first[5:] == ["undefined", "undefined", "1"]
    assert first[4] == f"{loss['loss']:+.3f} [{loss['low']:+.3f}, {loss['high']:+.3f}]"
