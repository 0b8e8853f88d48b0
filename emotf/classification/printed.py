"""What the thesis printed of its classifiers, with ours beside it."""

from collections.abc import Mapping

import numpy as np

NOTE = (
    "Printed: FERPlus, seven classes, 3136 pictures of test, after a choice of epoch that is not stated; the unit of "
    "its `mse` is not stated either, and nothing of ours stands beside it. Ours: this corpus, the epoch chosen on dev; "
    "of several systems with one network, the first; on another corpus than FERPlus ours confirm and refute nothing"
)


def beside_table_4_1(right: Mapping[str, np.ndarray]) -> tuple[list[str], list[list[str]]] | None:
    """Header and rows of table 4.1, our accuracy in the rows of networks that were trained; None where none was.

    Args:
        right: network -> how often each picture was answered rightly, [pictures].
    """
    from emotf.reproduction.table import published  # with it comes TensorFlow

    rows, there = [], False
    for row in published("orgil2022_table4_1"):
        ours = right.get(row["model"].lower().replace("seresnext", "se_resnext"))
        cells = ["-", "-"] if ours is None else [f"{100 * ours.mean():.3f}", f"{ours.sum():g} of {len(ours)}"]
        there |= ours is not None
        correct = f"{row['test_correct']} of {row['test_total']}"
        rows.append([row["model"], row["mse"], row["test_accuracy_percent"], cells[0], correct, cells[1]])
    header = ["model", "mse printed", "accuracy % printed", "accuracy % ours", "correct printed", "correct ours"]
    return (header, rows) if there else None
