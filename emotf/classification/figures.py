"""Plots of classifiers, drawn without a display."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emotf.classification.scoring import Answers
from emotf.report.palette import DASHES, Look

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from emotf.records import PicturePart

# More classes than this have no room for numbers.
WRITTEN_IN = 15


def confusion(answers: Answers | Sequence[Answers], title: str) -> "Figure":
    """Of each class (row) the share that was answered as each class (column), in percent; of several runs, their mean.

    Args:
        answers: to the same pictures.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    several = [answers] if isinstance(answers, Answers) else answers
    classes, found = several[0].classes, shares(several)
    side = 1.6 + 0.42 * min(max(len(classes), 5), 30)
    figure = Figure(figsize=(side + 1.1, side), dpi=100, layout="constrained")
    panel = figure.subplots()
    picture = panel.imshow(100 * found, cmap="Blues", vmin=0, vmax=100)
    if len(classes) <= WRITTEN_IN:
        for (row, column), share in np.ndenumerate(found):
            if share > 0.0:
                ink = "w" if share > 0.5 else "k"
                panel.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=8, color=ink)
    ticks, size = range(len(classes)), 8 if len(classes) <= 30 else 4
    panel.set_xticks(ticks, classes, rotation=90, fontsize=size)
    panel.set_yticks(ticks, classes, fontsize=size)
    panel.set(xlabel="answer", ylabel="class")
    figure.colorbar(picture, ax=panel, label="% of the class", shrink=0.8)
    figure.suptitle(title, fontsize="small")
    return figure


def shares(several: Sequence[Answers]) -> np.ndarray:
    """[classes, classes]: of the row's pictures the share answered as the column, mean over runs; NaN without any."""
    counts = np.sum([answers.confusion for answers in several], axis=0, dtype=np.float64)
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def mistakes(part: "PicturePart", places: np.ndarray, answers: Answers, count: int, title: str) -> "Figure":
    """The pictures that were answered wrongly with most confidence: their class, the answer, and how sure it was.

    Args:
        part: the pictures.
        places: of those that were answered, [pictures].
        answers: to them.
        count: how many at most.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    chosen = answers.mistakes(count)
    columns = min(8, max(len(chosen), 1))
    rows = -(-max(len(chosen), 1) // columns)
    figure = Figure(figsize=(1.35 * columns + 0.3, 1.75 * rows + 0.7), dpi=100, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, wrong in zip(panels, chosen.tolist(), strict=False):
        picture = part.picture(int(places[wrong]))
        panel.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255)
        said, sure = answers.predicted[wrong], np.exp(answers.log_probabilities[wrong].max())
        label = f"{answers.classes[answers.labels[wrong]]}\n→ {answers.classes[said]} {100 * sure:.0f} %"
        panel.set_title(label, fontsize=7)
    if not len(chosen):
        panels[0].text(0.5, 0.5, "no mistake", ha="center", va="center")
    figure.suptitle(title, fontsize="small")
    return figure


def curves(
    histories: Mapping[str, Sequence["pd.DataFrame"]], looks: Mapping[str, Look], select: str, title: str
) -> "Figure":
    """Training loss and what chooses the epoch on development, a line a run; its best epoch is marked.

    Args:
        histories: system -> history of each run.
        looks: of the systems.
        select: the criterion.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), dpi=100, layout="constrained")
    panels = figure.subplots(1, 2)
    for system, runs in histories.items():
        look = looks[system]
        for number, history in enumerate(runs):
            label = system if number == 0 else None
            for panel, column in zip(panels, ("loss", f"dev_{select}"), strict=True):
                panel.plot(history["epoch"] + 1, history[column], color=look.ink, ls=DASHES[look.dash], lw=1.2,
                           label=label)  # fmt: skip
    for panel, name in zip(panels, ("training loss", f"{select.replace('_', ' ')} on development"), strict=True):
        panel.set(xlabel="epoch", ylabel=name)
        panel.grid(color="0.93")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title, fontsize="small")
    return figure
