"""Experiments of continual learning: settings, pictures and their pool, runs that are kept, reports."""

import csv
import json
import shutil
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest
from test_config import RECIPES, recipe

from emotf import continual
from emotf.classifiers.base import named
from emotf.config import from_json, to_json
from emotf.continual.config import Body, Continual, Descent, Tasks, Unknown
from emotf.continual.learning import Features, learn, with_unknown
from emotf.continual.linear import LinearClassifier
from emotf.continual.pictures import OUTSIDE, material, photos
from emotf.continual.printed import beside_table_4_4
from emotf.continual.rules import RULES
from emotf.continual.scores import forward, matrix, scored, summary, sweep
from emotf.errors import UserError
from emotf.images.base import ImageCorpus, Sample
from emotf.images.digits import Digits
from emotf.images.emnist import Emnist


@dataclass
class Stripes(ImageCorpus):
    """Six classes of a bright column each, in noise; train and test, no dev."""

    counts_of: tuple[int, ...] = (24, 24, 24, 24, 24, 24)
    channels: int = 1
    parts: tuple[str, ...] = field(default=("train", "test"))

    @property
    def classes(self):
        return tuple("abcdef")

    @property
    def shape(self):
        return (8, 8, self.channels)

    @property
    def partitions(self):
        return self.parts

    def read(self, partition):
        random = np.random.default_rng(0 if partition == "train" else 1)
        for place in range(max(self.counts_of)):
            for label, count in enumerate(self.counts_of):
                if place < count:
                    picture = random.integers(0, 120, self.shape, np.uint8)
                    picture[:, label + 1] += 100
                    yield Sample(f"{partition}{place}{label}", picture, label)


def tiny(**changes):
    settings = {"corpus": Stripes(), "tasks": Tasks(3, 2), "body": Body(epochs=2), "training": Descent(epochs=10)}
    return Continual(**(settings | changes))


# ---- settings --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    return recipe(next(path for path in RECIPES if path.stem == "continual"))


def test_the_recipe_has_the_tasks_of_the_thesis(made):
    letters = made.get_config("emnist")
    assert (letters.tasks, letters.unknown.source, letters.corpus.name) == (Tasks(5, 5), "class", "emnist")
    assert made.get_config().tasks == Tasks(5, 2) and made.get_config("digits,tasks-2x5").tasks == Tasks(2, 5)
    assert made.get_config("digits,alpha-0.3").rules[-1] == "alpha-0.3"
    assert len(made.get_config("digits,alpha-sweep").check().rules) == len(RULES) + 11
    assert made.get_config("cifar100,network-resnet18").body.network.name == "resnet18"
    for body in ("all_classes", "first_task"):
        assert made.get_config(f"digits,body-{body}").body.variants == (body,)
    assert made.get_config().body.variants == ("all_classes", "first_task")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("tasks-5", "tasks-5 is not understood; write tasks-<count>x<classes>"),
        ("tasks-5xtwo", "is not understood"),
        ("network-resnet19", "Did you mean 'resnet18'"),
        ("taks-5x2", "No option 'taks-5x2'"),
    ],
)
def test_options_that_do_not_exist_are_refused(made, option, message):
    with pytest.raises(UserError, match=message):
        made.get_config(f"digits,{option}")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (tiny(rules=("balance",)), "No rule 'balance'; .* Did you mean 'balanced'"),
        (tiny(rules=("alpha-2",)), "No rule 'alpha-2'"),
        (tiny(body=Body(knows="all")), "body.knows is 'all', expected one of all_classes, first_task, both"),
        (tiny(unknown=Unknown(source="photo")), "Did you mean 'photos'"),
        (tiny(tasks=Tasks(0, 2)), "tasks.count must be above 0, received 0"),
        (tiny(body=Body(epochs=0)), "body.epochs must be above 0"),
        (tiny(training=Descent(learning_rate=-1.0)), "training.learning_rate must be above 0"),
        (tiny(training=Descent(momentum=1.0)), "training.momentum is 1.0, expected below 1"),
        (tiny(training=Descent(decay=-0.1)), "training.decay must not be negative"),
        (tiny(margin=-0.1), "margin must not be negative"),
        (tiny(unknown=Unknown(share=1.0)), "unknown.share is 1.0, expected above 0, below 1"),
        (tiny(dev_share=0.0), "dev_share is 0.0"),
        (tiny(alphas=(0.0, 1.5)), "alphas are"),
    ],
)
def test_values_that_cannot_work_are_refused(config, message):
    with pytest.raises(UserError, match=message):
        config.check()


