"""What is varied in a comparison: `loss=mse,ccc`, `window.frames=32,64`, `targets=stl,mtl`.

Fields that go together are one axis: `window.frames/training.batch=32/64,64/32`. `length=32,64` is the frames of a
sequence, end to end, with as many frames a batch as the recipe has. Streams are those of the recipe by name, joined by
`+`, or a modality: `streams=multimodal,speech,body`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from emotf import catalog
from emotf.config import Experiment, from_json, to_json
from emotf.errors import UserError
from emotf.recipes import assign, field_type, part, typed
from emotf.windows.sequences import Sequences

TARGETS = "targets"
STREAMS = "streams"
LENGTH = "length"

# Streams by the medium they are from, for recipes whose streams have other names; a stream of that name comes first.
MODALITIES = {
    "multimodal": None,
    "audio": ("audio",),
    "speech": ("audio",),
    "video": ("video",),
    "face": ("video",),
    "body": ("body",),
    "motion": ("body",),
    "physiology": ("ecg", "eda"),
}

# Fields of an experiment that hold a part, and the kind of that part.
PARTS = {"loss": "losses", "model": "models", "window": "windows"}


def parse(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """axis -> its values, of `axis=value,value` each.

    Raises:
        UserError: an axis without values, or one that occurs twice.

    Example:
        >>> parse(["loss=mse,ccc:pool=sequence", "window.frames=32,64"])
        {'loss': ('mse', 'ccc:pool=sequence'), 'window.frames': ('32', '64')}
    """
    axes: dict[str, tuple[str, ...]] = {}
    for item in given:
        axis, _, rest = item.partition("=")
        values = tuple(value.strip() for value in rest.split(",") if value.strip())
        if not axis or not values or len(set(values)) != len(values):
            raise UserError(f"--vary takes <axis>=<value>,<value>..., each value once; received {item!r}.")
        if axis in axes:
            raise UserError(f"--vary names {axis!r} twice; give all its values at once.")
        axes[axis] = values
    return axes


def applied(experiment: Experiment, settings: Mapping[str, str]) -> Experiment:
    """A copy of the experiment with each axis at its value; the axis `targets` is left to the grid.

    Raises:
        UserError: no such field, part or stream; or a value that its type does not take.
    """
    copied: Experiment = from_json(to_json(experiment))
    for axis, value in _apart(settings):
        if axis == STREAMS:
            copied.streams = {name: experiment.streams[name] for name in streams_named(experiment, value)}
        elif axis == LENGTH:
            _lengthen(copied, experiment, value)
        elif axis in PARTS:
            # the part that is there already stays as it is configured
            if catalog.kind_of(getattr(experiment, axis)) != (PARTS[axis], value):
                assign(copied, axis, part(PARTS[axis], value))
        elif axis != TARGETS:
            assign(copied, axis, typed(axis, value, field_type(copied, axis)))
    return copied.check()


def _lengthen(copied: Experiment, recipe: Experiment, text: str) -> None:
    """Sequences of so many frames, end to end; a batch keeps its frames as far as whole sequences fit, one at least."""
    frames, window = typed(LENGTH, text, int), recipe.window
    if not isinstance(window, Sequences) or not window.frames:
        raise UserError(f"{LENGTH}={text} needs a recipe of sequences of a fixed length; choose another recipe.")
    if frames < 2:
        raise UserError(f"{LENGTH} is 2 frames or more, received {text}.")
    copied.window = replace(window, frames=frames, stride_frames=frames)
    copied.training.batch = max(1, recipe.training.batch * window.frames // frames)


def _apart(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every field with its value; those that go together one after the other."""
    for axis, value in settings.items():
        if "/" not in axis:  # a value may hold one: a path
            yield axis, value
            continue
        fields, values = axis.split("/"), value.split("/")
        if len(fields) != len(values):
            raise UserError(f"--vary={axis} needs {len(fields)} values joined by '/', received {value!r}.")
        yield from zip(fields, values, strict=True)


def streams_named(experiment: Experiment, text: str) -> list[str]:
    """The streams of the recipe that `mfcc39+body` names, or a modality (`multimodal`: all), in that order.

    Raises:
        UserError: the recipe has none of that name or modality.
    """
    found: list[str] = []
    for name in text.split("+"):
        if name in experiment.streams:
            found.append(name)
        elif name in MODALITIES:
            media = MODALITIES[name]
            of = [stream for stream, part in experiment.streams.items() if media is None or part.medium in media]
            if not of:
                raise UserError(f"The recipe has no stream of {name}, only {', '.join(experiment.streams)}.")
            found += of
        else:
            known = (*experiment.streams, *MODALITIES)
            raise UserError(f"The recipe has no stream {name!r}, only {', '.join(experiment.streams)}."
                            f"{catalog.suggestion(name, known)}")  # fmt: skip
    return list(dict.fromkeys(found))
