"""LSTM layers over sequences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.errors import UserError
from emotf.models.base import Model, linear_output, side_by_side


@dataclass
class Lstm(Model):
    """LSTM layers one after the other, shared by all targets, and one linear value a target and frame.

    The network runs forwards and knows nothing of the future; its state begins at 0 with every sequence.

    Attributes:
        units: of each layer.

    Example:
        >>> Lstm().build({"audio": 76}, ["arousal", "valence"], frames=None).count_params()
        286802

    Reference:
        Chen & Jin 2015, without their peepholes: two hidden layers of (80, 60), (160, 120) or (200, 160).
    """

    units: tuple[int, ...] = (160, 120)

    sequences: ClassVar[bool] = True

    def trace(self, streams: Mapping[str, Any], targets: Sequence[str]) -> dict[str, Any]:
        from keras import layers

        if not self.units or min(self.units) < 1:
            raise UserError(f"model.units is {self.units}; expected one or more layers of at least 1 unit.")
        x = side_by_side(streams)
        for i, units in enumerate(self.units, start=1):
            x = layers.LSTM(units, return_sequences=True, name=f"lstm{i}")(x)
        return {target: linear_output(target, x) for target in targets}
