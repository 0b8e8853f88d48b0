"""Twins of published layouts to read and to break, and ways to break their files."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotf.annotation import gold_standard
from emotf.corpora.afew_va import AfewVa
from emotf.corpora.affwild import Affwild
from emotf.corpora.affwild2 import Affwild2
from emotf.corpora.avec import Avec
from emotf.corpora.case import Case
from emotf.corpora.creativeit import Creativeit
from emotf.corpora.pmemo import Pmemo
from emotf.corpora.recola import Recola
from emotf.errors import UserError
from emotf.features.aligned_crops import AlignedCrops
from emotf.features.body_euler24 import BodyEuler24
from emotf.features.mfcc39 import Mfcc39
from emotf.features.openface_landmarks136 import OpenfaceLandmarks136
from emotf.features.openpose_face140 import OpenposeFace140
from emotf.features.precomputed import Precomputed

WRITERS = {
    "avec": lambda home: Avec().write_twin(home, each=1, duration=2.0),
    "recola": lambda home: Recola().write_twin(home, duration=2.0),
    "case": lambda home: Case().write_twin(home, people=2, duration=1.0),
    "pmemo": lambda home: Pmemo().write_twin(home, songs=3, duration=20.0),
    "creativeit": lambda home: Creativeit().write_twin(home, duration=2.0),
    "affwild": lambda home: Affwild().write_twin(home, duration=1.0),
    "affwild2": lambda home: Affwild2().write_twin(home, duration=1.0),
    "afew_va": lambda home: AfewVa().write_twin(home, duration=0.4),
}
LANDMARKS = {"openface": OpenfaceLandmarks136(clock="video"), "openpose": OpenposeFace140(clock="video")}
STREAMS = {
    "avec": {"eda": Precomputed("features_eda"), "face": Precomputed("features_video_geometric", gaps=True)},
    "recola": {"eda": Precomputed("eda", names=("EDA",))},
    "case": {"body": Precomputed("physiology_sub_1")},
    "pmemo": {"eda": Precomputed("eda")},
    "creativeit": {"body": BodyEuler24()},
    "affwild": {"sound": Mfcc39(), **LANDMARKS},
    "affwild2": {"face": AlignedCrops(), **LANDMARKS},
    "afew_va": LANDMARKS,
}


class Twins:
    """Corpus name -> its twin, written once."""

    def __init__(self, factory):
        self.factory, self.written = factory, {}

    def __call__(self, name):
        if name not in self.written:
            self.written[name] = WRITERS[name](self.factory.mktemp(name) / "twin")
            self.written[name].prepare()
        return self.written[name]

    def copy(self, name, home):
        """A twin of its own to break, without what `prepare` wrote."""
        twin = self(name)
        shutil.copytree(twin.path, home / "twin", ignore=shutil.ignore_patterns("streams"))
        settings = {"streams_to": str(home / "streams")} if getattr(twin, "streams_to", "") else {}
        return replace(twin, dir=str(home / "twin"), **settings)


SAME = "nothing is changed by it"


def check_break(name, twin, broken, outcome, read):
    """A broken copy of a twin reads as the twin does, or is refused in the one line that `outcome` fits.

    `read` makes records of a corpus and streams.
    """
    if outcome is SAME:
        expected, found = golds(twin), golds(broken)
        assert expected.keys() == found.keys()
        for recording, values in expected.items():
            np.testing.assert_array_equal(found[recording], values)
        return
    with pytest.raises(UserError, match=outcome) as error:
        read(broken, STREAMS[name])
    assert "\n" not in str(error.value)


def golds(corpus):
    return {recording.id: gold_standard(corpus, recording).values for recording in corpus.recordings()}


# ---- files, and ways to break them

AVEC_GOLD = "ratings_gold_standard/arousal/dev_1.arff"
AVEC_EDA = "features_EDA/dev_1.arff"
RECOLA_RATING = "RECOLA-Annotation/emotional_behaviour/valence/P16.csv"
RECOLA_BODY = "RECOLA-Biosignals-recordings/P16.csv"
CASE_RATING = "data/interpolated/annotations/sub_2.csv"
CASE_BODY = "data/interpolated/physiological/sub_1.csv"
PMEMO_TABLE = "annotations/dynamic_annotations.csv"
PMEMO_EDA = "EDA/2_EDA.csv"
CREATIVE = "ratings/S2/improv2_F02_ann1.csv"


def text(change):
    """A break of a file's text; it must change something."""

    def apply(path):
        before = path.read_bytes().decode()
        after = change(before)
        assert after != before
        path.write_bytes(after.encode())

    return apply


def row(number, change):
    """A break of one row of data, counted from 0 behind the header (the last line of letters)."""

    def change_row(content):
        lines = re.split(r"(?<=\n)", content)
        first = max(k for k, line in enumerate(lines) if re.match(r"\s*(@data|time|jstime|daqtime|musicId|Time)", line))
        place = [k for k in range(first + 1, len(lines)) if lines[k].strip()][number]
        lines[place] = change(lines[place])
        return "".join(lines)

    return text(change_row)


def cell(number, column, value):
    """One cell of one row is replaced; `value` is a text or makes one."""

    def change(line):
        ending = line[len(line.rstrip("\r\n")) :]
        mark = ";" if ";" in line else ","
        cells = line.rstrip("\r\n").split(mark)
        cells[column] = value(cells[column]) if callable(value) else value
        return mark.join(cells) + ending

    return row(number, change)


def column(place, change):
    """Every cell of a column of numbers is changed."""

    def apply(content):
        lines = re.split(r"(?<=\n)", content)
        for k, line in enumerate(lines):
            mark = ";" if ";" in line else ","
            cells = line.rstrip("\r\n").split(mark)
            if len(cells) > place and re.fullmatch(r"-?[\d.]+(e-?\d+)?", cells[place]):
                cells[place] = change(float(cells[place]))
                lines[k] = mark.join(cells) + line[len(line.rstrip("\r\n")) :]
        return "".join(lines)

    return text(apply)


def without_every_other_row(content):
    lines = content.split("\r\n" if "\r\n" in content else "\n")
    rows = [k for k, line in enumerate(lines) if re.match(r"(dev_1,|[\d.]+[;,])", line)]
    return "\r\n".join(line for k, line in enumerate(lines) if k not in rows[1::2])


def only_header(content):
    return content.split("@data")[0] + "@data\r\n" if "@data" in content else content.splitlines()[0] + "\n"


def moved(name):
    return lambda path: path.rename(path.with_name(name))


def twice(path):
    shutil.copy(path, path.with_suffix(".ARFF"))


def latin(path):
    path.write_bytes(path.read_bytes() + b"\n% S\xe3o Paulo\n")


def empty(path):
    path.write_bytes(b"")


gone = Path.unlink
shorter_clip_3 = text(lambda content: re.sub(r"\n[^\n]*,3\r(?=\n[^\n]*,11\r)", "", content))
without_clip_4 = text(lambda content: re.sub(r"\n[^\n]*,4\r", "", content))
BOM = text(lambda content: "\ufeff" + content)
CRLF = text(lambda content: content.replace("\n", "\r\n"))
NO_CR = text(lambda content: content.replace("\r\n", "\n"))
