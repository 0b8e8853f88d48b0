"""AFEW-VA: clips from films as folders of pictures, valence and arousal of every picture.

    <dir>/01/001/00000.png, 00001.png, ...            medium pictures, a folder; numbers start at 0
    <dir>/01/001/001.json                             {"frames": {"00000": {"valence": 3, "arousal": -2,
                                                      "landmarks": [[x, y], ... 68]}, ...}}
    <dir>/<openface_in>/001.csv                       medium openface, and
    <dir>/<openpose_in>/001/*.json                    medium openpose: what the user made of the pictures with OpenFace
                                                      2 and OpenPose; not of the release

Clips may also lie in `dir` itself, without the folders 01, 02, ... Ratings are whole numbers from -10 to 10 and become
x / 10. There is no sound, and nothing says how many pictures there are a second: `rate_hz` must.

Streams are made of videos. With `streams_to`, `prepare` writes the pictures of each clip as an mp4 file there (H.264,
nearly without loss): medium `video`. The landmarks of the JSON are not read.

There is no official partition. Clips are dealt to train and dev (`split`) by actor where the JSON has a text `actor`,
which then is the subject; a clip without one is its own subject, and its actor may be on both sides of the split.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from emotf.content import check_frames
from emotf.corpora import _derived, _twin
from emotf.corpora._examination import Finding
from emotf.corpora._landmarks import Landmarked
from emotf.corpora._per_frame import TARGETS, dealt
from emotf.corpora.folder import visible
from emotf.errors import UserError
from emotf.files import read_json, write_json
from emotf.media import video_writer
from emotf.media.still import read_still
from emotf.progress import progress
from emotf.recording import Recording
from emotf.track import Track

REACH = 10  # of a rating, to either side
TWIN_HZ = 25

# The actor, empty where none is named; and target -> number of the picture -> rating.
Content = tuple[str, dict[str, dict[int, int]]]


@dataclass
class AfewVa(Landmarked):
    """AFEW-VA (see the module; `emotf.corpora._landmarks` describes `openface_in` and `openpose_in`).

    Attributes:
        dir: the folder that holds the clips.
        rate_hz: pictures a second, your assumption; must be set.
        split: shares of train and dev (and test) that subjects are dealt to: `70:30`, `90:10`, `80:10:10`.
        seed: decides who is dealt where; 0 or above.
        streams_to: a folder of your own for the clips as videos; empty for none.
    """

    rate_hz: float = 0.0
    split: str = "70:30"
    seed: int = 0
    streams_to: str = ""

    licence: ClassVar[str] = "AFEW-VA: ask its authors, the iBUG group; on their terms"
    targets_are: ClassVar[str] = "continuous ratings of AFEW-VA, one a picture, clips from films"

    @property
    def targets(self) -> tuple[str, ...]:
        return TARGETS

    def prepare(self) -> None:
        """Writes the pictures of every clip as a video into `streams_to`, where that is set; keeps what is there.

        Raises:
            UserError: pictures are missing in between, damaged or of different sizes, or `streams_to` holds something
                else.
        """
        if not self.streams_to:
            return
        clips = {name: numbered(folder) for name, folder in self._clips().items()}
        files = [path for pictures in clips.values() for path in pictures.values()]
        home = _derived.claim(self.streams_to, files, rate_hz=self._rate())
        missing = {name: pictures for name, pictures in clips.items() if not (home / f"{name}.mp4").is_file()}
        for name, pictures in progress(list(missing.items()), "clips as videos"):
            _write_video(home / f"{name}.mp4", pictures, self._rate())

    def recordings(self) -> tuple[Recording, ...]:
        """All clips, sorted by id.

        Raises:
            UserError: `rate_hz` is not set, there are no clips, or a JSON is damaged or has a rating that is no whole
                number from -10 to 10.
        """
        self._rate()
        clips, landmarks = self._clips(), self._landmarks()
        subjects = {name: _content(folder)[0] or name for name, folder in clips.items()}
        places = dealt(subjects.values(), self.split, self.seed)
        home = Path(self.streams_to).expanduser()
        found = []
        for name, folder in sorted(clips.items()):
            media = {"pictures": folder} | ({"video": home / f"{name}.mp4"} if self.streams_to else {})
            media |= {medium: files[name] for medium, files in landmarks.items() if name in files}
            found.append(Recording(name, subjects[name], media, partition=places[subjects[name]]))
        return tuple(found)

    def ratings(self, recording: Recording, target: str) -> Track | None:
        """The published ratings in -1..1, channel `gold`; NaN for a picture that the JSON leaves out.

        Raises:
            UserError: `rate_hz` is not set, or the JSON is damaged.
        """
        if target not in TARGETS:
            raise UserError(f"Corpus 'afew_va' has no target {target!r}; it has: {', '.join(TARGETS)}.")
        rated = _content(recording.medium("pictures"))[1][target]
        check_frames(recording.medium("pictures"), max(rated) + 1)
        values = np.full((max(rated) + 1, 1), np.nan)
        for number, value in rated.items():
            values[number] = value / REACH
        return Track(values, 1 / self._rate(), channels=("gold",))

    def notes(self) -> tuple[str, ...]:
        """That the rate is assumed, who is nobody's clip, and whose pictures and ratings are not the same."""
        found = [f"{self.rate_hz:g} pictures a second are your assumption (rate_hz); the corpus does not say"]
        recordings, odd = self.recordings(), []
        alone = [r.id for r in recordings if r.subject == r.id]
        if alone:
            found.append(f"{len(alone)} of {len(recordings)} clips name no actor and are their own subject: one actor "
                         f"may be on both sides of the split")  # fmt: skip
        for recording in recordings:
            rated = _content(recording.medium("pictures"))[1][TARGETS[0]].keys()
            there = numbered(recording.medium("pictures")).keys()
            if rated != there:
                odd.append(f"{recording.id} ({len(rated - there)} ratings without a picture, "
                           f"{len(there - rated)} pictures without a rating)")  # fmt: skip
        if odd:
            found.append(f"{len(odd)} clips have other pictures than ratings: {', '.join(odd)}")
        return tuple(found)

    def layout(self) -> Iterator[Finding]:
        """The clips, and traces that never move."""
        clips = self._clips()
        yield Finding("clips", f"{len(clips)} folders with a JSON of their name", "600 as published")
        yield from self._landmarks_layout(clips)
        if not self.streams_to:
            yield Finding("streams_to", "not set", advice="set it to a folder of your own to have the clips as videos")
        still = []
        for recording in self.recordings():
            rated = _content(recording.medium("pictures"))[1]
            still += [f"{recording.id} {target}" for target in TARGETS if len(set(rated[target].values())) == 1]
        advice = "CCC with a constant trace is undefined: score over all clips together" if still else ""
        yield Finding("constant traces", ", ".join(still) or "none", advice=advice)

    def write_twin(self, folder: Path, seed: int = 0, clips: int = 6, duration: float = 2.0) -> Self:
        """A twin: pictures of a drawn face that follows valence and arousal, 25 a second.

        The first two clips name one actor, the next two another, the others none. Beside them lies what OpenFace and
        OpenPose might have found, who lose the face half way for five pictures.

        Args:
            folder: new or empty.
            seed: decides all content.
            clips: 4 or more.
            duration: seconds of a clip, a multiple of 0.04.
        """
        home = _twin.begin(folder, self.name, f"AFEW-VA, {clips} clips of {duration:g} s.")
        times = np.arange(round(duration * TWIN_HZ)) / TWIN_HZ
        for number in range(1, clips + 1):
            rng, name = np.random.default_rng([seed, number]), f"{number:03d}"
            clip = home / f"{1 + (number - 1) // 3:02d}" / name
            planted = _twin.traces(rng, duration)
            rated = {target: np.round(REACH * _twin.at(times, planted[target])).astype(int) for target in TARGETS}
            frames = {}
            faces = _twin.drawn(rng, planted, times)
            for place, face in enumerate(faces):
                _twin.write_picture(clip / f"{place:05d}.png", face.picture(_twin.FACE_PIXELS))
                points = face.points(_twin.FACE_PIXELS).round(2).tolist()
                own = {target: int(values[place]) for target, values in rated.items()}
                frames[f"{place:05d}"] = {"landmarks": points, **own}
            actor = {"actor": f"drawing {(number + 1) // 2}"} if number <= 4 else {}
            write_json(clip / f"{name}.json", {**actor, "frames": frames})
            _twin.write_landmarks(home, name, times, faces, (rng, planted))
        return replace(self, dir=str(home), rate_hz=float(TWIN_HZ), streams_to=str(home / "streams"),
                       openface_in="OpenFace", openpose_in="openpose")  # fmt: skip

    def _rate(self) -> float:
        if not 0 < self.rate_hz <= 1000:
            raise UserError(f"AFEW-VA does not say how many pictures there are a second, and rate_hz is "
                            f"{self.rate_hz:g}; set it to the rate that you assume, for example 25.")  # fmt: skip
        return self.rate_hz

    def _clips(self) -> dict[str, Path]:
        """Clip -> folder, which holds a JSON of its name."""
        home, found = self.root(), dict[str, Path]()
        for folder in [*_folders(home), *(inner for part in _folders(home) for inner in _folders(part))]:
            if (folder / f"{folder.name}.json").is_file():
                if folder.name in found:
                    raise UserError(f"{folder} and {found[folder.name]} are the same clip; take one away.")
                found[folder.name] = folder
        if not found:
            raise UserError(f"{home} holds no clip (01/001/001.json beside 00000.png); set dir to the folder of the "
                            f"clips, or obtain the corpus ({self.licence}).")  # fmt: skip
        return found


