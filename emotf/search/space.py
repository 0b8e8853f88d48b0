"""What is searched: `training.learning_rate=1e-5..1e-2:log`, `model.gru_units=3..20`, `loss=ccc,pcc,mse`.

Fields that go together are one axis: `window.frames/training.batch=32/64,64/32`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from emotf.comparison.axes import PARTS, STREAMS, TARGETS, applied
from emotf.config import Experiment, to_json
from emotf.errors import UserError
from emotf.recipes import field_type, typed

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# Fields by which trials are measured, their budget, and luck: the best of these would not be the best network.
YARDSTICK = (TARGETS, "corpus", "data", "training.select", "training.epochs", "training.seed")
OF_THE_NETWORK = ("data.standardisation", "data.delay")

# Learning rates of the space that is searched where none is named: a recipe that comes to another corpus, loss or
# stream is rarely wrong by more than two orders of magnitude, but easily by one.
LEARNING_RATES = 100


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
        axis: the field.
        low, high: its ends, of the field's type.
        log: whether equal ratios are equally far apart, or equal differences.
    """

    axis: str
    low: int | float
    high: int | float
    log: bool = False

    @property
    def distribution(self) -> "BaseDistribution":
        from optuna.distributions import FloatDistribution, IntDistribution

        if isinstance(self.low, int):
            return IntDistribution(self.low, int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def own(self, experiment: Experiment) -> int | float | None:
        """The experiment's value, None where it lies outside."""
        value: int | float = attrgetter(self.axis)(experiment)
        return value if self.low <= value <= self.high else None

    def __str__(self) -> str:
        return f"{self.axis}={self.low:g}..{self.high:g}{':log' if self.log else ''}"


@dataclass(frozen=True)
class Choice:
    """One of several values, without order.

    Attributes:
        axis: a field, a part, `streams`, or several of them joined by '/'.
        values: as texts of a command line.
    """

    axis: str
    values: tuple[str, ...]

    @property
    def distribution(self) -> "BaseDistribution":
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def own(self, experiment: Experiment) -> str | None:
        """The value that changes nothing in the experiment, None where each changes something."""
        content = to_json(experiment)
        same = (value for value in self.values if to_json(applied(experiment, {self.axis: value})) == content)
        return next(same, None)

    def __str__(self) -> str:
        return f"{self.axis}={','.join(self.values)}"


Axis = Range | Choice


def parse(given: Sequence[str], experiment: Experiment) -> tuple[Axis, ...]:
    """The axes of a command line; where there are none, learning rate and batch (`default`).

    Raises:
        UserError: an axis that cannot be searched, ends that are no range, or a value that cannot be.
    """
    axes = tuple(_axis(item, experiment) for item in given) if given else default(experiment)
    fields = [field for axis in axes for field in axis.axis.split("/")]
    twice = next((field for field in fields if fields.count(field) > 1), None)
    if twice:
        raise UserError(f"--space names {twice!r} twice; give all its values at once.")
    for axis in axes:
        for value in axis.values if isinstance(axis, Choice) else (axis.low, axis.high):
            applied(experiment, {axis.axis: str(value)})
    return axes


def default(experiment: Experiment) -> tuple[Axis, ...]:
    """The learning rate over a factor of 100 on either side of the experiment's; half its batch, the same, and twice.

    Both, because they act together: the larger the batch, the less noise a step has and the larger it may be; and a
    correlation loss is a statistic of its batch.

    Example:
        >>> from emotf.config import Training
        >>> from emotf.corpora.synthetic import Synthetic
        >>> from emotf.losses.ccc import Ccc
        >>> from emotf.models.cer import Cer
        >>> [str(axis) for axis in default(Experiment(Synthetic(), {}, Cer(), Ccc(), training=Training(1e-3)))]
        ['training.learning_rate=1e-05..0.1:log', 'training.batch=128,256,512']
    """
    rate, batch = experiment.training.learning_rate, experiment.training.batch
    batches = tuple(str(size) for size in dict.fromkeys((max(1, batch // 2), batch, 2 * batch)))
    rates = Range("training.learning_rate", rate / LEARNING_RATES, rate * LEARNING_RATES, log=True)
    return rates, Choice("training.batch", batches)


def settings_of(params: Mapping[str, Any]) -> dict[str, str]:
    """axis -> value as a text, parts first: a part that is set replaces what was set inside it."""
    parts = {axis: value for axis, value in params.items() if {*axis.split("/")} & {*PARTS, STREAMS}}
    return {axis: str(value) for axis, value in (parts | dict(params)).items()}


def _axis(item: str, experiment: Experiment) -> Axis:
    axis, _, rest = (text.strip() for text in item.partition("="))
    if not axis or not rest:
        raise UserError(f"--space takes <field>=<low>..<high>[:log] or <field>=<value>,<value>...; received {item!r}.")
    for field in axis.split("/"):
        kept = field in OF_THE_NETWORK
        if not kept and any(field == fixed or field.startswith(f"{fixed}.") for fixed in YARDSTICK):
            raise UserError(f"{field} must be the same in all trials: it decides what they are measured by, is "
                            "their budget, or luck. Set it by --config.")  # fmt: skip
    if ".." in rest and "/" not in axis and axis not in PARTS and field_type(experiment, axis) in (int, float):
        return _range(axis, rest, field_type(experiment, axis))
    values = tuple(value.strip() for value in rest.split(",") if value.strip())
    if len(values) < 2 or len(set(values)) != len(values):
        raise UserError(f"--space={axis} needs two values or more, each once, or a range of numbers, <low>..<high>; "
                        f"received {rest!r}.")  # fmt: skip
    for value in values:
        if value.count("/") != axis.count("/"):
            raise UserError(f"--space={axis} needs {axis.count('/') + 1} values joined by '/', received {value!r}.")
    return Choice(axis, values)


def _range(axis: str, text: str, kind: type) -> Range:
    ends, _, scale = text.partition(":")
    if ".." not in ends:
        raise UserError(f"--space={axis} is {text!r}; write <low>..<high>, or <low>..<high>:log.")
    low, high = (typed(axis, end.strip(), kind) for end in ends.split("..", 1))
    if scale not in ("", "log"):
        raise UserError(f"--space={axis} has a scale {scale!r}; write <low>..<high>, or <low>..<high>:log.")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"--space={axis} goes from {low} to {high}; the first must be below the second.")
    if scale and low <= 0:
        raise UserError(f"--space={axis} begins at {low}; a logarithmic range must begin above 0.")
    return Range(axis, low, high, log=bool(scale))
