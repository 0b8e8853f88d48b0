"""CASE: 30 people watched the same eight film clips and moved a joystick; heart, skin, breath and muscles at 1 kHz.

    <dir>/<annotations_in>/sub_1.csv     jstime,valence,arousal,video           ms, 20 Hz, joystick 0.5..9.5
    <dir>/<physiology_in>/sub_1.csv      daqtime,ecg,bvp,gsr,rsp,skt,emg_zygo,emg_coru,emg_trap,video          ms, 1 kHz

Clips are the values 1 to 8 of `video`, in another order for every person: they are found by that number, and time
starts anew with each. Start (10), blue screen (11) and end (12) are not used. Ratings become (x - 5) / 4.5, which is
-1..1.

There are two ways to see it (`unit`), and neither is like the other corpora:

- `clip`: a recording is a clip, its raters are all who watched it, and the gold standard is how the clip is felt on
  average. What is independent is the clip, so the clip stands in `Recording.subject`, and every clip is a session.
- `viewing`: a recording is one person watching one clip, with that person's own rating and body. The person is the
  subject, sessions are groups of persons; but all of them saw the same clips, train and test alike.

Physiology lies in one file a person. With `streams_to`, `prepare` cuts it clip by clip (the two clocks are joined by
time) into Parquet tables there: medium `physiology_sub_1` of a clip; of a viewing `physiology`, and `ecg` and `eda`,
which are the same file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from emotf.corpora import _derived, _twin
from emotf.corpora._examination import Finding, of_files
from emotf.corpora._layout import by_stem, check_rate
from emotf.corpora.base import Corpus
from emotf.errors import UserError
from emotf.files import written_aside
from emotf.progress import progress
from emotf.recording import Recording
from emotf.tables import read_table, to_track
from emotf.track import Track, stack

CLIPS = range(1, 9)
TARGETS = ("arousal", "valence")
RATING_HZ = 20
REST, REACH = 5.0, 4.5  # of the joystick: centre, and from there to either end
SIGNALS = ("ecg", "bvp", "gsr", "rsp", "skt", "emg_zygo", "emg_coru", "emg_trap")
UNITS = {
    "clip": "joystick ratings of 8 film clips, mean over viewers; all people saw all clips, so that folds test new "
    "clips, not new people",
    "viewing": "one person's own joystick rating of a film clip; all people saw the same 8 clips, so that folds test "
    "new people, not new clips",
}


@dataclass
class Case(Corpus):
    """CASE (see the module).

    Attributes:
        dir: the folder of the corpus.
        unit: what a recording is, `clip` or `viewing`.
        folds: number of sessions into which persons are dealt; for `viewing`.
        streams_to: a folder of your own for physiology cut by clip; empty for no physiology.
        annotations_in: folder of sub_*.csv with ratings, below `dir`.
        physiology_in: folder of sub_*.csv with physiology, below `dir`.
    """

    unit: str = "clip"
    folds: int = 5
    streams_to: str = ""
    annotations_in: str = "data/interpolated/annotations"
    physiology_in: str = "data/interpolated/physiological"

    licence: ClassVar[str] = "CASE, Sharma et al., Scientific Data 6:196 (2019), CC BY 4.0, from figshare"
    targets_are: ClassVar[str] = "joystick ratings of 8 film clips that all people saw"

    @property
    def targets(self) -> tuple[str, ...]:
        return TARGETS

    def described(self) -> str:
        """What was rated by whom, and what that means for folds."""
        own = super().described()
        return UNITS[self._unit()] if own == self.targets_are else own

    def prepare(self) -> None:
        """Cuts the physiology by clip into `streams_to`, where that is set; keeps what is there.

        Raises:
            UserError: a table of physiology is damaged or lacks a clip, or `streams_to` holds something else.
        """
        if not self.streams_to:
            return
        ratings, bodies = self._people(), self._bodies()
        if not bodies:
            raise UserError(f"{self.root() / self.physiology_in} holds no sub_*.csv to cut into streams_to; set "
                            f"physiology_in, or leave streams_to empty.")  # fmt: skip
        home = _derived.claim(self.streams_to, [*bodies.values(), *ratings.values()])
        for person, path in progress(list(bodies.items()), "physiology by clip"):
            if person not in ratings:
                raise UserError(f"{path} has no ratings beside it; restore {self.annotations_in}/{path.name}.")
            missing = [clip for clip in CLIPS if not _cut(home, person, clip).is_file()]
            if missing:
                _cut_up(path, _starts(ratings[person]), {clip: _cut(home, person, clip) for clip in missing})

    def recordings(self) -> tuple[Recording, ...]:
        """The eight clips, or all viewings, sorted by id.

        Raises:
            UserError: there are no tables of ratings.
        """
        people = self._people()
        bodies = self._bodies() if self.streams_to else {}
        home = Path(self.streams_to).expanduser()
        if self._unit() == "clip":
            return tuple(
                Recording(f"clip_{clip}", f"clip_{clip}",
                          {f"physiology_{person}": _cut(home, person, clip) for person in bodies}, session=f"{clip}")
                for clip in CLIPS
            )  # fmt: skip
        sessions = _derived.deal(people, self.folds)
        found = []
        for person in people:
            for clip in CLIPS:
                names = ("physiology", "ecg", "eda") if person in bodies else ()
                media = dict.fromkeys(names, _cut(home, person, clip))
                found.append(Recording(f"{person}_clip_{clip}", person, media, session=sessions[person]))
        return tuple(sorted(found, key=lambda recording: recording.id))

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """[frames, viewers] in -1..1, named by person, 20 a second from the begin of the clip.

        Raises:
            UserError: a table is damaged, or two people have a clip at different lengths.
        """
        if target not in TARGETS:
            raise UserError(f"Corpus 'case' has no target {target!r}; it has: {', '.join(TARGETS)}.")
        clip = int(recording.id.rpartition("_")[2])
        people = self._people()
        who = list(people) if self._unit() == "clip" else [recording.subject]
        tracks: list[Track] = []
        for person in who:
            track = _clip_of(people[person], clip).select([target])
            if tracks and tracks[0].frames != track.frames:
                raise UserError(f"{people[person]}: clip {clip} has {track.frames} rows, {tracks[0].frames} in "
                                f"{people[who[0]].name}; restore the file, or take the person away.")  # fmt: skip
            tracks.append(replace(track, channels=(person,)))
        return stack(tracks)

    def layout(self) -> Iterator[Finding]:
        """The tables of ratings and physiology, and traces that never move."""
        home = self.root()
        people = self._people()
        yield of_files(home, self.annotations_in, list(people.values()), "30 people", needed=True)
        yield of_files(home, self.physiology_in, list(self._bodies().values()), "30 people, optional")
        if self._bodies() and not self.streams_to:
            yield Finding("streams_to", "not set", advice="set it to a folder of your own to use the physiology")
        still = [
            f"{person} clip {clip} {target}"
            for person, path in people.items()
            for clip in CLIPS
            for target in TARGETS
            if np.ptp(_clip_of(path, clip).select([target]).values) == 0
        ]
        advice = "the joystick was not moved, and CCC with such a trace is undefined" if still else ""
        yield Finding("constant traces", ", ".join(still) or "none", advice=advice)

    def write_twin(self, folder: Path, seed: int = 0, people: int = 3, duration: float = 8.0) -> Self:
        """A twin of a few people, with clips of a few seconds and physiology at 1 kHz.

        Args:
            folder: new or empty.
            seed: decides all content.
            people: who watch.
            duration: seconds of a clip, a multiple of 0.05.
        """
        home = _twin.begin(folder, self.name, f"CASE, {people} people, clips of {duration:g} s, others of 1 s.")
        felt = {clip: _twin.traces(np.random.default_rng([seed, clip]), duration) for clip in CLIPS}
        twin = replace(self, dir=str(home), streams_to=str(home / "streams"))
        for number in range(1, people + 1):
            rng = np.random.default_rng([seed, 100, number])
            ratings, body = (
                home / folder / f"sub_{number}.csv" for folder in (self.annotations_in, self.physiology_in)
            )
            _write_person(ratings, body, rng, felt, duration)
        return twin

    def _unit(self) -> str:
        if self.unit not in UNITS:
            raise UserError(f"Case: unit is {self.unit!r}, choose one of {', '.join(UNITS)}.")
        return self.unit

    def _people(self) -> dict[str, Path]:
        """Person -> table of ratings."""
        folder = self.root() / self.annotations_in
        found = {name: path for name, path in by_stem(folder, ".csv").items() if name.startswith("sub_")}
        if not found:
            raise UserError(f"{folder} holds no sub_*.csv; set annotations_in to the folder of the ratings, or obtain "
                            f"the corpus ({self.licence}).")  # fmt: skip
        return found

    def _bodies(self) -> dict[str, Path]:
        found = by_stem(self.root() / self.physiology_in, ".csv")
        return {name: path for name, path in found.items() if name.startswith("sub_")}


def _clip_of(path: Path, clip: int) -> Track:
    """A person's ratings of one clip, [frames, 2] in -1..1 from 0 s; see `_read`."""
    return _read(path, path.stat().st_mtime_ns)[1][clip]


