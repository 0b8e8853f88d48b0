import csv
import dataclasses
import gzip
import pickle
import re
import typing

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from emotf import catalog
from emotf.errors import UserError
from emotf.images import _pickled
from emotf.images._votes import CLASSES as VOTED
from emotf.images._votes import RULES, judged
from emotf.images.cifar100 import Cifar100
from emotf.images.digits import Digits
from emotf.images.drawn_faces import DrawnFaces
from emotf.images.emnist import Emnist
from emotf.images.fer2013 import CLASSES, Fer2013
from emotf.images.ferplus import Ferplus

NAMES = catalog.names("images")
# What is read from a folder, in every release; a new corpus with a twin adds itself here.
TWINS = {
    "fer2013": Fer2013(),
    "fer2013 as folders": Fer2013(release="folders"),
    "ferplus": Ferplus(),
    "ferplus as folders": Ferplus(release="folders", rule="probability"),
    "ferplus without contempt": Ferplus(rule="multi_target", without=("contempt",)),
    "cifar100": Cifar100(),
    "cifar100, coarse": Cifar100(coarse=True),
    "emnist": Emnist(),
}
WITHOUT_FOLDER = {"digits": Digits(), "drawn_faces": DrawnFaces(count=9, held_back=3)}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    built = {}

    def get(name):
        if name not in built:
            make = TWINS.get(name)
            built[name] = make.write_twin(tmp_path_factory.mktemp("twin")) if make else WITHOUT_FOLDER[name]
        return built[name]

    return get


def content(home):
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


def refused(corpus, partition, message):
    with pytest.raises(UserError, match=message) as caught:
        list(corpus.samples(partition))
    assert "\n" not in str(caught.value)


# ---- the contract of every corpus ------------------------------------------------------------------------------------


def test_every_corpus_is_tried():
    assert {name.split()[0].rstrip(",") for name in (*TWINS, *WITHOUT_FOLDER)} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_says_what_it_is_and_can_be_configured(name):
    kind = catalog.find("images", name)
    assert kind().name == name
    assert kind.licence and kind.labels_are and "\n" not in kind.licence
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint = typing.get_origin(hints[field.name]) or hints[field.name]
        assert hint in (int, float, str, bool, tuple), f"{field.name} is a {hint}"


@pytest.mark.parametrize("name", [*TWINS, *WITHOUT_FOLDER])
def test_contract(name, corpora):
    corpus = corpora(name)
    assert len(set(corpus.classes)) == len(corpus.classes) > 1
    assert corpus.partitions in (("train", "dev", "test"), ("train", "test"))
    for partition in corpus.partitions:
        samples = list(corpus.samples(partition))
        assert len({sample.id for sample in samples}) == len(samples) > 0
        for sample in samples:
            assert sample.picture.dtype == np.uint8 and sample.picture.shape == corpus.shape
            assert type(sample.label) is int and 0 <= sample.label < len(corpus.classes)
            assert (sample.votes is not None) == corpus.voted
            if corpus.voted:
                assert sample.votes.dtype == np.float32 and sample.votes.shape == (len(corpus.classes),)
                assert sample.votes.min() >= 0 and sample.votes.sum() == pytest.approx(1)
                assert sample.votes[sample.label] == sample.votes.max()
        labels = [sample.label for sample in samples]
        assert corpus.counts(partition) == {name: labels.count(i) for i, name in enumerate(corpus.classes)}
        again = list(corpus.samples(partition))
        assert [sample.id for sample in again] == [sample.id for sample in samples]
        assert all((a.picture == b.picture).all() for a, b in zip(samples, again, strict=True))
    assert max(corpus.counts("train").values()) > 1
    pictures = [{one.picture.tobytes() for one in corpus.samples(partition)} for partition in corpus.partitions]
    assert len(set().union(*pictures)) == sum(map(len, pictures))  # none is in two partitions
    with pytest.raises(UserError, match="no 'validation'; choose"):
        corpus.samples("validation")


