"""Streams of pictures in the store."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emotf.errors import UserError
from emotf.features.base import Film
from emotf.records import Schema, Stream
from emotf.track import Track

SCHEMA = Schema(("confidence", "found"), 0.04, 0.0, "pictures", {"part": "face_crop"}, True)


def shots() -> Iterator[tuple[np.ndarray | None, np.ndarray]]:
    ramp = np.tile(np.linspace(0, 255, 32, dtype=np.uint8)[None, :, None], (24, 1, 3))
    for frame in range(4):
        if frame == 2:
            yield None, np.zeros(2, np.float32)
        else:
            yield np.roll(ramp, 3 * frame, axis=0), np.array([0.5 + 0.1 * frame, 1], np.float32)


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    stream = Stream(tmp_path / "corpus" / "face_crop")
    stream.start(SCHEMA)
    entry, track = stream.write_film("r1", Film(0.04, 0.2, shots()), "made of this")
    assert track.frames == entry.frames == 4
    stream.complete({"r1": entry})
    return stream


def test_pictures_and_the_numbers_beside_them_come_back(stream):
    film = stream.film("r1")
    assert (film.hop, film.start) == (0.04, 0.2)
    for (found, values), (wanted, numbers) in zip(film.shots, shots(), strict=True):
        np.testing.assert_array_equal(values, numbers)
        assert (found is None) == (wanted is None)
        if found is not None:
            assert np.abs(found.astype(int) - wanted).max() <= 3  # JPEG


def test_existing_pictures_are_kept_for_the_same_source_only(stream):
    entry, track = stream.existing("r1", "made of this")
    assert entry == stream.completed["r1"] and (track.frames, track.start, track.hop) == (4, 0.2, 0.04)
    assert stream.existing("r1", "made of that") is None


def test_the_same_pictures_give_the_same_bytes(stream, tmp_path):
    other = Stream(tmp_path / "other" / "face_crop")
    other.start(SCHEMA)
    other.write_film("r1", Film(0.04, 0.2, shots()), "made of this")
    assert other.path("r1").read_bytes() == stream.path("r1").read_bytes()


def test_a_network_that_reads_pictures_as_numbers_is_refused(stream):
    for read in (lambda: stream.read("r1"), stream.parser):
        with pytest.raises(UserError, match="holds pictures, networks read numbers"):
            read()


def test_a_film_of_nothing_and_one_that_breaks_off_leave_no_file(tmp_path):
    stream = Stream(tmp_path / "face_crop")
    stream.start(SCHEMA)
    with pytest.raises(UserError, match="there is not one picture"):
        stream.write_film("r1", Film(0.04, 0.0, iter(())))

    def broken():
        yield next(shots())
        raise UserError("cut short")

    with pytest.raises(UserError, match="cut short"):
        stream.write_film("r1", Film(0.04, 0.0, broken()))
    assert [path.name for path in stream.folder.iterdir()] == ["schema.json"]


def test_a_track_beyond_what_a_record_holds_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("emotf.records.stream.LARGEST_BYTES", 100)
    stream = Stream(tmp_path / "gaze")
    stream.start(Schema(("x",), 0.04, 0.0, "extracted", {}))
    stream.write("short", Track(np.zeros((25, 1)), 0.04, channels=("x",)))
    with pytest.raises(UserError, match=r"26 frames of 1 channels are 0\.0 GiB, a record holds 2; cut the recording"):
        stream.write("long", Track(np.zeros((26, 1)), 0.04, channels=("x",)))
    assert not stream.path("long").exists()


def test_numbers_are_no_film(tmp_path):
    stream = Stream(tmp_path / "gaze")
    stream.start(Schema(("x",), 0.04, 0.0, "extracted", {}))
    with pytest.raises(UserError, match="holds numbers, no pictures"):
        stream.film("r1")
