"""LSTM layers, each of which takes another stream."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emotf.errors import UserError
from emotf.models.base import linear_output, side_by_side
from emotf.models.lstm import Lstm


@dataclass
class LayeredFusion(Lstm):
    """Early fusion in which slow streams join late: layer k reads stream k beside the output of layer k - 1.

    Chen & Jin give layer 1 the short-time audio, layer 2 the video features of longer windows, layer 3 ECG and EDA of
    the longest.

    Attributes:
        units: of each layer; one number is that of every layer.
        layers: the streams of each layer, several joined by `+`; empty: one stream a layer, in their order.

    Example:
        >>> fusion = LayeredFusion(units=(8, 8), layers=("audio", "face+pose"))
        >>> network = fusion.build({"face": 4, "audio": 3, "pose": 2}, ["valence"], frames=None)
        >>> [layer.kernel.shape[0] for layer in network.layers if layer.name.startswith("lstm")]
        [3, 14]

    Reference:
        Chen & Jin 2015, the "new structure" of feature fusion: 3 layers of 200, 2 where there are two modalities.
    """

    units: tuple[int, ...] = (200,)
    layers: tuple[str, ...] = ()

    def check_settings(self, streams: Mapping[str, int], frames: int | None) -> None:
        super().check_settings(streams, frames)
        groups, sizes = self._groups(streams)
        if len(sizes) != len(groups):
            raise UserError(
                f"model.units has {len(sizes)} sizes for {len(groups)} layers; give one, or one for each layer."
            )
        named = [name for group in groups for name in group]
        if sorted(named) != sorted(streams):
            raise UserError(
                f"model.layers is {', '.join(self.layers) or 'empty'}; name each stream once, several of a layer "
                f"joined by '+': {', '.join(streams)}."
            )

    def trace(self, streams: Mapping[str, Any], targets: Sequence[str], present: Any = None) -> dict[str, Any]:
        x = None
        for number, (group, units) in enumerate(zip(*self._groups(streams), strict=True), start=1):
            inputs = {name: streams[name] for name in group} | ({} if x is None else {"below": x})
            x = self.layer(number, units, side_by_side(inputs, name=f"into_lstm{number}"), present)
        return {target: linear_output(target, x) for target in targets}

    def _groups(self, streams: Mapping[str, Any]) -> tuple[list[tuple[str, ...]], tuple[int, ...]]:
        """The streams and the units of each layer."""
        groups = [tuple(group.split("+")) for group in self.layers] or [(name,) for name in streams]
        return groups, self.units * len(groups) if len(self.units) == 1 else self.units
