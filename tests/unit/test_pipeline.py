"""Feature images and batches against a literal gather."""

from functools import cache

import numpy as np
import pytest

from emotf.errors import UserError
from emotf.pipeline import Standardisation, prediction_batches, standardise, training_batches, transductive
from emotf.recording import Recording
from emotf.records import GOLD, Schema, Store
from emotf.track import Track
from emotf.windows.feature_images import FeatureImages
from emotf.windows.sequences import Sequences

RATES = {"speech": (60.0, 3), "face": (25.0, 2)}
IMAGES = FeatureImages(frames=4, stride=0.2)


@pytest.fixture
def store(tmp_path):
    """Three recordings of 5, 6 and 7 s: two streams on clocks of their own, gold at 20/s with holes."""
    rng = np.random.default_rng(0)
    store = Store(tmp_path / "corpus")
    for name, (rate, channels) in {**RATES, GOLD: (20.0, 2)}.items():
        stream, entries = store.stream(name), {}
        for k in range(3):
            frames = int((5 + k) * rate) + (name != GOLD)
            values = rng.normal(size=(frames, channels)).astype("float32")
            if name == GOLD:
                values[10:20, 0] = np.nan
                values[15:25, 1] = np.nan
            track = Track(values, hop=1 / rate)
            stream.start(Schema(track.channels, track.hop, 0.0, "extracted", {}))
            entries[f"r{k}"] = stream.write(f"r{k}", track)
        stream.complete(entries)
    return store


@pytest.fixture
def golds(store):
    return {f"r{k}": store.stream(GOLD).read(f"r{k}") for k in range(3)}


@cache
def tracks(store):
    return {(name, f"r{k}"): store.stream(name).read(f"r{k}") for name in RATES for k in range(3)}


def literal_image(store, recording, name, time):
    """N vectors at gold time + offset seconds, nearest frame, edges repeated."""
    track = tracks(store)[name, recording]
    step = round(IMAGES.stride / track.hop)
    centre = min(int(np.floor(time / track.hop + 0.5 + 1e-6)), track.frames - 1)
    half = IMAGES.frames // 2
    return np.stack([track.values[np.clip(centre + k * step, 0, track.frames - 1)] for k in range(-half + 1, half + 1)])


def test_offsets_are_those_of_the_paper():
    offsets = FeatureImages(frames=20, stride=1 / 6).offsets(1 / 60)
    assert offsets.tolist() == [*range(-90, 101, 10)]
    assert FeatureImages(frames=20, stride=0.16).offsets(1 / 25).tolist() == [*range(-36, 41, 4)]


def test_a_stride_that_is_no_whole_frame_is_refused():
    with pytest.raises(UserError, match=r"4\.17 frames"):
        FeatureImages(stride=1 / 6).offsets(1 / 25)
    with pytest.raises(UserError, match="even"):
        FeatureImages(frames=5).offsets(1 / 60)


def test_prediction_batches_hold_every_frame_in_order(store, golds):
    images = [batch for batch in prediction_batches(store, list(RATES), golds, IMAGES).as_numpy_iterator()]
    for name in RATES:
        found = np.concatenate([batch[name] for batch in images])
        expected = [literal_image(store, r, name, t) for r, gold in golds.items() for t in gold.times]
        np.testing.assert_array_equal(found, np.stack(expected))


@pytest.mark.parametrize("pool", [0, 1, 2])
def test_an_epoch_holds_every_rated_frame_once(store, golds, pool):
    epochs = training_batches(store, list(RATES), golds, IMAGES, batch=32, seed=1, pool=pool)
    rated = {
        tuple(gold.values[k]): (r, t)
        for r, gold in golds.items()
        for k, t in enumerate(gold.times)
        if not np.isnan(gold.values[k]).all()
    }
    assert epochs.examples == len(rated) == sum(gold.frames - 5 for gold in golds.values())
    batches = list(epochs.dataset.as_numpy_iterator())
    assert len(batches) == epochs.steps == epochs.dataset.cardinality()
    assert [len(y["c0"]) for _, y in batches[:-1]] == [32] * (epochs.steps - 1)
    y = np.stack([np.concatenate([batch[1][c] for batch in batches]) for c in ("c0", "c1")], axis=1)
    # float NaN is not equal to itself, so rows are compared with NaN coded
    code = {tuple(np.nan_to_num(np.array(key), nan=99)): place for key, place in rated.items()}
    places = [code[tuple(np.nan_to_num(row, nan=99))] for row in y]
    assert len(set(places)) == len(rated)
    assert places != sorted(places)
    for name in RATES:
        x = np.concatenate([batch[0][name] for batch in batches])
        np.testing.assert_array_equal(x, np.stack([literal_image(store, r, name, t) for r, t in places]))