@pytest.mark.parametrize("name", TWINS)
def test_a_missing_corpus_is_refused_at_once(name, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, message in (("", "set its field dir"), ("nowhere", "is missing; correct dir"), ("empty", "obtain")):
        corpus = dataclasses.replace(TWINS[name], dir=folder and str(tmp_path / folder))
        with pytest.raises(UserError, match=message) as caught:
            corpus.samples("train")
        assert "\n" not in str(caught.value) and corpus.licence[:20] in str(caught.value)


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_says_that_it_is_one_and_is_the_same_again(name, corpora, tmp_path):
    corpus = corpora(name)
    assert "SYNTHETIC TWIN" in corpus.described()
    assert content(TWINS[name].write_twin(tmp_path / "again").path) == content(corpus.path)
    other = content(TWINS[name].write_twin(tmp_path / "other", seed=1).path)
    assert other != content(corpus.path)
    with pytest.raises(UserError, match="is not an empty folder"):
        corpus.write_twin(tmp_path / "again")


@pytest.mark.parametrize("name", WITHOUT_FOLDER)
def test_a_corpus_without_a_folder_says_so(name):
    for partition in ("train", "test"):
        with pytest.raises(UserError, match="leave dir empty"):
            dataclasses.replace(WITHOUT_FOLDER[name], dir="x").samples(partition)
    with pytest.raises(UserError, match="has no twin"):
        WITHOUT_FOLDER[name].write_twin("anywhere")


# ---- FER2013 ---------------------------------------------------------------------------------------------------------


def numbers(value):
    return " ".join([str(value)] * 2304)


def write_fer(home, rows, name="fer2013.csv", header="emotion,pixels,Usage"):
    (home / name).write_text("\n".join([header, *rows]) + "\n")
    return home


def test_fer2013_reads_rows_by_usage(tmp_path):
    picture = np.arange(2304) % 256
    rows = [f"3,{' '.join(map(str, picture))},Training", f"0,{numbers(9)},PublicTest", f"6,{numbers(7)},PrivateTest"]
    corpus = Fer2013(dir=str(write_fer(tmp_path, rows)))
    (train,), (dev,), (test,) = (list(corpus.samples(part)) for part in corpus.partitions)
    assert train.picture[1, 2, 0] == (48 + 2) % 256 and train.picture[0, 47, 0] == 47  # row by row
    assert [corpus.classes[one.label] for one in (train, dev, test)] == ["happy", "angry", "neutral"]
    assert (dev.picture == 9).all() and (test.picture == 7).all() and train.id != dev.id
    (tmp_path / "fer2013.csv").unlink()
    write_fer(tmp_path, [f"3, Training,{numbers(5)}", ""], "icml_face_data.csv", "emotion, Usage, pixels")
    assert [one.label for one in corpus.samples("train")] == [3]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"7,{numbers(1)},Training", r"line 3: emotion '7', expected 0 to 6"),
        (f"1,{numbers(256)},Training", r"line 3: pixels are whole numbers from 0 to 255"),
        (f"1,{numbers('x')},Training", r"line 3: pixels are whole numbers"),
        ("1,1 2 3,Training", r"line 3: 3 pixels, expected 2304"),
        (f"1,{numbers(1)},Validation", r"line 3: usage 'Validation', expected Training, PublicTest"),
        ("1,1 2", r"line 3: 2 cells under a header of 3; the file is cut short"),
    ],
)
def test_fer2013_refuses_a_damaged_row(tmp_path, row, message):
    refused(Fer2013(dir=str(write_fer(tmp_path, [f"1,{numbers(1)},Training", row]))), "train", message)


def test_fer2013_refuses_other_tables(tmp_path):
    corpus = Fer2013(dir=str(tmp_path))
    refused(
        Fer2013(dir=str(write_fer(tmp_path, [], header="emotion,Usage"))), "train", "no column 'pixels', it has: em"
    )
    write_fer(tmp_path, [])
    refused(corpus, "train", "has a header and no rows")
    (tmp_path / "fer2013.csv").write_bytes(b"emotion,pixels,Usage\n\xff\xfe")
    refused(corpus, "train", "is not a CSV table")
    refused(dataclasses.replace(corpus, release="zip"), "train", "Release can be csv, folders, or empty")
    refused(dataclasses.replace(corpus, release="folders"), "train", "holds nothing of the release 'folders'")
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
    refused(corpus, "train", "holds the releases csv and folders; say which by the field release")
    refused(dataclasses.replace(corpus, release="folders"), "train", r"has the folders none, expected one for each")


