"""Köprü & Erzin 2020, tables I to VI."""

from collections.abc import Mapping

from emotf.measures import MEAN
from emotf.reproduction.table import Cell, Family, Finding, Settings, Terms, above, cells_of, gap, tables_of

cer = Family({"targets": "mtl", "streams": "multimodal", "loss": "ccc", "window.frames": "20", "model": "cer"})

STREAMS = {
    "CreativeIT": {"Multimodal": "multimodal", "Motion": "body", "Speech": "speech"},
    "RECOLA": {"Multimodal": "multimodal", "Facial Attributes": "video", "Speech": "speech"},
}
ATTRIBUTES = ("arousal", "valence", "dominance")
CCC = {"ccc": ("ccc", "")}


_table = tables_of(
    "Köprü & Erzin 2020",
    pooling="mean CCC; over what is not stated",
    anchor=MEAN,
    chosen="nothing but development (RECOLA), or the tested session (our reading), is named for stopping and choosing "
    "hyper-parameters",
    recipe="cer_mtl",
    corpora=("synthetic", "emodb", "recola", "folder"),
)


def _loss_and_stream(row: Mapping[str, str]) -> Settings:
    return cer(streams=STREAMS[row["database"]][row["model"]], loss=row["train_loss"].lower())


def _modality_findings(database: str, second: str, targets: tuple[str, ...]) -> tuple[Finding, ...]:
    both, speech, other = (STREAMS[database][name] for name in ("Multimodal", "Speech", second))
    one, pcc, mse = (cer(streams=both, loss=loss) for loss in ("ccc", "pcc", "mse"))
    pairs = {
        "CCC loss above MSE loss": (one, mse),
        "CCC loss above PCC loss": (one, pcc),
        "PCC loss above MSE loss": (pcc, mse),
        f"speech above {second.lower()}": (cer(streams=speech), cer(streams=other)),
        "multimodal above speech": (one, cer(streams=speech)),
    }
    return tuple(above(text, target, *pair) for target in targets for text, pair in pairs.items())


def _lengths() -> tuple[Finding, ...]:
    gain = {target: gap([cer(window_frames="60")], [cer()], target) for target in ATTRIBUTES}
    return (
        Finding("arousal: N = 60 above N = 20", gain["arousal"]),
        _more("N = 60 gains more for arousal than for valence", gain["arousal"], gain["valence"]),
        _more("N = 60 gains more for arousal than for dominance", gain["arousal"], gain["dominance"]),
    )


def _sharing() -> tuple[Finding, ...]:
    gain = {target: gap([cer()], [cer(targets="stl")], target) for target in ATTRIBUTES}
    return (
        *(Finding(f"{target}: MTL above STL", terms) for target, terms in gain.items()),
        _more("MTL gains more for valence than for arousal", gain["valence"], gain["arousal"]),
        _more("MTL gains more for valence than for dominance", gain["valence"], gain["dominance"]),
    )


def _more(text: str, one: Terms, other: Terms) -> Finding:
    """A difference of differences."""
    return Finding(text, (*one, *((-weight, system, target) for weight, system, target in other)))


def _of_networks() -> tuple[Cell, ...]:
    """Table V has a column a target, and one of parameters."""
    columns = {f"ccc_{'activation' if name == 'arousal' else name}": ("ccc", name) for name in ATTRIBUTES}
    models = {"Pure CNN [12]": "pure_cnn", "CER-MTL": "cer"}
    measures = columns | {"parameters": ("parameters", "arousal")}
    return cells_of("koprue2020_table5", ["model"], measures, lambda row: cer(model=models[row["model"]]), "database")()


def _published_systems() -> tuple[Cell, ...]:
    ours: dict[str, Settings | str] = {
        "Pure CNN [12]": cer(streams=STREAMS["RECOLA"]["Multimodal"], model="pure_cnn"),
        "CER-MTL (N = 60)": cer(streams=STREAMS["RECOLA"]["Multimodal"], window_frames="60"),
    }
    measures = {"ccc_activation": ("ccc", "arousal"), "ccc_valence": ("ccc", "valence")}
    absent = "another group's system, which is not built here"
    return cells_of("koprue2020_table6", ["model"], measures, lambda row: ours.get(row["model"], absent), "database")()


SPEECH_BODY = "speech and body motion (recipe: synthetic)"
SPEECH_FACE = "speech and facial attributes of video (recipe: recola)"

TABLES = {
    "koprue2020_table1": _table(
        "I",
        title="training losses and modalities on CreativeIT, N = 20",
        cells=cells_of("koprue2020_table1", ["model", "train_loss"], CCC, _loss_and_stream, "database", "attribute"),
        findings=_modality_findings("CreativeIT", "Motion", ATTRIBUTES),
        by_modality=True,
        needs=SPEECH_BODY + "; rows of speech alone need sound only",
    ),
    "koprue2020_table2": _table(
        "II",
        title="training losses and modalities on RECOLA, N = 20",
        cells=cells_of("koprue2020_table2", ["model", "train_loss"], CCC, _loss_and_stream, "database", "attribute"),
        findings=_modality_findings("RECOLA", "Facial Attributes", ATTRIBUTES[:2]),
        corpora=("recola", "emodb", "folder"),
        by_modality=True,
        needs=SPEECH_FACE + "; rows of speech alone need sound only",
    ),
    "koprue2020_table3": _table(
        "III",
        title="multi-task against single-task learning, CCC loss, N = 20",
        cells=cells_of(
            "koprue2020_table3", ["model"], CCC, lambda row: cer(targets=row["model"].lower()), "database", "attribute"
        ),
        findings=_sharing(),
        needs="two targets or more",
    ),
    "koprue2020_table4": _table(
        "IV",
        title="length N of the feature image, MTL, CCC loss",
        cells=cells_of(
            "koprue2020_table4", ["n_frames"], CCC, lambda row: cer(window_frames=row["n_frames"]), "database",
            "attribute",
        ),
        findings=_lengths(),
    ),
    "koprue2020_table5": _table(
        "V",
        title="pure CNN against CER-MTL, with their sizes",
        cells=_of_networks,
        findings=tuple(
            above("CER-MTL above the pure CNN", target, cer(), cer(model="pure_cnn")) for target in ATTRIBUTES
        ),
        note="The printed 5,615 parameters are those of another reading of the network (`filters` of the recipe).",
    ),
    "koprue2020_table6": _table(
        "VI",
        title="published systems on the development set of RECOLA",
        cells=_published_systems,
        corpora=("recola",),
        needs=SPEECH_FACE,
    ),
}  # fmt: skip