def test_order_depends_on_seed_and_epoch_only(store, golds):
    def order(seed, epoch):
        epochs = training_batches(store, ["face"], golds, IMAGES, batch=32, seed=seed, pool=2)
        epochs.epoch.assign(epoch)
        return np.concatenate([y["c0"] for _, y in epochs.dataset.as_numpy_iterator()])

    np.testing.assert_array_equal(order(1, 3), order(1, 3))
    assert not np.array_equal(order(1, 3), order(1, 4), equal_nan=True)
    assert not np.array_equal(order(1, 3), order(2, 3), equal_nan=True)


def starts(epochs, epoch, golds):
    """(recording, first frame) of every sequence in the order of an epoch, and the sizes of the batches."""
    places = {}
    for name, gold in golds.items():
        padded = np.concatenate([gold.values, np.full((30, 2), np.nan, np.float32)])
        places |= {np.nan_to_num(padded[k : k + 30], nan=99).tobytes(): (name, k) for k in range(0, gold.frames, 20)}
    epochs.epoch.assign(epoch)
    batches = [np.stack([y["c0"], y["c1"]], axis=-1) for _, y in epochs.dataset.as_numpy_iterator()]
    order = [places[np.nan_to_num(row, nan=99).tobytes()] for batch in batches for row in batch]
    return order, [len(batch) for batch in batches]


def sequences_of(golds, names):
    """5, 6 and 7 of the three recordings, in time."""
    return [(name, k) for name in names for k in range(0, golds[name].frames, 20)]


@pytest.mark.parametrize("pool", [0, 1, 2])
def test_by_recording_only_the_recordings_change_places(store, golds, pool):
    settings = {"batch": 4, "order": "by_recording", "pool": pool}
    epochs = training_batches(store, ["face"], golds, SEQUENCES, seed=1, **settings)
    seen = {}
    for epoch in (3, 0, 1, 2):
        order, sizes = starts(epochs, epoch, golds)
        seen[epoch] = list(dict.fromkeys(name for name, _ in order))
        # each recording in one piece; a batch runs on into the next one, the last is smaller
        assert order == sequences_of(golds, seen[epoch]) and sizes == [4, 4, 4, 4, 2]
    assert len(set(map(tuple, seen.values()))) > 1 and epochs.steps == 5
    # of (seed, epoch) alone, whatever was read before
    again = training_batches(store, ["face"], golds, SEQUENCES, seed=1, **settings | {"pool": 3})
    assert starts(again, 2, golds)[0] == sequences_of(golds, seen[2])
    other = training_batches(store, ["face"], golds, SEQUENCES, seed=2, **settings)
    assert [starts(other, epoch, golds)[0] for epoch in range(2)] != [sequences_of(golds, seen[k]) for k in range(2)]


def test_otherwise_examples_of_recordings_are_mixed(store, golds):
    epochs = training_batches(store, ["face"], golds, SEQUENCES, batch=4, seed=1)
    order, sizes = starts(epochs, 0, golds)
    assert order != sequences_of(golds, dict.fromkeys(name for name, _ in order)) and sizes == [4, 4, 4, 4, 2]


