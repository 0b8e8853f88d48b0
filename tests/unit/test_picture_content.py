"""What is said of pictures: counts, shares, votes, what was left out; written or only read."""

import dataclasses
from collections import Counter
from math import log2

import numpy as np
import pytest
import scipy.stats
from absl import flags

from emotf import catalog, command
from emotf.collection import TWIN, Collection
from emotf.corpora.base import Corpus
from emotf.corpora.folder import Folder
from emotf.corpora.recola import Recola
from emotf.errors import UserError
from emotf.images.base import ImageCorpus
from emotf.images.digits import Digits
from emotf.images.drawn_faces import DrawnFaces
from emotf.images.fer2013 import Fer2013
from emotf.images.ferplus import Ferplus
from emotf.records import PictureStore
from emotf.report.descriptions import of_twin
from emotf.report.picture_content import of_images, of_shards, of_writing, spread


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
    return Ferplus(rule="probability", without=("contempt",)).write_twin(tmp_path_factory.mktemp("content") / "twin")


@pytest.fixture(scope="module")
def store(voted, tmp_path_factory):
    store = PictureStore(tmp_path_factory.mktemp("content") / "shards")
    store.write(voted)
    return store


def tables(text):
    """Title of a table -> first cell -> other cells."""
    found, rows = {}, {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            rows = {}
        elif not rows:
            rows = found.setdefault(cells[0], {"": cells[1:]})
        elif not line.startswith("|--"):
            rows[cells[0]] = cells[1:]
    return found


def test_the_spread_of_votes_is_that_of_scipy():
    votes = np.random.default_rng(0).dirichlet(np.full(8, 0.3), (3, 5)).astype(np.float32)
    votes[0, 0] = np.eye(8)[2]
    entropy, agreement = np.moveaxis(spread(votes), -1, 0)
    np.testing.assert_allclose(entropy, scipy.stats.entropy(votes, base=2, axis=-1), atol=1e-6)
    np.testing.assert_array_equal(agreement, votes.max(axis=-1))
    assert spread(votes[0, 0]).tolist() == [0, 1] and spread(np.full(8, 1 / 8)).tolist() == [3, 1 / 8]


def test_the_tables_are_counted_from_the_pictures(voted, store):
    told = of_shards(store)
    lines, found = told.splitlines(), tables(told)
    size = sum(path.stat().st_size for path in store.folder.glob("*.tfrecord")) / 2**20
    parts = {name: list(voted.samples(name)) for name in ("train", "dev", "test")}
    count = sum(map(len, parts.values()))
    assert lines[0] == "SYNTHETIC TWIN of the layout of ferplus: drawn pictures, nobody's judgement; rule: probability"
    assert lines[1] == (
        f"ferplus: {count} pictures of 7 classes, 48 x 48 x 1; png, {size:.1f} MiB in 3 files; read with "
        f"dir={voted.path}, rule=probability, without=['contempt']"
    )
    assert set(found) == {"class", "votes, mean over pictures", "left out"}
    assert all(rows.pop("") == ["train", "dev", "test"] for rows in found.values())
    assert list(found["class"]) == [*voted.classes, "all"]
    for place, samples in enumerate(parts.values()):
        labels = Counter(sample.label for sample in samples)
        for label, name in enumerate(voted.classes):
            share = 100 * labels[label] / len(samples)
            assert found["class"][name][place] == f"{labels[label]} ({share:.1f}%)"
        assert found["class"]["all"][place] == str(len(samples))
        entropies = [-sum(p * log2(p) for p in sample.votes.tolist() if p) for sample in samples]
        agreements = [max(sample.votes.tolist()) for sample in samples]
        entropy, agreement = found["votes, mean over pictures"].values()
        assert float(entropy[place]) == pytest.approx(sum(entropies) / len(samples), abs=6e-4)
        assert float(agreement[place]) == pytest.approx(sum(agreements) / len(samples), abs=6e-4)
        assert float(entropy[place]) > 0 and float(agreement[place]) < 1
    assert next(iter(found["votes, mean over pictures"])) == "entropy, bits (at most 2.81)"
    left = {part: voted.left_out(part) for part in parts}
    assert left["train"]["class contempt"] > 0
    assert found["left out"] == {
        reason: [str(left[part].get(reason, 0)) for part in parts] for reason in found["left out"]
    }
    assert set(found["left out"]) == {reason for of in left.values() for reason in of}


def test_a_corpus_that_is_not_written_is_described_alike(voted, store):
    read, told = of_images(voted), of_shards(store)
    assert tables(read) == tables(told)
    count = store.schema.counts
    pixels = sum(sum(of.values()) for of in count.values()) * 48 * 48 / 2**20
    assert read.splitlines()[0] == told.splitlines()[0]
    assert f"48 x 48 x 1; not written yet, {pixels:.1f} MiB of pixels; read with dir=" in read.splitlines()[1]


def test_without_votes_and_without_anything_left_out_there_is_one_table(tmp_path):
    corpus, store = DrawnFaces(count=4, held_back=2, imbalance=4), PictureStore(tmp_path)
    store.write(corpus, "jpeg", 80)
    told = of_shards(store)
    assert set(tables(told)) == {"class"} and tables(of_images(corpus)) == tables(told)
    assert told.startswith("SYNTHETIC: expressions of a drawn face, nobody's\ndrawn_faces: 44 pictures of 7 classes")
    assert "; jpeg of quality 80, " in told and "count=4, held_back=2, imbalance=4, seed=0" in told
    assert tables(told)["class"]["angry"] == ["4 (25.0%)", "2 (14.3%)", "2 (14.3%)"]
    assert of_writing(store).splitlines()[1] == "train: 16 pictures"
    assert of_writing(store).splitlines()[-1].startswith(f"pictures: {tmp_path} (jpeg of quality 80, ")


def test_what_is_not_as_promised_is_refused(store, tmp_path, voted):
    with pytest.raises(UserError, match="holds no complete pictures"):
        of_shards(PictureStore(tmp_path))
    with pytest.raises(UserError, match="is missing; correct dir"):
        of_images(dataclasses.replace(voted, dir=str(tmp_path / "nowhere")))
    with pytest.raises(UserError, match=r"take 0[.]05 to 0[.]4 of each class"):
        of_images(Digits(dev=0.9))


def test_writing_says_what_stays(tmp_path, capfd):
    corpus, store = DrawnFaces(count=3, held_back=1), PictureStore(tmp_path / "deep" / "shards")
    with pytest.raises(UserError, match="1 to 10000 a class"):
        store.write(DrawnFaces(count=0))
    assert not (tmp_path / "deep").exists()  # nothing is begun before there is a picture
    store.write(corpus)
    assert "kept" not in capfd.readouterr().err
    (store.folder / "COMPLETED").unlink()
    (store.folder / "dev-00000.tfrecord").unlink()
    store.write(corpus)
    assert "2 of 3 files were there and whole, and are kept" in capfd.readouterr().err
    store.write(corpus)
    assert "all 3 files are there and whole, and are kept" in capfd.readouterr().err


# ---- corpora of both kinds -------------------------------------------------------------------------------------------


def test_twins_of_both_kinds_say_what_they_are(tmp_path, voted):
    twin = Fer2013(release="folders").write_twin(tmp_path / "fer")
    count = len(list((tmp_path / "fer").rglob("*.png")))
    assert of_twin(twin) == (
        f"SYNTHETIC twin of the layout of fer2013: {count} pictures in {tmp_path}/fer, see TWIN.txt there"
    )
    assert twin.is_twin and (twin.path / TWIN).is_file() and not Fer2013().is_twin
    with pytest.raises(UserError, match="Corpus 'digits' has no twin"):
        Digits().write_twin(tmp_path / "digits")


def test_corpora_of_both_kinds_are_collections(tmp_path):
    assert issubclass(Corpus, Collection) and issubclass(ImageCorpus, Collection)
    for corpus in (Folder(), Recola(), Ferplus(), Fer2013()):
        assert not corpus.is_twin and corpus.described() and "SYNTHETIC" not in corpus.described()
        with pytest.raises(UserError, match=rf"Corpus '{corpus.name}' needs the folder .*; set its field dir"):
            corpus.root()
        here = dataclasses.replace(corpus, dir=str(tmp_path))
        assert here.root() == tmp_path
        (tmp_path / TWIN).write_text("SYNTHETIC")
        assert here.is_twin and here.described().startswith(f"SYNTHETIC TWIN of the layout of {corpus.name}")
        (tmp_path / TWIN).unlink()


def test_a_part_is_found_among_several_kinds(monkeypatch):
    kinds = ("corpora", "images")
    assert catalog.among(kinds, "avec") == ("corpora", "avec") and catalog.among(kinds, "emnist")[0] == "images"
    assert catalog.among(kinds, "images/emnist") == ("images", "emnist")
    for name in ("images/avec", "nothing"):
        with pytest.raises(UserError, match=rf"^No '{name}' among corpora and images: .*avec.*ferplus"):
            catalog.among(kinds, name)
    with pytest.raises(UserError, match=r"Did you mean 'ferplus'\?"):
        catalog.among(kinds, "ferpluss")
    every = [name for kind in kinds for name in catalog.names(kind)]
    assert len(set(every)) == len(every)  # no user has to say more than a name
    known = {"corpora": ("avec", "faces"), "images": ("faces", "digits")}
    monkeypatch.setattr(catalog, "names", lambda kind: known[kind])
    with pytest.raises(UserError, match="corpora and images both have 'faces'; say corpora/faces or images/faces"):
        catalog.among(kinds, "faces")
    assert catalog.among(kinds, "images/faces") == ("images", "faces")


TAKES = {"one": ("size", "colour"), "two": ("size",), "three": ()}


@pytest.fixture
def given(monkeypatch):
    """Parses a command line of flags of its own."""
    values = flags.FlagValues()
    for name in ("one", "two", "three", "size", "colour"):
        flags.DEFINE_string(name, None, "", flag_values=values)
    monkeypatch.setattr(command.flags, "FLAGS", values)
    return lambda *line: values(["tool", *line])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([], "^Give one of --one, --two, --three; received none[.]$"),
        (["--one=a", "--three=b"], "received --one and --three[.]$"),
        (["--two=a", "--colour=red"], "^--colour goes with --one, not with --two; leave it out[.]$"),
        (["--three=a", "--size=1"], "^--size goes with --one and --two, not with --three; leave it out[.]$"),
    ],
)
def test_a_tool_does_one_thing_with_what_goes_with_it(given, line, message):
    given(*line)
    with pytest.raises(UserError, match=message):
        command.way(TAKES)


def test_what_a_tool_does_and_needs(given):
    given("--one=a", "--size=1")
    assert command.way(TAKES) == "one" and command.needed("one", "size", "2") == "1"
    with pytest.raises(UserError, match="--one needs --colour, for example --colour=red"):
        command.needed("one", "colour", "red")
