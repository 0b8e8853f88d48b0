"""The classifiers of one run: what each task trains on the features of a frozen body."""

from dataclasses import dataclass, replace

import numpy as np

from emotf.continual.config import Continual, Tasks
from emotf.continual.descent import fitted
from emotf.continual.linear import LinearClassifier, concatenate, empty
from emotf.continual.rules import Learned


@dataclass(frozen=True)
class Features:
    """Features with their labels.

    Attributes:
        values: float32 [pictures, features].
        labels: int64 [pictures].
    """

    values: np.ndarray
    labels: np.ndarray


def learn(train: Features, pool: Features, config: Continual, seed: int) -> Learned:
    """Trains, task after task: its own classifier with and without `unknown`, and the two bounds.

    Only the upper bound, `joint`, sees pictures of earlier tasks.

    Args:
        train: labels of the corpus.
        pool: for `unknown`.
        config: tasks and training.
        seed: of the order of pictures.
    """
    tasks, training, width = config.tasks, config.training, train.values.shape[1]
    on = replace(training, decay=training.finetuned_decay)
    plain = alone(train, config, seed)
    own, joint, finetuned = [], [plain[0]], list[LinearClassifier]()
    for task in range(tasks.count):
        theirs = with_unknown(task, train, pool, tasks)
        own.append(fitted(empty(width, tasks.classes + 1, unknown=True), *theirs, training, seed))
        if task:
            stop = tasks.labels(task).stop
            joint.append(fitted(empty(width, stop), *_of(train, range(stop)), training, seed))
        more = empty(width, tasks.classes)
        grown = concatenate(finetuned[-1], more) if task else more
        finetuned.append(fitted(grown, *_of(train, tasks.labels(task)), on, seed))
    return Learned(tuple(own), plain, tuple(joint), tuple(finetuned))


def alone(train: Features, config: Continual, seed: int) -> tuple[LinearClassifier, ...]:
    """The classifier of each task, without `unknown`, trained on the pictures of the task."""
    found = []
    for task in range(config.tasks.count):
        labels = config.tasks.labels(task)
        x, y = _of(train, labels)
        found.append(fitted(empty(x.shape[1], len(labels)), x, y - labels.start, config.training, seed))
    return tuple(found)


def with_unknown(task: int, train: Features, pool: Features, tasks: Tasks) -> tuple[np.ndarray, np.ndarray]:
    """What the classifier of a task is trained on: features, and its outputs, of which the last is `unknown`.

    Of the pool it takes what is of no class that a task up to this one has: neither new nor old.
    """
    labels = tasks.labels(task)
    x, y = _of(train, labels)
    others = pool.values[~np.isin(pool.labels, range(labels.stop))]
    return np.concatenate([x, others]), np.concatenate([y - labels.start, np.full(len(others), len(labels))])


def accuracies_alone(plain: tuple[LinearClassifier, ...], on: Features, tasks: Tasks) -> list[float]:
    """How well the classifier of each task, alone, tells the classes of that task apart."""
    found = []
    for task, one in enumerate(plain):
        labels = tasks.labels(task)
        x, y = _of(on, labels)
        found.append(accuracy(one, x, y - labels.start))
    return found


def accuracy(classifier: LinearClassifier, features: np.ndarray, outputs: np.ndarray) -> float:
    """The share of pictures whose highest score is that of the right output."""
    return float((classifier.scores(features).argmax(axis=1) == outputs).mean())


def _of(features: Features, labels: range) -> tuple[np.ndarray, np.ndarray]:
    mine = np.isin(features.labels, labels)
    return features.values[mine], features.labels[mine]
