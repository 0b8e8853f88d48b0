"""What every model shares: named inputs, standardisation inside the network, named outputs."""

import importlib
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from emotf.errors import UserError

if TYPE_CHECKING:
    import keras

    from emotf.models._sliding import Sliding
    from emotf.pipeline.standardisation import Standardisation

# What the layers that standardise a stream are called, before its name.
STANDARDISE = "standardise_"


@dataclass
class Model(ABC):
    """Sizes of a network; `build` makes the network.

    Attributes:
        printed_parameters: the number of trainable parameters that the publication prints, or None.
        sequences: whether the network reads sequences (one value out a frame), not feature images (one value out).
    """

    printed_parameters: ClassVar[int | None] = None
    sequences: ClassVar[bool] = False

    def build(
        self,
        streams: Mapping[str, int],
        targets: Sequence[str],
        frames: int | None,
        standardisation: "Mapping[str, Standardisation] | None" = None,
    ) -> "keras.Model":
        """A network from streams to targets. Single-task learning is the case of one target.

        Args:
            streams: stream -> channels.
            targets: names of the outputs.
            frames: N, the frames of a feature image; None for sequences of any length.
            standardisation: per stream, mean and spread of its channels, fitted on train. They become constants of the
                network, so that it takes streams as they were extracted, in training as in serving.

        Returns:
            A functional model: {stream: [batch, frames, channels]} -> {target: [batch]}, of sequences -> {target:
            [batch, frames]}. A sequence that is shorter than its batch ends in frames of NaN.

        Raises:
            UserError: as `check`.
        """
        import keras

        self.check(streams, targets, frames)
        inputs = {name: keras.Input((frames, channels), name=name) for name, channels in streams.items()}
        known = {name: _standardised(name, x, (standardisation or {}).get(name)) for name, x in inputs.items()}
        present = None
        if self.sequences:
            absent = {name: keras.ops.isnan(x) for name, x in inputs.items()}
            known = {name: keras.ops.where(absent[name], 0.0, x) for name, x in known.items()}
            present = keras.ops.logical_not(keras.ops.any(next(iter(absent.values())), axis=-1))
        outputs = self.trace(known, targets, present)
        return keras.Model(inputs, outputs, name=type(self).__module__.rpartition(".")[2])

    def check(self, streams: Mapping[str, int], targets: Sequence[str], frames: int | None) -> None:
        """Refuses what `build` cannot build, without building it.

        Args:
            streams, targets, frames: as of `build`.

        Raises:
            UserError: a stream or target has a name that cannot name a part of a network, or sizes do not suit each
                other, the streams or the window.
        """
        for name in (*streams, *targets):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
                raise UserError(f"Stream or target {name!r}: use letters, digits, '_', '-' and '.' only; rename it.")
        if self.sequences != (frames is None):
            reads, given = ("sequences", "feature images") if self.sequences else ("feature images", "sequences")
            raise UserError(
                f"{type(self).__name__} reads {reads}, the window gives {given}; choose another of the two."
            )
        for size in fields(self):
            if size.type is int and getattr(self, size.name) < 1:
                raise UserError(f"model.{size.name} must be at least 1, received {getattr(self, size.name)}.")
        self.check_settings(streams, frames)

    def check_settings(self, streams: Mapping[str, int], frames: int | None) -> None:
        """What a kind of model has to say in `check`: nothing here."""
        del streams, frames

    @property
    def carries(self) -> bool:
        """Whether a network needs, of the frames before, no more than the states of its `PeepholeLstm` layers.

        It then gives a frame as soon as it is there (`emotf.serving.live`).
        """
        return False

    @abstractmethod
    def trace(self, streams: Mapping[str, Any], targets: Sequence[str], present: Any = None) -> dict[str, Any]:
        """The network.

        Args:
            streams: standardised, [batch, frames, channels], without NaN.
            targets: names of the outputs.
            present: of sequences, [batch, frames], False where a sequence is padded, always at its end.

        Returns:
            {target: [batch]}, of sequences [batch, frames].
        """

    def sliding(self, network: "keras.Model") -> "Sliding | None":
        """A network over whole recordings, computing once what its feature images share; None: image by image only.

        It reads the weights whenever it is called, so that it follows a network that is still being trained.

        Args:
            network: of `build`, of this model; trained, being trained, or loaded.

        Returns:
            A function of rows, {stream: [rows, channels]}, and starts, int [images]. Where N rows from a start on are a
            feature image, it says what the network says of that image: {target: [images]}, equal to rounding. What
            lies in other rows does not matter.
        """
        del network
        return None


def load(path: Path) -> "keras.Model":
    """A saved network. Keras finds layers of our own only where they were imported before.

    Raises:
        UserError: Keras cannot load it.
    """
    import emotf.models
    from emotf.weights import loaded

    for module in pkgutil.iter_modules(emotf.models.__path__):
        if module.name.startswith("_"):
            importlib.import_module(f"emotf.models.{module.name}")
    return loaded(path)


def _standardised(name: str, x: Any, fitted: "Standardisation | None") -> Any:
    """A stream by the mean and spread of train; its gaps become 0: the mean of what is no gap, or
    its minimum where it is scaled to 0..1."""
    import keras

    if fitted is None:
        return x
    # float32 whatever the policy: float16 has no room for the span of unstandardised channels
    layer = keras.layers.Normalization(
        mean=fitted.mean, variance=fitted.variance, dtype="float32", name=f"{STANDARDISE}{name}"
    )
    if not fitted.gaps:
        return layer(x)
    return keras.ops.where(keras.ops.any(keras.ops.not_equal(x, 0.0), axis=-1, keepdims=True), layer(x), 0.0)


def standardised_to_0(network: "keras.Model") -> dict[str, list[float]]:
    """stream -> what the network standardises to 0, a value a channel; streams that it standardises itself."""
    layers = {
        layer.name.removeprefix(STANDARDISE): layer for layer in network.layers if layer.name.startswith(STANDARDISE)
    }
    return {name: np.ravel(layer.mean).tolist() for name, layer in layers.items()}


def side_by_side(streams: Mapping[Any, Any], name: str = "side_by_side") -> Any:
    """Several streams as channels of one, [batch, frames, P]."""
    import keras

    parts = list(streams.values())
    return parts[0] if len(parts) == 1 else keras.layers.Concatenate(name=name)(parts)


def linear_output(name: str, x: Any) -> Any:
    """One linear value, the output `name` [batch, ...] of features [batch, ..., units]; float32 whatever the policy."""
    import keras

    without_units = (-1,) if len(x.shape) == 3 else ()
    x = keras.layers.Dense(1, dtype="float32", name=f"{name}_linear")(x)
    return keras.layers.Reshape(without_units, dtype="float32", name=name)(x)


def lost_at_times(x: Any, rate: float, name: str) -> Any:
    """A modality [batch, frames, channels] that whole sequences lose in training, with probability `rate`."""
    from emotf.models._modality_dropout import ModalityDropout

    return ModalityDropout(rate, name=name)(x) if rate else x


def check_rates(**rates: float) -> None:
    """Fields of a model that are shares, from 0 to below 1.

    Raises:
        UserError: one is not.
    """
    for name, rate in rates.items():
        if not 0 <= rate < 1:
            raise UserError(f"model.{name} is {rate}; expected at least 0 and below 1.")
