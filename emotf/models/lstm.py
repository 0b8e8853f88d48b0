"""LSTM layers over sequences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.errors import UserError
from emotf.models.base import Model, linear_output, side_by_side

CELLS = ("peephole", "plain", "keras")
OUTPUT_PEEPHOLES = ("current", "previous")
DIRECTIONS = {"forward": (False,), "backward": (True,), "both": (False, True)}


@dataclass
class Lstm(Model):
    """LSTM layers one after the other, shared by all targets, and one linear value a target and frame.

    Its state begins at 0 with every sequence. Padding is never seen by a layer that runs backwards.

    Attributes:
        units: of each layer; of each direction, where there are two.
        direction: `forward` knows nothing of the future; `backward`; `both` (BLSTM), whose outputs lie side by side.
        cell: `peephole`; `plain`, the same without peepholes; or `keras`, `keras.layers.LSTM`: the mathematics of
            `plain`, with cuDNN on a GPU, slower on a CPU.
        output_peephole: the cell that the output gate sees, `current` (Graves 2013) or `previous` (Chen & Jin's print).
        forget_bias: of the forget gate at the start.

    Example:
        >>> Lstm().build({"all": 618}, ["valence"], frames=None).count_params()
        634401

    Reference:
        Chen & Jin 2015: two hidden layers of (80, 60), (160, 120) or (200, 160), forget bias 2; the example is their
        [618, 160, 120, 1]. The cell is that of Graves 2013, "Generating sequences with recurrent neural networks".
    """

    units: tuple[int, ...] = (160, 120)
    direction: str = "forward"
    cell: str = "peephole"
    output_peephole: str = "current"
    forget_bias: float = 2.0

    sequences: ClassVar[bool] = True

    @property
    def carries(self) -> bool:
        return self.direction == "forward" and self.cell != "keras"

    def trace(self, streams: Mapping[str, Any], targets: Sequence[str], present: Any = None) -> dict[str, Any]:
        x = side_by_side(streams)
        for number, units in enumerate(self.units, start=1):
            x = self.layer(number, units, x, present)
        return {target: linear_output(target, x) for target in targets}

    def layer(self, number: int, units: int, x: Any, present: Any) -> Any:
        """One hidden layer, [batch, frames, units] or, of both directions, [batch, frames, 2 units]."""
        outputs = [self._run(f"lstm{number}", units, back, x, present) for back in DIRECTIONS[self.direction]]
        return side_by_side(dict(enumerate(outputs)), name=f"lstm{number}_both")

    def _run(self, name: str, units: int, backwards: bool, x: Any, present: Any) -> Any:
        """One direction of a layer."""
        from keras import layers, ops

        from emotf.models._peephole_lstm import ForgetBias, PeepholeLstm

        name = f"{name}_backward" if backwards else name
        # padding comes last, so what runs forwards needs no mask: its outputs there are not used
        present = present if backwards else None
        if self.cell != "keras":
            peepholes = self.cell == "peephole"
            lstm = PeepholeLstm(units, peepholes, self.output_peephole, self.forget_bias, backwards, name=name)
            return lstm(x) if present is None else lstm(x, present=present)
        x = layers.LSTM(
            units,
            return_sequences=True,
            go_backwards=backwards,
            unit_forget_bias=False,
            bias_initializer=ForgetBias(self.forget_bias),
            name=name,
        )(x, mask=present)
        return ops.flip(x, axis=1) if backwards else x

    def check_settings(self, streams: Mapping[str, int], frames: int | None) -> None:
        if not self.units or min(self.units) < 1:
            raise UserError(f"model.units is {self.units}; expected one or more layers of at least 1 unit.")
        for name, allowed in {
            "direction": tuple(DIRECTIONS),
            "cell": CELLS,
            "output_peephole": OUTPUT_PEEPHOLES,
        }.items():
            if getattr(self, name) not in allowed:
                raise UserError(f"model.{name} is {getattr(self, name)!r}, expected one of {', '.join(allowed)}.")
