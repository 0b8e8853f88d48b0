"""An experiment as the Python source of a recipe."""

import math
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from emotf.config import Experiment, to_json

WIDTH = 120


def recipe(experiment: Experiment, heading: str) -> str:
    """A recipe without options, for `--config=<file>`; fields that have their defaults are left out.

    Args:
        experiment: what its `get_config` returns.
        heading: its first lines: a docstring, comments.
    """
    names: set[tuple[str, str]] = {("emotf.errors", "UserError"), ("emotf.config", "Experiment")}
    body = _source(experiment, names, 4, len("return "))
    modules = sorted({module for module, _ in names})
    imports = [f"from {m} import {', '.join(sorted(name for of, name in names if of == m))}\n" for m in modules]
    return f'''{heading}

{"".join(imports)}

def get_config(arg: str = "") -> Experiment:
    """The experiment; it takes no options, only overrides."""
    if arg:
        raise UserError(f"This recipe has no options, received {{arg!r}}; override fields by --config.<field>=...")
    return {body}
'''


def _source(node: Any, names: set[tuple[str, str]], indent: int, used: int) -> str:
    """An expression that makes a node of the tree; notes what is to be imported.

    Args:
        node: a dataclass, a collection, or a value.
        names: (module, class) of what the expression names; added to.
        indent: of the line that the expression stands in.
        used: characters before it in that line.
    """
    inner = indent + 4
    if is_dataclass(node) and not isinstance(node, type):
        kind = type(node)
        names.add((kind.__module__, kind.__name__))
        given = [f for f in fields(node) if f.init and to_json(getattr(node, f.name)) != to_json(_default(f))]
        items = [f"{f.name}={_source(getattr(node, f.name), names, inner, len(f.name) + 1)}" for f in given]
        ends = f"{kind.__name__}(", ")"
    elif isinstance(node, dict):
        items = [f"{_text(key)}: {_source(value, names, inner, len(_text(key)) + 2)}" for key, value in node.items()]
        ends = "{", "}"
    elif isinstance(node, tuple):
        items = [_source(value, names, inner, 0) for value in node]
        ends = "(", ",)" if len(node) == 1 else ")"
    elif isinstance(node, float) and not math.isfinite(node):
        return f'float("{node}")'
    else:
        return _text(node) if isinstance(node, str) else repr(node)
    line = ends[0] + ", ".join(items) + ends[1]
    if "\n" not in line and indent + used + len(line) < WIDTH:
        return line
    return "\n".join([ends[0], *(f"{' ' * inner}{item}," for item in items), f"{' ' * indent}{ends[1][-1]}"])


def _text(text: str) -> str:
    """A text in double quotes, where it has none itself."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain else plain


def _default(field: Any) -> Any:
    if field.default is not MISSING:
        return field.default
    return MISSING if field.default_factory is MISSING else field.default_factory()
