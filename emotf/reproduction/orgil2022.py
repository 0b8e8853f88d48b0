"""Orgil 2022 (doctoral thesis), tables 1.3, 4.1 to 4.4, and those of the appendix."""

from collections.abc import Mapping
from dataclasses import replace

from emotf.measures import MEAN
from emotf.reproduction import orgil2021
from emotf.reproduction.table import Family, Finding, Settings, Table, above, cells_of

DATABASE = "data that the thesis does not name"
FACE = ("face_mesh", "resnet50", "evm_color")
TRANSFORMERS = {
    "Mesh Transformer": FACE[0],
    "Feature Transformer": FACE[1],
    "EVM Transformer": FACE[2],
    "Multi Transformer": "+".join(FACE),
}
LOSSES = {"Ours": "non_inertial", "CCC": "ccc:pool=sequence"}

_transformer = Family({"streams": FACE[0], "loss": LOSSES["Ours"]})


def _system(row: Mapping[str, str]) -> Settings:
    return _transformer(streams=TRANSFORMERS[row["model"]], loss=LOSSES[row["train_loss"]])


def _best(model: str, target: str) -> tuple[Finding, ...]:
    """One Transformer above each of the others for a target, all trained by Non-Inertial."""
    systems = {name.split()[0]: _system({"model": name, "train_loss": "Ours"}) for name in TRANSFORMERS}
    best = systems.pop(model)
    return tuple(above(f"{model} above {other}", target, best, system) for other, system in systems.items())


def _losses() -> tuple[Finding, ...]:
    """The text says so of all models that it trained by both."""
    found = []
    for name in ("Mesh", "Feature", "EVM"):
        ours, ccc = (_system({"model": f"{name} Transformer", "train_loss": loss}) for loss in ("Ours", "CCC"))
        found.append(orgil2021.above(f"{name}: CCC above Non-Inertial training", [ccc], [ours]))
    return tuple(found)


def _facts(
    number: str, title: str, place: list[str], columns: tuple[str, ...], database: str, made_by: str = ""
) -> Table:
    """A table beside which nothing of ours stands, or by another tool."""
    name = f"orgil2022_table{number.replace('.', '_')}"
    why = f"by {made_by}" if made_by else "facts of other publications"
    measures = {column: (column, "") for column in columns}
    return Table(
        source=f"Orgil 2022, table {number}",
        title=title,
        pooling="not of recordings",
        anchor=MEAN,
        chosen="not stated",
        cells=cells_of(name, place, measures, lambda row: why, database),
        made_by=made_by,
    )


def _again(journal: str, number: str, note: str = "", **cells: object) -> Table:
    """A table that the journal has, too: the same systems, so the same runs."""
    table = orgil2021.TABLES[journal]
    source = f"Orgil 2022, {number} (as {table.source})"
    return replace(table, source=source, note=table.note + note, **cells)  # type: ignore[arg-type]


EXTRACTION = """
Printed figures come from a text of the thesis that is damaged in places; its rows were told apart by the order of the
journal's. `damaged`: a line runs into its neighbour or contradicts it, and only figures of one possible reading are
kept; `lost`: the text lacks the row.
"""
DIFFERENT = """
Pose Network, Non-Inertial: the rows of 64 and 128 frames differ from the journal's, that of 384 is lost.
"""

NOTE = """\
2CCC of ours is the sum over both targets of the means over recordings, at S = 128 (the thesis: 32, then 128). Seconds
are of other machines, data and batches. Multi Transformer by CCC is dashes in print. Whether the Feature Transformer is
above the Full network is a question between this table and `orgil2021_table3`, on one corpus. On films the ResNet50 is
ImageNet's (fetched once), unless --set=streams.resnet50.weights= and --set=streams.evm_color.weights= name a .keras
file of one that knows faces, as theirs did, or, for a trial, `random`.
"""

TABLES = {
    "orgil2022_table1_3": _facts(
        "1.3", "models of continual learning by others", ["model"],
        ("network_growth_times", "network_size_mega", "accuracy_percent"), "other publications",
    ),
    "orgil2022_table4_1": _facts(
        "4.1", "classifiers of facial expressions", ["model"],
        ("mse", "test_accuracy_percent", "test_correct", "test_total"), "FERPlus",
        "tools/classify.py --config=configs/ferplus.py:ferplus --vary=network=resnet18,resnet50,...",
    ),
    "orgil2022_table4_2": _again(
        "orgil2021_table2", "table 4.2", cells=lambda: orgil2021.trainings("orgil2022_table4_2"),
    ),
    "orgil2022_table4_3": Table(
        source="Orgil 2022, table 4.3",
        title="Transformers on faces, by Non-Inertial loss (`Ours`) and CCC",
        pooling="`2CCC`, whose best is presumably 2; the measure of valence and arousal, which do not add up to it, is "
        "not named",
        anchor=MEAN,
        chosen="early stopping needs one, and which one is reported is not stated",
        cells=cells_of(
            "orgil2022_table4_3", ["model", "train_loss"],
            {
                "epochs": ("epochs", ""), "epoch_duration_s": ("epoch_seconds", ""), "accuracy_2ccc": ("ccc_sum", ""),
                "valence": ("ccc", "valence"), "arousal": ("ccc", "arousal"),
            },
            _system, DATABASE,
        ),
        recipe="affect_transformer",
        corpora=("synthetic", "affwild", "affwild2", "afew_va", "folder"),
        options="multi",
        settings=("training.keep=",),
        fold=0,
        findings=(*_best("Mesh", "valence"), *_best("EVM", "arousal"), *_losses()),
        wide=True,
        needs="films of faces; a ResNet50",
        note=NOTE,
    ),
    "orgil2022_table4_4": _facts(
        "4.4", "continual learning of letters", ["original_classes", "new_classes"],
        ("alpha_printed", "test_accuracy", "test_loss", "training_accuracy", "trainable_parameters",
         "total_parameters"), "EMNIST letters", "tools/continual.py --config=configs/continual.py:emnist",
    ),
    "orgil2022_appendix_table1": _again(
        "orgil2021_table3", "appendix, table 1", cells=lambda: orgil2021.lengths_at_ten("orgil2022_appendix_table1"),
    ),
    "orgil2022_appendix_table2": _again(
        "orgil2021_table4", "appendix, table 2", EXTRACTION,
        cells=lambda: orgil2021.measured("orgil2022_appendix_table2", "fold"),
    ),
    "orgil2022_appendix_table3": _again(
        "orgil2021_table5", "appendix, table 3", EXTRACTION + DIFFERENT,
        cells=lambda: orgil2021.measured("orgil2022_appendix_table3"),
    ),
}  # fmt: skip
