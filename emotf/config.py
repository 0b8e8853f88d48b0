"""The typed tree that describes one experiment, its checks, its JSON form, and the `--config` flag.

A recipe is a file of configs/ with `get_config(arg) -> Experiment`. On a command line, `--config=<recipe>.py:<arg>`
comes first and overrides follow: `--config.model.gru_units=8 --config.data.targets=arousal,valence`.
"""

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any

from emotf import catalog
from emotf.content import names_of, valued
from emotf.corpora.base import Corpus
from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.models.base import Model
from emotf.optimizers.adam import Adam
from emotf.optimizers.base import Optimizer
from emotf.pipeline.masking import Masking
from emotf.recording import PROTOCOLS
from emotf.windows.base import Window
from emotf.windows.feature_images import FeatureImages

# By what streams are standardised: mean and spread of train, its range, mean and spread of each subject, or of each
# partition. The last two are transductive: they need all recordings of a subject, or of a partition, before the first
# can be predicted.
TRANSDUCTIVE = ("subject", "partition")
STANDARDISATIONS = ("train", "minmax", *TRANSDUCTIVE)

# What may choose an epoch on development, and whether more of it is better (`training.criteria` computes them). Logs
# call them `dev_<criterion>`.
CRITERIA = {"ccc": "max", "ccc_mean": "max", "mse": "min", "mse_mean": "min", "non_inertial_mean": "min"}

# Those that couple targets, and so need two.
COUPLED = ("non_inertial_mean",)

# The name of the loss over all targets at once, in a mapping of losses, in weights and in logs.
JOINT = "joint"


@dataclass
class Data:
    """Which records, targets and partitions.

    Attributes:
        records: folder of the TFRecord stores.
        targets: what the model predicts; one target is single-task learning. Empty takes all that the corpus rates.
        delay: seconds by which ratings come late; they are moved earlier, the edge becomes unrated.
        missing_targets: `mask` keeps a recording that lacks a target and leaves that target out of the loss;
            `drop_recording` leaves out recordings that lack any target of the corpus (Köprü & Erzin 2020).
        protocol: `rotation` tests session `fold` and chooses on the next; `koprue2020` chooses and reports on the same.
        fold: of the sessions; None: the partitions that the corpus fixes, or fold 0 where it fixes none.
        standardisation: of the streams, by mean and spread of `train`, or its range (`minmax`, to 0..1), which are
            constants of the network; or by mean and spread of each `subject` or `partition` by itself, which is
            transductive.
        shuffled_gold: a control: the recordings of train swap their gold standards. What then still scores above chance
            on test is not learned from the pairing of media and ratings.
        shared_media: recordings of two partitions may have one and the same file (silence, say); `emotf.doctor` refuses
            them otherwise.
    """

    records: str = "work/records"
    targets: tuple[str, ...] = ()
    delay: float = 0.0
    missing_targets: str = "mask"
    protocol: str = "rotation"
    fold: int | None = None
    standardisation: str = "train"
    shuffled_gold: bool = False
    shared_media: bool = False


