"""From records to batches: which recordings, standardisation, order, windows."""

from emotf.pipeline.batches import Epochs, prediction_batches, track_batches, training_batches
from emotf.pipeline.borders import strays
from emotf.pipeline.dealing import dealt
from emotf.pipeline.lazy import Golds, Lazy, clocks
from emotf.pipeline.masking import Masking, masked
from emotf.pipeline.missing import Missing, parse_missing
from emotf.pipeline.pictures import PictureEpochs, evaluation_pictures, training_pictures
from emotf.pipeline.selection import Selection, select
from emotf.pipeline.sliding import Slider, whole_recordings
from emotf.pipeline.standardisation import Standardisation, standardise, transductive
from emotf.pipeline.views import View

__all__ = [
    "Epochs",
    "Golds",
    "Lazy",
    "Masking",
    "Missing",
    "PictureEpochs",
    "Selection",
    "Slider",
    "Standardisation",
    "View",
    "clocks",
    "dealt",
    "evaluation_pictures",
    "masked",
    "parse_missing",
    "prediction_batches",
    "select",
    "standardise",
    "strays",
    "track_batches",
    "training_batches",
    "training_pictures",
    "transductive",
    "whole_recordings",
]
