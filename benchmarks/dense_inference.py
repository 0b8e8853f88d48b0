"""How fast traces at every frame of a recording are, sliding over it, beside one feature image after the other.

    python benchmarks/dense_inference.py
    python benchmarks/dense_inference.py --model=pure_cnn

Both ways are `emotf.prediction.Predictor`, which stands behind tools/predict.py, tools/evaluate.py and the development
scores of training: from records of seeded noise (39 + 24 channels) to traces of three targets, once sliding and
once window by window. They take turns in one process. The networks are untrained, but no weight of theirs is 0.

The second table says what share of an epoch of training the development scores were and are: as many recordings of
development as of train, all of 5 minutes at 60/s, N = 20 and batches of 256.

Beside the ratio of seconds stands that of the seconds for which the process had a processor: where other work goes on
the former is chance. Goals: 5 times as fast at N = 60, and equal to 1e-5. About 4 minutes on 2 cores.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _workload
import numpy as np
from absl import flags

from emotf import catalog
from emotf.command import run
from emotf.models.base import Model
from emotf.pipeline import Slider
from emotf.prediction import Predictor
from emotf.records import GOLD, Store
from emotf.report.tables import markdown
from emotf.track import Track
from emotf.windows.feature_images import FeatureImages

SECONDS = flags.DEFINE_float("seconds", 300.0, "Length of a recording.", lower_bound=10.0)
ROUNDS = flags.DEFINE_integer("rounds", 7, "Turns of each way; the first, for warming up, is left out.", 2)
MODEL = flags.DEFINE_enum("model", "cer", ["cer", "pure_cnn"], "Which model.")
FILTERS = flags.DEFINE_bool("over_filters", False, "CER's other reading: its GRUs go over filters, not over frames.")
RECORDINGS = flags.DEFINE_integer("recordings", 4, "Recordings of train, and of development, for the second table.", 1)

# frames a second -> seconds between the frames of a feature image
STRIDES = {25.0: 0.16, 60.0: 1 / 6}
FRAMES = (20, 60)
WINDOWS, SLIDING = "windows", "sliding"
GOAL, EQUAL = 5.0, 1e-5


def model() -> Model:
    """The model that is measured."""
    over_filters = {"recurrence_over": "filters", "batch_norm": True} if FILTERS.value else {}
    found: Model = catalog.find("models", MODEL.value)(**over_filters)
    return found


def network_of(window: FeatureImages) -> Any:
    """A network all of whose weights, biases too, are drawn."""
    rng = np.random.default_rng(0)
    network = model().build(_workload.STREAMS, _workload.TARGETS, window.frames)
    for weight in network.trainable_variables:
        weight.assign(weight + rng.normal(scale=0.05, size=weight.shape))
    return network


def in_turns(ways: dict[str, Callable[[], Any]]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Seconds of each way, turn by turn, passed and of processors [turns, 2], and what each gave last."""
    seconds: dict[str, list[Any]] = {name: [] for name in ways}
    given: dict[str, Any] = {}
    for _ in range(ROUNDS.value):
        for name, way in ways.items():
            began = np.array([time.perf_counter(), time.process_time()])
            given[name] = way()
            seconds[name].append(np.array([time.perf_counter(), time.process_time()]) - began)
    return {name: np.array(values[1:]) for name, values in seconds.items()}, given


def difference(one: dict[str, Track], other: dict[str, Track]) -> float:
    """The greatest between two predictions."""
    return max(float(np.abs(one[name].values - other[name].values).max()) for name in one)


def predictors(network: Any, store: Store, golds: dict[str, Track], window: FeatureImages) -> dict[str, Predictor]:
    """Both ways."""
    hops = {name: store.stream(name).schema.hop for name in _workload.STREAMS}
    common = (network, store, list(hops), golds, window)
    return {
        WINDOWS: Predictor(*common),
        SLIDING: Predictor(*common, slider=Slider.of(model(), network, window, hops)),
    }


def golds_of(store: Store) -> dict[str, Track]:
    """The gold standards of a store."""
    return {name: store.stream(GOLD).read(name) for name in store.stream(GOLD).completed}


def traces(folder: Path, rate_hz: float, frames: int) -> list[str]:
    """A row of the first table."""
    store = _workload.write(folder, _workload.noise(1, SECONDS.value, rate_hz))
    window = FeatureImages(frames, STRIDES[rate_hz])
    seconds, given = in_turns(dict(predictors(network_of(window), store, golds_of(store), window)))
    ratio, cpu = np.median(seconds[WINDOWS] / seconds[SLIDING], axis=0)
    off = difference(given[WINDOWS], given[SLIDING])
    verdict = ["-" if frames < max(FRAMES) else "yes" if ratio >= GOAL else "NO", "yes" if off <= EQUAL else "NO"]
    times = [f"{1e3 * np.median(seconds[name][:, 0]):.0f}" for name in (WINDOWS, SLIDING)]
    return [f"{rate_hz:g}", str(frames), *times, f"{ratio:.1f}", verdict[0], f"{cpu:.1f}", f"{off:.1e}", verdict[1]]


def shares(folder: Path) -> list[list[str]]:
    """The rows of the second table."""
    import keras

    from emotf.losses.ccc import Ccc
    from emotf.pipeline import training_batches
    from emotf.training.learner import Learner, Objective
    from emotf.training.loop import STEPS

    store = _workload.write(folder, _workload.noise(2 * RECORDINGS.value, SECONDS.value))
    golds, window = golds_of(store), _workload.images(min(FRAMES))
    train, dev = dict(list(golds.items())[: RECORDINGS.value]), dict(list(golds.items())[RECORDINGS.value :])
    network = network_of(window)
    epochs = training_batches(store, list(_workload.STREAMS), train, window, 256, seed=0)
    learner = Learner(network, Objective({target: Ccc() for target in _workload.TARGETS}))
    learner.compile(keras.optimizers.Adam(5e-5), jit_compile=False, steps_per_execution=STEPS)
    ways = predictors(network, store, dev, window)
    seconds, _ = in_turns({"training": lambda: learner.fit(epochs.dataset, shuffle=False, verbose=0), **ways})
    passed = {name: float(np.median(values[:, 0])) for name, values in seconds.items()}
    spent = {name: float(np.median(values[:, 1])) for name, values in seconds.items()}
    return [
        [way, *(f"{of[name]:.2f}" for of in (passed, spent) for name in ("training", way)),
         *(f"{of[way] / (of[way] + of['training']):.1%}" for of in (passed, spent))]
        for way in ways
    ]  # fmt: skip


def main(_):
    with tempfile.TemporaryDirectory() as folder:
        rows = [traces(Path(folder) / f"{rate:g}_{n}", rate, n) for rate in STRIDES for n in FRAMES]
        print(f"{model()}, {SECONDS.value:g} s, {ROUNDS.value - 1} rounds; load {os.getloadavg()[0]:.1f}\n")
        ways = ["windows, ms", "sliding, ms"]
        print(
            markdown(["frames/s", "N", *ways, "ratio", f">= {GOAL:g}", "of CPU", "difference", f"<= {EQUAL:g}"], rows)
        )
        columns = ["development scores by", "training, s", "dev, s", "training, CPU s", "dev, CPU s", "share", "of CPU"]
        print(f"\n{markdown(columns, shares(Path(folder) / 'epochs'))}")


if __name__ == "__main__":
    run(main)
