"""AVEC 2015 and 2016: 27 recordings of RECOLA as packaged for the challenges, 9 a partition.

    <dir>/features_<stream>/{train,dev,test}_{1..9}.arff              2015: flat
    <dir>/features_<stream>/{arousal,valence}/{train,dev,test}_{1..9}.arff        2016: other windows a target
    <dir>/ratings_gold_standard/{arousal,valence}/dev_1.arff
    <dir>/ratings_individual{,_centred}/{arousal,valence}/dev_1.csv
    <dir>/recordings_audio/dev_1.wav                                  optional
    <dir>/recordings_video/dev_1.mp4                                  optional

Every folder `features_<stream>` becomes a medium of that name in lower case (`features_audio`,
`features_video_geometric`, `features_ecg`), to be read by the feature `precomputed`; `audio` and `video` are the
recordings themselves. Frames without a face are all zeros in the packages: read such streams with `gaps`.

The challenges withheld the gold standard of test: a test recording without it is left out unless `unrated` asks for it,
and `notes` says how many. Who speaks in train_k and dev_k is not published, so every file is its own subject.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from emotf.arff import arff_shape, write_arff
from emotf.corpora import _twin
from emotf.corpora._examination import Finding, of_files
from emotf.corpora._layout import (
    RECOLA_HZ,
    RECOLA_RATERS,
    by_stem,
    check_rate,
    check_scale,
    child,
    named,
    partner_missing,
    read_raters,
)
from emotf.corpora.base import Corpus
from emotf.corpora.folder import visible
from emotf.errors import UserError
from emotf.recording import PARTITIONS, Recording
from emotf.tables import read_track
from emotf.track import Track

TARGETS = ("arousal", "valence")
ROWS = 7501  # of every table of the packages: 0 to 300 s, both ends included
EACH = "9 a partition"
RATINGS = {
    "gold": ("ratings_gold_standard", ".arff"),
    "individual": ("ratings_individual", ".csv"),
    "centred": ("ratings_individual_centred", ".csv"),
}
_ID = re.compile(rf"({'|'.join(PARTITIONS)})_\d+")
EXPECTED = f"a partition and number, {'|'.join(PARTITIONS)} and a number (dev_1)"

# Streams of the twin and their widths: those that Chen & Jin (2015) took from the package of 2015.
WIDTHS = {"audio": 102, "video_appearance": 84, "video_geometric": 316, "ECG": 54, "EDA": 62}


@dataclass
class Avec(Corpus):
    """The packages of AVEC 2015 and 2016 (see the module).

    Attributes:
        dir: the folder with features_*, ratings_* and recordings_*.
        window: whose analysis windows to read where feature folders have them (2016): `arousal` or `valence`; empty
            where the files lie directly in the folder (2015).
        raters: `gold` (the organisers' gold standard), `individual` (the six raters) or `centred` (those after
            CCC-centring).
        gold_column: the column of the gold standard's tables.
        features_in: folder of the features_* below `dir`; empty for `dir` itself.
        ratings_in: folder of the ratings_* below `dir`.
        recordings_in: folder of the recordings_* below `dir`.
        unrated: list test recordings that have no ratings too, for prediction; records cannot be made of them.
        largest: the greatest magnitude of a rating; 0 for any. A guard against other scales: the range of the published
            traces is not documented.
    """

    window: str = ""
    raters: str = "gold"
    gold_column: str = "GoldStandard"
    features_in: str = ""
    ratings_in: str = ""
    recordings_in: str = ""
    unrated: bool = False
    largest: float = 2.0

    licence: ClassVar[str] = "AVEC 2015/2016 packages of RECOLA: signed agreement with the corpus' owners, academic use"
    targets_are: ClassVar[str] = "continuous ratings of RECOLA (AVEC package)"

    @property
    def targets(self) -> tuple[str, ...]:
        return TARGETS

    def recordings(self) -> tuple[Recording, ...]:
        """All rated recordings (with `unrated`, those of test without ratings too), sorted by id.

        Raises:
            UserError: a folder or file is not where or what the layout has.
        """
        rated, media = self._rated(), self._media()
        ids = self._ids(rated, media)
        return tuple(
            Recording(
                name, name, {medium: files[name] for medium, files in media.items() if name in files},
                partition=name.partition("_")[0],
            )
            for name in sorted(ids if self.unrated else rated)
        )  # fmt: skip

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """The gold standard (channel `gold`) or the raters; None for a recording of test without any.

        Raises:
            UserError: the file is damaged, not at 25 rows a second, or on another scale.
        """
        if target not in TARGETS:
            raise UserError(f"Corpus 'avec' has no target {target!r}; it has: {', '.join(TARGETS)}.")
        path = self._rating_files(target).get(recording.id)
        if path is None:
            return None
        if self.raters == "gold":
            track = replace(read_track(path, [self.gold_column]), channels=("gold",))
        else:
            track = read_raters(path, RECOLA_RATERS)
        return check_scale(path, check_rate(path, track, RECOLA_HZ), self.largest)

    def notes(self) -> tuple[str, ...]:
        """How many recordings of test have no ratings."""
        rated = self._rated()
        lacking = sorted(self._ids(rated, self._media()) - rated)
        if not lacking:
            return ()
        what = "listed all the same" if self.unrated else "left out (unrated lists them)"
        return (f"{len(lacking)} recordings of test have no ratings and are {what}: {', '.join(lacking)}",)

    def layout(self) -> Iterator[Finding]:
        """The folders of the layout, and the width and rows of every feature table."""
        home = self.root()
        for target in TARGETS:
            files = list(self._rating_files(target).values())
            what = f"{RATINGS[self.raters][0]}/{target}"
            yield of_files(home / self.ratings_in, what, files, EACH, needed=True)
        gold = self._rating_files(TARGETS[0]) if self.raters == "gold" else {}
        folders = self._feature_folders()
        if not folders:
            where = "features_in=features" if (home / "features").is_dir() else "features_in to their folder"
            yield Finding("features_*", "no such folder", "one a stream", f"set {where}, or work from the recordings")
        for medium, folder in folders.items():
            tables = self._tables(folder)
            yield of_files(home / self.features_in, medium, list(tables.values()), EACH)
            yield from _of_tables(medium, tables, gold)
        for name, suffix in (("recordings_audio", ".wav"), ("recordings_video", ".mp4")):
            files = list(by_stem(child(home / self.recordings_in, name), suffix).values())
            yield of_files(home / self.recordings_in, name, files, f"{EACH}, optional")

    def write_twin(self, folder: Path, seed: int = 0, each: int = 3, duration: float = 20.0) -> Self:
        """A twin in the flat layout of 2015: five streams, gold standard, six raters, sound; about 20 MB.

        video_* have a second without a face (zeros); the first recording of train has a row of `?` in video_geometric.

        Args:
            folder: new or empty.
            seed: decides all content.
            each: recordings a partition.
            duration: seconds of a recording, a multiple of 0.04.
        """
        home = _twin.begin(folder, self.name, f"AVEC 2015, {each} recordings a partition, {duration:g} s each.")
        times = np.arange(round(duration * RECOLA_HZ) + 1) / RECOLA_HZ
        for place, partition in enumerate(PARTITIONS):
            for number in range(1, each + 1):
                rng = np.random.default_rng([seed, place, number])
                _write_recording(home, f"{partition}_{number}", rng, seed, times)
        return replace(self, dir=str(home), window="", raters="gold", features_in="", ratings_in="", recordings_in="")

    def _rating_files(self, target: str) -> dict[str, Path]:
        """Recording -> file of ratings of the chosen kind."""
        if self.raters not in RATINGS:
            raise UserError(f"Avec: raters is {self.raters!r}, choose one of {', '.join(RATINGS)}.")
        name, suffix = RATINGS[self.raters]
        return _named(by_stem(child(child(self.root() / self.ratings_in, name), target), suffix))

    def _rated(self) -> set[str]:
        """Recordings with ratings, which must have those of both targets."""
        files = {target: self._rating_files(target) for target in TARGETS}
        name, suffix = RATINGS[self.raters]
        home = self.root() / self.ratings_in / name
        if not any(files.values()):
            raise UserError(f"{home} holds no {{arousal,valence}}/{{train,dev,test}}_<number>{suffix}; set ratings_in "
                            f"to the folder of {name}, or obtain it ({self.licence}).")  # fmt: skip
        for target, other in (TARGETS, TARGETS[::-1]):
            for recording in sorted(files[other].keys() - files[target].keys()):
                path = files[other][recording]
                raise partner_missing(path.parent.parent / target / path.name, f"{path} is there")
        return set(files[TARGETS[0]])

    def _feature_folders(self) -> dict[str, Path]:
        """Medium -> folder, for every features_*; where they have a folder of their own, the prefix may be left out."""
        folders = [path for path in visible(self.root() / self.features_in) if path.is_dir()]
        prefixed = {path.name.lower(): path for path in folders}
        if self.features_in:
            return {name if name.startswith("features_") else f"features_{name}": p for name, p in prefixed.items()}
        return {name: path for name, path in prefixed.items() if name.startswith("features_")}

    def _tables(self, folder: Path) -> dict[str, Path]:
        """Recording -> ARFF of one stream, flat or of the chosen window."""
        if self.window not in ("", *TARGETS):
            raise UserError(f"Avec: window is {self.window!r}, choose arousal or valence, or empty for the package of "
                            f"2015.")  # fmt: skip
        flat, windows = by_stem(folder, ".arff"), [name for name in TARGETS if child(folder, name).is_dir()]
        if self.window and self.window not in windows:
            raise UserError(f"{folder} has no sub-folder {self.window}, as the package of 2015; leave window empty.")
        if not self.window and not flat and windows:
            raise UserError(f"{folder} has sub-folders {', '.join(windows)}, as the package of 2016; choose a window.")
        return _named(by_stem(child(folder, self.window), ".arff") if self.window else flat)

    def _media(self) -> dict[str, dict[str, Path]]:
        """Medium -> recording -> file."""
        media = {medium: self._tables(folder) for medium, folder in self._feature_folders().items()}
        home = self.root() / self.recordings_in
        media["audio"] = _named(by_stem(child(home, "recordings_audio"), ".wav"))
        media["video"] = _named(by_stem(child(home, "recordings_video"), ".mp4"))
        return media

    def _ids(self, rated: set[str], media: dict[str, dict[str, Path]]) -> set[str]:
        """All recordings; those of train and dev must be rated."""
        for files in media.values():
            for name in sorted(files.keys() - rated):
                if not name.startswith("test"):
                    folder, suffix = RATINGS[self.raters]
                    gold = self.root() / self.ratings_in / folder / TARGETS[0] / f"{name}{suffix}"
                    raise partner_missing(gold, f"{files[name]} is there, and only test may lack ratings")
        return rated.union(*media.values())


def _named(files: dict[str, Path]) -> dict[str, Path]:
    return named(files, _ID, EXPECTED)


def _of_tables(medium: str, files: dict[str, Path], gold: dict[str, Path]) -> Iterator[Finding]:
    """Widths and rows of the tables of one stream, and whether the rows are those of the gold standard."""
    shapes, unlike = {}, []
    for name, path in files.items():
        try:
            rows, channels = arff_shape(path)
            shapes[name] = (rows, len(channels))
            if name in gold and (rated := arff_shape(gold[name])[0]) != rows:
                unlike.append(f"{name} {rows} for {rated}")
        except UserError as error:
            yield Finding(f"{medium}, {name}", "not usable", advice=str(error), needed=True)
    rows_of, widths = ({shape[k] for shape in shapes.values()} for k in (0, 1))
    if shapes:
        found = f"{', '.join(map(str, sorted(widths)))} channels; {', '.join(map(str, sorted(rows_of)))} rows"
        advice = f"rows unlike the gold standard: {', '.join(unlike)}; both must cover one time" if unlike else ""
        if len(widths) > 1:
            advice = f"restore the files of the odd width: {', '.join(_odd(shapes))}"
        yield Finding(
            f"{medium}, tables", found, f"one width; {ROWS} rows as published", advice, needed=len(widths) > 1
        )


def _odd(shapes: dict[str, tuple[int, int]]) -> list[str]:
    """The recordings whose width is not the most frequent one."""
    widths = [width for _, width in shapes.values()]
    return [name for name, (_, width) in shapes.items() if width != max(set(widths), key=widths.count)]


# ---- the twin --------------------------------------------------------------------------------------------------------


def _write_recording(home: Path, name: str, rng: np.random.Generator, seed: int, times: np.ndarray) -> None:
    planted = _twin.traces(rng, float(times[-1]))
    for number, (medium, width) in enumerate(WIDTHS.items()):
        values = _twin.stream(np.random.default_rng([seed, 100 + number]), rng, planted, times, width)
        cells = np.char.mod("%.3g", values)
        if medium.startswith("video"):
            cells[len(times) // 4 : len(times) // 4 + RECOLA_HZ] = "0"
        if (medium, name) == ("video_geometric", "train_1"):
            cells[3 * len(times) // 4] = "?"
        columns = {f"{medium}_{channel}": cells[:, channel].tolist() for channel in range(width)}
        write_arff(home / f"features_{medium}" / f"{name}.arff", medium.upper(), name, times, columns)
    for target in TARGETS:
        raters = _twin.rate(rng, planted[target], times, len(RECOLA_RATERS))
        gold = {"GoldStandard": np.char.mod("%.5g", raters.mean(axis=1)).tolist()}
        write_arff(home / RATINGS["gold"][0] / target / f"{name}.arff", "GOLDSTANDARD", name, times, gold)
        _twin.write_recola_ratings(home / RATINGS["individual"][0] / target / f"{name}.csv", times, raters)
    samples = _twin.sound(rng, rng, planted)
    _twin.write_wav(home / "recordings_audio" / f"{name}.wav", samples, 16_000)
