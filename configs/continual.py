"""Continual learning of a classifier (Orgil 2022, table 4.4): new classes, without the pictures of the old ones.

    --config=configs/continual.py:<corpus>[,<option>...]

Corpora
    digits       scikit-learn's own 8 x 8 digits, real pictures and no download; 5 tasks of 2 classes
    emnist       EMNIST letters: set --config.corpus.dir; 5 tasks of 5 letters, the 26th is the unknown one
    cifar100     CIFAR-100: set --config.corpus.dir; 5 tasks of 20 classes

Options
    tasks-<count>x<classes>                    groups of classes, in the order of the corpus
    body-all_classes | body-first_task | body-both
                                               what the frozen body was trained on: all classes, those of later tasks,
                                               too (as the thesis did); or those of the first task (both by default)
    network-<name>                             the body's network, network-resnet18 (emotf/classifiers; small_cnn by
                                               default), from random weights: --config.body.network.weights=<file>
    unknown-class | unknown-pictures | unknown-photos | unknown-noise
                                               what the unknown output is trained on: classes of no task; a share of
                                               train that is held back, of classes that came in no task yet; crops of
                                               two photographs; noise
    alpha-<number> | alpha-sweep               rows for this weight of the old unknown output, or for all of the sweep,
                                               beside those of the rules
    smoke                                      seconds; says nothing

    python tools/continual.py --config=configs/continual.py:digits --out=work/continual/digits --seeds=0,1,2,3,4
    python tools/continual.py --config=configs/continual.py:digits,tasks-2x5 --out=work/continual/digits_2x5
    python tools/continual.py --config=configs/continual.py:emnist --config.corpus.dir=EMNIST --out=work/emnist

The first of them takes about a minute on two cores.

As in the thesis: a body that was trained on all classes, 120 features, then frozen; an unknown output in each task's
classifier; the blend by K/(N+K), as its table lists it. Its other merges (side by side, pruned, CLAHE) were on
CIFAR-100 with a ResNet18.

Ours, where it is silent: what the unknown output is trained on; standardised features; gradient descent with momentum
at 0.05 for 50 epochs; weight decay 0.03, with which, of eight values from 0 to 1, the blend is best on development of
`digits`, mean over both bodies; none in fine-tuning, the lower bound, for which that is best; an answer `unknown`
counts as wrong; and the rule `anchored`.
"""

from emotf.classifiers.base import named
from emotf.continual.config import Continual, Tasks, Unknown
from emotf.errors import UserError
from emotf.images.cifar100 import Cifar100
from emotf.images.digits import Digits
from emotf.images.emnist import Emnist
from emotf.recipes import experiment_of, setting


def get_config(arg: str = "digits") -> Continual:
    """The experiment of a corpus and options; `smoke` alone is `digits,smoke`."""
    return experiment_of(f"digits,{arg}" if arg.partition(",")[0] == "smoke" else arg, CORPORA, OPTIONS)


def digits() -> Continual:
    """Ten digits."""
    return Continual(corpus=Digits())


def emnist() -> Continual:
    """Letters, as table 4.4."""
    return Continual(corpus=Emnist(), tasks=Tasks(5, 5), unknown=Unknown(source="class"))


def cifar100() -> Continual:
    """A hundred classes of objects."""
    return Continual(corpus=Cifar100(), tasks=Tasks(5, 20))


def tasks(config: Continual, text: str) -> None:
    """The option `tasks-<count>x<classes>`."""
    count, x, classes = text.partition("x")
    if not (x and count.isdigit() and classes.isdigit()):
        raise UserError(f"tasks-{text} is not understood; write tasks-<count>x<classes>, for example tasks-5x2.")
    config.tasks = Tasks(int(count), int(classes))


def alpha(config: Continual, text: str) -> None:
    """The option `alpha-<number>` or `alpha-sweep`."""
    more = [f"{number:g}" for number in config.alphas] if text == "sweep" else [text]
    config.rules = (*config.rules, *(f"alpha-{number}" for number in more))


def smoke(config: Continual) -> None:
    """Two tasks, two epochs."""
    config.tasks.count = 2
    config.body.epochs = config.training.epochs = 2


CORPORA = {"digits": digits, "emnist": emnist, "cifar100": cifar100}
OPTIONS = {
    "tasks-": tasks,
    "body-": lambda config, text: setting("body.knows", text)(config),
    "network-": lambda config, text: setting("body.network", named(text, weights="random"))(config),
    "unknown-": lambda config, text: setting("unknown.source", text)(config),
    "alpha-": alpha,
    "smoke": smoke,
}