def test_settings_survive_json_and_rules_are_taken_apart():
    config = replace(tiny(corpus=Digits()), rules=("balanced,alpha-0.25", "balanced")).check()
    assert config.rules == ("balanced", "alpha-0.25")
    again = from_json(json.loads(json.dumps(to_json(config))), Continual)
    assert again == config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (tiny(tasks=Tasks(4, 2)), "4 tasks of 2 classes need 8, .* has 6"),
        (tiny(tasks=Tasks(3, 1)), "tasks.classes is 1"),
        (tiny(unknown=Unknown(source="class")), "take all 6 classes .* none is left outside them for .*source=class"),
        (tiny(unknown=Unknown(source="pictures")), "choose fewer tasks, or photos or noise"),
        (
            tiny(body=Body(network=named("resnet18", weights="random"))),
            "resnet18 takes pictures .* of 32 pixels a side",
        ),
    ],
)
def test_tasks_that_do_not_suit_the_corpus_are_refused_before_it_is_read(config, message, tmp_path):
    with pytest.raises(UserError, match=message):
        continual.runs(config, [0], tmp_path)


# ---- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (tiny(corpus=Stripes(parts=("train", "dev"))), "has no partition test, only train, dev"),
        (tiny(corpus=Stripes(counts_of=(24, 24, 0, 24, 24, 24))), "Class 'c' of .* has no picture in train"),
        (tiny(corpus=Stripes(counts_of=(0,) * 6)), "Partition train of .* holds no pictures"),
        (tiny(corpus=Emnist()), "needs the folder that holds it"),
    ],
)
def test_a_corpus_that_does_not_suit_is_refused(config, message):
    with pytest.raises(UserError, match=message):
        material(config, 0)


def as_set(pictures):
    return {picture.tobytes() for picture in pictures.values}


def test_partitions_and_pool_share_no_picture():
    whole = 6 * 24
    found = material(tiny(tasks=Tasks(2, 2), unknown=Unknown(source="pictures", share=0.25), dev_share=0.25), seed=3)
    parts = [as_set(getattr(found, name)) for name in ("train", "dev", "pool")]
    assert len(set.union(*parts)) == sum(map(len, parts)) == whole
    assert np.bincount(found.dev.labels).tolist() == [6] * 6 and len(found.test.labels) == whole
    assert sorted(set(found.pool.labels)) == list(range(6))


def test_dev_is_the_same_for_every_seed_and_the_corpus_own_where_it_has_one():
    one, other = (material(tiny(unknown=Unknown(source="noise")), seed) for seed in (0, 1))
    assert as_set(one.dev) == as_set(other.dev) and as_set(one.train) == as_set(other.train)
    assert not as_set(one.pool) & as_set(other.pool)
    digits = material(tiny(corpus=Digits(), tasks=Tasks(5, 2)), 0)
    assert len(digits.dev.labels) == sum(Digits().counts("dev").values())


@pytest.mark.parametrize(("source", "count"), [("photos", 44), ("noise", 44), ("class", 43)])
def test_the_pool_is_as_large_as_asked_for_or_as_there_is(source, count):
    # 132 pictures of 6 classes, 22 in the mean; the class that is left has 22, of which 2 are dev
    config = tiny(tasks=Tasks(2, 2), unknown=Unknown(source=source, times=2.0))
    pool = material(config, 0).pool
    expected = round(2 * len(material(config, 0).train.labels) / 6)
    assert len(pool.labels) == min(expected, 44 if source == "class" else expected)
    assert set(pool.labels) <= ({4, 5} if source == "class" else {OUTSIDE}) and pool.values.dtype == np.uint8


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 20, 1), (32, 32, 3)])
def test_photos_are_real_and_differ(shape):
    found = photos(12, shape, np.random.default_rng(0))
    assert found.shape == (12, *shape) and found.dtype == np.uint8
    assert len({crop.tobytes() for crop in found}) == 12
    assert (found.reshape(12, -1).max(axis=1) == 255).all() and (found.reshape(12, -1).min(axis=1) == 0).all()
    # unlike noise, neighbours are alike
    flat = found.astype(float)
    assert np.abs(np.diff(flat, axis=2)).mean() < 0.6 * np.abs(flat - flat[:, :, ::-1]).mean()


# ---- what is learned -------------------------------------------------------------------------------------------------


