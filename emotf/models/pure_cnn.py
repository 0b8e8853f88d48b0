"""The baseline without recurrence: convolutions only (after Schmitt et al. 2019)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emotf.errors import UserError
from emotf.models._sliding import Sliding, frame_by_frame
from emotf.models.base import Model, linear_output, side_by_side

if TYPE_CHECKING:
    import keras


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

    def sliding(self, network: "keras.Model") -> Sliding | None:
        """All convolutions once a row, and the linear outputs, which may come before the mean as well as after it."""
        from keras import ops

        before = frame_by_frame(network, "conv1")
        if before is None:
            return None
        remaining = network.inputs[0].shape[1] - sum(self.kernels) + len(self.kernels)

        def said(rows: Mapping[str, Any], starts: Any) -> dict[str, Any]:
            x = before(rows)
            for i in range(1, len(self.kernels) + 1):
                x = network.get_layer(f"conv{i}")(x)
            x = ops.concatenate([network.get_layer(f"{target}_linear")(x) for target in network.output_names], axis=-1)
            x = ops.take(ops.average_pool(x, remaining, strides=1)[0], starts, axis=0)
            return {target: x[:, i] for i, target in enumerate(network.output_names)}

        return said
