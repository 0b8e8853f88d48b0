"""Training of a linear classifier on features that do not change.

Plain gradient descent in NumPy: a network of one layer on 120 numbers takes longer to be traced by TensorFlow than to
be trained, and an experiment trains hundreds. A solver that goes to the optimum would forget where it started, and
fine-tuning is a matter of where it starts.
"""

import numpy as np

from emotf.continual.config import Descent
from emotf.continual.linear import LinearClassifier
from emotf.errors import UserError


def fitted(
    start: LinearClassifier, features: np.ndarray, labels: np.ndarray, training: Descent, seed: int
) -> LinearClassifier:
    """Minimises cross-entropy and weight decay over all outputs.

        L = -1/n Σ_i log p(y_i | x_i) + λ/2 |W|²
        ∂L/∂W = Xᵀ (P - Y) / n + λ W,    ∂L/∂b = Σ_i (P - Y)_i / n
        v ← μ v - η_t ∂L/∂θ,    θ ← θ + v,    η_t = η/2 (1 + cos(π t / T))

    Args:
        start: where descent begins; left as it is.
        features: X [pictures, features].
        labels: outputs, integers [pictures].
        training: η, μ, λ, size of batches, epochs.
        seed: of the order of pictures.

    Returns:
        The classifier, float32.

    Raises:
        UserError: no pictures, labels without an output, or the loss is not finite.
    """
    if not len(labels) or not 0 <= labels.min() <= labels.max() < len(start.bias):
        raise UserError(f"{len(labels)} pictures with labels for {len(start.bias)} outputs; there must be some, and "
                        "each label must have its output.")  # fmt: skip
    w, b = start.weights.astype(np.float32), start.bias.astype(np.float32)  # copies
    v_w, v_b = np.zeros_like(w), np.zeros_like(b)
    x = np.ascontiguousarray(features, np.float32)
    order = np.random.default_rng(seed)
    starts = range(0, len(labels), training.batch)
    steps, step = training.epochs * len(starts), 0
    for _ in range(training.epochs):
        shuffled = order.permutation(len(labels))
        for first in starts:
            chosen = shuffled[first : first + training.batch]
            rate = np.float32(0.5 * training.learning_rate * (1 + np.cos(np.pi * step / steps)))
            error = probabilities(x[chosen] @ w + b)
            error[np.arange(len(chosen)), labels[chosen]] -= 1
            error /= len(chosen)
            v_w = training.momentum * v_w - rate * (x[chosen].T @ error + training.decay * w)
            v_b = training.momentum * v_b - rate * error.sum(axis=0)
            w += v_w
            b += v_b
            step += 1
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise UserError(f"The classifier has diverged at training.learning_rate={training.learning_rate:g}; lower it.")
    return LinearClassifier(w, b, start.unknown)


def probabilities(scores: np.ndarray) -> np.ndarray:
    """p = exp(z) / Σ exp(z) over the last axis.

    Example:
        >>> probabilities(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
        [[0.5, 0.5], [1.0, 0.0]]
    """
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
