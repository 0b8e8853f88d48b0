"""Systems that are made of finished runs: smoothed, fused, or seen on another partition. Nothing is trained or kept.

Conventions
    All that is fitted is fitted on development, as Chen & Jin (2015) did it. A part is a partition, or one of those
    that only a late fusion has:

    dev-dev             all recordings of development but the last, which fit its weights
    dev-test            the last one, which checks them
    best on dev-test    the sub-system that is best on the last one, there
    crossed             development, each recording joined by weights of the others
    best on dev         the sub-system that is best on development, there
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from emotf.comparison import Trial
from emotf.comparison.axes import TARGETS
from emotf.evaluation import moments
from emotf.fusion import LinearFusion
from emotf.measures import Moments
from emotf.postprocessing.base import Traces, pooled_ccc
from emotf.postprocessing.smoothing import Smoothing
from emotf.prediction import traces
from emotf.refinement import column, join

DEV = "dev"

# Chen & Jin leave out sub-systems whose CCC on development is below it.
THRESHOLD = 0.1

# Axes that the sub-systems of a fusion have in common.
UNNAMED = (TARGETS, "model.direction")


@dataclass(frozen=True)
class Made:
    """A derived system in one fold with one seed.

    Attributes:
        moments: part -> recording -> moments of its prediction of one target.
        facts: what was fitted, as numbers that a table may print.
        said: the same for people; empty where it is no more than the numbers.
    """

    moments: Callable[[str], Mapping[str, Moments]]
    facts: Mapping[str, float] = field(default_factory=dict)
    said: str = ""


@dataclass(frozen=True)
class Derived:
    """A system that is made of the runs of others.

    Attributes:
        of: the settings of these.
        make: their runs of one fold and seed, in that order, and a target -> the system.
        part: what it is seen on; empty for the partition that the table reports.
        recordings: how many development must have.
    """

    of: tuple[Mapping[str, str], ...]
    make: Callable[[Sequence[Trial], str], Made]
    part: str = ""
    recordings: int = 1


def as_it_is(runs: Sequence[Trial], target: str) -> Made:
    """A run by itself, for the parts that its table does not report."""
    (trial,) = runs
    return Made(cache(lambda part: moments(*traces(trial.run, part))[target]))


def smoothed(runs: Sequence[Trial], target: str) -> Made:
    """A run after exponential smoothing; its fact `alpha` is 1 where no smoothing was better."""
    (trial,) = runs
    source = _Smoothed(trial, target)
    return Made(cache(lambda part: _moments(*source(part))), {"alpha": source.alpha})


def fused(runs: Sequence[Trial], target: str) -> Made:
    """The late fusion of smoothed runs."""
    return _Fusion("late fusion", [_Smoothed(trial, target) for trial in runs], target).made()


def fused_again(runs: Sequence[Trial], target: str) -> Made:
    """The late fusion of smoothed runs but the last two, and the fusion of that with these two."""
    *single, one, other = [_Smoothed(trial, target) for trial in runs]
    late = _Fusion("late fusion", single, target)
    return _Fusion(f"fusion of the {late.name}", [late, one, other], target).made()


class _Smoothed:
    """One target of a run, smoothed against time: the publication finds that better for a network that runs forwards.

    Calling it with a partition gives gold standard and prediction.
    """

    def __init__(self, trial: Trial, target: str) -> None:
        self.name = " ".join(value for axis, value in trial.settings.items() if axis not in UNNAMED)
        self._read, self._target = cache(partial(traces, trial.run)), target
        golds, predictions = self._read(DEV)
        self._hop = next(iter(golds.values())).hop
        step = Smoothing(direction="backward")
        self._step = step.fit(column(golds, target), column(predictions, target), self._hop)

    def __call__(self, partition: str) -> tuple[Traces, Traces]:
        golds, predictions = self._read(partition)
        raw = column(predictions, self._target)
        return column(golds, self._target), {name: self._step.transform(x, self._hop) for name, x in raw.items()}

    def unseen(self) -> Traces:
        """Predictions of development by what no fusion fitted on the recording itself."""
        return self(DEV)[1]

    @property
    def alpha(self) -> float:
        return float(self._step.learned["alpha_"])

    @property
    def said(self) -> str:
        """What was fitted."""
        return f"{self.name} (alpha {self.alpha:g})"


class _Fusion:
    """Linear regression on the predictions of several sources, weights from all of development but its last recording.

    Calling it with a partition gives gold standard and prediction.
    """

    def __init__(self, name: str, sources: Sequence["_Smoothed | _Fusion"], target: str) -> None:
        self.name, self._target = name, target
        self._sources = {source.name: source for source in sources}
        self._gold = sources[0](DEV)[0]
        self._dev = {source.name: source.unseen() for source in sources}
        *self._fitting, self._last = sorted(self._gold)
        some = any(pooled_ccc(self._gold, of) >= THRESHOLD for of in self._dev.values())
        self._threshold = THRESHOLD if some else -1.0
        self._joined = join(target, self._gold, self._dev, LinearFusion(), self._threshold, self._fitting)

    def __call__(self, partition: str) -> tuple[Traces, Traces]:
        found = {name: source(partition) for name, source in self._sources.items()}
        gold, _ = next(iter(found.values()))
        return gold, self._joined.traces({name: prediction for name, (_, prediction) in found.items()})

    def unseen(self) -> Traces:
        """Predictions of development by what no fusion fitted on the recording itself."""
        return self._joined.crossed

    def made(self) -> Made:
        return Made(cache(self._moments), said="; ".join(self._sentences()))

    def _moments(self, part: str) -> dict[str, Moments]:
        if part == "crossed":
            return _moments(self._gold, self._joined.crossed)
        if part == "best on dev":
            return _moments(self._gold, self._best(self._gold))
        if part == "best on dev-test":
            held = {self._last: self._gold[self._last]}
            return _moments(held, self._best(held))
        if part in ("dev-dev", "dev-test"):
            _, prediction = self(DEV)
            names = self._fitting if part == "dev-dev" else [self._last]
            return _moments({name: self._gold[name] for name in names}, prediction)
        return _moments(*self(part))

    def _best(self, gold: Traces) -> Traces:
        """The predictions of the sub-system that is best on some recordings of development."""
        return max((self._dev[name] for name in self._joined.kept), key=lambda found: pooled_ccc(gold, found))

    def _sentences(self) -> list[str]:
        """What was fitted, inner fusions first."""
        inner = [text for one in self._sources.values() if isinstance(one, _Fusion) for text in one._sentences()]
        weights = [f"{weight:+.2f} {self._sources[name].said}" for name, weight in self._joined.weights.items()]
        left = [name for name in self._sources if name not in self._joined.kept]
        out = f", without {', '.join(left)} (CCC on development below {THRESHOLD})" if left else ""
        poor = "" if self._threshold == THRESHOLD else f", of which none reaches a CCC of {THRESHOLD} on development"
        return [*inner, f"{self.name} of {self._target}: {', '.join(weights)}{out}{poor}"]

    @property
    def said(self) -> str:
        return self.name


def _moments(gold: Traces, prediction: Traces) -> dict[str, Moments]:
    return {name: Moments.of(gold[name], prediction[name]) for name in gold}
