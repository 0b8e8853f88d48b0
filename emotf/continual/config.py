"""The typed tree that describes an experiment of continual learning, and its checks."""

from dataclasses import dataclass, field

from emotf.catalog import suggestion
from emotf.classifiers.base import Classifier
from emotf.classifiers.small_cnn import SmallCnn
from emotf.config import apart
from emotf.continual.rules import RULES, alpha_of
from emotf.errors import UserError
from emotf.images.base import ImageCorpus

ALL_CLASSES, FIRST_TASK, BOTH = "all_classes", "first_task", "both"

# Where the pictures of the unknown output come from.
SOURCES = ("class", "pictures", "photos", "noise")

MAY_BE_ZERO = ("margin", "training.momentum", "training.decay", "training.finetuned_decay")


@dataclass
class Tasks:
    """Which classes come when: `count` groups of `classes`, in the order of the corpus; those after them come never.

    Attributes:
        count: of tasks.
        classes: of each task.
    """

    count: int = 5
    classes: int = 2

    def labels(self, task: int) -> range:
        """The labels of a task, counted from 0."""
        return range(task * self.classes, (task + 1) * self.classes)

    @property
    def total(self) -> int:
        """Classes of all tasks."""
        return self.count * self.classes


@dataclass
class Body:
    """The network whose features the classifiers stand on; once trained, it is frozen.

    Attributes:
        network: which.
        knows: `all_classes`: trained on all classes of the corpus, those of later tasks, too (as the thesis did);
            `first_task`: on those of the first task only; or `both`, one after the other.
        epochs: of its training; the weights of the one with the lowest loss on development are kept.
        batch: pictures.
        learning_rate: of Adam.
    """

    network: Classifier = field(default_factory=SmallCnn)
    knows: str = BOTH
    epochs: int = 20
    batch: int = 32
    learning_rate: float = 1e-3

    @property
    def variants(self) -> tuple[str, ...]:
        return (ALL_CLASSES, FIRST_TASK) if self.knows == BOTH else (self.knows,)


@dataclass
class Unknown:
    """The pool of pictures that the unknown output is trained on, the same for every task.

    Attributes:
        source: `class`: those classes that no task has; `pictures`: a share of all pictures of train, held back from
            everything else, of which a task takes those of classes that no task so far had; `photos`: crops of the two
            photographs that come with scikit-learn, in the shape of the corpus; `noise`: every pixel at random.
        times: how many pictures, as a multiple of what a class has in train in the mean; all, where there are fewer.
        share: of train, with `pictures`.
    """

    source: str = "photos"
    times: float = 1.0
    share: float = 0.1


@dataclass
class Descent:
    """Training of the linear classifiers, by `emotf.continual.descent`.

    Attributes:
        learning_rate: η at the start; it falls to 0 along a cosine.
        momentum: μ.
        decay: λ, of weights and not of biases.
        finetuned_decay: λ of the one that grows and is trained on; decay would draw the weights of old classes to 0 by
            itself.
        batch: pictures.
        epochs: of every classifier.
    """

    learning_rate: float = 0.05
    momentum: float = 0.9
    decay: float = 0.03
    finetuned_decay: float = 0.0
    batch: int = 64
    epochs: int = 50


@dataclass
class Continual:
    """Everything that decides what an experiment computes.

    Attributes:
        corpus: of pictures.
        tasks: its classes, in groups.
        body: what features come from.
        unknown: pictures of something else.
        training: of the linear classifiers.
        rules: by which they become one, names of `RULES` and `alpha-<number>`.
        alphas: of the sweep over α.
        margin: of pruning, in units of weights.
        dev_share: of train, held back where the corpus has no dev.
    """

    corpus: ImageCorpus
    tasks: Tasks = field(default_factory=Tasks)
    body: Body = field(default_factory=Body)
    unknown: Unknown = field(default_factory=Unknown)
    training: Descent = field(default_factory=Descent)
    rules: tuple[str, ...] = tuple(RULES)
    alphas: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    margin: float = 0.3
    dev_share: float = 0.1

    def check(self) -> "Continual":
        """Returns itself; lists on the command line (`a,b`) are taken apart.

        Raises:
            UserError: a value cannot work, said before anything is read.
        """
        self.rules = tuple(dict.fromkeys(apart(self.rules)))
        for rule in self.rules:
            if rule not in RULES and alpha_of(rule) is None:
                raise UserError(f"No rule {rule!r}; choose from {', '.join(RULES)}, alpha-<number from 0 to 1>."
                                f"{suggestion(rule, tuple(RULES))}")  # fmt: skip
        for what, value, known in (
            ("body.knows", self.body.knows, (ALL_CLASSES, FIRST_TASK, BOTH)),
            ("unknown.source", self.unknown.source, SOURCES),
        ):
            if value not in known:
                raise UserError(f"{what} is {value!r}, expected one of {', '.join(known)}."
                                f"{suggestion(value, known)}")  # fmt: skip
        self._check_numbers()
        return self

    def _check_numbers(self) -> None:
        parts = {"tasks": self.tasks, "body": self.body, "unknown": self.unknown, "training": self.training}
        numbers = {"margin": self.margin} | {
            f"{place}.{name}": value
            for place, part in parts.items()
            for name, value in vars(part).items()
            if isinstance(value, int | float)
        }
        for name, value in numbers.items():
            if name in MAY_BE_ZERO and value < 0:
                raise UserError(f"{name} must not be negative, received {value}.")
            if name not in MAY_BE_ZERO and value <= 0:
                raise UserError(f"{name} must be above 0, received {value}.")
        if self.training.momentum >= 1:
            raise UserError(f"training.momentum is {self.training.momentum}, expected below 1.")
        for name, share in (("unknown.share", self.unknown.share), ("dev_share", self.dev_share)):
            if not 0 < share < 1:
                raise UserError(f"{name} is {share}, expected above 0, below 1.")
        if not all(0 <= alpha <= 1 for alpha in self.alphas):
            raise UserError(f"alphas are {self.alphas}, expected numbers from 0 to 1.")

    def check_classes(self, known: int) -> None:
        """Raises UserError where the corpus has too few classes for the tasks, or none is left for the unknown.

        Args:
            known: how many it has.
        """
        tasks, source = self.tasks, self.unknown.source
        if tasks.classes < 2:
            raise UserError(f"tasks.classes is {tasks.classes}; a task needs 2 classes to tell apart, or more.")
        if tasks.total > known:
            raise UserError(f"{tasks.count} tasks of {tasks.classes} classes need {tasks.total}, {self.corpus.name} "
                            f"has {known}; choose tasks-<count>x<classes> with fewer.")  # fmt: skip
        if source in ("class", "pictures") and tasks.total == known:
            raise UserError(f"The tasks take all {known} classes of {self.corpus.name}: none is left outside them for "
                            f"unknown.source={source}; choose fewer tasks, or photos or noise.")  # fmt: skip


# For messages that offer the nearest name of a field.
TREE = (Continual, Tasks, Body, Unknown, Descent)