def test_fer2013_folders_tell_dev_from_test_by_names_only(tmp_path):
    for part, name, value in (("train", "Training_1", 1), ("test", "PublicTest_2", 2), ("test", "PrivateTest_3", 3)):
        for place, emotion in enumerate(CLASSES):
            (tmp_path / part / emotion).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((48, 48), 10 * value + place, np.uint8)).save(
                tmp_path / part / emotion / f"{name}.png"
            )
    corpus = Fer2013(dir=str(tmp_path))
    assert corpus.partitions == ("train", "dev", "test")
    for value, part in enumerate(corpus.partitions, start=1):
        found = list(corpus.samples(part))
        assert [one.label for one in found] == list(range(7))
        assert [int(one.picture[0, 0, 0]) for one in found] == [10 * value + place for place in range(7)]
    (tmp_path / "test" / "sad" / "PublicTest_2.png").rename(tmp_path / "test" / "sad" / "im2.png")
    assert corpus.partitions == ("train", "test") and len(list(corpus.samples("test"))) == 14
    Image.fromarray(np.zeros((64, 48), np.uint8)).save(tmp_path / "train" / "sad" / "Training_9.png")
    refused(corpus, "train", "Training_9.png has 48 x 64 pixels, expected 48 x 48")
    (tmp_path / "train" / "sad" / "Training_9.png").write_bytes(b"half")
    refused(corpus, "train", "Training_9.png cannot be read as a picture")


# ---- FER+ ------------------------------------------------------------------------------------------------------------

#              neutral happy surprise sad anger disgust fear contempt unknown NF
HAND_COUNTED = [
    ([6, 0, 0, 3, 1, 0, 0, 0, 0, 0], {"majority": "neutral 1", "probability": "neutral .667 sadness .333",
                                      "multi_target": "neutral .5 sadness .5"}),
    ([4, 4, 0, 0, 1, 1, 0, 0, 0, 0], {"majority": None, "probability": "neutral .5 happiness .5",
                                      "multi_target": "neutral .5 happiness .5"}),
    ([5, 0, 0, 5, 0, 0, 0, 0, 0, 0], {"majority": None, "probability": "neutral .5 sadness .5",
                                      "multi_target": "neutral .5 sadness .5"}),
    ([0, 0, 0, 0, 0, 0, 0, 0, 8, 2], {"majority": "class unknown", "probability": "class unknown",
                                      "multi_target": "class unknown"}),
    ([0, 0, 0, 0, 2, 0, 0, 0, 0, 8], {"majority": "class NF", "probability": "class NF", "multi_target": "class NF"}),
    ([0, 0, 3, 0, 0, 0, 2, 0, 5, 0], {"majority": None, "probability": None, "multi_target": "class unknown"}),
    ([0, 0, 6, 0, 0, 0, 0, 0, 4, 0], {"majority": "surprise 1", "probability": "surprise 1",
                                      "multi_target": "surprise 1"}),
    ([0, 0, 0, 0, 0, 0, 0, 9, 1, 0], {"majority": "contempt 1", "probability": "contempt 1",
                                      "multi_target": "contempt 1"}),
    ([2, 2, 2, 2, 2, 0, 0, 0, 0, 0], {"majority": None, "probability": None, "multi_target": None}),
    ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], {"majority": None, "probability": None, "multi_target": None}),
    ([4, 3, 2, 0, 0, 0, 0, 0, 0, 0], {"majority": None, "probability": "neutral .571 happiness .429",
                                      "multi_target": "neutral .5 happiness .5"}),
    ([4, 2, 2, 2, 0, 0, 0, 0, 0, 0], {"majority": None, "probability": None, "multi_target": None}),
    ([5, 2, 0, 0, 0, 3, 0, 0, 0, 0], {"majority": None, "probability": "neutral .625 disgust .375",
                                      "multi_target": "neutral .625 disgust .375"}),
]  # fmt: skip


def literal(votes, rule):
    """The rules once more, on lists, as the paper and the reader beside the published votes put them."""
    votes = [0 if vote == 1 else vote for vote in votes]
    total, kept = sum(votes), [0] * 10
    if rule == "majority":
        best = max(range(10), key=lambda k: votes[k])
        if 2 * votes[best] > total:
            kept[best] = votes[best]
        return kept
    if rule == "multi_target":
        kept = [vote if vote >= 0.3 * total else 0 for vote in votes]
        return kept if 2 * sum(kept) > total else [0] * 10
    left, taken, counted, goes_on = list(votes), 0, 0, True
    while taken < 0.75 * total and counted < 3 and goes_on:
        best = max(left)
        for k in range(10):
            if left[k] == best:
                kept[k], left[k] = best, 0
                taken, counted = taken + best, counted + 1
                if k >= 8:
                    goes_on = False
                    if sum(kept) > best:
                        kept[k], counted = 0, counted - 1
                    break
    return [0] * 10 if 2 * sum(kept) <= total or counted > 3 else kept


