"""SavedModels that need TensorFlow and nothing of emotf: from streams, or sound, to smoothed traces."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from absl import logging

from emotf.errors import UserError
from emotf.files import write_json
from emotf.progress import say
from emotf.runs import Run
from emotf.serving.heard import Heard, HeardLive
from emotf.serving.live import Live
from emotf.serving.served import Served
from emotf.serving.streaming import exported, features_of, state_specs
from emotf.serving.warm_up import write_requests

INPUTS = ("auto", "features", "waveform")
LIVE = ("auto", "yes", "no")


def versioned(folder: Path, version: int) -> Path:
    """The folder of a version beside others, `<folder>/<version>`, as TensorFlow Serving looks for them.

    Args:
        folder: of a model, whose name it has in the server; may exist.
        version: the server offers the highest.

    Raises:
        UserError: the version is below 1, or the folder is a SavedModel itself.
    """
    if version < 1:
        raise UserError(
            f"--version={version}, expected a whole number from 1 on; TensorFlow Serving takes the highest."
        )
    if (folder / "saved_model.pb").exists():
        raise UserError(f"{folder} is a SavedModel itself, and versions lie in folders of their own; choose another "
                        "folder.")  # fmt: skip
    return folder / str(version)


def export(
    run: Run,
    folder: Path,
    inputs: str = "auto",
    live: str = "auto",
    postprocessed: bool = True,
    warm_up: str = "",
) -> Path:
    """Writes a finished run as a SavedModel, whole or not at all.

    Standardisation by train is inside, and so is the run's post-processing, where it has some. Its signatures:

    `serving_default`: the network alone, as it was trained. Feature images, a tensor a stream [batch, N, channels] ->
    one value a target and image [batch]; sequences [batch, frames, channels], NaN after the end of shorter ones ->
    [batch, frames]. Where each recording is standardised by itself, the caller must do it here, and only here.
    `recording`: streams of a whole recording, [frames, channels] as they were extracted, all of which begin at 0 s ->
    `times` (seconds) and the targets, [frames].
    `recordings`: several, [batch, frames, channels], with `<stream>_frames` [batch] -> [batch, frames], NaN after the
    end of shorter ones.
    `waveform`, `waveforms`: the same from sound, [samples], or [batch, samples] with `samples` [batch].
    `initial_state`, `step`, `finish`: live. A step takes a state (`state_<name>`) and what came of the recording since,
    `sound` [samples] or a tensor a stream [frames, channels]; it gives the next state and the frames that became final.
    `metadata`: what emotf.json beside the model says, as a string.

    Args:
        run: finished.
        folder: of the SavedModel; must not exist.
        inputs: `waveform`, all streams must be of sound; `features`; `auto`: sound too, where it can be.
        live: `yes`: refuses a run that needs the end of a recording; `auto`: says why there are no live signatures.
        postprocessed: leave post-processing out where False.
        warm_up: name under which TensorFlow Serving will have the model: adds requests that warm it up.

    Raises:
        UserError: the run is not finished, the folder exists, or the run cannot do what is asked.
    """
    if folder.exists():
        raise UserError(f"{folder} exists; choose another folder or delete it.")
    if above := next((path for path in folder.resolve().parents if path.is_file()), None):
        raise UserError(f"{above} is a file, so that nothing can lie in it; choose another --out.")
    served = Served.of(run, postprocessed)
    heard = _heard(served, run, inputs)
    going_on = _live(served, heard, live)
    facts = _facts(run, served, heard, going_on)
    module = _Signatures(served, heard, going_on, json.dumps(facts))
    aside = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(aside, ignore_errors=True)
    logging.set_verbosity(logging.WARNING)  # TensorFlow narrates every file it writes
    tf.saved_model.save(module, str(aside), signatures=module.functions)
    if warm_up:
        write_requests(aside, warm_up, module.functions)
    write_json(aside / "emotf.json", facts | {"signatures": sorted(module.functions)})
    aside.rename(folder)
    return folder


class _Signatures(tf.Module):
    """The functions of a SavedModel, and the variables that they read."""

    def __init__(self, served: Served, heard: Heard | None, live: Live | HeardLive | None, about: str) -> None:
        super().__init__()
        self.weights = [variable.value for variable in served.network.variables]
        streams = {name: tf.TensorSpec([None, size], name=name) for name, size in served.channels.items()}
        length = served.window.inputs
        shown = {name: tf.TensorSpec([None, length, size], name=name) for name, size in served.channels.items()}
        found: dict[str, Any] = {
            "serving_default": _function(served, shown),
            "recording": _function(lambda x: _timed(served, served.trace(x)), streams),
            "recordings": _recordings(served),
            "metadata": _function(lambda: {"json": tf.constant(about)}),
        }
        if heard:
            sound = tf.TensorSpec([None], name="sound")
            found["waveform"] = _function(lambda x: _with_times(*heard.trace(x)), sound)
            found["waveforms"] = _waveforms(heard)
        if live:
            pushed = tf.TensorSpec([None], name="sound") if isinstance(live, HeardLive) else streams
            state = state_specs(live.initial_state())
            found["initial_state"] = _function(lambda: _states(live.initial_state()))
            found["step"] = _function(lambda state, new: _stepped(live, state, new), state, pushed)
            found["finish"] = _function(lambda state: _with_times(*live.finish(state)), state)
        self.functions = found


def _function(body: Callable[..., Any], *specs: Any) -> Any:
    return tf.function(body, input_signature=specs).get_concrete_function()


def _timed(served: Served, traces: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    frames = tf.shape(traces[served.targets[0]], tf.int64)[0]
    return _with_times(served.times(tf.constant(0, tf.int64), frames), traces)


def _with_times(times: tf.Tensor, traces: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {"times": times, **traces}


def _states(state: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {exported(name): tf.identity(x) for name, x in state.items()}


def _stepped(live: Live | HeardLive, state: Any, new: Any) -> dict[str, tf.Tensor]:
    after, times, traces = live.step(state, new)
    return {**_states(after), **_with_times(times, traces)}


def _recordings(served: Served) -> Any:
    specs = {name: tf.TensorSpec([None, None, size], name=name) for name, size in served.channels.items()}
    counts = {name: tf.TensorSpec([None], tf.int64, name=f"{name}_frames") for name in served.channels}

    def traced(streams: Mapping[str, tf.Tensor], frames: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        longest = served.frames_of({name: tf.shape(x, tf.int64)[1] for name, x in streams.items()})
        return _each(
            served, longest, (streams, frames),
            lambda one: served.trace({name: x[: one[1][name]] for name, x in one[0].items()}),
        )  # fmt: skip

    return _function(traced, specs, counts)


def _waveforms(heard: Heard) -> Any:
    def traced(sound: tf.Tensor, samples: tf.Tensor) -> dict[str, tf.Tensor]:
        counts = {
            name: tf.cast(end.frames_in(end.windows_of(tf.shape(sound, tf.int64)[1])), tf.int64)
            for name, end in heard.ends.items()
        }
        longest = heard.served.frames_of(counts)
        return _each(heard.served, longest, (sound, samples), lambda one: heard.trace(one[0][: one[1]])[1])

    return _function(traced, tf.TensorSpec([None, None], name="sound"), tf.TensorSpec([None], tf.int64, name="samples"))


def _each(served: Served, longest: tf.Tensor, batch: Any, trace: Callable[[Any], Any]) -> dict[str, tf.Tensor]:
    """Recordings one after the other, their traces filled up with NaN."""

    def filled(one: Any) -> dict[str, tf.Tensor]:
        return {
            target: tf.pad(x, [[0, longest - tf.shape(x, tf.int64)[0]]], constant_values=float("nan"))
            for target, x in trace(one).items()
        }

    signature = {target: tf.TensorSpec([None], tf.float32) for target in served.targets}
    found = tf.map_fn(filled, batch, fn_output_signature=signature, parallel_iterations=1)
    return _with_times(served.times(tf.constant(0, tf.int64), longest), found)


def _heard(served: Served, run: Run, inputs: str) -> Heard | None:
    if inputs not in INPUTS:
        raise UserError(f"inputs is {inputs!r}, expected one of {', '.join(INPUTS)}.")
    if inputs == "features":
        return None
    try:
        return Heard(served, features_of(run))
    except UserError as error:
        if inputs == "waveform":
            raise
        say(f"no signature takes sound: {error}")
        return None


def _live(served: Served, heard: Heard | None, live: str) -> Live | HeardLive | None:
    if live not in LIVE:
        raise UserError(f"live is {live!r}, expected one of {', '.join(LIVE)}.")
    if live == "no":
        return None
    try:
        return HeardLive(heard) if heard else Live.of(served)
    except UserError as error:
        if live == "yes":
            raise
        say(f"no live signatures: {error}")
        return None


def _facts(run: Run, served: Served, heard: Heard | None, live: Live | HeardLive | None) -> dict[str, Any]:
    """What a caller must know."""
    return facts_of(run) | {
        "postprocessing": run.postprocessing if any(served.chain.steps.values()) else None,
        "sound_rate_hz": heard.rate_hz if heard else None,
        "live_delay": live.delay if live else None,
    }


def facts_of(run: Run) -> dict[str, Any]:
    """What a caller must know of a run, whatever it was exported as."""
    about, experiment = run.about, run.experiment
    streams = {
        name: {**stream, "offsets": experiment.window.offsets(stream["hop"]).tolist()}
        for name, stream in about["streams"].items()
    }
    known = ("targets", "gold_hop", "standardisation", "versions", "records", "fold", "seed")
    return {"streams": streams, "frames": experiment.window.inputs, **{name: about[name] for name in known}}