def _starts(path: Path) -> dict[int, float]:
    """Clip -> ms on the person's clock at which it begins."""
    return _read(path, path.stat().st_mtime_ns)[0]


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> tuple[dict[int, float], dict[int, Track]]:
    """Begin (ms) and ratings of every clip of one person; `changed` makes a changed file another one."""
    del changed
    table = read_table(path)
    _demand(path, table, ("jstime", "valence", "arousal", "video"))
    starts, tracks = {}, {}
    for clip in CLIPS:
        rows = _rows(path, table, clip)
        rows = rows.assign(time=pd.to_numeric(rows["jstime"], errors="coerce") / 1000)
        track = check_rate(path, to_track(path, rows, TARGETS), RATING_HZ)
        outside = ~(np.abs(track.values - REST) <= REACH + 1e-3).all(axis=1)
        if outside.any():
            first = int(outside.argmax())
            arousal, valence = track.values[first]
            raise UserError(f"{path}, row {rows.index[first]}: arousal {arousal:g} or valence {valence:g} is not "
                            f"within 0.5 to 9.5; take the published joystick values.")  # fmt: skip
        starts[clip] = 1000 * track.start
        tracks[clip] = replace(track, values=(track.values - REST) / REACH, start=0.0)
    return starts, tracks


def _rows(path: Path, table: pd.DataFrame, clip: int) -> pd.DataFrame:
    rows = table[table["video"] == clip]
    if not len(rows):
        raise UserError(f"{path} has no row of video {clip}; restore the file, or take the person away.")
    return rows


