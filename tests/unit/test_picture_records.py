import dataclasses
import json

import numpy as np
import pytest

from emotf.errors import UserError
from emotf.images.base import Sample
from emotf.images.cifar100 import Cifar100
from emotf.images.digits import Digits
from emotf.images.drawn_faces import DrawnFaces
from emotf.images.ferplus import Ferplus
from emotf.records import PictureStore, pictures


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
    return Ferplus(rule="probability").write_twin(tmp_path_factory.mktemp("twin"))


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    return Cifar100().write_twin(tmp_path_factory.mktemp("colours"))


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert (one.id, one.label) == (other.id, other.label)
        np.testing.assert_array_equal(one.picture, other.picture)
        assert (one.votes is None) == (other.votes is None)
        if one.votes is not None:
            np.testing.assert_array_equal(one.votes, other.votes)


@pytest.mark.parametrize("name", ["voted", "coloured"])
def test_png_gives_back_every_bit(name, request, tmp_path):
    corpus, store = request.getfixturevalue(name), PictureStore(tmp_path / "shards")
    schema = store.write(corpus)
    assert store.schema == schema and store.partitions == corpus.partitions
    assert schema.classes == corpus.classes and schema.shape == corpus.shape and schema.voted == corpus.voted
    assert schema.labels_are == corpus.described() and (schema.coding, schema.quality) == ("png", 0)
    for partition in corpus.partitions:
        part = store.part(partition)
        same(part.samples(), corpus.samples(partition))
        assert schema.counts[partition] == corpus.counts(partition)
        assert schema.left_out[partition] == corpus.left_out(partition)
        assert len(part) == sum(schema.counts[partition].values())
    if name == "voted":
        assert schema.read_as["rule"] == "probability" and schema.left_out["train"]["no image name"] > 0


def test_jpeg_is_smaller_and_near(coloured, tmp_path):
    png, jpeg = PictureStore(tmp_path / "png"), PictureStore(tmp_path / "jpeg")
    png.write(coloured)
    assert jpeg.write(coloured, coding="jpeg", quality=90).quality == 90
    size = {store: sum(shard.bytes for shard in store.completed.values()) for store in (png, jpeg)}
    assert size[jpeg] < 0.7 * size[png]
    for one, other in zip(jpeg.part("test").samples(), coloured.samples("test"), strict=True):
        blocks = [sample.picture.reshape(4, 8, 4, 8, 3).mean(axis=(1, 3)) for sample in (one, other)]
        assert np.abs(blocks[0] - blocks[1]).mean() < 4
        # red is not taken for blue
        assert np.corrcoef(one.picture.mean((0, 1)), other.picture.mean((0, 1)))[0, 1] > 0.9


def test_shards_hold_so_many_each_and_are_read_at_random(voted, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "SHARD", 10)
    store = PictureStore(tmp_path)
    store.write(voted)
    samples = list(voted.samples("train"))
    shards = {name: shard.pictures for name, shard in store.completed.items() if name.startswith("train")}
    full, rest = divmod(len(samples), 10)
    assert list(shards.values()) == [10] * full + [rest] * (rest > 0) and "train-00001.tfrecord" in shards
    part = store.part("train")
    for index in (len(samples) - 1, 0, 25, 10, 9):
        np.testing.assert_array_equal(part.picture(index), samples[index].picture)
    same(part.samples(), samples)


