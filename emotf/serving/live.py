"""Traces while a recording goes on, in the graph: any number of frames in, the frames that became final out.

A state is a flat mapping of names to tensors; nothing else is kept, so that any number of recordings can go on at once.
Its size does not grow with the recording.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from emotf.errors import UserError
from emotf.models._peephole_lstm import CARRIED, Carry, PeepholeLstm
from emotf.serving.served import BLOCK_FRAMES, BLOCK_WINDOWS, Served

State = dict[str, tf.Tensor]
Streams = Mapping[str, tf.Tensor]


class Live(ABC):
    """What is served of a run, frame after frame, on streams that all begin at 0 s.

    Args:
        served: of a run.

    Attributes:
        carried: names of states that the network goes on with.

    Raises:
        UserError: it needs what a live trace does not have, for example the end of the recording.
    """

    carried: tuple[str, ...] = ()

    def __init__(self, served: Served) -> None:
        self.served = served
        if served.by_recording:
            raise UserError("Each recording is standardised by itself here, which needs all of it; a live trace needs "
                            "a run with data.standardisation=train or minmax.")  # fmt: skip
        served.chain.check_live()

    @staticmethod
    def of(served: Served) -> "Live":
        """The way in which a network can go on with a recording.

        Raises:
            UserError: it needs the end of the recording, or something else that a live trace does not have.
        """
        if served.window.length == 1:
            return Images(served)
        if served.carries:
            return Carried(served)
        if served.piece:
            return Pieces(served)
        raise UserError("The network reads whole recordings and looks ahead (a backward LSTM, attention): a live "
                        "trace would come at their end; train on sequences: --config.window.frames=128.")  # fmt: skip

    @property
    @abstractmethod
    def delay(self) -> float:
        """Seconds by which streams must be ahead of a frame before it is final, at most."""

    def initial_state(self) -> State:
        """What `step` needs to know of the recording so far: nothing yet."""
        state = {"next": tf.constant(0, tf.int64)}
        for name, channels in self.served.channels.items():
            state |= {f"{name}.rows": tf.zeros([0, channels]), f"{name}.first": tf.constant(0, tf.int64)}
        return state | self.served.chain.initial_state()

    def step(self, state: State, streams: Streams) -> tuple[State, tf.Tensor, dict[str, tf.Tensor]]:
        """Takes the next frames of each stream.

        Args:
            state: of `initial_state` or the step before.
            streams: float32 [new, channels] each, any number of frames, also none.

        Returns:
            The state for the next step; seconds of the frames of the trace that became final, float64 [final]; and
            target -> float32 [final].
        """
        state = self._joined(state, streams)
        known = self._known(state)
        return self._given(state, self._ready(state["next"], known), known)

    def finish(self, state: State) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The frames that are still missing when all streams have ended: seconds and values, as of `step`."""
        known = self._known(state)
        return self._given(state, tf.maximum(self.served.frames_of(known) - state["next"], 0), known)[1:]

    @abstractmethod
    def _ready(self, following: tf.Tensor, known: Streams) -> tf.Tensor:
        """How many frames of the trace from `following` on are final, with so many frames of each stream known."""

    @abstractmethod
    def _predicted(self, state: State, frames: tf.Tensor) -> tuple[State, dict[str, tf.Tensor]]:
        """The states that are `carried` after the next frames, one or more, and these frames before post-processing."""

    @abstractmethod
    def _oldest(self, name: str, following: tf.Tensor) -> tf.Tensor:
        """The first frame of a stream that the frames of the trace from `following` on need."""

    def _late(self, hop: float, ahead: int) -> float:
        """Seconds by which a stream must go on for a frame of the trace that needs so many frames after the nearest."""
        if abs(self.served.hop / hop - round(self.served.hop / hop)) < 1e-6:
            return ahead * hop  # the nearest frame stands at the same time
        return max((ahead + 0.5) * hop, hop)

    def _known(self, state: State) -> Streams:
        """How many frames of each stream there were so far."""
        return {
            name: state[f"{name}.first"] + tf.shape(state[f"{name}.rows"], tf.int64)[0] for name in self.served.hops
        }

    def _joined(self, state: State, streams: Streams) -> State:
        rows = {f"{name}.rows": tf.concat([state[f"{name}.rows"], x], axis=0) for name, x in streams.items()}
        return state | rows

    def _given(self, state: State, frames: tf.Tensor, known: Streams) -> tuple[State, tf.Tensor, dict[str, tf.Tensor]]:
        """So many frames more, after post-processing; rows that nothing needs any more are forgotten."""
        following = state["next"]
        carried, raw = tf.cond(
            frames > 0,
            lambda: self._predicted(state, frames),
            lambda: (
                {name: state[name] for name in self.carried},
                {name: tf.zeros([0]) for name in self.served.targets},
            ),
        )
        state, traces = state | carried, {}
        for target in self.served.targets:
            state, traces[target] = self.served.chain.live(target, state, raw[target])
        for name in known:
            first = state[f"{name}.first"]
            # one frame stays, for edges are repeated
            keep = tf.clip_by_value(self._oldest(name, following + frames), first, tf.maximum(known[name] - 1, first))
            state |= {f"{name}.rows": state[f"{name}.rows"][keep - first :], f"{name}.first": keep}
        return state | {"next": following + frames}, self.served.times(following, frames), traces

    def _rows(self, state: State, name: str, places: tf.Tensor) -> tf.Tensor:
        """Frames of a stream; beyond its ends the first and the last known are repeated."""
        rows, first = state[f"{name}.rows"], state[f"{name}.first"]
        return tf.gather(rows, tf.clip_by_value(places - first, 0, tf.shape(rows, tf.int64)[0] - 1))

    def _reached(self, following: tf.Tensor, known: Streams, ahead: Mapping[str, int]) -> tf.Tensor:
        """How many frames from `following` on have, of each stream, the nearest frame and so many after it."""
        found = [self.served.frames_of(known)]
        for name, count in known.items():
            # the last of the stream's frames that may be the nearest, and the frames of the trace around it
            last = count - 1 - ahead[name]
            guess = tf.cast(tf.cast(last, tf.float64) * self.served.hops[name] / self.served.hop, tf.int64)
            around = guess + tf.range(-2, 2 + int(np.ceil(self.served.hops[name] / self.served.hop)), dtype=tf.int64)
            final = (self.served.nearest(name, around) <= last) & (around >= 0)
            found.append(tf.reduce_max(tf.where(final, around + 1, 0)))
        return tf.maximum(tf.reduce_min(tf.stack(found)) - following, 0)