def _demand(path: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    for column in columns:
        if column not in table.columns:
            raise UserError(f"{path} has no column {column!r}, it has: {', '.join(table.columns)}; take the published "
                            f"file.")  # fmt: skip


def _cut(home: Path, person: str, clip: int) -> Path:
    return home / f"{person}_clip_{clip}.parquet"


def _cut_up(source: Path, starts_ms: dict[int, float], targets: dict[int, Path]) -> None:
    """Writes the physiology of each clip to its target, time in seconds from the begin of the clip."""
    table = read_table(source)
    _demand(source, table, ("daqtime", *SIGNALS, "video"))
    for clip, target in targets.items():
        rows = _rows(source, table, clip)
        rows = rows.assign(time=(pd.to_numeric(rows["daqtime"], errors="coerce") - starts_ms[clip]) / 1000)
        track = check_rate(source, to_track(source, rows, SIGNALS), 1000)
        cut = pd.DataFrame(track.values, columns=list(SIGNALS))
        cut.insert(0, "time", track.times)
        with written_aside(target) as aside:
            cut.to_parquet(aside, index=False)


# ---- the twin --------------------------------------------------------------------------------------------------------


def _write_person(
    ratings: Path, body: Path, rng: np.random.Generator, felt: dict[int, dict[str, np.ndarray]], duration: float
) -> None:
    """Writes both tables of a person: start, the clips in the person's own order with blue screens between, end."""
    rated, signals, begin = [], [], 0.0
    for video in [10, 11, *(v for clip in rng.permutation(list(CLIPS)) for v in (int(clip), 11)), 12]:
        seconds = duration if video in felt else 1.0
        times, fine = np.arange(round(seconds * RATING_HZ)) / RATING_HZ, np.arange(round(seconds * 1000)) / 1000
        # between clips the joystick rests
        planted = felt.get(video, dict.fromkeys(TARGETS, np.zeros(2)))
        moved = [_twin.rate(rng, planted[target], times, 1)[:, 0] * (video in felt) for target in TARGETS]
        joystick = [REST + REACH * trace for trace in moved]
        rated += [f"{1000 * (begin + t):.0f},{v:.3f},{a:.3f},{video}" for t, a, v in zip(times, *joystick, strict=True)]
        arousal = planted["arousal"]
        noise = rng.standard_normal((len(fine), len(SIGNALS) - 2))
        columns = [_twin.ecg(rng, arousal, fine), noise[:, 0], _twin.eda(rng, arousal, fine), *noise[:, 1:].T]
        signals += [
            f"{1000 * (begin + t):.0f},{','.join(f'{cell:.3f}' for cell in cells)},{video}"
            for t, *cells in zip(fine, *columns, strict=True)
        ]
        begin += seconds
    _twin.write_rows(ratings, "jstime,valence,arousal,video", rated, end="\r\n")
    _twin.write_rows(body, f"daqtime,{','.join(SIGNALS)},video", signals, end="\r\n")
