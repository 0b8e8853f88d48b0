"""Classifiers of facial expressions (Orgil 2022, table 4.1), and of other pictures.

    --config=configs/ferplus.py:<corpus>[,<option>...]

Corpora
    drawn_faces    seven expressions of drawn faces: SYNTHETIC, no download, a minute
    ferplus        FER+: set --config.corpus.dir; seven classes (without contempt), as the thesis tests
    fer2013        FER2013: set --config.corpus.dir
    digits         scikit-learn's own 8 x 8 digits, real pictures and no download, seconds
    cifar100, emnist
                   CIFAR-100, EMNIST letters: set --config.corpus.dir; development is a tenth of train

Options
    network-<name>     resnet18, 50, 101, 152; se_resnext50, 101, 152; densenet121, 161, 169, 201; small_cnn
    scratch            from random weights; without it, from ImageNet's where Keras offers them (fetched once)
    sampling-none | sampling-class_weights
                       not each class equally often
    votes              targets are the shares of the votes, and the rule of FER+ is `probability` (Barsoum et al. 2016)
    smoke              two epochs, seconds on drawn_faces and digits; says nothing

    python tools/classify.py --config=configs/ferplus.py:drawn_faces --out=work/classify/faces
    python tools/classify.py --config=configs/ferplus.py:digits --out=work/classify/digits
    python tools/classify.py --config=configs/ferplus.py:ferplus --config.corpus.dir=FERPlus --out=work/classify/ferplus

As in the thesis: grey faces of 48 x 48 in three channels, enlarged to 256, a random 224 x 224 of them, flipped at
random, each class equally often, ImageNet's weights to start from.

Ours, where it is silent: Adam at 1e-4, batches of 32 (the thesis cut them to 8 where memory ran out), the epoch of the
best macro-F1 on development, at most 30 epochs, 8 without a better one. ResNet50, because the body's 2048 features are
what its other chapters take. `drawn_faces` and `digits` are small and so is their network (small_cnn, from random
weights, at 1e-3).
"""

from emotf.classification.config import VOTES, Classification, Learning
from emotf.classifiers.base import named
from emotf.classifiers.small_cnn import SmallCnn
from emotf.images.cifar100 import Cifar100
from emotf.images.digits import Digits
from emotf.images.drawn_faces import DrawnFaces
from emotf.images.emnist import Emnist
from emotf.images.fer2013 import Fer2013
from emotf.images.ferplus import Ferplus
from emotf.pipeline.views import View
from emotf.recipes import experiment_of, setting


def get_config(arg: str = "drawn_faces") -> Classification:
    """The experiment of a corpus and options; `smoke` alone is `drawn_faces,smoke`."""
    return experiment_of(f"drawn_faces,{arg}" if arg.partition(",")[0] == "smoke" else arg, CORPORA, OPTIONS)


def drawn_faces() -> Classification:
    """Drawn faces, seen as they are."""
    return Classification(DrawnFaces(), SmallCnn(), View(48, 44, True, 1), Learning(learning_rate=1e-3))


def digits() -> Classification:
    """Digits, never flipped: a mirrored digit is another, or none."""
    return Classification(Digits(), SmallCnn(), View(8, 8, False, 1), Learning(learning_rate=1e-3))


def emnist() -> Classification:
    """Letters, never flipped."""
    return Classification(Emnist(), SmallCnn(), View(28, 28, False, 1), Learning(learning_rate=1e-3))


def cifar100() -> Classification:
    """A hundred classes of objects."""
    return Classification(Cifar100(), named("resnet50"))


def votes(config: Classification) -> None:
    """The option `votes`."""
    config.training.targets = VOTES
    if isinstance(config.corpus, Ferplus):
        config.corpus.rule = "probability"


def smoke(config: Classification) -> None:
    """Two epochs of few pictures."""
    if isinstance(config.corpus, DrawnFaces):
        config.corpus = DrawnFaces(count=8, held_back=4)
        config.pictures = "work/pictures/smoke"
    config.training.epochs = 2


CORPORA = {
    "drawn_faces": drawn_faces,
    "ferplus": lambda: Classification(Ferplus(without=("contempt",)), named("resnet50")),
    "fer2013": lambda: Classification(Fer2013(), named("resnet50")),
    "digits": digits,
    "emnist": emnist,
    "cifar100": cifar100,
}
OPTIONS = {
    "network-": lambda config, text: setting("network", named(text, weights=config.network.weights))(config),
    "scratch": setting("network.weights", "random"),
    "sampling-": lambda config, text: setting("training.sampling", text)(config),
    "votes": votes,
    "smoke": smoke,
}
