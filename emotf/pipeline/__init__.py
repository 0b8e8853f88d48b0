"""From records to batches: which recordings, standardisation, order, windows."""

from emotf.pipeline.batches import Epochs, prediction_batches, track_batches, training_batches
from emotf.pipeline.masking import Masking, masked
from emotf.pipeline.missing import Missing, parse_missing
from emotf.pipeline.selection import Selection, select
from emotf.pipeline.standardisation import Standardisation, standardise, transductive

__all__ = [
    "Epochs",
    "Masking",
    "Missing",
    "Selection",
    "Standardisation",
    "masked",
    "parse_missing",
    "prediction_batches",
    "select",
    "standardise",
    "track_batches",
    "training_batches",
    "transductive",
]
