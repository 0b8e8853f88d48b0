"""What holds for all tracks, files and configurations, searched by hypothesis."""

import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from emotf.config import Data, Experiment, Training, from_json, to_json
from emotf.corpora.folder import Folder
from emotf.features.mfcc39 import Mfcc39
from emotf.models.cer import Cer
from emotf.tables import read_track, write_track
from emotf.track import Track, join, stack
from emotf.windows.feature_images import FeatureImages

FINITE = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
HOPS = st.sampled_from([1 / 60, 1 / 25, 0.05, 0.08, 0.4, 1 / 100, 1001 / 30_000, 1.0, 2.5])


@st.composite
def tracks(draw, frames=(2, 30), finite=True):
    n, channels = draw(st.integers(*frames)), draw(st.integers(1, 3))
    elements = FINITE if finite else st.floats(width=32)
    values = draw(arrays(np.float32, (n, channels), elements=elements))
    start = draw(st.integers(-1000, 100_000)) / 1000
    return Track(values, hop=draw(HOPS), start=start)


def same_track(one, other):
    assert one.values.tobytes() == other.values.tobytes()
    assert one.channels == other.channels
    assert one.hop == pytest.approx(other.hop, rel=1e-12) and one.start == pytest.approx(other.start, abs=1e-9)


# ---- tracks ----------------------------------------------------------------------------------------------------------


@given(tracks(finite=False), st.data())
def test_cut_then_join_is_the_identity(track, data):
    inner = data.draw(st.lists(st.integers(1, track.frames - 1), unique=True, max_size=4))
    cuts = [track.start + k * track.hop for k in (0, *sorted(inner), track.frames)]
    pieces = [track.cut(begin, stop) for begin, stop in itertools.pairwise(cuts)]
    assert sum(piece.frames for piece in pieces) == track.frames
    same_track(join(pieces), track)


@given(tracks(finite=False))
def test_select_then_stack_is_the_identity(track):
    same_track(stack([track.select([name]) for name in track.channels]), track)


@given(tracks(), st.integers(-40, 40))
def test_advance_there_and_back_keeps_the_middle(track, frames):
    back = track.advance(frames * track.hop).advance(-frames * track.hop)
    rated = ~np.isnan(back.values)
    np.testing.assert_array_equal(back.values[rated], track.values[rated])
    assert rated[:, 0].sum() == max(0, track.frames - abs(frames))


@given(tracks(), HOPS, st.sampled_from(["linear", "nearest"]))
def test_resampling_stays_within_its_neighbours_and_its_time(track, hop, kind):
    found = track.resample(hop, kind)
    assert found.frames >= 1 and found.end <= track.end + 0.011 * hop
    assert found.end + hop > track.end - 1e-9
    low, high = track.values.min(axis=0), track.values.max(axis=0)
    room = 1e-6 * np.maximum(np.abs(low), np.abs(high))
    assert (found.values >= low - room).all() and (found.values <= high + room).all()


# ---- files -----------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(tracks(frames=(2, 12)), st.booleans())
def test_a_table_gives_back_every_bit(track, holes):
    values = track.values.copy()
    if holes:
        values[::2, 0] = np.nan
    track = Track(values, hop=track.hop, start=track.start, channels=track.channels)
    with tempfile.TemporaryDirectory() as folder:
        write_track(Path(folder) / "t.csv", track)
        found = read_track(Path(folder) / "t.csv")
    np.testing.assert_array_equal(found.values, track.values)
    assert found.channels == track.channels and found.start == pytest.approx(track.start, abs=1e-6)
    assert found.hop == pytest.approx(track.hop, rel=2e-3)


@settings(max_examples=15)
@given(tracks(finite=False))
def test_a_record_gives_back_every_bit(track):
    from emotf.records import Schema, Stream

    with tempfile.TemporaryDirectory() as folder:
        stream = Stream(Path(folder) / "speech")
        stream.start(Schema(track.channels, track.hop, 0.0, "raw", {}))
        stream.complete({"r1": stream.write("r1", track)})
        assert stream.completed["r1"].frames == track.frames
        found = stream.read("r1")
    same_track(found, track)
    assert (found.hop, found.start) == (track.hop, track.start)


# ---- configuration ---------------------------------------------------------------------------------------------------

COUNTS = st.integers(1, 10**6)
RATES = st.floats(1e-12, 1e6)
NAMES = st.text("abcdefgh_ä", min_size=1, max_size=8)

MODELS = st.builds(
    Cer,
    filters=COUNTS,
    kernel=COUNTS,
    pool=COUNTS,
    gru_units=COUNTS,
    dense_units=COUNTS,
    recurrence_over=st.sampled_from(["frames", "filters"]),
    batch_norm=st.booleans(),
)
TRAININGS = st.builds(
    Training,
    learning_rate=RATES,
    batch=COUNTS,
    epochs=COUNTS,
    patience=COUNTS,
    weights=st.dictionaries(NAMES, RATES, max_size=3).map(lambda of: ",".join(f"{k}:{v}" for k, v in of.items())),
    seed=st.integers(0, 2**31),
    pool=st.integers(0, 100),
    jit_compile=st.booleans(),
    precision=st.sampled_from(["float32", "mixed_float16"]),
)
IMAGES = st.builds(FeatureImages, frames=st.integers(1, 500).map(lambda k: 2 * k), stride=RATES)
DATA = st.builds(
    Data,
    targets=st.lists(NAMES, unique=True, max_size=3).map(tuple),
    delay=st.floats(-10, 10),
    fold=st.none() | st.integers(0, 9),
    shuffled_gold=st.booleans(),
)


@given(MODELS, TRAININGS, IMAGES, DATA)
def test_any_experiment_survives_json(model, training, images, data):
    experiment = Experiment(
        corpus=Folder(), streams={"a": Mfcc39()}, model=model, loss=None, training=training, window=images, data=data
    )
    again = from_json(json.loads(json.dumps(to_json(experiment))))
    assert again == experiment


@given(IMAGES, st.integers(1, 50))
def test_feature_images_are_evenly_spaced_half_a_stride_off_centre(images, step):
    hop = images.stride / step
    offsets = images.offsets(hop)
    assert len(offsets) == images.frames and set(np.diff(offsets)) == {step}
    assert offsets.sum() == step * images.frames // 2 and 0 in offsets


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.floats(width=32)))
def test_a_track_holds_its_values_as_they_are(values):
    found = Track(values, hop=0.04)
    np.testing.assert_array_equal(found.values, values)
    assert found.frames == len(values) == len(found.times)
