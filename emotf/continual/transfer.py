"""What is kept, lost and passed on between tasks.

R [tasks, tasks]: R_ij is the accuracy on the test pictures of task j after task i was learned, counted from 1 as in the
papers; NaN for j > i, whose classes have no output yet.
"""

import numpy as np


def average_accuracy(r: np.ndarray) -> float:
    """ACC = 1/T Σ_i R_Ti.

    Reference:
        Lopez-Paz & Ranzato 2017, "Gradient episodic memory for continual learning", NeurIPS.
    """
    return float(r[-1].mean())


def backward_transfer(r: np.ndarray) -> float:
    """BWT = 1/(T-1) Σ_{i<T} R_Ti - R_ii: below 0 where old tasks are forgotten; NaN for one task.

    Reference:
        Lopez-Paz & Ranzato 2017.

    Example:
        >>> backward_transfer(np.array([[1.0, np.nan], [0.25, 0.5]]))
        -0.75
    """
    return float((r[-1] - np.diag(r))[:-1].mean()) if len(r) > 1 else float("nan")


def forgetting(r: np.ndarray) -> float:
    """F = 1/(T-1) Σ_{j<T} max_{l<T} R_lj - R_Tj, over those l that know task j; NaN for one task.

    Reference:
        Chaudhry, Dokania, Ajanthan & Torr 2018, "Riemannian walk for incremental learning", ECCV.

    Example:
        >>> nan = np.nan
        >>> forgetting(np.array([[0.5, nan, nan], [0.75, 1.0, nan], [0.25, 0.5, 1.0]]))
        0.5
    """
    return float((np.nanmax(r[:-1, :-1], axis=0) - r[-1, :-1]).mean()) if len(r) > 1 else float("nan")


def forward_transfer(probed: np.ndarray, untrained: np.ndarray) -> float:
    """1/(T-1) Σ_{i>1} a_i - b_i: what the body learned before a task is worth to that task; NaN for one task.

    Lopez-Paz & Ranzato (2017) take a_i = R_{i-1,i}, the accuracy on a task before it is learned. A
    classifier that grows has no output for it yet, so that theirs is 0 by construction. What is passed on is the body:
    here a_i is the accuracy on task i of the task's own classifier on it, and b_i the same on a body that was left at
    its random weights, as theirs is of a model at random.

    Args:
        probed: a [tasks].
        untrained: b [tasks].
    """
    return float((probed - untrained)[1:].mean()) if len(probed) > 1 else float("nan")
