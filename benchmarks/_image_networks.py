"""How fast the ResNet50 of emotf says what is in pictures, beside that of Keras called directly; how fast all train."""

import time
from collections.abc import Callable

import numpy as np
from _turns import rate
from absl import flags

from emotf.progress import say
from emotf.report.tables import markdown

ROUNDS = flags.DEFINE_integer("network_rounds", 16, "Turns of each network; the first two are left out.", 3)
BATCHES = flags.DEFINE_integer("network_batches", 4, "Batches of a turn of a network.", 1)
BATCH = flags.DEFINE_integer("network_batch", 16, "Pictures of a batch of a network.", 1)
TRAIN = flags.DEFINE_list("train", [], "Networks of which only a step of training is timed.")

SIZE, CLASSES, WARMING, GOAL = 224, 7, 2, 0.95
OURS, THEIRS = "emotf", "Keras Applications"


def noise() -> np.ndarray:
    """A batch of pictures, float32 in 0..255."""
    return np.random.default_rng(0).integers(0, 256, (BATCH.value, SIZE, SIZE, 3)).astype(np.float32)


def networks() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """What takes pictures as they are and says what their classes are."""
    import keras

    from emotf.classifiers.resnet import Resnet

    ours = Resnet(weights="random").build((SIZE, SIZE, 3), CLASSES)
    theirs = keras.applications.ResNet50(weights=None, classes=CLASSES, classifier_activation=None)
    theirs.set_weights(ours.get_weights())

    def direct(pictures: np.ndarray) -> np.ndarray:
        # a copy, because it writes into what it is given
        return theirs.predict_on_batch(keras.applications.resnet50.preprocess_input(pictures.copy()))

    return {OURS: ours.predict_on_batch, THEIRS: direct}


def inference() -> None:
    """The table of pictures a second."""
    pictures, made = noise(), networks()
    difference = np.abs(np.subtract(*(network(pictures) for network in made.values()))).max()
    if difference > 1e-3:
        raise SystemExit(f"The two are not the same network: logits differ by up to {difference:.2g}.")

    def turn(name: str) -> float:
        return rate(BATCHES.value * BATCH.value, lambda: [made[name](pictures) for _ in range(BATCHES.value)])

    rounds = []
    for i in range(ROUNDS.value):
        order = list(made) if i % 2 else list(made)[::-1]
        rounds.append({name: turn(name) for name in order})
        say(f"round {i}: " + ", ".join(f"{name} {value:.1f}" for name, value in rounds[-1].items()))
    kept = rounds[WARMING:]
    rows = []
    for name in made:
        speeds = np.array([one[name] for one in kept])
        low, ratio, high = np.percentile(speeds / [one[THEIRS] for one in kept], (25, 50, 75))
        rows.append([name, *(f"{x:.1f}" for x in (np.median(speeds), speeds.min(), speeds.max())), f"{ratio:.3f}",
                     f"{low:.3f} to {high:.3f}"])  # fmt: skip
    print(f"\nResNet50, {CLASSES} classes, batches of {BATCH.value}, {len(kept)} rounds of {BATCHES.value} batches\n")
    print(markdown(["network", "pictures a second", "least", "most", "ratio", "quartiles"], rows))
    reached = float(rows[0][4])
    met = "met" if reached >= GOAL else "not met"
    print(f"\n{reached:.3f} of the speed of Keras Applications; the goal of {GOAL} is {met}.")


def training(name: str) -> list[str]:
    """Seconds of a step, and pictures a second."""
    import keras

    from emotf.classifiers.base import named

    network = named(name, weights="random").build((SIZE, SIZE, 3), CLASSES)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(1e-3), loss, jit_compile=False)
    x, y = noise(), np.arange(BATCH.value) % CLASSES
    network.train_on_batch(x, y)
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        network.train_on_batch(x, y)
        taken.append(time.perf_counter() - began)
        say(f"{name}: {taken[-1]:.2f} s")
    return [name, f"{min(taken):.2f}", f"{BATCH.value / min(taken):.1f}"]


def training_steps() -> None:
    """The table of steps of training."""
    rows = [training(name) for name in TRAIN.value]
    print(f"\nBatches of {BATCH.value}, float32, no XLA\n")
    print(markdown(["network", "seconds a step", "pictures a second"], rows))
