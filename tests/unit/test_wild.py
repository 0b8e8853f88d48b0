"""Options that recipes for films of faces share."""

import pytest
from test_config import RECIPES, recipe

from emotf.config import to_json
from emotf.errors import UserError

FILMS = {path.stem: path for path in RECIPES if path.stem in ("non_inertial", "affect_transformer")}


@pytest.fixture(params=FILMS)
def films(request):
    return recipe(FILMS[request.param])


@pytest.fixture
def non_inertial():
    return recipe(FILMS["non_inertial"])


@pytest.fixture
def transformer():
    return recipe(FILMS["affect_transformer"])


def test_the_order_of_options_does_not_matter(films):
    several = films.get_config("affwild2,flags,openface68,ccc,by_batch,rate-25,s256,split-90:10")
    turned = films.get_config("affwild2,split-90:10,s256,by_batch,ccc,rate-25,openface68,flags")
    assert to_json(several) == to_json(turned)
    assert several.loss.pool == "batch" and several.corpus.split == "90:10" and not several.corpus.shared
    assert all(feature.flags for feature in several.streams.values() if hasattr(feature, "flags"))
    assert {part.rate_hz for part in (several.corpus, *several.streams.values())} == {25}
    landmarks = several.streams["openface_landmarks136"]
    assert landmarks.clock == "video" and not films.get_config("affwild2,openface68").streams[
        "openface_landmarks136"
    ].flags  # fmt: skip


@pytest.mark.parametrize(
    ("arg", "said"),
    [
        ("affwild,mse,ccc", "mse and ccc exclude each other"),
        ("affwild,openpose70,openface68", "openpose70 and openface68 exclude each other"),
        ("affwild,by_batch", "non_inertial has no moments to take by batch; by_batch goes with ccc"),
        ("affwild,split-70", "A split is shares of train and dev"),
        ("affwild,rate--5", "A rate is frames a second above 0, received -5"),
        ("affwild,rate-fast", "rate cannot be 'fast'"),
        ("synthetic,rate-25", "was computed at a rate of its own"),
        ("synthetic,flags", "says how surely it found something"),
        ("synthetic,openface68", "planted or precomputed; openface_landmarks136 takes films"),
        ("synthetic,split-70:30", "has its own partitions"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(films, arg, said):
    with pytest.raises(UserError, match=said) as error:
        films.get_config(arg)
    assert "\n" not in str(error.value)


def test_networks_are_sets_of_streams(non_inertial, transformer):
    streams = {name: list(non_inertial.get_config(f"affwild,{name}").streams) for name in non_inertial.NETWORKS}
    assert streams == {
        "full": ["resnet50", "landmarks140", "pose36", "mel128"],
        "without_mel": ["resnet50", "landmarks140", "pose36"],
        "audio": ["mel128"],
        "pose": ["pose36"],
    }
    streams = {name: list(transformer.get_config(f"affwild,{name}").streams) for name in transformer.NETWORKS}
    assert streams == {
        "mesh": ["face_mesh"],
        "feature": ["resnet50"],
        "evm": ["evm_color"],
        "multi": ["face_mesh", "resnet50", "evm_color"],
    }
    assert list(transformer.get_config("affwild").streams) == ["face_mesh"]
    with pytest.raises(UserError, match="mesh and multi exclude each other"):
        transformer.get_config("affwild,mesh,multi")
    with pytest.raises(UserError, match="No landmarks140 here that openface_landmarks136 could replace"):
        non_inertial.get_config("affwild,openface68,audio")
    with pytest.raises(UserError, match="No mel128 here"):
        non_inertial.get_config("afew_va,audio")


def test_another_source_of_landmarks_takes_their_place(non_inertial, transformer):
    made = non_inertial.get_config("affwild,openpose70")
    assert list(made.streams) == ["resnet50", "openpose_face140", "pose36", "mel128"]
    assert made.model.layers == ("resnet50+openpose_face140", "pose36", "mel128")
    assert list(transformer.get_config("affwild,mesh70,multi").streams) == ["landmarks140", "resnet50", "evm_color"]


def test_the_training_is_the_publications(non_inertial, transformer):
    made = non_inertial.get_config("affwild")
    training = made.training
    assert (training.learning_rate, training.batch, training.epochs, training.patience) == (0.01, 64, 70, 15)
    assert (training.plateau, training.plateau_factor, training.order) == (10, 0.1, "by_recording")
    assert (training.optimizer.momentum, training.optimizer.weight_decay) == (0.9, 5e-4)
    assert training.alphas(("arousal", "valence")) == {"arousal": 1.0, "valence": 1.0}
    assert (made.window.frames, made.window.stride_frames, made.data.standardisation) == (128, 128, "minmax")
    assert (training.select, training.keep) == ("ccc_mean", ("mse_mean", "non_inertial_mean"))
    made = transformer.get_config("affwild,s32")
    assert (made.training.learning_rate, made.training.batch, made.training.epochs) == (1e-5, 8, 50)
    assert (made.window.frames, made.window.stride_frames) == (32, 32)


def test_a_single_target_has_no_criterion_of_two(films):
    assert films.get_config("affwild,mse,stl-valence").check().training.keep == ("mse_mean",)


def test_the_frozen_twin_has_folders_of_its_own(non_inertial):
    made, control = non_inertial.get_config("synthetic"), non_inertial.get_config("synthetic,frozen")
    assert control.corpus.frozen == "mouth" and control.corpus.dir != made.corpus.dir and control.store != made.store
    with pytest.raises(UserError, match="Only the planted streams"):
        non_inertial.get_config("affwild,frozen")
