"""From records to batches: standardisation, feature images, order."""

from emotf.pipeline.batches import Epochs, prediction_batches, track_batches, training_batches
from emotf.pipeline.images import FeatureImages
from emotf.pipeline.selection import Selection, select
from emotf.pipeline.standardisation import Standardisation

__all__ = [
    "Epochs",
    "FeatureImages",
    "Selection",
    "Standardisation",
    "prediction_batches",
    "select",
    "track_batches",
    "training_batches",
]
