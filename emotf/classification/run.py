"""The folder of a run: the only place that knows its file names, beside `emotf.run_folder`.

body.keras                    the network without its classifier, of Keras' own layers: what `resnet50` takes
<partition>.csv               every picture: id, class, answer, logits
<partition>_scores.json       accuracy, macro-F1 and the like
<partition>_classes.csv       a row a class: pictures, precision, recall, F1
<partition>_confusion.csv     a row a class, a column an answer
<partition>_*.png             confusion matrix and mistakes
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emotf.checksums import checked, promised
from emotf.classification.config import Classification
from emotf.classification.scoring import Answers
from emotf.errors import UserError
from emotf.files import write_json
from emotf.run_folder import RunFolder
from emotf.tables import read_rows

if TYPE_CHECKING:
    import keras


class PictureRun(RunFolder[Classification]):
    """One trained classifier on disk."""

    tree = Classification
    tool = "tools/classify.py"

    @property
    def body(self) -> Path:
        return self.folder / "body.keras"

    def network(self) -> "keras.Model":
        # Keras finds layers of our own only where they were imported before
        from emotf.classifiers import _grouped  # noqa: F401

        return super().network()

    def answers(self, partition: str) -> Answers | None:
        """What it answered on a partition, where it was asked."""
        path = self._answers(partition)
        if not path.is_file():
            return None
        text = dict.fromkeys(("picture", "class", "answer"), str)  # "7" is a class, and so is "None"
        advice = f"delete it and run {self.tool} again"
        rows = read_rows(checked(path, advice), dtype=text, keep_default_na=False, float_precision="round_trip")
        classes = tuple(self.about["classes"])
        if tuple(rows.columns) != ("picture", "class", "answer", *classes):
            raise UserError(f"{path} is not of this run's classes; delete it and run {self.tool} again.")
        labels = np.array([classes.index(name) for name in rows["class"]], np.int64)
        return Answers(classes, tuple(rows["picture"]), labels, rows[[*classes]].to_numpy(np.float32))

    def write_answers(self, partition: str, answers: Answers) -> None:
        """Keeps answers and scores of a partition."""
        import pandas as pd

        names = np.array(answers.classes)
        first = {"picture": answers.ids, "class": names[answers.labels], "answer": names[answers.predicted]}
        rows = pd.DataFrame(first | dict(zip(answers.classes, answers.logits.T, strict=True)))
        stem = self.folder / partition
        write_json(stem.with_name(f"{partition}_scores.json"), answers.scores)
        confusion = pd.DataFrame(answers.confusion, pd.Index(names, name="class"), names)
        for path, table, index in (
            (stem.with_name(f"{partition}_classes.csv"), answers.by_class, False),
            (stem.with_name(f"{partition}_confusion.csv"), confusion, True),
            (self._answers(partition), rows, False),
        ):
            with promised(path) as aside:
                table.to_csv(aside, index=index)

    def picture(self, partition: str, what: str) -> Path:
        """Where a picture of a partition's scores goes."""
        return self.folder / f"{partition}_{what}.png"

    def _answers(self, partition: str) -> Path:
        return self.folder / f"{partition}.csv"
