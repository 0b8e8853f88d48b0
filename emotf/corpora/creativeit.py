"""USC CreativeIT: unverified layout. The published tree is not public, so everything about it is a setting.

What the settings say:

    naming     a regular expression, searched for in the path below `dir`, with named groups: `recording` (needed), and
               where the path has them `session`, `actor`, `rater` and `target`
    media      `medium=glob` below `dir`: audio=sound/*.wav, body=motion/*.csv
    traces     a glob below `dir` for the files of ratings, `;`, `,` or tab between their columns
    columns    `role=column` of those files: time=Time, and for a target one column a rater, arousal=act_1 and
               arousal=act_2. `activation` is read as arousal. Where `naming` has the group `target`, the role is
               `rating`.

Files of one recording and actor belong together; its id is `<recording>_<actor>`, its subject the actor. Several files
of ratings of one target are several raters, named by the group `rater` or else by their columns.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from emotf.corpora import _twin
from emotf.corpora._affect import ANGLES, MOTION_HZ, draw_body, move
from emotf.corpora._examination import Finding
from emotf.corpora._layout import check_scale
from emotf.corpora.base import Corpus
from emotf.errors import UserError
from emotf.recording import Recording
from emotf.tables import read_table, to_track, write_track
from emotf.track import Track, stack

UNVERIFIED = "unverified layout"
ALIASES = {"activation": "arousal"}
NEEDED = ("naming", "traces", "columns")

# What the twin is written in, and read with: an invention, not the corpus' own layout.
TWIN_LAYOUT: dict[str, Any] = {
    "naming": r"(?P<session>S\d+)/(?P<recording>\w+?)_(?P<actor>[A-Z]\d+)(_(?P<rater>ann\d+))?\.",
    "media": ("audio=sound/*/*.wav", "body=motion/*/*.csv"),
    "traces": "ratings/*/*.csv",
    "columns": ("time=Time", "activation=Activation", "valence=Valence", "dominance=Dominance"),
}


@dataclass
class Creativeit(Corpus):
    """CreativeIT by your own description of its files; unverified layout (see the module).

    Attributes:
        dir: the folder of the corpus.
        naming, media, traces, columns: where things are; see the module.
        rate_hz: rows a second of ratings without a column of times; 0 where they have one.
        milliseconds: times of ratings are in milliseconds.
        missing: the number that stands for "not rated", for example -99; empty for none.
        largest: the greatest magnitude of a rating; 0 for any.
    """

    naming: str = ""
    media: tuple[str, ...] = ()
    traces: str = ""
    columns: tuple[str, ...] = ()
    rate_hz: float = 0.0
    milliseconds: bool = False
    missing: str = ""
    largest: float = 0.0

    licence: ClassVar[str] = "USC CreativeIT: on request from the corpus' owners at USC; unverified layout"
    targets_are: ClassVar[str] = "continuous ratings of USC CreativeIT, read in an unverified layout"

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets of `columns`, or those that file names say; unverified layout.

        Raises:
            UserError: settings are missing or contradict each other.
        """
        found = dict.fromkeys(target for file in self._traces() for target in self._columns_of(file))
        return tuple(ALIASES.get(target, target) for target in found)

    def recordings(self) -> tuple[Recording, ...]:
        """All recordings that have ratings, sorted by id; unverified layout.

        Raises:
            UserError: settings are missing, a path does not fit `naming`, or two files are one medium.
        """
        rated = {file.id: file for file in self._traces()}
        media: dict[str, dict[str, Path]] = {name: {} for name in rated}
        for medium, glob in _pairs("media", self.media):
            for file in self._files(glob):
                if file.id in media and media[file.id].setdefault(medium, file.path) != file.path:
                    raise UserError(f"{file.path} and {media[file.id][medium].name} are both {medium} of {file.id}; "
                                    f"narrow media or widen naming ({UNVERIFIED}).")  # fmt: skip
        return tuple(
            Recording(name, file.actor, media[name], session=file.session) for name, file in sorted(rated.items())
        )

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """The raters' traces, [frames, raters]; None where no file has the target; unverified layout.

        Raises:
            UserError: a file is damaged, lacks a column, is on another scale, or the raters' clocks differ.
        """
        found = []
        for file in self._traces():
            columns = {ALIASES.get(role, role): names for role, names in self._columns_of(file).items()}
            if file.id == recording.id and target in columns:
                found.append((file, columns[target]))
        try:
            return stack([self._read(file, columns) for file, columns in found]) if found else None
        except UserError as error:
            raise UserError(f"Recording {recording.id}, {target}: {error} ({UNVERIFIED})") from None

    def layout(self) -> Iterator[Finding]:
        """What every glob finds; all of it an unverified layout."""
        yield Finding("layout", UNVERIFIED, advice="every setting is your own description; compare what it finds")
        for medium, glob in _pairs("media", self.media):
            yield Finding(f"media {medium}", f"{len(self._files(glob))} files for {glob}")
        yield Finding("traces", f"{len(self._traces())} files for {self.traces}")

    def write_twin(self, folder: Path, seed: int = 0, duration: float = 20.0) -> Self:
        """A twin in an invented tree (unverified layout): three sessions of two actors, sound, motion, three raters.

        Args:
            folder: new or empty.
            seed: decides all content.
            duration: seconds of a recording, a multiple of 0.05.
        """
        settings = "\n".join(f"{name} = {value!r}" for name, value in TWIN_LAYOUT.items())
        home = _twin.begin(folder, self.name, f"{UNVERIFIED.capitalize()}: this tree is invented. Read it with\n\n"
                           f"{settings}")  # fmt: skip
        for session in (1, 2, 3):
            for number, actor in enumerate((f"F{session:02d}", f"M{session:02d}")):
                rng = np.random.default_rng([seed, session, number])
                _write_recording(home, f"S{session}/improv{session}_{actor}", rng, duration)
        return replace(self, dir=str(home), rate_hz=0.0, milliseconds=False, missing="", largest=1.0, **TWIN_LAYOUT)

    def _traces(self) -> list["_File"]:
        for name in NEEDED:
            if not getattr(self, name):
                raise UserError(f"Creativeit: set {name}; nothing about the files is known beforehand ({UNVERIFIED}, "
                                f"see emotf/corpora/creativeit.py).")  # fmt: skip
        found = self._files(self.traces)
        if not found:
            raise UserError(f"{self.path} holds no file for traces {self.traces!r}; correct the glob ({UNVERIFIED}).")
        return found

    def _files(self, glob: str) -> list["_File"]:
        """The files of a glob, with what their paths say."""
        home = self.root()
        try:
            naming = re.compile(self.naming)
        except re.error as error:
            raise UserError(f"Creativeit: naming is no regular expression ({error}); mend it ({UNVERIFIED}).") from None
        if "recording" not in naming.groupindex:
            raise UserError(f"Creativeit: naming needs a group (?P<recording>...) ({UNVERIFIED}).")
        if Path(glob).is_absolute():
            raise UserError(f"Creativeit: {glob!r} is no glob below {home}; write one like motion/*.csv.")
        found = []
        for path in sorted(home.glob(glob)):
            match = naming.search(path.relative_to(home).as_posix())
            if path.name[0] == "." or not path.is_file():
                continue
            if not match:
                raise UserError(f"{path} does not fit naming {self.naming!r}; correct it, or narrow the glob {glob!r} "
                                f"({UNVERIFIED}).")  # fmt: skip
            found.append(_File(path, {name: text or "" for name, text in match.groupdict().items()}))
        return found

    def _columns_of(self, file: "_File") -> dict[str, list[str]]:
        """Target -> columns of a file, as `columns` and the file's name say."""
        roles: dict[str, list[str]] = {}
        for role, column in _pairs("columns", self.columns):
            if role != "time":
                roles.setdefault(role, []).append(column)
        if "rating" not in roles:
            return roles
        if len(roles) > 1 or not file.says.get("target"):
            raise UserError(f"Creativeit: role 'rating' stands alone, with a group (?P<target>...) in naming that fits "
                            f"{file.path.name} ({UNVERIFIED}).")  # fmt: skip
        return {file.says["target"]: roles["rating"]}

    def _read(self, file: "_File", columns: list[str]) -> Track:
        table = read_table(file.path)
        time = dict(_pairs("columns", self.columns)).get("time")
        if time and time in table.columns:
            table = table.rename(columns={time: "time"})
        if self.milliseconds and "time" in table.columns and pd.api.types.is_numeric_dtype(table["time"]):
            table["time"] = table["time"] / 1000
        if self.missing:
            table = table.replace(self._code(), np.nan)
        track = check_scale(file.path, to_track(file.path, table, columns, self.rate_hz or None), self.largest)
        rater = file.says.get("rater") or file.path.stem
        names = [rater] if len(columns) == 1 else [f"{rater}_{column}" for column in columns]
        return replace(track, channels=tuple(names))

    def _code(self) -> float:
        try:
            return float(self.missing)
        except ValueError:
            raise UserError(f"Creativeit: missing is {self.missing!r}, expected a number such as -99.") from None