class Images(Live):
    """Feature images: a frame is final when its image is whole."""

    @property
    def delay(self) -> float:
        return max(self._late(hop, int(self.served.window.offsets(hop)[-1])) for hop in self.served.hops.values())

    def _ready(self, following: tf.Tensor, known: Streams) -> tf.Tensor:
        hops = self.served.hops
        return self._reached(
            following, known, {name: int(self.served.window.offsets(hops[name])[-1]) for name in known}
        )

    def _predicted(self, state: State, frames: tf.Tensor) -> tuple[State, dict[str, tf.Tensor]]:
        size = tf.minimum(frames, BLOCK_WINDOWS)

        def predicted(block: tf.Tensor) -> dict[str, tf.Tensor]:
            at = state["next"] + tf.minimum(block * size + tf.range(size), frames - 1)
            return self.served({
                name: self._rows(state, name, self.served.images(name, at)) for name in self.served.hops
            })  # fmt: skip

        return {}, self.served.in_blocks(predicted, -(-frames // size), frames, (None,))

    def _oldest(self, name: str, following: tf.Tensor) -> tf.Tensor:
        return self.served.images(name, following[None])[0, 0]


class Carried(Live):
    """Sequences through a network that carries its state from frame to frame: a frame is final when it is there.

    Frames go one by one through the same operations, whatever the cuts, so that these change no bit.
    """

    @property
    def delay(self) -> float:
        return max(self._late(hop, 0) for hop in self.served.hops.values())

    def __init__(self, served: Served) -> None:
        super().__init__(served)
        self.carried = tuple(carried_states(served))

    def initial_state(self) -> State:
        return super().initial_state() | carried_states(self.served)

    def _ready(self, following: tf.Tensor, known: Streams) -> tf.Tensor:
        return self._reached(following, known, dict.fromkeys(known, 0))

    def _predicted(self, state: State, frames: tf.Tensor) -> tuple[State, dict[str, tf.Tensor]]:
        at = state["next"] + tf.range(frames)
        shown = {name: self._rows(state, name, self.served.nearest(name, at)) for name in self.served.hops}
        names, targets = self.carried, self.served.targets

        def one(before: list[tf.Tensor], now: tuple[tf.Tensor, dict[str, tf.Tensor]]) -> list[tf.Tensor]:
            place, frame = now
            begins = place % self.served.piece == 0 if self.served.piece else tf.constant(False)
            h_c = {name: tf.where(begins, 0.0, x) for name, x in zip(names, before[: len(names)], strict=True)}
            left, outputs = one_frame(self.served, h_c, {name: x[None] for name, x in frame.items()})
            return [*(left[name] for name in names), *(outputs[target][0] for target in targets)]

        start = [*(state[name] for name in names), *(tf.constant(0.0) for _ in targets)]
        found = tf.scan(one, (at, shown), initializer=start)
        ends = [tf.concat([begin[None], x], axis=0)[-1] for begin, x in zip(start, found, strict=True)]
        changed = {name: tf.ensure_shape(x, state[name].shape) for name, x in zip(names, ends, strict=False)}
        return changed, dict(zip(targets, found[len(names) :], strict=True))

    def _oldest(self, name: str, following: tf.Tensor) -> tf.Tensor:
        return self.served.nearest(name, following)


def carried_states(served: Served) -> State:
    """`<layer>.h` and `<layer>.c` [1, units] of every layer that carries them, before the first frame."""
    layers = [layer for layer in served.network.layers if isinstance(layer, PeepholeLstm)]
    return {f"{layer.name}.{part}": tf.zeros([1, layer.units]) for layer in layers for part in "hc"}


def one_frame(served: Served, states: State, frame: Streams) -> tuple[State, dict[str, tf.Tensor]]:
    """The next frame of each stream, [1, channels], through a network that goes on.

    Args:
        served: of a run whose network carries its state.
        states: as of `carried_states`, after the frame before.
        frame: stream -> [1, channels].

    Returns:
        The states after it, and target -> [1].
    """
    layers = dict.fromkeys(name.rpartition(".")[0] for name in states)
    carry = Carry({layer: (states[f"{layer}.h"], states[f"{layer}.c"]) for layer in layers})
    token = CARRIED.set(carry)
    try:
        outputs = served({name: x[:, None] for name, x in frame.items()})
    finally:
        CARRIED.reset(token)
    left = {f"{layer}.{part}": x for layer in layers for part, x in zip("hc", carry.left[layer], strict=True)}
    return left, {target: x[:, 0] for target, x in outputs.items()}


class Pieces(Live):
    """Sequences through a network that looks ahead: the frames of a sequence are final when its last is there."""

    @property
    def delay(self) -> float:
        ahead = max(self._late(hop, 0) for hop in self.served.hops.values())
        return (self.served.piece - 1) * self.served.hop + ahead

    def _ready(self, following: tf.Tensor, known: Streams) -> tf.Tensor:
        reached = self._reached(following, known, dict.fromkeys(known, 0))
        return reached // self.served.piece * self.served.piece

    def _predicted(self, state: State, frames: tf.Tensor) -> tuple[State, dict[str, tf.Tensor]]:
        size = self.served.piece
        pieces = tf.minimum(-(-frames // size), max(1, BLOCK_FRAMES // size))

        def predicted(block: tf.Tensor) -> dict[str, tf.Tensor]:
            ahead = (block * pieces + tf.range(pieces))[:, None] * size + tf.range(size, dtype=tf.int64)
            inside, at = (ahead < frames)[..., None], state["next"] + ahead
            return self.served({
                name: tf.where(inside, self._rows(state, name, self.served.nearest(name, at)), float("nan"))
                for name in self.served.hops
            })  # fmt: skip

        return {}, self.served.in_blocks(predicted, -(-frames // (pieces * size)), frames, (None, size))

    def _oldest(self, name: str, following: tf.Tensor) -> tf.Tensor:
        return self.served.nearest(name, following)
