"""The baseline without recurrence: convolutions only (after Schmitt et al. 2019)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from emotf.errors import UserError
from emotf.models.base import Model, linear_output, side_by_side


@dataclass
class PureCnn(Model):
    """Convolutions over time, their mean over the remaining frames, one linear output a target.

    Köprü & Erzin (2020, table V) adapt the filter lengths of Schmitt et al. and print 240,643 parameters, but no layer
    sizes. The defaults are ours: three layers of 160 filters, 6, 4 and 3 frames wide, then a linear output count
    exactly that for 63 channels and three targets (so do other sizes).

    Attributes:
        filters: of every convolution.
        kernels: frames each convolution spans; together they must fit into the feature image.

    Example:
        >>> PureCnn().build({"speech": 39, "body": 24}, ["arousal", "valence", "dominance"], frames=20).count_params()
        240643

    Reference:
        Schmitt, Cummins, Schuller 2019, "Continuous Emotion Recognition in Speech: Do We Need Recurrence?",
        Interspeech.
    """

    filters: int = 160
    kernels: tuple[int, ...] = (6, 4, 3)

    printed_parameters: ClassVar[int | None] = 240643

    def check_settings(self, streams: Mapping[str, int], frames: int | None) -> None:
        needed = sum(self.kernels) - len(self.kernels) + 1
        if frames is not None and frames < needed:
            raise UserError(f"Kernels {self.kernels} need feature images of {needed} frames, received {frames}.")

    def trace(self, streams: Mapping[str, Any], targets: Sequence[str], present: Any = None) -> dict[str, Any]:
        from keras import layers

        x = side_by_side(streams)
        for i, kernel in enumerate(self.kernels, start=1):
            x = layers.Conv1D(self.filters, kernel, activation="relu", name=f"conv{i}")(x)
        x = layers.GlobalAveragePooling1D(name="mean_over_frames")(x)
        return {target: linear_output(target, x) for target in targets}
