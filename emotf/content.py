"""What files may say: JSON as the dataclasses that it was written from, numbers of frames that can be."""

import sys
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from emotf.errors import UserError

Kind = TypeVar("Kind")
# Nine hours at 60 a second. Where a file numbers its frames, a damaged number must not decide what memory is taken.
MOST_FRAMES = 2_000_000
PLAIN = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def built(kind: type[Kind], content: Any, where: str) -> Kind:
    """A dataclass of its fields as JSON holds them.

    Args:
        kind: whose fields are plain values, tuples, mappings of names, and dataclasses.
        content: field -> value; what has a default may be absent.
        where: the content is from, for messages.

    Raises:
        UserError: a field is unknown or missing, or a value of another type.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Entry:
        ...     frames: int
        ...     start: float = 0.0
        >>> built(Entry, {"frames": 3}, "COMPLETED")
        Entry(frames=3, start=0.0)
    """
    declared = {field.name: field for field in fields(typing.cast(Any, kind)) if field.init}
    found = names_of(content, where)
    for name in found:
        if name not in declared:
            raise UserError(f"{where} has an entry {name!r}, which this version does not know; write it anew.")
    for name, field in declared.items():
        if name not in found and field.default is MISSING and field.default_factory is MISSING:
            raise UserError(f"{where} has no entry {name!r}; restore it, or write it anew.")
    hints = typing.get_type_hints(kind)
    return kind(**{name: valued(value, hints[name], f"{where}, {name}", built) for name, value in found.items()})


def names_of(content: Any, where: str) -> dict[str, Any]:
    """The content, which must be a mapping. Raises UserError where it is something else."""
    if not isinstance(content, dict):
        raise UserError(f"{where} holds {_shown(content)}, expected names with values; restore it, or write it anew.")
    return content


def valued(value: Any, hint: Any, where: str, build: Callable[[Any, Any, str], Any]) -> Any:
    """A value of JSON as its type hint has it.

    Args:
        value: of JSON; a number that is not finite is none.
        hint: int, float, str, bool, a tuple or dict of them, a dataclass, one of them or None; of others, any value is.
        where: it is from, for messages.
        build: (dataclass, content, where) -> instance.

    Raises:
        UserError: it is of another type.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return valued(value, next(h for h in inner if h is not type(None)), where, build)
    if origin is tuple:
        if not isinstance(value, list | tuple) or (inner[-1] is not Ellipsis and len(value) != len(inner)):
            many = "a list" if inner[-1] is Ellipsis else f"a list of {len(inner)}"
            raise _unlike(value, many, where)
        each = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(valued(v, h, f"{where}[{k}]", build) for k, (v, h) in enumerate(zip(value, each, strict=True)))
    if origin is dict:
        return {key: valued(v, inner[1], f"{where}.{key}", build) for key, v in names_of(value, where).items()}
    if hint in PLAIN:
        if not _is(value, hint):
            raise _unlike(value, PLAIN[hint], where)
        return value
    return build(hint, value, where) if isinstance(hint, type) and is_dataclass(hint) else value


def _is(value: Any, hint: type) -> bool:
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    if hint is float and isinstance(value, int | float):
        return abs(value) <= sys.float_info.max  # neither NaN nor infinite, nor one of JSON's endless whole numbers
    return isinstance(value, hint) and (not isinstance(value, int) or abs(value) < 2**63)


def _unlike(value: Any, expected: str, where: str) -> UserError:
    return UserError(f"{where} is {_shown(value)}, expected {expected}; restore it, or write it anew.")


def _shown(value: Any) -> str:
    """A value, or of which kind it is where it is long."""
    kinds = {dict: "names with values", list: "a list", tuple: "a list", type(None): "nothing"}
    if isinstance(value, int) and abs(value) >= 2**63:
        return "a number beyond 64 bits"
    return kinds.get(type(value)) or (f"{value!r:.40}" + "..." * (len(repr(value)) > 40))


def check_frames(path: object, frames: float) -> None:
    """Raises UserError where what a file says of its frames cannot be: more than 2 million."""
    if not frames <= MOST_FRAMES:
        raise UserError(f"{path} counts up to {frames:.6g} frames, more than {MOST_FRAMES}: a number or a time in it "
                        f"is damaged; restore it, or cut it.")  # fmt: skip
