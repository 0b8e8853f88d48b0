"""RECOLA, AVEC, CASE, PMEmo and CreativeIT: files that are not as published, and what happens to them."""

import shutil

import pytest
from published import (
    AVEC_EDA,
    AVEC_GOLD,
    BOM,
    CASE_BODY,
    CASE_RATING,
    CREATIVE,
    CRLF,
    NO_CR,
    PMEMO_EDA,
    PMEMO_TABLE,
    RECOLA_BODY,
    RECOLA_RATING,
    SAME,
    Twins,
    cell,
    check_break,
    column,
    empty,
    gone,
    latin,
    moved,
    only_header,
    row,
    shorter_clip_3,
    text,
    twice,
    without_clip_4,
    without_every_other_row,
)

from emotf.records import extract


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    return Twins(tmp_path_factory)


@pytest.fixture
def copy(twins, tmp_path):
    return lambda name: twins.copy(name, tmp_path)


# (corpus, file, what is wrong, break, what happens)
BREAKS = [
    # handled: the values stay what they are
    ("avec", AVEC_GOLD, "LF for CRLF", NO_CR, SAME),
    ("avec", AVEC_GOLD, "BOM", BOM, SAME),
    ("avec", AVEC_GOLD, "quoted names with blanks", text(lambda t: t.replace("GoldStandard n", "' GoldStandard ' n")),
     SAME),
    ("avec", AVEC_GOLD, "comments", text(lambda t: "% ours\n" + t.replace("@data", "% next\n@data\n% rows\n")), SAME),
    ("avec", AVEC_GOLD, "another name of the time", text(lambda t: t.replace("frameTime", "timeStamp")), SAME),
    ("avec", "features_EDA", "other case of a folder", moved("Features_eda"), SAME),
    ("avec", "ratings_gold_standard", "other case of ratings", moved("Ratings_Gold_Standard"), SAME),
    ("avec", "recordings_audio", "no sound", shutil.rmtree, SAME),
    ("recola", RECOLA_RATING, "CRLF", CRLF, SAME),
    ("recola", RECOLA_RATING, "BOM", BOM, SAME),
    ("recola", RECOLA_RATING, "no blanks in names", text(lambda t: t.replace(" ;", ";")), SAME),
    ("recola", RECOLA_RATING, "blank lines", text(lambda t: "\n" + t.replace("\n0.04", "\n\n\n0.04") + "\n"), SAME),
    ("recola", RECOLA_RATING, "commas between columns", text(lambda t: t.replace(";", ",")), SAME),
    ("recola", RECOLA_RATING, "tabs between columns", text(lambda t: t.replace(";", "\t")), SAME),
    ("recola", "RECOLA-Biosignals-recordings", "lower case", moved("recola-biosignals-recordings"), SAME),
    ("case", CASE_RATING, "LF for CRLF", NO_CR, SAME),
    ("case", CASE_RATING, "BOM", BOM, SAME),
    ("case", CASE_RATING, "text between clips", cell(5, 1, "x"), SAME),
    ("pmemo", PMEMO_TABLE, "blanks in names", text(lambda t: t.replace("Arousal(mean)", " Arousal(mean) ")), SAME),
    ("pmemo", "chorus", "no music", shutil.rmtree, SAME),
    ("creativeit", CREATIVE, "semicolons", text(lambda t: t.replace(",", ";")), SAME),
    # damaged files
    ("avec", AVEC_GOLD, "empty", empty, r"dev_1.arff is empty; restore"),
    ("avec", AVEC_GOLD, "only a header", text(only_header), r"dev_1.arff has a header and no rows"),
    ("avec", AVEC_GOLD, "cut off", text(lambda t: t.split("@data")[0]), r"has no line '@data'"),
    ("avec", AVEC_GOLD, "cut in a row", text(lambda t: t[: t.rindex(",")]), r"dev_1.arff, line \d+: 2 cells where 3"),
    ("avec", AVEC_GOLD, "decimal commas", cell(3, 1, "0,12"), r"line 13: 4 cells where 3 .*decimal commas"),
    ("avec", AVEC_GOLD, "text cell", cell(3, 2, "high"), r"column 'GoldStandard', row 13: 'high' is not a number"),
    ("avec", AVEC_GOLD, "Latin-1", latin, r"dev_1.arff is not UTF-8 .*; save it as UTF-8"),
    ("avec", AVEC_GOLD, "infinite", cell(3, 2, "inf"), r"dev_1.arff: a rating at 0.12 s is infinite"),
    ("avec", AVEC_GOLD, "no gold", text(lambda t: t.replace("GoldStandard n", "Gold n")), r"no column 'GoldStandard'"),
    ("recola", RECOLA_RATING, "empty", empty, r"P16.csv is empty"),
    ("recola", RECOLA_RATING, "only a header", text(only_header), r"P16.csv has no rows"),
    ("recola", RECOLA_RATING, "Latin-1", latin, r"P16.csv cannot be read as a table .*utf-8"),
    ("recola", RECOLA_RATING, "decimal commas", text(lambda t: t.replace(".", ",")), r"'-0,\d+' is .*; write decimals"),
    ("recola", RECOLA_RATING, "blanks between columns", text(lambda t: t.replace(";", " ")), r"no column 'FM1'"),
    ("recola", RECOLA_RATING, "missing rater", text(lambda t: t.replace("FF3", "F3")), r"lacks rater FF3 of 6"),
    ("recola", RECOLA_RATING, "text cell", cell(1, 3, "n/k"), r"column 'FM3', row 3: 'n/k' is not a number"),
    ("recola", RECOLA_BODY, "text cell", cell(1, 1, "??"), r"P16.csv, column 'EDA', row 3: '\?\?' is not a number"),
    ("recola", RECOLA_BODY, "missing value", cell(1, 1, ""), r"P16.csv\): 1 of \d+ values are NaN or infinite"),
    ("recola", RECOLA_BODY, "missing column", text(lambda t: t.replace("EDA", "GSR")), r"has no column 'EDA'; it has"),
    ("case", CASE_RATING, "missing column", text(lambda t: t.replace("jstime", "time")), r"no column 'jstime'"),
    ("case", CASE_RATING, "text cell", cell(45, 1, "x"), r"sub_2.csv, column 'valence', row 47: 'x' is not a number"),
    ("case", CASE_BODY, "missing column", text(lambda t: t.replace("gsr", "eda")), r"sub_1.csv has no column 'gsr'"),
    ("pmemo", PMEMO_TABLE, "missing column", text(lambda t: t.replace("Valence(mean)", "valence")), r"no column"),
    ("pmemo", PMEMO_TABLE, "no song", cell(2, 0, ""), r"dynamic_annotations.csv, row 4: the musicId is missing"),
    ("pmemo", PMEMO_EDA, "missing value", text(lambda t: t.replace("\n0.04", "\n")),
     r"2_EDA.csv, row 4: a time or a listener is missing"),
    ("creativeit", CREATIVE, "missing column", text(lambda t: t.replace("Valence", "V")),
     r"no column 'Valence'.*unverified layout"),
    # times
    ("avec", AVEC_GOLD, "time twice", cell(3, 1, "0.08"), r"dev_1.arff, row 13: time 0.08 does not come after 0.08"),
    ("avec", AVEC_GOLD, "time goes back", cell(3, 1, "0.01"), r"row 13: time 0.01 does not come after 0.08"),
    ("avec", AVEC_GOLD, "lost row", row(3, lambda line: ""), r"row 13: times are not evenly spaced"),
    ("avec", AVEC_GOLD, "no time", cell(3, 1, "?"), r"row 13: the time is missing"),
    ("avec", AVEC_GOLD, "half the rate", text(without_every_other_row), r"rows are 0.08 s apart, expected 0.04 s"),
    ("avec", AVEC_GOLD, "milliseconds", column(1, lambda t: f"{1000 * t:g}"), r"40 apart; did you supply milliseconds"),
    ("recola", RECOLA_RATING, "milliseconds", column(0, lambda t: f"{1000 * t:g}"), r"did you supply milliseconds"),
    ("recola", RECOLA_RATING, "half the rate", text(without_every_other_row), r"P16.csv: rows are 0.08 s apart"),
    ("case", CASE_RATING, "seconds", column(0, lambda t: f"{t / 1000:g}"), r"rows are 5e-05 s apart, expected 0.05 s"),
    ("case", CASE_RATING, "lost row", row(45, lambda line: ""), r"sub_2.csv, row 47: times are not evenly spaced"),
    ("case", CASE_BODY, "seconds", column(0, lambda t: f"{t / 1000:g}"), r"sub_1.csv: rows are 1e-06 s apart"),
    ("pmemo", PMEMO_TABLE, "half the rate", column(1, lambda t: f"{2 * t:g}"), r"rows are 1 s apart, expected 0.5 s"),
    ("creativeit", CREATIVE, "milliseconds", column(0, lambda t: f"{1000 * t:g}"), r"50 apart; did you supply milli"),
    # scales
    ("avec", AVEC_GOLD, "percent", column(2, lambda x: f"{100 * x:g}"), r"ratings reach [\d.]+, expected .* percent"),
    ("recola", RECOLA_RATING, "percent", column(2, lambda x: f"{100 * x + 1:g}"), r"P16.csv: ratings reach .* percent"),
    ("case", CASE_RATING, "scaled", column(1, lambda x: f"{x / 10:.3f}"), r"sub_2.csv, row \d+: .* not within 0.5"),
    ("pmemo", PMEMO_TABLE, "-1..1", column(2, lambda x: f"{2 * x - 2:g}"), r"not within 0 to 1; take the published"),
    ("creativeit", CREATIVE, "percent", column(1, lambda x: f"{100 * x + 2:g}"), r"ann1.csv: ratings reach"),
    # partners
    ("avec", AVEC_GOLD, "one target", gone, r"arousal.dev_1.arff is missing, but .*valence.dev_1.arff is there"),
    ("avec", AVEC_GOLD, "unknown partition", moved("valid_1.arff"), r"'valid_1' is not a partition and number"),
    ("avec", AVEC_EDA, "stranger", moved("dev_2.arff"), r"dev_2.arff is missing, but .*EDA.dev_2.arff is there"),
    ("avec", AVEC_EDA, "no stream", gone, r"Recording dev_1 has no 'features_eda'"),
    ("avec", AVEC_EDA, "two files", twice, r"stand for the same recording; take one away"),
    ("avec", AVEC_EDA, "shorter than gold", text(lambda t: t[: t.index("dev_1,1.6,")]),
     r"to 2.00 s, stream 'eda' from 0.00 to 1.56 s; cut"),
    ("avec", AVEC_EDA, "? without gaps", cell(3, 5, "?"), r"dev_1.arff\): 1 of \d+ values are NaN or infinite"),
    ("avec", AVEC_EDA, "another width", text(lambda t: t.replace("EDA_0 n", "EDA_99 n")),
     r"test_1 has 62 .*'EDA_0' where they have 'EDA_99'"),
    ("avec", "ratings_gold_standard", "no gold at all", shutil.rmtree, r"holds no .*; set ratings_in"),
    ("recola", RECOLA_RATING, "one target", gone, r"valence.P16.csv is missing, but .*arousal.P16.csv is there"),
    ("recola", RECOLA_RATING, "no person", moved("X16.csv"), r"X16.csv: 'X16' is not a person, P and a number"),
    ("recola", "RECOLA-Annotation", "no ratings", shutil.rmtree, r"holds no P<number>.csv .*; set dir"),
    ("case", CASE_RATING, "shorter clip", shorter_clip_3, r"sub_2.csv: clip 3 has 19 rows, 20 in"),
    ("case", CASE_RATING, "lost clip", without_clip_4, r"has no row of video 4; restore"),
    ("case", CASE_BODY, "lost clip", without_clip_4, r"has no row of video 4; restore"),
    ("case", CASE_BODY, "no ratings beside it", moved("sub_9.csv"), r"sub_9.csv has no ratings beside it; restore"),
    ("case", "data", "nothing", shutil.rmtree, r"holds no sub_\*.csv; set annotations_in"),
    ("pmemo", "annotations", "nothing", shutil.rmtree, r"has neither annotations/dynamic_annotations.csv nor sample"),
    ("creativeit", CREATIVE, "raters of other lengths", text(lambda t: t[: t.rindex("\n", 0, -2) + 1]),
     r"39 frames.*unverified layout"),
    ("creativeit", CREATIVE, "does not fit naming", moved("who.csv"), r"does not fit naming .*\(unverified layout\)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "place", "apply", "outcome"),
    [(name, place, apply, outcome) for name, place, _, apply, outcome in BREAKS],
    ids=[f"{name}: {what}" for name, _, what, *_ in BREAKS],
)
def test_files_that_are_not_as_published(twins, copy, tmp_path, name, place, apply, outcome):
    corpus = copy(name)
    apply(corpus.path / place)
    check_break(
        name, twins(name), corpus, outcome, lambda broken, streams: extract(broken, streams, tmp_path / "records")
    )
