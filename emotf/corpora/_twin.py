"""What the synthetic twins of published layouts are made of: planted affect, and bodies and raters that follow it.

All truth is a pair of smooth traces, arousal and valence in (-1, 1), at `CONTROL_HZ` (`_affect.affect`). Everything
else is a noisy function of them, so that a small model has something to find; none of it resembles any person.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.signal import fftconvolve

from emotf.collection import TWIN
from emotf.corpora._affect import affect
from emotf.corpora._composed import write_sound
from emotf.corpora._drawn_face import DrawnFace, wall
from emotf.corpora._layout import RECOLA_RATERS
from emotf.corpora._speech import CONTROL_HZ, RATE_HZ, draw_voice, smooth_noise, speak
from emotf.corpora.folder import visible
from emotf.errors import UserError
from emotf.files import write_text, written_aside
from emotf.media import video_writer

LAG = 0.6  # seconds by which the raters of a twin are late, on average


TRACES = "its file names, headers and rates, but planted\ntraces, computed signals and no people"


def begin(folder: Path, corpus: str, about: str, holds: str = TRACES) -> Path:
    """Makes the folder and its TWIN.txt, which comes first so that no part of a twin ever passes for the corpus.

    Args:
        folder: new or empty.
        corpus: whose layout it has.
        about: this twin.
        holds: what is the corpus's own here, and what is not.

    Raises:
        UserError: the folder holds something.
    """
    home = Path(folder).expanduser()
    if visible(home) or (home.exists() and not home.is_dir()):
        raise UserError(f"{home} is not an empty folder; choose another for the twin of {corpus}.")
    text = f"SYNTHETIC. Nothing here is of the corpus {corpus}: {holds}. Scores on it say nothing.\n\n{about}\n"
    write_text(home / TWIN, text)
    return home


def traces(rng: np.random.Generator, duration: float) -> dict[str, np.ndarray]:
    """Planted arousal, dominance and valence, each [frames] at `CONTROL_HZ`, one frame beyond the end."""
    frames = round(duration * CONTROL_HZ) + 1
    arousal, dominance, valence = affect(rng, frames, coupling=0.3)
    return {"arousal": arousal, "dominance": dominance, "valence": valence}


def at(times: np.ndarray, trace: np.ndarray) -> np.ndarray:
    """The trace at `times` (seconds, any shape); its first and last value beyond its ends."""
    return np.interp(times, np.arange(len(trace)) / CONTROL_HZ, trace)


def rate(rng: np.random.Generator, trace: np.ndarray, times: np.ndarray, raters: int) -> np.ndarray:
    """Ratings [frames, raters] in [-1, 1]: y_r(t) = g_r x(t - d_r) + b_r + noise_r(t), d_r around `LAG`."""
    rate_hz = 1 / (times[1] - times[0])
    found = []
    for _ in range(raters):
        delay, gain, offset = LAG + rng.uniform(-0.2, 0.2), rng.uniform(0.8, 1.2), rng.normal(0, 0.05)
        noise = 0.08 * smooth_noise(rng, len(times), rate_hz, 1.0)[:, 0]
        found.append(gain * at(times - delay, trace) + offset + noise)
    return np.clip(np.stack(found, axis=1), -1, 1)


def stream(
    mixing: np.random.Generator, rng: np.random.Generator, planted: dict[str, np.ndarray], times: np.ndarray, width: int
) -> np.ndarray:
    """Channels [frames, width] = offset + scale (w_a arousal + w_v valence + smooth noise).

    Args:
        mixing: decides weights, offsets and scales; the same for all recordings of a stream.
        rng: decides the noise of this recording.
        planted: traces.
        times: [frames] seconds.
        width: number of channels.
    """
    weights, offset = mixing.normal(size=(2, width)), mixing.normal(size=width)
    scale = np.exp(mixing.normal(size=width))
    known = np.stack([at(times, planted["arousal"]), at(times, planted["valence"])], axis=1)
    noise = 0.3 * smooth_noise(rng, len(times), 1 / (times[1] - times[0]), 0.5, width)
    return offset + scale * (known @ weights + noise)


def sound(voice: np.random.Generator, rng: np.random.Generator, planted: dict[str, np.ndarray]) -> np.ndarray:
    """Speech-like sound, int16 [samples] at `_speech.RATE_HZ`; `voice` decides the speaker, `rng` what is said."""
    named = [planted[name][:-1] for name in ("arousal", "dominance", "valence")]
    return speak(rng, draw_voice(voice, woman=bool(voice.integers(2))), *named)


def ecg(rng: np.random.Generator, arousal: np.ndarray, times: np.ndarray) -> np.ndarray:
    """An electrocardiogram in mV, [samples]: P, Q, R, S and T waves at 72 + 18 arousal beats a minute.

    The rate breathes (0.25 Hz, ±4 a minute). A wave is a bell curve at its share of the beat.
    """
    beats_hz = (72 + 18 * at(times, arousal) + 4 * np.sin(2 * np.pi * 0.25 * times + rng.uniform(0, 6))) / 60
    phase = (rng.uniform() + np.cumsum(beats_hz) * (times[1] - times[0])) % 1.0
    waves = ((0.15, 0.30, 0.025), (-0.12, 0.375, 0.010), (1.2, 0.40, 0.012), (-0.25, 0.425, 0.011), (0.3, 0.62, 0.040))
    beat = sum(size * np.exp(-0.5 * ((phase - place) / width) ** 2) for size, place, width in waves)
    drift = 0.05 * np.sin(2 * np.pi * 0.1 * times + rng.uniform(0, 6))
    return np.asarray(beat + drift + 0.01 * rng.standard_normal(len(times)))


def eda(rng: np.random.Generator, arousal: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Skin conductance in µS, [samples]: a slow level that follows arousal, and responses that come more often with it.

    A response rises in about 1 s and decays with 2.5 s.
    """
    step = times[1] - times[0]
    felt = at(times, arousal)
    comes = rng.random(len(times)) < step * 0.2 * np.exp(1.5 * felt)
    after = np.arange(0, 15, step)
    response = np.exp(-after / 2.5) - np.exp(-after / 0.7)
    phasic = fftconvolve(comes * rng.uniform(0.3, 1.0, len(times)), response)[: len(times)]
    return np.asarray(5 + 0.8 * felt + phasic + 0.002 * rng.standard_normal(len(times)))


