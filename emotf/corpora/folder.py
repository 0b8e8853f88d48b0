"""Your own recordings, in a plain folder.

    <dir>/recordings.csv                 id,subject,session,audio,body         (or partition, or both)
                                         r01,anna,1,sound/r01.wav,
    <dir>/ratings/<target>/<id>.csv      time,<one column a rater>             or time,gold
    <dir>/streams/<name>/<id>.csv        precomputed features, optional; also .arff, .npy, .parquet

Every column of recordings.csv besides `id`, `subject`, `session` and `partition` is a medium (`audio`, `video`,
`body`, ...) and holds paths relative to `dir`; an empty cell says that the recording lacks the medium. Times are
seconds, evenly spaced; an empty cell of a rating is "not rated". A target is a sub-folder of `ratings`, whatever its
name; a recording without a file there was not rated for it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from emotf.corpora.base import Corpus
from emotf.errors import UserError
from emotf.recording import Recording, check_subjects
from emotf.tables import read_csv, read_track
from emotf.track import Track

STREAM_SUFFIXES = (".csv", ".arff", ".npy", ".parquet")
_PLACES = ("id", "subject", "session", "partition")
_LAYOUT = "the layout is described in emotf/corpora/folder.py"


@dataclass
class Folder(Corpus):
    """A corpus in the folder layout of this module.

    Attributes:
        dir: the folder with recordings.csv, ratings/ and, where wanted, streams/.
        only_targets: the targets to use, in this order; all sub-folders of ratings/, sorted, where empty.
    """

    only_targets: tuple[str, ...] = ()

    licence: ClassVar[str] = "your own data"
    targets_are: ClassVar[str] = "continuous ratings"

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the sub-folders of ratings/.

        Raises:
            UserError: there is no such folder, or `only_targets` names one that is not there.
        """
        home = self._root() / "ratings"
        found = sorted(path.name for path in visible(home) if path.is_dir())
        if not found:
            raise UserError(f"{home} is missing or has no sub-folder; put ratings into ratings/<target>/<id>.csv.")
        for target in self.only_targets:
            if target not in found:
                raise UserError(f"{home} has no target {target!r} (asked for in only_targets); it has: "
                                f"{', '.join(found)}.")  # fmt: skip
        return tuple(self.only_targets) or tuple(found)

    def recordings(self) -> tuple[Recording, ...]:
        """All recordings, sorted by id.

        Raises:
            UserError: recordings.csv, a medium, a stream or the ratings are not as the layout asks for, or a subject
                occurs in two sessions or partitions.
        """
        table = self._table()
        listing = self.path / "recordings.csv"
        streams = self._streams(media=[name for name in table.columns if name not in _PLACES])
        found = []
        for row, values in enumerate(table.to_numpy(), start=2):
            cells = dict(zip(table.columns, values, strict=True))
            for column in ("id", "subject"):
                if not cells[column]:
                    raise UserError(f"{listing}, row {row}: the {column} is empty; fill it in.")
            media = {name: self.path / cell for name, cell in cells.items() if cell and name not in _PLACES}
            for name, path in media.items():
                if not path.is_file():
                    raise UserError(f"{listing}, row {row}: {name} file {path} is missing; put it there, correct "
                                    f"the path (relative to {self.path}) or empty the cell.")  # fmt: skip
            media |= {name: files[cells["id"]] for name, files in streams.items() if cells["id"] in files}
            places = {unit: cells.get(unit, "") for unit in ("session", "partition")}
            try:
                found.append(Recording(cells["id"], cells["subject"], media, **places))
            except UserError as error:
                raise UserError(f"{listing}, row {row}: {error}") from None
        try:
            check_subjects(found)
        except UserError as error:
            raise UserError(f"{listing}: {error}") from None
        known = {recording.id for recording in found}
        self._refuse_strangers(known, [path for files in streams.values() for path in files.values()])
        self._refuse_strangers(known, [
            path for target in self.targets for path in visible(self.path / "ratings" / target)
        ])  # fmt: skip
        return tuple(sorted(found, key=lambda recording: recording.id))

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """The raters' traces, [frames, raters]; None where there is no file.

        Raises:
            UserError: the target is unknown, or the file lacks `time` or raters, or has `gold` beside raters.
        """
        if target not in self.targets:
            raise UserError(f"{self.path} has no target {target!r}; it has: {', '.join(self.targets)}.")
        path = self.path / "ratings" / target / f"{recording.id}.csv"
        if not path.is_file():
            return None
        track = read_track(path)
        if "gold" in track.channels and len(track.channels) > 1:
            others = ", ".join(name for name in track.channels if name != "gold")
            raise UserError(f"{path} has a column 'gold' beside {others}; keep either gold alone or the raters.")
        return track

    def _root(self) -> Path:
        if not self.dir:
            raise UserError(f"Corpus {self.name!r} needs the folder that holds it; set its field dir.")
        if not self.path.is_dir():
            raise UserError(f"Corpus folder {self.path} is missing; create it or correct dir ({_LAYOUT}).")
        return self.path

    def _table(self) -> pd.DataFrame:
        path = self._root() / "recordings.csv"
        if not path.is_file():
            raise UserError(f"{path} is missing; write one with the columns id, subject, session or partition, and "
                            f"one column a medium ({_LAYOUT}).")  # fmt: skip
        try:
            # text only: a subject '03' is not the number 3
            table = read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        except pd.errors.EmptyDataError:
            raise UserError(f"{path} is empty; give it a header and one row a recording ({_LAYOUT}).") from None
        except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError) as error:
            raise UserError(f"{path} is not a table ({str(error).splitlines()[0]}); save it as UTF-8 CSV.") from None
        table.columns = [str(name).strip() for name in table.columns]
        for column in ("id", "subject"):
            if column not in table.columns:
                raise UserError(f"{path} has no column {column!r}, it has: {', '.join(table.columns)}; add it.")
        if not {"session", "partition"} & set(table.columns):
            raise UserError(f"{path} has neither a column 'session' nor 'partition', it has: "
                            f"{', '.join(table.columns)}; add one (or both).")  # fmt: skip
        if not len(table):
            raise UserError(f"{path} has a header and no rows; add one row a recording.")
        return table.apply(lambda column: column.str.strip())

    def _streams(self, media: list[str]) -> dict[str, dict[str, Path]]:
        """Stream name -> recording id -> file."""
        home = self.path / "streams"
        streams: dict[str, dict[str, Path]] = {}
        for folder in (path for path in visible(home) if path.is_dir()):
            if folder.name in media:
                raise UserError(f"{folder} has the name of a medium of recordings.csv; rename the folder.")
            files = streams.setdefault(folder.name, {})
            for path in (path for path in visible(folder) if path.suffix in STREAM_SUFFIXES):
                if path.stem in files:
                    raise UserError(f"{path} and {files[path.stem].name} are both stream {folder.name!r} of recording "
                                    f"{path.stem}; remove one.")  # fmt: skip
                files[path.stem] = path
        return streams

    def _refuse_strangers(self, known: set[str], files: list[Path]) -> None:
        for path in files:
            if path.suffix in STREAM_SUFFIXES and path.stem not in known:
                raise UserError(f"{path} belongs to no recording of {self.path / 'recordings.csv'}; correct the file "
                                f"name or add the id {path.stem!r}.")  # fmt: skip


def visible(folder: Path) -> list[Path]:
    """What a folder holds, sorted, without hidden files (editors and interrupted writers leave those behind)."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []
