"""An LSTM layer with peepholes and a backward pass of its own, fast on a CPU."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import ops
from keras.saving import register_keras_serializable

PEEPHOLES = ("current", "previous")


@dataclass
class Carry:
    """States that layers take up and leave, by the layer's name: (h, c), each float32 [batch, units].

    While `CARRIED` holds one, a network takes one frame at a time, [batch, 1, channels], and begins it where the frame
    before has left off.
    """

    given: Mapping[str, tuple[Any, Any]]
    left: dict[str, tuple[Any, Any]] = field(default_factory=dict)


CARRIED: ContextVar[Carry | None] = ContextVar("carried", default=None)


@register_keras_serializable("emotf.models")
class PeepholeLstm(keras.layers.Layer):
    """LSTM over time (Graves 2013): [batch, frames, channels] -> [batch, frames, units].

        i_t = σ(W_xi x_t + W_hi h_{t-1} + p_i c_{t-1} + b_i)
        f_t = σ(W_xf x_t + W_hf h_{t-1} + p_f c_{t-1} + b_f)
        c_t = f_t c_{t-1} + i_t tanh(W_xc x_t + W_hc h_{t-1} + b_c)
        o_t = σ(W_xo x_t + W_ho h_{t-1} + p_o c_t + b_o)
        h_t = o_t tanh(c_t)

    Peepholes p are diagonal, one number a cell. Weights lie as in `keras.layers.LSTM` (gates i, f, c, o), which the
    layer equals when its peepholes are 0 or left out.

    Only what depends on the frame before runs in a loop. The input product of all frames is one product, and the
    gradient is written out, so that those of all weights are one product each; left to automatic differentiation, each
    frame would add a matrix of the size of the weights. benchmarks/recurrent.py shows what it is worth.

    Args:
        units: cells.
        peepholes: whether gates see the cell.
        output_peephole: the cell that the output gate sees, `current` (Graves) or `previous` (as Chen & Jin print it).
        forget_bias: b_f at the start.
        backwards: runs from the last frame to the first; outputs stay in the order of time.

    Reference:
        Graves 2013, "Generating sequences with recurrent neural networks", eq. 7-11; Chen & Jin 2015.
    """

    def __init__(
        self,
        units: int,
        peepholes: bool = True,
        output_peephole: str = "current",
        forget_bias: float = 2.0,
        backwards: bool = False,
        **of_any_layer: Any,
    ) -> None:
        super().__init__(**of_any_layer)
        if output_peephole not in PEEPHOLES:
            raise ValueError(f"output_peephole is {output_peephole!r}, expected one of {', '.join(PEEPHOLES)}.")
        self.units = units
        self.peepholes = peepholes
        self.output_peephole = output_peephole
        self.forget_bias = forget_bias
        self.backwards = backwards

    def build(self, shape: tuple[int | None, ...], **others: Any) -> None:
        u = self.units
        self.kernel = self.add_weight(shape=(shape[-1], 4 * u), initializer="glorot_uniform", name="kernel")
        self.recurrent = self.add_weight(shape=(u, 4 * u), initializer="orthogonal", name="recurrent")
        self.bias = self.add_weight(shape=(4 * u,), initializer=ForgetBias(self.forget_bias), name="bias")
        if self.peepholes:
            self.peephole = self.add_weight(shape=(3, u), initializer="zeros", name="peephole")

    def call(self, x: Any, present: Any = None) -> Any:
        """h [batch, frames, units]; frames that are not `present` [batch, frames] leave the state as it is."""
        if (carry := CARRIED.get()) is not None:
            return self._continued(x, carry)
        frames_first = ops.transpose(x, (1, 0, 2))
        frames, batch = ops.shape(frames_first)[:2]
        # two axes: the gradient of a product of three would build [frames, channels, 4 units]
        z = ops.matmul(ops.reshape(frames_first, (-1, x.shape[-1])), self.kernel) + self.bias
        z = ops.reshape(z, (frames, batch, 4 * self.units))
        kept = None if present is None else ops.transpose(ops.cast(present, z.dtype))[..., None]
        if self.backwards:
            z, kept = ops.flip(z, axis=0), None if kept is None else ops.flip(kept, axis=0)
        peephole = self.peephole if self.peepholes else ops.zeros((3, self.units), z.dtype)
        h = self._recur(z, ops.cast(self.recurrent, z.dtype), ops.cast(peephole, z.dtype), kept)
        return ops.transpose(ops.flip(h, axis=0) if self.backwards else h, (1, 0, 2))

    def compute_output_shape(self, shape: tuple[int | None, ...], **others: Any) -> tuple[int | None, ...]:
        return (*shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        names = ("units", "peepholes", "output_peephole", "forget_bias", "backwards")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def _continued(self, x: Any, carry: Carry) -> Any:
        """h [batch, 1, units] of one frame x [batch, 1, channels], from the state that is given."""
        if self.backwards or x.shape[1] != 1:
            raise ValueError(f"{self.name} carries its state forwards from frame to frame, received {x.shape}.")
        z = ops.matmul(x[:, 0], self.kernel) + self.bias
        peephole = self.peephole if self.peepholes else ops.zeros((3, self.units), z.dtype)
        recurrent, p = ops.cast(self.recurrent, z.dtype), ops.cast(peephole, z.dtype)
        # states are float32 whatever the policy
        before = [ops.cast(part, z.dtype) for part in carry.given[self.name]]
        h, c = self._cell(z, before[0], before[1], recurrent, p)
        carry.left[self.name] = (ops.cast(h, "float32"), ops.cast(c, "float32"))
        return h[:, None]

    def _recur(self, z: Any, recurrent: Any, p: Any, kept: Any) -> Any:
        """h [frames, batch, units] of input products z [frames, batch, 4 units]; kept [frames, batch, 1] of 0 and 1."""

        @ops.custom_gradient
        def recur(z: Any, recurrent: Any, p: Any) -> Any:
            h, c = self._forward(z, recurrent, p, kept)

            def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any, Any]:
                return self._backward(z, recurrent, p, kept, h, c, dh=args[0] if upstream is None else upstream)

            return h, gradient

        return recur(z, recurrent, p)

    def _with_peephole(self, x: Any, p: Any, of: Any) -> Any:
        """x + p of; without peepholes x alone: operations of a frame are small, so each one counts."""
        return x + p * of if self.peepholes else x

    def _cell(self, z: Any, h: Any, c: Any, recurrent: Any, p: Any) -> tuple[Any, Any]:
        """h and c of a frame [batch, units], of its input product z [batch, 4 units] and of those before."""
        u, previous = self.units, self.output_peephole == "previous"
        gates = z + ops.matmul(h, recurrent)
        i = ops.sigmoid(self._with_peephole(gates[:, :u], p[0], c))
        f = ops.sigmoid(self._with_peephole(gates[:, u : 2 * u], p[1], c))
        new_c = f * c + i * ops.tanh(gates[:, 2 * u : 3 * u])
        o = ops.sigmoid(self._with_peephole(gates[:, 3 * u :], p[2], c if previous else new_c))
        return o * ops.tanh(new_c), new_c

    def _forward(self, z: Any, recurrent: Any, p: Any, kept: Any) -> tuple[Any, Any]:
        """h and c, each [frames, batch, units]."""
        u = self.units

        def step(state: tuple[Any, Any], at: Any) -> tuple[Any, Any]:
            h, c = state
            new_h, new_c = self._cell(at[:, : 4 * u], h, c, recurrent, p)
            if kept is not None:
                keep = at[:, 4 * u :]
                new_h, new_c = h + keep * (new_h - h), c + keep * (new_c - c)
            return (new_h, new_c), (new_h, new_c)

        start = ops.zeros((ops.shape(z)[1], u), z.dtype)
        _, states = ops.scan(step, (start, start), _in_one(z, kept))
        return states

    def _backward(self, z: Any, recurrent: Any, p: Any, kept: Any, h: Any, c: Any, dh: Any) -> tuple[Any, Any, Any]:
        """What dh [frames, batch, units] is for z, the recurrent weights and the peepholes."""
        u, previous = self.units, self.output_peephole == "previous"
        flat_h, c_before = ops.reshape(_before(h), (-1, u)), _before(c)
        # the gates once more, of all frames at once: under XLA cheaper than keeping them
        gates = z + ops.reshape(ops.matmul(flat_h, recurrent), ops.shape(z))
        i = ops.sigmoid(self._with_peephole(gates[..., :u], p[0], c_before))
        f = ops.sigmoid(self._with_peephole(gates[..., u : 2 * u], p[1], c_before))
        g = ops.tanh(gates[..., 2 * u : 3 * u])
        new_c = f * c_before + i * g
        seen = c_before if previous else new_c
        o = ops.sigmoid(self._with_peephole(gates[..., 3 * u :], p[2], seen))
        out = ops.tanh(new_c)
        # derivatives of h by the output gate and the cell, and of the cell by the other gates, before the loop
        slopes = [out * o * (1 - o), o * (1 - out * out), g * i * (1 - i), c_before * f * (1 - f), i * (1 - g * g), f]
        transposed = ops.transpose(recurrent)

        def step(state: tuple[Any, Any, Any], at: Any) -> tuple[Any, Any]:
            dh, dc, _ = state
            given, h_by_o, h_by_c, c_by_i, c_by_f, c_by_g, forget = (at[:, k * u : (k + 1) * u] for k in range(7))
            dh = dh + given
            dh_kept, dc_kept = dh, dc
            if kept is not None:
                keep = at[:, 7 * u :]
                dh_kept, dc_kept = keep * dh, keep * dc
            dz_o = dh_kept * h_by_o
            dc_new = dh_kept * h_by_c + dc_kept
            if not previous:
                dc_new = self._with_peephole(dc_new, p[2], dz_o)
            dz_i, dz_f = dc_new * c_by_i, dc_new * c_by_f
            dz = ops.concatenate([dz_i, dz_f, dc_new * c_by_g, dz_o], axis=-1)
            new_dc = self._with_peephole(self._with_peephole(dc_new * forget, p[0], dz_i), p[1], dz_f)
            if previous:
                new_dc = self._with_peephole(new_dc, p[2], dz_o)
            new_dh = ops.matmul(dz, transposed)
            if kept is not None:
                new_dh, new_dc = new_dh + (1 - keep) * dh, new_dc + (1 - keep) * dc
            return (new_dh, new_dc, dz), (new_dh, new_dc, dz)

        start = (ops.zeros_like(h[0]), ops.zeros_like(h[0]), ops.zeros_like(z[0]))
        _, (_, _, dz) = ops.scan(step, start, _in_one(dh, *slopes, kept), reverse=True)
        by_cell = [(dz[..., :u], c_before), (dz[..., u : 2 * u], c_before), (dz[..., 3 * u :], seen)]
        d_peephole = ops.stack([ops.sum(d * cell, axis=(0, 1)) for d, cell in by_cell])
        return dz, ops.matmul(ops.transpose(flat_h), ops.reshape(dz, (-1, 4 * u))), d_peephole


@register_keras_serializable("emotf.models")
class ForgetBias(keras.initializers.Initializer):
    """Zeros for all gates of an LSTM (i, f, c, o) but the forget gate."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        units = shape[0] // 4
        parts = [ops.zeros((units,), dtype), ops.full((units,), self.value, dtype), ops.zeros((2 * units,), dtype)]
        return ops.concatenate(parts)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}


def _before(x: Any) -> Any:
    """x [frames, ...] one frame late: 0 at first."""
    return ops.concatenate([ops.zeros_like(x[:1]), x[:-1]])


def _in_one(*parts: Any) -> Any:
    """Tensors side by side: on TensorFlow, several of unknown length cannot be scanned."""
    given = [part for part in parts if part is not None]
    return given[0] if len(given) == 1 else ops.concatenate(given, axis=-1)
