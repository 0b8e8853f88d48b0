"""The objective over all targets, and the Keras model that is trained by it."""

from collections.abc import Mapping
from typing import Any

import keras

from emotf.losses.base import Loss


class Objective(keras.layers.Layer):
    """J = Σ_m α_m L_m over the targets m (Köprü & Erzin 2020, eq. 2).

    A layer, so that weights it may learn are trained, saved and restored like any other. Keras' own way, one loss per
    named output, cannot hold a loss that couples targets; single-task learning is the case of one term.

    Args:
        losses: target -> loss.
        weights: target -> α_m; 1/M each where empty.
    """

    def __init__(self, losses: Mapping[str, Loss], weights: Mapping[str, float] | None = None) -> None:
        # float32 whatever the policy: under mixed precision Keras would cast gold and predictions to float16 first
        super().__init__(name="objective", dtype="float32", autocast=False)
        self.losses_of = dict(losses)
        self.weight_of = {name: (weights or {}).get(name, 1.0 / len(losses)) for name in losses}
        self.terms = {name: keras.metrics.Mean(name=f"{name}_loss") for name in losses}

    def call(self, gold: Mapping[str, Any], prediction: Mapping[str, Any]) -> Any:
        total = 0.0
        for name, loss in self.losses_of.items():
            term = loss(gold[name], prediction[name])
            self.terms[name].update_state(term)
            total = total + self.weight_of[name] * term
        return total


class Learner(keras.Model):
    """Trains `network` by `objective`; what is saved and exported is `learner.network`, a plain functional model.

    Args:
        network: {stream: [batch, N, channels]} -> {target: [batch]}.
        objective: over the targets.
    """

    def __init__(self, network: keras.Model, objective: Objective) -> None:
        super().__init__(name="learner")
        self.network = network
        self.objective = objective
        self.built = True

    def call(self, streams: Mapping[str, Any], training: bool | None = None) -> Any:
        return self.network(streams, training=training)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The objective; sample weights are not taken, unrated gold is NaN."""
        return self.objective(y, y_pred)