@pytest.mark.parametrize("rule", RULES)
def test_the_rules_are_those_written_out(rule):
    rng = np.random.default_rng(0)
    likely = rng.dirichlet(np.full(10, 0.35), 4000)
    for votes in [rng.multinomial(10, shares) for shares in likely]:
        expected, found = literal(votes.tolist(), rule), judged(votes, rule)
        best = max(range(10), key=lambda k: expected[k])
        if sum(expected) == 0 or best >= 8:
            assert found.left_out and found.votes is None
            continue
        assert not found.left_out and found.label == best
        shares = [float(vote > 0) if rule == "multi_target" else vote for vote in expected[:8]]
        np.testing.assert_allclose(found.votes, np.array(shares) / sum(shares), rtol=1e-6)


@pytest.mark.parametrize(("votes", "expected"), HAND_COUNTED, ids=lambda value: "")
def test_rules_by_hand(votes, expected):
    for rule, said in expected.items():
        found = judged(np.array(votes), rule)
        if said is None or said.startswith("class"):
            assert found.left_out == (said or "no class by the rule"), (rule, votes)
            continue
        shares = dict(re.findall(r"(\w+) ([\d.]+)", said))
        if rule == "multi_target":
            shares = dict.fromkeys(shares, 1 / len(shares))
        wanted = [float(shares.get(name, 0)) for name in VOTED]
        np.testing.assert_allclose(found.votes, wanted, atol=5e-4, err_msg=f"{rule} {votes}")


def write_ferplus(home, votes, names, usage="Training"):
    """Pictures whose grey value is the number of their row."""
    write_fer(home, [f"0,{numbers(row)},{usage}" for row in range(len(votes))])
    header = ["Usage", "Image name", *VOTED, "unknown", "NF"]
    with open(home / "fer2013new.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        for name, row in zip(names, votes, strict=True):
            table.writerow([usage, name, *row])
    return home


def test_ferplus_joins_by_row_and_counts_what_it_leaves_out(tmp_path):
    votes = [votes for votes, _ in HAND_COUNTED] + [[0] * 10, [0] * 10]
    names = [f"fer{7 * k:07d}.png" for k in range(len(HAND_COUNTED))]  # names do not count rows
    names = [*names[:4], "", *names[4:], " "]
    votes = [*votes[:4], votes[-1], *votes[4:-1]]
    home = write_ferplus(tmp_path, votes, names)
    blank = {4, len(votes) - 1}
    for rule in RULES:
        corpus = Ferplus(dir=str(home), rule=rule)
        judgements = {row: judged(np.array(votes[row]), rule) for row in range(len(votes)) if row not in blank}
        kept = {row: one for row, one in judgements.items() if not one.left_out}
        samples = list(corpus.samples("train"))
        # the picture's grey value says from which row it is: blank names were skipped and still counted
        assert [int(sample.picture[0, 0, 0]) for sample in samples] == list(kept)
        assert [sample.label for sample in samples] == [one.label for one in kept.values()]
        assert [sample.id for sample in samples] == [names[row].removesuffix(".png") for row in kept]
        left_out = corpus.left_out("train")
        assert left_out["no image name"] == 2
        assert sum(left_out.values()) + sum(corpus.counts("train").values()) == len(votes)
    assert Ferplus(dir=str(home)).left_out("train") == {
        "class NF": 1, "class unknown": 1, "no class by the rule": 8, "no image name": 2,
    }  # fmt: skip
    assert Ferplus(dir=str(home)).counts("train") == dict.fromkeys(VOTED, 0) | {
        "neutral": 1, "surprise": 1, "contempt": 1,
    }  # fmt: skip
    assert Ferplus(dir=str(home), rule="multi_target").left_out("train")["class unknown"] == 2
    seven = Ferplus(dir=str(home), without=("contempt",))
    assert len(seven.classes) == 7 and seven.left_out("train")["class contempt"] == 1
    assert list(seven.counts("train").values()) == [1, 0, 1, 0, 0, 0, 0]


def test_both_releases_of_ferplus_are_the_same(corpora, tmp_path):
    tables = corpora("ferplus")
    folders = dataclasses.replace(corpora("ferplus as folders"), rule="majority")
    boxed = (folders.path / "FER2013Test" / "label.csv").read_text().splitlines()
    assert all('"(0, 0, 48, 48)"' in line for line in boxed)
    for partition in tables.partitions:
        for one, other in zip(tables.samples(partition), folders.samples(partition), strict=True):
            assert one.id == other.id and one.label == other.label and (one.picture == other.picture).all()
    assert {"no image name", "class unknown"} <= set(tables.left_out("train"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda home: edit(home / "fer2013.csv", lambda lines: lines[:-1]),
            r"fer2013.csv has fewer rows than fer2013new",
        ),
        (
            lambda home: edit(home / "fer2013new.csv", lambda lines: lines[:-1]),
            r"fer2013new.csv has fewer rows than fer20",
        ),
        (
            lambda home: edit(home / "fer2013new.csv", lambda lines: lines[:1] + lines[-1:] + lines[1:-1]),
            r"is of train, ",
        ),
        (
            lambda home: edit(home / "fer2013new.csv", lambda lines: [lines[0].replace("NF", "no"), *lines[1:]]),
            "column 'NF'",
        ),
        (
            lambda home: edit(home / "fer2013new.csv", lambda lines: [*lines[:-1], lines[-1][:-1] + "x"]),
            "not whole numb",
        ),
        (
            lambda home: (home / "fer2013.csv").unlink(),
            "fer2013.csv is missing, fer2013new.csv has votes only",
        ),
    ],
    ids=["short table", "short votes", "other order", "other column", "no number", "no table"],
)
def test_ferplus_refuses_tables_that_do_not_belong_together(tmp_path, change, message):
    corpus = Ferplus().write_twin(tmp_path)
    change(tmp_path)
    refused(corpus, "train", message)


