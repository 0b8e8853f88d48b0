"""Folders of OpenPose's JSON files: numbers in names, both body models, and one person followed through a crowd."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from emotf.errors import UserError
from emotf.files import read_json

# numbers in a file -> the 18 of COCO's order: BODY_25 has them too, but for mid-hip (8) and feet (19 to 24)
ORDERS = {
    3 * 18: tuple(range(18)),
    3 * 25: (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18),
}
# Key points may move by this share of the body's extent, on average, from one frame to the next; more is someone else.
REACH = 0.25
# Seconds that somebody who is lost is waited for, as with faces.
PATIENCE = 0.5

Person = tuple[int, np.ndarray]  # id, -1 where people were not tracked, and key points [18, 3]


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
        if int(digits[0]) in files:
            raise UserError(f"{folder} holds frame {int(digits[0])} twice ({files[int(digits[0])].name}, {path.name}).")
        files[int(digits[0])] = path
    if not files:
        raise UserError(f"{folder} holds no .json files; expected those that OpenPose writes, one a frame.")
    return dict(sorted(files.items()))


def read_openpose(folder: Path, rate_hz: float, first: int = -1) -> np.ndarray:
    """The person in a folder of JSON files; of several people, one that is followed.

    The first frame with people shows whom: the largest. From frame to frame he is who bears his `person_id`, where
    OpenPose tracked people (0 and up); else who lies nearest to where he was last seen, on average over the key points
    of both, if that is within a quarter of his extent (the diagonal of the box round his key points). Somebody who is
    lost is waited for for 0.5 s; then the largest person is followed.

    Args:
        folder: one file a frame.
        rate_hz: frames a second.
        first: number of the frame at 0 s; -1: the lowest in the folder.

    Returns:
        float32 [frames, 18, 3]: x, y as written and confidence, 0 to 1; 0, 0, 0 where a key point is missing, and all 0
        in frames in which he is not, and of numbers without a file.

    Raises:
        UserError: names or files are not as OpenPose writes them.
    """
    files = numbered(folder)
    lowest, last = min(files), max(files)
    if first > lowest:
        raise UserError(f"{folder} begins with frame {lowest}, before first_frame {first}; choose {lowest} or less.")
    first = lowest if first < 0 else first
    rows = np.zeros((last - first + 1, 18, 3), np.float32)
    followed: Person | None = None
    seen = 0
    for number, path in files.items():
        people = _people(path)
        if followed is not None and number - seen < PATIENCE * rate_hz:
            person = again(followed, people)
        else:
            person = max(people, key=lambda person: _extent(person[1]), default=None)
        if person is not None:
            followed, seen, rows[number - first] = person, number, person[1]
    return rows


def again(followed: Person, people: list[Person]) -> Person | None:
    """Who of these people is the one followed so far."""
    name, last = followed
    for person in people:
        if name >= 0 and person[0] == name:
            return person
    nearest = min(people, key=lambda person: _distance(last, person[1]), default=None)
    return nearest if nearest and _distance(last, nearest[1]) <= REACH * _extent(last) else None


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of the key points that both have; infinite where they share none."""
    both = (one[:, 2] > 0) & (other[:, 2] > 0)
    return float(np.linalg.norm(one[both, :2] - other[both, :2], axis=1).mean()) if both.any() else np.inf


def _extent(points: np.ndarray) -> float:
    """Diagonal of the box round the key points that are there; 0 of nobody."""
    there = points[points[:, 2] > 0, :2]
    return float(np.linalg.norm(np.ptp(there, axis=0))) if len(there) else 0.0


def _people(path: Path) -> list[Person]:
    """Id and key points, float32 [18, 3], of everybody of whom there is a key point."""
    content = read_json(path)
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise UserError(f"{path} has no list 'people'; expected a file that OpenPose wrote (--write_json).")
    found = [_person(path, place, person) for place, person in enumerate(people)]
    return [person for person in found if person[1].any()]


def _person(path: Path, place: int, person: Any) -> Person:
    numbers = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
    if not isinstance(numbers, list) or len(numbers) not in ORDERS:
        held = f"{len(numbers)} numbers" if isinstance(numbers, list) else "no list"
        raise UserError(
            f"{path}, person {place}: 'pose_keypoints_2d' holds {held}, expected 75 (BODY_25) or 54 (COCO)."
        )
    try:
        points = np.array(numbers, np.float32).reshape(-1, 3)[list(ORDERS[len(numbers)])]
    except (TypeError, ValueError):
        points = np.full((18, 3), np.nan, np.float32)
    if not np.isfinite(points).all():
        raise UserError(f"{path}, person {place}: 'pose_keypoints_2d' holds something that is no number.")
    points[points[:, 2] <= 0] = 0
    points[:, 2] = np.minimum(points[:, 2], 1)  # interpolated heat maps can peak a hair above 1
    match person.get("person_id"):
        case [int(name)]:
            return name, points
        case _:
            return -1, points