def write_wav(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    """16-bit PCM at `rate_hz`, from int16 [samples] at `_speech.RATE_HZ`."""
    import soxr

    write_sound(path, soxr.resample(samples, RATE_HZ, rate_hz), rate_hz)


def write_lines(path: Path, lines: Iterable[str], end: str = "\n") -> None:
    """A text file, line by line, whole or not at all."""
    with written_aside(path) as aside:
        aside.write_bytes("".join(f"{line}{end}" for line in lines).encode("utf-8"))


def write_rows(path: Path, header: str, rows: Iterable[str], end: str = "\n") -> None:
    """A text table, line by line, whole or not at all."""
    write_lines(path, (header, *rows), end)


def rows(times: Iterable[str], values: np.ndarray, separator: str, decimals: int = 4) -> Iterable[str]:
    """Lines `time;value;value` of [frames, columns]."""
    cell: Callable[[float], str] = f"{{:.{decimals}f}}".format
    return (separator.join([time, *map(cell, line)]) for time, line in zip(times, values.tolist(), strict=True))


def write_recola_ratings(path: Path, times: np.ndarray, ratings: np.ndarray) -> None:
    """Ratings [frames, 6] under the header of RECOLA, five of whose names end in a blank."""
    header = f"time;{' ;'.join(RECOLA_RATERS)}"
    write_rows(path, header, rows((f"{time:.2f}" for time in times), ratings, ";"))


FACE_PIXELS = 96
CROP_PIXELS = 64
GAP_FRAMES = 5
UNITS = tuple(f"AU{unit:02d}_r" for unit in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45))


def drawn(rng: np.random.Generator, planted: dict[str, np.ndarray], times: np.ndarray) -> list[DrawnFace]:
    """A face at each of `times` (evenly spaced): valence lifts the corners of the mouth, arousal opens the mouth and
    lifts the brows; `rng` sways the head."""
    valence, arousal = at(times, planted["valence"]), at(times, planted["arousal"])
    turn = 0.2 * smooth_noise(rng, len(times), 1 / (times[1] - times[0]), 1.0)[:, 0].clip(-2, 2)
    return [DrawnFace(v, 0.5 + 0.5 * a, 3 * a, t) for v, a, t in zip(valence, arousal, turn, strict=True)]


Person = tuple[np.random.Generator, dict[str, np.ndarray]]


