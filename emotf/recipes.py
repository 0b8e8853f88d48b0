"""How the argument of a recipe becomes an experiment, and how single fields of one are set by their paths.

A recipe is a file of configs/ with three names: `CORPORA`, corpus -> experiment; `OPTIONS`, what its argument may add;
and `get_config(arg)`, which is `experiment_of(arg, CORPORA, OPTIONS)`.
"""

import copy
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from emotf import catalog
from emotf.config import Experiment, uncoupled
from emotf.corpora.planted import Planted
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.precomputed import Precomputed

Options = Mapping[str, Callable[..., Any]]


def experiment_of(arg: str, corpora: Mapping[str, Callable[[], Experiment]], options: Options) -> Experiment:
    """The experiment of `<corpus>[,<option>...]`; `smoke` alone is `synthetic,smoke`.

    Raises:
        UserError: no such corpus or option.
    """
    corpus, _, chosen = arg.partition(",")
    if corpus == "smoke":
        corpus, chosen = "synthetic", f"smoke,{chosen}"
    if corpus not in corpora:
        raise UserError(
            f"No corpus {corpus!r} in this recipe; choose from {', '.join(corpora)}."
            f"{catalog.suggestion(corpus, tuple(corpora))}"
        )
    return choose(chosen, options, corpora[corpus]())


def choose(arg: str | None, options: Options, start: Experiment) -> Experiment:
    """Applies the comma-separated options of a recipe's argument, in order; `stl-valence` calls `stl` with `valence`.

    Raises:
        UserError: no such option; the nearest is offered.
    """
    for option in filter(None, (arg or "").split(",")):
        name, _, value = option.partition("-")
        if option in options and not option.endswith("-"):
            options[option](start)
        elif value and f"{name}-" in options:
            options[f"{name}-"](start, value)
        elif not value and f"{name}-" in options:
            raise UserError(f"Option {name!r} needs a value: {name}-<value>.")
        else:
            raise UserError(
                f"No option {option!r}; choose from {', '.join(options)}.{catalog.suggestion(option, list(options))}"
            )
    return start


def single_target(experiment: Experiment, target: str) -> None:
    """The option `stl-<target>`: single-task learning."""
    experiment.data.targets = (target,)
    experiment.training.keep = uncoupled(experiment.training.keep)


def smoke(experiment: Experiment) -> None:
    """The option that makes a recipe run in seconds: a tiny synthetic corpus, two epochs."""
    corpus = experiment.corpus
    if isinstance(corpus, Synthetic):
        experiment.corpus = Synthetic(dir="work/corpora/smoke", count=10, duration=10.0)
    elif isinstance(corpus, Planted):
        experiment.corpus = replace(corpus, dir=f"{corpus.dir}_smoke", count=5, duration=12.0)
    if isinstance(corpus, Synthetic | Planted):
        experiment.data.records = experiment.data.records.replace("work/records", "work/records/smoke", 1)
    experiment.training.epochs = 2


def assign(experiment: Any, path: str, value: Any) -> None:
    """Sets one field of the tree by its dotted path, `window.frames`; the value is copied.

    Raises:
        UserError: there is no such field; the nearest is offered.
    """
    node, name = _place(experiment, path)
    setattr(node, name, copy.deepcopy(value))


def setting(path: str, value: Any) -> Callable[[Any], None]:
    """An option of a recipe: what it sets, when `choose` calls it."""
    return lambda experiment: assign(experiment, path, value)


def field_type(experiment: Any, path: str) -> Any:
    """The type of a field of the tree, by its dotted path."""
    node, name = _place(experiment, path)
    return typing.get_type_hints(type(node))[name]


def _place(experiment: Any, path: str) -> tuple[Any, str]:
    """The dataclass that holds a field, and the field's name; a stream is on the way by its own name."""
    *above, last = path.split(".")
    node: Any = experiment
    for name in above:
        _check_known(node, name, path)
        node = node[name] if isinstance(node, dict) else getattr(node, name)
    _check_known({} if isinstance(node, dict) else node, last, path)
    return node, last


