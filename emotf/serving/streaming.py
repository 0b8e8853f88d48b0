"""Live traces from Python: push what came, get the frames that became final."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from emotf.errors import UserError
from emotf.prediction import feature_of
from emotf.runs import Run
from emotf.serving.heard import Heard, HeardLive
from emotf.serving.live import Live, State
from emotf.serving.served import Served
from emotf.track import Track

SOUND = "sound"


class StreamingPredictor:
    """Traces of a recording that goes on: the same as of the whole recording, each frame as soon as it is final.

    Frames come in order and once. How the recording was cut into pieces changes nothing, but for rounding where a
    network reads feature images. Memory does not grow with the recording. Several recordings at once are several
    predictors of one run: `another` shares all but the state.

    Args:
        live: what goes on, on sound or on streams; `of` makes it of a run.

    Attributes:
        targets: names of the traces.
        hop: seconds between frames.
        delay: seconds by which the recording must have gone on before a frame is final, at most.
        rate_hz: samples a second that `push` takes; None for streams.

    Example:
        >>> live = StreamingPredictor.of(Run("work/runs/emodb_speech"))  # doctest: +SKIP
        >>> for block in microphone:  # doctest: +SKIP
        ...     trace = live.push(block)
        ...     print(trace.times, trace.values)
    """

    def __init__(self, live: Live | HeardLive) -> None:
        self._live = live
        self.rate_hz = live.heard.rate_hz if isinstance(live, HeardLive) else None
        self._served = live.heard.served if isinstance(live, HeardLive) else live.served
        self.targets, self.hop, self.delay = self._served.targets, self._served.hop, live.delay
        nothing: Any = {name: tf.zeros([0, size]) for name, size in self._served.channels.items()}
        pushed: Any = {name: tf.TensorSpec([None, size]) for name, size in self._served.channels.items()}
        if self.rate_hz:
            nothing, pushed = tf.zeros([0]), tf.TensorSpec([None])
        self._state: State | None = live.initial_state()
        self._given = 0
        state = state_specs(self._state)
        self._step = tf.function(live.step, input_signature=[state, pushed])
        self._finish = tf.function(live.finish, input_signature=[state])
        self._step(self._state, nothing)  # the graph is made now, not while somebody speaks

    @classmethod
    def of(cls, run: Run, inputs: str = SOUND, postprocessed: bool = True) -> "StreamingPredictor":
        """Of a finished run.

        Args:
            run: finished.
            inputs: `sound`: samples are pushed, all streams are of sound; `streams`: frames, as they were extracted.
            postprocessed: applies the run's post-processing, where it has some.

        Raises:
            UserError: the run needs the end of a recording (a network that runs backwards over all of it, backward
                smoothing, standardisation by recording), or has a stream that is not of sound.
        """
        served = Served.of(run, postprocessed)
        if inputs == SOUND:
            return cls(HeardLive(Heard(served, features_of(run))))
        if inputs == "streams":
            return cls(Live.of(served))
        raise UserError(f"inputs is {inputs!r}, expected sound or streams.")

    def another(self) -> "StreamingPredictor":
        """One for another recording, which begins now; the network and its graph are shared."""
        other = object.__new__(type(self))
        vars(other).update(vars(self), _state=self._live.initial_state(), _given=0)
        return other

    def push(self, sound: np.ndarray | None = None, **streams: np.ndarray) -> Track:
        """Takes what came since the last push.

        Args:
            sound: float [samples] at `rate_hz`, -1 to 1; any number, also none.
            streams: instead, [frames, channels] of each stream; any numbers, also none.

        Returns:
            The frames that became final, at their times; none may have.

        Raises:
            UserError: something else was pushed than what the predictor was made for, or `finish` was called before.
        """
        if self._state is None:
            raise UserError("The recording has ended (finish was called); begin the next one with another().")
        pushed = self._checked_sound(sound, streams) if self.rate_hz else self._checked_streams(sound, streams)
        self._state, _, traces = self._step(self._state, pushed)
        return self._track(traces)

    def finish(self) -> Track:
        """The frames that are still missing when the recording has ended.

        Raises:
            UserError: the recording was too short for its features, or had already ended.
        """
        if self._state is None:
            raise UserError("The recording has ended already; begin the next one with another().")
        try:
            _, traces = self._finish(self._state)
        except tf.errors.InvalidArgumentError as error:
            raise UserError(f"The recording was too short: {_reason(error)}") from None
        self._state = None
        return self._track(traces)

    def _checked_sound(self, sound: np.ndarray | None, streams: Mapping[str, np.ndarray]) -> Any:
        if sound is None or streams:
            raise UserError(f"This predictor takes sound at {self.rate_hz:g} Hz: push(samples).")
        samples = np.asarray(sound, np.float32)
        if samples.ndim != 1:
            raise UserError(f"Sound is [samples], received {list(samples.shape)}; mix its channels down first.")
        if not np.isfinite(samples).all():
            raise UserError("Sound has samples that are no numbers; restore them, or push zeros.")
        return samples

    def _checked_streams(self, sound: np.ndarray | None, streams: Mapping[str, np.ndarray]) -> Any:
        if sound is not None or set(streams) != set(self._served.channels):
            named = ", ".join(f"{name}=[frames, {channels}]" for name, channels in self._served.channels.items())
            raise UserError(f"This predictor takes streams: push({named}).")
        frames = {name: np.asarray(x, np.float32) for name, x in streams.items()}
        for name, x in frames.items():
            if x.ndim != 2 or x.shape[1] != self._served.channels[name]:
                raise UserError(f"{name} is [frames, {self._served.channels[name]}], received {list(x.shape)}.")
            if np.isinf(x).any():
                raise UserError(f"{name} has frames with infinite values; restore them, or push NaN.")
        return frames

    def _track(self, traces: Mapping[str, tf.Tensor]) -> Track:
        values = np.stack([traces[target].numpy() for target in self.targets], axis=1)
        start, self._given = self._given * self.hop, self._given + len(values)
        return Track(values, hop=self.hop, start=start, channels=self.targets)


def features_of(run: Run) -> dict[str, Any]:
    """stream -> the feature that made it, with what it had learned."""
    return {name: feature_of(run, name) for name in run.about["streams"]}


def state_specs(state: State) -> dict[str, tf.TensorSpec]:
    """What a state may be from step to step: rows of streams are any number."""
    return {
        name: tf.TensorSpec([None, *x.shape[1:]] if name.endswith(".rows") else x.shape, x.dtype, name=exported(name))
        for name, x in state.items()
    }


def exported(name: str) -> str:
    """What a part of a state is called outside, where names have no dots."""
    return f"state_{name.replace('.', '_')}"


def _reason(error: Exception) -> str:
    """What an assertion of the graph says, without the place where it stands."""
    text = str(error)
    return text.partition("assertion failed: [")[2].partition("]")[0] or text.splitlines()[0]
