"""The loss family on sequences: an LSTM and any loss, one target by itself or all of them coupled.

    --config=configs/losses.py:<corpus>[,<option>...]

Corpora
    synthetic    planted traces, written to work/corpora/synthetic; speech
    emodb        real acted speech; set --config.corpus.source to the folder of utterances; speech
    folder       your own: set --config.corpus.dir (layout: emotf/corpora/folder.py); the medium audio

Options
    mse | mae | tube | ccc | pcc | mse_cov | mse_over_cc     a loss of each target (ccc by default)
    non_inertial | non_inertial_extended                     a loss that couples the targets: two or more
    by_sequence                                              moments of each sequence, not of the batch (after the loss)
    uncertainty                                              weights of the targets are learnt (Kendall et al. 2018)
    s32 | s64 | s128 | s256                                  frames of a sequence (128 by default)
    mtl | stl-<target>                                       all targets (default), or one
    smoke                                                    seconds instead of minutes; says nothing

    python tools/compare.py --config=configs/losses.py:synthetic --out=work/compare/losses --workers=2 \\
        --vary=loss=mse,pcc,ccc,mse_cov,mse_over_cc,tube,non_inertial,non_inertial_extended

Arousal and valence (the plane of the Non-Inertial loss) from MFCC39 at 20 frames a second with windows of 100 ms, the
rate of the synthetic corpus's raters (25 on emodb); LSTM (80, 60), the smallest of Chen & Jin (2015), of Keras' own
cells; Adam 1e-3, batches of 16 sequences that overlap by half.
"""

from emotf.catalog import find, names
from emotf.config import Data, Experiment, Training
from emotf.corpora.emodb import Emodb
from emotf.corpora.folder import Folder
from emotf.corpora.synthetic import Synthetic
from emotf.features.mfcc39 import Mfcc39
from emotf.losses.ccc import Ccc
from emotf.models.lstm import Lstm
from emotf.recipes import experiment_of, setting, single_target, smoke
from emotf.windows.sequences import Sequences


def get_config(arg: str = "synthetic") -> Experiment:
    """The experiment of a corpus and options."""
    return experiment_of(arg, CORPORA, OPTIONS)


def synthetic() -> Experiment:
    """Speech of the synthetic corpus. Raters lag by 0.65 s on average."""
    experiment = _of(Synthetic(dir="work/corpora/synthetic"), {"mfcc39_20": Mfcc39(frame_rate_hz=20, window_ms=100)})
    experiment.data.delay = 0.65
    return experiment


def emodb() -> Experiment:
    """Acted speech; the very stream of configs/cer_mtl.py."""
    corpus = Emodb(dir="work/corpora/emodb", source="../shared/data/emodb/flac")
    return _of(corpus, {"mfcc39": Mfcc39(frame_rate_hz=25, window_ms=160)})


def folder() -> Experiment:
    """A corpus of the user's own."""
    return _of(Folder(), {"mfcc39": Mfcc39()})


CORPORA = {"synthetic": synthetic, "emodb": emodb, "folder": folder}


def _of(corpus, streams) -> Experiment:
    return Experiment(
        corpus=corpus,
        streams=streams,
        model=Lstm(units=(80, 60), cell="keras", forget_bias=1.0),
        loss=Ccc(),
        data=Data(targets=("arousal", "valence")),
        window=Sequences(frames=128),
        training=Training(learning_rate=1e-3, batch=16, epochs=60, patience=15),
    )


OPTIONS = {
    **{name: setting("loss", find("losses", name)()) for name in names("losses")},
    "by_sequence": setting("loss.pool", "sequence"),
    "uncertainty": setting("training.weighting", "uncertainty"),
    **{f"s{frames}": setting("window.frames", frames) for frames in (32, 64, 128, 256)},
    "mtl": setting("data.targets", ("arousal", "valence")),
    "stl-": single_target,
    "smoke": smoke,
}
