"""Ridge regression on feature images, from the records and partitions that a network is trained on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emotf.config import Experiment
from emotf.errors import UserError
from emotf.measures import ccc
from emotf.pipeline import Standardisation, prediction_batches, standardise, transductive
from emotf.prediction import selection
from emotf.records import Store
from emotf.track import Track
from emotf.windows.feature_images import FeatureImages

# Of standardised values: minimised is mean (y - ŷ)² + penalty |w|².
PENALTIES = np.logspace(-5, 2, 15)

FLOOR, UNSCALED = "floor", "unscaled"


@dataclass
class Ridge:
    """Ridge regression of one target for all penalties, from sums: no more than one batch is ever held.

    Inputs come standardised by channel, so that the sums lose nothing; `fit` then standardises every value exactly.
    """

    count: int = 0
    sums: dict[str, Any] = field(default_factory=dict)

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Images [frames, values] and gold [frames]; unrated frames are left out."""
        x, y = x[~np.isnan(y)], y[~np.isnan(y)]
        self.count += len(y)
        for name, part in (("x", x.sum(0)), ("y", y.sum()), ("xx", x.T @ x), ("xy", y @ x), ("yy", y @ y)):
            self.sums[name] = self.sums.get(name, 0.0) + part

    def fit(self) -> "Ridge":
        """Weights [values, penalties], mean and spread of train's gold standard, and spread of its predictions."""
        x, y, xx, xy, yy = (self.sums[name] / self.count for name in ("x", "y", "xx", "xy", "yy"))
        scale = np.sqrt(np.maximum(np.diag(xx) - x * x, 0))
        scale[scale < 1e-6] = np.inf  # a constant value says nothing
        # (R + λI) w = r for every λ, along the eigenvectors of the correlations R
        values, vectors = np.linalg.eigh((xx - np.outer(x, x)) / np.outer(scale, scale))
        values = np.maximum(values, 0)[:, None]
        along = (vectors.T @ ((xy - x * y) / scale))[:, None] / (values + PENALTIES)
        self.weights_ = (vectors @ along) / scale[:, None]
        self.centre_, self.mean_, self.spread_ = x, y, np.sqrt(yy - y * y)
        self.predicted_spread_ = np.sqrt((values * along**2).sum(0))
        return self

    def predict(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """[frames, penalties]: unscaled, and moved to mean and spread of train's gold standard (the floor)."""
        around = (x - self.centre_) @ self.weights_
        return {FLOOR: self.mean_ + around * (self.spread_ / self.predicted_spread_), UNSCALED: self.mean_ + around}


class Baseline:
    """The ridges of an experiment, one a target, with the penalty that is best on dev.

    Args:
        experiment: whose records, partitions, targets and standardisation are used.
        window: the feature images; those of the experiment by default.
    """

    def __init__(self, experiment: Experiment, window: FeatureImages | None = None) -> None:
        self.window = window or experiment.window
        if self.window.length != 1:
            raise UserError("The floor is that of feature images; choose a recipe that predicts one frame a window.")
        self.experiment, self.store, self.chosen = experiment, Store(experiment.store), selection(experiment)
        train, dev = self.chosen.partition("train"), self.chosen.partition("dev")
        self.standardisation: dict[str, Standardisation] = {}
        if experiment.data.standardisation == "train":
            self.standardisation = standardise(self.store, experiment.streams, train, "train")
        self.ridges = [Ridge() for _ in self.chosen.targets]
        for x, y in self._images(train):
            for ridge, gold in zip(self.ridges, y.T, strict=True):
                ridge.add(x, gold)
        for ridge in self.ridges:
            ridge.fit()
        gold = np.concatenate([track.values for track in dev.values()])
        self.best = {kind: best(gold, values) for kind, values in self._values(dev).items()}

    def predictions(self, partition: str) -> dict[str, dict[str, Track]]:
        """Floor and unscaled: recording -> prediction."""
        golds = self.chosen.partition(partition)
        borders = np.cumsum([gold.frames for gold in golds.values()])[:-1]
        found = {}
        for kind, values in self._values(golds).items():
            parts = np.split(values[..., self.best[kind]], borders)
            found[kind] = {
                id_: Track(part, hop=gold.hop, start=gold.start, channels=gold.channels)
                for (id_, gold), part in zip(golds.items(), parts, strict=True)
            }
        return found

    def _images(self, golds: Mapping[str, Track]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Feature images [frames, N x P], standardised by channel, and gold [frames, targets], float64, in order."""
        gold = np.concatenate([track.values for track in golds.values()]).astype(np.float64)
        done = 0
        by, streams = self.experiment.data.standardisation, list(self.experiment.streams)
        scaling = None if by == "train" else transductive(self.store, streams, list(golds), by)
        batches = prediction_batches(self.store, streams, golds, self.window, scaling)
        for batch in batches.as_numpy_iterator():
            parts = [self._standardised(name, batch[name]) for name in streams]
            x = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
            yield x, gold[done : done + len(x)]
            done += len(x)

    def _standardised(self, name: str, x: np.ndarray) -> np.ndarray:
        fitted = self.standardisation.get(name)
        return x if fitted is None else (x - fitted.mean) / np.sqrt(fitted.variance)

    def _values(self, golds: Mapping[str, Track]) -> dict[str, np.ndarray]:
        """Floor and unscaled, [frames, targets, penalties] each."""
        parts = [[ridge.predict(x) for ridge in self.ridges] for x, _ in self._images(golds)]
        return {
            kind: np.concatenate([np.stack([one[kind] for one in part], axis=1) for part in parts])
            for kind in (FLOOR, UNSCALED)
        }


def best(gold: np.ndarray, values: np.ndarray) -> int:
    """The penalty with the highest mean over the targets of the pooled CCC, an undefined one counting as 0."""
    found = [[ccc(y, p) for y, p in zip(gold.T, values[..., i].T, strict=True)] for i in range(values.shape[2])]
    return int(np.nan_to_num(found).mean(axis=1).argmax())
