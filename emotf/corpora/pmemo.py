"""PMEmo: song excerpts rated over time, with the skin conductance of those who listened.

The published tree, if <dir>/annotations/dynamic_annotations.csv is there:

    <dir>/annotations/dynamic_annotations.csv     musicId, frameTime, Arousal(mean), Valence(mean): 2 Hz, 0..1
    <dir>/chorus/<id>.mp3                         medium audio
    <dir>/EDA/<id>_EDA.csv                        a column of times in seconds, then one a listener

else a folder of the samples that circulate with it, <dir>/<id>.json: id, dynamic{t, v, a}, eda{t, mean}.

The first 15 s of a song have no ratings. Ratings become 2 x - 1, which is -1..1; they are means over the raters already
(channel `gold`). Songs are what is independent here: a song is its own subject, dealt into `folds` sessions. With
`streams_to`, `prepare` writes medium `eda` there: the mean over the listeners (their number varies, and their steps are
not even), by linear interpolation at `eda_hz`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from emotf.content import check_frames
from emotf.corpora import _derived, _twin
from emotf.corpora._examination import Finding, of_files
from emotf.corpora._layout import by_stem, check_rate
from emotf.corpora._speech import RATE_HZ
from emotf.corpora.base import Corpus
from emotf.errors import UserError
from emotf.files import read_json, written_aside
from emotf.progress import progress
from emotf.recording import Recording
from emotf.tables import numbers, read_table, to_track, write_track
from emotf.track import Track

RATING_HZ = 2
COLUMNS = {"arousal": "Arousal(mean)", "valence": "Valence(mean)"}
KEYS = {"arousal": "a", "valence": "v"}  # of the samples
UNRATED = 15.0  # seconds at the begin of a song


@dataclass
class Pmemo(Corpus):
    """PMEmo (see the module).

    Attributes:
        dir: the folder of the published tree, or of the samples.
        folds: number of sessions into which songs are dealt.
        streams_to: a folder of your own for the skin conductance; empty for none.
        eda_hz: frames a second of the medium `eda`.
        eda_time: name of the column of times in EDA/*.csv; empty for the first one.
    """

    folds: int = 10
    streams_to: str = ""
    eda_hz: float = 10.0
    eda_time: str = ""

    licence: ClassVar[str] = "PMEmo, Zhang et al. 2018: free download from its authors; the music is copyrighted"
    targets_are: ClassVar[str] = "mean continuous ratings of song excerpts, from 15 s on"

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(COLUMNS)

    def prepare(self) -> None:
        """Writes the skin conductance of all songs into `streams_to`, where that is set; keeps what is there.

        Raises:
            UserError: a table of skin conductance is damaged, or `streams_to` holds something else.
        """
        if not self.streams_to:
            return
        sources = self._skin()
        home = _derived.claim(self.streams_to, sources.values(), eda_hz=self.eda_hz, eda_time=self.eda_time)
        for song, path in progress(list(sources.items()), "skin conductance"):
            if not (home / f"{song}.csv").is_file():
                write_track(home / f"{song}.csv", _evenly(path, *_conductance(path, self.eda_time), self.eda_hz))

    def recordings(self) -> tuple[Recording, ...]:
        """All rated songs, sorted by id.

        Raises:
            UserError: there is neither the published tree nor a folder of samples, or its ratings are damaged.
        """
        songs = self._songs()
        sound = by_stem(self.path / "chorus", ".mp3")
        skin = self._skin() if self.streams_to else {}
        home, sessions = Path(self.streams_to).expanduser(), _derived.deal(songs, self.folds)
        found = []
        for song in sorted(songs):
            media = {"audio": sound[song]} if song in sound else {}
            media |= {"eda": home / f"{song}.csv"} if song in skin else {}
            found.append(Recording(song, song, media, session=sessions[song]))
        return tuple(found)

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """Channel `gold`, the mean rating in -1..1, two a second from about 15.5 s on.

        Raises:
            UserError: the ratings are not evenly spaced at 2 Hz, or not within 0..1.
        """
        if target not in COLUMNS:
            raise UserError(f"Corpus 'pmemo' has no target {target!r}; it has: {', '.join(COLUMNS)}.")
        songs = self._songs()
        if recording.id not in songs:
            return None
        path, table = songs[recording.id]
        track = check_rate(path, to_track(path, table, [target]), RATING_HZ)
        outside = (track.values < 0) | (track.values > 1)
        if outside.any():
            row = table.index[int(outside.any(axis=1).argmax())]
            raise UserError(f"{path}, song {recording.id}, row {row}: a rating of {target} is not within 0 to 1; take "
                            f"the published values.")  # fmt: skip
        return replace(track, values=2 * track.values - 1, channels=("gold",))

    def layout(self) -> Iterator[Finding]:
        """Ratings, music and skin conductance."""
        home = self.root()
        tree = self._table().is_file()
        what = "annotations/dynamic_annotations.csv" if tree else "<id>.json"
        yield Finding(what, f"{len(self._songs())} rated songs", "794 in the published corpus")
        if tree:
            yield of_files(home, "chorus", list(by_stem(home / "chorus", ".mp3").values()), "one a song, optional")
            yield of_files(home, "EDA", list(by_stem(home / "EDA", ".csv").values()), "one a song, optional")
        if self._skin() and not self.streams_to:
            yield Finding("streams_to", "not set", advice="set it to a folder of your own to use skin conductance")

    def write_twin(self, folder: Path, seed: int = 0, songs: int = 6, duration: float = 35.0) -> Self:
        """A twin of the published tree: ratings from 15.5 s on, MP3, skin conductance of three listeners at 50 Hz.

        Args:
            folder: new or empty.
            seed: decides all content.
            songs: their number.
            duration: seconds of a song, a multiple of 0.5.
        """
        home = _twin.begin(folder, self.name, f"PMEmo2019, {songs} songs of {duration:g} s.")
        lines = []
        for song in range(1, songs + 1):
            rng = np.random.default_rng([seed, song])
            planted = _twin.traces(rng, duration)
            times = np.arange(UNRATED + 0.5, duration + 0.25, 1 / RATING_HZ)
            own = [(1 + _twin.rate(rng, planted[target], times, 10).mean(axis=1)) / 2 for target in COLUMNS]
            lines += [f"{song},{t:.1f},{a:.6f},{v:.6f}" for t, a, v in zip(times, *own, strict=True)]
            fine = np.arange(round(50 * duration) + 1) / 50
            skin = np.stack([_twin.eda(rng, planted["arousal"], fine) for _ in range(3)], axis=1)
            cells = _twin.rows((f"{t:.2f}" for t in fine), skin, ",")
            _twin.write_rows(home / "EDA" / f"{song}_EDA.csv", "time(s),100001,100002,100003", cells)
            _write_mp3(home / "chorus" / f"{song}.mp3", _twin.sound(rng, rng, planted))
        header = f"musicId,frameTime,{','.join(COLUMNS.values())}"
        _twin.write_rows(home / "annotations" / "dynamic_annotations.csv", header, lines)
        return replace(self, dir=str(home), folds=3, streams_to=str(home / "streams"), eda_time="")

    def _table(self) -> Path:
        return self.root() / "annotations" / "dynamic_annotations.csv"

    def _songs(self) -> dict[str, tuple[Path, pd.DataFrame]]:
        """Song -> its source, and its ratings as published: time, arousal, valence."""
        table = self._table()
        if table.is_file():
            return {song: (table, rows) for song, rows in _dynamic(table, table.stat().st_mtime_ns).items()}
        samples = by_stem(self.root(), ".json")
        if not samples:
            raise UserError(f"{self.path} has neither annotations/dynamic_annotations.csv nor sample files <id>.json; "
                            f"set dir to the folder of either ({self.licence}).")  # fmt: skip
        return {song: (path, _sample(path)) for song, path in samples.items()}

    def _skin(self) -> dict[str, Path]:
        """Song -> file with its skin conductance."""
        if not self._table().is_file():
            return by_stem(self.root(), ".json")
        found = by_stem(self.root() / "EDA", ".csv")
        return {stem.removesuffix("_EDA"): path for stem, path in found.items() if stem.endswith("_EDA")}


@lru_cache(maxsize=4)
def _dynamic(path: Path, changed: int) -> dict[str, pd.DataFrame]:
    """Song -> rows of the table of all songs; `changed` makes a changed file another one."""
    del changed
    table = read_table(path)
    for column in ("musicId", "frameTime", *COLUMNS.values()):
        if column not in table.columns:
            raise UserError(f"{path} has no column {column!r}, it has: {', '.join(table.columns)}; take the published "
                            f"file.")  # fmt: skip
    table = table.rename(columns={"frameTime": "time", **{name: target for target, name in COLUMNS.items()}})
    if table["musicId"].isna().any():
        raise UserError(f"{path}, row {table.index[table['musicId'].isna()][0]}: the musicId is missing; fill it in.")
    return {str(song).strip().removesuffix(".0"): rows for song, rows in table.groupby("musicId")}


def _sample(path: Path) -> pd.DataFrame:
    series = _series(path, read_json(path), "dynamic", ("t", *KEYS.values()))
    return pd.DataFrame({"time": series["t"], **{target: series[key] for target, key in KEYS.items()}})


def _series(path: Path, content: Any, part: str, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Lists of numbers under `content[part]`, all of one length; null is missing."""
    found = content.get(part) if isinstance(content, dict) else None
    if not isinstance(found, dict) or not set(keys) <= set(found):
        raise UserError(f"{path} has no {part!r} with {', '.join(keys)}; it is no sample of PMEmo, take it away.")
    try:
        series = {key: np.array(found[key], np.float64) for key in keys}
    except (TypeError, ValueError, OverflowError):  # JSON's whole numbers know no end
        raise UserError(f"{path}: {part} holds something that is not a number; restore the file.") from None
    shapes = {values.shape for values in series.values()}
    if len(shapes) != 1 or series[keys[0]].ndim != 1 or not series[keys[0]].size:
        lengths = ", ".join(f"{key} {list(values.shape)}" for key, values in series.items())
        raise UserError(f"{path}: the lists of {part} are not equally long ({lengths}); restore the file.")
    return series


def _conductance(path: Path, time: str) -> tuple[np.ndarray, np.ndarray]:
    """Times and the mean over listeners, each [samples]."""
    if path.suffix.lower() == ".json":
        series = _series(path, read_json(path), "eda", ("t", "mean"))
        return series["t"], series["mean"]
    table = read_table(path)
    name = time or table.columns[0]
    if name not in table.columns or len(table.columns) < 2:
        raise UserError(f"{path} has no column {name!r} beside listeners, it has: {', '.join(table.columns)}; set "
                        f"eda_time.")  # fmt: skip
    table = table.apply(lambda cells: numbers(path, cells))
    absent = table.isna().any(axis=1)
    if absent.any():
        # a mean over fewer listeners would jump where one of them begins or ends
        raise UserError(f"{path}, row {absent.idxmax()}: a time or a listener is missing; take that column out, "
                        f"or complete it.")  # fmt: skip
    return table[name].to_numpy(np.float64), table.drop(columns=name).mean(axis=1).to_numpy(np.float64)


def _evenly(path: Path, times: np.ndarray, values: np.ndarray, rate_hz: float) -> Track:
    """The signal on an even clock from its first time on, by linear interpolation."""
    bad = ~(np.isfinite(times) & np.isfinite(values))
    if bad.any() or (np.diff(times) <= 0).any():
        place = int(bad.argmax()) if bad.any() else int((np.diff(times) <= 0).argmax()) + 1
        raise UserError(f"{path}: skin conductance has a missing value or a time that goes back at sample {place + 1}; "
                        f"restore the file.")  # fmt: skip
    check_frames(path, float(times[-1] - times[0]) * rate_hz)
    count = int(np.floor((times[-1] - times[0]) * rate_hz + 1e-6)) + 1
    even = times[0] + np.arange(count) / rate_hz
    return Track(np.interp(even, times, values)[:, None], 1 / rate_hz, float(times[0]), ("eda",))


def _write_mp3(path: Path, samples: np.ndarray) -> None:
    import soundfile

    with written_aside(path) as aside:
        soundfile.write(aside, samples, RATE_HZ, format="MP3")
