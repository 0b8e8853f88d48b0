"""Finds a part by its kind and file name. There is no registry: one new file is one new part."""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from emotf.errors import UserError

KINDS = (
    "classifiers",
    "corpora",
    "features",
    "frontends",
    "images",
    "losses",
    "models",
    "optimizers",
    "postprocessing",
    "windows",
)


def names(kind: str) -> tuple[str, ...]:
    """The parts of a kind: the modules of `emotf.<kind>` but `base` and those with a leading underscore.

    Raises:
        UserError: no such kind.
    """
    if kind not in KINDS:
        raise UserError(f"Parts are {', '.join(KINDS)}; there are none of {kind!r}.")
    package = importlib.import_module(f"emotf.{kind}")
    return tuple(
        sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_" and m.name != "base")
    )


@cache
def find(kind: str, name: str) -> type[Any]:
    """The one public dataclass that the module `emotf.<kind>.<name>` defines.

    Raises:
        UserError: no such part; the nearest name is offered.

    Example:
        >>> find("models", "cer").__name__
        'Cer'
    """
    if name not in names(kind):
        raise UserError(f"No {name!r} among {kind}: {', '.join(names(kind))}.{suggestion(name, names(kind))}")
    module = importlib.import_module(f"emotf.{kind}.{name}")
    parts = [
        part
        for label, part in inspect.getmembers(module, inspect.isclass)
        if part.__module__ == module.__name__ and is_dataclass(part) and not label.startswith("_")
    ]
    if len(parts) != 1:
        raise TypeError(f"{module.__name__} must define exactly one public dataclass, found {len(parts)}.")
    return parts[0]


def among(kinds: Sequence[str], name: str) -> tuple[str, str]:
    """(kind, name) of the one part of that name among several kinds; `<kind>/<name>` says of which.

    Raises:
        UserError: no kind has such a part, the nearest name is offered; or several have.

    Example:
        >>> among(("corpora", "images"), "ferplus")
        ('images', 'ferplus')
    """
    known = {f"{kind}/{name}": (kind, name) for kind in kinds for name in names(kind)}
    found = [place for full, place in known.items() if name in (full, place[1])]
    if len(found) > 1:
        raise UserError(f"{' and '.join(kind for kind, _ in found)} both have {name!r}; say {found[0][0]}/{name} or "
                        f"{found[1][0]}/{name}.")  # fmt: skip
    if not found:
        every = [place[1] for place in known.values()]
        raise UserError(f"No {name!r} among {' and '.join(kinds)}: {', '.join(every)}.{suggestion(name, every)}")
    return found[0]


def kind_of(part: object) -> tuple[str, str] | None:
    """(kind, name) of an instance of a part, None for any other object."""
    package, _, name = type(part).__module__.rpartition(".")
    kind = package.removeprefix("emotf.")
    return (kind, name) if kind in KINDS and name != "base" else None


def suggestion(name: str, known: tuple[str, ...] | list[str]) -> str:
    """' Did you mean ...?' for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""
