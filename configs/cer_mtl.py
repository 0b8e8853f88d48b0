"""CER-MTL: CNN-GRU, all targets together, correlation loss (Köprü & Erzin 2020).

    --config=configs/cer_mtl.py:<corpus>[,<option>...]

Corpora
    synthetic    planted traces, written to work/corpora/synthetic; speech and body (semi-end-to-end)
    emodb        real acted speech; set --config.corpus.source to the folder of utterances; speech only
    recola       the raw release: set --config.corpus.dir; speech and facial attributes, for which a folder OpenFace in
                 it holds your own tables of the videos (without them: recola,speech)
    folder       your own: set --config.corpus.dir (layout: emotf/corpora/folder.py); needs streams-... or the media
                 audio (and body)

Options
    mtl | stl-<target>                 all targets (default), or one
    speech | body | both               MFCC39 | Euler angles | both side by side
    face                               facial attributes alone (recola)
    mel                                mel128 at the rate of MFCC39, in its place
    masks                              with mel: masks over its time (up to 4 frames) and bands (up to 16) in training
    streams-<a>+<b>                    features by name (emotf/features/), and precomputed streams of a folder corpus
    n20 | n40 | n60                    frames of a feature image
    filters                            the reading that reproduces the printed 5,615 parameters
    pure_cnn                           the baseline without recurrence
    ccc | pcc | mse                    the loss
    waveform                           extension, in no table of the paper: the samples of the sound in place of MFCC39
    with_waveform                      the same samples beside the streams that are there, to compare both (below)
    koprue2020                         the paper's protocol: chosen and reported on the same session
    smoke                              seconds instead of minutes: a tiny corpus, two epochs; says nothing

Defaults are the paper's: N = 20, t = 1/6 s at 60 frames a second (emodb: 0.16 s at 25), 1-CCC, Adam 5e-5, batch 256, at
most 100 epochs, patience 20. On `emodb` and `synthetic` the learning rate is 1e-3: an epoch has about 60 steps, where
the paper's two hours of training have ten times as many, and 1e-4 had not converged after 100 epochs. On `emodb` it was
chosen among 1e-4, 2e-4, 5e-4, 1e-3 and 2e-3 by mean development CCC over five folds, one seed (.477 .502 .513 .525
.513), and then the analysis window of the MFCCs among 25, 64, 160 and 320 ms (.525 .522 .543 .515): 160 ms, the stride
of the feature image, so that no sound falls between its rows.

On `recola` both streams have 60 frames a second, of which t = 1/6 s is ten, as in the paper; a frame of the facial
attributes takes the picture nearest in time. Gold is the mean of the six raters at 25 frames a second, as rated: the
paper names no compensation of their delay (--config.data.delay).

The extension: raw sound beside raw motion. The stream `waveform` holds the 640 samples of each frame (16 kHz, 25 frames
a second), of which the model `cer_waveform` learns channels before the shared convolution. Both options bring that
model with them, so name them after speech | both and without filters | pure_cnn: `synthetic,waveform` takes sound and
body, `synthetic,speech,waveform` sound alone. Every stream is read on its own clock, and t must be a whole number of
frames of each; 1/6 s is none at 25/s, so t becomes 0.2 s (emodb keeps 0.16 s). Without the stream the model is plain
CER, so one recipe compares the two, at the same t:

    tools/compare.py --config=configs/cer_mtl.py:synthetic,with_waveform
        --vary=streams=mfcc39+body_euler24,waveform+body_euler24
    tools/compare.py --config=configs/cer_mtl.py:emodb,with_waveform --vary=streams=mfcc39,waveform
"""

from typing import Any

from emotf.config import Data, Experiment, Training
from emotf.corpora.emodb import Emodb
from emotf.corpora.folder import Folder
from emotf.corpora.recola import Recola
from emotf.corpora.synthetic import Synthetic
from emotf.errors import UserError
from emotf.features.body_euler24 import BodyEuler24
from emotf.features.facial_attributes import FacialAttributes
from emotf.features.mel128 import Mel128
from emotf.features.mfcc39 import Mfcc39
from emotf.features.waveform import Waveform
from emotf.losses.ccc import Ccc
from emotf.losses.mse import Mse
from emotf.losses.pcc import Pcc
from emotf.models.cer import Cer
from emotf.models.cer_waveform import CerWaveform
from emotf.models.pure_cnn import PureCnn
from emotf.pipeline import Masking
from emotf.recipes import experiment_of, feature_or_precomputed, setting, single_target, smoke
from emotf.windows.feature_images import FeatureImages


