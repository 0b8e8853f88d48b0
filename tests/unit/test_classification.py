"""Classifiers of pictures: scores, checks, exact resume, reports. What they learn is tested end to end."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from emotf.classification import training
from emotf.classification.config import Classification, Learning
from emotf.classification.evaluation import score
from emotf.classification.figures import confusion, mistakes, shares
from emotf.classification.pictures import Material
from emotf.classification.printed import beside_table_4_1
from emotf.classification.reporting import report
from emotf.classification.run import PictureRun
from emotf.classification.scoring import Answers, difference, interval
from emotf.classification.systems import runs as runs_of
from emotf.classification.training import train
from emotf.classifiers.base import named
from emotf.classifiers.resnet import Resnet
from emotf.classifiers.small_cnn import SmallCnn
from emotf.errors import UserError
from emotf.images.digits import Digits
from emotf.images.drawn_faces import DrawnFaces
from emotf.images.ferplus import Ferplus
from emotf.pipeline.views import View
from emotf.records import PictureStore
from emotf.weights import loaded


def tiny(folder, **settings):
    """A few drawn faces, a tiny network, three epochs."""
    learning = {"learning_rate": 1e-3, "epochs": 3, "batch": 8, "figure_every": 2} | settings
    return Classification(
        DrawnFaces(count=3, held_back=2), SmallCnn(filters=(4, 8), dropout=0.2), View(48, 44, True, 1),
        Learning(**learning), str(folder / "pictures"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two systems, two seeds each, trained and reported."""
    folder = tmp_path_factory.mktemp("classified")
    runs = runs_of(tiny(folder), {"training.sampling": ("balanced", "none")}, [0, 1], folder / "out")
    for one in runs:
        train(one.config, one.run)
    said, paths = report(runs, folder / "out", mistakes=5)
    return runs, said, paths


