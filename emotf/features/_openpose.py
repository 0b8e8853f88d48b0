"""Folders of OpenPose's JSON files: numbers in names, its body models, and one person followed through a crowd."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emotf.content import check_frames
from emotf.errors import UserError
from emotf.files import read_json

# The 18 key points of COCO's order (`emotf.media.pose.BODY18`) in the order of each model: one number, or two whose
# middle it is. BODY_25 has mid-hip (8) and feet (19 to 24) besides. BODY_25B begins as MS-COCO does and has no neck
# between the shoulders (its 17 lies higher).
ORDERS = {
    "coco": np.array([(k, k) for k in range(18)]),
    "body_25": np.array([(k, k) for k in (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)]),
    "body_25b": np.array([
        (0, 0), (5, 6), (6, 6), (8, 8), (10, 10), (5, 5), (7, 7), (9, 9),  # nose, neck, right arm, left arm
        (12, 12), (14, 14), (16, 16), (11, 11), (13, 13), (15, 15),  # right leg, left leg
        (2, 2), (1, 1), (4, 4), (3, 3),  # right eye, left eye, right ear, left ear
    ]),
}  # fmt: skip
MODELS = ("body_25", "body_25b")
BODY, FACE = "pose_keypoints_2d", "face_keypoints_2d"
# Key points of a list -> what has as many.
SIZES = {BODY: {25: "BODY_25", 18: "COCO"}, FACE: {70: "a face"}}
FACE_POINTS = 70

# What is joined in the body, of the 18: arms, legs, trunk, face.
LIMBS = np.array([
    (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (11, 12), (12, 13), (1, 2), (1, 5), (1, 8), (1, 11), (1, 0),
    (0, 14), (14, 16), (0, 15), (15, 17),
])  # fmt: skip
# Read in the wrong order, limbs are longer: they join what is far apart. So much shorter, the other order is right.
SHORTER = 0.7

# Key points may move by this share of the body's extent, on average, from one frame to the next; more is someone else.
REACH = 0.25
# Seconds that somebody who is lost is waited for, as with faces.
PATIENCE = 0.5


class Person(NamedTuple):
    """Somebody in one frame.

    Attributes:
        name: his id; -1 where people were not tracked.
        points: key points [points, 3] as written, of the body; of the face where bodies were not looked for.
        face: [70, 3] as written; [0, 3] where faces were not looked for, or are not asked for.
    """

    name: int
    points: np.ndarray
    face: np.ndarray


NO_POINTS = np.zeros((0, 3), np.float32)


def read_bodies(folder: Path, rate_hz: float, model: str = "body_25", first: int = -1) -> np.ndarray:
    """The body of the person who is followed in a folder of JSON files (`followed`).

    Args:
        folder: one file a frame.
        rate_hz: frames a second.
        model: which body model 75 numbers are of, `body_25` or `body_25b`; 54 are COCO's.
        first: number of the frame at 0 s; -1: the lowest in the folder.

    Returns:
        float32 [frames, 18, 3]: x, y as written and confidence, 0 to 1; 0, 0, 0 where a key point is missing, and all 0
        in frames in which he is not, and of numbers without a file.

    Raises:
        UserError: names or files are not as OpenPose writes them, or they are of the other model.
    """
    frames, found = followed(folder, rate_hz, first)
    rows = np.zeros((frames, 18, 3), np.float32)
    if found:
        rows[list(found)] = _ordered(folder, np.stack([person.points for person in found.values()]), model)
    return rows


def read_faces(folder: Path, rate_hz: float, first: int = -1) -> np.ndarray:
    """The face of the person who is followed in a folder of JSON files (`followed`); the arguments of `read_bodies`.

    Returns:
        float32 [frames, 70, 3], as of `read_bodies`; all 0 also where his face was not found.

    Raises:
        UserError: names or files are not as OpenPose writes them, or it looked for no faces.
    """
    frames, found = followed(folder, rate_hz, first, faces=True)
    rows = np.zeros((frames, FACE_POINTS, 3), np.float32)
    seen = {place: person.face for place, person in found.items() if len(person.face)}
    if found and not seen:
        raise UserError(f"{folder} holds people but no points of a face; OpenPose was run without --face: run it anew.")
    if seen:
        rows[list(seen)] = np.stack(list(seen.values()))
    return rows


def followed(folder: Path, rate_hz: float, first: int = -1, faces: bool = False) -> tuple[int, dict[int, Person]]:
    """The person in a folder of JSON files; of several people, one that is followed.

    The first frame with people shows whom: the largest. From frame to frame he is who bears his `person_id`, where
    OpenPose tracked people (0 and up); else who lies nearest to where he was last seen, on average over the key points
    of both, if that is within a quarter of his extent (the diagonal of the box round his key points). Somebody who is
    lost is waited for for 0.5 s; then the largest person is followed.

    Args:
        folder: one file a frame.
        rate_hz: frames a second.
        first: number of the frame at 0 s; -1: the lowest in the folder.
        faces: read faces too, and take people without a body for their faces.

    Returns:
        The number of frames, and frame (from 0 at `first`) -> him, where he is.
    """
    files = numbered(folder)
    lowest, last = min(files), max(files)
    if first > lowest:
        raise UserError(f"{folder} begins with frame {lowest}, before first_frame {first}; choose {lowest} or less.")
    first = lowest if first < 0 else first
    check_frames(folder, last - first + 1)
    found: dict[int, Person] = {}
    before: Person | None = None
    seen = size = 0
    for number, path in files.items():
        people = _people(path, faces)
        size = size or (len(people[0].points) if people else 0)
        if any(len(person.points) != size for person in people):
            raise UserError(f"{path} is of another body model than the files before it; use one for a recording.")
        if before is not None and number - seen < PATIENCE * rate_hz:
            him = again(before, people)
        else:
            him = max(people, key=lambda person: _extent(person.points), default=None)
        if him is not None:
            before, seen, found[number - first] = him, number, him
    return last - first + 1, found


def numbered(folder: Path) -> dict[int, Path]:
    """Frame number (the last digits of the name) -> JSON file, in the order of the numbers.

    Raises:
        UserError: the folder holds no JSON files, one without a number, files of two recordings, or one number twice.
    """
    files: dict[int, Path] = {}
    names: dict[str, Path] = {}
    for path in sorted(folder.glob("*.json")):
        digits = re.search(r"\d+(?=\D*$)", path.stem)
        if digits is None:
            raise UserError(f"{path} has no frame number in its name; expected names such as video_000000000000.json.")
        names.setdefault(path.stem[: digits.start()] + "#" + path.stem[digits.end() :], path)
        if len(names) > 1:
            one, other = (file.name for file in names.values())
            raise UserError(f"{folder} holds files of two names ({one}, {other}); give each recording its own folder.")
        number = int(digits[0])
        if number in files:
            raise UserError(f"{folder} holds frame {number} twice ({files[number].name}, {path.name}); delete one.")
        files[number] = path
    if not files:
        raise UserError(f"{folder} holds no .json files; expected a folder of those that OpenPose writes, one a frame.")
    return dict(sorted(files.items()))


def again(before: Person, people: list[Person]) -> Person | None:
    """Who of these people is the one followed so far."""
    for person in people:
        if before.name >= 0 and person.name == before.name:
            return person
    nearest = min(people, key=lambda person: _distance(before.points, person.points), default=None)
    near = nearest and _distance(before.points, nearest.points) <= REACH * _extent(before.points)
    return nearest if near else None


def body18(points: np.ndarray, model: str) -> np.ndarray:
    """Key points [..., points, 3] of a model as COCO's [..., 18, 3]; a middle needs both ends."""
    pairs = points[..., ORDERS[model], :]
    there = (pairs[..., 2] > 0).all(axis=-1, keepdims=True)
    return np.where(there, pairs.mean(axis=-2), 0)