def get_config(arg: str = "synthetic") -> Experiment:
    """The experiment of a corpus and options."""
    return experiment_of(arg, CORPORA, OPTIONS)


def synthetic() -> Experiment:
    """Speech and body of the synthetic corpus. Raters lag by 0.65 s on average."""
    return Experiment(
        corpus=Synthetic(dir="work/corpora/synthetic"),
        streams={"mfcc39": Mfcc39(), "body_euler24": BodyEuler24()},
        model=Cer(),
        loss=Ccc(),
        data=Data(delay=0.65),
        training=Training(learning_rate=1e-3),
    )


def emodb() -> Experiment:
    """Acted speech at 25 frames a second."""
    return Experiment(
        corpus=Emodb(dir="work/corpora/emodb", source="../shared/data/emodb/flac"),
        streams={"mfcc39": Mfcc39(frame_rate_hz=25, window_ms=160)},
        model=Cer(),
        loss=Ccc(),
        window=FeatureImages(stride=0.16),
        training=Training(learning_rate=1e-3),
    )


def recola() -> Experiment:
    """The raw release of RECOLA: speech, and facial attributes in place of the body."""
    return Experiment(
        corpus=Recola(),
        streams={"mfcc39": Mfcc39(), "facial_attributes": FacialAttributes(rate_hz=60)},
        model=Cer(),
        loss=Ccc(),
    )


def folder() -> Experiment:
    """A corpus of the user's own."""
    return Experiment(corpus=Folder(), streams={"mfcc39": Mfcc39()}, model=Cer(), loss=Ccc())


CORPORA = {"synthetic": synthetic, "emodb": emodb, "recola": recola, "folder": folder}


def _streams(*names: str):
    def apply(experiment: Experiment) -> None:
        own = {"mfcc39": Mfcc39(), "facial_attributes": FacialAttributes(rate_hz=60), **experiment.streams}
        own["mel128"] = Mel128(rate_hz=own["mfcc39"].frame_rate_hz, decibel=True)
        experiment.streams = {name: own.get(name) or feature_or_precomputed(name) for name in names}

    return apply


def _named_streams(experiment: Experiment, names: str) -> None:
    _streams(*names.split("+"))(experiment)


def _waveform(experiment: Experiment) -> None:
    others = dict(experiment.streams)
    if others.pop("mfcc39", None) is None:
        raise UserError(
            f"The option waveform takes the place of mfcc39, which is not among {', '.join(others)}; name speech or "
            "both before it."
        )
    _hear(experiment, others)


def _with_waveform(experiment: Experiment) -> None:
    _hear(experiment, experiment.streams)


def _hear(experiment: Experiment, others: dict[str, Any]) -> None:
    experiment.streams = {"waveform": Waveform(), **others}
    experiment.model = CerWaveform()
    if experiment.window.stride == FeatureImages().stride:
        experiment.window.stride = 0.2


OPTIONS = {
    "mtl": setting("data.targets", ()),
    "stl-": single_target,
    "speech": _streams("mfcc39"),
    "body": _streams("body_euler24"),
    "face": _streams("facial_attributes"),
    "both": _streams("mfcc39", "body_euler24"),
    "mel": _streams("mel128"),
    "masks": setting("augmentation", {"mel128": Masking(frames=4, channels=16)}),
    "streams-": _named_streams,
    "n20": setting("window.frames", 20),
    "n40": setting("window.frames", 40),
    "n60": setting("window.frames", 60),
    "filters": setting("model", Cer(recurrence_over="filters", batch_norm=True)),
    "pure_cnn": setting("model", PureCnn()),
    "ccc": setting("loss", Ccc()),
    "pcc": setting("loss", Pcc()),
    "mse": setting("loss", Mse()),
    "waveform": _waveform,
    "with_waveform": _with_waveform,
    "koprue2020": setting("data.protocol", "koprue2020"),
    "smoke": smoke,
}
