"""The folder of a run of an experiment: the only place that knows its file names, beside `emotf.run_folder`.

standardisation.json   by what inputs are standardised; where by train, mean and variance a channel, and by whose frames
learned/<stream>.npz   what a fitted feature had learned, to extract the stream of other recordings
best/<criterion>/      a finished run with these weights, for every criterion of `training.keep`
scores.csv             target x partition x variance x pooling x measure
missing.csv            the same, x what is missing, with what that costs
predictions/<partition>/<recording>.csv
postprocessing.json    what each step of post-processing learned, and the partition and recordings it was fitted on
postprocessed/<partition>/<recording>.csv, postprocessed.csv      traces after it, and their scores
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotf import tables
from emotf.checksums import checked, promised
from emotf.config import CRITERIA, Experiment
from emotf.content import names_of
from emotf.errors import UserError
from emotf.files import read_json, write_sealed
from emotf.pipeline import Standardisation
from emotf.records import LEARNED, Store
from emotf.run_folder import RunFolder, first_best
from emotf.track import Track

if TYPE_CHECKING:
    import keras
    import pandas as pd


# What to do about scores that are damaged.
UNSCORED = "delete it and score the run again"


class Run(RunFolder[Experiment]):
    """One executed experiment on disk."""

    tree = Experiment
    tool = "tools/train.py"

    def check(self, experiment: Experiment, fingerprint: str) -> None:
        if "kept_from" in self.about:
            raise UserError(
                f"{self.folder} holds the weights that run {self.about['kept_from']} kept by "
                f"{self.about['chosen']['criterion']}; train that run, or choose another --run."
            )
        super().check(experiment, fingerprint)

    def best(self, criterion: str) -> "Run":
        """The run with the best weights by a criterion of `training.keep`."""
        return Run(self.folder / "best" / criterion)

    def save_best(self, criterion: str, epoch: int, network: "keras.Model") -> None:
        """Makes the run of a kept criterion: what this run is, with other weights.

        Args:
            criterion: by which the epoch was the best.
            epoch: as in the history.
            network: with the weights of that epoch.
        """
        kept = self.best(criterion)
        shutil.rmtree(kept.folder, ignore_errors=True)  # of a process that was killed here, or of another training
        facts = self.about | {"chosen": {"criterion": criterion, "epoch": epoch}, "kept_from": self.folder.name}
        write_sealed(kept.folder / "about.json", facts)
        sources = [self.folder / name for name in ("config.json", "standardisation.json", "history.csv")]
        for source in [*sources, *(self.folder / "learned").glob("*.npz")]:
            with promised(kept.folder / source.relative_to(self.folder)) as aside:
                shutil.copyfile(source, aside)
        kept.save_network(network)
        kept.finish()

    def chosen_epoch(self, history: "pd.DataFrame") -> int:
        """Row of the history whose weights the network has."""
        criterion = self.about.get("chosen", {}).get("criterion") or self.experiment.training.select
        return best_epoch(history[f"dev_{criterion}"], criterion)

    def trace(self, media: str) -> Path:
        """Where the trace of a recording of the user's own goes by default."""
        return self.folder / "media" / f"{Path(media).name}.csv"

    def write_standardisation(self, by: str, fitted: Mapping[str, Any]) -> None:
        """Keeps what the inputs are standardised by, and what was fitted on train."""
        write_sealed(self.folder / "standardisation.json", {"by": by, "streams": dict(fitted)})

    @property
    def standardisation(self) -> dict[str, Standardisation] | None:
        """stream -> what it is standardised by, constants of the network; None where the run does not say."""
        path = self.folder / "standardisation.json"
        if not path.is_file():
            return None
        found = read_json(path)["streams"]
        return {name: Standardisation(**{k: _frozen(v) for k, v in part.items()}) for name, part in found.items()}

    def learned(self, stream: str) -> Path:
        """What the feature of a stream had learned; no file where it is no fitted feature."""
        return self.folder / "learned" / f"{stream}.npz"

    def keep_learned(self, store: Store, streams: Iterable[str]) -> None:
        """Copies what fitted features had learned: a run predicts new recordings without its records."""
        for name in streams:
            source = store.stream(name).folder / LEARNED
            if source.is_file():
                with promised(self.learned(name)) as aside:
                    aside.write_bytes(source.read_bytes())

    def write_scores(self, scores: "pd.DataFrame", postprocessed: bool = False) -> None:
        """Keeps the scores, those of other partitions and protocols included."""
        _write_rows(self._scores(postprocessed), scores, ("partition", "variance"))

    def write_missing(self, scores: "pd.DataFrame") -> None:
        """Keeps scores without some streams, those of other partitions, protocols and streams included."""
        _write_rows(self.folder / "missing.csv", scores, ("partition", "variance", "missing", "stretch", "seed"))

    def scores(self, postprocessed: bool = False) -> "pd.DataFrame | None":
        """The scores, where the run was evaluated."""

        path = self._scores(postprocessed)
        return tables.read_rows(checked(path, UNSCORED), ("partition", "target")) if path.is_file() else None

    def _scores(self, postprocessed: bool) -> Path:
        return self.folder / ("postprocessed.csv" if postprocessed else "scores.csv")

    def prediction(self, partition: str, recording: str, postprocessed: bool = False) -> Path:
        """The trace of one recording."""
        return self.folder / ("postprocessed" if postprocessed else "predictions") / partition / f"{recording}.csv"

    def write_predictions(self, partition: str, predictions: Mapping[str, Track], postprocessed: bool = False) -> None:
        """Keeps the traces of a partition."""
        for recording, track in predictions.items():
            tables.write_track(self.prediction(partition, recording, postprocessed), track, written=promised)

    def read_prediction(self, partition: str, recording: str) -> Track:
        """The trace of one recording. Raises UserError where it is missing or damaged."""
        advice = f"delete {self.folder / 'predictions'} and {self._scores(False)}, and score the run again"
        return tables.read_track(checked(self.prediction(partition, recording), advice))

    def write_postprocessing(self, content: Mapping[str, Any]) -> None:
        """Keeps what post-processing learned; traces and scores of another post-processing are deleted."""
        if self.is_postprocessed and self.postprocessing != content:
            (self.folder / "postprocessing.json").unlink()
            (self.folder / "postprocessed.csv").unlink(missing_ok=True)
            shutil.rmtree(self.folder / "postprocessed", ignore_errors=True)
        write_sealed(self.folder / "postprocessing.json", content)

    @property
    def is_postprocessed(self) -> bool:
        return (self.folder / "postprocessing.json").is_file()

    @property
    def postprocessing(self) -> dict[str, Any]:
        """What post-processing learned. Raises UserError where the run has none."""
        if not self.is_postprocessed:
            raise UserError(f"{self.folder} has no post-processing; fit it with tools/postprocess.py.")
        path = self.folder / "postprocessing.json"
        return names_of(read_json(path), str(path))