def _check_known(node: Any, name: str, path: str) -> None:
    known = list(node) if isinstance(node, dict) else [f.name for f in fields(node)] if is_dataclass(node) else []
    if name not in known:
        raise UserError(f"The experiment has no field {path!r}.{catalog.suggestion(name, known)}")


def part(kind: str, text: str) -> Any:
    """A part by its name, with fields that differ from its defaults.

    Raises:
        UserError: no such part or field; the nearest is offered.

    Example:
        >>> part("losses", "ccc:pool=sequence").pool
        'sequence'
    """
    name, *given = text.split(":")
    return with_fields(kind, name, given)


def feature_or_precomputed(name: str) -> Any:
    """The feature of that name as it is by default, or a precomputed stream of a folder corpus.

    Example:
        >>> feature_or_precomputed("gaze").stream
        'gaze'
    """
    known = name in catalog.names("features")
    return catalog.find("features", name)() if known else Precomputed(stream=name)


def streams_of(text: str | None) -> dict[str, Any]:
    """Streams of a command line: features with commas between, `<feature>[:<field>=<value>...]`; each is named after
    its feature, or as in `<name>=<feature>...`.

    Raises:
        UserError: there is none, no such feature or field, or a name that occurs twice.

    Example:
        >>> streams_of("mfcc39,slow=mfcc39:frame_rate_hz=25")["slow"].frame_rate_hz
        25.0
    """
    streams: dict[str, Any] = {}
    for item in _joined(text or ""):
        head, colon, rest = item.partition(":")
        name, equals, feature = head.partition("=")
        if name in streams:
            raise UserError(f"Two streams are called {name!r}; name one differently: <name>={item}.")
        streams[name] = part("features", (feature if equals else name) + colon + rest)
    if not streams:
        raise UserError("No stream is named; name some, for example --streams=mfcc39,mel128.")
    return streams


def _joined(text: str) -> Iterator[str]:
    """Items between commas; what is no feature belongs to the tuple that the item before it ends in."""
    item = ""
    for piece in filter(None, text.split(",")):
        feature = piece.partition(":")[0].rpartition("=")[2]
        if feature not in catalog.names("features") and _ends_in_tuple(item):
            item = f"{item},{piece}"
            continue
        if item:
            yield item
        item = piece
    if item:
        yield item


def _ends_in_tuple(item: str) -> bool:
    head, *settings = item.split(":")
    feature = head.rpartition("=")[2]
    if not settings or feature not in catalog.names("features"):
        return False
    hints = typing.get_type_hints(catalog.find("features", feature))
    return typing.get_origin(hints.get(settings[-1].partition("=")[0])) is tuple


def with_fields(kind: str, name: str, given: Iterable[str]) -> Any:
    """A part by its name, with fields as `field=value` texts say; commas stand between the items of a tuple.

    Raises:
        UserError: no such part or field, or a value of another type.

    Example:
        >>> with_fields("corpora", "avec", ["window=arousal", "unrated=true"]).unrated
        True
    """
    kind_of_part = catalog.find(kind, name)
    hints = typing.get_type_hints(kind_of_part)
    known = [f.name for f in fields(kind_of_part)]
    settings = {}
    for item in given:
        field, equals, value = item.partition("=")
        if field not in known:
            raise UserError(f"{name} has no field {field!r}.{catalog.suggestion(field, known)}")
        if not equals:
            raise UserError(f"{name}.{field} has no value; write {field}=<value>.")
        settings[field] = typed(f"{name}.{field}", value, hints[field])
    try:
        return kind_of_part(**settings)
    except ValueError as error:  # a loss is Keras' own kind of object, and says so in Keras' way
        raise UserError(str(error)) from None


def typed(name: str, text: str, hint: Any) -> Any:
    """A value of a command line as its field wants it."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if hint is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if hint in (int, float, str):
        try:
            return hint(text)
        except ValueError:
            pass
    if typing.get_origin(hint) is tuple:
        return tuple(typed(name, item.strip(), typing.get_args(hint)[0]) for item in text.split(",") if item.strip())
    raise UserError(f"{name} cannot be {text!r}; it is of type {getattr(hint, '__name__', hint)}.")
