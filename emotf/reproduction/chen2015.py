"""Chen & Jin 2015, tables 1 to 12."""

from collections.abc import Mapping
from dataclasses import replace

from emotf.measures import POOLED
from emotf.reproduction.chen2015_systems import LOSSES, PAIRS, averaged, early, early_of_all, late, lstm, shared, stream
from emotf.reproduction.derived import Derived, as_it_is, fused_again, smoothed
from emotf.reproduction.table import Cell, Finding, Settings, System, Table, above, cells_of, gap, published, tables_of

RECOLA = "RECOLA (AVEC 2015)"
TARGETS = ("arousal", "valence")
SHARING = {"no": "stl", "yes": "mtl"}
CCC = {"ccc": ("ccc", "")}
MEASURES = {"rmse": ("rmse", ""), "cc": ("pcc", ""), "ccc": ("ccc", "")}
FROM = " (AVEC 2015, or RECOLA with video)"
ALL = "all six streams" + FROM
SOUND = "; of emodb, rows of short-time audio only"
SIZES = "Sizes: the publication chose them for each stream and does not print which; ours are the recipe's (160, 120)."
LOSS = "Loss: not printed; -CCC here."
EARLY = "Concatenation: the recipe's layers. New structure: 200 units a layer, which --set=model... does not reach"


_table = tables_of(
    "Chen & Jin 2015",
    pooling="over what is not stated",
    anchor=POOLED,
    chosen="sizes, losses, streams and smoothing were chosen on the development set that it reports",
    recipe="avec2015_lstm",
    corpora=("avec", "recola"),
    needs=ALL,
    note=SIZES,
)


def _means_above(text: str, target: str, ones: tuple[Settings, ...], others: tuple[Settings, ...]) -> Finding:
    """The mean over some systems above the mean over others."""
    return Finding(f"{target}: {text}", gap(ones, others, target))


def _single() -> tuple[Finding, ...]:
    audio = (lstm(streams="audio_long"),)
    face = lstm(streams="video_app"), lstm(streams="video_geo")
    physiology = lstm(streams="ecg"), lstm(streams="eda")
    return (
        _means_above("audio above the face", "arousal", audio, face),
        _means_above("the face above audio", "valence", face, audio),
        *(_means_above("the face above physiology", target, face, physiology) for target in TARGETS),
    )


def _of_loss(row: Mapping[str, str]) -> Settings | tuple[Settings, ...]:
    loss = LOSSES[row["train_loss"]]
    if row["feature"] == "average":
        return averaged(row["target"], loss)
    return lstm(streams=stream(row["feature"]), loss=loss)


def _losses(number: int, target: str, best: tuple[str, str], **fields: object) -> Table:
    """Tables 4 and 5."""
    names = {loss: printed for printed, loss in LOSSES.items()}
    pairs = (("ccc", "mse"), ("mse_cov", "mse"), best, ("mse", "mae"), ("mse", "tube"))
    return _table(
        number,
        title=f"six training losses, {target}",
        cells=cells_of(f"chen2015_table{number}", ["feature", "train_loss"], CCC, _of_loss, RECOLA, "target"),
        findings=(
            above("-ccc loss above mse loss, audio alone", target, averaged(target, "ccc")[0],
                   averaged(target, "mse")[0]),
            *(_means_above(f"{names[one]} loss above {names[other]} loss, mean over the streams", target,
                           averaged(target, one), averaged(target, other)) for one, other in pairs),
        ),
        **fields,
    )  # fmt: skip


def _of_direction(row: Mapping[str, str]) -> Settings:
    direction = {"LSTM": "forward", "BLSTM": "both"}[row["model"]]
    return lstm(streams=stream(row["feature"]), loss="ccc", model_direction=direction)


def _sharing() -> tuple[Finding, ...]:
    def gain(target: str, feature: str, weight: float = 1.0) -> tuple[tuple[float, System, str], ...]:
        single = shared(target, feature, "stl")
        return (weight, shared(target, feature), target), (-weight, single, target)

    return (
        Finding("valence, video_geo: MTL above STL", gain("valence", "Video_geo")),
        Finding("valence, audio: STL above MTL", gain("valence", "Audio", -1.0)),
        Finding("arousal, audio: MTL above STL (by .003 in print)", gain("arousal", "Audio")),
        Finding("MTL gains more for valence by video_geo than for arousal by audio",
                gain("valence", "Video_geo") + gain("arousal", "Audio", -1.0)),
    )  # fmt: skip


