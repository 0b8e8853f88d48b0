"""The equation of every loss, written out a second time in float64 NumPy, with loops where a loop is plainer."""

from itertools import combinations, pairwise

import numpy as np


def mse(y, p):
    """(1/n) Σ (y - ŷ)²."""
    return sum((a - b) ** 2 for a, b in zip(y, p, strict=True)) / len(y)


def mae(y, p):
    """(1/n) Σ |y - ŷ|."""
    return sum(abs(a - b) for a, b in zip(y, p, strict=True)) / len(y)


def tube(y, p, epsilon):
    """(1/n) Σ max(0, |y - ŷ| - ε)."""
    return sum(max(0.0, abs(a - b) - epsilon) for a, b in zip(y, p, strict=True)) / len(y)


def cov(y, p):
    """(1/n) Σ (y - ȳ)(ŷ - mean ŷ)."""
    return ((y - y.sum() / len(y)) * (p - p.sum() / len(p))).sum() / len(y)


def ccc(y, p):
    """1 - 2 cov(y, ŷ) / (var y + var ŷ + (ȳ - mean ŷ)²); 1 where gold and prediction are one constant."""
    if np.ptp(y) == 0 and np.ptp(p) == 0 and y[0] == p[0]:
        return 1.0
    return 1 - 2 * cov(y, p) / (cov(y, y) + cov(p, p) + (y.sum() / len(y) - p.sum() / len(p)) ** 2)


def correlation(y, p):
    """cov(y, ŷ) / (sd y · sd ŷ); 0 where either is constant."""
    if np.ptp(y) == 0 or np.ptp(p) == 0:
        return 0.0
    return cov(y, p) / (np.sqrt(cov(y, y)) * np.sqrt(cov(p, p)))


def pcc(y, p):
    """1 - cov(y, ŷ) / (sd y · sd ŷ)."""
    return 1 - correlation(y, p)


def mse_cov(y, p):
    """(1/n) Σ (y - ŷ)² - (1/n) Σ (y - ȳ)(ŷ - mean ŷ)."""
    return mse(y, p) - cov(y, p)


def mse_over_cc(y, p, floor):
    """(1/n) Σ (y - ŷ)² / (CC + 1); CC + 1 is at least the floor."""
    return mse(y, p) / max(correlation(y, p) + 1, floor)


def non_inertial(y, p, distance, direction, t, distance_weight, velocity_weight, direction_weight):
    """Eq. 3-6 of Orgil et al. 2021 over [batch, frames, targets]; a frame counts where all its targets are rated."""
    apart, speeds, turns = [], [], []
    for gold, guess in zip(y, p, strict=True):
        for s in np.flatnonzero(rated(gold)):
            error = guess[s] - gold[s]
            apart.append(norm(error) if distance == "euclidean" else sum(error**2) / len(error))
            turns.append(cross(guess[s], gold[s]) if direction == "cross" else angle(guess[s], gold[s]))
            if s > 0 and rated(gold)[s - 1]:
                speeds.append(abs((norm(guess[s] - guess[s - 1]) - norm(gold[s] - gold[s - 1])) / t))
    return distance_weight * mean(apart) + velocity_weight * mean(speeds) + direction_weight * mean(turns)


def non_inertial_extended(
    y, p, absolute, t, distance_weight, velocity_weight, angle_weight, acceleration_weight
):  # fmt: skip
    """Eq. 8-12 of Orgil et al. 2021 over [batch, frames, targets]; a frame counts where all its targets are rated."""
    pairs = list(pairwise(range(y.shape[2])))
    if y.shape[2] > 2:
        pairs.append((y.shape[2] - 1, 0))
    squares, sequences = [], []
    for gold, guess in zip(y, p, strict=True):
        known = rated(gold)
        velocities, areas, accelerations = [], [], []
        for s in range(len(gold)):
            if known[s]:
                squares.append((guess[s] - gold[s]) ** 2)
            if s >= 1 and known[s - 1 : s + 1].all():
                dx, dy = (guess[s] - guess[s - 1]) / t, (gold[s] - gold[s - 1]) / t
                velocities.append(dx - dy)
                areas.append([dx[i] * dy[j] - dx[j] * dy[i] for i, j in pairs])
            if s >= 2 and known[s - 2 : s + 1].all():
                ddx = (guess[s] - 2 * guess[s - 1] + guess[s - 2]) / t**2
                accelerations.append(ddx - (gold[s] - 2 * gold[s - 1] + gold[s - 2]) / t**2)
        sequences.append((velocities, areas, accelerations))

    def magnitude(term):
        parts = [np.array(sequence[term]) for sequence in sequences if len(sequence[term])]
        if absolute == "inside":
            return mean(np.abs(np.concatenate(parts))) if parts else 0.0
        return mean([abs(part.mean()) for part in parts])

    total = distance_weight * mean(squares) + velocity_weight * magnitude(0) + angle_weight * magnitude(1)
    return (total + acceleration_weight * magnitude(2)) / 4


def mean(values):
    """0 of nothing."""
    return float(np.mean(values)) if len(values) else 0.0


def norm(x):
    return np.sqrt(sum(x**2))


def rated(gold):
    return np.array([not np.isnan(frame).any() for frame in gold])


def cross(x, y):
    """|x_i y_j - x_j y_i| of two targets, the root of the sum of squares over all pairs of more."""
    return np.sqrt(sum((x[i] * y[j] - x[j] * y[i]) ** 2 for i, j in combinations(range(len(x)), 2)))


def angle(x, y):
    """Between two vectors, by their halves; 0 where one of them is the origin."""
    if not norm(x) or not norm(y):
        return 0.0
    x, y = x / norm(x), y / norm(y)
    return 2 * np.arctan2(norm(x - y), norm(x + y))


EQUATIONS = {
    "ccc": ccc, "mae": mae, "mse": mse, "mse_cov": mse_cov, "mse_over_cc": mse_over_cc, "pcc": pcc, "tube": tube,
    "non_inertial": non_inertial, "non_inertial_extended": non_inertial_extended,
}  # fmt: skip


def expected(loss, y, p):
    """The value of a loss by its equation, of [batch], [batch, frames] or [batch, frames, targets].

    A target is one series, or with pool='sequence' the mean of its sequences; the loss is the mean of its targets. What
    holds no rated frame is left out.
    """
    assert loss.name in EQUATIONS, f"tests/reference/equations.py has no equation for the loss {loss.name!r}; add one."
    equation, fields = EQUATIONS[loss.name], loss.get_config()
    y, p = np.asarray(y, np.float64), np.asarray(p, np.float64)
    if loss.joint:
        return equation(y, p, **fields)
    by_sequence = fields.pop("pool", "batch") == "sequence"
    targets = np.moveaxis(np.stack([y, p]), -1, 0) if y.ndim == 3 else [np.stack([y, p])]
    of_targets = []
    for gold, guess in targets:
        series = zip(gold, guess, strict=True) if by_sequence else [(gold.ravel(), guess.ravel())]
        series = [(a[~np.isnan(a)], b[~np.isnan(a)]) for a, b in series]
        values = [equation(a, b, **fields) for a, b in series if len(a)]
        if values:
            of_targets.append(mean(values))
    return mean(of_targets)
