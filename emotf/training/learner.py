"""The objective over all targets, and the Keras model that is trained by it."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from emotf.config import JOINT
from emotf.errors import UserError
from emotf.losses.base import Loss

# a target, or the targets that a joint loss couples, in the order in which they are stacked
Term = str | tuple[str, ...]


class Objective(keras.layers.Layer):
    """J = Σ_m α_m L_m over terms m, each the loss of one target or a joint loss of several (Köprü & Erzin 2020, eq. 2).

    A layer, so that weights it learns are trained, saved and restored like any other. Keras' own way, one loss per
    named output, cannot hold a loss that couples targets; single-task learning is the case of one term.

    Weights are fixed, or learnt as the uncertainty of each term (Kendall, Gal, Cipolla 2018, eq. 7 with s = log σ²):
    J = Σ_m ½ exp(-s_m) L_m + ½ s_m. Such an α_m = ½ exp(-s_m) starts at ½ and is logged as `<term>_weight`; a loss that
    may fall below 0 would drive it beyond all bounds and is refused.

    Args:
        losses: target -> its loss, (target, ...) -> their joint loss.
        weights: term by its name -> α_m; 1/M each where empty.
        uncertainty: whether weights are learnt instead.

    Reference:
        Kendall, Gal, Cipolla 2018, "Multi-task learning using uncertainty to weigh losses for scene geometry and
        semantics", CVPR.
    """

    def __init__(
        self, losses: Mapping[Term, Loss], weights: Mapping[str, float] | None = None, uncertainty: bool = False
    ) -> None:
        # float32 whatever the policy: under mixed precision Keras would cast gold and predictions to float16 first
        super().__init__(name="objective", dtype="float32", autocast=False)
        self.losses_of = {name_of(term): (term, loss) for term, loss in losses.items()}
        self.weight_of = {name: (weights or {}).get(name, 1.0 / len(losses)) for name in self.losses_of}
        self.terms = {name: keras.metrics.Mean(name=f"{name}_loss") for name in self.losses_of}
        self.log_variances: Any = None
        if uncertainty:
            for name, (_, loss) in self.losses_of.items():
                if loss.negative:
                    raise UserError(
                        f"{loss.name} may fall below 0, so uncertainty cannot weigh {name}; fix the weights."
                    )
            self.log_variances = self.add_weight(shape=(len(losses),), initializer="zeros", name="log_variances")
            self.learnt = {name: keras.metrics.Mean(name=f"{name}_weight") for name in self.losses_of}

    @property
    def facts(self) -> dict[str, dict[str, Any]]:
        """term -> its loss with its settings, and its weight."""
        learnt = self.log_variances is not None
        return {
            name: {
                "loss": loss.name,
                "settings": loss.get_config(),
                "weight": "learnt" if learnt else self.weight_of[name],
            }
            for name, (_, loss) in self.losses_of.items()
        }

    def call(self, gold: Mapping[str, Any], prediction: Mapping[str, Any]) -> Any:
        total = 0.0
        for i, (name, (term, loss)) in enumerate(self.losses_of.items()):
            value = loss(_of(gold, term), _of(prediction, term))
            self.terms[name].update_state(value)
            if self.log_variances is None:
                total = total + self.weight_of[name] * value
            else:
                log_variance = self.log_variances[i]
                weight = 0.5 * ops.exp(-log_variance)
                self.learnt[name].update_state(weight)
                total = total + weight * value + 0.5 * log_variance
        return total


def name_of(term: Term) -> str:
    """The name of a term in logs and weights: a target, or `joint`."""
    return term if isinstance(term, str) else JOINT


def _of(values: Mapping[str, Any], term: Term) -> Any:
    """One target, or several stacked in the last axis [batch, frames, targets]."""
    return values[term] if isinstance(term, str) else ops.stack([values[name] for name in term], axis=-1)


class Learner(keras.Model):
    """Trains `network` by `objective`; what is saved and exported is `learner.network`, a plain functional model.

    Args:
        network: {stream: [batch, frames, channels]} -> {target: [batch]} or {target: [batch, frames]}.
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