def test_a_second_writing_changes_nothing_and_other_settings_are_refused(voted, tmp_path):
    store = PictureStore(tmp_path)
    schema = store.write(voted)
    before = content(tmp_path)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert store.write(voted) == schema
    assert content(tmp_path) == before and times == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    for corpus, options, message in (
        (dataclasses.replace(voted, rule="majority"), {}, "another read_as.*'rule': 'probability'"),
        (voted, {"coding": "jpeg"}, "another coding \\(png, asked for jpeg\\); choose another folder"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            store.write(corpus, **options)
        assert "\n" not in str(caught.value)
    for options in ({"coding": "gif"}, {"coding": "jpeg", "quality": 0}, {"quality": 95}):
        with pytest.raises(UserError, match="coded as png, or jpeg with a quality of 1 to 100; received"):
            PictureStore(tmp_path / "new").write(voted, **options)
    assert not (tmp_path / "new").exists() and content(tmp_path) == before


def test_interrupted_writing_goes_on_and_ends_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "SHARD", 20)
    corpus = DrawnFaces(count=10, held_back=2)
    PictureStore(tmp_path / "whole").write(corpus)
    store, write, written = PictureStore(tmp_path / "broken"), PictureStore._write_shard, []

    def fails_at_the_third(self, path, examples):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path.name)
        return write(self, path, examples)

    with monkeypatch.context() as patch:
        patch.setattr(PictureStore, "_write_shard", fails_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            store.write(corpus)
    assert not store.is_complete
    with pytest.raises(UserError, match="holds no complete pictures; write them first, or again"):
        store.part("train")
    first, second = (store.folder / name for name in written)
    stays = first.stat().st_mtime_ns
    second.write_bytes(second.read_bytes()[:-7])  # cut short: written again
    (store.folder / "train-00099.tfrecord").write_bytes(b"of another attempt")
    store.write(corpus)
    assert first.stat().st_mtime_ns == stays
    assert content(store.folder) == content(tmp_path / "whole")


def test_what_is_damaged_is_refused_by_name(voted, tmp_path):
    store = PictureStore(tmp_path)
    store.write(voted)
    path = tmp_path / "dev-00000.tfrecord"
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(flipped)
    assert "dev-00000.tfrecord" in store.completed  # the size is right
    with pytest.raises(UserError, match=r"dev-00000.tfrecord is damaged; delete it and COMPLETED"):
        store.part("dev")
    with pytest.raises(UserError, match=r"dev-00000.tfrecord is damaged; delete it and COMPLETED"):
        store.write(voted)
    assert len(store.part("test"))
    path.write_bytes(whole[:-1])
    with pytest.raises(UserError, match=rf"dev-00000.tfrecord has {len(whole) - 1} bytes, {len(whole)} were written"):
        store.part("dev")
    path.unlink()
    with pytest.raises(UserError, match=r"dev-00000.tfrecord has 0 bytes"):
        store.part("train")
    path.write_bytes(whole)
    part = store.part("dev")
    with pytest.raises(UserError, match="no 'validation'; choose one of them"):
        store.part("validation")
    path.write_bytes(whole[:100])
    with pytest.raises(UserError, match="became shorter since it was verified"):
        part.picture(len(part) - 1)
    path.unlink()
    with pytest.raises(UserError, match="cannot be read any more"):
        part.picture(0)
    schema = json.loads((tmp_path / "schema.json").read_text())
    (tmp_path / "schema.json").write_text(json.dumps({**schema, "colour": 1}))
    with pytest.raises(UserError, match=r"schema.json is not a schema of this version"):
        store.partitions  # noqa: B018


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    for name in ("train-00000.tfrecord", "s1f01.tfrecord"):
        (tmp_path / name).write_bytes(b"a recording")
    with pytest.raises(UserError, match=r"holds s1f01.tfrecord, which belongs to no pictures; choose an empty folder"):
        PictureStore(tmp_path).write(Digits())
    assert content(tmp_path) == dict.fromkeys(("train-00000.tfrecord", "s1f01.tfrecord"), b"a recording")


@dataclasses.dataclass
class Odd(Digits):
    """A corpus whose samples are given; not found by the catalog, as it is in no file of its own."""

    given: tuple = ()

    def read(self, partition):
        return iter(self.given)

    def counts(self, partition):
        raise AssertionError("the writer counts what it writes")


GREY = np.zeros((8, 8, 1), np.uint8)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([Sample("a", GREY[..., 0], 0)], r"picture a is uint8 \[8, 8\], expected uint8 \[8, 8, 1\]"),
        ([Sample("a", GREY.astype(float), 0)], r"picture a is float64"),
        ([Sample("a", GREY, 10)], r"picture a has label 10, expected 0 to 9"),
        ([Sample("a", GREY, 0, np.full(10, 0.1, np.float32))], r"picture a has votes .*, expected none"),
        ([Sample("a", GREY, 0), Sample("a", GREY, 1)], r"picture a is there twice"),
        ([], r"has no picture in train; check its folder"),
    ],
)
def test_samples_that_are_not_as_promised_are_refused(tmp_path, monkeypatch, given, message):
    monkeypatch.setattr(pictures, "_settings", lambda corpus: {})
    with pytest.raises(UserError, match=message) as caught:
        PictureStore(tmp_path).write(Odd(given=tuple(given)))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "COMPLETED").exists() and not list(tmp_path.glob("*.tfrecord"))