@dataclass
class Training:
    """How the network is trained; defaults are those of Köprü & Erzin (2020).

    Attributes:
        learning_rate: of the optimiser. The paper found 1e-4 to 5e-5 good for correlation losses, with Adam.
        optimizer: Adam, unless the recipe says otherwise.
        batch: feature images or sequences. Correlation losses need large batches.
        epochs: at most.
        patience: epochs without a better `select` on development before training stops; the best weights are kept.
        plateau: epochs without a better one before the learning rate is multiplied by `plateau_factor`; 0: never.
        plateau_factor: above 0 and below 1.
        select: by what the epoch is chosen, on development: `ccc` pooled over recordings or `ccc_mean` over those of
            single recordings, `mse`, `mse_mean`, `non_inertial_mean` (`emotf.training.criteria`). `patience` and
            `plateau` follow it, too.
        keep: further criteria whose best weights are kept, each as a run of its own in `best/<criterion>` of the run.
        weights: α_m of the sum of losses, `arousal:0.7,valence:0.3`, every target named (and `joint`, for a loss over
            all targets); empty for 1/M each.
        weighting: `fixed` weights; `sum`: 1 each, the plain sum of the losses (Orgil et al. 2021); or `uncertainty`:
            learnt with the network (Kendall et al. 2018), logged every epoch.
        order: of the examples of an epoch: `shuffled`; or `by_recording`, where those of a recording follow each other
            in time and only the recordings change places (Orgil et al. 2021).
        seed: of weights and order.
        pool: recordings read (and, where shuffled, mixed) together; 0: 16, or more where 16 MB hold more, or fewer
            where 256 MB hold fewer, but at least four.
        devices: over which every batch is divided, on Keras' JAX back end. Losses see the whole batch, as on one.
        jit_compile: XLA (on JAX always).
        deterministic: the same scores to the bit, however many cores there are and whatever else runs: one thread an
            operation and TensorFlow's deterministic kernels (`emotf.determinism`).
        precision: `float32` or `mixed_float16` (losses and moments stay float32).
        figure_every: epochs between two figures of development traces in TensorBoard.
    """

    learning_rate: float = 5e-5
    optimizer: Optimizer = field(default_factory=Adam)
    batch: int = 256
    epochs: int = 100
    patience: int = 20
    plateau: int = 0
    plateau_factor: float = 0.1
    select: str = "ccc"
    keep: tuple[str, ...] = ()
    weights: str = ""
    weighting: str = "fixed"
    order: str = "shuffled"
    seed: int = 0
    pool: int = 0
    devices: int = 1
    jit_compile: bool = False
    deterministic: bool = False
    precision: str = "float32"
    figure_every: int = 10

    def alphas(self, terms: tuple[str, ...]) -> dict[str, float]:
        """term (a target, or `joint`) -> α_m.

        Raises:
            UserError: `weights` does not name every term once, with a number.
        """
        if not self.weights:
            return dict.fromkeys(terms, 1.0 if self.weighting == "sum" else 1 / len(terms))
        try:
            pairs = [(name.strip(), float(number)) for name, number in
                     (item.split(":") for item in self.weights.split(","))]  # fmt: skip
        except ValueError:
            raise UserError(f"training.weights is {self.weights!r}, expected e.g. {terms[0]}:0.7,...") from None
        if sorted(name for name, _ in pairs) != sorted(terms):
            raise UserError(f"training.weights is {self.weights!r}; name each target once: {', '.join(terms)}.")
        return dict(pairs)

    def check_criteria(self, targets: tuple[str, ...]) -> None:
        """Raises UserError for a criterion that needs more than one target, where there is but one."""
        for name in (self.select, *self.keep):
            if name in COUPLED and len(targets) < 2:
                raise UserError(f"{name} couples targets and needs two, the experiment has only {targets[0]}; choose "
                                f"another training.{'select' if name == self.select else 'keep'}.")  # fmt: skip