class Fusion:
    """Several systems as one, on disk: fusion.json (sources, weights), predictions as in a run, scores.csv."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def exists(self) -> bool:
        return (self.folder / "fusion.json").is_file()

    @property
    def content(self) -> dict[str, Any]:
        """Sources and weights.

        Raises:
            UserError: fusion.json is damaged.
        """
        path = self.folder / "fusion.json"
        content = names_of(read_json(path), str(path))
        sources = names_of(content.get("sources"), f"{path}, sources")
        if not sources or not all(isinstance(source, str) for source in sources.values()):
            raise UserError(f"{path} names no folders of runs as its sources; restore it, or fuse them again.")
        return content

    @property
    def first_run(self) -> Path:
        """The first run at the leaves of the tree of sources; its experiment names the recordings."""
        first = Path(next(iter(self.content["sources"].values())))
        return Fusion(first).first_run if Fusion(first).exists else first

    @property
    def scores(self) -> "pd.DataFrame":
        """Its scores. Raises UserError where they are missing or damaged."""
        return tables.read_rows(checked(self.folder / "scores.csv", f"delete {self.folder} and fuse again"))

    def prediction(self, partition: str, recording: str) -> Path:
        """The trace of one recording."""
        return self.folder / "predictions" / partition / f"{recording}.csv"

    def read_prediction(self, partition: str, recording: str) -> Track:
        """The trace of one recording. Raises UserError where it is missing or damaged."""
        advice = f"delete {self.folder} and fuse again"
        return tables.read_track(checked(self.prediction(partition, recording), advice))

    def check(self, sources: Sequence[str]) -> None:
        """Refuses a folder that holds a run, a fusion of other systems, or one of the sources."""
        named = {Path(source).name: str(source) for source in sources}
        if self.folder.resolve() in {Path(source).resolve() for source in sources}:
            raise UserError(f"{self.folder} is one of the systems to fuse; choose another --out.")
        if (self.folder / "config.json").is_file():
            raise UserError(f"{self.folder} holds a run; choose another --out.")
        if self.exists and self.content["sources"] != named:
            raise UserError(
                f"{self.folder} holds a fusion of {', '.join(self.content['sources'])}; choose another --out."
            )

    def write(
        self, content: Mapping[str, Any], predictions: Mapping[str, Mapping[str, Track]], scores: "pd.DataFrame"
    ) -> None:
        """Keeps traces by partition, scores, and last what makes the folder a fusion."""
        for partition, tracks in predictions.items():
            for recording, track in tracks.items():
                tables.write_track(self.prediction(partition, recording), track, written=promised)
        with promised(self.folder / "scores.csv") as aside:
            scores.to_csv(aside, index=False)
        write_sealed(self.folder / "fusion.json", content)


def best_epoch(values: "Iterable[float]", criterion: str) -> int:
    """Index of the best value of a criterion (see `emotf.run_folder.first_best`).

    Example:
        >>> best_epoch([0.1, 0.3, 0.3], "ccc"), best_epoch([0.1, 0.3, 0.3], "mse")
        (1, 0)
        >>> best_epoch([0.1, float("nan")], "mse")
        0
    """
    return first_best(values, CRITERIA[criterion])


def _frozen(value: Any) -> Any:
    """A list of JSON as the tuple that it was."""
    return tuple(value) if isinstance(value, list) else value


def _write_rows(path: Path, rows: "pd.DataFrame", same: Sequence[str]) -> None:
    """Writes a table; old rows stay, but for those that agree with new ones in the columns `same`."""
    import pandas as pd

    if path.is_file():
        old = tables.read_rows(checked(path, UNSCORED), same, dtype=dict.fromkeys(same, str))
        keys = pd.MultiIndex.from_frame(rows[[*same]].astype(str))
        replaced = pd.MultiIndex.from_frame(old[[*same]]).isin(keys)
        rows = pd.concat([old[~replaced], rows])
    with promised(path) as aside:
        rows.to_csv(aside, index=False)
