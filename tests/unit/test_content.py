"""JSON content as dataclasses: every value of the type that its field declares, or one line."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from emotf.content import built, names_of
from emotf.errors import UserError


@dataclass(frozen=True)
class Inner:
    share: float


@dataclass(frozen=True)
class Outer:
    name: str
    count: int
    hop: float
    sure: bool
    channels: tuple[str, ...]
    shape: tuple[int, int]
    counts: dict[str, dict[str, int]]
    inner: tuple[Inner, ...]
    fold: int | None = None
    rest: dict[str, Any] = field(default_factory=dict)


GOOD = {
    "name": "a", "count": 3, "hop": 1, "sure": False, "channels": ["x", "y"], "shape": [2, 3],
    "counts": {"train": {"happy": 4}}, "inner": [{"share": 0.5}], "rest": {"anything": [None, {}]},
}  # fmt: skip


def test_content_of_its_types_becomes_the_dataclass():
    found = built(Outer, GOOD, "x.json")
    assert found == Outer("a", 3, 1, False, ("x", "y"), (2, 3), {"train": {"happy": 4}}, (Inner(0.5),), None,
                          {"anything": [None, {}]})  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, r"^x\.json, name is 3, expected a text"),
        ({"count": 3.0}, r"x\.json, count is 3\.0, expected a whole number"),
        ({"count": True}, "count is True, expected a whole number"),
        ({"count": 2**63}, "count is a number beyond 64 bits, expected a whole number"),
        ({"hop": float("nan")}, "hop is nan, expected a number"),
        ({"hop": float("inf")}, "hop is inf, expected a number"),
        ({"hop": 10**400}, "hop is a number beyond 64 bits, expected a number"),
        ({"hop": "0.04"}, "hop is '0.04', expected a number"),
        ({"sure": 1}, "sure is 1, expected true or false"),
        ({"channels": "xy"}, "channels is 'xy', expected a list"),
        ({"channels": ["x", None]}, r"channels\[1\] is nothing, expected a text"),
        ({"shape": [2]}, "shape is a list, expected a list of 2"),
        ({"counts": {"train": [4]}}, r"counts\.train holds a list, expected names with values"),
        ({"counts": {"train": {"happy": "4"}}}, r"counts\.train\.happy is '4', expected a whole number"),
        ({"inner": [{}]}, r"inner\[0\] has no entry 'share'"),
        ({"inner": [[]]}, r"inner\[0\] holds a list, expected names with values"),
        ({"fold": "1"}, "fold is '1', expected a whole number"),
        ({"rest": []}, "rest holds a list, expected names with values"),
        ({"new\n": 1}, r"x\.json has an entry 'new\\n', which this version does not know"),
        ({"name": 9.5 * 10**30}, "name is 9.5e.30, expected a text"),
    ],
)
def test_anything_else_is_named_in_one_line(change, message):
    with pytest.raises(UserError, match=message):
        built(Outer, GOOD | change, "x.json")


def test_what_has_no_default_must_be_there():
    with pytest.raises(UserError, match=r"x\.json has no entry 'shape'; restore it"):
        built(Outer, {name: value for name, value in GOOD.items() if name != "shape"}, "x.json")
    for content in (None, 3, [GOOD], "a"):
        with pytest.raises(UserError, match=r"x\.json holds .* expected names with values"):
            names_of(content, "x.json")