def _pairs() -> tuple[Cell, ...]:
    """The printed target is not known; each row is there for both of ours."""

    def of(target: str) -> tuple[Cell, ...]:
        return cells_of(
            "chen2015_table9", ["features", "architecture"], {"ccc": ("ccc", target)},
            lambda row: early(row["architecture"], *PAIRS[row["features"]](target)), f"{RECOLA}, target not printed",
        )()  # fmt: skip

    return tuple(cell for pair in zip(*map(of, TARGETS), strict=True) for cell in pair)


def _pairs_compared() -> tuple[Finding, ...]:
    """The new structure helps where there is no audio."""
    found = []
    for target in TARGETS:
        for name, groups in PAIRS.items():
            one, other = ("concatenation", "new structure")[:: 1 if name.startswith("Audio") else -1]
            ours, theirs = (early(architecture, *groups(target)) for architecture in (one, other))
            found.append(above(f"{name}, {one} above {other}", target, ours, theirs))
    return tuple(found)


SETTINGS = {
    "best baseline on dev w/o fusion": "best on dev-test",
    "with late fusion on dev-dev": "dev-dev",
    "with late fusion on dev-test": "dev-test",
    "with late fusion on entire dev": "dev",
}


def _late_compared() -> tuple[Finding, ...]:
    held = "above its best sub-system on the last recording of development"
    crossed = "above its best sub-system on all of development, each recording by weights of the others (ours)"
    return tuple(
        above(f"late fusion {text}", target, late(target, part), late(target, best))
        for target in TARGETS
        for text, part, best in ((held, "dev-test", "best on dev-test"), (crossed, "crossed", "best on dev"))
    )


def _both(row: Mapping[str, str]) -> tuple[Settings, Derived]:
    """A run, and the same smoothed."""
    run = lstm(streams=stream(row["feature"]), loss="ccc")
    return run, Derived((run,), smoothed)


def _smoothing() -> tuple[Cell, ...]:
    """Three columns of a row: the one before smoothing is of a run, the others are of what is made of it."""
    found = []
    for row in published("chen2015_table11"):
        raw, ours = _both(row)
        columns = (("alpha", "alpha", ours), ("ccc_original", "ccc", raw), ("ccc_smoothed", "ccc", ours))
        for column, measure, system in columns:
            place = {"feature": row["feature"], "column": column}
            found.append(Cell(place, row["target"], measure, {RECOLA: row[column]}, system))
    return tuple(found)


def _submitted(row: Mapping[str, str]) -> Derived:
    """Valence: concatenation. Arousal: late fusion, fused again with both early fusions."""
    target, part = row["target"], row["partition"]
    if target == "valence":
        return Derived((early_of_all(target, "concatenation"),), as_it_is, part)
    both = (early_of_all(target, architecture) for architecture in ("concatenation", "new structure"))
    single = late(target, part)
    return replace(single, of=(*single.of, *both), make=fused_again)


