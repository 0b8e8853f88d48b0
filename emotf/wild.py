"""What recipes for films of faces in the wild share: corpora, options, and which of these exclude each other."""

from collections.abc import Callable, Collection
from typing import Any

from emotf import catalog
from emotf.config import Experiment
from emotf.corpora._per_frame import dealt
from emotf.corpora.afew_va import AfewVa
from emotf.corpora.affwild import Affwild
from emotf.corpora.affwild2 import Affwild2
from emotf.corpora.base import Corpus
from emotf.corpora.folder import Folder
from emotf.errors import UserError
from emotf.features.precomputed import Precomputed
from emotf.features.resnet50 import Resnet50
from emotf.recipes import setting, single_target, smoke, typed
from emotf.windows.sequences import Sequences

LOSSES = ("mse", "ccc", "non_inertial", "non_inertial_extended")


def corpora(filmed: Callable[[Corpus], Experiment]) -> dict[str, Callable[[], Experiment]]:
    """Corpus -> the experiment on its films, as `filmed` makes it, at 30 frames a second (AFEW-VA: 25).

    Of Aff-Wild2, `resnet50` is of the aligned crops, and videos of two people are left out, because streams that find
    the face by themselves would follow one person for both.
    """

    def affwild2() -> Experiment:
        experiment = filmed(Affwild2(shared=False))
        if "resnet50" in experiment.streams:
            experiment.streams["resnet50"] = Resnet50(crops="crops", flags=False)
        return at_rate(experiment, 30)

    return {
        "affwild": lambda: at_rate(filmed(Affwild()), 30),
        "affwild2": affwild2,
        "afew_va": lambda: at_rate(filmed(AfewVa()), 25),
        "folder": lambda: at_rate(filmed(Folder()), 30),
    }


def in_order(arg: str, *groups: Collection[str]) -> str:
    """The argument of a recipe, with the options of these groups first, in the order of the groups.

    Raises:
        UserError: two options of one group.

    Example:
        >>> in_order("affwild,flags,ccc,audio", ("full", "audio"), ("mse", "ccc"))
        'affwild,audio,ccc,flags'
    """
    corpus, *options = arg.split(",")
    first: list[str] = []
    for group in groups:
        named = [option for option in options if option in group]
        if len(named) > 1:
            raise UserError(f"{' and '.join(named)} exclude each other; choose one.")
        first += named
    return ",".join([corpus, *first, *(option for option in options if option not in first)])


def end_to_end(frames: int) -> Callable[[Experiment], None]:
    """The option `s<frames>`: sequences of so many frames that do not overlap."""
    return setting("window", Sequences(frames=frames, stride_frames=frames))


def split(experiment: Experiment, shares: str) -> None:
    """The option `split-<train:dev[:test]>` of corpora that are dealt by video."""
    if not hasattr(experiment.corpus, "split"):
        raise UserError(f"Corpus {experiment.corpus.name!r} has its own partitions; leave out split-{shares}.")
    dealt(map(str, range(100)), shares, seed=0)  # refuses what is no split, before anything is read
    experiment.corpus.split = shares


def at_rate(experiment: Experiment, rate: str | float) -> Experiment:
    """The option `rate-<hz>`: ratings and all streams computed at so many frames a second."""
    rate_hz = typed("rate", str(rate), float)
    if not 0 < rate_hz <= 1000:
        raise UserError(f"A rate is frames a second above 0, received {rate}.")
    for part in (experiment.corpus, *experiment.streams.values()):
        if isinstance(part, Precomputed):
            raise UserError(f"Stream {part.stream!r} was computed at a rate of its own; leave out rate-{rate}.")
        if hasattr(part, "rate_hz"):
            part.rate_hz = rate_hz
    return experiment


def with_flags(experiment: Experiment) -> None:
    """The option `flags`: streams that may find nothing say how surely they did, in channels of their own."""
    able = [feature for feature in experiment.streams.values() if hasattr(feature, "flags")]
    if not able:
        raise UserError(f"None of {', '.join(experiment.streams)} says how surely it found something; leave out flags.")
    for feature in able:
        feature.flags = True


def by_batch(experiment: Experiment) -> None:
    """The option `by_batch`: moments of the batch, for losses that have any."""
    if not hasattr(experiment.loss, "pool"):
        raise UserError(f"{experiment.loss.name} has no moments to take by batch; by_batch goes with ccc.")
    experiment.loss.pool = "batch"


def instead_of(stream: str, other: str, **fields: Any) -> Callable[[Experiment], None]:
    """An option: another feature in the place of a stream, at its rate, named after itself."""

    def apply(experiment: Experiment) -> None:
        if stream not in experiment.streams:
            raise UserError(f"No {stream} here that {other} could replace; there is {', '.join(experiment.streams)}.")
        old = experiment.streams[stream]
        if isinstance(old, Precomputed):
            raise UserError(f"{stream} of this corpus is planted or precomputed; {other} takes films.")
        feature = catalog.find("features", other)(rate_hz=old.rate_hz, flags=old.flags, **fields)  # type: ignore[attr-defined]
        experiment.streams = {
            (other if name == stream else name): (feature if name == stream else part)
            for name, part in experiment.streams.items()
        }

    return apply


OPTIONS: dict[str, Callable[..., Any]] = {
    **{name: setting("loss", catalog.find("losses", name)()) for name in LOSSES},
    # the reading under which its collapse at short sequences comes back
    "ccc": setting("loss", catalog.find("losses", "ccc")(pool="sequence")),
    "by_batch": by_batch,
    **{f"s{frames}": end_to_end(frames) for frames in (32, 64, 128, 256, 384, 512)},
    "split-": split,
    "rate-": at_rate,
    "flags": with_flags,
    "modality_dropout": setting("model.modality_dropout", 0.3),
    "mtl": setting("data.targets", ("arousal", "valence")),
    "stl-": single_target,
    "smoke": smoke,
}
