"""From sound to traces in the graph: a front end a stream, then what is served on streams."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from emotf import frontends
from emotf.errors import UserError
from emotf.features.base import Feature
from emotf.serving.live import Live, State
from emotf.serving.served import Served


class Heard:
    """What is served of a run whose streams are all of sound, on samples.

    Args:
        served: of a run.
        features: stream -> what the records of the run were made by.

    Attributes:
        rate_hz: samples a second.

    Raises:
        UserError: a stream has no front end, or they want sound at different rates.
    """

    def __init__(self, served: Served, features: Mapping[str, Feature]) -> None:
        self.served = served
        self.ends = {name: frontends.of(feature) for name, feature in features.items()}
        rates = {name: end.sound_rate_hz for name, end in self.ends.items()}
        if len(set(rates.values())) > 1:
            said = ", ".join(f"{name} at {rate:g} Hz" for name, rate in rates.items())
            raise UserError(f"The streams want sound at different rates ({said}); serve one run for each, or features.")
        self.rate_hz = next(iter(rates.values()))

    def trace(self, sound: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Seconds float64 [frames] and target -> float32 [frames] of a whole recording, float32 [samples]."""
        traces = self.served.trace({name: end(sound[None])[0] for name, end in self.ends.items()})
        return self.served.times(
            tf.constant(0, tf.int64), tf.shape(traces[self.served.targets[0]], tf.int64)[0]
        ), traces


class HeardLive:
    """The same as the sound comes, with the states and methods of `Live`.

    Args:
        heard: what is served on samples.

    Raises:
        UserError: as `Live.of`.
    """

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.live = Live.of(heard.served)

    @property
    def delay(self) -> float:
        """Seconds of sound that must follow a frame before it is final, at most."""
        return self.live.delay + max(end.delay for end in self.heard.ends.values())

    def initial_state(self) -> State:
        state = self.live.initial_state()
        for name, end in self.heard.ends.items():
            state |= {f"{name}.sound.{key}": value for key, value in end.initial_state().items()}
        return state

    def step(self, state: State, sound: tf.Tensor) -> tuple[State, tf.Tensor, dict[str, tf.Tensor]]:
        """Takes the next samples, float32 [new], any number; gives what `Live.step` gives."""
        streams, after = {}, dict(state)
        for name, end in self.heard.ends.items():
            left, streams[name] = end.step(_of(state, name), sound)
            after |= {f"{name}.sound.{key}": value for key, value in left.items()}
        changed, times, traces = self.live.step(self._of_streams(after), streams)
        return after | changed, times, traces

    def finish(self, state: State) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The frames that are still missing when the sound has ended; gives what `Live.finish` gives."""
        rest = {name: end.finish(_of(state, name)) for name, end in self.heard.ends.items()}
        after, times, traces = self.live.step(self._of_streams(state), rest)
        more, last = self.live.finish(after)
        joined: dict[str, Any] = {name: tf.concat([trace, last[name]], axis=0) for name, trace in traces.items()}
        return tf.concat([times, more], axis=0), joined

    def _of_streams(self, state: State) -> State:
        return {name: value for name, value in state.items() if ".sound." not in name}


def _of(state: State, name: str) -> State:
    """The state of a stream's front end."""
    return {key.removeprefix(f"{name}.sound."): x for key, x in state.items() if key.startswith(f"{name}.sound.")}