def edit(path, change):
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def test_ferplus_refuses_a_broken_folder_and_settings(tmp_path):
    corpus = Ferplus(release="folders").write_twin(tmp_path)
    labels = tmp_path / "FER2013Test" / "label.csv"
    edit(labels, lambda lines: [lines[0].replace("(0, 0, 48, 48)", "(2, 2, 40, 40)"), *lines[1:]])
    refused(corpus, "test", r"label.csv, line 1: 12 cells, expected a file name, perhaps the box")
    edit(labels, lambda lines: ["a.png,1,2,3"])
    refused(corpus, "test", r"line 1: 4 cells")
    next((tmp_path / "FER2013Train").glob("*.png")).unlink()
    refused(corpus, "train", r"png is missing; restore it")
    refused(
        dataclasses.replace(corpus, rule="median"), "train", "A rule of FER\\+ is majority, probability, multi_target"
    )
    refused(dataclasses.replace(corpus, without=("joy",)), "train", "cannot be without 'joy'")
    refused(dataclasses.replace(corpus, without=VOTED[1:]), "train", "leave at least two")


# ---- CIFAR-100 -------------------------------------------------------------------------------------------------------


def test_cifar100_is_read_from_planes_and_rows(tmp_path):
    rows = np.arange(2 * 3072, dtype=np.int64).reshape(2, 3072) % 251
    write_cifar(tmp_path, rows.astype(np.uint8), [99, 0])
    first, second = Cifar100(dir=str(tmp_path)).samples("test")
    assert (first.label, second.label) == (99, 0)
    for channel, y, x in ((0, 0, 0), (1, 0, 5), (2, 31, 30)):
        assert first.picture[y, x, channel] == (1024 * channel + 32 * y + x) % 251
    assert [one.label for one in Cifar100(dir=str(tmp_path), coarse=True).samples("test")] == [19, 0]