def random_answers(seed=0, pictures=200, classes=5, lacking=4):
    """Answers to pictures of all classes but one, some of them right."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, lacking, pictures)
    logits = rng.normal(size=(pictures, classes)).astype(np.float32)
    logits[np.arange(pictures), labels] += 1
    return Answers(tuple("abcde"), tuple(map(str, range(pictures))), labels, logits)


def test_scores_are_those_of_scikit_learn():
    answers = random_answers()
    true, said = answers.labels, answers.predicted
    np.testing.assert_array_equal(answers.confusion, metrics.confusion_matrix(true, said, labels=range(5)))
    assert answers.scores == pytest.approx({
        "accuracy": metrics.accuracy_score(true, said),
        "macro_f1": metrics.f1_score(true, said, average="macro", zero_division=0.0),
        "mean_recall": metrics.recall_score(true, said, average="macro", labels=range(4)),
        "cross_entropy": metrics.log_loss(true, np.exp(answers.log_probabilities), labels=range(5)),
    })  # fmt: skip
    of = metrics.precision_recall_fscore_support(true, said, labels=range(5), zero_division=np.nan)
    table = answers.by_class
    np.testing.assert_allclose(table[["precision", "recall"]].to_numpy().T, of[:2])
    np.testing.assert_array_equal(table["pictures"], of[3])
    assert np.isnan(table["recall"][4])


def test_mistakes_are_the_wrong_ones_by_confidence():
    answers = random_answers()
    found = answers.mistakes(10)
    wrong = {place for place in range(200) if answers.predicted[place] != answers.labels[place]}
    sure = np.exp(answers.log_probabilities).max(axis=1)
    expected = sorted(wrong, key=lambda place: -sure[place])[:10]
    assert found.tolist() == expected
    assert len(answers.mistakes(1000)) == len(wrong)


def test_an_accuracy_has_wilsons_interval():
    z, n, p = 1.959963984540054, 210, 198 / 210
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert interval(198, 210) == pytest.approx((middle - half, middle + half))


def test_a_difference_of_accuracies_is_paired():
    one, other = np.array([1.0, 1, 0, 1]), np.array([0.0, 1, 0, 1])
    mean, low, high = difference(one, other)
    half = 1.96 * np.std([1, 0, 0, 0], ddof=1) / 2
    assert (mean, low, high) == pytest.approx((0.25, 0.25 - half, 0.25 + half))
    assert difference(one, one) == (0, 0, 0)


def test_shares_are_of_the_class_over_all_runs():
    several = [random_answers(seed) for seed in (0, 1)]
    several[1] = replace(several[1], labels=several[0].labels)
    found = shares(several)
    row = several[0].labels == 2
    expected = np.mean([np.bincount(answers.predicted[row], minlength=5) / row.sum() for answers in several], axis=0)
    np.testing.assert_allclose(found[2], expected)
    assert np.isnan(found[4]).all()
    assert confusion(several, "t").axes[0].get_ylabel() == "class"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": Learning(targets="votes")}, "needs votes, digits has classes only"),
        ({"training": Learning(sampling="balance")}, "Did you mean 'balanced'"),
        ({"training": Learning(select="ccc")}, "training.select is 'ccc'"),
        ({"training": Learning(batch=0)}, "training.batch must be above 0"),
        ({"training": Learning(seed=-1)}, "training.seed must not be negative"),
        ({"training": Learning(plateau_factor=1.0)}, "plateau_factor is 1.0"),
        ({"training": Learning(label_smoothing=1.0)}, "label_smoothing is 1.0"),
        ({"dev_share": 1.0}, "dev_share is 1.0"),
        ({"view": View(8, 9)}, "resize 8, crop 9"),
        ({"network": Resnet("random", depth=34)}, "depth is 34"),
        ({"network": named("resnet18", weights="random")}, "32 pixels a side"),
    ],
)
def test_what_cannot_work_is_refused_at_once(changes, message):
    with pytest.raises(UserError, match=message):
        replace(Classification(Digits(), SmallCnn(), View(8, 8, False, 1)), **changes).check().check_classes()


def test_classes_that_are_left_out_may_be_one_text():
    config = Classification(
        Ferplus(without=("contempt,neutral",)), named("resnet18", weights="random"), View(48, 44)
    ).check()
    assert config.corpus.without == ("contempt", "neutral")


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"network": ("resnet34",)}, "No network 'resnet34'"),
        ({"training.samplings": ("none",)}, "Did you mean 'sampling'"),
        ({"training.seed": ("1", "2")}, "--seeds"),
        ({"network.weights": ("a/b", "c")}, "names a folder"),
        ({"corpus.count": ("8", "10")}, "which pictures there are"),
        ({"training.batch": ("many",)}, "cannot be 'many'"),
    ],
)
def test_systems_that_cannot_be(axes, message, tmp_path):
    with pytest.raises(UserError, match=message):
        runs_of(tiny(tmp_path), axes, [0], tmp_path)


def test_systems_are_all_combinations_and_leave_the_recipe_as_it_is(tmp_path):
    config = tiny(tmp_path)
    axes = {"training.batch": ("4", "8"), "training.sampling": ("none", "balanced")}
    runs = runs_of(config, axes, [3, 5], tmp_path)
    assert [one.name for one in runs[:3]] == ["4_none, seed 3", "4_none, seed 5", "4_balanced, seed 3"]
    assert len(runs) == 8 and config == tiny(tmp_path)
    assert runs[2].config.training == replace(config.training, batch=4, seed=3)
    assert runs[2].run.folder == tmp_path / "4_balanced" / "seed3"


def test_the_named_network_keeps_what_the_recipe_says(tmp_path):
    config = replace(
        tiny(tmp_path), view=View(48, 44), network=named("resnet50", weights="random", dropout=0.3, frozen=True)
    )
    (one,) = runs_of(config, {"network": ("densenet121",)}, [0], tmp_path)
    network = one.config.network
    assert (network.name, network.weights, network.dropout, network.frozen) == ("densenet121", "random", 0.3, True)


def test_a_killed_run_ends_as_one_that_was_not(tmp_path, monkeypatch):
    config = tiny(tmp_path, plateau=1)
    whole = PictureRun(tmp_path / "whole")
    train(config, whole)
    killed, epochs = PictureRun(tmp_path / "killed"), []

    def dies(self, batch, logs=None):
        if len(epochs) == 1 and batch == 1:
            raise KeyboardInterrupt
        if batch == self.params["steps"] - 1:
            epochs.append(batch)

    with monkeypatch.context() as patched:
        patched.setattr(training.Progress, "on_train_batch_end", dies)
        with pytest.raises(KeyboardInterrupt):
            train(config, killed)
    assert not killed.finished and killed.state.is_file()
    train(config, killed)
    for one, other in zip(whole.network().get_weights(), killed.network().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    pd.testing.assert_frame_equal(pd.read_csv(whole.history), pd.read_csv(killed.history))
    assert not killed.state.exists()
    assert score(whole).scores == score(killed).scores


def test_a_run_of_other_settings_or_pictures_is_refused(tmp_path):
    config, run = tiny(tmp_path, epochs=1), PictureRun(tmp_path / "run")
    train(config, run)
    with pytest.raises(UserError, match=r"run with another training\.batch"):
        train(tiny(tmp_path, epochs=1, batch=4), run)
    with pytest.raises(UserError, match="Partition 'dev' is no fair report"):
        score(run, "dev")
    shutil.rmtree(config.store)
    PictureStore(config.store).write(replace(config.corpus, seed=1))
    with pytest.raises(UserError, match="another read_as"):
        score(run)
    run.note(records={"fingerprint": "0", "labels_are": ""})
    shutil.rmtree(config.store)
    with pytest.raises(UserError, match="was trained on other records"):
        score(run)


def test_the_best_epoch_is_kept(trained):
    for one in trained[0]:
        history = pd.read_csv(one.run.history)
        epoch = one.run.about["chosen"]["epoch"]
        assert history["dev_macro_f1"].astype(np.float32).argmax() == epoch
        dev = score(one.run, "dev", allow_seen=True)
        assert dev.scores["macro_f1"] == pytest.approx(history["dev_macro_f1"][epoch], abs=1e-6)


def test_answers_come_back_from_disk_as_they_were(trained):
    run = trained[0][0].run
    kept = run.answers("test")
    network = run.network()
    logits = training.Answering(network, Material(run.experiment).partition("test"),
                                run.experiment.view)().logits  # fmt: skip
    np.testing.assert_array_equal(kept.logits, logits)
    confusion = pd.read_csv(run.folder / "test_confusion.csv", index_col=0).to_numpy()
    np.testing.assert_array_equal(confusion, kept.confusion)


def test_classes_may_be_called_as_numbers_or_nothing(tmp_path):
    run, classes = PictureRun(tmp_path), ("0", "None", "NA")
    run.note(classes=list(classes))
    logits = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    run.write_answers("test", Answers(classes, tuple("012345"), np.array([0, 1, 2, 0, 1, 2]), logits))
    kept = run.answers("test")
    assert kept.classes == classes and kept.ids == tuple("012345") and kept.labels.tolist() == [0, 1, 2, 0, 1, 2]
    np.testing.assert_array_equal(kept.logits, logits)


def test_the_report_says_what_it_is(trained):
    runs, said, paths = trained
    assert "Systems are named by their training.sampling. Reported on test; seeds 0, 1" in said
    assert "SYNTHETIC" in said and "21 train, 14 dev, 14 test pictures" in said
    assert "| none" in said and "| balanced" in said and "table 4.1" not in said
    assert all(path.stat().st_size > 0 for path in paths)
    page = next(path for path in paths if path.suffix == ".html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page and "http-equiv" in page
    table = pd.read_csv(next(path for path in paths if path.suffix == ".csv"))
    assert list(table["system"]) == ["balanced", "balanced", "none", "none"]
    assert table["accuracy"][0] == pytest.approx(score(runs[0].run).scores["accuracy"])


def test_a_partition_without_mistakes_is_said_to_be(trained):
    one = trained[0][0]
    part = Material(one.config).partition("test")
    logits = np.eye(7, dtype=np.float32)[part.labels] * 9
    right = Answers(part.part.classes, part.ids, part.labels, logits)
    figure = mistakes(part.part, part.places, right, 5, "t")
    assert [text.get_text() for text in figure.axes[0].texts] == ["no mistake"]


def test_the_body_gives_what_the_classifier_reads(trained):
    run = trained[0][0].run
    network, body = run.network(), loaded(run.body)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 44, 44, 1)).astype(np.float32)
    kernel, bias = network.get_layer("classifier").get_weights()
    logits = keras.ops.convert_to_numpy(network(pictures))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(body(pictures)) @ kernel + bias, logits, atol=1e-5)


def test_development_is_held_back_where_the_corpus_has_none(tmp_path):
    from emotf.images.emnist import Emnist

    config = Classification(Emnist().write_twin(tmp_path / "twin"), SmallCnn(filters=(4, 8)), View(28, 28, False, 1),
                            Learning(epochs=1, learning_rate=1e-3), str(tmp_path / "pictures"), 0.3)  # fmt: skip
    run = PictureRun(tmp_path / "run")
    train(config, run)
    of = Material(config)
    shown, held = of.partition("train"), of.partition("dev")
    assert not set(shown.ids) & set(held.ids) and len(shown.ids) + len(held.ids) == len(shown.part)
    assert set(held.labels) == set(shown.labels)
    assert run.about["dev_is"] == "a share of each class of train, held back"


def test_table_4_1_has_ours_beside_it():
    header, rows = beside_table_4_1({"se_resnext50": np.array([1, 0.5, 0, 1])})
    ours = {row[0]: (row[3], row[5]) for row in rows}
    assert ours["SeResnext50"] == ("62.500", "2.5 of 4") and ours["ResNet18"] == ("-", "-")
    assert header[3] == "accuracy % ours" and len(rows) == 11
    assert beside_table_4_1({"small_cnn": np.array([1.0])}) is None