@dataclass
class Experiment:
    """Everything that decides what a run computes.

    Attributes:
        corpus: reader of the recordings and ratings.
        streams: stream -> feature.
        data: records, targets, partitions.
        window: what an example is.
        model: sizes of the network.
        loss: a `losses.base.Loss`: of each target, or of all of them at once where it is a joint one. Or a mapping of
            targets to losses; `joint` in it names a loss over all targets. (Typed loosely: naming the class would load
            Keras for --help.)
        training: optimiser, stopping, seed.
        augmentation: stream -> what of it is masked in training, for spectrograms.
    """

    corpus: Corpus
    streams: dict[str, Feature]
    model: Model
    loss: Any
    data: Data = field(default_factory=Data)
    window: Window = field(default_factory=FeatureImages)
    training: Training = field(default_factory=Training)
    augmentation: dict[str, Masking] = field(default_factory=dict)

    @property
    def store(self) -> str:
        """The folder of the corpus's records."""
        return f"{self.data.records}/{self.corpus.name}"

    def losses(self, targets: tuple[str, ...]) -> dict[str | tuple[str, ...], Any]:
        """target -> its loss, and all targets -> their joint loss, where there is one.

        Raises:
            UserError: a loss does not suit the targets or the window.
        """
        losses = self.loss
        if not isinstance(losses, dict):
            losses = {JOINT: losses} if losses.joint else dict.fromkeys(targets, losses)
        for name in losses:
            if name not in (*targets, JOINT):
                raise UserError(f"There is a loss for {name!r}, which is not among {', '.join(targets)} and {JOINT}.")
        lacking = [target for target in targets if target not in losses and JOINT not in losses]
        if lacking:
            raise UserError(f"There is no loss for {', '.join(lacking)}; name one, or a {JOINT} one for all targets.")
        for name, loss in losses.items():
            if loss.joint != (name == JOINT):
                couples = "couples targets" if loss.joint else "is a loss of one target"
                raise UserError(f"{loss.name} {couples}; it cannot be the loss of {name}.")
            if loss.joint and len(targets) < 2:
                raise UserError(f"{loss.name} couples targets and needs two, the experiment has only {targets[0]}.")
            if loss.sequential and self.window.length == 1:
                raise UserError(f"{loss.name} as configured needs sequences, this window gives single frames; choose "
                                "a recipe of sequences.")  # fmt: skip
        return {targets if name == JOINT else name: loss for name, loss in losses.items()}

    def check(self) -> "Experiment":
        """Returns itself; lists on the command line (`a,b`) are taken apart.

        Raises:
            UserError: a value cannot work, said before anything heavy starts.
        """
        self.data.targets = apart(self.data.targets)
        self.training.keep = apart(self.training.keep)
        for loss in self.loss.values() if isinstance(self.loss, dict) else [self.loss]:
            if not hasattr(loss, "joint"):
                raise UserError(
                    f"The loss is {loss!s:.40}, expected a part of losses, or a mapping of targets to them."
                )
            try:
                dataclasses.replace(loss)  # overrides have changed its fields since it was made
            except ValueError as error:
                raise UserError(str(error)) from None
        parts: list[Any] = [self.corpus, self.model, *self.streams.values()]
        for part in parts:
            for name in [f.name for f in fields(part) if f.type == tuple[str, ...]]:
                setattr(part, name, apart(getattr(part, name)))
        if not self.streams:
            raise UserError("The experiment has no streams; choose a recipe argument that names some.")
        if len(set(self.data.targets)) != len(self.data.targets):
            raise UserError(f"A target occurs twice: {', '.join(self.data.targets)}.")
        _one_of("data.missing_targets", self.data.missing_targets, ("mask", "drop_recording"))
        _one_of("data.protocol", self.data.protocol, PROTOCOLS)
        _one_of("data.standardisation", self.data.standardisation, STANDARDISATIONS)
        _one_of("training.weighting", self.training.weighting, ("fixed", "sum", "uncertainty"))
        if self.training.weights and self.training.weighting != "fixed":
            does = {"sum": "takes 1 for each", "uncertainty": "learns them"}[self.training.weighting]
            raise UserError(f"training.weights are fixed, training.weighting={self.training.weighting} {does}; choose "
                            "one.")  # fmt: skip
        _one_of("training.order", self.training.order, ("shuffled", "by_recording"))
        _one_of("training.select", self.training.select, CRITERIA)
        for name in self.training.keep:
            _one_of("training.keep", name, CRITERIA)
        if len(set(self.training.keep)) != len(self.training.keep):
            raise UserError(f"A criterion occurs twice in training.keep: {', '.join(self.training.keep)}.")
        if self.data.targets:
            self.training.check_criteria(self.data.targets)
        _one_of("training.precision", self.training.precision, ("float32", "mixed_float16"))
        if not 0 < self.training.plateau_factor < 1:
            raise UserError(f"training.plateau_factor is {self.training.plateau_factor}, expected above 0, below 1.")
        for name in ("seed", "pool", "plateau"):
            if getattr(self.training, name) < 0:
                raise UserError(f"training.{name} must not be negative, received {getattr(self.training, name)}.")
        for name in ("learning_rate", "batch", "epochs", "patience", "figure_every", "devices"):
            if getattr(self.training, name) <= 0:
                raise UserError(f"training.{name} must be above 0, received {getattr(self.training, name)}.")
        if self.training.batch % self.training.devices:
            raise UserError(f"training.batch is {self.training.batch}, which {self.training.devices} devices cannot "
                            "share equally; choose a multiple of training.devices.")  # fmt: skip
        for name, masks in self.augmentation.items():
            if name not in self.streams:
                raise UserError(f"augmentation of {name}: there is no such stream, only {', '.join(self.streams)}.")
            masks.check(name)
        self.window.check()
        return self


def apart(names: tuple[str, ...]) -> tuple[str, ...]:
    """('a,b', 'c') as ('a', 'b', 'c'): what a comma on the command line means; there, a number is no text yet."""
    return tuple(name for part in names for name in str(part).split(",") if name)


