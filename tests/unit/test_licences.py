"""The list of licences names every package that is pinned, and how it comes to be installed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def listed():
    lines = (ROOT / "docs/licences.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {name: (terms, installed) for name, terms, installed in rows[1:]}


def test_every_pinned_package_is_listed_and_no_other(listed):
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [re.split("==", line)[0] for line in lines if line and not line.startswith("#")]
    assert list(listed) == pinned, "write it anew: python tools/licences.py --out=docs/licences.md"


def test_licences_that_ask_more_than_to_be_named_are_not_in_the_plain_installation_but_for_known_ones(listed):
    asking = {name for name, (terms, installed) in listed.items() if re.search("GPL|MPL|Mozilla", terms)}
    plain = {name for name in asking if listed[name][1] == "always"}
    # libsoxr by way of librosa; certificates; progress bars of optuna: used as they are, not changed
    assert plain == {"soxr", "certifi", "tqdm"}
    assert listed["opensmile"] == ("openSMILE", "opensmile")  # its research licence comes by its own extra only
