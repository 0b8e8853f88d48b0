"""CER: one convolution shared by the targets, then a small GRU a target (Köprü & Erzin 2020)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

from emotf.errors import UserError
from emotf.models._sliding import Sliding, frame_by_frame
from emotf.models.base import Model, linear_output, side_by_side

if TYPE_CHECKING:
    import keras

# Unrolled, the short loop over pooled frames trains about 1.3 times as fast on CPU; long ones only compile slowly.
UNROLL_STEPS = 32


@dataclass
class Cer(Model):
    """Semi-end-to-end CNN-GRU: CER-MTL with several targets, CER-STL with one.

    Extracted and raw streams lie side by side in the feature image; the convolution learns meta-features from both.

    The paper leaves open: the activation of the convolution (here ReLU) and of the first dense layer (tanh), padding
    (none, Keras' default), and which GRU output is used (its last state). Printed are 5,615 parameters for 63 channels
    and three targets. The text read plainly gives 6,235 at every N, of which this class is the default.
    `recurrence_over="filters"` with `batch_norm=True` gives 5,615 at N = 20 and, as the paper says of longer
    windows, more at N = 40 (6,065) and 60 (6,515): our inference, not the paper's words.

    Attributes:
        filters: of the shared convolution.
        kernel: frames a filter spans.
        pool: frames a max-pooling takes together.
        gru_units: of the GRU of each target.
        dense_units: of the non-linear layer after it.
        recurrence_over: steps of the GRU: the pooled `frames` (plain reading), or the `filters`, whose input vector is
            then the pooled frames.
        batch_norm: batch normalisation after the convolution.

    Example:
        >>> Cer().build({"speech": 39, "body": 24}, ["arousal", "valence", "dominance"], frames=20).count_params()
        6235

    Reference:
        Köprü & Erzin 2020, "Multimodal Continuous Emotion Recognition using Deep Multi-Task Learning with Correlation
        Loss", section III and fig. 1.
    """

    filters: int = 25
    kernel: int = 3
    pool: int = 2
    gru_units: int = 5
    dense_units: int = 2
    recurrence_over: str = "frames"
    batch_norm: bool = False

    printed_parameters: ClassVar[int | None] = 5615

    def check_settings(self, streams: Mapping[str, int], frames: int | None) -> None:
        if self.recurrence_over not in ("frames", "filters"):
            raise UserError(f"model.recurrence_over is {self.recurrence_over!r}, expected 'frames' or 'filters'.")
        needed = self.kernel + self.pool - 1
        if frames is not None and frames < needed:
            raise UserError(
                f"Kernel {self.kernel} and pool {self.pool} need feature images of {needed} frames, received {frames}."
            )

    def trace(self, streams: Mapping[str, Any], targets: Sequence[str], present: Any = None) -> dict[str, Any]:
        from keras import layers

        x = side_by_side(streams)
        x = layers.Conv1D(self.filters, self.kernel, name="meta_features")(x)
        if self.batch_norm:
            x = layers.BatchNormalization(name="meta_features_norm")(x)
        x = layers.ReLU(name="meta_features_relu")(x)
        x = layers.MaxPooling1D(self.pool, name="meta_features_pool")(x)
        if self.recurrence_over == "filters":
            x = layers.Permute((2, 1), name="filters_as_steps")(x)
        return {target: self._head(x, target) for target in targets}

    def _head(self, x: Any, target: str) -> Any:
        from keras import layers

        h = layers.GRU(self.gru_units, unroll=x.shape[1] <= UNROLL_STEPS, name=f"{target}_gru")(x)
        h = layers.Dense(self.dense_units, activation="tanh", name=f"{target}_dense")(h)
        return linear_output(target, h)

    def sliding(self, network: "keras.Model") -> Sliding | None:
        """The convolution once a row, pooling as the maximum of shifted copies, the GRUs' input products once a row.

        Only the recurrence is left to each image: step t of the image that starts at row s takes row s + t pool. Over
        `filters` an image's input products are its own as well.
        """
        from keras import ops

        before = frame_by_frame(network, "meta_features")
        if before is None:
            return None
        layer, targets = network.get_layer, network.output_names
        pooled_frames = (network.inputs[0].shape[1] - self.kernel + 1) // self.pool

        def said(rows: Mapping[str, Any], starts: Any) -> dict[str, Any]:
            x = self._pooled(network, before(rows))
            kernel, bias, recurrent, bias_of_candidate = _joined([layer(f"{target}_gru").cell for target in targets])
            if self.recurrence_over == "frames":
                steps, products = pooled_frames, ops.matmul(x, kernel) + bias
            else:
                steps, own = self.filters, ops.take(x, starts[:, None] + self.pool * ops.arange(pooled_frames), axis=0)
                filters = ops.transpose(own, (2, 0, 1))

            def at(t: Any) -> Any:
                """Input products of step t [3, images, M u]."""
                if self.recurrence_over == "frames":
                    return ops.take(products, starts + t * self.pool, axis=1)
                return ops.matmul(filters[t], kernel) + bias

            def recur(t: Any, h: Any) -> Any:
                x, inner = at(t), ops.matmul(h, recurrent)
                gates = ops.sigmoid(x[:2] + inner[:2])
                z, r = gates[0], gates[1]
                candidate = ops.tanh(x[2] + r * (inner[2] + bias_of_candidate))
                return candidate + z * (h - candidate)

            h = ops.fori_loop(0, steps, recur, ops.zeros((ops.shape(starts)[0], len(targets) * self.gru_units)))
            parts = zip(targets, ops.split(h, len(targets), axis=1), strict=True)
            return {name: layer(f"{name}_linear")(layer(f"{name}_dense")(part))[:, 0] for name, part in parts}

        return said

    def _pooled(self, network: "keras.Model", x: Any) -> Any:
        """Row s: meta-features [filters], the greatest of those of the rows s ... s + pool - 1, of x [1, rows, P]."""
        from keras import ops

        x = network.get_layer("meta_features")(x)
        if self.batch_norm:
            x = network.get_layer("meta_features_norm")(x, training=False)
        x = ops.relu(x[0])
        count = ops.shape(x)[0] - self.pool + 1
        return reduce(ops.maximum, (x[i : i + count] for i in range(self.pool)))


def _joined(cells: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
    """M GRUs of u units as one: of everything a matrix for the update gate, the reset gate, and the candidate state.

    Returns:
        Kernel [3, inputs, M u] and its bias [3, 1, M u]; recurrent kernel [3, M u, M u], in which no GRU sees another,
        and its bias for the candidate [M u]. That of the gates is only ever added to the other and is part of it.
    """
    from keras import ops

    m, u = len(cells), cells[0].units

    def stacked(weights: Sequence[Any]) -> Any:
        """[M, of whatever, 3, u]"""
        return ops.stack([ops.reshape(weight, (-1, 3, u)) for weight in weights])

    kernel = ops.transpose(stacked([cell.kernel for cell in cells]), (2, 1, 0, 3))
    recurrent = ops.einsum("migj,mn->gminj", stacked([cell.recurrent_kernel for cell in cells]), ops.eye(m))
    bias, of_recurrence = ops.unstack(ops.transpose(stacked([cell.bias for cell in cells]), (1, 2, 0, 3)))
    of_gates = ops.concatenate([of_recurrence[:2], ops.zeros_like(bias[2:])])
    return (
        ops.reshape(kernel, (3, -1, m * u)),
        ops.reshape(bias + of_gates, (3, 1, m * u)),
        ops.reshape(recurrent, (3, m * u, m * u)),
        ops.reshape(of_recurrence[2], (m * u,)),
    )
