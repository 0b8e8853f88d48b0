"""Fully connected layers that take one modality after the other, then an LSTM (Orgil et al. 2021)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.errors import UserError
from emotf.models.base import Model, check_rates, lost_at_times, side_by_side
from emotf.models.lstm import Lstm

ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "linear")


@dataclass
class NonInertialNet(Model):
    """Layer k joins a modality to the output of layer k - 1; an LSTM and one linear value a target and frame follow.

    Every fully connected layer is followed by its activation, batch normalisation and dropout, in this order. The
    publication's four networks are one class: layers whose streams the experiment does not have are left out, so
    that *Full* is all streams, *Without-mel* those without `mel128`, *Audio* that alone and *Pose* `pose36` alone.

    Padded frames do not enter the batch statistics. The publication leaves the activations open; its batch
    normalisation and dropout "after every fully connected layer" are read as not meaning the classifier. Its channels
    are those of streams without `confidence` and `found` (`flags=False`); with them the first layers are wider.

    Attributes:
        layers: the streams of each layer, several joined by `+`, in the order in which they lie side by side.
        units: of each layer of `layers`; a layer that is alone has the last of them.
        activation: after each of them.
        dropout: after each of them.
        norm_momentum: what the running mean and variance keep at a step; 0.9 as in PyTorch, as an epoch may be short.
        lstm_units: of the LSTM; several numbers are several layers.
        cell: `plain`, `keras` (cuDNN on a GPU, slower on a CPU) or `peephole`, as `lstm` has them.
        forget_bias: of the forget gate at the start.
        modality_dropout: probability that a sequence loses the streams of a layer in training, all of them, as a lost
            face takes all that describes it; each layer by itself.

    Example:
        >>> full = {"resnet50": 2048, "landmarks140": 140, "pose36": 36, "mel128": 128}
        >>> NonInertialNet().build(full, ["arousal", "valence"], frames=None).count_params()
        3481858
        >>> NonInertialNet().build({"mel128": 128}, ["arousal", "valence"], frames=None).count_params()
        559874

    Reference:
        Orgil, Karungaru, Terada, Shagdar 2021, "Multimodal emotion recognition using non-inertial loss function",
        Journal of Signal Processing 25(2).
    """

    layers: tuple[str, ...] = ("resnet50+landmarks140", "pose36", "mel128")
    units: tuple[int, ...] = (1024, 512, 256)
    activation: str = "relu"
    dropout: float = 0.5
    norm_momentum: float = 0.9
    lstm_units: tuple[int, ...] = (256,)
    cell: str = "plain"
    forget_bias: float = 1.0
    modality_dropout: float = 0.0

    sequences: ClassVar[bool] = True

    @property
    def _lstm(self) -> Lstm:
        return Lstm(self.lstm_units, cell=self.cell, forget_bias=self.forget_bias)

    def check_settings(self, streams: Mapping[str, int], frames: int | None) -> None:
        check_rates(dropout=self.dropout, norm_momentum=self.norm_momentum, modality_dropout=self.modality_dropout)
        if self.activation not in ACTIVATIONS:
            raise UserError(f"model.activation is {self.activation!r}, expected one of {', '.join(ACTIVATIONS)}.")
        named = [name for group in self.layers for name in group.split("+")]
        if len(set(named)) < len(named) or not set(streams) <= set(named):
            raise UserError(
                f"model.layers is {', '.join(self.layers) or 'empty'}; name each stream once, several of a layer "
                f"joined by '+': {', '.join(streams)}."
            )
        if len(self.units) != len(self.layers) or min(self.units) < 1:
            raise UserError(f"model.units is {self.units}; expected at least 1 for each of {len(self.layers)} layers.")
        if self.modality_dropout and len(self._sizes(streams)) == 1:
            raise UserError("model.modality_dropout would take all that a network of one layer sees; set it to 0.")
        if not self.lstm_units or min(self.lstm_units) < 1:
            raise UserError(f"model.lstm_units is {self.lstm_units}; expected one or more layers of at least 1 unit.")
        self._lstm.check_settings(streams, frames)

    @property
    def carries(self) -> bool:
        return self.cell != "keras"

    def trace(self, streams: Mapping[str, Any], targets: Sequence[str], present: Any = None) -> dict[str, Any]:
        x = None
        for number, (names, units) in enumerate(self._sizes(streams), start=1):
            new = side_by_side({name: streams[name] for name in names}, name=f"modality{number}")
            new = lost_at_times(new, self.modality_dropout, name=f"modality{number}_dropout")
            inputs = {"new": new} if x is None else {"below": x, "new": new}
            x = self._fully_connected(number, units, side_by_side(inputs, name=f"into_fc{number}"), present)
        return self._lstm.trace({"fc": x}, targets, present)

    def _fully_connected(self, number: int, units: int, x: Any, present: Any) -> Any:
        from keras import layers

        from emotf.models._batch_norm import PaddedBatchNormalization

        x = layers.Dense(units, name=f"fc{number}")(x)
        x = layers.Activation(self.activation, name=f"fc{number}_{self.activation}")(x)
        x = PaddedBatchNormalization(momentum=self.norm_momentum, name=f"fc{number}_norm")(x, present)
        return layers.Dropout(self.dropout, name=f"fc{number}_dropout")(x)

    def _sizes(self, streams: Mapping[str, Any]) -> list[tuple[tuple[str, ...], int]]:
        """The streams and the units of each layer that these streams make."""
        groups = [tuple(name for name in group.split("+") if name in streams) for group in self.layers]
        sizes = [(group, units) for group, units in zip(groups, self.units, strict=True) if group]
        return sizes if len(sizes) > 1 else [(sizes[0][0], self.units[-1])]