def blobs(count, seed, classes=6):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), count)
    centres = np.random.default_rng(9).normal(size=(classes, 10)) * 2
    return Features((centres[labels] + random.normal(size=(len(labels), 10))).astype(np.float32), labels)


def test_no_classifier_but_the_upper_bound_sees_an_old_picture():
    """Pictures of task 1 are replaced by nonsense: whatever was trained after it, and saw none of them, is the same."""
    train, pool = blobs(20, 0), blobs(5, 1)
    config = tiny(tasks=Tasks(2, 2), unknown=Unknown(source="pictures"))
    spoiled = Features(np.where((train.labels < 2)[:, None], 100.0, train.values).astype(np.float32), train.labels)
    pool_spoiled = Features(np.where((pool.labels < 4)[:, None], 100.0, pool.values).astype(np.float32), pool.labels)
    one = learn(train, pool, config, 0)
    other = learn(Features(spoiled.values, train.labels), pool_spoiled, config, 0)
    for kind in ("own", "plain"):
        a, b = getattr(one, kind)[1], getattr(other, kind)[1]
        assert a.weights.tolist() == b.weights.tolist() and a.bias.tolist() == b.bias.tolist()
    assert one.joint[1].weights.tolist() != other.joint[1].weights.tolist()


def test_the_pool_of_a_task_is_neither_new_nor_old():
    train, pool, tasks = blobs(20, 0), blobs(5, 1), Tasks(2, 2)
    x, y = with_unknown(1, train, pool, tasks)
    assert np.bincount(y).tolist() == [20, 20, 10]  # of classes 4 and 5
    assert x[40:].tolist() == pool.values[pool.labels > 3].tolist()


def test_shapes_of_all_classifiers_and_where_fine_tuning_starts():
    config = tiny(training=Descent(epochs=3))
    found = learn(blobs(20, 0), Features(np.ones((4, 10), np.float32), np.full(4, OUTSIDE)), config, 0)
    shapes = {kind: [one.weights.shape[1] for one in getattr(found, kind)] for kind in vars(found)}
    assert shapes == {"own": [3, 3, 3], "plain": [2, 2, 2], "joint": [2, 4, 6], "finetuned": [2, 4, 6]}
    assert all(one.unknown for one in found.own)
    # without a step worth the name it is what it was, and 0 for the new classes
    still = learn(blobs(20, 0), Features(np.ones((4, 10), np.float32), np.full(4, OUTSIDE)),
                  tiny(training=Descent(epochs=1, learning_rate=1e-12)), 0).finetuned  # fmt: skip
    assert still[2].weights[:, :2] == pytest.approx(still[0].weights, abs=1e-9)
    assert np.abs(still[2].weights[:, 4:]).max() < 1e-9


# ---- runs ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    config = tiny(corpus=Digits(), tasks=Tasks(3, 2), body=Body(epochs=3), training=Descent(epochs=15))
    runs = continual.runs(config, [0, 1], folder)
    continual.execute(runs)
    return runs


def test_runs_are_kept_and_taken_up_again(done, tmp_path, monkeypatch):
    assert [run.name for run in done] == [f"{b}, seed {s}" for b in ("all_classes", "first_task") for s in (0, 1)]
    folder = tmp_path / "again"
    shutil.copytree(done[0].folder.parents[1], folder)
    (folder / "all_classes" / "seed0" / "facts.json").unlink()
    runs = continual.runs(done[0].config, [0, 1], folder)
    assert [run.done for run in runs] == [False, True, True, True]
    # the body is there, and only what comes after it is done again, with the same result
    monkeypatch.setattr("emotf.continual.body.train", lambda *given: pytest.fail("the body is trained again"))
    before = (folder / "all_classes" / "seed0" / "body.keras").stat().st_mtime_ns
    continual.execute(runs)
    assert (folder / "all_classes" / "seed0" / "body.keras").stat().st_mtime_ns == before
    for kind, classifiers in vars(runs[0].learned).items():
        for one, other in zip(classifiers, getattr(done[0].learned, kind), strict=True):
            assert one.weights == pytest.approx(other.weights, abs=1e-4)
    assert runs[0].facts == done[0].facts