TABLES = {
    "chen2015_table1": _table(
        1,
        title="short-time descriptors of speech",
        cells=cells_of("chen2015_table1", ["descriptor", "delta_printed"], {"count_printed": ("channels", "")},
                       lambda row: "a list of descriptors, no result", "channels"),
        recipe="",
        corpora=(),
        needs="no run: is10_lld76 has them all and, to reach the printed 76, 8 line spectral frequencies",
        note="",
    ),
    "chen2015_table2": _table(
        2,
        title="streams one by one, mse loss",
        cells=cells_of("chen2015_table2", ["modality"], MEASURES,
                       lambda row: lstm(streams={"audio": "audio_long"}.get(row["modality"], row["modality"])),
                       RECOLA, "target"),
        findings=_single(),
        note=f"Audio is the long-time one (as in table 3). {SIZES}",
    ),
    "chen2015_table3": _table(
        3,
        title="features of 3 s against those of 40 ms of speech, mse loss",
        cells=cells_of("chen2015_table3", ["feature"], MEASURES, lambda row: lstm(streams=stream(row["feature"])),
                       RECOLA, "target"),
        findings=(
            above("short-time audio above long-time audio", "arousal", lstm(), lstm(streams="audio_long")),
            above("long-time audio above short-time audio", "valence", lstm(streams="audio_long"), lstm()),
        ),
        corpora=("avec", "recola", "emodb"),
        needs="audio_short and audio_long" + FROM + SOUND,
    ),
    "chen2015_table4": _losses(
        4, "arousal", ("mse_cov", "ccc"),
        corpora=("avec", "recola", "emodb"),
        needs="audio_short, video_app, video_geo, ecg" + FROM + SOUND,
    ),
    "chen2015_table5": _losses(
        5, "valence", ("ccc", "mse_cov"),
        note="The printed average of tube0.05, 0.258, is a misprint: its five cells have a mean of 0.285. " + SIZES,
    ),
    "chen2015_table6": _table(
        6,
        title="LSTM against BLSTM, -CCC loss",
        cells=cells_of("chen2015_table6", ["model", "feature"], MEASURES, _of_direction, RECOLA, "target"),
        findings=tuple(
            above(f"BLSTM above LSTM, {name}", target, lstm(streams=name, loss="ccc", model_direction="both"),
                   lstm(streams=name, loss="ccc"))
            for target, name in (("arousal", "audio_short"), ("valence", "video_geo"))
        ),
        corpora=("avec", "recola", "emodb"),
        needs="audio_short and video_geo" + FROM + SOUND,
        note="Each direction of the BLSTM has the sizes of the LSTM. " + SIZES,
    ),
    "chen2015_table7": _table(
        7,
        title="multi-task against single-task learning, mse loss",
        cells=cells_of("chen2015_table7", ["multi_task", "feature"], MEASURES,
                       lambda row: shared(row["target"], row["feature"], SHARING[row["multi_task"]]), RECOLA, "target"),
        findings=_sharing(),
        corpora=("avec", "recola", "emodb"),
        needs="audio_short, audio_long, video_geo" + FROM + SOUND,
        note="Audio is short-time for arousal, long-time for valence; that this is so for MTL, too (two networks, each "
             f"seen on one of its targets), is our reading. {SIZES}",
    ),
    "chen2015_table8": _table(
        8,
        title="early fusion of three modalities",
        cells=cells_of("chen2015_table8", ["architecture"], MEASURES,
                       lambda row: early_of_all(row["target"], row["architecture"]), RECOLA, "target"),
        findings=(
            above("new structure above concatenation (by .002 in print)", "arousal",
                   early_of_all("arousal", "new structure"), early_of_all("arousal", "concatenation")),
            above("concatenation above the new structure", "valence",
                   early_of_all("valence", "concatenation"), early_of_all("valence", "new structure")),
        ),
        note=f"{EARLY}; sound, face, biosignals. EDA is left out for arousal, as in the publication. {LOSS}",
    ),
    "chen2015_table9": _table(
        9,
        title="early fusion of two modalities",
        cells=_pairs,
        findings=_pairs_compared(),
        note="The publication does not say of which target its figures are: each stands beside both of ours. Audio is "
             f"short-time for arousal, long-time for valence. {EARLY}. {LOSS}",
    ),
    "chen2015_table10": _table(
        10,
        title="late fusion",
        cells=cells_of("chen2015_table10", ["setting"], {"score": ("ccc", "")},
                       lambda row: late(row["target"], SETTINGS[row["setting"]]), RECOLA, "target"),
        findings=_late_compared(),
        needs=ALL + "; two recordings of development or more",
        note="The printed metric has no name and is read as CCC. dev-test is the last recording of development, "
             "dev-dev the others, which fit the weights; entire dev holds both. Best baseline without fusion (its "
             "printed figures are in no other table) is read as the sub-system that is best on dev-test, there: fusion "
             "then gains .002 and .003. Sub-systems are smoothed on all of development; those of arousal are the nine "
             f"printed ones, those of valence ours by the same rule from table 5. {SIZES}",
    ),
    "chen2015_table11": _table(
        11,
        title="exponential smoothing, -CCC loss",
        cells=_smoothing,
        findings=tuple(
            above(f"smoothed above original, {row['feature']}", row["target"], *reversed(_both(row)))
            for row in published("chen2015_table11")
        ),
        corpora=("avec", "recola", "emodb"),
        needs="audio_short and video_geo" + FROM + SOUND,
        note="The printed metric has no name and is read as CCC. Backwards in time; alpha by grid search on "
             f"development, 1 changes nothing: on development smoothing cannot lose, --strict shows what it is worth. "
             f"{SIZES}",
    ),
    "chen2015_table12": _table(
        12,
        title="best submissions",
        cells=cells_of("chen2015_table12", ["partition"], MEASURES, _submitted, RECOLA, "target"),
        chosen="reports all three, and chose on development",
        needs=ALL + "; two recordings of development or more; --strict for rows of test",
        note="Arousal: the late fusion of table 10, smoothed, fused again with both early fusions of table 8. Valence: "
             f"the concatenation of table 8. {SIZES} {LOSS}",
    ),
}  # fmt: skip
