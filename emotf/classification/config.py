"""The typed tree that describes the training of a classifier of pictures, and its checks."""

from dataclasses import dataclass, field, fields

from emotf.catalog import suggestion
from emotf.classifiers.base import Classifier
from emotf.classifiers.small_cnn import SmallCnn
from emotf.config import apart
from emotf.errors import UserError
from emotf.images.base import ImageCorpus
from emotf.optimizers.adam import Adam
from emotf.optimizers.base import Optimizer
from emotf.pipeline.sampling import SAMPLINGS
from emotf.pipeline.views import View

CLASSES, VOTES = "classes", "votes"

# What may choose an epoch on development, and whether more of it is better. Logs call them `dev_<criterion>`.
CRITERIA = {"accuracy": "max", "macro_f1": "max", "mean_recall": "max", "cross_entropy": "min"}


@dataclass
class Learning:
    """How a classifier is trained: by cross-entropy, from random views of pictures.

    Attributes:
        targets: `classes`: 1 for the class of a picture, 0 for others; `votes`: the shares of the votes, where the
            corpus has some (Barsoum et al. 2016).
        sampling: `balanced`: each class equally often an epoch; `none`: each picture once; `class_weights`: each
            picture once, its loss times n / (K n_c).
        label_smoothing: ε: targets become (1 - ε) y + ε / K.
        optimizer: settings but the learning rate.
        learning_rate: at the start.
        batch: pictures.
        epochs: at most.
        patience: epochs without a better `select` on development before training stops; the best weights are kept.
        plateau: epochs without a better one before the learning rate is multiplied by `plateau_factor`; 0: never.
        plateau_factor: above 0 and below 1.
        select: by what the epoch is chosen, on development: `accuracy`, `macro_f1`, `mean_recall`, `cross_entropy`.
        seed: of weights, order, crops and flips.
        jit_compile: XLA.
        deterministic: the same weights to the bit, however many cores there are; as of `emotf.config.Training`.
        precision: `float32` or `mixed_float16`.
        figure_every: epochs between two pictures of the confusion matrix in TensorBoard.
    """

    targets: str = CLASSES
    sampling: str = "balanced"
    label_smoothing: float = 0.0
    optimizer: Optimizer = field(default_factory=Adam)
    learning_rate: float = 1e-4
    batch: int = 32
    epochs: int = 30
    patience: int = 8
    plateau: int = 0
    plateau_factor: float = 0.1
    select: str = "macro_f1"
    seed: int = 0
    jit_compile: bool = False
    deterministic: bool = False
    precision: str = "float32"
    figure_every: int = 10


@dataclass
class Classification:
    """Everything that decides what a run computes.

    Attributes:
        corpus: of pictures.
        network: which, and what it starts from.
        view: how pictures are shown to it.
        training: how it is trained.
        pictures: folder of the shards of all corpora.
        dev_share: of each class of train, held back for development where the corpus has none.
    """

    corpus: ImageCorpus
    network: Classifier = field(default_factory=SmallCnn)
    view: View = field(default_factory=View)
    training: Learning = field(default_factory=Learning)
    pictures: str = "work/pictures"
    dev_share: float = 0.1

    @property
    def store(self) -> str:
        """The folder of the corpus's shards."""
        return f"{self.pictures}/{self.corpus.name}"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of what the network sees."""
        return (self.view.crop, self.view.crop, self.view.channels or self.corpus.shape[2])

    def check(self) -> "Classification":
        """Returns itself; lists on the command line (`a,b`) are taken apart.

        Raises:
            UserError: a value cannot work, said before anything heavy starts.
        """
        for part in (self.corpus, self.network):
            for name in [f.name for f in fields(part) if f.type == tuple[str, ...]]:
                setattr(part, name, apart(getattr(part, name)))
        settings = self.training
        for what, value, known in (
            ("training.targets", settings.targets, (CLASSES, VOTES)),
            ("training.sampling", settings.sampling, SAMPLINGS),
            ("training.select", settings.select, tuple(CRITERIA)),
            ("training.precision", settings.precision, ("float32", "mixed_float16")),
        ):
            if value not in known:
                raise UserError(f"{what} is {value!r}, expected one of {', '.join(known)}.{suggestion(value, known)}")
        for name in ("learning_rate", "batch", "epochs", "patience", "figure_every"):
            if getattr(settings, name) <= 0:
                raise UserError(f"training.{name} must be above 0, received {getattr(settings, name)}.")
        for name in ("seed", "plateau"):
            if getattr(settings, name) < 0:
                raise UserError(f"training.{name} must not be negative, received {getattr(settings, name)}.")
        if not 0 < settings.plateau_factor < 1:
            raise UserError(f"training.plateau_factor is {settings.plateau_factor}, expected above 0, below 1.")
        if not 0 <= settings.label_smoothing < 1:
            raise UserError(f"training.label_smoothing is {settings.label_smoothing}; expected 0 or more, below 1.")
        if not 0 < self.dev_share < 1:
            raise UserError(f"dev_share is {self.dev_share}, expected above 0, below 1.")
        self.view.check()
        if settings.targets == VOTES and not self.corpus.voted:
            raise UserError(f"training.targets=votes needs votes, {self.corpus.name} has classes only; choose classes.")
        return self

    def check_classes(self) -> "Classification":
        """Returns itself; some corpora read a file to know their classes.

        Raises:
            UserError: the network does not suit the pictures or their classes, or the corpus is not there.
        """
        self.network.check(self.shape, len(self.corpus.classes))
        return self


# For messages that offer the nearest name of a field.
TREE = (Classification, Learning, View)