def _folders(home: Path) -> list[Path]:
    return [path for path in visible(home) if path.is_dir()]


def _content(clip: Path) -> Content:
    """What the JSON of a clip's folder says."""
    path = clip / f"{clip.name}.json"
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1024)
def _read(path: Path, changed: int) -> Content:
    """See `_content`; `changed` makes a changed file another one."""
    del changed
    content = read_json(path)
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, dict) or not frames or not all(key.isdecimal() and len(key) < 10 for key in frames):
        raise UserError(f"{path} has no 'frames' with numbers such as \"00000\" as keys; restore the file.")
    rated: dict[str, dict[int, int]] = {target: {} for target in TARGETS}
    for key, frame in frames.items():
        for target in TARGETS:
            value = frame.get(target) if isinstance(frame, dict) else None
            if isinstance(value, bool) or not isinstance(value, int) or abs(value) > REACH:
                raise UserError(f"{path}: frame {key} has {target} {value!r}, expected a whole number from -{REACH} to "
                                f"{REACH}; restore the file.")  # fmt: skip
            if int(key) in rated[target]:
                raise UserError(f"{path}: frame {int(key)} is there twice; restore the file.")
            rated[target][int(key)] = value
    actor = content.get("actor")
    return (actor.strip() if isinstance(actor, str) else ""), rated


def numbered(folder: Path) -> dict[int, Path]:
    """Number, from 0 -> picture of a clip, in the order of numbers.

    Raises:
        UserError: a picture has no number for a name, or two have the same.
    """
    found: dict[int, Path] = {}
    for path in visible(folder):
        if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            continue
        if not path.stem.isdecimal() or int(path.stem) in found:
            raise UserError(f"{path} is not named by a number of its own, such as 00000.png; rename it or take it "
                            f"away.")  # fmt: skip
        found[int(path.stem)] = path
    return dict(sorted(found.items()))


def _write_video(path: Path, pictures: dict[int, Path], rate_hz: float) -> None:
    if list(pictures) != list(range(len(pictures))) or not pictures:
        lost = next(number for number in range(len(pictures) + 1) if number not in pictures)
        raise UserError(f"Clip {path.stem} lacks picture {lost:05d}, so what follows has no place in its video; "
                        f"restore it, or take the clip away.")  # fmt: skip
    with video_writer(path, rate_hz) as write:
        for picture in pictures.values():
            write(read_still(picture, "RGB"))