@dataclass(frozen=True)
class _File:
    """A file, and the named groups of `naming` in its path."""

    path: Path
    says: dict[str, str]

    @property
    def actor(self) -> str:
        return self.says.get("actor") or self.says["recording"]

    @property
    def session(self) -> str:
        return self.says.get("session") or self.actor

    @property
    def id(self) -> str:
        return "_".join(self.says[name] for name in ("recording", "actor") if self.says.get(name))


def _pairs(setting: str, texts: tuple[str, ...]) -> list[tuple[str, str]]:
    """`a=b` -> (a, b). Raises UserError where a text has no `=`."""
    for text in texts:
        if not all(text.partition("=")):
            raise UserError(f"Creativeit: {setting} holds {text!r}, expected name=value ({UNVERIFIED}).")
    return [(text.partition("=")[0].strip(), text.partition("=")[2].strip()) for text in texts]


def _write_recording(home: Path, name: str, rng: np.random.Generator, duration: float) -> None:
    planted = _twin.traces(rng, duration)
    _twin.write_wav(home / "sound" / f"{name}.wav", _twin.sound(rng, rng, planted), 16_000)
    angles = move(rng, draw_body(rng), planted["arousal"][:-1])
    write_track(home / "motion" / f"{name}.csv", Track(angles, 1 / MOTION_HZ, channels=ANGLES), decimals=3)
    times = np.arange(round(20 * duration)) / 20
    each = {target: _twin.rate(rng, planted[target], times, 3) for target in ("arousal", "valence", "dominance")}
    for rater in range(3):
        values = np.stack([ratings[:, rater] for ratings in each.values()], axis=1)
        cells = _twin.rows((f"{time:.2f}" for time in times), values, ",")
        path = home / "ratings" / f"{name}_ann{rater + 1}.csv"
        _twin.write_rows(path, "Time,Activation,Valence,Dominance", cells, end="\r\n")