def test_other_rules_need_no_run_and_other_settings_another_folder(done):
    folder, config = done[0].folder.parents[1], done[0].config
    assert all(run.done for run in continual.runs(replace(config, rules=("balanced",), margin=0.1), [0], folder))
    assert not any(run.done for run in continual.runs(config, [2], folder))
    other = replace(config, training=Descent(epochs=16))
    with pytest.raises(UserError, match=r"made with other settings \(training.epochs\); choose another --out"):
        continual.runs(other, [0], folder)
    for seeds in ([], [0, 0], [-1]):
        with pytest.raises(UserError, match="name each once, from 0"):
            continual.runs(config, seeds, folder)


def test_a_damaged_run_is_named(done, tmp_path):
    shutil.copytree(done[0].folder.parents[1], tmp_path / "runs")
    (run, *_) = continual.runs(done[0].config, [0], tmp_path / "runs")
    path = run.folder / "learned.npz"
    for content in (path.read_bytes()[:2000], b"PK", b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"learned.npz is damaged .*; remove .*seed0 and run again"):
            _ = run.learned


# ---- scores ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scores(done):
    return scored(done, tuple(RULES), "test")


def test_scores_are_counted_picture_by_picture(done, scores):
    run = done[-1]
    features = run.features("test")
    from emotf.continual.rules import after_each_task

    one = after_each_task("balanced", run.learned)[1]
    right = known = total = 0
    loss = 0.0
    for x, label in zip(features.values, features.labels, strict=True):
        if label < 4:
            z = [float(x @ one.weights[:, c] + one.bias[c]) for c in range(5)]
            right += max(range(5), key=z.__getitem__) == label
            known += max(range(4), key=z.__getitem__) == label
            loss += np.log(sum(np.exp(z))) - z[label]
            total += 1
    row = scores[(scores["body"] == run.knows) & (scores["seed"] == run.seed) & (scores["rule"] == "balanced")
                 & (scores["after"] == 2) & (scores["on"] == "all")].iloc[0]  # fmt: skip
    assert (row["pictures"], row["outputs"]) == (total, 5)
    assert row["accuracy"] == pytest.approx(right / total) and row["known"] == pytest.approx(known / total)
    assert row["loss"] == pytest.approx(loss / total, rel=1e-4)


def test_the_transfer_matrix_has_a_row_a_task(scores):
    part = scores[(scores["body"] == "first_task") & (scores["seed"] == 0) & (scores["rule"] == "finetuned")]
    r = matrix(part)
    assert r.shape == (3, 3) and np.isnan(r[np.triu_indices(3, 1)]).all()
    for after in (1, 2, 3):
        of = part[part["after"] == after]
        whole, single = of[of["on"] == "all"].iloc[0], of[of["on"] != "all"]
        assert whole["accuracy"] == pytest.approx((single["accuracy"] * single["pictures"]).sum() / whole["pictures"])
        assert r[after - 1, :after].tolist() == pytest.approx(single["accuracy"].tolist())


def test_the_summary_is_of_the_last_task(scores):
    means = summary(scores)
    assert len(means) == 2 * len(RULES)
    last = scores[(scores["on"] == "all") & (scores["after"] == 3)]
    for row in means.to_dict("records"):
        of = last[(last["body"] == row["body"]) & (last["rule"] == row["rule"])]["accuracy"]
        assert row["accuracy"] == pytest.approx(of.mean()) and row["accuracy_sd"] == pytest.approx(of.std(ddof=1))
        assert row["outputs"] == 6 + (row["rule"] in ("balanced", "printed", "anchored"))
        assert (row["distance"] == pytest.approx(0, abs=1e-6)) == (row["rule"] == "joint")


def test_merging_lies_between_the_bounds(scores):
    """Six digits, bodies of three epochs: blending forgets less than fine-tuning, and nothing beats seeing it all."""
    means = summary(scores).set_index(["body", "rule"])["accuracy"]
    for body in ("all_classes", "first_task"):
        assert means[body, "joint"] >= means[body, "balanced"] > means[body, "finetuned"]


def test_the_sweep_meets_the_rules_with_the_same_alpha(done, scores):
    found = sweep(done, "test")
    assert len(found) == 4 * 11
    two = scored(done, ("alpha-0.5",), "test")
    half = two[(two["on"] == "all") & (two["after"] == 3)]["accuracy"]
    assert found[found["alpha"] == 0.5]["accuracy"].tolist() == pytest.approx(half.tolist())


def test_forward_transfer_compares_with_the_untrained_body(done):
    found = forward(done, "test")
    gains = [np.mean(np.subtract(run.facts["alone"]["test"], run.facts["untrained"]["test"])[1:]) for run in done[:2]]
    assert found["all_classes"] == pytest.approx((np.mean(gains), np.std(gains, ddof=1)))


