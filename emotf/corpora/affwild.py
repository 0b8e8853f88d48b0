"""Aff-Wild (2017): videos of faces from the web, valence and arousal of every picture.

    <dir>/<videos_in>/{train,test}/105.avi                            medium video (and its sound): .avi, .mp4, ...
    <dir>/<annotations_in>/{train,test}/{arousal,valence}/105.txt     one number a line and picture, no header
    <dir>/<openface_in>/105.csv                                       medium openface, and
    <dir>/<openpose_in>/105/*.json                                    medium openpose: what the user made of the videos
                                                                      with OpenFace 2 and OpenPose; not of the release

There is no official validation part: the videos of `train` are dealt to train and dev (`split`), those of `test` stay
test. Where the ratings of test are absent, its recordings are left out unless `unrated` asks for them, and
`notes` says how many. Nobody says who is in which video, so every video is its own subject: one person in two videos
may be on both sides of a split.

Published bounding boxes and landmarks are not read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from emotf.corpora import _twin
from emotf.corpora._examination import Finding, of_files
from emotf.corpora._layout import by_stem, child, partner_missing
from emotf.corpora._per_frame import TARGETS, PerFrame, Rows, dealt, read_columns, videos_below
from emotf.errors import UserError
from emotf.recording import Recording

PARTS = ("train", "test")
RATE_HZ = 25  # of the twin


@dataclass
class Affwild(PerFrame):
    """Aff-Wild as published in 2017 (see the module; `PerFrame` describes the other fields).

    Attributes:
        dir: the folder that holds the videos and the annotations.
        annotations_in: folder of the ratings, below `dir`.
        largest: the greatest magnitude of a rating; 0 for any. A guard against other scales, not a documented range.
    """

    annotations_in: str = "annotations"

    licence: ClassVar[str] = "Aff-Wild (2017): ask its authors, the iBUG group; on their terms"
    targets_are: ClassVar[str] = "continuous ratings of Aff-Wild (2017), one a picture"

    def recordings(self) -> tuple[Recording, ...]:
        """All rated recordings (with `unrated`, those of test without ratings too), sorted by id.

        Raises:
            UserError: a folder or file is not where or what the layout has.
        """
        rated, videos = self._rated(), self._videos()
        places = dict.fromkeys(rated["test"], "test") | dealt(rated["train"], self.split, self.seed)
        if self.unrated:
            places |= dict.fromkeys(videos["test"], "test")
        media = {"video": videos["train"] | videos["test"], **self._landmarks()}
        return tuple(
            Recording(name, name, {medium: files[name] for medium, files in media.items() if name in files},
                      partition=places[name])
            for name in sorted(places)
        )  # fmt: skip

    def rows(self, recording: Recording) -> Rows | None:
        for part in PARTS:
            files = {target: self._folder(part, target) / f"{recording.id}.txt" for target in TARGETS}
            if files["arousal"].is_file():
                return files["arousal"], {target: read_columns(path)[:, 0] for target, path in files.items()}
        return None

    def notes(self) -> tuple[str, ...]:
        """Whose rows and pictures differ in number, and who is left out for want of ratings."""
        found = super().notes()
        videos, rated = self._videos(), self._rated()
        for part in PARTS:
            lacking = sorted(videos[part].keys() - rated[part])
            listed = self.unrated and part == "test"
            if lacking:
                what = "listed all the same" if listed else "left out" + " (unrated lists them)" * (part == "test")
                found += (f"{len(lacking)} videos of {part} have no ratings and are {what}: {', '.join(lacking)}",)
        return found

    def layout(self) -> Iterator[Finding]:
        """The folders of the layout."""
        home = self.root()
        for part in PARTS:
            for target in TARGETS:
                files, needed = by_stem(self._folder(part, target), ".txt"), part == "train"
                each = "one a video" if needed else "one a video, optional"
                yield of_files(home, f"{self.annotations_in}/{part}/{target}", list(files.values()), each, needed)
            yield of_files(home, f"{self.videos_in}/{part}", list(self._videos()[part].values()), "one a recording")
        yield from self._landmarks_layout(set().union(*self._rated().values(), *self._videos().values()))

    def write_twin(self, folder: Path, seed: int = 0, videos: int = 6, duration: float = 3.0) -> Self:
        """A twin: mp4 files of a drawn face and a voice that follow valence and arousal, 25 pictures a second.

        The last video is of `test` and has no ratings. Ratings are the planted traces, and not late. The first video
        has two rows more than pictures, the second one row less. Beside them lies what OpenFace and OpenPose might have
        found, who lose the face half way for five pictures.

        Args:
            folder: new or empty.
            seed: decides all content.
            videos: 4 or more.
            duration: seconds of a video, a multiple of 0.04.
        """
        home = _twin.begin(folder, self.name, f"Aff-Wild (2017), {videos} videos of {duration:g} s.")
        for number in range(1, videos + 1):
            rng = np.random.default_rng([seed, number])
            part = "test" if number == videos else "train"
            more = {1: 2, 2: -1}.get(number, 0)
            planted = _twin.traces(rng, duration)
            times = np.arange(round(duration * RATE_HZ)) / RATE_HZ
            film = home / "videos" / part / f"{100 + number}.mp4"
            (faces,) = _twin.write_film(film, times, [(rng, planted)])
            _twin.write_landmarks(home, film.stem, times, faces, (rng, planted))
            for target in TARGETS if part == "train" else ():
                path = home / "annotations" / part / target / f"{100 + number}.txt"
                rated = _twin.at(np.arange(len(times) + more) / RATE_HZ, planted[target])
                _twin.write_lines(path, (f"{value:.6f}" for value in rated))
        return replace(self, dir=str(home), videos_in="videos", annotations_in="annotations", rate_hz=0.0,
                       openface_in="OpenFace", openpose_in="openpose")  # fmt: skip

    def _folder(self, part: str, target: str) -> Path:
        return child(child(child(self.root(), self.annotations_in), part), target)

    def _videos(self) -> dict[str, dict[str, Path]]:
        """Part -> stem -> video."""
        return {part: videos_below(child(child(self.root(), self.videos_in), part)) for part in PARTS}

    def _rated(self) -> dict[str, set[str]]:
        """Part -> recordings with ratings, which must have those of both targets."""
        found = {}
        for part in PARTS:
            files = {target: by_stem(self._folder(part, target), ".txt") for target in TARGETS}
            for target, other in (TARGETS, TARGETS[::-1]):
                for name in sorted(files[other].keys() - files[target].keys()):
                    missing = self._folder(part, target) / f"{name}.txt"
                    raise partner_missing(missing, f"{files[other][name]} is there")
            found[part] = set(files["arousal"])
        home = self.root() / self.annotations_in
        if not found["train"]:
            raise UserError(f"{home} holds no train/{{arousal,valence}}/<video>.txt; set annotations_in to the folder "
                            f"of train and test, or obtain the corpus ({self.licence}).")  # fmt: skip
        for name in sorted(found["train"] & (found["test"] | self._videos()["test"].keys())):
            raise UserError(f"Video {name!r} is in both train and test of {home} or {self.root() / self.videos_in}; "
                            f"take one away.")  # fmt: skip
        return found
