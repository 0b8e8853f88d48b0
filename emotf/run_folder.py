"""What every run on disk has, whatever is trained: configuration, facts, network, state, history.

config.json       the resolved configuration
about.json        versions, device, seed, sizes, parameters, seconds
network.keras     the network with its best weights
checksums.jsonl   of files that are read again (`emotf.checksums`); those of JSON are in them
state.npz         everything a killed training needs to go on exactly; removed at the end
kept/             best weights by further criteria, while it trains; removed at the end
history.csv       one row an epoch
log.txt           what it said, where another process waits for it
tensorboard/      scalars and figures
FINISHED          training came to its end
PRUNED            training was ended on the way, and why; it can go on
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import numpy as np

from emotf.checksums import checked, promised
from emotf.config import from_json, to_json
from emotf.content import names_of
from emotf.determinism import one_thread
from emotf.errors import UserError
from emotf.files import read_json, remove_remains, write_sealed, write_text
from emotf.places import local
from emotf.tables import read_rows

if TYPE_CHECKING:
    import keras
    import pandas as pd

Tree = TypeVar("Tree")


class Facts(dict[str, Any]):
    """What is known about a run; asking for what is not there is a UserError."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        super().__init__(content)
        self.path = path

    def __missing__(self, name: str) -> Any:
        raise UserError(f"{self.path} has no entry {name!r}; restore it, or train the run again.")


class RunFolder(Generic[Tree]):
    """One executed configuration on disk.

    Attributes:
        tree: the dataclass of its configuration.
        tool: that makes such runs, for messages.
    """

    tree: ClassVar[type[Any]]
    tool: ClassVar[str]

    def __init__(self, folder: str | Path) -> None:
        self.folder = local(folder, "A run")

    def check(self, experiment: Tree, fingerprint: str) -> None:
        """Refuses a folder that holds a run of another configuration, or one that was trained on other records.

        Args:
            experiment: what is asked for.
            fingerprint: of the records as they are now.
        """
        path, content = self.folder / "config.json", to_json(experiment)
        if path.is_file() and (old := self._completed(read_json(path))) != content:
            raise UserError(
                f"{self.folder} holds a run with another {difference(old, content)}; choose another folder."
            )
        self.check_records(fingerprint)

    def check_records(self, fingerprint: str) -> None:
        """Refuses records that have changed since the run was trained on them: its partitions may have, too."""
        records = names_of(self.about.get("records", {}), f"{self.folder / 'about.json'}, records")
        before = records.get("fingerprint", fingerprint)
        if before != fingerprint:
            raise UserError(
                f"{self.folder} was trained on other records ({before}, now {fingerprint}); restore them, or train a "
                "new run."
            )

    def begin(self, experiment: Tree) -> None:
        """Writes the configuration."""
        (self.folder / "PRUNED").unlink(missing_ok=True)
        write_sealed(self.folder / "config.json", to_json(experiment))

    @property
    def experiment(self) -> Tree:
        """The resolved configuration. Raises UserError where the folder is no run."""
        path = self.folder / "config.json"
        if not path.is_file():
            raise UserError(f"{self.folder} is no run (it has no config.json); train one with {self.tool}.")
        try:
            found: Any = from_json(read_json(path), self.tree)
        except UserError as error:
            raise UserError(f"{path} is no configuration of this version: {error}") from None
        if found.training.deterministic:
            one_thread()  # now, before TensorFlow counts its threads
        return cast(Tree, found)

    @property
    def about(self) -> dict[str, Any]:
        """What is known about the run."""
        path = self.folder / "about.json"
        return Facts(path, names_of(read_json(path), str(path)) if path.is_file() else {})

    def note(self, **facts: Any) -> None:
        """Adds facts to what is known about the run."""
        write_sealed(self.folder / "about.json", self.about | facts)

    @property
    def finished(self) -> bool:
        return (self.folder / "FINISHED").is_file()

    def finish(self) -> None:
        """Says that training came to its end; the state for resuming is not needed any more, nor what was begun."""
        if not self.finished:
            write_text(self.folder / "FINISHED", "")
        if self.state.is_file():  # a finished run may lie where nothing can be written
            self.state.unlink()
        shutil.rmtree(self.folder / "kept", ignore_errors=True)
        remove_remains(self.folder, below=True)

    def prune(self, reason: str) -> None:
        """Says why training ended on the way; the state stays, so that it can go on."""
        write_text(self.folder / "PRUNED", f"{reason}\n")

    @property
    def pruned(self) -> str:
        """Why training ended on the way; empty where it did not."""
        path = self.folder / "PRUNED"
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

    @property
    def state(self) -> Path:
        return self.folder / "state.npz"

    def kept(self, criterion: str, epoch: int) -> Path:
        """Best weights by a criterion while the run trains."""
        return self.folder / "kept" / f"{criterion}_{epoch}.npz"

    def prune_kept(self, wanted: Iterable[Path]) -> None:
        """Deletes the other kept weights: of epochs that were the best once, or of a process that was killed."""
        for path in set((self.folder / "kept").glob("*")) - set(wanted):
            path.unlink()

    @property
    def history(self) -> Path:
        return self.folder / "history.csv"

    @property
    def epochs(self) -> "pd.DataFrame":
        """The history, a row an epoch. Raises UserError where the file is damaged."""
        return read_rows(self.checked(self.history), float_precision="round_trip")

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def tensorboard(self) -> Path:
        return self.folder / "tensorboard"

    def save_network(self, network: "keras.Model") -> None:
        """Saves the network with its best weights."""
        with promised(self.folder / "network.keras") as aside:
            network.save(aside)

    def network(self) -> "keras.Model":
        """The trained network.

        Raises:
            UserError: training did not finish, or the file is damaged.
        """
        if self.pruned:
            raise UserError(f"{self.folder} has no network, it was pruned {self.pruned}; choose a finished run.")
        if not self.finished:
            raise UserError(f"{self.folder} is not finished; run {self.tool} again, it continues where it stopped.")
        from emotf.models.base import load

        return load(self.checked(self.folder / "network.keras"))

    def checked(self, path: Path) -> Path:
        """A file that training left. Raises UserError where it is damaged."""
        return checked(path, f"restore it, or delete {self.folder} and run {self.tool} again")

    def _completed(self, content: Any) -> Any:
        """The configuration of an older version with the defaults of the fields that it did not have."""
        try:
            return to_json(from_json(content, self.tree))
        except UserError:  # a field is gone; it will be named as the difference
            return content


def first_best(values: Iterable[float], mode: str) -> int:
    """Index of the best value, the first of equals; `mode` is `max` or `min`.

    Compared in float32, as Keras' early stopping does, so that both always name the same epoch. NaN is never best.
    """
    found = (1 if mode == "max" else -1) * np.array(list(values), np.float32)
    return int(np.where(np.isnan(found), -np.inf, found).argmax())


def difference(old: Any, new: Any, place: str = "") -> str:
    """The first field in which two JSON trees differ, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            if old.get(key) != new.get(key):
                return difference(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    return f"{place} ({old}, asked for {new})"