# ---- reports ---------------------------------------------------------------------------------------------------------


def test_the_report_is_written_in_all_formats(done, tmp_path):
    said, paths = continual.report(done, tmp_path)
    assert {path.name for path in paths} == {
        "continual.md", "continual.html", "continual.tex", "continual.csv", "continual_summary.csv",
        "continual_curves.png", "continual_alpha.png", "continual_transfer.png", "continual_weights_all_classes.png",
        "continual_weights_first_task.png",
    }  # fmt: skip
    assert all(path.stat().st_size > 500 for path in paths)
    assert (tmp_path / "continual.md").read_text() == said
    for rule in RULES:
        lines = [line for line in said.splitlines() if line.count("|") > 4 and line.split("|")[2].strip() == rule]
        assert len(lines) == 4  # two bodies in two tables
    page = (tmp_path / "continual.html").read_text()
    for name in ("curves", "alpha", "transfer", "weights"):
        assert f'id="plot-{name}"' in page
    tex = (tmp_path / "continual.tex").read_text()
    assert r"first\_task" in tex and r"$\alpha$ = K/(N+K)" in tex and tex.isascii()
    table = pd.read_csv(tmp_path / "continual.csv")
    assert len(table) == 2 * 2 * len(RULES) * (3 + 1 + 2 + 3)


def test_dev_has_a_report_of_its_own(done, tmp_path):
    said, paths = continual.report(done[:1], tmp_path, "dev")
    assert {path.name.partition(".")[0].split("_")[1] for path in paths} == {"dev"}
    assert "3 tasks of 2 classes, dev" in said and "table 4.4" not in said.split("## ")[-1]


def test_one_seed_has_no_spread(done, tmp_path):
    said, _ = continual.report(done[:1], tmp_path)
    cells = [cell.strip() for line in said.splitlines() if line.startswith("|") for cell in line.split("|")]
    assert "nan" not in cells and not [cell for cell in cells if "±" in cell]


def test_bounds_and_blend_are_reported_whatever_rules_are_asked_for(done, tmp_path):
    runs = continual.runs(replace(done[0].config, rules=("alpha-0.25",)), [0, 1], done[0].folder.parents[1])
    said, _ = continual.report(runs, tmp_path)
    for rule in ("alpha-0.25", "joint", "balanced", "finetuned"):
        assert f"| {rule} " in said
    assert "by α = 0.25 in every merge" in said and "| clahe" not in said


def test_table_4_4_is_beside_ours(done, scores):
    header, rows = beside_table_4_4(done, scores)
    from emotf.reproduction.table import PUBLISHED

    with open(PUBLISHED / "orgil2022_table4_4.csv", encoding="utf-8", newline="") as file:
        printed = list(csv.DictReader(file))
    table = [dict(zip(header, row, strict=True)) for row in rows]
    for row, theirs in zip(table, printed, strict=True):
        for ours, column in (("test accuracy", "test_accuracy"), ("loss", "test_loss"), ("trainable", None)):
            if column:
                assert row[f"{ours} printed"] == theirs[column]
        assert row["trainable printed"] == theirs["trainable_parameters"]
    # three tasks of two: merges 2+2 and 4+2, beside 5+5 and 10+5, whose α they have
    assert [row["classes ours"] for row in table] == ["10+0", "2+2", "4+2", "-", "-", "-"]
    assert table[1]["trainable ours"] == str(121 * 3)
    assert table[2]["parameters ours"] == str(done[0].facts["body_parameters"] + 121 * 7)
    assert table[3]["test accuracy all_classes"] == "-" and "±" in table[2]["test accuracy first_task"]


def test_letters_are_read_and_the_26th_is_unknown(tmp_path):
    corpus = Emnist().write_twin(tmp_path / "twin")
    config = Continual(corpus=corpus, tasks=Tasks(5, 5), unknown=Unknown(source="class"),
                       body=Body(knows="first_task", epochs=1), training=Descent(epochs=2))  # fmt: skip
    runs = continual.runs(config, [0], tmp_path / "runs")
    continual.execute(runs)
    assert set(material(config, 0).pool.labels) == {25}
    last = runs[0].learned.finetuned[-1]
    assert isinstance(last, LinearClassifier) and last.classes == 25
    said, _ = continual.report(runs, tmp_path / "report")
    assert "SYNTHETIC TWIN" in said and "| 20+5" in said.replace("  ", " ")
