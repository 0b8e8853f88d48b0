"""Aff-Wild2 as the ABAW challenges hand it out: valence and arousal of every picture, aligned crops of the faces.

    <dir>/VA_Estimation_Challenge/{Train_Set,Validation_Set}/video63.txt      a first line `valence,arousal`, then a
                                                                              row a picture; 2020: VA_Set/{Training_Set,
                                                                              Validation_Set}
    <dir>/<crops_in>/video63/00001.jpg                                        medium crops, a folder
    <dir>/<videos_in>/.../video63.mp4                                         medium video (and its sound)
    <dir>/<openface_in>/video63.csv                                           medium openface, and
    <dir>/<openpose_in>/video63/*.json                                        medium openpose: what the user made of the
                                                                              videos with OpenFace 2 and OpenPose; not
                                                                              of the release

Row k, from 1, is of the k-th picture of the video and of the crop of that number. A picture without a face has no crop:
there are fewer crops than rows, with gaps in their numbers, and they are joined by number (`aligned_crops`, `resnet50`
with crops=crops). -5 in either column discards the picture: it is then unrated (NaN) in both targets.

A name that ends in `_left` or `_right` is of one of two people in the video without that ending. Its crops are that
person's, but the medium `video` shows both and `audio` holds both voices: streams that find the face in the video by
themselves follow whoever is larger, the same person for both. So do those of a table or folder that is named after the
video; one named after the recording is taken first. `shared=False` leaves such recordings out.

Nobody says who is in which video. The unit of independence (`Recording.subject`) is the video file: two people of one
video stay in one partition, but one person in two videos may be on both sides of a split. Names such as
`24-30-1920x1080-1` and `-2` are taken for two videos.

Without the videos (`rate_hz` says their rate) time ends with the last crop of each recording.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from emotf.corpora import _twin
from emotf.corpora._examination import Finding, of_files
from emotf.corpora._layout import by_stem, child
from emotf.corpora._per_frame import PerFrame, Rows, dealt, read_columns, text_lines, videos_below
from emotf.corpora.folder import visible
from emotf.errors import UserError
from emotf.media.crops import ready_crops
from emotf.recording import Recording

SETS = ("VA_Estimation_Challenge", "VA_Set")
# Partition -> the names of its folder in the releases.
FOLDERS = {"train": ("Train_Set", "Training_Set"), "dev": ("Validation_Set",)}
COLUMNS = ("valence", "arousal")
DISCARD = -5
_PERSON = re.compile(r"_(left|right)$")


@dataclass
class Affwild2(PerFrame):
    """Aff-Wild2, the part with valence and arousal (see the module; `PerFrame` describes the other fields).

    Attributes:
        dir: the folder with VA_Estimation_Challenge or VA_Set.
        split: `published` (Train_Set is train, Validation_Set dev), or shares of all videos of both, such as `70:30`.
        shared: take recordings of people who share a video.
        test_list: a text file below `dir`, one name of a test recording a line; with `unrated`, those are listed as
            test. Empty: none. (What the organisers' own lists look like inside was not checked.)
        crops_in: folder of the crops, below `dir`; empty: none.
        largest: the greatest magnitude of a rating; 0 for any.
    """

    split: str = "published"
    largest: float = 1.0
    shared: bool = True
    test_list: str = ""
    crops_in: str = "cropped_aligned"

    licence: ClassVar[str] = "Aff-Wild2 / ABAW: signed agreement with its organisers; nothing of it is passed on"
    targets_are: ClassVar[str] = "continuous ratings of Aff-Wild2 (ABAW), one a picture"

    def recordings(self) -> tuple[Recording, ...]:
        """All rated recordings (with `unrated`, those of `test_list` too), sorted by id.

        Raises:
            UserError: a folder or file is not where or what the layout has, or a recording is in two partitions.
        """
        places, videos = self._places(), self._videos()
        crops = {path.name: path for path in self._crops()}
        of_video = {"video": videos, **self._landmarks()}
        found = []
        for name in sorted(places if self.shared else set(places) - self._sharing(places)):
            media = {"crops": crops.get(name)}
            media |= {medium: files.get(name, files.get(video_of(name))) for medium, files in of_video.items()}
            there = {medium: path for medium, path in media.items() if path is not None}
            found.append(Recording(name, video_of(name), there, partition=places[name]))
        return tuple(found)

    def rows(self, recording: Recording) -> Rows | None:
        path = {name: path for files in self._rated().values() for name, path in files.items()}.get(recording.id)
        if path is None:
            return None
        values = read_columns(path, COLUMNS)
        values[(values == DISCARD).any(axis=1)] = np.nan
        if "video" not in recording.media and "crops" in recording.media:
            values = values[: max(ready_crops(recording.medium("crops"))[1])]
        return path, dict(zip(COLUMNS, values.T, strict=True))

    def notes(self) -> tuple[str, ...]:
        """Whose rows and pictures differ in number, who shares a video, and who lacks one."""
        found, places = super().notes(), self._places()
        sharing = sorted(self._sharing(places))
        if sharing:
            what = "; only their crops tell them apart" if self.shared else " and are left out"
            found += (f"{len(sharing)} recordings are of people who share a video{what}: {', '.join(sharing)}",)
        alone = [r.id for r in self.recordings() if "video" not in r.media and "crops" in r.media]
        if alone:
            found += (f"{len(alone)} recordings have no video, and their time ends with their last crop: "
                      f"{', '.join(alone)}",)  # fmt: skip
        found += ("who is in which video is not published: the unit of independence is the video file, and a person of "
                  "two videos may be on both sides of a split",)  # fmt: skip
        return found

    def layout(self) -> Iterator[Finding]:
        """The folders of the layout."""
        home, rated = self.root(), self._rated()
        for partition, files in rated.items():
            what = f"ratings of {partition}"
            yield Finding(what, f"{len(files)} files", f"{' or '.join(FOLDERS[partition])} in {' or '.join(SETS)}")
        if self.crops_in:
            yield of_files(home, self.crops_in, self._crops(), "a folder a recording, optional")
        videos = self._videos()
        yield of_files(home, self.videos_in, list(videos.values()), "one a recording or two, optional")
        names = self._places().keys() | videos.keys()
        yield from self._landmarks_layout(names | set(map(video_of, names)))

    def write_twin(self, folder: Path, seed: int = 0, videos: int = 6, duration: float = 3.0) -> Self:
        """A twin: mp4 files of drawn faces and voices that follow valence and arousal, 30 pictures a second, and crops.

        Every third video is of the validation set. The last one shows two people. In every recording some crops are
        missing (pictures 11 to 15 and the last), and -5 stands in one column of row 21 and in both of row 22. The first
        video has a row more than pictures. Ratings are the planted traces, and not late. Beside them lies what OpenFace
        and OpenPose might have found of each person, whom they lose half way for five pictures.

        Args:
            folder: new or empty.
            seed: decides all content.
            videos: 3 or more.
            duration: seconds of a video, a multiple of 0.1, 1 or more.
        """
        home = _twin.begin(folder, self.name, f"Aff-Wild2, {videos} videos of {duration:g} s.")
        times = np.arange(round(duration * 30)) / 30
        for number in range(1, videos + 1):
            part = FOLDERS["train" if number % 3 else "dev"][0]
            stem, endings = f"video{number}", ("_left", "_right") if number == videos else ("",)
            people = [np.random.default_rng([seed, number, place]) for place in range(len(endings))]
            cast = [(rng, _twin.traces(rng, duration)) for rng in people]
            shown = _twin.write_film(home / "videos" / f"{stem}.mp4", times, cast)
            for place, (ending, faces, person) in enumerate(zip(endings, shown, cast, strict=True)):
                _twin.write_crops(home / "cropped_aligned" / f"{stem}{ending}", faces, {*range(11, 16), len(times)})
                path = home / SETS[0] / part / f"{stem}{ending}.txt"
                _twin.write_rows(path, ",".join(COLUMNS), _rated_rows(person[1], len(times) + (number == 1)))
                _twin.write_landmarks(home, f"{stem}{ending}", times, faces, person, place)
        return replace(self, dir=str(home), split="published", videos_in="videos", crops_in="cropped_aligned",
                       shared=True, test_list="", rate_hz=0.0, openface_in="OpenFace",
                       openpose_in="openpose")  # fmt: skip

    def _rated(self) -> dict[str, dict[str, Path]]:
        """Partition -> recording -> file of ratings."""
        homes = [path for name in SETS if (path := child(self.root(), name)).is_dir()]
        if len(homes) != 1:
            raise UserError(f"{self.root()} holds {len(homes)} of the folders {', '.join(SETS)}, expected one; set dir "
                            f"to the folder that holds it, or obtain the corpus ({self.licence}).")  # fmt: skip
        found = {
            partition: {n: p for name in names for n, p in by_stem(child(homes[0], name), ".txt").items()}
            for partition, names in FOLDERS.items()
        }
        if not any(found.values()):
            wanted = " or ".join(name for names in FOLDERS.values() for name in names)
            raise UserError(f"{homes[0]} holds no <video>.txt in {wanted}; obtain the corpus ({self.licence}).")
        for name in sorted(found["train"].keys() & found["dev"].keys()):
            raise UserError(f"{found['train'][name]} and {found['dev'][name]} rate the same video; take one away.")
        return found

    def _places(self) -> dict[str, str]:
        """Recording -> partition, of all that are rated or asked for."""
        rated = self._rated()
        places = {name: partition for partition, files in rated.items() for name in files}
        if self.split != "published":
            units = dealt(map(video_of, places), self.split, self.seed)
            places = {name: units[video_of(name)] for name in places}
        if self.unrated and self.test_list:
            places |= dict.fromkeys(self._tested(places), "test")
        return places

    def _tested(self, rated: dict[str, str]) -> list[str]:
        path = self.root() / self.test_list
        names = [line for line in text_lines(path) if line]
        for name in names:
            if name in rated:
                raise UserError(f"{path}: {name!r} is a test video here and a rated one of {rated[name]}; correct one.")
        return names

    def _crops(self) -> list[Path]:
        """The folders of crops."""
        home = child(self.root(), self.crops_in)
        return [path for path in visible(home) if path.is_dir()] if self.crops_in else []

    def _videos(self) -> dict[str, Path]:
        return videos_below(child(self.root(), self.videos_in))

    def _sharing(self, places: dict[str, str]) -> set[str]:
        """Recordings of people who share a video."""
        people = Counter(map(video_of, places))
        return {name for name in places if _PERSON.search(name) or people[video_of(name)] > 1}


def video_of(name: str) -> str:
    """The name of a recording's video, without `_left` or `_right`.

    Example:
        >>> video_of("135-24-1920x1080_left")
        '135-24-1920x1080'
    """
    return _PERSON.sub("", name)


def _rated_rows(planted: dict[str, np.ndarray], rows: int) -> Iterator[str]:
    """Rows of ratings at 30 a second, two of them with the mark of a discarded picture."""
    traces = [_twin.at(np.arange(rows) / 30, planted[target]) for target in COLUMNS]
    for number, (valence, arousal) in enumerate(zip(*traces, strict=True), start=1):
        marked = {21: (f"{DISCARD}", f"{arousal:.3f}"), 22: (f"{DISCARD}", f"{DISCARD}")}
        yield ",".join(marked.get(number, (f"{valence:.3f}", f"{arousal:.3f}")))
