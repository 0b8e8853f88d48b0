"""What the runs of some systems leave for people: tables, their numbers, pictures, one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotf.classification import figures
from emotf.classification.evaluation import score
from emotf.classification.page import page
from emotf.classification.pictures import Material
from emotf.classification.printed import NOTE, beside_table_4_1
from emotf.classification.scoring import Answers, difference, interval
from emotf.classification.systems import SystemRun
from emotf.files import write_text
from emotf.report.figures import as_png, save
from emotf.report.palette import looks
from emotf.report.tables import number
from emotf.report.texts import Content, TableText, as_latex, as_markdown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORES = ("accuracy", "macro_f1", "mean_recall", "cross_entropy")
CALLED = ("accuracy", "macro-F1", "mean recall", "cross-entropy")


@dataclass(frozen=True)
class Scored:
    """A system and what its runs answered to the same pictures.

    Attributes:
        name: of the system.
        runs: one a seed.
        answers: of each run.
    """

    name: str
    runs: Sequence[SystemRun]
    answers: Sequence[Answers]

    @property
    def right(self) -> np.ndarray:
        """How often each picture was answered rightly, the mean over runs, [pictures]."""
        return np.mean([answers.predicted == answers.labels for answers in self.answers], axis=0)


def report(
    runs: Sequence[SystemRun], folder: Path, partition: str = "test", allow_seen: bool = False, mistakes: int = 24
) -> tuple[str, tuple[Path, ...]]:
    """Scores runs and writes classifiers.md, .html, .tex, .csv; confusion matrix and mistakes into each run.

    Args:
        runs: of one experiment, finished.
        folder: where to.
        partition: that is reported.
        allow_seen: also one that was trained on (train) or chose (dev).
        mistakes: pictures in each gallery.

    Returns:
        The tables as Markdown, and the files.

    Raises:
        UserError: as `score`.
    """
    by_system: dict[str, list[SystemRun]] = {}
    for one in runs:
        by_system.setdefault(one.system, []).append(one)
    scored = [
        Scored(name, own, [score(one.run, partition, allow_seen) for one in own]) for name, own in by_system.items()
    ]
    content = Content(
        title=f"Classifiers of {runs[0].config.corpus.name}, {partition}",
        lines=_described(scored, partition),
        tables=_tables(scored, partition),
    )
    drawn = _drawn(scored, partition, mistakes)
    histories = {of.name: [one.run.epochs for one in of.runs] for of in scored}
    seen = looks([of.name for of in scored])
    galleries = {of.name: as_png(drawn[of.runs[0].run.picture(partition, "mistakes")]) for of in scored}
    name = "classifiers" if partition == "test" else f"classifiers_{partition}"
    said = as_markdown(content)
    texts = {
        ".md": said,
        ".html": page(content, {of.name: of.answers for of in scored}, histories, galleries, seen),
        ".tex": as_latex(content, name),
        ".csv": _rows(scored).to_csv(index=False),
    }
    for ending, text in texts.items():
        write_text(folder / f"{name}{ending}", text)
    select = runs[0].config.training.select
    drawn[folder / f"{name}_curves.png"] = figures.curves(histories, seen, select, content.title)
    for path, figure in drawn.items():
        save(figure, path)
    return said, (*(folder / f"{name}{ending}" for ending in texts), *drawn)


def _drawn(scored: Sequence[Scored], partition: str, count: int) -> "dict[Path, Figure]":
    """Path -> figure: of every run its confusion matrix and its mistakes."""
    found = {}
    for of in scored:
        for one, answers in zip(of.runs, of.answers, strict=True):
            chosen = Material(one.config).partition(partition)
            title = f"{one.name}: {one.config.corpus.name}, {partition}"
            found[one.run.picture(partition, "confusion")] = figures.confusion(answers, title)
            title = f"{title}, most confident mistakes"
            gallery = figures.mistakes(chosen.part, chosen.places, answers, count, title)
            found[one.run.picture(partition, "mistakes")] = gallery
    return found


def _described(scored: Sequence[Scored], partition: str) -> list[str]:
    """What is what."""
    one = scored[0].runs[0]
    about, config = one.run.about, one.config
    view, training, seeds = config.view, config.training, [run.config.training.seed for run in scored[0].runs]
    sizes = ", ".join(f"{sum(counts.values())} {name}" for name, counts in about["counts"].items())
    left_out = [f"{count} {why}" for why, count in about["left_out"].get(partition, {}).items()]
    channels = {0: "in the channels of the corpus", 1: "grey"}.get(view.channels, "in three channels")
    named = f"Systems are named by their {' and '.join(one.fields)}. " if one.fields else ""
    return [
        f"Corpus: {about['corpus']}, {about['records']['labels_are']}. {sizes} pictures; dev is {about['dev_is']}"
        + (f"; left out of {partition}: {', '.join(left_out)}" if left_out else "")
        + ".",
        f"Shown, where a system does not say otherwise: {view.resize} x {view.resize}"
        + (f", of which {view.crop} x {view.crop} at random (for scores the middle)" if view.crop < view.resize else "")
        + (", flipped at random" if view.flip else "")
        + f", {channels}.",
        f"Trained, where a system does not say otherwise: cross-entropy with {training.targets}, sampling "
        f"{training.sampling}, {type(training.optimizer).__name__} at {training.learning_rate:g}, batch "
        f"{training.batch}, from {config.network.weights} weights; the epoch of the best {training.select} on dev.",
        f"{named}Reported on {partition}; seeds {', '.join(map(str, seeds))}, of weights, order, crops and flips.",
    ]


def _tables(scored: Sequence[Scored], partition: str) -> tuple[TableText, ...]:
    found = [_systems(scored)]
    if len(scored) > 1:
        found.append(_differences(scored))
    found.append(_by_class(scored))
    networks: dict[str, np.ndarray] = {}
    for of in scored:
        networks.setdefault(of.runs[0].run.about["network"], of.right)
    if partition == "test" and (rows := beside_table_4_1(networks)):
        found.append(TableText("table-4-1", "Orgil 2022, table 4.1, and ours", *rows, NOTE))
    return tuple(found)


def _systems(scored: Sequence[Scored]) -> TableText:
    rows = []
    for of in scored:
        values = [answers.scores for answers in of.answers]
        correct, total = float(of.right.sum()), len(of.right)
        low, high = interval(round(correct), total)
        about = [one.run.about for one in of.runs]
        rows.append([
            of.name, *(_spread([value[key] for value in values]) for key in SCORES), f"[{low:.3f}, {high:.3f}]",
            f"{correct:g} of {total}", str(about[0]["parameters"]), str(about[0]["trained_parameters"]),
            f"{fmean(facts['training_seconds'] for facts in about):.0f}",
            f"{fmean(facts['chosen']['epoch'] + 1 for facts in about):g}",
        ])  # fmt: skip
    header = ["system", *CALLED, "accuracy, 95 %", "correct", "parameters", "trained", "seconds", "epoch"]
    note = (
        "Mean ± standard deviation over seeds. 95 %: Wilson's interval of the mean accuracy, over pictures alone. "
        "Macro-F1: mean of F1 over classes; mean recall: of recall; cross-entropy with the classes, in nats. Seconds "
        "and the chosen epoch: mean over seeds"
    )
    return TableText("systems", "Systems", header, rows, note)


def _differences(scored: Sequence[Scored]) -> TableText:
    first, rows = scored[0], []
    for of in scored[1:]:
        mean, low, high = difference(of.right, first.right)
        f1 = [fmean(answers.scores["macro_f1"] for answers in one.answers) for one in (of, first)]
        rows.append([of.name, f"{mean:+.3f}", f"[{low:+.3f}, {high:+.3f}]", f"{f1[0] - f1[1]:+.3f}"])
    note = (
        f"Against {first.name}. The interval of the accuracy is over pictures, the same for both, of each the mean "
        "over seeds; not corrected for many systems"
    )
    header = ["system", "accuracy", "95 %", "macro-F1"]
    return TableText("differences", "Differences", header, rows, note)


def _by_class(scored: Sequence[Scored]) -> TableText:
    rows = []
    for system in scored:
        shown = system.runs[0].run.about["counts"]["train"]
        tables = [answers.by_class.set_index("class") for answers in system.answers]
        for name in tables[0].index:
            cells = (
                _spread([float(table.loc[name, key]) for table in tables]) for key in ("precision", "recall", "f1")
            )
            rows.append([system.name, str(name), str(shown[name]), str(tables[0].loc[name, "pictures"]), *cells])
    header = ["system", "class", "pictures in train", "pictures here", "precision", "recall", "F1"]
    note = "Mean ± standard deviation over seeds"
    return TableText("classes", "Classes", header, rows, note)


def _rows(scored: Sequence[Scored]) -> pd.DataFrame:
    """A row a run."""
    return pd.DataFrame([
        {"system": of.name, "seed": one.config.training.seed, "pictures": len(answers.labels), **answers.scores,
         **{key: one.run.about[key] for key in ("network", "parameters", "training_seconds")}}
        for of in scored
        for one, answers in zip(of.runs, of.answers, strict=True)
    ])  # fmt: skip


def _spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation; of one value, the value; `-` where a value is undefined."""
    if np.isnan(values).any():
        return "-"
    return f"{fmean(values):.3f} ± {stdev(values):.3f}" if len(values) > 1 else number(values[0])
