"""RECOLA, the raw release: French dyads over a video call, six raters, heart and skin signals.

    <dir>/RECOLA-Annotation/emotional_behaviour/{arousal,valence}/P16.csv
    <dir>/RECOLA-Annotation/social_behaviour/{agreement,dominance,engagement,performance,rapport}/P16.csv
    <dir>/RECOLA-Audio-recordings/P16.wav             medium audio
    <dir>/RECOLA-Video-recordings/P16.mp4             medium video
    <dir>/RECOLA-Biosignals-recordings/P16.csv        media ecg and eda: `;`-separated time, EDA, ECG at 1 kHz
    <dir>/RECOLA-Audio-features/P16.arff              medium features_audio
    <dir>/RECOLA-Metadata/recola_user_info.csv        User;Group_id, needed for sessions by group
    <dir>/OpenFace/P16.csv                            medium openface: tables that the user made of the videos with
                                                      OpenFace 2; not part of the release

Ratings are `time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3` (blanks as published), 25 rows a second from 0 to 300 s, both ends
included. They are raw: `emotf.annotation` makes the gold standard of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from emotf.corpora import _twin
from emotf.corpora._examination import Finding, of_files, of_signals
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
from emotf.errors import UserError
from emotf.recording import Recording
from emotf.tables import read_table
from emotf.track import Track

BEHAVIOURS = {
    "emotional_behaviour": ("arousal", "valence"),
    "social_behaviour": ("agreement", "dominance", "engagement", "performance", "rapport"),
}

BIOSIGNALS = "RECOLA-Biosignals-recordings"

# Folder -> suffix and the media that its files are.
MEDIA = {
    "RECOLA-Audio-recordings": (".wav", ("audio",)),
    "RECOLA-Video-recordings": (".mp4", ("video",)),
    BIOSIGNALS: (".csv", ("ecg", "eda")),
    "RECOLA-Audio-features": (".arff", ("features_audio",)),
}


def _people(numbers: str) -> tuple[str, ...]:
    return tuple(f"P{number}" for number in numbers.split())


SPLITS = {
    "avec": {  # the 9/9/9 of the AVEC challenges
        "train": _people("16 21 23 25 37 39 41 46 56"),
        "dev": _people("19 26 28 30 34 42 45 64 65"),
        "test": _people("13 20 32 38 47 49 53 59 63"),
    },
    "all46": {  # used in published code
        "train": _people("15 16 17 18 21 23 25 37 39 41 46 50 51 55 56 60"),
        "dev": _people("14 19 24 26 28 30 34 40 42 43 44 45 52 64 65"),
        "test": _people("13 20 22 32 38 47 48 49 53 54 57 58 59 62 63"),
    },
}
_ID = re.compile(r"P\d+")
EXPECTED = "a person, P and a number (P16)"
_USER = re.compile(r"[Pp]?(\d+)(?:\.0)?")


@dataclass
class Recola(Corpus):
    """The raw release (see the module).

    Attributes:
        dir: the folder with the RECOLA-* folders.
        split: `avec` (9/9/9; whoever is in none is left out), `all46` (16/15/15) or `groups` (no partitions; a session
            is a group of RECOLA-Metadata, so that those who talked to each other stay together).
        only_targets: folders of emotional_behaviour or social_behaviour.
        only_raters: columns of the rating tables to take.
        unrated: list recordings without ratings too, for prediction; records cannot be made of them.
        openface: a folder inside `dir` with the user's own OpenFace 2 tables of the videos, `P16.csv`; empty: none.
        largest: the greatest magnitude of a rating; 0 for any. A guard against other scales: the range of the published
            traces is not documented.
    """

    split: str = "avec"
    only_targets: tuple[str, ...] = ("arousal", "valence")
    only_raters: tuple[str, ...] = RECOLA_RATERS
    unrated: bool = False
    openface: str = "OpenFace"
    largest: float = 2.0

    licence: ClassVar[str] = "RECOLA: signed agreement with its owners; free for academic use"
    targets_are: ClassVar[str] = "continuous ratings of RECOLA (raw release, fused here)"

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self.only_targets)

    def recordings(self) -> tuple[Recording, ...]:
        """All rated recordings of the split (with `unrated`, the others of it too), sorted by id.

        Raises:
            UserError: a folder, file or group is not where or what the layout has.
        """
        media, places = self._media(), self._places()
        unit = "session" if self.split == "groups" else "partition"
        ids = self._rated() | (set().union(*media.values()) if self.unrated else set())
        return tuple(
            Recording(
                name, name, {medium: files[name] for medium, files in media.items() if name in files},
                **{unit: places[name]},
            )
            for name in sorted(ids & places.keys())
        )  # fmt: skip

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """The raters' traces, [frames, raters]; None for a recording without ratings.

        Raises:
            UserError: the file lacks a rater, is damaged, not at 25 rows a second, or on another scale.
        """
        path = self._rating_files(target).get(recording.id)
        if path is None:
            return None
        return check_scale(path, check_rate(path, read_raters(path, self.only_raters), RECOLA_HZ), self.largest)

    def notes(self) -> tuple[str, ...]:
        """Who is left out: by the split, and for want of ratings."""
        rated, places = self._rated(), self._places()
        outside = sorted(rated - places.keys())
        lacking = sorted((set().union(*self._media().values()) - rated) & places.keys())
        what = "listed all the same" if self.unrated else "left out (unrated lists them)"
        found = [f"{len(outside)} rated recordings are in no partition of split {self.split!r} and left out: "
                 f"{', '.join(outside)}"] if outside else []  # fmt: skip
        found += [f"{len(lacking)} recordings have no ratings and are {what}: {', '.join(lacking)}"] if lacking else []
        return tuple(found)

    def layout(self) -> Iterator[Finding]:
        """The folders of the layout, and who of the split is missing."""
        home = self.root()
        for target in self.only_targets:
            what = str(self._rating_folder(target).relative_to(home))
            yield of_files(home, what, list(self._rating_files(target).values()), "one a person", needed=True)
        for folder, (suffix, _) in MEDIA.items():
            yield of_files(home, folder, list(by_stem(child(home, folder), suffix).values()), "one a person, optional")
        if self.openface:
            tables = list(by_stem(child(home, self.openface), ".csv").values())
            yield of_files(home, self.openface, tables, "one a person, optional, your own: not part of the release")
        yield from of_signals(BIOSIGNALS, by_stem(child(home, BIOSIGNALS), ".csv"), ("EDA", "ECG"), 1000)
        if self.split in SPLITS:
            missing = [one for people in SPLITS[self.split].values() for one in people if one not in self._rated()]
            yield Finding(f"split {self.split}", f"{len(missing)} of its people have no ratings here", "none",
                          f"without: {', '.join(missing)}; say so where you report" if missing else "")  # fmt: skip

    def write_twin(self, folder: Path, seed: int = 0, duration: float = 20.0) -> Self:
        """A twin of nine people, three a partition of `avec`: sound, a drawn face, six raters, heart and skin, groups.

        The face is drawn at 25 pictures a second, 96 x 96 pixels; half way it is gone for 0.2 s. Tables as OpenFace
        writes them lie beside the release.

        Args:
            folder: new or empty.
            seed: decides all content.
            duration: seconds of a recording, a multiple of 0.04.
        """
        home = _twin.begin(folder, self.name, f"Raw release of RECOLA, nine people, {duration:g} s each.")
        people = [one for part in SPLITS["avec"].values() for one in part[:3]]
        times = np.arange(round(duration * RECOLA_HZ) + 1) / RECOLA_HZ
        for number, name in enumerate(people):
            _write_person(home, name, np.random.default_rng([seed, number]), times)
        # three groups, each within a partition
        groups = [f"{name.removeprefix('P')};{1 + number // 3}" for number, name in enumerate(people)]
        _twin.write_rows(home / "RECOLA-Metadata" / "recola_user_info.csv", "User;Group_id", groups)
        return replace(self, dir=str(home), split="avec", only_targets=("arousal", "valence"), openface="OpenFace")

    def _rating_folder(self, target: str) -> Path:
        for behaviour, targets in BEHAVIOURS.items():
            if target in targets and target in self.only_targets:
                return child(child(child(self.root(), "RECOLA-Annotation"), behaviour), target)
        known = ", ".join(name for targets in BEHAVIOURS.values() for name in targets)
        raise UserError(f"Recola has no target {target!r} among only_targets ({', '.join(self.only_targets)}); the "
                        f"layout has: {known}.")  # fmt: skip

    def _rating_files(self, target: str) -> dict[str, Path]:
        return _named(by_stem(self._rating_folder(target), ".csv"))

    def _rated(self) -> set[str]:
        """Who has ratings, which must be those of all targets."""
        files = {target: self._rating_files(target) for target in self.only_targets}
        anyone = {name: path for found in files.values() for name, path in found.items()}
        if not anyone:
            raise UserError(f"{self.root() / 'RECOLA-Annotation'} holds no P<number>.csv in <behaviour>/<target>/; set "
                            f"dir to the folder of RECOLA-*, or obtain the corpus ({self.licence}).")  # fmt: skip
        for target, found in files.items():
            for name in sorted(anyone.keys() - found.keys()):
                raise partner_missing(self._rating_folder(target) / f"{name}.csv", f"{anyone[name]} is there")
        return set(anyone)

    def _media(self) -> dict[str, dict[str, Path]]:
        """Medium -> person -> file."""
        folders = {**MEDIA, **({self.openface: (".csv", ("openface",))} if self.openface else {})}
        return {
            medium: _named(by_stem(child(self.root(), folder), suffix))
            for folder, (suffix, media) in folders.items()
            for medium in media
        }

    def _places(self) -> dict[str, str]:
        """Person -> partition, or group."""
        if self.split in SPLITS:
            return {name: partition for partition, people in SPLITS[self.split].items() for name in people}
        if self.split != "groups":
            raise UserError(f"Recola: split is {self.split!r}, choose one of {', '.join(SPLITS)}, groups.")
        path = child(child(self.root(), "RECOLA-Metadata"), "recola_user_info.csv")
        table = read_table(path)
        for column in ("User", "Group_id"):
            if column not in table.columns:
                raise UserError(f"{path} has no column {column!r}, it has: {', '.join(table.columns)}; restore it.")
        groups = {}
        for row, user, group in zip(table.index, table["User"], table["Group_id"], strict=True):
            match = _USER.fullmatch(str(user).strip())
            if not match or str(group).strip() in ("", "nan"):
                raise UserError(f"{path}, row {row}: user {user!r}, group {group!r}; expected a number and a group.")
            groups[f"P{int(match[1])}"] = str(group).strip().removesuffix(".0")
        missing = sorted(self._rated() - groups.keys())
        if missing:
            raise UserError(f"{path} names no group of {', '.join(missing)}; add the rows, or choose another split.")
        return groups


def _named(files: dict[str, Path]) -> dict[str, Path]:
    return named(files, _ID, EXPECTED)


def _write_person(home: Path, name: str, rng: np.random.Generator, times: np.ndarray) -> None:
    planted = _twin.traces(rng, float(times[-1]))
    for target in ("arousal", "valence"):
        path = home / "RECOLA-Annotation" / "emotional_behaviour" / target / f"{name}.csv"
        _twin.write_recola_ratings(path, times, _twin.rate(rng, planted[target], times, len(RECOLA_RATERS)))
    _twin.write_wav(home / "RECOLA-Audio-recordings" / f"{name}.wav", _twin.sound(rng, rng, planted), 44_100)
    _twin.write_face(home / "RECOLA-Video-recordings" / f"{name}.mp4", home / "OpenFace" / f"{name}.csv",
                     rng, planted, times[:-1])  # fmt: skip
    fine = np.arange(round(times[-1] * 1000) + 1) / 1000
    body = np.stack([_twin.eda(rng, planted["arousal"], fine), _twin.ecg(rng, planted["arousal"], fine)], axis=1)
    lines = _twin.rows((f"{time:.3f}" for time in fine), body, ";")
    _twin.write_rows(home / BIOSIGNALS / f"{name}.csv", "time;EDA;ECG", lines)