def test_by_recording_holds_feature_images_in_time_too(store, golds):
    epochs = training_batches(store, ["face"], golds, IMAGES, batch=32, seed=1, order="by_recording")
    found = np.concatenate([x["face"] for x, _ in epochs.dataset.as_numpy_iterator()])
    rated = {name: gold.times[~np.isnan(gold.values).all(axis=1)] for name, gold in golds.items()}
    images = {name: np.stack([literal_image(store, name, "face", t) for t in times]) for name, times in rated.items()}
    first = next(name for name in golds if np.array_equal(found[0], images[name][0]))
    np.testing.assert_array_equal(found[: len(images[first])], images[first])
    assert len(found) == sum(map(len, images.values()))


def test_a_stream_that_ends_early_is_refused(store, golds):
    long = {name: Track(np.zeros((gold.frames + 40, 2)), hop=gold.hop) for name, gold in golds.items()}
    with pytest.raises(UserError, match=r"Recording r0: the gold standard runs from 0\.00 to 6\.95 s"):
        training_batches(store, ["face"], long, IMAGES, batch=32, seed=1)


def test_unrated_partition_is_refused(store, golds):
    unrated = {name: Track(np.full((gold.frames, 1), np.nan), hop=gold.hop) for name, gold in golds.items()}
    with pytest.raises(UserError, match="Not one frame of c0 is rated"):
        training_batches(store, ["face"], unrated, IMAGES, batch=32, seed=1)