def limbs(bodies: np.ndarray) -> np.ndarray:
    """Lengths of all limbs whose ends are there, of key points [frames, 18, 3]."""
    ends = bodies[:, LIMBS]
    there = (ends[..., 2] > 0).all(axis=-1)
    return np.asarray(np.linalg.norm(ends[:, :, 0, :2] - ends[:, :, 1, :2], axis=-1)[there])


def _ordered(folder: Path, points: np.ndarray, model: str) -> np.ndarray:
    """Key points [frames, points, 3] in COCO's order; refuses those of the other model of 25."""
    if points.shape[1] == 18:
        return body18(points, "coco")
    other = MODELS[1 - MODELS.index(model)]
    bodies = body18(points, model)
    mine, others = limbs(bodies), limbs(body18(points, other))
    if 0 < len(mine) < 2 * len(others) and others.mean() < SHORTER * mine.mean():
        raise UserError(
            f"{folder}: read as {model}, limbs are {mine.mean():.4g} long on average, as {other} {others.mean():.4g}, "
            f"so it is of {other}; choose model={other}."
        )
    return bodies


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of the key points that both have; infinite where they share none."""
    both = (one[:, 2] > 0) & (other[:, 2] > 0)
    return float(np.linalg.norm(one[both, :2] - other[both, :2], axis=1).mean()) if both.any() else np.inf


def _extent(points: np.ndarray) -> float:
    """Diagonal of the box round the key points that are there."""
    return float(np.linalg.norm(np.ptp(points[points[:, 2] > 0, :2], axis=0)))


def _people(path: Path, faces: bool) -> list[Person]:
    """Everybody of whom there is a key point."""
    content = read_json(path)
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise UserError(f"{path} has no list 'people'; expected a file that OpenPose wrote (--write_json).")
    found = [_person(path, place, person, faces) for place, person in enumerate(people)]
    return [person for person in found if person.points.any()]


def _person(path: Path, place: int, content: Any, faces: bool) -> Person:
    lists = content if isinstance(content, dict) else {}
    face = _points(path, place, lists, FACE) if faces and lists.get(FACE) else NO_POINTS
    points = face if len(face) and lists.get(BODY) == [] else _points(path, place, lists, BODY)
    match lists.get("person_id"):
        case [int(name)]:
            return Person(name, points, face)
        case _:
            return Person(-1, points, face)


def _points(path: Path, place: int, lists: dict[str, Any], name: str) -> np.ndarray:
    """One list of a person, float32 [points, 3]; 0, 0, 0 where a point is missing."""
    numbers, sizes = lists.get(name), {3 * count: what for count, what in SIZES[name].items()}
    if not isinstance(numbers, list) or len(numbers) not in sizes:
        held = f"{len(numbers)} numbers" if isinstance(numbers, list) else "no list"
        expected = " or ".join(f"{count} ({what})" for count, what in sizes.items())
        raise UserError(f"{path}, person {place}: {name!r} holds {held}, expected {expected}.")
    try:
        points = np.array([float(number) for number in numbers], np.float32).reshape(-1, 3)
    except (TypeError, ValueError, OverflowError):  # JSON's whole numbers know no end
        points = np.full((1, 3), np.nan, np.float32)
    if not np.isfinite(points).all():
        raise UserError(f"{path}, person {place}: {name!r} holds something that is no number.")
    points[points[:, 2] <= 0] = 0
    points[:, 2] = np.minimum(points[:, 2], 1)  # interpolated peaks of heat maps can rise a hair above 1
    return points