def _one_of(name: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise UserError(f"{name} is {value!r}, expected one of {', '.join(allowed)}.")


def uncoupled(criteria: tuple[str, ...]) -> tuple[str, ...]:
    """Those criteria that a single target has, too."""
    return tuple(name for name in criteria if name not in COUPLED)


def to_json(node: Any) -> Any:
    """A tree of dataclasses as JSON content; parts carry `part: <kind>/<name>`."""
    if is_dataclass(node) and not isinstance(node, type):
        place = catalog.kind_of(node)
        content = {f.name: to_json(getattr(node, f.name)) for f in fields(node) if f.init}
        return ({"part": "/".join(place)} if place else {}) | content
    if isinstance(node, dict):
        return {key: to_json(value) for key, value in node.items()}
    return [to_json(value) for value in node] if isinstance(node, tuple | list) else node


def from_json(content: dict[str, Any], kind: type[Any] = Experiment) -> Any:
    """The tree back from `to_json`.

    Raises:
        UserError: a part or field does not exist (any more); the nearest name is offered.

    Example:
        >>> from emotf.models.cer import Cer
        >>> from_json(to_json(Cer(gru_units=8)), Model)
        Cer(filters=25, kernel=3, pool=2, gru_units=8, dense_units=2, recurrence_over='frames', batch_norm=False)
    """
    return _built(kind, content, "")


def _built(kind: Any, content: Any, where: str) -> Any:
    """A dataclass of the tree, or the part that the content names, which must be of that kind."""
    content = dict(names_of(content, where or kind.__name__))
    if "part" in content:
        place = content.pop("part")
        if not isinstance(place, str) or place.count("/") != 1:
            raise UserError(f"{where or 'part'} names a part {place!r}, expected <kind>/<name>.")
        part = catalog.find(*place.split("/"))
        if where and kind is not Any and not issubclass(part, kind):
            raise UserError(f"{where} is {place}, expected a part that is a {kind.__name__}.")
        kind = part
    elif inspect.isabstract(kind):
        raise UserError(f"{where or kind.__name__} names no part, expected part: <kind>/<name> among its fields.")
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind) if f.init}
    for name in content:
        if name not in known:
            raise UserError(f"{kind.__name__} has no field {name!r}.{catalog.suggestion(name, list(known))}")
    values = {n: _value(v, hints[n], f"{where}.{n}" if where else n) for n, v in content.items()}
    for name, declared in known.items():
        if name not in content and declared.default is MISSING and declared.default_factory is MISSING:
            raise UserError(f"{kind.__name__} needs its field {name!r}, which is missing.")
    try:
        return kind(**values)
    except ValueError as error:  # a loss is Keras' own kind of object, and says so in Keras' way
        raise UserError(str(error)) from None


def _value(value: Any, hint: Any, where: str) -> Any:
    if hint is not Any or not isinstance(value, dict):
        return valued(value, hint, where, _built)
    if "part" in value:
        return _built(Any, value, where)
    return {key: _value(v, Any, f"{where}.{key}") for key, v in value.items()}


def unknown_field(error: KeyError, *above: type[Any]) -> str:
    """The line to print when an override names a field or stream that does not exist.

    Args:
        error: of ml_collections.
        above: dataclasses that hold experiments.
    """
    text = str(error.args[0]) if error.args else ""
    # an attribute on the way to the field, of what stands above the experiment
    on_the_way = re.match(r"Attribute .*\.(\w+) does not exist", text)
    if on_the_way and on_the_way[1] in (f.name for f in fields(Experiment)):
        return f"--config is the plan of a whole system; write --config.experiment.{on_the_way[1]}..."
    # a field of a dataclass, or else an entry of a dictionary (a stream)
    name = text.split()[1] if text.startswith("Field ") else text
    known = sorted(
        {f.name for part in (*_all_dataclasses(), *above) for f in fields(part)} | {*catalog.names("features")}
    )
    return f"--config has no field {name!r}.{catalog.suggestion(name, known)}"


def _all_dataclasses() -> list[Any]:
    """The dataclasses of this tree and of every part."""
    parts = [catalog.find(kind, name) for kind in catalog.KINDS for name in catalog.names(kind)]
    return [Experiment, Data, Training, Masking, *parts]


def replaced(experiment: Experiment, targets: tuple[str, ...], fold: int | None, seed: int) -> Experiment:
    """A copy of the experiment for other targets, another fold and seed; the rest is shared.

    A single target needs no weights, of a mapping of losses only its own, and has no best weights by a criterion that
    couples targets; these are left out with the others.
    """
    data = dataclasses.replace(experiment.data, targets=targets, fold=fold)
    training = dataclasses.replace(experiment.training, seed=seed)
    if len(targets) == 1:
        training.weights, training.keep = "", uncoupled(training.keep)
    loss = experiment.loss
    if isinstance(loss, dict) and len(targets) == 1:
        loss = {name: part for name, part in loss.items() if name in (*targets, JOINT)}
    return dataclasses.replace(experiment, data=data, training=training, loss=loss)