def test_standardisation_equals_numpy_on_the_concatenation():
    rng = np.random.default_rng(0)
    tracks = [Track(1000 + rng.normal(size=(n, 3)) * [1, 0.1, 0], hop=1.0) for n in (3, 500, 40)]
    fitted = Standardisation.fit(tracks, "train")
    values = np.concatenate([track.values for track in tracks]).astype(np.float64)
    np.testing.assert_allclose(fitted.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(fitted.variance[:2], values.var(axis=0)[:2], rtol=1e-9)
    assert fitted.variance[2] == 1.0
    assert fitted.frames == 543 and fitted.fitted_on == "train"


SEQUENCES = Sequences(frames=30, stride_frames=20)


def literal_sequence(store, recording, name, times):
    """Frames nearest to the gold times of a sequence; NaN beyond the recording."""
    track = tracks(store)[name, recording]
    known = [track.values[int(np.floor(t / track.hop + 0.5 + 1e-6))] for t in times]
    return np.concatenate([known, np.full((SEQUENCES.frames - len(known), len(track.channels)), np.nan)])


def test_the_range_of_train_goes_from_0_to_1(store, golds):
    parts = [tracks(store)["face", name].values.astype(float) for name in ("r0", "r1")]
    joined = np.concatenate(parts)
    fitted = standardise(store, ["face"], ["r0", "r1"], "train", "minmax")["face"]
    scaled = fitted.apply(tracks(store)["face", "r0"]).values
    expected = (parts[0] - joined.min(axis=0)) / (joined.max(axis=0) - joined.min(axis=0))
    np.testing.assert_allclose(scaled, expected, atol=1e-6)
    flat = Standardisation.fit_range([Track(np.full((3, 1), 7.0), 0.04)], "train")
    assert flat.apply(Track(np.array([[7.0], [8.0]]), 0.04)).values.tolist() == [[0.0], [1.0]]


@pytest.mark.parametrize("fit", [Standardisation.fit, Standardisation.fit_range])
def test_a_flag_that_is_1_wherever_something_was_found_is_told_from_a_gap(fit):
    values = np.array([[0.3, 1], [0.5, 1], [0, 0], [0.8, 1]])
    scaled = fit([Track(values, 0.04)], "train", gaps=True).apply(Track(values, 0.04)).values
    assert scaled[:, 1].tolist() == [1, 1, 0, 1] and scaled[2, 0] == 0 and len(set(scaled[[0, 1, 3], 0])) == 3


def test_rounding_is_no_range():
    track = Track(np.array([[100.0, 1], [100.00001, 2], [100.0, 3]]), 0.04)
    assert np.ptp(Standardisation.fit_range([track], "train").apply(track).values, axis=0) == pytest.approx(
        [0, 1], abs=1e-4
    )


def test_the_range_leaves_gaps_out():
    values = np.array([[0.0, 0.0], [2.0, 3.0], [4.0, 5.0]])
    fitted = Standardisation.fit_range([Track(values, 0.04)], "train", gaps=True)
    assert fitted.apply(Track(values, 0.04)).values.tolist() == [[0, 0], [0, 0], [1, 1]] and fitted.frames == 2


@pytest.mark.parametrize("pool", [0, 2])
def test_sequences_are_cut_at_their_stride_and_padded_at_the_end(store, golds, pool):
    epochs = training_batches(store, list(RATES), golds, SEQUENCES, batch=4, seed=1, pool=pool)
    expected = {}
    for recording, gold in golds.items():
        for start in range(0, gold.frames, 20):
            padded = np.full((30, 2), np.nan, np.float32)
            part = gold.values[start : start + 30]
            padded[: len(part)] = part
            expected[np.nan_to_num(padded, nan=99).tobytes()] = (recording, gold.times[start : start + 30])
    assert epochs.examples == len(expected)
    for x, y in epochs.dataset.as_numpy_iterator():
        gold = np.stack([y["c0"], y["c1"]], axis=-1)
        for row in range(len(gold)):
            recording, times = expected.pop(np.nan_to_num(gold[row], nan=99).tobytes())
            for name in RATES:
                np.testing.assert_array_equal(x[name][row], literal_sequence(store, recording, name, times))
    assert not expected


def test_sequences_of_prediction_lie_end_to_end(store, golds):
    batches = list(prediction_batches(store, ["face"], golds, SEQUENCES).as_numpy_iterator())
    found = np.concatenate([batch["face"] for batch in batches])
    expected = [
        literal_sequence(store, recording, "face", gold.times[start : start + 30])
        for recording, gold in golds.items()
        for start in range(0, gold.frames, 30)
    ]
    np.testing.assert_array_equal(found, np.stack(expected))


def test_whole_recordings_are_sequences_padded_to_the_longest(store, golds):
    epochs = training_batches(store, ["face"], golds, Sequences(frames=0), batch=3, seed=1)
    assert epochs.examples == 3
    ((x, y),) = epochs.dataset.as_numpy_iterator()
    longest = max(gold.frames for gold in golds.values())
    assert x["face"].shape == (3, longest, 2) and y["c0"].shape == (3, longest)
    lengths = np.sort((~np.isnan(x["face"])).all(axis=-1).sum(axis=1))
    assert lengths.tolist() == sorted(gold.frames for gold in golds.values())


@pytest.mark.parametrize("window", [Sequences(frames=0), Sequences(frames=30, predict_whole=True)])
def test_prediction_of_whole_recordings(store, golds, window):
    whole = window.predicting(max(gold.frames for gold in golds.values()))
    batches = list(prediction_batches(store, ["face"], golds, whole).as_numpy_iterator())
    assert len(batches) == 3 and whole.length == 140
    for batch, (recording, gold) in zip(batches, golds.items(), strict=True):
        wanted = [tracks(store)["face", recording].values[int(np.floor(t * 25 + 0.5 + 1e-6))] for t in gold.times]
        np.testing.assert_array_equal(batch["face"][0, : gold.frames], wanted)
        assert np.isnan(batch["face"][0, gold.frames :]).all()


def test_whole_recordings_have_no_stride():
    with pytest.raises(UserError, match="Whole recordings have no stride"):
        Sequences(frames=0, stride_frames=10).check()
    with pytest.raises(UserError, match="at least 2 frames"):
        Sequences(frames=1).check()


# ---- standardisation of subjects and partitions ----------------------------------------------------------------------


def people(store, *subjects):
    who = [Recording(f"r{k}", subject, session=subject) for k, subject in enumerate(subjects)]
    store.describe({"dir": "."}, "ratings", who)


def test_each_subject_by_itself(store, golds):
    people(store, "anna", "ben", "anna")
    scaling = transductive(store, ["face"], list(golds), "subject")
    read = {name: store.stream("face").read(name).values.astype(np.float64) for name in golds}
    anna = np.concatenate([read["r0"], read["r2"]])
    for name, own in {"r0": anna, "r1": read["r1"], "r2": anna}.items():
        fitted = scaling["face"][name]
        np.testing.assert_allclose(fitted.mean, own.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(fitted.variance, own.var(axis=0), rtol=1e-6)
    assert scaling["face"]["r0"].fitted_on == "subject anna"
    whole = transductive(store, ["face"], list(golds), "partition")["face"]
    np.testing.assert_allclose(whole["r1"].mean, np.concatenate(list(read.values())).mean(axis=0), rtol=1e-6)
    assert len({id(part) for part in whole.values()}) == 1


def test_batches_of_standardised_subjects(store, golds):
    people(store, "anna", "ben", "anna")
    scaling = transductive(store, ["face"], list(golds), "subject")
    window = Sequences(frames=0).predicting(140)
    batches = prediction_batches(store, ["face"], golds, window, scaling).as_numpy_iterator()
    for batch, (name, gold) in zip(batches, golds.items(), strict=True):
        track = scaling["face"][name].apply(store.stream("face").read(name))
        wanted = track.values[track.clock.nearest(gold.times)]
        np.testing.assert_allclose(batch["face"][0, : gold.frames], wanted, atol=1e-6)
        assert np.isnan(batch["face"][0, gold.frames :]).all()


def test_gaps_are_left_out_and_stay_zero(store, golds):
    people(store, "anna", "ben", "carla")
    rng = np.random.default_rng(0)
    stream, entries = store.stream("mesh"), {}
    for name, gold in golds.items():
        values = rng.normal(3, 2, size=(gold.frames, 2)).astype("float32")
        values[5:25] = 0
        values[30, 0] = 0  # one channel at 0 is no gap
        track = Track(values, hop=gold.hop)
        stream.start(Schema(track.channels, track.hop, 0.0, "extracted", {}, gaps=True))
        entries[name] = stream.write(name, track)
    stream.complete(entries)
    fitted = standardise(store, ["mesh"], ["r0"], "train")["mesh"]
    values = stream.read("r0").values
    faces = np.delete(values, range(5, 25), axis=0).astype(np.float64)
    np.testing.assert_allclose(fitted.mean, faces.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(fitted.variance, faces.var(axis=0), rtol=1e-6)
    assert fitted.gaps and fitted.frames == len(faces)
    applied = fitted.apply(stream.read("r0")).values
    assert (applied[5:25] == 0).all() and applied[30, 0] != 0
    np.testing.assert_allclose(np.delete(applied, range(5, 25), axis=0).std(axis=0), 1, rtol=1e-5)
    scaling = {"mesh": dict.fromkeys(golds, fitted)}
    window = Sequences(frames=0).predicting(140)
    first = next(prediction_batches(store, ["mesh"], golds, window, scaling).as_numpy_iterator())["mesh"]
    np.testing.assert_allclose(first[0, : len(applied)], applied, atol=1e-6)


def test_a_stream_of_gaps_only_is_refused_in_train_and_left_at_zero_in_a_subject(store, golds):
    people(store, "anna", "ben", "carla")
    stream, entries = store.stream("mesh"), {}
    for name, gold in golds.items():
        track = Track(np.zeros((gold.frames, 2)) + (name == "r2"), hop=gold.hop)
        stream.start(Schema(track.channels, track.hop, 0.0, "extracted", {}, gaps=True))
        entries[name] = stream.write(name, track)
    stream.complete(entries)
    with pytest.raises(UserError, match=r"Stream 'mesh' has nothing but gaps in train"):
        standardise(store, ["mesh"], ["r0", "r1"], "train")
    ben = transductive(store, ["mesh"], list(golds), "subject")["mesh"]["r1"]
    assert (ben.frames, ben.mean, ben.variance) == (0, (0.0, 0.0), (1.0, 1.0))
    assert (ben.apply(stream.read("r1")).values == 0).all()
    with pytest.raises(UserError, match="no frame of 'train'"):
        Standardisation.fit([], "train", gaps=True)