def write_cifar(home, rows, labels, as_array=False, text_keys=False):
    """As Python 2 wrote it, opcode by opcode; or as somebody might have written it since."""
    names = {
        f"{kind}_label_names": [f"{kind}{k}" for k in range(count)] for kind, count in (("fine", 100), ("coarse", 20))
    }
    values = np.array if as_array else list
    content = {"data": rows, "fine_labels": values(labels), "coarse_labels": values([label // 5 for label in labels])}
    for name, part in (("meta", names), ("train", content), ("test", content)):
        data = pickle.dumps(part, 4) if text_keys else b"\x80\x02" + opcodes(part) + b"."
        (home / name).write_bytes(data)


def opcodes(value):
    """What `cPickle.dumps(value, 2)` of Python 2 and NumPy 1 wrote, without the memo that it never read."""
    if isinstance(value, int):
        return b"J" + value.to_bytes(4, "little", signed=True)
    if isinstance(value, str):
        return b"U" + bytes([len(value)]) + value.encode()
    if isinstance(value, list):
        return b"](" + b"".join(map(opcodes, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(opcodes(key) + opcodes(part) for key, part in value.items()) + b"u"
    kind = value.dtype.str  # for example |u1
    dtype = b"cnumpy\ndtype\n(" + opcodes(kind[1:]) + b"K\x00K\x01tR(K\x03" + opcodes(kind[0])
    dtype += b"NNN" + opcodes(-1) * 2 + b"K\x00tb"
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    raw = value.tobytes()
    shape = b"(" + b"".join(map(opcodes, value.shape)) + b"t"
    return empty + b"(K\x01" + shape + dtype + b"\x89T" + len(raw).to_bytes(4, "little") + raw + b"tb"


@pytest.mark.parametrize("options", [{"as_array": True}, {"text_keys": True}])
def test_cifar100_takes_text_for_bytes_and_arrays_for_lists(tmp_path, options):
    write_cifar(tmp_path, np.zeros((3, 3072), np.uint8), [5, 6, 7], **options)
    corpus = Cifar100(dir=str(tmp_path))
    assert [one.label for one in corpus.samples("train")] == [5, 6, 7] and corpus.classes[5] == "fine5"


def test_the_twin_of_cifar100_is_pickled_as_python_2_did(corpora):
    path = corpora("cifar100").path / "cifar-100-python" / "train"
    data = path.read_bytes()
    assert data.startswith(b"\x80\x02}") and b"U\x04data" in data and b"_codecs" not in data
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in data
    plain = pickle.loads(data, encoding="bytes")
    assert set(plain) == {b"filenames", b"batch_label", b"fine_labels", b"coarse_labels", b"data"}
    assert plain[b"data"].shape == (400, 3072) and plain[b"data"].dtype == np.uint8
    assert isinstance(plain[b"fine_labels"], list) and plain[b"filenames"][0].endswith(b".png")


class Evil:
    def __reduce__(self):
        return (print, ("this was called",))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pickle.dumps({"data": Evil()}, 2), r"it asks for (__builtin__|builtins).print, which pictures do not need"),
        (b"cos\nsystem\n(S'true'\ntR.", r"it asks for os.system"),
        (b"c_codecs\nencode\n(Vx\nVrot13\ntR.", r"it asks for the encoding 'rot13'"),
        (b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.", r"it asks for numpy.core.multiarray._reconstruct.__"),
        (pickle.dumps([1, 2]), r"holds a list, expected a dictionary"),
        (b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.", r"it asks for an array of 'O8'"),
        (b"cnumpy\ndtype\n}(S'kind'\nS'x'\nub.", r"it changes what pictures do not need"),
        (b"", r"cannot be unpickled"),
        (b"\x80\x02}q\x00U", r"cannot be unpickled"),
        (b"not a pickle at all", r"cannot be unpickled"),
    ],
)
def test_only_plain_values_are_unpickled(tmp_path, data, message, capfd):
    (tmp_path / "train").write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        _pickled.read_pickle(tmp_path / "train")
    assert str(tmp_path / "train") in str(caught.value) and "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""


def test_an_array_is_what_its_bytes_say(tmp_path):
    arrays = [np.arange(6, dtype=kind).reshape(2, 3) for kind in ("u1", "i8", ">i4", "<f8")]
    for array in [*arrays, np.asfortranarray(arrays[1])]:
        for protocol in (0, 2, 4):
            (tmp_path / "array").write_bytes(pickle.dumps({"data": array, "next": [1, -2, 1.5, None]}, protocol))
            found = _pickled.read_pickle(tmp_path / "array")
            assert found["data"].dtype == array.dtype and found["next"] == [1, -2, 1.5, None]
            np.testing.assert_array_equal(found["data"], array)


def test_damaged_pickles_end_in_one_line(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "train"
    _pickled.write_python2(path, {b"data": np.zeros((2, 5), np.uint8), b"fine_labels": [1, 2], b"x": (1.5, None)})
    whole, said = path.read_bytes(), []
    for _ in range(200):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 2):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            assert isinstance(_pickled.read_pickle(path), dict)
        except UserError as error:
            said.append(str(error))
    assert len(said) > 50 and all(str(path) in line and "\n" not in line for line in said)


def test_a_cifar100_that_is_cut_short_anywhere_is_refused_with_its_name(tmp_path):
    corpus = Cifar100().write_twin(tmp_path)
    path = tmp_path / "cifar-100-python" / "test"
    data = path.read_bytes()
    for size in (0, 1, 100, 5_000, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        refused(corpus, "test", rf"{re.escape(str(path))} cannot be unpickled")
    path.unlink()
    refused(corpus, "test", r"cifar-100-python/test is missing; unpack")


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        (np.zeros((2, 3072), np.float32), [1, 2], r"data is float32 \[2, 3072\], expected uint8 \[pictures, 3072\]"),
        (np.zeros((2, 3071), np.uint8), [1, 2], r"data is uint8 \[2, 3071\]"),
        (np.zeros((2, 3072), np.uint8), [1], r"fine_labels are int64 \[1\], expected a whole number for each of 2"),
        (np.zeros((2, 3072), np.uint8), [1, 100], r"fine_labels run from 1 to 100, expected 0 to 99"),
    ],
)
def test_cifar100_refuses_other_content(tmp_path, rows, labels, message):
    write_cifar(tmp_path, rows, labels)
    refused(Cifar100(dir=str(tmp_path)), "train", message)


# ---- EMNIST ----------------------------------------------------------------------------------------------------------


def idx(array):
    magic = {1: b"\x00\x00\x08\x01", 3: b"\x00\x00\x08\x03"}[array.ndim]
    return magic + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.astype(np.uint8).tobytes()


def write_emnist(home, pictures, labels, zipped=False, partition="test"):
    home.mkdir(exist_ok=True)
    for what, array in (("images-idx3", pictures), ("labels-idx1", labels)):
        data = idx(np.asarray(array))
        path = home / f"emnist-letters-{partition}-{what}-ubyte{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(data) if zipped else data)
    return home


@pytest.mark.parametrize("zipped", [False, True])
def test_emnist_pictures_are_turned_and_labels_begin_at_0(tmp_path, zipped):
    pictures = np.random.default_rng(0).integers(0, 256, (26, 28, 28))
    for name, first in (("published", 1), ("mirror", 0)):
        corpus = Emnist(dir=str(write_emnist(tmp_path / name, pictures, np.arange(26) + first, zipped)))
        for number, sample in enumerate(corpus.samples("test")):
            assert sample.label == number
            np.testing.assert_array_equal(sample.picture[..., 0], pictures[number].T)
    upright = next(dataclasses.replace(corpus, transposed=False).samples("test"))
    np.testing.assert_array_equal(upright.picture[..., 0], pictures[0])
    (tmp_path / "mirror").rename(tmp_path / "gzip")
    assert len(list(Emnist(dir=str(tmp_path)).samples("test"))) == 26


def test_the_twin_of_emnist_has_upright_letters(corpora):
    stored = next((corpora("emnist").path).glob("*train-images*")).read_bytes()
    data = gzip.decompress(stored)
    assert data[:16] == b"\x00\x00\x08\x03" + (260).to_bytes(4, "big") + (28).to_bytes(4, "big") * 2
    labels = gzip.decompress(next((corpora("emnist").path).glob("*train-labels*")).read_bytes())
    assert labels[:8] == b"\x00\x00\x08\x01" + (260).to_bytes(4, "big") and {*labels[8:]} == set(range(1, 27))
    letters = [one.picture[..., 0].astype(float) for one in corpora("emnist").samples("train") if one.label == 11]
    mean = np.mean(letters, axis=0)  # L: a stem on the left, a foot below
    assert mean[:, :14].sum() > 1.5 * mean[:, 14:].sum() and mean[14:].sum() > 1.3 * mean[:14].sum()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("what", ["images-idx3", "labels-idx1"])
def test_an_emnist_file_that_is_cut_short_is_refused_with_its_name(tmp_path, what, zipped):
    write_emnist(tmp_path, np.ones((26, 28, 28)), np.arange(26) + 1, zipped)
    (path,) = tmp_path.glob(f"*{what}*")
    data = path.read_bytes()
    for size in (0, 3, 7, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        refused(Emnist(dir=str(tmp_path)), "test", re.escape(str(path)))
    path.write_bytes(data + (gzip.compress(b"more") if zipped else b"more"))
    refused(Emnist(dir=str(tmp_path)), "test", re.escape(str(path)))
    path.unlink()
    refused(Emnist(dir=str(tmp_path)), "test", f"{what}-ubyte is missing, nor is it there as")


def test_a_damaged_gzip_file_is_refused_with_its_name(tmp_path):
    write_emnist(tmp_path, np.random.default_rng(0).integers(0, 256, (26, 28, 28)), np.arange(26) + 1, zipped=True)
    (path,) = tmp_path.glob("*images*")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    refused(Emnist(dir=str(tmp_path)), "test", re.escape(str(path)))


@pytest.mark.parametrize(
    ("pictures", "labels", "change", "message"),
    [
        ((26, 28, 28), range(1, 26), {}, r"labels from 1 to 25, which does not tell .* set the field first_label"),
        ((26, 28, 28), range(27), {}, r"labels from 0 to 26, which does not tell"),
        ((3, 28, 28), [2, 3, 4], {"first_label": 1}, None),
        ((3, 28, 28), [0, 3, 4], {"first_label": 1}, r"labels from 0 to 4, expected 1 to 26; correct first_label"),
        ((3, 28, 28), [2, 3, 4], {"first_label": 2}, r"first_label is 1 or 0, or -1 to find out; received 2"),
        ((3, 28, 28), [2, 3], {"first_label": 1}, r"has 3 pictures, .* 2 labels; take both"),
        ((3, 28, 20), [2, 3, 4], {"first_label": 1}, r"pictures of 20 x 28, expected 28 x 28"),
        ((3, 28, 28), [], {}, r"holds no labels"),
    ],
)
def test_emnist_tells_what_it_holds_or_asks(tmp_path, pictures, labels, change, message):
    corpus = Emnist(dir=str(write_emnist(tmp_path, np.zeros(pictures), np.array(list(labels), int))), **change)
    if message is None:
        assert [one.label for one in corpus.samples("test")] == [1, 2, 3]
    else:
        refused(corpus, "test", message)


def test_other_idx_files_are_refused(tmp_path):
    write_emnist(tmp_path, np.zeros((26, 28, 28)), np.arange(26) + 1)
    (path,) = tmp_path.glob("*labels*")
    path.write_bytes(b"\x00\x00\x08\x03" + path.read_bytes()[4:])
    refused(Emnist(dir=str(tmp_path)), "test", r"begins with 0x00000803, expected 0x00000801 \(IDX of labels\)")


# ---- digits and drawn faces ------------------------------------------------------------------------------------------


def test_digits_are_dealt_by_class_and_none_is_lost():
    corpus = Digits(seed=3)
    bundled = load_digits()
    seen = []
    for partition, share in (("train", 0.6), ("dev", 0.15), ("test", 0.25)):
        samples = list(corpus.samples(partition))
        for sample in samples:
            place = int(sample.id.removeprefix("digit"))
            seen.append(place)
            assert sample.label == bundled.target[place]
            np.testing.assert_array_equal(sample.picture[..., 0], np.round(bundled.images[place] * 255 / 16))
        for label, count in enumerate(corpus.counts(partition).values()):
            assert abs(count - share * (bundled.target == label).sum()) <= 1
    assert sorted(seen) == list(range(1797))
    others = [sample.id for sample in Digits(seed=4).samples("test")]
    assert others != [sample.id for sample in corpus.samples("test")]
    for change, message in (
        ({"seed": -1}, "seed is 0"),
        ({"dev": 0.0}, "for dev, received 0"),
        ({"test": 0.5}, "for te"),
    ):
        refused(dataclasses.replace(corpus, **change), "train", message)


def test_expressions_of_drawn_faces_can_be_told_apart():
    corpus = DrawnFaces(count=60, held_back=20)
    train, test = (
        [np.array(column) for column in zip(*((one.picture.ravel() / 255, one.label) for one in part), strict=True)]
        for part in (corpus.samples("train"), corpus.samples("test"))
    )
    assert SVC(C=10).fit(*train).score(*test) > 0.8


def test_drawn_faces_can_be_imbalanced():
    corpus = DrawnFaces(count=50, held_back=4, imbalance=10.0)
    counts = list(corpus.counts("train").values())
    assert counts[0] == 50 and counts[-1] == 5 and counts == sorted(counts, reverse=True)
    assert set(corpus.counts("dev").values()) == {4}
    assert "SYNTHETIC" in corpus.described()
    # one picture depends on its own numbers only
    more = {one.id: one.picture for one in DrawnFaces(count=60, held_back=4).samples("train")}
    assert all((more[one.id] == one.picture).all() for one in corpus.samples("train"))
    for change in ({"count": 0}, {"held_back": 0}, {"imbalance": 0.5}, {"seed": -1}):
        refused(dataclasses.replace(corpus, **change), "train", "received")
