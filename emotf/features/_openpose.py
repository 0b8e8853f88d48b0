"""Folders of OpenPose's JSON files: numbers in names, its body models, and one person followed through a crowd."""

import re
from pathlib import Path
from typing import Any

import numpy as np

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
POINTS = (25, 18)

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

Person = tuple[int, np.ndarray]  # id, -1 where people were not tracked, and key points [points, 3] as written


def read_openpose(folder: Path, rate_hz: float, model: str = "body_25", first: int = -1) -> np.ndarray:
    """The person in a folder of JSON files; of several people, one that is followed.

    The first frame with people shows whom: the largest. From frame to frame he is who bears his `person_id`, where
    OpenPose tracked people (0 and up); else who lies nearest to where he was last seen, on average over the key points
    of both, if that is within a quarter of his extent (the diagonal of the box round his key points). Somebody who is
    lost is waited for for 0.5 s; then the largest person is followed.

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
    files = numbered(folder)
    lowest, last = min(files), max(files)
    if first > lowest:
        raise UserError(f"{folder} begins with frame {lowest}, before first_frame {first}; choose {lowest} or less.")
    first = lowest if first < 0 else first
    found: dict[int, np.ndarray] = {}
    followed: Person | None = None
    seen = size = 0
    for number, path in files.items():
        people = _people(path)
        size = size or (len(people[0][1]) if people else 0)
        if any(len(points) != size for _, points in people):
            raise UserError(f"{path} is of another body model than the files before it; use one for a recording.")
        if followed is not None and number - seen < PATIENCE * rate_hz:
            person = again(followed, people)
        else:
            person = max(people, key=lambda person: _extent(person[1]), default=None)
        if person is not None:
            followed, seen, found[number] = person, number, person[1]
    rows = np.zeros((last - first + 1, 18, 3), np.float32)
    if found:
        rows[np.array(list(found)) - first] = _ordered(folder, np.stack(list(found.values())), model)
    return rows


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


def again(followed: Person, people: list[Person]) -> Person | None:
    """Who of these people is the one followed so far."""
    name, last = followed
    for person in people:
        if name >= 0 and person[0] == name:
            return person
    nearest = min(people, key=lambda person: _distance(last, person[1]), default=None)
    return nearest if nearest and _distance(last, nearest[1]) <= REACH * _extent(last) else None


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


def _people(path: Path) -> list[Person]:
    """Everybody of whom there is a key point."""
    content = read_json(path)
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise UserError(f"{path} has no list 'people'; expected a file that OpenPose wrote (--write_json).")
    found = [_person(path, place, person) for place, person in enumerate(people)]
    return [person for person in found if person[1].any()]


def _person(path: Path, place: int, person: Any) -> Person:
    numbers = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
    if not isinstance(numbers, list) or len(numbers) not in [3 * count for count in POINTS]:
        held = f"{len(numbers)} numbers" if isinstance(numbers, list) else "no list"
        raise UserError(
            f"{path}, person {place}: 'pose_keypoints_2d' holds {held}, expected 75 (BODY_25) or 54 (COCO)."
        )
    try:
        points = np.array([float(number) for number in numbers], np.float32).reshape(-1, 3)
    except (TypeError, ValueError):
        points = np.full((1, 3), np.nan, np.float32)
    if not np.isfinite(points).all():
        raise UserError(f"{path}, person {place}: 'pose_keypoints_2d' holds something that is no number.")
    points[points[:, 2] <= 0] = 0
    points[:, 2] = np.minimum(points[:, 2], 1)  # interpolated peaks of heat maps can rise a hair above 1
    match person.get("person_id"):
        case [int(name)]:
            return name, points
        case _:
            return -1, points