def write_film(path: Path, times: np.ndarray, people: Sequence[Person]) -> list[list[DrawnFace]]:
    """An mp4 of drawn faces side by side, and their voices together.

    Args:
        path: of the video.
        times: [frames] seconds, evenly spaced from 0.
        people: each with what decides the sway of the head and the voice, and planted traces.

    Returns:
        The face of each person in every picture.
    """
    faces = [drawn(rng, planted, times) for rng, planted in people]
    voices = sum(sound(rng, rng, planted) // len(people) for rng, planted in people)
    with TemporaryDirectory() as aside:
        heard = Path(aside) / "voices.wav"
        write_wav(heard, np.asarray(voices, np.int16), RATE_HZ)
        with video_writer(path, 1 / (times[1] - times[0]), sound_from=heard) as write:
            for shown in zip(*faces, strict=True):
                write(np.hstack([face.picture(FACE_PIXELS) for face in shown]))
    return faces


def write_crops(folder: Path, faces: Sequence[DrawnFace], missing: Collection[int]) -> None:
    """JPEG files of a face, `00001.jpg` and on; those of the missing numbers are not there."""
    for number, face in enumerate(faces, start=1):
        if number not in missing:
            write_picture(folder / f"{number:05d}.jpg", face.picture(CROP_PIXELS))


def write_picture(path: Path, picture: np.ndarray) -> None:
    """A file of the kind that the suffix says, from uint8 rgb [height, width, 3]."""
    from PIL import Image

    with written_aside(path) as aside:
        Image.fromarray(picture).save(aside)


def write_face(
    video: Path, table: Path, rng: np.random.Generator, planted: dict[str, np.ndarray], times: np.ndarray
) -> None:
    """An mp4 of a drawn face, and the table that OpenFace 2 might write of it; half way the face is gone for a moment.

    Valence lifts the corners of the mouth, arousal the brows, and both move the action units; the head sways.

    Args:
        video, table: the files.
        rng: decides the sway and the noise of the units.
        planted: traces.
        times: [frames] seconds, evenly spaced.
    """
    faces = drawn(rng, planted, times)
    with video_writer(video, 1 / (times[1] - times[0])) as write:
        for face, gone in zip(faces, _gone(times), strict=True):
            write(wall(FACE_PIXELS) if gone else face.picture(FACE_PIXELS))
    _write_openface(table, times, [face.points(FACE_PIXELS) for face in faces], faces, (rng, planted))


def write_landmarks(
    home: Path, name: str, times: np.ndarray, faces: Sequence[DrawnFace], person: Person, place: int = 0
) -> None:
    """What OpenFace 2 and OpenPose might write of one face of a film, which both lose half way for a moment.

    Args:
        home: of the corpus: `OpenFace/<name>.csv` and `openpose/<name>/` are written.
        name: of the recording.
        times: [frames] seconds, evenly spaced.
        faces: of the person in every picture.
        person: whose traces and noise move the action units.
        place: of the face in pictures of several side by side, from the left.
    """
    points = [face.points(FACE_PIXELS) + np.array([place * FACE_PIXELS, 0]) for face in faces]
    _write_openface(home / "OpenFace" / f"{name}.csv", times, points, faces, person)
    folder = home / "openpose" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", dir=folder.parent) as aside:  # flushing every small file would take seconds
        written = Path(aside) / name
        written.mkdir()
        for frame, (seen, gone) in enumerate(zip(points, _gone(times), strict=True)):
            content = {"version": 1.3, "people": [] if gone else [_openpose_person(seen)]}
            (written / f"{name}_{frame:012d}_keypoints.json").write_text(json.dumps(content), encoding="utf-8")
        written.rename(folder)


def _gone(times: np.ndarray) -> np.ndarray:
    """Where a face is gone, half way, bool [frames]."""
    return np.asarray(np.abs(np.arange(len(times)) - len(times) // 2) <= GAP_FRAMES // 2)


def _write_openface(
    table: Path, times: np.ndarray, points: Sequence[np.ndarray], faces: Sequence[DrawnFace], person: Person
) -> None:
    rng, planted = person
    units = stream(np.random.default_rng(len(UNITS)), rng, planted, times, len(UNITS)).clip(0, 5)
    lines = []
    for frame, (time, gone) in enumerate(zip(times, _gone(times), strict=True)):
        seen = np.concatenate([[0, faces[frame].turn, 0], points[frame].T.ravel(), units[frame]])
        cells = (np.zeros_like(seen) if gone else seen).tolist()
        sure = (0.0, 0) if gone else (0.98, 1)
        start = f"{frame + 1}, 0, {time:.3f}, {sure[0]:.2f}, {sure[1]}"
        lines.append(", ".join([start, *(f"{cell:.3f}" for cell in cells)]))
    columns = [f"pose_R{axis}" for axis in "xyz"] + [f"{axis}_{point}" for axis in "xy" for point in range(68)]
    write_rows(table, ", ".join(["frame, face_id, timestamp, confidence, success", *columns, *UNITS]), lines)


def _openpose_person(points: np.ndarray) -> dict[str, list[float]]:
    """Somebody of whom the picture shows the head: of BODY_25 nose, neck, eyes and ears, and 70 points of the face.

    Args:
        points: the 68 of the usual scheme, [68, 2] pixels.
    """
    pupils = np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0)])
    body = np.zeros((25, 3))
    body[[0, 1, 15, 16, 17, 18], :2] = [points[30], points[8] + [0, 8], *pupils, points[0], points[16]]
    body[[0, 1, 15, 16, 17, 18], 2] = 0.8
    face = np.column_stack([np.concatenate([points, pupils]), np.full(70, 0.7)])
    hands: dict[str, list[float]] = {f"hand_{side}_keypoints_2d": [] for side in ("left", "right")}
    whole = {"pose_keypoints_2d": body, "face_keypoints_2d": face}
    return {"person_id": [-1], **{name: rows.round(2).ravel().tolist() for name, rows in whole.items()}, **hands}
